package sqlstore

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

// Migrations live in migrations/<set>/NNNN_name.sql. A set belongs to one
// database: "control" to control.db, "traces" to the trace index, "partition"
// to each partition. A file, once released, is never edited; statements end
// with ";" at the end of a line. Tokens such as {{blob}} are [Dialect.Types].
// Migrations only add (tables, columns with defaults, indexes), so that an
// older process keeps working beside a newer one; what must be filled in is
// filled by a job afterwards.
//
//go:embed migrations
var migrationFiles embed.FS

// Migration is one applied or pending step.
type Migration struct {
	Set     string    `json:"set"`
	Name    string    `json:"name"`
	Applied time.Time `json:"applied,omitzero"`
}

// Migrate brings the database to the newest schema of set and returns the
// steps it applied. Each step is one transaction; concurrent callers wait for
// one another.
func (db *DB) Migrate(ctx context.Context, set string) ([]Migration, error) {
	err := db.Write(ctx, func(ctx context.Context) error {
		if err := db.lockMigrations(ctx); err != nil {
			return err
		}
		_, err := db.Exec(ctx, db.Dialect.Types.Replace(`CREATE TABLE IF NOT EXISTS schema_migration (
			migration_set {{text}} NOT NULL, name {{text}} NOT NULL, sha256 {{text}} NOT NULL, applied_at {{int}} NOT NULL,
			PRIMARY KEY (migration_set, name))`))
		return err
	})
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(migrationFiles, "migrations/"+set+"/*.sql")
	if err != nil || len(files) == 0 {
		return nil, fault.New(fault.Internal, "no migrations for %q", set)
	}
	slices.Sort(files)
	var applied []Migration
	for _, f := range files {
		text, err := migrationFiles.ReadFile(f)
		if err != nil {
			return applied, err
		}
		m := Migration{Set: set, Name: strings.TrimSuffix(path.Base(f), ".sql")}
		done, err := db.migrateStep(ctx, m, string(text))
		if err != nil {
			return applied, fault.Wrap(fault.KindOf(err), "sqlstore.Migrate", err, "migration %s/%s failed", set, m.Name)
		}
		if done {
			m.Applied = time.Now()
			applied = append(applied, m)
		}
	}
	return applied, nil
}

func (db *DB) lockMigrations(ctx context.Context) error {
	if db.Dialect.MigrationLock == "" {
		return nil // SQLite's writer is the lock
	}
	rows, err := db.Query(ctx, db.Dialect.MigrationLock)
	if err != nil {
		return err
	}
	return rows.Close()
}

// Pending returns the steps of set that Migrate would apply.
func (db *DB) Pending(ctx context.Context, set string) ([]Migration, error) {
	files, err := fs.Glob(migrationFiles, "migrations/"+set+"/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	applied := map[string]bool{}
	err = db.Each(ctx, `SELECT name FROM schema_migration WHERE migration_set = ?`, []any{set}, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		applied[name] = true
		return err
	})
	if err != nil {
		clear(applied) // a new database has not even the table
	}
	var pending []Migration
	for _, f := range files {
		if name := strings.TrimSuffix(path.Base(f), ".sql"); !applied[name] {
			pending = append(pending, Migration{Set: set, Name: name})
		}
	}
	return pending, nil
}

func (db *DB) migrateStep(ctx context.Context, m Migration, text string) (done bool, err error) {
	sum := sha256.Sum256([]byte(text))
	digest := hex.EncodeToString(sum[:])
	err = db.Write(ctx, func(ctx context.Context) error {
		done = false
		if err := db.lockMigrations(ctx); err != nil {
			return err
		}
		var known string
		err := db.QueryRow(ctx, `SELECT sha256 FROM schema_migration WHERE migration_set = ? AND name = ?`, []any{m.Set, m.Name}, &known)
		switch {
		case err == nil && known != digest:
			return fault.New(fault.State, "migration %s/%s was applied in another form: this data directory belongs to another build", m.Set, m.Name)
		case err == nil:
			return nil
		case !fault.Is(err, fault.NotFound):
			return err
		}
		for _, stmt := range statements(db.Dialect.Types.Replace(text), db.Dialect.Name) {
			if _, err := db.Exec(ctx, stmt); err != nil {
				return err
			}
		}
		done = true
		_, err = db.Exec(ctx, `INSERT INTO schema_migration (migration_set, name, sha256, applied_at) VALUES (?, ?, ?, ?)`,
			m.Set, m.Name, digest, time.Now().UnixMilli())
		return err
	})
	return done, err
}

// statements splits a migration at ";" line ends, drops comments, and keeps a
// statement that starts with "-- only: <dialect>" for that dialect alone.
func statements(text, dialect string) []string {
	var out []string
	for _, part := range strings.Split(text, ";\n") {
		only, lines := "", []string{}
		for line := range strings.SplitSeq(part, "\n") {
			trimmed := strings.TrimSpace(line)
			if rest, ok := strings.CutPrefix(trimmed, "-- only: "); ok {
				only = strings.TrimSpace(rest)
			}
			if !strings.HasPrefix(trimmed, "--") && trimmed != "" {
				lines = append(lines, line)
			}
		}
		if stmt := strings.TrimSuffix(strings.TrimSpace(strings.Join(lines, "\n")), ";"); stmt != "" && (only == "" || only == dialect) {
			out = append(out, stmt)
		}
	}
	return out
}
