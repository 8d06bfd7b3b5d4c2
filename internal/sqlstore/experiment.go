package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/tracking"
)

// Tracking is [tracking.Store] over control.db.
type Tracking struct {
	*DB

	addMetrics, moveLatest, addParams, putTags, addModelMetrics bulk
}

var _ tracking.Store = (*Tracking)(nil)

// NewTracking returns the store of experiments and runs in db.
func NewTracking(db *DB) *Tracking {
	return &Tracking{
		DB: db,
		addMetrics: newBulk(`INSERT INTO metric (run_no, key, timestamp, step, value, is_nan) VALUES `, 6,
			` ON CONFLICT DO NOTHING`),
		// The later of two points wins whatever the order they come in.
		moveLatest: newBulk(`INSERT INTO latest_metric (run_no, key, experiment_id, value, is_nan, timestamp, step) VALUES `, 7,
			` ON CONFLICT (run_no, key) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan,
				timestamp = excluded.timestamp, step = excluded.step
			WHERE (excluded.step, excluded.timestamp, excluded.value) > (latest_metric.step, latest_metric.timestamp, latest_metric.value)`),
		addParams: newBulk(`INSERT INTO param (run_no, key, experiment_id, value) VALUES `, 4, ` ON CONFLICT DO NOTHING`),
		putTags: newBulk(`INSERT INTO tag (run_no, key, experiment_id, value) VALUES `, 4,
			` ON CONFLICT (run_no, key) DO UPDATE SET value = excluded.value`),
		addModelMetrics: newBulk(`INSERT INTO logged_model_metric
			(model_no, key, timestamp, step, run_id, experiment_id, value, is_nan, dataset_name, dataset_digest) VALUES `, 10,
			` ON CONFLICT DO NOTHING`),
	}
}

const experimentColumns = `experiment_id, workspace, name, artifact_location, stage, created_at, updated_at`

func scanExperiment(scan func(...any) error) (e tracking.Experiment, err error) {
	err = scan(&e.ID, &e.Workspace, &e.Name, &e.ArtifactLocation, &e.Stage, &e.CreatedAt, &e.UpdatedAt)
	return e, err
}

// CreateExperiment implements [tracking.ExperimentStore].
func (s *Tracking) CreateExperiment(ctx context.Context, e *tracking.Experiment) error {
	args := []any{e.Workspace, e.Name, e.ArtifactLocation, int(e.Stage), e.CreatedAt, e.UpdatedAt}
	var err error
	if e.ID < 0 {
		err = s.QueryRow(ctx, `INSERT INTO experiment (workspace, name, artifact_location, stage, created_at, updated_at)
			VALUES (?, ?, ?, ?, ?, ?) RETURNING experiment_id`, args, &e.ID)
	} else {
		_, err = s.Exec(ctx, `INSERT INTO experiment (workspace, name, artifact_location, stage, created_at, updated_at, experiment_id)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, append(args, e.ID)...)
	}
	if err != nil {
		return err
	}
	for _, t := range e.Tags {
		if err := s.SetExperimentTag(ctx, e.ID, t); err != nil {
			return err
		}
	}
	return nil
}

// SetArtifactLocation implements [tracking.ExperimentStore].
func (s *Tracking) SetArtifactLocation(ctx context.Context, id int64, location string) error {
	_, err := s.Exec(ctx, `UPDATE experiment SET artifact_location = ? WHERE experiment_id = ?`, location, id)
	return err
}

// Experiment implements [tracking.ExperimentStore].
func (s *Tracking) Experiment(ctx context.Context, workspace string, id int64) (*tracking.Experiment, error) {
	return s.oneExperiment(ctx, `SELECT `+experimentColumns+` FROM experiment WHERE experiment_id = ? AND workspace = ?`, id, workspace)
}

// ExperimentByName implements [tracking.ExperimentStore].
func (s *Tracking) ExperimentByName(ctx context.Context, workspace, name string) (*tracking.Experiment, error) {
	return s.oneExperiment(ctx, `SELECT `+experimentColumns+` FROM experiment WHERE workspace = ? AND name = ?`, workspace, name)
}

func (s *Tracking) oneExperiment(ctx context.Context, query string, args ...any) (*tracking.Experiment, error) {
	var found []tracking.Experiment
	err := s.Each(ctx, query, args, func(scan func(...any) error) error {
		e, err := scanExperiment(scan)
		found = append(found, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.NotFoundf("no such experiment")
	}
	return &found[0], s.fillExperiments(ctx, found)
}

// fillExperiments reads the tags of experiments.
func (s *Tracking) fillExperiments(ctx context.Context, list []tracking.Experiment) error {
	at := make(map[int64]*tracking.Experiment, len(list))
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ID
		at[list[i].ID] = &list[i]
	}
	return eachList(ids, func(marks string, args []any) error {
		return s.Each(ctx, `SELECT experiment_id, key, value FROM experiment_tag WHERE experiment_id IN (`+marks+`) ORDER BY experiment_id, key`,
			args, func(scan func(...any) error) error {
				var id int64
				var t tracking.Tag
				if err := scan(&id, &t.Key, &t.Value); err != nil {
					return err
				}
				at[id].Tags = append(at[id].Tags, t)
				return nil
			})
	})
}

// UpdateExperiment implements [tracking.ExperimentStore].
func (s *Tracking) UpdateExperiment(ctx context.Context, e *tracking.Experiment) error {
	_, err := s.Exec(ctx, `UPDATE experiment SET name = ?, stage = ?, updated_at = ? WHERE experiment_id = ?`,
		e.Name, int(e.Stage), e.UpdatedAt, e.ID)
	return err
}

// SetExperimentTag implements [tracking.ExperimentStore].
func (s *Tracking) SetExperimentTag(ctx context.Context, id int64, t tracking.Tag) error {
	_, err := s.Exec(ctx, `INSERT INTO experiment_tag (experiment_id, key, value) VALUES (?, ?, ?)
		ON CONFLICT (experiment_id, key) DO UPDATE SET value = excluded.value`, id, t.Key, t.Value)
	return err
}

// DeleteExperimentTag implements [tracking.ExperimentStore].
func (s *Tracking) DeleteExperimentTag(ctx context.Context, id int64, key string) (bool, error) {
	n, err := s.Exec(ctx, `DELETE FROM experiment_tag WHERE experiment_id = ? AND key = ?`, id, key)
	return n > 0, err
}

// SetStageOfRuns implements [tracking.ExperimentStore].
func (s *Tracking) SetStageOfRuns(ctx context.Context, experiment int64, stage tracking.Stage, at int64) ([]string, error) {
	var ids []string
	err := s.Each(ctx, `SELECT run_id FROM run WHERE experiment_id = ? AND stage <> ?`, []any{experiment, int(stage)},
		func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	_, err = s.Exec(ctx, `UPDATE run SET stage = ?, deleted_at = ? WHERE experiment_id = ? AND stage <> ?`,
		int(stage), deletedAt(stage, at), experiment, int(stage))
	return ids, err
}

func deletedAt(stage tracking.Stage, at int64) any {
	if stage == tracking.Deleted {
		return at
	}
	return nil
}

// stages returns the condition on the stage column for a view, "" for all.
func stages(column string, v tracking.View) string {
	switch v {
	case tracking.ActiveOnly:
		return column + " = 0"
	case tracking.DeletedOnly:
		return column + " = 1"
	}
	return ""
}

// SearchExperiments implements [tracking.ExperimentStore].
func (s *Tracking) SearchExperiments(ctx context.Context, q tracking.ExperimentQuery) ([]tracking.Experiment, string, error) {
	sel := &searchQuery{db: s.DB, table: "e", no: "experiment_id"}
	sel.and(`e.workspace = ?`, q.Workspace)
	sel.and(stages("e.stage", q.View))
	for _, c := range q.Filter {
		if c.Field.Group == filter.Tag {
			sel.andText(`experiment_tag`, c)
		} else if err := sel.andColumn(experimentFields, c); err != nil {
			return nil, "", err
		}
	}
	order := q.Order
	if len(order) == 0 {
		order = []filter.Order{{Field: filter.Field{Key: "creation_time"}, Desc: true}, {Field: filter.Field{Key: "experiment_id"}}}
	}
	for _, o := range order {
		sel.order(experimentFields[o.Field.Key], o.Desc)
	}
	if !slices.ContainsFunc(order, func(o filter.Order) bool { return o.Field.Key == "experiment_id" }) {
		sel.order(column{"e.experiment_id", page.Int}, true)
	}
	query := page.NewQuery("experiments", q.Workspace, fmt.Sprint(q.View, q.Filter, q.Order))
	keys, err := page.Decode(q.Token, query, len(sel.terms))
	if err != nil {
		return nil, "", err
	}
	sel.after(keys)
	var list []tracking.Experiment
	columns := "e." + strings.ReplaceAll(experimentColumns, ", ", ", e.")
	last, err := sel.page(ctx, columns, "experiment e", q.Limit, func(scan scanner) error {
		e, err := scanExperiment(scan)
		list = append(list, e)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return list, tokenOf(query, last), s.fillExperiments(ctx, list)
}

// tokenOf is the token of the page after the row with these keys; "" for none.
func tokenOf(q page.Query, last []page.Key) string {
	if last == nil {
		return ""
	}
	return page.Encode(q, last...)
}

// experimentFields are the attributes a search may name.
var experimentFields = map[string]column{
	"name":             {"e.name", page.String},
	"experiment_id":    {"e.experiment_id", page.Int},
	"creation_time":    {"e.created_at", page.Int},
	"last_update_time": {"e.updated_at", page.Int},
}
