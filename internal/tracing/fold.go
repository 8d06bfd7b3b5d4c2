package tracing

import (
	"github.com/assayhq/assay/internal/trace"
)

// Fold adds one trace: its header with its assessments, and its spans.
func (c *Cells) Fold(info *Info, rows []SpanRow) {
	f := folding{cells: c, info: info, rows: rows, self: selfTimes(rows), seen: map[seenKey]struct{}{}}
	f.index()
	f.trace()
	for _, d := range spanDims {
		f.spans(d)
	}
	f.errors()
	f.scores()
}

// folding is one trace on its way into cells.
type folding struct {
	cells   *Cells
	info    *Info
	rows    []SpanRow
	self    []int64
	parent  []int // row of the parent, -1 none
	counted []bool
	calls   int64
	tools   int64
	seen    map[seenKey]struct{}
}

type seenKey struct {
	dim   Dim
	value string
}

// index finds parents, and the spans whose usage counts.
func (f *folding) index() {
	at := make(map[trace.SpanID]int, len(f.rows))
	tally := NewTally(len(f.rows))
	used := false
	for i := range f.rows {
		r := &f.rows[i]
		at[r.ID] = i
		n := Node{Parent: r.Parent, Aggregate: r.Aggregate, Tokens: r.Tokens, Cost: r.Cost}
		used = used || n.used()
		tally.Put(r.ID, n)
		if r.Type == "TOOL" {
			f.tools++
		}
	}
	f.parent, f.counted = make([]int, len(f.rows)), make([]bool, len(f.rows))
	for i := range f.rows {
		p, ok := at[f.rows[i].Parent]
		if !ok || p == i {
			p = -1
		}
		f.parent[i] = p
	}
	if !used {
		return
	}
	for id := range tally.counted() {
		f.counted[at[id]] = true
		f.calls++
	}
}

// trace adds the trace to the dimensions of traces.
func (f *folding) trace() {
	one := noMeasures()
	one.Traces, one.Spans, one.Tools, one.Calls = 1, int64(len(f.rows)), f.tools, f.calls
	one.TokensIn, one.TokensOut, one.Tokens, one.CacheRead = f.info.Tokens.Input, f.info.Tokens.Output, f.info.Tokens.Total, f.info.Tokens.CacheRead
	one.Cost, one.Unpriced = f.info.Cost.Total, int64(f.info.Unpriced)
	switch f.info.State {
	case StateError:
		one.Errors = 1
	case StateOK:
	default:
		one.Open = 1
	}
	if f.info.Duration >= 0 && one.Open == 0 {
		one.Time = f.info.Duration * 1000
		one.Duration.Add(float64(one.Time))
	}
	put := func(d Dim, key, value string) {
		if value != "" || d == DimTotal {
			f.cells.at(Dimension{d, key}, clip(value, maxMonitoredValue)).Merge(&one)
		}
	}
	put(DimTotal, "", "")
	put(DimName, "", f.info.Name)
	put(DimVersion, "", agentVersion(f.info))
	put(DimUser, "", f.info.User)
	put(DimState, "", string(f.info.State))
	for key, value := range f.info.Tags {
		if key == TagStalled {
			value = "stalled" // not a group for every instant
		}
		if !unmonitored[key] && len(key) <= maxMonitoredKey && len(value) <= maxMonitoredTag {
			put(DimTag, key, value)
		}
	}
}

// spanDim says how a dimension of spans counts them.
type spanDim struct {
	dim   Dim
	value func(*SpanRow) string
	// each: every span counts; else one below a span of the same value is part
	// of it, and adds its self time alone.
	each bool
	// inner: tokens and cost of a span without a value belong to the nearest
	// span above that has one.
	inner bool
}

var spanDims = [...]spanDim{
	{dim: DimModel, value: func(r *SpanRow) string { return r.Model }},
	{dim: DimProvider, value: func(r *SpanRow) string { return r.Provider }},
	{dim: DimNode, value: func(r *SpanRow) string { return r.Node }, inner: true},
	{dim: DimTool, value: func(r *SpanRow) string { return r.Tool }, inner: true},
	{dim: DimAgent, value: func(r *SpanRow) string { return r.Agent }, inner: true},
	{dim: DimType, value: func(r *SpanRow) string { return r.Type }, each: true},
	{dim: DimSpan, value: func(r *SpanRow) string { return r.Name }, each: true},
}

func (f *folding) spans(d spanDim) {
	var set *cellSet
	for i := range f.rows {
		r := &f.rows[i]
		value := d.value(r)
		if value == "" && !(d.inner && f.counted[i]) {
			continue
		}
		if set == nil {
			set = f.cells.set(Dimension{Dim: d.dim})
		}
		if value != "" {
			m := set.at(clip(value, maxMonitoredValue))
			f.once(d.dim, value, m)
			f.span(m, i, d.each || f.parent[i] < 0 || d.value(&f.rows[f.parent[i]]) != value)
		}
		if !f.counted[i] {
			continue
		}
		if value == "" {
			value = f.above(i, d.value)
		}
		if value != "" {
			use(set.at(clip(value, maxMonitoredValue)), r)
		}
	}
	if set != nil && len(set.values) == 0 {
		delete(f.cells.dims, Dimension{Dim: d.dim})
	}
}

// above is the value of the nearest span above row i that has one.
func (f *folding) above(i int, value func(*SpanRow) string) string {
	for range maxAncestry {
		if i = f.parent[i]; i < 0 {
			return ""
		}
		if v := value(&f.rows[i]); v != "" {
			return v
		}
	}
	return ""
}

// once counts the trace for a value the first time it is met.
func (f *folding) once(d Dim, value string, m *Measures) {
	k := seenKey{d, value}
	if _, ok := f.seen[k]; !ok {
		f.seen[k] = struct{}{}
		m.Traces++
	}
}

func (f *folding) span(m *Measures, i int, entry bool) {
	r := &f.rows[i]
	if f.self[i] >= 0 {
		add(&m.Self, f.self[i]/1000)
	}
	if !entry {
		return
	}
	m.Spans++
	if r.Status == trace.Error {
		m.Errors++
	}
	if r.Type == "TOOL" {
		m.Tools++
	}
	if r.End != 0 {
		µs := max(0, r.End-r.Start) / 1000
		add(&m.Time, µs)
		m.Duration.Add(float64(µs))
	}
}

func use(m *Measures, r *SpanRow) {
	tokens := r.Tokens
	if tokens.Total < 0 && (tokens.Input >= 0 || tokens.Output >= 0) {
		tokens.Total = max(0, tokens.Input) + max(0, tokens.Output)
	}
	m.Calls++
	add(&m.TokensIn, tokens.Input)
	add(&m.TokensOut, tokens.Output)
	add(&m.Tokens, tokens.Total)
	add(&m.CacheRead, tokens.CacheRead)
	cost := trace.NoCost
	addCost(&cost, r.Cost)
	add(&m.Cost, cost.Total)
	if r.Cost.Total < 0 {
		m.Unpriced++
	}
}

// unknownError is the type of a failure that says nothing of its type.
const unknownError = "unknown"

// errors counts failures where they arose: on spans none of whose children
// failed.
func (f *folding) errors() {
	passed := make([]bool, len(f.rows))
	any := false
	for i := range f.rows {
		if f.rows[i].Status == trace.Error {
			any = true
			if p := f.parent[i]; p >= 0 {
				passed[p] = true
			}
		}
	}
	if !any {
		if f.info.State == StateError { // said by the header alone
			m := f.cells.at(Dimension{Dim: DimError}, unknownError)
			m.Traces++
			m.Errors++
		}
		return
	}
	for i := range f.rows {
		r := &f.rows[i]
		if r.Status != trace.Error || passed[i] {
			continue
		}
		kind := r.ErrorType
		if kind == "" {
			kind = unknownError
		}
		m := f.cells.at(Dimension{Dim: DimError}, clip(kind, maxMonitoredValue))
		f.once(DimError, kind, m)
		f.span(m, i, true)
	}
}

// scores adds the feedback that counts.
func (f *folding) scores() {
	for i := range f.info.Assessments {
		a := &f.info.Assessments[i]
		if !a.Valid || a.Kind != Feedback || a.Name == "" {
			continue
		}
		m := f.cells.at(Dimension{Dim: DimScore}, clip(a.Name, maxMonitoredValue))
		f.once(DimScore, a.Name, m)
		if a.Error != nil {
			m.Errors++ // a judge that failed is no score
			continue
		}
		if v, ok := a.Number(); ok {
			m.Scores++
			m.Score += v
			m.ScoreSquares += v * v
		}
	}
}

// Loop is a tool that one trace called again and again with the same input.
type Loop struct {
	Tool string
	N    int
}

// FindLoop returns the tool that was called most often with one and the same
// input; N is 0 when no input of a tool is known.
func FindLoop(rows []SpanRow) (worst Loop) {
	type call struct {
		tool  string
		input uint32
	}
	var calls map[call]int
	for i := range rows {
		r := &rows[i]
		if r.InputHash == 0 || r.Tool == "" {
			continue
		}
		if calls == nil {
			calls = map[call]int{}
		}
		k := call{r.Tool, r.InputHash}
		n := calls[k] + 1
		calls[k] = n
		if n > worst.N || n == worst.N && r.Tool < worst.Tool {
			worst = Loop{r.Tool, n}
		}
	}
	return worst
}
