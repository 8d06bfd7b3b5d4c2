package job

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
	"github.com/assayhq/assay/internal/page"
)

// Spec is a job to be queued.
type Spec struct {
	Kind     string
	Title    string // "" means the kind's name
	Input    any    // kept as JSON
	Priority int    // 1 (first) to 4; 0 means 2
	// Key makes the call idempotent: while a job of the same workspace, kind
	// and key is active, it is returned instead of a new one.
	Key string
	// After is not before when to start; the zero time is at once.
	After time.Time
	// TTL is how long the job may wait to be started; 0 is for ever.
	TTL     time.Duration
	Total   int64 // units of work, if known; 0 is unknown
	Unit    string
	CostCap int64 // pico-dollars; 0 is none
}

// maxInput bounds a job's input in bytes; larger ones belong into objects.
const maxInput = 1 << 20

// Enqueue queues a job of the caller. Called inside a Write it joins it: the
// job exists if and only if its cause does. Too many waiting is Limited.
func (e *Engine) Enqueue(ctx context.Context, s Spec) (Job, error) {
	kind := e.kinds[s.Kind]
	if kind == nil {
		return Job{}, fault.New(fault.Internal, "job: no kind %q", s.Kind)
	}
	input, err := json.Marshal(s.Input)
	if err != nil {
		return Job{}, fault.Wrap(fault.Internal, "job.Enqueue", err, "the input of the job cannot be encoded")
	}
	if len(input) > maxInput {
		return Job{}, fault.New(fault.TooLarge, "the input of a job may have %d KiB, not %d", maxInput>>10, len(input)>>10)
	}
	now := e.now()
	j := Job{ID: id.Prefixed("j-"), Workspace: caller.Workspace(ctx), Kind: s.Kind, Queue: kind.Queue, Title: s.Title,
		Owner: caller.From(ctx).User, Priority: s.Priority, Quiet: kind.Quiet, Input: input, Key: s.Key,
		Total: s.Total, Unit: s.Unit, Cost: -1, CostCap: s.CostCap, CreatedAt: now.UnixMilli()}
	if j.Title == "" {
		j.Title = s.Kind
	}
	if j.Priority == 0 {
		j.Priority = 2
	}
	if j.Total == 0 {
		j.Total = -1
	}
	if j.CostCap == 0 {
		j.CostCap = -1
	}
	if s.TTL > 0 {
		j.ExpiresAt = now.Add(s.TTL).UnixMilli()
	}
	err = e.store.Write(ctx, func(ctx context.Context) error { return e.insert(ctx, &j, kind, s.After) })
	if err != nil {
		return Job{}, err
	}
	e.cfg.Changed(j)
	return j, nil
}

func (e *Engine) insert(ctx context.Context, j *Job, kind *Kind, after time.Time) error {
	if j.Key != "" {
		same, err := e.store.ActiveByKey(ctx, j.Workspace, j.Kind, j.Key)
		if err == nil {
			*j = same
			return nil
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	waiting, err := e.store.CountJobs(ctx, "", j.Queue, Queued, kind.MaxQueued)
	if err != nil {
		return err
	}
	if waiting >= kind.MaxQueued {
		return fault.New(fault.Limited, "%d jobs wait in queue %q; try again later", waiting, j.Queue)
	}
	if err := e.queue(ctx, j, after); err != nil {
		return err
	}
	return e.store.InsertJob(ctx, *j)
}

// Get returns a job of the caller's workspace.
func (e *Engine) Get(ctx context.Context, jobID string) (Job, error) {
	j, err := e.store.JobByID(ctx, jobID)
	if err == nil && j.Workspace != caller.Workspace(ctx) || fault.Is(err, fault.NotFound) {
		return Job{}, fault.NotFoundf("no job %q", clip(jobID, 100))
	}
	return j, err
}

// List returns a page of the caller's workspace, newest first, and the next
// page's token. States nil selects all; limit is 1 to 1,000.
func (e *Engine) List(ctx context.Context, kind string, only []State, limit int, token string) (jobs []Job, next string, err error) {
	if limit < 1 || limit > 1000 {
		return nil, "", fault.Invalidf("limit must be from 1 to 1000, not %d", limit)
	}
	f := Filter{Workspace: caller.Workspace(ctx), Kind: kind, States: only, Quiet: kind != "", Limit: limit + 1}
	parts := []string{"jobs", f.Workspace, kind}
	for _, s := range only {
		if !slices.Contains(states, s) {
			return nil, "", fault.Invalidf("state %q is not one of queued, running, canceling, succeeded, failed, canceled", s)
		}
		parts = append(parts, string(s))
	}
	q := page.NewQuery(parts...)
	keys, err := page.Decode(token, q, 2)
	if err != nil {
		return nil, "", err
	}
	if keys != nil {
		f.AfterCreated, f.AfterID = keys[0].Int, keys[1].Str
	}
	if jobs, err = e.store.ListJobs(ctx, f); err != nil {
		return nil, "", err
	}
	if len(jobs) > limit {
		jobs = jobs[:limit]
		last := jobs[limit-1]
		next = page.Encode(q, page.IntKey(last.CreatedAt), page.StringKey(last.ID))
	}
	return jobs, next, nil
}

// Active counts the jobs of the caller's workspace that wait or run, up to
// 1,000 of each.
func (e *Engine) Active(ctx context.Context) (int, error) {
	total := 0
	for _, s := range []State{Queued, Running, Canceling} {
		n, err := e.store.CountJobs(ctx, caller.Workspace(ctx), "", s, 1000)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// Events returns a page of a job's log, oldest first.
func (e *Engine) Events(ctx context.Context, jobID string, limit int, token string) (events []Event, next string, err error) {
	if limit < 1 || limit > 1000 {
		return nil, "", fault.Invalidf("limit must be from 1 to 1000, not %d", limit)
	}
	if _, err := e.Get(ctx, jobID); err != nil {
		return nil, "", err
	}
	q := page.NewQuery("job events", jobID)
	keys, err := page.Decode(token, q, 1)
	if err != nil {
		return nil, "", err
	}
	after := int64(0)
	if keys != nil {
		after = keys[0].Int
	}
	if events, err = e.store.ListEvents(ctx, jobID, after, limit+1); err != nil {
		return nil, "", err
	}
	if len(events) > limit {
		events = events[:limit]
		next = page.Encode(q, page.IntKey(events[limit-1].Seq))
	}
	return events, next, nil
}

// Cancel asks a job to stop: one that waits is cancelled at once, one that runs
// as soon as its worker notices. A job that has ended is State.
func (e *Engine) Cancel(ctx context.Context, jobID string) (Job, error) {
	j, err := e.change(ctx, jobID, func(ctx context.Context, j *Job) error {
		switch j.State {
		case Queued:
			j.State, j.EndedAt = Canceled, e.now().UnixMilli()
			if err := e.tickets.remove(ctx, j.Ticket); err != nil {
				return err
			}
			return e.event(ctx, j.ID, Info, "cancelled before it was started")
		case Running:
			j.State = Canceling
			return e.event(ctx, j.ID, Info, "asked to stop")
		case Canceling:
			return nil
		}
		return fault.New(fault.State, "the job has ended already: %s", j.State)
	})
	if err == nil && j.State == Canceling {
		e.interrupt(j.ID)
	}
	return j, err
}

// Retry queues a failed or cancelled job again; it goes on where it stopped.
func (e *Engine) Retry(ctx context.Context, jobID string) (Job, error) {
	return e.change(ctx, jobID, func(ctx context.Context, j *Job) error {
		if !j.CanRetry() {
			return fault.New(fault.State, "only a failed or cancelled job can be run again; this one is %s", j.State)
		}
		if j.Key != "" {
			if _, err := e.store.ActiveByKey(ctx, j.Workspace, j.Kind, j.Key); !fault.Is(err, fault.NotFound) {
				if err == nil {
					err = fault.New(fault.State, "a newer job does the same already")
				}
				return err
			}
		}
		j.Failures, j.Lost, j.Error, j.ExpiresAt = 0, 0, "", 0
		if err := e.queue(ctx, j, time.Time{}); err != nil {
			return err
		}
		return e.event(ctx, j.ID, Info, "queued again")
	})
}

// Redrive queues the failed jobs of a kind again, at most limit, and returns
// how many.
func (e *Engine) Redrive(ctx context.Context, kind string, limit int) (int, error) {
	jobs, err := e.store.ListJobs(ctx, Filter{Workspace: caller.Workspace(ctx), Kind: kind, States: []State{Failed}, Quiet: true, Limit: min(limit, 10_000)})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, j := range jobs {
		switch _, err := e.Retry(ctx, j.ID); {
		case err == nil:
			n++
		case !fault.Is(err, fault.State): // another call was faster
			return n, err
		}
	}
	return n, nil
}

// change reads a job of the caller's workspace and writes what fn makes of it.
func (e *Engine) change(ctx context.Context, jobID string, fn func(ctx context.Context, j *Job) error) (Job, error) {
	var j Job
	err := e.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if j, err = e.Get(ctx, jobID); err != nil {
			return err
		}
		if err := fn(ctx, &j); err != nil {
			return err
		}
		return e.update(ctx, &j, j.Attempt)
	})
	if err == nil {
		e.cfg.Changed(j)
	}
	return j, err
}
