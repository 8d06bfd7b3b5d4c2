// Package storetest holds the suites that every store passes on every
// database. A store's own test is one line:
//
//	func TestTracking(t *testing.T) { storetest.OnEach(t, storetest.Tracking) }
package storetest

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/assayhq/assay/internal/id"
	"github.com/assayhq/assay/internal/sqlstore"
)

// PostgresVariable names the environment variable with the postgres:// URL of
// a scratch server, in which tests make and drop databases of their own.
const PostgresVariable = "ASSAY_TEST_POSTGRES"

// Open returns a fresh, migrated control database that lives as long as t.
type Open func(t testing.TB) *sqlstore.DB

// OnEach runs suite on SQLite, and on PostgreSQL where a server is given.
func OnEach(t *testing.T, suite func(t *testing.T, open Open)) {
	t.Run("sqlite", func(t *testing.T) { suite(t, SQLite) })
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv(PostgresVariable) == "" {
			t.Skip(PostgresVariable + " is not set")
		}
		suite(t, Postgres)
	})
}

// SQLite opens a database in a directory of t's own.
func SQLite(t testing.TB) *sqlstore.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.db")
	db, err := sqlstore.OpenSQLite(t.Context(), path, slog.New(slog.DiscardHandler), sqlstore.SQLiteConfig{})
	return ready(t, db, err)
}

// Postgres makes a database on the scratch server and drops it when t ends.
func Postgres(t testing.TB) *sqlstore.DB {
	t.Helper()
	server, err := url.Parse(os.Getenv(PostgresVariable))
	if err != nil {
		t.Fatalf("%s is not a URL", PostgresVariable)
	}
	log := slog.New(slog.DiscardHandler)
	admin, err := sqlstore.OpenPostgres(t.Context(), server.String(), log)
	if err != nil {
		t.Fatal(err)
	}
	name := "assay_" + id.Hex()
	if _, err := admin.Reads().ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Reads().ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop %s: %v", name, err)
		}
		admin.Close()
	})
	own := *server
	own.Path = "/" + name
	db, err := sqlstore.OpenPostgres(t.Context(), own.String(), log)
	return ready(t, db, err)
}

func ready(t testing.TB, db *sqlstore.DB, err error) *sqlstore.DB {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context(), "control"); err != nil {
		t.Fatal(err)
	}
	return db
}
