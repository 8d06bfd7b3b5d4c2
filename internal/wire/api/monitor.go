package api

import (
	"context"
	"net/http"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

type monitorRequest struct {
	ExperimentIDs []string `json:"experiment_ids"`
	By            string   `json:"by"`
	Values        []string `json:"values"`
	FromMS        int64    `json:"from_ms"`
	ToMS          int64    `json:"to_ms"`
	BucketMS      int64    `json:"bucket_ms"`
	Filter        string   `json:"filter"`
	OrderBy       string   `json:"order_by"`
	Limit         int      `json:"limit"`
}

func (req *monitorRequest) query(now time.Time) (tracing.MonitorQuery, error) {
	q := tracing.MonitorQuery{Experiments: req.ExperimentIDs, By: req.By, Values: req.Values, From: req.FromMS, To: req.ToMS,
		Order: req.OrderBy, Limit: req.Limit}
	if q.To == 0 {
		q.To = now.UnixMilli() + 1
	}
	if q.From == 0 {
		q.From = q.To - 24*time.Hour.Milliseconds()
	}
	if req.Limit < 0 || req.Limit > 50 {
		return q, fault.Invalidf("limit must be from 1 to 50, not %d", req.Limit)
	}
	if req.BucketMS < 0 || req.BucketMS > 1<<40 {
		return q, fault.Invalidf("bucket_ms is out of range")
	}
	q.Bucket = time.Duration(req.BucketMS) * time.Millisecond
	var err error
	q.Filter, err = filter.Parse(filter.Traces, req.Filter)
	return q, err
}

// measures is the contract's Measures: one number each in a total, a column in
// points.
type measures[Count, Maybe, Float any] struct {
	Traces    Count `json:"traces"`
	Spans     Count `json:"spans"`
	Errors    Count `json:"errors"`
	Open      Count `json:"open"`
	Tools     Count `json:"tool_calls"`
	Calls     Count `json:"model_calls"`
	TokensIn  Maybe `json:"tokens_in"`
	TokensOut Maybe `json:"tokens_out"`
	Tokens    Maybe `json:"tokens"`
	CacheRead Maybe `json:"cache_read"`
	Cost      Float `json:"cost"`
	Unpriced  Count `json:"unpriced_calls"`
	Total     Float `json:"total_ms"`
	Self      Float `json:"self_ms"`
	P50       Float `json:"p50_ms"`
	P95       Float `json:"p95_ms"`
	P99       Float `json:"p99_ms"`
	Scores    Count `json:"scores"`
	Mean      Float `json:"score_mean"`
	Half      Float `json:"score_half"`
}

type (
	total  = measures[int64, *int64, *float64]
	points = measures[[]int64, []*int64, []*float64]
)

func micros(µs int64) *float64 {
	if µs < 0 {
		return nil
	}
	v := float64(µs) / 1000
	return &v
}

func quantile(m *tracing.Measures, q float64) *float64 {
	v := m.Duration.Quantile(q)
	if v < 0 {
		return nil
	}
	v /= 1000
	return &v
}

func totalOf(m *tracing.Measures) total {
	t := total{m.Traces, m.Spans, m.Errors, m.Open, m.Tools, m.Calls, count(m.TokensIn), count(m.TokensOut), count(m.Tokens), count(m.CacheRead),
		dollars(m.Cost), m.Unpriced, micros(m.Time), micros(m.Self), quantile(m, .5), quantile(m, .95), quantile(m, .99), m.Scores, nil, nil}
	if mean, half, known := m.Mean(); known {
		t.Mean = &mean
		if half >= 0 {
			t.Half = &half
		}
	}
	return t
}

// pointsOf lays points out as columns; a bucket in which nothing happened
// counts 0, and what is measured of nothing is unknown.
func pointsOf(list []*tracing.Measures) *points {
	p := &points{}
	for _, m := range list {
		var t total
		if m != nil {
			t = totalOf(m)
		}
		p.Traces, p.Spans, p.Errors, p.Open = append(p.Traces, t.Traces), append(p.Spans, t.Spans), append(p.Errors, t.Errors), append(p.Open, t.Open)
		p.Tools, p.Calls, p.Unpriced, p.Scores = append(p.Tools, t.Tools), append(p.Calls, t.Calls), append(p.Unpriced, t.Unpriced), append(p.Scores, t.Scores)
		p.TokensIn, p.TokensOut = append(p.TokensIn, t.TokensIn), append(p.TokensOut, t.TokensOut)
		p.Tokens, p.CacheRead = append(p.Tokens, t.Tokens), append(p.CacheRead, t.CacheRead)
		p.Cost, p.Total, p.Self = append(p.Cost, t.Cost), append(p.Total, t.Total), append(p.Self, t.Self)
		p.P50, p.P95, p.P99 = append(p.P50, t.P50), append(p.P95, t.P95), append(p.P99, t.P99)
		p.Mean, p.Half = append(p.Mean, t.Mean), append(p.Half, t.Half)
	}
	return p
}

type monitorSeries struct {
	Value  string  `json:"value"`
	Label  string  `json:"label"`
	Other  bool    `json:"other"`
	Clause string  `json:"clause"`
	Total  total   `json:"total"`
	Points *points `json:"points"`
}

type monitorSpend struct {
	Per1000 *float64 `json:"per_1000_traces"`
	Month   *float64 `json:"per_month"`
	Hours   float64  `json:"hours"`
	Why     string   `json:"why"`
}

type monitorAnswer struct {
	StartMS  int64           `json:"start_ms"`
	EndMS    int64           `json:"end_ms"`
	BucketMS int64           `json:"bucket_ms"`
	Exact    bool            `json:"exact"`
	Folded   int             `json:"folded"`
	LagMS    int64           `json:"lag_ms"`
	More     int             `json:"more"`
	Error    float64         `json:"quantile_error"`
	Whole    monitorSeries   `json:"whole"`
	Series   []monitorSeries `json:"series"`
	Spend    monitorSpend    `json:"spend"`
}

func (t traces) monitor(ctx context.Context, _ *http.Request, req *monitorRequest) (any, error) {
	now := t.domain.Now()
	q, err := req.query(now)
	if err != nil {
		return nil, err
	}
	m, err := t.domain.Monitor(ctx, q)
	if err != nil {
		return nil, err
	}
	out := monitorAnswer{StartMS: m.Start, EndMS: m.End, BucketMS: m.Bucket, Exact: m.Exact, Folded: m.Folded, LagMS: m.Lag.Milliseconds(),
		More: m.More, Error: tracing.SketchError, Series: []monitorSeries{},
		Whole: monitorSeries{Total: totalOf(m.Whole.Total), Points: pointsOf(m.Whole.Points)}}
	for _, s := range m.Series {
		series := monitorSeries{Value: s.Value, Label: s.Value, Other: s.Other, Clause: s.Clause, Total: totalOf(s.Total), Points: pointsOf(s.Points)}
		if q.By == tracing.ByExperiment && !s.Other {
			series.Label = t.experiments.ExperimentName(ctx, s.Value)
		}
		out.Series = append(out.Series, series)
	}
	spend := m.Spend(now)
	out.Spend = monitorSpend{dollars(spend.Per1000), dollars(spend.Month), spend.Length.Hours(), spend.Why}
	return out, nil
}

// node is a row of the statistics of one trace.
type node struct {
	Value string `json:"value"`
	Total total  `json:"total"`
}

// nodes serves count, total and self time of the parts of one trace.
func (t traces) nodes(ctx context.Context, r *http.Request) (any, error) {
	id, err := trace.ParseID(r.PathValue("trace_id"))
	if err != nil {
		return nil, err
	}
	by := r.URL.Query().Get("by")
	if by == "" {
		by = tracing.DimSpan.String()
	}
	list, err := t.domain.TraceNodes(ctx, id, by)
	if err != nil {
		return nil, err
	}
	out := []node{}
	for _, n := range list {
		out = append(out, node{n.Value, totalOf(n.Total)})
	}
	return map[string]any{"by": by, "nodes": out}, nil
}
