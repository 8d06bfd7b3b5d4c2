package trace

import (
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/fault"
)

func TestRequestJSON(t *testing.T) {
	body, err := os.ReadFile("testdata/request.json")
	if err != nil {
		t.Fatal(err)
	}
	req, err := ParseRequestJSON(body)
	if err != nil || len(req.Spans) != 1 || req.Rejected != 0 {
		t.Fatalf("%d spans, %d rejected, %v", len(req.Spans), req.Rejected, err)
	}
	s := req.Spans[0]
	want := Span{
		TraceID: ID{0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c},
		ID:      SpanID{0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74}, Parent: SpanID{0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x73},
		Name: "chat gpt-4.1-mini", Kind: 3, State: "k=v", Flags: 257,
		Start: 1790000000000000001, End: 1790000001000000000, Status: Error, StatusMessage: "boom",
		Attrs: []Attr{
			{"s", StringValue("text 你好")}, {"i", IntValue(42)}, {"big", IntValue(math.MinInt64)},
			{"d", FloatValue(0.25)}, {"nan", FloatValue(math.Inf(-1))}, {"t", BoolValue(true)},
			{"list", Value{Kind: List, List: []Value{StringValue("a"), {}, IntValue(1)}}},
			{"map", Value{Kind: Map, Map: []Attr{{"x", BoolValue(false)}}}},
			{"bytes", Value{Kind: Bytes, Str: "\x00\x01\x02\xff"}}, {"none", Value{}},
		},
		Dropped: Dropped{Attrs: 1},
		Events:  []Event{{Time: 1790000000500000000, Name: "exception", Attrs: []Attr{{"exception.type", StringValue("ValueError")}}}},
	}
	link := Link{SpanID: SpanID{0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x75}, TraceID: want.TraceID}
	link.TraceID[15] = 0x0d
	want.Links = []Link{link}
	if !reflect.DeepEqual(bare(s), want) {
		t.Fatalf("got\n%+v\nwant\n%+v", bare(s), want)
	}
	wantSource := Source{
		Resource: []Attr{{"service.name", StringValue("support-agent")}, {"process.pid", IntValue(4711)}},
		Scope:    "opentelemetry.instrumentation.openai_v2", Version: "2.1b0",
	}
	if !reflect.DeepEqual(*s.Source, wantSource) {
		t.Fatalf("source %+v", *s.Source)
	}
	again, err := ParseSpan(s.Raw)
	if err != nil || !reflect.DeepEqual(bare(again), want) {
		t.Fatalf("Raw holds %+v, %v", bare(again), err)
	}
}

func TestRequestJSONRefuses(t *testing.T) {
	span := func(fields string) string {
		return `{"resourceSpans":[{"scopeSpans":[{"spans":[{` + fields + `}]}]}]}`
	}
	ids := `"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"`
	tests := []struct {
		name, body string
		kept       int // -1: the whole body is refused
	}{
		{"empty object", `{}`, 0},
		{"null groups", `{"resourceSpans":null}`, 0},
		{"text", `hello`, -1},
		{"torn", `{"resourceSpans":[`, -1},
		{"array", `[]`, -1},
		{"mistyped group", `{"resourceSpans":{}}`, -1},
		{"enum by name", span(ids + `,"kind":"SPAN_KIND_CLIENT"`), -1},
		{"mistyped name", span(ids + `,"name":3`), -1},
		{"hexadecimal double", span(ids + `,"attributes":[{"key":"k","value":{"doubleValue":"x1p4"}}]`), -1},
		{"good", span(ids), 1},
		{"null fields", span(ids + `,"kind":null,"attributes":null,"status":null,"startTimeUnixNano":null`), 1},
		{"no ids", span(`"name":"x"`), 0},
		{"base64 id", span(`"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"eee19b7ec3c1b174"`), 0},
		{"deep", span(ids + `,"attributes":[{"key":"k","value":` + strings.Repeat(`{"arrayValue":{"values":[`, 100) + `{}` + strings.Repeat(`]}}`, 100) + `}]`), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRequestJSON([]byte(tt.body))
			if tt.kept < 0 {
				if !fault.Is(err, fault.Invalid) {
					t.Fatalf("got %+v, %v", got, err)
				}
				return
			}
			if err != nil || len(got.Spans) != tt.kept {
				t.Fatalf("kept %d, %v", len(got.Spans), err)
			}
		})
	}
}

func TestRequestJSONBoundsMemory(t *testing.T) {
	body := []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[` + strings.Repeat("{},", maxJSONObjects) + `{}]}]}]}`)
	if _, err := ParseRequestJSON(body); !fault.Is(err, fault.TooLarge) {
		t.Errorf("got %v, want TooLarge", err)
	}
	text := strings.Repeat(`{\"`, maxJSONObjects+1) // braces in a text are no objects
	body = []byte(`{"resourceSpans":[{"scopeSpans":[{"scope":{"name":"` + text + `"}}]}]}`)
	if _, err := ParseRequestJSON(body); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestValueJSON(t *testing.T) {
	tests := []struct {
		v    Value
		want string
	}{
		{Value{}, `null`},
		{StringValue("a\"\\\n\x01\u2028é\xff"), `"a\"\\\n\u0001` + "\u2028é\uFFFD" + `"`},
		{IntValue(math.MinInt64), `-9223372036854775808`},
		{FloatValue(3), `3.0`},
		{FloatValue(0.1), `0.1`},
		{FloatValue(1e300), `1e+300`},
		{FloatValue(math.NaN()), `"NaN"`},
		{BoolValue(true), `true`},
		{Value{Kind: List}, `[]`},
		{Value{Kind: Bytes, Str: "\x00\x01"}, `"AAE="`},
		{Value{Kind: Map, Map: []Attr{{"a", IntValue(1)}, {"b", Value{}}, {"a", IntValue(2)}}}, `{"b":null,"a":2}`},
	}
	for _, tt := range tests {
		if got := string(tt.v.AppendJSON(nil)); got != tt.want {
			t.Errorf("%+v is written %s, want %s", tt.v, got, tt.want)
		}
	}
}

func TestParseValue(t *testing.T) {
	const text = `{"z":[1,2.5,1e3,"s",true,null,{}],"a":{"b":-9223372036854775808,"c":18446744073709551616}}`
	v, err := ParseValue([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"z":[1,2.5,1000.0,"s",true,null,{}],"a":{"b":-9223372036854775808,"c":1.8446744073709552e+19}}`
	if got := string(v.AppendJSON(nil)); got != want {
		t.Fatalf("got %s", got)
	}
	for _, bad := range []string{"", "{", "1 2", "{]", `{"a"}`, "[1,]", "nul", strings.Repeat("[", 5000)} {
		if v, err := ParseValue([]byte(bad)); err == nil {
			t.Errorf("%q was read as %+v", bad, v)
		} else if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
