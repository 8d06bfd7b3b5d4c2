package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// The suite's stores are opened with these.
const (
	StallAfter = 10 * time.Minute
	LoopAfter  = 5
)

// eventually waits for what the store's own goroutines do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within half a minute", what)
		}
	}
}

func (s *tracingSuite) found(t *testing.T, text string) int {
	t.Helper()
	f, err := filter.Parse(filter.Traces, text)
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Search(t.Context(), tracing.Search{Query: tracing.Query{Filter: f}})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Infos)
}

// testStalled follows an open trace that falls silent, is heard of again,
// falls silent again, and ends; and one that was never open.
func testStalled(t *testing.T, s *tracingSuite) {
	open := func(n int) trace.Span {
		span := s.span(1, n, 0)
		if n > 1 {
			span = s.span(1, n, 1)
		}
		span.End = 0
		span.Raw = trace.AppendSpan(nil, &span)
		return span
	}
	heard := s.now
	s.ingest(t, open(1))
	s.ingest(t, s.span(2, 1, 0))
	s.set(s.now.Add(StallAfter - time.Second))
	time.Sleep(1500 * time.Millisecond) // a sweep or more
	if tag := s.info(t, 1).Tags[tracing.TagStalled]; tag != "" {
		t.Fatalf("stalled too early: %q", tag)
	}
	s.set(s.now.Add(2 * time.Second))
	eventually(t, "a silent trace is marked", func() bool { return s.info(t, 1).Tags[tracing.TagStalled] != "" })
	if got, want := s.info(t, 1).Tags[tracing.TagStalled], heard.UTC().Format(time.RFC3339); got != want {
		t.Errorf("stalled since %q, want %q", got, want)
	}
	if n := s.found(t, "tags.`assay.stalled` IS NOT NULL"); n != 1 {
		t.Errorf("%d stalled traces are found, want 1", n)
	}
	m := s.monitored(t, tracing.MonitorQuery{By: "tag." + tracing.TagStalled})
	if len(m.Series) != 1 || m.Series[0].Total.Traces != 1 || m.Series[0].Clause != "tags.`assay.stalled` IS NOT NULL" {
		t.Errorf("monitoring of stalled traces: %+v", m.Series)
	}
	s.ingest(t, open(2)) // heard of again
	if tag := s.info(t, 1).Tags[tracing.TagStalled]; tag != "" {
		t.Errorf("heard of again, still stalled since %q", tag)
	}
	if n := s.found(t, "tags.`assay.stalled` IS NOT NULL"); n != 0 {
		t.Errorf("%d stalled traces are found, want none", n)
	}
	s.set(s.now.Add(StallAfter + time.Second))
	eventually(t, "silent again, marked again", func() bool { return s.info(t, 1).Tags[tracing.TagStalled] != "" })
	root := s.span(1, 1, 0)
	s.ingest(t, root) // ends
	info := s.info(t, 1)
	if info.Tags[tracing.TagStalled] != "" || info.State == tracing.InProgress {
		t.Errorf("an ended trace is %s and stalled since %q", info.State, info.Tags[tracing.TagStalled])
	}
	if tag := s.info(t, 2).Tags[tracing.TagStalled]; tag != "" {
		t.Errorf("a trace that ended at once is stalled since %q", tag)
	}
}

// testLoops calls a tool with the same input again and again.
func testLoops(t *testing.T, s *tracingSuite) {
	call := func(tr, n int, tool string, hash uint32) trace.Span {
		span := s.span(tr, n, 1)
		span.Columns.Type, span.Columns.Tool, span.Columns.InputHash = "TOOL", tool, hash
		return span
	}
	s.ingest(t, s.span(1, 1, 0), s.span(2, 1, 0))
	for n := 2; n < 2+LoopAfter-1; n++ {
		s.ingest(t, call(1, n, "search", 77), call(1, 20+n, "search", uint32(n)), call(2, n, fmt.Sprint("tool", n), 77))
	}
	s.monitored(t, tracing.MonitorQuery{})
	if tag := s.info(t, 1).Tags[tracing.TagLoop]; tag != "" {
		t.Fatalf("too few calls are a loop: %q", tag)
	}
	s.ingest(t, call(1, 10, "search", 77))
	s.ingest(t, call(1, 10, "search", 77)) // repeated by the sender
	s.monitored(t, tracing.MonitorQuery{})
	if got, want := s.info(t, 1).Tags[tracing.TagLoop], fmt.Sprintf("search ×%d", LoopAfter); got != want {
		t.Errorf("loop %q, want %q", got, want)
	}
	s.ingest(t, call(1, 11, "search", 77))
	m := s.monitored(t, tracing.MonitorQuery{By: "tag." + tracing.TagLoop})
	want := fmt.Sprintf("search ×%d", LoopAfter+1)
	if len(m.Series) != 1 || m.Series[0].Value != want || m.Series[0].Total.Traces != 1 {
		t.Errorf("monitoring of loops: %+v", m.Series)
	}
	if n := s.found(t, m.Series[0].Clause); n != 1 {
		t.Errorf("%s finds %d traces, want 1", m.Series[0].Clause, n)
	}
	if tag := s.info(t, 2).Tags[tracing.TagLoop]; tag != "" {
		t.Errorf("different tools are a loop: %q", tag)
	}
}
