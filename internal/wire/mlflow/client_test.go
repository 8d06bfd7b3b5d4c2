package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracking"
)

// clientOf is a client of a handler that does not really wait.
func clientOf(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	hc := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c, err := NewClient(s.URL, ClientConfig{HTTP: hc, Username: "ana", Password: "pw",
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestClientTriesAgainWhatMayPass(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		times  int32 // it fails before it answers; -1 for ever
		calls  int32
		kind   fault.Kind
		ok     bool
	}{
		{"away for a moment", 503, 2, 3, 0, true},
		{"away", 503, -1, 6, fault.Unavailable, false},
		{"fails for a moment", 500, 1, 2, 0, true},
		{"fails at one thing", 500, -1, 6, fault.Invalid, false},
		{"no such thing", 404, -1, 1, fault.NotFound, false},
		{"no credentials", 401, -1, 1, fault.Unauthenticated, false},
		{"elsewhere", 302, -1, 1, fault.Invalid, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls atomic.Int32
			client := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				if user, pw, _ := r.BasicAuth(); user != "ana" || pw != "pw" {
					t.Errorf("credentials %q %q", user, pw)
				}
				if n := calls.Add(1); c.times < 0 || n <= c.times {
					w.Header().Set("Location", "http://127.0.0.1:1/")
					w.WriteHeader(c.status)
					return
				}
				io.WriteString(w, `{"run":{"info":{"run_id":"r","experiment_id":"1","status":"FINISHED","start_time":5},"data":{"metrics":[{"key":"m","value":"NaN","timestamp":"7","step":1}]}}}`)
			})
			run, err := client.Run(t.Context(), "r")
			if (err == nil) != c.ok || err != nil && !fault.Is(err, c.kind) || calls.Load() != c.calls {
				t.Fatalf("%v after %d calls", err, calls.Load())
			}
			if c.ok && (run.ID != "r" || run.Metrics[0].Timestamp != 7 || run.Metrics[0].Value == run.Metrics[0].Value) {
				t.Fatalf("read %+v", run)
			}
		})
	}
}

func TestClientNoticesACutFile(t *testing.T) {
	client := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() != "/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/a%20b/%C3%A4%25.bin" {
			t.Errorf("asked for %s", r.URL.EscapedPath())
		}
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("half"))
	})
	body, size, err := client.Open(t.Context(), flow.FileRoot{Run: "r", URI: "mlflow-artifacts:/1/r/artifacts"}, "a b/ä%.bin")
	if err != nil || size != 100 {
		t.Fatal(size, err)
	}
	defer body.Close()
	if _, err := io.ReadAll(body); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("a file that breaks off reads as %v", err)
	}
}

func TestClientRefusesWhatIsNoServer(t *testing.T) {
	for _, answer := range []string{"", "<html>", "1.30.0", "x.y"} {
		client := clientOf(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer) })
		if _, err := client.Describe(t.Context()); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestEndlessHistoryEnds(t *testing.T) {
	client := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"metrics":[{"key":"m","value":1,"timestamp":1}],"next_page_token":"same"}`)
	})
	err := client.History(t.Context(), "r", "m", func([]tracking.Metric) error { return nil })
	if !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
}

// TestFilesStayInTheirDirectory lays a link that leads out of a directory.
func TestFilesStayInTheirDirectory(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := filepath.Join(dir, "1", strings.Repeat("a", 32))
	write(filepath.Join(outside, "secret"), "secret")
	write(filepath.Join(dir, "1", "meta.yaml"), "experiment_id: '1'\nname: x\nlifecycle_stage: active\nartifact_location: file:///x/1\n")
	write(filepath.Join(run, "meta.yaml"), "run_id: aa\nexperiment_id: '1'\nstatus: 3\nstart_time: 5\nartifact_uri: file:///x/1/aa/artifacts\n")
	write(filepath.Join(run, "metrics", "m"), "1 nan 0\n2 -Infinity 1\n")
	write(filepath.Join(run, "artifacts", "ok.txt"), "fine")
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(run, "artifacts", "out")); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, _, err := f.Experiments(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	runs, _, err := f.Runs(t.Context(), 1, "")
	if err != nil || len(runs) != 1 || len(runs[0].Metrics) != 1 || runs[0].Metrics[0].Step != 1 {
		t.Fatalf("%+v %v", runs, err)
	}
	root := flow.FileRoot{Run: runs[0].ID, URI: runs[0].ArtifactURI}
	if body, _, err := f.Open(t.Context(), root, "out"); err == nil {
		body.Close()
		t.Fatal("a link out of the directory was followed")
	}
	if body, _, err := f.Open(t.Context(), root, "../../../../etc/passwd"); err == nil {
		body.Close()
		t.Fatal("a path out of the directory was followed")
	}
	err = f.Files(t.Context(), root, func(tracking.File) error { return nil })
	if err == nil {
		t.Log("the link was passed over")
	}
}

func FuzzFileStore(f *testing.F) {
	f.Add([]byte("run_id: a\nexperiment_id: '1'\nstatus: 3\nend_time: null\n"))
	f.Add([]byte("aliases: []\ntags: {a: 'b'}\n"))
	f.Add([]byte("trace_id: tr-0123456789abcdef0123456789abcdef\nrequest_time: '2025-01-01T00:00:00Z'\nexecution_duration_ms: 3\n"))
	f.Add([]byte("feedback:\n  value: 0.5\nassessment_id: a-1\nassessment_name: x\nsource: {source_type: HUMAN}\n"))
	f.Add([]byte("1700000000000 0.5 3 run name digest"))
	f.Add([]byte("a: &x [*x, *x]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		var r runMeta
		var l linkMeta
		var m registeredMeta
		var tr traceMeta
		for _, v := range []any{&r, &l, &m, &tr, new(experimentMeta), new(datasetMeta), new(loggedModelMeta), new(versionMeta)} {
			_ = parseMeta(data, v)
		}
		if info, err := tr.toInfo(); err == nil && info.ID.IsZero() && !strings.Contains(string(data), "0") {
			t.Errorf("a header without an id was read from %q", data)
		}
		if a, err := parseAssessmentFile(data, trace.ID{1}); err == nil && !json.Valid(orNull(a.Value)) {
			t.Errorf("an assessment with the value %q", a.Value)
		}
		if _, _, err := parsePoint(string(data)); err == nil && len(bytes.Fields(data)) < 2 {
			t.Errorf("a point was read from %q", data)
		}
	})
}

func FuzzSourceAnswer(f *testing.F) {
	f.Add([]byte(`{"trace_info":{"trace_id":"tr-0123456789abcdef0123456789abcdef"},"spans":[{"span_id":"AAAAAAAAAAE=","name":"x","attributes":[{"key":"k","value":{"kvlist_value":{"values":[{"key":"a","value":{"array_value":{"values":[{"int_value":"3"}]}}}]}}}]}]}`))
	f.Add([]byte(`{"info":{"run_id":"r","experiment_id":"1","status":3},"data":{"metrics":[{"key":"m","value":NaN,"timestamp":1}]}}`))
	f.Add([]byte(`{"spans":[{"name":"x","context":{"span_id":"0x1"},"attributes":{"a":"\"[1]\""}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var run runIn
		if decodeJSON(data, &run) == nil {
			_, _ = run.toRun()
		}
		var model loggedModelIn
		if decodeJSON(data, &model) == nil {
			_, _ = model.toModel()
		}
		var body flow.Body
		body.Info.ID = trace.ID{1}
		var tr traceIn
		if decodeJSON(data, &tr) == nil {
			tr.into(&body)
			for i := range body.Spans {
				if body.Spans[i].ID.IsZero() {
					t.Errorf("a span without an id was read from %q", data)
				}
			}
		}
		if spans, err := parseTraceFile(data, trace.ID{1}); err == nil {
			for i := range spans {
				for _, a := range spans[i].Attrs {
					if a.Value.Kind == trace.String && decoded(a.Value).Kind != trace.String {
						t.Errorf("the text %q would be read back as something else", a.Value.Str)
					}
				}
			}
		}
	})
}
