package storetest

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/assayhq/assay/internal/id"
	"github.com/assayhq/assay/internal/sqlstore"
)

func TestAccounts(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { Accounts(t, scratchSQLite) })
	t.Run("postgres", func(t *testing.T) { Accounts(t, scratchPostgres) })
}

func scratchSQLite(t *testing.T) *sqlstore.DB {
	t.Helper()
	return openSQLite(t, filepath.Join(t.TempDir(), "control.db"))
}

func openSQLite(t *testing.T, path string) *sqlstore.DB {
	t.Helper()
	db, err := sqlstore.OpenSQLite(t.Context(), path, slog.New(slog.DiscardHandler), sqlstore.SQLiteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return migrated(t, db)
}

// scratchPostgres makes a database of its own on the server that the
// environment names.
func scratchPostgres(t *testing.T) *sqlstore.DB {
	t.Helper()
	db, _ := openPostgres(t)
	return db
}

func openPostgres(t *testing.T) (*sqlstore.DB, string) {
	t.Helper()
	server := os.Getenv("ASSAY_TEST_POSTGRES")
	if server == "" {
		t.Skip("ASSAY_TEST_POSTGRES names no scratch server")
	}
	admin, err := sqlstore.OpenPostgres(t.Context(), server, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	name := "t" + id.Hex()
	if _, err := admin.Reads().ExecContext(t.Context(), fmt.Sprintf("CREATE DATABASE %s", name)); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	db, err := sqlstore.OpenPostgres(t.Context(), u.String(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return migrated(t, db), u.String()
}

func migrated(t *testing.T, db *sqlstore.DB) *sqlstore.DB {
	t.Helper()
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context(), "control"); err != nil {
		t.Fatal(err)
	}
	return db
}
