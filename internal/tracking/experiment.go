package tracking

import (
	"context"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
)

// DefaultExperiment is the experiment of the default workspace that is always
// there and takes the runs that name no other.
const (
	DefaultExperiment     int64 = 0
	DefaultExperimentName       = "Default"
)

// Experiment is a named collection of runs. Times are in milliseconds since
// the epoch.
type Experiment struct {
	ID               int64
	Workspace        string
	Name             string
	ArtifactLocation string
	Stage            Stage
	CreatedAt        int64
	UpdatedAt        int64
	Tags             []Tag // by key
}

// ExperimentQuery is a search. Token is what the previous page returned, "" for the first.
type ExperimentQuery struct {
	Workspace string
	View      View
	Filter    filter.Expr
	Order     []filter.Order
	Limit     int
	Token     string
}

// ExperimentStore keeps experiments.
type ExperimentStore interface {
	// CreateExperiment stores e with its tags. If e.ID is negative it is
	// chosen and set. A taken name is an Exists fault.
	CreateExperiment(ctx context.Context, e *Experiment) error
	// SetArtifactLocation completes an experiment whose location holds its id.
	SetArtifactLocation(ctx context.Context, id int64, location string) error
	Experiment(ctx context.Context, workspace string, id int64) (*Experiment, error)
	ExperimentByName(ctx context.Context, workspace, name string) (*Experiment, error)
	// UpdateExperiment stores name, stage and update time of e.
	UpdateExperiment(ctx context.Context, e *Experiment) error
	SetExperimentTag(ctx context.Context, id int64, t Tag) error
	// DeleteExperimentTag reports whether the tag was there.
	DeleteExperimentTag(ctx context.Context, id int64, key string) (bool, error)
	// SearchExperiments returns a page and the token of the next one, "" at
	// the end.
	SearchExperiments(ctx context.Context, q ExperimentQuery) ([]Experiment, string, error)
	// SetStageOfRuns puts all runs of an experiment into stage and returns
	// their ids; at is the time of deletion.
	SetStageOfRuns(ctx context.Context, experiment int64, stage Stage, at int64) ([]string, error)
}

// EnsureDefault creates the default experiment of workspace if it is missing.
func (s *Service) EnsureDefault(ctx context.Context, workspace string) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		id := int64(-1)
		if workspace == caller.DefaultWorkspace {
			id = DefaultExperiment
			if _, err := s.store.Experiment(ctx, workspace, id); !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		if _, err := s.store.ExperimentByName(ctx, workspace, DefaultExperimentName); !fault.Is(err, fault.NotFound) {
			return err
		}
		_, err := s.insertExperiment(ctx, &Experiment{ID: id, Workspace: workspace, Name: DefaultExperimentName})
		return err
	})
}

// CreateExperiment makes an experiment. An empty location means a folder of
// its own on this server.
func (s *Service) CreateExperiment(ctx context.Context, name, location string, tags []Tag) (*Experiment, error) {
	if err := checkExperimentName(name); err != nil {
		return nil, err
	}
	if err := checkLocation(location); err != nil {
		return nil, err
	}
	for _, t := range tags {
		if err := checkExperimentTag(t); err != nil {
			return nil, err
		}
	}
	var made *Experiment
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		made, err = s.insertExperiment(ctx, &Experiment{
			ID: -1, Workspace: caller.Workspace(ctx), Name: name, ArtifactLocation: location, Tags: lastOfKey(tags),
		})
		return err
	})
	return made, err
}

func (s *Service) insertExperiment(ctx context.Context, e *Experiment) (*Experiment, error) {
	e.CreatedAt = s.millis()
	e.UpdatedAt = e.CreatedAt
	location := e.ArtifactLocation
	if err := s.store.CreateExperiment(ctx, e); err != nil {
		if fault.Is(err, fault.Exists) {
			return nil, fault.Wrap(fault.Exists, "tracking.CreateExperiment", err, "Experiment(name=%s) already exists.", e.Name)
		}
		return nil, err
	}
	if location == "" {
		e.ArtifactLocation = s.location(e.Workspace, e.ID)
		return e, s.store.SetArtifactLocation(ctx, e.ID, e.ArtifactLocation)
	}
	return e, nil
}

// location is where an experiment without a location of its own keeps its
// artifacts.
func (s *Service) location(workspace string, id int64) string {
	root := s.root
	if !strings.HasSuffix(root, "/") {
		root += "/"
	}
	if workspace != caller.DefaultWorkspace {
		root += "workspaces/" + workspace + "/"
	}
	return root + strconv.FormatInt(id, 10)
}

func checkExperimentName(name string) error {
	if name == "" {
		return fault.Invalidf("Invalid experiment name: ''")
	}
	return checkLength("name", MaxExperimentName, name)
}

// checkLocation refuses what could not be an artifact store, or would make the
// server read its own disk.
func checkLocation(location string) error {
	if location == "" {
		return nil
	}
	if tooLong(location, MaxArtifactLocation) {
		return fault.Invalidf("Invalid artifact path length. The length of the artifact path cannot be greater than %d characters. To configure this limit, please set the MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.", MaxArtifactLocation)
	}
	if err := checkNUL("artifact_location", location); err != nil {
		return err
	}
	if rest, ok := strings.CutPrefix(location, "mlflow-artifacts:"); ok {
		// Query and fragment characters and escapes would be read in two ways.
		if strings.ContainsAny(rest, "?#%\\") || strings.Contains("/"+rest+"/", "/../") {
			return fault.Invalidf("Invalid artifact_location: '%s' is not a plain path", location)
		}
		return nil
	}
	if strings.ContainsAny(location, "?#") && strings.Contains(location, "..") {
		return fault.Invalidf("Invalid artifact_location: '%s'", location)
	}
	return nil
}

func checkExperimentTag(t Tag) error {
	if err := checkName("key", t.Key); err != nil {
		return err
	}
	if err := checkLength("key", MaxKey, t.Key); err != nil {
		return err
	}
	return checkLength("value", MaxExperimentTag, t.Value)
}

// lastOfKey drops all but the last tag of each key.
func lastOfKey(tags []Tag) []Tag {
	at := make(map[string]int, len(tags))
	out := make([]Tag, 0, len(tags))
	for _, t := range tags {
		if i, ok := at[t.Key]; ok {
			out[i] = t
			continue
		}
		at[t.Key] = len(out)
		out = append(out, t)
	}
	return out
}

// Experiment returns an experiment in any stage.
func (s *Service) Experiment(ctx context.Context, id int64) (*Experiment, error) {
	e, err := s.store.Experiment(ctx, caller.Workspace(ctx), id)
	if fault.Is(err, fault.NotFound) {
		return nil, noExperiment(id)
	}
	return e, err
}

func noExperiment(id int64) error { return fault.NotFoundf("No Experiment with id=%d exists", id) }

// ExperimentByName returns an experiment in any stage.
func (s *Service) ExperimentByName(ctx context.Context, name string) (*Experiment, error) {
	e, err := s.store.ExperimentByName(ctx, caller.Workspace(ctx), name)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("Could not find experiment with name '%s'", name)
	}
	return e, err
}

// DeleteExperiment puts an active experiment and all its runs into the deleted
// stage.
func (s *Service) DeleteExperiment(ctx context.Context, id int64) error {
	var runs []string
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		runs, err = s.moveExperiment(ctx, id, Active, Deleted)
		return err
	})
	if err != nil || s.observer == nil || len(runs) == 0 {
		return err
	}
	return s.observer.RunsDeleted(ctx, runs)
}

// RestoreExperiment makes a deleted experiment and all its runs active.
func (s *Service) RestoreExperiment(ctx context.Context, id int64) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		_, err := s.moveExperiment(ctx, id, Deleted, Active)
		return err
	})
}

func (s *Service) moveExperiment(ctx context.Context, id int64, from, to Stage) ([]string, error) {
	e, err := s.Experiment(ctx, id)
	if err != nil {
		return nil, err
	}
	if e.Stage != from {
		return nil, noExperiment(id)
	}
	e.Stage, e.UpdatedAt = to, s.millis()
	if err := s.store.UpdateExperiment(ctx, e); err != nil {
		return nil, err
	}
	action := "experiment.delete"
	if to == Active {
		action = "experiment.restore"
	}
	if err := s.audit.Record(ctx, action, "experiment", strconv.FormatInt(id, 10), lifecycle{e.Name, from}, lifecycle{e.Name, to}); err != nil {
		return nil, err
	}
	return s.store.SetStageOfRuns(ctx, id, to, e.UpdatedAt)
}

// RenameExperiment renames an active experiment. Of a deleted one it returns a
// State fault.
func (s *Service) RenameExperiment(ctx context.Context, id int64, name string) error {
	if err := checkExperimentName(name); err != nil {
		return err
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		e, err := s.Experiment(ctx, id)
		if err != nil {
			return err
		}
		if e.Stage != Active {
			return fault.New(fault.State, "Cannot rename a non-active experiment.")
		}
		e.Name, e.UpdatedAt = name, s.millis()
		err = s.store.UpdateExperiment(ctx, e)
		if fault.Is(err, fault.Exists) {
			return fault.Wrap(fault.Exists, "tracking.RenameExperiment", err, "Experiment(name=%s) already exists.", name)
		}
		return err
	})
}

// activeExperiment returns an experiment that may be logged to.
func (s *Service) activeExperiment(ctx context.Context, id int64) (*Experiment, error) {
	e, err := s.Experiment(ctx, id)
	if err == nil && e.Stage != Active {
		return nil, fault.Invalidf("The experiment %d must be in the 'active' state. Current state is %s.", id, e.Stage)
	}
	return e, err
}

// Custom views of the interface are kept as tags with this prefix.
const (
	customViewPrefix = "mlflow.customView."
	maxCustomViews   = 50
)

// SetExperimentTag sets a tag of an active experiment.
func (s *Service) SetExperimentTag(ctx context.Context, id int64, t Tag) error {
	if err := checkExperimentTag(t); err != nil {
		return err
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		e, err := s.activeExperiment(ctx, id)
		if err != nil {
			return err
		}
		if strings.HasPrefix(t.Key, customViewPrefix) {
			if err := checkCustomViews(e, t.Key); err != nil {
				return err
			}
		}
		return s.store.SetExperimentTag(ctx, id, t)
	})
}

func checkCustomViews(e *Experiment, key string) error {
	n := 0
	for _, t := range e.Tags {
		if t.Key == key {
			return nil
		}
		if strings.HasPrefix(t.Key, customViewPrefix) {
			n++
		}
	}
	if n >= maxCustomViews {
		return fault.Invalidf("Unable to create another custom view for experiment %d; the maximum number of custom views per experiment is %d. Delete an existing custom view before creating a new one.", e.ID, maxCustomViews)
	}
	return nil
}

// DeleteExperimentTag removes a tag of an active experiment.
func (s *Service) DeleteExperimentTag(ctx context.Context, id int64, key string) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		if _, err := s.activeExperiment(ctx, id); err != nil {
			return err
		}
		found, err := s.store.DeleteExperimentTag(ctx, id, key)
		if err == nil && !found {
			return fault.NotFoundf("No tag with name: %s in experiment with id %d", key, id)
		}
		return err
	})
}

// SearchExperiments returns one page of the caller's workspace. The query's
// workspace is set here.
func (s *Service) SearchExperiments(ctx context.Context, q ExperimentQuery) ([]Experiment, string, error) {
	if err := CheckMaxResults(q.Limit); err != nil {
		return nil, "", err
	}
	q.Workspace = caller.Workspace(ctx)
	return s.store.SearchExperiments(ctx, q)
}

// MaxResults is the largest page of a search.
const MaxResults = 50000

// CheckMaxResults refuses page sizes outside 1 to [MaxResults].
func CheckMaxResults(n int) error {
	if n < 1 {
		return fault.Invalidf("Invalid value %d for parameter 'max_results' supplied. It must be a positive integer", n)
	}
	if n > MaxResults {
		return fault.Invalidf("Invalid value %d for parameter 'max_results' supplied. It must be at most %d", n, MaxResults)
	}
	return nil
}
