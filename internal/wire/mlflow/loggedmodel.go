package mlflow

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracking"
)

func (h trackings) loggedModels() []route {
	const models = "mlflow/logged-models"
	return []route{
		v2(http.MethodPost, models, caller.Write, bind(h.createLoggedModel)),
		v2(http.MethodPost, models+"/search", caller.Read, bind(h.searchLoggedModels)),
		v2(http.MethodGet, models+"/{model_id}", caller.Read, bind(h.getLoggedModel)),
		v2(http.MethodPatch, models+"/{model_id}", caller.Write, bind(h.finalizeLoggedModel)),
		v2(http.MethodDelete, models+"/{model_id}", caller.Write, bind(h.deleteLoggedModel)),
		v2(http.MethodPatch, models+"/{model_id}/tags", caller.Write, bind(h.setLoggedModelTags)),
		v2(http.MethodDelete, models+"/{model_id}/tags/{tag_key}", caller.Write, bind(h.deleteLoggedModelTag)),
		v2(http.MethodPost, models+"/{model_id}/params", caller.Write, bind(h.logLoggedModelParams)),
	}
}

// modelStatusNames are the values of LoggedModelStatus, from 0.
var modelStatusNames = []string{
	"LOGGED_MODEL_STATUS_UNSPECIFIED", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED",
}

type loggedModelInfo struct {
	ID            string     `json:"model_id"`
	Experiment    string     `json:"experiment_id"`
	Name          string     `json:"name"`
	Created       int64      `json:"creation_timestamp_ms"`
	Updated       int64      `json:"last_updated_timestamp_ms"`
	Artifacts     string     `json:"artifact_uri"`
	Status        string     `json:"status"`
	Type          *string    `json:"model_type,omitempty"`
	SourceRun     *string    `json:"source_run_id,omitempty"`
	StatusMessage string     `json:"status_message,omitempty"`
	Tags          []keyValue `json:"tags,omitempty"`
}

type modelPoint struct {
	Key           string `json:"key"`
	Value         Float  `json:"value"`
	Timestamp     int64  `json:"timestamp"`
	Step          int64  `json:"step"`
	DatasetName   string `json:"dataset_name,omitempty"`
	DatasetDigest string `json:"dataset_digest,omitempty"`
	ModelID       string `json:"model_id,omitempty"`
	RunID         string `json:"run_id,omitempty"`
}

type loggedModelData struct {
	Params  []keyValue   `json:"params,omitempty"`
	Metrics []modelPoint `json:"metrics,omitempty"`
}

type loggedModel struct {
	Info loggedModelInfo `json:"info"`
	Data loggedModelData `json:"data"`
}

type loggedModelAnswer struct {
	Model loggedModel `json:"model"`
}

func toLoggedModel(m *tracking.LoggedModel) loggedModel {
	out := loggedModel{Info: loggedModelInfo{
		ID: m.ID, Experiment: experimentID(m.Experiment), Name: m.Name, Created: m.CreatedAt, Updated: m.UpdatedAt,
		Artifacts: m.ArtifactLocation, Status: modelStatusNames[m.Status], Type: &m.Type, SourceRun: &m.SourceRun,
		StatusMessage: m.StatusMessage, Tags: fromTags(m.Tags),
	}}
	for _, p := range m.Params {
		out.Data.Params = append(out.Data.Params, keyValue(p))
	}
	for _, p := range m.Metrics {
		out.Data.Metrics = append(out.Data.Metrics, modelPoint{
			p.Key, Float(p.Value), p.Timestamp, p.Step, p.DatasetName, p.DatasetDigest, p.ModelID, p.RunID,
		})
	}
	return out
}

func answerLoggedModel(m *tracking.LoggedModel, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return loggedModelAnswer{toLoggedModel(m)}, nil
}

type createLoggedModelRequest struct {
	Experiment string     `json:"experiment_id"`
	Name       string     `json:"name"`
	Type       string     `json:"model_type"`
	SourceRun  string     `json:"source_run_id"`
	Params     []keyValue `json:"params"`
	Tags       []keyValue `json:"tags"`
}

func (h trackings) createLoggedModel(ctx context.Context, r *createLoggedModelRequest) (any, error) {
	if err := present("experiment_id", r.Experiment); err != nil {
		return nil, err
	}
	experiment, err := tracking.ParseExperimentID(r.Experiment)
	if err != nil {
		return nil, err
	}
	n := tracking.NewModel{Experiment: experiment, Type: r.Type, SourceRun: r.SourceRun, Params: toParams(r.Params), Tags: toTags(r.Tags)}
	if r.Name != "" {
		n.Name = &r.Name
	}
	return answerLoggedModel(h.tracking.CreateModel(ctx, n))
}

type loggedModelRequest struct {
	ModelID string `json:"model_id"`
	Deleted bool   `json:"allow_deleted"`
}

func (h trackings) getLoggedModel(ctx context.Context, r *loggedModelRequest) (any, error) {
	return answerLoggedModel(h.tracking.Model(ctx, r.ModelID, r.Deleted))
}

type finalizeRequest struct {
	ModelID string    `json:"model_id"`
	Status  enumValue `json:"status"`
}

func (h trackings) finalizeLoggedModel(ctx context.Context, r *finalizeRequest) (any, error) {
	if err := present("status", string(r.Status)); err != nil {
		return nil, err
	}
	n, err := r.Status.number("status", modelStatusNames, 0)
	if err != nil {
		return nil, err
	}
	return answerLoggedModel(h.tracking.FinalizeModel(ctx, r.ModelID, tracking.ModelStatus(n)))
}

func (h trackings) deleteLoggedModel(ctx context.Context, r *loggedModelRequest) (any, error) {
	return empty{}, h.tracking.DeleteModel(ctx, r.ModelID)
}

type loggedModelTagsRequest struct {
	ModelID string     `json:"model_id"`
	Tags    []keyValue `json:"tags"`
}

func (h trackings) setLoggedModelTags(ctx context.Context, r *loggedModelTagsRequest) (any, error) {
	_, err := h.tracking.SetModelTags(ctx, r.ModelID, toTags(r.Tags))
	return empty{}, err
}

type loggedModelTagRequest struct {
	ModelID string `json:"model_id"`
	Key     string `json:"tag_key"`
}

func (h trackings) deleteLoggedModelTag(ctx context.Context, r *loggedModelTagRequest) (any, error) {
	return empty{}, h.tracking.DeleteModelTag(ctx, r.ModelID, r.Key)
}

type loggedModelParamsRequest struct {
	ModelID string     `json:"model_id"`
	Params  []keyValue `json:"params"`
}

func (h trackings) logLoggedModelParams(ctx context.Context, r *loggedModelParamsRequest) (any, error) {
	return empty{}, h.tracking.AddModelParams(ctx, r.ModelID, toParams(r.Params))
}

type datasetScope struct {
	Name   string `json:"dataset_name"`
	Digest string `json:"dataset_digest"`
}

type searchLoggedModelsRequest struct {
	Experiments []string       `json:"experiment_ids"`
	Filter      string         `json:"filter"`
	Datasets    []datasetScope `json:"datasets"`
	MaxResults  *Int           `json:"max_results"`
	OrderBy     []struct {
		Field     string `json:"field_name"`
		Ascending *bool  `json:"ascending"`
		datasetScope
	} `json:"order_by"`
	PageToken string `json:"page_token"`
}

const defaultLoggedModels = 50

type loggedModelsAnswer struct {
	Models    []loggedModel `json:"models,omitempty"`
	NextToken string        `json:"next_page_token,omitempty"`
}

func (h trackings) searchLoggedModels(ctx context.Context, r *searchLoggedModelsRequest) (any, error) {
	if r.Experiments == nil {
		return nil, missing("experiment_ids")
	}
	q := tracking.ModelQuery{Limit: defaultLoggedModels, Token: r.PageToken}
	if r.MaxResults != nil && *r.MaxResults != 0 {
		q.Limit = int(*r.MaxResults)
	}
	var err error
	if q.Experiments, err = tracking.ParseExperimentIDs(r.Experiments); err != nil {
		return nil, err
	}
	if q.Filter, err = filter.Parse(filter.LoggedModels, r.Filter); err != nil {
		return nil, err
	}
	for _, d := range r.Datasets {
		q.Scopes = append(q.Scopes, tracking.DatasetScope(d))
	}
	for _, o := range r.OrderBy {
		field, err := filter.ParseOrderField(o.Field)
		if err != nil {
			return nil, err
		}
		q.Order = append(q.Order, tracking.ModelOrder{
			Order: filter.Order{Field: field, Desc: o.Ascending != nil && !*o.Ascending}, Scope: tracking.DatasetScope(o.datasetScope),
		})
	}
	list, token, err := h.tracking.SearchModels(ctx, q)
	if err != nil {
		return nil, err
	}
	answer := loggedModelsAnswer{NextToken: token}
	for i := range list {
		answer.Models = append(answer.Models, toLoggedModel(&list[i]))
	}
	return answer, nil
}
