package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

type completeRequest struct {
	Entity        string   `json:"entity"`
	Field         string   `json:"field"`
	Prefix        string   `json:"prefix"`
	ExperimentIDs []string `json:"experiment_ids"`
	Limit         int      `json:"limit"`
}

type completion struct {
	Value string `json:"value"`
	Kind  string `json:"kind"`
	Count *int64 `json:"count"`
}

// fieldsOf lists the closed keys of each entity's grammar, commonest first.
var fieldsOf = map[string][]completion{
	"runs": attributeFields("attributes.run_name", "attributes.status", "attributes.start_time", "attributes.end_time", "attributes.user_id",
		"attributes.run_id", "datasets.name", "datasets.digest", "datasets.context"),
	"traces": append(attributeFields("attributes.status", "attributes.name", "attributes.timestamp_ms", "attributes.execution_time_ms",
		"attributes.run_id", "attributes.prompt", "trace.text", "metadata.`"+tracing.MetaSession+"`", "metadata.`"+tracing.MetaUser+"`"),
		spanFields("span.name", "span.type", "span.status", "span.model", "span.provider", "span.tool", "span.agent", "span.node", "span.content")...),
	"experiments": attributeFields("name", "creation_time", "last_update_time"),
	"models":      attributeFields("name"),
	"prompts":     attributeFields("name"),
}

func attributeFields(names ...string) []completion { return fields("attribute", names) }
func spanFields(names ...string) []completion      { return fields("span", names) }

func fields(kind string, names []string) []completion {
	var out []completion
	for _, n := range names {
		out = append(out, completion{Value: n, Kind: kind})
	}
	return out
}

func (h home) complete(ctx context.Context, _ *http.Request, req *completeRequest) (any, error) {
	closed, ok := fieldsOf[req.Entity]
	if !ok {
		return nil, fault.Invalidf("entity must be runs, traces, experiments, models or prompts, not %q", clip(req.Entity))
	}
	if req.Limit == 0 {
		req.Limit = 20
	}
	if req.Limit < 1 || req.Limit > 200 {
		return nil, fault.Invalidf("limit must be from 1 to 200, not %d", req.Limit)
	}
	var items []completion
	var err error
	switch {
	case req.Field != "" && req.Entity == "traces":
		items, err = h.traceValues(ctx, req)
	case req.Field != "":
		items, err = h.runValues(ctx, req)
	default:
		items = closed
		if req.Entity == "runs" {
			items, err = h.runFields(ctx, req, items)
		}
	}
	if err != nil {
		return nil, err
	}
	out := []completion{}
	for _, c := range items {
		if strings.Contains(strings.ToLower(c.Value), strings.ToLower(req.Prefix)) && len(out) < req.Limit {
			out = append(out, c)
		}
	}
	return map[string]any{"items": out}, nil
}

// runFields adds the keys that runs have.
func (h home) runFields(ctx context.Context, req *completeRequest, items []completion) ([]completion, error) {
	q, err := h.runs.query(ctx, runQuery{ExperimentIDs: req.ExperimentIDs})
	if err != nil {
		return nil, err
	}
	text := req.Prefix
	if _, key, ok := strings.Cut(text, "."); ok {
		text = key
	} else if text != "" && (strings.HasPrefix("metrics", text) || strings.HasPrefix("params", text) || strings.HasPrefix("tags", text)) {
		text = "" // the beginning of a prefix, not of a key
	}
	columns, _, err := h.runs.domain.RunColumns(ctx, tracking.ColumnQuery{Experiments: q.Experiments, Text: strings.Trim(text, "`"), Limit: req.Limit})
	items = slices.Clone(items)
	for _, c := range columns {
		items = append(items, completion{keyed(c.Group.String()+"s", c.Key), c.Group.String(), count(c.Runs)})
	}
	return items, err
}

// keyed writes a key as the grammar reads it back.
func keyed(prefix, key string) string {
	for _, r := range key {
		if !(r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return prefix + ".`" + key + "`"
		}
	}
	return prefix + "." + key
}

// facetOf names the facet of a trace field; "" if it has none.
func facetOf(field string) string {
	name := strings.NewReplacer("attributes.", "", "span.", "", "`", "").Replace(field)
	if key, ok := strings.CutPrefix(name, "tags."); ok {
		return "tag." + key
	}
	switch name {
	case "metadata." + tracing.MetaSession:
		return "session"
	case "metadata." + tracing.MetaUser:
		return "user"
	case "name":
		if strings.HasPrefix(field, "span.") {
			return ""
		}
	}
	if strings.HasPrefix(name, "tag.") || slices.Contains(tracing.FacetFields, name) {
		return name
	}
	return ""
}

func (h home) traceValues(ctx context.Context, req *completeRequest) ([]completion, error) {
	facet := facetOf(req.Field)
	if facet == "" {
		return nil, nil
	}
	found, _, err := h.traces.domain.Facets(ctx, tracing.Query{Experiments: req.ExperimentIDs}, []string{facet}, 100)
	var out []completion
	for _, f := range found {
		for _, v := range f.Values {
			out = append(out, completion{v.Value, "value", &v.Count})
		}
	}
	return out, err
}

// runValues counts the values of a param or tag over the newest runs.
func (h home) runValues(ctx context.Context, req *completeRequest) ([]completion, error) {
	orders, err := filter.ParseOrder(filter.Runs, []string{req.Field})
	if err != nil || len(orders) == 0 {
		return nil, nil // not a field one can complete
	}
	f := orders[0].Field
	if f == (filter.Field{Group: filter.Attribute, Key: "status"}) {
		var out []completion
		for _, s := range tracking.Statuses {
			out = append(out, completion{string(s), "value", nil})
		}
		return out, nil
	}
	q, err := h.runs.query(ctx, runQuery{ExperimentIDs: req.ExperimentIDs})
	if err != nil || len(q.Experiments) == 0 {
		return nil, err
	}
	q.Limit = 500
	found, _, err := h.runs.domain.SearchRuns(ctx, q)
	counts, order := map[string]*int64{}, []string{}
	for i := range found {
		if v := valueOf(&found[i], f); v != "" {
			if counts[v] == nil {
				counts[v], order = new(int64), append(order, v)
			}
			*counts[v]++
		}
	}
	slices.SortStableFunc(order, func(a, b string) int { return int(*counts[b] - *counts[a]) })
	var out []completion
	for _, v := range order {
		out = append(out, completion{v, "value", counts[v]})
	}
	return out, err
}

func valueOf(r *tracking.Run, f filter.Field) string {
	switch f.Group {
	case filter.Tag:
		return tagValue(r.Tags, f.Key)
	case filter.Param:
		for _, p := range r.Params {
			if p.Key == f.Key {
				return p.Value
			}
		}
	case filter.Attribute:
		switch f.Key {
		case "run_name":
			return r.Name
		case "user_id":
			return r.User
		}
	}
	return ""
}
