// Package tracing keeps traces: their headers, spans, assessments, sessions
// and what is computed from them.
//
// A trace may arrive in pieces, in any order, twice, and from two protocols at
// once: spans through [Service.Ingest], its header through
// [Service.StartTrace]. Every write is an idempotent upsert. What a header
// says of its spans (totals, state, models) is always derived from the set of
// spans that is stored, so that nothing is counted twice.
//
// The words are MLflow's, since its clients read them back: state, tags,
// metadata, assessments.
package tracing

import (
	"context"
	"log/slog"
	"time"

	"github.com/assayhq/assay/internal/trace"
)

// Config tunes a [Service]. Zero fields have the documented defaults.
type Config struct {
	Now func() time.Time // time.Now

	// Normalise fills Columns of a span from its attributes, events and
	// source. Without it spans keep the columns they come with.
	Normalise func(*trace.Span)

	// Version of Normalise; [Service.Renormalise] re-derives older spans.
	Version int

	// Price returns the cost of one model call; parts it does not know are -1.
	// It is asked only when the span carries usage and no cost of its own.
	// Without it costs stay unknown.
	Price func(provider, model string, at time.Time, tokens trace.Tokens) trace.Cost

	// Experiments finds where spans and traces belong. Without it any decimal
	// id is taken to exist and "0" is the default; for tests.
	Experiments Experiments

	// Masking decides what is kept from the disk; nil keeps everything.
	Masking Masking

	// Audit is told of deletions; nil means nobody is.
	Audit Audit
}

// Audit keeps what callers did.
type Audit interface {
	Record(ctx context.Context, action, kind, id string, before, after any) error
}

// Experiments is what tracing needs to know of experiments.
type Experiments interface {
	// Resolve returns the id of the active experiment that id or, if id is
	// empty, name stands for; a name that does not exist is created; with
	// neither it is the default experiment. A missing id is a fault NotFound,
	// a deleted experiment Invalid.
	Resolve(ctx context.Context, id, name string) (string, error)
}

// Service is the domain's front. It is safe for concurrent use.
type Service struct {
	store Store
	cfg   Config
	log   *slog.Logger
}

// New returns a service over store.
func New(store Store, log *slog.Logger, cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Experiments == nil {
		cfg.Experiments = anyExperiment{}
	}
	return &Service{store: store, cfg: cfg, log: log}
}

// Now is the time of the domain's clock.
func (s *Service) Now() time.Time { return s.cfg.Now() }

type anyExperiment struct{}

func (anyExperiment) Resolve(_ context.Context, id, _ string) (string, error) {
	if id == "" {
		return "0", nil
	}
	return id, nil
}
