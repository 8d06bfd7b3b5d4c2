package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

// Snapshot copies the SQLite database at src, which a server may be writing to,
// into the new file dst: one consistent state of it, compacted.
func Snapshot(ctx context.Context, src, dst string) error {
	db, err := sql.Open("sqlite", SQLiteDSN(src))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", dst)
	return fault.Wrap(fault.Unavailable, "sqlstore.Snapshot", err, "the database %s could not be copied", src)
}

// Check reads the whole SQLite database at path and reports damage as State.
func Check(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", SQLiteDSN(path)+"&_pragma=query_only(on)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return fault.Wrap(fault.State, "sqlstore.Check", err, "%s is not a readable database", path)
	}
	if verdict != "ok" {
		return fault.New(fault.State, "%s is damaged: %s", path, verdict)
	}
	var steps int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM schema_migration").Scan(&steps); err != nil || steps == 0 {
		return fault.New(fault.State, "%s is not a database of Assay", path)
	}
	return nil
}

// Truncate empties the write-ahead log of a SQLite database, in which older
// states of pages stay until they are written over. Readers may keep it from
// finishing; it tries for a while.
func (db *DB) Truncate(ctx context.Context) error {
	if db.writes == nil {
		return nil
	}
	for range 50 {
		var busy, pages, moved int
		if err := db.writes.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved); err != nil {
			return db.fault(err, "wal_checkpoint")
		}
		if busy == 0 {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fault.New(fault.Unavailable, "readers keep the log of the database in use")
}
