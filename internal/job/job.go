// Package job is the life of long work: queued with its cause, run by a worker,
// watched, cancelled, resumed after a crash, finished together with its result.
//
// The table of jobs is ours and is what users see; River moves tickets. A
// ticket is one River job that stands for one attempt at one of ours. It is
// inserted in the transaction that queues the job and completed in the
// transaction that ends the attempt; a ticket that no longer belongs to its job
// (the job was retried, reclaimed or cancelled meanwhile) is worth nothing, so
// River's own recovery can never run an attempt twice.
//
// Every write of a running job goes through [Run.Write], which checks that the
// attempt is still the job's newest: a worker that was given up for dead cannot
// write once another has taken over.
//
// This package is the only importer of River.
package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

// State of a job.
type State string

// States. Queued, Running and Canceling are active; the others are ends.
const (
	Queued    State = "queued"
	Running   State = "running"
	Canceling State = "canceling" // asked to stop; still running
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Canceled  State = "canceled"
)

// Active reports whether s is no end.
func (s State) Active() bool { return s == Queued || s == Running || s == Canceling }

var states = []State{Queued, Running, Canceling, Succeeded, Failed, Canceled}

// Job is one piece of long work. Times are unix milliseconds, 0 for not yet;
// costs are pico-dollars, -1 for unknown.
type Job struct {
	ID        string // j-…
	Workspace string
	Kind      string
	Queue     string
	Title     string // what users call it
	Owner     string // user who asked for it
	State     State
	Priority  int  // 1 (first) to 4
	Quiet     bool // not listed unless asked for by kind: deliveries, upkeep
	Input     json.RawMessage
	Key       string // idempotency key within workspace and kind, "" for none

	Attempt  int // number of the newest attempt; the fencing token
	Failures int // attempts that failed by themselves
	Lost     int // attempts whose process died

	Done  int64
	Total int64   // -1 is unknown
	Unit  string  // what Done counts, as "rows"
	Rate  float64 // units a second, lately; 0 is unknown

	Cost    int64
	CostCap int64 // the job stops when Cost reaches it; -1 is none

	Error      string // why the newest attempt failed, for users
	Result     Result
	Output     json.RawMessage // what the job returned, if anything
	Checkpoint json.RawMessage // where the next attempt goes on

	CreatedAt   int64
	ScheduledAt int64 // not before
	StartedAt   int64 // of the newest attempt
	EndedAt     int64
	ExpiresAt   int64 // a job not started by then fails; 0 is never

	Ticket int64  // River's id of the newest ticket
	Node   string // process of the newest attempt
}

// Result says where what a job made is found.
type Result struct {
	Label string
	Path  string // of the user interface
}

// ETA is how long the rest takes at the present rate; ok is false when nobody
// can say.
func (j *Job) ETA() (left time.Duration, ok bool) {
	if j.State != Running || j.Total < 0 || j.Rate <= 0 || j.Done > j.Total {
		return 0, false
	}
	seconds := float64(j.Total-j.Done) / j.Rate
	if seconds > 1e8 {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// CanCancel and CanRetry say what may be asked of j.
func (j *Job) CanCancel() bool { return j.State == Queued || j.State == Running }

// CanRetry reports whether j ended short of success.
func (j *Job) CanRetry() bool { return j.State == Failed || j.State == Canceled }

// Levels of events.
const (
	Info    = "info"
	Warning = "warning"
	Error   = "error"
)

// Event is a line of a job's log.
type Event struct {
	Seq     int64
	Time    int64 // unix milliseconds
	Level   string
	Message string
}

// Filter selects jobs; zero fields select all.
type Filter struct {
	Workspace string
	States    []State
	Kind      string
	Quiet     bool // also quiet kinds
	// After is the last job of the page before, in the order newest first.
	AfterCreated int64
	AfterID      string
	Limit        int
}

// Store keeps jobs and their events. A job that does not exist is NotFound.
type Store interface {
	// Write is the one way to change anything; see sqlstore.DB.Write.
	Write(ctx context.Context, fn func(ctx context.Context) error) error
	// Tx returns the transaction of the Write that ctx is in; conn is its
	// PostgreSQL connection, nil on SQLite.
	Tx(ctx context.Context) (tx *sql.Tx, conn *sql.Conn)

	InsertJob(ctx context.Context, j Job) error
	JobByID(ctx context.Context, id string) (Job, error)
	// ActiveByKey finds the active job with an idempotency key.
	ActiveByKey(ctx context.Context, workspace, kind, key string) (Job, error)
	// UpdateJob writes everything that changes of j, if the newest attempt is
	// still number attempt; otherwise it returns false.
	UpdateJob(ctx context.Context, j Job, attempt int) (bool, error)
	// ListJobs returns jobs newest first.
	ListJobs(ctx context.Context, f Filter) ([]Job, error)
	// CountJobs counts jobs of a queue ("" for all) and workspace ("" for all)
	// in a state, up to limit.
	CountJobs(ctx context.Context, workspace, queue string, state State, limit int) (int, error)
	// RunningJobs returns the jobs that are running or cancelling; of one node,
	// or of all with "".
	RunningJobs(ctx context.Context, node string) ([]Job, error)
	// SweepJobs removes quiet jobs that succeeded before a time, at most limit.
	SweepJobs(ctx context.Context, endedBefore int64, limit int) (int64, error)

	AppendEvent(ctx context.Context, jobID string, e Event) error
	// ListEvents returns events with a greater Seq, oldest first.
	ListEvents(ctx context.Context, jobID string, after int64, limit int) ([]Event, error)

	// HoldNode makes this process known as alive for as long as it lives or
	// until release is called, and returns its name.
	HoldNode(ctx context.Context) (node string, release func(), err error)
	// NodeAlive reports whether the process of that name lives. It is asked
	// inside a Write.
	NodeAlive(ctx context.Context, node string) (bool, error)
}

// Kind is a sort of job: its name, its rules and the function that does it.
type Kind struct {
	Name  string // noun.verb, as "webhook.deliver"
	Queue string // "" means "default"
	Quiet bool
	// MaxFailures is how many attempts may fail before the job does; 0 means 3.
	MaxFailures int
	// Backoff is the pause after the n-th failure; nil doubles from a second to
	// ten minutes.
	Backoff func(failures int) time.Duration
	// Timeout bounds one attempt; 0 is none.
	Timeout time.Duration
	// MaxQueued bounds how many jobs may wait in the kind's queue; 0 means
	// 10,000. Beyond it Enqueue fails with Limited.
	MaxQueued int

	// Work does the job. It returns nil when done (having called [Run.Finish]
	// or not), and stops soon when ctx ends. An error of kind Internal,
	// Unavailable, Limited or Conflict is tried again; any other is final.
	Work func(ctx context.Context, r *Run) error
}

func (k *Kind) withDefaults() {
	if k.Queue == "" {
		k.Queue = "default"
	}
	if k.MaxFailures == 0 {
		k.MaxFailures = 3
	}
	if k.MaxQueued == 0 {
		k.MaxQueued = 10_000
	}
	if k.Backoff == nil {
		k.Backoff = func(n int) time.Duration { return min(time.Second<<min(n-1, 20), 10*time.Minute) }
	}
}

// retryable reports whether another attempt may end better.
func retryable(err error) bool {
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable, fault.Limited, fault.Conflict, fault.Canceled:
		return true
	}
	return false
}
