package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/stats"
	"github.com/assayhq/assay/internal/tracing"
)

// summaryDurations is over how many of the newest traces the quantiles are.
const summaryDurations = 20000

// Summary implements [tracing.SearchStore]. Of a short range it reads the part
// of the index of the workspace that lies in it, of a long one the sums.
func (st *Traces) Summary(ctx context.Context, from, to int64) (sum tracing.Summary, err error) {
	if may, err := st.bySums(ctx, from, to); err != nil || may {
		if err != nil {
			return sum, err
		}
		return st.rolledSummary(ctx, from, to)
	}
	ws := st.workspace(caller.Workspace(ctx))
	sum.P50, sum.P95 = -1, -1
	failed, _ := tracing.StateNumber(tracing.StateError)
	err = st.index.QueryRow(ctx, `SELECT count(*), coalesce(sum(CASE WHEN state = ? THEN 1 ELSE 0 END), 0), coalesce(sum(spans), 0),
		coalesce(sum(tokens), -1), coalesce(sum(cost), -1), coalesce(sum(unpriced), 0)
		FROM trace WHERE workspace = ? AND start_ms >= ? AND start_ms < ?`, []any{failed, ws, from, to},
		&sum.Traces, &sum.Errors, &sum.Spans, &sum.Tokens, &sum.Cost, &sum.Unpriced)
	if err != nil {
		return sum, err
	}
	var durations []float64
	err = st.index.Each(ctx, `SELECT duration_ms FROM trace WHERE workspace = ? AND start_ms >= ? AND start_ms < ?
		ORDER BY start_ms DESC, n DESC LIMIT ?`, []any{ws, from, to, summaryDurations}, func(scan func(...any) error) error {
		var d *int64
		if err := scan(&d); err != nil || d == nil {
			return err
		}
		durations = append(durations, float64(*d))
		return nil
	})
	if err == nil && len(durations) > 0 {
		sum.P50, sum.P95 = stats.Quantile(durations, .5), stats.Quantile(durations, .95)
	}
	return sum, err
}
