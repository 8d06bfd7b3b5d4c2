package mlflow

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

const tracesPage = 100

// attachmentMark begins what stands in a span for a file beside the trace.
const attachmentMark = "mlflow-attachment://"

type traceInfoV2In struct {
	ID         string     `json:"request_id"`
	Experiment string     `json:"experiment_id"`
	Time       Int        `json:"timestamp_ms"`
	Duration   *Int       `json:"execution_time_ms"`
	Status     string     `json:"status"`
	Metadata   []keyValue `json:"request_metadata"`
	Tags       []keyValue `json:"tags"`
}

func (t *traceInfoV2In) toInfo() (tracing.Info, error) {
	id, err := trace.ParseID(t.ID)
	info := tracing.Info{ID: id, Experiment: t.Experiment, RequestTime: int64(t.Time), Duration: -1, State: traceState(t.Status),
		Metadata: toMap(t.Metadata), Tags: toMap(t.Tags)}
	if t.Duration != nil && info.State != tracing.InProgress {
		info.Duration = int64(*t.Duration)
	}
	return info, err
}

// Traces implements [flow.Source].
func (c *Client) Traces(ctx context.Context, experiment int64, token string) ([]tracing.Info, string, error) {
	id := strconv.FormatInt(experiment, 10)
	clear(c.names)
	if c.major < 3 {
		return c.tracesV2(ctx, id, token)
	}
	var out struct {
		Traces []traceInfo `json:"traces"`
		Next   string      `json:"next_page_token"`
	}
	in := map[string]any{
		"locations":   []any{map[string]any{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": map[string]string{"experiment_id": id}}},
		"max_results": tracesPage, "order_by": []string{"timestamp_ms ASC"},
	}
	if token != "" {
		in["page_token"] = token
	}
	if err := c.call(ctx, http.MethodPost, rest3+"traces/search", nil, in, &out); err != nil {
		return nil, "", err
	}
	list := make([]tracing.Info, len(out.Traces))
	for i := range out.Traces {
		var err error
		if list[i], err = out.Traces[i].toInfo(); err != nil {
			return nil, "", err
		}
		c.name(list[i].ID, out.Traces[i].TraceID)
	}
	return list, out.Next, nil
}

// name remembers what the source calls a trace of the page: clients before 3.0
// gave ids without a prefix, and servers keep those.
func (c *Client) name(id trace.ID, name string) {
	if id.String() != name {
		c.names[id] = name
	}
}

func (c *Client) nameOf(id trace.ID) string {
	if name, ok := c.names[id]; ok {
		return name
	}
	return id.String()
}

func (c *Client) tracesV2(ctx context.Context, experiment, token string) ([]tracing.Info, string, error) {
	var out struct {
		Traces []traceInfoV2In `json:"traces"`
		Next   string          `json:"next_page_token"`
	}
	q := url.Values{"experiment_ids": {experiment}, "max_results": {strconv.Itoa(tracesPage)}, "order_by": {"timestamp_ms ASC"}}
	if token != "" {
		q.Set("page_token", token)
	}
	if err := c.call(ctx, http.MethodGet, rest2+"traces", q, nil, &out); err != nil {
		return nil, "", absent(err)
	}
	list := make([]tracing.Info, len(out.Traces))
	for i := range out.Traces {
		var err error
		if list[i], err = out.Traces[i].toInfo(); err != nil {
			return nil, "", err
		}
		c.name(list[i].ID, out.Traces[i].ID)
	}
	return list, out.Next, nil
}

// Bodies implements [flow.Source]. Spans come from the tracking store where the
// header says so, and from the artifact of the trace otherwise.
func (c *Client) Bodies(ctx context.Context, infos []tracing.Info) ([]flow.Body, error) {
	out := make([]flow.Body, len(infos))
	at := map[trace.ID]int{}
	q := url.Values{}
	for i := range infos {
		out[i].Info = infos[i]
		if infos[i].Tags[tracing.TagSpansLocation] == "TRACKING_STORE" {
			at[infos[i].ID] = i
			q.Add("trace_ids", c.nameOf(infos[i].ID))
		}
	}
	if len(at) > 0 {
		var list struct {
			Traces []traceIn `json:"traces"`
		}
		err := c.call(ctx, http.MethodGet, rest3+"traces/batchGet", q, nil, &list)
		if err := flowStops(err); err != nil {
			return nil, err
		}
		for i := range list.Traces {
			t := &list.Traces[i]
			id, err := trace.ParseID(t.Info.TraceID)
			if n, ok := at[id]; ok && err == nil {
				delete(at, id)
				t.into(&out[n])
			}
		}
	}
	for i := range out {
		id := infos[i].ID
		if _, rest := at[id]; rest {
			// The whole batch was refused, or the trace is not complete yet.
			var one struct {
				Trace traceIn `json:"trace"`
			}
			out[i].Err = c.call(ctx, http.MethodGet, rest3+"traces/get", url.Values{"trace_id": {c.nameOf(id)}, "allow_partial": {"true"}}, nil, &one)
			if out[i].Err == nil {
				one.Trace.into(&out[i])
			}
		} else if infos[i].Tags[tracing.TagSpansLocation] != "TRACKING_STORE" {
			c.spansOfFile(ctx, &out[i])
		}
		if err := flowStops(out[i].Err); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// flowStops is the error of a source that does not answer, and nil for one
// about a single thing.
func flowStops(err error) error {
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.Canceled, fault.Unauthenticated, fault.Denied:
		return err
	}
	return nil
}

// spansOfFile reads the spans of a trace from its traces.json. A trace that has
// none, as one that was never finished, has no spans.
func (c *Client) spansOfFile(ctx context.Context, b *flow.Body) {
	resp, err := c.send(ctx, http.MethodGet, "/ajax-api/2.0/mlflow/get-trace-artifact", url.Values{"request_id": {c.nameOf(b.Info.ID)}}, nil)
	if err != nil {
		if b.Err = absent(err); b.Info.State == tracing.InProgress && flowStops(err) == nil {
			b.Err = nil
		}
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTraceFile+1))
	switch {
	case err != nil:
		b.Err = c.broken(err)
	case len(body) > maxTraceFile:
		b.Err = fault.New(fault.TooLarge, "the trace is over %d MiB", maxTraceFile>>20)
	default:
		b.Spans, b.Err = parseTraceFile(body, b.Info.ID)
		b.Attachments = bytes.Contains(body, []byte(attachmentMark))
	}
}

// traceIn is a trace with its spans as protobuf's JSON form has them.
type traceIn struct {
	Info  traceInfo `json:"trace_info"`
	Spans []spanIn  `json:"spans"`
}

// into fills a body. The header of the answer is the one that belongs to the
// spans: it has its assessments.
func (t *traceIn) into(b *flow.Body) {
	if info, err := t.Info.toInfo(); err == nil {
		b.Info = info
	}
	src := &trace.Source{Scope: "mlflow"}
	for i := range t.Spans {
		s, err := t.Spans[i].toSpan(b.Info.ID)
		if err != nil {
			b.Err = err
			return
		}
		s.Source = src
		s.Raw = trace.AppendSpan(nil, &s)
		b.Attachments = b.Attachments || bytes.Contains(s.Raw, []byte(attachmentMark))
		b.Spans = append(b.Spans, s)
	}
}

type attrIn struct {
	Key   string   `json:"key"`
	Value *valueIn `json:"value"`
}

// valueIn is OpenTelemetry's AnyValue.
type valueIn struct {
	String *string `json:"string_value"`
	Bool   *bool   `json:"bool_value"`
	Int    *Int    `json:"int_value"`
	Double *Float  `json:"double_value"`
	Bytes  *string `json:"bytes_value"`
	Array  *struct {
		Values []valueIn `json:"values"`
	} `json:"array_value"`
	List *struct {
		Values []attrIn `json:"values"`
	} `json:"kvlist_value"`
}

type spanIn struct {
	ID     string   `json:"span_id"`
	Parent string   `json:"parent_span_id"`
	State  string   `json:"trace_state"`
	Name   string   `json:"name"`
	Start  Int      `json:"start_time_unix_nano"`
	End    Int      `json:"end_time_unix_nano"`
	Attrs  []attrIn `json:"attributes"`
	Events []struct {
		Time  Int      `json:"time_unix_nano"`
		Name  string   `json:"name"`
		Attrs []attrIn `json:"attributes"`
	} `json:"events"`
	Links []struct {
		TraceID string   `json:"trace_id"`
		SpanID  string   `json:"span_id"`
		Attrs   []attrIn `json:"attributes"`
	} `json:"links"`
	Status struct {
		Message string    `json:"message"`
		Code    enumValue `json:"code"`
	} `json:"status"`
}

func (s *spanIn) toSpan(id trace.ID) (trace.Span, error) {
	out := trace.Span{TraceID: id, Name: s.Name, State: s.State, Start: int64(max(s.Start, 0)), End: int64(max(s.End, 0)), StatusMessage: s.Status.Message}
	var err error
	if out.ID, err = spanIDIn(s.ID); err != nil {
		return out, err
	}
	if out.ID.IsZero() {
		return out, fault.Invalidf("span %q has no id", clip(s.Name))
	}
	if out.Parent, err = spanIDIn(s.Parent); err != nil {
		return out, err
	}
	switch s.Status.Code {
	case "STATUS_CODE_OK", "1":
		out.Status = trace.OK
	case "STATUS_CODE_ERROR", "2":
		out.Status = trace.Error
	}
	for i := range s.Attrs {
		a := s.Attrs[i].toAttr(0)
		a.Value = relayered(a.Value)
		out.Attrs = append(out.Attrs, a)
	}
	for i := range s.Events {
		e := &s.Events[i]
		out.Events = append(out.Events, trace.Event{Time: int64(e.Time), Name: e.Name, Attrs: attrsIn(e.Attrs, 0)})
	}
	for i := range s.Links {
		l := &s.Links[i]
		link := trace.Link{Attrs: attrsIn(l.Attrs, 0)}
		raw, err := base64.StdEncoding.DecodeString(l.TraceID)
		if err != nil || len(raw) != len(link.TraceID) {
			return out, fault.Invalidf("span %q links to %q, which is no trace id", clip(s.Name), clip(l.TraceID))
		}
		copy(link.TraceID[:], raw)
		if link.SpanID, err = spanIDIn(l.SpanID); err != nil {
			return out, err
		}
		out.Links = append(out.Links, link)
	}
	return out, nil
}

func spanIDIn(s string) (id trace.SpanID, err error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) != 0 && len(raw) != len(id) {
		return id, fault.Invalidf("%q is no span id", clip(s))
	}
	copy(id[:], raw)
	return id, nil
}

func attrsIn(list []attrIn, depth int) []trace.Attr {
	var out []trace.Attr
	for i := range list {
		out = append(out, list[i].toAttr(depth))
	}
	return out
}

func (a *attrIn) toAttr(depth int) trace.Attr {
	out := trace.Attr{Key: a.Key}
	if a.Value != nil {
		out.Value = a.Value.toValue(depth)
	}
	return out
}

// maxNesting bounds values in values; what lies deeper is dropped.
const maxNesting = 60

func (v *valueIn) toValue(depth int) trace.Value {
	switch {
	case depth > maxNesting:
	case v.String != nil:
		return trace.StringValue(*v.String)
	case v.Bool != nil:
		out := trace.Value{Kind: trace.Bool}
		if *v.Bool {
			out.Int = 1
		}
		return out
	case v.Int != nil:
		return trace.Value{Kind: trace.Int, Int: int64(*v.Int)}
	case v.Double != nil:
		return trace.Value{Kind: trace.Float, Float: float64(*v.Double)}
	case v.Bytes != nil:
		raw, _ := base64.StdEncoding.DecodeString(*v.Bytes)
		return trace.Value{Kind: trace.Bytes, Str: string(raw)}
	case v.Array != nil:
		out := trace.Value{Kind: trace.List}
		for i := range v.Array.Values {
			out.List = append(out.List, v.Array.Values[i].toValue(depth+1))
		}
		return out
	case v.List != nil:
		return trace.Value{Kind: trace.Map, Map: attrsIn(v.List.Values, depth+1)}
	}
	return trace.Value{}
}

// relayered is the reverse of [decoded]: a text that would be read as JSON once
// more is kept with one more layer of it, as an exporter would have sent it.
func relayered(v trace.Value) trace.Value {
	if v.Kind == trace.String && decoded(v).Kind != trace.String || v.Kind == trace.String && decoded(v).Str != v.Str {
		text, err := json.Marshal(v.Str)
		if err == nil {
			v.Str = string(text)
		}
	}
	return v
}
