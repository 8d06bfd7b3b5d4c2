// Package web is the HTTP house that every protocol lives in: listeners and
// their life, the wrapper around each request, the guards against hostile
// browsers, and the serving of the user interface.
//
// It knows no protocol. A refusal that happens before a protocol's own handler
// runs is written by the function app gives for the path ([Config].Refuse), so
// that every client reads errors in its own vocabulary.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/telemetry"
)

// Config of [NewServer].
type Config struct {
	Name    string // in log lines, as "http"
	Addr    string // host:port; port 0 picks a free one
	Log     *slog.Logger
	Metrics *telemetry.Metrics

	// Open reports whether the server answers without credentials: it listens
	// on loopback and no account exists. Host names are then checked, because
	// nothing else stands between a hostile web page and the data.
	Open func() bool
	// Hosts are further names this server is reached by in open mode, beside
	// localhost and loopback addresses.
	Hosts []string

	// Authenticate returns who makes a request, or an Unauthenticated, Denied,
	// NotFound or Limited fault. It must not write.
	Authenticate func(r *http.Request) (caller.Caller, error)
	// Refuse writes err in the words of the protocol that the request's path
	// belongs to.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)

	// MaxBody bounds a request body in bytes, but for requests that Unbounded
	// says stream their body to storage. 0 means 128 MiB.
	MaxBody   int64
	Unbounded func(r *http.Request) bool

	// Stall is how long a client may keep a body or an answer standing still; 0
	// means one minute. There is no limit on the whole: an upload may take hours.
	Stall time.Duration
}

// Server is one listener with its handler.
type Server struct {
	cfg      Config
	http     *http.Server
	listener net.Listener
	stop     sync.Once
	failed   chan error
	// cancelled ends long answers (event streams) at shutdown.
	base   context.Context
	cancel context.CancelFunc
}

// NewServer returns a server that answers with mux inside the wrapper.
func NewServer(cfg Config, mux http.Handler) *Server {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 128 << 20
	}
	if cfg.Stall == 0 {
		cfg.Stall = time.Minute
	}
	if cfg.Unbounded == nil {
		cfg.Unbounded = func(*http.Request) bool { return false }
	}
	s := &Server{cfg: cfg, failed: make(chan error, 1)}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s.wrap(mux),
		ReadHeaderTimeout: 20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// Listen binds the address. The error says how to choose another.
func (s *Server) Listen(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.cfg.Addr)
	if err != nil {
		return fault.Wrap(fault.Unavailable, "web.Listen", err, "cannot listen on %s: %s", s.cfg.Addr, rootCause(err))
	}
	s.listener = l
	return nil
}

// Start answers requests until Stop. It binds the address unless Listen did.
func (s *Server) Start(ctx context.Context) error {
	if s.listener == nil {
		if err := s.Listen(ctx); err != nil {
			return err
		}
	}
	go func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Log.Error("listener failed", "name", s.cfg.Name, "error", err)
			s.failed <- err
		}
	}()
	return nil
}

// Failed receives the error of a listener that stopped by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop refuses new connections, ends event streams, waits for requests in
// flight until ctx ends, then cuts what is left. It may be called twice.
func (s *Server) Stop(ctx context.Context) error {
	var err error
	s.stop.Do(func() {
		s.cancel()
		if err = s.http.Shutdown(ctx); err != nil {
			s.cfg.Log.Warn("requests cut at shutdown", "name", s.cfg.Name)
			err = s.http.Close()
		}
		if s.listener != nil {
			s.listener.Close()
		}
	})
	return err
}

// Addr is the bound address; "" before Listen.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Stopping is closed when the server begins to stop; long answers end then.
func (s *Server) Stopping() <-chan struct{} { return s.base.Done() }

// Loopback reports whether addr (host:port or host) can be reached from this
// machine only.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func rootCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}
