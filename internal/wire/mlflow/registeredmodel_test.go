package mlflow

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/storetest"
	"github.com/assayhq/assay/internal/webhook"
)

// registryServer serves registry, webhooks and evaluation over a fresh
// database in which no experiment exists.
func registryServer(t testing.TB) (*Server, http.Handler) {
	db := storetest.SQLite(t)
	s := NewServer(slog.New(slog.DiscardHandler), func(context.Context, caller.Permission) error { return nil })
	s.ServeRegistry(registry.New(sqlstore.NewRegistry(db), registry.Config{}))
	s.ServeWebhooks(webhook.New(sqlstore.NewWebhooks(db), webhook.Config{}))
	s.ServeEvaluation(evaluation.New(sqlstore.NewEvaluation(db), evaluation.Config{Experiments: noExperiments{}}))
	mux := http.NewServeMux()
	s.Register(mux)
	return s, mux
}

type noExperiments struct{}

func (noExperiments) ActiveExperiment(_ context.Context, id string) error {
	return missing("experiment " + id)
}

func send(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

func TestRegistryCalls(t *testing.T) {
	_, h := registryServer(t)
	const models, versions, datasets = "/api/2.0/mlflow/registered-models/", "/api/2.0/mlflow/model-versions/", "/api/3.0/mlflow/datasets/"
	for _, c := range []struct {
		method, path, body string
		status             int
		want               []string
		not                string
	}{
		{"POST", models + "create", `{"name": "m", "tags": [{"key": "b", "value": "2"}, {"key": "a", "value": "1"}], "description": "d"}`, 200, []string{`"name":"m"`, `"tags":[{"key":"a","value":"1"},{"key":"b","value":"2"}]`, `"description":"d"`}, "aliases"},
		{"POST", models + "create", `{"name": "m"}`, 400, []string{"RESOURCE_ALREADY_EXISTS"}, ""},
		{"POST", models + "create", `{}`, 400, []string{"INVALID_PARAMETER_VALUE", "'name'"}, ""},
		{"POST", models + "create", `{"name": 1}`, 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"POST", models + "create", `{"name": "x", "tags": {}}`, 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"GET", models + "get?name=none", "", 404, []string{"RESOURCE_DOES_NOT_EXIST"}, ""},
		{"POST", versions + "create", `{"name": "m", "source": "s3://b/x"}`, 200, []string{`"version":"1"`, `"status":"READY"`, `"current_stage":"None"`, `"run_id":""`, `"run_link":""`, `"description":""`}, "model_id"},
		{"POST", versions + "create", `{"name": "m", "source": "/etc"}`, 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"POST", versions + "create", `{"name": "none", "source": "s3://b/x"}`, 404, []string{"RESOURCE_DOES_NOT_EXIST"}, ""},
		{"PATCH", versions + "update", `{"name": "m", "version": "1"}`, 200, []string{`"version":"1"`}, "description"},
		{"PATCH", versions + "update", `{"name": "m", "version": "one"}`, 400, []string{"must be an integer"}, ""},
		{"GET", versions + "get?name=m&version=99999999999999999999", "", 404, []string{"RESOURCE_DOES_NOT_EXIST"}, ""},
		{"POST", models + "alias", `{"name": "m", "alias": "best", "version": "1"}`, 200, []string{"{}"}, ""},
		{"GET", models + "alias?name=m&alias=best", "", 200, []string{`"aliases":["best"]`}, ""},
		{"GET", models + "alias?name=m&alias=none", "", 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"GET", models + "get?name=m", "", 200, []string{`"aliases":[{"alias":"best","version":"1"}]`, `"latest_versions":[{`}, ""},
		{"DELETE", models + "alias", `{"name": "m", "alias": "best"}`, 200, []string{"{}"}, ""},
		{"POST", versions + "transition-stage", `{"name": "m", "version": "1", "stage": "staging", "archive_existing_versions": true}`, 200, []string{`"current_stage":"Staging"`}, ""},
		{"POST", versions + "transition-stage", `{"name": "m", "version": "1", "stage": "Best"}`, 400, []string{"None, Staging, Production, Archived"}, ""},
		{"GET", models + "get-latest-versions?name=m&stages=Staging&stages=None", "", 200, []string{`"model_versions":[{`}, ""},
		{"POST", models + "get-latest-versions", `{"name": "m", "stages": ["Production"]}`, 200, []string{"{}"}, ""},
		{"GET", versions + "get-download-uri?name=m&version=1", "", 200, []string{`{"artifact_uri":"s3://b/x"}`}, ""},
		{"GET", models + "search?max_results=1001", "", 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"GET", models + "search?max_results=0", "", 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"GET", models + "search?max_results=x", "", 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"GET", models + "search?page_token=x", "", 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"GET", models + "search?filter=name%20LIKE%20'%25m'&order_by=name%20DESC", "", 200, []string{`"registered_models":[{`}, ""},
		{"GET", versions + "search?filter=name%3D'm'", "", 200, []string{`"model_versions":[{`}, "next_page_token"},
		{"DELETE", versions + "delete", `{"name": "m", "version": "1"}`, 200, []string{"{}"}, ""},
		{"DELETE", versions + "delete", `{"name": "m", "version": "1"}`, 404, []string{"RESOURCE_DOES_NOT_EXIST"}, ""},
		{"DELETE", models + "delete", `{"name": "m"}`, 200, []string{"{}"}, ""},
		{"GET", "/api/2.0/mlflow/registered-models/nope", "", 404, []string{"ENDPOINT_NOT_FOUND"}, ""},

		{"POST", "/api/2.0/mlflow/webhooks", `{"name": "w", "url": "https://h/x", "secret": "s3cret", "events": [{"entity": "PROMPT", "action": "CREATED"}, {"entity": 2, "action": 1}]}`, 200, []string{`"status":"ACTIVE"`, `{"entity":"MODEL_VERSION","action":"CREATED"},{"entity":"PROMPT","action":"CREATED"}`}, "s3cret"},
		{"POST", "/api/2.0/mlflow/webhooks", `{"name": "w", "url": "https://h/x"}`, 400, []string{"'events'"}, ""},
		{"POST", "/api/2.0/mlflow/webhooks", `{"name": "w", "url": "https://h/x", "events": [{"entity": "PROMPT", "action": "DELETED"}]}`, 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"POST", "/api/2.0/mlflow/webhooks", `{"name": "w", "url": "https://h/x", "status": "OFF", "events": [{"entity": "PROMPT", "action": "CREATED"}]}`, 400, []string{"ACTIVE or DISABLED"}, ""},
		{"GET", "/api/2.0/mlflow/webhooks", "", 200, []string{`"webhooks":[{`}, "s3cret"},
		{"GET", "/api/2.0/mlflow/webhooks?max_results=1001", "", 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"GET", "/api/2.0/mlflow/webhooks/none", "", 404, []string{"RESOURCE_DOES_NOT_EXIST"}, ""},
		{"POST", "/api/2.0/mlflow/webhooks/none/test", "", 404, []string{"RESOURCE_DOES_NOT_EXIST"}, ""},

		{"POST", datasets + "create", `{"name": "d", "tags": "{\"ü\": \"é😀\", \"n\": 5, \"none\": null}"}`, 200, []string{`"tags":"{\"n\": \"5\", \"\\u00fc\": \"\\u00e9\\ud83d\\ude00\"}"`}, "profile"},
		{"POST", datasets + "create", `{"name": "d", "tags": "[]"}`, 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"GET", datasets + "d-none", "", 404, []string{"RESOURCE_DOES_NOT_EXIST"}, ""},
		{"DELETE", datasets + "d-none", "", 200, []string{"{}"}, ""},
		{"GET", datasets + "search?filter_string=name%3D'd'&max_results=5", "", 200, []string{`"datasets":[{`}, ""},
		{"POST", datasets + "d-none/records", `{"records": "[]"}`, 404, []string{"RESOURCE_DOES_NOT_EXIST"}, ""},
		{"POST", datasets + "d-none/records", `{"records": "nope"}`, 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
		{"GET", "/api/3.0/mlflow/scorers/online-configs", "", 400, []string{"scorer_ids"}, ""},
		{"GET", "/api/3.0/mlflow/label-schemas/list?experiment_id=0", "", 501, []string{"NOT_IMPLEMENTED"}, ""},
		{"POST", "/api/3.0/mlflow/issues/search", `{"max_results": 0}`, 400, []string{"INVALID_PARAMETER_VALUE"}, ""},
	} {
		w := send(h, c.method, c.path, c.body)
		got := w.Body.String()
		if w.Code != c.status {
			t.Errorf("%s %s %s: status %d: %s; want %d", c.method, c.path, c.body, w.Code, got, c.status)
			continue
		}
		for _, part := range c.want {
			if !strings.Contains(got, part) {
				t.Errorf("%s %s %s: %s lacks %s", c.method, c.path, c.body, got, part)
			}
		}
		if c.not != "" && strings.Contains(got, c.not) {
			t.Errorf("%s %s %s: %s has %s", c.method, c.path, c.body, got, c.not)
		}
	}
}

// hostile are bodies that no call may answer with a 5xx.
var hostile = []string{
	``, `{}`, `[]`, `null`, `1`, `"x"`, `{`, `{"name": `, `{"name": null}`, `{"name": []}`, `{"name": {"name": 1}}`, `"{\"name\": \"m\"}"`,
	`{"name": "m", "version": "1", "key": "k", "value": "v", "alias": "a", "stage": "None", "new_name": "n", "source": "s3://b/x"}`,
	`{"name": "\u0000", "version": "-1", "key": "\u0000", "alias": "\u0000", "source": "\u0000", "description": "\u0000"}`,
	`{"name": "` + strings.Repeat("x", 5000) + `", "version": "1"}`,
	`{"name": "\ud800", "version": "9223372036854775808"}`,
	`{"filter": "name = ", "order_by": ["x"], "max_results": 1e99, "page_token": "\u0000"}`,
	`{"name": "m", "tags": [null, {"key": null}, {"key": 1}]}`,
	`{"name": "m", "events": [{"entity": 99, "action": -1}], "url": "https://h/x"}`,
	`{"experiment_id": "0", "name": "s", "serialized_scorer": "{}", "sample_rate": NaN, "description": "d"}`,
	`{"records": "[{\"inputs\": {\"a\": NaN}}]", "tags": "{\"a\": 1}", "experiment_ids": ["0", "x", ""], "dataset_record_ids": [""]}`,
	"\xff\xfe", "\x00",
}

func TestHostileBodiesAreTheCallersFault(t *testing.T) {
	s, h := registryServer(t)
	send(h, "POST", "/api/2.0/mlflow/registered-models/create", `{"name": "m"}`)
	calls := 0
	for _, group := range s.groups {
		for _, rt := range group() {
			path := "/api/" + rt.Version + "/" + strings.NewReplacer("{dataset_id}", "d-1", "{issue_id}", "i", "{webhook_id}", "w", "{key}", "k").Replace(rt.Path)
			for _, body := range hostile {
				w := send(h, rt.Method, path, body)
				if w.Code >= 500 && w.Code != http.StatusNotImplemented {
					t.Errorf("%s %s %.80s: %d %s", rt.Method, path, body, w.Code, w.Body)
				}
				if !json.Valid(w.Body.Bytes()) {
					t.Errorf("%s %s %.80s: the answer is no JSON: %s", rt.Method, path, body, w.Body)
				}
				calls++
			}
		}
	}
	if calls < 60*len(hostile) {
		t.Errorf("only %d calls were made", calls)
	}
}

// FuzzRegistryBodies sends any body to any call.
func FuzzRegistryBodies(f *testing.F) {
	for i, body := range hostile {
		f.Add(uint8(i*7), []byte(body))
	}
	s, h := registryServer(f)
	var routes []route
	for _, group := range s.groups {
		routes = append(routes, group()...)
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		rt := routes[int(which)%len(routes)]
		path := "/api/" + rt.Version + "/" + strings.NewReplacer("{dataset_id}", "d-1", "{issue_id}", "i", "{webhook_id}", "w", "{key}", "k").Replace(rt.Path)
		w := send(h, rt.Method, path, string(body))
		if w.Code >= 500 && w.Code != http.StatusNotImplemented || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: %d %s", rt.Method, path, w.Code, w.Body)
		}
	})
}
