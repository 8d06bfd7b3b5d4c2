package mlflow

import (
	"bufio"
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// How long traces/get waits for the spans of a trace whose header is here:
// the client sends both at once and reads at once.
const (
	exportWait  = 3 * time.Second
	exportPoll  = 50 * time.Millisecond
	maxBatchGet = 100
)

type getRequest struct {
	TraceID      string `json:"trace_id"`
	AllowPartial bool   `json:"allow_partial"`
}

// get writes one trace with its spans, streaming: a trace may have tens of
// thousands.
func (h traces) get(w http.ResponseWriter, r *http.Request) error {
	var req getRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	if req.TraceID == "" {
		return missing("trace_id")
	}
	id, err := traceID(req.TraceID)
	if err != nil {
		return err
	}
	info, err := h.complete(r.Context(), id, req.AllowPartial)
	if err != nil {
		return err
	}
	out := newStream(w)
	out.raw(`{"trace":`)
	h.writeTrace(r.Context(), out, &info)
	out.raw("}")
	return out.close()
}

// complete returns the header once all its spans have arrived, or whatever
// there is if partial will do.
func (h traces) complete(ctx context.Context, id trace.ID, partial bool) (tracing.Info, error) {
	for waited := time.Duration(0); ; waited += exportPoll {
		info, err := h.tracing.Info(ctx, id)
		if err != nil || info.Complete || partial {
			return info, err
		}
		if waited >= exportWait {
			return info, fault.NotFoundf("Trace with ID %s is not fully exported yet, please try again later.", id)
		}
		if err := h.wait(ctx, exportPoll); err != nil {
			return info, err
		}
	}
}

// batchGet writes those of the named traces that are complete.
func (h traces) batchGet(w http.ResponseWriter, r *http.Request) error {
	var req batchRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	if len(req.TraceIDs) == 0 {
		return missing("trace_ids")
	}
	if len(req.TraceIDs) > maxBatchGet {
		return fault.Invalidf("at most %d traces can be read at once, got %d", maxBatchGet, len(req.TraceIDs))
	}
	infos, err := h.tracing.Infos(r.Context(), traceIDs(req.TraceIDs))
	if err != nil {
		return err
	}
	out := newStream(w)
	first := true
	for i := range infos {
		if !infos[i].Complete || !req.admits(&infos[i]) {
			continue
		}
		if first {
			out.raw(`{"traces":[`)
		} else {
			out.raw(",")
		}
		first = false
		h.writeTrace(r.Context(), out, &infos[i])
	}
	if first {
		out.raw("{}")
	} else {
		out.raw("]}")
	}
	return out.close()
}

func (h traces) writeTrace(ctx context.Context, out *stream, info *tracing.Info) {
	out.raw(`{"trace_info":`)
	out.buf = appendTraceInfo(out.buf, info)
	open := false
	for s, err := range h.tracing.Spans(ctx, info.ID) {
		if err != nil {
			out.fail(err)
			return
		}
		if open {
			out.raw(",")
		} else {
			out.raw(`,"spans":[`)
			open = true
		}
		out.buf = h.appendSpan(out.buf, s)
		out.flush()
	}
	if open {
		out.raw("]")
	}
	out.raw("}")
}

// stream writes a long answer piece by piece. The status is sent with the
// first piece; a failure after it cuts the connection, since nothing else
// would tell the client that the answer is not whole.
type stream struct {
	w   *bufio.Writer
	h   http.Header
	buf []byte
	err error
	out bool // something has left
}

func newStream(w http.ResponseWriter) *stream {
	w.Header().Set("Content-Type", "application/json")
	return &stream{w: bufio.NewWriterSize(w, 64<<10), h: w.Header()}
}

func (s *stream) raw(text string) { s.buf = append(s.buf, text...) }

func (s *stream) flush() {
	if len(s.buf) < 32<<10 {
		return
	}
	s.out = true
	if _, err := s.w.Write(s.buf); err != nil && s.err == nil {
		s.err = err
	}
	s.buf = s.buf[:0]
}

func (s *stream) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *stream) close() error {
	if s.err != nil && !s.out {
		return s.err
	}
	if s.err != nil {
		panic(http.ErrAbortHandler)
	}
	s.w.Write(s.buf)
	s.w.Flush() // a client that went away is not our failure
	return nil
}

// appendSpan writes a span as protobuf's JSON form of the OTLP message, names
// as in the schema: ids in base64, times as numbers, enums by name.
func (h traces) appendSpan(b []byte, s *trace.Span) []byte {
	b = append(b, `{"trace_id":"`...)
	b = base64.StdEncoding.AppendEncode(b, s.TraceID[:])
	b = append(b, `","span_id":"`...)
	b = base64.StdEncoding.AppendEncode(b, s.ID[:])
	b = append(b, '"')
	if s.State != "" {
		b = appendTextField(b, "trace_state", s.State)
	}
	if !s.Parent.IsZero() {
		b = append(b, `,"parent_span_id":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, s.Parent[:]), '"')
	}
	b = appendTextField(b, "name", s.Name)
	b = appendIntField(b, "start_time_unix_nano", s.Start)
	if s.End != 0 {
		b = appendIntField(b, "end_time_unix_nano", s.End)
	}
	b = appendOTelAttrs(b, h.dressed(s))
	b = appendList(b, "events", s.Events, func(b []byte, e *trace.Event) []byte {
		b = appendIntField(append(b, '{'), "time_unix_nano", e.Time)
		b = appendTextField(b, "name", e.Name)
		return append(appendOTelAttrs(b, e.Attrs), '}')
	})
	b = appendList(b, "links", s.Links, func(b []byte, l *trace.Link) []byte {
		b = append(b, `{"trace_id":"`...)
		b = base64.StdEncoding.AppendEncode(b, l.TraceID[:])
		b = append(b, `","span_id":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, l.SpanID[:]), '"')
		return append(appendOTelAttrs(b, l.Attrs), '}')
	})
	b = append(appendField(b, "status"), '{')
	if s.StatusMessage != "" {
		b = appendTextField(b, "message", s.StatusMessage)
	}
	switch s.Status {
	case trace.OK:
		b = appendTextField(b, "code", "STATUS_CODE_OK")
	case trace.Error:
		b = appendTextField(b, "code", "STATUS_CODE_ERROR")
	}
	return append(b, "}}"...)
}

func appendOTelAttrs(b []byte, attrs []trace.Attr) []byte {
	return appendList(b, "attributes", attrs, appendOTelAttr)
}

func appendOTelAttr(b []byte, a *trace.Attr) []byte {
	b = appendTextField(append(b, '{'), "key", a.Key)
	if a.Value.Kind != trace.Null {
		b = appendOTelValue(appendField(b, "value"), &a.Value)
	}
	return append(b, '}')
}

func appendOTelValue(b []byte, v *trace.Value) []byte {
	b = append(b, '{')
	switch v.Kind {
	case trace.String:
		b = appendTextField(b, "string_value", v.Str)
	case trace.Bool:
		b = strconv.AppendBool(appendField(b, "bool_value"), v.Int != 0)
	case trace.Int:
		b = appendIntField(b, "int_value", v.Int)
	case trace.Float:
		b = appendFloat(appendField(b, "double_value"), v.Float)
	case trace.Bytes:
		b = append(appendField(b, "bytes_value"), '"')
		b = append(base64.StdEncoding.AppendEncode(b, []byte(v.Str)), '"')
	case trace.List:
		b = append(appendField(b, "array_value"), '{')
		b = append(appendList(b, "values", v.List, appendOTelValue), '}')
	case trace.Map:
		b = append(appendField(b, "kvlist_value"), '{')
		b = append(appendList(b, "values", v.Map, appendOTelAttr), '}')
	}
	return append(b, '}')
}

// maxParsedPayload is the longest payload of another dialect that is turned
// into a structure for MLflow's clients; a longer one stays a string.
const maxParsedPayload = 4 << 20

// dressed returns the span's attributes with those MLflow's clients look for
// and spans of other dialects lack: type, inputs, outputs, model, usage, cost.
func (h traces) dressed(s *trace.Span) []trace.Attr {
	c := s.Columns
	if c.Input == "" && c.Output == "" && c.Dialect != "mlflow" {
		// Payloads are not kept as columns; they are derived again.
		again := *s
		h.norm.Apply(&again)
		c.Input, c.Output = again.Columns.Input, again.Columns.Output
	}
	attrs := make([]trace.Attr, len(s.Attrs), len(s.Attrs)+8)
	for i, a := range s.Attrs {
		attrs[i] = trace.Attr{Key: a.Key, Value: decoded(a.Value)}
	}
	add := func(key string, v trace.Value) {
		if _, ok := trace.Lookup(s.Attrs, key); !ok && v.Kind != trace.Null {
			attrs = append(attrs, trace.Attr{Key: key, Value: v})
		}
	}
	add("mlflow.traceRequestId", trace.StringValue(s.TraceID.String()))
	add("mlflow.spanType", known(c.Type))
	add("mlflow.spanInputs", payload(c.Input))
	add("mlflow.spanOutputs", payload(c.Output))
	add("mlflow.llm.model", known(c.Model))
	add("mlflow.llm.provider", known(c.Provider))
	if c.Tokens.Input >= 0 || c.Tokens.Output >= 0 || c.Tokens.Total >= 0 {
		add("mlflow.chat.tokenUsage", payload(tracing.TokensJSON(c.Tokens)))
	}
	add("mlflow.llm.cost", payload(tracing.CostJSON(c.Cost)))
	return attrs
}

// decoded takes one layer of JSON off a text that holds a text, a list or an
// object, as MLflow does: exporters that know only OpenTelemetry's attribute
// types encode the others. Numbers and booleans in quotes stay texts.
func decoded(v trace.Value) trace.Value {
	if v.Kind != trace.String || v.Str == "" || len(v.Str) > maxParsedPayload {
		return v
	}
	switch v.Str[0] {
	case '"', '[', '{':
		if inner, err := trace.ParseValue([]byte(v.Str)); err == nil {
			return inner
		}
	}
	return v
}

func known(s string) trace.Value {
	if s == "" {
		return trace.Value{}
	}
	return trace.StringValue(s)
}

// payload is the value a JSON text stands for, or the text.
func payload(s string) trace.Value {
	if s == "" {
		return trace.Value{}
	}
	if len(s) <= maxParsedPayload && (s[0] == '{' || s[0] == '[') {
		if v, err := trace.ParseValue([]byte(s)); err == nil {
			return v
		}
	}
	return trace.StringValue(s)
}
