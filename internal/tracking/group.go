package tracking

import (
	"context"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
)

// GroupQuery asks for the matching runs by what they have in common. Order,
// Limit and Token of the query do not count.
type GroupQuery struct {
	RunQuery
	By      []filter.Field // 1 to 3 params, tags or attributes status, user_id
	Metrics []string       // summarised by latest value, at most 20
	Most    int            // groups; the largest are returned
}

// RunGroup is the runs that share the values of [GroupQuery.By].
type RunGroup struct {
	Values  []*string // nil where the runs have no such param or tag
	Runs    int64
	Metrics []MetricSummary // as asked for
}

// MetricSummary describes the finite latest values of a metric. Without any, N
// is 0 and the rest means nothing.
type MetricSummary struct {
	N              int64
	Mean, Min, Max float64
	Deviation      float64 // of the sample; NaN for fewer than two
}

// Bounds of a [GroupQuery].
const (
	maxGroupKeys    = 3
	maxGroupMetrics = 20
	maxGroups       = 1000
)

// GroupStore groups runs.
type GroupStore interface {
	// GroupRuns returns at most q.Most groups, the largest first, then by
	// value, and whether there are more.
	GroupRuns(ctx context.Context, q GroupQuery) (groups []RunGroup, more bool, err error)
}

// GroupRuns returns the largest groups and whether there are more.
func (s *Service) GroupRuns(ctx context.Context, q GroupQuery) ([]RunGroup, bool, error) {
	if len(q.By) < 1 || len(q.By) > maxGroupKeys {
		return nil, false, fault.Invalidf("runs are grouped by 1 to %d things, not %d", maxGroupKeys, len(q.By))
	}
	for _, f := range q.By {
		attribute := f.Group == filter.Attribute && (f.Key == "status" || f.Key == "user_id")
		if f.Group != filter.Param && f.Group != filter.Tag && !attribute {
			return nil, false, fault.Invalidf("runs cannot be grouped by %s; use a param, a tag, status or user", f)
		}
	}
	if len(q.Metrics) > maxGroupMetrics {
		return nil, false, fault.Invalidf("at most %d metrics are summarised, not %d", maxGroupMetrics, len(q.Metrics))
	}
	if q.Most < 1 || q.Most > maxGroups {
		return nil, false, fault.Invalidf("1 to %d groups are returned, not %d", maxGroups, q.Most)
	}
	q.Workspace = caller.Workspace(ctx)
	if len(q.Experiments) == 0 {
		return nil, false, nil
	}
	return s.store.GroupRuns(ctx, q)
}
