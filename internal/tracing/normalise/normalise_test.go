package normalise

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/trace"
)

func attrs(pairs ...any) []trace.Attr {
	var out []trace.Attr
	for i := 0; i < len(pairs); i += 2 {
		a := trace.Attr{Key: pairs[i].(string)}
		switch v := pairs[i+1].(type) {
		case string:
			a.Value = trace.StringValue(v)
		case int:
			a.Value = trace.IntValue(int64(v))
		case float64:
			a.Value = trace.FloatValue(v)
		}
		out = append(out, a)
	}
	return out
}

func applied(pairs ...any) trace.Columns {
	s := trace.Span{Attrs: attrs(pairs...)}
	New().Apply(&s)
	return s.Columns
}

func TestTokens(t *testing.T) {
	tests := []struct {
		name  string
		pairs []any
		want  trace.Tokens
	}{
		{"nothing", nil, trace.NoTokens},
		{"zero is not unknown", []any{"gen_ai.usage.input_tokens", 0}, trace.Tokens{Input: 0, Output: -1, Total: 0, CacheRead: -1, CacheWrite: -1, Reasoning: -1}},
		{"as text", []any{"gen_ai.usage.input_tokens", "26", "gen_ai.usage.output_tokens", `"4"`}, trace.Tokens{Input: 26, Output: 4, Total: 30, CacheRead: -1, CacheWrite: -1, Reasoning: -1}},
		{"as float", []any{"gen_ai.usage.input_tokens", 26.0, "gen_ai.usage.output_tokens", 0.5}, trace.Tokens{Input: 26, Output: -1, Total: 26, CacheRead: -1, CacheWrite: -1, Reasoning: -1}},
		{"negative is unknown", []any{"gen_ai.usage.input_tokens", -7, "gen_ai.usage.output_tokens", 1}, trace.Tokens{Input: -1, Output: 1, Total: 1, CacheRead: -1, CacheWrite: -1, Reasoning: -1}},
		{"current name beats deprecated", []any{"gen_ai.usage.prompt_tokens", 1, "gen_ai.usage.input_tokens", 2, "gen_ai.usage.completion_tokens", 3}, trace.Tokens{Input: 2, Output: 3, Total: 5, CacheRead: -1, CacheWrite: -1, Reasoning: -1}},
		{"cache inside the input", []any{"gen_ai.usage.input_tokens", 100, "gen_ai.usage.output_tokens", 5, "gen_ai.usage.cache_read.input_tokens", 90}, trace.Tokens{Input: 100, Output: 5, Total: 105, CacheRead: 90, CacheWrite: -1, Reasoning: -1}},
		{"cache beside the input", []any{"gen_ai.usage.input_tokens", 10, "gen_ai.usage.output_tokens", 5, "gen_ai.usage.cache_read.input_tokens", 90}, trace.Tokens{Input: 100, Output: 5, Total: 105, CacheRead: 90, CacheWrite: -1, Reasoning: -1}},
		{"cache beside the input, told by the total", []any{"llm.token_count.prompt", 100, "llm.token_count.completion", 5, "llm.token_count.prompt_details.cache_read", 90, "llm.token_count.total", 195}, trace.Tokens{Input: 190, Output: 5, Total: 195, CacheRead: 90, CacheWrite: -1, Reasoning: -1}},
		{"reasoning beside the output", []any{"llm.token_count.prompt", 10, "llm.token_count.completion", 5, "llm.token_count.completion_details.reasoning", 200, "llm.token_count.total", 215}, trace.Tokens{Input: 10, Output: 205, Total: 215, CacheRead: -1, CacheWrite: -1, Reasoning: 200}},
		{"only a total", []any{"llm.token_count.total", 7}, trace.Tokens{Input: -1, Output: -1, Total: 7, CacheRead: -1, CacheWrite: -1, Reasoning: -1}},
		{"last of a repeated key", []any{"gen_ai.usage.input_tokens", 1, "gen_ai.usage.input_tokens", 9}, trace.Tokens{Input: 9, Output: -1, Total: 9, CacheRead: -1, CacheWrite: -1, Reasoning: -1}},
		{"python repr, torn", []any{"langsmith.metadata.usage_metadata", `{'input_tokens': 4, 'output_tokens': 2, 'input_token_details': {'cache_read': `}, trace.Tokens{Input: 4, Output: 2, Total: 6, CacheRead: -1, CacheWrite: -1, Reasoning: -1}},
		{"mlflow usage that is no object", []any{"mlflow.chat.tokenUsage", `[1,2]`}, trace.NoTokens},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := applied(tt.pairs...).Tokens; got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestCost(t *testing.T) {
	tests := []struct {
		name  string
		pairs []any
		want  trace.Cost
	}{
		{"none", nil, trace.NoCost},
		{"free is not unknown", []any{"llm.cost.total", 0.0}, trace.Cost{Input: -1, Output: -1, Total: 0}},
		{"halves add up", []any{"llm.cost.prompt", 0.25, "llm.cost.completion", 0.5}, trace.Cost{Input: 250_000_000_000, Output: 500_000_000_000, Total: 750_000_000_000}},
		{"half is unknown", []any{"llm.cost.prompt", 0.25}, trace.NoCost},
		{"negative", []any{"llm.cost.total", -1.0}, trace.NoCost},
		{"absurd", []any{"gen_ai.usage.cost", 1e300}, trace.NoCost},
		{"as text", []any{"gen_ai.usage.cost", "0.000002"}, trace.Cost{Input: -1, Output: -1, Total: 2_000_000}},
		{"not a number", []any{"mlflow.llm.cost", `{"total_cost": NaN}`}, trace.NoCost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := applied(tt.pairs...).Cost; got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestMostSpecificDialectWins(t *testing.T) {
	c := applied(
		"gen_ai.operation.name", "embeddings", "gen_ai.system", "langchain", "gen_ai.request.model", "a",
		"langsmith.span.kind", "retriever", "langsmith.metadata.ls_model_name", "b")
	if c.Dialect != "langsmith" || c.Type != "RETRIEVER" || c.Model != "b" || c.Provider != "" {
		t.Errorf("got %+v", c)
	}
}

func TestProvider(t *testing.T) {
	for in, want := range map[string]string{
		"OpenAI": "openai", "openai.responses": "openai", "azure.ai.openai": "azure.ai.openai", "az.ai.openai": "azure.ai.openai",
		"aws.bedrock": "aws.bedrock", "AWS": "aws.bedrock", "amazon-bedrock": "aws.bedrock", "google.generative-ai": "gcp.gemini",
		"google.vertex.chat": "gcp.vertex_ai", "langchain": "", "my-own": "my-own", "": "", "anthropic.messages": "anthropic",
	} {
		if got := provider(in); got != want {
			t.Errorf("provider(%q) is %q, want %q", in, got, want)
		}
	}
}

// spent makes a span of a trace: id, parent, whether it aggregates, tokens
// in and out, cost; -1 for unknown.
func spent(id, parent byte, aggregate bool, in, out, cost int64) trace.Span {
	s := trace.Span{ID: trace.SpanID{id}, Columns: trace.Columns{Tokens: trace.NoTokens, Cost: trace.NoCost, Aggregate: aggregate}}
	if parent > 0 {
		s.Parent = trace.SpanID{parent}
	}
	if in >= 0 {
		s.Columns.Tokens.Input, s.Columns.Tokens.Output, s.Columns.Tokens.Total = in, out, in+out
	}
	s.Columns.Cost.Total = cost
	return s
}

func TestTotals(t *testing.T) {
	tests := []struct {
		name          string
		spans         []trace.Span
		in, out, cost int64
	}{
		{"no spans", nil, -1, -1, -1},
		{"no usage", []trace.Span{spent(1, 0, false, -1, -1, -1)}, -1, -1, -1},
		{"agent over its calls", []trace.Span{
			spent(1, 0, true, 30, 3, -1), spent(2, 1, false, 10, 1, 5), spent(3, 1, false, 20, 2, 6)}, 30, 3, 11},
		{"agent alone", []trace.Span{spent(1, 0, true, 30, 3, 7), spent(2, 1, false, -1, -1, -1)}, 30, 3, 7},
		{"agent over chains over calls", []trace.Span{
			spent(1, 0, true, 30, 3, -1), spent(2, 1, true, 30, 3, -1), spent(3, 2, false, -1, -1, -1), spent(4, 3, false, 30, 3, -1)}, 30, 3, -1},
		{"one call instrumented twice", []trace.Span{
			spent(1, 0, false, 10, 1, 4), spent(2, 1, false, 10, 1, 4)}, 10, 1, 4},
		{"a call inside a call", []trace.Span{
			spent(1, 0, false, 10, 1, 4), spent(2, 1, false, 7, 2, 1)}, 17, 3, 5},
		{"cost only above", []trace.Span{
			spent(1, 0, true, 10, 1, 9), spent(2, 1, false, 10, 1, -1)}, 10, 1, 9},
		{"parent not here yet", []trace.Span{spent(3, 2, false, 10, 1, 4), spent(4, 2, false, 5, 5, 1)}, 15, 6, 5},
		{"sent twice", []trace.Span{spent(1, 0, false, 10, 1, 4), spent(1, 0, false, 10, 1, 4)}, 10, 1, 4},
		{"own parent", []trace.Span{spent(1, 1, false, 10, 1, 4)}, 10, 1, 4},
		{"ring", []trace.Span{spent(1, 3, true, 9, 9, -1), spent(2, 1, false, 10, 1, 4), spent(3, 2, false, -1, -1, -1), spent(4, 3, false, 2, 2, 1)}, 12, 3, 5},
		{"free calls", []trace.Span{spent(1, 0, false, 0, 0, 0)}, 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 20 { // in every order
				rand.Shuffle(len(tt.spans), func(i, j int) { tt.spans[i], tt.spans[j] = tt.spans[j], tt.spans[i] })
				tokens, cost := Totals(tt.spans)
				if tokens.Input != tt.in || tokens.Output != tt.out || cost.Total != tt.cost {
					t.Fatalf("got %d in, %d out, %d cost, want %d, %d, %d", tokens.Input, tokens.Output, cost.Total, tt.in, tt.out, tt.cost)
				}
			}
		})
	}
}

func TestTotalsOfADeepTrace(t *testing.T) {
	spans := make([]trace.Span, 50_000)
	for i := range spans {
		s := &spans[i]
		s.ID = trace.SpanID{1, byte(i >> 16), byte(i >> 8), byte(i)}
		if i > 0 {
			s.Parent = spans[i-1].ID
		}
		s.Columns.Tokens, s.Columns.Cost = trace.NoTokens, trace.NoCost
	}
	spans[len(spans)-1].Columns.Tokens.Input = 5
	if tokens, _ := Totals(spans); tokens.Input != 5 {
		t.Fatalf("got %+v", tokens)
	}
}

func TestReadable(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"\u4f60\u597d"}`:     `{"a":"你好"}`,
		`["\ud83d\ude00"]`:         `["😀"]`,
		`["\ud83d"]`:               `["\ud83d"]`,
		`["\u0022\n\\u4f60"]`:      `["\u0022\n\\u4f60"]`,
		`["\u00`:                   `["\u00`,
		`plain \u4f60`:             `plain \u4f60`,
		`["\ud83d\u4f60", "\uzz"]`: `["\ud83d你", "\uzz"]`,
	} {
		if got := readable(in); got != want {
			t.Errorf("readable(%s) is %s, want %s", in, got, want)
		}
	}
}

func TestManyIndexedAttributes(t *testing.T) {
	s := trace.Span{}
	for i := range 60_000 {
		s.Attrs = append(s.Attrs, trace.Attr{Key: "llm.input_messages." + strings.Repeat("9", i%9) + ".x" + string(rune('a'+i%26)) + strings.Repeat(".q", i%30), Value: trace.IntValue(int64(i))})
	}
	New().Apply(&s)
	if s.Columns.Dialect != "openinference" {
		t.Fatalf("got %+v", s.Columns.Dialect)
	}
}

func FuzzApply(f *testing.F) {
	n := New()
	for _, file := range fixtures(f) {
		for _, s := range readSpans(f, file) {
			f.Add(s.Raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := trace.ParseSpan(raw)
		if err != nil {
			return
		}
		n.Apply(&s)
		c := s.Columns
		for _, v := range []int64{c.Tokens.Input, c.Tokens.Output, c.Tokens.Total, c.Tokens.CacheRead, c.Tokens.CacheWrite, c.Tokens.Reasoning, c.Cost.Total} {
			if v < -1 {
				t.Fatalf("negative count in %+v", c)
			}
		}
		for _, m := range Messages(&s) {
			if m.Origin == "" {
				t.Fatalf("message without origin: %+v", m)
			}
		}
	})
}

func FuzzObjectText(f *testing.F) {
	f.Add(`{'a': {'b': [1, (2, 3)]}, "c": 'it\'s', "d": None}`)
	f.Add(`{"a":1,"b":"x\"}","c":[{}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		for key, raw := range objectText(s) {
			_, _ = key, scalar(raw)
			if n++; n > len(s) {
				t.Fatal("more members than bytes")
			}
		}
	})
}

func BenchmarkApply(b *testing.B) {
	n := New()
	spans := readSpans(b, "testdata/gen_ai/agent.json")
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		n.Apply(&spans[i%len(spans)])
		i++
	}
}
