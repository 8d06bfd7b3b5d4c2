package mlflow

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracking"
)

func (h trackings) runs() []route {
	const runs = "mlflow/runs/"
	return []route{
		v2(http.MethodPost, runs+"create", caller.Write, bind(h.createRun)),
		v2(http.MethodGet, runs+"get", caller.Read, bind(h.getRun)),
		v2(http.MethodPost, runs+"update", caller.Write, bind(h.updateRun)),
		v2(http.MethodPost, runs+"delete", caller.Write, bind(h.deleteRun)),
		v2(http.MethodPost, runs+"restore", caller.Write, bind(h.restoreRun)),
		v2(http.MethodPost, runs+"search", caller.Read, bind(h.searchRuns)),
		v2(http.MethodPost, runs+"set-tag", caller.Write, bind(h.setTag)),
		v2(http.MethodPost, runs+"delete-tag", caller.Write, bind(h.deleteTag)),
	}
}

// runRequest names a run; run_uuid is its old name.
type runRequest struct {
	RunID   string `json:"run_id"`
	RunUUID string `json:"run_uuid"`
}

func (r *runRequest) id() (string, error) {
	id := r.RunID
	if id == "" {
		id = r.RunUUID
	}
	return id, present("run_id", id)
}

func appendKeyValue(b []byte, key, value string) []byte {
	b = append(b, `{"key":`...)
	b = appendText(b, key)
	b = append(b, `,"value":`...)
	return append(appendText(b, value), '}')
}

func appendTag(b []byte, t *tracking.Tag) []byte     { return appendKeyValue(b, t.Key, t.Value) }
func appendParam(b []byte, p *tracking.Param) []byte { return appendKeyValue(b, p.Key, p.Value) }

func appendMetric(b []byte, m *tracking.Metric) []byte {
	b = append(b, `{"key":`...)
	b = appendText(b, m.Key)
	b = append(b, `,"value":`...)
	b = appendFloat(b, m.Value)
	b = appendIntField(b, "timestamp", m.Timestamp)
	return append(appendIntField(b, "step", m.Step), '}')
}

func appendInfo(b []byte, r *tracking.Info) []byte {
	b = append(b, '{')
	b = appendTextField(b, "run_id", r.ID)
	b = appendTextField(b, "run_uuid", r.ID)
	b = appendTextField(b, "run_name", r.Name)
	b = appendTextField(b, "experiment_id", experimentID(r.Experiment))
	b = appendTextField(b, "user_id", r.User)
	b = appendTextField(b, "status", string(r.Status))
	b = appendIntField(b, "start_time", r.StartTime)
	if r.EndTime != nil && *r.EndTime != 0 {
		b = appendIntField(b, "end_time", *r.EndTime)
	}
	b = appendTextField(b, "artifact_uri", r.ArtifactURI)
	b = appendTextField(b, "lifecycle_stage", r.Stage.String())
	return append(b, '}')
}

// appendRun writes a run; outputs are absent from a run just created.
func appendRun(b []byte, r *tracking.Run, outputs bool) []byte {
	b = append(b, `{"info":`...)
	b = appendInfo(b, &r.Info)
	b = append(b, `,"data":{`...)
	b = appendList(b, "metrics", r.Metrics, appendMetric)
	b = appendList(b, "params", r.Params, appendParam)
	b = appendList(b, "tags", r.Tags, appendTag)
	b = append(b, `},"inputs":{`...)
	b = appendList(b, "dataset_inputs", r.Datasets, appendDatasetInput)
	b = appendList(b, "model_inputs", r.Inputs, func(b []byte, m *tracking.ModelRef) []byte {
		return append(appendTextField(append(b, '{'), "model_id", m.ModelID), '}')
	})
	b = append(b, '}')
	if outputs {
		b = append(b, `,"outputs":{`...)
		b = appendList(b, "model_outputs", r.Outputs, func(b []byte, m *tracking.ModelRef) []byte {
			b = appendTextField(append(b, '{'), "model_id", m.ModelID)
			return append(appendIntField(b, "step", m.Step), '}')
		})
		b = append(b, '}')
	}
	return append(b, '}')
}

func appendDatasetInput(b []byte, in *tracking.DatasetInput) []byte {
	b = append(b, '{')
	b = appendList(b, "tags", in.Tags, appendTag)
	b = append(appendField(b, "dataset"), '{')
	d := &in.Dataset
	b = appendTextField(b, "name", d.Name)
	b = appendTextField(b, "digest", d.Digest)
	b = appendTextField(b, "source_type", d.SourceType)
	b = appendTextField(b, "source", d.Source)
	if d.Schema != "" {
		b = appendTextField(b, "schema", d.Schema)
	}
	if d.Profile != "" {
		b = appendTextField(b, "profile", d.Profile)
	}
	return append(b, '}', '}')
}

func answerRun(r *tracking.Run, outputs bool) encoded {
	b := appendRun([]byte(`{"run":`), r, outputs)
	return append(b, '}')
}

type createRunRequest struct {
	Experiment string     `json:"experiment_id"`
	User       string     `json:"user_id"`
	Name       string     `json:"run_name"`
	StartTime  Int        `json:"start_time"`
	Tags       []keyValue `json:"tags"`
}

func (h trackings) createRun(ctx context.Context, r *createRunRequest) (any, error) {
	experiment := tracking.DefaultExperiment
	if r.Experiment != "" {
		var err error
		if experiment, err = tracking.ParseExperimentID(r.Experiment); err != nil {
			return nil, err
		}
	}
	run, err := h.tracking.CreateRun(ctx, tracking.NewRun{
		Experiment: experiment, Name: r.Name, User: r.User, StartTime: int64(r.StartTime), Tags: toTags(r.Tags),
	})
	if err != nil {
		return nil, err
	}
	return answerRun(run, false), nil
}

func (h trackings) getRun(ctx context.Context, r *runRequest) (any, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	run, err := h.tracking.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	return answerRun(run, true), nil
}

var statusNames = func() []string {
	var names []string
	for _, s := range tracking.Statuses {
		names = append(names, string(s))
	}
	return names
}()

type updateRunRequest struct {
	runRequest
	Status  enumValue `json:"status"`
	EndTime *Int      `json:"end_time"`
	Name    string    `json:"run_name"`
}

func (h trackings) updateRun(ctx context.Context, r *updateRunRequest) (any, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	u := tracking.RunUpdate{Name: r.Name}
	if r.Status != "" {
		n, err := r.Status.number("status", statusNames, 1)
		if err != nil {
			return nil, err
		}
		u.Status = &tracking.Statuses[n-1]
	}
	if r.EndTime != nil {
		u.EndTime = (*int64)(r.EndTime)
	}
	info, err := h.tracking.UpdateRun(ctx, id, u)
	if err != nil {
		return nil, err
	}
	return encoded(append(appendInfo([]byte(`{"run_info":`), info), '}')), nil
}

func (h trackings) deleteRun(ctx context.Context, r *runRequest) (any, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracking.DeleteRun(ctx, id)
}

func (h trackings) restoreRun(ctx context.Context, r *runRequest) (any, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracking.RestoreRun(ctx, id)
}

type runTagRequest struct {
	runRequest
	keyValue
}

func (h trackings) setTag(ctx context.Context, r *runTagRequest) (any, error) {
	id, err := r.id()
	if err == nil {
		err = present("key", r.Key)
	}
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracking.SetTag(ctx, id, tracking.Tag{Key: r.Key, Value: r.Value})
}

func (h trackings) deleteTag(ctx context.Context, r *runTagRequest) (any, error) {
	id, err := r.id()
	if err == nil {
		err = present("key", r.Key)
	}
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracking.DeleteTag(ctx, id, r.Key)
}

type searchRunsRequest struct {
	Experiments []string  `json:"experiment_ids"`
	Filter      string    `json:"filter"`
	View        enumValue `json:"run_view_type"`
	MaxResults  *Int      `json:"max_results"`
	OrderBy     []string  `json:"order_by"`
	PageToken   string    `json:"page_token"`
}

const defaultRuns = 1000

func (h trackings) searchRuns(ctx context.Context, r *searchRunsRequest) (any, error) {
	q := tracking.RunQuery{Limit: defaultRuns, Token: r.PageToken}
	if r.MaxResults != nil {
		q.Limit = int(*r.MaxResults)
	}
	var err error
	if q.View, err = r.View.view("run_view_type"); err != nil {
		return nil, err
	}
	if q.Filter, err = filter.Parse(filter.Runs, r.Filter); err != nil {
		return nil, err
	}
	if q.Order, err = filter.ParseOrder(filter.Runs, r.OrderBy); err != nil {
		return nil, err
	}
	if q.Experiments, err = tracking.ParseExperimentIDs(r.Experiments); err != nil {
		return nil, err
	}
	runs, token, err := h.tracking.SearchRuns(ctx, q)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 1024+len(runs)*2048)
	b = append(b, '{')
	b = appendList(b, "runs", runs, func(b []byte, r *tracking.Run) []byte { return appendRun(b, r, true) })
	if token != "" {
		b = appendTextField(b, "next_page_token", token)
	}
	return encoded(append(b, '}')), nil
}
