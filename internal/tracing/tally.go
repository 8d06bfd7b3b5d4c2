package tracing

import "github.com/assayhq/assay/internal/trace"

// Node is what the totals of a trace need to know of a span.
type Node struct {
	Parent    trace.SpanID
	Aggregate bool
	Tokens    trace.Tokens
	Cost      trace.Cost
}

func (n *Node) used() bool {
	return n.Tokens.Input >= 0 || n.Tokens.Output >= 0 || n.Tokens.Total >= 0 || n.Cost.Total >= 0
}

// Tally holds the usage of a trace's spans and sums it so that no model call
// counts twice. A model call may show up on several spans of one branch: on
// the call itself, on a wrapper of another instrumentation, and summed up on
// the agent above. Of a branch the outermost span that is not marked as an
// aggregate counts; an aggregate counts only if nothing below it does.
type Tally struct {
	nodes map[trace.SpanID]link
	used  map[trace.SpanID]usedNode
}

type link struct {
	parent          trace.SpanID
	aggregate, used bool
}

type usedNode struct {
	tokens trace.Tokens
	cost   trace.Cost
}

// NewTally returns an empty tally with room for n spans.
func NewTally(n int) *Tally {
	return &Tally{nodes: make(map[trace.SpanID]link, n), used: map[trace.SpanID]usedNode{}}
}

// Put adds a span or replaces it.
func (t *Tally) Put(id trace.SpanID, n Node) {
	used := n.used()
	t.nodes[id] = link{n.Parent, n.Aggregate, used}
	if used {
		t.used[id] = usedNode{n.Tokens, n.Cost}
	} else {
		delete(t.used, id)
	}
}

// Len is the number of spans.
func (t *Tally) Len() int { return len(t.nodes) }

// Totals sums what counts. unpriced is the number of counted spans that have
// tokens but no cost.
func (t *Tally) Totals() (tokens trace.Tokens, cost trace.Cost, unpriced int) {
	tokens, cost = trace.NoTokens, trace.NoCost
	for id := range t.counted() {
		n := t.used[id]
		addTokens(&tokens, n.tokens)
		addCost(&cost, n.cost)
		if n.cost.Total < 0 {
			unpriced++
		}
	}
	return tokens, cost, unpriced
}

// maxAncestry bounds the walk to the root; cycles end there too.
const maxAncestry = 10_000

func (t *Tally) counted() map[trace.SpanID]struct{} {
	counted := make(map[trace.SpanID]struct{}, len(t.used))
	if len(t.used) == 1 {
		for id := range t.used {
			counted[id] = struct{}{}
		}
		return counted
	}
	below := map[trace.SpanID]bool{} // aggregates with counted usage below them
	for id := range t.used {
		if t.nodes[id].aggregate {
			continue
		}
		if !t.covered(id) {
			counted[id] = struct{}{}
		}
	}
	for id := range counted {
		t.ancestors(id, func(up trace.SpanID, n link) bool {
			if n.aggregate && n.used {
				below[up] = true
			}
			return true
		})
	}
	// Of aggregates without such calls, the outermost of a branch counts.
	for id := range t.used {
		if !t.nodes[id].aggregate || below[id] {
			continue
		}
		inner := false
		t.ancestors(id, func(up trace.SpanID, n link) bool {
			inner = n.used && !(n.aggregate && below[up])
			return !inner
		})
		if !inner {
			counted[id] = struct{}{}
		}
	}
	return counted
}

// covered reports whether a span above id that is not an aggregate has usage.
func (t *Tally) covered(id trace.SpanID) bool {
	covered := false
	t.ancestors(id, func(_ trace.SpanID, n link) bool {
		covered = !n.aggregate && n.used
		return !covered
	})
	return covered
}

func (t *Tally) ancestors(id trace.SpanID, visit func(trace.SpanID, link) bool) {
	up := t.nodes[id].parent
	for range maxAncestry {
		n, ok := t.nodes[up]
		if !ok || up == id || !visit(up, n) {
			return
		}
		up = n.parent
	}
}

// add sums counts of which -1 is unknown.
func add(sum *int64, v int64) {
	switch {
	case v < 0:
	case *sum < 0:
		*sum = v
	default:
		*sum += v
	}
}

func addTokens(sum *trace.Tokens, t trace.Tokens) {
	if t.Total < 0 && (t.Input >= 0 || t.Output >= 0) {
		t.Total = max(0, t.Input) + max(0, t.Output)
	}
	add(&sum.Input, t.Input)
	add(&sum.Output, t.Output)
	add(&sum.Total, t.Total)
	add(&sum.CacheRead, t.CacheRead)
	add(&sum.CacheWrite, t.CacheWrite)
	add(&sum.Reasoning, t.Reasoning)
}

func addCost(sum *trace.Cost, c trace.Cost) {
	if c.Total < 0 && (c.Input >= 0 || c.Output >= 0) {
		c.Total = max(0, c.Input) + max(0, c.Output)
	}
	add(&sum.Input, c.Input)
	add(&sum.Output, c.Output)
	add(&sum.Total, c.Total)
}
