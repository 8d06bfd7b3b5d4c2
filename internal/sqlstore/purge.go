package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

func (s *Tracking) doomed(ctx context.Context, query string, args ...any) ([]tracking.Doomed, error) {
	var list []tracking.Doomed
	err := s.Each(ctx, query, args, func(scan func(...any) error) error {
		var d tracking.Doomed
		err := scan(&d.No, &d.ID, &d.Name, &d.Location, &d.Deleted)
		list = append(list, d)
		return err
	})
	return list, err
}

// RunsToPurge implements [tracking.PurgeStore].
func (s *Tracking) RunsToPurge(ctx context.Context, experiment int64, after string, limit int) ([]tracking.Doomed, error) {
	return s.doomed(ctx, `SELECT run_no, run_id, name, artifact_uri, coalesce(deleted_at, 0) FROM run
		WHERE experiment_id = ? AND run_id > ? ORDER BY run_id LIMIT ?`, experiment, after, limit)
}

// DeletedRuns implements [tracking.PurgeStore].
func (s *Tracking) DeletedRuns(ctx context.Context, workspace string, before int64, limit int) ([]tracking.Doomed, error) {
	return s.doomed(ctx, `SELECT run_no, run_id, name, artifact_uri, deleted_at FROM run
		WHERE deleted_at < ? AND workspace = ? AND stage = 1 ORDER BY deleted_at LIMIT ?`, before, workspace, limit)
}

// DeletedExperiments implements [tracking.PurgeStore].
func (s *Tracking) DeletedExperiments(ctx context.Context, workspace string, before int64, limit int) ([]tracking.Doomed, error) {
	return s.doomed(ctx, `SELECT experiment_id, CAST(experiment_id AS TEXT), name, artifact_location, updated_at FROM experiment
		WHERE workspace = ? AND stage = 1 AND updated_at < ? AND experiment_id <> 0 ORDER BY updated_at LIMIT ?`, workspace, before, limit)
}

// ModelsToPurge implements [tracking.PurgeStore].
func (s *Tracking) ModelsToPurge(ctx context.Context, experiment int64, limit int) ([]tracking.Doomed, error) {
	return s.doomed(ctx, `SELECT model_no, model_id, name, artifact_location, 0 FROM logged_model WHERE experiment_id = ? ORDER BY model_no LIMIT ?`, experiment, limit)
}

// CountPurge implements [tracking.PurgeStore].
func (s *Tracking) CountPurge(ctx context.Context, experiment int64) (runs, models int64, err error) {
	if err = s.QueryRow(ctx, `SELECT count(*) FROM run WHERE experiment_id = ?`, []any{experiment}, &runs); err != nil {
		return 0, 0, err
	}
	err = s.QueryRow(ctx, `SELECT count(*) FROM logged_model WHERE experiment_id = ?`, []any{experiment}, &models)
	return runs, models, err
}

// purgeChunk points go in one write.
const purgeChunk = 5000

// PurgePoints implements [tracking.PurgeStore]. Points go by the order of
// their key, which is the table's own.
func (s *Tracking) PurgePoints(ctx context.Context, run int64) (more bool, err error) {
	var key string
	var at, step int64
	err = s.QueryRow(ctx, `SELECT key, timestamp, step FROM metric WHERE run_no = ? ORDER BY key, timestamp, step LIMIT 1 OFFSET ?`,
		[]any{run, purgeChunk}, &key, &at, &step)
	if fault.Is(err, fault.NotFound) {
		_, err = s.Exec(ctx, `DELETE FROM metric WHERE run_no = ?`, run)
		return false, err
	}
	if err != nil {
		return false, err
	}
	n, err := s.Exec(ctx, `DELETE FROM metric WHERE run_no = ? AND (key, timestamp, step) < (?, ?, ?)`, run, key, at, step)
	if err == nil && n == 0 { // thousands of points at one place
		_, err = s.Exec(ctx, `DELETE FROM metric WHERE run_no = ? AND key = ? AND timestamp = ? AND step = ?`, run, key, at, step)
	}
	return true, err
}

// PurgeRun implements [tracking.PurgeStore]; what belongs to the run goes with
// its row.
func (s *Tracking) PurgeRun(ctx context.Context, run int64) error {
	_, err := s.Exec(ctx, `DELETE FROM run WHERE run_no = ?`, run)
	return err
}

// PurgeModel implements [tracking.PurgeStore].
func (s *Tracking) PurgeModel(ctx context.Context, model int64) error {
	_, err := s.Exec(ctx, `DELETE FROM logged_model WHERE model_no = ?`, model)
	return err
}

// PurgeExperiment implements [tracking.PurgeStore].
func (s *Tracking) PurgeExperiment(ctx context.Context, id int64) error {
	_, err := s.Exec(ctx, `DELETE FROM experiment WHERE experiment_id = ?`, id)
	return err
}
