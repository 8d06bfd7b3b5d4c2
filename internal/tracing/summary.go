package tracing

import "context"

// Summary is what happened in a range of time.
type Summary struct {
	Traces, Errors, Spans int64
	Tokens                int64   // -1 unknown
	Cost                  int64   // pico-dollars of what is priced; -1 unknown
	Unpriced              int64   // model calls with usage and no known price
	P50, P95              float64 // milliseconds of ended traces; -1 without any
}

// Summary sums up the traces of the caller's workspace with a request time in
// [from, to), unix milliseconds. The quantiles are of the newest traces, at
// most as many as keeps the call quick. More than a few hours are answered
// from what was summed up ahead, widened to whole minutes; the quantiles are
// then of all of them, within [SketchError].
func (s *Service) Summary(ctx context.Context, from, to int64) (Summary, error) {
	return s.store.Summary(ctx, from, to)
}
