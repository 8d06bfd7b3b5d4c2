package mlflow

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

// Pages are small enough that one that has to be gone over again costs little.
const (
	experimentsPage = 500
	runsPage        = 100
	modelsPage      = 50
	pointsPage      = 10_000
)

type experimentIn struct {
	ID        string     `json:"experiment_id"`
	Name      string     `json:"name"`
	Artifacts string     `json:"artifact_location"`
	Stage     string     `json:"lifecycle_stage"`
	Created   Int        `json:"creation_time"`
	Updated   Int        `json:"last_update_time"`
	Tags      []keyValue `json:"tags"`
}

func (e *experimentIn) toExperiment() (tracking.Experiment, error) {
	id, err := tracking.ParseExperimentID(e.ID)
	return tracking.Experiment{
		ID: id, Name: e.Name, ArtifactLocation: e.Artifacts, Stage: stageOf(e.Stage),
		CreatedAt: int64(e.Created), UpdatedAt: int64(e.Updated), Tags: toTags(e.Tags),
	}, err
}

func stageOf(s string) tracking.Stage {
	if s == "deleted" {
		return tracking.Deleted
	}
	return tracking.Active
}

// Experiments implements [flow.Source].
func (c *Client) Experiments(ctx context.Context, token string) ([]tracking.Experiment, string, error) {
	var out struct {
		Experiments []experimentIn `json:"experiments"`
		Next        string         `json:"next_page_token"`
	}
	in := map[string]any{"max_results": experimentsPage, "view_type": "ALL", "page_token": token, "order_by": []string{"creation_time ASC"}}
	if err := c.call(ctx, http.MethodPost, rest2+"experiments/search", nil, in, &out); err != nil {
		return nil, "", err
	}
	list := make([]tracking.Experiment, len(out.Experiments))
	for i := range out.Experiments {
		var err error
		if list[i], err = out.Experiments[i].toExperiment(); err != nil {
			return nil, "", err
		}
	}
	return list, out.Next, nil
}

// runIn is a run as servers of both generations send it.
type runIn struct {
	Info struct {
		ID         string    `json:"run_id"`
		Name       string    `json:"run_name"`
		Experiment string    `json:"experiment_id"`
		User       string    `json:"user_id"`
		Status     enumValue `json:"status"`
		Start      Int       `json:"start_time"`
		End        *Int      `json:"end_time"`
		Artifacts  string    `json:"artifact_uri"`
		Stage      string    `json:"lifecycle_stage"`
	} `json:"info"`
	Data struct {
		Metrics []pointIn  `json:"metrics"`
		Params  []keyValue `json:"params"`
		Tags    []keyValue `json:"tags"`
	} `json:"data"`
	Inputs struct {
		Datasets []datasetInput `json:"dataset_inputs"`
		Models   []modelRef     `json:"model_inputs"`
	} `json:"inputs"`
	Outputs struct {
		Models []modelRef `json:"model_outputs"`
	} `json:"outputs"`
}

type pointIn struct {
	Key       string `json:"key"`
	Value     Float  `json:"value"`
	Timestamp Int    `json:"timestamp"`
	Step      Int    `json:"step"`
}

func (p *pointIn) toMetric() tracking.Metric {
	return tracking.Metric{Key: p.Key, Value: float64(p.Value), Timestamp: int64(p.Timestamp), Step: int64(p.Step)}
}

func (r *runIn) toRun() (tracking.Run, error) {
	experiment, err := tracking.ParseExperimentID(r.Info.Experiment)
	if err != nil {
		return tracking.Run{}, err
	}
	status, err := r.Info.Status.number("status", statusNames, 1)
	if err != nil {
		return tracking.Run{}, err
	}
	out := tracking.Run{Info: tracking.Info{
		ID: r.Info.ID, Experiment: experiment, Name: r.Info.Name, User: r.Info.User, Status: tracking.Statuses[status-1],
		StartTime: int64(r.Info.Start), Stage: stageOf(r.Info.Stage), ArtifactURI: r.Info.Artifacts,
	}, Params: toParams(r.Data.Params), Tags: toTags(r.Data.Tags), Inputs: toModelRefs(r.Inputs.Models), Outputs: toModelRefs(r.Outputs.Models)}
	if r.Info.End != nil && *r.Info.End != 0 {
		out.EndTime = (*int64)(r.Info.End)
	}
	for i := range out.Inputs {
		out.Inputs[i].Step = 0 // only outputs have one
	}
	for i := range r.Data.Metrics {
		out.Metrics = append(out.Metrics, r.Data.Metrics[i].toMetric())
	}
	for _, d := range r.Inputs.Datasets {
		in := tracking.DatasetInput{Tags: toTags(d.Tags)}
		if d.Dataset != nil {
			in.Dataset = tracking.Dataset(*d.Dataset)
		}
		out.Datasets = append(out.Datasets, in)
	}
	return out, nil
}

// Runs implements [flow.Source].
func (c *Client) Runs(ctx context.Context, experiment int64, token string) ([]tracking.Run, string, error) {
	var out struct {
		Runs []runIn `json:"runs"`
		Next string  `json:"next_page_token"`
	}
	in := map[string]any{
		"experiment_ids": []string{strconv.FormatInt(experiment, 10)}, "run_view_type": "ALL", "max_results": runsPage,
		"order_by": []string{"attributes.start_time ASC"}, "page_token": token,
	}
	if err := c.call(ctx, http.MethodPost, rest2+"runs/search", nil, in, &out); err != nil {
		return nil, "", err
	}
	list := make([]tracking.Run, len(out.Runs))
	for i := range out.Runs {
		var err error
		if list[i], err = out.Runs[i].toRun(); err != nil {
			return nil, "", err
		}
	}
	return list, out.Next, nil
}

// Run implements [flow.Source].
func (c *Client) Run(ctx context.Context, id string) (*tracking.Run, error) {
	var out struct {
		Run runIn `json:"run"`
	}
	if err := c.call(ctx, http.MethodGet, rest2+"runs/get", url.Values{"run_id": {id}}, nil, &out); err != nil {
		return nil, err
	}
	r, err := out.Run.toRun()
	return &r, err
}

// History implements [flow.Source].
func (c *Client) History(ctx context.Context, run, key string, fn func([]tracking.Metric) error) error {
	for token := ""; ; {
		var out struct {
			Metrics []pointIn `json:"metrics"`
			Next    string    `json:"next_page_token"`
		}
		q := url.Values{"run_id": {run}, "metric_key": {key}, "max_results": {strconv.Itoa(pointsPage)}}
		if token != "" {
			q.Set("page_token", token)
		}
		if err := c.call(ctx, http.MethodGet, rest2+"metrics/get-history", q, nil, &out); err != nil {
			return err
		}
		points := make([]tracking.Metric, len(out.Metrics))
		for i := range out.Metrics {
			points[i] = out.Metrics[i].toMetric()
		}
		if err := fn(points); err != nil {
			return err
		}
		if out.Next == "" {
			return nil
		}
		if out.Next == token || len(points) == 0 {
			return fault.Invalidf("the source's history of %s does not end", clip(key))
		}
		token = out.Next
	}
}

type loggedModelIn struct {
	Info struct {
		ID            string     `json:"model_id"`
		Experiment    string     `json:"experiment_id"`
		Name          string     `json:"name"`
		Created       Int        `json:"creation_timestamp_ms"`
		Updated       Int        `json:"last_updated_timestamp_ms"`
		Artifacts     string     `json:"artifact_uri"`
		Status        enumValue  `json:"status"`
		Type          string     `json:"model_type"`
		SourceRun     string     `json:"source_run_id"`
		StatusMessage string     `json:"status_message"`
		Stage         string     `json:"lifecycle_stage"`
		Tags          []keyValue `json:"tags"`
	} `json:"info"`
	Data struct {
		Params  []keyValue `json:"params"`
		Metrics []struct {
			pointIn
			DatasetName   string `json:"dataset_name"`
			DatasetDigest string `json:"dataset_digest"`
			RunID         string `json:"run_id"`
		} `json:"metrics"`
	} `json:"data"`
}

func (m *loggedModelIn) toModel() (tracking.LoggedModel, error) {
	experiment, err := tracking.ParseExperimentID(m.Info.Experiment)
	if err != nil {
		return tracking.LoggedModel{}, err
	}
	status := 0
	if m.Info.Status != "" {
		if status, err = m.Info.Status.number("status", modelStatusNames, 0); err != nil {
			return tracking.LoggedModel{}, err
		}
	}
	out := tracking.LoggedModel{
		ID: m.Info.ID, Experiment: experiment, Name: m.Info.Name, ArtifactLocation: m.Info.Artifacts, Type: m.Info.Type,
		SourceRun: m.Info.SourceRun, Status: tracking.ModelStatus(status), StatusMessage: m.Info.StatusMessage, Stage: stageOf(m.Info.Stage),
		CreatedAt: int64(m.Info.Created), UpdatedAt: int64(m.Info.Updated), Tags: toTags(m.Info.Tags), Params: toParams(m.Data.Params),
	}
	for i := range m.Data.Metrics {
		p := &m.Data.Metrics[i]
		out.Metrics = append(out.Metrics, tracking.ModelMetric{
			Metric: p.toMetric(), ModelID: m.Info.ID, RunID: p.RunID, DatasetName: p.DatasetName, DatasetDigest: p.DatasetDigest,
		})
	}
	return out, nil
}

// Models implements [flow.Source]. Servers list active ones only.
func (c *Client) Models(ctx context.Context, experiment int64, token string) ([]tracking.LoggedModel, string, error) {
	if c.major < 3 {
		return nil, "", nil
	}
	var out struct {
		Models []loggedModelIn `json:"models"`
		Next   string          `json:"next_page_token"`
	}
	in := map[string]any{
		"experiment_ids": []string{strconv.FormatInt(experiment, 10)}, "max_results": modelsPage,
		"order_by": []map[string]any{{"field_name": "creation_timestamp", "ascending": true}},
	}
	if token != "" {
		in["page_token"] = token
	}
	if err := c.call(ctx, http.MethodPost, rest2+"logged-models/search", nil, in, &out); err != nil {
		return nil, "", absent(err)
	}
	list := make([]tracking.LoggedModel, len(out.Models))
	for i := range out.Models {
		var err error
		if list[i], err = out.Models[i].toModel(); err != nil {
			return nil, "", err
		}
	}
	return list, out.Next, nil
}
