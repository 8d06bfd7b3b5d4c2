package tracking

import (
	"context"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/id"
)

// ModelStatus of a logged model, with MLflow's numbers.
type ModelStatus uint8

// Statuses.
const (
	ModelUnspecified ModelStatus = iota
	ModelPending
	ModelReady
	ModelFailed
)

// LoggedModel is a model, or a version of an agent's code, that a run made.
// Times are in milliseconds since the epoch.
type LoggedModel struct {
	No               int64 // the store's own number
	ID               string
	Workspace        string
	Experiment       int64
	Name             string
	ArtifactLocation string
	Type             string
	SourceRun        string
	Status           ModelStatus
	StatusMessage    string
	Stage            Stage
	CreatedAt        int64
	UpdatedAt        int64
	Tags             []Tag
	Params           []Param
	Metrics          []ModelMetric
}

// ModelMetric is a point measured of a logged model by a run, perhaps on a
// dataset.
type ModelMetric struct {
	Metric
	ModelID       string
	RunID         string
	DatasetName   string
	DatasetDigest string
}

// DatasetScope restricts metrics to those measured on a dataset; an empty
// digest means any.
type DatasetScope struct{ Name, Digest string }

// ModelOrder is one key of a sort of logged models.
type ModelOrder struct {
	filter.Order
	Scope DatasetScope // of metrics; zero means any
}

// ModelQuery is a search. Token is what the previous page returned, "" for the first.
type ModelQuery struct {
	Workspace   string
	Experiments []int64
	Filter      filter.Expr
	Scopes      []DatasetScope
	Order       []ModelOrder // created_at descending, then the id, are added
	Limit       int
	Token       string
}

// ModelStore keeps logged models.
type ModelStore interface {
	CreateModel(ctx context.Context, m *LoggedModel) error
	// Model returns a model in any stage.
	Model(ctx context.Context, workspace, modelID string) (*LoggedModel, error)
	// UpdateModel stores status, status message, stage and update time.
	UpdateModel(ctx context.Context, m *LoggedModel) error
	// AddModelParams refuses keys that are there with an Exists fault.
	AddModelParams(ctx context.Context, m *LoggedModel, params []Param) error
	SetModelTags(ctx context.Context, m *LoggedModel, tags []Tag) error
	DeleteModelTag(ctx context.Context, m *LoggedModel, key string) (bool, error)
	// LogModelMetrics adds points that are not there yet, those of unknown
	// models left out.
	LogModelMetrics(ctx context.Context, workspace string, h Head, points []ModelMetric) error
	SearchModels(ctx context.Context, q ModelQuery) ([]LoggedModel, string, error)
}

// NewModel is what a caller may say of a model it logs.
type NewModel struct {
	Experiment int64
	Name       *string // nil means a generated one
	Type       string
	SourceRun  string
	Params     []Param
	Tags       []Tag
}

// CreateModel makes a pending logged model in an active experiment.
func (s *Service) CreateModel(ctx context.Context, n NewModel) (*LoggedModel, error) {
	name := ""
	if n.Name != nil {
		if name = *n.Name; name == "" || strings.ContainsAny(name, `/:.%"'`) {
			return nil, fault.Invalidf("Invalid model name ('%s') provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%%', '\"', \"'\")", name)
		}
		if err := checkLength("name", MaxExperimentName, name); err != nil {
			return nil, err
		}
	} else {
		name = randomName()
	}
	if err := checkModelTexts(n.Params, n.Tags); err != nil {
		return nil, err
	}
	var made *LoggedModel
	err := s.store.Write(ctx, func(ctx context.Context) error {
		e, err := s.activeExperiment(ctx, n.Experiment)
		if err != nil {
			return err
		}
		modelID, now := id.Prefixed("m-"), s.millis()
		made = &LoggedModel{
			ID: modelID, Workspace: e.Workspace, Experiment: e.ID, Name: name, Type: n.Type, SourceRun: n.SourceRun,
			ArtifactLocation: joinURI(e.ArtifactLocation, "models/"+modelID+"/artifacts"),
			Status:           ModelPending, CreatedAt: now, UpdatedAt: now, Tags: lastOfKey(n.Tags), Params: n.Params,
		}
		return s.store.CreateModel(ctx, made)
	})
	return made, err
}

func checkModelTexts(params []Param, tags []Tag) error {
	for _, p := range params {
		if err := checkLength("Param key", MaxKey, p.Key); err != nil {
			return err
		}
		if err := checkLength("Param value", MaxParamValue, p.Value); err != nil {
			return err
		}
	}
	for _, t := range tags {
		if err := checkLength("key", MaxKey, t.Key); err != nil {
			return err
		}
		if err := checkLength("value", MaxTagValue, t.Value); err != nil {
			return err
		}
	}
	return checkDistinct(params)
}

// Model returns a logged model; a deleted one only if deleted is set.
func (s *Service) Model(ctx context.Context, modelID string, deleted bool) (*LoggedModel, error) {
	m, err := s.store.Model(ctx, caller.Workspace(ctx), modelID)
	if fault.Is(err, fault.NotFound) || err == nil && m.Stage == Deleted && !deleted {
		if len(modelID) > 300 {
			modelID = modelID[:300] + "…"
		}
		return nil, fault.NotFoundf("Logged model with ID '%s' not found.", modelID)
	}
	return m, err
}

// changeModel runs change on a model of any stage inside a Write.
func (s *Service) changeModel(ctx context.Context, modelID string, change func(context.Context, *LoggedModel) error) (*LoggedModel, error) {
	var m *LoggedModel
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if m, err = s.Model(ctx, modelID, true); err != nil {
			return err
		}
		return change(ctx, m)
	})
	return m, err
}

// FinalizeModel sets the status of a logged model.
func (s *Service) FinalizeModel(ctx context.Context, modelID string, status ModelStatus) (*LoggedModel, error) {
	return s.changeModel(ctx, modelID, func(ctx context.Context, m *LoggedModel) error {
		m.Status, m.UpdatedAt = status, s.millis()
		return s.store.UpdateModel(ctx, m)
	})
}

// DeleteModel puts a logged model into the deleted stage.
func (s *Service) DeleteModel(ctx context.Context, modelID string) error {
	_, err := s.changeModel(ctx, modelID, func(ctx context.Context, m *LoggedModel) error {
		before := lifecycle{m.Name, m.Stage}
		m.Stage, m.UpdatedAt = Deleted, s.millis()
		if err := s.audit.Record(ctx, "logged_model.delete", "logged_model", modelID, before, lifecycle{m.Name, m.Stage}); err != nil {
			return err
		}
		return s.store.UpdateModel(ctx, m)
	})
	return err
}

// AddModelParams adds params. Repeating one with the same value is no error.
func (s *Service) AddModelParams(ctx context.Context, modelID string, params []Param) error {
	if err := checkModelTexts(params, nil); err != nil {
		return err
	}
	_, err := s.changeModel(ctx, modelID, func(ctx context.Context, m *LoggedModel) error {
		old := make(map[string]string, len(m.Params))
		for _, p := range m.Params {
			old[p.Key] = p.Value
		}
		var added []Param
		for _, p := range params {
			v, ok := old[p.Key]
			if ok && v != p.Value {
				return fault.Invalidf("Changing param values is not allowed. Param with key='%s' was already logged with value='%s' for model ID='%s'. Attempted logging new value '%s'.", p.Key, v, modelID, p.Value)
			}
			if !ok {
				added = append(added, p)
			}
		}
		if len(added) == 0 {
			return nil
		}
		return s.store.AddModelParams(ctx, m, added)
	})
	return err
}

// SetModelTags sets tags, the last of each key, and returns the model.
func (s *Service) SetModelTags(ctx context.Context, modelID string, tags []Tag) (*LoggedModel, error) {
	if err := checkModelTexts(nil, tags); err != nil {
		return nil, err
	}
	return s.changeModel(ctx, modelID, func(ctx context.Context, m *LoggedModel) error {
		if len(tags) == 0 {
			return nil
		}
		if err := s.store.SetModelTags(ctx, m, lastOfKey(tags)); err != nil {
			return err
		}
		fresh, err := s.store.Model(ctx, m.Workspace, modelID)
		if err == nil {
			*m = *fresh
		}
		return err
	})
}

// DeleteModelTag removes a tag.
func (s *Service) DeleteModelTag(ctx context.Context, modelID, key string) error {
	_, err := s.changeModel(ctx, modelID, func(ctx context.Context, m *LoggedModel) error {
		found, err := s.store.DeleteModelTag(ctx, m, key)
		if err == nil && !found {
			return fault.NotFoundf("No tag with key '%s' found for model with ID '%s'.", key, modelID)
		}
		return err
	})
	return err
}

// logModelMetrics stores the points that belong to logged models.
func (s *Service) logModelMetrics(ctx context.Context, h Head, points []ModelMetric) error {
	for i := range points {
		points[i].RunID = h.RunID
		if err := checkLength("dataset_name", maxDatasetName, points[i].DatasetName); err != nil {
			return err
		}
		if err := checkLength("dataset_digest", maxDatasetDigest, points[i].DatasetDigest); err != nil {
			return err
		}
	}
	return s.store.LogModelMetrics(ctx, caller.Workspace(ctx), h, points)
}

// SearchModels returns one page of active models. The query's workspace is set
// here.
func (s *Service) SearchModels(ctx context.Context, q ModelQuery) ([]LoggedModel, string, error) {
	for _, d := range q.Scopes {
		if d.Name == "" {
			return nil, "", fault.Invalidf("`dataset_name` in the `datasets` clause must be specified.")
		}
	}
	if err := CheckMaxResults(q.Limit); err != nil {
		return nil, "", err
	}
	if len(q.Experiments) == 0 {
		return nil, "", nil
	}
	q.Workspace = caller.Workspace(ctx)
	return s.store.SearchModels(ctx, q)
}

// AppendLoggedModel adds the JSON text of a model's description to the list
// that clients from before logged models keep in a tag of the run.
func (s *Service) AppendLoggedModel(ctx context.Context, runID string, model []byte) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		h, err := s.activeRun(ctx, runID)
		if err != nil {
			return err
		}
		list := "[" + string(model) + "]"
		old, err := s.store.Tag(ctx, h, LoggedModelsTag)
		if err == nil && strings.HasPrefix(old, "[{") && strings.HasSuffix(old, "}]") {
			list = old[:len(old)-1] + ", " + string(model) + "]"
		} else if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if tooLong(list, MaxTagValue) { // the newest is what is asked for
			list = "[" + string(model) + "]"
		}
		if tooLong(list, MaxTagValue) {
			return fault.Invalidf("'value' exceeds the maximum length of %d characters", MaxTagValue)
		}
		return s.store.SetTags(ctx, h, []Tag{{LoggedModelsTag, list}})
	})
}
