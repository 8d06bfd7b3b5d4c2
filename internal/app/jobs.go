package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/webhook"
	"github.com/assayhq/assay/internal/wire/api"
)

// newJobs builds the job engine; kinds are registered before it is opened.
func (a *App) newJobs() error {
	cfg := job.Config{PostgresURL: a.cfg.Database, Workers: a.cfg.Workers, Log: a.log, Now: a.now}
	if a.cfg.Database == "" {
		pool, err := sqlstore.OpenQueuePool(filepath.Join(a.cfg.Data, "control.db"))
		if err != nil {
			return err
		}
		cfg.SQLite = pool
	}
	cfg.Changed = func(j job.Job) {
		if !j.Quiet {
			a.events.Publish(api.Change{Workspace: j.Workspace, Kind: "job", ID: j.ID, Op: "updated"})
		}
	}
	cfg.Ended = a.jobEnded
	a.jobs = job.NewEngine(sqlstore.NewJobs(a.control), cfg)
	a.jobs.Register(a.deliveries())
	a.jobs.Register(a.alertDeliveries())
	return nil
}

// deliveryKind names the jobs that carry webhook messages.
const deliveryKind = "webhook.deliver"

// deliveries is the outbox of webhooks: a message is queued in the transaction
// of the change it tells of, and tried for about a day.
func (a *App) deliveries() job.Kind {
	return job.Kind{Name: deliveryKind, Queue: "outbox", Quiet: true, MaxFailures: 16, Timeout: time.Minute,
		Backoff: func(n int) time.Duration { return min(5*time.Second<<min(n-1, 12), 6*time.Hour) },
		Work: func(ctx context.Context, r *job.Run) error {
			var d webhook.Delivery
			if err := r.Input(&d); err != nil {
				return err
			}
			return a.webhooks.Deliver(ctx, d)
		}}
}

// outbox queues webhook messages as jobs.
type outbox struct{ app *App }

func (o outbox) EnqueueDelivery(ctx context.Context, d webhook.Delivery) error {
	ctx = caller.With(ctx, caller.Caller{User: "system", Role: caller.Admin, Workspace: d.Workspace})
	_, err := o.app.jobs.Enqueue(ctx, job.Spec{Kind: deliveryKind, Input: d, Priority: 3})
	return err
}
