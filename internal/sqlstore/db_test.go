package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"github.com/assayhq/assay/internal/fault"
)

func open(t *testing.T) *DB {
	t.Helper()
	db, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "control.db"), slog.New(slog.DiscardHandler), SQLiteConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Migrate(t.Context(), "control"); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestWriteSharesACommitButNotAFailure(t *testing.T) {
	db := open(t)
	refused := errors.New("refused")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			err := db.Write(context.Background(), func(ctx context.Context) error {
				if _, err := db.Exec(ctx, `INSERT INTO workspace (name, created_at) VALUES (?, ?)`, fmt.Sprintf("w%d", i), i); err != nil {
					return err
				}
				if i%2 == 1 {
					return refused
				}
				return nil
			})
			if want := i%2 == 1; errors.Is(err, refused) != want {
				t.Errorf("write %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	var n int
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM workspace WHERE name LIKE 'w%'`, nil, &n); err != nil || n != 100 {
		t.Fatalf("%d rows, %v; want 100", n, err)
	}
}

func TestWriteJoinsTheOuterOneAndReadsItsOwn(t *testing.T) {
	db := open(t)
	err := db.Write(t.Context(), func(ctx context.Context) error {
		for range 3 { // the same text unprepared, then prepared
			if _, err := db.Exec(ctx, `DELETE FROM workspace WHERE name = ?`, "x"); err != nil {
				return err
			}
			if err := db.Write(ctx, func(ctx context.Context) error {
				_, err := db.Exec(ctx, `INSERT INTO workspace (name, created_at) VALUES (?, 1)`, "x")
				return err
			}); err != nil {
				return err
			}
		}
		var n int
		if err := db.QueryRow(ctx, `SELECT count(*) FROM workspace WHERE name = 'x'`, nil, &n); err != nil || n != 1 {
			return fmt.Errorf("%d rows, %v", n, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestErrorsAreFaults(t *testing.T) {
	db := open(t)
	insert := func(ctx context.Context) error {
		_, err := db.Exec(ctx, `INSERT INTO workspace (name, created_at) VALUES ('twice', 1)`)
		return err
	}
	if err := db.Write(t.Context(), insert); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), insert); !fault.Is(err, fault.Exists) {
		t.Fatalf("second insert: %v", err)
	}
	if err := db.Write(t.Context(), func(context.Context) error { panic("boom") }); !fault.Is(err, fault.Internal) {
		t.Fatalf("panic: %v", err)
	}
	var name string
	if err := db.QueryRow(t.Context(), `SELECT name FROM workspace WHERE name = 'none'`, nil, &name); !fault.Is(err, fault.NotFound) {
		t.Fatalf("no row: %v", err)
	}
	if _, err := db.Exec(t.Context(), `DELETE FROM workspace`); err == nil {
		t.Fatal("Exec outside Write succeeded")
	}
	if _, err := db.Query(t.Context(), `DELETE FROM workspace`); err == nil {
		t.Fatal("a reader could write")
	}
}

func TestRebind(t *testing.T) {
	got := numbered(`SELECT '?' , "a?" FROM t WHERE a = ? AND b IN (?, ?)`)
	if want := `SELECT '?' , "a?" FROM t WHERE a = $1 AND b IN ($2, $3)`; got != want {
		t.Fatal(got)
	}
}
