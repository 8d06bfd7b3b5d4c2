package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sqlite "modernc.org/sqlite"

	"github.com/assayhq/assay/internal/fault"
)

// pragmas of every connection, in one place.
//
//	journal_mode wal      readers never wait for the writer
//	synchronous full      a commit returns after the log is on disk
//	busy_timeout          River's own connection waits for ours and back
//	foreign_keys on       deletes cascade as declared
//	cache_size            negative: KiB per connection
//	mmap_size 0           an I/O error must be an error, not a signal
//	case_sensitive_like   LIKE is exact, as on PostgreSQL; ILIKE folds
//	temp_store memory     sorts do not touch the data directory
//	secure_delete on      what is deleted is written over, not only forgotten
const pragmas = "_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)" +
	"&_pragma=foreign_keys(on)&_pragma=cache_size(-8192)&_pragma=temp_store(memory)" +
	"&_pragma=case_sensitive_like(on)&_pragma=journal_size_limit(67108864)&_pragma=secure_delete(on)"

// SQLiteConfig tunes [OpenSQLite]. The zero value is right for control.db.
type SQLiteConfig struct {
	Readers int // reading connections; 0 means twice the processors, at least 4
	// MaxBatch is how many writes may share a commit; 0 means 512.
	MaxBatch int
	// Pragmas is appended to the connections' own, as "&_pragma=name(value)".
	Pragmas string
}

// OpenSQLite opens or creates the database file at path, with its directory.
func OpenSQLite(ctx context.Context, path string, log *slog.Logger, cfg SQLiteConfig) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "sqlstore.OpenSQLite", err, "cannot create the directory of %s", path)
	}
	registerFunctions()
	if cfg.Readers == 0 {
		cfg.Readers = max(4, 2*runtime.GOMAXPROCS(0))
	}
	if cfg.MaxBatch == 0 {
		cfg.MaxBatch = 512
	}
	dsn := SQLiteDSN(path) + cfg.Pragmas
	writes, err := sql.Open("sqlite", dsn+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	writes.SetMaxOpenConns(1)
	if err := writes.PingContext(ctx); err != nil {
		writes.Close()
		return nil, fault.Wrap(fault.Unavailable, "sqlstore.OpenSQLite", err, "cannot open %s", path)
	}
	reads, err := sql.Open("sqlite", dsn+"&_pragma=query_only(on)")
	if err != nil {
		writes.Close()
		return nil, err
	}
	reads.SetMaxOpenConns(cfg.Readers)
	reads.SetMaxIdleConns(cfg.Readers)
	reads.SetConnMaxIdleTime(time.Minute) // idle page caches go back
	db := &DB{Dialect: sqliteDialect, log: log, reads: reads, writes: writes}
	db.writer = newWriter(db, cfg.MaxBatch)
	return db, nil
}

// SQLiteDSN returns the data source name for path with this package's pragmas.
func SQLiteDSN(path string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	return u.String() + "?" + pragmas
}

// request is one queued Write.
type request struct {
	ctx  context.Context
	fn   func(context.Context) error
	done chan error
}

// writer owns the writing connection of a SQLite database. Writes queued while
// a commit waits for the disk share the next one: group commit.
type writer struct {
	db       *DB
	maxBatch int
	queue    chan request
	quit     chan struct{}
	stopped  chan struct{}
	once     sync.Once

	statements map[string]*sql.Stmt // writer goroutine only
	wanted     []string             // texts to prepare once the connection is free
	count      atomic.Int64         // prepared statements, readers included
}

func newWriter(db *DB, maxBatch int) *writer {
	w := &writer{db: db, maxBatch: maxBatch, queue: make(chan request, 1024),
		quit: make(chan struct{}), stopped: make(chan struct{}), statements: map[string]*sql.Stmt{}}
	go w.run()
	return w
}

func (w *writer) do(ctx context.Context, fn func(context.Context) error) error {
	r := request{ctx: ctx, fn: fn, done: make(chan error, 1)}
	select {
	case w.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.quit:
		return fault.New(fault.Unavailable, "the server is shutting down")
	}
	// Once queued the outcome is awaited even if the caller gives up: the
	// caller must learn whether its write happened.
	select {
	case err := <-r.done:
		return err
	case <-w.stopped:
		select {
		case err := <-r.done:
			return err
		default:
			return fault.New(fault.Unavailable, "the server is shutting down")
		}
	}
}

func (w *writer) stop() {
	w.once.Do(func() { close(w.quit) })
	<-w.stopped
}

func (w *writer) run() {
	defer close(w.stopped)
	for {
		select {
		case r := <-w.queue:
			w.batch(r)
		case <-w.quit:
			for {
				select {
				case r := <-w.queue:
					w.batch(r)
				default:
					return
				}
			}
		}
	}
}

// batchTime bounds how long a shared transaction stays open.
const batchTime = 20 * time.Millisecond

// batch runs first and whatever else is queued in one transaction, commits,
// and only then answers.
func (w *writer) batch(first request) {
	type outcome struct {
		r   request
		err error
	}
	bg := context.Background()
	tx, err := w.db.writes.BeginTx(bg, nil)
	if err != nil {
		first.done <- w.db.fault(err, "BEGIN")
		return
	}
	started := time.Now()
	var outcomes []outcome
	next, more := first, true
	for more {
		if err := next.ctx.Err(); err != nil {
			outcomes = append(outcomes, outcome{next, err})
		} else if len(outcomes) == 0 {
			// The first needs no savepoint, whose journal costs a large write
			// dearly: if it fails there is nothing else in the transaction yet.
			if err := w.call(tx, next); err != nil {
				if e := tx.Rollback(); e != nil {
					w.db.log.Error("rollback", "error", e)
				}
				next.done <- err
				w.prepareWanted()
				return
			}
			outcomes = append(outcomes, outcome{next, nil})
		} else {
			outcomes = append(outcomes, outcome{next, w.one(tx, next)})
		}
		more = false
		if len(outcomes) < w.maxBatch && time.Since(started) < batchTime {
			select {
			case next = <-w.queue:
				more = true
			default:
			}
		}
	}
	err = tx.Commit()
	if err != nil {
		tx.Rollback()
		err = w.db.fault(err, "COMMIT")
		w.db.log.Error("commit failed", "error", err, "writes", len(outcomes))
	}
	for _, o := range outcomes {
		if o.err == nil {
			o.err = err
		}
		o.r.done <- o.err
	}
	w.prepareWanted()
}

// one runs a request under its own savepoint.
func (w *writer) one(tx *sql.Tx, r request) error {
	t := &Tx{db: w.db, tx: tx, ctx: context.Background()}
	if err := w.control(t, "SAVEPOINT w"); err != nil {
		return err
	}
	err := w.call(tx, r)
	if err != nil {
		if e := w.control(t, "ROLLBACK TO w"); e != nil {
			w.db.log.Error("rollback to savepoint", "error", e)
		}
	}
	if e := w.control(t, "RELEASE w"); e != nil && err == nil {
		err = e
	}
	return err
}

// call runs a request in tx; a panic in it is an error.
func (w *writer) call(tx *sql.Tx, r request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			buf := make([]byte, 8192)
			w.db.log.Error("panic in Write", "panic", fmt.Sprint(p), "stack", string(buf[:runtime.Stack(buf, false)]))
			err = fault.New(fault.Internal, "panic in a write: %v", p)
		}
	}()
	// Values of the caller's context are kept, its cancellation is not: half a
	// write is never wanted.
	t := &Tx{db: w.db, tx: tx, ctx: context.Background()}
	return r.fn(context.WithValue(context.WithoutCancel(r.ctx), txKey{w.db}, t))
}

func (w *writer) control(t *Tx, query string) error {
	var err error
	if st := w.statement(t, query); st != nil {
		_, err = st.ExecContext(t.ctx)
	} else {
		_, err = t.tx.ExecContext(t.ctx, query)
	}
	return w.db.fault(err, query)
}

// statement returns the prepared form of query bound to t, or nil if there is
// none yet: the pool's only connection belongs to the transaction, so a text is
// prepared after the commit that first used it.
func (w *writer) statement(t *Tx, query string) *sql.Stmt {
	if st, ok := w.statements[query]; ok {
		if st == nil {
			return nil
		}
		return t.tx.StmtContext(t.ctx, st)
	}
	if w.count.Load() < maxPrepared {
		w.statements[query] = nil
		w.wanted = append(w.wanted, query)
	}
	return nil
}

func (w *writer) prepareWanted() {
	for _, q := range w.wanted {
		st, err := w.db.writes.PrepareContext(context.Background(), q)
		if err != nil {
			delete(w.statements, q) // a table made later; ask again
			continue
		}
		w.statements[q] = st
		w.count.Add(1)
	}
	w.wanted = w.wanted[:0]
}

var registerOnce sync.Once

// patterns caches compiled regular expressions of the regexp function.
var patterns sync.Map

// registerFunctions gives every SQLite connection a regexp(pattern, text)
// function, so that "text REGEXP pattern" works with RE2 syntax.
func registerFunctions() {
	registerOnce.Do(func() {
		sqlite.MustRegisterDeterministicScalarFunction("regexp", 2, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			pattern, _ := args[0].(string)
			text, ok := args[1].(string)
			if !ok {
				return nil, nil
			}
			re, ok := patterns.Load(pattern)
			if !ok {
				compiled, err := regexp.Compile(pattern)
				if err != nil {
					return nil, err
				}
				patterns.Clear() // a handful at most are in use at a time
				patterns.Store(pattern, compiled)
				re = compiled
			}
			return re.(*regexp.Regexp).MatchString(text), nil
		})
	})
}

// classifySQLite maps SQLite's result codes.
func classifySQLite(err error) fault.Kind {
	e, ok := err.(*sqlite.Error)
	if !ok {
		if strings.Contains(err.Error(), "SQLITE_BUSY") || strings.Contains(err.Error(), "database is locked") {
			return fault.Unavailable
		}
		return fault.Internal
	}
	switch code := e.Code(); {
	case code == 2067 || code == 1555 || code == 2579: // UNIQUE, PRIMARYKEY, ROWID
		return fault.Exists
	case code&0xff == 5 || code&0xff == 6: // BUSY, LOCKED
		return fault.Unavailable
	case code&0xff == 18: // TOOBIG
		return fault.Invalid
	case code&0xff == 13: // FULL
		return fault.Unavailable
	}
	return fault.Internal
}
