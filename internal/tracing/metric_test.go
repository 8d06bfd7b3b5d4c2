package tracing

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

func TestAggregations(t *testing.T) {
	sorted := []float64{1, 2, 4, 9}
	tests := map[Aggregation]float64{
		{Kind: CountOf}: 4, {Kind: Sum}: 16, {Kind: Average}: 4, {Kind: Minimum}: 1, {Kind: Maximum}: 9,
		{Kind: Percentile, Percentile: 0}: 1, {Kind: Percentile, Percentile: 50}: 3, {Kind: Percentile, Percentile: 100}: 9,
		{Kind: Percentile, Percentile: 90}: 7.5,
	}
	for a, want := range tests {
		if got := a.of(sorted); math.Abs(got-want) > 1e-12 {
			t.Errorf("%v of %v is %v, want %v", a, sorted, got, want)
		}
	}
	if got := (Aggregation{Kind: Percentile, Percentile: 99}).of([]float64{5}); got != 5 {
		t.Errorf("of one value: %v", got)
	}
}

func TestGathering(t *testing.T) {
	info := func(at int64, name, session string, state State, tokens int64) *Info {
		return &Info{RequestTime: at, Name: name, Session: session, State: state, Duration: -1,
			Tokens: trace.Tokens{Input: -1, Output: -1, Total: tokens, CacheRead: -1, CacheWrite: -1, Reasoning: -1},
			Assessments: []Assessment{{Name: "good", Value: json.RawMessage("true"), Valid: true},
				{Name: "good", Value: json.RawMessage("false")}, {Name: "note", Value: json.RawMessage(`"x"`), Valid: true}}}
	}
	infos := []*Info{info(500, "a", "s", StateOK, 10), info(1500, "a", "s", StateError, -1), info(-1, "b", "", StateOK, 30), info(600, "", "", StateOK, 5)}
	one := []Aggregation{{Kind: CountOf}}
	tests := []struct {
		q    MetricsQuery
		want string
	}{
		{MetricsQuery{View: Traces, Metric: "trace_count", Aggregations: one}, "[{0 [] [4]}]"},
		{MetricsQuery{View: Traces, Metric: "trace_count", Aggregations: one, Dimensions: []string{"trace_status"}}, "[{0 [ERROR] [1]} {0 [OK] [3]}]"},
		{MetricsQuery{View: Traces, Metric: "trace_count", Aggregations: one, Bucket: time.Second}, "[{-1000 [] [1]} {0 [] [2]} {1000 [] [1]}]"},
		{MetricsQuery{View: Traces, Metric: "session_count", Aggregations: one}, "[{0 [] [1]}]"},
		{MetricsQuery{View: Traces, Metric: "latency", Aggregations: []Aggregation{{Kind: Average}}}, "[]"},
		{MetricsQuery{View: Traces, Metric: "total_tokens", Aggregations: []Aggregation{{Kind: Sum}}, Dimensions: []string{"trace_name"}}, "[{0 [a] [10]} {0 [b] [30]}]"},
		{MetricsQuery{View: Assessments, Metric: "assessment_value", Aggregations: []Aggregation{{Kind: Average}}, Dimensions: []string{"assessment_name"}}, "[{0 [good] [1]}]"},
		{MetricsQuery{View: Assessments, Metric: "assessment_count", Aggregations: one, Dimensions: []string{"assessment_name"}}, "[{0 [good] [4]} {0 [note] [4]}]"},
	}
	for _, tt := range tests {
		tt.q.Limit = 10
		if err := tt.q.check(); err != nil {
			t.Fatal(err)
		}
		f := gathering{q: &tt.q, groups: map[string]*group{}}
		for _, i := range infos {
			f.trace(i)
		}
		if got := fmt.Sprint(f.points()); got != tt.want {
			t.Errorf("%s by %v: got %s, want %s", tt.q.Metric, tt.q.Dimensions, got, tt.want)
		}
	}
}

func TestMetricsRefused(t *testing.T) {
	for _, q := range []MetricsQuery{
		{View: "BOGUS", Metric: "x"}, {View: Spans, Metric: "bogus"},
		{View: Spans, Metric: "latency", Aggregations: []Aggregation{{Kind: Sum}}},
		{View: Traces, Metric: "latency", Dimensions: []string{"span_name"}},
	} {
		if err := q.check(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}
