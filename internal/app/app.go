// Package app is the composition root: the only package that knows every
// other. It opens the stores, builds the domains over them, speaks them through
// the protocols, and starts and stops it all in one plain list. It decides
// nothing else.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/alert"
	"github.com/assayhq/assay/internal/blob"
	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/masking"
	"github.com/assayhq/assay/internal/notice"
	"github.com/assayhq/assay/internal/price"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/telemetry"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
	"github.com/assayhq/assay/internal/web"
	"github.com/assayhq/assay/internal/webhook"
	"github.com/assayhq/assay/internal/wire/api"
)

// App is one server. New opens it, Start answers requests, Stop ends it.
type App struct {
	cfg     Config
	log     *slog.Logger
	version string
	now     func() time.Time
	metrics *telemetry.Metrics

	control    *sqlstore.DB
	traces     *sqlstore.Traces
	blobs      blob.Store
	artifacts  *tracking.Artifacts
	accounts   *account.Service
	access     *access
	events     *api.Events
	jobs       *job.Engine
	masking    *masking.Service
	care       *flow.Care
	prices     *price.Table
	tracing    *tracing.Service
	registry   *registry.Service
	evaluation *evaluation.Service
	tracking   *tracking.Service
	webhooks   *webhook.Service
	importer   *flow.Importer
	guarded    *web.Guarded
	notices    *notice.Service
	alerts     *alert.Service

	http     *web.Server
	otlpHTTP string // address of OTLP over HTTP on its own port; "" is off
	otlpGRPC string // address of OTLP over gRPC; "" is off

	parts   []part
	started int // parts that run
	failed  chan error
}

// part is one thing with a life, in start order. stop may be nil, may be called
// without start, and may be called twice.
type part struct {
	name  string
	start func(ctx context.Context) error
	stop  func(ctx context.Context) error
}

// New opens everything and listens nowhere yet. On failure it leaves nothing
// open.
func New(ctx context.Context, cfg Config, log *slog.Logger, version string) (*App, error) {
	a := &App{cfg: cfg, log: log, version: version, now: time.Now, failed: make(chan error, 1),
		metrics: telemetry.NewMetrics(version)}
	if err := a.open(ctx); err != nil {
		a.Stop(context.WithoutCancel(ctx))
		return nil, err
	}
	return a, nil
}

func (a *App) open(ctx context.Context) error {
	if err := a.openStores(ctx); err != nil {
		return err
	}
	if err := a.openAccess(ctx); err != nil {
		return err
	}
	if err := a.openDomains(ctx); err != nil {
		return err
	}
	a.openGauges()
	return a.openProtocols(ctx)
}

// Start starts the parts in order. When one fails, those before it are stopped.
func (a *App) Start(ctx context.Context) error {
	for i, p := range a.parts {
		if p.start != nil {
			if err := p.start(ctx); err != nil {
				a.Stop(context.WithoutCancel(ctx))
				return err
			}
		}
		a.started = i + 1
	}
	return nil
}

// grace is how long requests in flight may take to finish at shutdown.
const grace = 15 * time.Second

// Stop stops the parts in reverse order, letting requests in flight finish. It
// may be called twice, and after a failed Start.
func (a *App) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	var errs []error
	for i := len(a.parts) - 1; i >= 0; i-- {
		if p := a.parts[i]; p.stop != nil {
			if err := p.stop(ctx); err != nil {
				errs = append(errs, fmt.Errorf("stop %s: %w", p.name, err))
			}
		}
	}
	a.parts = nil
	return errors.Join(errs...)
}

// Failed receives an error when a part stops by itself; the process should end.
func (a *App) Failed() <-chan error { return a.failed }

// Addr is the address of the UI and the HTTP protocols, host:port.
func (a *App) Addr() string { return a.http.Addr() }

// URL is the base address clients should use.
func (a *App) URL() string {
	if a.cfg.PublicURL != "" {
		return a.cfg.PublicURL
	}
	return "http://" + a.Addr()
}

// add appends a part.
func (a *App) add(p part) { a.parts = append(a.parts, p) }

// listen adds server as a part and watches it.
func (a *App) listen(name string, s *web.Server) {
	a.add(part{name: name, start: func(ctx context.Context) error {
		if err := s.Start(ctx); err != nil {
			return err
		}
		go func() {
			if err, ok := <-s.Failed(); ok {
				a.failed <- fault.Wrap(fault.Internal, "app", err, "the %s listener failed", name)
			}
		}()
		return nil
	}, stop: s.Stop})
}

func health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("OK"))
}
