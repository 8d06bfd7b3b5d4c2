package tracing

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/filter"
)

// gatherer collects the answer to a [MonitorQuery].
type gatherer struct {
	q            *MonitorQuery
	dim          Dimension
	byExperiment bool
	start, width int64
	points       int
	values       map[string]*seriesSum
	rest         *seriesSum
	whole        *seriesSum // all traces, where the values do not say it
	folded       int
	truncated    bool // some cell had a rest
}

// seriesSum is one value's measures by bucket.
type seriesSum struct{ points map[int]*Measures }

func (s *seriesSum) at(i int) *Measures {
	m := s.points[i]
	if m == nil {
		fresh := noMeasures()
		m = &fresh
		s.points[i] = m
	}
	return m
}

func newSeriesSum() *seriesSum { return &seriesSum{points: map[int]*Measures{}} }

func (g *gatherer) bucket(ms int64) int { return int((ms - g.start) / g.width) }

// value returns where to count a value; nil if it was not asked for.
func (g *gatherer) value(v string, other bool) *seriesSum {
	if other {
		g.truncated = true
		if len(g.q.Values) > 0 {
			return nil
		}
		return g.others()
	}
	if s := g.values[v]; s != nil {
		return s
	}
	if len(g.q.Values) > 0 && !slices.Contains(g.q.Values, g.dim.shown(v)) {
		return nil
	}
	if len(g.values) >= maxMonitorValues {
		g.truncated = true
		return g.others()
	}
	s := newSeriesSum()
	g.values[strings.Clone(v)] = s
	return s
}

func (g *gatherer) all() *seriesSum {
	if g.whole == nil {
		g.whole = newSeriesSum()
	}
	return g.whole
}

func (g *gatherer) others() *seriesSum {
	if g.rest == nil {
		g.rest = newSeriesSum()
	}
	return g.rest
}

// filterDims are the fields whose equality is a dimension's value.
var filterDims = map[filter.Field]Dim{
	{Group: filter.Attribute, Key: "name"}: DimName, {Group: filter.Attribute, Key: "status"}: DimState,
	{Group: filter.Metadata, Key: MetaUser}: DimUser,
	{Group: filter.Span, Key: "model"}:      DimModel, {Group: filter.Span, Key: "provider"}: DimProvider, {Group: filter.Span, Key: "tool"}: DimTool,
	{Group: filter.Span, Key: "agent"}: DimAgent, {Group: filter.Span, Key: "node"}: DimNode, {Group: filter.Span, Key: "type"}: DimType,
	{Group: filter.Span, Key: "name"}: DimSpan, {Group: filter.Span, Key: "error_type"}: DimError,
}

// direct reports whether what was summed up answers the query, and the value
// of the dimension that the filter names (nil without a filter).
func (g *gatherer) direct() (only *string, ok bool) {
	if len(g.q.Filter) == 0 {
		return nil, true
	}
	if len(g.q.Filter) > 1 {
		return nil, false
	}
	c := g.q.Filter[0]
	if c.Op != filter.Eq || c.Value.Kind != filter.String {
		return nil, false
	}
	d := Dimension{Dim: filterDims[c.Field]}
	if c.Field.Group == filter.Tag {
		d = Dimension{DimTag, c.Field.Key}
	}
	if d.Dim == DimTotal || d.Dim >= DimModel && g.dim != d {
		return nil, false // its cells hold spans, and the question is of traces
	}
	if g.byExperiment || g.dim != d && g.dim.Dim != DimTotal {
		return nil, false
	}
	value := clip(c.Value.Str, maxMonitoredValue)
	if g.dim.Dim == DimTotal { // the value's own cells, shown as the total
		g.dim = d
	}
	return &value, true
}

// read gathers stored cells: whole hours where no bucket is narrower, minutes
// at the edges.
func (g *gatherer) read(ctx context.Context, store RollupStore, only *string) error {
	whole := g.width%hourMS == 0
	from, to := g.q.From, g.q.To
	firstHour, endHour := (from+hourMS-1)/hourMS, to/hourMS
	read := CellQuery{Experiments: g.q.Experiments, Dimension: g.dim}
	if whole && firstHour < endHour {
		read.Hours, read.From, read.To = true, firstHour, endHour
		if err := store.EachCells(ctx, read, g.cells(hourMS, only)); err != nil {
			return err
		}
		read.Hours = false
		if read.From, read.To = from/minuteMS, firstHour*60; read.From < read.To {
			if err := store.EachCells(ctx, read, g.cells(minuteMS, only)); err != nil {
				return err
			}
		}
		from = endHour * hourMS
	}
	read.From, read.To = from/minuteMS, to/minuteMS
	if read.From >= read.To {
		return nil
	}
	return store.EachCells(ctx, read, g.cells(minuteMS, only))
}

// cells returns what takes stored cells of stretches of unit milliseconds.
func (g *gatherer) cells(unit int64, only *string) func(string, int64, []byte) error {
	total := g.dim.Dim == DimTotal
	return func(experiment string, at int64, cells []byte) error {
		if unit == minuteMS {
			var err error
			if cells, err = unpackOne(cells, g.dim); err != nil || cells == nil {
				return err
			}
		}
		i := g.bucket(at * unit)
		return eachCell(cells, func(value []byte, other bool) *Measures {
			if only != nil && (other || string(value) != *only) {
				return nil
			}
			v := string(value)
			if g.byExperiment {
				v = experiment
			} else if total || only != nil && g.q.By == "" {
				v = ""
			}
			s := g.value(v, other)
			if s == nil {
				return nil
			}
			return s.at(i)
		})
	}
}

// fold gathers matching traces one by one.
func (g *gatherer) fold(ctx context.Context, store RollupStore) (all bool, err error) {
	q := Query{Experiments: g.q.Experiments, Filter: g.q.Filter, From: g.q.From, To: g.q.To}
	return store.EachTrace(ctx, q, maxMonitorFold, func(info *Info, rows []SpanRow) error {
		g.folded++
		one := NewCells()
		one.Fold(info, rows)
		i := g.bucket(info.RequestTime)
		g.all().at(i).Merge(one.dims[Dimension{}].values[""])
		set := one.dims[g.dim]
		if set == nil {
			return nil
		}
		for v, m := range set.values {
			if g.byExperiment {
				v = info.Experiment
			}
			if s := g.value(v, false); s != nil {
				s.at(i).Merge(m)
			}
		}
		return nil
	})
}

// answer orders the series and cuts them to the limit.
func (g *gatherer) answer(out *Monitor) {
	whole := g.whole
	if whole == nil { // the values are traces, each in one
		whole = newSeriesSum()
		for _, s := range g.values {
			whole.merge(s)
		}
		if g.rest != nil {
			whole.merge(g.rest)
		}
	}
	out.Whole = MonitorSeries{Total: whole.total(), Points: whole.list(g.points)}
	type sum struct {
		value string
		s     *seriesSum
		total *Measures
	}
	list := make([]sum, 0, len(g.values))
	for v, s := range g.values {
		list = append(list, sum{v, s, s.total()})
	}
	weigh := weights[g.q.Order]
	slices.SortFunc(list, func(a, b sum) int {
		return cmp.Or(cmp.Compare(weigh(b.total), weigh(a.total)), cmp.Compare(b.total.volume(), a.total.volume()), strings.Compare(a.value, b.value))
	})
	if len(list) > g.q.Limit {
		out.More = len(list) - g.q.Limit
		for _, x := range list[g.q.Limit:] {
			for i, m := range x.s.points {
				g.others().at(i).Merge(m)
			}
		}
		list = list[:g.q.Limit]
	}
	out.Series = make([]MonitorSeries, 0, len(list)+1)
	for _, x := range list {
		out.Series = append(out.Series, MonitorSeries{Value: g.dim.shown(x.value), Clause: g.dim.clause(x.value), Total: x.total, Points: x.s.list(g.points)})
	}
	if g.rest != nil {
		out.Series = append(out.Series, MonitorSeries{Other: true, Total: g.rest.total(), Points: g.rest.list(g.points)})
	}
	if g.truncated {
		out.Exact = false
	}
}

var weights = map[string]func(*Measures) float64{
	"":       func(m *Measures) float64 { return float64(m.volume()) },
	"volume": func(m *Measures) float64 { return float64(m.volume()) },
	"cost":   func(m *Measures) float64 { return float64(m.Cost) },
	"errors": func(m *Measures) float64 { return float64(m.Errors) },
	"time":   func(m *Measures) float64 { return float64(m.Time) },
	"score": func(m *Measures) float64 {
		mean, _, known := m.Mean()
		if !known {
			return -1e300
		}
		return -mean // the worst first
	},
}

func (s *seriesSum) merge(o *seriesSum) {
	for i, m := range o.points {
		s.at(i).Merge(m)
	}
}

func (s *seriesSum) total() *Measures {
	sum := noMeasures()
	for _, m := range s.points {
		sum.Merge(m)
	}
	return &sum
}

func (s *seriesSum) list(n int) []*Measures {
	list := make([]*Measures, n)
	for i, m := range s.points {
		if i >= 0 && i < n {
			list[i] = m
		}
	}
	return list
}
