package api

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracking"
)

// Artifacts reads files by the root that a run or version names and a path
// below it. A root outside this server is Unsupported.
type Artifacts interface {
	// ListFiles returns one folder, by name.
	ListFiles(ctx context.Context, root, path, token string, limit int) (files []tracking.File, next string, err error)
	// StatFile returns the size of a file.
	StatFile(ctx context.Context, root, path string) (size int64, modified time.Time, err error)
	// OpenFile returns length bytes from offset.
	OpenFile(ctx context.Context, root, path string, offset, length int64) (io.ReadCloser, error)
}

type artifacts struct {
	store  Artifacts
	runs   *tracking.Service
	models *registry.Service
}

// ServeArtifacts adds the files of runs and model versions.
func (s *Server) ServeArtifacts(store Artifacts, runs *tracking.Service, models *registry.Service) {
	a := artifacts{store, runs, models}
	const version = "/w/{ws}/models/{name}/versions/{version}/artifacts"
	s.add(
		route{method: "GET", path: "/w/{ws}/runs/{run_id}/artifacts", need: caller.Read, call: a.list(a.rootOfRun)},
		route{method: "GET", path: "/w/{ws}/runs/{run_id}/artifacts/content", need: caller.Read, stream: a.content(a.rootOfRun)},
		route{method: "GET", path: version, need: caller.Read, call: a.list(a.rootOfVersion)},
		route{method: "GET", path: version + "/content", need: caller.Read, stream: a.content(a.rootOfVersion)},
	)
}

func (a artifacts) rootOfRun(r *http.Request) (string, error) {
	info, err := a.runs.RunInfo(r.Context(), r.PathValue("run_id"))
	if err != nil {
		return "", err
	}
	return info.ArtifactURI, nil
}

func (a artifacts) rootOfVersion(r *http.Request) (string, error) {
	v, err := versionIn(r.Context(), a.models, r, false)
	if err != nil {
		return "", err
	}
	return v.Location, nil
}

type artifactFile struct {
	Path       string `json:"path"`
	IsDir      bool   `json:"is_dir"`
	Size       *int64 `json:"size"`
	ModifiedMS *int64 `json:"modified_ms"`
}

func (a artifacts) list(root func(*http.Request) (string, error)) func(context.Context, *http.Request) (any, error) {
	return func(ctx context.Context, r *http.Request) (any, error) {
		n, err := limit(r)
		if err != nil {
			return nil, err
		}
		at, err := root(r)
		if err != nil {
			return nil, err
		}
		q := r.URL.Query()
		files, next, err := a.store.ListFiles(ctx, at, q.Get("path"), q.Get("page_token"), n)
		if err != nil {
			return nil, err
		}
		out := []artifactFile{}
		for _, f := range files {
			row := artifactFile{Path: f.Path, IsDir: f.Dir}
			if !f.Dir {
				row.Size = &f.Size
			}
			out = append(out, row)
		}
		return map[string]any{"root_uri": at, "files": out, "next_page_token": nullable(next)}, nil
	}
}

// content streams a file. It never lets a file act as the user: scripts of an
// HTML artifact run, if at all, in an origin of their own.
func (a artifacts) content(root func(*http.Request) (string, error)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		at, err := root(r)
		if err != nil {
			return err
		}
		name := r.URL.Query().Get("path")
		size, modified, err := a.store.StatFile(r.Context(), at, name)
		if err != nil {
			return err
		}
		offset, length, partial, err := rangeOf(r.Header.Get("Range"), size)
		h := w.Header()
		if err != nil {
			h.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
			return err
		}
		body, err := a.store.OpenFile(r.Context(), at, name, offset, length)
		if err != nil {
			return err
		}
		defer body.Close()
		h.Set("Content-Type", typeOf(name))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:")
		h.Set("Accept-Ranges", "bytes")
		h.Set("Content-Length", strconv.FormatInt(length, 10))
		if !modified.IsZero() {
			h.Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
		}
		if r.URL.Query().Get("download") == "true" {
			h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(name)}))
		}
		if partial {
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, size))
			w.WriteHeader(http.StatusPartialContent)
		}
		io.Copy(w, body) // a client that went away is not our failure
		return nil
	}
}

// texts are types that browsers show as text though the system's table may not
// know them.
var texts = map[string]string{
	".md": "text/markdown; charset=utf-8", ".yaml": "text/plain; charset=utf-8", ".yml": "text/plain; charset=utf-8", ".txt": "text/plain; charset=utf-8",
	".log": "text/plain; charset=utf-8", ".py": "text/plain; charset=utf-8", ".jsonl": "text/plain; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".json": "application/json",
}

func typeOf(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t, ok := texts[ext]; ok {
		return t
	}
	if base := path.Base(name); base == "MLmodel" || ext == "" {
		return "text/plain; charset=utf-8"
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// rangeOf reads one byte range; several are answered with the whole file, as
// HTTP allows.
func rangeOf(header string, size int64) (offset, length int64, partial bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok || strings.Contains(spec, ",") {
		return 0, size, false, nil
	}
	bad := fault.Invalidf("the range %q does not lie in a file of %d bytes", clip(header), size)
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return 0, size, false, nil
	}
	if first == "" { // the last n bytes
		n, e := strconv.ParseInt(last, 10, 64)
		if e != nil || n <= 0 || size == 0 {
			return 0, 0, false, bad
		}
		n = min(n, size)
		return size - n, n, true, nil
	}
	from, e := strconv.ParseInt(first, 10, 64)
	if e != nil || from < 0 || from >= size {
		return 0, 0, false, bad
	}
	to := size - 1
	if last != "" {
		if to, e = strconv.ParseInt(last, 10, 64); e != nil || to < from {
			return 0, 0, false, bad
		}
	}
	to = min(to, size-1)
	return from, to - from + 1, true, nil
}
