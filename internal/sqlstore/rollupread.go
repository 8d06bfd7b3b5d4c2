package sqlstore

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/tracing"
)

// EachCells implements [tracing.RollupStore]. It is one range of an index,
// whatever the number of traces.
func (st *Traces) EachCells(ctx context.Context, q tracing.CellQuery, fn func(experiment string, at int64, cells []byte) error) error {
	level, d := 1, q.Dimension
	if !q.Hours {
		level, d = 0, tracing.Dimension{}
	}
	where := `workspace = ? AND level = ? AND dim = ? AND key = ? AND at >= ? AND at < ?`
	args := []any{st.workspace(caller.Workspace(ctx)), level, int(d.Dim), d.Key, q.From, q.To}
	var wanted []int64
	for _, e := range q.Experiments {
		n, err := strconv.ParseInt(e, 10, 64)
		if err != nil {
			return fault.Invalidf("experiment id %q is not a decimal number", clip(e))
		}
		wanted = append(wanted, n)
	}
	if len(wanted) == 1 {
		where += ` AND experiment = ?`
		args = append(args, wanted[0])
	}
	var packed []byte
	return st.index.Each(ctx, `SELECT at, experiment, cells FROM rollup WHERE `+where, args, func(scan func(...any) error) error {
		var at, experiment int64
		if err := scan(&at, &experiment, &packed); err != nil {
			return err
		}
		if len(wanted) > 1 && !slices.Contains(wanted, experiment) {
			return nil
		}
		return fn(strconv.FormatInt(experiment, 10), at, packed)
	})
}

// EachTrace implements [tracing.RollupStore].
func (st *Traces) EachTrace(ctx context.Context, q tracing.Query, limit int, fn func(*tracing.Info, []tracing.SpanRow) error) (all bool, err error) {
	p, err := st.plan(ctx, &q)
	if err != nil || p.nothing {
		return true, err
	}
	if len(p.terms) > 0 {
		st.awaitText(ctx)
	}
	s := &traceSearch{plan: p, query: page.NewQuery("monitor"), deadline: time.Now().Add(searchTime)}
	rows, all, err := s.matches(ctx, limit)
	if err != nil {
		return false, err
	}
	if err := st.attachAssessments(ctx, rows); err != nil {
		return false, err
	}
	err = st.eachRows(ctx, rows, func(h *headerRow, spans []tracing.SpanRow) error { return fn(&h.Info, spans) })
	return all && len(s.missing) == 0, err
}
