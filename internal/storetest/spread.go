package storetest

import (
	"fmt"
	"testing"

	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// testWorkspaceOrders pages through the traces of several experiments by
// duration, and finds a name in all of them.
func testWorkspaceOrders(t *testing.T, s *tracingSuite) {
	const n = 30
	for i := 1; i <= n; i++ {
		span := s.span(i, 1, 0)
		span.Name = fmt.Sprint("name ", i%4)
		span.End = span.Start + int64(i*7%n+1)*1e9
		span.Raw = trace.AppendSpan(nil, &span)
		if _, _, err := s.Ingest(t.Context(), trace.Batch{ExperimentID: fmt.Sprint(i % 3), Spans: []trace.Span{span}}); err != nil {
			t.Fatal(err)
		}
	}
	q := tracing.Search{Limit: 4, Order: []filter.Order{{Field: filter.Field{Group: filter.Attribute, Key: "execution_time_ms"}, Desc: true}}}
	seen, last := 0, int64(1)<<40
	for {
		page, err := s.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Infos {
			if seen++; i.Duration > last {
				t.Errorf("%d ms after %d ms", i.Duration, last)
			}
			last = i.Duration
		}
		if q.Token = page.Next; q.Token == "" {
			break
		}
	}
	if seen != n {
		t.Errorf("%d traces on all pages, want %d", seen, n)
	}
	for name, want := range map[string]int{"name 1": 8, "nobody": 0} {
		if got := s.found(t, "attributes.name = '"+name+"'"); got != want {
			t.Errorf("%d traces are called %s, want %d", got, name, want)
		}
	}
}
