package sqlstore

import (
	"slices"

	"github.com/assayhq/assay/internal/trace"
)

// shapes remembers traces that were written to lately, for the ingest
// goroutine alone.
type shapes struct {
	held  map[trace.ID]*heldShape
	spans int
	clock uint64
}

type heldShape struct {
	tr    touched
	used  uint64
	spans int
}

const maxHeldSpans = 100_000

func newShapes() *shapes { return &shapes{held: map[trace.ID]*heldShape{}} }

// get returns a fresh note of a trace that is held.
func (c *shapes) get(id trace.ID) *touched {
	h := c.held[id]
	if h == nil {
		return nil
	}
	c.clock++
	h.used = c.clock
	tr := h.tr
	return &tr
}

func (c *shapes) put(tr *touched) {
	c.drop(tr.id)
	if tr.t == 0 {
		return
	}
	c.clock++
	c.held[tr.id] = &heldShape{tr: touched{id: tr.id, known: true, workspace: tr.workspace, day: tr.day, t: tr.t, shape: tr.shape},
		used: c.clock, spans: tr.shape.Len()}
	c.spans += tr.shape.Len()
	if c.spans+8*len(c.held) <= maxHeldSpans {
		return
	}
	// Half of them go at once, so that the search for the oldest is rare.
	uses := make([]uint64, 0, len(c.held))
	for _, h := range c.held {
		uses = append(uses, h.used)
	}
	slices.Sort(uses)
	middle := uses[len(uses)/2]
	for id, h := range c.held {
		if h.used < middle {
			c.drop(id)
		}
	}
}

func (c *shapes) drop(id trace.ID) {
	if h := c.held[id]; h != nil {
		c.spans -= h.spans
		delete(c.held, id)
	}
}

func (c *shapes) clear() {
	clear(c.held)
	c.spans = 0
}
