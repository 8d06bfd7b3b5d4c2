package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// crashes is how often the server is killed; ASSAY_CRASHES overrides it.
const crashes = 8

// TestKilledServerKeepsEverythingAcknowledged kills the server with SIGKILL at
// random points while runs and spans are written, starts it again on the same
// data, and asks for every write that was acknowledged.
func TestKilledServerKeepsEverythingAcknowledged(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills servers; not in -short")
	}
	n := crashes
	if s := os.Getenv("ASSAY_CRASHES"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	bin := buildBinary(t)
	data := t.TempDir()
	acked := &ledger{}
	for i := range n {
		s := startServer(t, bin, data)
		acked.check(t, s)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() { acked.logRuns(s, i, w, stop) })
			wg.Go(func() { acked.sendSpans(s, i, w, stop) })
		}
		time.Sleep(50*time.Millisecond + rand.N(700*time.Millisecond))
		s.cmd.Process.Signal(syscall.SIGKILL)
		s.cmd.Wait()
		close(stop)
		wg.Wait()
	}
	s := startServer(t, bin, data)
	acked.check(t, s)
	t.Logf("%d kills, %d run writes and %d traces acknowledged, all there", n, len(acked.points), len(acked.traces))
	if len(acked.points) < 10*n || len(acked.traces) < 5*n {
		t.Fatalf("too little was written to prove anything")
	}
}

// buildBinary builds the command once, without cgo.
func buildBinary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "assay")
	cmd := exec.Command("go", "build", "-o", bin, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// server is a running assay process.
type server struct {
	cmd *exec.Cmd
	url string
}

// startServer starts the binary on a free port and waits until it is healthy.
func startServer(t *testing.T, bin, data string, wrap ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	args := append(wrap, bin, "serve", "--addr", addr, "--otlp-grpc-addr", "", "--otlp-http-addr", "", "--data", data)
	cmd := exec.Command(args[0], args[1:]...)
	log := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	s := &server{cmd: cmd, url: "http://" + addr}
	for range 200 {
		if resp, err := http.Get(s.url + "/health"); err == nil {
			resp.Body.Close()
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	cmd.Process.Kill()
	cmd.Wait()
	t.Fatalf("the server did not start:\n%s", log)
	return nil
}

// call makes one request; an answer other than 200 is an error.
func (s *server) call(method, path string, in, out any) error {
	b, _ := json.Marshal(in)
	req, err := http.NewRequest(method, s.url+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, body)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}

type point struct {
	run  string
	step int
}

type tracePiece struct {
	id    string
	spans int
}

// ledger is what was acknowledged.
type ledger struct {
	mu     sync.Mutex
	points []point
	traces []tracePiece
	seq    atomic.Int64
}

func (l *ledger) logRuns(s *server, round, worker int, stop chan struct{}) {
	var made struct {
		Run struct {
			Info struct {
				RunID string `json:"run_id"`
			}
		}
	}
	if s.call("POST", "/api/2.0/mlflow/runs/create", map[string]any{"experiment_id": "0", "run_name": fmt.Sprintf("crash-%d-%d", round, worker)}, &made) != nil {
		return
	}
	run := made.Run.Info.RunID
	for step := 0; ; step++ {
		select {
		case <-stop:
			return
		default:
		}
		err := s.call("POST", "/api/2.0/mlflow/runs/log-batch", map[string]any{"run_id": run,
			"metrics": []any{map[string]any{"key": "m", "value": float64(step), "timestamp": 1, "step": step}},
			"params":  []any{map[string]any{"key": fmt.Sprintf("p%d", step), "value": "v"}}}, nil)
		if err != nil {
			return
		}
		l.mu.Lock()
		l.points = append(l.points, point{run, step})
		l.mu.Unlock()
	}
}

func (l *ledger) sendSpans(s *server, round, worker int, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		n := l.seq.Add(1)
		id := fmt.Sprintf("%016x%016x", round*1000+worker+1, n)
		spans := []any{}
		for i := range 20 {
			sp := map[string]any{"traceId": id, "spanId": fmt.Sprintf("%016x", n*100+int64(i)+1), "name": "step", "kind": 1,
				"startTimeUnixNano": strconv.FormatInt(time.Now().UnixNano(), 10), "endTimeUnixNano": strconv.FormatInt(time.Now().UnixNano()+1000, 10),
				"attributes": []any{map[string]any{"key": "text", "value": map[string]any{"stringValue": fmt.Sprintf("payload of span %d in trace %s", i, id)}}}}
			if i > 0 {
				sp["parentSpanId"] = fmt.Sprintf("%016x", n*100+1)
			}
			spans = append(spans, sp)
		}
		err := s.call("POST", "/v1/traces", map[string]any{"resourceSpans": []any{map[string]any{"scopeSpans": []any{map[string]any{"spans": spans}}}}}, nil)
		if err != nil {
			return
		}
		l.mu.Lock()
		l.traces = append(l.traces, tracePiece{"tr-" + id, len(spans)})
		l.mu.Unlock()
	}
}

// check asks the server for everything acknowledged so far.
func (l *ledger) check(t *testing.T, s *server) {
	t.Helper()
	last := map[string]int{}
	for _, p := range l.points {
		last[p.run] = max(last[p.run], p.step)
	}
	for run, step := range last {
		var got struct {
			Run struct {
				Data struct{ Params []struct{ Key string } }
			}
		}
		if err := s.call("GET", "/api/2.0/mlflow/runs/get?run_id="+run, nil, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Run.Data.Params) < step+1 {
			t.Fatalf("run %s: %d params, %d were acknowledged", run, len(got.Run.Data.Params), step+1)
		}
		var h struct{ Metrics []struct{ Step int } }
		if err := s.call("GET", fmt.Sprintf("/api/2.0/mlflow/metrics/get-history?run_id=%s&metric_key=m&max_results=25000", run), nil, &h); err != nil {
			t.Fatal(err)
		}
		if len(h.Metrics) < step+1 {
			t.Fatalf("run %s: %d points, %d were acknowledged", run, len(h.Metrics), step+1)
		}
	}
	for _, tr := range l.traces {
		var got struct {
			Trace struct{ Spans []json.RawMessage }
		}
		if err := s.call("GET", "/api/3.0/mlflow/traces/get?trace_id="+tr.id, nil, &got); err != nil {
			t.Fatalf("acknowledged trace: %v", err)
		}
		if len(got.Trace.Spans) != tr.spans {
			t.Fatalf("trace %s: %d spans, %d were acknowledged", tr.id, len(got.Trace.Spans), tr.spans)
		}
	}
}
