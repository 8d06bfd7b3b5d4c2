package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
)

type requestIDKey struct{}

// RequestID returns the id that the log line of ctx's request carries.
func RequestID(ctx context.Context) string {
	s, _ := ctx.Value(requestIDKey{}).(string)
	return s
}

// wrap is the one wrapper around every request: it names it, guards it, finds
// out who asks, answers a panic, logs and counts.
func (s *Server) wrap(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		s.cfg.Metrics.Began()
		reqID := requestID(r)
		rec := &recorder{w: w}
		ctx := context.WithValue(r.Context(), requestIDKey{}, reqID)
		r = r.WithContext(ctx)
		w.Header().Set("X-Request-Id", reqID)
		secure(w.Header())
		s.limitBody(w, r)
		out := io.Closer(nil)
		var answer http.ResponseWriter = rec
		if compressible(r) {
			z := &gzipWriter{ResponseWriter: rec}
			answer, out = z, z
		}
		seen := s.serve(mux, answer, r, rec)
		if out != nil {
			out.Close()
		}
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.cfg.Stall))
		s.ended(seen, rec, began)
	})
}

// serve runs mux under a recover and returns the request mux saw, which
// carries the route's pattern.
func (s *Server) serve(mux http.Handler, w http.ResponseWriter, r *http.Request, rec *recorder) (seen *http.Request) {
	seen = r
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			panic(p)
		}
		s.cfg.Metrics.Panicked()
		s.cfg.Log.Error("panic", "panic", fmt.Sprint(p), "path", r.URL.Path, "request", RequestID(r.Context()), "stack", string(debug.Stack()))
		if rec.status == 0 {
			s.cfg.Refuse(w, r, fault.New(fault.Internal, "panic"))
			return
		}
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}()
	if err := s.guard(r); err != nil {
		s.cfg.Refuse(w, r, err)
		return seen
	}
	who, err := s.cfg.Authenticate(r)
	if err != nil {
		s.cfg.Refuse(w, r, err)
		return seen
	}
	seen = r.WithContext(caller.With(r.Context(), who))
	mux.ServeHTTP(w, seen)
	return seen
}

// slow is the duration from which a request is logged at level info.
const slow = 5 * time.Second

func (s *Server) ended(r *http.Request, rec *recorder, began time.Time) {
	took := time.Since(began)
	status := rec.status
	if status == 0 {
		status = http.StatusOK
	}
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	s.cfg.Metrics.Ended(route, status, took)
	level := slog.LevelDebug
	switch {
	case status >= 500 && status != http.StatusNotImplemented && status != http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case took > slow:
		level = slog.LevelInfo
	}
	if !s.cfg.Log.Enabled(r.Context(), level) {
		return
	}
	s.cfg.Log.LogAttrs(r.Context(), level, "request", slog.String("method", r.Method), slog.String("path", clip(r.URL.Path)),
		slog.Int("status", status), slog.Int64("ms", took.Milliseconds()), slog.Int64("bytes", rec.bytes),
		slog.String("request", RequestID(r.Context())), slog.String("from", Remote(r)))
}

func clip(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}

// requestID takes the client's id if it is harmless, else makes one.
func requestID(r *http.Request) string {
	given := r.Header.Get("X-Request-Id")
	ok := len(given) >= 8 && len(given) <= 64
	for i := 0; ok && i < len(given); i++ {
		c := given[i]
		ok = c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	if ok {
		return given
	}
	return id.Hex()
}

// Remote returns the address of the client without its port.
func Remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// limitBody bounds the body's size, and the time it may stand still.
func (s *Server) limitBody(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	if !s.cfg.Unbounded(r) {
		r.Body = http.MaxBytesReader(w, r.Body, s.cfg.MaxBody)
	}
	r.Body = &steadyBody{ReadCloser: r.Body, control: http.NewResponseController(w), stall: s.cfg.Stall}
}

// steadyBody moves the connection's read deadline forward as long as bytes
// arrive. It is cleared at the end: a deadline left behind would end the
// request's context while its handler still works.
type steadyBody struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
	until   time.Time
}

func (b *steadyBody) Read(p []byte) (int, error) {
	if now := time.Now(); b.until.Sub(now) < b.stall*3/4 {
		b.until = now.Add(b.stall)
		b.control.SetReadDeadline(b.until)
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// recorder remembers the status and size of an answer.
type recorder struct {
	w      http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) Header() http.Header { return r.w.Header() }

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.w }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status = status
	}
	r.w.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.w.Write(p)
	r.bytes += int64(n)
	return n, err
}

// ReadFrom keeps the kernel's file-to-socket copy for artifacts.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := io.Copy(r.w, src)
	r.bytes += n
	return n, err
}

// compressible reports whether a JSON answer to r should be packed: not for a
// client on this machine, where packing only costs time.
func compressible(r *http.Request) bool {
	return r.Method != http.MethodHead && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") &&
		(!Loopback(Remote(r)) || r.Header.Get("X-Forwarded-For") != "")
}
