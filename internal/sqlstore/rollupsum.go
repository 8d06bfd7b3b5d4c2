package sqlstore

import (
	"context"
	"time"

	"github.com/assayhq/assay/internal/tracing"
)

// What is asked of a long time is answered from what was summed up ahead,
// unless that is far behind: the work is then that of the hours and not of
// the traces. A range is widened to whole minutes.
const (
	longRange    = 6 * time.Hour
	rollPatience = 300 * time.Millisecond
	rollBehind   = time.Minute
)

// bySums reports whether sums may answer for the range, after summing up what
// changed lately. 0 is open.
func (st *Traces) bySums(ctx context.Context, from, to int64) (bool, error) {
	if from != 0 && to != 0 && to-from < longRange.Milliseconds() {
		return false, nil
	}
	lag, err := st.CatchUp(ctx, rollPatience)
	return lag < rollBehind, err
}

// eachTotal yields the totals of whole hours, and of the minutes before the
// first and after the last of them, or of minutes alone.
func (st *Traces) eachTotal(ctx context.Context, experiments []string, from, to int64, hours bool, fn func(ms int64, m *tracing.Measures)) error {
	const hour = 3600_000
	read := func(hours bool, from, to int64) error {
		if from >= to {
			return nil
		}
		unit := int64(60_000)
		if hours {
			unit = hour
		}
		q := tracing.CellQuery{Experiments: experiments, Hours: hours, From: from / unit, To: (to + unit - 1) / unit}
		return st.EachCells(ctx, q, func(_ string, at int64, cells []byte) error {
			m, err := tracing.ReadTotal(cells, hours)
			if err == nil && m != nil {
				fn(at*unit, m)
			}
			return err
		})
	}
	if !hours {
		return read(false, from, to)
	}
	first, end := (from+hour-1)/hour*hour, to/hour*hour
	if first >= end {
		return read(false, from, to)
	}
	if err := read(false, from, first); err != nil {
		return err
	}
	if err := read(true, first, end); err != nil {
		return err
	}
	return read(false, end, to)
}

// farFuture is beyond any trace: request times are bounded.
const farFuture = int64(1) << 53

// rolledSummary is Summary from sums.
func (st *Traces) rolledSummary(ctx context.Context, from, to int64) (sum tracing.Summary, err error) {
	var all *tracing.Measures
	err = st.eachTotal(ctx, nil, from, to, true, func(_ int64, m *tracing.Measures) {
		if all == nil {
			all = m
			return
		}
		all.Merge(m)
	})
	sum.Tokens, sum.Cost, sum.P50, sum.P95 = -1, -1, -1, -1
	if err != nil || all == nil {
		return sum, err
	}
	sum.Traces, sum.Errors, sum.Spans, sum.Unpriced = all.Traces, all.Errors, all.Spans, all.Unpriced
	sum.Tokens, sum.Cost = all.Tokens, all.Cost
	if all.Duration.N() > 0 {
		sum.P50, sum.P95 = all.Duration.Quantile(.5)/1000, all.Duration.Quantile(.95)/1000
	}
	return sum, nil
}

// rolledHistogram is Histogram from sums, for a query of nothing but
// experiments and a range; ok is false when the range turns out to be short.
func (st *Traces) rolledHistogram(ctx context.Context, q *tracing.Query, buckets int) (h tracing.Histogram, ok bool, err error) {
	from, to := q.From, q.To
	if from == 0 || to == 0 {
		low, high := farFuture, int64(-1)
		end := to
		if end == 0 {
			end = farFuture
		}
		err := st.eachTotal(ctx, q.Experiments, from, end, true, func(ms int64, _ *tracing.Measures) {
			low, high = min(low, ms), max(high, ms)
		})
		if err != nil || high < 0 {
			return h, false, err
		}
		if from == 0 {
			from = low
		}
		if to == 0 {
			to = high + 3600_000
		}
		if to-from < longRange.Milliseconds() {
			return h, false, nil
		}
	}
	shapeHistogram(&h, from, to-1, buckets)
	if h.Width < 60_000 {
		return tracing.Histogram{}, false, nil
	}
	err = st.eachTotal(ctx, q.Experiments, from, to, h.Width%3600_000 == 0, func(ms int64, m *tracing.Measures) {
		i := (ms - h.Start) / h.Width
		if i < 0 || i >= int64(len(h.OK)) {
			return
		}
		h.OK[i] += m.Traces - m.Errors - m.Open
		h.Error[i] += m.Errors
		h.Running[i] += m.Open
	})
	return h, true, err
}
