package normalise

import (
	"bytes"

	"github.com/assayhq/assay/internal/trace"
)

// Totals returns the tokens and the cost of a trace, each counted once,
// whatever the order of spans and however often one is repeated (the last of
// an id counts).
//
// A span that aggregates is only counted where nothing below it reports: an
// agent's sum gives way to the calls it sums. A call around a call with the
// same counts (a framework's span around the client's) is the same call.
// Spans whose parent is missing are roots. Unknown stays -1.
func Totals(spans []trace.Span) (trace.Tokens, trace.Cost) {
	t := newTree(spans)
	total := usage{trace.NoTokens, trace.NoCost}
	for _, root := range t.roots {
		total.add(t.sum(root))
	}
	return total.tokens, total.cost
}

// usage is what a span or a subtree has used.
type usage struct {
	tokens trace.Tokens
	cost   trace.Cost
}

func (u *usage) add(v usage) {
	addKnown(&u.tokens.Input, v.tokens.Input)
	addKnown(&u.tokens.Output, v.tokens.Output)
	addKnown(&u.tokens.Total, v.tokens.Total)
	addKnown(&u.tokens.CacheRead, v.tokens.CacheRead)
	addKnown(&u.tokens.CacheWrite, v.tokens.CacheWrite)
	addKnown(&u.tokens.Reasoning, v.tokens.Reasoning)
	addKnown(&u.cost.Input, v.cost.Input)
	addKnown(&u.cost.Output, v.cost.Output)
	addKnown(&u.cost.Total, v.cost.Total)
}

func addKnown(dst *int64, n int64) {
	if n >= 0 {
		*dst = max(*dst, 0) + n
	}
}

// tree is the spans of a trace by their place.
type tree struct {
	spans    []trace.Span
	children map[int][]int
	roots    []int
}

func newTree(spans []trace.Span) *tree {
	byID := make(map[trace.SpanID]int, len(spans))
	for i := range spans {
		byID[spans[i].ID] = i
	}
	t := &tree{spans: spans, children: make(map[int][]int)}
	for i := range spans {
		if byID[spans[i].ID] != i {
			continue // repeated later
		}
		parent, ok := byID[spans[i].Parent]
		if !ok || spans[i].Parent.IsZero() || parent == i {
			t.roots = append(t.roots, i)
			continue
		}
		t.children[parent] = append(t.children[parent], i)
	}
	t.cutCycles(byID)
	return t
}

// cutCycles makes a root of one span of every ring of parents: such a trace
// is broken or hostile, but its spans still count.
func (t *tree) cutCycles(byID map[trace.SpanID]int) {
	reached := make([]bool, len(t.spans))
	for _, root := range t.roots {
		t.mark(root, reached)
	}
	for i := range t.spans {
		if reached[i] || byID[t.spans[i].ID] != i {
			continue
		}
		walked := map[int]bool{}
		at := i
		for !walked[at] {
			walked[at] = true
			at = byID[t.spans[at].Parent]
		}
		// at is on the ring; its lowest id makes the root, so that the answer
		// does not depend on the order of the spans.
		root := at
		for next := byID[t.spans[at].Parent]; next != at; next = byID[t.spans[next].Parent] {
			if bytes.Compare(t.spans[next].ID[:], t.spans[root].ID[:]) < 0 {
				root = next
			}
		}
		t.roots = append(t.roots, root)
		t.mark(root, reached)
	}
}

func (t *tree) mark(root int, reached []bool) {
	stack := []int{root}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !reached[at] {
			reached[at] = true
			stack = append(stack, t.children[at]...)
		}
	}
}

// sum adds up the subtree of root, children before parents, without
// recursion: traces are thousands of levels deep where an agent calls itself.
func (t *tree) sum(root int) usage {
	order := []int{root}
	seen := map[int]bool{root: true}
	for i := 0; i < len(order); i++ {
		for _, c := range t.children[order[i]] {
			if !seen[c] { // a cut ring leads back to its root
				seen[c] = true
				order = append(order, c)
			}
		}
	}
	below := make(map[int]usage, len(order))
	for i := len(order) - 1; i >= 0; i-- {
		at := order[i]
		u := usage{trace.NoTokens, trace.NoCost}
		for _, c := range t.children[at] {
			if v, ok := below[c]; ok {
				u.add(v)
				delete(below, c)
			}
		}
		below[at] = combine(&t.spans[at].Columns, u)
	}
	return below[root]
}

// combine is the usage of a subtree from its root span and what is below it.
func combine(c *trace.Columns, below usage) usage {
	own := usage{c.Tokens, c.Cost}
	if below.tokens == trace.NoTokens && below.cost == trace.NoCost {
		return own
	}
	// Apart: both stand for calls of their own.
	apart := !c.Aggregate && !(own.tokens.Input == below.tokens.Input && own.tokens.Output == below.tokens.Output)
	result := below
	switch {
	case below.tokens == trace.NoTokens:
		result.tokens = own.tokens
	case apart:
		result.add(usage{own.tokens, trace.NoCost})
	}
	switch {
	case below.cost == trace.NoCost:
		result.cost = own.cost
	case apart && own.tokens != trace.NoTokens:
		result.add(usage{trace.NoTokens, own.cost})
	}
	return result
}
