package mlflow

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracking"
)

// Clients before 3.4 keep a trace's spans in the artifact traces.json, which
// they put at <experiment>/traces/<trace>/artifacts/ of the artifact proxy.
// Its spans are taken in like any others, so that such a trace can be read,
// searched and shown; and for a trace whose spans came another way the file
// is made up when a client asks for it.

// maxTraceFile bounds a traces.json that is read into spans; a larger one
// stays an artifact.
const maxTraceFile = 256 << 20

// traceFile reads the trace from the path of a traces.json below the root of
// the artifact proxy.
func traceFile(path string) (trace.ID, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) != 5 || parts[1] != "traces" || parts[3] != "artifacts" || parts[4] != "traces.json" {
		return trace.ID{}, false
	}
	id, err := trace.ParseID(parts[2])
	return id, err == nil
}

// artifactStored is called by the artifact proxy after it has stored path. It
// never fails the upload: what cannot be read stays an artifact.
func (s *Server) artifactStored(ctx context.Context, path string, open func(context.Context) (io.ReadCloser, error)) {
	id, ok := traceFile(path)
	if !ok || s.traces == nil {
		return
	}
	r, err := open(ctx)
	if err == nil {
		defer r.Close()
		err = s.traces.takeFile(ctx, id, r)
	}
	if err != nil {
		s.Log.Warn("spans of an uploaded trace were not taken in", "trace", id.String(), "error", err)
	}
}

// artifactMissing is called by the artifact proxy when path does not exist. It
// reports whether it has answered: with the traces.json of a trace whose spans
// came another way.
func (s *Server) artifactMissing(w http.ResponseWriter, r *http.Request, path string) (answered bool, err error) {
	id, ok := traceFile(path)
	if !ok || s.traces == nil {
		return false, nil
	}
	if _, err := s.traces.tracing.Info(r.Context(), id); err != nil {
		return false, nil
	}
	return true, s.traces.writeFile(r.Context(), w, id, s.traces.appendFileSpanV2)
}

// takeFile takes in the spans of an uploaded traces.json. A file that holds
// none that can be read is Invalid; a trace that has no header, NotFound.
func (h traces) takeFile(ctx context.Context, id trace.ID, r io.Reader) error {
	info, err := h.tracing.Info(ctx, id)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(r, maxTraceFile+1))
	if err != nil {
		return fault.Wrap(fault.Unavailable, "mlflow.takeFile", err, "traces.json could not be read back")
	}
	if len(body) > maxTraceFile {
		return fault.New(fault.TooLarge, "traces.json is over %d MiB; its spans are not read", maxTraceFile>>20)
	}
	spans, err := parseTraceFile(body, id)
	if err != nil || len(spans) == 0 {
		return err
	}
	_, _, err = h.tracing.Ingest(ctx, trace.Batch{ExperimentID: info.Experiment, Spans: spans})
	return err
}

// fileSpan is a span of traces.json in either of its versions: 2 has context,
// parent_id, start_time and status_code, 3 the names of OTLP.
type fileSpan struct {
	Name       string                     `json:"name"`
	Attributes map[string]json.RawMessage `json:"attributes"`
	Events     []struct {
		Name       string          `json:"name"`
		Time       Int             `json:"timestamp"`
		UnixNano   Int             `json:"time_unix_nano"`
		Attributes json.RawMessage `json:"attributes"`
	} `json:"events"`

	Context struct {
		SpanID string `json:"span_id"`
	} `json:"context"`
	Parent        string `json:"parent_id"`
	Start         Int    `json:"start_time"`
	End           Int    `json:"end_time"`
	StatusCode    string `json:"status_code"`
	StatusMessage string `json:"status_message"`

	SpanID       string `json:"span_id"`
	ParentSpanID string `json:"parent_span_id"`
	StartNano    Int    `json:"start_time_unix_nano"`
	EndNano      Int    `json:"end_time_unix_nano"`
	Status       struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"status"`
}

func parseTraceFile(body []byte, id trace.ID) ([]trace.Span, error) {
	var file struct {
		Spans []fileSpan `json:"spans"`
	}
	if err := decodeJSON(body, &file); err != nil {
		return nil, err
	}
	src := &trace.Source{Scope: "mlflow"}
	spans := make([]trace.Span, 0, len(file.Spans))
	for i := range file.Spans {
		s, err := file.Spans[i].toSpan(id)
		if err != nil {
			return nil, err
		}
		s.Source = src
		s.Raw = trace.AppendSpan(nil, &s)
		spans = append(spans, s)
	}
	return spans, nil
}

// toSpan gives the span the id of the header: files of version 2 carry
// another in their spans.
func (f *fileSpan) toSpan(id trace.ID) (trace.Span, error) {
	s := trace.Span{
		TraceID: id, Name: f.Name, StatusMessage: f.StatusMessage + f.Status.Message,
		Start: int64(max(f.Start, f.StartNano, 0)), End: int64(max(f.End, f.EndNano, 0)),
	}
	var err error
	if s.ID, err = fileSpanID(f.Context.SpanID + f.SpanID); err != nil {
		return s, err
	}
	if s.ID.IsZero() {
		return s, fault.Invalidf("a span of traces.json has no id")
	}
	if s.Parent, err = fileSpanID(f.Parent + f.ParentSpanID); err != nil {
		return s, err
	}
	switch f.StatusCode + f.Status.Code {
	case "OK", "STATUS_CODE_OK":
		s.Status = trace.OK
	case "ERROR", "STATUS_CODE_ERROR":
		s.Status = trace.Error
	}
	for _, key := range slices.Sorted(maps.Keys(f.Attributes)) {
		s.Attrs = append(s.Attrs, trace.Attr{Key: key, Value: relayered(fileValue(f.Attributes[key]))})
	}
	for _, e := range f.Events {
		out := trace.Event{Name: e.Name, Time: int64(max(e.Time, e.UnixNano, 0))}
		if v, err := trace.ParseValue(e.Attributes); err == nil {
			out.Attrs = v.Map
		}
		s.Events = append(s.Events, out)
	}
	return s, nil
}

// fileSpanID reads 0x and hexadecimal digits, of which leading zeros may be
// missing, or base64.
func fileSpanID(s string) (id trace.SpanID, err error) {
	if s == "" {
		return id, nil
	}
	var b []byte
	if digits, ok := strings.CutPrefix(s, "0x"); ok {
		if len(digits) < 16 {
			digits = strings.Repeat("0", 16-len(digits)) + digits
		}
		b, err = hex.DecodeString(digits)
	} else if len(s) == 16 {
		b, err = hex.DecodeString(s)
	} else {
		b, err = base64.StdEncoding.DecodeString(s)
	}
	if err != nil || len(b) != len(id) {
		return id, fault.Invalidf("a span id of traces.json is neither hexadecimal nor base64 of 8 bytes")
	}
	copy(id[:], b)
	return id, nil
}

// fileValue is the value behind an attribute, which is a JSON text.
func fileValue(raw json.RawMessage) trace.Value {
	v, err := trace.ParseValue(raw)
	if err != nil || v.Kind != trace.String {
		return v
	}
	if inner, err := trace.ParseValue([]byte(v.Str)); err == nil {
		return inner
	}
	return v
}

// file writes the spans of a trace as the file traces.json, for MLflow's own
// pages.
func (h traces) file(w http.ResponseWriter, r *http.Request) error {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fault.Invalidf("the query string is malformed")
	}
	name := q.Get("request_id")
	if name == "" {
		return withCode("BAD_REQUEST", fault.Invalidf(`Request must include the "request_id" query parameter.`))
	}
	id, err := traceID(name)
	if err != nil {
		return err
	}
	if path := q.Get("path"); path != "" {
		return h.attachment(w, r, id, path)
	}
	return h.writeFile(r.Context(), w, id, h.appendFileSpan)
}

// attachment writes a file that a client has put beside a trace.
func (h traces) attachment(w http.ResponseWriter, r *http.Request, id trace.ID, path string) error {
	if err := tracking.CheckPath(path); err != nil {
		return err
	}
	info, err := h.tracing.Info(r.Context(), id)
	if err != nil {
		return err
	}
	if h.server.artifacts == nil {
		return fault.New(fault.Unsupported, "this server keeps no artifacts")
	}
	return h.server.artifacts.send(w, r, tracking.ArtifactRoot, info.Experiment+"/traces/"+id.String()+"/artifacts/attachments/"+path)
}

// writeFile makes up the file traces.json of a trace, each span written by one.
func (h traces) writeFile(ctx context.Context, w http.ResponseWriter, id trace.ID, one func([]byte, *trace.Span) []byte) error {
	out := newStream(w)
	w.Header().Set("Content-Disposition", `attachment; filename="traces.json"`)
	out.raw(`{"spans":[`)
	var request, response trace.Value
	for s, err := range h.tracing.Spans(ctx, id) {
		if err != nil {
			out.fail(err)
			break
		}
		out.buf = one(separate(out.buf), s)
		out.flush()
		if s.Parent.IsZero() {
			attrs := h.dressed(s)
			request, _ = trace.Lookup(attrs, "mlflow.spanInputs")
			response, _ = trace.Lookup(attrs, "mlflow.spanOutputs")
		}
	}
	out.raw(`],"request":`)
	out.buf = appendJSONText(out.buf, request)
	out.raw(`,"response":`)
	out.buf = appendJSONText(out.buf, response)
	out.raw("}")
	return out.close()
}

// appendJSONText writes a value as JSON inside a string, or null.
func appendJSONText(b []byte, v trace.Value) []byte {
	if v.Kind == trace.Null {
		return append(b, "null"...)
	}
	return appendText(b, string(v.AppendJSON(nil)))
}

// appendFileSpan writes a span as MLflow's file form has it: attributes as a
// map of JSON texts.
func (h traces) appendFileSpan(b []byte, s *trace.Span) []byte {
	b = append(b, `{"trace_id":"`...)
	b = base64.StdEncoding.AppendEncode(b, s.TraceID[:])
	b = append(b, `","span_id":"`...)
	b = base64.StdEncoding.AppendEncode(b, s.ID[:])
	b = append(b, `","parent_span_id":`...)
	if s.Parent.IsZero() {
		b = append(b, "null"...)
	} else {
		b = append(base64.StdEncoding.AppendEncode(append(b, '"'), s.Parent[:]), '"')
	}
	b = appendTextField(b, "name", s.Name)
	b = appendIntField(b, "start_time_unix_nano", s.Start)
	if s.End != 0 {
		b = appendIntField(b, "end_time_unix_nano", s.End)
	}
	b = append(appendField(b, "status"), '{')
	code := [...]string{"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"}[min(s.Status, trace.Error)]
	b = appendTextField(b, "message", s.StatusMessage)
	b = append(appendTextField(b, "code", code), '}')
	b = append(appendField(b, "attributes"), '{')
	for _, a := range h.dressed(s) {
		b = append(appendText(separateFields(b), a.Key), ':')
		b = appendText(b, string(a.Value.AppendJSON(nil)))
	}
	b = append(b, '}')
	b = append(appendField(b, "events"), '[')
	for i := range s.Events {
		e := &s.Events[i]
		b = appendTextField(append(separate(b), '{'), "name", e.Name)
		b = appendIntField(b, "time_unix_nano", e.Time)
		b = trace.AppendJSONAttrs(appendField(b, "attributes"), e.Attrs)
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

// appendFileSpanV2 writes a span as clients before 3.0 read it.
func (h traces) appendFileSpanV2(b []byte, s *trace.Span) []byte {
	b = appendTextField(append(b, '{'), "name", s.Name)
	b = append(appendField(b, "context"), `{"span_id":"0x`...)
	b = hex.AppendEncode(b, s.ID[:])
	b = append(b, `","trace_id":"0x`...)
	b = hex.AppendEncode(b, s.TraceID[:])
	b = append(b, `"},"parent_id":`...)
	if s.Parent.IsZero() {
		b = append(b, "null"...)
	} else {
		b = append(hex.AppendEncode(append(b, `"0x`...), s.Parent[:]), '"')
	}
	b = appendIntField(b, "start_time", s.Start)
	b = appendIntField(b, "end_time", s.End)
	b = appendTextField(b, "status_code", [...]string{"UNSET", "OK", "ERROR"}[min(s.Status, trace.Error)])
	b = appendTextField(b, "status_message", s.StatusMessage)
	b = append(appendField(b, "attributes"), '{')
	for _, a := range h.dressed(s) {
		b = append(appendText(separateFields(b), a.Key), ':')
		b = appendText(b, string(a.Value.AppendJSON(nil)))
	}
	b = append(append(b, '}'), `,"events":[`...)
	for i := range s.Events {
		e := &s.Events[i]
		b = appendTextField(append(separate(b), '{'), "name", e.Name)
		b = appendIntField(b, "timestamp", e.Time)
		b = append(trace.AppendJSONAttrs(appendField(b, "attributes"), e.Attrs), '}')
	}
	return append(b, "]}"...)
}
