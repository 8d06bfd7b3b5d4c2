package app

import (
	"context"
	"math"
	"time"

	"github.com/assayhq/assay/internal/alert"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
)

// maxLag is how far monitoring may be behind and still be judged by: what is
// not summed up yet must not pass for silence.
const maxLag = time.Minute

// grouping is what monitoring is asked to group by for a measurement, and the
// value that counts ("" for all there are). ok is false where its cells do not
// hold the answer: two dimensions at once.
func grouping(q alert.Measurement) (by, value string, ok bool) {
	scoped := q.Dimension != alert.Everything
	switch q.Signal {
	case alert.Stalled:
		return "tag." + tracing.TagStalled, "", !scoped
	case alert.Loops:
		return "tag." + tracing.TagLoop, "", !scoped
	case alert.Score:
		return "score", q.Score, !scoped
	}
	if q.Dimension == alert.ByTag {
		return "tag." + q.Key, q.Value, true
	}
	return string(q.Dimension), q.Value, true
}

// monitored reads what was summed up per minute. exact is false where that is
// not the whole truth.
func (m measures) monitored(ctx context.Context, q alert.Measurement, end, step, window int64, n int) (out []alert.Reading, exact bool, err error) {
	by, value, ok := grouping(q)
	if !ok {
		return nil, false, nil
	}
	width := gcd(window, step) // of a bucket: windows and steps are whole numbers of them
	if n == 1 {
		width = min(window, int64(time.Hour/time.Millisecond))
		width = gcd(window, width)
	}
	from, to := end-window, end+step*int64(n-1)
	// Buckets begin at multiples of their width; the windows must too.
	shift := (from%width + width) % width
	if n > 1 {
		from, to = from-shift, to-shift
	}
	buckets, exact, err := m.buckets(ctx, q, by, value, from, to, width)
	if err != nil || !exact {
		return nil, exact, err
	}
	out = make([]alert.Reading, n)
	for i := range out {
		first := int(step * int64(i) / width)
		last := len(buckets)
		if n > 1 {
			last = min(first+int(window/width), len(buckets))
		}
		out[i] = fold(q, buckets[min(first, last):last])
	}
	return out, true, nil
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// pageBuckets is how many buckets are asked for at a time.
const pageBuckets = 1000

// buckets returns the measures of [from, to) in buckets, each the sum of the
// series that count.
func (m measures) buckets(ctx context.Context, q alert.Measurement, by, value string, from, to, width int64) (all []*tracing.Measures, exact bool, err error) {
	for from < to {
		until := min(to, from+pageBuckets*width)
		ask := tracing.MonitorQuery{Experiments: q.Experiments, By: by, From: from, To: until, Bucket: time.Duration(width) * time.Millisecond, Limit: 50}
		if value != "" {
			ask.Values = []string{value}
		}
		got, err := m.tracing.Monitor(ctx, ask)
		if err != nil {
			return nil, false, err
		}
		if got.Lag > maxLag {
			return nil, false, fault.New(fault.Unavailable, "monitoring is %s behind the traces", got.Lag.Round(time.Second))
		}
		if value != "" && !got.Exact {
			return nil, false, nil
		}
		page := make([]*tracing.Measures, int((until-1-got.Start)/width+1))
		for _, s := range got.Series {
			for i, p := range s.Points {
				if p == nil || i >= len(page) {
					continue
				}
				if page[i] == nil {
					page[i] = p
				} else {
					page[i].Merge(p)
				}
			}
		}
		all = append(all, page...)
		from = until
	}
	return all, true, nil
}

// fold is the reading of a signal over buckets.
func fold(q alert.Measurement, buckets []*tracing.Measures) alert.Reading {
	var sum *tracing.Measures
	for _, b := range buckets {
		switch {
		case b == nil:
		case sum == nil:
			one := tracing.Measures{TokensIn: -1, TokensOut: -1, Tokens: -1, CacheRead: -1, Cost: -1, Time: -1, Self: -1}
			sum = &one
			sum.Merge(b)
		default:
			sum.Merge(b)
		}
	}
	r := alert.Reading{Value: math.NaN()}
	if sum == nil {
		if q.Signal.Sum() {
			r.Value = 0 // no traces: nothing was spent
		}
		return r
	}
	// Models, nodes and tools are of spans, and so are their failures.
	r.N = sum.Traces - sum.Open
	if q.Dimension == alert.ByModel || q.Dimension == alert.ByNode || q.Dimension == alert.ByTool {
		r.N = sum.Spans
	}
	switch q.Signal {
	case alert.ErrorRate:
		r.Value = ratio(float64(sum.Errors), r.N)
	case alert.LatencyP50, alert.LatencyP95, alert.LatencyP99:
		r.N = sum.Duration.N()
		if r.N > 0 {
			r.Value = sum.Duration.Quantile(quantiles[q.Signal]) / 1000
		}
	case alert.Cost, alert.CostPer1000:
		r.N = sum.Traces
		if sum.Cost >= 0 {
			r.Value = float64(sum.Cost) / 1e12
		}
		if q.Signal == alert.CostPer1000 {
			r.Value = ratio(r.Value*1000, r.N)
		}
	case alert.Tokens:
		r.N = sum.Traces
		if sum.Tokens >= 0 {
			r.Value = float64(sum.Tokens)
		}
	case alert.Score:
		r.N = sum.Scores
		r.Value = ratio(sum.Score, r.N)
	case alert.Volume, alert.Stalled, alert.Loops:
		r.N = sum.Traces
		r.Value = float64(sum.Traces)
	}
	return r
}

var quantiles = map[alert.Signal]float64{alert.LatencyP50: 0.5, alert.LatencyP95: 0.95, alert.LatencyP99: 0.99}

func ratio(sum float64, n int64) float64 {
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}
