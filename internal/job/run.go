package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// Run is one attempt at a job, as its worker sees it. It may be used by several
// goroutines.
type Run struct {
	Job Job // as it was when the attempt began

	engine *Engine
	kind   *Kind
	ticket *river.Job[ticket]
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	progress progress
	finished bool
	flushed  time.Time
}

// progress is what a worker reports between two writes.
type progress struct {
	done, total int64
	unit        string
	rate        float64
	cost        int64

	measured   int64 // done when the rate was last measured
	measuredAt time.Time
}

var (
	errCanceled = errors.New("job: cancelled")
	errCostCap  = fault.New(fault.State, "the job reached its cost cap")
)

// Input decodes the job's input into v.
func (r *Run) Input(v any) error { return decode(r.Job.Input, v, "input") }

// Resume decodes the newest checkpoint into v; without one it reports false.
func (r *Run) Resume(v any) (bool, error) {
	if len(r.Job.Checkpoint) == 0 {
		return false, nil
	}
	return true, decode(r.Job.Checkpoint, v, "checkpoint")
}

func decode(data json.RawMessage, v any, what string) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fault.Wrap(fault.Invalid, "job", err, "the %s of the job cannot be read", what)
	}
	return nil
}

// Write runs fn in a transaction, if this attempt is still the newest. What a
// job stores goes through it.
func (r *Run) Write(ctx context.Context, fn func(ctx context.Context) error) error {
	return r.engine.store.Write(ctx, func(ctx context.Context) error {
		if _, err := r.current(ctx); err != nil {
			return err
		}
		return fn(ctx)
	})
}

// current reads the job inside a Write and checks the fence.
func (r *Run) current(ctx context.Context) (Job, error) {
	j, err := r.engine.store.JobByID(ctx, r.Job.ID)
	if err != nil {
		return j, err
	}
	if j.Attempt != r.Job.Attempt || j.State != Running && j.State != Canceling {
		return j, errLost
	}
	return j, nil
}

// Checkpoint keeps v as the place where a next attempt goes on, in the
// transaction of fn (nil for none), which stores what was done up to there.
func (r *Run) Checkpoint(ctx context.Context, v any, fn func(ctx context.Context) error) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fault.Wrap(fault.Internal, "job.Checkpoint", err, "the checkpoint cannot be encoded")
	}
	return r.engine.store.Write(ctx, func(ctx context.Context) error {
		j, err := r.current(ctx)
		if err != nil {
			return err
		}
		if fn != nil {
			if err := fn(ctx); err != nil {
				return err
			}
		}
		j.Checkpoint = data
		r.fill(&j)
		return r.engine.update(ctx, &j, r.Job.Attempt)
	})
}

// flushEvery is how often reported progress becomes durable and visible.
const flushEvery = 500 * time.Millisecond

// Progress reports that done of total units are done; total -1 is unknown. It
// is cheap: most calls only remember.
func (r *Run) Progress(ctx context.Context, done, total int64, unit string) {
	now := r.engine.now()
	r.mu.Lock()
	p := &r.progress
	p.done, p.total, p.unit = done, total, unit
	if span := now.Sub(p.measuredAt).Seconds(); p.measuredAt.IsZero() {
		p.measuredAt, p.measured = now, done
	} else if span >= 0.2 && done > p.measured {
		rate := float64(done-p.measured) / span
		if p.rate == 0 {
			p.rate = rate
		}
		p.rate += 0.3 * (rate - p.rate) // lately, but not only the last moment
		p.measuredAt, p.measured = now, done
	}
	due := now.Sub(r.flushed) >= flushEvery
	if due {
		r.flushed = now
	}
	r.mu.Unlock()
	if due {
		r.flush(ctx)
	}
}

// Spend adds to the job's cost, in pico-dollars. When the cap is reached it
// returns a State fault, with which the worker should end.
func (r *Run) Spend(pico int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.cost = max(r.progress.cost, 0) + pico
	if r.Job.CostCap >= 0 && r.progress.cost >= r.Job.CostCap {
		return errCostCap
	}
	return nil
}

// fill copies the reported progress into j.
func (r *Run) fill(j *Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.progress
	j.Done, j.Total, j.Unit, j.Rate, j.Cost = p.done, p.total, p.unit, p.rate, p.cost
}

// flush makes the progress durable. It fails quietly: the work matters more.
func (r *Run) flush(ctx context.Context) {
	var now Job
	err := r.engine.store.Write(ctx, func(ctx context.Context) error {
		j, err := r.current(ctx)
		if err != nil {
			return err
		}
		r.fill(&j)
		now = j
		return r.engine.update(ctx, &j, r.Job.Attempt)
	})
	switch {
	case fault.Is(err, fault.Conflict):
		r.cancel(errLost)
	case err != nil:
		if !fault.Is(err, fault.Canceled) {
			r.engine.log.Warn("job progress not kept", "job", r.Job.ID, "error", err)
		}
	default:
		if now.State == Canceling {
			r.cancel(errCanceled)
		}
		r.engine.cfg.Changed(now)
	}
}

// Event adds a line to the job's log.
func (r *Run) Event(ctx context.Context, level, format string, args ...any) error {
	return r.Write(ctx, func(ctx context.Context) error {
		return r.engine.event(ctx, r.Job.ID, level, fmt.Sprintf(format, args...))
	})
}

// Finish ends the job with success, in the transaction in which fn (nil for
// none) stores the result. output is kept as JSON; nil is none. Work returns
// after it.
func (r *Run) Finish(ctx context.Context, result Result, output any, fn func(ctx context.Context) error) error {
	var data json.RawMessage
	if output != nil {
		var err error
		if data, err = json.Marshal(output); err != nil {
			return fault.Wrap(fault.Internal, "job.Finish", err, "the result of the job cannot be encoded")
		}
	}
	return r.end(ctx, func(ctx context.Context, j *Job) error {
		if fn != nil {
			if err := fn(ctx); err != nil {
				return err
			}
		}
		j.State, j.EndedAt, j.Error = Succeeded, r.engine.now().UnixMilli(), ""
		j.Result, j.Output, j.Checkpoint = result, data, nil
		if j.Total >= 0 {
			j.Done = max(j.Done, j.Total)
		}
		return nil
	})
}

// end writes the end of the attempt and completes its ticket with it.
func (r *Run) end(ctx context.Context, change func(ctx context.Context, j *Job) error) error {
	var now Job
	err := r.engine.store.Write(ctx, func(ctx context.Context) error {
		j, err := r.current(ctx)
		if err != nil {
			return err
		}
		r.fill(&j)
		if err := change(ctx, &j); err != nil {
			return err
		}
		now = j
		if err := r.engine.update(ctx, &j, r.Job.Attempt); err != nil {
			return err
		}
		return r.engine.tickets.complete(ctx, r.ticket)
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.finished = true
	r.mu.Unlock()
	r.engine.cfg.Changed(now)
	return nil
}

// work is what River calls with a ticket.
func (e *Engine) work(ctx context.Context, t *river.Job[ticket]) error {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	r, err := e.claim(ctx, t)
	if err != nil || r == nil {
		return err
	}
	runCtx := caller.With(ctx, caller.Caller{User: r.Job.Owner, Role: caller.Admin, Workspace: r.Job.Workspace})
	if r.kind.Timeout > 0 {
		var stop context.CancelFunc
		runCtx, stop = context.WithTimeoutCause(runCtx, r.kind.Timeout,
			fault.New(fault.Unavailable, "the attempt took longer than %s", r.kind.Timeout))
		defer stop()
	}
	runCtx, r.cancel = context.WithCancelCause(runCtx)
	defer r.cancel(nil)
	e.mu.Lock()
	e.running[r.Job.ID] = r
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.running, r.Job.ID)
		e.mu.Unlock()
	}()
	err = e.protect(runCtx, r)
	return e.settle(context.WithoutCancel(ctx), r, err, context.Cause(runCtx))
}

// claim begins an attempt with a ticket; nil if the ticket is worth nothing.
func (e *Engine) claim(ctx context.Context, t *river.Job[ticket]) (*Run, error) {
	var r *Run
	var changed *Job
	err := e.store.Write(ctx, func(ctx context.Context) error {
		r, changed = nil, nil
		j, err := e.store.JobByID(ctx, t.Args.JobID)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil || j.Ticket != t.ID || j.State != Queued {
			return err
		}
		now := e.now().UnixMilli()
		kind := e.kinds[j.Kind]
		switch {
		case j.ExpiresAt != 0 && j.ExpiresAt <= now:
			j.State, j.EndedAt, j.Error = Failed, now, "the job waited longer than it was worth"
		case kind == nil:
			j.State, j.EndedAt, j.Error = Failed, now, fmt.Sprintf("this server does not know jobs of kind %q", j.Kind)
		default:
			j.Attempt++
			j.State, j.StartedAt, j.EndedAt, j.Node = Running, now, 0, e.node
			if err := e.update(ctx, &j, j.Attempt-1); err != nil {
				return err
			}
			r = &Run{Job: j, engine: e, kind: kind, ticket: t, progress: progress{done: j.Done, total: j.Total, unit: j.Unit, cost: j.Cost}}
			changed = &j
			return nil
		}
		changed = &j
		if err := e.event(ctx, j.ID, Error, j.Error); err != nil {
			return err
		}
		return e.update(ctx, &j, j.Attempt)
	})
	if err == nil && changed != nil {
		e.cfg.Changed(*changed)
	}
	return r, err
}

// protect runs the kind's work and turns a panic into an error.
func (e *Engine) protect(ctx context.Context, r *Run) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e.log.Error("panic in a job", "job", r.Job.ID, "kind", r.Job.Kind, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "panic in a job: %v", p)
		}
	}()
	return r.kind.Work(ctx, r)
}

// settle ends an attempt whose work has returned err; cause is why its context
// ended, if it did.
func (e *Engine) settle(ctx context.Context, r *Run, err, cause error) error {
	r.mu.Lock()
	finished := r.finished
	r.mu.Unlock()
	switch {
	case finished:
		return nil
	case errors.Is(err, errLost) || errors.Is(cause, errLost):
		return nil
	case err == nil:
		err = r.Finish(ctx, Result{}, nil, nil)
	case e.isStopping() && fault.Is(err, fault.Canceled):
		err = r.end(ctx, func(ctx context.Context, j *Job) error { return e.queue(ctx, j, time.Time{}) })
	case errors.Is(cause, errCanceled):
		err = r.end(ctx, func(ctx context.Context, j *Job) error {
			j.State, j.EndedAt = Canceled, e.now().UnixMilli()
			return e.event(ctx, j.ID, Info, "cancelled")
		})
	default:
		if cause != nil && fault.Is(err, fault.Canceled) {
			err = cause // the timeout says more than "context canceled"
		}
		err = r.end(ctx, func(ctx context.Context, j *Job) error { return e.fail(ctx, r.kind, j, err) })
	}
	if errors.Is(err, errLost) {
		return nil
	}
	return err
}

// retryLater is implemented by errors of others who say when to come back.
type retryLater interface {
	error
	RetryAfter() time.Duration
}

// maxPause bounds how long others may make a job wait.
const maxPause = 6 * time.Hour

// fail counts a failure and queues the job again or ends it.
func (e *Engine) fail(ctx context.Context, kind *Kind, j *Job, cause error) error {
	if fault.Is(cause, fault.Internal) {
		e.log.Error("job failed", "job", j.ID, "kind", j.Kind, "attempt", j.Attempt, "error", cause)
	}
	j.Failures++
	j.Error = clip(fault.Message(cause), maxMessage)
	if j.State == Canceling {
		j.State, j.EndedAt = Canceled, e.now().UnixMilli()
		return e.event(ctx, j.ID, Info, "cancelled")
	}
	if !retryable(cause) || j.Failures >= kind.MaxFailures {
		j.State, j.EndedAt = Failed, e.now().UnixMilli()
		return e.event(ctx, j.ID, Error, j.Error)
	}
	pause := kind.Backoff(j.Failures)
	if later, ok := errors.AsType[retryLater](cause); ok {
		pause = min(max(pause, later.RetryAfter()), maxPause)
	}
	if err := e.event(ctx, j.ID, Warning, fmt.Sprintf("attempt %d failed, next in %s: %s", j.Attempt, pause, j.Error)); err != nil {
		return err
	}
	return e.queue(ctx, j, e.now().Add(pause))
}
