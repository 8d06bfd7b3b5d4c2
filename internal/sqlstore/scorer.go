package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
)

// InsertScorer implements [evaluation.Scorers].
func (s *Evaluation) InsertScorer(ctx context.Context, sc *evaluation.Scorer) error {
	err := s.db.QueryRow(ctx, `INSERT INTO scorer (scorer_id, workspace, experiment_id, name, last_version) VALUES (?, ?, ?, ?, 1)
		ON CONFLICT (experiment_id, name) DO UPDATE SET last_version = scorer.last_version + 1
		RETURNING scorer_no, scorer_id, last_version`,
		[]any{sc.ID, sc.Workspace, sc.Experiment, sc.Name}, &sc.No, &sc.ID, &sc.Version)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `INSERT INTO scorer_version (scorer_no, version, serialized, created_at) VALUES (?, ?, ?, ?)`,
		sc.No, sc.Version, sc.Serialized, sc.Created)
	return err
}

// PutScorer implements [evaluation.Scorers].
func (s *Evaluation) PutScorer(ctx context.Context, sc *evaluation.Scorer) error {
	err := s.db.QueryRow(ctx, `INSERT INTO scorer (scorer_id, workspace, experiment_id, name, last_version) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (experiment_id, name) DO UPDATE SET
			last_version = CASE WHEN excluded.last_version > scorer.last_version THEN excluded.last_version ELSE scorer.last_version END
		RETURNING scorer_no, scorer_id`,
		[]any{sc.ID, sc.Workspace, sc.Experiment, sc.Name, sc.Version}, &sc.No, &sc.ID)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `INSERT INTO scorer_version (scorer_no, version, serialized, created_at) VALUES (?, ?, ?, ?)`,
		sc.No, sc.Version, sc.Serialized, sc.Created)
	return err
}

const scorerColumns = `s.scorer_no, s.scorer_id, s.workspace, s.experiment_id, s.name, v.version, v.serialized, v.created_at`

func (s *Evaluation) scorers(ctx context.Context, query string, args []any) ([]*evaluation.Scorer, error) {
	var list []*evaluation.Scorer
	err := s.db.Each(ctx, query, args, func(scan func(...any) error) error {
		sc := new(evaluation.Scorer)
		list = append(list, sc)
		return scan(&sc.No, &sc.ID, &sc.Workspace, &sc.Experiment, &sc.Name, &sc.Version, &sc.Serialized, &sc.Created)
	})
	return list, err
}

// ScorerVersions implements [evaluation.Scorers].
func (s *Evaluation) ScorerVersions(ctx context.Context, experiment int64, name string) ([]*evaluation.Scorer, error) {
	list, err := s.scorers(ctx, `SELECT `+scorerColumns+` FROM scorer s JOIN scorer_version v ON v.scorer_no = s.scorer_no
		WHERE s.experiment_id = ? AND s.name = ? ORDER BY v.version`, []any{experiment, name})
	if err == nil && len(list) == 0 {
		return nil, fault.NotFoundf("not found")
	}
	return list, err
}

// latestScorers selects the newest version that is left of each scorer.
const latestScorers = `SELECT ` + scorerColumns + ` FROM scorer s JOIN scorer_version v ON v.scorer_no = s.scorer_no
	AND v.version = (SELECT max(n.version) FROM scorer_version n WHERE n.scorer_no = s.scorer_no) WHERE s.workspace = ?`

// LatestScorers implements [evaluation.Scorers].
func (s *Evaluation) LatestScorers(ctx context.Context, workspace string, experiments []int64) ([]*evaluation.Scorer, error) {
	const order = ` ORDER BY s.experiment_id, s.name`
	if len(experiments) == 0 {
		return s.scorers(ctx, latestScorers+order, []any{workspace})
	}
	var list []*evaluation.Scorer
	err := eachList(experiments, func(marks string, args []any) error {
		more, err := s.scorers(ctx, latestScorers+` AND s.experiment_id IN (`+marks+`)`+order, append([]any{workspace}, args...))
		list = append(list, more...)
		return err
	})
	return list, err
}

// DeleteScorer implements [evaluation.Scorers].
func (s *Evaluation) DeleteScorer(ctx context.Context, no, version int64) error {
	if version == 0 {
		_, err := s.db.Exec(ctx, `DELETE FROM scorer WHERE scorer_no = ?`, no)
		return err
	}
	_, err := s.db.Exec(ctx, `DELETE FROM scorer_version WHERE scorer_no = ? AND version = ?`, no, version)
	return err
}

// PutOnlineConfig implements [evaluation.Scorers].
func (s *Evaluation) PutOnlineConfig(ctx context.Context, no int64, c *evaluation.OnlineConfig) error {
	_, err := s.db.Exec(ctx, `INSERT INTO scorer_online (scorer_no, config_id, sample_rate, filter) VALUES (?, ?, ?, ?)
		ON CONFLICT (scorer_no) DO UPDATE SET config_id = excluded.config_id, sample_rate = excluded.sample_rate, filter = excluded.filter`,
		no, c.ID, c.SampleRate, c.Filter)
	return err
}

// OnlineConfigs implements [evaluation.Scorers].
func (s *Evaluation) OnlineConfigs(ctx context.Context, workspace string, scorerIDs []string) ([]*evaluation.OnlineConfig, error) {
	var list []*evaluation.OnlineConfig
	err := eachList(scorerIDs, func(marks string, args []any) error {
		return s.db.Each(ctx, `SELECT o.config_id, s.scorer_id, s.experiment_id, o.sample_rate, o.filter
			FROM scorer s JOIN scorer_online o ON o.scorer_no = s.scorer_no WHERE s.workspace = ? AND s.scorer_id IN (`+marks+`) ORDER BY s.scorer_no`,
			append([]any{workspace}, args...), func(scan func(...any) error) error {
				c := new(evaluation.OnlineConfig)
				list = append(list, c)
				return scan(&c.ID, &c.ScorerID, &c.Experiment, &c.SampleRate, &c.Filter)
			})
	})
	return list, err
}
