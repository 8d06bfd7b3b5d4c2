package app

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/alert"
	"github.com/assayhq/assay/internal/caller"
)

// TestMeasuresAgree compares what is read from monitoring's sums with what is
// read from the traces one by one, for every signal.
func TestMeasuresAgree(t *testing.T) {
	a, url := boot(t, t.TempDir())
	end := time.Now().UnixMilli() / minute * minute
	spans := []any{}
	for i := range 240 {
		at := (end - int64(i)*45_000 - 1000) * 1e6 // three hours, four in three minutes
		status := 1
		if i%7 == 0 {
			status = 2
		}
		model := map[string]any{"key": "gen_ai.request.model", "value": map[string]any{"stringValue": "gpt-4o"}}
		spans = append(spans, map[string]any{"traceId": fmt.Sprintf("%032x", i+1), "spanId": fmt.Sprintf("%016x", i+1), "name": []string{"chat", "plan"}[i%2], "kind": 1,
			"startTimeUnixNano": strconv.FormatInt(at, 10), "endTimeUnixNano": strconv.FormatInt(at+int64(i%40+1)*1e7, 10), "status": map[string]any{"code": status},
			"attributes": []any{model, map[string]any{"key": "gen_ai.operation.name", "value": map[string]any{"stringValue": "chat"}},
				map[string]any{"key": "gen_ai.usage.input_tokens", "value": map[string]any{"intValue": "1000"}},
				map[string]any{"key": "gen_ai.usage.output_tokens", "value": map[string]any{"intValue": strconv.Itoa(i)}}}})
	}
	body, _ := json.Marshal(map[string]any{"resourceSpans": []any{map[string]any{"scopeSpans": []any{map[string]any{"spans": spans}}}}})
	if status, answer := call(t, http.MethodPost, url+"/v1/traces", string(body)); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	for i := range 30 {
		score := fmt.Sprintf(`{"assessment":{"assessment_name":"quality","trace_id":"tr-%032x","source":{"source_type":"HUMAN","source_id":"u"},"feedback":{"value":%g}}}`, i+1, float64(i)/30)
		if status, answer := call(t, http.MethodPost, fmt.Sprintf("%s/api/3.0/mlflow/traces/tr-%032x/assessments", url, i+1), score); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	m := measures{a.tracing, experiments{a.tracking}, 0}
	known := 0
	for _, signal := range []alert.Signal{alert.ErrorRate, alert.LatencyP50, alert.LatencyP95, alert.LatencyP99, alert.Cost, alert.CostPer1000,
		alert.Score, alert.Volume, alert.Tokens, alert.Stalled, alert.Loops} {
		for _, scope := range []alert.Scope{{}, {Dimension: alert.ByName, Value: "plan"}, {Dimension: alert.ByName, Value: "nobody"}} {
			for _, window := range []time.Duration{time.Minute, 7 * time.Minute, time.Hour, 90 * time.Minute, 24 * time.Hour} {
				q := alert.Measurement{Scope: scope, Signal: signal, Window: window}
				if signal == alert.Score {
					q.Score = "quality"
				}
				known += agree(t, m, q, end, 0, 1)
				if window != 24*time.Hour {
					known += agree(t, m, q, end/(15*minute)*(15*minute), -15*minute, 9)
				}
			}
		}
	}
	if known < 300 {
		t.Errorf("only %d readings had a value", known)
	}
}

// agree compares both ways of reading and returns how many values there were.
func agree(t *testing.T, m measures, q alert.Measurement, end, step int64, n int) (known int) {
	t.Helper()
	if step < 0 { // the n ends up to end
		end, step = end+step*int64(n-1), -step
	}
	ctx := caller.With(t.Context(), caller.Caller{User: "system", Role: caller.Admin, Workspace: caller.DefaultWorkspace})
	quick, exact, err := m.monitored(ctx, q, end, step, q.Window.Milliseconds(), n)
	if err != nil {
		t.Fatal(err)
	}
	slow, err := m.sampled(ctx, q, end, step, q.Window.Milliseconds(), n)
	if err != nil {
		t.Fatal(err)
	}
	if !exact {
		return 0
	}
	for i := range slow {
		a, b := quick[i], slow[i]
		near := math.Abs(a.Value-b.Value) <= 0.03*math.Abs(b.Value)+1e-12 || math.IsNaN(a.Value) && math.IsNaN(b.Value)
		if !near || a.N != b.N {
			t.Errorf("%s of %v over %s, reading %d: summed up %v (n %d), one by one %v (n %d)", q.Signal, q.Scope, q.Window, i, a.Value, a.N, b.Value, b.N)
		}
		if !math.IsNaN(b.Value) {
			known++
		}
	}
	return known
}
