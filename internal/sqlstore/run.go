package sqlstore

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

const runColumns = `r.run_no, r.run_id, r.workspace, r.experiment_id, r.name, r.user_id, r.status, r.start_time, r.end_time, r.stage, r.artifact_uri`

func scanRun(scan scanner, r *tracking.Info) error {
	var stage int64
	var status string
	if err := scan(&r.No, &r.ID, &r.Workspace, &r.Experiment, &r.Name, &r.User, &status, &r.StartTime, &r.EndTime, &stage, &r.ArtifactURI); err != nil {
		return err
	}
	r.Status, r.Stage = tracking.Status(status), tracking.Stage(stage)
	return nil
}

// CreateRun implements [tracking.RunStore].
func (s *Tracking) CreateRun(ctx context.Context, r *tracking.Run) error {
	err := s.QueryRow(ctx, `INSERT INTO run (run_id, workspace, experiment_id, name, user_id, status, start_time, end_time, stage, artifact_uri)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING run_no`,
		[]any{r.ID, r.Workspace, r.Experiment, r.Name, r.User, string(r.Status), r.StartTime, r.EndTime, int(r.Stage), r.ArtifactURI}, &r.No)
	if err != nil {
		return err
	}
	return s.SetTags(ctx, tracking.Head{No: r.No, Experiment: r.Experiment}, r.Tags)
}

// RunHead implements [tracking.RunStore].
func (s *Tracking) RunHead(ctx context.Context, workspace, runID string) (tracking.Head, error) {
	h := tracking.Head{RunID: runID}
	var stage int64
	var status string
	err := s.QueryRow(ctx, `SELECT run_no, experiment_id, stage, name, status, end_time FROM run WHERE run_id = ? AND workspace = ?`,
		[]any{runID, workspace}, &h.No, &h.Experiment, &stage, &h.Name, &status, &h.EndTime)
	h.Stage, h.Status = tracking.Stage(stage), tracking.Status(status)
	return h, err
}

// RunInfo implements [tracking.RunStore].
func (s *Tracking) RunInfo(ctx context.Context, workspace, runID string) (*tracking.Info, error) {
	var info tracking.Info
	err := scanRun(func(dest ...any) error {
		return s.QueryRow(ctx, `SELECT `+runColumns+` FROM run r WHERE r.run_id = ? AND r.workspace = ?`, []any{runID, workspace}, dest...)
	}, &info)
	return &info, err
}

// Run implements [tracking.RunStore].
func (s *Tracking) Run(ctx context.Context, workspace, runID string) (*tracking.Run, error) {
	info, err := s.RunInfo(ctx, workspace, runID)
	if err != nil {
		return nil, err
	}
	runs := []tracking.Run{{Info: *info}}
	return &runs[0], s.fillRuns(ctx, runs)
}

// UpdateRun implements [tracking.RunStore].
func (s *Tracking) UpdateRun(ctx context.Context, h tracking.Head) error {
	_, err := s.Exec(ctx, `UPDATE run SET name = ?, status = ?, end_time = ? WHERE run_no = ?`, h.Name, string(h.Status), h.EndTime, h.No)
	return err
}

// SetRunStage implements [tracking.RunStore].
func (s *Tracking) SetRunStage(ctx context.Context, h tracking.Head, stage tracking.Stage, at int64) error {
	_, err := s.Exec(ctx, `UPDATE run SET stage = ?, deleted_at = ? WHERE run_no = ?`, int(stage), deletedAt(stage, at), h.No)
	return err
}

// AddParams implements [tracking.RunStore]. Nearly always all are new, so it
// inserts first and looks only if some were not.
func (s *Tracking) AddParams(ctx context.Context, h tracking.Head, params []tracking.Param) ([]tracking.Param, error) {
	args := make([]any, 0, 4*len(params))
	for _, p := range params {
		args = append(args, h.No, p.Key, h.Experiment, p.Value)
	}
	n, err := s.addParams.exec(ctx, s.DB, args)
	if err != nil || n == int64(len(params)) {
		return nil, err
	}
	keys := make([]string, len(params))
	for i, p := range params {
		keys[i] = p.Key
	}
	var stored []tracking.Param
	err = eachList(keys, func(marks string, args []any) error {
		return s.Each(ctx, `SELECT key, value FROM param WHERE run_no = ? AND key IN (`+marks+`)`, append([]any{h.No}, args...),
			func(scan func(...any) error) error {
				var p tracking.Param
				err := scan(&p.Key, &p.Value)
				stored = append(stored, p)
				return err
			})
	})
	return stored, err
}

// SetTags implements [tracking.RunStore]. Keys are distinct.
func (s *Tracking) SetTags(ctx context.Context, h tracking.Head, tags []tracking.Tag) error {
	args := make([]any, 0, 4*len(tags))
	for _, t := range tags {
		args = append(args, h.No, t.Key, h.Experiment, t.Value)
	}
	_, err := s.putTags.exec(ctx, s.DB, args)
	return err
}

// Tag implements [tracking.RunStore].
func (s *Tracking) Tag(ctx context.Context, h tracking.Head, key string) (value string, err error) {
	err = s.QueryRow(ctx, `SELECT value FROM tag WHERE run_no = ? AND key = ?`, []any{h.No, key}, &value)
	return value, err
}

// DeleteTag implements [tracking.RunStore].
func (s *Tracking) DeleteTag(ctx context.Context, h tracking.Head, key string) (bool, error) {
	n, err := s.Exec(ctx, `DELETE FROM tag WHERE run_no = ? AND key = ?`, h.No, key)
	return n > 0, err
}

// fillRuns reads everything but the row itself of runs, at one query per kind
// whatever their number. Readers work side by side, unless a transaction holds
// its one connection.
func (s *Tracking) fillRuns(ctx context.Context, runs []tracking.Run) error {
	if len(runs) == 0 {
		return nil
	}
	at := make(map[int64]*tracking.Run, len(runs))
	nos := make([]int64, len(runs))
	for i := range runs {
		nos[i] = runs[i].No
		at[runs[i].No] = &runs[i]
	}
	steps := []func(context.Context, []int64, map[int64]*tracking.Run) error{
		s.fillMetrics, s.fillParams, s.fillTags, s.fillDatasets, s.fillModelRefs,
	}
	if s.TxFrom(ctx) != nil || len(runs) < 20 {
		for _, step := range steps {
			if err := step(ctx, nos, at); err != nil {
				return err
			}
		}
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, step := range steps {
		group.Go(func() error { return step(ctx, nos, at) })
	}
	return group.Wait()
}

// eachGroup reads rows of a side table aggregated per run and calls fn for
// each row, which reads its columns from r.
func (s *Tracking) eachGroup(ctx context.Context, table string, columns []string, nos []int64, start func(no int64, size int), fn func(r *rowReader, no int64)) error {
	query := `SELECT run_no, count(*), ` + s.Dialect.JSONRows(columns...) + ` FROM ` + table + ` WHERE run_no IN (`
	return eachList(nos, func(marks string, args []any) error {
		var r rowReader
		return s.Each(ctx, query+marks+`) GROUP BY run_no`, args, func(scan func(...any) error) error {
			var no, n int64
			var rows string
			if err := scan(&no, &n, &rows); err != nil {
				return err
			}
			start(no, int(n))
			if err := r.rows(rows, func() { fn(&r, no) }); err != nil {
				return fault.Wrap(fault.Internal, "sqlstore.eachGroup", err, "rows of %s cannot be read", table)
			}
			return nil
		})
	})
}

func (s *Tracking) fillParams(ctx context.Context, nos []int64, at map[int64]*tracking.Run) error {
	var run *tracking.Run
	defer sortAll(at, func(r *tracking.Run) []tracking.Param { return r.Params }, func(p tracking.Param) string { return p.Key })
	return s.eachGroup(ctx, "param", []string{"key", "value"}, nos,
		func(no int64, n int) { run = at[no]; run.Params = make([]tracking.Param, 0, n) },
		func(r *rowReader, _ int64) {
			run.Params = append(run.Params, tracking.Param{Key: r.String(), Value: r.String()})
		})
}

func (s *Tracking) fillTags(ctx context.Context, nos []int64, at map[int64]*tracking.Run) error {
	var run *tracking.Run
	defer sortAll(at, func(r *tracking.Run) []tracking.Tag { return r.Tags }, func(t tracking.Tag) string { return t.Key })
	return s.eachGroup(ctx, "tag", []string{"key", "value"}, nos,
		func(no int64, n int) { run = at[no]; run.Tags = make([]tracking.Tag, 0, n) },
		func(r *rowReader, _ int64) {
			run.Tags = append(run.Tags, tracking.Tag{Key: r.String(), Value: r.String()})
		})
}

func (s *Tracking) fillMetrics(ctx context.Context, nos []int64, at map[int64]*tracking.Run) error {
	var run *tracking.Run
	defer sortAll(at, func(r *tracking.Run) []tracking.Metric { return r.Metrics }, func(m tracking.Metric) string { return m.Key })
	return s.eachGroup(ctx, "latest_metric", []string{"key", "value", "timestamp", "step", "is_nan"}, nos,
		func(no int64, n int) { run = at[no]; run.Metrics = make([]tracking.Metric, 0, n) },
		func(r *rowReader, _ int64) {
			m := tracking.Metric{Key: r.String(), Value: r.Float(), Timestamp: r.Int(), Step: r.Int()}
			run.Metrics = append(run.Metrics, nanIf(m, r.Int()))
		})
}

// sortAll puts one list of every run in the order of its keys: an aggregate
// keeps no order that can be relied on.
func sortAll[T any](at map[int64]*tracking.Run, list func(*tracking.Run) []T, key func(T) string) {
	compare := func(a, b T) int { return strings.Compare(key(a), key(b)) }
	for _, r := range at {
		if l := list(r); !slices.IsSortedFunc(l, compare) {
			slices.SortFunc(l, compare)
		}
	}
}
