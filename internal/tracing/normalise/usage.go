package normalise

import (
	"strings"

	"github.com/assayhq/assay/internal/trace"
)

// tokens settles the counts. The canonical rule is that Input includes what
// was read from and written to the cache, and Output includes reasoning; a
// dialect that reports them apart is recognised and corrected.
func (f *facts) tokens(t *trace.Tokens, provider string) {
	*t = trace.Tokens{
		Input: count(f.value[fTokensIn]), Output: count(f.value[fTokensOut]), Total: count(f.value[fTokensTotal]),
		CacheRead: count(f.value[fCacheRead]), CacheWrite: count(f.value[fCacheWrite]), Reasoning: count(f.value[fReasoning]),
	}
	if v := f.value[fUsage]; v != nil {
		usageObject(t, v)
	}
	if v := f.value[fInDetails]; v != nil {
		inputDetails(t, v)
	}
	if v := f.value[fOutDetails]; v != nil {
		outputDetails(t, v)
	}
	if v := f.value[fVendor]; v != nil && t.CacheWrite < 0 {
		t.CacheWrite = vendorCacheWrite(v)
	}
	f.settle(t, provider)
}

// settle makes Input and Output inclusive and Total at least their sum.
func (f *facts) settle(t *trace.Tokens, provider string) {
	cached := max(t.CacheRead, 0) + max(t.CacheWrite, 0)
	if t.Input >= 0 && cached > 0 && f.inputExcludes(t, cached, provider) {
		t.Input += cached
	}
	if t.Output >= 0 && t.Reasoning > 0 {
		apart := t.Reasoning > t.Output
		if t.Input >= 0 && t.Total == t.Input+t.Output+t.Reasoning {
			apart = true
		}
		if apart {
			t.Output += t.Reasoning
		}
	}
	// An embedding reports its input or just a total.
	if t.Input < 0 && t.Output < 0 {
		return
	}
	t.Total = max(t.Total, max(t.Input, 0)+max(t.Output, 0))
}

// inputExcludes tells whether Input lacks the cached tokens: when they alone
// exceed it, when the reported total only adds up with them, or when the
// dialect is known to pass on a provider's exclusive count.
func (f *facts) inputExcludes(t *trace.Tokens, cached int64, provider string) bool {
	if n := count(f.value[fNoCache]); n >= 0 {
		return t.Input == n
	}
	if cached > t.Input || t.Output >= 0 && t.Total == t.Input+t.Output+cached {
		return true
	}
	// Version 5 of the Vercel SDK hands on Anthropic's own count.
	return f.dialect == vercel && provider == "anthropic"
}

// usageObject reads an object of token counts as MLflow, LangChain, OpenAI
// and Anthropic spell them. A count the span states itself is kept.
func usageObject(t *trace.Tokens, v *trace.Value) {
	for key, raw := range members(v) {
		switch key {
		case "input_tokens", "prompt_tokens", "inputTokens", "promptTokens":
			setCount(&t.Input, raw)
		case "output_tokens", "completion_tokens", "outputTokens", "completionTokens":
			setCount(&t.Output, raw)
		case "total_tokens", "totalTokens":
			setCount(&t.Total, raw)
		case "cache_read_input_tokens", "cached_input_tokens", "cachedInputTokens":
			setCount(&t.CacheRead, raw)
		case "cache_creation_input_tokens", "cache_write_input_tokens":
			setCount(&t.CacheWrite, raw)
		case "reasoning_tokens", "reasoningTokens":
			setCount(&t.Reasoning, raw)
		case "input_token_details", "prompt_tokens_details", "input_tokens_details", "inputTokenDetails":
			inputDetails(t, &trace.Value{Kind: trace.String, Str: raw})
		case "output_token_details", "completion_tokens_details", "output_tokens_details", "outputTokenDetails":
			outputDetails(t, &trace.Value{Kind: trace.String, Str: raw})
		}
	}
}

func inputDetails(t *trace.Tokens, v *trace.Value) {
	var ephemeral int64
	for key, raw := range members(v) {
		switch key {
		case "cache_read", "cached_tokens", "cacheReadTokens":
			setCount(&t.CacheRead, raw)
		case "cache_creation", "cache_write", "cacheWriteTokens":
			setCount(&t.CacheWrite, raw)
		case "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens":
			ephemeral += max(countText(raw), 0)
		}
	}
	// LangChain reports cache_creation as 0 when it splits it by lifetime.
	if ephemeral > 0 && t.CacheWrite <= 0 {
		t.CacheWrite = ephemeral
	}
}

func outputDetails(t *trace.Tokens, v *trace.Value) {
	for key, raw := range members(v) {
		switch key {
		case "reasoning", "reasoning_tokens", "reasoningTokens":
			setCount(&t.Reasoning, raw)
		}
	}
}

// vendorCacheWrite finds {"anthropic":{"cacheCreationInputTokens":n}} in the
// provider metadata of the Vercel SDK.
func vendorCacheWrite(v *trace.Value) int64 {
	for key, raw := range members(v) {
		if key != "anthropic" && key != "bedrock" {
			continue
		}
		for key, raw := range objectText(raw) {
			switch key {
			case "cacheCreationInputTokens", "cacheWriteInputTokens":
				return countText(raw)
			case "usage": // Bedrock nests it once more
				for key, raw := range objectText(raw) {
					if key == "cacheWriteInputTokens" {
						return countText(raw)
					}
				}
			}
		}
	}
	return -1
}

func setCount(dst *int64, raw string) {
	if *dst < 0 {
		*dst = countText(raw)
	}
}

// cost reads what the span reports; it is not computed here.
func (f *facts) cost(c *trace.Cost) {
	c.Input, c.Output, c.Total = picos(f.value[fCostIn]), picos(f.value[fCostOut]), picos(f.value[fCostTotal])
	for _, at := range [...]field{fCost, fUsage} {
		v := f.value[at]
		if v == nil {
			continue
		}
		for key, raw := range members(v) {
			switch key {
			case "input_cost":
				setPicos(&c.Input, raw)
			case "output_cost":
				setPicos(&c.Output, raw)
			case "total_cost":
				setPicos(&c.Total, raw)
			}
		}
	}
	if c.Total < 0 && c.Input >= 0 && c.Output >= 0 {
		c.Total = c.Input + c.Output
	}
	if c.Total < 0 {
		*c = trace.NoCost // half a price is no price
	}
}

func setPicos(dst *int64, raw string) {
	if *dst < 0 {
		*dst = picosText(raw)
	}
}

// modelOf finds the model in a request that is kept as JSON.
func modelOf(input string) string {
	if !strings.Contains(input[:min(len(input), 1<<16)], `"model"`) {
		return ""
	}
	for key, raw := range objectText(input) {
		if key == "model" && strings.HasPrefix(raw, `"`) {
			return scalar(raw)
		}
	}
	return ""
}
