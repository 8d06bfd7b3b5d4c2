package tracing

import (
	"cmp"
	"slices"

	"github.com/assayhq/assay/internal/trace"
)

// selfTimes returns, for each row, the nanoseconds that it ran while none of
// its children did: its duration minus the union of their intervals, clipped
// to its own. A row that has not ended has -1, and counts for nothing in its
// parent.
func selfTimes(rows []SpanRow) []int64 {
	self := make([]int64, len(rows))
	at := make(map[trace.SpanID]int, len(rows))
	for i := range rows {
		at[rows[i].ID] = i
		self[i] = -1
		if rows[i].End != 0 {
			self[i] = max(0, rows[i].End-rows[i].Start)
		}
	}
	type child struct{ parent, row int }
	children := make([]child, 0, len(rows))
	for i := range rows {
		p, ok := at[rows[i].Parent]
		if ok && p != i && self[i] >= 0 && self[p] >= 0 {
			children = append(children, child{p, i})
		}
	}
	slices.SortFunc(children, func(a, b child) int {
		return cmp.Or(cmp.Compare(a.parent, b.parent), cmp.Compare(rows[a.row].Start, rows[b.row].Start))
	})
	for i := 0; i < len(children); {
		p := children[i].parent
		reached := rows[p].Start // up to where the union covers
		for ; i < len(children) && children[i].parent == p; i++ {
			c := &rows[children[i].row]
			from, to := max(c.Start, reached), min(c.End, rows[p].End)
			if to > from {
				self[p] -= to - from
				reached = to
			}
		}
	}
	return self
}
