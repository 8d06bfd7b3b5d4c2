package job

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

// Config of an [Engine]. Exactly one of SQLite and PostgresURL is set.
type Config struct {
	// SQLite is a pool of one connection on the database the store writes to,
	// for River alone. The engine closes it.
	SQLite      *sql.DB
	PostgresURL string

	// Workers bounds the jobs that run at a time; 0 means 8. Each queue gets as
	// many, but for those named in QueueWorkers.
	Workers      int
	QueueWorkers map[string]int

	Log *slog.Logger
	Now func() time.Time // nil means time.Now

	// Changed is told of every durable change of a job; it must not block.
	Changed func(j Job)

	// Ended is called in the Write that ends a job, and joins it; nil is
	// nobody.
	Ended func(ctx context.Context, j Job) error
}

// Engine queues jobs and runs them. Register the kinds, then Start; without
// Start it only queues.
type Engine struct {
	store Store
	cfg   Config
	log   *slog.Logger
	now   func() time.Time
	kinds map[string]*Kind
	slots chan struct{} // one per job that may run

	tickets tickets
	node    string
	release func()

	mu       sync.Mutex
	running  map[string]*Run
	stopping bool
	loop     sync.WaitGroup
	quit     chan struct{}
}

// maxWorkers is where more workers only make other writes wait.
const maxWorkers = 32

// NewEngine returns an engine over store. Open it before use.
func NewEngine(store Store, cfg Config) *Engine {
	if cfg.Workers == 0 {
		cfg.Workers = 8
	}
	cfg.Workers = min(cfg.Workers, maxWorkers)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Changed == nil {
		cfg.Changed = func(Job) {}
	}
	return &Engine{store: store, cfg: cfg, log: cfg.Log, now: cfg.Now, kinds: map[string]*Kind{},
		slots: make(chan struct{}, cfg.Workers), running: map[string]*Run{}, quit: make(chan struct{})}
}

// Register adds a kind. It must be called before Open; a second kind of the
// same name is a defect and panics.
func (e *Engine) Register(k Kind) {
	if _, twice := e.kinds[k.Name]; twice || k.Name == "" || k.Work == nil {
		panic(fmt.Sprintf("job: kind %q is registered twice or incomplete", k.Name))
	}
	k.withDefaults()
	e.kinds[k.Name] = &k
}

// Open brings River's tables to their newest form. From then on jobs can be
// queued.
func (e *Engine) Open(ctx context.Context) error {
	queues := map[string]int{"default": e.cfg.Workers}
	for _, k := range e.kinds {
		queues[k.Queue] = e.cfg.Workers
	}
	for name, n := range e.cfg.QueueWorkers {
		queues[name] = min(n, e.cfg.Workers)
	}
	var err error
	if e.node, e.release, err = e.store.HoldNode(ctx); err != nil {
		return err
	}
	cfg := riverConfig(slog.New(quiet{e.log.Handler()}), e.node, queues, e.work)
	if e.cfg.SQLite != nil {
		e.tickets, err = sqliteTickets(e.store, e.cfg.SQLite, cfg)
	} else {
		e.tickets, err = postgresTickets(ctx, e.store, e.cfg.PostgresURL, cfg)
	}
	if err != nil {
		return fault.Wrap(fault.Internal, "job.Open", err, "the job queue could not be opened")
	}
	return fault.Wrap(fault.Internal, "job.Open", e.tickets.migrate(ctx), "the job queue's tables could not be made")
}

// Start reclaims the jobs of dead processes and runs what is queued.
func (e *Engine) Start(ctx context.Context) error {
	if err := e.Reclaim(ctx); err != nil {
		return err
	}
	if err := e.tickets.start(ctx); err != nil {
		return fault.Wrap(fault.Internal, "job.Start", err, "the job queue could not be started")
	}
	e.loop.Go(e.watch)
	return nil
}

// Stop asks running jobs to stop, puts them back into the queue, and closes the
// engine. It may be called twice.
func (e *Engine) Stop(ctx context.Context) error {
	e.mu.Lock()
	if e.stopping {
		e.mu.Unlock()
		return nil
	}
	e.stopping = true
	e.mu.Unlock()
	close(e.quit)
	e.loop.Wait()
	var err error
	if e.tickets != nil {
		err = e.tickets.stop(ctx)
	}
	if e.release != nil {
		e.release()
	}
	return err
}

func (e *Engine) isStopping() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stopping
}

// Rhythm of the watch.
const (
	watchEvery   = time.Second
	reclaimEvery = 10 * time.Second
	sweepEvery   = time.Hour
	quietKept    = 7 * 24 * time.Hour
)

// watch ends runs that were cancelled elsewhere, takes over from processes that
// died, and sweeps old quiet jobs.
func (e *Engine) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var reclaimed, swept time.Time
	for {
		select {
		case <-e.quit:
			return
		case <-tick.C:
		}
		ctx := context.Background()
		if err := e.heedCancels(ctx); err != nil {
			e.log.Warn("looking for cancelled jobs", "error", err)
		}
		now := time.Now()
		if now.Sub(reclaimed) >= reclaimEvery {
			reclaimed = now
			if err := e.Reclaim(ctx); err != nil {
				e.log.Warn("reclaiming jobs", "error", err)
			}
		}
		if now.Sub(swept) >= sweepEvery {
			swept = now
			if err := e.sweep(ctx); err != nil {
				e.log.Warn("sweeping jobs", "error", err)
			}
		}
	}
}

func (e *Engine) heedCancels(ctx context.Context) error {
	e.mu.Lock()
	idle := len(e.running) == 0
	e.mu.Unlock()
	if idle {
		return nil
	}
	jobs, err := e.store.RunningJobs(ctx, e.node)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.State == Canceling {
			e.interrupt(j.ID)
		}
	}
	return nil
}

// interrupt ends the context of a job that runs here.
func (e *Engine) interrupt(id string) {
	e.mu.Lock()
	r := e.running[id]
	e.mu.Unlock()
	if r != nil {
		r.cancel(errCanceled)
	}
}

func (e *Engine) sweep(ctx context.Context) error {
	before := e.now().Add(-quietKept).UnixMilli()
	for {
		var n int64
		err := e.store.Write(ctx, func(ctx context.Context) error {
			var err error
			n, err = e.store.SweepJobs(ctx, before, 500)
			return err
		})
		if err != nil || n < 500 {
			return err
		}
	}
}

// maxLost is how many attempts may be lost with their process before the job
// is taken for what kills it.
const maxLost = 10

// Reclaim queues again the jobs whose process is dead. It is safe to call at
// any time.
func (e *Engine) Reclaim(ctx context.Context) error {
	jobs, err := e.store.RunningJobs(ctx, "")
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.Node == e.node {
			continue
		}
		var now *Job
		err := e.store.Write(ctx, func(ctx context.Context) error {
			now = nil
			alive, err := e.store.NodeAlive(ctx, j.Node)
			if err != nil || alive {
				return err
			}
			fresh, err := e.store.JobByID(ctx, j.ID)
			if err != nil || fresh.Attempt != j.Attempt || fresh.State != Running && fresh.State != Canceling {
				return err
			}
			now = &fresh
			return e.takeBack(ctx, now)
		})
		if err != nil {
			return err
		}
		if now != nil {
			e.log.Info("job reclaimed from a dead process", "job", now.ID, "kind", now.Kind, "state", now.State)
			e.cfg.Changed(*now)
		}
	}
	return e.replaceTickets(ctx)
}

// replaceTickets gives a new ticket to each job whose ticket a process took and
// then died with before it began an attempt: such a job still waits, and River
// would hold its ticket for taken.
func (e *Engine) replaceTickets(ctx context.Context) error {
	return e.tickets.taken(ctx, func(ticket int64, jobID, node string) error {
		if node == e.node {
			return nil
		}
		return e.store.Write(ctx, func(ctx context.Context) error {
			alive, err := e.store.NodeAlive(ctx, node)
			if err != nil || alive {
				return err
			}
			j, err := e.store.JobByID(ctx, jobID)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if err == nil && j.Ticket == ticket && j.State == Queued {
				if err := e.queue(ctx, &j, time.Time{}); err != nil {
					return err
				}
				if err := e.update(ctx, &j, j.Attempt); err != nil {
					return err
				}
			}
			return e.tickets.remove(ctx, ticket)
		})
	})
}

// takeBack ends an attempt that was lost with its process.
func (e *Engine) takeBack(ctx context.Context, j *Job) error {
	old := j.Ticket
	j.Lost++
	level, message := Warning, "the process that ran this job died"
	switch {
	case j.State == Canceling:
		j.State, j.EndedAt = Canceled, e.now().UnixMilli()
	case j.Lost >= maxLost:
		j.State, j.EndedAt = Failed, e.now().UnixMilli()
		j.Error = fmt.Sprintf("%d processes died while they ran this job", j.Lost)
		level, message = Error, j.Error
	default:
		if err := e.queue(ctx, j, time.Time{}); err != nil {
			return err
		}
		message += "; it goes on from its last checkpoint"
	}
	if err := e.update(ctx, j, j.Attempt); err != nil {
		return err
	}
	if err := e.tickets.remove(ctx, old); err != nil {
		return err
	}
	return e.event(ctx, j.ID, level, message)
}

// queue puts j into the queue with a new ticket; the caller updates the row.
func (e *Engine) queue(ctx context.Context, j *Job, at time.Time) error {
	j.State, j.EndedAt, j.Node = Queued, 0, ""
	j.ScheduledAt = max(at.UnixMilli(), 0)
	id, err := e.tickets.insert(ctx, j.ID, j.Queue, j.Priority, at)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), "job.queue", err, "the job could not be queued")
	}
	j.Ticket = id
	return nil
}

// errLost says that another attempt has taken over.
var errLost = fault.New(fault.Conflict, "this attempt at the job has been replaced by another")

func (e *Engine) update(ctx context.Context, j *Job, attempt int) error {
	ok, err := e.store.UpdateJob(ctx, *j, attempt)
	if err == nil && !ok {
		err = errLost
	}
	if err == nil && !j.State.Active() && e.cfg.Ended != nil {
		err = e.cfg.Ended(ctx, *j)
	}
	return err
}

func (e *Engine) event(ctx context.Context, jobID, level, message string) error {
	return e.store.AppendEvent(ctx, jobID, Event{Time: e.now().UnixMilli(), Level: level, Message: clip(message, maxMessage)})
}

// maxMessage bounds an event and an error in bytes.
const maxMessage = 4000

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

// quiet passes on River's warnings and errors only.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }
