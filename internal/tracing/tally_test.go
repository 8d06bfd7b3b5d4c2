package tracing

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/assayhq/assay/internal/trace"
)

func nth(n int) (id trace.SpanID) {
	id[7] = byte(n)
	return id
}

func used(parent int, aggregate bool, total int64) Node {
	n := Node{Aggregate: aggregate, Tokens: trace.NoTokens, Cost: trace.NoCost}
	if parent > 0 {
		n.Parent = nth(parent)
	}
	if total >= 0 {
		n.Tokens.Input, n.Tokens.Total = total, total
	}
	return n
}

func TestTotalsCountACallOnce(t *testing.T) {
	for name, c := range map[string]struct {
		nodes []Node // span i+1
		want  int64
	}{
		"nothing known":                       {[]Node{used(0, false, -1)}, -1},
		"a zero is known":                     {[]Node{used(0, false, 0)}, 0},
		"calls side by side":                  {[]Node{used(0, false, -1), used(1, false, 5), used(1, false, 7)}, 12},
		"a wrapper of the same call":          {[]Node{used(0, false, 5), used(1, false, 5)}, 5},
		"an agent repeats its calls":          {[]Node{used(0, true, 12), used(1, false, 5), used(1, false, 7)}, 12},
		"an agent whose calls are not traced": {[]Node{used(0, true, 12), used(1, false, -1)}, 12},
		"agents in agents":                    {[]Node{used(0, true, 12), used(1, true, 12), used(2, false, 12)}, 12},
		"agents in agents without calls":      {[]Node{used(0, true, 12), used(1, true, 12)}, 12},
		"one agent with, one without calls":   {[]Node{used(0, true, 12), used(1, true, 5), used(2, false, 5), used(1, true, 7)}, 12},
		"the parent is not here":              {[]Node{used(9, false, 5), used(9, false, 7)}, 12},
		"parents in a circle":                 {[]Node{used(2, false, 5), used(1, false, 7)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				tally := NewTally(0)
				for _, i := range rand.Perm(len(c.nodes)) {
					tally.Put(nth(i+1), c.nodes[i])
				}
				got, _, _ := tally.Totals()
				if name == "parents in a circle" {
					continue // it only has to end
				}
				if got.Total != c.want {
					t.Fatalf("%d, want %d", got.Total, c.want)
				}
			}
		})
	}
}

func TestUsageOfAModelWithoutAPriceIsUnpriced(t *testing.T) {
	tally := NewTally(0)
	priced := used(0, false, 3)
	priced.Cost = trace.Cost{Input: 1, Output: 2, Total: 3}
	tally.Put(nth(1), priced)
	tally.Put(nth(2), used(0, false, 4))
	if tokens, cost, unpriced := tally.Totals(); tokens.Total != 7 || cost.Total != 3 || unpriced != 1 {
		t.Fatal(tokens, cost, unpriced)
	}
}

func TestSkeletonPutsParentsFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 200 {
		rows := make([]SpanRow, 1+r.IntN(30))
		for i := range rows {
			rows[i] = SpanRow{ID: nth(i + 1), Start: int64(i) * 1000, Name: fmt.Sprint(i % 3), Tokens: trace.NoTokens, Cost: trace.NoCost}
			if p := r.IntN(len(rows) + 2); p > 0 {
				rows[i].Parent = nth(p) // also itself, in circles, and not here
			}
		}
		sk := skeleton(trace.ID{1}, rows)
		if len(sk.IDs) != len(rows) {
			t.Fatalf("round %d: %d of %d rows", round, len(sk.IDs), len(rows))
		}
		seen := map[trace.SpanID]bool{}
		for i, p := range sk.Parents {
			if int(p) >= i || seen[sk.IDs[i]] {
				t.Fatalf("round %d: row %d has parent %d", round, i, p)
			}
			seen[sk.IDs[i]] = true
		}
	}
}

func TestPreview(t *testing.T) {
	for text, want := range map[string]string{
		"hello": "hello",
		`{"messages":[{"role":"user","content":"first"},{"role":"assistant","content":"no"},{"role":"user","content":"last"}]}`: "last",
		`{"messages":[{"role":"system","content":"only"}]}`:                                                                     "only",
		`{"choices":[{"message":{"role":"assistant","content":"said"}}]}`:                                                       "said",
		`{"input":[{"role":"user","content":[{"type":"input_image"},{"type":"text","text":"part"}]}]}`:                          "part",
		`{"request":{"input":[{"role":"user","content":"deep"}]}}`:                                                              "deep",
		`{"messages":[{"role":"user"}]}`:                                                                                        `{"messages":[{"role":"user"}]}`,
		`{"broken":`:                                                                                                            `{"broken":`,
	} {
		if got := preview(text, "user"); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	long := make([]rune, 2000)
	for i := range long {
		long[i] = '界'
	}
	if got := []rune(preview(string(long), "user")); len(got) != MaxPreview || string(got[997:]) != "..." {
		t.Errorf("%d characters", len(got))
	}
}
