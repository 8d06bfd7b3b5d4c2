package tracking

import (
	"context"
	"path"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// What [Service.DeleteRun] and [Service.DeleteExperiment] put aside can be
// restored. What is purged is gone: the rows here, and the files by
// [Artifacts.Purge].

// Doomed is a run, logged model or experiment that may be purged.
type Doomed struct {
	No       int64 // of the store
	ID       string
	Name     string
	Location string // of its artifacts
	Deleted  int64  // when it was put into the deleted stage, unix milliseconds; 0 never
}

// PurgeStore removes for good. Methods that change run inside Write; each call
// is short.
type PurgeStore interface {
	// RunsToPurge lists runs of an experiment, in any stage, by id after one.
	RunsToPurge(ctx context.Context, experiment int64, after string, limit int) ([]Doomed, error)
	// DeletedRuns lists runs of a workspace that were deleted before a time.
	DeletedRuns(ctx context.Context, workspace string, before int64, limit int) ([]Doomed, error)
	// DeletedExperiments lists experiments of a workspace that were deleted
	// before a time.
	DeletedExperiments(ctx context.Context, workspace string, before int64, limit int) ([]Doomed, error)
	ModelsToPurge(ctx context.Context, experiment int64, limit int) ([]Doomed, error)
	CountPurge(ctx context.Context, experiment int64) (runs, models int64, err error)
	// PurgePoints removes some of a run's metric history and reports whether
	// there may be more.
	PurgePoints(ctx context.Context, run int64) (more bool, err error)
	PurgeRun(ctx context.Context, run int64) error
	PurgeModel(ctx context.Context, model int64) error
	PurgeExperiment(ctx context.Context, id int64) error
}

// RunsToPurge lists runs of an experiment in any stage, by id.
func (s *Service) RunsToPurge(ctx context.Context, experiment int64, after string, limit int) ([]Doomed, error) {
	return s.store.RunsToPurge(ctx, experiment, after, limit)
}

// DeletedRuns lists runs of the caller's workspace that were put into the
// deleted stage before a time in unix milliseconds.
func (s *Service) DeletedRuns(ctx context.Context, before int64, limit int) ([]Doomed, error) {
	return s.store.DeletedRuns(ctx, caller.Workspace(ctx), before, limit)
}

// DeletedExperiments lists experiments likewise.
func (s *Service) DeletedExperiments(ctx context.Context, before int64, limit int) ([]Doomed, error) {
	return s.store.DeletedExperiments(ctx, caller.Workspace(ctx), before, limit)
}

// ModelsToPurge lists logged models of an experiment.
func (s *Service) ModelsToPurge(ctx context.Context, experiment int64, limit int) ([]Doomed, error) {
	return s.store.ModelsToPurge(ctx, experiment, limit)
}

// CountPurge counts the runs and logged models of an experiment in any stage.
func (s *Service) CountPurge(ctx context.Context, experiment int64) (runs, models int64, err error) {
	return s.store.CountPurge(ctx, experiment)
}

// RunToPurge finds a run of the caller's workspace in any stage.
func (s *Service) RunToPurge(ctx context.Context, runID string) (Doomed, error) {
	info, err := s.store.RunInfo(ctx, caller.Workspace(ctx), runID)
	if fault.Is(err, fault.NotFound) {
		return Doomed{}, fault.NotFoundf("Run with id=%s not found", runID)
	}
	if err != nil {
		return Doomed{}, err
	}
	return Doomed{No: info.No, ID: info.ID, Name: info.Name, Location: info.ArtifactURI}, nil
}

// PurgeRun removes a run and everything logged to it for good. A long history
// goes in pieces, so that other writes wait little.
func (s *Service) PurgeRun(ctx context.Context, d Doomed) error {
	for more := true; more; {
		err := s.store.Write(ctx, func(ctx context.Context) (err error) {
			more, err = s.store.PurgePoints(ctx, d.No)
			return err
		})
		if err != nil {
			return err
		}
	}
	if s.observer != nil {
		if err := s.observer.RunsDeleted(ctx, []string{d.ID}); err != nil {
			return err
		}
	}
	return s.store.Write(ctx, func(ctx context.Context) error { return s.store.PurgeRun(ctx, d.No) })
}

// PurgeModel removes a logged model for good.
func (s *Service) PurgeModel(ctx context.Context, d Doomed) error {
	return s.store.Write(ctx, func(ctx context.Context) error { return s.store.PurgeModel(ctx, d.No) })
}

// PurgeExperiment removes an experiment whose runs and models are purged. The
// default one stays, empty.
func (s *Service) PurgeExperiment(ctx context.Context, id int64) error {
	if id == DefaultExperiment {
		return nil
	}
	return s.store.Write(ctx, func(ctx context.Context) error { return s.store.PurgeExperiment(ctx, id) })
}

// OwnLocation reports whether an experiment's artifacts lie where no other
// experiment's do.
func (s *Service) OwnLocation(e *Experiment) bool {
	return e.ArtifactLocation == s.location(e.Workspace, e.ID)
}

// FolderOf is the folder that a run's artifacts are alone in: that of the run,
// if its location ends as this server makes them.
func FolderOf(location, id string) string {
	if folder, ok := strings.CutSuffix(location, "/"+id+"/artifacts"); ok {
		return folder + "/" + id
	}
	return location
}

// Usage is what files weigh.
type Usage struct {
	Files, Bytes int64
	Exact        bool // all were counted
}

// Weigh counts the files below root, at most limit of them.
func (a *Artifacts) Weigh(ctx context.Context, root string, limit int) (Usage, error) {
	u := Usage{Exact: true}
	key, err := a.key(ctx, root, "")
	if fault.Is(err, fault.Unsupported) {
		return u, nil // kept elsewhere
	}
	if err != nil {
		return u, err
	}
	folders := []string{key}
	for len(folders) > 0 && u.Exact {
		at := folders[len(folders)-1]
		folders = folders[:len(folders)-1]
		for token := ""; ; {
			next, err := a.files.List(ctx, at, token, 1000, func(name string, dir bool, size int64) {
				if dir {
					folders = append(folders, path.Join(at, name))
					return
				}
				u.Files++
				u.Bytes += size
			})
			if err != nil && !fault.Is(err, fault.NotFound) {
				return u, err
			}
			if int(u.Files)+len(folders) > limit {
				u.Exact = false
				break
			}
			if token = next; token == "" || err != nil {
				break
			}
		}
	}
	return u, nil
}

// Purge removes everything below root for good, if this server keeps it;
// otherwise it reports false. Who calls keeps the audit entry.
func (a *Artifacts) Purge(ctx context.Context, root string) (here bool, err error) {
	key, err := a.key(ctx, root, "")
	if fault.Is(err, fault.Unsupported) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if key == "" || strings.HasPrefix(key, workspacePrefix) && strings.Count(key, "/") < 2 {
		return false, fault.New(fault.Internal, "the root of all artifacts is never purged")
	}
	return true, a.files.DeleteAll(ctx, key)
}

// TraceFolder is where clients keep the files of a trace.
func (s *Service) TraceFolder(ctx context.Context, experiment, traceID string) string {
	id, _ := strconv.ParseInt(experiment, 10, 64)
	return s.location(caller.Workspace(ctx), id) + "/traces/" + traceID
}

// Folders lists the names of the folders directly below root.
func (a *Artifacts) Folders(ctx context.Context, root string, fn func(name string) error) error {
	key, err := a.key(ctx, root, "")
	if err != nil {
		return err
	}
	var names []string
	for token := ""; ; {
		next, err := a.files.List(ctx, key, token, 1000, func(name string, dir bool, _ int64) {
			if dir && !strings.HasPrefix(name, ".assay-") {
				names = append(names, name)
			}
		})
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := fn(name); err != nil {
				return err
			}
		}
		names = names[:0]
		if token = next; token == "" {
			return nil
		}
	}
}
