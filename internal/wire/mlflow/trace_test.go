package mlflow

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracing/normalise"
)

func aSpan() *trace.Span {
	return &trace.Span{
		TraceID: trace.ID{0x9c, 15: 1}, ID: trace.SpanID{0xca, 7: 2}, Parent: trace.SpanID{0xff}, Name: "llm \"q\" 你好\n",
		Start: 1795425346099431869, End: 1795425346201334032, Status: trace.Error, StatusMessage: "boom",
		Attrs: []trace.Attr{
			{Key: "mlflow.traceRequestId", Value: trace.StringValue("x")}, {Key: "mlflow.spanType", Value: trace.StringValue("LLM")},
			{Key: "list", Value: trace.Value{Kind: trace.List, List: []trace.Value{trace.IntValue(1), trace.FloatValue(2.5), {}, trace.BoolValue(true)}}},
			{Key: "empty", Value: trace.Value{Kind: trace.List}}, {Key: "none"},
			{Key: "map", Value: trace.Value{Kind: trace.Map, Map: []trace.Attr{{Key: "a", Value: trace.Value{Kind: trace.Map}}}}},
			{Key: "nan", Value: trace.FloatValue(math.Inf(1))}, {Key: "bytes", Value: trace.Value{Kind: trace.Bytes, Str: "\x00\xff"}},
			{Key: "int", Value: trace.IntValue(math.MinInt64)},
		},
		Events: []trace.Event{{Time: 5, Name: "exception", Attrs: []trace.Attr{{Key: "k", Value: trace.StringValue("v")}}}},
		Links:  []trace.Link{{TraceID: trace.ID{1}, SpanID: trace.SpanID{2}}},
	}
}

func anyJSON(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return v
}

// numbers turns the strings protojson writes 64-bit integers as into numbers,
// as MLflow has them.
func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, item := range v {
			if s, ok := item.(string); ok && (k == "int_value" || strings.HasSuffix(k, "_unix_nano")) {
				var n float64
				json.Unmarshal([]byte(s), &n)
				v[k] = n
				continue
			}
			v[k] = numbers(item)
		}
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	}
	return v
}

func TestSpanJSONIsProtobufs(t *testing.T) {
	s := aSpan()
	var pb tracev1.Span
	if err := proto.Unmarshal(trace.AppendSpan(nil, s), &pb); err != nil {
		t.Fatal(err)
	}
	ref, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(&pb)
	if err != nil {
		t.Fatal(err)
	}
	h := traces{norm: normalise.New()}
	s.Columns.Dialect, s.Columns.Tokens, s.Columns.Cost = "mlflow", trace.NoTokens, trace.NoCost
	got := h.appendSpan(nil, s)
	if !reflect.DeepEqual(anyJSON(t, got), numbers(anyJSON(t, ref))) {
		t.Errorf("got\n%s\nwant\n%s", got, ref)
	}
}

func TestForeignSpansAreDressed(t *testing.T) {
	s := &trace.Span{TraceID: trace.ID{1}, ID: trace.SpanID{2}, Name: "chat", Attrs: []trace.Attr{
		{Key: "gen_ai.operation.name", Value: trace.StringValue("chat")}, {Key: "gen_ai.request.model", Value: trace.StringValue("gpt-4o")},
		{Key: "gen_ai.usage.input_tokens", Value: trace.IntValue(7)}, {Key: "gen_ai.usage.output_tokens", Value: trace.IntValue(2)},
		{Key: "gen_ai.input.messages", Value: trace.StringValue(`[{"role":"user","parts":[]}]`)},
	}}
	h := traces{norm: normalise.New()}
	h.norm.Apply(s)
	s.Columns.Cost = trace.Cost{Input: 1_500_000, Output: 3_000_000, Total: 4_500_000}
	s.Columns.Input = "" // as a store returns it
	got := trace.Value{Kind: trace.Map, Map: h.dressed(s)}
	if n := len(s.Attrs); n != 5 {
		t.Errorf("the span itself now has %d attributes", n)
	}
	for key, want := range map[string]string{
		"mlflow.spanType": `"CHAT_MODEL"`, "mlflow.llm.model": `"gpt-4o"`, "mlflow.spanInputs": `[{"role":"user","parts":[]}]`,
		"mlflow.chat.tokenUsage": `{"input_tokens":7,"output_tokens":2,"total_tokens":9}`,
		"mlflow.traceRequestId":  `"tr-01000000000000000000000000000000"`,
		"mlflow.llm.cost":        `{"input_cost":0.0000015,"output_cost":0.000003,"total_cost":0.0000045}`,
		"mlflow.spanOutputs":     `null`,
	} {
		if v := string(got.Get(key).AppendJSON(nil)); v != want {
			t.Errorf("%s is %s, want %s", key, v, want)
		}
	}
}

func TestAttributesLoseOneLayerOfJSON(t *testing.T) {
	for in, want := range map[string]string{
		`"LLM"`: `"LLM"`, `{"a":[1]}`: `{"a":[1]}`, `[1,"x"]`: `[1,"x"]`, `26`: `"26"`, `true`: `"true"`, `{torn`: `"{torn"`, `""`: `""`, `"\"x\""`: `"\"x\""`,
	} {
		v := decoded(trace.StringValue(in))
		if got := string(v.AppendJSON(nil)); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]int64{
		`"2026-11-23T09:15:46.099Z"`: 1795425346099, `"2026-11-23T09:15:46Z"`: 1795425346000,
		`"2026-11-23T10:15:46.0999999+01:00"`: 1795425346099,
	} {
		var at timestamp
		if err := json.Unmarshal([]byte(text), &at); err != nil || int64(at) != want {
			t.Errorf("%s is %d, %v", text, at, err)
		}
	}
	for millis, want := range map[int64]string{1795425346099: `"2026-11-23T09:15:46.099Z"`, 1795425346000: `"2026-11-23T09:15:46Z"`, 0: `"1970-01-01T00:00:00Z"`} {
		if got := string(appendTime(nil, millis)); got != want {
			t.Errorf("%d is %s", millis, got)
		}
	}
	for text, want := range map[string]int64{`"1.25s"`: 1250, `"0.101s"`: 101, `"3s"`: 3000, `"0.0009s"`: 0} {
		var d duration
		if err := json.Unmarshal([]byte(text), &d); err != nil || int64(d) != want {
			t.Errorf("%s is %d, %v", text, d, err)
		}
	}
	for millis, want := range map[int64]string{1250: `"1.250s"`, 101: `"0.101s"`, 3000: `"3s"`, 5: `"0.005s"`} {
		if got := string(appendDuration(nil, millis)); got != want {
			t.Errorf("%d is %s", millis, got)
		}
	}
	for _, bad := range []string{`"yesterday"`, `5`, `{}`} {
		var at timestamp
		var d duration
		if err := json.Unmarshal([]byte(bad), &at); err == nil {
			t.Errorf("%s is a time", bad)
		}
		if err := json.Unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("%s is a duration", bad)
		}
	}
}

func TestTraceFile(t *testing.T) {
	id := trace.ID{7}
	for _, version := range []string{"2", "3"} {
		body, err := os.ReadFile("testdata/traces-v" + version + ".json")
		if err != nil {
			t.Fatal(err)
		}
		spans, err := parseTraceFile(body, id)
		if err != nil || len(spans) != 2 {
			t.Fatalf("version %s: %d spans, %v", version, len(spans), err)
		}
		s := spans[1]
		if s.TraceID != id || s.Parent != spans[0].ID || s.Name != "tool" || s.Status != trace.Error || s.StatusMessage != "ValueError: boom" ||
			s.Start != 1795425437197688512 || s.End != 1795425437197959400 || len(s.Events) != 1 || s.Events[0].Time != 1795425437197700000 {
			t.Errorf("version %s: %+v", version, s)
		}
		attrs := trace.Value{Kind: trace.Map, Map: s.Attrs}
		if attrs.Get("mlflow.spanType").Str != "TOOL" || attrs.Get("mlflow.spanInputs").Get("x").Int != 1 {
			t.Errorf("version %s: %+v", version, s.Attrs)
		}
		again, err := trace.ParseSpan(s.Raw)
		if err != nil || again.Name != s.Name || again.ID != s.ID {
			t.Errorf("version %s: Raw holds %+v, %v", version, again, err)
		}
		// What we write, we read; so do clients of both versions.
		h := traces{norm: normalise.New()}
		for _, one := range []func([]byte, *trace.Span) []byte{h.appendFileSpan, h.appendFileSpanV2} {
			out := append(one([]byte(`{"spans":[`), &s), "]}"...)
			back, err := parseTraceFile(out, id)
			if err != nil || len(back) != 1 || back[0].ID != s.ID || back[0].Parent != s.Parent || back[0].End != s.End || back[0].Status != s.Status {
				t.Errorf("version %s: read back %+v, %v from %s", version, back, err, out)
			}
		}
	}
}

func TestTraceFilePath(t *testing.T) {
	for path, want := range map[string]bool{
		"3/traces/dc2e21870706499e88e74bfeefb06d80/artifacts/traces.json":     true,
		"/3/traces/tr-dc2e21870706499e88e74bfeefb06d80/artifacts/traces.json": true,
		"3/traces/x/artifacts/traces.json":                                    false,
		"3/dc2e21870706499e88e74bfeefb06d80/artifacts/traces.json":            false,
		"3/traces/dc2e21870706499e88e74bfeefb06d80/artifacts/other.json":      false,
	} {
		if _, ok := traceFile(path); ok != want {
			t.Errorf("traceFile(%s) is %v", path, ok)
		}
	}
}

func FuzzTraceFile(f *testing.F) {
	for _, v := range []string{"2", "3"} {
		if body, err := os.ReadFile("testdata/traces-v" + v + ".json"); err == nil {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		spans, err := parseTraceFile(body, trace.ID{1})
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Fatalf("%v: %v", k, err)
			}
			return
		}
		for i := range spans {
			if _, err := trace.ParseSpan(spans[i].Raw); err != nil {
				t.Fatalf("Raw is refused: %v", err)
			}
		}
	})
}

func TestAssessmentJSON(t *testing.T) {
	no := "no"
	tests := []struct {
		name string
		a    tracing.Assessment
		want string
	}{
		{"feedback", tracing.Assessment{Kind: tracing.Feedback, Value: json.RawMessage("true"), Rationale: &no, Valid: true,
			Source: tracing.AssessmentSource{Type: "HUMAN", ID: "ann"}, Metadata: map[string]string{"k": "v"}},
			`"source":{"source_type":"HUMAN","source_id":"ann"},"create_time":"1970-01-01T00:00:00Z","last_update_time":"1970-01-01T00:00:00Z","feedback":{"value":true},"rationale":"no","metadata":{"k":"v"},"valid":true`},
		{"failed feedback", tracing.Assessment{Kind: tracing.Feedback, Error: &tracing.AssessmentError{Code: "E", Message: "m"}, Overrides: "a-1"},
			`"source":{"source_type":""},"create_time":"1970-01-01T00:00:00Z","last_update_time":"1970-01-01T00:00:00Z","feedback":{"value":null,"error":{"error_code":"E","error_message":"m"}},"overrides":"a-1","valid":false`},
		{"expectation", tracing.Assessment{Kind: tracing.Expectation, Value: json.RawMessage(`{"x":[1,2]}`)},
			`"source":{"source_type":""},"create_time":"1970-01-01T00:00:00Z","last_update_time":"1970-01-01T00:00:00Z","expectation":{"serialized_value":{"serialization_format":"JSON_FORMAT","value":"{\"x\":[1,2]}"}},"valid":false`},
		{"plain expectation", tracing.Assessment{Kind: tracing.Expectation, Value: json.RawMessage(`"x"`)},
			`"source":{"source_type":""},"create_time":"1970-01-01T00:00:00Z","last_update_time":"1970-01-01T00:00:00Z","expectation":{"value":"x"},"valid":false`},
		{"issue", tracing.Assessment{Kind: tracing.Issue, Value: json.RawMessage(`"slow"`)},
			`"source":{"source_type":""},"create_time":"1970-01-01T00:00:00Z","last_update_time":"1970-01-01T00:00:00Z","issue":{"issue_name":"slow"},"valid":false`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.a.ID, tt.a.Name = "a-0", "n"
			got := string(appendAssessment(nil, &tt.a))
			want := `{"assessment_id":"a-0","assessment_name":"n","trace_id":"tr-00000000000000000000000000000000",` + tt.want + `}`
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			var back assessment
			if err := json.Unmarshal([]byte(got), &back); err != nil {
				t.Fatal(err)
			}
			again, err := back.toAssessment(trace.ID{})
			if err != nil || again.Kind != tt.a.Kind || len(tt.a.Value) > 0 && string(again.Value) != string(tt.a.Value) {
				t.Errorf("read back %+v, %v", again, err)
			}
		})
	}
}

func TestFieldMask(t *testing.T) {
	for text, want := range map[string]string{`"assessmentName,feedback"`: "assessmentName feedback", `{"paths":["rationale"]}`: "rationale", `""`: ""} {
		var m fieldMask
		if err := json.Unmarshal([]byte(text), &m); err != nil || strings.Join(m, " ") != want {
			t.Errorf("%s is %v, %v", text, m, err)
		}
	}
}
