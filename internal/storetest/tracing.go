package storetest

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// TraceStore is what the tracing suite needs of an implementation: open must
// give an empty store, and may be called several times in a test.
type TraceStore func(t *testing.T, now func() time.Time) tracing.Store

// Tracing checks that a store keeps the contract of [tracing.Store].
func Tracing(t *testing.T, open TraceStore) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *tracingSuite)
	}{
		{"spans come back as they were", testSpansComeBack},
		{"order and repetition do not matter", testOrderDoesNotMatter},
		{"an ended span replaces an open one", testEndedReplacesOpen},
		{"a final header stays", testFinalHeaderStays},
		{"workspaces are apart", testWorkspaces},
		{"tags, runs and prompts", testTagsAndLinks},
		{"assessments", testAssessments},
		{"delete", testDelete},
		{"a removed partition refuses what comes late", testRemovedPartition},
		{"many senders at once", func(t *testing.T, s *tracingSuite) { ManySenders(t, s.store) }},
		{"filters", testFilters},
		{"full text", testText},
		{"orders and pages", testOrders},
		{"counts, facets and sessions", testAggregates},
		{"columns are made again", testRenormalise},
		{"conversations and their turns", testSessions},
		{"prompt uses", testPromptUses},
		{"one change of many traces", testBulk},
		{"what is imported is masked", testImportMasks},
		{"monitoring agrees with the traces", testMonitor},
		{"questions of monitoring", testMonitorQueries},
		{"orders of the whole workspace", testWorkspaceOrders},
		{"silent traces are marked", testStalled},
		{"repeated calls are marked", testLoops},
		{"a day is rewritten", testCompact},
		{"a day is rewritten while others work", testCompactWhileOthersWork},
		{"facts of a day", testDayFacts},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &tracingSuite{now: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}
			s.set(s.now)
			s.store = open(t, s.clock)
			s.Service = tracing.New(s.store, s.log(), tracing.Config{Now: s.clock})
			c.test(t, s)
		})
	}
}

// set moves the clock, which goroutines of the store read too.
func (s *tracingSuite) set(now time.Time) {
	s.now = now
	s.ticks.Store(now.UnixNano())
}

func (s *tracingSuite) clock() time.Time { return time.Unix(0, s.ticks.Load()).UTC() }

func (s *tracingSuite) log() *slog.Logger { return slog.New(slog.DiscardHandler) }

type tracingSuite struct {
	*tracing.Service
	store tracing.Store
	now   time.Time    // changed by set
	ticks atomic.Int64 // the same, in nanoseconds
}

func traceID(n int) (id trace.ID) {
	copy(id[:], fmt.Sprintf("%016d", n))
	return id
}

func spanID(n int) (id trace.SpanID) {
	copy(id[:], fmt.Sprintf("%08d", n))
	return id
}

// span makes span n of trace t, a child of parent (0 none), with text in its
// attributes. It runs from second n to n+10.
func (s *tracingSuite) span(t, n, parent int, more ...trace.Attr) trace.Span {
	span := trace.Span{
		TraceID: traceID(t), ID: spanID(n), Name: fmt.Sprintf("step %d", n), Kind: 1,
		Start: s.now.Add(time.Duration(n) * time.Second).UnixNano(), End: s.now.Add(time.Duration(n+10) * time.Second).UnixNano(),
		Attrs:  append([]trace.Attr{{Key: "note", Value: trace.StringValue(fmt.Sprintf("note %d of %d", n, t))}}, more...),
		Source: &trace.Source{Scope: "suite", Version: "1", Resource: []trace.Attr{{Key: "service.name", Value: trace.StringValue("shop")}}},
	}
	if parent != 0 {
		span.Parent = spanID(parent)
	}
	span.Columns = trace.Columns{Version: 1, Type: "CHAIN", Tokens: trace.NoTokens, Cost: trace.NoCost}
	span.Raw = trace.AppendSpan(nil, &span)
	return span
}

func llm(span trace.Span, model string, in, out int64) trace.Span {
	span.Columns.Type, span.Columns.Model, span.Columns.Provider = "CHAT_MODEL", model, "openai"
	span.Columns.Tokens = trace.Tokens{Input: in, Output: out, Total: in + out, CacheRead: -1, CacheWrite: -1, Reasoning: -1}
	span.Columns.Cost = trace.Cost{Input: in * 10, Output: out * 20, Total: in*10 + out*20}
	return span
}

func (s *tracingSuite) ingest(t *testing.T, spans ...trace.Span) {
	t.Helper()
	rejected, reason, err := s.Ingest(t.Context(), trace.Batch{ExperimentID: "7", Spans: spans})
	if err != nil || rejected != 0 {
		t.Fatalf("ingest: %d rejected (%s), %v", rejected, reason, err)
	}
}

func (s *tracingSuite) info(t *testing.T, n int) tracing.Info {
	t.Helper()
	info, err := s.Info(t.Context(), traceID(n))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func (s *tracingSuite) spans(t *testing.T, n int) []*trace.Span {
	t.Helper()
	var list []*trace.Span
	for span, err := range s.Spans(t.Context(), traceID(n)) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, span)
	}
	return list
}

func testSpansComeBack(t *testing.T, s *tracingSuite) {
	history := trace.StringValue(`[{"role":"user","content":"` + strings.Repeat("tell me more ", 20) + `"},{"role":"assistant","content":"` + strings.Repeat("well then ", 30) + `"}]`)
	var sent []trace.Span
	for n := 1; n <= 250; n++ {
		span := s.span(1, n, n-1, trace.Attr{Key: "gen_ai.input.messages", Value: history})
		span.Events = []trace.Event{{Time: span.Start + 5, Name: "said", Attrs: []trace.Attr{{Key: "what", Value: history}}}}
		span.Raw = trace.AppendSpan(nil, &span)
		sent = append(sent, span)
	}
	s.ingest(t, sent[:100]...)
	s.ingest(t, sent[100:]...)
	got := s.spans(t, 1)
	if len(got) != len(sent) {
		t.Fatalf("%d spans came back, want %d", len(got), len(sent))
	}
	for i, span := range got {
		if want := &sent[i]; span.ID != want.ID || !bytes.Equal(span.Raw, want.Raw) || span.Source.Scope != "suite" ||
			len(span.Source.Resource) != 1 || span.Columns.Type != "CHAIN" || span.Columns.Tokens != trace.NoTokens {
			t.Fatalf("span %d differs: %+v", i, span)
		}
	}
	one, err := s.Span(t.Context(), traceID(1), spanID(77))
	if err != nil || one.Name != "step 77" || len(one.Events) != 1 {
		t.Fatalf("one span: %+v, %v", one, err)
	}
	if _, err := s.Span(t.Context(), traceID(1), spanID(999)); !fault.Is(err, fault.NotFound) {
		t.Fatalf("a missing span: %v", err)
	}
	sk, err := s.Skeleton(t.Context(), traceID(1))
	if err != nil || len(sk.IDs) != 250 || sk.Parents[0] != -1 || sk.Parents[249] != 248 || sk.Starts[1] != 1e6 || len(sk.Orphans) != 0 {
		t.Fatalf("skeleton: %+v, %v", sk, err)
	}
}

func testOrderDoesNotMatter(t *testing.T, s *tracingSuite) {
	parts := [][]trace.Span{
		{llm(s.span(1, 3, 2), "gpt-4o", 100, 10), s.span(1, 2, 1)},
		{s.span(1, 1, 0)},
		{llm(s.span(1, 4, 1), "gpt-4o-mini", 50, 5)},
	}
	info := tracing.Info{ID: traceID(1), Experiment: "7", RequestTime: s.now.UnixMilli(), Duration: 1234, State: tracing.StateOK,
		Tags: map[string]string{"mlflow.traceName": "ask", "env": "prod"}, Metadata: map[string]string{"mlflow.trace.session": "c1"},
		RequestPreview: "hello"}
	steps := func(store *tracingSuite, order []int) {
		for _, i := range order {
			if i < len(parts) {
				store.ingest(t, parts[i]...)
			} else if _, err := store.StartTrace(t.Context(), info); err != nil {
				t.Fatal(err)
			}
		}
	}
	var want tracing.Info
	for i, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 3, 0, 0, 1, 3, 2}, {1, 3, 0, 2, 2, 1}} {
		n := 1
		if i > 0 { // another trace of the same making
			for p := range parts {
				for j := range parts[p] {
					parts[p][j].TraceID = traceID(i + 1)
					parts[p][j].Raw = trace.AppendSpan(nil, &parts[p][j])
				}
			}
			info.ID = traceID(i + 1)
			n = i + 1
		}
		steps(s, order)
		got := s.info(t, n)
		if got.Tokens.Total != 165 || got.Cost.Total != 1000+200+500+100 || got.Spans != 4 || !got.Complete || got.Name != "ask" ||
			got.Session != "c1" || got.Duration != 1234 || got.State != tracing.StateOK || got.Tags["service.name"] != "shop" || got.Tags["env"] != "prod" {
			t.Fatalf("order %v: %+v", order, got)
		}
		got.ID, got.Tags, got.Models = trace.ID{}, nil, nil
		if i == 0 {
			want = got
		} else if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("order %v:\n%+v\nwant\n%+v", order, got, want)
		}
	}
}

func testEndedReplacesOpen(t *testing.T, s *tracingSuite) {
	ended := llm(s.span(1, 1, 0), "gpt-4o", 10, 1)
	open := ended
	open.End, open.Columns.Tokens, open.Columns.Cost = 0, trace.NoTokens, trace.NoCost
	open.Raw = trace.AppendSpan(nil, &open)
	s.ingest(t, open)
	if info := s.info(t, 1); info.State != tracing.InProgress || info.Complete || info.Tokens.Total != -1 {
		t.Fatalf("open: %+v", info)
	}
	s.ingest(t, open, ended, open)
	s.ingest(t, open)
	s.ingest(t, ended)
	info := s.info(t, 1)
	if info.State != tracing.StateOK || !info.Complete || info.Tokens.Total != 11 || info.Spans != 1 || info.Duration != 10_000 {
		t.Fatalf("ended: %+v", info)
	}
	if spans := s.spans(t, 1); len(spans) != 1 || spans[0].End == 0 {
		t.Fatalf("spans: %+v", spans)
	}
}

func testFinalHeaderStays(t *testing.T, s *tracingSuite) {
	given := tracing.Info{ID: traceID(1), Experiment: "7", RequestTime: 5000, Duration: 70, State: tracing.StateError,
		Metadata: map[string]string{"mlflow.trace.tokenUsage": `{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}`}}
	if _, err := s.StartTrace(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	s.ingest(t, llm(s.span(1, 1, 0), "gpt-4o", 100, 10))
	info := s.info(t, 1)
	if info.RequestTime != 5000 || info.Duration != 70 || info.State != tracing.StateError || info.Tokens.Total != 7 || info.Cost.Total != 1200 {
		t.Fatalf("%+v", info)
	}
	if info.Metadata["mlflow.trace.tokenUsage"] == "" || info.Tags["mlflow.trace.spansLocation"] != "TRACKING_STORE" || info.Tags["mlflow.artifactLocation"] == "" {
		t.Fatalf("what MLflow's clients look for is missing: %+v", info)
	}
}

func testWorkspaces(t *testing.T, s *tracingSuite) {
	s.ingest(t, s.span(1, 1, 0))
	other := caller.With(t.Context(), caller.Caller{User: "eve", Workspace: "other"})
	if _, err := s.Info(other, traceID(1)); !fault.Is(err, fault.NotFound) {
		t.Fatalf("read: %v", err)
	}
	if err := s.SetTag(other, traceID(1), "a", "b"); !fault.Is(err, fault.NotFound) {
		t.Fatalf("tag: %v", err)
	}
	if _, err := s.StartTrace(other, tracing.Info{ID: traceID(1), State: tracing.StateOK}); !fault.Is(err, fault.NotFound) {
		t.Fatalf("start: %v", err)
	}
	rejected, reason, err := s.Ingest(other, trace.Batch{Spans: []trace.Span{s.span(1, 2, 1)}})
	if rejected != 1 || reason == "" || err != nil {
		t.Fatalf("ingest: %d %q %v", rejected, reason, err)
	}
	for _, err := range s.Spans(other, traceID(1)) {
		if !fault.Is(err, fault.NotFound) {
			t.Fatalf("spans: %v", err)
		}
	}
	if n, err := s.Delete(other, tracing.Deletion{IDs: []trace.ID{traceID(1)}}); n != 0 || err != nil {
		t.Fatalf("delete: %d, %v", n, err)
	}
	if got := s.info(t, 1); got.Spans != 1 {
		t.Fatalf("%+v", got)
	}
}

func testTagsAndLinks(t *testing.T, s *tracingSuite) {
	s.ingest(t, s.span(1, 1, 0))
	if err := s.SetTag(t.Context(), traceID(1), "env", "prod"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetTag(t.Context(), traceID(1), "env", "stage"); err != nil {
		t.Fatal(err)
	}
	if got := s.info(t, 1).Tags["env"]; got != "stage" {
		t.Fatalf("tag: %q", got)
	}
	if err := s.SetTag(t.Context(), traceID(1), strings.Repeat("k", 251), "v"); !fault.Is(err, fault.Invalid) {
		t.Fatalf("long key: %v", err)
	}
	if err := s.DeleteTag(t.Context(), traceID(1), "env"); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteTag(t.Context(), traceID(1), "env"); !fault.Is(err, fault.NotFound) {
		t.Fatalf("second delete: %v", err)
	}
	if err := s.LinkRun(t.Context(), "run1", []trace.ID{traceID(1), traceID(99)}); err != nil {
		t.Fatal(err)
	}
	p := []tracing.Prompt{{Name: "greet", Version: "3"}}
	for range 2 {
		if err := s.LinkPrompts(t.Context(), traceID(1), p); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.info(t, 1).Prompts; len(got) != 1 || got[0] != p[0] {
		t.Fatalf("prompts: %v", got)
	}
	if err := s.LinkPrompts(t.Context(), traceID(99), p); !fault.Is(err, fault.NotFound) {
		t.Fatalf("prompts of nothing: %v", err)
	}
}

func testAssessments(t *testing.T, s *tracingSuite) {
	s.ingest(t, s.span(1, 1, 0))
	why := "because"
	first, err := s.CreateAssessment(t.Context(), tracing.Assessment{TraceID: traceID(1), Name: "good", Kind: tracing.Feedback,
		Value: []byte("true"), Rationale: &why, Source: tracing.AssessmentSource{Type: "HUMAN", ID: "ann"}, RunID: "r1"})
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.CreateAssessment(t.Context(), tracing.Assessment{TraceID: traceID(1), Name: "good", Value: []byte(`{"a":1}`), Overrides: first.ID})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Assessment(t.Context(), traceID(1), first.ID); err != nil || got.Valid || *got.Rationale != why || got.Source.ID != "ann" {
		t.Fatalf("overridden: %+v, %v", got, err)
	}
	name := "better"
	got, err := s.UpdateAssessment(t.Context(), traceID(1), second.ID, tracing.AssessmentChange{Name: &name, Value: []byte("3.5"), Metadata: map[string]string{"k": "v"}})
	if err != nil || got.Name != "better" || string(got.Value) != "3.5" || got.Metadata["k"] != "v" {
		t.Fatalf("update: %+v, %v", got, err)
	}
	if _, err := s.UpdateAssessment(t.Context(), traceID(1), second.ID, tracing.AssessmentChange{Kind: tracing.Expectation, Value: []byte("1")}); !fault.Is(err, fault.Invalid) {
		t.Fatalf("another kind: %v", err)
	}
	if list := s.info(t, 1).Assessments; len(list) != 2 || list[1].ID != second.ID {
		t.Fatalf("list: %+v", list)
	}
	if err := s.DeleteAssessment(t.Context(), traceID(1), second.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteAssessment(t.Context(), traceID(1), second.ID); err != nil {
		t.Fatalf("again: %v", err)
	}
	if got, err := s.Assessment(t.Context(), traceID(1), first.ID); err != nil || !got.Valid {
		t.Fatalf("restored: %+v, %v", got, err)
	}
	for _, bad := range []tracing.Assessment{{TraceID: traceID(1), Name: "x", Value: []byte("{")}, {TraceID: traceID(1), Name: "x", Kind: "odd"}} {
		if _, err := s.CreateAssessment(t.Context(), bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := s.CreateAssessment(t.Context(), tracing.Assessment{TraceID: traceID(9), Name: "x"}); !fault.Is(err, fault.NotFound) {
		t.Fatalf("of no trace: %v", err)
	}
	if _, err := s.CreateAssessment(t.Context(), tracing.Assessment{TraceID: traceID(1), Name: "x", Overrides: "a-none"}); !fault.Is(err, fault.NotFound) {
		t.Fatalf("overriding nothing: %v", err)
	}
	if err := s.DeleteAssessmentsOfRun(t.Context(), "r1"); err != nil {
		t.Fatal(err)
	}
	if list := s.info(t, 1).Assessments; len(list) != 0 {
		t.Fatalf("after the run went: %+v", list)
	}
}

func testDelete(t *testing.T, s *tracingSuite) {
	for n := 1; n <= 5; n++ {
		s.ingest(t, s.span(n, n, 0))
	}
	if n, err := s.Delete(t.Context(), tracing.Deletion{Experiment: "7", IDs: []trace.ID{traceID(2), traceID(42)}}); n != 1 || err != nil {
		t.Fatalf("by id: %d, %v", n, err)
	}
	if n, err := s.Delete(t.Context(), tracing.Deletion{Experiment: "8", IDs: []trace.ID{traceID(1)}}); n != 0 || err != nil {
		t.Fatalf("of another experiment: %d, %v", n, err)
	}
	if n, err := s.Delete(t.Context(), tracing.Deletion{Experiment: "7", Before: s.now.Add(4 * time.Second).UnixMilli(), Max: 2}); n != 2 || err != nil {
		t.Fatalf("by time: %d, %v", n, err)
	}
	for n, there := range map[int]bool{1: false, 2: false, 3: false, 4: true, 5: true} {
		_, err := s.Info(t.Context(), traceID(n))
		if (err == nil) != there {
			t.Errorf("trace %d: %v", n, err)
		}
	}
	if _, err := s.Delete(t.Context(), tracing.Deletion{}); !fault.Is(err, fault.Invalid) {
		t.Fatalf("delete of nothing: %v", err)
	}
	// What is sent again is a new trace.
	s.ingest(t, s.span(2, 2, 0))
	if got := s.info(t, 2); got.Spans != 1 || len(s.spans(t, 2)) != 1 {
		t.Fatalf("%+v", got)
	}
}

func testRemovedPartition(t *testing.T, s *tracingSuite) {
	s.ingest(t, s.span(1, 1, 0))
	s.set(s.now.Add(24 * time.Hour))
	s.ingest(t, s.span(2, 2, 0))
	if n, err := s.RemovePartition(t.Context(), 20260304); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if _, err := s.Info(t.Context(), traceID(1)); !fault.Is(err, fault.NotFound) {
		t.Fatalf("info: %v", err)
	}
	if _, err := s.RemovePartition(t.Context(), 20260305); !fault.Is(err, fault.State) {
		t.Fatalf("today's: %v", err)
	}
	if got := s.info(t, 2); got.Partition != 20260305 || len(s.spans(t, 2)) != 1 {
		t.Fatalf("%+v", got)
	}
	parts, err := s.Partitions(t.Context())
	if err != nil || len(parts) != 1 || parts[0].Spans != 1 {
		t.Fatalf("%+v, %v", parts, err)
	}
}

// ManySenders sends the parts of a few traces from many goroutines, in any
// order and several times, through each of stores, which are one: and checks
// that everything is there once.
func ManySenders(t *testing.T, stores ...tracing.Store) {
	const traces, parts, perPart = 6, 8, 5
	s := &tracingSuite{now: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)}
	var senders []*tracing.Service
	for _, st := range stores {
		senders = append(senders, tracing.New(st, s.log(), tracing.Config{Now: func() time.Time { return s.now }}))
	}
	s.Service, s.store = senders[0], stores[0]
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			sender := senders[g%len(senders)]
			r := rand.New(rand.NewPCG(9, uint64(g)))
			for _, k := range r.Perm(traces * (parts + 1)) {
				n, part := 1+k%traces, k/traces
				var err error
				if part == parts {
					_, err = sender.StartTrace(t.Context(), tracing.Info{ID: traceID(n), Experiment: "7", RequestTime: 1000, Duration: 5, State: tracing.StateOK,
						Tags: map[string]string{"sent": "yes"}})
				} else {
					var spans []trace.Span
					for i := range perPart {
						id := part*perPart + i + 1
						parent := 1
						if id == 1 {
							parent = 0
						}
						spans = append(spans, llm(s.span(n, id, parent), "gpt-4o", 10, 1))
					}
					_, _, err = sender.Ingest(t.Context(), trace.Batch{ExperimentID: "7", Spans: spans})
				}
				if err != nil {
					t.Errorf("trace %d, part %d: %v", n, part, err)
				}
			}
		})
	}
	wg.Wait()
	for n := 1; n <= traces; n++ {
		info := s.info(t, n)
		// The root is a call around the others, so only it counts.
		if info.Spans != parts*perPart || info.Tokens.Total != 11 || info.Duration != 5 || info.Tags["sent"] != "yes" || !info.Complete {
			t.Errorf("trace %d: %+v", n, info)
		}
		if got := len(s.spans(t, n)); got != parts*perPart {
			t.Errorf("trace %d: %d spans", n, got)
		}
	}
}
