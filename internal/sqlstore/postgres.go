package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/assayhq/assay/internal/fault"
)

// OpenPostgres connects to the database that url names (postgres://…).
func OpenPostgres(ctx context.Context, url string, log *slog.Logger) (*DB, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		// The parser's error may repeat the password.
		return nil, fault.New(fault.Invalid, "the PostgreSQL address is not a valid postgres:// URL")
	}
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(24)
	pool.SetMaxIdleConns(12)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := pool.PingContext(ctx); err != nil {
		pool.Close()
		return nil, fault.Wrap(fault.Unavailable, "sqlstore.OpenPostgres", err, "PostgreSQL at %s does not answer", cfg.Host)
	}
	return &DB{Dialect: postgresDialect, log: log, reads: pool, losers: make(chan struct{}, 1)}, nil
}

// attempts is how often a write that loses a serialisation conflict is run.
// After queueAfter losses, the losers of this process go one at a time, so that
// a crowd cannot defeat itself for ever.
const (
	attempts   = 20
	queueAfter = 4
)

func (db *DB) writePostgres(ctx context.Context, fn func(context.Context) error) error {
	var err error
	for i := range attempts {
		if i == queueAfter {
			select {
			case db.losers <- struct{}{}:
				defer func() { <-db.losers }()
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if i > 0 {
			// Full jitter: the losers of one conflict must not meet again.
			limit := time.Millisecond << min(i, 8)
			select {
			case <-time.After(rand.N(limit) + time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		err = db.tryPostgres(ctx, fn)
		if !serialisation(err) {
			return err
		}
	}
	return fault.Wrap(fault.Unavailable, "sqlstore.Write", err, "the database is busy; try again")
}

func (db *DB) tryPostgres(ctx context.Context, fn func(context.Context) error) (err error) {
	conn, err := db.reads.Conn(ctx)
	if err != nil {
		return db.fault(err, "CONNECT")
	}
	defer conn.Close()
	// The transaction outlives the caller's patience: half a write is never
	// wanted, and a commit whose outcome nobody read is worse.
	bg := context.WithoutCancel(ctx)
	tx, err := conn.BeginTx(bg, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		return db.fault(err, "BEGIN")
	}
	defer tx.Rollback() // no-op after Commit
	t := &Tx{db: db, tx: tx, conn: conn, ctx: bg}
	if err := fn(context.WithValue(bg, txKey{db}, t)); err != nil {
		return err
	}
	return db.fault(tx.Commit(), "COMMIT")
}

// serialisation reports whether err is a lost race that a second run may win.
// A table or schema that exists already is one: only migrations make them, and
// one that waited for another node's looked for what was done before it waited.
func serialisation(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "40001", "40P01", "42P06", "42P07":
			return true
		}
	}
	return false
}

// classifyPostgres maps SQLSTATE codes.
func classifyPostgres(err error) fault.Kind {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
			return fault.Unavailable
		}
		return fault.Internal
	}
	switch {
	case e.Code == "23505":
		return fault.Exists
	case e.Code == "40001" || e.Code == "40P01":
		return fault.Conflict
	case e.Code[:2] == "08" || e.Code[:2] == "53" || e.Code[:2] == "57":
		return fault.Unavailable
	case e.Code == "2201B" || e.Code == "22001" || e.Code == "22003" || e.Code == "22021":
		return fault.Invalid // bad regular expression, too long, out of range, bad encoding
	}
	return fault.Internal
}
