// Package flow is work over several domains: the only place that may import
// more than one. It knows neither HTTP nor SQL; what it needs from outside, as
// a source to import from, is an interface that app fills.
package flow

// Package flow is work over several domains: the one place that may import
// more than one of them.
//
// Here is the care of the data: what is removed for good ([Care.Purge]), when
// ([Care.Retain]), and how room is given back. All of it is jobs, each with a
// dry run that counts and changes nothing, each safe to run again after a
// crash: what is gone already is passed over.

import (
	"context"
	"log/slog"
	"time"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// Config is what [Care] works with; all of it is needed.
type Config struct {
	Tracking   *tracking.Service
	Artifacts  *tracking.Artifacts
	Tracing    *tracing.Service
	Registry   *registry.Service
	Evaluation *evaluation.Service
	Policies   RetentionStore
	Jobs       *job.Engine
	Audit      Audit
	Log        *slog.Logger
	Now        func() time.Time

	// Pseudonym is what stands for a user id where it was masked.
	Pseudonym func(workspace, user string) string
	// Key seals the user id in the input of a job, which is kept.
	Key [32]byte
	// Workspaces lists them, for the daily round.
	Workspaces func(ctx context.Context) ([]string, error)
}

// Care removes data. It is safe for concurrent use.
type Care struct {
	cfg Config
}

// New returns it and registers its jobs, which must happen before the engine
// is opened.
func New(cfg Config) *Care {
	c := &Care{cfg: cfg}
	cfg.Jobs.Register(job.Kind{Name: PurgeKind, Queue: "care", MaxFailures: 5, Work: c.purgeWork})
	cfg.Jobs.Register(job.Kind{Name: RetainKind, Queue: "care", MaxFailures: 5, Work: c.retainWork})
	cfg.Jobs.Register(job.Kind{Name: DailyKind, Queue: "care", Quiet: true, MaxFailures: 5, Work: c.dailyWork})
	return c
}
