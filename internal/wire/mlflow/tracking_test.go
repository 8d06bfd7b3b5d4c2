package mlflow

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/blob"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/storetest"
	"github.com/assayhq/assay/internal/tracking"
)

// trackingServer serves tracking and artifacts over a fresh database and
// directory.
func trackingServer(t testing.TB) http.Handler {
	t.Helper()
	service := tracking.New(sqlstore.NewTracking(storetest.SQLite(t)), tracking.Config{})
	if err := service.EnsureDefault(t.Context(), caller.DefaultWorkspace); err != nil {
		t.Fatal(err)
	}
	files, err := blob.OpenLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	s := NewServer(slog.New(slog.DiscardHandler), func(ctx context.Context, need caller.Permission) error {
		if caller.From(ctx).Role.May(need) {
			return nil
		}
		return fault.New(fault.Denied, "no")
	})
	s.ServeTracking(service)
	s.ServeArtifacts(tracking.NewArtifacts(files, [32]byte{1}, timeNow), ArtifactsConfig{
		Tracking: service, VersionURI: func(context.Context, string, string) (string, error) { return "mlflow-artifacts:/0/v", nil },
	})
	mux := http.NewServeMux()
	s.Register(mux)
	return s.Guard(mux)
}

const runsAPI, experimentsAPI, modelsAPI = "/api/2.0/mlflow/runs/", "/api/2.0/mlflow/experiments/", "/api/2.0/mlflow/logged-models"

// newRun makes a run over the API and returns its id.
func newRun(t testing.TB, h http.Handler) string {
	t.Helper()
	w := send(h, "POST", runsAPI+"create", `{"experiment_id": "0", "start_time": 1700000000000, "run_name": "first"}`)
	var out struct {
		Run struct {
			Info struct {
				ID string `json:"run_id"`
			} `json:"info"`
		} `json:"run"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || out.Run.Info.ID == "" {
		t.Fatalf("create: %s", w.Body)
	}
	return out.Run.Info.ID
}

// TestTrackingCalls plays one story; RUN and @MODEL stand for ids.
func TestTrackingCalls(t *testing.T) {
	h := trackingServer(t)
	run := newRun(t, h)
	model := ""
	many := strings.Repeat(`{"key":"m","value":1,"timestamp":1},`, 1001)
	for i, c := range []struct {
		method, path, body string
		status             int
		want               string // all of it, parts separated by …
	}{
		{"GET", experimentsAPI + "get?experiment_id=0", "", 200, `{"experiment":{"experiment_id":"0","name":"Default","artifact_location":"mlflow-artifacts:/0","lifecycle_stage":"active"`},
		{"GET", experimentsAPI + "get?experiment_id=x", "", 400, `INVALID_PARAMETER_VALUE…Invalid experiment ID 'x'`},
		{"GET", experimentsAPI + "get", "", 400, `Missing value for required parameter 'experiment_id'`},
		{"GET", experimentsAPI + "get-by-name?experiment_name=none", "", 404, `RESOURCE_DOES_NOT_EXIST`},
		{"POST", experimentsAPI + "create", `{"name": "e", "tags": [{"key": "k", "value": "v"}]}`, 200, `{"experiment_id":"1"}`},
		{"POST", experimentsAPI + "create", `{"name": "e"}`, 400, `RESOURCE_ALREADY_EXISTS`},
		{"POST", experimentsAPI + "create", `"{\"name\": \"twice encoded\"}"`, 200, `{"experiment_id":"2"}`},
		{"POST", experimentsAPI + "create", `{"name": 5}`, 400, `INVALID_PARAMETER_VALUE`},
		{"POST", experimentsAPI + "create", `{"name": `, 400, `INVALID_PARAMETER_VALUE`},
		{"POST", experimentsAPI + "create", `[]`, 400, `INVALID_PARAMETER_VALUE`},
		{"POST", experimentsAPI + "update", `{"experiment_id": "2", "new_name": "e"}`, 400, `BAD_REQUEST`},
		{"POST", experimentsAPI + "delete", `{"experiment_id": "2"}`, 200, `{}`},
		{"POST", experimentsAPI + "update", `{"experiment_id": "2", "new_name": "f"}`, 500, `INVALID_STATE`},
		{"POST", experimentsAPI + "search", `{"max_results": 5, "view_type": "DELETED_ONLY"}`, 200, `twice encoded`},
		{"GET", experimentsAPI + "search?max_results=1&filter=name%20%3D%20'e'", "", 200, `{"experiments":[{"experiment_id":"1"`},
		{"POST", experimentsAPI + "search", `{}`, 400, `must be a positive integer`},
		{"POST", experimentsAPI + "search", `{"max_results": 5, "filter": "colour = 'red'"}`, 400, `INVALID_PARAMETER_VALUE`},

		{"POST", runsAPI + "log-metric", `{"run_id": "RUN", "key": "m", "value": NaN, "timestamp": 5}`, 200, `{}`},
		{"POST", runsAPI + "log-metric", `{"run_id": "RUN", "key": "m", "value": "Infinity", "timestamp": "6", "step": 1.0}`, 200, `{}`},
		{"POST", runsAPI + "log-metric", `{"run_uuid": "RUN", "key": "m", "value": 1e3, "timestamp": 7, "step": -1}`, 200, `{}`},
		{"POST", runsAPI + "log-metric", `{"run_id": "RUN", "key": "m", "timestamp": 7}`, 400, `'value'`},
		{"POST", runsAPI + "log-metric", `{"run_id": "RUN", "key": "m", "value": "x", "timestamp": 7}`, 400, `INVALID_PARAMETER_VALUE`},
		{"POST", runsAPI + "log-metric", `{"run_id": "RUN", "key": "m", "value": 1, "timestamp": -7}`, 400, `nonnegative`},
		{"POST", runsAPI + "log-metric", `{"run_id": "RUN", "key": "a/../b", "value": 1, "timestamp": 7}`, 400, `would resolve to 'b'`},
		{"POST", runsAPI + "log-metric", `{"run_id": "RUN", "key": "a$", "value": 1, "timestamp": 7}`, 400, `Names may only contain`},
		{"POST", runsAPI + "log-parameter", `{"run_id": "RUN", "key": "p", "value": "1"}`, 200, `{}`},
		{"POST", runsAPI + "log-parameter", `{"run_id": "RUN", "key": "p", "value": "2"}`, 400, `Changing param values is not allowed`},
		{"POST", runsAPI + "log-batch", `{"run_id": "RUN", "metrics": [{"key": "n", "value": 2, "timestamp": 8}], "tags": [{"key": "t", "value": "<&>\u2028"}]}`, 200, `{}`},
		{"POST", runsAPI + "log-batch", `{"run_id": "RUN", "metrics": [{"key": "n", "timestamp": 8}]}`, 400, `metrics[0].value`},
		{"POST", runsAPI + "log-batch", `{"run_id": "RUN", "params": [{"value": "v"}]}`, 400, `params[0].key`},
		{"POST", runsAPI + "log-batch", `{"run_id": "RUN", "params": [{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]}`, 400, `Duplicate parameter keys`},
		{"POST", runsAPI + "log-batch", `{"run_id": "RUN", "metrics": [` + many[:len(many)-1] + `]}`, 400, `at most 1000 metrics. Got 1001`},
		{"POST", runsAPI + "log-batch", `{"run_id": "00000000000000000000000000000000"}`, 404, `RESOURCE_DOES_NOT_EXIST`},
		{"POST", runsAPI + "log-batch", `{"run_id": "../x"}`, 400, `INVALID_PARAMETER_VALUE`},
		{"GET", runsAPI + "get?run_id=RUN", "", 200, `"run_name":"first"…"status":"RUNNING","start_time":1700000000000,"artifact_uri"…"data":{"metrics":[{"key":"m","value":1.7976931348623157e+308,"timestamp":6,"step":1},{"key":"n","value":2.0,"timestamp":8,"step":0}],"params":[{"key":"p","value":"1"}],"tags":[…<&>` + "\u2028" + `…"inputs":{},"outputs":{}`},
		{"GET", "/api/2.0/mlflow/metrics/get-history?run_id=RUN&metric_key=m", "", 200, `{"metrics":[{"key":"m","value":"NaN","timestamp":5,"step":0},…{"key":"m","value":1000.0,"timestamp":7,"step":-1}]}`},
		{"GET", "/api/2.0/mlflow/metrics/get-history?run_id=RUN&metric_key=m&max_results=1", "", 200, `"next_page_token":"`},
		{"GET", "/api/2.0/mlflow/metrics/get-history?run_id=RUN&metric_key=m&max_results=0", "", 400, `positive integer`},
		{"GET", "/api/2.0/mlflow/metrics/get-history?run_id=none&metric_key=m", "", 200, `{}`},
		{"GET", "/ajax-api/2.0/mlflow/metrics/get-history-bulk?run_id=RUN&metric_key=m&max_results=2", "", 200, `"run_id":"`},
		{"GET", "/api/2.0/mlflow/metrics/get-history-bulk?run_id=RUN&metric_key=m", "", 404, `ENDPOINT_NOT_FOUND`},
		{"GET", "/api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids=RUN&metric_key=m&max_results=1", "", 200, `"step":1,"run_id"`},
		{"GET", "/api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids=RUN&metric_key=m&start_step=1", "", 400, `both must be specified`},
		{"GET", "/api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids=RUN&metric_key=m&max_results=x", "", 400, `an integer`},

		{"POST", runsAPI + "update", `{"run_id": "RUN", "status": 3, "end_time": "1700000009000", "run_name": "second"}`, 200, `{"run_info":{…"run_name":"second"…"status":"FINISHED"…"end_time":1700000009000`},
		{"POST", runsAPI + "update", `{"run_id": "RUN", "status": "PERHAPS"}`, 400, `INVALID_PARAMETER_VALUE`},
		{"POST", runsAPI + "set-tag", `{"run_id": "RUN", "key": "mlflow.runName", "value": "third"}`, 200, `{}`},
		{"POST", runsAPI + "delete-tag", `{"run_id": "RUN", "key": "none"}`, 404, `RESOURCE_DOES_NOT_EXIST`},
		{"POST", runsAPI + "log-inputs", `{"run_id": "RUN", "datasets": [{"tags": [{"key": "mlflow.data.context", "value": "train"}], "dataset": {"name": "d", "digest": "g", "source_type": "local", "source": "{}"}}], "models": [{"model_id": "m-1"}]}`, 200, `{}`},
		{"POST", runsAPI + "outputs", `{"run_id": "RUN", "models": [{"model_id": "m-2", "step": 4}]}`, 200, `{}`},
		{"POST", runsAPI + "log-model", `{"run_id": "RUN", "model_json": "{\"run_id\":\"x\",\"artifact_path\":\"a\",\"utc_time_created\":\"t\",\"flavors\":{\"f\":{\"config\":\"s\",\"a\":[1,\"b:,\\\"\"]}}}"}`, 200, `{}`},
		{"POST", runsAPI + "log-model", `{"run_id": "RUN", "model_json": "{}"}`, 400, `missing mandatory fields`},
		{"POST", runsAPI + "log-model", `{"run_id": "RUN", "model_json": "[]"}`, 400, `not a valid JSON`},
		{"POST", runsAPI + "search", `{"experiment_ids": ["0"], "filter": "metrics.n > 1 AND tags.t LIKE '<%'", "order_by": ["metrics.n DESC"]}`, 200,
			`{"runs":[{"info":{…"run_name":"third"…"inputs":{"dataset_inputs":[{"tags":[{"key":"mlflow.data.context","value":"train"}],"dataset":{"name":"d","digest":"g","source_type":"local","source":"{}"}}],"model_inputs":[{"model_id":"m-1"}]},"outputs":{"model_outputs":[{"model_id":"m-2","step":4}]}}]}`},
		{"GET", runsAPI + "get?run_id=RUN", "", 200, `[{\"run_id\": \"x\", \"artifact_path\": \"a\", \"utc_time_created\": \"t\", \"model_uuid\": null, \"flavors\": {\"f\": {\"a\": [1, \"b:,\\\"\"]}}}]`},
		{"POST", runsAPI + "search", `{"experiment_ids": ["0"], "max_results": 50001}`, 400, `at most 50000`},
		{"POST", runsAPI + "search", `{"experiment_ids": ["0"], "max_results": 0}`, 400, `positive integer`},
		{"POST", runsAPI + "search", `{"experiment_ids": ["0"], "filter": "metrics.n > 'x'"}`, 400, `INVALID_PARAMETER_VALUE`},
		{"POST", runsAPI + "search", `{"experiment_ids": ["0"], "page_token": "e30="}`, 400, `page token`},
		{"POST", runsAPI + "search", `{"experiment_ids": "0"}`, 400, `experiment_ids`},
		{"POST", runsAPI + "search", `{}`, 200, `{}`},
		{"POST", experimentsAPI + "search-datasets", `{"experiment_ids": ["0"]}`, 200, `{"dataset_summaries":[{"experiment_id":"0","name":"d","digest":"g","context":"train"}]}`},
		{"POST", experimentsAPI + "search-datasets", `{}`, 400, `at least one experiment_id`},

		{"POST", modelsAPI, `{"experiment_id": "0", "name": "lm", "params": [{"key": "a", "value": "b"}]}`, 200, `{"model":{"info":{"model_id":"m-…"status":"LOGGED_MODEL_PENDING","model_type":"","source_run_id":""…"params":[{"key":"a","value":"b"}]`},
		{"POST", modelsAPI, `{"experiment_id": "0", "name": "a:b"}`, 400, `Invalid model name`},
		{"PATCH", modelsAPI + "/@MODEL", `{"status": "LOGGED_MODEL_READY"}`, 200, `"status":"LOGGED_MODEL_READY"`},
		{"PATCH", modelsAPI + "/@MODEL", `{"status": 9}`, 400, `INVALID_PARAMETER_VALUE`},
		{"PATCH", modelsAPI + "/@MODEL/tags", `{"tags": [{"key": "x/y", "value": "1"}]}`, 200, `{}`},
		{"DELETE", modelsAPI + "/@MODEL/tags/x%2Fy", "", 200, `{}`},
		{"POST", modelsAPI + "/search", `{"experiment_ids": ["0"], "order_by": [{"field_name": "metrics.acc", "ascending": false}]}`, 200, `{"models":[{`},
		{"POST", modelsAPI + "/search", `{"experiment_ids": ["0"], "order_by": [{"field_name": "nonsense"}]}`, 400, `Invalid order by field name`},
		{"DELETE", modelsAPI + "/@MODEL", "", 200, `{}`},
		{"GET", modelsAPI + "/@MODEL", "", 404, `RESOURCE_DOES_NOT_EXIST`},
		{"GET", modelsAPI + "/@MODEL?allow_deleted=true", "", 200, `"name":"lm"`},

		{"POST", runsAPI + "delete", `{"run_id": "RUN"}`, 200, `{}`},
		{"POST", runsAPI + "log-batch", `{"run_id": "RUN"}`, 400, `must be in the 'active' state. Current state is deleted`},
		{"POST", runsAPI + "restore", `{"run_id": "RUN"}`, 200, `{}`},
		{"GET", "/api/2.0/mlflow/nonsense", "", 404, `ENDPOINT_NOT_FOUND`},
		{"POST", "/api/2.0/mlflow/runs/get", "{}", 404, `ENDPOINT_NOT_FOUND`},
		{"GET", "/api/3.0/mlflow/server-info", "", 200, `"store_type":"SqlStore"`},
		{"GET", "/version", "", 200, ClientVersion},
	} {
		fill := strings.NewReplacer("RUN", run, "@MODEL", model).Replace
		w := send(h, c.method, fill(c.path), fill(c.body))
		text := w.Body.String()
		if w.Code != c.status {
			t.Errorf("%d. %s %s %.200s: %d, want %d: %.300s", i, c.method, c.path, c.body, w.Code, c.status, text)
		}
		rest := text
		for part := range strings.SplitSeq(c.want, "…") {
			_, after, found := strings.Cut(rest, part)
			if !found {
				t.Errorf("%d. %s %s %.200s: lacks %s in %.900s", i, c.method, c.path, c.body, part, text)
				break
			}
			rest = after
		}
		if _, after, ok := strings.Cut(text, `"model_id":"m-`); ok && model == "" && c.path == modelsAPI {
			model = "m-" + after[:32]
		}
	}
}

// hostile are bodies and values that must get a 4xx, whatever is logged.
func TestHostileTrackingBodies(t *testing.T) {
	h := trackingServer(t)
	run := newRun(t, h)
	deep := strings.Repeat("[", 20000) + strings.Repeat("]", 20000)
	for _, body := range []string{
		``, `null`, `7`, `"text"`, `[1]`, `{"run_id": null}`, `{"run_id": {}}`, `{"run_id": ["x"]}`, "\x00", "\xff\xfe", `{"run_id": "\ud800"}`,
		`{"run_id": "` + run + `", "metrics": {}}`, `{"run_id": "` + run + `", "metrics": [7]}`, `{"run_id": "` + run + `", "metrics": [{"key": 5}]}`,
		`{"run_id": "` + run + `", "metrics": [{"key": "k", "value": {}, "timestamp": 1}]}`,
		`{"run_id": "` + run + `", "metrics": [{"key": "k", "value": 1, "timestamp": 1e99}]}`,
		`{"run_id": "` + run + `", "metrics": [{"key": "k", "value": "0x10", "timestamp": 1}]}`,
		`{"run_id": "` + run + `", "tags": [{"key": "t", "value": "a\u0000b"}]}`,
		`{"run_id": "` + run + `", "tags": ` + deep + `}`, deep, `{"run_id": "` + run + `", "params": [{"key": "` + strings.Repeat("k", 251) + `", "value": "v"}]}`,
		`{"run_id": "` + run + `"`, `{"run_id": "` + run + `"} trailing`,
	} {
		if w := send(h, "POST", runsAPI+"log-batch", body); w.Code < 400 || w.Code >= 500 {
			t.Errorf("%.100q: %d %.200s", body, w.Code, w.Body)
		}
	}
	if w := send(h, "GET", runsAPI+"get?run_id="+run, ""); !strings.Contains(w.Body.String(), fmt.Sprintf(`"data":{"tags":[{"key":"mlflow.runName","value":%q}]}`, "first")) {
		t.Errorf("something was stored: %s", w.Body)
	}
}

func TestTrackingNeedsPermission(t *testing.T) {
	h := trackingServer(t)
	as := func(role caller.Role, method, path string) int {
		inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r.WithContext(caller.With(r.Context(), caller.Caller{User: "u", Role: role, Workspace: caller.DefaultWorkspace})))
		})
		return send(inner, method, path, `{"name": "x", "max_results": 5, "run_id": "r"}`).Code
	}
	for _, c := range []struct {
		role         caller.Role
		method, path string
		denied       bool
	}{
		{caller.Viewer, "POST", experimentsAPI + "search", false}, {caller.Viewer, "POST", runsAPI + "search", false},
		{caller.Viewer, "POST", experimentsAPI + "create", true}, {caller.Viewer, "POST", runsAPI + "log-batch", true},
		{caller.Viewer, "PUT", "/api/2.0/mlflow-artifacts/artifacts/a/b", true}, {caller.Viewer, "DELETE", "/api/2.0/mlflow-artifacts/artifacts/a", true},
		{caller.Annotator, "POST", runsAPI + "create", true}, {caller.Editor, "POST", experimentsAPI + "create", false},
		{"", "GET", experimentsAPI + "get?experiment_id=0", true},
	} {
		if got := as(c.role, c.method, c.path); (got == http.StatusForbidden) != c.denied {
			t.Errorf("%s %s %s: %d", c.role, c.method, c.path, got)
		}
	}
}

func FuzzTrackingCalls(f *testing.F) {
	h := trackingServer(f)
	run := newRun(f, h)
	paths := []string{
		runsAPI + "log-batch", runsAPI + "log-metric", runsAPI + "log-parameter", runsAPI + "create", runsAPI + "update", runsAPI + "search",
		runsAPI + "log-inputs", runsAPI + "outputs", runsAPI + "log-model", runsAPI + "set-tag", experimentsAPI + "create", experimentsAPI + "search",
		experimentsAPI + "search-datasets", modelsAPI, modelsAPI + "/search", "/api/2.0/mlflow/artifacts/presigned-upload-url",
		"/api/2.0/mlflow-artifacts/mpu/create/0/x", "/api/2.0/mlflow-artifacts/mpu/complete/0/x",
	}
	for _, seed := range []string{
		`{"run_id":"RUN","metrics":[{"key":"a","value":NaN,"timestamp":1,"step":2}],"params":[{"key":"p","value":"v"}],"tags":[{"key":"t","value":"v"}]}`,
		`{"experiment_ids":["0"],"filter":"metrics.a > 1","order_by":["metrics.a DESC"],"max_results":5}`,
		`{"run_id":"RUN","key":"k","value":-Infinity,"timestamp":"5"}`, `{"experiment_id":"0","start_time":1}`, `{"run_id":"RUN","status":"FAILED"}`,
		`{"run_id":"RUN","datasets":[{"dataset":{"name":"d","digest":"g"}}]}`, `{"run_id":"RUN","model_json":"{}"}`, `{"name":"n","tags":[{}]}`,
		`{"path":"a/b","num_parts":3,"parts":[{"part_number":1}]}`, `"{}"`, `{"max_results":1}`,
	} {
		for i := range paths {
			f.Add(i, seed)
		}
	}
	f.Fuzz(func(t *testing.T, which int, body string) {
		path := paths[uint(which)%uint(len(paths))]
		w := send(h, "POST", path, strings.ReplaceAll(body, "RUN", run))
		if w.Code >= 500 {
			t.Fatalf("%s %q: %d %s", path, body, w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s %q: the answer is not JSON: %q", path, body, w.Body)
		}
	})
}
