package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/job"
)

type jobs struct{ engine *job.Engine }

// ServeJobs adds long work.
func (s *Server) ServeJobs(engine *job.Engine) {
	j := jobs{engine}
	const base = "/w/{ws}/jobs"
	s.add(
		route{method: "GET", path: base, need: caller.Read, call: j.list},
		route{method: "GET", path: base + "/{job_id}", need: caller.Read, call: j.get},
		route{method: "GET", path: base + "/{job_id}/events", need: caller.Read, call: j.events},
		route{method: "POST", path: base + "/{job_id}/cancel", need: caller.Write, call: j.cancel},
		route{method: "POST", path: base + "/{job_id}/retry", need: caller.Write, call: j.retry},
	)
}

type jobResult struct {
	Label string `json:"label"`
	Path  string `json:"path"`
}

type jobRow struct {
	JobID     string     `json:"job_id"`
	Kind      string     `json:"kind"`
	Title     string     `json:"title"`
	State     string     `json:"state"`
	Owner     string     `json:"owner"`
	Done      int64      `json:"done"`
	Total     *int64     `json:"total"`
	Unit      string     `json:"unit"`
	Rate      *float64   `json:"rate"`
	ETAMS     *int64     `json:"eta_ms"`
	Attempt   int        `json:"attempt"`
	Cost      *float64   `json:"cost"`
	CostCap   *float64   `json:"cost_cap"`
	Error     *string    `json:"error"`
	Result    *jobResult `json:"result"`
	CreatedMS int64      `json:"created_ms"`
	StartedMS *int64     `json:"started_ms"`
	EndedMS   *int64     `json:"ended_ms"`
	CanCancel bool       `json:"can_cancel"`
	CanRetry  bool       `json:"can_retry"`
}

// JobOf is a job in the contract's shape.
func JobOf(j job.Job) any { return jobOf(j) }

func jobOf(j job.Job) jobRow {
	row := jobRow{JobID: j.ID, Kind: j.Kind, Title: j.Title, State: string(j.State), Owner: j.Owner, Done: j.Done, Total: count(j.Total),
		Unit: j.Unit, Rate: nullable(j.Rate), Attempt: j.Attempt, Cost: dollars(j.Cost), CostCap: dollars(j.CostCap), Error: nullable(j.Error),
		CreatedMS: j.CreatedAt, StartedMS: nullable(j.StartedAt), EndedMS: nullable(j.EndedAt), CanCancel: j.CanCancel(), CanRetry: j.CanRetry()}
	if eta, ok := j.ETA(); ok {
		ms := eta.Milliseconds()
		row.ETAMS = &ms
	}
	if j.Result.Path != "" {
		row.Result = &jobResult{j.Result.Label, j.Result.Path}
	}
	return row
}

var jobStates = []job.State{job.Queued, job.Running, job.Canceling, job.Succeeded, job.Failed, job.Canceled}

func (x jobs) list(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	var only []job.State
	for _, s := range q["state"] {
		if !slices.Contains(jobStates, job.State(s)) {
			return nil, fault.Invalidf("state %q is not one of queued, running, canceling, succeeded, failed, canceled", clip(s))
		}
		only = append(only, job.State(s))
	}
	found, next, err := x.engine.List(ctx, q.Get("kind"), only, n, q.Get("page_token"))
	if err != nil {
		return nil, err
	}
	out := []jobRow{}
	for _, j := range found {
		out = append(out, jobOf(j))
	}
	active, err := x.engine.Active(ctx)
	return map[string]any{"jobs": out, "active": active, "next_page_token": nullable(next)}, err
}

func (x jobs) get(ctx context.Context, r *http.Request) (any, error) {
	j, err := x.engine.Get(ctx, r.PathValue("job_id"))
	return jobOf(j), err
}

func (x jobs) events(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	found, next, err := x.engine.Events(ctx, r.PathValue("job_id"), n, r.URL.Query().Get("page_token"))
	if err != nil {
		return nil, err
	}
	type line struct {
		Seq     int64  `json:"seq"`
		TimeMS  int64  `json:"time_ms"`
		Level   string `json:"level"`
		Message string `json:"message"`
	}
	out := []line{}
	for _, e := range found {
		out = append(out, line{e.Seq, e.Time, e.Level, e.Message})
	}
	return map[string]any{"events": out, "next_page_token": nullable(next)}, nil
}

func (x jobs) cancel(ctx context.Context, r *http.Request) (any, error) {
	j, err := x.engine.Cancel(ctx, r.PathValue("job_id"))
	return jobOf(j), err
}

func (x jobs) retry(ctx context.Context, r *http.Request) (any, error) {
	j, err := x.engine.Retry(ctx, r.PathValue("job_id"))
	return jobOf(j), err
}

// attention lists what the first page shows: jobs that wait or run, and those
// that failed since from.
func (x jobs) attention(ctx context.Context, from int64) ([]any, error) {
	found, _, err := x.engine.List(ctx, "", []job.State{job.Queued, job.Running, job.Canceling, job.Failed}, 4*recent, "")
	out := []any{}
	for _, j := range found {
		if len(out) < recent && (j.State != job.Failed || j.EndedAt >= from) {
			out = append(out, jobOf(j))
		}
	}
	return out, err
}
