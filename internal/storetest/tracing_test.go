package storetest_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/storetest"
	"github.com/assayhq/assay/internal/tracing"
)

func TestTracingSQLite(t *testing.T) {
	storetest.Tracing(t, func(t *testing.T, now func() time.Time) tracing.Store {
		st, err := sqlstore.OpenTraces(t.Context(), t.TempDir(), slog.New(slog.NewTextHandler(t.Output(), nil)), sqlstore.TracesConfig{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
		return st
	})
}
