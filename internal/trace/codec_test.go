package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/fault"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// The generated types are the reference: what they encode we must read alike,
// and what we encode they must read alike.

type gen struct{ *rand.Rand }

func (g gen) text() string {
	return []string{"", "a", "gen_ai.request.model", "你好，世界", "line\nbreak \"quoted\" \\", "\u2028é\x00", strings.Repeat("long ", 60)}[g.IntN(7)]
}

func (g gen) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.IntN(255) + 1)
	}
	return b
}

func (g gen) value(depth int) *common.AnyValue {
	n := 9
	if depth > 3 {
		n = 6
	}
	switch g.IntN(n) {
	case 0:
		return nil
	case 1:
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: g.text()}}
	case 2:
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: g.IntN(2) == 0}}
	case 3:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: int64(g.Uint64())}}
	case 4:
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: []float64{0, -1.5, math.Inf(1), math.MaxFloat64, 3, 1e-9}[g.IntN(6)]}}
	case 5:
		return &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: g.bytes(g.IntN(20))}}
	case 6:
		list := &common.ArrayValue{}
		for range g.IntN(4) {
			v := g.value(depth + 1)
			if v == nil {
				v = &common.AnyValue{}
			}
			list.Values = append(list.Values, v)
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: list}}
	case 7:
		return &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{Values: g.attrs(depth + 1)}}}
	}
	return &common.AnyValue{}
}

func (g gen) attrs(depth int) []*common.KeyValue {
	var out []*common.KeyValue
	for range g.IntN(5) {
		out = append(out, &common.KeyValue{Key: g.text(), Value: g.value(depth)})
	}
	return out
}

func (g gen) span() *tracev1.Span {
	s := &tracev1.Span{
		TraceId: g.bytes(16), SpanId: g.bytes(8), Name: g.text(), TraceState: g.text(),
		Kind: tracev1.Span_SpanKind(g.IntN(6)), StartTimeUnixNano: g.Uint64() >> 1, EndTimeUnixNano: g.Uint64() >> 1,
		Attributes: g.attrs(0), DroppedAttributesCount: g.Uint32(), Flags: g.Uint32(),
		DroppedEventsCount: uint32(g.IntN(2)), DroppedLinksCount: uint32(g.IntN(2)),
	}
	if g.IntN(2) == 0 {
		s.ParentSpanId = g.bytes(8)
	}
	if g.IntN(2) == 0 {
		s.Status = &tracev1.Status{Code: tracev1.Status_StatusCode(g.IntN(3)), Message: g.text()}
	}
	for range g.IntN(3) {
		s.Events = append(s.Events, &tracev1.Span_Event{TimeUnixNano: g.Uint64() >> 1, Name: g.text(), Attributes: g.attrs(0), DroppedAttributesCount: uint32(g.IntN(3))})
		s.Links = append(s.Links, &tracev1.Span_Link{TraceId: g.bytes(16), SpanId: g.bytes(8), TraceState: g.text(), Attributes: g.attrs(0), Flags: g.Uint32()})
	}
	return s
}

func (g gen) request() *collector.ExportTraceServiceRequest {
	req := &collector.ExportTraceServiceRequest{}
	for range g.IntN(3) + 1 {
		rs := &tracev1.ResourceSpans{Resource: &resource.Resource{Attributes: g.attrs(0)}}
		for range g.IntN(3) {
			ss := &tracev1.ScopeSpans{Scope: &common.InstrumentationScope{Name: g.text(), Version: g.text()}}
			for range g.IntN(4) {
				ss.Spans = append(ss.Spans, g.span())
			}
			rs.ScopeSpans = append(rs.ScopeSpans, ss)
		}
		req.ResourceSpans = append(req.ResourceSpans, rs)
	}
	return req
}

func wantValue(v *common.AnyValue) Value {
	switch v := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return StringValue(v.StringValue)
	case *common.AnyValue_BoolValue:
		return BoolValue(v.BoolValue)
	case *common.AnyValue_IntValue:
		return IntValue(v.IntValue)
	case *common.AnyValue_DoubleValue:
		return FloatValue(v.DoubleValue)
	case *common.AnyValue_BytesValue:
		return Value{Kind: Bytes, Str: string(v.BytesValue)}
	case *common.AnyValue_ArrayValue:
		out := Value{Kind: List}
		for _, item := range v.ArrayValue.GetValues() {
			out.List = append(out.List, wantValue(item))
		}
		return out
	case *common.AnyValue_KvlistValue:
		return Value{Kind: Map, Map: wantAttrs(v.KvlistValue.GetValues())}
	}
	return Value{}
}

func wantAttrs(in []*common.KeyValue) []Attr {
	var out []Attr
	for _, kv := range in {
		out = append(out, Attr{kv.GetKey(), wantValue(kv.GetValue())})
	}
	return out
}

func wantSpan(in *tracev1.Span) Span {
	s := Span{
		Name: in.Name, State: in.TraceState, Start: int64(in.StartTimeUnixNano), End: int64(in.EndTimeUnixNano),
		Attrs: wantAttrs(in.Attributes), Flags: in.Flags,
		Dropped:       Dropped{in.DroppedAttributesCount, in.DroppedEventsCount, in.DroppedLinksCount},
		StatusMessage: in.GetStatus().GetMessage(),
	}
	if in.Kind >= 0 && in.Kind <= 5 {
		s.Kind = uint8(in.Kind)
	}
	if code := in.GetStatus().GetCode(); code >= 0 && code <= 2 {
		s.Status = Status(code)
	}
	copy(s.TraceID[:], in.TraceId)
	copy(s.ID[:], in.SpanId)
	copy(s.Parent[:], in.ParentSpanId)
	for _, e := range in.Events {
		s.Events = append(s.Events, Event{Time: int64(e.TimeUnixNano), Name: e.Name, Attrs: wantAttrs(e.Attributes), Dropped: e.DroppedAttributesCount})
	}
	for _, l := range in.Links {
		out := Link{State: l.TraceState, Flags: l.Flags, Attrs: wantAttrs(l.Attributes), Dropped: l.DroppedAttributesCount}
		copy(out.TraceID[:], l.TraceId)
		copy(out.SpanID[:], l.SpanId)
		s.Links = append(s.Links, out)
	}
	return s
}

// bare strips what a comparison of contents leaves out.
func bare(s Span) Span {
	s.Raw, s.Source = nil, nil
	return s
}

func TestRequestReadsWhatGeneratedTypesWrite(t *testing.T) {
	g := gen{rand.New(rand.NewPCG(1, 2))}
	for range 300 {
		in := g.request()
		body, err := proto.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseRequest(body)
		if err != nil {
			t.Fatalf("ParseRequest: %v", err)
		}
		i := 0
		for _, rs := range in.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, want := range ss.Spans {
					s := got.Spans[i]
					i++
					if w := wantSpan(want); !reflect.DeepEqual(bare(s), w) {
						t.Fatalf("span differs\n got %+v\nwant %+v", bare(s), w)
					}
					src := Source{Resource: wantAttrs(rs.Resource.Attributes), Scope: ss.Scope.Name, Version: ss.Scope.Version}
					if !reflect.DeepEqual(*s.Source, src) {
						t.Fatalf("source differs\n got %+v\nwant %+v", *s.Source, src)
					}
					var raw tracev1.Span
					if err := proto.Unmarshal(s.Raw, &raw); err != nil || !proto.Equal(&raw, want) {
						t.Fatalf("Raw is not the span that was sent: %v", err)
					}
				}
			}
		}
		if i != len(got.Spans) || got.Rejected != 0 {
			t.Fatalf("%d spans and %d rejected, want %d and 0", len(got.Spans), got.Rejected, i)
		}
	}
}

func TestGeneratedTypesReadWhatSpanWrites(t *testing.T) {
	g := gen{rand.New(rand.NewPCG(3, 4))}
	for range 1000 {
		want := wantSpan(g.span())
		body := AppendSpan(nil, &want)
		var pb tracev1.Span
		if err := proto.Unmarshal(body, &pb); err != nil {
			t.Fatalf("generated types refuse our encoding: %v", err)
		}
		if got := wantSpan(&pb); !reflect.DeepEqual(got, want) {
			t.Fatalf("generated types read\n%+v\nwant\n%+v", got, want)
		}
		got, err := ParseSpan(body)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Raw, body) || !reflect.DeepEqual(bare(got), want) {
			t.Fatalf("we read\n%+v\nwant\n%+v", bare(got), want)
		}
	}
}

func TestAttrsRoundTrip(t *testing.T) {
	g := gen{rand.New(rand.NewPCG(5, 6))}
	for range 200 {
		want := wantAttrs(g.attrs(0))
		got, err := ParseAttrs(AppendAttrs(nil, want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestSpanOutlivesTheBody(t *testing.T) {
	s := wantSpan(gen{rand.New(rand.NewPCG(7, 8))}.span())
	body := AppendSpan(nil, &s)
	got, err := ParseSpan(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if !reflect.DeepEqual(bare(got), s) {
		t.Fatal("the span changed with the buffer it was read from")
	}
}

func message(num int, body []byte) []byte {
	b := protowire.AppendTag(nil, protowire.Number(num), protowire.BytesType)
	return protowire.AppendBytes(b, body)
}

// request wraps spans as ParseRequest expects them.
func wrap(spans ...[]byte) []byte {
	var ss []byte
	for _, s := range spans {
		ss = append(ss, message(2, s)...)
	}
	return message(1, message(2, ss))
}

func minimal() *Span {
	return &Span{TraceID: ID{1}, ID: SpanID{2}, Name: "n", Start: 1, End: 2}
}

func nested(depth int) Value {
	v := StringValue("deep")
	for range depth {
		v = Value{Kind: List, List: []Value{v}}
	}
	return v
}

func TestRequestRejectsSingleSpans(t *testing.T) {
	noTrace, noSpan, late, deep := minimal(), minimal(), minimal(), minimal()
	noTrace.TraceID, noSpan.ID = ID{}, SpanID{}
	late.Start = -1
	deep.Attrs = []Attr{{"k", nested(maxDepth)}}
	fits := minimal()
	fits.Attrs = []Attr{{"k", nested(maxDepth - 1)}}
	crowded := minimal()
	crowded.Attrs = []Attr{{"k", Value{Kind: List, List: make([]Value, maxSpanValues)}}}
	shortID := append(AppendSpan(nil, minimal()), message(1, []byte("short"))...)

	tests := []struct {
		name, reason string
		raw          []byte
	}{
		{"no trace id", "no trace id", AppendSpan(nil, noTrace)},
		{"no span id", "no span id", AppendSpan(nil, noSpan)},
		{"start out of range", "2262", AppendSpan(nil, late)},
		{"nested too deep", "deeper than", AppendSpan(nil, deep)},
		{"too many values", "more than", AppendSpan(nil, crowded)},
		{"short id", "5 bytes long", shortID},
		{"accepted", "", AppendSpan(nil, fits)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRequest(wrap(AppendSpan(nil, minimal()), tt.raw))
			if err != nil {
				t.Fatal(err)
			}
			kept, rejected := 1, 1
			if tt.reason == "" {
				kept, rejected = 2, 0
			}
			if len(got.Spans) != kept || got.Rejected != rejected || !strings.Contains(got.Reason, tt.reason) {
				t.Fatalf("kept %d, rejected %d because %q", len(got.Spans), got.Rejected, got.Reason)
			}
		})
	}
}

func TestRequestRefusesMalformedBodies(t *testing.T) {
	good := wrap(AppendSpan(nil, minimal()))
	bad := map[string][]byte{
		"torn":              good[:len(good)-1],
		"text":              []byte("hello"),
		"field zero":        {0x00, 0x01},
		"endless varint":    bytes.Repeat([]byte{0xff}, 12),
		"length past end":   {0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f},
		"length past int":   {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"end without group": {0x0c},
		"torn inside span":  wrap(AppendSpan(nil, minimal()), []byte{0x0a, 0x20, 1}),
		"torn attribute":    wrap(append(AppendSpan(nil, minimal()), message(9, []byte{0x0a, 9})...)),
		"torn resource":     message(1, message(1, []byte{0x0a, 3, 0})),
		"open group":        {0x0b, 0x10, 0x01},
		"deep groups":       bytes.Repeat([]byte{0x0b}, 1000),
	}
	for name, body := range bad {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseRequest(body); !fault.Is(err, fault.Invalid) || !errors.Is(err, errMalformed) {
				t.Fatalf("got %d spans and %v, want malformed", len(got.Spans), err)
			}
		})
	}
}

func TestRequestIgnoresWhatItDoesNotKnow(t *testing.T) {
	var group []byte
	group = protowire.AppendTag(group, 99, protowire.StartGroupType)
	group = protowire.AppendTag(group, 1, protowire.Fixed32Type)
	group = protowire.AppendFixed32(group, 7)
	group = protowire.AppendTag(group, 99, protowire.EndGroupType)
	raw := AppendSpan(nil, minimal())
	raw = append(raw, message(200, []byte("later"))...)
	raw = append(raw, group...)
	raw = protowire.AppendVarint(protowire.AppendTag(raw, 5, protowire.VarintType), 3) // a name that is a number
	raw = protowire.AppendVarint(protowire.AppendTag(raw, 6, protowire.VarintType), 77)
	body := append(wrap(raw), message(50, []byte("x"))...)
	body = append(body, group...)
	got, err := ParseRequest(body)
	if err != nil || len(got.Spans) != 1 {
		t.Fatalf("%d spans, %v", len(got.Spans), err)
	}
	if !reflect.DeepEqual(bare(got.Spans[0]), *minimal()) {
		t.Fatalf("got %+v", bare(got.Spans[0]))
	}
}

func TestRequestBoundsMemory(t *testing.T) {
	raw := AppendSpan(nil, minimal())
	list := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.BytesType), 0) // one empty AnyValue
	attr := message(2, message(5, bytes.Repeat(list, maxSpanValues/2)))
	raw = append(raw, message(9, attr)...)
	spans := make([][]byte, 2*maxRequestNodes/(maxSpanValues/2))
	for i := range spans {
		spans[i] = raw
	}
	if _, err := ParseRequest(wrap(spans...)); !fault.Is(err, fault.TooLarge) {
		t.Fatalf("got %v, want TooLarge", err)
	}
}

func TestBrokenUTF8IsMended(t *testing.T) {
	s := minimal()
	s.Name = "cut \xe4\xbd"
	s.Attrs = []Attr{{"k", StringValue("\xff")}, {"b", Value{Kind: Bytes, Str: "\xff"}}}
	got, err := ParseSpan(AppendSpan(nil, s))
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "cut \uFFFD" || got.Attrs[0].Value.Str != "\uFFFD" || got.Attrs[1].Value.Str != "\xff" {
		t.Fatalf("got %q %+v", got.Name, got.Attrs)
	}
}

func FuzzParseRequest(f *testing.F) {
	g := gen{rand.New(rand.NewPCG(9, 10))}
	for range 8 {
		body, _ := proto.Marshal(g.request())
		f.Add(body)
	}
	f.Add(wrap(AppendSpan(nil, minimal())))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := ParseRequest(body)
		var ref collector.ExportTraceServiceRequest
		refErr := proto.Unmarshal(body, &ref)
		if err != nil {
			if refErr == nil && errors.Is(err, errMalformed) {
				// The reference allows nesting of groups deeper than ours.
				if !bytes.Contains(body, []byte{0x0b}) && !hasGroup(body) {
					t.Fatalf("refused a body the reference reads: %v", err)
				}
			}
			return
		}
		for i := range got.Spans {
			s := &got.Spans[i]
			enc := AppendSpan(nil, s)
			again, err := ParseSpan(enc)
			if err != nil {
				t.Fatalf("our own encoding is refused: %v", err)
			}
			if a, b := fmt.Sprintf("%+v", bare(again)), fmt.Sprintf("%+v", bare(*s)); a != b {
				t.Fatalf("round trip changed the span\n%s\n%s", a, b)
			}
			for _, a := range s.Attrs {
				if text := a.Value.AppendJSON(nil); !json.Valid(text) {
					t.Fatalf("not JSON: %s", text)
				}
			}
		}
	})
}

func hasGroup(b []byte) bool {
	for _, c := range b {
		if c&7 == 3 || c&7 == 4 {
			return true
		}
	}
	return false
}

func FuzzParseRequestJSON(f *testing.F) {
	if seed, err := os.ReadFile("testdata/request.json"); err == nil {
		f.Add(seed)
	}
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01","spanId":"02","attributes":[{"key":"k","value":{"arrayValue":{"values":[{"doubleValue":"NaN"}]}}}]}]}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := ParseRequestJSON(body)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Fatalf("kind %v: %v", k, err)
			}
			return
		}
		for i := range got.Spans {
			s, err := ParseSpan(got.Spans[i].Raw)
			if err != nil {
				t.Fatalf("Raw is refused: %v", err)
			}
			if a, b := fmt.Sprintf("%+v", bare(s)), fmt.Sprintf("%+v", bare(got.Spans[i])); a != b {
				t.Fatalf("Raw says\n%s\nbut the span is\n%s", a, b)
			}
		}
	})
}

func benchBody(spans int) []byte {
	src := *minimal()
	src.Parent, src.Kind, src.Name = SpanID{9}, 3, "chat gpt-4.1-mini"
	src.Start, src.End = 1_790_000_000_000_000_000, 1_790_000_001_000_000_000
	for i := range 7 {
		src.Attrs = append(src.Attrs, Attr{fmt.Sprintf("gen_ai.request.attribute_%d", i), StringValue("some value of an attribute")})
	}
	src.Attrs = append(src.Attrs, Attr{"gen_ai.usage.input_tokens", IntValue(812)}, Attr{"gen_ai.usage.output_tokens", IntValue(64)}, Attr{"gen_ai.request.temperature", FloatValue(0.2)})
	raw := AppendSpan(nil, &src)
	all := make([][]byte, spans)
	for i := range all {
		all[i] = raw
	}
	return wrap(all...)
}

func BenchmarkParseRequest(b *testing.B) {
	body := benchBody(200)
	b.SetBytes(int64(len(body) / 200))
	b.ReportAllocs()
	b.ReportMetric(float64(len(body)/200), "B/span")
	n := 0
	for b.Loop() {
		if n == 0 {
			if _, err := ParseRequest(body); err != nil {
				b.Fatal(err)
			}
		}
		if n++; n == 200 {
			n = 0
		}
	}
}
