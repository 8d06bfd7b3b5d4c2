package price

import (
	"math"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

var today = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// perMillion are rates in dollars per million tokens.
func perMillion(t *testing.T, input, output string) Rates {
	t.Helper()
	r := NoRates
	var err error
	if r.Input, err = PerMillion(input); err != nil {
		t.Fatal(err)
	}
	if r.Output, err = PerMillion(output); err != nil {
		t.Fatal(err)
	}
	return r
}

// The list prices that the price-performance comparison of GPT-4o and Nova
// rests on.
func TestComparedModels(t *testing.T) {
	table, _ := Snapshot()
	for _, c := range []struct{ provider, model, input, output, thousandCalls string }{
		{"openai", "gpt-4o", "2.50", "10.00", "7.5"},
		{"openai", "gpt-4o-mini", "0.15", "0.60", "0.45"},
		{"aws.bedrock", "amazon.nova-micro-v1:0", "0.035", "0.14", "0.105"},
		{"aws.bedrock", "us.amazon.nova-lite-v1:0", "0.06", "0.24", "0.18"},
		{"aws.bedrock", "amazon.nova-pro-v1:0", "0.80", "3.20", "2.4"},
	} {
		p, ok := table.Lookup(c.provider, c.model, today)
		if !ok {
			t.Errorf("%s: no price", c.model)
			continue
		}
		want := perMillion(t, c.input, c.output)
		if p.Rates.Input != want.Input || p.Rates.Output != want.Output {
			t.Errorf("%s: %+v, want %+v", c.model, p.Rates, want)
		}
		// 1000 calls of 1000 tokens in and 500 out.
		one := p.Cost(Tokens{1000, 500, 1500, -1, -1, -1})
		if got := Dollars(one.Total * 1000); got != c.thousandCalls {
			t.Errorf("%s: a thousand calls cost %s, want %s", c.model, got, c.thousandCalls)
		}
	}
}

func TestCost(t *testing.T) {
	full := Price{Rates: Rates{Input: 100, Output: 1000, CacheRead: 10, CacheWrite: 125, Reasoning: 2000}}
	noCache := Price{Rates: Rates{Input: 100, Output: 1000, CacheRead: -1, CacheWrite: -1, Reasoning: -1}}
	readOnly := Price{Rates: Rates{Input: 100, Output: 1000, CacheRead: 10, CacheWrite: -1, Reasoning: -1}}
	tiered := Price{Rates: Rates{100, 1000, 10, 125, -1}, Tiers: []Tier{{200_000, Rates{200, 1500, 20, 250, -1}}}}
	embedding := Price{Rates: Rates{Input: 20, Output: 0, CacheRead: -1, CacheWrite: -1, Reasoning: -1}}
	for _, c := range []struct {
		name  string
		price Price
		usage Tokens
		want  Cost
	}{
		{"plain", noCache, Tokens{1000, 10, 1010, -1, -1, -1}, Cost{100_000, 10_000, 110_000}},
		{"cached tokens are inside input", full, Tokens{1000, 10, 1010, 800, 100, -1}, Cost{100*100 + 800*10 + 100*125, 10_000, 10_000 + 8_000 + 12_500 + 10_000}},
		{"reasoning is inside output", full, Tokens{0, 100, 100, 0, 0, 60}, Cost{0, 40*1000 + 60*2000, 160_000}},
		{"reasoning without a rate is output", noCache, Tokens{0, 100, 100, 0, 0, 60}, Cost{0, 100_000, 100_000}},
		{"counted apart against the definition", full, Tokens{100, 0, 100, 800, 0, 0}, Cost{100*100 + 800*10, 0, 18_000}},
		{"cache read without a rate is unknown, not full price", noCache, Tokens{1000, 10, 1010, 800, 0, 0}, Cost{-1, 10_000, -1}},
		{"cache write costs as input where only reading has a rate", readOnly, Tokens{1000, 0, 1000, 0, 500, 0}, Cost{100_000, 0, 100_000}},
		{"at the threshold", tiered, Tokens{200_000, 1, -1, 0, 0, 0}, Cost{20_000_000, 1000, 20_001_000}},
		{"over it, the whole call", tiered, Tokens{200_001, 1, -1, 100_000, 0, 0}, Cost{100_001*200 + 100_000*20, 1500, 100_001*200 + 100_000*20 + 1500}},
		{"unknown counts", full, NoTokens(), NoCost},
		{"unknown input", full, Tokens{-1, 5, -1, -1, -1, -1}, Cost{-1, 5000, -1}},
		{"an embedding has no output", embedding, Tokens{1000, -1, 1000, -1, -1, -1}, Cost{20_000, 0, 20_000}},
		{"unknown rates", Price{Rates: NoRates}, Tokens{1, 1, 2, 0, 0, 0}, NoCost},
		{"zero tokens cost nothing at any rate", Price{Rates: NoRates}, Tokens{0, 0, 0, 0, 0, 0}, Cost{0, 0, 0}},
		{"overflow", full, Tokens{math.MaxInt64, 1, -1, 0, 0, 0}, Cost{-1, 1000, -1}},
	} {
		if got := c.price.Cost(c.usage); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// NoTokens is a usage nobody reported.
func NoTokens() Tokens { return Tokens{-1, -1, -1, -1, -1, -1} }

func TestNames(t *testing.T) {
	table, _ := Snapshot()
	for _, c := range []struct{ provider, model, wantProvider, wantModel string }{
		{"openai", "gpt-4o", "openai", "gpt-4o"},
		{"", "gpt-4o", "openai", "gpt-4o"},
		{"", "GPT-4o ", "openai", "gpt-4o"},
		{"openai", "gpt-4o-2031-01-01", "openai", "gpt-4o"}, // a date not listed
		{"", "openai/gpt-4o", "openai", "gpt-4o"},
		{"", "openai:gpt-4o", "openai", "gpt-4o"},
		{"azure", "gpt-4o", "azure", "gpt-4o"},
		{"openai", "azure/gpt-4o", "azure", "gpt-4o"},
		{"az.ai.openai", "gpt-4o", "azure", "gpt-4o"},
		{"openrouter", "openai/gpt-4o", "openrouter", "openai/gpt-4o"},
		{"", "openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o"},
		{"anthropic", "claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"},
		{"anthropic", "anthropic.claude-3-haiku-20240307-v1:0", "bedrock", "anthropic.claude-3-haiku-20240307-v1:0"},
		{"aws.bedrock", "apac.anthropic.claude-3-haiku-20240307-v1:0", "bedrock", "anthropic.claude-3-haiku-20240307-v1:0"},
		{"", "bedrock/amazon.nova-pro-v1:0", "bedrock", "amazon.nova-pro-v1:0"},
		{"", "bedrock/converse/us.amazon.nova-pro-v1:0", "bedrock", "amazon.nova-pro-v1:0"},
		{"", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", "bedrock", "amazon.nova-pro-v1:0"},
		{"", "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0", "bedrock", "eu.amazon.nova-lite-v1:0"}, // dearer there
		{"", "amazon.nova-pro-v1:0:24k", "bedrock", "amazon.nova-pro-v1:0"},
		{"bedrock", "amazon.nova-pro", "bedrock", "amazon.nova-pro-v1:0"},
		{"google_genai", "models/gemini-2.5-pro", "gemini", "gemini-2.5-pro"},
		{"gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro", "vertex_ai", "gemini-2.5-pro"},
		{"groq", "llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"},
	} {
		p, ok := table.Lookup(c.provider, c.model, today)
		if !ok || p.Provider != c.wantProvider || p.Model != c.wantModel {
			t.Errorf("(%q, %q): %s/%s %v, want %s/%s", c.provider, c.model, p.Provider, p.Model, ok, c.wantProvider, c.wantModel)
		}
	}
	for _, c := range []struct{ provider, model string }{
		{"", ""},
		{"openai", ""},
		{"openai", "my-own-model"},
		{"openai", "llama-3.3-70b-versatile"}, // an OpenAI-compatible server is not Groq
		{"", "llama-3.3-70b-versatile"},
		{"openrouter", "openai/gpt-99"},
		{"vercel_ai_gateway", "openai/gpt-4o-2031-01-01-nosuch"},
		{"bedrock", "amazon.nova-pro-v9:0"}, // another version may cost something else
		{"", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"},
		{"", "/"}, {"", ":"}, {"x", "\x00"},
	} {
		if p, ok := table.Lookup(c.provider, c.model, today); ok {
			t.Errorf("(%q, %q) has a price: %+v", c.provider, c.model, p)
		}
	}
}

func TestDates(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	at := func(d int, input int64) Price {
		return Price{Provider: "openai", Model: "m", Effective: day(d), Rates: Rates{input, 0, -1, -1, -1}}
	}
	base := New([]Price{at(20, 3), at(10, 2)})
	own := base.With([]Price{at(15, 7)})
	for _, c := range []struct {
		table     *Table
		day       int
		want      int64
		backdated bool
	}{
		{base, 5, 2, true}, {base, 10, 2, false}, {base, 19, 2, false}, {base, 20, 3, false}, {base, 31, 3, false},
		{own, 12, 2, false}, {own, 15, 7, false}, {own, 31, 7, false}, {own, 5, 2, true},
	} {
		p, ok := c.table.Lookup("openai", "m", day(c.day))
		if !ok || p.Rates.Input != c.want || p.Backdated != c.backdated {
			t.Errorf("day %d: %+v, %v", c.day, p, ok)
		}
	}
	if _, ok := (*Table)(nil).Lookup("openai", "m", day(1)); ok {
		t.Error("a nil table knows a price")
	}
}

func TestOwnPrices(t *testing.T) {
	snapshot, _ := Snapshot()
	table := snapshot.With([]Price{
		{Provider: "My vLLM", Model: "llama-3.3-70b", Rates: Rates{1, 2, -1, -1, -1}},
		{Model: "azure/gpt-4o", Rates: Rates{5, 6, -1, -1, -1}},
	})
	if p, ok := table.Lookup("my vllm", "Llama-3.3-70B", today); !ok || p.Rates.Input != 1 {
		t.Error(p, ok)
	}
	if p, ok := table.Lookup("azure", "gpt-4o", today); !ok || p.Rates.Input != 5 {
		t.Error(p, ok)
	}
	if p, ok := table.Lookup("openai", "gpt-4o", today); !ok || p.Rates.Input != 2_500_000 {
		t.Error(p, ok)
	}
	n := 0
	for range table.All() {
		if n++; n == 5 {
			break
		}
	}
	if n != 5 {
		t.Error("All yields", n)
	}
}

func TestSnapshot(t *testing.T) {
	table, origin := Snapshot()
	if len(origin.SHA256) != 64 || origin.Licence == "" || origin.Source == "" || origin.Effective.IsZero() {
		t.Errorf("%+v", origin)
	}
	if len(snapshotJSON) > 400_000 {
		t.Errorf("%d bytes", len(snapshotJSON))
	}
	n := 0
	for p := range table.All() {
		n++
		for _, r := range append([]Rates{p.Rates}, tierRates(p)...) {
			for _, v := range []int64{r.Input, r.Output, r.CacheRead, r.CacheWrite, r.Reasoning} {
				if v < Unknown || v > Dollar/500 {
					t.Errorf("%s/%s: rate %d", p.Provider, p.Model, v)
				}
			}
		}
		if p.Rates.Input < 0 || p.Provider == "" || p.Model == "" || !p.Effective.Equal(origin.Effective) {
			t.Errorf("%+v", p)
		}
		if got, ok := table.Lookup(p.Provider, p.Model, today); !ok || got.Rates != p.Rates {
			t.Errorf("%s/%s is not found under its own name: %+v", p.Provider, p.Model, got)
		}
	}
	if n < 2000 {
		t.Errorf("only %d prices", n)
	}
	p, _ := table.Lookup("anthropic", "claude-sonnet-4-5", today)
	if len(p.Tiers) != 1 || p.Tiers[0].Above != 200_000 || p.Tiers[0].Rates.Input != 6_000_000 {
		t.Errorf("%+v", p)
	}
	if p.Source != origin.Source || p.Rates.CacheRead != 300_000 || p.Rates.CacheWrite != 3_750_000 {
		t.Errorf("%+v", p)
	}
}

func tierRates(p Price) []Rates {
	var all []Rates
	for _, t := range p.Tiers {
		all = append(all, t.Rates)
	}
	return all
}

func TestMoney(t *testing.T) {
	for s, want := range map[string]int64{"2.50": 2_500_000, "$0.035": 35_000, " 10 ": 10_000_000, "0": 0, "1e1": 10_000_000} {
		if got, err := PerMillion(s); err != nil || got != want {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
	if got, err := PerToken("2.5e-06"); err != nil || got != 2_500_000 {
		t.Error(got, err)
	}
	for _, s := range []string{"", "-1", "abc", "1/2", "NaN", "Inf", "1e999999999", "0.0000001", "0x10", "1_000", "9e29"} {
		if got, err := PerMillion(s); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
	for pico, want := range map[int64]string{0: "0", 1: "0.000000000001", 12_500_000_000: "0.0125", 3 * Dollar: "3", -1: "unknown", Dollar + Dollar/2: "1.5"} {
		if got := Dollars(pico); got != want {
			t.Errorf("%d: %s, want %s", pico, got, want)
		}
	}
}

func FuzzLookup(f *testing.F) {
	table, _ := Snapshot()
	f.Add("openai", "gpt-4o-2024-08-06")
	f.Add("", "arn:aws:bedrock:::x/us.anthropic.claude-v2:1@x")
	f.Fuzz(func(t *testing.T, provider, model string) {
		if p, ok := table.Lookup(provider, model, today); ok && p.Rates.Input < 0 {
			t.Fatalf("%+v", p)
		}
	})
}

func FuzzMoney(f *testing.F) {
	f.Add("1e-6")
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := PerToken(s); err == nil && n < 0 {
			t.Fatal(s, n)
		}
	})
}

// The provider names of the OpenTelemetry conventions, which every dialect is
// brought to before it is priced.
func TestConventionalProviders(t *testing.T) {
	for name, want := range map[string]string{
		"openai": "openai", "anthropic": "anthropic", "aws.bedrock": "bedrock", "azure.ai.openai": "azure", "azure.ai.inference": "azure_ai",
		"gcp.gemini": "gemini", "gcp.gen_ai": "gemini", "gcp.vertex_ai": "vertex_ai", "mistral_ai": "mistral", "x_ai": "xai",
		"ibm.watsonx.ai": "watsonx", "cohere": "cohere", "deepseek": "deepseek", "groq": "groq", "perplexity": "perplexity",
		"moonshot_ai": "moonshot", "Amazon_Bedrock ": "bedrock", "vertex_ai-anthropic_models": "vertex_ai", "langchain": "", "": "",
	} {
		if got := Provider(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
