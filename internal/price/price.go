// Package price knows what a token costs.
//
// Prices are integers, pico-US-dollars (1e-12 $) per token, so that sums are
// exact: $2.50 per million tokens is 2,500,000. Unknown is -1 and never 0.
// Each price applies from an effective date on, so that a call keeps the price
// of its day when prices change.
//
// A [Table] starts from a snapshot in the binary ([Snapshot]), needs no
// network, and takes the user's own prices on top ([Table.With]).
package price

import (
	"math"
	"time"
)

// Unknown is the rate that nobody knows.
const Unknown = -1

// Dollar is one US dollar in the unit of costs.
const Dollar = 1_000_000_000_000

// Rates are what one token costs, by what it is billed as.
type Rates struct {
	Input      int64
	Output     int64
	CacheRead  int64 // input read from the provider's prompt cache
	CacheWrite int64 // input written to it
	Reasoning  int64 // Unknown means as Output, which is how providers bill it
}

// NoRates are rates nobody knows.
var NoRates = Rates{Unknown, Unknown, Unknown, Unknown, Unknown}

// Tier is the rates of a call whose input, cached tokens included, is longer
// than Above tokens. They hold for the whole call.
type Tier struct {
	Above int64
	Rates Rates
}

// Price is what a model of a provider costs from a date on.
type Price struct {
	Provider  string // canonical: openai, anthropic, bedrock, azure, gemini, vertex_ai, …
	Model     string // as the provider calls it, in lower case
	Effective time.Time
	Source    string // where the price was read
	Rates     Rates
	Tiers     []Tier // by rising Above

	// Backdated says that the call was before Effective and no older price is
	// known.
	Backdated bool
}

// Tokens of one call; -1 is unknown. Input includes CacheRead and CacheWrite,
// Output includes Reasoning, as OpenTelemetry defines them. The fields are
// those of trace.Tokens, so that one converts to the other.
type Tokens struct {
	Input, Output, Total             int64
	CacheRead, CacheWrite, Reasoning int64
}

// Cost of one call in pico-US-dollars; -1 is unknown. The fields are those of
// trace.Cost.
type Cost struct {
	Input, Output, Total int64
}

// NoCost is the cost nobody knows.
var NoCost = Cost{Unknown, Unknown, Unknown}

// Cost prices a call. Cached tokens are taken out of Input and reasoning out
// of Output before each is multiplied by its own rate, so nothing is counted
// twice. Counts that contradict the definition of [Tokens], more cached than
// input tokens, can only come from a client that reports them apart, and are
// added.
//
// A cost is unknown when a count or a needed rate is: cached tokens without a
// cache rate are not billed as if they had been sent anew. Only two rates have
// a stand-in: reasoning is billed as output, and where reading a cache has a
// price but writing has none, writing is billed as input.
func (p Price) Cost(t Tokens) Cost {
	cached := max(t.CacheRead, 0) + max(t.CacheWrite, 0)
	fresh, length := t.Input-cached, t.Input
	if t.Input >= 0 && cached > t.Input {
		fresh, length = t.Input, t.Input+cached
	}
	r := p.at(length)
	if r.CacheWrite < 0 && r.CacheRead >= 0 {
		r.CacheWrite = r.Input
	}
	if r.Reasoning < 0 {
		r.Reasoning = r.Output
	}
	thought := max(t.Reasoning, 0)
	spoken := t.Output - thought
	if t.Output >= 0 && thought > t.Output {
		spoken = t.Output
	}
	c := NoCost
	if t.Input >= 0 {
		c.Input = add(times(fresh, r.Input), times(max(t.CacheRead, 0), r.CacheRead), times(max(t.CacheWrite, 0), r.CacheWrite))
	}
	switch {
	case t.Output >= 0:
		c.Output = add(times(spoken, r.Output), times(thought, r.Reasoning))
	case r.Output == 0: // an embedding has no output to count
		c.Output = 0
	}
	c.Total = add(c.Input, c.Output)
	return c
}

// at returns the rates for an input of that many tokens.
func (p Price) at(input int64) Rates {
	r := p.Rates
	for _, t := range p.Tiers {
		if input > t.Above {
			r = t.Rates
		}
	}
	return r
}

// times multiplies; nothing costs nothing, and what overflows is unknown.
func times(tokens, rate int64) int64 {
	switch {
	case tokens == 0 || rate == 0:
		return 0
	case tokens < 0 || rate < 0 || tokens > math.MaxInt64/rate:
		return Unknown
	}
	return tokens * rate
}

// add sums, and is unknown if any part is or the sum overflows.
func add(parts ...int64) int64 {
	var sum int64
	for _, p := range parts {
		if p < 0 || sum > math.MaxInt64-p {
			return Unknown
		}
		sum += p
	}
	return sum
}
