package mlflow

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracing/normalise"
)

// traces serves traces, their spans and assessments. Spans themselves come in
// over OTLP, or from clients before 3.4 as the artifact traces.json.
type traces struct {
	server  *Server
	tracing *tracing.Service
	norm    *normalise.Normaliser
	wait    func(ctx context.Context, d time.Duration) error
}

// ServeTraces adds traces and assessments, in both versions of the API.
func (s *Server) ServeTraces(t *tracing.Service) {
	h := traces{server: s, tracing: t, norm: normalise.New(), wait: sleep}
	s.traces = &h
	s.groups = append(s.groups, h.v3, h.v2, h.assessments)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h traces) v3() []route {
	const base = "mlflow/traces"
	return []route{
		v3(http.MethodPost, base, caller.Write, bind(h.start)),
		v3(http.MethodGet, base+"/{trace_id}", caller.Read, bind(h.info)),
		{Version: "3.0", Method: http.MethodGet, Path: base + "/get", Need: caller.Read, Stream: h.get},
		{Version: "3.0", Method: http.MethodGet, Path: base + "/batchGet", Need: caller.Read, Stream: h.batchGet},
		v3(http.MethodPost, base+"/batchGetInfos", caller.Read, bind(h.batchInfos)),
		v3(http.MethodPost, base+"/search", caller.Read, bind(h.search)),
		v3(http.MethodPost, base+"/delete-traces", caller.Write, bind(h.delete)),
		v3(http.MethodPatch, base+"/{trace_id}/tags", caller.Write, bind(h.setTag)),
		v3(http.MethodDelete, base+"/{trace_id}/tags", caller.Write, bind(h.deleteTag)),
		v3(http.MethodPost, base+"/calculate-filter-correlation", caller.Read, bind(h.correlate)),
		v3(http.MethodPost, base+"/metrics", caller.Read, bind(h.metrics)),
		{Version: "2.0", Method: http.MethodGet, Path: "mlflow/get-trace-artifact", Need: caller.Read, Ajax: true, Stream: h.file},
		{Version: "3.0", Method: http.MethodGet, Path: "mlflow/get-trace-artifact", Need: caller.Read, Ajax: true, Stream: h.file},
	}
}

// traceID reads an id a client names a trace by. One that is no trace id
// names nothing, as MLflow has it.
func traceID(s string) (trace.ID, error) {
	id, err := trace.ParseID(s)
	if err != nil {
		return id, fault.NotFoundf("Trace with ID '%s' not found.", clip(s))
	}
	return id, nil
}

// traceIDs reads those of list that are trace ids.
func traceIDs(list []string) []trace.ID {
	ids := make([]trace.ID, 0, len(list))
	for _, s := range list {
		if id, err := trace.ParseID(s); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// traceInfo is MLflow's TraceInfoV3 as it arrives; it is written by hand.
type traceInfo struct {
	TraceID         string            `json:"trace_id"`
	ClientRequestID string            `json:"client_request_id"`
	Location        traceLocation     `json:"trace_location"`
	RequestPreview  string            `json:"request_preview"`
	ResponsePreview string            `json:"response_preview"`
	RequestTime     timestamp         `json:"request_time"`
	Duration        *duration         `json:"execution_duration"`
	State           string            `json:"state"`
	Metadata        map[string]string `json:"trace_metadata"`
	Tags            map[string]string `json:"tags"`
	Assessments     []assessment      `json:"assessments"`
}

type traceLocation struct {
	Type       string `json:"type"`
	Experiment *struct {
		ID string `json:"experiment_id"`
	} `json:"mlflow_experiment"`
}

// finalized is MLflow's mark of a header that a client sent, as opposed to one
// made from spans, or opened by a client before 3.0.
const finalized = "mlflow.trace.infoFinalized"

type startRequest struct {
	Trace *traceHeader `json:"trace"`
}

type traceHeader struct {
	Info traceInfo `json:"trace_info"`
}

func (h traces) start(ctx context.Context, r *startRequest) (any, error) {
	if r.Trace == nil {
		return nil, missing("trace")
	}
	in, err := r.Trace.Info.toInfo()
	if err != nil {
		return nil, err
	}
	if in.Metadata == nil {
		in.Metadata = map[string]string{}
	}
	in.Metadata[finalized] = "true"
	info, err := h.tracing.StartTrace(ctx, in)
	if err != nil {
		return nil, err
	}
	return answerInfo(&info), nil
}

func (t *traceInfo) toInfo() (tracing.Info, error) {
	id, err := trace.ParseID(t.TraceID)
	if err != nil {
		return tracing.Info{}, err
	}
	if t.Location.Experiment == nil {
		return tracing.Info{}, fault.Invalidf("trace_location.mlflow_experiment must name the trace's experiment")
	}
	info := tracing.Info{
		ID: id, ClientRequestID: t.ClientRequestID, Experiment: t.Location.Experiment.ID,
		RequestTime: int64(t.RequestTime), Duration: -1, State: traceState(t.State),
		RequestPreview: t.RequestPreview, ResponsePreview: t.ResponsePreview,
		Tags: t.Tags, Metadata: t.Metadata,
	}
	if t.Duration != nil {
		info.Duration = int64(*t.Duration)
	}
	for i := range t.Assessments {
		a, err := t.Assessments[i].toAssessment(id)
		if err != nil {
			return tracing.Info{}, err
		}
		info.Assessments = append(info.Assessments, a)
	}
	return info, nil
}

// traceState reads a state; protobuf's JSON form ignores names it does not
// know, and so do we.
func traceState(s string) tracing.State {
	if _, ok := tracing.StateNumber(tracing.State(s)); ok {
		return tracing.State(s)
	}
	return tracing.StateUnspecified
}

type traceRequest struct {
	TraceID string `json:"trace_id"`
}

func (h traces) info(ctx context.Context, r *traceRequest) (any, error) {
	id, err := traceID(r.TraceID)
	if err != nil {
		return nil, err
	}
	info, err := h.tracing.Info(ctx, id)
	if err != nil {
		return nil, err
	}
	return answerInfo(&info), nil
}

// batchRequest names traces; a list of experiments, even an empty one, keeps
// those out that belong to others.
type batchRequest struct {
	TraceIDs    []string `json:"trace_ids"`
	Experiments []string `json:"experiment_ids"`
}

func (r *batchRequest) admits(info *tracing.Info) bool {
	return r.Experiments == nil || slices.Contains(r.Experiments, info.Experiment)
}

func (h traces) batchInfos(ctx context.Context, r *batchRequest) (any, error) {
	if len(r.TraceIDs) == 0 {
		return nil, missing("trace_ids")
	}
	infos, err := h.tracing.Infos(ctx, traceIDs(r.TraceIDs))
	if err != nil {
		return nil, err
	}
	infos = slices.DeleteFunc(infos, func(i tracing.Info) bool { return !r.admits(&i) })
	return encoded(append(appendList([]byte("{"), "trace_infos", infos, appendTraceInfo), '}')), nil
}

// separate writes a comma unless an array has just been opened. An empty b is
// the rest of a stream whose first element has left.
func separate(b []byte) []byte {
	if len(b) > 0 && b[len(b)-1] == '[' {
		return b
	}
	return append(b, ',')
}

type searchTracesRequest struct {
	Locations   []traceLocation `json:"locations"`
	Experiments []string        `json:"experiment_ids"` // the v2 name of locations
	Filter      string          `json:"filter"`
	Max         *Int            `json:"max_results"`
	Order       []string        `json:"order_by"`
	Token       string          `json:"page_token"`
}

const maxTraces = 500

func (r *searchTracesRequest) toSearch() (tracing.Search, error) {
	q := tracing.Search{Limit: 100, Token: r.Token}
	q.Experiments = r.Experiments
	if r.Max != nil {
		if *r.Max < 1 {
			return q, fault.Invalidf("Invalid value %d for parameter 'max_results' supplied. It must be a positive integer", int64(*r.Max))
		}
		if *r.Max > maxTraces {
			return q, fault.Invalidf("Invalid value %d for parameter 'max_results' supplied: it must be at most %d", int64(*r.Max), maxTraces)
		}
		q.Limit = int(*r.Max)
	}
	var err error
	if q.Filter, err = filter.Parse(filter.Traces, r.Filter); err != nil {
		return q, err
	}
	q.Order, err = filter.ParseOrder(filter.Traces, r.Order)
	return q, err
}

func (h traces) search(ctx context.Context, r *searchTracesRequest) (any, error) {
	if r.Locations == nil {
		return nil, missing("locations")
	}
	r.Experiments = nil
	for _, l := range r.Locations {
		if l.Experiment != nil {
			r.Experiments = append(r.Experiments, l.Experiment.ID)
		}
	}
	return h.searchPage(ctx, r, appendTraceInfo)
}

// searchPage answers a search, each trace written by one.
func (h traces) searchPage(ctx context.Context, r *searchTracesRequest, one func([]byte, *tracing.Info) []byte) (any, error) {
	q, err := r.toSearch()
	if err != nil {
		return nil, err
	}
	if len(q.Experiments) == 0 { // no location of ours: nothing can match
		return empty{}, nil
	}
	page, err := h.tracing.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	b := appendList([]byte("{"), "traces", page.Infos, one)
	if page.Next != "" {
		b = appendTextField(b, "next_page_token", page.Next)
	}
	return encoded(append(b, '}')), nil
}

type deleteTracesRequest struct {
	Experiment string   `json:"experiment_id"`
	Before     *Int     `json:"max_timestamp_millis"`
	Max        *Int     `json:"max_traces"`
	RequestIDs []string `json:"request_ids"`
}

func (h traces) delete(ctx context.Context, r *deleteTracesRequest) (any, error) {
	switch {
	case r.Experiment == "":
		return nil, missing("experiment_id")
	case r.Before == nil && len(r.RequestIDs) == 0:
		return nil, fault.Invalidf("Either `max_timestamp_millis` or `trace_ids` must be specified.")
	case r.Before != nil && len(r.RequestIDs) > 0:
		return nil, fault.Invalidf("Only one of `max_timestamp_millis` and `trace_ids` can be specified.")
	case r.Max != nil && len(r.RequestIDs) > 0:
		return nil, fault.Invalidf("`max_traces` can't be specified if `trace_ids` is specified.")
	case r.Max != nil && *r.Max <= 0:
		return nil, fault.Invalidf("`max_traces` must be a positive integer, received %d.", int64(*r.Max))
	}
	d := tracing.Deletion{Experiment: r.Experiment, IDs: traceIDs(r.RequestIDs)}
	if r.Before != nil {
		d.Before = int64(*r.Before)
	}
	if r.Max != nil {
		d.Max = int(*r.Max)
	}
	n := 0
	if len(d.IDs) > 0 || d.Before > 0 { // before the epoch, and without a known id, there is nothing
		var err error
		if n, err = h.tracing.Delete(ctx, d); err != nil {
			return nil, err
		}
	}
	return struct {
		Deleted int `json:"traces_deleted"`
	}{n}, nil
}

type traceTagRequest struct {
	TraceID   string `json:"trace_id"`
	RequestID string `json:"request_id"` // the v2 name of trace_id
	Key       string `json:"key"`
	Value     string `json:"value"`
}

func (r *traceTagRequest) target(verb string) (trace.ID, error) {
	if r.Key == "" {
		return trace.ID{}, missing("key")
	}
	if r.Key == tracing.TagSpansLocation {
		return trace.ID{}, fault.Invalidf("Tag '%s' is immutable and cannot be %s on a trace.", r.Key, verb)
	}
	if r.TraceID == "" {
		r.TraceID = r.RequestID
	}
	return traceID(r.TraceID)
}

func (h traces) setTag(ctx context.Context, r *traceTagRequest) (any, error) {
	id, err := r.target("set")
	if err != nil {
		return nil, err
	}
	if c := path.Clean(r.Key); c != r.Key || c == "." || strings.HasPrefix(c, "..") || path.IsAbs(c) {
		return nil, fault.Invalidf("Invalid value \"%s\" for parameter 'key' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to '%s'", clip(r.Key), clip(c))
	}
	// Longer values are cut, as MLflow cuts them.
	if runes := []rune(r.Value); len(runes) > tracing.MaxTagValue {
		r.Value = string(runes[:tracing.MaxTagValue])
	}
	return empty{}, h.tracing.SetTag(ctx, id, r.Key, r.Value)
}

func (h traces) deleteTag(ctx context.Context, r *traceTagRequest) (any, error) {
	id, err := r.target("deleted")
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracing.DeleteTag(ctx, id, r.Key)
}
