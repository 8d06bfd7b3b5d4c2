package sqlstore

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracking"
)

var _ tracking.GroupStore = (*Tracking)(nil)

// groupFields are the attributes that runs are grouped by.
var groupFields = map[string]string{"status": "r.status", "user_id": "r.user_id"}

// GroupRuns implements [tracking.GroupStore]: one pass over the matching runs
// for their groups, then one over the index of each metric. Grouping in the
// database instead would look up every run again for every metric.
func (s *Tracking) GroupRuns(ctx context.Context, q tracking.GroupQuery) ([]tracking.RunGroup, bool, error) {
	slices.Sort(q.Experiments)
	rs := &runSearch{Tracking: s, q: q.RunQuery}
	sel, err := rs.base()
	if err != nil {
		return nil, false, err
	}
	columns := []string{"r.run_no"}
	for _, f := range q.By {
		expr := groupFields[f.Key]
		if f.Group != filter.Attribute {
			expr = sel.join(sideOf[f.Group], "%s.run_no = r.run_no AND %s.key = ?", f.Key) + ".value"
		}
		columns = append(columns, expr)
	}
	g := &runGrouping{Tracking: s, experiments: q.Experiments, group: map[int64]int32{}}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM run r" + sel.joins.String() + " WHERE " + strings.Join(sel.where, " AND ")
	if err := g.assign(ctx, query, slices.Concat(sel.joinArgs, sel.whereArgs), len(q.By)); err != nil {
		return nil, false, err
	}
	for _, key := range q.Metrics {
		if err := g.summarise(ctx, key); err != nil {
			return nil, false, err
		}
	}
	slices.SortStableFunc(g.groups, func(a, b tracking.RunGroup) int {
		if a.Runs != b.Runs {
			return int(b.Runs - a.Runs)
		}
		return strings.Compare(groupKey(a.Values), groupKey(b.Values))
	})
	more := len(g.groups) > q.Most
	return g.groups[:min(len(g.groups), q.Most)], more, nil
}

// runGrouping collects the groups of one call.
type runGrouping struct {
	*Tracking
	experiments []int64
	groups      []tracking.RunGroup
	group       map[int64]int32 // of each run, an index into groups
}

// assign puts every matching run into its group.
func (g *runGrouping) assign(ctx context.Context, query string, args []any, width int) error {
	at := map[string]int32{}
	return g.Each(ctx, query, args, func(scan func(...any) error) error {
		var run int64
		values, dest := make([]*string, width), make([]any, width+1)
		dest[0] = &run
		for i := range values {
			dest[i+1] = &values[i]
		}
		if err := scan(dest...); err != nil {
			return err
		}
		key := groupKey(values)
		i, ok := at[key]
		if !ok {
			i = int32(len(g.groups))
			at[key], g.groups = i, append(g.groups, tracking.RunGroup{Values: values})
		}
		g.groups[i].Runs++
		g.group[run] = i
		return nil
	})
}

// groupKey orders missing values last.
func groupKey(values []*string) string {
	var b strings.Builder
	for _, v := range values {
		if v == nil {
			b.WriteString("\x02")
		} else {
			b.WriteString("\x01" + *v)
		}
		b.WriteByte(0)
	}
	return b.String()
}

// summarise describes the finite latest values of a metric. NaN is left out,
// and so are the infinities, which are stored as the greatest values.
func (g *runGrouping) summarise(ctx context.Context, key string) error {
	n := -1
	for i := range g.groups {
		g.groups[i].Metrics = append(g.groups[i].Metrics, tracking.MetricSummary{Deviation: math.NaN()})
		n = len(g.groups[i].Metrics) - 1
	}
	squares := make([]float64, len(g.groups))
	add := func(scan func(...any) error) error {
		var run int64
		var v float64
		if err := scan(&run, &v); err != nil {
			return err
		}
		i, ok := g.group[run]
		if !ok {
			return nil
		}
		// Welford's recurrence: no digits are lost far from zero.
		m := &g.groups[i].Metrics[n]
		m.N++
		if m.N == 1 {
			m.Min, m.Max = v, v
		}
		d := v - m.Mean
		m.Mean += d / float64(m.N)
		squares[i] += d * (v - m.Mean)
		m.Min, m.Max = min(m.Min, v), max(m.Max, v)
		return nil
	}
	if err := g.eachValue(ctx, key, add); err != nil {
		return err
	}
	for i := range g.groups {
		if m := &g.groups[i].Metrics[n]; m.N > 1 {
			m.Deviation = math.Sqrt(squares[i] / float64(m.N-1))
		}
	}
	return nil
}

// eachValue reads a metric of few runs by their numbers, of many by its index.
func (g *runGrouping) eachValue(ctx context.Context, key string, add func(scan func(...any) error) error) error {
	const finite = "key = ? AND is_nan = 0 AND value < ? AND value > ?"
	bounds := []any{key, math.MaxFloat64, -math.MaxFloat64}
	if len(g.group) <= few {
		runs := make([]int64, 0, len(g.group))
		for run := range g.group {
			runs = append(runs, run)
		}
		slices.Sort(runs)
		// A padded list names its last run again: each is read once.
		return eachList(runs, func(marks string, args []any) error {
			return g.Each(ctx, `SELECT run_no, value FROM latest_metric WHERE run_no IN (`+marks+`) AND `+finite, append(args, bounds...), add)
		})
	}
	marks, args := paddedList(g.experiments)
	return g.Each(ctx, `SELECT run_no, value FROM latest_metric WHERE experiment_id IN (`+marks+`) AND `+finite, append(args, bounds...), add)
}
