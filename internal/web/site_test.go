package web

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestSite(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	mux := http.NewServeMux()
	NewSite(fstest.MapFS{
		"index.html": file("<html>"), "favicon.svg": file("<svg>"),
		"assets/app-1f.js": file("plain"), "assets/app-1f.js.br": file("brotli"), "assets/app-1f.js.gz": file("gzipped"),
	}, time.Unix(1e9, 0)).Register(mux)
	_, url := start(t, mux, nil)
	for _, c := range []struct {
		path, accept      string
		status            int
		body, kind, cache string
		encoding          string
	}{
		{"/", "", 200, "<html>", "text/html", "no-cache", ""},
		{"/w/default/traces/tr-1?x=y", "", 200, "<html>", "text/html", "no-cache", ""},
		{"/ui/", "", 200, "<html>", "text/html", "no-cache", ""},
		{"/ui/assets/app-1f.js", "gzip, br", 200, "brotli", "text/javascript", "immutable", "br"},
		{"/ui/assets/app-1f.js", "gzip", 200, "gzipped", "text/javascript", "immutable", "gzip"},
		{"/ui/assets/app-1f.js", "", 200, "plain", "text/javascript", "immutable", ""},
		{"/ui/favicon.svg", "br", 200, "<svg>", "image/svg+xml", "no-cache", ""},
		{"/ui/assets/gone.js", "br", 404, "", "", "no-store", ""},
		{"/ui/assets/app-1f.js.br", "", 404, "", "", "no-store", ""},
		{"/ui/%2e%2e/secret", "", 404, "", "", "", ""},
	} {
		status, h, body := do(t, "GET", url+c.path, map[string]string{"Accept-Encoding": c.accept})
		if status != c.status || c.body != "" && body != c.body || !strings.HasPrefix(h.Get("Content-Type"), c.kind) ||
			!strings.Contains(h.Get("Cache-Control"), c.cache) || h.Get("Content-Encoding") != c.encoding {
			t.Errorf("%s accepting %q: %d %q %v", c.path, c.accept, status, body, h)
		}
	}
}
