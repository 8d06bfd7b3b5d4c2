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
	for name, state := range map[string]job.State{"queued": job.Queued, "running": job.Running, "failed": job.Failed} {
		a.metrics.Gauge("assay_jobs_"+name, "Jobs that are "+name+", deliveries included.", ask(func(ctx context.Context) (float64, error) {
			n, err := jobs.CountJobs(ctx, "", "", state, maxCounted)
			return float64(n), err
		}))
	}
	a.metrics.Gauge("assay_text_lag_seconds", "Age of the oldest span that full-text search does not find yet.", ask(func(ctx context.Context) (float64, error) {
		age, _ := a.tracing.TextLag(ctx)
		return age.Seconds(), nil
	}))
	a.metrics.Gauge("assay_rollup_lag_seconds", "Age of the oldest change that monitoring does not show yet.", ask(func(ctx context.Context) (float64, error) {
		age, _, err := a.tracing.RollupLag(ctx)
		return age.Seconds(), err
	}))
	a.metrics.Gauge("assay_rollup_waiting", "Changes that monitoring does not show yet.", ask(func(ctx context.Context) (float64, error) {
		_, waiting, err := a.tracing.RollupLag(ctx)
		return float64(waiting), err
	}))
	a.metrics.CounterFunc("assay_spans_stored_total", "Spans stored since the start.", func() float64 { return float64(a.traces.Intake().Stored) })
	a.metrics.CounterFunc("assay_spans_rejected_total", "Spans refused since the start: their day was removed, or their trace is another workspace's.", func() float64 { return float64(a.traces.Intake().Rejected) })
	a.metrics.Gauge("assay_intake_waiting", "Requests with spans or headers that wait for their commit.", func() float64 { return float64(a.traces.Intake().Waiting) })
	a.metrics.Gauge("assay_intake_waiting_bytes", "Payload of the requests that wait.", func() float64 { return float64(a.traces.Intake().WaitingBytes) })
	a.metrics.Gauge("assay_trace_partitions_open", "Days of traces whose files are open.", func() float64 { return float64(a.traces.Intake().Partitions) })
	a.metrics.Gauge("assay_text_lag_bytes", "Payload that full-text search does not find yet.", ask(func(ctx context.Context) (float64, error) {
		_, bytes := a.tracing.TextLag(ctx)
		return float64(bytes), nil
	}))
}
