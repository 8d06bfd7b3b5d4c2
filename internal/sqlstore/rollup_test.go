package sqlstore

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

func openRollup(t *testing.T, dir string, cfg TracesConfig) (*Traces, *tracing.Service) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	st, err := OpenTraces(t.Context(), dir, log, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st, tracing.New(st, log, tracing.Config{Now: cfg.Now})
}

// at makes one ended span that is a trace of its own, beginning at a time.
func traceAt(n uint64, at time.Time) []trace.Span {
	spans := testSpans(numberedID(n), 0, 1)
	spans[0].Start, spans[0].End = at.UnixNano(), at.Add(time.Second).UnixNano()
	spans[0].Raw = trace.AppendSpan(nil, &spans[0])
	return spans
}

func monitoredTraces(t *testing.T, s *tracing.Service, around time.Time) int64 {
	t.Helper()
	m, err := s.Monitor(t.Context(), tracing.MonitorQuery{From: around.Add(-4 * time.Hour).UnixMilli(), To: around.Add(4 * time.Hour).UnixMilli(), Bucket: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if m.Lag != 0 {
		t.Fatalf("still %v behind", m.Lag)
	}
	return m.Whole.Total.Traces
}

// TestRollupAfterCrash stops between the commit and the summing up, and once
// more in the middle of it: what was committed is counted once.
func TestRollupAfterCrash(t *testing.T) {
	dir, at := t.TempDir(), time.Now().Add(-time.Hour)
	st, s := openRollup(t, dir, TracesConfig{NoRollup: true})
	ingest := func(s *tracing.Service, spans []trace.Span) {
		t.Helper()
		if _, _, err := s.Ingest(t.Context(), trace.Batch{ExperimentID: "1", Spans: spans}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range uint64(20) {
		ingest(s, traceAt(n, at.Add(time.Duration(n)*time.Second)))
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st, s = openRollup(t, dir, TracesConfig{NoRollup: true})
	if lag, marks, err := st.RollupLag(t.Context()); lag == 0 || marks == 0 || err != nil {
		t.Fatalf("nothing waits after the crash: %v, %d, %v", lag, marks, err)
	}
	// A trace that arrives while its minute is summed up keeps the minute dirty.
	hours, _, err := st.dirty(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ingest(s, traceAt(100, at))
	for _, minutes := range hours {
		if err := st.rollHour(t.Context(), minutes); err != nil {
			t.Fatal(err)
		}
		if err := st.rollHour(t.Context(), minutes); err != nil { // as a second node may
			t.Fatal(err)
		}
	}
	if _, marks, _ := st.RollupLag(t.Context()); marks != 1 {
		t.Errorf("%d marks wait, want that of the late trace", marks)
	}
	if n := monitoredTraces(t, s, at); n != 21 {
		t.Errorf("%d traces, want 21", n)
	}
	// Everything deleted leaves no cells behind.
	if n, err := s.Delete(t.Context(), tracing.Deletion{Experiment: "1", Before: time.Now().UnixMilli()}); n != 21 || err != nil {
		t.Fatalf("%d deleted, %v", n, err)
	}
	if n := monitoredTraces(t, s, at); n != 0 {
		t.Errorf("%d traces after all were deleted", n)
	}
	for _, table := range []string{"rollup", "rollup_dirty", "trace_label", "assessment"} {
		var rows int
		if err := st.index.QueryRow(t.Context(), `SELECT count(*) FROM `+table, nil, &rows); err != nil || rows != 0 {
			t.Errorf("%s holds %d rows, %v", table, rows, err)
		}
	}
}

// counting counts what a monitor reads.
type counting struct {
	tracing.Store
	cells, traces atomic.Int64
}

func (c *counting) EachCells(ctx context.Context, q tracing.CellQuery, fn func(string, int64, []byte) error) error {
	return c.Store.EachCells(ctx, q, func(e string, at int64, cells []byte) error {
		c.cells.Add(1)
		return fn(e, at, cells)
	})
}

func (c *counting) EachTrace(ctx context.Context, q tracing.Query, limit int, fn func(*tracing.Info, []tracing.SpanRow) error) (bool, error) {
	c.traces.Add(1)
	return c.Store.EachTrace(ctx, q, limit, fn)
}

// TestMonitorReadsNoTraces holds that a dashboard reads a bounded number of
// rows that does not depend on how many traces there were.
func TestMonitorReadsNoTraces(t *testing.T) {
	const days = 4
	begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	read := map[int]map[string]int64{}
	for _, perHour := range []int{1, 12} {
		now := begin
		var clock atomic.Int64
		clock.Store(now.UnixNano())
		st, s := openRollup(t, t.TempDir(), TracesConfig{NoText: true, NoRollup: true, Now: func() time.Time { return time.Unix(0, clock.Load()) }})
		n := uint64(0)
		for hour := range days * 24 {
			var spans []trace.Span
			for i := range perHour { // all in one minute, so that minutes are the same too
				n++
				span := traceAt(n, begin.Add(time.Duration(hour)*time.Hour+time.Duration(i)*time.Second))
				span[0].Columns.Model = "m"
				spans = append(spans, span...)
			}
			if _, _, err := s.Ingest(t.Context(), trace.Batch{ExperimentID: "1", Spans: spans}); err != nil {
				t.Fatal(err)
			}
		}
		if lag, err := st.CatchUp(t.Context(), time.Minute); lag != 0 || err != nil {
			t.Fatal(lag, err)
		}
		read[perHour] = map[string]int64{}
		for _, by := range []string{"total", "model", "name", "tag.none", "experiment"} {
			c := &counting{Store: st}
			m, err := tracing.New(c, slog.New(slog.DiscardHandler), tracing.Config{}).Monitor(t.Context(), tracing.MonitorQuery{By: by,
				From: begin.Add(30 * time.Minute).UnixMilli(), To: begin.Add(days*24*time.Hour - 10*time.Minute).UnixMilli(), Bucket: 6 * time.Hour})
			if err != nil || m.Lag != 0 {
				t.Fatal(err, m.Lag)
			}
			if want := int64(perHour * (days*24 - 1)); m.Whole.Total.Traces != want { // the first hour's are before the range
				t.Errorf("%s: %d traces, want %d", by, m.Whole.Total.Traces, want)
			}
			read[perHour][by] = c.cells.Load()
			if most := int64(2 * (days*24 + 120)); c.cells.Load() > most || c.traces.Load() != 0 {
				t.Errorf("%s: %d rows of cells (at most %d) and %d folds are read", by, c.cells.Load(), most, c.traces.Load())
			}
		}
	}
	for by, n := range read[1] {
		if read[12][by] != n {
			t.Errorf("%s: %d rows for twelve times the traces, %d before", by, read[12][by], n)
		}
	}
}

// TestOldFacts reads rows that the form before wrote.
func TestOldFacts(t *testing.T) {
	c := trace.Columns{Version: 1, Dialect: "mlflow", Tool: "t", Aggregate: true, Tokens: trace.NoTokens, Cost: trace.NoCost}
	b := appendFacts(nil, &c)
	b[0] = oldFactsForm
	var back trace.Columns
	if err := parseFacts(b, &back); err != nil || back.Tool != "t" || !back.Aggregate || back.ErrorType != "" || back.InputHash != 0 {
		t.Errorf("%+v, %v", back, err)
	}
	c.ErrorType, c.InputHash = "ValueError", 7
	if err := parseFacts(appendFacts(nil, &c), &back); err != nil || back.ErrorType != "ValueError" || back.InputHash != 7 || back.Tool != "t" {
		t.Errorf("%+v, %v", back, err)
	}
}
