package otlp

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

// keeper is an ingester and evaluation store in memory.
type keeper struct {
	mu          sync.Mutex
	batches     []trace.Batch
	evaluations []Evaluation
	refuse      func(trace.Batch) (int, string, error)
}

func (k *keeper) Ingest(_ context.Context, b trace.Batch) (int, string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refuse != nil {
		if n, reason, err := k.refuse(b); n > 0 || err != nil {
			return n, reason, err
		}
	}
	for i := range b.Spans {
		b.Spans[i].Raw = bytes.Clone(b.Spans[i].Raw) // it must not be kept
	}
	k.batches = append(k.batches, b)
	return 0, "", nil
}

func (k *keeper) Evaluate(_ context.Context, list []Evaluation) (int, string, error) {
	k.evaluations = append(k.evaluations, list...)
	return 0, "", nil
}

func newServer(t testing.TB, k *keeper, cfg Config) *Server {
	t.Helper()
	return NewServer(k, slog.New(slog.DiscardHandler), cfg)
}

func span(name string) *trace.Span {
	return &trace.Span{TraceID: trace.ID{1}, ID: trace.SpanID{2}, Name: name, Start: 1, End: 2}
}

// field wraps a protobuf message in a length-delimited field; short only.
func field(num byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	out := []byte{num<<3 | 2}
	for n := len(body); ; n >>= 7 {
		if n < 0x80 {
			out = append(out, byte(n))
			break
		}
		out = append(out, byte(n)|0x80)
	}
	return append(out, body...)
}

// resourceSpans is a ResourceSpans with resource attributes (key, value …)
// and spans.
func resourceSpans(resource []string, spans ...*trace.Span) []byte {
	var attrs []trace.Attr
	for i := 0; i < len(resource); i += 2 {
		attrs = append(attrs, trace.Attr{Key: resource[i], Value: trace.StringValue(resource[i+1])})
	}
	var list []byte
	for _, s := range spans {
		list = append(list, field(2, trace.AppendSpan(nil, s))...)
	}
	return field(1, field(1, trace.AppendAttrs(nil, attrs)), field(2, list))
}

func post(t testing.TB, h http.Handler, path string, body []byte, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", protobufType)
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTargets(t *testing.T) {
	tests := []struct {
		name     string
		resource []string
		headers  []string
		want     trace.Batch
	}{
		{"nothing", nil, nil, trace.Batch{}},
		{"header", []string{"service.name", "x", "mlflow.experiment.id", "9"}, []string{"X-MLflow-Experiment-Id", "7", "x-mlflow-run-id", "r1"}, trace.Batch{ExperimentID: "7", RunID: "r1"}},
		{"header by name", nil, []string{"x-mlflow-experiment-name", "agents"}, trace.Batch{ExperimentName: "agents"}},
		{"resource id", []string{"service.name", "x", "mlflow.experiment.id", "9", "mlflow.experiment.name", "n"}, nil, trace.Batch{ExperimentID: "9"}},
		{"resource name", []string{"service.name", "x", "mlflow.experiment.name", "n"}, nil, trace.Batch{ExperimentName: "n"}},
		{"assay's own attribute", []string{"assay.experiment", "n"}, nil, trace.Batch{ExperimentName: "n"}},
		{"service", []string{"service.name", " shop "}, nil, trace.Batch{ExperimentName: "shop"}},
		{"service with a NUL", []string{"service.name", "a\x00b\x00"}, nil, trace.Batch{ExperimentName: "ab"}},
		{"service of NULs alone", []string{"service.name", "\x00 \x00"}, nil, trace.Batch{}},
		{"service nobody named", []string{"service.name", "unknown_service:python"}, nil, trace.Batch{}},
		{"run of the resource", []string{"mlflow.run.id", "r2"}, nil, trace.Batch{RunID: "r2"}},
		{"long name", []string{"service.name", strings.Repeat("é", 600)}, nil, trace.Batch{ExperimentName: strings.Repeat("é", 500)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := &keeper{}
			w := post(t, newServer(t, k, Config{}).Handler(), "/v1/traces", resourceSpans(tt.resource, span("a"), span("b")), tt.headers...)
			if w.Code != 200 || len(k.batches) != 1 {
				t.Fatalf("%d %s, %d batches", w.Code, w.Body, len(k.batches))
			}
			got := k.batches[0]
			if got.ExperimentID != tt.want.ExperimentID || got.ExperimentName != tt.want.ExperimentName || got.RunID != tt.want.RunID || len(got.Spans) != 2 {
				t.Errorf("got %q %q %q with %d spans", got.ExperimentID, got.ExperimentName, got.RunID, len(got.Spans))
			}
		})
	}
}

func TestSeveralResourcesAreGrouped(t *testing.T) {
	k := &keeper{}
	body := bytes.Join([][]byte{
		resourceSpans([]string{"service.name", "a"}, span("1")),
		resourceSpans([]string{"service.name", "b"}, span("2")),
		resourceSpans([]string{"service.name", "a"}, span("3")),
	}, nil)
	h := newServer(t, k, Config{}).Handler()
	if w := post(t, h, "/v1/traces", body); w.Code != 200 {
		t.Fatal(w.Code)
	}
	var got []string
	for _, b := range k.batches {
		for _, s := range b.Spans {
			got = append(got, b.ExperimentName+s.Name)
		}
	}
	if strings.Join(got, " ") != "a1 a3 b2" {
		t.Fatalf("got %v", got)
	}

	k.refuse = func(b trace.Batch) (int, string, error) {
		if b.ExperimentName == "a" {
			return 0, "", fault.New(fault.State, "experiment a is deleted")
		}
		return 0, "", nil
	}
	w := post(t, h, "/v1/traces", body)
	var resp collector.ExportTraceServiceResponse
	if err := proto.Unmarshal(w.Body.Bytes(), &resp); err != nil || w.Code != 200 ||
		resp.PartialSuccess.GetRejectedSpans() != 2 || resp.PartialSuccess.GetErrorMessage() != "experiment a is deleted" {
		t.Fatalf("%d %v %v", w.Code, &resp, err)
	}
}

func TestEncodings(t *testing.T) {
	plain := resourceSpans(nil, span("a"))
	pack := func(open func(io.Writer) io.WriteCloser) []byte {
		var buf bytes.Buffer
		z := open(&buf)
		z.Write(plain)
		z.Close()
		return buf.Bytes()
	}
	gz := pack(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	for name, tt := range map[string]struct {
		encoding string
		body     []byte
		status   int
	}{
		"none": {"", plain, 200}, "identity": {"identity", plain, 200},
		"gzip": {"gzip", gz, 200}, "GZIP": {"GZIP", gz, 200},
		"deflate": {"deflate", pack(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }), 200},
		"zstd":    {"zstd", pack(func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }), 200},
		"brotli":  {"br", plain, 415}, "not gzip": {"gzip", plain, 400}, "not zstd": {"zstd", plain, 400},
		"not deflate": {"deflate", plain, 400},
		"torn gzip":   {"gzip", gz[:len(gz)-6], 400},
	} {
		t.Run(name, func(t *testing.T) {
			k := &keeper{}
			w := post(t, newServer(t, k, Config{}).Handler(), "/v1/traces", tt.body, "Content-Encoding", tt.encoding)
			if w.Code != tt.status || (tt.status == 200) != (len(k.batches) == 1) {
				t.Fatalf("%d %q, %d batches", w.Code, w.Body, len(k.batches))
			}
		})
	}
}

func TestSizeIsBoundedAfterDecompression(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(make([]byte, 4<<20))
	z.Close()
	if bomb.Len() > 1<<16 {
		t.Fatal("not a bomb")
	}
	s := newServer(t, &keeper{}, Config{MaxBody: 1 << 20})
	for name, tt := range map[string]struct {
		body     []byte
		encoding string
	}{"bomb": {bomb.Bytes(), "gzip"}, "plain": {make([]byte, 1<<20+1), ""}} {
		w := post(t, s.Handler(), "/v1/traces", tt.body, "Content-Encoding", tt.encoding)
		var st spb.Status
		if err := proto.Unmarshal(w.Body.Bytes(), &st); w.Code != 413 || err != nil || st.Code != 8 {
			t.Errorf("%s: %d %v %v", name, w.Code, &st, err)
		}
	}
	if used := s.flight.used.Load(); used != 0 {
		t.Errorf("%d bytes of the budget are lost", used)
	}
}

func TestBusyServerAsksToComeAgain(t *testing.T) {
	s := newServer(t, &keeper{}, Config{MaxInFlight: 1})
	w := post(t, s.Handler(), "/v1/traces", resourceSpans(nil, span("a")))
	if w.Code != 429 || w.Header().Get("Retry-After") != "1" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
}

func TestFaultsBecomeStatuses(t *testing.T) {
	for kind, want := range map[fault.Kind]struct {
		status int
		code   int32
		again  bool
	}{
		fault.Invalid: {400, 3, false}, fault.NotFound: {404, 5, false}, fault.Limited: {429, 8, true},
		fault.Unavailable: {503, 14, true}, fault.Conflict: {503, 14, true}, fault.Internal: {500, 13, false},
		fault.TooLarge: {413, 8, false}, fault.Denied: {403, 7, false}, fault.Unauthenticated: {401, 16, false},
	} {
		k := &keeper{refuse: func(trace.Batch) (int, string, error) { return 0, "", fault.New(kind, "because \"x\"") }}
		h := newServer(t, k, Config{}).Handler()
		w := post(t, h, "/v1/traces", resourceSpans(nil, span("a")))
		var st spb.Status
		if err := proto.Unmarshal(w.Body.Bytes(), &st); err != nil {
			t.Fatal(err)
		}
		if w.Code != want.status || st.Code != want.code || (w.Header().Get("Retry-After") != "") != want.again || w.Header().Get("Content-Type") != protobufType {
			t.Errorf("%v: %d %v %v", kind, w.Code, &st, w.Header())
		}
		w = post(t, h, "/v1/traces", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}]}]}`), "Content-Type", "application/json; charset=utf-8")
		var js struct {
			Code    int32
			Message string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &js); err != nil || js.Code != want.code || w.Code != want.status || w.Header().Get("Content-Type") != jsonType {
			t.Errorf("%v: %d %s", kind, w.Code, w.Body)
		}
	}
}

func TestHTTPEdges(t *testing.T) {
	k := &keeper{refuse: func(b trace.Batch) (int, string, error) { return 1, "its day was removed", nil }}
	h := newServer(t, k, Config{}).Handler()
	one := resourceSpans(nil, span("a"))
	badID := append(field(1, field(2, field(2, []byte{0x2a, 1, 'x'}))), one...)
	tests := []struct {
		name, method, path, kind, body string
		status                         int
		answer                         string
	}{
		{"empty protobuf", "POST", "/v1/traces", protobufType, "", 200, ""},
		{"empty JSON", "POST", "/v1/traces", jsonType, "{}", 200, "{}"},
		{"no body as JSON", "POST", "/v1/traces", jsonType, "", 400, ""},
		{"get", "GET", "/v1/traces", protobufType, "", 405, ""},
		{"no content type", "POST", "/v1/traces", "", string(one), 415, ""},
		{"text", "POST", "/v1/traces", "text/plain", "x", 415, ""},
		{"torn", "POST", "/v1/traces", protobufType, string(one[:len(one)-1]), 400, ""},
		{"JSON as protobuf", "POST", "/v1/traces", protobufType, `{"resourceSpans":[]}`, 400, ""},
		{"protobuf as JSON", "POST", "/v1/traces", jsonType, string(one), 400, ""},
		{"metrics", "POST", "/v1/metrics", protobufType, "", 501, ""},
		{"elsewhere", "POST", "/v1/profiles", jsonType, "{}", 404, ""},
		{"LangSmith's path", "POST", "/otel/v1/traces", jsonType, "{}", 200, "{}"},
		{"partial success", "POST", "/v1/traces", jsonType, `{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"no ids"},{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}]}]}`,
			200, `{"partialSuccess":{"rejectedSpans":"2","errorMessage":"a span has no trace id"}}`},
		{"partial success in protobuf", "POST", "/v1/traces", protobufType, string(badID), 200, "\x0a\x1a\x08\x02\x12\x16a span has no trace id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			if tt.kind != "" {
				r.Header.Set("Content-Type", tt.kind)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.status || (tt.status == 200 && w.Body.String() != tt.answer) {
				t.Fatalf("%d %q", w.Code, w.Body)
			}
			if tt.status >= 400 && w.Body.Len() == 0 {
				t.Error("an error without a Status")
			}
		})
	}
}

func TestAuthorize(t *testing.T) {
	k := &keeper{}
	s := newServer(t, k, Config{Authorize: func(_ context.Context, need caller.Permission) error {
		if need != caller.Write {
			t.Errorf("asked for %v", need)
		}
		return fault.New(fault.Unauthenticated, "credentials are needed")
	}})
	w := post(t, s.Handler(), "/v1/traces", resourceSpans(nil, span("a")))
	if w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" || len(k.batches) > 0 {
		t.Fatalf("%d, %d batches", w.Code, len(k.batches))
	}
}

func TestLogs(t *testing.T) {
	const body = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[
	{"eventName":"gen_ai.evaluation.result","timeUnixNano":"5","traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","attributes":[
		{"key":"gen_ai.evaluation.name","value":{"stringValue":"relevance"}},{"key":"gen_ai.evaluation.score.value","value":{"doubleValue":0.5}},
		{"key":"gen_ai.evaluation.score.label","value":{"stringValue":"pass"}},{"key":"gen_ai.evaluation.explanation","value":{"stringValue":"because"}}]},
	{"eventName":"gen_ai.evaluation.result","attributes":[{"key":"gen_ai.evaluation.name","value":{"stringValue":"no trace"}}]},
	{"body":{"stringValue":"a plain line"}}]}]}]}`
	k := &keeper{}
	w := post(t, newServer(t, k, Config{Evaluations: k}).Handler(), "/v1/logs", []byte(body), "Content-Type", jsonType)
	var resp struct {
		PartialSuccess struct{ RejectedLogRecords, ErrorMessage string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &resp); err != nil || w.Code != 200 || resp.PartialSuccess.RejectedLogRecords != "2" || resp.PartialSuccess.ErrorMessage == "" {
		t.Fatalf("%d %s %v", w.Code, w.Body, err)
	}
	if len(k.evaluations) != 1 {
		t.Fatalf("%d evaluations", len(k.evaluations))
	}
	e := k.evaluations[0]
	if e.Name != "relevance" || e.Score == nil || *e.Score != 0.5 || e.Label != "pass" || e.Explanation != "because" || e.SpanID.IsZero() || e.Time != 5 {
		t.Errorf("got %+v", e)
	}
	if w := post(t, newServer(t, k, Config{}).Handler(), "/v1/logs", nil); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("empty request: %d %q", w.Code, w.Body)
	}
}

func FuzzHTTP(f *testing.F) {
	k := &keeper{}
	h := newServer(f, k, Config{MaxBody: 1 << 20, Evaluations: k}).Handler()
	good := resourceSpans([]string{"service.name", "x"}, span("a"))
	f.Add("/v1/traces", protobufType, "", good)
	f.Add("/v1/traces", jsonType, "", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}]}]}`))
	f.Add("/v1/logs", protobufType, "gzip", []byte{0x1f, 0x8b, 8, 0})
	f.Add("/v1/logs", jsonType, "zstd", []byte{0x28, 0xb5, 0x2f, 0xfd, 4, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, path, kind, encoding string, body []byte) {
		if path != "/v1/traces" && path != "/v1/logs" {
			path = "/v1/traces"
		}
		w := post(t, h, path, body, "Content-Type", kind, "Content-Encoding", encoding)
		if w.Code >= 500 {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
		k.batches, k.evaluations = nil, nil
	})
}
