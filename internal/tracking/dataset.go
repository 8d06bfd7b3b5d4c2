package tracking

import (
	"context"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// Dataset is data a run read, known by name and digest within an experiment.
// Source, Schema and Profile are texts that only clients read.
type Dataset struct {
	Name       string
	Digest     string
	SourceType string
	Source     string
	Schema     string
	Profile    string
}

// DatasetInput is a dataset with what it was to the run, as in the tag
// mlflow.data.context = "training".
type DatasetInput struct {
	Dataset Dataset
	Tags    []Tag
}

// Context returns what the dataset was to the run, if that is known.
func (d DatasetInput) Context() (string, bool) {
	for _, t := range d.Tags {
		if t.Key == ContextInputTag {
			return t.Value, true
		}
	}
	return "", false
}

// DatasetSummary names a dataset of an experiment. Context is nil if unknown.
type DatasetSummary struct {
	Experiment int64
	Name       string
	Digest     string
	Context    *string
}

// DatasetStore keeps inputs and outputs of runs.
type DatasetStore interface {
	// LogDatasets links datasets to a run. A link that is there stays as it is.
	LogDatasets(ctx context.Context, h Head, inputs []DatasetInput) error
	// LogModelRefs links logged models to a run.
	LogModelRefs(ctx context.Context, h Head, output bool, refs []ModelRef) error
	// Datasets returns at most limit distinct summaries of the experiments.
	Datasets(ctx context.Context, workspace string, experiments []int64, limit int) ([]DatasetSummary, error)
	// ListInputs returns datasets of the workspace's active experiments by
	// name, and the token of the next page.
	ListInputs(ctx context.Context, q InputList) ([]InputName, string, error)
	// InputVersions returns what has a name, the last used first, at most limit.
	InputVersions(ctx context.Context, workspace, name string, limit int) ([]InputVersion, error)
}

// InputList is a page of the names under which runs logged datasets.
type InputList struct {
	Workspace string // filled in by the service
	Text      string // part of the name, letter case aside
	Limit     int
	Token     string
}

// InputName is what runs logged under one name.
type InputName struct {
	Name        string
	SourceType  string // of one of the versions
	Versions    int64  // distinct digests
	Experiments int64
	Runs        int64  // active ones
	LastUsed    *int64 // start of the latest active run
}

// InputVersion is a dataset of an experiment as runs logged it.
type InputVersion struct {
	Dataset
	Experiment int64
	Runs       int64
	LastUsed   *int64
	Contexts   []string // distinct, as in training
}

// LogInputs links datasets and logged models that an active run reads.
func (s *Service) LogInputs(ctx context.Context, runID string, datasets []DatasetInput, models []ModelRef) error {
	if err := checkRunID("run_id", runID); err != nil {
		return err
	}
	if len(datasets) > MaxBatchDatasets {
		return fault.Invalidf("A batch logging request can contain at most %d datasets. Got %d datasets. Please split up datasets across multiple requests and try again.", MaxBatchDatasets, len(datasets))
	}
	type key struct{ name, digest string }
	seen := map[key]bool{}
	var distinct []DatasetInput
	for _, d := range datasets {
		if err := checkDataset(d); err != nil {
			return err
		}
		if k := (key{d.Dataset.Name, d.Dataset.Digest}); !seen[k] {
			seen[k] = true
			distinct = append(distinct, d)
		}
	}
	return s.writeRun(ctx, runID, func(ctx context.Context, h Head) error {
		if len(distinct) > 0 {
			if err := s.store.LogDatasets(ctx, h, distinct); err != nil {
				return err
			}
		}
		if len(models) == 0 {
			return nil
		}
		return s.store.LogModelRefs(ctx, h, false, models)
	})
}

func checkDataset(in DatasetInput) error {
	d := in.Dataset
	for _, c := range []struct {
		what  string
		limit int
		text  string
	}{
		{"name", maxDatasetName, d.Name}, {"digest", maxDatasetDigest, d.Digest}, {"source_type", maxDatasetName, d.SourceType},
		{"source", maxDatasetSource, d.Source}, {"schema", maxDatasetSchema, d.Schema}, {"profile", maxDatasetProfile, d.Profile},
	} {
		if err := checkLength(c.what, c.limit, c.text); err != nil {
			return err
		}
	}
	for _, t := range in.Tags {
		if err := checkLength("key", maxInputTagKey, t.Key); err != nil {
			return err
		}
		if err := checkLength("value", maxInputTagValue, t.Value); err != nil {
			return err
		}
	}
	return nil
}

// LogOutputs links logged models that an active run made.
func (s *Service) LogOutputs(ctx context.Context, runID string, models []ModelRef) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		h, err := s.activeRun(ctx, runID)
		if err != nil || len(models) == 0 {
			return err
		}
		return s.store.LogModelRefs(ctx, h, true, models)
	})
}

// Datasets returns what the runs of experiments read, at most 1000 summaries.
func (s *Service) Datasets(ctx context.Context, experiments []int64) ([]DatasetSummary, error) {
	const most = 20
	if len(experiments) == 0 {
		return nil, fault.Invalidf("SearchDatasets request must specify at least one experiment_id.")
	}
	if len(experiments) > most {
		return nil, fault.Invalidf("SearchDatasets request cannot specify more than %d experiment_ids. Received %d experiment_ids.", most, len(experiments))
	}
	return s.store.Datasets(ctx, caller.Workspace(ctx), experiments, 1000)
}

// maxInputVersions bounds the versions of one name.
const maxInputVersions = 1000

// ListInputs returns a page of the datasets that runs logged, by name.
func (s *Service) ListInputs(ctx context.Context, q InputList) ([]InputName, string, error) {
	q.Workspace = caller.Workspace(ctx)
	return s.store.ListInputs(ctx, q)
}

// InputVersions returns the versions of a dataset that runs logged, the last
// used first; more says that there are others.
func (s *Service) InputVersions(ctx context.Context, name string) (list []InputVersion, more bool, err error) {
	list, err = s.store.InputVersions(ctx, caller.Workspace(ctx), name, maxInputVersions+1)
	if err == nil && len(list) == 0 {
		return nil, false, fault.NotFoundf("no run of this workspace logged a dataset named %q", name)
	}
	if len(list) > maxInputVersions {
		return list[:maxInputVersions], true, err
	}
	return list, false, err
}
