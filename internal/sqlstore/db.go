// Package sqlstore implements the stores that domains declare, over SQLite and
// PostgreSQL, with one SQL text for both.
//
// The rules of this package:
//   - Every change goes through [DB.Write]: short, no network inside,
//     re-runnable. A store method called inside a Write joins it.
//   - Write returns only after the change is on disk.
//   - SQL is written where it runs, with ? placeholders. What differs between
//     the databases is one of the hooks of [Dialect]; nothing else asks which
//     database it is on.
//   - Text columns compare by bytes on both databases.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/assayhq/assay/internal/fault"
)

// DB is one database: a SQLite file or a PostgreSQL database.
type DB struct {
	Dialect *Dialect

	log    *slog.Logger
	reads  *sql.DB       // pool of readers
	writes *sql.DB       // SQLite: exactly one connection, held by the writer
	writer *writer       // SQLite only
	losers chan struct{} // PostgreSQL: who holds it has lost often; see writePostgres

	prepared sync.Map // query text -> *sql.Stmt of reads (SQLite)
	rebound  sync.Map // query text -> query text with the dialect's placeholders
}

// Tx is the transaction a Write runs in. It reaches store methods through the
// context.
type Tx struct {
	db   *DB
	tx   *sql.Tx
	conn *sql.Conn // PostgreSQL: the connection of tx, for [Tx.Conn]
	ctx  context.Context
}

// SQL returns the underlying transaction, for the job engine alone.
func (t *Tx) SQL() *sql.Tx { return t.tx }

// Conn returns the PostgreSQL connection the transaction runs on; nil on SQLite.
func (t *Tx) Conn() *sql.Conn { return t.conn }

type txKey struct{ db *DB }

// TxFrom returns the transaction of db that ctx carries, or nil.
func (db *DB) TxFrom(ctx context.Context) *Tx {
	tx, _ := ctx.Value(txKey{db}).(*Tx)
	return tx
}

// Write runs fn in a transaction and returns after it is durable. fn must be
// short, use only the context it is given, do no network or file access, and
// be safe to run again: on SQLite many fns share one commit, each under its own
// savepoint; on PostgreSQL a serialisation failure runs fn again. A Write
// inside a Write joins the outer one.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context) error) error {
	if db.TxFrom(ctx) != nil {
		return fn(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if db.writer != nil {
		return db.writer.do(ctx, fn)
	}
	return db.writePostgres(ctx, fn)
}

// Exec runs a statement inside the transaction of ctx and returns the number
// of rows it changed. Outside a Write it fails.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tx := db.TxFrom(ctx)
	if tx == nil {
		return 0, errors.New("sqlstore: Exec outside Write: " + query)
	}
	var res sql.Result
	var err error
	if db.writer != nil {
		if st := db.writer.statement(tx, query); st != nil {
			res, err = st.ExecContext(tx.ctx, args...)
		} else {
			res, err = tx.tx.ExecContext(tx.ctx, query, args...)
		}
	} else {
		res, err = tx.tx.ExecContext(tx.ctx, db.rebind(query), args...)
	}
	if err != nil {
		return 0, db.fault(err, query)
	}
	n, err := res.RowsAffected()
	return n, db.fault(err, query)
}

// Query reads rows, from the transaction of ctx if it carries one. The caller
// closes the rows; [Each] does so by itself.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := db.query(ctx, query, args)
	return rows, db.fault(err, query)
}

func (db *DB) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	if tx := db.TxFrom(ctx); tx != nil {
		if db.writer == nil {
			return tx.tx.QueryContext(tx.ctx, db.rebind(query), args...)
		}
		if st := db.writer.statement(tx, query); st != nil {
			return st.QueryContext(tx.ctx, args...)
		}
		return tx.tx.QueryContext(tx.ctx, query, args...)
	}
	if db.writer == nil {
		return db.reads.QueryContext(ctx, db.rebind(query), args...)
	}
	if st := db.readStatement(ctx, query); st != nil {
		return st.QueryContext(ctx, args...)
	}
	return db.reads.QueryContext(ctx, query, args...)
}

// QueryRow reads one row into dest. Without a row it returns a NotFound fault
// that wraps [sql.ErrNoRows].
func (db *DB) QueryRow(ctx context.Context, query string, args []any, dest ...any) error {
	rows, err := db.query(ctx, query, args)
	if err != nil {
		return db.fault(err, query)
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return db.fault(err, query)
		}
		return fault.Wrap(fault.NotFound, "", sql.ErrNoRows, "not found")
	}
	if err := rows.Scan(dest...); err != nil {
		return db.fault(err, query)
	}
	return db.fault(rows.Close(), query)
}

// Each calls fn for every row of the query; fn scans what it needs.
func (db *DB) Each(ctx context.Context, query string, args []any, fn func(scan func(dest ...any) error) error) error {
	rows, err := db.query(ctx, query, args)
	if err != nil {
		return db.fault(err, query)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return db.fault(rows.Err(), query)
}

// maxPrepared bounds the statements kept per database: the filter grammar can
// make any number of distinct texts.
const maxPrepared = 512

func (db *DB) readStatement(ctx context.Context, query string) *sql.Stmt {
	if st, ok := db.prepared.Load(query); ok {
		return st.(*sql.Stmt)
	}
	if db.writer.count.Load() > maxPrepared {
		return nil
	}
	st, err := db.reads.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil // the plain path reports the error
	}
	if old, loaded := db.prepared.LoadOrStore(query, st); loaded {
		st.Close()
		return old.(*sql.Stmt)
	}
	db.writer.count.Add(1)
	return st
}

func (db *DB) rebind(query string) string {
	if q, ok := db.rebound.Load(query); ok {
		return q.(string)
	}
	q := db.Dialect.Rebind(query)
	if len(query) < 4096 {
		db.rebound.Store(query, q)
	}
	return q
}

// Reads returns the pool of readers, for the job engine and backups.
func (db *DB) Reads() *sql.DB { return db.reads }

// Ping checks that the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.reads.PingContext(ctx) }

// Close finishes queued writes and closes the database. It may be called twice.
func (db *DB) Close() error {
	if db.writer != nil {
		db.writer.stop()
	}
	err := db.reads.Close()
	if db.writes != nil {
		err = errors.Join(err, db.writes.Close())
	}
	return err
}

// fault classifies a driver error.
func (db *DB) fault(err error, query string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	kind := db.Dialect.Classify(err)
	return &fault.Error{Kind: kind, Op: "sqlstore", Msg: kindMessage[kind], Err: fmt.Errorf("%w [%s]", err, clip(query))}
}

var kindMessage = map[fault.Kind]string{
	fault.Exists:      "it exists already",
	fault.Conflict:    "a concurrent change won; try again",
	fault.Unavailable: "the database is busy; try again",
	fault.Invalid:     "a value does not fit its column",
	fault.Internal:    "the database failed",
}

func clip(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}
