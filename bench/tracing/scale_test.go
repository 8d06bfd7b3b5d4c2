package tracing_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracing/normalise"
)

// TestScale fills a store with ASSAY_BENCH_TRACES traces of ten spans over
// thirty days, in ASSAY_BENCH_DIR if that is set (and uses what is there),
// and prints how long questions take.
func TestScale(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("ASSAY_BENCH_TRACES"))
	if err != nil {
		t.Skip("ASSAY_BENCH_TRACES is not set")
	}
	dir := os.Getenv("ASSAY_BENCH_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	if _, err := os.Stat(filepath.Join(dir, "filled")); err != nil {
		fill(t, dir, n)
	}
	runtime.GC()
	debug.FreeOSMemory()
	before := rss()
	start := time.Now()
	st, err := sqlstore.OpenTraces(t.Context(), dir, slog.New(slog.DiscardHandler), sqlstore.TracesConfig{IdleClose: 4 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	t.Logf("open: %v", time.Since(start))
	service := tracing.New(st, slog.New(slog.DiscardHandler), tracing.Config{})
	time.Sleep(2 * time.Second)
	debug.FreeOSMemory()
	t.Logf("resident memory: %d MB before opening, %d MB idle", before>>20, rss()>>20)
	questions(t, service)
	debug.FreeOSMemory()
	t.Logf("resident memory after questions: %d MB; on disk %d MB", rss()>>20, diskUse(dir)>>20)
	time.Sleep(10 * time.Second)
	debug.FreeOSMemory()
	t.Logf("resident memory when partitions have closed: %d MB", rss()>>20)
}

func fill(t *testing.T, dir string, n int) {
	now := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	st, err := sqlstore.OpenTraces(t.Context(), dir, slog.New(slog.DiscardHandler), sqlstore.TracesConfig{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	service := tracing.New(st, slog.New(slog.DiscardHandler), tracing.Config{Now: func() time.Time { return now }, Normalise: normalise.New().Apply})
	r := rand.New(rand.NewPCG(5, 6))
	step := 30 * 24 * time.Hour / time.Duration(n)
	start := time.Now()
	const perBatch = 100
	for i := 0; i < n; i += perBatch {
		var spans []trace.Span
		for j := range perBatch {
			spans = append(spans, makeTrace(r, i+j, now.Add(time.Duration(j)*step))...)
		}
		if _, _, err := service.Ingest(context.Background(), trace.Batch{ExperimentID: fmt.Sprint(1 + i/perBatch%3), Spans: spans}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(perBatch * step)
	}
	took := time.Since(start)
	for lag := time.Duration(1); lag > 0; lag, _ = st.TextLag(t.Context()) {
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("filled %d traces of 10 spans at %.0f spans/s; text done after %v more", n, float64(n*10)/took.Seconds(), time.Since(start)-took)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "filled"), nil, 0o600)
}

var steps = []string{"agent", "plan", "llm", "search", "llm", "lookup", "llm", "rank", "llm", "answer"}

func makeTrace(r *rand.Rand, n int, at time.Time) []trace.Span {
	spans := make([]trace.Span, len(steps))
	var id trace.ID
	copy(id[:], fmt.Sprintf("%016x", r.Uint64()))
	for i := range spans {
		s := &spans[i]
		s.TraceID, s.ID[7], s.Name = id, byte(i+1), steps[i]
		if i > 0 {
			s.Parent[7] = 1
		}
		s.Start = at.UnixNano() + int64(i)*1e6
		s.End = s.Start + int64(r.IntN(2e9))
		s.Status = trace.OK
		if r.IntN(200) == 0 {
			s.Status = trace.Error
		}
		s.Attrs = []trace.Attr{{Key: "input.value", Value: trace.StringValue(words(r, 200))}}
		if steps[i] == "llm" {
			s.Attrs = append(s.Attrs, trace.Attr{Key: "gen_ai.request.model", Value: trace.StringValue(fmt.Sprintf("model-%d", n%7))},
				trace.Attr{Key: "gen_ai.usage.input_tokens", Value: trace.IntValue(int64(r.IntN(1000)))})
		}
		if i == 0 {
			s.Attrs = append(s.Attrs, trace.Attr{Key: "session.id", Value: trace.StringValue(fmt.Sprint("c", n/5))},
				trace.Attr{Key: "mlflow.traceTag.env", Value: trace.StringValue([]string{"prod", "stage", "dev"}[n%3])},
				trace.Attr{Key: "mlflow.traceTag.rare", Value: trace.StringValue(fmt.Sprint("r", n%5000))},
				trace.Attr{Key: "note", Value: trace.StringValue(fmt.Sprintf("needle%d common", n%1000))})
		}
	}
	return spans
}

func questions(t *testing.T, service *tracing.Service) {
	month := tracing.Query{Experiments: []string{"2"}}
	var ids []trace.ID
	for _, q := range []struct{ name, filter, text, order string }{
		{name: "newest"},
		{name: "status", filter: "status = 'ERROR'"},
		{name: "common tag", filter: "tags.env = 'prod'"},
		{name: "rare tag", filter: "tags.rare = 'r77'"},
		{name: "tag like", filter: "tags.rare LIKE 'r77%'"},
		{name: "name", filter: "name = 'agent'"},
		{name: "no such name", filter: "name = 'none'"},
		{name: "model", filter: "span.model = 'model-3'"},
		{name: "span name and status", filter: "span.name = 'llm' AND span.status = 'ERROR'"},
		{name: "slow", filter: "execution_time_ms > 1900", order: "execution_time_ms"},
		{name: "session", filter: "metadata.`mlflow.trace.session` = 'c77'"},
		{name: "dearest tokens", order: "tokens"},
		{name: "rare word", text: "needle77"},
		{name: "common word", text: "common"},
		{name: "two words", text: "common needle500"},
		{name: "no such word", text: "nowhereatall"},
		{name: "content like", filter: "span.content LIKE '%needle77 common%'"},
	} {
		query := month
		query.Text = q.text
		var err error
		if query.Filter, err = filter.Parse(filter.Traces, q.filter); err != nil {
			t.Fatal(err)
		}
		search := tracing.Search{Query: query, Limit: 50}
		if q.order != "" {
			search.Order = []filter.Order{{Field: filter.Field{Group: filter.Attribute, Key: q.order}, Desc: true}}
		}
		found := 0
		measure(t, "list: "+q.name, func() string {
			page, err := service.Search(context.Background(), search)
			if err != nil {
				t.Fatal(err)
			}
			found = len(page.Infos)
			for _, i := range page.Infos {
				ids = append(ids, i.ID)
			}
			return fmt.Sprintf("%d found", found)
		})
	}
	i := 0
	measure(t, "trace by id, all of it", func() string {
		i++
		n := 0
		for _, err := range service.Spans(context.Background(), ids[(i*7919)%len(ids)]) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return fmt.Sprintf("%d spans", n)
	})
	measure(t, "count of a month", func() string {
		n, _, err := service.Count(context.Background(), month)
		return fmt.Sprint(n, err)
	})
	measure(t, "histogram of a month", func() string {
		h, err := service.Histogram(context.Background(), month, 60)
		return fmt.Sprint(len(h.OK), err)
	})
	measure(t, "facets", func() string {
		f, _, err := service.Facets(context.Background(), month, nil, 10)
		return fmt.Sprint(len(f), err)
	})
	measure(t, "sessions", func() string {
		s, _, err := service.Sessions(context.Background(), tracing.SessionQuery{Experiments: []string{"2"}})
		return fmt.Sprint(len(s), err)
	})
}

// measure runs fn twenty times and prints the median and the 95th percentile.
func measure(t *testing.T, name string, fn func() string) {
	var times []time.Duration
	said := ""
	for range 20 {
		start := time.Now()
		said = fn()
		times = append(times, time.Since(start))
	}
	first := times[0]
	slices.Sort(times)
	t.Logf("%-28s p50 %8.2f ms  p95 %8.2f ms  first %8.2f ms  %s", name, ms(times[10]), ms(times[18]), ms(first), said)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func rss() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func diskUse(dir string) (n int64) {
	filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}
