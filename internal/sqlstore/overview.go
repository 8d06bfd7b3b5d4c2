package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/tracking"
)

var _ tracking.OverviewStore = (*Tracking)(nil)

// experimentSorts are never NULL.
var experimentSorts = map[tracking.ExperimentSort]column{
	tracking.ByName:     {"e.name", page.String},
	tracking.ByCreation: {"e.created_at", page.Int},
	tracking.ByActivity: {"coalesce((SELECT max(r.start_time) FROM run r WHERE r.experiment_id = e.experiment_id AND r.stage = 0), e.created_at)", page.Int},
}

// ListExperiments implements [tracking.OverviewStore].
func (s *Tracking) ListExperiments(ctx context.Context, q tracking.ExperimentList) ([]tracking.ExperimentRow, string, error) {
	sort := experimentSorts[q.Sort]
	query := page.NewQuery("experiment list", q.Workspace, fmt.Sprint(q.Text, q.View, q.Sort, q.Desc))
	where, args := "workspace = ?", []any{q.Workspace}
	if cond := stages("stage", q.View); cond != "" {
		where += " AND " + cond
	}
	if q.Text != "" {
		where += " AND " + s.Dialect.ILike("name")
		args = append(args, "%"+likeLiteral(q.Text)+"%")
	}
	if q.Token != "" {
		keys, err := page.Decode(q.Token, query, 2)
		if err != nil {
			return nil, "", err
		}
		where += " AND (at, experiment_id) " + map[bool]string{true: "<", false: ">"}[q.Desc] + " (?, ?)"
		args = append(args, keys[0].Any(), keys[1].Any())
	}
	text := `SELECT ` + experimentColumns + `, at,
		(SELECT count(*) FROM run r WHERE r.experiment_id = x.experiment_id AND r.stage = 0),
		(SELECT max(r.start_time) FROM run r WHERE r.experiment_id = x.experiment_id AND r.stage = 0)
		FROM (SELECT e.*, ` + sort.expr + ` AS at FROM experiment e) AS x WHERE ` + where +
		` ORDER BY at` + direction(q.Desc) + `, experiment_id` + direction(q.Desc) + ` LIMIT ?`
	var rows []tracking.ExperimentRow
	var ats []any
	err := s.Each(ctx, text, append(args, q.Limit+1), func(scan func(...any) error) error {
		var r tracking.ExperimentRow
		var at any
		err := scan(&r.ID, &r.Workspace, &r.Name, &r.ArtifactLocation, &r.Stage, &r.CreatedAt, &r.UpdatedAt, &at, &r.Runs, &r.Activity)
		rows, ats = append(rows, r), append(ats, at)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	token := ""
	if len(rows) > q.Limit {
		rows = rows[:q.Limit]
		last := page.IntKey(0)
		switch v := ats[q.Limit-1].(type) {
		case int64:
			last = page.IntKey(v)
		case string:
			last = page.StringKey(v)
		case []byte:
			last = page.StringKey(string(v))
		}
		token = page.Encode(query, last, page.IntKey(rows[q.Limit-1].ID))
	}
	list := make([]tracking.Experiment, len(rows))
	for i := range rows {
		list[i] = rows[i].Experiment
	}
	if err := s.fillExperiments(ctx, list); err != nil {
		return nil, "", err
	}
	for i := range rows {
		rows[i].Experiment = list[i]
	}
	return rows, token, nil
}

// likeLiteral escapes text for a LIKE whose escape is the backslash.
func likeLiteral(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}

// ExperimentIDs implements [tracking.OverviewStore].
func (s *Tracking) ExperimentIDs(ctx context.Context, workspace string, limit int) ([]int64, error) {
	var ids []int64
	err := s.Each(ctx, `SELECT experiment_id FROM experiment WHERE workspace = ? AND stage = 0 ORDER BY experiment_id LIMIT ?`,
		[]any{workspace, limit}, func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, err
}

// CountRuns implements [tracking.OverviewStore].
func (s *Tracking) CountRuns(ctx context.Context, q tracking.RunQuery, limit int64) (n int64, err error) {
	if len(q.Experiments) == 0 {
		return 0, nil
	}
	slices.Sort(q.Experiments)
	rs := &runSearch{Tracking: s, q: q}
	sel, err := rs.base()
	if err != nil {
		return 0, err
	}
	query := `SELECT count(*) FROM (SELECT 1 FROM run r ` + sel.joins.String() + ` WHERE ` + strings.Join(sel.where, " AND ") + ` LIMIT ?) AS matches`
	args := append(slices.Clone(sel.joinArgs), sel.whereArgs...)
	err = s.QueryRow(ctx, query, append(args, limit), &n)
	return n, err
}

// columnGroups in the order of [tracking.ColumnQuery].
var columnGroups = []filter.Group{filter.Param, filter.Metric, filter.Tag}

// RunColumns implements [tracking.OverviewStore]. The tables are indexed by
// experiment and key, so counting a key reads its part of the index.
func (s *Tracking) RunColumns(ctx context.Context, q tracking.ColumnQuery) ([]tracking.Column, string, error) {
	if len(q.Experiments) == 0 {
		return nil, "", nil
	}
	slices.Sort(q.Experiments)
	query := page.NewQuery("run columns", fmt.Sprint(q.Experiments, q.Groups, q.Text))
	after, afterKey := -1, ""
	if q.Token != "" {
		keys, err := page.Decode(q.Token, query, 2)
		if err != nil {
			return nil, "", err
		}
		after, afterKey = int(keys[0].Int), keys[1].Str
	}
	var out []tracking.Column
	for i, g := range columnGroups {
		if i < after || len(q.Groups) > 0 && !slices.Contains(q.Groups, g) {
			continue
		}
		marks, args := paddedList(q.Experiments)
		where := "experiment_id IN (" + marks + ")"
		if i == after {
			where, args = where+" AND key > ?", append(args, afterKey)
		}
		if q.Text != "" {
			where, args = where+" AND "+s.Dialect.ILike("key"), append(args, "%"+likeLiteral(q.Text)+"%")
		}
		err := s.Each(ctx, `SELECT key, count(*) FROM `+sideOf[g]+` WHERE `+where+` GROUP BY key ORDER BY key LIMIT ?`,
			append(args, q.Limit+1-len(out)), func(scan func(...any) error) error {
				c := tracking.Column{Group: g}
				err := scan(&c.Key, &c.Runs)
				out = append(out, c)
				return err
			})
		if err != nil {
			return nil, "", err
		}
		if len(out) > q.Limit {
			out = out[:q.Limit]
			last := out[q.Limit-1]
			return out, page.Encode(query, page.IntKey(int64(slices.Index(columnGroups, last.Group))), page.StringKey(last.Key)), nil
		}
	}
	return out, "", nil
}

// PointCounts implements [tracking.OverviewStore].
func (s *Tracking) PointCounts(ctx context.Context, h tracking.Head) (map[string]int64, error) {
	counts := map[string]int64{}
	err := s.Each(ctx, `SELECT key, count(*) FROM metric WHERE run_no = ? GROUP BY key`, []any{h.No}, func(scan func(...any) error) error {
		var key string
		var n int64
		err := scan(&key, &n)
		counts[key] = n
		return err
	})
	return counts, err
}
