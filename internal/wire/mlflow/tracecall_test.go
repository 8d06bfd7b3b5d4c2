package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracing/normalise"
)

// traceServer is the API over a trace store of t's own.
type traceServer struct {
	t       testing.TB
	mux     *http.ServeMux
	server  *Server
	tracing *tracing.Service
}

func newTraceServer(t testing.TB) *traceServer {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	store, err := sqlstore.OpenTraces(context.Background(), t.TempDir(), log, sqlstore.TracesConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	svc := tracing.New(store, log, tracing.Config{Normalise: normalise.New().Apply, Version: normalise.Version})
	s := NewServer(log, func(context.Context, caller.Permission) error { return nil })
	s.ServeTraces(svc)
	s.traces.wait = func(context.Context, time.Duration) error { return nil }
	mux := http.NewServeMux()
	s.Register(mux)
	return &traceServer{t, mux, s, svc}
}

// call makes a request and returns the status and the decoded answer.
func (s *traceServer) call(method, path, body string) (int, trace.Value) {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	v, err := trace.ParseValue(w.Body.Bytes())
	if err != nil {
		s.t.Fatalf("%s %s: %v in %q", method, path, err, w.Body)
	}
	return w.Code, v
}

// ok is call for requests that must succeed.
func (s *traceServer) ok(method, path, body string) trace.Value {
	s.t.Helper()
	code, v := s.call(method, path, body)
	if code != 200 {
		s.t.Fatalf("%s %s: %d %s", method, path, code, v.AppendJSON(nil))
	}
	return v
}

const (
	traceOne = "tr-00000000000000000000000000000001"
	api3     = "/api/3.0/mlflow/traces"
	api2     = "/api/2.0/mlflow/traces"
)

func startBody(id, state string) string {
	return fmt.Sprintf(`{"trace":{"trace_info":{"trace_id":%q,"trace_location":{"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":"0"}},
		"request_time":"2026-11-23T09:00:00.500Z","execution_duration":"0.250s","state":%q,"tags":{"mlflow.traceName":"ask","color":"red"}}}}`, id, state)
}

// ingest sends a root and a model call below it.
func (s *traceServer) ingest(id string) {
	s.t.Helper()
	tid, err := trace.ParseID(id)
	if err != nil {
		s.t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 9, 0, 0, 500_000_000, time.UTC).UnixNano()
	spans := []trace.Span{
		{TraceID: tid, ID: trace.SpanID{1}, Name: "ask", Start: at, End: at + 250e6, Status: trace.OK, Attrs: []trace.Attr{{Key: "mlflow.spanType", Value: trace.StringValue("AGENT")}}},
		{TraceID: tid, ID: trace.SpanID{2}, Parent: trace.SpanID{1}, Name: "chat gpt-4o", Start: at + 1e6, End: at + 2e6, Attrs: []trace.Attr{
			{Key: "gen_ai.operation.name", Value: trace.StringValue("chat")}, {Key: "gen_ai.request.model", Value: trace.StringValue("gpt-4o")},
			{Key: "gen_ai.usage.input_tokens", Value: trace.IntValue(10)}, {Key: "gen_ai.usage.output_tokens", Value: trace.IntValue(5)},
		}},
	}
	for i := range spans {
		spans[i].Raw = trace.AppendSpan(nil, &spans[i])
	}
	if n, reason, err := s.tracing.Ingest(s.t.Context(), trace.Batch{ExperimentID: "0", Spans: spans}); err != nil || n > 0 {
		s.t.Fatal(n, reason, err)
	}
}

// dig reads a value by keys and indices.
func dig(v trace.Value, path ...any) trace.Value {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			v = v.Get(p)
		case int:
			if p >= len(v.List) {
				return trace.Value{}
			}
			v = v.List[p]
		}
	}
	return v
}

func TestTraceCallsV3(t *testing.T) {
	s := newTraceServer(t)
	started := s.ok("POST", api3, startBody(traceOne, "OK"))
	tags := dig(started, "trace", "trace_info", "tags")
	if tags.Get("mlflow.trace.spansLocation").Str != "TRACKING_STORE" || tags.Get("mlflow.artifactLocation").Str != "mlflow-artifacts:/0/traces/"+traceOne+"/artifacts" {
		t.Errorf("clients would upload the spans again: %s", tags.AppendJSON(nil))
	}
	if code, _ := s.call("GET", api3+"/get?trace_id="+traceOne, ""); code != 404 {
		t.Errorf("a trace without its spans is answered with %d", code)
	}
	if got := s.ok("GET", api3+"/batchGet?trace_ids="+traceOne, ""); len(got.Map) != 0 {
		t.Errorf("a trace without its spans is in %s", got.AppendJSON(nil))
	}
	s.ingest(traceOne)
	got := s.ok("GET", api3+"/get?trace_id="+traceOne, "")
	if n := len(dig(got, "trace", "spans").List); n != 2 {
		t.Fatalf("%d spans in %s", n, got.AppendJSON(nil))
	}
	if meta := dig(got, "trace", "trace_info", "trace_metadata", "mlflow.trace.tokenUsage"); meta.Str != `{"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}` {
		t.Errorf("token usage %q", meta.Str)
	}
	if d := dig(got, "trace", "trace_info", "execution_duration"); d.Str != "0.250s" {
		t.Errorf("duration %q", d.Str)
	}
	if n := len(dig(s.ok("GET", api3+"/batchGet?trace_ids="+traceOne+"&trace_ids=tr-x", ""), "traces").List); n != 1 {
		t.Errorf("batchGet has %d", n)
	}
	if got := s.ok("GET", api3+"/batchGet?trace_ids="+traceOne+"&experiment_ids=9", ""); len(got.Map) != 0 {
		t.Errorf("a trace of another experiment is in %s", got.AppendJSON(nil))
	}
	if n := len(dig(s.ok("POST", api3+"/batchGetInfos", `{"trace_ids":["`+traceOne+`"]}`), "trace_infos").List); n != 1 {
		t.Errorf("batchGetInfos has %d", n)
	}
	s.ok("PATCH", api3+"/"+traceOne+"/tags", `{"key":"k","value":"v"}`)
	if v := dig(s.ok("GET", api3+"/"+traceOne, ""), "trace", "trace_info", "tags", "k"); v.Str != "v" {
		t.Errorf("tag %q", v.Str)
	}
	s.ok("DELETE", api3+"/"+traceOne+"/tags", `{"key":"k"}`)
	file := s.ok("GET", "/ajax-api/3.0/mlflow/get-trace-artifact?request_id="+traceOne, "")
	if code, _ := s.call("GET", "/ajax-api/3.0/mlflow/get-trace-artifact?request_id="+traceOne+"&path=../secret", ""); code != 400 {
		t.Errorf("a path out of the trace is answered with %d", code)
	}
	if len(dig(file, "spans").List) != 2 || dig(file, "spans", 1, "attributes", "mlflow.spanType").Str != `"CHAT_MODEL"` {
		t.Errorf("file %s", file.AppendJSON(nil))
	}
	if n := dig(s.ok("POST", api3+"/delete-traces", `{"experiment_id":"0","request_ids":["`+traceOne+`","tr-x"]}`), "traces_deleted"); n.Int != 1 {
		t.Errorf("%d deleted", n.Int)
	}
	if code, _ := s.call("GET", api3+"/"+traceOne, ""); code != 404 {
		t.Errorf("a deleted trace is answered with %d", code)
	}
}

func TestTraceSearchCalls(t *testing.T) {
	s := newTraceServer(t)
	for i := range 3 {
		id := fmt.Sprintf("tr-%032x", i+1)
		s.ok("POST", api3, startBody(id, []string{"OK", "ERROR", "OK"}[i]))
		s.ingest(id)
	}
	const here = `"locations":[{"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":"0"}}]`
	first := s.ok("POST", api3+"/search", `{`+here+`,"max_results":2,"order_by":["timestamp ASC"]}`)
	token := first.Get("next_page_token").Str
	if len(first.Get("traces").List) != 2 || token == "" {
		t.Fatalf("first page %s", first.AppendJSON(nil))
	}
	second := s.ok("POST", api3+"/search", `{`+here+`,"max_results":2,"order_by":["timestamp ASC"],"page_token":"`+token+`"}`)
	if len(second.Get("traces").List) != 1 || second.Get("next_page_token").Str != "" {
		t.Fatalf("second page %s", second.AppendJSON(nil))
	}
	if n := len(s.ok("POST", api3+"/search", `{`+here+`,"filter":"status = 'ERROR'"}`).Get("traces").List); n != 1 {
		t.Errorf("%d failed traces", n)
	}
	if got := s.ok("POST", api3+"/search", `{"locations":[{"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":"77"}}]}`); len(got.Map) != 0 {
		t.Errorf("an experiment without traces has %s", got.AppendJSON(nil))
	}
	if n := len(s.ok("GET", api2+"?experiment_ids=0&max_results=5", "").Get("traces").List); n != 3 {
		t.Errorf("%d traces by version 2", n)
	}
	c := s.ok("POST", api3+"/calculate-filter-correlation", `{"experiment_ids":["0"],"filter_string1":"status = 'OK'","filter_string2":"tag.color = 'red'"}`)
	if c.Get("total_count").Int != 3 || c.Get("joint_count").Int != 2 || c.Get("npmi").Float != 0 {
		t.Errorf("correlation %s", c.AppendJSON(nil))
	}
	for body, want := range map[string]string{
		`"view_type":"TRACES","metric_name":"total_tokens","aggregations":[{"aggregation_type":"SUM"},{"aggregation_type":"PERCENTILE","percentile_value":50}]`:                     `[{"metric_name":"total_tokens","values":{"SUM":45.0,"P50.0":15.0}}]`,
		`"view_type":"SPANS","metric_name":"span_count","aggregations":[{"aggregation_type":"COUNT"}],"dimensions":["span_type"]`:                                                   `[{"metric_name":"span_count","dimensions":{"span_type":"AGENT"},"values":{"COUNT":3.0}},{"metric_name":"span_count","dimensions":{"span_type":"CHAT_MODEL"},"values":{"COUNT":3.0}}]`,
		`"view_type":"TRACES","metric_name":"trace_count","aggregations":[{"aggregation_type":"COUNT"}],"time_interval_seconds":3600,"start_time_ms":0,"end_time_ms":1900000000000`: `[{"metric_name":"trace_count","dimensions":{"time_bucket":"2026-11-23T09:00:00+00:00"},"values":{"COUNT":3.0}}]`,
		`"view_type":"TRACES","metric_name":"trace_count","aggregations":[{"aggregation_type":"COUNT"}],"filters":["trace.status = 'ERROR'"]`:                                       `[{"metric_name":"trace_count","values":{"COUNT":1.0}}]`,
		`"view_type":"TRACES","metric_name":"latency","aggregations":[{"aggregation_type":"MAX"}],"dimensions":["trace_name"],"start_time_ms":1,"end_time_ms":2`:                    `null`,
	} {
		if got := string(s.ok("POST", api3+"/metrics", `{"experiment_ids":["0"],`+body+`}`).Get("data_points").AppendJSON(nil)); got != want {
			t.Errorf("metrics of %s: got %s, want %s", body, got, want)
		}
	}
}

func TestAssessmentCalls(t *testing.T) {
	s := newTraceServer(t)
	s.ok("POST", api3, startBody(traceOne, "OK"))
	base := api3 + "/" + traceOne + "/assessments"
	made := s.ok("POST", base, `{"assessment":{"assessment_name":"good","feedback":{"value":true},"rationale":"r","source":{"source_type":"HUMAN","source_id":"ann"},"metadata":{"k":"v"}}}`)
	id := dig(made, "assessment", "assessment_id").Str
	if !strings.HasPrefix(id, "a-") || !strings.HasPrefix(dig(made, "assessment", "create_time").Str, "20") {
		t.Fatalf("made %s", made.AppendJSON(nil))
	}
	over := s.ok("POST", base, `{"assessment":{"assessment_name":"good","feedback":{"value":false},"overrides":"`+id+`","source":{"source_type":"LLM_JUDGE","source_id":"m"}}}`)
	if v := dig(s.ok("GET", base+"/"+id, ""), "assessment", "valid"); v.Kind != trace.Bool || v.Int != 0 {
		t.Error("the overridden assessment is still valid")
	}
	changed := s.ok("PATCH", base+"/"+dig(over, "assessment", "assessment_id").Str, `{"assessment":{"feedback":{"value":3},"rationale":"more"},"update_mask":"feedback,rationale"}`)
	if dig(changed, "assessment", "feedback", "value").Int != 3 || dig(changed, "assessment", "rationale").Str != "more" || dig(changed, "assessment", "source", "source_id").Str != "m" {
		t.Errorf("changed %s", changed.AppendJSON(nil))
	}
	if code, _ := s.call("PATCH", base+"/"+id, `{"assessment":{"expectation":{"value":3}},"update_mask":"expectation"}`); code != 400 {
		t.Errorf("feedback became an expectation: %d", code)
	}
	if n := len(dig(s.ok("GET", api3+"/"+traceOne, ""), "trace", "trace_info", "assessments").List); n != 2 {
		t.Errorf("%d assessments on the trace", n)
	}
	s.ok("DELETE", base+"/"+dig(over, "assessment", "assessment_id").Str, "")
	if v := dig(s.ok("GET", base+"/"+id, ""), "assessment", "valid"); v.Int != 1 {
		t.Error("the assessment is not valid again")
	}
}

func TestTraceCallsV2(t *testing.T) {
	s := newTraceServer(t)
	opened := s.ok("POST", api2, `{"experiment_id":"0","timestamp_ms":1795425437100,"request_metadata":[{"key":"mlflow.trace_schema.version","value":"2"}],"tags":[{"key":"mlflow.traceName","value":"root"}]}`)
	id := dig(opened, "trace_info", "request_id").Str
	if !strings.HasPrefix(id, "tr-") || dig(opened, "trace_info", "status").Str != "IN_PROGRESS" {
		t.Fatalf("opened %s", opened.AppendJSON(nil))
	}
	file, err := os.ReadFile("testdata/traces-v2.json")
	if err != nil {
		t.Fatal(err)
	}
	s.server.artifactStored(t.Context(), "0/traces/"+id+"/artifacts/traces.json", func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(file)), nil
	})
	ended := s.ok("PATCH", api2+"/"+id, `{"timestamp_ms":1795425437200,"status":"OK","request_metadata":[],"tags":[{"key":"t","value":"u"}]}`)
	if info := ended.Get("trace_info"); info.Get("execution_time_ms").Int != 100 || info.Get("status").Str != "OK" {
		t.Errorf("ended %s", ended.AppendJSON(nil))
	}
	if info := s.ok("GET", api2+"/"+id+"/info", "").Get("trace_info"); info.Get("request_id").Str != id {
		t.Errorf("info %s", info.AppendJSON(nil))
	}
	// Today's client and the pages see the spans.
	got := s.ok("GET", api3+"/get?trace_id="+id, "")
	names := []string{}
	for _, sp := range dig(got, "trace", "spans").List {
		names = append(names, sp.Get("name").Str)
	}
	if !slices.Equal(names, []string{"root", "tool"}) {
		t.Errorf("spans %v", names)
	}
	// And the old client finds a file for a trace whose spans came over OTLP.
	s.ok("POST", api3, startBody(traceOne, "OK"))
	s.ingest(traceOne)
	w := httptest.NewRecorder()
	path := "0/traces/" + traceOne + "/artifacts/traces.json"
	if answered, err := s.server.artifactMissing(w, httptest.NewRequest("GET", "/", nil), path); !answered || err != nil {
		t.Fatal(answered, err)
	}
	var made struct {
		Spans []struct {
			Context struct {
				SpanID string `json:"span_id"`
			}
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || len(made.Spans) != 2 || made.Spans[0].Context.SpanID != "0x0100000000000000" {
		t.Errorf("%v in %s", err, w.Body)
	}
	if answered, _ := s.server.artifactMissing(w, httptest.NewRequest("GET", "/", nil), "0/run/artifacts/model.pkl"); answered {
		t.Error("a missing model was answered with a trace")
	}
}

func TestLinkCalls(t *testing.T) {
	s := newTraceServer(t)
	s.ok("POST", api3, startBody(traceOne, "OK"))
	s.ok("POST", api2+"/link-to-run", `{"trace_ids":["`+traceOne+`","tr-x"],"run_id":"0123456789abcdef0123456789abcdef"}`)
	s.ok("POST", api2+"/link-prompts", `{"trace_id":"`+traceOne+`","prompt_versions":[{"name":"p","version":"1"}]}`)
	for _, filter := range []string{"attributes.run_id = '0123456789abcdef0123456789abcdef'", "prompt = 'p/1'"} {
		found := s.ok("POST", api3+"/search", `{"locations":[{"type":"MLFLOW_EXPERIMENT","mlflow_experiment":{"experiment_id":"0"}}],"filter":"`+filter+`"}`)
		if len(found.Get("traces").List) != 1 {
			t.Errorf("%s finds %s", filter, found.AppendJSON(nil))
		}
	}
}

// FuzzTraceCalls holds that no body makes a call fail with our own fault.
func FuzzTraceCalls(f *testing.F) {
	s := newTraceServer(f)
	s.ok("POST", api3, startBody(traceOne, "OK"))
	s.ingest(traceOne)
	routes := []struct{ method, path string }{
		{"POST", api3}, {"POST", api3 + "/search"}, {"POST", api3 + "/batchGetInfos"}, {"POST", api3 + "/" + traceOne + "/assessments"},
		{"PATCH", api3 + "/" + traceOne + "/assessments/a-1"}, {"POST", api3 + "/metrics"}, {"POST", api3 + "/calculate-filter-correlation"},
		{"PATCH", api2 + "/" + traceOne + "/tags"}, {"POST", api2}, {"PATCH", api2 + "/" + traceOne}, {"POST", api2 + "/link-prompts"},
	}
	f.Add(uint8(0), startBody("tr-00000000000000000000000000000002", "ERROR"))
	f.Add(uint8(1), `{"locations":[{"mlflow_experiment":{"experiment_id":"0"}}],"filter":"feedback.good > 0.5","order_by":["execution_time DESC"]}`)
	f.Add(uint8(3), `{"assessment":{"assessment_name":"x","expectation":{"serialized_value":{"serialization_format":"JSON_FORMAT","value":"[NaN]"}},"source":{"source_type":"HUMAN"}}}`)
	f.Add(uint8(4), `{"assessment":{"feedback":{"value":[1]}},"update_mask":"feedback"}`)
	f.Add(uint8(5), `{"experiment_ids":["0"],"view_type":"TRACES","metric_name":"latency","aggregations":[{"aggregation_type":"PERCENTILE","percentile_value":"NaN"}]}`)
	f.Add(uint8(8), `{"experiment_id":"0","timestamp_ms":"-5"}`)
	f.Fuzz(func(t *testing.T, route uint8, body string) {
		rt := routes[int(route)%len(routes)]
		w := httptest.NewRecorder()
		s.mux.ServeHTTP(w, httptest.NewRequest(rt.method, rt.path, strings.NewReader(body)))
		if w.Code >= 500 {
			t.Fatalf("%s %s: %d %s", rt.method, rt.path, w.Code, w.Body)
		}
	})
}
