package mlflow

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var timeNow = time.Now

const proxyAPI = "/api/2.0/mlflow-artifacts/artifacts"

func TestArtifactCalls(t *testing.T) {
	h := trackingServer(t)
	run := newRun(t, h)
	root := proxyAPI + "/0/" + run + "/artifacts"
	for i, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"PUT", root + "/dir/a%20b.txt", "0123456789", 200, ""},
		{"PUT", root + "/page.html", "<script>", 200, ""},
		{"PUT", root + "/empty", "", 200, ""},
		{"GET", root + "/dir/a%20b.txt", "", 200, "0123456789"},
		{"GET", root + "/empty", "", 200, ""},
		{"HEAD", root + "/dir/a%20b.txt", "", 200, ""},
		{"GET", root + "/none", "", 404, "RESOURCE_DOES_NOT_EXIST"},
		{"GET", root + "/dir", "", 400, "refers to a directory"},
		{"PUT", root + "/dir/", "x", 400, "must include a filename"},
		{"PUT", root + "/dir/a%20b.txt/below", "x", 400, "INVALID_PARAMETER_VALUE"},
		{"GET", proxyAPI + "?path=0/" + run + "/artifacts", "", 200, `{"files":[{"path":"dir","is_dir":true},{"path":"empty","is_dir":false},{"path":"page.html","is_dir":false,"file_size":8}]}`},
		{"GET", proxyAPI + "?path=0/none", "", 200, `{}`},
		{"GET", "/api/2.0/mlflow/artifacts/list?run_id=RUN&path=dir", "", 200, `{"root_uri":"mlflow-artifacts:/0/RUN/artifacts","files":[{"path":"dir/a b.txt","is_dir":false,"file_size":10}]}`},
		{"GET", "/api/2.0/mlflow/artifacts/list?run_id=RUN&path=../x", "", 400, "Invalid path"},
		{"GET", "/api/2.0/mlflow/artifacts/list?run_id=none", "", 404, "RESOURCE_DOES_NOT_EXIST"},
		{"GET", "/get-artifact?run_id=RUN&path=dir/a%20b.txt", "", 200, "0123456789"},
		{"GET", "/get-artifact?run_id=RUN", "", 400, "'path'"},
		{"GET", "/model-versions/get-artifact?name=m&version=1&path=x", "", 404, "RESOURCE_DOES_NOT_EXIST"},
		{"POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=RUN&path=up/l.txt", "abc", 200, `{}`},
		{"POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=RUN&path=up/l.txt", strings.Repeat("x", maxSmallUpload+1), 400, "Max size is 10MB"},
		{"POST", "/ajax-api/2.0/mlflow/upload-artifact?path=up/l.txt", "abc", 400, "run_uuid"},
		{"POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", `{"run_id": "RUN", "path": "x"}`, 400, "artifact URI scheme: mlflow-artifacts"},
		{"POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", `{"path": "x"}`, 400, "Exactly one of run_id and model_id"},
		{"GET", "/api/2.0/mlflow-artifacts/presigned/0/x", "", 501, "NOT_IMPLEMENTED"},
		{"DELETE", root + "/dir", "", 200, `{}`},
		{"GET", root + "/dir/a%20b.txt", "", 404, "RESOURCE_DOES_NOT_EXIST"},
		{"DELETE", proxyAPI + "/", "", 400, "INVALID_PARAMETER_VALUE"},
	} {
		path := strings.ReplaceAll(c.path, "RUN", run)
		w := send(h, c.method, path, strings.ReplaceAll(c.body, "RUN", run))
		if w.Code != c.status || !strings.Contains(w.Body.String(), strings.ReplaceAll(c.want, "RUN", run)) {
			t.Errorf("%d. %s %s: %d %.300s; want %d %s", i, c.method, path, w.Code, w.Body, c.status, c.want)
		}
	}
	w := send(h, "GET", root+"/page.html", "")
	if got := w.Header(); got.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(got.Get("Content-Disposition"), "attachment") {
		t.Errorf("a page may act as ours: %v", got)
	}
}

func TestArtifactRanges(t *testing.T) {
	h := trackingServer(t)
	send(h, "PUT", proxyAPI+"/0/digits", "0123456789")
	for header, want := range map[string]string{
		"bytes=0-0": "206 0", "bytes=4-": "206 456789", "bytes=-3": "206 789", "bytes=2-5": "206 2345", "bytes=5-100": "206 56789",
		"bytes=10-": "416 invalid range", "nonsense": "416 invalid range", "": "200 0123456789",
	} {
		r := httptest.NewRequest("GET", proxyAPI+"/0/digits", nil)
		if header != "" {
			r.Header.Set("Range", header)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := fmt.Sprint(w.Code, " ", strings.TrimSpace(w.Body.String())); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func TestArtifactPathsCannotEscape(t *testing.T) {
	h := trackingServer(t)
	for _, p := range []string{
		"/../secret", "/a/../../secret", "/%2e%2e/secret", "/%2e%2e%2fsecret", "/%252e%252e/secret", "//etc/passwd", "/a//b", "/a/./b", "/%2fetc/passwd",
		"/a%5c..%5cb", "/a%00b", "/C:/x", "/a%23b", "/.assay-uploads/x", "/.assay-staging/x", "/workspaces/team/x", "/workspaces",
		"/" + strings.Repeat("x", 300), "/a/" + strings.Repeat("y/", 700) + "z", "/file:x",
	} {
		for _, method := range []string{"PUT", "GET", "DELETE"} {
			if w := send(h, method, proxyAPI+p, "x"); w.Code != 400 {
				t.Errorf("%s %.60s: %d %.200s", method, p, w.Code, w.Body)
			}
		}
	}
}

func TestUploadInParts(t *testing.T) {
	h := trackingServer(t)
	const mpu = "/api/2.0/mlflow-artifacts/mpu/"
	var created uploadCreated
	w := send(h, "POST", mpu+"create/0/run/artifacts", `{"path": "/home/me/big.bin", "num_parts": 3}`)
	if err := json.Unmarshal(w.Body.Bytes(), &created); err != nil || len(created.Credentials) != 3 {
		t.Fatalf("create: %s", w.Body)
	}
	address := func(i int) string { return strings.TrimPrefix(created.Credentials[i].URL, "http://example.com") }
	for _, i := range []int{2, 0, 1, 1} { // in any order, and again
		if w := send(h, "PUT", address(i), strings.Repeat(string(rune('a'+i)), i+1)); w.Code != 200 || w.Header().Get("ETag") == "" {
			t.Fatalf("part %d: %d %s", i, w.Code, w.Body)
		}
	}
	for name, bad := range map[string]string{
		"another part": strings.Replace(address(0), "/1?", "/2?", 1), "no signature": strings.Split(address(0), "?")[0],
		"another upload": strings.Replace(address(0), "part/", "part/1", 1),
	} {
		if w := send(h, "PUT", bad, "x"); w.Code != 403 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	complete := func(path, parts string) *httptest.ResponseRecorder {
		return send(h, "POST", mpu+"complete/"+path, `{"path": "big.bin", "upload_id": "`+created.UploadID+`", "parts": [`+parts+`]}`)
	}
	if w := complete("0/other/artifacts", `{"part_number": 1}`); w.Code != 400 {
		t.Errorf("complete elsewhere: %d %s", w.Code, w.Body)
	}
	if w := complete("0/run/artifacts", `{"part_number": 4}`); w.Code != 400 {
		t.Errorf("a part that never came: %d %s", w.Code, w.Body)
	}
	if w := complete("0/run/artifacts", `{"part_number": 3}, {"part_number": 1}, {"part_number": 2}`); w.Code != 200 {
		t.Fatalf("complete: %d %s", w.Code, w.Body)
	}
	if w := send(h, "GET", proxyAPI+"/0/run/artifacts/big.bin", ""); w.Body.String() != "abbccc" {
		t.Errorf("read %q", w.Body)
	}
	if w := complete("0/run/artifacts", `{"part_number": 1}`); w.Code != 400 {
		t.Errorf("complete again: %d %s", w.Code, w.Body)
	}
	if w := send(h, "GET", proxyAPI, ""); strings.Contains(w.Body.String(), ".assay") {
		t.Errorf("parts are listed: %s", w.Body)
	}
	w = send(h, "POST", mpu+"abort/0/run/artifacts", `{"path": "big.bin", "upload_id": "`+created.UploadID+`"}`)
	if w.Code != 200 {
		t.Errorf("abort: %d %s", w.Code, w.Body)
	}
	for _, body := range []string{`{}`, `{"path": "x", "num_parts": 0}`, `{"path": "x", "num_parts": 99999999}`, `{"path": "x", "num_parts": "many"}`} {
		if w := send(h, "POST", mpu+"create/0/x", body); w.Code != 400 {
			t.Errorf("create %s: %d %.200s", body, w.Code, w.Body)
		}
	}
}
