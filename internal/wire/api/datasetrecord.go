package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

type datasetRecord struct {
	RecordID     string          `json:"record_id"`
	Inputs       json.RawMessage `json:"inputs"`
	Outputs      json.RawMessage `json:"outputs"`
	Expectations json.RawMessage `json:"expectations"`
	Tags         json.RawMessage `json:"tags"`
	SourceType   *string         `json:"source_type"`
	TraceID      *string         `json:"trace_id"`
	CreatedBy    string          `json:"created_by"`
	CreatedMS    int64           `json:"created_ms"`
	UpdatedMS    int64           `json:"updated_ms"`
}

func rawOrNull(b []byte) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("null")
	}
	return b
}

func recordOf(r *evaluation.Record) datasetRecord {
	out := datasetRecord{r.ID, rawOrNull(r.Inputs), rawOrNull(r.Outputs), rawOrNull(r.Expectations), rawOrNull(r.Tags), nullable(r.SourceType), nil, r.CreatedBy, r.Created, r.Updated}
	if r.SourceType == "TRACE" {
		out.TraceID = nullable(r.SourceID)
	}
	return out
}

// exported is a record as an import takes it.
type exported struct {
	Inputs       json.RawMessage `json:"inputs"`
	Outputs      json.RawMessage `json:"outputs,omitempty"`
	Expectations json.RawMessage `json:"expectations,omitempty"`
	Tags         json.RawMessage `json:"tags,omitempty"`
	Source       json.RawMessage `json:"source,omitempty"`
}

func exportOf(r *evaluation.Record) exported {
	out := exported{Inputs: r.Inputs, Outputs: rawOrNull(r.Outputs), Expectations: r.Expectations, Source: r.Source}
	if string(r.Tags) != "{}" {
		out.Tags = r.Tags
	}
	return out
}

func (d datasets) records(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	v := r.URL.Query()
	found, next, err := d.domain.FindRecords(ctx, r.PathValue("dataset_id"), evaluation.RecordQuery{Text: v.Get("q"), TraceID: v.Get("trace_id"), Limit: n, Token: v.Get("page_token")})
	if err != nil {
		return nil, err
	}
	out := []datasetRecord{}
	for _, x := range found {
		out = append(out, recordOf(x))
	}
	return map[string]any{"records": out, "next_page_token": nullable(next)}, nil
}

type recordsRequest struct {
	Records json.RawMessage `json:"records"`
}

func (d datasets) addRecords(ctx context.Context, r *http.Request, req *recordsRequest) (any, error) {
	inserted, updated, err := d.domain.UpsertRecords(ctx, r.PathValue("dataset_id"), req.Records)
	return map[string]int{"inserted": inserted, "updated": updated}, err
}

type deleteRecordsRequest struct {
	RecordIDs []string `json:"record_ids"`
}

func (d datasets) deleteRecords(ctx context.Context, r *http.Request, req *deleteRecordsRequest) (any, error) {
	if len(req.RecordIDs) == 0 {
		return nil, fault.Invalidf("record_ids names no record")
	}
	n, err := d.domain.DeleteRecords(ctx, r.PathValue("dataset_id"), req.RecordIDs)
	return map[string]int64{"deleted": n}, err
}

type changeRecordRequest struct {
	Expectations json.RawMessage `json:"expectations"`
	Tags         json.RawMessage `json:"tags"`
}

func (d datasets) changeRecord(ctx context.Context, r *http.Request, req *changeRecordRequest) (any, error) {
	changed, err := d.domain.ChangeRecord(ctx, r.PathValue("dataset_id"), r.PathValue("record_id"), evaluation.RecordChange(*req))
	if err != nil {
		return nil, err
	}
	return recordOf(changed), nil
}

type addTracesRequest struct {
	TraceIDs  []string    `json:"trace_ids"`
	Query     *traceQuery `json:"query"`
	PageToken string      `json:"page_token"`
}

// chunk is how many traces of a query one call copies: few enough that a call
// stays short, and whoever waits for all of them sees how far it is.
const chunk = 200

// addTraces copies the named traces, or one chunk of those that match.
func (d datasets) addTraces(ctx context.Context, r *http.Request, req *addTracesRequest) (any, error) {
	ids, next := req.TraceIDs, ""
	if req.Query != nil {
		if len(ids) > 0 {
			return nil, fault.Invalidf("give trace_ids or query, not both")
		}
		q, err := req.Query.query()
		if err != nil {
			return nil, err
		}
		found, err := d.tracing.Search(ctx, tracing.Search{Query: q, Limit: chunk, Token: req.PageToken, Bare: true})
		if err != nil {
			return nil, err
		}
		for _, i := range found.Infos {
			ids = append(ids, i.ID.String())
		}
		next = found.Next
	}
	type skipped struct {
		TraceID string `json:"trace_id"`
		Reason  string `json:"reason"`
	}
	out := struct {
		Inserted int       `json:"inserted"`
		Updated  int       `json:"updated"`
		Skipped  []skipped `json:"skipped"`
		Next     *string   `json:"next_page_token"`
	}{Skipped: []skipped{}, Next: nullable(next)}
	if req.Query != nil && len(ids) == 0 {
		return out, nil
	}
	added, err := d.domain.AddTraces(ctx, r.PathValue("dataset_id"), ids)
	if err != nil {
		return nil, err
	}
	out.Inserted, out.Updated = added.Inserted, added.Updated
	for _, x := range added.Skipped {
		out.Skipped = append(out.Skipped, skipped(x))
	}
	return out, nil
}

type importFileRequest struct {
	Format  string `json:"format"`
	Content string `json:"content"`
	DryRun  bool   `json:"dry_run"`
}

type fileProblem struct {
	Line    int    `json:"line"`
	Field   string `json:"field"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

type fileColumn struct {
	Name   string `json:"name"`
	Target string `json:"target"`
}

type importFileAnswer struct {
	Records   int               `json:"records"`
	Repeated  int               `json:"repeated"`
	Preview   []json.RawMessage `json:"preview"`
	Columns   []fileColumn      `json:"columns"`
	Problems  []fileProblem     `json:"problems"`
	Found     int               `json:"problems_found"`
	Inserted  int               `json:"inserted"`
	Updated   int               `json:"updated"`
	Committed bool              `json:"committed"`
}

func (d datasets) importFile(ctx context.Context, r *http.Request, req *importFileRequest) (any, error) {
	im, err := d.domain.Import(ctx, r.PathValue("dataset_id"), evaluation.Format(req.Format), []byte(req.Content), req.DryRun)
	if err != nil {
		return nil, err
	}
	out := importFileAnswer{im.Records, im.Repeated, orEmpty(im.Preview), []fileColumn{}, []fileProblem{}, im.Found, im.Inserted, im.Updated, im.Committed}
	for _, c := range im.Columns {
		out.Columns = append(out.Columns, fileColumn(c))
	}
	for _, p := range im.Problems {
		out.Problems = append(out.Problems, fileProblem(p))
	}
	return out, nil
}

// maxTraceRecords is how many copies of one trace are named.
const maxTraceRecords = 100

func (d datasets) recordsOfTrace(ctx context.Context, r *http.Request) (any, error) {
	id, err := trace.ParseID(r.PathValue("trace_id"))
	if err != nil {
		return nil, err
	}
	found, err := d.domain.RecordsOfTrace(ctx, id.String(), maxTraceRecords)
	if err != nil {
		return nil, err
	}
	type ref struct {
		DatasetID string `json:"dataset_id"`
		Dataset   string `json:"dataset"`
		RecordID  string `json:"record_id"`
	}
	out := []ref{}
	for _, x := range found {
		out = append(out, ref(x))
	}
	return map[string]any{"records": out}, nil
}
