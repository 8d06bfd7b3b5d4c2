package mcp

import (
	"context"
	"strings"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
)

func (s *Server) datasetTools() []tool {
	return []tool{
		{"list_datasets", "List evaluation datasets", "Datasets of examples for evaluation, the latest changed first.",
			[]param{{name: "text", kind: text, about: "Part of the name", max: 255}, limitParam(30, 200), cursorParam, sizeParam}, s.listDatasets},
		{"get_dataset_records", "Records of a dataset", "Examples of an evaluation dataset: inputs, expectations, outputs, and the trace each was copied from.",
			[]param{{name: "dataset_id", kind: text, about: "d- and hexadecimal digits; see list_datasets", required: true, max: 100},
				{name: "text", kind: text, about: "Only records whose inputs, outputs or expectations hold this", max: 1000},
				limitParam(20, 200), cursorParam, sizeParam}, s.datasetRecords},
	}
}

func (s *Server) listDatasets(ctx context.Context, a args) (*answer, error) {
	at, err := placeOf(a, a.number("limit", 30))
	if err != nil {
		return nil, err
	}
	req := evaluation.DatasetSearch{Limit: at.Size, Token: at.Token, Order: []string{"last_update_time DESC"}}
	if t := a.text("text"); t != "" {
		if strings.Contains(t, "'") {
			return nil, fault.Invalidf("text may not hold a quote")
		}
		req.Filter = "name ILIKE '%" + t + "%'"
	}
	found, next, err := s.cfg.Evaluation.SearchDatasets(ctx, req)
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	page(w, "datasets", at, found, next, func(d *evaluation.Dataset) any {
		return row{"dataset_id": d.ID, "name": clip(d.Name, 250), "records": d.Records, "digest": d.Digest, "updated": stamp(d.Updated)}.put("by", d.CreatedBy)
	})
	return w, nil
}

func (s *Server) datasetRecords(ctx context.Context, a args) (*answer, error) {
	at, err := placeOf(a, a.number("limit", 20))
	if err != nil {
		return nil, err
	}
	d, err := s.cfg.Evaluation.Dataset(ctx, a.text("dataset_id"))
	if err != nil {
		return nil, err
	}
	found, next, err := s.cfg.Evaluation.FindRecords(ctx, d.ID, evaluation.RecordQuery{Text: a.text("text"), Limit: at.Size, Token: at.Token})
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	w.set("dataset", row{"name": clip(d.Name, 250), "records": d.Records, "digest": d.Digest})
	page(w, "records", at, found, next, func(r *evaluation.Record) any {
		out := row{"record_id": r.ID, "inputs": clip(string(r.Inputs), 2000)}.put("expectations", clip(string(r.Expectations), 1500)).put("outputs", clip(string(r.Outputs), 1500))
		if r.SourceType == "TRACE" {
			out.put("trace_id", r.SourceID)
		}
		return out
	})
	return w, nil
}
