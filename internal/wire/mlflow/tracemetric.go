package mlflow

import (
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracing"
)

type correlateRequest struct {
	Experiments []string `json:"experiment_ids"`
	First       string   `json:"filter_string1"`
	Second      string   `json:"filter_string2"`
	Base        string   `json:"base_filter"`
}

func (h traces) correlate(ctx context.Context, r *correlateRequest) (any, error) {
	if len(r.Experiments) == 0 {
		return nil, missing("experiment_ids")
	}
	if err := present("filter_string1", r.First, "filter_string2", r.Second); err != nil {
		return nil, err
	}
	var parsed [3]filter.Expr
	for i, text := range []string{r.Base, r.First, r.Second} {
		var err error
		if parsed[i], err = filter.Parse(filter.Traces, text); err != nil {
			return nil, err
		}
	}
	c, err := h.tracing.Correlate(ctx, tracing.Query{Experiments: r.Experiments, Filter: parsed[0]}, parsed[1], parsed[2])
	if err != nil {
		return nil, err
	}
	b := []byte("{")
	if !math.IsNaN(c.NPMI) { // not defined where a condition never holds
		b = appendFloat(appendField(b, "npmi"), c.NPMI)
		b = appendFloat(appendField(b, "npmi_smoothed"), c.Smoothed)
	}
	b = appendIntField(b, "filter1_count", c.First)
	b = appendIntField(b, "filter2_count", c.Second)
	b = appendIntField(b, "joint_count", c.Both)
	b = appendIntField(b, "total_count", c.Total)
	return encoded(append(b, '}')), nil
}

type metricsRequest struct {
	Experiments  []string      `json:"experiment_ids"`
	View         string        `json:"view_type"`
	Metric       string        `json:"metric_name"`
	Aggregations []aggregation `json:"aggregations"`
	Dimensions   []string      `json:"dimensions"`
	Filters      []string      `json:"filters"`
	Interval     Int           `json:"time_interval_seconds"`
	From         *Int          `json:"start_time_ms"`
	To           *Int          `json:"end_time_ms"`
	Max          *Int          `json:"max_results"`
}

type aggregation struct {
	Type       string `json:"aggregation_type"`
	Percentile *Float `json:"percentile_value"`
}

// maxPoints is both the default and the most points one answer has.
const maxPoints = 1000

func (h traces) metrics(ctx context.Context, r *metricsRequest) (any, error) {
	switch {
	case len(r.Experiments) == 0:
		return nil, missing("experiment_ids")
	case r.View == "":
		return nil, missing("view_type")
	case r.Metric == "":
		return nil, missing("metric_name")
	case len(r.Aggregations) == 0:
		return nil, missing("aggregations")
	case r.Interval < 0:
		return nil, fault.Invalidf("time_interval_seconds must not be negative")
	case r.Interval > 0 && (r.From == nil || r.To == nil):
		return nil, fault.Invalidf("start_time_ms and end_time_ms are required if time_interval_seconds is set")
	}
	q := tracing.MetricsQuery{
		Experiments: r.Experiments, View: tracing.View(r.View), Metric: r.Metric,
		Dimensions: r.Dimensions, Bucket: time.Duration(min(int64(r.Interval), math.MaxInt32)) * time.Second, Limit: maxPoints,
	}
	if r.From != nil {
		q.From = int64(*r.From)
	}
	if r.To != nil {
		q.To = int64(*r.To) + 1 // MLflow's end is inclusive
	}
	if r.Max != nil {
		q.Limit = max(1, min(int(*r.Max), maxPoints))
	}
	for _, a := range r.Aggregations {
		one := tracing.Aggregation{Kind: tracing.AggregationKind(a.Type)}
		if a.Percentile != nil {
			one.Percentile = float64(*a.Percentile)
		}
		if one.Kind == tracing.Percentile && (a.Percentile == nil || !(one.Percentile >= 0 && one.Percentile <= 100)) {
			return nil, fault.Invalidf("percentile_value must be between 0 and 100 for PERCENTILE")
		}
		q.Aggregations = append(q.Aggregations, one)
	}
	var err error
	if q.Filters, err = metricFilters(r.Filters); err != nil {
		return nil, err
	}
	points, err := h.tracing.Metrics(ctx, q)
	if err != nil {
		return nil, err
	}
	b := appendList([]byte("{"), "data_points", points, func(b []byte, p *tracing.Point) []byte {
		return appendPoint(b, &q, p)
	})
	return encoded(append(b, '}')), nil
}

// metricFilters reads filters such as trace.tag.`k` = "v"; the ones a search
// of traces knows are taken.
func metricFilters(texts []string) (filter.Expr, error) {
	var all filter.Expr
	for _, text := range texts {
		e, err := filter.Parse(filter.Traces, text)
		if err != nil {
			return nil, err
		}
		all = slices.Concat(all, e)
	}
	return all, nil
}

func appendPoint(b []byte, q *tracing.MetricsQuery, p *tracing.Point) []byte {
	b = appendTextField(append(b, '{'), "metric_name", q.Metric)
	if len(q.Dimensions) > 0 || q.Bucket > 0 {
		b = append(appendField(b, "dimensions"), '{')
		if q.Bucket > 0 {
			at := time.UnixMilli(p.Bucket).UTC().Format("2006-01-02T15:04:05+00:00")
			b = appendTextField(b, "time_bucket", at)
		}
		for i, d := range q.Dimensions {
			b = appendText(append(appendText(separateFields(b), d), ':'), p.Dimensions[i])
		}
		b = append(b, '}')
	}
	b = append(appendField(b, "values"), '{')
	for i, a := range q.Aggregations {
		name := string(a.Kind)
		if a.Kind == tracing.Percentile {
			name = "P" + pythonFloat(a.Percentile)
		}
		b = appendFloat(append(appendText(separateFields(b), name), ':'), p.Values[i])
	}
	return append(b, "}}"...)
}

// pythonFloat writes 50 as 50.0, as Python names its percentiles.
func pythonFloat(f float64) string {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if f == math.Trunc(f) {
		s += ".0"
	}
	return s
}
