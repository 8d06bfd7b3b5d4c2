package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// care is a server with what the tests of deletion put into it.
type careServer struct {
	*server
	t    *testing.T
	data string
}

func startCare(t *testing.T) *careServer {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a server; not in -short")
	}
	data := t.TempDir()
	return &careServer{startServer(t, buildBinary(t), data), t, data}
}

// span sends one span of a trace of a user, begun at some time.
func (c *careServer) span(n int, user, session, text string, at time.Time, experiment string) string {
	c.t.Helper()
	id := fmt.Sprintf("%032x", n)
	attr := func(key, v string) map[string]any {
		return map[string]any{"key": key, "value": map[string]any{"stringValue": v}}
	}
	attrs := []any{attr("input.value", text), attr("session.id", session)}
	if user != "" {
		attrs = append(attrs, attr("user.id", user), attr("mlflow.traceTag.owner", user))
	}
	body, _ := json.Marshal(map[string]any{"resourceSpans": []any{map[string]any{"scopeSpans": []any{map[string]any{"spans": []any{map[string]any{
		"traceId": id, "spanId": fmt.Sprintf("%016x", n), "name": "ask", "attributes": attrs,
		"startTimeUnixNano": fmt.Sprint(at.UnixNano()), "endTimeUnixNano": fmt.Sprint(at.UnixNano() + 1e6)}}}}}}})
	req, _ := http.NewRequest("POST", c.url+"/v1/traces", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("x-mlflow-experiment-id", experiment)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		c.t.Fatal(resp, err)
	}
	resp.Body.Close()
	return "tr-" + id
}

func (c *careServer) must(method, path string, in, out any) {
	c.t.Helper()
	if err := c.call(method, path, in, out); err != nil {
		c.t.Fatal(err)
	}
}

const apiWS = "/api/assay/v1/w/default"

// purge runs a removal to its end and returns the plan and what the job did.
func (c *careServer) purge(in map[string]any) (plan, done purgeReport) {
	c.t.Helper()
	in["dry_run"] = true
	var a purgeAnswer
	c.must("POST", apiWS+"/purge", in, &a)
	plan = *a.Report
	in["dry_run"] = false
	c.must("POST", apiWS+"/purge", in, &a)
	c.await(a.Job.ID)
	return plan, done
}

func (c *careServer) await(id string) {
	c.t.Helper()
	for range 300 {
		var j jobIn
		c.must("GET", apiWS+"/jobs/"+id, nil, &j)
		switch j.State {
		case "succeeded":
			return
		case "failed", "canceled":
			c.t.Fatalf("job %s: %s %v", id, j.State, *j.Error)
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.t.Fatal("the job does not end")
}

func (c *careServer) traces(filter string) int {
	c.t.Helper()
	var n struct{ Count int }
	c.must("POST", apiWS+"/traces/count", map[string]any{"filter": filter}, &n)
	return n.Count
}

// holds lists the files that hold a text, packs unpacked.
func holds(t *testing.T, dir, text string) (files []string) {
	t.Helper()
	unpack, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unpack.Close()
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(bytes.ToLower(b), []byte(text)) {
			files = append(files, path)
		}
		for rest := b; strings.HasSuffix(path, ".pack"); {
			at := bytes.Index(rest, []byte("ASB1"))
			if at < 0 {
				break
			}
			size := int(rest[at+8]) | int(rest[at+9])<<8 | int(rest[at+10])<<16
			plain, err := unpack.DecodeAll(rest[at+28:at+28+size], nil)
			if err != nil {
				t.Fatal(path, err)
			}
			if bytes.Contains(bytes.ToLower(plain), []byte(text)) {
				files = append(files, path+" unpacked")
			}
			rest = rest[at+28+size:]
		}
		if strings.Contains(filepath.Base(path), "text") && strings.HasSuffix(path, ".db") && bytes.Contains(vocabulary(t, path), []byte(text)) {
			files = append(files, path+" vocabulary")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestPurgeOfAUserLeavesNoByte: everything that a user's id and words are in
// goes, from every file, and what belongs to others stays.
func TestPurgeOfAUserLeavesNoByte(t *testing.T) {
	c := startCare(t)
	const user, words = "zerlina.quandt@wren.example", "saxifrage"
	now := time.Now()
	for n := 1; n <= 20; n++ {
		c.span(n, user, fmt.Sprintf("chat-%d", n%3), "tell me of "+words+" please", now, "0")
		c.span(100+n, "other@wren.example", "chat-x", "tell me of bluebells", now, "0")
	}
	nameless := c.span(500, "", "chat-1", "and more "+words, now, "0") // a turn without a user
	other := fmt.Sprintf("tr-%032x", 101)
	c.must("POST", "/api/3.0/mlflow/traces/"+other+"/assessments", map[string]any{"assessment": map[string]any{"assessment_name": "tone", "trace_id": other,
		"feedback": map[string]any{"value": 1}, "source": map[string]any{"source_type": "HUMAN", "source_id": user}}}, nil)
	var d struct {
		Dataset struct {
			ID string `json:"dataset_id"`
		}
	}
	c.must("POST", "/api/3.0/mlflow/datasets/create", map[string]any{"name": "rows", "experiment_ids": []any{"0"}}, &d)
	rows, _ := json.Marshal([]any{map[string]any{"inputs": map[string]any{"q": "of " + words}, "source": map[string]any{"source_type": "TRACE",
		"source_data": map[string]any{"trace_id": fmt.Sprintf("tr-%032x", 1)}}}})
	c.must("POST", "/api/3.0/mlflow/datasets/"+d.Dataset.ID+"/records", map[string]any{"records": string(rows)}, nil)
	req, _ := http.NewRequest("PUT", c.url+"/api/2.0/mlflow-artifacts/artifacts/0/traces/"+fmt.Sprintf("tr-%032x", 2)+"/artifacts/attachments/a.txt", strings.NewReader(words))
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	time.Sleep(500 * time.Millisecond) // full text
	if c.traces(fmt.Sprintf("metadata.`mlflow.trace.user` = '%s'", user)) != 20 {
		t.Fatal("the traces of the user are not found")
	}
	plan, _ := c.purge(map[string]any{"kind": "user", "user": user})
	if plan.Traces != 21 || plan.Spans != 21 || plan.Records != 1 || plan.Assessments != 1 || !plan.Exact {
		t.Errorf("plan %+v", plan)
	}
	if n := c.traces(""); n != 20 {
		t.Errorf("%d traces are left, not 20", n)
	}
	if err := c.call("GET", apiWS+"/traces/"+nameless, nil, nil); err == nil {
		t.Error("a turn of the user's conversation is left")
	}
	// Once more finds nothing.
	var again purgeAnswer
	c.must("POST", apiWS+"/purge", map[string]any{"kind": "user", "user": user, "dry_run": true}, &again)
	if again.Report.Traces+again.Report.Records+again.Report.Assessments != 0 {
		t.Errorf("still there: %+v", again.Report)
	}
	audit, _ := http.Get(c.url + apiWS + "/audit")
	var entries struct {
		Entries []struct{ Action string }
	}
	json.NewDecoder(audit.Body).Decode(&entries)
	audit.Body.Close()
	if len(entries.Entries) == 0 || entries.Entries[0].Action != "data.purge" {
		t.Errorf("no audit entry: %+v", entries)
	}
	c.cmd.Process.Signal(syscall.SIGTERM)
	c.cmd.Wait()
	for _, text := range []string{"zerlina.quandt", words} {
		if files := holds(t, c.data, text); len(files) > 0 {
			t.Errorf("%q is still in %v", text, files)
		}
	}
	if len(holds(t, c.data, "bluebells")) < 2 {
		t.Error("what belongs to others is gone")
	}
}

// TestPurgeOfRunsAndExperiments: files go along, model versions stop it.
func TestPurgeOfRunsAndExperiments(t *testing.T) {
	c := startCare(t)
	var made struct {
		ID string `json:"experiment_id"`
	}
	c.must("POST", "/api/2.0/mlflow/experiments/create", map[string]any{"name": "doomed"}, &made)
	run := func() string {
		var r struct {
			Run struct {
				Info struct {
					RunID string `json:"run_id"`
				}
			}
		}
		c.must("POST", "/api/2.0/mlflow/runs/create", map[string]any{"experiment_id": made.ID}, &r)
		id := r.Run.Info.RunID
		var metrics []any
		for i := range 900 {
			metrics = append(metrics, map[string]any{"key": fmt.Sprintf("m%d", i%3), "value": i, "step": i, "timestamp": 1000 + i})
		}
		c.must("POST", "/api/2.0/mlflow/runs/log-batch", map[string]any{"run_id": id, "metrics": metrics, "params": []any{map[string]any{"key": "p", "value": "yarrow"}}}, nil)
		req, _ := http.NewRequest("PUT", c.url+"/api/2.0/mlflow-artifacts/artifacts/"+made.ID+"/"+id+"/artifacts/model/w.txt", strings.NewReader("yarrow"))
		if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		return id
	}
	one, two := run(), run()
	c.must("POST", "/api/2.0/mlflow/registered-models/create", map[string]any{"name": "m"}, nil)
	c.must("POST", "/api/2.0/mlflow/model-versions/create", map[string]any{"name": "m", "run_id": two,
		"source": "mlflow-artifacts:/" + made.ID + "/" + two + "/artifacts/model"}, nil)
	plan, _ := c.purge(map[string]any{"kind": "run", "ids": []string{one}})
	if plan.Runs != 1 || plan.Files != 1 || plan.Bytes != 6 || len(plan.Versions) != 0 {
		t.Errorf("plan %+v", plan)
	}
	if err := c.call("GET", "/api/2.0/mlflow/runs/get?run_id="+one, nil, nil); err == nil {
		t.Error("the run is still there")
	}
	if _, err := os.Stat(filepath.Join(c.data, "artifacts", made.ID, one)); err == nil {
		t.Error("the files of the run are still there")
	}
	err := c.call("POST", apiWS+"/purge", map[string]any{"kind": "experiment", "ids": []string{made.ID}}, nil)
	if err == nil || !strings.Contains(err.Error(), "m version 1") {
		t.Errorf("a model version does not stop it: %v", err)
	}
	c.span(1, "u", "s", "yarrow", time.Now(), made.ID)
	plan, _ = c.purge(map[string]any{"kind": "experiment", "ids": []string{made.ID}, "force": true})
	if plan.Experiments != 1 || plan.Runs != 1 || plan.Traces != 1 || plan.Files != 1 || len(plan.Versions) != 1 {
		t.Errorf("plan %+v", plan)
	}
	if err := c.call("GET", "/api/2.0/mlflow/experiments/get?experiment_id="+made.ID, nil, nil); err == nil {
		t.Error("the experiment is still there")
	}
	c.must("POST", "/api/2.0/mlflow/experiments/create", map[string]any{"name": "doomed"}, nil) // the name is free
	// Garbage: a folder of a run that does not exist.
	folder := filepath.Join(c.data, "artifacts", "0", strings.Repeat("ab", 16), "artifacts")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(folder, "x"), []byte("yarrow"), 0o600)
	plan, _ = c.purge(map[string]any{"kind": "garbage"})
	if plan.Files != 1 || len(plan.Names) != 1 {
		t.Errorf("plan %+v", plan)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the garbage is still there")
	}
	c.cmd.Process.Signal(syscall.SIGTERM)
	c.cmd.Wait()
	if files := holds(t, c.data, "yarrow"); len(files) > 0 {
		t.Errorf("still in %v", files)
	}
}

// TestRetention: rules in order, shares, pins, and deleted runs.
func TestRetention(t *testing.T) {
	c := startCare(t)
	old := time.Now().AddDate(0, 0, -100)
	for n := 1; n <= 40; n++ {
		c.span(n, "u", "s", "old", old, "0")
	}
	for n := 41; n <= 50; n++ {
		c.span(n, "u", "s", "new", time.Now(), "0")
	}
	id := func(n int) string { return fmt.Sprintf("tr-%032x", n) }
	for n := 1; n <= 5; n++ {
		c.must("POST", "/api/3.0/mlflow/traces/"+id(n)+"/assessments", map[string]any{"assessment": map[string]any{"assessment_name": "correctness",
			"trace_id": id(n), "feedback": map[string]any{"value": 0.2}, "source": map[string]any{"source_type": "CODE", "source_id": "x"}}}, nil)
	}
	c.must("PATCH", "/api/3.0/mlflow/traces/"+id(6)+"/tags", map[string]any{"key": "assay.keep", "value": "true"}, nil)
	policy := map[string]any{"rules": []any{
		map[string]any{"filter": "feedback.correctness < 0.5", "days": 365},
		map[string]any{"filter": "", "share": 0.25, "days": 180},
		map[string]any{"filter": "", "days": 30}}}
	var dry struct {
		Report struct {
			Traces, Pinned int64
			Rules          []struct{ Rule, Traces int64 }
		}
	}
	c.must("POST", apiWS+"/retention/run", map[string]any{"dry_run": true, "policy": policy}, &dry)
	due := dry.Report.Traces
	if due < 15 || due > 33 || dry.Report.Pinned != 1 || c.traces("") != 50 {
		t.Fatalf("%+v of %d", dry, c.traces(""))
	}
	c.must("PUT", apiWS+"/retention", map[string]any{"policy": policy}, nil)
	var run purgeAnswer
	c.must("POST", apiWS+"/retention/run", map[string]any{}, &run)
	c.await(run.Job.ID)
	if left := c.traces(""); left != 50-int(due) {
		t.Errorf("%d are left of 50 after %d were due", left, due)
	}
	if left := c.traces("feedback.correctness < 0.5"); left != 5 {
		t.Errorf("%d of 5 badly judged traces are left", left)
	}
	if err := c.call("GET", apiWS+"/traces/"+id(6), nil, nil); err != nil {
		t.Error("the pinned trace is gone")
	}
	if left := c.traces(fmt.Sprintf("timestamp_ms > %d", time.Now().Add(-time.Hour).UnixMilli())); left != 10 {
		t.Errorf("%d of 10 new traces are left", left)
	}
	var r retentionIn
	c.must("GET", apiWS+"/retention", nil, &r)
	if r.Last == nil || r.Last.Report.Traces != due || len(r.Policy.Rules) != 3 {
		t.Errorf("%+v", r)
	}
}
