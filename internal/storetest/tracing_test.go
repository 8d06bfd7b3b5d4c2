package storetest_test

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/storetest"
	"github.com/assayhq/assay/internal/tracing"
)

func TestTracing(t *testing.T) {
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	ready := func(t *testing.T, st *sqlstore.Traces, err error) tracing.Store {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
		return st
	}
	t.Run("sqlite", func(t *testing.T) {
		storetest.Tracing(t, func(t *testing.T, now func() time.Time) tracing.Store {
			st, err := sqlstore.OpenTraces(t.Context(), t.TempDir(), log, sqlstore.TracesConfig{Now: now, TraceWatch: sqlstore.TraceWatch{StallAfter: storetest.StallAfter, LoopAfter: storetest.LoopAfter}})
			return ready(t, st, err)
		})
	})
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv(storetest.PostgresVariable) == "" {
			t.Skip(storetest.PostgresVariable + " is not set")
		}
		storetest.Tracing(t, func(t *testing.T, now func() time.Time) tracing.Store {
			st, err := sqlstore.OpenTracesOn(t.Context(), storetest.Postgres(t), log, sqlstore.TracesConfig{Now: now, TraceWatch: sqlstore.TraceWatch{StallAfter: storetest.StallAfter, LoopAfter: storetest.LoopAfter}})
			return ready(t, st, err)
		})
	})
	t.Run("two nodes on one PostgreSQL", func(t *testing.T) {
		if os.Getenv(storetest.PostgresVariable) == "" {
			t.Skip(storetest.PostgresVariable + " is not set")
		}
		db := storetest.Postgres(t)
		var nodes []tracing.Store
		for range 2 {
			st, err := sqlstore.OpenTracesOn(t.Context(), db, log, sqlstore.TracesConfig{})
			nodes = append(nodes, ready(t, st, err))
		}
		storetest.ManySenders(t, nodes...)
	})
}
