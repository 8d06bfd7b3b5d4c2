// Package api is Assay's own HTTP API, what the user interface and the command
// line talk to: docs/api/openapi.yaml, under /api/assay/v1.
//
// One file per noun holds its wire shapes, conversions and handlers. A test
// holds the route table and the contract equal.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// Prefix is where the API lives.
const Prefix = "/api/assay/v1"

// maxBody bounds a request body; nothing large is uploaded here.
const maxBody = 8 << 20

// Authorize returns an Unauthenticated or Denied fault unless ctx's caller has
// permission need.
type Authorize func(ctx context.Context, need caller.Permission) error

// RequestID returns the id the server gave to the request of ctx.
type RequestID func(ctx context.Context) string

// Server serves the API. Each noun's Serve… method adds its routes.
type Server struct {
	log       *slog.Logger
	authorize Authorize
	requestID RequestID
	routes    []route
	finders   []func(ctx context.Context, q string) ([]hit, error) // what the palette's search asks beside its own
}

// route is one operation. Exactly one of call and stream is set.
type route struct {
	method, path string // path below Prefix, with net/http's {name} parameters
	need         caller.Permission
	open         bool // asks for no permission (login, session)
	status       int  // of a successful call; 0 means 200
	call         func(ctx context.Context, r *http.Request) (any, error)
	stream       func(w http.ResponseWriter, r *http.Request) error
}

// NewServer returns a server without routes.
func NewServer(log *slog.Logger, authorize Authorize, requestID RequestID) *Server {
	return &Server{log: log, authorize: authorize, requestID: requestID}
}

// Register adds the routes to mux and answers everything else below Prefix
// with a not_found of this API.
func (s *Server) Register(mux *http.ServeMux) {
	for _, rt := range s.routes {
		mux.Handle(rt.method+" "+Prefix+rt.path, s.handler(rt))
	}
	mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, fault.NotFoundf("no operation %s %s", r.Method, clip(r.URL.Path)))
	})
}

func (s *Server) add(routes ...route) { s.routes = append(s.routes, routes...) }

func (s *Server) handler(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		if !rt.open {
			err = s.authorize(r.Context(), rt.need)
		}
		if err == nil && rt.stream != nil {
			err = rt.stream(w, r)
		} else if err == nil {
			var v any
			if v, err = rt.call(r.Context(), r); err == nil {
				s.answer(w, rt.status, v)
				return
			}
		}
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

// answer writes v as JSON; nil is 204 without a body.
func (s *Server) answer(w http.ResponseWriter, status int, v any) {
	if v == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		s.log.Error("api response could not be encoded", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	w.Write(buf.Bytes())
}

// statusOf and codeOf are the one table from faults to this API's vocabulary.
var statusOf = map[fault.Kind]int{
	fault.Internal: 500, fault.Invalid: 400, fault.NotFound: 404, fault.Exists: 409,
	fault.Conflict: 409, fault.State: 409, fault.Unauthenticated: 401, fault.Denied: 403,
	fault.TooLarge: 413, fault.Limited: 429, fault.Unavailable: 503, fault.Unsupported: 501,
	fault.Canceled: 499,
}

func codeOf(k fault.Kind) string { return strings.ReplaceAll(k.String(), " ", "_") }

// Position is the offending range of a filter text, in code points.
type Position struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// positioned is implemented by errors that know where in a filter they are.
type positioned interface {
	error
	Position() (start, end int)
}

type errorBody struct {
	Code      string    `json:"code"`
	Message   string    `json:"message"`
	RequestID string    `json:"request_id"`
	Position  *Position `json:"position,omitempty"`
}

// Fail writes err in this API's words, for refusals before a route is reached.
func (s *Server) Fail(w http.ResponseWriter, r *http.Request, err error) { s.fail(w, r, err) }

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	kind := fault.KindOf(err)
	if kind == fault.Internal {
		s.log.Error("api call failed", "method", r.Method, "path", r.URL.Path, "request_id", s.requestID(r.Context()), "error", err)
	}
	body := errorBody{Code: codeOf(kind), Message: fault.Message(err), RequestID: s.requestID(r.Context())}
	if p, ok := errors.AsType[positioned](err); ok {
		start, end := p.Position()
		body.Position = &Position{start, end}
	}
	if kind == fault.Limited || kind == fault.Unavailable {
		w.Header().Set("Retry-After", "1")
	}
	s.answer(w, statusOf[kind], map[string]errorBody{"error": body})
}

// body adapts a call whose request is a JSON document.
func body[Req any](call func(context.Context, *http.Request, *Req) (any, error)) func(context.Context, *http.Request) (any, error) {
	return func(ctx context.Context, r *http.Request) (any, error) {
		req := new(Req)
		if err := decode(r, req); err != nil {
			return nil, err
		}
		return call(ctx, r, req)
	}
}

func decode(r *http.Request, req any) error {
	if ct := r.Header.Get("Content-Type"); ct != "" && !strings.HasPrefix(ct, "application/json") {
		// A form posted from another site cannot set this type.
		return fault.Invalidf("the body must be application/json, not %s", clip(ct))
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return fault.Wrap(fault.Invalid, "api.decode", err, "the request body could not be read to its end")
	}
	if len(b) > maxBody {
		return fault.New(fault.TooLarge, "the request body is over %d MiB", maxBody>>20)
	}
	err = json.Unmarshal(b, req)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fault.Invalidf("field %q: expected %s, found %s", e.Field, e.Type, e.Value)
	}
	if err != nil {
		return fault.Invalidf("the request body is not valid JSON: %v", err)
	}
	return nil
}

// limit reads the page size of a request: default 50, 1 to 1,000.
func limit(r *http.Request) (int, error) {
	s := r.URL.Query().Get("limit")
	if s == "" {
		return 50, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1000 {
		return 0, fault.Invalidf("limit must be a number from 1 to 1000, not %q", clip(s))
	}
	return n, nil
}

func checkLimit(n int) (int, error) {
	if n == 0 {
		return 50, nil
	}
	if n < 1 || n > 1000 {
		return 0, fault.Invalidf("limit must be from 1 to 1000, not %d", n)
	}
	return n, nil
}

// millis reads a unix-milliseconds query parameter; absent is def.
func millis(r *http.Request, name string, def int64) (int64, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fault.Invalidf("%s must be unix milliseconds, not %q", name, clip(s))
	}
	return n, nil
}

// nullable returns nil for the zero value, for fields whose absence is null.
func nullable[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// dollars turns pico-dollars into US dollars; negative is unknown.
func dollars(pico int64) *float64 {
	if pico < 0 {
		return nil
	}
	v := float64(pico) / 1e12
	return &v
}

// count turns a count into JSON; negative is unknown.
func count(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

func clip(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}
