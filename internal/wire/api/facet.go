package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
)

type histogramRequest struct {
	traceQuery
	Buckets int `json:"buckets"`
}

type histogram struct {
	StartMS  int64   `json:"start_ms"`
	BucketMS int64   `json:"bucket_ms"`
	OK       []int64 `json:"ok"`
	Error    []int64 `json:"error"`
	Running  []int64 `json:"running"`
}

func histogramOf(h tracing.Histogram) histogram {
	return histogram{h.Start, h.Width, orEmpty(h.OK), orEmpty(h.Error), orEmpty(h.Running)}
}

func (t traces) histogram(ctx context.Context, _ *http.Request, req *histogramRequest) (any, error) {
	q, err := req.query()
	if err != nil {
		return nil, err
	}
	if req.Buckets < 0 || req.Buckets > 500 {
		return nil, fault.Invalidf("buckets must be from 1 to 500, not %d", req.Buckets)
	}
	h, err := t.domain.Histogram(ctx, q, req.Buckets)
	if err != nil {
		return nil, err
	}
	return histogramOf(h), nil
}

type facetsRequest struct {
	traceQuery
	Fields []string `json:"fields"`
	Values int      `json:"values"`
}

type facetValue struct {
	Value  string `json:"value"`
	Count  int64  `json:"count"`
	Clause string `json:"clause"`
}

type facet struct {
	Field  string       `json:"field"`
	Values []facetValue `json:"values"`
	More   bool         `json:"more"`
}

func (t traces) facets(ctx context.Context, _ *http.Request, req *facetsRequest) (any, error) {
	q, err := req.query()
	if err != nil {
		return nil, err
	}
	if len(req.Fields) > 20 || req.Values < 0 || req.Values > 100 {
		return nil, fault.Invalidf("at most 20 fields and 100 values a field")
	}
	got, exact, err := t.domain.Facets(ctx, q, req.Fields, req.Values)
	if err != nil {
		return nil, err
	}
	out := struct {
		Facets []facet `json:"facets"`
		Exact  bool    `json:"exact"`
	}{[]facet{}, exact}
	for _, f := range got {
		values := []facetValue{}
		for _, v := range f.Values {
			values = append(values, facetValue{v.Value, v.Count, clauseOf(f.Field, v.Value)})
		}
		out.Facets = append(out.Facets, facet{f.Field, values, f.More})
	}
	return out, nil
}

// clauseOf writes the filter text that selects a facet's value. A value with
// both kinds of quote cannot be written; it gets no clause.
func clauseOf(field, value string) string {
	quote := "'"
	if strings.Contains(value, "'") {
		quote = `"`
		if strings.Contains(value, `"`) {
			return ""
		}
	}
	name := field
	switch field {
	case "status", "name":
		name = "attributes." + field
	case "model", "provider", "tool", "agent":
		name = "span." + field
	case "user":
		name = "metadata.`" + tracing.MetaUser + "`"
	case "session":
		name = "metadata.`" + tracing.MetaSession + "`"
	case "experiment":
		return "" // a scope, not a clause
	default:
		if key, ok := strings.CutPrefix(field, "tag."); ok {
			name = "tags.`" + key + "`"
		}
	}
	return name + " = " + quote + value + quote
}
