package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/tracking"
)

// runFields are the attributes of a run that a search may name.
var runFields = map[string]column{
	"run_id":       {"r.run_id", page.String},
	"run_name":     {"r.name", page.String},
	"user_id":      {"r.user_id", page.String},
	"status":       {"r.status", page.String},
	"artifact_uri": {"r.artifact_uri", page.String},
	"start_time":   {"r.start_time", page.Int},
	"end_time":     {"r.end_time", page.Int}, // NULL while the run goes on
}

// sideOf names the table that keeps a group of keys.
var sideOf = map[filter.Group]string{filter.Metric: "latest_metric", filter.Param: "param", filter.Tag: "tag"}

// runSearch is one search. There are three ways to read it:
//
//   - by time: runs in the order of their index, each clause looked up by key;
//     good when a fair part of the runs matches;
//   - by clause: the runs of one clause that few satisfy, then sorted;
//   - by metric: the index of the metric that is sorted by first, then the
//     runs where it is NaN, then those that lack it.
//
// Which one is decided by counting the matches of each clause up to few.
type runSearch struct {
	*Tracking
	q     tracking.RunQuery
	query page.Query
	runs  []tracking.Run
}

// few is the number of matches up to which fetching and sorting them beats
// walking an index in order.
const few = 1500

// SearchRuns implements [tracking.RunStore].
func (s *Tracking) SearchRuns(ctx context.Context, q tracking.RunQuery) ([]tracking.Run, string, error) {
	slices.Sort(q.Experiments)
	q.Experiments = slices.Compact(q.Experiments)
	if len(q.Experiments) > maxExperiments {
		return nil, "", fault.Invalidf("a search covers at most %d experiments", maxExperiments)
	}
	rs := &runSearch{Tracking: s, q: q,
		query: page.NewQuery("runs", q.Workspace, fmt.Sprint(q.Experiments, q.View, q.Filter, q.Order))}
	driver, err := rs.driver(ctx)
	if err != nil {
		return nil, "", err
	}
	var token string
	if rs.ranks(driver) {
		token, err = rs.byMetric(ctx)
	} else {
		token, err = rs.inOrder(ctx, driver)
	}
	if err != nil {
		return nil, "", err
	}
	return rs.runs, token, s.fillRuns(ctx, rs.runs)
}

const maxExperiments = 10000

// driver returns the index of the clause with the fewest matches if they are
// few, else -1.
func (rs *runSearch) driver(ctx context.Context) (int, error) {
	best, least := -1, few
	for i, c := range rs.q.Filter {
		from, conds, args, ok := rs.driverOf(c)
		if !ok {
			continue
		}
		var n int
		query := "SELECT count(*) FROM (SELECT 1 FROM " + from + " WHERE " + conds + " LIMIT ?) AS matches"
		if err := rs.QueryRow(ctx, query, append(args, least), &n); err != nil {
			return -1, err
		}
		if n < least {
			best, least = i, n
		}
	}
	return best, nil
}

// driverOf returns the side table that keeps what c compares and the condition
// on it that an index serves, if one does.
func (rs *runSearch) driverOf(c filter.Clause) (from, cond string, args []any, ok bool) {
	marks, experiments := paddedList(rs.q.Experiments)
	side := sideOf[c.Field.Group]
	if side == "" {
		return "", "", nil, false
	}
	from, cond = side+" d", "d.experiment_id IN ("+marks+") AND d.key = ?"
	args = append(experiments, c.Field.Key)
	switch {
	case c.Field.Group == filter.Metric && c.Op != filter.Ne:
		return from, cond + " AND d.is_nan = 0 AND d.value" + compareOps[c.Op], append(args, c.Value.Num), true
	case c.Field.Group != filter.Metric && c.Op == filter.Eq:
		return from, cond + " AND substr(d.value, 1, 100) = substr(?, 1, 100) AND d.value = ?", append(args, c.Value.Str, c.Value.Str), true
	}
	return "", "", nil, false
}

// base returns a searchQuery with every condition but those of the clauses at
// skip.
func (rs *runSearch) base(skip ...int) (*searchQuery, error) {
	sel := &searchQuery{db: rs.DB, table: "r", no: "run_no"}
	marks, args := paddedList(rs.q.Experiments)
	if len(rs.q.Experiments) == 1 {
		sel.and("r.experiment_id = ?", args...)
	} else {
		sel.and("r.experiment_id IN ("+marks+")", args...)
	}
	sel.and("r.workspace = ?", rs.q.Workspace)
	sel.and(stages("r.stage", rs.q.View))
	for i, c := range rs.q.Filter {
		if slices.Contains(skip, i) {
			continue
		}
		if err := rs.clause(sel, c); err != nil {
			return nil, err
		}
	}
	return sel, nil
}

func (rs *runSearch) clause(sel *searchQuery, c filter.Clause) error {
	switch c.Field.Group {
	case filter.Attribute:
		return sel.andColumn(runFields, c)
	case filter.Param, filter.Tag:
		sel.andText(sideOf[c.Field.Group], c)
	case filter.Metric:
		sel.and("EXISTS (SELECT 1 FROM latest_metric x WHERE x.run_no = r.run_no AND x.key = ? AND "+metricCondition("x", c.Op)+")",
			c.Field.Key, c.Value.Num)
	case filter.Dataset:
		rs.datasetClause(sel, c)
	default:
		return fault.Invalidf("runs have no %s", c.Field)
	}
	return nil
}

// metricCondition compares a metric: NaN differs from every number and is
// neither less nor greater.
func metricCondition(alias string, op filter.Op) string {
	if op == filter.Ne {
		return "(" + alias + ".is_nan = 1 OR " + alias + ".value <> ?)"
	}
	return alias + ".is_nan = 0 AND " + alias + ".value" + compareOps[op]
}

func (rs *runSearch) datasetClause(sel *searchQuery, c filter.Clause) {
	expr := map[string]string{"name": "s.name", "digest": "s.digest", "context": "x.context"}[c.Field.Key]
	cond, args := rs.compareText(expr, c)
	sel.and("EXISTS (SELECT 1 FROM run_dataset x JOIN dataset s ON s.dataset_no = x.dataset_no WHERE x.run_no = r.run_no AND "+cond+")", args...)
}

// orderBy adds the given keys of the sort and the ones that always follow.
func (rs *runSearch) orderBy(sel *searchQuery, orders []filter.Order) error {
	byTime := false
	for _, o := range orders {
		key := o.Field.Key
		switch o.Field.Group {
		case filter.Attribute:
			col, ok := runFields[key]
			if !ok {
				return fault.Invalidf("Invalid attribute key '%s' specified", key)
			}
			byTime = byTime || key == "start_time"
			if key == "end_time" {
				sel.order(column{"CASE WHEN r.end_time IS NULL THEN 1 ELSE 0 END", page.Int}, false)
				col.expr = "COALESCE(r.end_time, 0)"
			}
			sel.order(col, o.Desc)
		case filter.Metric:
			a := sel.join("latest_metric", "%s.run_no = r.run_no AND %s.key = ?", key)
			sel.order(column{"CASE WHEN " + a + ".is_nan = 1 THEN 1 WHEN " + a + ".value IS NULL THEN 2 ELSE 0 END", page.Int}, false)
			sel.order(column{"COALESCE(" + a + ".value, 0.0)", page.Float}, o.Desc)
		case filter.Param, filter.Tag:
			a := sel.join(sideOf[o.Field.Group], "%s.run_no = r.run_no AND %s.key = ?", key)
			sel.order(column{"CASE WHEN " + a + ".value IS NULL THEN 1 ELSE 0 END", page.Int}, false)
			sel.order(column{"COALESCE(" + a + ".value, '')", page.String}, o.Desc)
		default:
			return fault.Invalidf("runs cannot be sorted by %s", o.Field)
		}
	}
	if !byTime {
		sel.order(runFields["start_time"], true)
	}
	sel.order(runFields["run_id"], false)
	return nil
}

func (rs *runSearch) row(scan scanner) error {
	rs.runs = append(rs.runs, tracking.Run{})
	return scanRun(scan, &rs.runs[len(rs.runs)-1].Info)
}

// matching selects the matches of clause driver, or all runs by time if driver
// is negative.
func (rs *runSearch) matching(driver int) (*searchQuery, string, error) {
	sel, err := rs.base(driver)
	if err != nil {
		return nil, "", err
	}
	from := "run r"
	if driver >= 0 {
		side, cond, args, _ := rs.driverOf(rs.q.Filter[driver])
		from = side + " CROSS JOIN run r"
		sel.and("r.run_no = d.run_no AND "+cond, args...)
	}
	return sel, from, rs.orderBy(sel, rs.q.Order)
}

// ranks reports whether the search is read by the metric it is sorted by.
func (rs *runSearch) ranks(driver int) bool {
	return driver < 0 && len(rs.q.Experiments) == 1 && len(rs.q.Order) > 0 && rs.q.Order[0].Field.Group == filter.Metric
}

// firstPage is the query that a search without a token begins with.
func (rs *runSearch) firstPage(driver int) (*searchQuery, string, error) {
	if !rs.ranks(driver) {
		return rs.matching(driver)
	}
	field := rs.q.Order[0].Field
	sel, from, err := rs.ranked(0, field.Key, rs.clausesOn(field))
	return sel.searchQuery, from, err
}

// inOrder reads a page from the matches of clause driver, or from all runs by
// time if driver is negative.
func (rs *runSearch) inOrder(ctx context.Context, driver int) (string, error) {
	sel, from, err := rs.matching(driver)
	if err != nil {
		return "", err
	}
	// A token may have been made by the other way of reading: its rank and
	// value are those of the first key of the sort.
	keys, err := page.Decode(rs.q.Token, rs.query, len(sel.terms))
	if err != nil {
		return "", err
	}
	sel.after(keys)
	last, err := sel.page(ctx, runColumns, from, rs.q.Limit, rs.row)
	return tokenOf(rs.query, last), err
}

// clausesOn returns the indexes of the clauses on a field.
func (rs *runSearch) clausesOn(f filter.Field) []int {
	var same []int
	for i, c := range rs.q.Filter {
		if c.Field == f {
			same = append(same, i)
		}
	}
	return same
}

// byMetric reads a page by the metric that is sorted by first. Its tokens are
// those of inOrder: the rank, the value, and the keys that follow.
func (rs *runSearch) byMetric(ctx context.Context) (string, error) {
	field := rs.q.Order[0].Field
	lastRank := int64(2)
	same := rs.clausesOn(field)
	for _, i := range same { // no missing metric satisfies one, and NaN only !=
		if lastRank = min(lastRank, 1); rs.q.Filter[i].Op != filter.Ne {
			lastRank = 0
		}
	}
	token := ""
	for rank := int64(0); rank <= lastRank; rank++ {
		sel, from, err := rs.ranked(rank, field.Key, same)
		if err != nil {
			return "", err
		}
		if rank == 0 && rs.q.Token != "" {
			keys, err := page.Decode(rs.q.Token, rs.query, sel.keysOfToken)
			if err != nil {
				return "", err
			}
			rs.q.Token = ""
			if rank = keys[0].Int; rank < 0 || rank > lastRank {
				return "", fault.Invalidf("Invalid page token: it is malformed; start again from the first page")
			}
			if sel, from, err = rs.ranked(rank, field.Key, same); err != nil {
				return "", err
			}
			if rank == 2 {
				keys = keys[1:]
			}
			sel.after(keys[1:])
		}
		last, more, err := sel.rows(ctx, runColumns, from, rs.q.Limit-len(rs.runs), rs.row)
		if err != nil {
			return "", err
		}
		if last != nil {
			keys := []page.Key{page.IntKey(rank)}
			if rank == 2 {
				keys = append(keys, page.FloatKey(0))
			}
			token = page.Encode(rs.query, append(keys, last...)...)
		}
		if more { // here, or in a rank after the one that filled the page
			return token, nil
		}
	}
	return "", nil
}

// rankedQuery knows how many keys a token of it has.
type rankedQuery struct {
	*searchQuery
	keysOfToken int
}

// ranked selects the runs where the metric is a number (0), NaN (1) or missing
// (2).
func (rs *runSearch) ranked(rank int64, key string, same []int) (rankedQuery, string, error) {
	sel, err := rs.base(same...)
	if err != nil {
		return rankedQuery{}, "", err
	}
	from := "run r"
	if rank == 2 {
		sel.and("NOT EXISTS (SELECT 1 FROM latest_metric x WHERE x.run_no = r.run_no AND x.key = ?)", key)
	} else {
		from = "latest_metric d CROSS JOIN run r"
		sel.and("d.experiment_id = ? AND d.key = ? AND d.is_nan = ? AND r.run_no = d.run_no", rs.q.Experiments[0], key, rank)
		for _, i := range same {
			if c := rs.q.Filter[i]; rank == 0 {
				sel.and("d.value"+compareOps[c.Op], c.Value.Num)
			}
		}
		sel.order(column{"d.value", page.Float}, rs.q.Order[0].Desc)
	}
	if err := rs.orderBy(sel, rs.q.Order[1:]); err != nil {
		return rankedQuery{}, "", err
	}
	n := len(sel.terms) + 1
	if rank == 2 {
		n++
	}
	return rankedQuery{sel, n}, from, nil
}

// RunPlan returns how the database would read the first page of q, one line
// per step, the counting of matches left out. Tests hold that it is by index.
func (s *Tracking) RunPlan(ctx context.Context, q tracking.RunQuery) ([]string, error) {
	rs := &runSearch{Tracking: s, q: q}
	driver, err := rs.driver(ctx)
	if err != nil {
		return nil, err
	}
	sel, from, err := rs.firstPage(driver)
	if err != nil {
		return nil, err
	}
	query, args := sel.sql(runColumns, from, q.Limit+1)
	var plan []string
	err = s.Each(ctx, "EXPLAIN QUERY PLAN "+query, args, func(scan func(...any) error) error {
		var id, parent, unused int64
		var step string
		err := scan(&id, &parent, &unused, &step)
		plan = append(plan, step)
		return err
	})
	return plan, err
}
