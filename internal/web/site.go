package web

import (
	"bytes"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// Site serves the built user interface: files below /ui/, and index.html for
// every application path.
type Site struct {
	files fs.FS
	// serverStart stands in for the modification time that embedded files lack.
	serverStart time.Time
}

// NewSite returns a site over files, whose root holds index.html. now is used
// once, for validators.
func NewSite(files fs.FS, now time.Time) *Site { return &Site{files: files, serverStart: now} }

// Register adds the site's routes, and redirects for links that MLflow's client
// prints.
func (s *Site) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /w/", s.index)
	mux.HandleFunc("GET /login", s.index)
	mux.HandleFunc("GET /ui/", s.file)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/ui/favicon.svg", http.StatusFound)
	})
}

func (s *Site) index(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	s.send(w, r, "index.html")
}

func (s *Site) file(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/ui/")
	if name == "/ui" || name == "" || name == "index.html" {
		s.index(w, r)
		return
	}
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "no-cache")
	}
	s.send(w, r, name)
}

// send answers with the smallest form of file name that the client accepts.
func (s *Site) send(w http.ResponseWriter, r *http.Request, name string) {
	if strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
		s.missing(w, r)
		return
	}
	accepted := r.Header.Get("Accept-Encoding")
	for _, form := range []struct{ encoding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}, {"", ""}} {
		if form.encoding != "" && !strings.Contains(accepted, form.encoding) {
			continue
		}
		data, err := fs.ReadFile(s.files, name+form.suffix)
		if err != nil {
			continue
		}
		h := w.Header()
		h.Set("Content-Type", contentType(name))
		h.Add("Vary", "Accept-Encoding")
		if form.encoding != "" {
			h.Set("Content-Encoding", form.encoding)
		}
		http.ServeContent(w, r, "", s.serverStart, bytes.NewReader(data))
		return
	}
	s.missing(w, r)
}

func (s *Site) missing(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	http.NotFound(w, r)
}

// contentType does not ask the machine's MIME tables: they differ.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json", ".map":
		return "application/json"
	case ".woff2":
		return "font/woff2"
	case ".wasm":
		return "application/wasm"
	case ".webmanifest":
		return "application/manifest+json"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// Redirect sends the client to target, keeping the query.
func Redirect(target string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u := url.URL{Path: target, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, u.String(), http.StatusFound)
	}
}
