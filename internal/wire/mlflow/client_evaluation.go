package mlflow

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

const (
	datasetsPage = 100
	recordsPage  = 500
)

type datasetIn struct {
	ID        string `json:"dataset_id"`
	Name      string `json:"name"`
	Tags      string `json:"tags"`
	Schema    string `json:"schema"`
	Digest    string `json:"digest"`
	Created   Int    `json:"created_time"`
	Updated   Int    `json:"last_update_time"`
	CreatedBy string `json:"created_by"`
	UpdatedBy string `json:"last_updated_by"`
}

// Datasets implements [flow.Source].
func (c *Client) Datasets(ctx context.Context, token string) ([]evaluation.Dataset, string, error) {
	if c.major < 3 {
		return nil, "", nil
	}
	var out struct {
		Datasets []datasetIn `json:"datasets"`
		Next     string      `json:"next_page_token"`
	}
	in := map[string]any{"max_results": datasetsPage, "order_by": []string{"created_time ASC"}}
	if token != "" {
		in["page_token"] = token
	}
	if err := c.call(ctx, http.MethodPost, rest3+"datasets/search", nil, in, &out); err != nil {
		return nil, "", absent(err)
	}
	list := make([]evaluation.Dataset, len(out.Datasets))
	for i, d := range out.Datasets {
		tags, err := tagList(d.Tags)
		if err != nil {
			return nil, "", err
		}
		list[i] = evaluation.Dataset{ID: d.ID, Name: d.Name, Digest: d.Digest, Schema: d.Schema, Tags: tags,
			CreatedBy: d.CreatedBy, UpdatedBy: d.UpdatedBy, Created: int64(d.Created), Updated: int64(d.Updated)}
		var linked struct {
			Experiments []string `json:"experiment_ids"`
		}
		if err := c.call(ctx, http.MethodGet, rest3+"datasets/"+url.PathEscape(d.ID)+"/experiment-ids", nil, nil, &linked); err != nil {
			return nil, "", err
		}
		if list[i].Experiments, err = tracking.ParseExperimentIDs(linked.Experiments); err != nil {
			return nil, "", err
		}
	}
	return list, out.Next, nil
}

// recordIn is a record as a page of them, a JSON text, has it.
type recordIn struct {
	ID           string          `json:"dataset_record_id"`
	Inputs       json.RawMessage `json:"inputs"`
	Outputs      json.RawMessage `json:"outputs"`
	Expectations json.RawMessage `json:"expectations"`
	Tags         json.RawMessage `json:"tags"`
	Source       json.RawMessage `json:"source"`
	Created      Int             `json:"created_time"`
	Updated      Int             `json:"last_update_time"`
	CreatedBy    string          `json:"created_by"`
	UpdatedBy    string          `json:"last_updated_by"`
}

// given is nil for an absent value and for null.
func given(raw json.RawMessage) []byte {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

func (r *recordIn) toRecord() evaluation.Record {
	tags := given(r.Tags)
	if tags == nil {
		tags = []byte("{}")
	}
	return evaluation.Record{ID: r.ID, Inputs: given(r.Inputs), Outputs: given(r.Outputs), Expectations: given(r.Expectations), Tags: tags,
		Source: given(r.Source), CreatedBy: r.CreatedBy, UpdatedBy: r.UpdatedBy, Created: int64(r.Created), Updated: int64(r.Updated)}
}

// Records implements [flow.Source].
func (c *Client) Records(ctx context.Context, dataset, token string) ([]evaluation.Record, string, error) {
	var out struct {
		Records string `json:"records"`
		Next    string `json:"next_page_token"`
	}
	q := url.Values{"max_results": {strconv.Itoa(recordsPage)}}
	if token != "" {
		q.Set("page_token", token)
	}
	if err := c.call(ctx, http.MethodGet, rest3+"datasets/"+url.PathEscape(dataset)+"/records", q, nil, &out); err != nil {
		return nil, "", err
	}
	var records []recordIn
	if out.Records != "" {
		text, _ := quoteBareFloats([]byte(out.Records)) // Python writes NaN bare
		if err := json.Unmarshal(text, &records); err != nil {
			return nil, "", fault.Invalidf("the records of dataset %s are no JSON list", clip(dataset))
		}
	}
	list := make([]evaluation.Record, len(records))
	for i := range records {
		list[i] = records[i].toRecord()
	}
	return list, out.Next, nil
}

type scorerIn struct {
	Name       string `json:"scorer_name"`
	Version    Int    `json:"scorer_version"`
	Serialized string `json:"serialized_scorer"`
	Created    Int    `json:"creation_time"`
	ID         string `json:"scorer_id"`
}

// Scorers implements [flow.Source].
func (c *Client) Scorers(ctx context.Context, experiment int64) ([]evaluation.Scorer, error) {
	if c.major < 3 {
		return nil, nil
	}
	id := strconv.FormatInt(experiment, 10)
	var names struct {
		Scorers []scorerIn `json:"scorers"`
	}
	err := c.call(ctx, http.MethodGet, rest3+"scorers/list", url.Values{"experiment_id": {id}}, nil, &names)
	if fault.Is(err, fault.Invalid) {
		err = nil // of a deleted experiment nobody is told the scorers
	}
	if err != nil {
		return nil, absent(err)
	}
	var list []evaluation.Scorer
	for _, n := range names.Scorers {
		var out struct {
			Scorers []scorerIn `json:"scorers"`
		}
		if err := c.call(ctx, http.MethodGet, rest3+"scorers/versions", url.Values{"experiment_id": {id}, "name": {n.Name}}, nil, &out); err != nil {
			return nil, err
		}
		for _, s := range out.Scorers {
			list = append(list, evaluation.Scorer{ID: s.ID, Experiment: experiment, Name: s.Name, Version: int64(s.Version), Serialized: s.Serialized, Created: int64(s.Created)})
		}
	}
	return list, nil
}
