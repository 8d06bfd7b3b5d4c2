package export

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"strconv"

	"github.com/assayhq/assay/internal/trace"
)

// requests writes ExportTraceServiceRequests: one to a line as JSON, or each
// after its length as a varint. A request holds spans of one trace and one
// source.
type requests struct {
	w      io.Writer
	encode func(b []byte, src *trace.Source, spans []*trace.Span) []byte
	framed bool
	tail   string

	held   []*trace.Span
	source *trace.Source
	key    string
	size   int
	buf    []byte
}

// A request is sent when it has this much.
const (
	requestSpans = 200
	requestBytes = 1 << 20
)

func (r *requests) Write(s Span) error {
	key := s.TraceID.Hex()
	if s.Source != nil {
		key += s.Source.Scope + "\x00" + s.Source.Version + "\x00" + string(trace.AppendAttrs(nil, s.Source.Resource))
	}
	if len(r.held) > 0 && (key != r.key || len(r.held) >= requestSpans || r.size > requestBytes) {
		if err := r.flush(); err != nil {
			return err
		}
	}
	r.key, r.source = key, s.Source
	r.held = append(r.held, s.Span)
	r.size += len(s.Raw)
	return nil
}

func (r *requests) flush() error {
	if len(r.held) == 0 {
		return nil
	}
	r.buf = r.encode(r.buf[:0], r.source, r.held)
	r.held, r.size = r.held[:0], 0
	if r.framed {
		var n [binary.MaxVarintLen64]byte
		if _, err := r.w.Write(n[:binary.PutUvarint(n[:], uint64(len(r.buf)))]); err != nil {
			return err
		}
	}
	_, err := r.w.Write(append(r.buf, r.tail...))
	return err
}

func (r *requests) Close() error { return r.flush() }

// appendRequest writes the protobuf form: resource_spans = 1 {resource = 1
// {attributes = 1}, scope_spans = 2 {scope = 1 {name = 1, version = 2}, spans
// = 2}}.
func appendRequest(b []byte, src *trace.Source, spans []*trace.Span) []byte {
	var resource, scope, scopeSpans []byte
	if src != nil {
		resource = trace.AppendAttrs(nil, src.Resource)
		scope = bytesField(bytesField(nil, 1, []byte(src.Scope)), 2, []byte(src.Version))
	}
	scopeSpans = bytesField(scopeSpans, 1, scope)
	for _, s := range spans {
		scopeSpans = bytesField(scopeSpans, 2, rawOf(s))
	}
	return bytesField(b, 1, bytesField(bytesField(nil, 1, resource), 2, scopeSpans))
}

func rawOf(s *trace.Span) []byte {
	if s.Raw != nil {
		return s.Raw
	}
	return trace.AppendSpan(nil, s)
}

func bytesField(b []byte, num byte, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	b = append(b, num<<3|2)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// appendRequestJSON writes the JSON form of OTLP: ids as hexadecimal digits,
// 64-bit numbers as strings.
func appendRequestJSON(b []byte, src *trace.Source, spans []*trace.Span) []byte {
	b = append(b, `{"resourceSpans":[{"resource":{`...)
	if src != nil {
		b = appendAttrs(b, src.Resource)
	}
	b = append(b, `},"scopeSpans":[{"scope":{`...)
	if src != nil {
		b = appendText(b, "name", src.Scope)
		b = appendText(b, "version", src.Version)
	}
	b = append(b, `},"spans":[`...)
	for i, s := range spans {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSpan(b, s)
	}
	return append(b, `]}]}]}`...)
}

// key begins a member of the object that b is in.
func key(b []byte, name string) []byte {
	if last := b[len(b)-1]; last != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

func appendText(b []byte, name, v string) []byte {
	if v == "" {
		return b
	}
	return trace.AppendJSONString(key(b, name), v)
}

func appendHex(b []byte, name string, v []byte) []byte {
	b = append(key(b, name), '"')
	return append(hex.AppendEncode(b, v), '"')
}

func appendNumber(b []byte, name string, v int64) []byte {
	if v == 0 {
		return b
	}
	return strconv.AppendInt(key(b, name), v, 10)
}

func appendLong(b []byte, name string, v int64) []byte {
	if v == 0 {
		return b
	}
	b = append(key(b, name), '"')
	return append(strconv.AppendInt(b, v, 10), '"')
}

func appendSpan(b []byte, s *trace.Span) []byte {
	b = append(b, '{')
	b = appendHex(b, "traceId", s.TraceID[:])
	b = appendHex(b, "spanId", s.ID[:])
	b = appendText(b, "traceState", s.State)
	if !s.Parent.IsZero() {
		b = appendHex(b, "parentSpanId", s.Parent[:])
	}
	b = appendNumber(b, "flags", int64(s.Flags))
	b = appendText(b, "name", s.Name)
	b = appendNumber(b, "kind", int64(s.Kind))
	b = appendLong(b, "startTimeUnixNano", s.Start)
	b = appendLong(b, "endTimeUnixNano", s.End)
	b = appendAttrs(b, s.Attrs)
	b = appendNumber(b, "droppedAttributesCount", int64(s.Dropped.Attrs))
	if len(s.Events) > 0 {
		b = append(key(b, "events"), '[')
		for i := range s.Events {
			e := &s.Events[i]
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, '{')
			b = appendLong(b, "timeUnixNano", e.Time)
			b = appendText(b, "name", e.Name)
			b = appendAttrs(b, e.Attrs)
			b = append(appendNumber(b, "droppedAttributesCount", int64(e.Dropped)), '}')
		}
		b = append(b, ']')
	}
	b = appendNumber(b, "droppedEventsCount", int64(s.Dropped.Events))
	b = appendLinks(b, s.Links)
	b = appendNumber(b, "droppedLinksCount", int64(s.Dropped.Links))
	if s.Status != trace.Unset || s.StatusMessage != "" {
		b = append(key(b, "status"), '{')
		b = appendText(b, "message", s.StatusMessage)
		b = append(appendNumber(b, "code", int64(s.Status)), '}')
	}
	return append(b, '}')
}

func appendLinks(b []byte, links []trace.Link) []byte {
	if len(links) == 0 {
		return b
	}
	b = append(key(b, "links"), '[')
	for i := range links {
		l := &links[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		if !l.TraceID.IsZero() {
			b = appendHex(b, "traceId", l.TraceID[:])
		}
		if !l.SpanID.IsZero() {
			b = appendHex(b, "spanId", l.SpanID[:])
		}
		b = appendText(b, "traceState", l.State)
		b = appendAttrs(b, l.Attrs)
		b = appendNumber(b, "droppedAttributesCount", int64(l.Dropped))
		b = append(appendNumber(b, "flags", int64(l.Flags)), '}')
	}
	return append(b, ']')
}

func appendAttrs(b []byte, attrs []trace.Attr) []byte {
	if len(attrs) == 0 {
		return b
	}
	return appendPairs(key(b, "attributes"), attrs)
}

func appendPairs(b []byte, attrs []trace.Attr) []byte {
	b = append(b, '[')
	for i := range attrs {
		if i > 0 {
			b = append(b, ',')
		}
		b = trace.AppendJSONString(append(b, `{"key":`...), attrs[i].Key)
		if attrs[i].Value.Kind != trace.Null {
			b = appendAny(append(b, `,"value":`...), &attrs[i].Value)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendAny writes an AnyValue.
func appendAny(b []byte, v *trace.Value) []byte {
	switch v.Kind {
	case trace.String:
		b = trace.AppendJSONString(append(b, `{"stringValue":`...), v.Str)
	case trace.Bool:
		b = strconv.AppendBool(append(b, `{"boolValue":`...), v.Int != 0)
	case trace.Int:
		b = append(strconv.AppendInt(append(b, `{"intValue":"`...), v.Int, 10), '"')
	case trace.Float:
		b = v.AppendJSON(append(b, `{"doubleValue":`...)) // NaN and infinities as strings, as protobuf has it
	case trace.Bytes:
		b = v.AppendJSON(append(b, `{"bytesValue":`...))
	case trace.List:
		b = append(b, `{"arrayValue":{"values":[`...)
		for i := range v.List {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendAny(b, &v.List[i])
		}
		b = append(b, ']', '}')
	case trace.Map:
		b = append(appendPairs(append(b, `{"kvlistValue":{"values":`...), v.Map), '}')
	default:
		b = append(b, '{')
	}
	return append(b, '}')
}
