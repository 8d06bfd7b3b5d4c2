package api

import (
	"context"
	"net/http"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// home serves what spans several nouns: the first page, the palette and the
// filter bar.
type home struct {
	traces   traces
	runs     runs
	registry *registry.Service
	jobs     jobs
	now      func() time.Time
	server   *Server
}

// ServeHome adds the first page, the palette's search and the completions of
// the filter bar.
func (s *Server) ServeHome(tracingDomain *tracing.Service, trackingDomain *tracking.Service, models *registry.Service,
	experiments Experiments, engine *job.Engine, now func() time.Time) {
	h := home{traces{domain: tracingDomain, experiments: experiments}, runs{domain: trackingDomain, experiments: experiments}, models, jobs{engine}, now, s}
	s.add(
		route{method: "GET", path: "/w/{ws}/home", need: caller.Read, call: h.get},
		route{method: "GET", path: "/w/{ws}/lookup", need: caller.Read, call: h.lookup},
		route{method: "POST", path: "/w/{ws}/complete", need: caller.Read, call: body(h.complete)},
	)
}

type homeAnswer struct {
	FromMS       int64      `json:"from_ms"`
	ToMS         int64      `json:"to_ms"`
	Traces       int64      `json:"traces"`
	Errors       int64      `json:"errors"`
	Spans        int64      `json:"spans"`
	Tokens       *int64     `json:"tokens"`
	Cost         *float64   `json:"cost"`
	Unpriced     int64      `json:"unpriced_spans"`
	P50          *float64   `json:"latency_p50_ms"`
	P95          *float64   `json:"latency_p95_ms"`
	Histogram    histogram  `json:"histogram"`
	Spend        []spend    `json:"spend"`
	RecentErrors []traceRow `json:"recent_errors"`
	RecentRuns   []runRow   `json:"recent_runs"`
	Jobs         []any      `json:"jobs"`
}

// spend is what the last days cost, as far as it is known.
type spend struct {
	Days     int      `json:"days"`
	Cost     *float64 `json:"cost"`
	Unpriced int64    `json:"unpriced_spans"` // calls without a known price, not in Cost
}

// spendDays are the stretches that the first page sums up, whatever range it
// otherwise shows.
var spendDays = []int{1, 7, 30}

// recent is how many errors, runs and jobs the first page shows.
const recent = 10

// runMetrics is how many metrics of a recent run it shows.
const runMetrics = 8

func (h home) get(ctx context.Context, r *http.Request) (any, error) {
	now := h.now().UnixMilli()
	from, err := millis(r, "from_ms", now-24*time.Hour.Milliseconds())
	if err != nil {
		return nil, err
	}
	q := tracing.Query{From: from, To: now + 1}
	sum, err := h.traces.domain.Summary(ctx, q.From, q.To)
	if err != nil {
		return nil, err
	}
	out := homeAnswer{FromMS: from, ToMS: now, Traces: sum.Traces, Errors: sum.Errors, Spans: sum.Spans, Tokens: count(sum.Tokens),
		Cost: dollars(sum.Cost), Unpriced: sum.Unpriced, P50: known(sum.P50), P95: known(sum.P95), RecentErrors: []traceRow{}, RecentRuns: []runRow{}}
	for _, days := range spendDays {
		past, err := h.traces.domain.Summary(ctx, now-int64(days)*24*time.Hour.Milliseconds(), q.To)
		if err != nil {
			return nil, err
		}
		out.Spend = append(out.Spend, spend{days, dollars(past.Cost), past.Unpriced})
	}
	hist, err := h.traces.domain.Histogram(ctx, q, 48)
	if err != nil {
		return nil, err
	}
	out.Histogram = histogramOf(hist)
	q.Filter, err = filter.Parse(filter.Traces, "attributes.status = 'ERROR'")
	if err != nil {
		return nil, err
	}
	page, err := h.traces.domain.Search(ctx, tracing.Search{Query: q, Limit: recent})
	if err != nil {
		return nil, err
	}
	for _, info := range page.Infos {
		out.RecentErrors = append(out.RecentErrors, rowOf(info))
	}
	if err := h.recentRuns(ctx, &out); err != nil {
		return nil, err
	}
	out.Jobs, err = h.jobs.attention(ctx, from)
	out.Jobs = orEmpty(out.Jobs)
	return out, err
}

func known(ms float64) *float64 {
	if ms < 0 {
		return nil
	}
	return &ms
}

func (h home) recentRuns(ctx context.Context, out *homeAnswer) error {
	q, err := h.runs.query(ctx, runQuery{})
	if err != nil || len(q.Experiments) == 0 {
		return err
	}
	q.Limit = recent
	found, _, err := h.runs.domain.SearchRuns(ctx, q)
	for i := range found {
		run := &found[i]
		run.Metrics = run.Metrics[:min(len(run.Metrics), runMetrics)]
		out.RecentRuns = append(out.RecentRuns, h.runs.row(ctx, run, nil))
	}
	return err
}
