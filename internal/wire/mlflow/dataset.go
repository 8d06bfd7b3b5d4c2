package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

func (h trackings) datasets() []route {
	const runs = "mlflow/runs/"
	return []route{
		v2(http.MethodPost, runs+"log-inputs", caller.Write, bind(h.logInputs)),
		v2(http.MethodPost, runs+"outputs", caller.Write, bind(h.logOutputs)),
		v2(http.MethodPost, runs+"log-model", caller.Write, bind(h.logModel)),
		v2(http.MethodPost, "mlflow/experiments/search-datasets", caller.Read, bind(h.searchDatasets)),
	}
}

type modelRef struct {
	ModelID string `json:"model_id"`
	Step    Int    `json:"step"`
}

func toModelRefs(list []modelRef) []tracking.ModelRef {
	var out []tracking.ModelRef
	for _, m := range list {
		out = append(out, tracking.ModelRef{ModelID: m.ModelID, Step: int64(m.Step)})
	}
	return out
}

type datasetInput struct {
	Tags    []keyValue `json:"tags"`
	Dataset *struct {
		Name       string `json:"name"`
		Digest     string `json:"digest"`
		SourceType string `json:"source_type"`
		Source     string `json:"source"`
		Schema     string `json:"schema"`
		Profile    string `json:"profile"`
	} `json:"dataset"`
}

type logInputsRequest struct {
	runRequest
	Datasets []datasetInput `json:"datasets"`
	Models   []modelRef     `json:"models"`
}

func (h trackings) logInputs(ctx context.Context, r *logInputsRequest) (any, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	inputs := make([]tracking.DatasetInput, len(r.Datasets))
	for i, in := range r.Datasets {
		inputs[i].Tags = toTags(in.Tags)
		if in.Dataset != nil {
			inputs[i].Dataset = tracking.Dataset(*in.Dataset)
		}
	}
	return empty{}, h.tracking.LogInputs(ctx, id, inputs, toModelRefs(r.Models))
}

type logOutputsRequest struct {
	runRequest
	Models []modelRef `json:"models"`
}

func (h trackings) logOutputs(ctx context.Context, r *logOutputsRequest) (any, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	if r.Models == nil {
		return nil, missing("models")
	}
	return empty{}, h.tracking.LogOutputs(ctx, id, toModelRefs(r.Models))
}

type logModelRequest struct {
	runRequest
	Model string `json:"model_json"`
}

// logModel is the call of clients before logged models: the description of a
// model is kept in a tag of the run.
func (h trackings) logModel(ctx context.Context, r *logModelRequest) (any, error) {
	id, err := r.id()
	if err == nil {
		err = present("model_json", r.Model)
	}
	if err != nil {
		return nil, err
	}
	var model map[string]json.RawMessage
	if json.Unmarshal([]byte(r.Model), &model) != nil || model == nil {
		return nil, fault.Invalidf("Malformed model info. \n %s \n is not a valid JSON.", clip(r.Model))
	}
	var absent []string
	for _, field := range []string{"artifact_path", "flavors", "utc_time_created", "run_id"} {
		if _, ok := model[field]; !ok {
			absent = append(absent, "'"+field+"'")
		}
	}
	if absent != nil {
		slices.Sort(absent)
		return nil, fault.Invalidf("Model json is missing mandatory fields: {%s}", strings.Join(absent, ", "))
	}
	// The signature and the like may be large and are in the artifact.
	text := []byte{'{'}
	for i, field := range []string{"run_id", "artifact_path", "utc_time_created", "model_uuid", "flavors"} {
		if i > 0 {
			text = append(text, ", "...)
		}
		v, ok := model[field]
		if !ok {
			v = json.RawMessage("null")
		}
		if field == "flavors" {
			v = withoutConfig(v)
		}
		text = append(append(appendText(text, field), ": "...), spaced(v)...)
	}
	return empty{}, h.tracking.AppendLoggedModel(ctx, id, append(text, '}'))
}

// withoutConfig drops the settings of each flavor, which may hold secrets.
func withoutConfig(v json.RawMessage) json.RawMessage {
	var flavors map[string]map[string]json.RawMessage
	if json.Unmarshal(v, &flavors) != nil {
		return v
	}
	dropped := false
	for _, f := range flavors {
		if _, ok := f["config"]; ok {
			delete(f, "config")
			dropped = true
		}
	}
	if !dropped {
		return v
	}
	kept, err := marshal(flavors)
	if err != nil {
		return v
	}
	return kept
}

// spaced writes JSON with a space after each comma and colon, as Python does:
// clients compare such texts.
func spaced(v json.RawMessage) []byte {
	var compact bytes.Buffer
	if json.Compact(&compact, v) != nil {
		return v
	}
	out := make([]byte, 0, compact.Len()+16)
	inString := false
	for i, c := range compact.Bytes() {
		out = append(out, c)
		switch {
		case c == '"' && !escapedAt(compact.Bytes(), i):
			inString = !inString
		case !inString && (c == ',' || c == ':'):
			out = append(out, ' ')
		}
	}
	return out
}

// escapedAt reports whether an odd number of backslashes stands before b[i].
func escapedAt(b []byte, i int) bool {
	n := 0
	for i > n && b[i-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

type searchDatasetsRequest struct {
	Experiments []string `json:"experiment_ids"`
}

type datasetSummary struct {
	Experiment string  `json:"experiment_id"`
	Name       string  `json:"name"`
	Digest     string  `json:"digest"`
	Context    *string `json:"context,omitempty"`
}

type datasetsAnswer struct {
	Summaries []datasetSummary `json:"dataset_summaries,omitempty"`
}

func (h trackings) searchDatasets(ctx context.Context, r *searchDatasetsRequest) (any, error) {
	ids, err := tracking.ParseExperimentIDs(r.Experiments)
	if err != nil {
		return nil, err
	}
	list, err := h.tracking.Datasets(ctx, ids)
	if err != nil {
		return nil, err
	}
	var answer datasetsAnswer
	for _, d := range list {
		answer.Summaries = append(answer.Summaries, datasetSummary{experimentID(d.Experiment), d.Name, d.Digest, d.Context})
	}
	return answer, nil
}
