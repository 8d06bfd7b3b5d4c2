package price

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// Table finds prices. What it knows does not change and it may be used by many
// goroutines; a nil Table knows nothing.
type Table struct {
	below *Table // what is asked when this layer does not know
	exact map[modelKey][]Price
	stems map[modelKey]stemPrice
	owner map[string]string // model → the provider that made it, for names without provider

	mu   sync.RWMutex
	memo map[modelKey][]candidate // by the names as they were given
}

type modelKey struct{ provider, model string }

// stemPrice is the price all dated versions of a model share.
type stemPrice struct {
	prices []Price
	shared bool
}

// firstParty are the providers that own the models they sell, in the order in
// which a bare model name is looked for.
var firstParty = []string{
	"openai", "anthropic", "gemini", "mistral", "cohere", "deepseek", "xai", "voyage", "moonshot", "zai", "minimax",
	"ai21", "perplexity", "amazon_nova", "bedrock", "vertex_ai",
}

// clouds sell others' models under names of their own; a client may report
// the maker or the cloud as provider.
var clouds = []string{"bedrock", "azure", "azure_ai", "vertex_ai", "sagemaker"}

// New builds a table from prices. Provider and model may be written as clients
// write them; a price whose provider is not known keeps its name in lower case.
func New(prices []Price) *Table { return (*Table)(nil).With(prices) }

// With returns a table that asks the given prices first, whatever the dates of
// t's, and t for what they do not cover at that time.
func (t *Table) With(prices []Price) *Table {
	n := &Table{
		below: t, exact: map[modelKey][]Price{}, stems: map[modelKey]stemPrice{}, owner: map[string]string{},
		memo: map[modelKey][]candidate{},
	}
	for _, p := range prices {
		p.Provider, p.Model = canonical(p.Provider, p.Model)
		p.Tiers = slices.SortedFunc(slices.Values(p.Tiers), func(a, b Tier) int { return cmp.Compare(a.Above, b.Above) })
		k := modelKey{p.Provider, p.Model}
		n.exact[k] = append(n.exact[k], p)
	}
	for k, versions := range n.exact {
		slices.SortStableFunc(versions, func(a, b Price) int { return a.Effective.Compare(b.Effective) })
		if bedrockRegion.MatchString(k.model) || strings.Contains(k.model, "/") {
			continue // a region may cost more than the model does elsewhere
		}
		n.addStem(modelKey{k.provider, stem(k.model)}, versions)
	}
	for k := range n.exact {
		n.own(k.model, k.provider)
	}
	for k := range n.stems {
		n.own(k.model, k.provider)
	}
	return n
}

// addStem records that the model's stem has these prices, or none if its
// versions disagree.
func (t *Table) addStem(k modelKey, versions []Price) {
	old, seen := t.stems[k]
	if !seen {
		t.stems[k] = stemPrice{versions, true}
		return
	}
	if !sameRates(old.prices, versions) {
		old.shared = false
		t.stems[k] = old
	}
}

func sameRates(a, b []Price) bool {
	return slices.EqualFunc(a, b, func(x, y Price) bool {
		return x.Rates == y.Rates && slices.Equal(x.Tiers, y.Tiers) && x.Effective.Equal(y.Effective)
	})
}

// own notes who sells a model first-hand.
func (t *Table) own(model, provider string) {
	rank := func(p string) int {
		if i := slices.Index(firstParty, p); i >= 0 {
			return i
		}
		return len(firstParty)
	}
	if rank(provider) == len(firstParty) {
		return // a reseller's price says nothing about a bare name
	}
	if old, ok := t.owner[model]; !ok || rank(provider) < rank(old) {
		t.owner[model] = provider
	}
}

// canonical names a priced model. Its provider is taken from the model's name
// only if none is given: "openai/gpt-4o" of OpenRouter is OpenRouter's.
func canonical(provider, model string) (string, string) {
	if provider == "" {
		return split(model)
	}
	provider = cmp.Or(Provider(provider), strings.ToLower(strings.TrimSpace(provider)))
	model = strings.ToLower(strings.TrimSpace(model))
	if head, rest, ok := strings.Cut(model, "/"); ok && (Provider(head) == provider || head == provider) {
		model = rest
	}
	return provider, model
}

// Lookup finds the price of a model at a time. Provider and model are taken as
// clients report them. What the provider sells under the whole name comes
// first; else a provider that stands in the name, as in "azure/gpt-4o" or in a
// Bedrock id, counts more than the one given; with neither known the model's
// maker is assumed. The model is looked for as written, then without Bedrock's
// region, without its version, and without its date if all dated versions cost
// the same.
//
// It reports false if nothing is known: a reseller's or another provider's
// price is never taken instead.
func (t *Table) Lookup(provider, model string, at time.Time) (Price, bool) {
	if t == nil || len(provider)+len(model) > maxName {
		return Price{}, false
	}
	for _, c := range t.candidates(provider, model) {
		if price, ok := current(c.versions, at, c.last); ok {
			return price, true
		}
	}
	return Price{}, false
}

// maxName bounds what is worth looking up, maxMemo how many names' answers are
// kept: names come from outside.
const (
	maxName = 1000
	maxMemo = 4096
)

// candidate is the versions of one model that a name may mean.
type candidate struct {
	versions []Price
	last     bool // of the lowest layer
}

// candidates returns what a name may mean, the likeliest first. Working that
// out costs microseconds and is asked for every model call, so it is kept.
func (t *Table) candidates(provider, model string) []candidate {
	k := modelKey{provider, model}
	t.mu.RLock()
	list, ok := t.memo[k]
	t.mu.RUnlock()
	if ok {
		return list
	}
	list = t.resolve(provider, model)
	t.mu.Lock()
	if len(t.memo) >= maxMemo {
		clear(t.memo)
	}
	t.memo[modelKey{strings.Clone(provider), strings.Clone(model)}] = list // not a piece of some request's body
	t.mu.Unlock()
	return list
}

func (t *Table) resolve(provider, model string) []candidate {
	named, id := split(model)
	if id == "" {
		return nil
	}
	given, whole := canonical(provider, model)
	resold := Provider(provider) != "" && given != named && !slices.Contains(clouds, given) && !slices.Contains(firstParty, given)
	var list []candidate
	for layer := t; layer != nil; layer = layer.below {
		if provider != "" {
			list = layer.find(list, given, forms(whole))
		}
		if named == "" {
			list = layer.find(list, Provider(provider), forms(id))
		} else if !resold {
			list = layer.find(list, named, forms(id))
		}
	}
	return list
}

// find adds what the layer has under any of the names, and under their stem.
// An empty provider means the maker of the model.
func (t *Table) find(list []candidate, provider string, names []string) []candidate {
	for i, id := range names {
		p := provider
		if p == "" {
			p = t.owner[id]
		}
		if versions := t.exact[modelKey{p, id}]; versions != nil {
			list = append(list, candidate{versions, t.below == nil})
		}
		if i < len(names)-1 {
			continue
		}
		if s := t.stems[modelKey{p, id}]; s.shared {
			list = append(list, candidate{s.prices, t.below == nil})
		}
	}
	return list
}

// current picks the price of a time. Before the first date it is unknown, but
// in the last layer the oldest price stands in, marked as backdated.
func current(versions []Price, at time.Time, last bool) (Price, bool) {
	for _, p := range slices.Backward(versions) {
		if !p.Effective.After(at) {
			return p, true
		}
	}
	if last && len(versions) > 0 {
		p := versions[0]
		p.Backdated = true
		return p, true
	}
	return Price{}, false
}

// All yields every price, the user's before the snapshot's, in order of
// provider, model and date.
func (t *Table) All() iter.Seq[Price] {
	return func(yield func(Price) bool) {
		for layer := t; layer != nil; layer = layer.below {
			keys := make([]modelKey, 0, len(layer.exact))
			for k := range layer.exact {
				keys = append(keys, k)
			}
			slices.SortFunc(keys, func(a, b modelKey) int {
				return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.model, b.model))
			})
			for _, k := range keys {
				for _, p := range layer.exact[k] {
					if !yield(p) {
						return
					}
				}
			}
		}
	}
}
