package storetest

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// monitored asks for a monitor over the suite's whole day and checks that
// nothing waits any more.
func (s *tracingSuite) monitored(t *testing.T, q tracing.MonitorQuery) tracing.Monitor {
	t.Helper()
	if q.To == 0 {
		q.From, q.To = s.now.Add(-3*time.Hour).UnixMilli(), s.now.Add(6*time.Hour).UnixMilli()
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		m, err := s.Monitor(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if m.Lag == 0 {
			return m
		}
		if time.Now().After(deadline) {
			t.Fatalf("still %v behind", m.Lag)
		}
	}
}

var monitorDimensions = []string{"total", "name", "version", "user", "state", "tag.env", "model", "provider", "node", "tool", "agent", "type", "span", "error", "score", "experiment"}

// naive folds all traces of all time one by one, which is what the rollups
// must say too.
func (s *tracingSuite) naive(t *testing.T, by string, from, to, width int64) map[string]map[int64]tracing.Measures {
	t.Helper()
	out := map[string]map[int64]tracing.Measures{}
	// A filter that every trace meets makes the service fold.
	f, err := filter.Parse(filter.Traces, "attributes.timestamp_ms >= 0 AND attributes.timestamp_ms >= 0")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Monitor(t.Context(), tracing.MonitorQuery{By: by, From: from, To: to, Bucket: time.Duration(width) * time.Millisecond, Filter: f, Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	if !m.Exact || m.Folded == 0 {
		t.Fatalf("the naive fold is not exact: %d folded", m.Folded)
	}
	for _, series := range m.Series {
		out[series.Value] = pointsOf(m, series)
	}
	return out
}

func pointsOf(m tracing.Monitor, s tracing.MonitorSeries) map[int64]tracing.Measures {
	out := map[int64]tracing.Measures{}
	for i, p := range s.Points {
		if p != nil {
			out[m.Start+int64(i)*m.Bucket] = *p
		}
	}
	return out
}

func sameMeasures(a, b tracing.Measures) bool {
	near := func(x, y float64) bool { return math.Abs(x-y) <= 1e-6*max(1, math.Abs(x)) }
	quantiles := a.Duration.N() == b.Duration.N() && a.Duration.Quantile(.5) == b.Duration.Quantile(.5) && a.Duration.Quantile(.99) == b.Duration.Quantile(.99)
	scores := near(a.Score, b.Score) && near(a.ScoreSquares, b.ScoreSquares)
	return quantiles && scores && fmt.Sprint(plain(a)) == fmt.Sprint(plain(b))
}

func plain(m tracing.Measures) []int64 {
	return []int64{m.Traces, m.Spans, m.Errors, m.Open, m.Tools, m.Calls, m.TokensIn, m.TokensOut, m.Tokens, m.CacheRead, m.Cost, m.Unpriced, m.Time, m.Self, m.Scores}
}

// agree checks that every dimension says the same from rollups as from a
// fold over everything, in whole hours, in minutes, and over a range whose
// edges are inside hours.
func (s *tracingSuite) agree(t *testing.T, when string) {
	t.Helper()
	for _, r := range []struct {
		from, to time.Duration
		width    time.Duration
	}{{-3 * time.Hour, 6 * time.Hour, time.Hour}, {-17 * time.Minute, 2*time.Hour + 11*time.Minute, time.Hour}, {-time.Hour, time.Hour, time.Minute}} {
		from, to := s.now.Add(r.from).UnixMilli(), s.now.Add(r.to).UnixMilli()
		for _, by := range monitorDimensions {
			m := s.monitored(t, tracing.MonitorQuery{By: by, From: from, To: to, Bucket: r.width, Limit: 50})
			want := s.naive(t, by, from, to, r.width.Milliseconds())
			if len(m.Series) != len(want) {
				t.Fatalf("%s, by %s: %d series, want %d", when, by, len(m.Series), len(want))
			}
			for _, series := range m.Series {
				got, expected := pointsOf(m, series), want[series.Value]
				if len(got) != len(expected) {
					t.Fatalf("%s, by %s, %q: %d points, want %d", when, by, series.Value, len(got), len(expected))
				}
				for at, p := range got {
					if !sameMeasures(p, expected[at]) {
						t.Fatalf("%s, by %s, %q at %d:\n got %v %+v\nwant %v %+v", when, by, series.Value, at, plain(p), p.Duration, plain(expected[at]), expected[at].Duration)
					}
				}
			}
		}
	}
}

// agreeSums checks the figures and the histogram of a long time, which come
// from sums, against the headers.
func (s *tracingSuite) agreeSums(t *testing.T) {
	t.Helper()
	from, to := s.now.Add(-3*time.Hour-7*time.Minute).UnixMilli(), s.now.Add(6*time.Hour).UnixMilli()
	page, err := s.Search(t.Context(), tracing.Search{Query: tracing.Query{From: from, To: to}, Limit: 1000, Bare: true})
	if err != nil {
		t.Fatal(err)
	}
	want := tracing.Summary{Tokens: -1, Cost: -1}
	var bars [3]int64
	for _, i := range page.Infos {
		want.Traces++
		want.Spans += int64(i.Spans)
		want.Unpriced += int64(i.Unpriced)
		if i.Tokens.Total >= 0 {
			want.Tokens = max(0, want.Tokens) + i.Tokens.Total
		}
		if i.Cost.Total >= 0 {
			want.Cost = max(0, want.Cost) + i.Cost.Total
		}
		switch i.State {
		case tracing.StateError:
			want.Errors++
			bars[1]++
		case tracing.StateOK:
			bars[0]++
		default:
			bars[2]++
		}
	}
	got, err := s.Summary(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	got.P50, got.P95 = 0, 0
	if got != want {
		t.Errorf("summary %+v, want %+v", got, want)
	}
	for name, q := range map[string]tracing.Query{"range": {From: from, To: to}, "open": {}} {
		h, err := s.Histogram(t.Context(), q, 48)
		if err != nil {
			t.Fatal(err)
		}
		var sums [3]int64
		for i := range h.OK {
			sums[0] += h.OK[i]
			sums[1] += h.Error[i]
			sums[2] += h.Running[i]
		}
		if sums != bars || len(h.OK) > 48 {
			t.Errorf("histogram, %s: %v in %d bars, want %v", name, sums, len(h.OK), bars)
		}
	}
}

// randomTrace makes the spans of one trace somewhere in two hours.
func (s *tracingSuite) randomTrace(rnd *rand.Rand, n int) []trace.Span {
	start := s.now.Add(time.Duration(rnd.IntN(7200)) * time.Second)
	spans := []trace.Span{s.span(n, 1, 0)}
	for i := 2; i <= 1+rnd.IntN(9); i++ {
		spans = append(spans, s.span(n, i, 1+rnd.IntN(i-1)))
	}
	for i := range spans {
		sp := &spans[i]
		sp.Start = start.Add(time.Duration(i*200) * time.Millisecond).UnixNano()
		sp.End = sp.Start + int64(rnd.IntN(5000))*1e6
		switch rnd.IntN(5) {
		case 0:
			*sp = llm(*sp, []string{"small", "large"}[rnd.IntN(2)], int64(rnd.IntN(900)), int64(rnd.IntN(90)))
			if rnd.IntN(3) == 0 {
				sp.Columns.Cost = trace.NoCost
			}
		case 1:
			sp.Columns.Type, sp.Columns.Tool = "TOOL", []string{"search", "add"}[rnd.IntN(2)]
		case 2:
			sp.Columns.Node = []string{"plan", "act"}[rnd.IntN(2)]
		case 3:
			sp.Columns.Type, sp.Columns.Agent = "AGENT", "helper"
			sp.Attrs = append(sp.Attrs, trace.Attr{Key: tracing.TagAgentVersion, Value: trace.StringValue([]string{"1", "2"}[n%2])})
			if rnd.IntN(2) == 0 {
				sp.Columns.Aggregate, sp.Columns.Tokens.Total = true, 7000
			}
		}
		if rnd.IntN(6) == 0 {
			sp.Status, sp.Columns.ErrorType = trace.Error, []string{"", "ValueError", "Timeout"}[rnd.IntN(3)]
		}
		sp.Columns.User = fmt.Sprint("u", n%3)
		sp.Source = &trace.Source{Resource: []trace.Attr{{Key: "env", Value: trace.StringValue([]string{"prod", "test"}[n%2])}}}
		sp.Raw = trace.AppendSpan(nil, sp)
	}
	return spans
}

// testMonitor lets traces arrive in pieces, in any order and twice, changes
// and deletes some, and asks all the while.
func testMonitor(t *testing.T, s *tracingSuite) {
	rnd := rand.New(rand.NewPCG(5, 8))
	var waiting []trace.Span
	for n := 1; n <= 60; n++ {
		waiting = append(waiting, s.randomTrace(rnd, n)...)
	}
	waiting = append(waiting, waiting[:40]...) // repeated
	rnd.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] })
	for part := 0; len(waiting) > 0; part++ {
		k := min(len(waiting), 1+rnd.IntN(120))
		for _, e := range []string{"7", "8"} { // a trace stays where it was seen first
			var of []trace.Span
			for _, span := range waiting[:k] {
				if (span.TraceID[15]%2 == 0) == (e == "8") {
					of = append(of, span)
				}
			}
			if _, _, err := s.Ingest(t.Context(), trace.Batch{ExperimentID: e, Spans: of}); err != nil {
				t.Fatal(err)
			}
		}
		waiting = waiting[k:]
		if part%2 == 0 {
			s.agree(t, fmt.Sprintf("after part %d", part))
		}
	}
	s.agree(t, "after all parts")
	s.agreeSums(t)
	s.monitorChanges(t)
}

// monitorChanges alters what is there.
func (s *tracingSuite) monitorChanges(t *testing.T) {
	for n := 1; n <= 20; n++ {
		a := tracing.Assessment{TraceID: traceID(n), Name: "helpful", Value: []byte(fmt.Sprint(float64(n) / 20)), Source: tracing.AssessmentSource{Type: "CODE", ID: "x"}}
		made, err := s.CreateAssessment(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		if n%5 == 0 {
			if err := s.DeleteAssessment(t.Context(), traceID(n), made.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.agree(t, "after scores")
	if err := s.SetTag(t.Context(), traceID(3), "env", "stage"); err != nil {
		t.Fatal(err)
	}
	early := s.span(9, 90, 0)
	early.Start, early.End = s.now.Add(-2*time.Hour).UnixNano(), s.now.Add(-119*time.Minute).UnixNano()
	early.Raw = trace.AppendSpan(nil, &early)
	s.ingest(t, early) // moves the trace to another minute
	s.agree(t, "after a trace moved")
	if _, err := s.Delete(t.Context(), tracing.Deletion{Experiment: "8", IDs: []trace.ID{traceID(2), traceID(4), traceID(6)}}); err != nil {
		t.Fatal(err)
	}
	s.agree(t, "after a deletion by id")
	if _, err := s.Delete(t.Context(), tracing.Deletion{Experiment: "7", Before: s.now.Add(time.Hour).UnixMilli()}); err != nil {
		t.Fatal(err)
	}
	s.agree(t, "after a deletion by time")
}

// testMonitorQueries checks limits, orders, filters and the rest.
func testMonitorQueries(t *testing.T, s *tracingSuite) {
	for n := 1; n <= 30; n++ {
		root := s.span(n, 1, 0)
		root.Name = fmt.Sprintf("job %d", min(n, 12)) // 12 is the largest
		root.Raw = trace.AppendSpan(nil, &root)
		s.ingest(t, root)
	}
	m := s.monitored(t, tracing.MonitorQuery{By: "name", Limit: 3})
	if len(m.Series) != 4 || m.Series[0].Value != "job 12" || m.Series[0].Total.Traces != 19 || !m.Series[3].Other || m.More != 9 {
		t.Fatalf("series: %+v", m.Series)
	}
	sum := int64(0)
	for _, x := range m.Series {
		sum += x.Total.Traces
	}
	if sum != 30 || m.Whole.Total.Traces != 30 {
		t.Errorf("the series hold %d traces, the whole %d, want 30", sum, m.Whole.Total.Traces)
	}
	f, _ := filter.Parse(filter.Traces, "attributes.name = 'job 12'")
	if m = s.monitored(t, tracing.MonitorQuery{Filter: f}); m.Folded != 0 || m.Whole.Total.Traces != 19 {
		t.Errorf("filtered by one value: %d folded, %+v", m.Folded, m.Whole.Total)
	}
	if m = s.monitored(t, tracing.MonitorQuery{Filter: f, By: "type"}); m.Folded != 19 || len(m.Series) != 1 || m.Series[0].Total.Spans != 19 || m.Whole.Total.Traces != 19 {
		t.Errorf("filtered and grouped: %d folded, %+v", m.Folded, m.Series)
	}
	if m = s.monitored(t, tracing.MonitorQuery{By: "name", Values: []string{"job 3", "no such"}}); len(m.Series) != 1 || m.Series[0].Total.Traces != 1 {
		t.Errorf("by values: %+v", m.Series)
	}
	for _, bad := range []tracing.MonitorQuery{{By: "colour"}, {By: "tag"}, {Order: "size"}, {From: 5, To: 5}, {Bucket: time.Second}, {From: 1, To: 1 << 50, Bucket: time.Minute}} {
		if bad.To == 0 {
			bad.To = 1e6
		}
		if _, err := s.Monitor(t.Context(), bad); err == nil {
			t.Errorf("no error for %+v", bad)
		}
	}
	many := make([]int, 0, 500)
	for n := range 500 {
		many = append(many, n)
	}
	slices.SortFunc(many, func(a, b int) int { return cmp.Compare(b, a) })
	for _, n := range many[:450] {
		root := s.span(1000+n, 1, 0)
		root.Columns.User = fmt.Sprintf("user %03d", n)
		root.Raw = trace.AppendSpan(nil, &root)
		s.ingest(t, root)
	}
	m = s.monitored(t, tracing.MonitorQuery{By: "user", Limit: 50})
	rest := m.Series[len(m.Series)-1]
	if m.Exact || !rest.Other || rest.Total.Traces != 400 || m.Whole.Total.Traces != 480 {
		t.Errorf("beyond what is told apart: exact %v, rest %+v, whole %+v", m.Exact, rest.Total, m.Whole.Total)
	}
}
