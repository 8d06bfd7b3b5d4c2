// Package mlflow speaks MLflow's REST API, both the routes of the current
// client and the v2 routes that older and current clients still call.
//
// One file per noun holds its wire shapes, its conversion to and from the
// domain and its handlers. A handler decodes, calls, encodes; faults become
// MLflow error codes in errors.go and nowhere else.
package mlflow

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// ClientVersion is what GET /version answers. The client sends spans over OTLP
// only to a server of at least 3.4, and picks calls by it, so it names the
// newest release this package was checked against.
const ClientVersion = "3.17.2"

// route is one call of the API. Path is below /api/<Version>/ and uses
// net/http's {name} parameters.
type route struct {
	Version string // "2.0" or "3.0"
	Method  string
	Path    string
	Need    caller.Permission
	Ajax    bool // exists under /ajax-api only
	Root    bool // Path is from the server's root and has no version
	Signed  bool // checks a signature in its address instead of the caller

	// Exactly one of the two is set. Call answers with a value to encode as
	// JSON; Stream writes the response itself (artifacts).
	Call   func(ctx context.Context, r *http.Request) (any, error)
	Stream func(w http.ResponseWriter, r *http.Request) error
}

// Authorize decides whether ctx's caller has permission need. It returns an
// Unauthenticated or Denied fault.
type Authorize func(ctx context.Context, need caller.Permission) error

// Server serves the API. Fill the fields, then call Register.
type Server struct {
	Log       *slog.Logger
	Authorize Authorize

	groups    []func() []route
	traces    *traces    // nil until ServeTraces
	artifacts *artifacts // nil until ServeArtifacts
}

// NewServer returns a server without routes; each noun's Serve… method adds
// its own.
func NewServer(log *slog.Logger, authorize Authorize) *Server {
	return &Server{Log: log, Authorize: authorize}
}

// Register adds every route to mux, under /api and /ajax-api alike, and
// answers everything else below those prefixes in MLflow's own words.
func (s *Server) Register(mux *http.ServeMux) {
	for _, group := range s.groups {
		for _, rt := range group() {
			h := s.handler(rt)
			if rt.Root {
				mux.Handle(rt.Method+" /"+rt.Path, h)
				continue
			}
			if !rt.Ajax {
				mux.Handle(rt.Method+" /api/"+rt.Version+"/"+rt.Path, h)
			}
			mux.Handle(rt.Method+" /ajax-api/"+rt.Version+"/"+rt.Path, h)
		}
	}
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte(ClientVersion))
	})
	for _, prefix := range []string{"/api/2.0/", "/api/3.0/", "/ajax-api/2.0/", "/ajax-api/3.0/"} {
		mux.Handle(prefix, http.HandlerFunc(s.unknown))
	}
}

// unknown never answers RESOURCE_DOES_NOT_EXIST: clients fall back to older
// calls on ENDPOINT_NOT_FOUND and would take the former for a missing object.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if len(path) > 200 {
		path = path[:200] + "…"
	}
	writeError(w, http.StatusNotFound, "ENDPOINT_NOT_FOUND", "no call "+r.Method+" "+path+" on this server")
}

func (s *Server) handler(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		var err error
		if !rt.Signed {
			err = s.Authorize(ctx, rt.Need)
		}
		if err == nil && rt.Stream != nil {
			err = rt.Stream(w, r)
		} else if err == nil {
			var v any
			if v, err = rt.Call(ctx, r); err == nil {
				err = writeJSON(w, v)
			}
		}
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

// Fail writes err in MLflow's words, for refusals before a route is reached.
func (s *Server) Fail(w http.ResponseWriter, r *http.Request, err error) { s.fail(w, r, err) }

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, code := codeOf(err)
	// A call this server does not offer is no failure of it.
	if status >= 500 && status != http.StatusNotImplemented && !fault.Is(err, fault.Canceled) {
		s.Log.Error("mlflow call failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="mlflow"`)
	}
	writeError(w, status, code, fault.Message(err))
}

func v2(method, path string, need caller.Permission, call func(context.Context, *http.Request) (any, error)) route {
	return route{Version: "2.0", Method: method, Path: strings.TrimPrefix(path, "/"), Need: need, Call: call}
}

func v3(method, path string, need caller.Permission, call func(context.Context, *http.Request) (any, error)) route {
	return route{Version: "3.0", Method: method, Path: strings.TrimPrefix(path, "/"), Need: need, Call: call}
}
