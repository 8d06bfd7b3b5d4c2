package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// Experiments names experiments for the pages that show other nouns.
type Experiments interface {
	// ExperimentName returns the name of an experiment, or "" if it is gone.
	ExperimentName(ctx context.Context, id string) string
}

// traces serves what the pages show of traces.
type traces struct {
	domain      *tracing.Service
	experiments Experiments
	price       PriceAt
}

// ServeTraces adds traces, spans, assessments and sessions.
func (s *Server) ServeTraces(domain *tracing.Service, experiments Experiments, price PriceAt) {
	t := traces{domain, experiments, price}
	const base = "/w/{ws}/traces"
	s.add(
		route{method: "POST", path: base + "/search", need: caller.Read, call: body(t.search)},
		route{method: "POST", path: base + "/count", need: caller.Read, call: body(t.count)},
		route{method: "POST", path: base + "/histogram", need: caller.Read, call: body(t.histogram)},
		route{method: "POST", path: base + "/facets", need: caller.Read, call: body(t.facets)},
		route{method: "POST", path: base + "/delete", need: caller.Write, call: body(t.delete)},
		route{method: "GET", path: base + "/{trace_id}", need: caller.Read, call: t.get},
		route{method: "PATCH", path: base + "/{trace_id}", need: caller.Write, call: body(t.update)},
		route{method: "GET", path: base + "/{trace_id}/skeleton", need: caller.Read, stream: t.skeleton},
		route{method: "GET", path: base + "/{trace_id}/nodes", need: caller.Read, call: t.nodes},
		route{method: "GET", path: base + "/{trace_id}/search", need: caller.Read, call: t.searchInside},
		route{method: "GET", path: base + "/{trace_id}/spans/{span_id}", need: caller.Read, call: t.span},
		route{method: "POST", path: base + "/{trace_id}/assessments", need: caller.Annotate, status: http.StatusCreated, call: body(t.createAssessment)},
		route{method: "PATCH", path: base + "/{trace_id}/assessments/{assessment_id}", need: caller.Annotate, call: body(t.updateAssessment)},
		route{method: "DELETE", path: base + "/{trace_id}/assessments/{assessment_id}", need: caller.Annotate, call: t.deleteAssessment},
		route{method: "POST", path: "/w/{ws}/monitor", need: caller.Read, call: body(t.monitor)},
		route{method: "GET", path: "/w/{ws}/sessions", need: caller.Read, call: t.sessions},
		route{method: "GET", path: "/w/{ws}/sessions/{session}", need: caller.Read, call: t.session},
		route{method: "GET", path: "/w/{ws}/sessions/{session}/turns", need: caller.Read, call: t.turns},
	)
}

// traceQuery is the contract's TraceQuery.
type traceQuery struct {
	ExperimentIDs []string `json:"experiment_ids"`
	Filter        string   `json:"filter"`
	Q             string   `json:"q"`
	FromMS        int64    `json:"from_ms"`
	ToMS          int64    `json:"to_ms"`
	RunID         string   `json:"run_id"`
	Session       string   `json:"session"`
}

const maxText = 500 // characters of full text

func (q traceQuery) query() (tracing.Query, error) {
	if len([]rune(q.Q)) > maxText {
		return tracing.Query{}, fault.Invalidf("q has more than %d characters", maxText)
	}
	expr, err := filter.Parse(filter.Traces, q.Filter)
	if err != nil {
		return tracing.Query{}, err
	}
	return tracing.Query{Experiments: q.ExperimentIDs, Filter: expr, Text: q.Q, From: q.FromMS, To: q.ToMS, Run: q.RunID, Session: q.Session}, nil
}

type tokens struct {
	Input      *int64 `json:"input"`
	Output     *int64 `json:"output"`
	Total      *int64 `json:"total"`
	CacheRead  *int64 `json:"cache_read"`
	CacheWrite *int64 `json:"cache_write"`
	Reasoning  *int64 `json:"reasoning"`
}

func tokensOf(t trace.Tokens) tokens {
	return tokens{count(t.Input), count(t.Output), count(t.Total), count(t.CacheRead), count(t.CacheWrite), count(t.Reasoning)}
}

type traceRow struct {
	TraceID       string            `json:"trace_id"`
	Name          string            `json:"name"`
	ExperimentID  string            `json:"experiment_id"`
	RunID         *string           `json:"run_id"`
	Session       *string           `json:"session"`
	User          *string           `json:"user"`
	Status        string            `json:"status"`
	StartMS       int64             `json:"start_ms"`
	DurationMS    *int64            `json:"duration_ms"`
	InputPreview  string            `json:"input_preview"`
	OutputPreview string            `json:"output_preview"`
	Tokens        tokens            `json:"tokens"`
	Cost          *float64          `json:"cost"`
	Spans         int               `json:"spans"`
	Errors        int               `json:"errors"`
	Models        []string          `json:"models"`
	Tags          map[string]string `json:"tags"`
	Assessments   []assessment      `json:"assessments"`
}

// maxRowAssessments is how many assessments a row carries.
const maxRowAssessments = 20

func statusOfState(s tracing.State) string {
	if s == tracing.StateUnspecified || s == "" {
		return "UNSET"
	}
	return string(s)
}

func rowOf(i tracing.Info) traceRow {
	r := traceRow{
		TraceID: i.ID.String(), Name: i.Name, ExperimentID: i.Experiment, RunID: nullable(i.Run), Session: nullable(i.Session),
		User: nullable(i.User), Status: statusOfState(i.State), StartMS: i.RequestTime, DurationMS: count(i.Duration),
		InputPreview: i.RequestPreview, OutputPreview: i.ResponsePreview, Tokens: tokensOf(i.Tokens), Cost: dollars(i.Cost.Total),
		Spans: i.Spans, Errors: i.Errors, Models: orEmpty(i.Models), Tags: i.Tags, Assessments: []assessment{},
	}
	for _, a := range slices.Backward(i.Assessments) {
		if a.Valid && len(r.Assessments) < maxRowAssessments {
			r.Assessments = append(r.Assessments, assessmentOf(a))
		}
	}
	return r
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

type searchTracesRequest struct {
	traceQuery
	OrderBy   []string `json:"order_by"`
	Limit     int      `json:"limit"`
	PageToken string   `json:"page_token"`
}

// traceOrders are the sort keys of the contract in the domain's words.
var traceOrders = map[string]string{
	"start_ms": "timestamp_ms", "duration_ms": "execution_time_ms", "tokens": "tokens", "cost": "cost", "name": "name", "status": "status",
}

func traceOrder(list []string) ([]filter.Order, error) {
	var out []filter.Order
	for _, s := range list {
		name, desc := strings.CutPrefix(s, "-")
		key, ok := traceOrders[name]
		if !ok {
			return nil, fault.Invalidf("traces cannot be ordered by %q; use start_ms, duration_ms, tokens, cost, name or status, with a leading - for descending", clip(s))
		}
		out = append(out, filter.Order{Field: filter.Field{Group: filter.Attribute, Key: key}, Desc: desc})
	}
	return out, nil
}

func (t traces) search(ctx context.Context, _ *http.Request, req *searchTracesRequest) (any, error) {
	q, err := req.query()
	if err != nil {
		return nil, err
	}
	order, err := traceOrder(req.OrderBy)
	if err != nil {
		return nil, err
	}
	n, err := checkLimit(req.Limit)
	if err != nil {
		return nil, err
	}
	page, err := t.domain.Search(ctx, tracing.Search{Query: q, Order: order, Limit: n, Token: req.PageToken})
	if err != nil {
		return nil, err
	}
	rows := make([]traceRow, len(page.Infos))
	for i, info := range page.Infos {
		rows[i] = rowOf(info)
	}
	return struct {
		Traces  []traceRow `json:"traces"`
		Next    *string    `json:"next_page_token"`
		Lag     *int64     `json:"index_lag_ms"`
		Missing []string   `json:"missing"`
	}{rows, nullable(page.Next), nullable(page.Lag.Milliseconds()), orEmpty(page.Missing)}, nil
}

// counted is the contract's Count.
type counted struct {
	Count int64 `json:"count"`
	Total int64 `json:"total"`
	Exact bool  `json:"exact"`
}

func (t traces) count(ctx context.Context, _ *http.Request, req *traceQuery) (any, error) {
	q, err := req.query()
	if err != nil {
		return nil, err
	}
	n, exact, err := t.domain.Count(ctx, q)
	if err != nil {
		return nil, err
	}
	q.Filter, q.Text = nil, ""
	total, exactTotal, err := t.domain.Count(ctx, q)
	return counted{n, total, exact && exactTotal}, err
}

type deleteTracesRequest struct {
	TraceIDs []string `json:"trace_ids"`
}

func (t traces) delete(ctx context.Context, _ *http.Request, req *deleteTracesRequest) (any, error) {
	ids, err := parseIDs(req.TraceIDs)
	if err != nil {
		return nil, err
	}
	n, err := t.domain.Delete(ctx, tracing.Deletion{IDs: ids})
	return map[string]int{"deleted": n}, err
}

type promptRef struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type usage struct {
	Model    string   `json:"model"`
	Provider *string  `json:"provider"`
	Calls    int      `json:"calls"`
	Tokens   tokens   `json:"tokens"`
	Cost     *float64 `json:"cost"`
	Price    *Price   `json:"price"`
}

type traceDetail struct {
	traceRow
	ExperimentName string            `json:"experiment_name"`
	Metadata       map[string]string `json:"metadata"`
	FirstError     *string           `json:"first_error_span_id"`
	Prompts        []promptRef       `json:"prompts"`
	Usage          []usage           `json:"usage"`
}

func (t traces) get(ctx context.Context, r *http.Request) (any, error) {
	id, err := trace.ParseID(r.PathValue("trace_id"))
	if err != nil {
		return nil, err
	}
	return t.detail(ctx, id)
}

func (t traces) detail(ctx context.Context, id trace.ID) (any, error) {
	info, err := t.domain.Info(ctx, id)
	if err != nil {
		return nil, err
	}
	rows, err := t.domain.Usage(ctx, id)
	if err != nil {
		return nil, err
	}
	d := traceDetail{traceRow: rowOf(info), ExperimentName: t.experiments.ExperimentName(ctx, info.Experiment),
		Metadata: info.Metadata, Prompts: []promptRef{}, Usage: []usage{}}
	d.Assessments = []assessment{} // all of them, superseded ones included
	for _, a := range slices.Backward(info.Assessments) {
		d.Assessments = append(d.Assessments, assessmentOf(a))
	}
	if !info.FirstError.IsZero() {
		d.FirstError = nullable(info.FirstError.String())
	}
	for _, p := range info.Prompts {
		d.Prompts = append(d.Prompts, promptRef{p.Name, p.Version})
	}
	for _, u := range rows {
		d.Usage = append(d.Usage, usage{u.Model, nullable(u.Provider), u.Calls, tokensOf(u.Tokens), dollars(u.Cost.Total),
			t.price(u.Provider, u.Model, time.Unix(0, u.Start))})
	}
	return d, nil
}

type updateTraceRequest struct {
	SetTags    map[string]string `json:"set_tags"`
	DeleteTags []string          `json:"delete_tags"`
}

func (t traces) update(ctx context.Context, r *http.Request, req *updateTraceRequest) (any, error) {
	id, err := trace.ParseID(r.PathValue("trace_id"))
	if err != nil {
		return nil, err
	}
	for key, value := range req.SetTags {
		if err := t.domain.SetTag(ctx, id, key, value); err != nil {
			return nil, err
		}
	}
	for _, key := range req.DeleteTags {
		if err := t.domain.DeleteTag(ctx, id, key); err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	return t.detail(ctx, id)
}

func (t traces) searchInside(ctx context.Context, r *http.Request) (any, error) {
	id, err := trace.ParseID(r.PathValue("trace_id"))
	if err != nil {
		return nil, err
	}
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query().Get("q")
	if q == "" || len([]rune(q)) > maxText {
		return nil, fault.Invalidf("q must have 1 to %d characters", maxText)
	}
	matches, next, err := t.domain.SearchSpans(ctx, id, q, n, r.URL.Query().Get("page_token"))
	if err != nil {
		return nil, err
	}
	type match struct {
		SpanID  string `json:"span_id"`
		Field   string `json:"field"`
		Snippet string `json:"snippet"`
		Start   int    `json:"start"`
		Length  int    `json:"length"`
	}
	out := []match{}
	for _, m := range matches {
		out = append(out, match{m.Span.String(), m.Field, m.Snippet, m.Start, m.Length})
	}
	return map[string]any{"matches": out, "next_page_token": nullable(next)}, nil
}

// rawOrText is JSON as it is when text is JSON, and a JSON string otherwise;
// "" is null.
func rawOrText(text string) json.RawMessage {
	if text == "" {
		return json.RawMessage("null")
	}
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return json.RawMessage(trace.AppendJSONString(nil, text))
}
