package normalise

import (
	"testing"
	"time"

	"github.com/assayhq/assay/internal/price"
	"github.com/assayhq/assay/internal/trace"
)

// TestFixtureCosts prices each dialect's fixture from the table that is built
// in. The amounts are worked out by hand from the public prices, per million
// tokens: that is where cached tokens are counted twice or billed in full.
func TestFixtureCosts(t *testing.T) {
	table, _ := price.Snapshot()
	n := New()
	tests := []struct {
		file    string
		dollars float64
	}{
		// gpt-4.1-mini at 0.40, cached 0.10, out 1.60: the agent's sum is not added.
		{"gen_ai/agent", (292*0.40 + 128*0.10 + 52*1.60) / 1e6},
		// claude-sonnet-4-5 at 3, cache read 0.30, write 3.75, out 15: the same
		// call reported with and without its cached tokens in the input.
		{"gen_ai/anthropic_cache", 2 * (48*3 + 2048*0.30 + 1024*3.75 + 88*15) / 1e6},
		// Reported by the span itself.
		{"openinference/langgraph", 0.0000345},
		{"mlflow/langgraph", 0.00002505},
		// gpt-4o-2024-08-06 at 2.50, cached 1.25, out 10.
		{"openllmetry/openai", (476*2.50 + 1024*1.25 + 7*10) / 1e6},
		// o4-mini at 1.10, cached 0.275, out 4.40 with its reasoning.
		{"langsmith/langgraph", (72*1.10 + 2048*0.275 + 310*4.40) / 1e6},
		// gpt-4.1 at 2, out 8: the outer span's sum is not added.
		{"vercel/generate_text", (130*2 + 21*8) / 1e6},
		// Version 5 of the SDK leaves the cached tokens out of the input,
		// version 6 does not: the same call twice.
		{"vercel/stream_anthropic", 2 * (900*3 + 500*0.30 + 300*3.75 + 20*15) / 1e6},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			spans := readSpans(t, "testdata/"+tt.file+".json")
			for i := range spans {
				n.Apply(&spans[i])
				c := &spans[i].Columns
				if p, ok := table.Lookup(c.Provider, c.Model, time.Unix(0, spans[i].Start)); ok && c.Cost == trace.NoCost && c.Tokens != trace.NoTokens {
					c.Cost = trace.Cost(p.Cost(price.Tokens(c.Tokens)))
				}
			}
			_, cost := Totals(spans)
			if want := int64(tt.dollars*1e12 + 0.5); cost.Total != want {
				t.Errorf("%d pico-dollars, want %d", cost.Total, want)
			}
		})
	}
}
