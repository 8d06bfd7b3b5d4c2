package mlflow

import (
	"context"
	"net/http"
	"strconv"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracking"
)

// trackings serves experiments, runs, metrics, datasets and logged models.
type trackings struct{ tracking *tracking.Service }

// ServeTracking adds experiments and everything in them but their artifacts.
func (s *Server) ServeTracking(t *tracking.Service) {
	h := trackings{t}
	s.groups = append(s.groups, h.experiments, h.runs, h.metrics, h.datasets, h.loggedModels)
}

func (h trackings) experiments() []route {
	const exp = "mlflow/experiments/"
	return []route{
		v2(http.MethodPost, exp+"create", caller.Write, bind(h.createExperiment)),
		v2(http.MethodGet, exp+"get", caller.Read, bind(h.getExperiment)),
		v2(http.MethodGet, exp+"get-by-name", caller.Read, bind(h.getExperimentByName)),
		v2(http.MethodPost, exp+"delete", caller.Write, bind(h.deleteExperiment)),
		v2(http.MethodPost, exp+"restore", caller.Write, bind(h.restoreExperiment)),
		v2(http.MethodPost, exp+"update", caller.Write, bind(h.updateExperiment)),
		v2(http.MethodPost, exp+"set-experiment-tag", caller.Write, bind(h.setExperimentTag)),
		v2(http.MethodPost, exp+"delete-experiment-tag", caller.Write, bind(h.deleteExperimentTag)),
		v2(http.MethodPost, exp+"search", caller.Read, bind(h.searchExperiments)),
		v2(http.MethodGet, exp+"search", caller.Read, bind(h.searchExperiments)),
		v3(http.MethodGet, "mlflow/server-info", caller.Read, bind(h.serverInfo)),
	}
}

// keyValue is a tag or a param.
type keyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func toTags(list []keyValue) []tracking.Tag {
	out := make([]tracking.Tag, len(list))
	for i, t := range list {
		out[i] = tracking.Tag(t)
	}
	return out
}

func toParams(list []keyValue) []tracking.Param {
	out := make([]tracking.Param, len(list))
	for i, p := range list {
		out[i] = tracking.Param(p)
	}
	return out
}

func fromTags(tags []tracking.Tag) []keyValue {
	out := make([]keyValue, len(tags))
	for i, t := range tags {
		out[i] = keyValue(t)
	}
	return out
}

// viewNames are the values of ViewType; numbers count from 1.
var viewNames = []string{"ACTIVE_ONLY", "DELETED_ONLY", "ALL"}

// enumValue is a field with names or numbers. number returns the position of the
// name in names plus first.
type enumValue string

func (e *enumValue) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" {
		return nil
	}
	if n := len(s); n >= 2 && s[0] == '"' {
		s = s[1 : n-1]
	}
	*e = enumValue(s)
	return nil
}

func (e enumValue) number(name string, names []string, first int) (int, error) {
	for i, n := range names {
		if string(e) == n || string(e) == strconv.Itoa(first+i) {
			return first + i, nil
		}
	}
	return 0, fault.Invalidf("Invalid value %q for parameter '%s' supplied: expected one of %v", clip(string(e)), name, names)
}

func (e enumValue) view(name string) (tracking.View, error) {
	if e == "" {
		return tracking.ActiveOnly, nil
	}
	n, err := e.number(name, viewNames, 0)
	if string(e) >= "0" && string(e) <= "9" {
		n, err = e.number(name, viewNames, 1)
	}
	return tracking.View(n - boolInt(string(e) >= "0" && string(e) <= "9")), err
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

type experiment struct {
	ID       string     `json:"experiment_id"`
	Name     string     `json:"name"`
	Location string     `json:"artifact_location"`
	Stage    string     `json:"lifecycle_stage"`
	Updated  int64      `json:"last_update_time,omitempty"`
	Created  int64      `json:"creation_time,omitempty"`
	Tags     []keyValue `json:"tags,omitempty"`
	Space    string     `json:"workspace,omitempty"`
}

func experimentID(n int64) string { return strconv.FormatInt(n, 10) }

func toExperiment(e *tracking.Experiment) experiment {
	return experiment{
		ID: experimentID(e.ID), Name: e.Name, Location: e.ArtifactLocation, Stage: e.Stage.String(),
		Updated: e.UpdatedAt, Created: e.CreatedAt, Tags: fromTags(e.Tags), Space: e.Workspace,
	}
}

type createExperimentRequest struct {
	Name     string     `json:"name"`
	Location string     `json:"artifact_location"`
	Tags     []keyValue `json:"tags"`
}

type experimentCreated struct {
	ID string `json:"experiment_id"`
}

func (h trackings) createExperiment(ctx context.Context, r *createExperimentRequest) (any, error) {
	if err := present("name", r.Name); err != nil {
		return nil, err
	}
	e, err := h.tracking.CreateExperiment(ctx, r.Name, r.Location, toTags(r.Tags))
	if err != nil {
		return nil, err
	}
	return experimentCreated{experimentID(e.ID)}, nil
}

type experimentRequest struct {
	ID string `json:"experiment_id"`
}

// number checks and reads the id.
func (r *experimentRequest) number() (int64, error) {
	if err := present("experiment_id", r.ID); err != nil {
		return 0, err
	}
	return tracking.ParseExperimentID(r.ID)
}

type experimentAnswer struct {
	Experiment experiment `json:"experiment"`
}

func answerExperiment(e *tracking.Experiment, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return experimentAnswer{toExperiment(e)}, nil
}

func (h trackings) getExperiment(ctx context.Context, r *experimentRequest) (any, error) {
	id, err := r.number()
	if err != nil {
		return nil, err
	}
	return answerExperiment(h.tracking.Experiment(ctx, id))
}

type experimentNameRequest struct {
	Name string `json:"experiment_name"`
}

func (h trackings) getExperimentByName(ctx context.Context, r *experimentNameRequest) (any, error) {
	if err := present("experiment_name", r.Name); err != nil {
		return nil, err
	}
	return answerExperiment(h.tracking.ExperimentByName(ctx, r.Name))
}

func (h trackings) deleteExperiment(ctx context.Context, r *experimentRequest) (any, error) {
	id, err := r.number()
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracking.DeleteExperiment(ctx, id)
}

func (h trackings) restoreExperiment(ctx context.Context, r *experimentRequest) (any, error) {
	id, err := r.number()
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracking.RestoreExperiment(ctx, id)
}

type updateExperimentRequest struct {
	experimentRequest
	Name string `json:"new_name"`
}

func (h trackings) updateExperiment(ctx context.Context, r *updateExperimentRequest) (any, error) {
	if err := present("experiment_id", r.ID, "new_name", r.Name); err != nil {
		return nil, err
	}
	id, err := r.number()
	if err != nil {
		return nil, err
	}
	err = h.tracking.RenameExperiment(ctx, id, r.Name)
	switch { // as MLflow has it, unlike its own answer when one is created
	case fault.Is(err, fault.State):
		err = withCode("INVALID_STATE", err)
	case fault.Is(err, fault.Exists):
		err = withCode("BAD_REQUEST", err)
	}
	return empty{}, err
}

type experimentTagRequest struct {
	experimentRequest
	keyValue
}

func (h trackings) setExperimentTag(ctx context.Context, r *experimentTagRequest) (any, error) {
	if err := present("experiment_id", r.ID, "key", r.Key); err != nil {
		return nil, err
	}
	id, err := r.number()
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracking.SetExperimentTag(ctx, id, tracking.Tag{Key: r.Key, Value: r.Value})
}

func (h trackings) deleteExperimentTag(ctx context.Context, r *experimentTagRequest) (any, error) {
	if err := present("experiment_id", r.ID, "key", r.Key); err != nil {
		return nil, err
	}
	id, err := r.number()
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracking.DeleteExperimentTag(ctx, id, r.Key)
}

type searchExperimentsRequest struct {
	View       enumValue `json:"view_type"`
	MaxResults Int       `json:"max_results"`
	Filter     string    `json:"filter"`
	OrderBy    []string  `json:"order_by"`
	PageToken  string    `json:"page_token"`
}

type experimentsAnswer struct {
	Experiments []experiment `json:"experiments,omitempty"`
	NextToken   string       `json:"next_page_token,omitempty"`
}

func (h trackings) searchExperiments(ctx context.Context, r *searchExperimentsRequest) (any, error) {
	q := tracking.ExperimentQuery{Limit: int(r.MaxResults), Token: r.PageToken}
	var err error
	if q.View, err = r.View.view("view_type"); err != nil {
		return nil, err
	}
	if q.Filter, err = filter.Parse(filter.Experiments, r.Filter); err != nil {
		return nil, err
	}
	if q.Order, err = filter.ParseOrder(filter.Experiments, r.OrderBy); err != nil {
		return nil, err
	}
	list, token, err := h.tracking.SearchExperiments(ctx, q)
	if err != nil {
		return nil, err
	}
	answer := experimentsAnswer{NextToken: token}
	for i := range list {
		answer.Experiments = append(answer.Experiments, toExperiment(&list[i]))
	}
	return answer, nil
}

// serverInfo tells clients what to ask of this server.
func (h trackings) serverInfo(context.Context, *empty) (any, error) {
	return map[string]any{
		"store_type":                          "SqlStore",
		"workspaces_enabled":                  true,
		"trace_archival_enabled":              false,
		"multipart_uploads_enabled":           true,
		"multipart_downloads_enabled":         false,
		"presigned_upload_run_id_supported":   true,
		"presigned_upload_model_id_supported": true,
		"features_enabled":                    map[string]bool{"gateway": false},
	}, nil
}
