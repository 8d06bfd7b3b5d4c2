// Package mcp serves the Model Context Protocol over streamable HTTP, so that
// the agents developers work with can read traces, runs, prompts, models,
// datasets and scores. It is read-only: no tool changes anything.
//
// Both eras of the protocol are spoken. Up to revision 2025-11-25 a client
// begins with `initialize`; from 2026-07-28 on there is no handshake, and each
// request says in `_meta` which revision it follows. Nothing is remembered
// between two requests in either, so there are no sessions and no stream to
// open: GET is answered 405.
//
// What a tool answers was recorded from applications and may hold anything,
// instructions to the reader included. Every answer is therefore one JSON
// document whose first member says so, with recorded text only inside JSON
// strings, which it cannot leave.
//
// Files: message.go is JSON-RPC, lifecycle.go the protocol, tool.go and
// answer.go what every tool shares, and one file per noun holds its tools.
package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// Path is where the protocol lives; Path/{workspace} is another workspace.
const Path = "/mcp"

// maxBody bounds a request; a tool's arguments are small.
const maxBody = 1 << 20

// Authorize returns an Unauthenticated or Denied fault unless ctx's caller has
// permission need.
type Authorize func(ctx context.Context, need caller.Permission) error

// Config is what the server answers from.
type Config struct {
	Version    string // of the program
	Tracing    *tracing.Service
	Tracking   *tracking.Service
	Registry   *registry.Service
	Evaluation *evaluation.Service
	Now        func() time.Time
}

// Server serves MCP.
type Server struct {
	cfg       Config
	log       *slog.Logger
	authorize Authorize
	tools     []tool
	byName    map[string]*tool
}

// NewServer returns the server.
func NewServer(log *slog.Logger, authorize Authorize, cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, log: log, authorize: authorize, byName: map[string]*tool{}}
	s.tools = s.allTools()
	for i := range s.tools {
		s.byName[s.tools[i].name] = &s.tools[i]
	}
	return s
}

// Register adds the endpoint to mux.
func (s *Server) Register(mux *http.ServeMux) {
	mux.Handle(Path, s)
	mux.Handle(Path+"/{workspace}", s)
}

// ServeHTTP answers one message, or in revision 2025-03-26 a batch of them.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		s.refuse(w, http.StatusMethodNotAllowed, nil, &rpcError{codeInvalidRequest, "there is no stream to open and no session to end here: POST one JSON-RPC message", nil})
		return
	}
	if err := s.authorize(r.Context(), caller.Read); err != nil {
		s.Fail(w, r, err)
		return
	}
	if err := acceptable(r.Header); err != nil {
		s.Fail(w, r, err)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		s.refuse(w, http.StatusBadRequest, nil, &rpcError{codeParse, "the request body could not be read to its end", nil})
		return
	}
	if len(body) > maxBody {
		s.refuse(w, http.StatusRequestEntityTooLarge, nil, &rpcError{codeInvalidRequest, "the message is over " + strconv.Itoa(maxBody>>20) + " MiB", nil})
		return
	}
	batch, list, rerr := decode(body)
	if rerr != nil {
		s.refuse(w, http.StatusBadRequest, nil, rerr)
		return
	}
	if batch {
		s.serveBatch(w, r, list)
		return
	}
	status, answer := s.handle(r.Context(), &list[0], r.Header)
	if answer == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	s.write(w, status, answer)
}

// serveBatch answers the requests of a batch, which only one revision had.
func (s *Server) serveBatch(w http.ResponseWriter, r *http.Request, list []message) {
	if v := r.Header.Get(versionHeader); v != "" && v != "2025-03-26" {
		s.refuse(w, http.StatusBadRequest, nil, &rpcError{codeInvalidRequest, "revision " + v + " has no batches: send one message", nil})
		return
	}
	answers := []*response{}
	for i := range list {
		if r.Context().Err() != nil {
			return
		}
		if _, a := s.handle(r.Context(), &list[i], r.Header); a != nil {
			answers = append(answers, a)
		}
	}
	if len(answers) == 0 {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	s.write(w, http.StatusOK, answers)
}

// acceptable checks what the client sends and takes.
func acceptable(h http.Header) error {
	if kind, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || kind != "application/json" {
		// A form posted from another site cannot set this type.
		return fault.Invalidf("the Content-Type must be application/json")
	}
	accept := strings.Join(h.Values("Accept"), ",")
	if accept == "" || strings.Contains(accept, "application/json") || strings.Contains(accept, "*/*") || strings.Contains(accept, "application/*") {
		return nil
	}
	return fault.New(fault.Unsupported, "answers are application/json, which the Accept header does not name")
}

// statusOf is what HTTP says of a fault before any message was read.
var statusOf = map[fault.Kind]int{
	fault.Invalid: 415, fault.Unsupported: 406, fault.Unauthenticated: 401, fault.Denied: 403, fault.NotFound: 404,
	fault.TooLarge: 413, fault.Limited: 429, fault.Unavailable: 503, fault.Canceled: 499,
}

// Fail writes err as this protocol does, for refusals before a message is read.
func (s *Server) Fail(w http.ResponseWriter, r *http.Request, err error) {
	status, ok := statusOf[fault.KindOf(err)]
	if !ok {
		status = http.StatusInternalServerError
		s.log.Error("mcp request failed", "path", r.URL.Path, "error", err)
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="assay"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	s.refuse(w, status, nil, &rpcError{codeInvalidRequest, fault.Message(err), nil})
}

func (s *Server) refuse(w http.ResponseWriter, status int, id json.RawMessage, e *rpcError) {
	s.write(w, status, &response{ID: id, Error: e})
}

func (s *Server) write(w http.ResponseWriter, status int, v any) {
	b, err := encode(v)
	if err != nil {
		s.log.Error("mcp answer could not be encoded", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	w.Write(b)
}

// asRPC turns a fault of a protocol method into its error.
func (s *Server) asRPC(method string, err error) *rpcError {
	if e, ok := errors.AsType[*rpcError](err); ok {
		return e
	}
	switch fault.KindOf(err) {
	case fault.NotFound:
		return &rpcError{codeInvalidParams, fault.Message(err), nil}
	case fault.Internal:
		s.log.Error("mcp call failed", "method", method, "error", err)
		return &rpcError{codeInternal, fault.Message(err), nil}
	}
	return &rpcError{codeInvalidParams, fault.Message(err), nil}
}
