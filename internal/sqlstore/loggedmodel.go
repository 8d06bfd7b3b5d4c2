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

const loggedModelColumns = `m.model_no, m.model_id, m.workspace, m.experiment_id, m.name, m.artifact_location, m.model_type,
	m.source_run_id, m.status, m.status_message, m.stage, m.created_at, m.updated_at`

func scanLoggedModel(scan scanner) (m tracking.LoggedModel, err error) {
	var kind, run, message *string
	err = scan(&m.No, &m.ID, &m.Workspace, &m.Experiment, &m.Name, &m.ArtifactLocation, &kind,
		&run, &m.Status, &message, &m.Stage, &m.CreatedAt, &m.UpdatedAt)
	m.Type, m.SourceRun, m.StatusMessage = textOf(kind), textOf(run), textOf(message)
	return m, err
}

func textOf(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func nullText(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// CreateModel implements [tracking.ModelStore].
func (s *Tracking) CreateModel(ctx context.Context, m *tracking.LoggedModel) error {
	err := s.QueryRow(ctx, `INSERT INTO logged_model (model_id, workspace, experiment_id, name, artifact_location, model_type,
		source_run_id, status, status_message, stage, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING model_no`,
		[]any{m.ID, m.Workspace, m.Experiment, m.Name, m.ArtifactLocation, nullText(m.Type), nullText(m.SourceRun),
			int(m.Status), nullText(m.StatusMessage), int(m.Stage), m.CreatedAt, m.UpdatedAt}, &m.No)
	if err != nil {
		return err
	}
	if err := s.AddModelParams(ctx, m, m.Params); err != nil {
		return err
	}
	return s.SetModelTags(ctx, m, m.Tags)
}

// Model implements [tracking.ModelStore].
func (s *Tracking) Model(ctx context.Context, workspace, modelID string) (*tracking.LoggedModel, error) {
	m, err := scanLoggedModel(func(dest ...any) error {
		return s.QueryRow(ctx, `SELECT `+loggedModelColumns+` FROM logged_model m WHERE m.model_id = ? AND m.workspace = ?`,
			[]any{modelID, workspace}, dest...)
	})
	if err != nil {
		return nil, err
	}
	models := []tracking.LoggedModel{m}
	return &models[0], s.fillModels(ctx, models)
}

// UpdateModel implements [tracking.ModelStore].
func (s *Tracking) UpdateModel(ctx context.Context, m *tracking.LoggedModel) error {
	_, err := s.Exec(ctx, `UPDATE logged_model SET status = ?, status_message = ?, stage = ?, updated_at = ? WHERE model_no = ?`,
		int(m.Status), nullText(m.StatusMessage), int(m.Stage), m.UpdatedAt, m.No)
	return err
}

// AddModelParams implements [tracking.ModelStore].
func (s *Tracking) AddModelParams(ctx context.Context, m *tracking.LoggedModel, params []tracking.Param) error {
	for _, p := range params {
		if _, err := s.Exec(ctx, `INSERT INTO logged_model_param (model_no, key, value) VALUES (?, ?, ?)`, m.No, p.Key, p.Value); err != nil {
			return err
		}
	}
	return nil
}

// SetModelTags implements [tracking.ModelStore].
func (s *Tracking) SetModelTags(ctx context.Context, m *tracking.LoggedModel, tags []tracking.Tag) error {
	for _, t := range tags {
		if _, err := s.Exec(ctx, `INSERT INTO logged_model_tag (model_no, key, value) VALUES (?, ?, ?)
			ON CONFLICT (model_no, key) DO UPDATE SET value = excluded.value`, m.No, t.Key, t.Value); err != nil {
			return err
		}
	}
	return nil
}

// DeleteModelTag implements [tracking.ModelStore].
func (s *Tracking) DeleteModelTag(ctx context.Context, m *tracking.LoggedModel, key string) (bool, error) {
	n, err := s.Exec(ctx, `DELETE FROM logged_model_tag WHERE model_no = ? AND key = ?`, m.No, key)
	return n > 0, err
}

// LogModelMetrics implements [tracking.ModelStore].
func (s *Tracking) LogModelMetrics(ctx context.Context, workspace string, h tracking.Head, points []tracking.ModelMetric) error {
	nos := map[string]int64{}
	var ids []string
	for _, p := range points {
		if _, ok := nos[p.ModelID]; !ok {
			nos[p.ModelID] = 0
			ids = append(ids, p.ModelID)
		}
	}
	err := eachList(ids, func(marks string, args []any) error {
		return s.Each(ctx, `SELECT model_no, model_id FROM logged_model WHERE model_id IN (`+marks+`) AND workspace = ?`,
			append(args, workspace), func(scan func(...any) error) error {
				var no int64
				var id string
				err := scan(&no, &id)
				nos[id] = no
				return err
			})
	})
	if err != nil {
		return err
	}
	args := make([]any, 0, 10*len(points))
	for _, p := range points {
		if nos[p.ModelID] == 0 {
			continue
		}
		value, nan := tracking.Stored(p.Value)
		args = append(args, nos[p.ModelID], p.Key, p.Timestamp, p.Step, p.RunID, h.Experiment, value, zeroOne(nan),
			nullText(p.DatasetName), nullText(p.DatasetDigest))
	}
	_, err = s.addModelMetrics.exec(ctx, s.DB, args)
	return err
}

// fillModels reads params, tags and metrics of models.
func (s *Tracking) fillModels(ctx context.Context, models []tracking.LoggedModel) error {
	at := make(map[int64]*tracking.LoggedModel, len(models))
	nos := make([]int64, len(models))
	for i := range models {
		nos[i] = models[i].No
		at[models[i].No] = &models[i]
	}
	return eachList(nos, func(marks string, args []any) error {
		err := s.Each(ctx, `SELECT model_no, key, value FROM logged_model_param WHERE model_no IN (`+marks+`) ORDER BY model_no, key`, args,
			func(scan func(...any) error) error {
				var no int64
				var p tracking.Param
				err := scan(&no, &p.Key, &p.Value)
				if err == nil {
					at[no].Params = append(at[no].Params, p)
				}
				return err
			})
		if err != nil {
			return err
		}
		err = s.Each(ctx, `SELECT model_no, key, value FROM logged_model_tag WHERE model_no IN (`+marks+`) ORDER BY model_no, key`, args,
			func(scan func(...any) error) error {
				var no int64
				var t tracking.Tag
				err := scan(&no, &t.Key, &t.Value)
				if err == nil {
					at[no].Tags = append(at[no].Tags, t)
				}
				return err
			})
		if err != nil {
			return err
		}
		return s.fillModelMetrics(ctx, marks, args, at)
	})
}

func (s *Tracking) fillModelMetrics(ctx context.Context, marks string, args []any, at map[int64]*tracking.LoggedModel) error {
	return s.Each(ctx, `SELECT model_no, key, timestamp, step, run_id, value, is_nan, dataset_name, dataset_digest
		FROM logged_model_metric WHERE model_no IN (`+marks+`) ORDER BY model_no, key, timestamp, step, run_id`, args,
		func(scan func(...any) error) error {
			var no, nan int64
			var p tracking.ModelMetric
			var name, digest *string
			if err := scan(&no, &p.Key, &p.Timestamp, &p.Step, &p.RunID, &p.Value, &nan, &name, &digest); err != nil {
				return err
			}
			m := at[no]
			p.Metric = nanIf(p.Metric, nan)
			p.ModelID, p.DatasetName, p.DatasetDigest = m.ID, textOf(name), textOf(digest)
			m.Metrics = append(m.Metrics, p)
			return nil
		})
}

// loggedModelFields are the attributes of a logged model that a search may name.
// Those that may be NULL compare as false then.
var loggedModelFields = map[string]column{
	"name":                   {"m.name", page.String},
	"model_id":               {"m.model_id", page.String},
	"model_type":             {"m.model_type", page.String},
	"source_run_id":          {"m.source_run_id", page.String},
	"status":                 {"m.status", page.Int},
	"status_message":         {"m.status_message", page.String},
	"experiment_id":          {"m.experiment_id", page.Int},
	"artifact_location":      {"m.artifact_location", page.String},
	"lifecycle_stage":        {"CASE WHEN m.stage = 1 THEN 'deleted' ELSE 'active' END", page.String},
	"creation_timestamp":     {"m.created_at", page.Int},
	"last_updated_timestamp": {"m.updated_at", page.Int},
}

// SearchModels implements [tracking.ModelStore].
func (s *Tracking) SearchModels(ctx context.Context, q tracking.ModelQuery) ([]tracking.LoggedModel, string, error) {
	sel := &searchQuery{db: s.DB, table: "m", no: "model_no"}
	marks, args := paddedList(q.Experiments)
	sel.and("m.experiment_id IN ("+marks+")", args...)
	sel.and("m.workspace = ?", q.Workspace)
	sel.and("m.stage = 0")
	if err := s.modelClauses(sel, q); err != nil {
		return nil, "", err
	}
	if err := modelOrder(sel, q.Order); err != nil {
		return nil, "", err
	}
	query := page.NewQuery("models", q.Workspace, fmt.Sprint(q.Experiments, q.Filter, q.Scopes, q.Order))
	keys, err := page.Decode(q.Token, query, len(sel.terms))
	if err != nil {
		return nil, "", err
	}
	sel.after(keys)
	var list []tracking.LoggedModel
	last, err := sel.page(ctx, loggedModelColumns, "logged_model m", q.Limit, func(scan scanner) error {
		m, err := scanLoggedModel(scan)
		list = append(list, m)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return list, tokenOf(query, last), s.fillModels(ctx, list)
}

// scope is the condition that a metric was measured on one of the datasets.
func scope(alias string, scopes []tracking.DatasetScope) (string, []any) {
	var ors []string
	var args []any
	for _, d := range scopes {
		cond := alias + ".dataset_name = ?"
		args = append(args, d.Name)
		if d.Digest != "" {
			cond += " AND " + alias + ".dataset_digest = ?"
			args = append(args, d.Digest)
		}
		ors = append(ors, "("+cond+")")
	}
	if ors == nil {
		return "", nil
	}
	return " AND (" + strings.Join(ors, " OR ") + ")", args
}

func (s *Tracking) modelClauses(sel *searchQuery, q tracking.ModelQuery) error {
	measured := false
	for _, c := range q.Filter {
		switch c.Field.Group {
		case filter.Attribute:
			if c.Field.Key == "status" {
				c = statusNumbers(c)
			}
			if err := sel.andColumn(loggedModelFields, c); err != nil {
				return err
			}
		case filter.Param:
			sel.andText("logged_model_param", c)
		case filter.Tag:
			sel.andText("logged_model_tag", c)
		case filter.Metric:
			measured = true
			on, args := scope("x", q.Scopes)
			sel.and("EXISTS (SELECT 1 FROM logged_model_metric x WHERE x.model_no = m.model_no AND x.key = ? AND "+
				metricCondition("x", c.Op)+on+")", append([]any{c.Field.Key, c.Value.Num}, args...)...)
		default:
			return fault.Invalidf("logged models have no %s", c.Field)
		}
	}
	if on, args := scope("x", q.Scopes); on != "" && !measured {
		sel.and("EXISTS (SELECT 1 FROM logged_model_metric x WHERE x.model_no = m.model_no"+on+")", args...)
	}
	return nil
}

// statusNumbers turns the names of statuses in a clause into their numbers.
func statusNumbers(c filter.Clause) filter.Clause {
	number := func(s string) string {
		switch strings.ToUpper(strings.TrimPrefix(s, "LOGGED_MODEL_")) {
		case "PENDING":
			return "1"
		case "READY":
			return "2"
		case "FAILED", "UPLOAD_FAILED":
			return "3"
		}
		return s
	}
	c.Value.Str = number(c.Value.Str)
	c.Value.List = slices.Clone(c.Value.List)
	for i, s := range c.Value.List {
		c.Value.List[i] = number(s)
	}
	return c
}

// modelOrder adds the keys of the sort; what is missing stands last.
func modelOrder(sel *searchQuery, orders []tracking.ModelOrder) error {
	byTime, byID := false, false
	for _, o := range orders {
		if o.Field.Group == filter.Metric {
			on, args := scope("x", []tracking.DatasetScope{o.Scope})
			if o.Scope.Name == "" {
				on, args = "", nil
			}
			// The latest point of the metric: by time, then step, then run.
			a := sel.join("logged_model_metric", `%s.model_no = m.model_no AND %s.key = ? AND (%s.timestamp, %s.step, %s.run_id) = (
				SELECT x.timestamp, x.step, x.run_id FROM logged_model_metric x WHERE x.model_no = m.model_no AND x.key = ?`+on+`
				ORDER BY x.timestamp DESC, x.step DESC, x.run_id LIMIT 1)`, append([]any{o.Field.Key, o.Field.Key}, args...)...)
			sel.order(column{"CASE WHEN " + a + ".value IS NULL THEN 1 ELSE 0 END", page.Int}, false)
			sel.order(column{"COALESCE(" + a + ".value, 0.0)", page.Float}, o.Desc)
			continue
		}
		col, ok := loggedModelFields[o.Field.Key]
		if !ok {
			return fault.Invalidf("Invalid order by field name: %s", o.Field.Key)
		}
		byTime = byTime || o.Field.Key == "creation_timestamp"
		byID = byID || o.Field.Key == "model_id"
		if k := o.Field.Key; k == "model_type" || k == "source_run_id" || k == "status_message" {
			sel.order(column{"CASE WHEN " + col.expr + " IS NULL THEN 1 ELSE 0 END", page.Int}, false)
			col.expr = "COALESCE(" + col.expr + ", '')"
		}
		sel.order(col, o.Desc)
	}
	if !byTime {
		sel.order(loggedModelFields["creation_timestamp"], true)
	}
	if !byID {
		sel.order(loggedModelFields["model_id"], false)
	}
	return nil
}
