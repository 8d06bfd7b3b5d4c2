package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// testCompact: whatever is added, deleted and rewritten in whatever order,
// what is read equals a model that only adds and deletes.
func testCompact(t *testing.T, s *tracingSuite) {
	rnd := rand.New(rand.NewPCG(7, 11))
	ctx := t.Context()
	model := map[trace.ID][]trace.Span{}
	next := 1
	first := dayNumber(s.now)
	for step := range 60 {
		switch op := rnd.IntN(10); {
		case op < 5: // a new trace
			var spans []trace.Span
			for n := range 1 + rnd.IntN(4) {
				shared := strings.Repeat(fmt.Sprintf("history %d ", rnd.IntN(3)), 30)
				spans = append(spans, s.span(next, n+1, n, trace.Attr{Key: "input.value", Value: trace.StringValue(shared)}))
			}
			s.ingest(t, spans...)
			model[traceID(next)] = spans
			next++
		case op < 6 && len(model) > 0: // a late span of an old one
			id := anyTrace(rnd, model)
			var n int
			fmt.Sscanf(string(id[:]), "%d", &n)
			span := s.span(n, 50+step, 1)
			s.ingest(t, span)
			model[id] = append(model[id], span)
		case op < 8 && len(model) > 0:
			id := anyTrace(rnd, model)
			if got, err := s.Purge(ctx, []trace.ID{id}); err != nil || got != 1 {
				t.Fatal(got, err)
			}
			delete(model, id)
		default:
			if _, _, err := s.Compact(ctx, first); err != nil && len(model) > 0 {
				t.Fatal(err)
			}
		}
		if step == 30 { // the day is over
			s.now = s.now.Add(24 * time.Hour)
		}
		if step%10 == 9 {
			s.equals(t, model)
		}
	}
	for _, p := range must(s.Partitions(ctx))(t) {
		if _, _, err := s.Compact(ctx, p.Day); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.SweepLabels(ctx); err != nil {
		t.Fatal(err)
	}
	s.equals(t, model)
}

func dayNumber(t time.Time) int {
	y, m, d := t.UTC().Date()
	return y*10000 + int(m)*100 + d
}

func anyTrace(rnd *rand.Rand, model map[trace.ID][]trace.Span) trace.ID {
	best, at := trace.ID{}, rnd.IntN(len(model))
	ids := make([]trace.ID, 0, len(model))
	for id := range model {
		ids = append(ids, id)
	}
	// Maps have no order; tests have one.
	for range at + 1 {
		low := -1
		for i, id := range ids {
			if low < 0 || string(id[:]) < string(ids[low][:]) {
				low = i
			}
		}
		best = ids[low]
		ids = append(ids[:low], ids[low+1:]...)
	}
	return best
}

// equals compares everything that is read with the model.
func (s *tracingSuite) equals(t *testing.T, model map[trace.ID][]trace.Span) {
	t.Helper()
	page, err := s.Search(t.Context(), tracing.Search{Limit: 10000, Bare: true})
	if err != nil || len(page.Infos) != len(model) {
		t.Fatalf("%d traces are found, not %d: %v", len(page.Infos), len(model), err)
	}
	for id, spans := range model {
		want := map[trace.SpanID]string{}
		for i := range spans {
			want[spans[i].ID] = string(trace.AppendSpan(nil, &spans[i]))
		}
		n := 0
		for span, err := range s.Spans(t.Context(), id) {
			if err != nil {
				t.Fatal(id, err)
			}
			if n++; string(span.Raw) != want[span.ID] {
				t.Fatalf("span %s of %s is another", span.ID, id)
			}
		}
		if n != len(want) {
			t.Fatalf("%s has %d spans, not %d", id, n, len(want))
		}
		var number int
		fmt.Sscanf(string(id[:]), "%d", &number)
		found, err := s.Search(t.Context(), tracing.Search{Query: tracing.Query{Text: fmt.Sprintf(`"note 1 of %d"`, number)}, Limit: 10})
		if err != nil || len(found.Infos) != 1 || found.Infos[0].ID != id {
			t.Fatalf("full text of %s finds %d: %v", id, len(found.Infos), err)
		}
	}
}

// testCompactWhileOthersWork: senders and readers go on while a day is
// rewritten again and again, and nothing is lost.
func testCompactWhileOthersWork(t *testing.T, s *tracingSuite) {
	ctx, stop := context.WithCancel(t.Context())
	day := dayNumber(s.now)
	s.ingest(t, s.span(1, 1, 0))
	var wg sync.WaitGroup
	wg.Go(func() {
		defer stop()
		for n := 2; n <= 120; n++ {
			s.ingest(t, s.span(n, 1, 0), s.span(n, 2, 1))
			if n%3 == 0 {
				if _, err := s.Purge(t.Context(), []trace.ID{traceID(n - 1)}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			for span, err := range s.Spans(t.Context(), traceID(1)) {
				if err != nil || span.Name != "step 1" {
					t.Error(span, err)
					return
				}
			}
		}
	})
	for ctx.Err() == nil {
		if _, _, err := s.Compact(t.Context(), day); err != nil {
			t.Error(err)
			break
		}
	}
	wg.Wait()
	for n := 1; n <= 120; n++ {
		spans := 0
		for _, err := range s.Spans(t.Context(), traceID(n)) {
			if err == nil {
				spans++
			}
		}
		want := 2
		if n == 1 {
			want = 1
		} else if n%3 == 2 {
			want = 0
		}
		if spans != want {
			t.Errorf("trace %d has %d spans, not %d", n, spans, want)
		}
	}
}

// testDayFacts are what retention asks.
func testDayFacts(t *testing.T, s *tracingSuite) {
	day := dayNumber(s.now)
	s.ingest(t, s.span(1, 1, 0), s.span(2, 1, 0))
	if err := s.SetTag(t.Context(), traceID(2), "assay.keep", "true"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Ingest(inWorkspace(t.Context(), "other"), trace.Batch{ExperimentID: "0", Spans: []trace.Span{s.span(3, 1, 0)}}); err != nil {
		t.Fatal(err)
	}
	f, err := s.DayFacts(t.Context(), day, "assay.keep")
	if err != nil || f.Traces != 2 || f.Others != 1 || f.Pinned != 1 || f.Newest != s.now.Add(time.Second).UnixMilli() {
		t.Errorf("%+v %v", f, err)
	}
	list, _, err := s.DayTraces(t.Context(), day, 0, 10)
	if err != nil || len(list) != 3 {
		t.Error(list, err)
	}
	if dead, err := s.Dead(t.Context(), day); err != nil || dead != 0 {
		t.Error(dead, err)
	}
	if _, err := s.Purge(t.Context(), []trace.ID{traceID(1)}); err != nil {
		t.Fatal(err)
	}
	// A store that does not count says 1: something is dead.
	if dead, err := s.Dead(t.Context(), day); err != nil || dead != 1 && (dead < 0.3 || dead > 0.4) {
		t.Error(dead, err)
	}
	a, err := s.CreateAssessment(t.Context(), tracing.Assessment{TraceID: traceID(2), Name: "x", Value: []byte("1"), Source: tracing.AssessmentSource{Type: "HUMAN", ID: "jane"}})
	if err != nil {
		t.Fatal(a, err)
	}
	if n, err := s.CountAssessmentsOf(t.Context(), "jane"); n != 1 || err != nil {
		t.Error(n, err)
	}
	if n, err := s.DeleteAssessmentsOf(t.Context(), "jane"); n != 1 || err != nil {
		t.Error(n, err)
	}
	if err := s.DeleteTag(t.Context(), traceID(2), "assay.keep"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SweepLabels(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A label that was swept can be used again.
	if err := s.SetTag(t.Context(), traceID(2), "assay.keep", "true"); err != nil {
		t.Fatal(err)
	}
	expr := must(filter.Parse(filter.Traces, "tags.`assay.keep` = 'true'"))(t)
	page, err := s.Search(t.Context(), tracing.Search{Query: tracing.Query{Filter: expr}, Limit: 5})
	if err != nil || len(page.Infos) != 1 {
		t.Error(len(page.Infos), err)
	}
}

func inWorkspace(ctx context.Context, name string) context.Context {
	return caller.With(ctx, caller.Caller{User: "u", Role: caller.Admin, Workspace: name})
}
