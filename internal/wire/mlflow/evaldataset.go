package mlflow

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
)

// evaluations serves evaluation datasets, scorers and issues.
type evaluations struct{ evaluation *evaluation.Service }

// ServeEvaluation adds evaluation datasets, scorers and issues, and the calls
// about labelling that this server does not offer.
func (s *Server) ServeEvaluation(e *evaluation.Service) {
	h := evaluations{e}
	s.groups = append(s.groups, h.datasets, h.scorers, h.issues, labelling)
}

func (h evaluations) datasets() []route {
	const one = "mlflow/datasets/{dataset_id}"
	return []route{
		v3(http.MethodPost, "mlflow/datasets/create", caller.Write, bind(h.createDataset)),
		v3(http.MethodPost, "mlflow/datasets/search", caller.Read, bind(h.searchDatasets)),
		v3(http.MethodGet, "mlflow/datasets/search", caller.Read, bind(h.searchDatasets)),
		v3(http.MethodGet, one, caller.Read, bind(h.getDataset)),
		v3(http.MethodDelete, one, caller.Write, bind(h.deleteDataset)),
		v3(http.MethodPatch, one+"/tags", caller.Write, bind(h.setDatasetTags)),
		v3(http.MethodDelete, one+"/tags/{key}", caller.Write, bind(h.deleteDatasetTag)),
		v3(http.MethodPost, one+"/records", caller.Write, bind(h.upsertRecords)),
		v3(http.MethodGet, one+"/records", caller.Read, bind(h.getRecords)),
		v3(http.MethodDelete, one+"/records", caller.Write, bind(h.deleteRecords)),
		v3(http.MethodGet, one+"/experiment-ids", caller.Read, bind(h.datasetExperiments)),
		v3(http.MethodPost, one+"/add-experiments", caller.Write, bind(h.linkDataset)),
		v3(http.MethodPost, one+"/remove-experiments", caller.Write, bind(h.unlinkDataset)),
	}
}

// evalDataset is a dataset. Tags, schema and profile are JSON inside strings.
type evalDataset struct {
	ID          string   `json:"dataset_id"`
	Name        string   `json:"name"`
	Tags        string   `json:"tags"`
	Schema      string   `json:"schema,omitempty"`
	Profile     string   `json:"profile,omitempty"`
	Digest      string   `json:"digest"`
	Created     int64    `json:"created_time"`
	Updated     int64    `json:"last_update_time"`
	CreatedBy   string   `json:"created_by,omitempty"`
	UpdatedBy   string   `json:"last_updated_by,omitempty"`
	Experiments []string `json:"experiment_ids,omitempty"` // only of a new one; clients ask for others'
}

func toEvalDataset(d *evaluation.Dataset) evalDataset {
	out := evalDataset{
		ID: d.ID, Name: d.Name, Tags: tagObject(d.Tags), Schema: d.Schema, Digest: d.Digest,
		Created: d.Created, Updated: d.Updated, CreatedBy: d.CreatedBy, UpdatedBy: d.UpdatedBy,
	}
	if d.Records > 0 {
		out.Profile = fmt.Sprintf(`{"num_records": %d}`, d.Records)
	}
	return out
}

func experimentTexts(numbers []int64) []string {
	var out []string
	for _, n := range numbers {
		out = append(out, strconv.FormatInt(n, 10))
	}
	return out
}

// tagObject is tags as a JSON object, written as Python's json does.
func tagObject(tags []evaluation.Tag) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, t := range tags {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(ascii(mustJSON(t.Key)) + ": " + ascii(mustJSON(t.Value)))
	}
	b.WriteByte('}')
	return b.String()
}

// ascii escapes what is not ASCII in a JSON text.
func ascii(text []byte) string {
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// tagList reads a JSON object inside a string. Values that are no strings are
// kept as they are written; null leaves a tag as it is.
func tagList(text string) ([]evaluation.Tag, error) {
	if text == "" {
		return nil, nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &object) != nil {
		return nil, fault.Invalidf("Invalid value for parameter 'tags' supplied: it must be a JSON object in a string")
	}
	var tags []evaluation.Tag
	for k, raw := range object {
		if string(raw) == "null" {
			continue
		}
		value := string(raw)
		if raw[0] == '"' {
			json.Unmarshal(raw, &value) // a valid string, or Unmarshal above had failed
		}
		tags = append(tags, evaluation.Tag{Key: k, Value: value})
	}
	return tags, nil
}

type datasetAnswer struct {
	Dataset evalDataset `json:"dataset"`
}

func answerDataset(d *evaluation.Dataset, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return datasetAnswer{toEvalDataset(d)}, nil
}

type createDatasetRequest struct {
	Name        string   `json:"name"`
	Experiments []string `json:"experiment_ids"`
	Tags        string   `json:"tags"`
}

func (h evaluations) createDataset(ctx context.Context, r *createDatasetRequest) (any, error) {
	if err := present("name", r.Name); err != nil {
		return nil, err
	}
	tags, err := tagList(r.Tags)
	if err != nil {
		return nil, err
	}
	d, err := h.evaluation.CreateDataset(ctx, evaluation.NewDataset{Name: r.Name, Experiments: r.Experiments, Tags: tags})
	if err != nil {
		return nil, err
	}
	out := toEvalDataset(d)
	out.Experiments = experimentTexts(d.Experiments)
	return datasetAnswer{out}, nil
}

type datasetSearchRequest struct {
	Experiments []string `json:"experiment_ids"`
	Filter      string   `json:"filter_string"`
	MaxResults  *Int     `json:"max_results"`
	OrderBy     []string `json:"order_by"`
	PageToken   string   `json:"page_token"`
}

type evalDatasetsAnswer struct {
	Datasets []evalDataset `json:"datasets,omitempty"`
	Next     string        `json:"next_page_token,omitempty"`
}

func (h evaluations) searchDatasets(ctx context.Context, r *datasetSearchRequest) (any, error) {
	limit, err := pageLimit(r.MaxResults)
	if err != nil {
		return nil, err
	}
	list, next, err := h.evaluation.SearchDatasets(ctx, evaluation.DatasetSearch{
		Filter: r.Filter, Order: r.OrderBy, Experiments: r.Experiments, Limit: limit, Token: r.PageToken,
	})
	if err != nil {
		return nil, err
	}
	out := evalDatasetsAnswer{Next: next}
	for _, d := range list {
		out.Datasets = append(out.Datasets, toEvalDataset(d))
	}
	return out, nil
}

// pageSize is a requested page size, with 0 for none, as the domain takes it.
func pageSize(n Int) int { return int(max(min(n, 1<<30), -1)) }

type datasetRequest struct {
	ID string `json:"dataset_id"`
}

func (h evaluations) getDataset(ctx context.Context, r *datasetRequest) (any, error) {
	return answerDataset(h.evaluation.Dataset(ctx, r.ID))
}

func (h evaluations) deleteDataset(ctx context.Context, r *datasetRequest) (any, error) {
	return empty{}, h.evaluation.DeleteDataset(ctx, r.ID)
}

type datasetTagsRequest struct {
	ID   string `json:"dataset_id"`
	Tags string `json:"tags"`
}

func (h evaluations) setDatasetTags(ctx context.Context, r *datasetTagsRequest) (any, error) {
	if err := present("tags", r.Tags); err != nil {
		return nil, err
	}
	tags, err := tagList(r.Tags)
	if err != nil {
		return nil, err
	}
	_, err = h.evaluation.SetDatasetTags(ctx, r.ID, tags)
	return empty{}, err
}

type datasetTagRequest struct {
	ID  string `json:"dataset_id"`
	Key string `json:"key"`
}

func (h evaluations) deleteDatasetTag(ctx context.Context, r *datasetTagRequest) (any, error) {
	return empty{}, h.evaluation.DeleteDatasetTag(ctx, r.ID, r.Key)
}

type datasetLinkRequest struct {
	ID          string   `json:"dataset_id"`
	Experiments []string `json:"experiment_ids"`
}

func (h evaluations) linkDataset(ctx context.Context, r *datasetLinkRequest) (any, error) {
	return answerDataset(h.evaluation.LinkDataset(ctx, r.ID, r.Experiments))
}

func (h evaluations) unlinkDataset(ctx context.Context, r *datasetLinkRequest) (any, error) {
	return answerDataset(h.evaluation.UnlinkDataset(ctx, r.ID, r.Experiments))
}

type datasetExperimentsAnswer struct {
	Experiments []string `json:"experiment_ids,omitempty"`
}

// datasetExperiments answers an empty list for a dataset that is gone.
func (h evaluations) datasetExperiments(ctx context.Context, r *datasetRequest) (any, error) {
	d, err := h.evaluation.Dataset(ctx, r.ID)
	if fault.Is(err, fault.NotFound) {
		return datasetExperimentsAnswer{}, nil
	}
	if err != nil {
		return nil, err
	}
	return datasetExperimentsAnswer{experimentTexts(d.Experiments)}, nil
}
