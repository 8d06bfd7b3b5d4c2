package mlflow

import (
	"context"
	"encoding/json"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
)

// datasetRecord is a record. A page of them travels as JSON inside a string.
type datasetRecord struct {
	ID           string          `json:"dataset_record_id"`
	Dataset      string          `json:"dataset_id"`
	Inputs       json.RawMessage `json:"inputs"`
	Outputs      json.RawMessage `json:"outputs,omitempty"`
	Expectations json.RawMessage `json:"expectations,omitempty"`
	Tags         json.RawMessage `json:"tags"`
	Source       json.RawMessage `json:"source,omitempty"`
	SourceID     string          `json:"source_id,omitempty"`
	SourceType   string          `json:"source_type,omitempty"`
	Created      int64           `json:"created_time"`
	Updated      int64           `json:"last_update_time"`
	CreatedBy    string          `json:"created_by,omitempty"`
	UpdatedBy    string          `json:"last_updated_by,omitempty"`
}

type upsertRecordsRequest struct {
	ID      string `json:"dataset_id"`
	Records string `json:"records"`
}

type upsertRecordsAnswer struct {
	Inserted int `json:"inserted_count"`
	Updated  int `json:"updated_count"`
}

func (h evaluations) upsertRecords(ctx context.Context, r *upsertRecordsRequest) (any, error) {
	if err := present("records", r.Records); err != nil {
		return nil, err
	}
	list := []byte(r.Records)
	if !json.Valid(list) {
		// Python writes NaN and Infinity bare, also inside this string.
		list, _ = quoteBareFloats(list)
	}
	inserted, updated, err := h.evaluation.UpsertRecords(ctx, r.ID, list)
	return upsertRecordsAnswer{inserted, updated}, err
}

type recordsRequest struct {
	ID         string `json:"dataset_id"`
	MaxResults Int    `json:"max_results"`
	PageToken  string `json:"page_token"`
}

type recordsAnswer struct {
	Records string `json:"records"`
	Next    string `json:"next_page_token,omitempty"`
}

func (h evaluations) getRecords(ctx context.Context, r *recordsRequest) (any, error) {
	list, next, err := h.evaluation.Records(ctx, r.ID, pageSize(r.MaxResults), r.PageToken)
	if err != nil {
		return nil, err
	}
	records := make([]datasetRecord, len(list))
	for i, rec := range list {
		records[i] = toDatasetRecord(r.ID, rec)
	}
	text, err := marshal(records)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "mlflow.getRecords", err, "the records could not be encoded")
	}
	return recordsAnswer{string(text), next}, nil
}

func toDatasetRecord(dataset string, r *evaluation.Record) datasetRecord {
	return datasetRecord{
		ID: r.ID, Dataset: dataset, Inputs: r.Inputs, Outputs: r.Outputs, Expectations: r.Expectations, Tags: r.Tags,
		Source: r.Source, SourceID: r.SourceID, SourceType: r.SourceType,
		Created: r.Created, Updated: r.Updated, CreatedBy: r.CreatedBy, UpdatedBy: r.UpdatedBy,
	}
}

type deleteRecordsRequest struct {
	ID      string   `json:"dataset_id"`
	Records []string `json:"dataset_record_ids"`
}

type deleteRecordsAnswer struct {
	Deleted int64 `json:"deleted_count"`
}

func (h evaluations) deleteRecords(ctx context.Context, r *deleteRecordsRequest) (any, error) {
	deleted, err := h.evaluation.DeleteRecords(ctx, r.ID, r.Records)
	return deleteRecordsAnswer{deleted}, err
}
