package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/stats"
	"github.com/assayhq/assay/internal/tracking"
)

type groupRunsRequest struct {
	runQuery
	By      []string `json:"by"`
	Metrics []string `json:"metrics"`
	Limit   int      `json:"limit"`
}

// groupMetric is the mean over the runs of a group with its 95 % interval.
type groupMetric struct {
	N    int64   `json:"n"`
	Mean *number `json:"mean"`
	Low  *number `json:"low"`
	High *number `json:"high"`
	SD   *number `json:"sd"`
	Min  *number `json:"min"`
	Max  *number `json:"max"`
}

type runGroup struct {
	Values  []*string              `json:"values"`
	Runs    int64                  `json:"runs"`
	Metrics map[string]groupMetric `json:"metrics"`
}

// groupField reads params.model, tags.team, status or user.
func groupField(s string) (filter.Field, error) {
	switch s {
	case "status":
		return filter.Field{Group: filter.Attribute, Key: "status"}, nil
	case "user":
		return filter.Field{Group: filter.Attribute, Key: "user_id"}, nil
	}
	prefix, key, _ := strings.Cut(s, ".")
	group, ok := map[string]filter.Group{"params": filter.Param, "tags": filter.Tag}[prefix]
	if !ok || key == "" {
		return filter.Field{}, fault.Invalidf("runs cannot be grouped by %q; use params.…, tags.…, status or user", clip(s))
	}
	return filter.Field{Group: group, Key: key}, nil
}

func (u runs) group(ctx context.Context, _ *http.Request, req *groupRunsRequest) (any, error) {
	base, err := u.query(ctx, req.runQuery)
	if err != nil {
		return nil, err
	}
	q := tracking.GroupQuery{RunQuery: base, Metrics: req.Metrics, Most: req.Limit}
	if q.Most == 0 {
		q.Most = 200
	}
	for _, s := range req.By {
		f, err := groupField(s)
		if err != nil {
			return nil, err
		}
		q.By = append(q.By, f)
	}
	groups, more, err := u.domain.GroupRuns(ctx, q)
	if err != nil {
		return nil, err
	}
	out := []runGroup{}
	for _, g := range groups {
		row := runGroup{g.Values, g.Runs, map[string]groupMetric{}}
		for i, m := range g.Metrics {
			row.Metrics[req.Metrics[i]] = groupMetricOf(m)
		}
		out = append(out, row)
	}
	return map[string]any{"groups": out, "more": more}, nil
}

func groupMetricOf(m tracking.MetricSummary) groupMetric {
	if m.N == 0 {
		return groupMetric{}
	}
	iv := stats.MomentInterval(int(m.N), m.Mean, m.Deviation, 0.95)
	return groupMetric{m.N, finite(m.Mean), finite(iv.Low), finite(iv.High), finite(m.Deviation), finite(m.Min), finite(m.Max)}
}
