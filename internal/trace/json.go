package trace

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"

	"github.com/assayhq/assay/internal/fault"
)

// The JSON form of OTLP differs from protobuf's JSON mapping: ids are
// hexadecimal, enums are numbers. 64-bit integers may be numbers or strings,
// and unknown fields are ignored.
type (
	jsonRequest struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes []jsonAttr }
			ScopeSpans []struct {
				Scope struct{ Name, Version string }
				Spans []jsonSpan
			}
		}
	}
	jsonSpan struct {
		TraceID                string `json:"traceId"`
		SpanID                 string `json:"spanId"`
		TraceState             string
		ParentSpanID           string `json:"parentSpanId"`
		Flags                  jsonUint
		Name                   string
		Kind                   jsonUint
		StartTimeUnixNano      jsonUint
		EndTimeUnixNano        jsonUint
		Attributes             []jsonAttr
		DroppedAttributesCount jsonUint
		Events                 []struct {
			TimeUnixNano           jsonUint
			Name                   string
			Attributes             []jsonAttr
			DroppedAttributesCount jsonUint
		}
		DroppedEventsCount jsonUint
		Links              []struct {
			TraceID                string `json:"traceId"`
			SpanID                 string `json:"spanId"`
			TraceState             string
			Attributes             []jsonAttr
			DroppedAttributesCount jsonUint
			Flags                  jsonUint
		}
		DroppedLinksCount jsonUint
		Status            struct {
			Message string
			Code    jsonUint
		}
	}
	jsonAttr struct {
		Key   string
		Value jsonValue
	}
	jsonValue struct {
		StringValue *string
		BoolValue   *bool
		IntValue    *jsonInt
		DoubleValue *jsonFloat
		ArrayValue  *struct{ Values []jsonValue }
		KvlistValue *struct{ Values []jsonAttr }
		BytesValue  *string
	}
	jsonUint  uint64
	jsonInt   int64
	jsonFloat float64
)

func (n *jsonUint) UnmarshalJSON(b []byte) error {
	s := unquote(b)
	if s == "null" {
		return nil
	}
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return fault.Invalidf("%s is not an unsigned integer", clip(s))
	}
	*n = jsonUint(v)
	return nil
}

func (n *jsonInt) UnmarshalJSON(b []byte) error {
	s := unquote(b)
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(s, 64) // JavaScript may write 1e3 or 3.0
		if ferr != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return fault.Invalidf("intValue %s is not a 64-bit integer", clip(s))
		}
		v = int64(f)
	}
	*n = jsonInt(v)
	return nil
}

func (n *jsonFloat) UnmarshalJSON(b []byte) error {
	s := unquote(b)
	switch s {
	case "NaN":
		*n = jsonFloat(math.NaN())
		return nil
	case "Infinity", "-Infinity":
	default:
		if len(s) == 0 || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
			return fault.Invalidf("doubleValue %s is not a number", clip(s))
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(v, 0) {
		return fault.Invalidf("doubleValue %s is not a number", clip(s))
	}
	*n = jsonFloat(v)
	return nil
}

func unquote(b []byte) string {
	return string(bytes.Trim(b, `"`))
}

// maxJSONObjects bounds the objects of a JSON body: three bytes there become
// a few hundred in memory before any other limit can hold.
const maxJSONObjects = 1 << 20

// decodeOTLP decodes a JSON body into in.
func decodeOTLP(body []byte, in any, what string) error {
	objects, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == '{' && !quoted:
			objects++
		}
	}
	if objects > maxJSONObjects {
		return fault.New(fault.TooLarge, "the request has more than %d JSON objects; send smaller batches", maxJSONObjects)
	}
	if err := json.Unmarshal(body, in); err != nil {
		return fault.Wrap(fault.Invalid, "", err, "the body is not the JSON encoding of an OTLP %s request: %s", what, jsonReason(err))
	}
	return nil
}

// ParseRequestJSON decodes the JSON form of an ExportTraceServiceRequest.
// It fails like [ParseRequest]; each span's Raw is its protobuf encoding.
func ParseRequestJSON(body []byte) (Request, error) {
	var in jsonRequest
	if err := decodeOTLP(body, &in, "trace"); err != nil {
		return Request{}, err
	}
	var req Request
	c := jsonConverter{budget: maxRequestNodes}
	for _, rs := range in.ResourceSpans {
		resource := c.attrs(rs.Resource.Attributes, 0)
		for _, ss := range rs.ScopeSpans {
			src := &Source{Resource: resource, Scope: ss.Scope.Name, Version: ss.Scope.Version}
			for i := range ss.Spans {
				c.err = nil
				s := c.span(&ss.Spans[i])
				if c.budget < 0 {
					return Request{}, errTooMany
				}
				if c.err != nil {
					req.reject(c.err)
					continue
				}
				s.Source = src
				s.Raw = AppendSpan(nil, &s)
				req.Spans = append(req.Spans, s)
			}
		}
	}
	return req, nil
}

// jsonReason keeps the decoder's position and drops its Go type names.
func jsonReason(err error) string {
	switch e := err.(type) {
	case *json.SyntaxError:
		return "syntax error at byte " + strconv.FormatInt(e.Offset, 10)
	case *json.UnmarshalTypeError:
		return "a " + e.Value + " stands where field " + e.Field + " may not have one, at byte " + strconv.FormatInt(e.Offset, 10)
	}
	return fault.Message(err)
}

// jsonConverter turns decoded JSON into spans; err is the first reason why
// the span at hand cannot be kept.
type jsonConverter struct {
	budget int
	err    error
}

func (c *jsonConverter) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *jsonConverter) span(in *jsonSpan) Span {
	s := Span{
		Name:          in.Name,
		State:         in.TraceState,
		Flags:         uint32(in.Flags),
		Status:        statusOf(uint64(in.Status.Code)),
		StatusMessage: in.Status.Message,
		Attrs:         c.attrs(in.Attributes, 0),
		Dropped: Dropped{
			Attrs:  uint32(in.DroppedAttributesCount),
			Events: uint32(in.DroppedEventsCount),
			Links:  uint32(in.DroppedLinksCount),
		},
	}
	if in.Kind <= 5 {
		s.Kind = uint8(in.Kind)
	}
	c.id(s.TraceID[:], in.TraceID, "trace")
	c.id(s.ID[:], in.SpanID, "span")
	c.id(s.Parent[:], in.ParentSpanID, "parent span")
	c.nanos(&s.Start, in.StartTimeUnixNano, "start")
	c.nanos(&s.End, in.EndTimeUnixNano, "end")
	for i := range in.Events {
		e := &in.Events[i]
		out := Event{Name: e.Name, Attrs: c.attrs(e.Attributes, 0), Dropped: uint32(e.DroppedAttributesCount)}
		c.nanos(&out.Time, e.TimeUnixNano, "event")
		s.Events = append(s.Events, out)
	}
	for i := range in.Links {
		l := &in.Links[i]
		out := Link{State: l.TraceState, Flags: uint32(l.Flags), Attrs: c.attrs(l.Attributes, 0), Dropped: uint32(l.DroppedAttributesCount)}
		c.id(out.TraceID[:], l.TraceID, "linked trace")
		c.id(out.SpanID[:], l.SpanID, "linked span")
		s.Links = append(s.Links, out)
	}
	c.budget -= len(s.Events) + len(s.Links)
	if err := s.check(); err != nil {
		c.fail(err)
	}
	return s
}

func (c *jsonConverter) id(dst []byte, s, what string) {
	if s == "" {
		return
	}
	if len(s) != 2*len(dst) {
		c.fail(fault.Invalidf("%s id %q is not %d hexadecimal digits", what, clip(s), 2*len(dst)))
		return
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		c.fail(fault.Invalidf("%s id %q is not %d hexadecimal digits", what, clip(s), 2*len(dst)))
	}
}

func (c *jsonConverter) nanos(dst *int64, v jsonUint, what string) {
	if err := nanos(dst, uint64(v), what); err != nil {
		c.fail(err)
	}
}

func (c *jsonConverter) attrs(in []jsonAttr, depth int) []Attr {
	if len(in) == 0 {
		return nil
	}
	if c.budget -= len(in); c.budget < 0 {
		return nil
	}
	out := make([]Attr, len(in))
	for i := range in {
		out[i] = Attr{Key: in[i].Key, Value: c.value(&in[i].Value, depth)}
	}
	return out
}

func (c *jsonConverter) value(in *jsonValue, depth int) Value {
	if depth >= maxDepth {
		c.fail(errTooDeep)
		return Value{}
	}
	switch {
	case in.StringValue != nil:
		return StringValue(*in.StringValue)
	case in.BoolValue != nil:
		return BoolValue(*in.BoolValue)
	case in.IntValue != nil:
		return IntValue(int64(*in.IntValue))
	case in.DoubleValue != nil:
		return FloatValue(float64(*in.DoubleValue))
	case in.ArrayValue != nil:
		v := Value{Kind: List}
		if c.budget -= len(in.ArrayValue.Values); c.budget < 0 || len(in.ArrayValue.Values) == 0 {
			return v
		}
		v.List = make([]Value, len(in.ArrayValue.Values))
		for i := range v.List {
			v.List[i] = c.value(&in.ArrayValue.Values[i], depth+1)
		}
		return v
	case in.KvlistValue != nil:
		return Value{Kind: Map, Map: c.attrs(in.KvlistValue.Values, depth+1)}
	case in.BytesValue != nil:
		return Value{Kind: Bytes, Str: string(c.bytes(*in.BytesValue))}
	}
	return Value{}
}

// bytes accepts base64 in either alphabet, padded or not.
func (c *jsonConverter) bytes(s string) []byte {
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(s); err == nil {
			return b
		}
	}
	c.fail(fault.Invalidf("bytesValue is not base64"))
	return nil
}
