package tracking

import (
	"context"
	"slices"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// What another server made keeps its ids and its times here. These entries are
// for imports alone: they check names and sizes like any other, but not that
// experiment and run are active, for a deleted run has a history too.

// MaxImport bounds the points of one [Service.ImportMetrics].
const MaxImport = 5000

// ImportExperiment returns the experiment of e's name, making it with e's
// times, stage and tags if there is none; made says which. Its artifacts lie on
// this server.
func (s *Service) ImportExperiment(ctx context.Context, e Experiment) (ours *Experiment, made bool, err error) {
	if err := checkExperimentName(e.Name); err != nil {
		return nil, false, err
	}
	if err := checkExperimentTags(e.Tags); err != nil {
		return nil, false, err
	}
	err = s.store.Write(ctx, func(ctx context.Context) error {
		e.Workspace = caller.Workspace(ctx)
		made = false
		if ours, err = s.store.ExperimentByName(ctx, e.Workspace, e.Name); !fault.Is(err, fault.NotFound) {
			return err
		}
		fresh := e
		fresh.ID, fresh.ArtifactLocation, fresh.Tags = -1, "", lastOfKey(e.Tags)
		if err := s.store.CreateExperiment(ctx, &fresh); err != nil {
			return err
		}
		fresh.ArtifactLocation = s.location(fresh.Workspace, fresh.ID)
		ours, made = &fresh, true
		return s.store.SetArtifactLocation(ctx, fresh.ID, fresh.ArtifactLocation)
	})
	return ours, made, err
}

// UpdateImportedExperiment lays tags, stage and update time of e over the
// experiment with e.ID.
func (s *Service) UpdateImportedExperiment(ctx context.Context, e Experiment) error {
	if err := checkExperimentTags(e.Tags); err != nil {
		return err
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		ours, err := s.Experiment(ctx, e.ID)
		if err != nil {
			return err
		}
		ours.Stage, ours.UpdatedAt = e.Stage, e.UpdatedAt
		if err := s.store.UpdateExperiment(ctx, ours); err != nil {
			return err
		}
		for _, t := range e.Tags {
			if err := s.store.SetExperimentTag(ctx, e.ID, t); err != nil {
				return err
			}
		}
		return nil
	})
}

func checkExperimentTags(tags []Tag) error {
	for _, t := range tags {
		if err := checkExperimentTag(t); err != nil {
			return err
		}
	}
	return nil
}

// ImportRun stores r whole but for its metrics, which follow through
// [Service.ImportMetrics]: a new run, or over the one with its id in the same
// experiment. Params that are there with another value are an Invalid fault.
func (s *Service) ImportRun(ctx context.Context, r Run) error {
	if err := checkImportedRun(&r); err != nil {
		return err
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		r := r // the write may run again
		e, err := s.Experiment(ctx, r.Experiment)
		if err != nil {
			return err
		}
		h, err := s.store.RunHead(ctx, e.Workspace, r.ID)
		switch {
		case fault.Is(err, fault.NotFound):
			r.Workspace, r.ArtifactURI = e.Workspace, joinURI(e.ArtifactLocation, r.ID+"/artifacts")
			if err := s.store.CreateRun(ctx, &r); err != nil {
				if fault.Is(err, fault.Exists) {
					return fault.Existsf("the run id %s is taken in another workspace", r.ID)
				}
				return err
			}
			h = Head{No: r.No, RunID: r.ID, Experiment: r.Experiment, Stage: r.Stage, Name: r.Name, Status: r.Status, EndTime: r.EndTime}
		case err != nil:
			return err
		case h.Experiment != r.Experiment:
			return fault.Existsf("the run %s is here in experiment %d", r.ID, h.Experiment)
		default:
			h.Name, h.Status, h.EndTime = r.Name, r.Status, r.EndTime
			if err := s.store.UpdateRun(ctx, h); err != nil {
				return err
			}
			if err := s.store.SetTags(ctx, h, r.Tags); err != nil {
				return err
			}
		}
		return s.fillImported(ctx, h, &r)
	})
}

func (s *Service) fillImported(ctx context.Context, h Head, r *Run) error {
	// Sources do not tell when a run was deleted; retention counts from now.
	if r.Stage != h.Stage || r.Stage == Deleted {
		if err := s.store.SetRunStage(ctx, h, r.Stage, s.millis()); err != nil {
			return err
		}
	}
	for params := range slices.Chunk(r.Params, MaxBatchParams) {
		if err := s.logParams(ctx, h, params); err != nil {
			return err
		}
	}
	if err := s.store.LogDatasets(ctx, h, r.Datasets); err != nil {
		return err
	}
	if err := s.store.LogModelRefs(ctx, h, false, r.Inputs); err != nil {
		return err
	}
	return s.store.LogModelRefs(ctx, h, true, r.Outputs)
}

func checkImportedRun(r *Run) (err error) {
	if err := checkRunID("run_id", r.ID); err != nil {
		return err
	}
	if err := checkLength("run_name", MaxTagValue, r.Name); err != nil {
		return err
	}
	if err := checkNUL("user_id", r.User); err != nil {
		return err
	}
	if !slices.Contains(Statuses[:], r.Status) {
		return badValue("status", string(r.Status), "")
	}
	r.Params, r.Tags = slices.Clone(r.Params), lastOfKey(r.Tags)
	for i := range r.Params {
		if r.Params[i], err = checkParam("params", i, r.Params[i]); err != nil {
			return err
		}
	}
	for i := range r.Tags {
		if r.Tags[i], err = checkTag(at("tags", i), r.Tags[i]); err != nil {
			return err
		}
	}
	for _, d := range r.Datasets {
		if err := checkDataset(d); err != nil {
			return err
		}
	}
	return checkDistinct(r.Params)
}

// ImportMetrics adds points to a run of any stage, at most [MaxImport] a call.
// Points that are there stay as they are.
func (s *Service) ImportMetrics(ctx context.Context, runID string, points []Metric) error {
	if len(points) > MaxImport {
		return fault.Invalidf("%d points are more than %d", len(points), MaxImport)
	}
	for i := range points {
		if err := checkMetric("metrics", i, points[i]); err != nil {
			return err
		}
	}
	if len(points) == 0 {
		return nil
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		h, err := s.head(ctx, runID)
		if err != nil {
			return err
		}
		return s.store.LogMetrics(ctx, h, points)
	})
}

// ImportModel stores a logged model with its id, times and metrics: a new one,
// or over the one that is there.
func (s *Service) ImportModel(ctx context.Context, m LoggedModel) error {
	if err := checkModelTexts(m.Params, m.Tags); err != nil {
		return err
	}
	for what, text := range map[string]string{"name": m.Name, "model_id": m.ID, "model_type": m.Type, "source_run_id": m.SourceRun} {
		if err := checkLength(what, MaxExperimentName, text); err != nil {
			return err
		}
	}
	if err := checkNUL("status_message", m.StatusMessage); err != nil {
		return err
	}
	if !runIDPattern.MatchString(m.ID) {
		return badValue("model_id", m.ID, "")
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		m := m
		e, err := s.Experiment(ctx, m.Experiment)
		if err != nil {
			return err
		}
		ours, err := s.store.Model(ctx, e.Workspace, m.ID)
		switch {
		case fault.Is(err, fault.NotFound):
			m.Workspace, m.Tags = e.Workspace, lastOfKey(m.Tags)
			m.ArtifactLocation = joinURI(e.ArtifactLocation, "models/"+m.ID+"/artifacts")
			if err := s.store.CreateModel(ctx, &m); err != nil {
				if fault.Is(err, fault.Exists) {
					return fault.Existsf("the model id %s is taken in another workspace", m.ID)
				}
				return err
			}
		case err != nil:
			return err
		default:
			if err := s.updateImportedModel(ctx, ours, &m); err != nil {
				return err
			}
		}
		return s.importModelMetrics(ctx, e.Workspace, &m)
	})
}

func (s *Service) updateImportedModel(ctx context.Context, ours, m *LoggedModel) error {
	if ours.Experiment != m.Experiment {
		return fault.Existsf("the logged model %s is here in experiment %d", m.ID, ours.Experiment)
	}
	ours.Status, ours.StatusMessage, ours.Stage, ours.UpdatedAt = m.Status, m.StatusMessage, m.Stage, m.UpdatedAt
	if err := s.store.UpdateModel(ctx, ours); err != nil {
		return err
	}
	if err := s.store.SetModelTags(ctx, ours, lastOfKey(m.Tags)); err != nil {
		return err
	}
	var added []Param
	for _, p := range m.Params {
		if !slices.ContainsFunc(ours.Params, func(o Param) bool { return o.Key == p.Key }) {
			added = append(added, p)
		}
	}
	return s.store.AddModelParams(ctx, ours, added)
}

// importModelMetrics stores the points of a model under the runs that measured
// them. Runs need not be here: only their ids are kept.
func (s *Service) importModelMetrics(ctx context.Context, workspace string, m *LoggedModel) error {
	byRun := map[string][]ModelMetric{}
	var runs []string
	for _, p := range m.Metrics {
		if byRun[p.RunID] == nil {
			runs = append(runs, p.RunID)
		}
		p.ModelID = m.ID
		byRun[p.RunID] = append(byRun[p.RunID], p)
	}
	for _, run := range runs {
		h := Head{RunID: run, Experiment: m.Experiment}
		if err := s.store.LogModelMetrics(ctx, workspace, h, byRun[run]); err != nil {
			return err
		}
	}
	return nil
}
