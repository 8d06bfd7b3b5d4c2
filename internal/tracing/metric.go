package tracing

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
)

// View is what a metric is measured on, named as MLflow names it.
type View string

const (
	Traces      View = "TRACES"
	Spans       View = "SPANS"
	Assessments View = "ASSESSMENTS"
)

// AggregationKind folds many values into one.
type AggregationKind string

const (
	CountOf    AggregationKind = "COUNT"
	Sum        AggregationKind = "SUM"
	Average    AggregationKind = "AVG"
	Percentile AggregationKind = "PERCENTILE" // interpolated between ranks
	Minimum    AggregationKind = "MIN"
	Maximum    AggregationKind = "MAX"
)

// Aggregation is one fold; Percentile is from 0 to 100.
type Aggregation struct {
	Kind       AggregationKind
	Percentile float64
}

// MetricsQuery asks for a metric over traces, grouped by time and dimensions.
type MetricsQuery struct {
	Experiments  []string
	View         View
	Metric       string
	Aggregations []Aggregation
	Dimensions   []string
	Filters      filter.Expr   // of traces
	Bucket       time.Duration // whole seconds; 0 for no grouping by time
	From, To     int64         // request time in unix milliseconds, [From, To); 0 open
	Limit        int           // points
}

// Point is one group's values, in the order of the query's aggregations.
type Point struct {
	Bucket     int64    // unix milliseconds
	Dimensions []string // in the order of the query
	Values     []float64
}

// metricRule says how a metric may be folded and grouped.
type metricRule struct {
	kinds      []AggregationKind
	dimensions []string
}

var (
	counts  = []AggregationKind{CountOf}
	numbers = []AggregationKind{Average, Minimum, Maximum, Percentile}
	amounts = []AggregationKind{Sum, Average, Minimum, Maximum, Percentile}
)

// metricRules lists what each view measures, in the order errors name them.
func metricRules(v View) ([]string, map[string]metricRule) {
	byName := []string{"trace_name"}
	byModel := []string{"span_model_name", "span_model_provider"}
	switch v {
	case Traces:
		rules := map[string]metricRule{
			"trace_count": {counts, []string{"trace_name", "trace_status"}}, "session_count": {counts, nil}, "latency": {numbers, byName},
		}
		names := []string{"trace_count", "session_count", "latency"}
		for _, n := range []string{"input_tokens", "output_tokens", "total_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"} {
			rules[n] = metricRule{amounts, byName}
			names = append(names, n)
		}
		return names, rules
	case Spans:
		return []string{"span_count", "latency", "input_cost", "output_cost", "total_cost"}, map[string]metricRule{
			"span_count": {counts, []string{"span_name", "span_type", "span_status", "span_model_name", "span_model_provider"}},
			"latency":    {numbers, []string{"span_name", "span_status"}},
			"input_cost": {amounts, byModel}, "output_cost": {amounts, byModel}, "total_cost": {amounts, byModel},
		}
	case Assessments:
		return []string{"assessment_count", "assessment_value"}, map[string]metricRule{
			"assessment_count": {counts, []string{"assessment_name", "assessment_value"}},
			"assessment_value": {numbers, []string{"assessment_name"}},
		}
	}
	return nil, nil
}

func (q *MetricsQuery) check() error {
	names, rules := metricRules(q.View)
	if rules == nil {
		return fault.Invalidf("view_type must be one of ['TRACES', 'SPANS', 'ASSESSMENTS'], got '%s'", q.View)
	}
	rule, ok := rules[q.Metric]
	if !ok {
		return fault.Invalidf("metric_name must be one of %s, got '%s'", pythonList(names), q.Metric)
	}
	for _, a := range q.Aggregations {
		if !slices.Contains(rule.kinds, a.Kind) {
			return fault.Invalidf("Found invalid aggregation_type(s): ['%s']. Supported aggregation types: %s", a.Kind, pythonList(slices.Sorted(slices.Values(rule.kinds))))
		}
	}
	for _, d := range q.Dimensions {
		if !slices.Contains(rule.dimensions, d) {
			return fault.Invalidf("Found invalid dimension(s): ['%s']. Supported dimensions: %s", d, pythonList(slices.Sorted(slices.Values(rule.dimensions))))
		}
	}
	return nil
}

func pythonList[S ~string](list []S) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = "'" + string(s) + "'"
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// Bounds of the work one query may do.
const (
	metricPage      = 1000
	maxMetricTraces = 50_000
	maxMetricSpans  = 2_000_000
)

// Metrics answers q from the headers of the traces it selects, and from their
// spans' columns where the view needs them. A query over more than
// maxMetricTraces traces is refused: narrow its time range.
func (s *Service) Metrics(ctx context.Context, q MetricsQuery) ([]Point, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	if q.Limit <= 0 {
		q.Limit = 1000
	}
	f := gathering{q: &q, groups: map[string]*group{}}
	search := Search{Query: Query{Experiments: q.Experiments, Filter: q.Filters, From: q.From, To: q.To}, Limit: metricPage, Bare: q.View != Assessments}
	seen, spans := 0, 0
	for {
		page, err := s.Search(ctx, search)
		if err != nil {
			return nil, err
		}
		if seen += len(page.Infos); seen > maxMetricTraces {
			return nil, fault.Invalidf("the query covers more than %d traces; narrow start_time_ms and end_time_ms", maxMetricTraces)
		}
		for i := range page.Infos {
			if q.View != Spans {
				f.trace(&page.Infos[i])
				continue
			}
			if spans += page.Infos[i].Spans; spans > maxMetricSpans {
				return nil, fault.Invalidf("the query covers more than %d spans; narrow start_time_ms and end_time_ms", maxMetricSpans)
			}
			if err := s.foldSpans(ctx, &f, &page.Infos[i]); err != nil {
				return nil, err
			}
		}
		if page.Next == "" {
			return f.points(), nil
		}
		search.Token = page.Next
	}
}

func (s *Service) foldSpans(ctx context.Context, f *gathering, info *Info) error {
	rows, err := s.store.SpanRows(ctx, info.ID)
	if err != nil && !fault.Is(err, fault.NotFound) { // deleted meanwhile
		return err
	}
	for i := range rows {
		f.span(info, &rows[i])
	}
	return nil
}

// gathering gathers values by group.
type gathering struct {
	q      *MetricsQuery
	groups map[string]*group
}

type group struct {
	bucket     int64
	dimensions []string
	values     []float64
	distinct   map[string]bool
}

// add puts v into the group of time at and dimensions; an unknown dimension
// ("") keeps it out, as a NULL would.
func (f *gathering) add(at int64, dimensions []string, v float64, distinct string) {
	if slices.Contains(dimensions, "") {
		return
	}
	var bucket int64
	if width := f.q.Bucket.Milliseconds(); width > 0 {
		bucket = at - ((at%width)+width)%width
	}
	key := time.UnixMilli(bucket).UTC().Format(time.RFC3339Nano) + "\x00" + strings.Join(dimensions, "\x00")
	g := f.groups[key]
	if g == nil {
		g = &group{bucket: bucket, dimensions: slices.Clone(dimensions)}
		f.groups[key] = g
	}
	if distinct != "" {
		if g.distinct == nil {
			g.distinct = map[string]bool{}
		}
		if g.distinct[distinct] {
			return
		}
		g.distinct[distinct] = true
	}
	g.values = append(g.values, v)
}

func (f *gathering) each(get func(dimension string) string) []string {
	out := make([]string, len(f.q.Dimensions))
	for i, d := range f.q.Dimensions {
		out[i] = get(d)
	}
	return out
}

func (f *gathering) trace(info *Info) {
	if f.q.View == Assessments {
		f.assessments(info)
		return
	}
	dims := f.each(func(d string) string {
		if d == "trace_status" {
			return string(info.State)
		}
		return info.Name
	})
	var v int64
	switch f.q.Metric {
	case "trace_count":
		v = 1
	case "session_count":
		if info.Session != "" {
			f.add(info.RequestTime, dims, 1, info.Session)
		}
		return
	case "latency":
		v = info.Duration
	case "input_tokens":
		v = info.Tokens.Input
	case "output_tokens":
		v = info.Tokens.Output
	case "total_tokens":
		v = info.Tokens.Total
	case "cache_read_input_tokens":
		v = info.Tokens.CacheRead
	case "cache_creation_input_tokens":
		v = info.Tokens.CacheWrite
	}
	if v >= 0 {
		f.add(info.RequestTime, dims, float64(v), "")
	}
}

func (f *gathering) assessments(info *Info) {
	for i := range info.Assessments {
		a := &info.Assessments[i]
		if !a.Valid {
			continue // overridden by another
		}
		v, ok := a.Number()
		if f.q.Metric == "assessment_count" {
			v, ok = 1, true
		}
		if !ok {
			continue
		}
		f.add(info.RequestTime, f.each(func(d string) string {
			if d == "assessment_value" {
				return string(a.Value)
			}
			return a.Name
		}), v, "")
	}
}

func (f *gathering) span(info *Info, s *SpanRow) {
	at := s.Start / 1e6
	v := -1.0
	switch f.q.Metric {
	case "span_count":
		v, at = 1, info.RequestTime
	case "latency":
		at = info.RequestTime
		if s.End > 0 {
			v = float64(s.End-s.Start) / 1e6
		}
	case "input_cost":
		v = dollars(s.Cost.Input)
	case "output_cost":
		v = dollars(s.Cost.Output)
	case "total_cost":
		v = dollars(s.Cost.Total)
	}
	if v < 0 {
		return
	}
	f.add(at, f.each(func(d string) string {
		switch d {
		case "span_name":
			return s.Name
		case "span_type":
			return cmp.Or(s.Type, "UNKNOWN")
		case "span_status":
			return [...]string{"UNSET", "OK", "ERROR"}[min(int(s.Status), 2)]
		case "span_model_provider":
			return s.Provider
		}
		return s.Model
	}), v, "")
}

func dollars(pico int64) float64 {
	if pico < 0 {
		return -1
	}
	return float64(pico) / 1e12
}

func (f *gathering) points() []Point {
	out := make([]Point, 0, len(f.groups))
	for _, g := range f.groups {
		slices.Sort(g.values)
		p := Point{Bucket: g.bucket, Dimensions: g.dimensions}
		for _, a := range f.q.Aggregations {
			p.Values = append(p.Values, a.of(g.values))
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), slices.Compare(a.Dimensions, b.Dimensions))
	})
	return out[:min(len(out), f.q.Limit)]
}

// of folds sorted values, of which there is at least one.
func (a Aggregation) of(sorted []float64) float64 {
	sum := 0.0
	for _, v := range sorted {
		sum += v
	}
	last := len(sorted) - 1
	switch a.Kind {
	case CountOf:
		return float64(len(sorted))
	case Sum:
		return sum
	case Average:
		return sum / float64(len(sorted))
	case Minimum:
		return sorted[0]
	case Maximum:
		return sorted[last]
	}
	rank := a.Percentile / 100 * float64(last)
	below := math.Floor(rank)
	lo, hi := sorted[int(below)], sorted[min(int(below)+1, last)]
	return lo + (hi-lo)*(rank-below)
}
