package storetest

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/sqlstore"
)

// childEnv names the database that a child process works on: a control.db, or
// the URL of a PostgreSQL database.
const childEnv = "ASSAY_TEST_JOB_CHILD"

const (
	crashSteps = 400
	crashKills = 5
)

// walker is a job of many steps. Each step is kept together with the
// checkpoint behind it; a step done twice breaks its table's key.
func walker(db *sqlstore.DB) job.Kind {
	return job.Kind{Name: "walk", Work: func(ctx context.Context, r *job.Run) error {
		step := 0
		if _, err := r.Resume(&step); err != nil {
			return err
		}
		for ; step < crashSteps; step++ {
			err := r.Checkpoint(ctx, step+1, func(ctx context.Context) error {
				_, err := db.Exec(ctx, `INSERT INTO walked (step, attempt) VALUES (?, ?)`, step, r.Job.Attempt)
				return err
			})
			if err != nil {
				return err
			}
			time.Sleep(2 * time.Millisecond)
		}
		return nil
	}}
}

// TestMain runs the child when it is one.
func TestMain(m *testing.M) {
	if where := os.Getenv(childEnv); where != "" {
		child(where)
		return
	}
	os.Exit(m.Run())
}

func child(where string) {
	fail := func(err error) {
		if err != nil {
			slog.Error("child", "error", err)
			os.Exit(1)
		}
	}
	db, cfg, err := openWhere(context.Background(), where)
	fail(err)
	cfg.Log = slog.New(slog.DiscardHandler)
	e := job.NewEngine(sqlstore.NewJobs(db), cfg)
	e.Register(walker(db))
	fail(e.Open(context.Background()))
	fail(e.Start(context.Background()))
	select {}
}

func openWhere(ctx context.Context, where string) (*sqlstore.DB, job.Config, error) {
	log := slog.New(slog.DiscardHandler)
	if !filepath.IsAbs(where) {
		db, err := sqlstore.OpenPostgres(ctx, where, log)
		return db, job.Config{PostgresURL: where}, err
	}
	db, err := sqlstore.OpenSQLite(ctx, where, log, sqlstore.SQLiteConfig{})
	if err != nil {
		return nil, job.Config{}, err
	}
	pool, err := sqlstore.OpenQueuePool(where)
	return db, job.Config{SQLite: pool}, err
}

// TestJobSurvivesKill kills the process that runs a job, again and again, and
// sees it end with every step done once.
func TestJobSurvivesKill(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "control.db")
		openSQLite(t, path).Close()
		survivesKill(t, path)
	})
	t.Run("postgres", func(t *testing.T) {
		db, url := openPostgres(t)
		db.Close()
		survivesKill(t, url)
	})
}

func survivesKill(t *testing.T, where string) {
	if testing.Short() {
		t.Skip("starts and kills processes; not in -short")
	}
	id := enqueueWalk(t, where)
	for range crashKills {
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), childEnv+"="+where)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200*time.Millisecond + rand.N(200*time.Millisecond))
		cmd.Process.Kill()
		cmd.Wait()
	}
	db, cfg, err := openWhere(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	e := Queue{DB: db, Config: func(*testing.T) job.Config { return cfg }}.engine(t, true, walker(db))
	j := becomes(t, e, id, job.Succeeded)
	var steps, attempts int
	if err := db.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT attempt) FROM walked`, nil, &steps, &attempts); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d attempts, %d of them lost, %d made steps", j.Attempt, j.Lost, attempts)
	if steps != crashSteps || j.Failures != 0 || j.Lost == 0 || attempts < 2 {
		t.Errorf("%d steps, %d failures, %d lost", steps, j.Failures, j.Lost)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func enqueueWalk(t *testing.T, where string) string {
	t.Helper()
	db, cfg, err := openWhere(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Write(t.Context(), func(ctx context.Context) error {
		_, err := db.Exec(ctx, db.Dialect.Types.Replace(`CREATE TABLE walked (step {{int}} PRIMARY KEY, attempt {{int}} NOT NULL)`))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	e := Queue{DB: db, Config: func(*testing.T) job.Config { return cfg }}.engine(t, false, walker(db))
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "walk"}))(t)
	if err := e.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return j.ID
}
