package storetest

import (
	"path/filepath"
	"testing"

	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/sqlstore"
)

func TestJobs(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { Jobs(t, sqliteQueue) })
	t.Run("postgres", func(t *testing.T) {
		Jobs(t, func(t *testing.T) Queue {
			db, url := openPostgres(t)
			return Queue{DB: db, Config: func(*testing.T) job.Config { return job.Config{PostgresURL: url} }}
		})
	})
}

func sqliteQueue(t *testing.T) Queue {
	path := filepath.Join(t.TempDir(), "control.db")
	return Queue{DB: openSQLite(t, path), Config: func(t *testing.T) job.Config {
		pool, err := sqlstore.OpenQueuePool(path)
		if err != nil {
			t.Fatal(err)
		}
		return job.Config{SQLite: pool}
	}}
}
