package app

import (
	"context"
	"time"

	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/sqlstore"
)

// gaugeTimeout bounds what one gauge may take when metrics are read.
const gaugeTimeout = 2 * time.Second

// maxCounted is where gauges of jobs stop counting.
const maxCounted = 100_000

// openGauges adds the numbers that only the domains know.
func (a *App) openGauges() {
	ask := func(value func(ctx context.Context) (float64, error)) func() float64 {
		return func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), gaugeTimeout)
			defer cancel()
			v, err := value(ctx)
			if err != nil {
				a.log.Warn("a gauge could not be read", "error", err)
			}
			return v
		}
	}
	jobs := sqlstore.NewJobs(a.control)
	for name, state := range map[string]job.State{"queued": job.Queued, "running": job.Running} {
		a.metrics.Gauge("assay_jobs_"+name, "Jobs that are "+name+", deliveries included.", ask(func(ctx context.Context) (float64, error) {
			n, err := jobs.CountJobs(ctx, "", "", state, maxCounted)
			return float64(n), err
		}))
	}
	a.metrics.Gauge("assay_text_lag_seconds", "Age of the oldest span that full-text search does not find yet.", ask(func(ctx context.Context) (float64, error) {
		age, _ := a.tracing.TextLag(ctx)
		return age.Seconds(), nil
	}))
	a.metrics.Gauge("assay_text_lag_bytes", "Payload that full-text search does not find yet.", ask(func(ctx context.Context) (float64, error) {
		_, bytes := a.tracing.TextLag(ctx)
		return float64(bytes), nil
	}))
}
