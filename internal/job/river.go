package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/assayhq/assay/internal/fault"
)

// ticket is all that River knows of a job.
type ticket struct {
	JobID string `json:"job"`
}

// Kind names River's sort of job; there is one.
func (ticket) Kind() string { return "assay" }

// tickets is River over one database. The methods that take part in a Write
// must be called inside it.
type tickets interface {
	insert(ctx context.Context, jobID, queue string, priority int, at time.Time) (int64, error)
	complete(ctx context.Context, t *river.Job[ticket]) error
	remove(ctx context.Context, id int64) error
	// taken calls fn with each ticket that a process has taken, outside a Write.
	taken(ctx context.Context, fn func(id int64, jobID, node string) error) error
	migrate(ctx context.Context) error
	start(ctx context.Context) error
	stop(ctx context.Context) error
}

// riverOver implements tickets for the transaction type of a driver.
type riverOver[TTx any] struct {
	client   *river.Client[TTx]
	driver   riverdriver.Driver[TTx]
	log      *slog.Logger
	inTx     func(ctx context.Context, fn func(tx TTx) error) error
	done     func(ctx context.Context, tx TTx, t *river.Job[ticket]) error
	started  bool
	shutdown func()
}

func (o *riverOver[TTx]) insert(ctx context.Context, jobID, queue string, priority int, at time.Time) (id int64, err error) {
	err = o.inTx(ctx, func(tx TTx) error {
		res, err := o.client.InsertTx(ctx, tx, ticket{jobID}, &river.InsertOpts{Queue: queue, Priority: priority, ScheduledAt: at})
		if err != nil {
			return err
		}
		id = res.Job.ID
		return nil
	})
	return id, err
}

func (o *riverOver[TTx]) complete(ctx context.Context, t *river.Job[ticket]) error {
	return o.inTx(ctx, func(tx TTx) error { return o.done(ctx, tx, t) })
}

// remove deletes a ticket in any state but that of one being run here, which
// its worker completes.
func (o *riverOver[TTx]) remove(ctx context.Context, id int64) error {
	return o.inTx(ctx, func(tx TTx) error {
		return o.driver.UnwrapExecutor(tx).Exec(ctx, deleteTicket(o.driver), id)
	})
}

func (o *riverOver[TTx]) taken(ctx context.Context, fn func(id int64, jobID, node string) error) error {
	params := river.NewJobListParams().States(rivertype.JobStateRunning).OrderBy(river.JobListOrderByID, river.SortOrderAsc).First(1000)
	for {
		page, err := o.client.JobList(ctx, params)
		if err != nil {
			return err
		}
		for _, row := range page.Jobs {
			var t ticket
			if json.Unmarshal(row.EncodedArgs, &t) != nil || len(row.AttemptedBy) == 0 {
				continue
			}
			if err := fn(row.ID, t.JobID, row.AttemptedBy[len(row.AttemptedBy)-1]); err != nil {
				return err
			}
		}
		if len(page.Jobs) < 1000 {
			return nil
		}
		params = params.After(page.LastCursor)
	}
}

func deleteTicket[TTx any](d riverdriver.Driver[TTx]) string {
	if d.ArgPlaceholder() == "$" {
		return "DELETE FROM river_job WHERE id = $1"
	}
	return "DELETE FROM river_job WHERE id = ?"
}

func (o *riverOver[TTx]) migrate(ctx context.Context) error {
	m, err := rivermigrate.New(o.driver, &rivermigrate.Config{Logger: o.log})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

func (o *riverOver[TTx]) start(ctx context.Context) error {
	if err := o.client.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	o.started = true
	return nil
}

func (o *riverOver[TTx]) stop(ctx context.Context) error {
	var err error
	if o.started {
		err = o.client.StopAndCancel(ctx)
		o.started = false
	}
	if o.shutdown != nil {
		o.shutdown()
		o.shutdown = nil
	}
	return err
}

// fetchCooldown keeps River from taking the writing connection too often; other
// writes then keep their latency.
const fetchCooldown = 100 * time.Millisecond

// forever is longer than any job runs: River must never take a running ticket
// for stuck. Tickets of dead processes are worthless anyway.
const forever = 10 * 365 * 24 * time.Hour

func riverConfig(log *slog.Logger, node string, queues map[string]int, work func(context.Context, *river.Job[ticket]) error) *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(work))
	cfg := &river.Config{
		ID: node, Logger: log, Workers: workers, FetchCooldown: fetchCooldown, JobTimeout: -1, RescueStuckJobsAfter: forever,
		CompletedJobRetentionPeriod: time.Hour, CancelledJobRetentionPeriod: time.Hour, DiscardedJobRetentionPeriod: 24 * time.Hour,
		Queues: map[string]river.QueueConfig{},
	}
	for name, n := range queues {
		cfg.Queues[name] = river.QueueConfig{MaxWorkers: n}
	}
	return cfg
}

// sqliteTickets is River over the SQLite database that pool opens with its one
// connection.
func sqliteTickets(store Store, pool *sql.DB, cfg *river.Config) (tickets, error) {
	driver := riversqlite.New(pool)
	client, err := river.NewClient(driver, cfg)
	if err != nil {
		return nil, err
	}
	return &riverOver[*sql.Tx]{
		client: client, driver: driver, log: cfg.Logger, shutdown: func() { pool.Close() },
		inTx: func(ctx context.Context, fn func(*sql.Tx) error) error {
			tx, _ := store.Tx(ctx)
			if tx == nil {
				return fault.New(fault.Internal, "job: outside Write")
			}
			return fn(tx)
		},
		done: func(ctx context.Context, tx *sql.Tx, t *river.Job[ticket]) error {
			_, err := river.JobCompleteTx[*riversqlite.Driver](ctx, tx, t)
			return err
		},
	}, nil
}

// postgresTickets is River over PostgreSQL, with a small pool of its own.
func postgresTickets(ctx context.Context, store Store, url string, cfg *river.Config) (tickets, error) {
	poolConfig, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the PostgreSQL address is not a valid postgres:// URL")
	}
	poolConfig.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(ctx, poolConfig)
	if err != nil {
		return nil, err
	}
	driver := riverpgxv5.New(pool)
	client, err := river.NewClient(driver, cfg)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &riverOver[pgx.Tx]{
		client: client, driver: driver, log: cfg.Logger, shutdown: pool.Close,
		inTx: func(ctx context.Context, fn func(pgx.Tx) error) error {
			_, conn := store.Tx(ctx)
			if conn == nil {
				return fault.New(fault.Internal, "job: outside Write")
			}
			return conn.Raw(func(raw any) error { return fn(openTx{raw.(*stdlib.Conn).Conn()}) })
		},
		done: func(ctx context.Context, tx pgx.Tx, t *river.Job[ticket]) error {
			_, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, t)
			return err
		},
	}, nil
}

// openTx is the transaction that a connection is already in. Whoever began it
// ends it: Commit and Rollback do nothing.
type openTx struct{ conn *pgx.Conn }

func (t openTx) Begin(ctx context.Context) (pgx.Tx, error) {
	return nil, fault.New(fault.Internal, "job: a transaction inside a Write")
}
func (t openTx) Commit(context.Context) error   { return nil }
func (t openTx) Rollback(context.Context) error { return nil }
func (t openTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return t.conn.CopyFrom(ctx, table, columns, src)
}
func (t openTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return t.conn.SendBatch(ctx, b)
}
func (t openTx) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }
func (t openTx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return t.conn.Prepare(ctx, name, sql)
}
func (t openTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return t.conn.Exec(ctx, sql, args...)
}
func (t openTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return t.conn.Query(ctx, sql, args...)
}
func (t openTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return t.conn.QueryRow(ctx, sql, args...)
}
func (t openTx) Conn() *pgx.Conn { return t.conn }
