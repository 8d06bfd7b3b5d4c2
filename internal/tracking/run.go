package tracking

import (
	"context"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/id"
)

// Status of a run.
type Status string

// Statuses. A run starts as Running.
const (
	Running   Status = "RUNNING"
	Scheduled Status = "SCHEDULED"
	Finished  Status = "FINISHED"
	Failed    Status = "FAILED"
	Killed    Status = "KILLED"
)

// Statuses in the order of their MLflow numbers, which start at 1.
var Statuses = [...]Status{Running, Scheduled, Finished, Failed, Killed}

// Tags with a meaning of their own.
const (
	RunNameTag      = "mlflow.runName"
	LoggedModelsTag = "mlflow.log-model.history"
	ParentRunTag    = "mlflow.parentRunId"
	UserTag         = "mlflow.user"
	SourceNameTag   = "mlflow.source.name"
	SourceTypeTag   = "mlflow.source.type"
	ContextInputTag = "mlflow.data.context"
)

// Head is what must be known of a run before something is logged to it. No is
// the store's own number of the run.
type Head struct {
	No         int64
	RunID      string
	Experiment int64
	Stage      Stage
	Name       string
	Status     Status
	EndTime    *int64
}

// Info is the run without what was logged to it. Times are in milliseconds
// since the epoch.
type Info struct {
	No          int64 // the store's own number
	ID          string
	Workspace   string
	Experiment  int64
	Name        string
	User        string
	Status      Status
	StartTime   int64
	EndTime     *int64 // nil while it runs
	Stage       Stage
	ArtifactURI string
}

// Run is a run with everything but the history of its metrics. Metrics, params
// and tags stand by key.
type Run struct {
	Info
	Metrics  []Metric // the latest point of each
	Params   []Param
	Tags     []Tag
	Datasets []DatasetInput
	Inputs   []ModelRef
	Outputs  []ModelRef
}

// ModelRef is a logged model that a run read or made.
type ModelRef struct {
	ModelID string
	Step    int64 // of outputs
}

// RunQuery is a search. Token is what the previous page returned, "" for the first.
type RunQuery struct {
	Workspace   string
	Experiments []int64
	View        View
	Filter      filter.Expr
	Order       []filter.Order // start_time descending, then the id, are added
	Limit       int
	Token       string
}

// RunStore keeps runs, their params and their tags.
type RunStore interface {
	CreateRun(ctx context.Context, r *Run) error
	RunHead(ctx context.Context, workspace, runID string) (Head, error)
	Run(ctx context.Context, workspace, runID string) (*Run, error)
	RunInfo(ctx context.Context, workspace, runID string) (*Info, error)
	// UpdateRun stores name, status and end time.
	UpdateRun(ctx context.Context, h Head) error
	// SetRunStage changes the stage; at is the time of deletion.
	SetRunStage(ctx context.Context, h Head, stage Stage, at int64) error
	// AddParams stores the params whose keys are new and returns the stored
	// ones of the other keys.
	AddParams(ctx context.Context, h Head, params []Param) ([]Param, error)
	SetTags(ctx context.Context, h Head, tags []Tag) error
	// Tag returns a NotFound fault if the run has no such tag.
	Tag(ctx context.Context, h Head, key string) (string, error)
	// DeleteTag reports whether the tag was there.
	DeleteTag(ctx context.Context, h Head, key string) (bool, error)
	// SearchRuns returns a page and the token of the next one, "" at the end.
	SearchRuns(ctx context.Context, q RunQuery) ([]Run, string, error)
}

// NewRun is what a caller may say of a run it starts.
type NewRun struct {
	Experiment int64
	Name       string // "" takes the name of the tag, or a generated one
	User       string
	StartTime  int64 // 0 means now
	Tags       []Tag
}

// CreateRun starts a run in an active experiment.
func (s *Service) CreateRun(ctx context.Context, n NewRun) (*Run, error) {
	for i := range n.Tags {
		var err error
		if n.Tags[i], err = checkTag(at("tags", i), n.Tags[i]); err != nil {
			return nil, err
		}
	}
	tags := lastOfKey(n.Tags)
	name, tags, err := nameOfRun(n.Name, tags)
	if err != nil {
		return nil, err
	}
	if err := checkNUL("user_id", n.User); err != nil {
		return nil, err
	}
	if n.StartTime == 0 {
		n.StartTime = s.millis()
	}
	var made *Run
	err = s.store.Write(ctx, func(ctx context.Context) error {
		e, err := s.activeExperiment(ctx, n.Experiment)
		if err != nil {
			return err
		}
		runID := id.Hex()
		made = &Run{Info: Info{
			ID: runID, Workspace: e.Workspace, Experiment: e.ID, Name: name, User: n.User, Status: Running,
			StartTime: n.StartTime, ArtifactURI: joinURI(e.ArtifactLocation, runID+"/artifacts"),
		}, Tags: tags}
		return s.store.CreateRun(ctx, made)
	})
	if err == nil {
		s.changed(ctx, Change{Run: made.ID, Experiment: made.Experiment, New: true})
	}
	return made, err
}

// nameOfRun settles the name of a run and the tag that repeats it.
func nameOfRun(name string, tags []Tag) (string, []Tag, error) {
	tag := ""
	for _, t := range tags {
		if t.Key == RunNameTag {
			tag = t.Value
		}
	}
	if name != "" && tag != "" && name != tag {
		return "", nil, fault.Invalidf("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='%s', mlflow.runName='%s').", name, tag)
	}
	if name == "" {
		name = tag
	}
	if name == "" {
		name = randomName()
	}
	if err := checkLength("run_name", MaxTagValue, name); err != nil {
		return "", nil, err
	}
	if tag == "" {
		tags = lastOfKey(append(tags, Tag{RunNameTag, name}))
	}
	return name, tags, nil
}

func joinURI(base, rest string) string {
	if base == "" || base[len(base)-1] != '/' {
		base += "/"
	}
	return base + rest
}

func checkTag(path string, t Tag) (Tag, error) {
	if err := checkName(path+"key", t.Key); err != nil {
		return t, err
	}
	if err := checkLength(path+"key", MaxKey, t.Key); err != nil {
		return t, err
	}
	t.Value = truncated(t.Value, MaxTagValue)
	return t, checkNUL(path+"value", t.Value)
}

func noRun(runID string) error {
	if len(runID) > 300 {
		runID = runID[:300] + "…"
	}
	return fault.NotFoundf("Run with id=%s not found", runID)
}

// Run returns a run in any stage.
func (s *Service) Run(ctx context.Context, runID string) (*Run, error) {
	r, err := s.store.Run(ctx, caller.Workspace(ctx), runID)
	if fault.Is(err, fault.NotFound) {
		return nil, noRun(runID)
	}
	return r, err
}

// RunInfo returns a run in any stage without what was logged to it.
func (s *Service) RunInfo(ctx context.Context, runID string) (*Info, error) {
	r, err := s.store.RunInfo(ctx, caller.Workspace(ctx), runID)
	if fault.Is(err, fault.NotFound) {
		return nil, noRun(runID)
	}
	return r, err
}

func (s *Service) head(ctx context.Context, runID string) (Head, error) {
	h, err := s.store.RunHead(ctx, caller.Workspace(ctx), runID)
	if fault.Is(err, fault.NotFound) {
		return h, noRun(runID)
	}
	return h, err
}

// activeRun returns the head of a run that may be logged to.
func (s *Service) activeRun(ctx context.Context, runID string) (Head, error) {
	h, err := s.head(ctx, runID)
	if err == nil && h.Stage != Active {
		return h, fault.Invalidf("The run %s must be in the 'active' state. Current state is %s.", runID, h.Stage)
	}
	return h, err
}

// writeRun runs fn in a Write with the head of a run that may be logged to, and
// tells of the change once it is durable.
func (s *Service) writeRun(ctx context.Context, runID string, fn func(ctx context.Context, h Head) error) error {
	var experiment int64
	err := s.store.Write(ctx, func(ctx context.Context) error {
		h, err := s.activeRun(ctx, runID)
		if err != nil {
			return err
		}
		experiment = h.Experiment
		return fn(ctx, h)
	})
	if err == nil {
		s.changed(ctx, Change{Run: runID, Experiment: experiment})
	}
	return err
}

// RunUpdate is what may change of a run; nil and "" leave as is.
type RunUpdate struct {
	Status  *Status
	EndTime *int64
	Name    string
}

// UpdateRun changes an active run and returns it.
func (s *Service) UpdateRun(ctx context.Context, runID string, u RunUpdate) (*Info, error) {
	if err := checkLength("run_name", MaxTagValue, u.Name); err != nil {
		return nil, err
	}
	var info *Info
	err := s.writeRun(ctx, runID, func(ctx context.Context, h Head) error {
		if u.Status != nil {
			h.Status = *u.Status
		}
		if u.EndTime != nil {
			h.EndTime = u.EndTime
		}
		if u.Name != "" {
			h.Name = u.Name
			if err := s.store.SetTags(ctx, h, []Tag{{RunNameTag, u.Name}}); err != nil {
				return err
			}
		}
		if err := s.store.UpdateRun(ctx, h); err != nil {
			return err
		}
		var err error
		info, err = s.store.RunInfo(ctx, caller.Workspace(ctx), runID)
		return err
	})
	return info, err
}

// DeleteRun puts a run into the deleted stage.
func (s *Service) DeleteRun(ctx context.Context, runID string) error {
	if err := s.setRunStage(ctx, runID, Deleted); err != nil || s.observer == nil {
		return err
	}
	return s.observer.RunsDeleted(ctx, []string{runID})
}

// RestoreRun makes a run active.
func (s *Service) RestoreRun(ctx context.Context, runID string) error {
	return s.setRunStage(ctx, runID, Active)
}

func (s *Service) setRunStage(ctx context.Context, runID string, stage Stage) error {
	var experiment int64
	err := s.store.Write(ctx, func(ctx context.Context) error {
		h, err := s.head(ctx, runID)
		if err != nil {
			return err
		}
		experiment = h.Experiment
		action := "run.delete"
		if stage == Active {
			action = "run.restore"
		}
		if err := s.audit.Record(ctx, action, "run", runID, nil, lifecycle{Stage: stage}); err != nil {
			return err
		}
		return s.store.SetRunStage(ctx, h, stage, s.millis())
	})
	if err == nil {
		s.changed(ctx, Change{Run: runID, Experiment: experiment, New: stage == Active, Gone: stage == Deleted})
	}
	return err
}

// SetTag sets a tag of an active run.
func (s *Service) SetTag(ctx context.Context, runID string, t Tag) error {
	t, err := checkTag("", t)
	if err != nil {
		return err
	}
	return s.writeRun(ctx, runID, func(ctx context.Context, h Head) error {
		return s.setTags(ctx, h, []Tag{t})
	})
}

// setTags stores tags, the last of each key, and renames the run if one of
// them is its name.
func (s *Service) setTags(ctx context.Context, h Head, tags []Tag) error {
	tags = lastOfKey(tags)
	for i, t := range tags {
		if t.Key != RunNameTag {
			continue
		}
		if t.Value == "" { // a run is never without a name
			tags = append(tags[:i], tags[i+1:]...)
			break
		}
		h.Name = t.Value
		if err := s.store.UpdateRun(ctx, h); err != nil {
			return err
		}
	}
	return s.store.SetTags(ctx, h, tags)
}

// DeleteTag removes a tag of an active run.
func (s *Service) DeleteTag(ctx context.Context, runID, key string) error {
	return s.writeRun(ctx, runID, func(ctx context.Context, h Head) error {
		found, err := s.store.DeleteTag(ctx, h, key)
		if err == nil && !found {
			return fault.NotFoundf("No tag with name: %s in run with id %s", key, runID)
		}
		return err
	})
}

// SearchRuns returns one page. The query's workspace is set here.
func (s *Service) SearchRuns(ctx context.Context, q RunQuery) ([]Run, string, error) {
	if err := CheckMaxResults(q.Limit); err != nil {
		return nil, "", err
	}
	q.Workspace = caller.Workspace(ctx)
	if len(q.Experiments) == 0 {
		return nil, "", nil
	}
	return s.store.SearchRuns(ctx, q)
}
