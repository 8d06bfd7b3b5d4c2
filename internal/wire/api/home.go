package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/trace"
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
	RecentErrors []traceRow `json:"recent_errors"`
	RecentRuns   []runRow   `json:"recent_runs"`
	Jobs         []any      `json:"jobs"`
}

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

type hit struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Name   string `json:"name"`
	Detail string `json:"detail"`
	TimeMS *int64 `json:"time_ms"`
}

// perKind is how many hits of a kind the palette shows.
const perKind = 8

func (h home) lookup(ctx context.Context, r *http.Request) (any, error) {
	q := strings.TrimSpace(r.URL.Query().Get("q"))
	if q == "" || len([]rune(q)) > 200 {
		return nil, fault.Invalidf("q must have 1 to 200 characters")
	}
	hits := []hit{}
	for _, find := range append([]func(context.Context, string) ([]hit, error){h.byID, h.experiments, h.runsNamed, h.registered, h.sessions}, h.server.finders...) {
		found, err := find(ctx, q)
		if err != nil {
			return nil, err
		}
		hits = append(hits, found...)
	}
	return map[string]any{"hits": hits}, nil
}

// byID finds what a pasted id names.
func (h home) byID(ctx context.Context, q string) (hits []hit, err error) {
	if id, err := trace.ParseID(q); err == nil {
		if info, err := h.traces.domain.Info(ctx, id); err == nil {
			hits = append(hits, hit{"trace", info.ID.String(), info.Name, info.RequestPreview, &info.RequestTime})
		}
	}
	if len(q) == 32 {
		if run, err := h.runs.domain.RunInfo(ctx, strings.ToLower(q)); err == nil {
			exp := h.runs.experiments.ExperimentName(ctx, strconv.FormatInt(run.Experiment, 10))
			hits = append(hits, hit{"run", run.ID, run.Name, exp, &run.StartTime})
		}
	}
	return hits, nil
}

func (h home) experiments(ctx context.Context, q string) (hits []hit, err error) {
	found, _, err := h.runs.domain.ListExperiments(ctx, tracking.ExperimentList{Text: q, Sort: tracking.ByActivity, Desc: true, Limit: perKind})
	for _, e := range found {
		hits = append(hits, hit{"experiment", strconv.FormatInt(e.ID, 10), e.Name, strconv.FormatInt(e.Runs, 10) + " runs", e.Activity})
	}
	return hits, err
}

// prefixed is the filter for names that begin with q; "" if q cannot be written.
func prefixed(field, q string) string {
	quoted, err := quoteName(q + "%")
	if err != nil {
		return ""
	}
	return field + " ILIKE " + quoted
}

func (h home) runsNamed(ctx context.Context, q string) (hits []hit, err error) {
	text := prefixed("attributes.run_name", q)
	if text == "" {
		return nil, nil
	}
	rq, err := h.runs.query(ctx, runQuery{Filter: text})
	if err != nil || len(rq.Experiments) == 0 {
		return nil, err
	}
	rq.Limit = perKind
	found, _, err := h.runs.domain.SearchRuns(ctx, rq)
	for _, run := range found {
		exp := h.runs.experiments.ExperimentName(ctx, strconv.FormatInt(run.Experiment, 10))
		hits = append(hits, hit{"run", run.ID, run.Name, exp, &run.StartTime})
	}
	return hits, err
}

func (h home) registered(ctx context.Context, q string) (hits []hit, err error) {
	text := prefixed("name", q)
	if text == "" {
		return nil, nil
	}
	for _, kind := range []string{"model", "prompt"} {
		search := registry.Search{Filter: text, Limit: perKind}
		if kind == "prompt" {
			search.Filter += " AND tags.`" + registry.PromptTag + "` = 'true'"
		}
		found, _, err := h.registry.SearchModels(ctx, search)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			hits = append(hits, hit{kind, m.Name, m.Name, m.Description, &m.Updated})
		}
	}
	return hits, nil
}

func (h home) sessions(ctx context.Context, q string) (hits []hit, err error) {
	found, _, err := h.traces.domain.Sessions(ctx, tracing.SessionQuery{Text: q, Limit: perKind})
	for _, s := range found {
		hits = append(hits, hit{"session", s.ID, s.ID, s.FirstInput, &s.Last})
	}
	return hits, err
}
