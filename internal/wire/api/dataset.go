package api

import (
	"bufio"
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
)

// datasets serves evaluation datasets. Their records are in datasetrecord.go,
// the datasets that runs logged in input.go.
type datasets struct {
	domain      *evaluation.Service
	tracing     *tracing.Service
	experiments Experiments
}

// ServeDatasets adds evaluation datasets and their records, and lets the
// palette find them.
func (s *Server) ServeDatasets(domain *evaluation.Service, tracing *tracing.Service, experiments Experiments) {
	d := datasets{domain, tracing, experiments}
	const base, one = "/w/{ws}/datasets", "/w/{ws}/datasets/{dataset_id}"
	s.add(
		route{method: "GET", path: base, need: caller.Read, call: d.list},
		route{method: "POST", path: base, need: caller.Write, status: http.StatusCreated, call: body(d.create)},
		route{method: "GET", path: one, need: caller.Read, call: d.get},
		route{method: "PATCH", path: one, need: caller.Write, call: body(d.update)},
		route{method: "DELETE", path: one, need: caller.Write, call: d.delete},
		route{method: "GET", path: one + "/records", need: caller.Read, call: d.records},
		route{method: "POST", path: one + "/records", need: caller.Write, call: body(d.addRecords)},
		route{method: "POST", path: one + "/records/delete", need: caller.Write, call: body(d.deleteRecords)},
		route{method: "PATCH", path: one + "/records/{record_id}", need: caller.Write, call: body(d.changeRecord)},
		route{method: "POST", path: one + "/traces", need: caller.Write, call: body(d.addTraces)},
		route{method: "POST", path: one + "/import", need: caller.Write, call: body(d.importFile)},
		route{method: "GET", path: one + "/export", need: caller.Read, stream: d.export},
		route{method: "GET", path: "/w/{ws}/traces/{trace_id}/records", need: caller.Read, call: d.recordsOfTrace},
	)
	s.finders = append(s.finders, d.find)
}

type evalDataset struct {
	DatasetID     string            `json:"dataset_id"`
	Name          string            `json:"name"`
	Digest        string            `json:"digest"`
	Records       int64             `json:"records"`
	ExperimentIDs []string          `json:"experiment_ids"`
	Tags          map[string]string `json:"tags"`
	CreatedBy     string            `json:"created_by"`
	UpdatedBy     string            `json:"updated_by"`
	CreatedMS     int64             `json:"created_ms"`
	UpdatedMS     int64             `json:"updated_ms"`
}

func evalDatasetOf(d *evaluation.Dataset) evalDataset {
	out := evalDataset{d.ID, d.Name, d.Digest, d.Records, []string{}, map[string]string{}, d.CreatedBy, d.UpdatedBy, d.Created, d.Updated}
	for _, e := range d.Experiments {
		out.ExperimentIDs = append(out.ExperimentIDs, strconv.FormatInt(e, 10))
	}
	for _, t := range d.Tags {
		out.Tags[t.Key] = t.Value
	}
	return out
}

// datasetOrders are the sort keys of the contract in MLflow's words.
var datasetOrders = map[string]string{"name": "name", "created_ms": "created_time", "updated_ms": "last_update_time"}

func (d datasets) list(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	v := r.URL.Query()
	req := evaluation.DatasetSearch{Experiments: v["experiment_id"], Limit: n, Token: v.Get("page_token"), Order: []string{"last_update_time DESC"}}
	if by, desc := strings.CutPrefix(v.Get("order_by"), "-"); by != "" {
		key, ok := datasetOrders[by]
		if !ok {
			return nil, fault.Invalidf("datasets cannot be ordered by %q; use name, created_ms or updated_ms", clip(by))
		}
		req.Order = []string{key + map[bool]string{true: " DESC", false: " ASC"}[desc]}
	}
	if q := v.Get("q"); q != "" {
		text, err := quoteName("%" + q + "%")
		if err != nil {
			return nil, err
		}
		req.Filter = "name ILIKE " + text
	}
	found, next, err := d.domain.SearchDatasets(ctx, req)
	if err != nil {
		return nil, err
	}
	out := []evalDataset{}
	for _, x := range found {
		out = append(out, evalDatasetOf(x))
	}
	return map[string]any{"datasets": out, "next_page_token": nullable(next)}, nil
}

type createDatasetRequest struct {
	Name          string            `json:"name"`
	ExperimentIDs []string          `json:"experiment_ids"`
	Tags          map[string]string `json:"tags"`
}

func (d datasets) create(ctx context.Context, _ *http.Request, req *createDatasetRequest) (any, error) {
	made, err := d.domain.CreateDataset(ctx, evaluation.NewDataset{Name: strings.TrimSpace(req.Name), Experiments: req.ExperimentIDs, Tags: datasetTags(req.Tags)})
	if err != nil {
		return nil, err
	}
	return evalDatasetOf(made), nil
}

func datasetTags(tags map[string]string) (out []evaluation.Tag) {
	for k, v := range tags {
		out = append(out, evaluation.Tag{Key: k, Value: v})
	}
	return out
}

type sourceCount struct {
	SourceType string `json:"source_type"`
	Records    int64  `json:"records"`
}

type datasetDetail struct {
	evalDataset
	Experiments []experimentRef `json:"experiments"`
	Schema      json.RawMessage `json:"schema"`
	Sources     []sourceCount   `json:"sources"`
	Traces      int64           `json:"traces"`
}

type experimentRef struct {
	ExperimentID string `json:"experiment_id"`
	Name         string `json:"name"`
}

func (d datasets) get(ctx context.Context, r *http.Request) (any, error) {
	return d.detail(ctx, r.PathValue("dataset_id"))
}

func (d datasets) detail(ctx context.Context, id string) (any, error) {
	x, err := d.domain.Dataset(ctx, id)
	if err != nil {
		return nil, err
	}
	bySource, traces, err := d.domain.Sources(ctx, x)
	if err != nil {
		return nil, err
	}
	out := datasetDetail{evalDataset: evalDatasetOf(x), Experiments: []experimentRef{}, Schema: rawOrText(x.Schema), Sources: []sourceCount{}, Traces: traces}
	for _, e := range out.ExperimentIDs {
		out.Experiments = append(out.Experiments, experimentRef{e, d.experiments.ExperimentName(ctx, e)})
	}
	for kind, n := range bySource {
		out.Sources = append(out.Sources, sourceCount{kind, n})
	}
	slices.SortFunc(out.Sources, func(a, b sourceCount) int { return strings.Compare(a.SourceType, b.SourceType) })
	return out, nil
}

type updateDatasetRequest struct {
	SetTags    map[string]string `json:"set_tags"`
	DeleteTags []string          `json:"delete_tags"`
}

func (d datasets) update(ctx context.Context, r *http.Request, req *updateDatasetRequest) (any, error) {
	id := r.PathValue("dataset_id")
	if len(req.SetTags) > 0 {
		if _, err := d.domain.SetDatasetTags(ctx, id, datasetTags(req.SetTags)); err != nil {
			return nil, err
		}
	}
	for _, k := range req.DeleteTags {
		if err := d.domain.DeleteDatasetTag(ctx, id, k); err != nil {
			return nil, err
		}
	}
	return d.detail(ctx, id)
}

func (d datasets) delete(ctx context.Context, r *http.Request) (any, error) {
	if _, err := d.domain.Dataset(ctx, r.PathValue("dataset_id")); err != nil {
		return nil, err
	}
	return nil, d.domain.DeleteDataset(ctx, r.PathValue("dataset_id"))
}

// find finds datasets by part of their name.
func (d datasets) find(ctx context.Context, q string) (hits []hit, err error) {
	text, err := quoteName("%" + q + "%")
	if err != nil {
		return nil, nil // no name can hold both kinds of quote in a filter
	}
	found, _, err := d.domain.SearchDatasets(ctx, evaluation.DatasetSearch{Filter: "name ILIKE " + text, Order: []string{"last_update_time DESC"}, Limit: perKind})
	for _, x := range found {
		hits = append(hits, hit{"dataset", x.ID, x.Name, strconv.FormatInt(x.Records, 10) + " records", &x.Updated})
	}
	return hits, err
}

// exportPage is how many records are read at a time.
const exportPage = 500

// export writes all records as JSONL, in the form that an import takes.
func (d datasets) export(w http.ResponseWriter, r *http.Request) error {
	ctx, id := r.Context(), r.PathValue("dataset_id")
	x, err := d.domain.Dataset(ctx, id)
	if err != nil {
		return err
	}
	list, next, err := d.domain.Records(ctx, id, exportPage, "")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": x.Name + ".jsonl"}))
	out := bufio.NewWriterSize(w, 64<<10)
	for {
		for _, rec := range list {
			line, err := json.Marshal(exportOf(rec))
			if err != nil {
				return err
			}
			out.Write(append(line, '\n'))
		}
		if next == "" {
			return out.Flush()
		}
		if list, next, err = d.domain.Records(ctx, id, exportPage, next); err != nil {
			// Half a file must not look whole: the connection breaks off.
			panic(http.ErrAbortHandler)
		}
	}
}
