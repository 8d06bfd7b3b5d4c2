package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// testSessions: every order pages through all sessions, once each, and a
// session's turns are found by place.
func testSessions(t *testing.T, s *tracingSuite) {
	s.sample(t)
	for n := 11; n <= 30; n++ { // sessions of 1 to 4 turns, some of them failed
		root := s.span(n, n, 0)
		root.Columns.Session, root.Columns.User = fmt.Sprintf("s%d/ %%_", n%7), fmt.Sprint("user", n%2)
		root.End, root.Status = root.Start+int64(n)*1e6, trace.OK
		if n%5 == 0 {
			root.Status = trace.Error
		}
		root.Raw = trace.AppendSpan(nil, &root)
		if _, _, err := s.Ingest(t.Context(), trace.Batch{ExperimentID: "7", Spans: []trace.Span{root, llm(s.span(n, 200+n, n), "gpt-9", int64(n), 1)}}); err != nil {
			t.Fatal(err)
		}
		if n%4 == 0 {
			if _, err := s.CreateAssessment(t.Context(), tracing.Assessment{TraceID: traceID(n), Name: "rate", Kind: tracing.Feedback, Value: fmt.Append(nil, n)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole, _, err := s.Sessions(t.Context(), tracing.SessionQuery{})
	if err != nil || len(whole) != 9 {
		t.Fatalf("%d sessions, %v", len(whole), err)
	}
	key := map[string]func(tracing.Session) float64{
		"last": func(x tracing.Session) float64 { return 0 }, "first": func(x tracing.Session) float64 { return float64(x.First) },
		"turns": func(x tracing.Session) float64 { return float64(x.Traces) }, "errors": func(x tracing.Session) float64 { return float64(x.Errors) },
		"tokens": func(x tracing.Session) float64 { return float64(x.Tokens) }, "cost": func(x tracing.Session) float64 { return float64(x.Cost) },
		"duration": func(x tracing.Session) float64 { return float64(x.Last - x.First) },
		"score": func(x tracing.Session) float64 {
			if x.Worst == nil {
				return 1e300
			}
			return x.Worst.Value
		},
	}
	for _, order := range tracing.SessionOrders {
		for _, ascending := range []bool{false, true} {
			seen, last, token := map[string]bool{}, 0.0, ""
			for page := 0; page == 0 || token != ""; page++ {
				list, next, err := s.Sessions(t.Context(), tracing.SessionQuery{Order: order, Ascending: ascending, Limit: 2, Token: token})
				if err != nil {
					t.Fatalf("%s: %v", order, err)
				}
				for _, one := range list {
					v := key[order](one)
					if seen[one.ID] {
						t.Errorf("%s: %s came twice", order, one.ID)
					}
					if len(seen) > 0 && (ascending && v < last || !ascending && v > last) {
						t.Errorf("by %s, ascending %v: %v after %v", order, ascending, v, last)
					}
					seen[one.ID], last = true, v
				}
				token = next
			}
			if len(seen) != len(whole) {
				t.Errorf("by %s, ascending %v: %d of %d sessions", order, ascending, len(seen), len(whole))
			}
		}
	}
	if _, _, err := s.Sessions(t.Context(), tracing.SessionQuery{Order: "luck"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown order: %v", err)
	}
	for text, want := range map[string]int{"S1/": 1, "%": 7, "_": 7, `\`: 0, "ser1": 7, "nothing": 0} {
		if list, _, err := s.Sessions(t.Context(), tracing.SessionQuery{Text: text}); err != nil || len(list) != want {
			t.Errorf("%d sessions of %q, want %d: %v", len(list), text, want, err)
		}
	}

	const id = "s6/ %_" // turns 13, 20, 27: the second failed, and has the score 20
	d, err := s.Session(t.Context(), id)
	if err != nil || d.Traces != 3 || d.Errors != 1 || !slices.Equal(d.Failed, []int{1}) || !slices.Equal(d.Users, []string{"user0", "user1"}) ||
		!slices.Equal(d.Models, []string{"gpt-9"}) || d.Worst == nil || d.Worst.Value != 20 || len(d.Scores) != 1 || d.Scores[0] != (tracing.SessionScoreOfName{Name: "rate", N: 1, Mean: 20, Min: 20}) {
		t.Fatalf("%+v, %v", d, err)
	}
	if _, err := s.Session(t.Context(), "nobody"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a session nobody had: %v", err)
	}
	turns, err := s.Turns(t.Context(), id, 1, 5)
	if err != nil || len(turns) != 2 || turns[0].ID != traceID(20) || turns[1].ID != traceID(27) || len(turns[0].Assessments) != 1 {
		t.Fatalf("%+v, %v", turns, err)
	}
}

// testBulk: one change of many traces passes over those that are gone.
func testBulk(t *testing.T, s *tracingSuite) {
	s.sample(t)
	ids := []trace.ID{traceID(1), traceID(2), traceID(99)}
	for _, c := range []tracing.BulkChange{{SetTag: &tracing.BulkTag{Key: "seen", Value: "yes"}}, {Untag: "parity"}, {Assess: &tracing.Assessment{Name: "fine", Kind: tracing.Feedback, Value: []byte("true")}}} {
		if n, err := s.Change(t.Context(), ids, c); n != 2 || err != nil {
			t.Fatalf("%+v: %d, %v", c, n, err)
		}
	}
	info, err := s.Info(t.Context(), ids[1])
	if _, parity := info.Tags["parity"]; err != nil || info.Tags["seen"] != "yes" || parity || info.Assessments[len(info.Assessments)-1].Name != "fine" {
		t.Fatalf("%+v, %v", info, err)
	}
	if n, err := s.Change(t.Context(), ids, tracing.BulkChange{Delete: true}); n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	for _, c := range []tracing.BulkChange{{}, {Delete: true, Untag: "x"}, {SetTag: &tracing.BulkTag{}}, {Assess: &tracing.Assessment{Kind: "mood"}}} {
		if _, err := s.Change(t.Context(), ids, c); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
