package tracking

import (
	"context"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
)

// What pages show of experiments and runs beyond MLflow's calls.

// ExperimentSort is a key that [Service.ListExperiments] sorts by.
type ExperimentSort string

// Sorts. Activity is the start of the latest run, or the creation.
const (
	ByName     ExperimentSort = "name"
	ByActivity ExperimentSort = "activity"
	ByCreation ExperimentSort = "creation"
)

// ExperimentList is a page of experiments whose names contain Text.
type ExperimentList struct {
	Workspace string // filled in by the service
	Text      string // letter case aside; "" is any
	View      View
	Sort      ExperimentSort
	Desc      bool
	Limit     int
	Token     string
}

// ExperimentRow is an experiment with what it holds.
type ExperimentRow struct {
	Experiment
	Runs     int64  // active ones
	Activity *int64 // start of the latest active run; nil without one
}

// Column is a key that runs have.
type Column struct {
	Group filter.Group // Param, Metric or Tag
	Key   string
	Runs  int64 // how many; -1 not counted
}

// ColumnQuery selects columns. They come by group (param, metric, tag), then
// key.
type ColumnQuery struct {
	Experiments []int64
	Groups      []filter.Group // empty means all three
	Text        string         // part of the key
	Limit       int
	Token       string
}

// OverviewStore answers what the pages ask.
type OverviewStore interface {
	ListExperiments(ctx context.Context, q ExperimentList) ([]ExperimentRow, string, error)
	// ExperimentIDs returns the ids of all active experiments, at most limit.
	ExperimentIDs(ctx context.Context, workspace string, limit int) ([]int64, error)
	// CountRuns stops counting at limit.
	CountRuns(ctx context.Context, q RunQuery, limit int64) (int64, error)
	RunColumns(ctx context.Context, q ColumnQuery) ([]Column, string, error)
	// PointCounts returns the length of the history of each metric of a run.
	PointCounts(ctx context.Context, h Head) (map[string]int64, error)
}

// ListExperiments returns a page of experiments with their run counts.
func (s *Service) ListExperiments(ctx context.Context, q ExperimentList) ([]ExperimentRow, string, error) {
	q.Workspace = caller.Workspace(ctx)
	switch q.Sort {
	case ByName, ByActivity, ByCreation:
	default:
		return nil, "", fault.Invalidf("experiments cannot be sorted by %q", string(q.Sort))
	}
	return s.store.ListExperiments(ctx, q)
}

// maxExperimentIDs bounds a search over the whole workspace.
const maxExperimentIDs = 10000

// AllExperiments returns the ids of the workspace's active experiments.
func (s *Service) AllExperiments(ctx context.Context) ([]int64, error) {
	return s.store.ExperimentIDs(ctx, caller.Workspace(ctx), maxExperimentIDs)
}

// maxCount is where counting runs stops.
const maxCount = 1_000_000

// CountRuns returns how many runs match; exact is false when there are more
// than it counted.
func (s *Service) CountRuns(ctx context.Context, q RunQuery) (n int64, exact bool, err error) {
	q.Workspace = caller.Workspace(ctx)
	n, err = s.store.CountRuns(ctx, q, maxCount)
	return n, n < maxCount, err
}

// RunColumns lists the keys that runs of the experiments have. The experiments
// must be the caller's, as those of [Service.AllExperiments] are.
func (s *Service) RunColumns(ctx context.Context, q ColumnQuery) ([]Column, string, error) {
	for _, id := range q.Experiments {
		if _, err := s.Experiment(ctx, id); err != nil {
			return nil, "", err
		}
	}
	return s.store.RunColumns(ctx, q)
}

// PointCounts returns how many points each metric of a run has.
func (s *Service) PointCounts(ctx context.Context, runID string) (map[string]int64, error) {
	h, err := s.head(ctx, runID)
	if err != nil {
		return nil, err
	}
	return s.store.PointCounts(ctx, h)
}
