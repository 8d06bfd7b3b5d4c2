package storetest

import (
	"fmt"
	"math"
	"testing"

	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// testPromptUses: traces and scores count for the version they are linked to,
// also when another prompt's name begins alike, and once a trace.
func testPromptUses(t *testing.T, s *tracingSuite) {
	for n := 1; n <= 12; n++ {
		root := s.span(n, n, 0)
		root.Raw = trace.AppendSpan(nil, &root)
		run := ""
		if n <= 4 {
			run = fmt.Sprintf("run%d", n%2)
		}
		if _, _, err := s.Ingest(t.Context(), trace.Batch{ExperimentID: "7", RunID: run, Spans: []trace.Span{root}}); err != nil {
			t.Fatal(err)
		}
		link := tracing.Prompt{Name: "greet", Version: fmt.Sprint(1 + n%2)}
		if n > 10 {
			link.Name = "greet0" // sorts next to greet/…
		}
		if err := s.LinkPrompts(t.Context(), traceID(n), []tracing.Prompt{link}); err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{fmt.Sprint(n), fmt.Sprint(n + 2), `"no number"`}[:1+n%3] {
			if _, err := s.CreateAssessment(t.Context(), tracing.Assessment{TraceID: traceID(n), Name: "score", Kind: tracing.Feedback, Value: []byte(value)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	uses, exact, err := s.PromptUses(t.Context(), "greet")
	if err != nil || !exact || len(uses) != 2 {
		t.Fatalf("%d versions, exact %v, %v", len(uses), exact, err)
	}
	for i, u := range uses {
		if u.Version != fmt.Sprint(i+1) || u.Traces != 5 || u.First > u.Last || len(u.Runs) != 1 || u.Runs[0].Traces != 2 {
			t.Errorf("version %s: %+v", u.Version, u)
		}
		// Trace n was given n alone, or n and n+2, whose mean is n+1; the text is no number.
		var sum float64
		for n := 1; n <= 10; n++ {
			if 1+n%2 == i+1 {
				sum += float64(n) + map[bool]float64{true: 1}[n%3 > 0]
			}
		}
		if len(u.Scores) != 1 || u.Scores[0].N != 5 || math.Abs(u.Scores[0].Mean-sum/5) > 1e-9 || !(u.Scores[0].Deviation > 0) {
			t.Errorf("version %s: %+v, want a mean of %v", u.Version, u.Scores, sum/5)
		}
	}
	if uses, _, err := s.PromptUses(t.Context(), "nobody"); err != nil || len(uses) != 0 {
		t.Errorf("%v %v", uses, err)
	}
}
