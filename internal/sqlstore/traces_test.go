package sqlstore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

func openTraces(t *testing.T, dir string) *Traces {
	t.Helper()
	st, err := OpenTraces(t.Context(), dir, slog.New(slog.NewTextHandler(t.Output(), nil)), TracesConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// testSpans makes n spans of one trace, whose text repeats in part.
func testSpans(id trace.ID, from, n int) []trace.Span {
	spans := make([]trace.Span, n)
	for i := range spans {
		s := &spans[i]
		s.TraceID, s.Name, s.Start, s.End = id, "step", int64(1e18)+int64(from+i), int64(1e18)+int64(from+i)+1000
		binary.BigEndian.PutUint64(s.ID[:], uint64(from+i+1))
		if from+i > 0 {
			binary.BigEndian.PutUint64(s.Parent[:], 1)
		}
		s.Attrs = []trace.Attr{{Key: "text", Value: trace.StringValue(fmt.Sprintf("%s of %x %s", strings.Repeat("words ", 20), id, strings.Repeat("x", (from+i)%300)))}}
		s.Columns = trace.Columns{Version: 1, Tokens: trace.NoTokens, Cost: trace.NoCost}
		s.Raw = trace.AppendSpan(nil, s)
	}
	return spans
}

func numberedID(n uint64) (id trace.ID) {
	id[0] = 1
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}

const crashVariable = "ASSAY_TEST_CRASH_DIR"

// TestCrashChild is the process that [TestKilledIngestKeepsWhatItAcknowledged]
// kills. It prints a line for each write that was acknowledged.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashVariable)
	if dir == "" {
		t.Skip("only run as a child process")
	}
	seed, _ := strconv.ParseUint(os.Getenv(crashVariable+"_SEED"), 10, 64)
	st, err := OpenTraces(context.Background(), dir, slog.New(slog.DiscardHandler), TracesConfig{})
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(os.Stdout)
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, format, args...)
		out.Flush()
	}
	say("ready\n")
	for worker := range uint64(4) {
		go func() {
			r := rand.New(rand.NewPCG(seed, worker))
			for k := uint64(0); ; k++ {
				n := seed<<32 | worker<<24 | k
				id := numberedID(n)
				total := 0
				for range 1 + r.IntN(3) {
					size := 1 + r.IntN(40)
					if _, _, err := st.Append(context.Background(), tracing.Arrival{Experiment: "1", Spans: testSpans(id, total, size), Now: time.Now()}); err != nil {
						say("failed %v\n", err)
						return
					}
					total += size
					say("spans %d %d\n", n, total)
				}
				if r.IntN(2) == 0 {
					if err := st.PutInfo(context.Background(), tracing.Info{ID: id, Experiment: "1", RequestTime: 5, Duration: 6, State: tracing.StateOK}, time.Now()); err != nil {
						say("failed %v\n", err)
						return
					}
					say("info %d\n", n)
				}
			}
		}()
	}
	time.Sleep(time.Minute)
}

func TestKilledIngestKeepsWhatItAcknowledged(t *testing.T) {
	rounds := 10
	if n, err := strconv.Atoi(os.Getenv("ASSAY_TEST_CRASHES")); err == nil {
		rounds = n
	}
	dir := t.TempDir()
	spans, infos := map[uint64]int{}, map[uint64]bool{}
	for round := range rounds {
		crash(t, dir, round+1, spans, infos)
	}
	st := openTraces(t, dir)
	for n, want := range spans {
		rows, err := st.SpanRows(t.Context(), numberedID(n))
		if err != nil || len(rows) < want {
			t.Fatalf("trace %x: %d spans of %d acknowledged, %v", n, len(rows), want, err)
		}
		list, err := st.Infos(t.Context(), []trace.ID{numberedID(n)})
		if err != nil || len(list) != 1 || list[0].Spans != len(rows) || infos[n] && (list[0].RequestTime != 5 || !list[0].Complete) {
			t.Fatalf("trace %x: header %+v of %d spans, %v", n, list, len(rows), err)
		}
		wanted := testSpans(numberedID(n), 0, len(rows))
		i := 0
		for span, err := range st.Spans(t.Context(), numberedID(n)) {
			if err != nil || !bytes.Equal(span.Raw, wanted[i].Raw) {
				t.Fatalf("trace %x, span %d: %v", n, i, err)
			}
			i++
		}
	}
	if len(spans) == 0 {
		t.Fatal("nothing was acknowledged before the crashes")
	}
	var traces, headers int
	if err := st.index.QueryRow(t.Context(), `SELECT count(*) FROM trace`, nil, &headers); err != nil {
		t.Fatal(err)
	}
	p, err := st.use(t.Context(), dayOf(time.Now()), false)
	if err != nil {
		t.Skip("midnight passed") // the traces are in yesterday's partition
	}
	defer st.release(p)
	if err := p.db.QueryRow(t.Context(), `SELECT count(*) FROM trace_here`, nil, &traces); err != nil || traces > headers {
		t.Fatalf("%d traces in the partition, %d headers, %v", traces, headers, err)
	}
	t.Logf("%d traces were acknowledged over %d crashes; %d are stored", len(spans), rounds, headers)
}

func crash(t *testing.T, dir string, seed int, spans map[uint64]int, infos map[uint64]bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashChild$")
	cmd.Env = append(os.Environ(), crashVariable+"="+dir, fmt.Sprintf("%s_SEED=%d", crashVariable, seed))
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		var n uint64
		var total int
		switch text := lines.Text(); {
		case text == "ready":
			after := time.Duration(1+rand.IntN(300)) * time.Millisecond
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		case strings.HasPrefix(text, "spans "):
			if k, _ := fmt.Sscanf(text, "spans %d %d", &n, &total); k == 2 {
				spans[n] = max(spans[n], total)
			}
		case strings.HasPrefix(text, "info "):
			if k, _ := fmt.Sscanf(text, "info %d", &n); k == 1 {
				infos[n] = true
			}
		case strings.HasPrefix(text, "failed "):
			t.Error(text)
		}
	}
	cmd.Wait() // killed
}

// TestMend simulates each place a crash can leave a partition in.
func TestMend(t *testing.T) {
	dir := t.TempDir()
	st := openTraces(t, dir)
	append2 := func(st *Traces, n uint64, from, count int) {
		t.Helper()
		if _, _, err := st.Append(t.Context(), tracing.Arrival{Experiment: "1", Spans: testSpans(numberedID(n), from, count), Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	append2(st, 1, 0, 3)
	append2(st, 2, 0, 3)
	append2(st, 1, 3, 2)
	day := dayOf(time.Now())
	// As if the last headers had not been committed: trace 2 has none, trace 1
	// an old one.
	err := st.index.Write(t.Context(), func(ctx context.Context) error {
		for _, q := range []string{`UPDATE trace_partition SET applied = 1`, `UPDATE trace SET spans = 3`} {
			if _, err := st.index.Exec(ctx, q); err != nil {
				return err
			}
		}
		id := numberedID(2)
		_, err := st.index.Exec(ctx, `DELETE FROM trace WHERE id = ?`, id[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	// And a block that was not committed, torn.
	pack := filepath.Join(dir, "partitions", strconv.Itoa(day), "payload.pack")
	f, err := os.OpenFile(pack, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(frameMagic + "half a frame")
	f.Close()

	st = openTraces(t, dir)
	append2(st, 3, 0, 1) // opens, and so mends
	infos, err := st.Infos(t.Context(), []trace.ID{numberedID(1), numberedID(2), numberedID(3)})
	if err != nil || len(infos) != 2 || infos[0].Spans != 5 || infos[1].Spans != 1 {
		t.Fatalf("%+v, %v", infos, err)
	}
	append2(st, 2, 0, 3) // the sender comes again
	for n, want := range map[uint64]int{1: 5, 2: 3, 3: 1} {
		got := 0
		for span, err := range st.Spans(t.Context(), numberedID(n)) {
			if err != nil || !strings.Contains(span.Attrs[0].Value.Str, "words") {
				t.Fatal(err)
			}
			got++
		}
		if got != want {
			t.Errorf("trace %d: %d spans, want %d", n, got, want)
		}
	}
}

func TestPartitionsCloseWhenIdle(t *testing.T) {
	st := openTraces(t, t.TempDir())
	if _, _, err := st.Append(t.Context(), tracing.Arrival{Experiment: "1", Spans: testSpans(numberedID(1), 0, 3), Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for range 200 { // the indexer may be using it
		st.closeIdle(0)
		st.mu.Lock()
		open := len(st.partitions)
		st.mu.Unlock()
		if open == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	rows, err := st.SpanRows(t.Context(), numberedID(1))
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if _, _, err := st.Append(t.Context(), tracing.Arrival{Experiment: "1", Spans: testSpans(numberedID(1), 3, 3), Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if infos, err := st.Infos(t.Context(), []trace.ID{numberedID(1)}); err != nil || infos[0].Spans != 6 {
		t.Fatalf("%+v, %v", infos, err)
	}
}

func TestLateSpansOfARemovedDayAreRefused(t *testing.T) {
	st := openTraces(t, t.TempDir())
	yesterday := time.Now().Add(-48 * time.Hour)
	arrival := tracing.Arrival{Experiment: "1", Spans: testSpans(numberedID(1), 0, 3), Now: yesterday}
	if _, _, err := st.Append(t.Context(), arrival); err != nil {
		t.Fatal(err)
	}
	if _, err := st.RemovePartition(t.Context(), dayOf(yesterday)); err != nil {
		t.Fatal(err)
	}
	rejected, reason, err := st.Append(t.Context(), arrival)
	if rejected != 3 || !strings.Contains(reason, "retention") || err != nil {
		t.Fatalf("%d, %q, %v", rejected, reason, err)
	}
	if err := st.PutInfo(t.Context(), tracing.Info{ID: numberedID(1), Experiment: "1", State: tracing.StateOK}, yesterday); !fault.Is(err, fault.State) {
		t.Fatal(err)
	}
	if _, err := os.Stat(st.partitionDir(dayOf(yesterday))); !os.IsNotExist(err) {
		t.Fatalf("the directory is still there: %v", err)
	}
}

// TestLoopIsStoredOnce holds the storage bar of an agent's loop: fifty turns,
// each sending the whole history again.
func TestLoopIsStoredOnce(t *testing.T) {
	for _, c := range []struct {
		name  string
		value func(messages []string) trace.Value
	}{
		{"JSON list", func(m []string) trace.Value { return trace.StringValue("[" + strings.Join(m, ",") + "]") }},
		{"JSON in an object", func(m []string) trace.Value {
			return trace.StringValue(`{"messages": [[` + strings.Join(m, ", ") + `]], "model": "m"}`)
		}},
		{"structured", func(m []string) trace.Value {
			list := make([]trace.Value, len(m))
			for i, s := range m {
				list[i] = trace.Value{Kind: trace.Map, Map: []trace.Attr{{Key: "content", Value: trace.StringValue(s)}}}
			}
			return trace.Value{Kind: trace.List, List: list}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			st := openTraces(t, dir)
			r := rand.New(rand.NewPCG(1, 1))
			var messages []string
			var whole int64
			for turn := range 50 {
				b := make([]byte, 900)
				for i := range b {
					b[i] = "abcdefghijklmnopqrstuvwxyz "[r.IntN(27)]
				}
				messages = append(messages, fmt.Sprintf(`{"role":"user","content":"%s"}`, b))
				spans := testSpans(numberedID(1), turn, 1)
				s := &spans[0]
				s.Attrs = []trace.Attr{{Key: "input", Value: c.value(messages)}}
				s.Raw = trace.AppendSpan(nil, s)
				whole += int64(len(s.Raw))
				if _, _, err := st.Append(t.Context(), tracing.Arrival{Experiment: "1", Spans: spans, Now: time.Now()}); err != nil {
					t.Fatal(err)
				}
			}
			info, err := os.Stat(filepath.Join(st.partitionDir(dayOf(time.Now())), "payload.pack"))
			if err != nil {
				t.Fatal(err)
			}
			if ratio := float64(whole) / float64(info.Size()); ratio < 15 {
				t.Errorf("%d bytes became %d: %.1f times smaller, want 15", whole, info.Size(), ratio)
			}
			n := 0
			for span, err := range st.Spans(t.Context(), numberedID(1)) {
				if n++; err != nil || n == 50 && span.Attrs[0].Value.Text() != c.value(messages).Text() {
					t.Fatalf("span %d does not come back: %v", n, err)
				}
			}
			if n != 50 {
				t.Fatalf("%d spans", n)
			}
		})
	}
}
