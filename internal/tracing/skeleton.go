package tracing

import (
	"slices"

	"github.com/assayhq/assay/internal/trace"
)

// table numbers strings in order of first sight.
type table struct {
	rows []string
	at   map[string]int32
}

func (t *table) number(s string) int32 {
	if s == "" {
		return -1
	}
	n, ok := t.at[s]
	if !ok {
		if t.at == nil {
			t.at = map[string]int32{}
		}
		n = int32(len(t.rows))
		t.rows = append(t.rows, s)
		t.at[s] = n
	}
	return n
}

// skeleton lays rows, sorted by start, out as columns.
func skeleton(id trace.ID, rows []SpanRow) *Skeleton {
	n := len(rows)
	order, parent, orphan := parentsFirst(rows)
	sk := &Skeleton{
		ID: id, IDs: make([]trace.SpanID, n), Parents: make([]int32, n),
		Names: make([]int32, n), Types: make([]int32, n), Models: make([]int32, n),
		Status: make([]trace.Status, n), Starts: make([]int64, n), Ends: make([]int64, n),
		Tokens: make([]int64, n), Costs: make([]int64, n),
		Orphans: []int32{}, Aggregates: []int32{},
	}
	if n > 0 {
		sk.Start = rows[0].Start / 1000
	}
	place := make([]int32, n)
	for at, i := range order {
		place[i] = int32(at)
	}
	var names, types, models table
	for at, i := range order {
		r := &rows[i]
		sk.IDs[at], sk.Status[at] = r.ID, r.Status
		sk.Parents[at] = -1
		if parent[i] >= 0 {
			sk.Parents[at] = place[parent[i]]
		}
		sk.Names[at], sk.Types[at], sk.Models[at] = names.number(r.Name), types.number(r.Type), models.number(r.Model)
		sk.Starts[at], sk.Ends[at] = r.Start/1000-sk.Start, -1
		if r.End != 0 {
			sk.Ends[at] = r.End/1000 - sk.Start
		}
		sk.Tokens[at], sk.Costs[at] = r.Tokens.Total, r.Cost.Total
		if orphan[i] {
			sk.Orphans = append(sk.Orphans, int32(at))
		}
		if r.Aggregate {
			sk.Aggregates = append(sk.Aggregates, int32(at))
		}
	}
	sk.NameTable, sk.TypeTable, sk.ModelTable = names.rows, types.rows, models.rows
	return sk
}

// parentsFirst orders rows so that a parent precedes its children and the
// order by start is kept otherwise. parent is the row of each row's parent or
// -1; a row whose parent is named but missing is an orphan. A cycle of
// parents, which only a broken client makes, is cut where it is met.
func parentsFirst(rows []SpanRow) (order []int, parent []int, orphan []bool) {
	at := make(map[trace.SpanID]int, len(rows))
	for i := range rows {
		at[rows[i].ID] = i
	}
	order, parent, orphan = make([]int, 0, len(rows)), make([]int, len(rows)), make([]bool, len(rows))
	for i := range rows {
		p, ok := at[rows[i].Parent]
		switch {
		case rows[i].Parent.IsZero():
			parent[i] = -1
		case !ok || p == i:
			parent[i], orphan[i] = -1, true
		default:
			parent[i] = p
		}
	}
	const (
		unseen = iota
		waiting
		placed
	)
	state := make([]uint8, len(rows))
	var chain []int
	for i := range rows {
		chain = chain[:0]
		for j := i; j >= 0 && state[j] != placed; j = parent[j] {
			if state[j] == waiting { // a cycle
				last := chain[len(chain)-1]
				parent[last], orphan[last] = -1, true
				break
			}
			state[j] = waiting
			chain = append(chain, j)
		}
		for _, j := range slices.Backward(chain) {
			state[j] = placed
			order = append(order, j)
		}
	}
	return order, parent, orphan
}

// usage sums the counted rows per model.
func usage(rows []SpanRow) []Usage {
	tree := NewTally(len(rows))
	for i := range rows {
		r := &rows[i]
		tree.Put(r.ID, Node{Parent: r.Parent, Aggregate: r.Aggregate, Tokens: r.Tokens, Cost: r.Cost})
	}
	counted := tree.counted()
	type key struct{ model, provider string }
	at := map[key]int{}
	list := []Usage{}
	for i := range rows {
		r := &rows[i]
		if _, ok := counted[r.ID]; !ok || r.Model == "" {
			continue
		}
		k := key{r.Model, r.Provider}
		n, ok := at[k]
		if !ok {
			n = len(list)
			at[k] = n
			list = append(list, Usage{Model: r.Model, Provider: r.Provider, Tokens: trace.NoTokens, Cost: trace.NoCost, Start: r.Start})
		}
		list[n].Calls++
		addTokens(&list[n].Tokens, r.Tokens)
		addCost(&list[n].Cost, r.Cost)
	}
	return list
}
