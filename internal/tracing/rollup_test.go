package tracing

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/trace"
)

// TestSketchError holds the error bound for distributions of many shapes, also
// after merging in pieces and through the stored form.
func TestSketchError(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() float64{
		"exponential": func() float64 { return r.ExpFloat64() * 4e5 },
		"lognormal":   func() float64 { return math.Exp(r.NormFloat64()*3 + 10) },
		"two modes":   func() float64 { return []float64{2e3, 9e7}[r.IntN(2)] * (1 + r.Float64()) },
		"constant":    func() float64 { return 1_234_567 },
		"powers of γ": func() float64 { return math.Pow(sketchGamma, float64(r.IntN(600))) },
		"a year":      func() float64 { return float64(r.Int64N(365 * 24 * 3600e6)) },
	} {
		var values []float64
		var whole Sketch
		parts := make([]Sketch, 7)
		for range 5000 {
			v := math.Floor(max(1, draw()))
			values = append(values, v)
			parts[r.IntN(len(parts))].Add(v)
		}
		for i := range parts {
			reader := cellReader{b: parts[i].append(nil)}
			if whole.mergeFrom(&reader); reader.err != nil || len(reader.b) != 0 {
				t.Fatalf("%s: %v, %d bytes left", name, reader.err, len(reader.b))
			}
		}
		slices.Sort(values)
		for _, q := range []float64{0, .01, .25, .5, .9, .95, .99, .999, 1} {
			exact := values[max(0, int(math.Ceil(q*float64(len(values))))-1)]
			if got := whole.Quantile(q); math.Abs(got-exact) > SketchError*exact*(1+1e-9) {
				t.Errorf("%s, quantile %v: %v, exact %v, off by %.2f %%", name, q, got, exact, 100*math.Abs(got-exact)/exact)
			}
		}
	}
	var none Sketch
	if none.Quantile(.5) != -1 || none.N() != 0 {
		t.Error("an empty sketch has a median")
	}
	none.Add(0.3)
	none.Add(math.NaN())
	if none.Quantile(1) != 0 || none.N() != 2 {
		t.Errorf("values below 1: %v of %d", none.Quantile(1), none.N())
	}
}

// TestSelfTimes compares self times with counting nanosecond by nanosecond.
func TestSelfTimes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		rows := make([]SpanRow, 1+r.IntN(12))
		for i := range rows {
			start := int64(r.IntN(100))
			rows[i] = SpanRow{ID: trace.SpanID{byte(i + 1)}, Start: start, End: start + int64(r.IntN(80))}
			if r.IntN(8) == 0 {
				rows[i].End = 0 // open
			}
			rows[i].Parent = trace.SpanID{byte(r.IntN(len(rows) + 2))} // any, also itself, later, missing or none
		}
		got := selfTimes(rows)
		for i := range rows {
			want := int64(-1)
			if rows[i].End != 0 {
				want = 0
				for ns := rows[i].Start; ns < rows[i].End; ns++ {
					busy := slices.ContainsFunc(rows, func(c SpanRow) bool {
						return c.Parent == rows[i].ID && c.ID != rows[i].ID && c.End != 0 && c.Start <= ns && ns < c.End
					})
					if !busy {
						want++
					}
				}
			}
			if got[i] != want {
				t.Fatalf("row %d of %+v: %d, want %d", i, rows, got[i], want)
			}
		}
	}
}

func row(n, parent byte, name string, from, to int64) SpanRow {
	r := SpanRow{ID: trace.SpanID{n}, Name: name, Start: from * 1e6, End: to * 1e6, Status: trace.OK, Tokens: trace.NoTokens, Cost: trace.NoCost}
	if parent != 0 {
		r.Parent = trace.SpanID{parent}
	}
	return r
}

// TestFold follows one agent's run by hand: a failing tool below a node, two
// model calls of which one is wrapped, an aggregate on top.
func TestFold(t *testing.T) {
	rows := []SpanRow{
		row(1, 0, "agent", 1000, 2000), row(2, 1, "plan", 1000, 1500), row(3, 2, "wrapped", 1100, 1400), row(4, 3, "call", 1150, 1350),
		row(5, 1, "act", 1500, 1900), row(6, 5, "search", 1600, 1700), row(7, 5, "call", 1700, 1800),
	}
	rows[0].Type, rows[0].Agent, rows[0].Aggregate = "AGENT", "helper", true
	rows[0].Tokens.Total = 9999
	rows[1].Node, rows[2].Node, rows[4].Node = "plan", "plan", "act"
	for _, i := range []int{2, 3, 6} {
		rows[i].Type, rows[i].Model, rows[i].Provider = "LLM", "m", "p"
		rows[i].Tokens = trace.Tokens{Input: 10, Output: 5, Total: 15, CacheRead: -1, CacheWrite: -1, Reasoning: -1}
	}
	rows[6].Cost = trace.Cost{Input: 70, Output: 30, Total: 100}
	rows[5].Type, rows[5].Tool, rows[5].Status, rows[5].ErrorType = "TOOL", "search", trace.Error, "ValueError"
	rows[4].Status, rows[0].Status = trace.Error, trace.Error
	info := &Info{Name: "agent", State: StateError, Duration: 1000, Tokens: trace.Tokens{Input: 20, Output: 10, Total: 30, CacheRead: -1, CacheWrite: -1, Reasoning: -1},
		Cost: trace.Cost{Input: 70, Output: 30, Total: 100}, Unpriced: 1, Tags: map[string]string{"env": "prod", TagName: "agent"}}
	half := "0.5"
	info.Assessments = []Assessment{
		{Name: "ok", Kind: Feedback, Valid: true, Value: []byte("1")}, {Name: "ok", Kind: Feedback, Valid: true, Value: []byte(half)},
		{Name: "ok", Kind: Feedback, Valid: false, Value: []byte("0")}, {Name: "ok", Kind: Feedback, Valid: true, Error: &AssessmentError{}, Value: []byte("null")},
		{Name: "truth", Kind: Expectation, Valid: true, Value: []byte("1")},
	}
	c := NewCells()
	c.Fold(info, rows)
	ms := func(n int64) int64 { return n * 1000 }
	for _, tt := range []struct {
		dim   Dimension
		value string
		want  Measures
	}{
		{Dimension{}, "", Measures{Traces: 1, Spans: 7, Errors: 1, Tools: 1, Calls: 2, TokensIn: 20, TokensOut: 10, Tokens: 30, CacheRead: -1, Cost: 100, Unpriced: 1, Time: ms(1000), Self: -1}},
		{Dimension{DimTag, "env"}, "prod", Measures{Traces: 1, Spans: 7, Errors: 1, Tools: 1, Calls: 2, TokensIn: 20, TokensOut: 10, Tokens: 30, CacheRead: -1, Cost: 100, Unpriced: 1, Time: ms(1000), Self: -1}},
		// The inner of two spans of one model is part of the outer; the outer's usage counts.
		{Dimension{Dim: DimModel}, "m", Measures{Traces: 1, Spans: 2, Calls: 2, TokensIn: 20, TokensOut: 10, Tokens: 30, CacheRead: -1, Cost: 100, Unpriced: 1, Time: ms(300 + 100), Self: ms(100 + 200 + 100)}},
		// A node is entered once, though a span below names it too; its self time is that of all its spans.
		{Dimension{Dim: DimNode}, "plan", Measures{Traces: 1, Spans: 1, Calls: 1, TokensIn: 10, TokensOut: 5, Tokens: 15, CacheRead: -1, Cost: -1, Unpriced: 1, Time: ms(500), Self: ms(200 + 100)}},
		// The call below belongs to the node, which it does not name.
		{Dimension{Dim: DimNode}, "act", Measures{Traces: 1, Spans: 1, Errors: 1, Calls: 1, TokensIn: 10, TokensOut: 5, Tokens: 15, CacheRead: -1, Cost: 100, Time: ms(400), Self: ms(200)}},
		{Dimension{Dim: DimTool}, "search", Measures{Traces: 1, Spans: 1, Errors: 1, Tools: 1, TokensIn: -1, TokensOut: -1, Tokens: -1, CacheRead: -1, Cost: -1, Time: ms(100), Self: ms(100)}},
		// A failure counts where it arose and not on what it passed through.
		{Dimension{Dim: DimError}, "ValueError", Measures{Traces: 1, Spans: 1, Errors: 1, Tools: 1, TokensIn: -1, TokensOut: -1, Tokens: -1, CacheRead: -1, Cost: -1, Time: ms(100), Self: ms(100)}},
		{Dimension{Dim: DimScore}, "ok", Measures{Traces: 1, Errors: 1, TokensIn: -1, TokensOut: -1, Tokens: -1, CacheRead: -1, Cost: -1, Time: -1, Self: -1, Scores: 2, Score: 1.5, ScoreSquares: 1.25}},
		{Dimension{Dim: DimSpan}, "call", Measures{Traces: 1, Spans: 2, Calls: 1, TokensIn: 10, TokensOut: 5, Tokens: 15, CacheRead: -1, Cost: 100, Time: ms(300), Self: ms(300)}},
	} {
		set := c.dims[tt.dim]
		if set == nil || set.values[tt.value] == nil {
			t.Errorf("%s has no %q", tt.dim, tt.value)
			continue
		}
		got := *set.values[tt.value]
		got.Duration = Sketch{}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s %q:\n got %+v\nwant %+v", tt.dim, tt.value, got, tt.want)
		}
	}
	for d, n := range map[Dimension]int{{Dim: DimError}: 1, {Dim: DimScore}: 1, {Dim: DimNode}: 2, {DimTag, TagName}: 0} {
		if set := c.dims[d]; n == 0 && set != nil || n > 0 && (set == nil || len(set.values) != n) {
			t.Errorf("%s: %+v, want %d values", d, set, n)
		}
	}
}

// TestCellsAreBounded folds more values and tags than are told apart: what is
// kept is bounded, and the rest is not lost.
func TestCellsAreBounded(t *testing.T) {
	c := NewCells()
	for i := range 1000 {
		info := &Info{Name: fmt.Sprint("name ", i), State: StateOK, Duration: 5, Tokens: trace.NoTokens, Cost: trace.NoCost,
			Tags: map[string]string{fmt.Sprint("key ", i): "x", "common": "y", TagLoop: "t ×5"}}
		if i < 100 {
			info.Name = "frequent"
		}
		c.Fold(info, nil)
	}
	packed := c.Pack()
	if len(packed) > 40_000 {
		t.Errorf("%d bytes", len(packed))
	}
	back := NewCells()
	if err := back.Unpack(packed); err != nil {
		t.Fatal(err)
	}
	names := back.dims[Dimension{Dim: DimName}]
	if len(names.values) != maxCellValues || names.values["frequent"].Traces != 100 {
		t.Errorf("%d values, frequent %+v", len(names.values), names.values["frequent"])
	}
	total := names.other.Traces
	for _, m := range names.values {
		total += m.Traces
	}
	if total != 1000 {
		t.Errorf("%d traces are left of 1000", total)
	}
	tags := 0
	for d := range back.dims {
		if d.Dim == DimTag {
			tags++
		}
	}
	if tags != maxCellKeys || back.dims[Dimension{DimTag, TagLoop}] == nil || back.dims[Dimension{DimTag, "common"}] == nil {
		t.Errorf("%d keys of tags; loop and common kept: %v, %v", tags, back.dims[Dimension{DimTag, TagLoop}] != nil, back.dims[Dimension{DimTag, "common"}] != nil)
	}
	again := back.Pack()
	if !bytes.Equal(packed, again) {
		t.Error("packing what was unpacked gives something else")
	}
}

func TestSpend(t *testing.T) {
	hour := int64(time.Hour / time.Millisecond)
	m := Monitor{Start: 0, End: 100 * hour, Bucket: hour, Exact: true}
	m.Whole.Points = make([]*Measures, 100)
	m.Whole.Points[20] = &Measures{}
	m.Whole.Total = &Measures{Traces: 50, Cost: 3e12, Calls: 100, Unpriced: 5}
	got := m.Spend(time.UnixMilli(68 * hour)) // 48 hours of traces
	if got.Per1000 != 60e12 || got.Month != 45e12 || got.Length != 48*time.Hour || got.Why != "" {
		t.Errorf("two days: %+v", got)
	}
	if got := m.Spend(time.UnixMilli(43 * hour)); got.Month != -1 || got.Why == "" || got.Per1000 != 60e12 {
		t.Errorf("under a day: %+v", got)
	}
	m.Whole.Total.Unpriced = 6
	if got := m.Spend(time.UnixMilli(68 * hour)); got.Month != -1 || got.Why != "6 of 100 model calls have no known price" {
		t.Errorf("many unpriced: %+v", got)
	}
	m.Whole.Total.Cost = -1
	if got := m.Spend(time.UnixMilli(68 * hour)); got.Month != -1 || got.Per1000 != -1 {
		t.Errorf("nothing priced: %+v", got)
	}
}

func TestMean(t *testing.T) {
	m := Measures{Scores: 4, Score: 2, ScoreSquares: 2} // 0, 0, 1, 1
	mean, half, known := m.Mean()
	if want := 1.96 * math.Sqrt(1.0/3/4); !known || mean != .5 || math.Abs(half-want) > 1e-12 {
		t.Errorf("mean %v ± %v, want .5 ± %v", mean, half, want)
	}
	if _, _, known := new(Measures).Mean(); known {
		t.Error("no scores have a mean")
	}
}

// FuzzCells feeds stored cells that are damaged: no panic, no endless loop, no
// memory beyond the input's size.
func FuzzCells(f *testing.F) {
	c := NewCells()
	c.Fold(&Info{Name: "a", State: StateOK, Duration: 12, Tokens: trace.NoTokens, Cost: trace.NoCost, Tags: map[string]string{"k": "v"},
		Assessments: []Assessment{{Name: "s", Kind: Feedback, Valid: true, Value: []byte("0.25")}}}, []SpanRow{row(1, 0, "x", 1, 9), row(2, 1, "y", 2, 3)})
	f.Add(c.Pack())
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add(binary.AppendUvarint([]byte{0, 0, 10}, math.MaxUint64))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := NewCells()
		if c.Unpack(b) == nil {
			if err := NewCells().Unpack(c.Pack()); err != nil {
				t.Errorf("what was packed cannot be unpacked: %v", err)
			}
		}
		for d := range dimCount {
			if cells, err := unpackOne(b, Dimension{Dim: d}); err == nil && cells != nil {
				eachCell(cells, func([]byte, bool) *Measures { return nil })
			}
		}
	})
}
