package sqlstore

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

var _ tracing.Store = (*Traces)(nil)

// Traces implements [tracing.Store]. On SQLite it is a directory:
//
//	traces.db                   headers, labels, assessments
//	partitions/<yyyymmdd>/      the spans of traces first seen that day
//	    spans.db                one narrow row per span
//	    payload.pack            what spans hold, see traceframe.go
//	    text.db                 full text; made again if it is lost
//
// On PostgreSQL all of it is tables, a schema per day.
//
// One goroutine takes in spans and headers for everyone: what waits while a
// commit goes to disk shares the next. Payload is synced, then spans are
// committed, then headers, then the senders are answered; opening a partition
// mends what a crash left between these steps, none of which was acknowledged.
type Traces struct {
	index *DB
	dir   string // "" on PostgreSQL
	log   *slog.Logger
	now   func() time.Time

	queue   chan *intake
	waiting atomic.Int64 // bytes of payload in the queue
	stored  atomic.Int64 // spans, since the start
	refused atomic.Int64 // likewise
	quit    chan struct{}
	ended   chan struct{} // the queue is worked off
	stopped sync.WaitGroup
	once    sync.Once

	cache  *blockCache
	labels *labelIDs
	shapes *shapes // the ingest goroutine's
	codec  *codec  // the ingest goroutine's

	mu         sync.Mutex
	partitions map[int]*partition // open ones
	removed    map[int]bool
	workspaces map[string]int64
	settled    map[int]bool // days whose leftover files this process has looked for
	gone       []trace.ID   // deleted since the ingest goroutine last looked

	upkeep  sync.Mutex   // held by what rewrites rows or files of a day
	outside sync.RWMutex // held while others than the ingest goroutine write to a day
	files   atomic.Int64

	textWake chan struct{}
	text     textState

	rolling chan struct{}            // holds one token: who has it sums up
	rolled  map[minuteMark]time.Time // under the token: not to be summed up again before
	watch   TraceWatch
}

// TracesConfig tunes [OpenTraces]. The zero value is right for a server.
type TracesConfig struct {
	Now func() time.Time // time.Now
	// IdleClose is how long a partition nobody uses stays open; 0 means two minutes.
	IdleClose time.Duration
	// NoText leaves full text alone; for tools that only read or write spans.
	NoText bool
	// NoRollup leaves summing up for monitoring to another process.
	NoRollup bool
	TraceWatch
}

// TraceWatch says which traces are marked by a tag. Zero values mark none.
type TraceWatch struct {
	StallAfter time.Duration // an open trace not heard of for so long is stalled
	LoopAfter  int           // a tool called so often with the same input is a loop
}

// OpenTraces opens or creates the trace store in dir.
func OpenTraces(ctx context.Context, dir string, log *slog.Logger, cfg TracesConfig) (*Traces, error) {
	if err := os.MkdirAll(filepath.Join(dir, "partitions"), 0o700); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "sqlstore.OpenTraces", err, "cannot create %s", dir)
	}
	index, err := OpenSQLite(ctx, filepath.Join(dir, "traces.db"), log, SQLiteConfig{})
	if err != nil {
		return nil, err
	}
	st, err := startTraces(ctx, index, dir, log, cfg)
	if err != nil {
		return nil, errors.Join(err, index.Close())
	}
	return st, nil
}

// OpenTracesOn opens the trace store that is kept in db, a PostgreSQL
// database, which stays the caller's to close.
func OpenTracesOn(ctx context.Context, db *DB, log *slog.Logger, cfg TracesConfig) (*Traces, error) {
	return startTraces(ctx, db, "", log, cfg)
}

func startTraces(ctx context.Context, index *DB, dir string, log *slog.Logger, cfg TracesConfig) (*Traces, error) {
	if _, err := index.Migrate(ctx, "traces"); err != nil {
		return nil, err
	}
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.IdleClose == 0 {
		cfg.IdleClose = 2 * time.Minute
	}
	st := &Traces{
		index: index, dir: dir, log: log, now: cfg.Now,
		queue: make(chan *intake, 1024), quit: make(chan struct{}), ended: make(chan struct{}),
		cache: newBlockCache(), labels: newLabelIDs(), shapes: newShapes(), codec: codec,
		partitions: map[int]*partition{}, removed: map[int]bool{}, settled: map[int]bool{}, workspaces: map[string]int64{},
		textWake: make(chan struct{}, 1), rolling: make(chan struct{}, 1), rolled: map[minuteMark]time.Time{}, watch: cfg.TraceWatch,
	}
	st.rolling <- struct{}{}
	if err := st.load(ctx); err != nil {
		return nil, err
	}
	st.stopped.Go(st.ingest)
	st.stopped.Go(func() { st.sweep(cfg.IdleClose) })
	if !cfg.NoText {
		st.stopped.Go(st.indexText)
	}
	if !cfg.NoRollup {
		st.stopped.Go(st.rollup)
	}
	return st, nil
}

// load reads what the store remembers of partitions and workspaces.
func (st *Traces) load(ctx context.Context) error {
	err := st.index.Each(ctx, `SELECT day FROM trace_partition WHERE removed_ms IS NOT NULL`, nil, func(scan func(...any) error) error {
		var day int
		err := scan(&day)
		st.removed[day] = true
		return err
	})
	if err != nil {
		return err
	}
	for day := range st.removed { // a removal that a crash cut short
		if err := st.erase(ctx, day); err != nil {
			return err
		}
	}
	return st.index.Each(ctx, `SELECT n, name FROM trace_workspace`, nil, func(scan func(...any) error) error {
		var n int64
		var name string
		err := scan(&n, &name)
		st.workspaces[name] = n
		return err
	})
}

// Close finishes queued writes and closes every file. It may be called twice.
func (st *Traces) Close() error {
	var err error
	st.once.Do(func() {
		close(st.quit)
		st.stopped.Wait()
		st.mu.Lock()
		open := slices.Collect(maps.Values(st.partitions))
		st.partitions = map[int]*partition{}
		st.mu.Unlock()
		for _, p := range open {
			err = errors.Join(err, p.close())
		}
		if st.dir != "" {
			err = errors.Join(err, st.index.Close())
		}
	})
	return err
}

// Index is the database of the headers, for backups.
func (st *Traces) Index() *DB { return st.index }

// workspace returns the number of a workspace: 0, which no row has, if it
// holds no trace yet.
func (st *Traces) workspace(name string) int64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.workspaces[name]
}

// ensureWorkspace is workspace for a writer.
func (st *Traces) ensureWorkspace(ctx context.Context, name string) (int64, error) {
	if n := st.workspace(name); n != 0 {
		return n, nil
	}
	var n int64
	err := st.index.Write(ctx, func(ctx context.Context) error {
		if _, err := st.index.Exec(ctx, `INSERT INTO trace_workspace (name) VALUES (?) ON CONFLICT (name) DO NOTHING`, name); err != nil {
			return err
		}
		return st.index.QueryRow(ctx, `SELECT n FROM trace_workspace WHERE name = ?`, []any{name}, &n)
	})
	if err != nil {
		return 0, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.workspaces[name] = n
	return n, nil
}

// dayOf is the partition of a trace first seen at t.
func dayOf(t time.Time) int {
	y, m, d := t.UTC().Date()
	return y*10000 + int(m)*100 + d
}

func (st *Traces) partitionDir(day int) string {
	return filepath.Join(st.dir, "partitions", strconv.Itoa(day))
}

// sweep closes partitions that nobody uses.
func (st *Traces) sweep(idle time.Duration) {
	tick := time.NewTicker(idle / 4)
	defer tick.Stop()
	for {
		select {
		case <-st.quit:
			return
		case <-tick.C:
			st.closeIdle(idle)
		}
	}
}

// maxOpen is how many partitions stay open beyond their use.
const maxOpen = 32

func (st *Traces) closeIdle(idle time.Duration) {
	st.mu.Lock()
	var victims []*partition
	cut := time.Now().Add(-idle)
	for day, p := range st.partitions {
		if p.users == 0 && p.used.Before(cut) {
			victims = append(victims, p)
			delete(st.partitions, day)
		}
	}
	st.mu.Unlock()
	for _, p := range victims {
		if err := p.close(); err != nil {
			st.log.Warn("closing a trace partition", "day", p.day, "error", err)
		}
	}
}

// workspaceOf is the number of the caller's workspace; see [Traces.workspace].
func (st *Traces) workspaceOf(ctx context.Context) int64 { return st.workspace(caller.Workspace(ctx)) }
