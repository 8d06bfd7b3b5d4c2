package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/evaltable"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// Names of evaluation tables. MLflow's evaluate logs evalTable; its older
// log_evaluations the second, with the scores in two files beside it; its
// genai evaluations keep rows as traces, for which the last name stands.
const (
	evalTable        = "eval_results_table.json"
	evaluationsTable = "_evaluations.json"
	tracesTable      = "traces"
)

// besideEvaluations hold the scores of evaluationsTable.
var besideEvaluations = []string{"_assessments.json", "_metrics.json"}

// loggedTag lists what a client logged as tables.
const loggedTag = "mlflow.loggedArtifacts"

// names lists the tables that any of the runs has, those of evaluations first.
func (c *compareTables) names(ctx context.Context, found []*tracking.Run) ([]string, error) {
	count := map[string]int{}
	for _, r := range found {
		for _, name := range c.namesOf(ctx, r) {
			count[name]++
		}
		n, _, err := c.tracing.Count(ctx, tracing.Query{Run: r.ID})
		if err != nil {
			return nil, err
		}
		if n > 0 {
			count[tracesTable]++
		}
	}
	names := []string{}
	for name := range count {
		names = append(names, name)
	}
	rank := func(name string) int { return slices.Index([]string{tracesTable, evaluationsTable, evalTable}, name) }
	slices.SortFunc(names, func(a, b string) int {
		// What more of the runs have makes the better comparison.
		if d := count[b] - count[a]; d != 0 && (rank(a) < 0) == (rank(b) < 0) {
			return d
		}
		if d := rank(b) - rank(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return names, nil
}

// namesOf lists the tables among a run's artifacts: those that the client says
// it logged as tables, and files at the root that are tables by their name.
func (c *compareTables) namesOf(ctx context.Context, r *tracking.Run) []string {
	var names []string
	var logged []struct{ Path, Type string }
	if json.Unmarshal([]byte(tagValue(r.Tags, loggedTag)), &logged) == nil {
		for _, l := range logged {
			if l.Type == "table" && l.Path != "" {
				names = append(names, l.Path)
			}
		}
	}
	files, _, err := c.store.ListFiles(ctx, r.ArtifactURI, "", "", 1000)
	if err != nil {
		return names // files elsewhere: what the client said must do
	}
	for _, f := range files {
		ext := strings.ToLower(path.Ext(f.Path))
		isTable := f.Path == evalTable || f.Path == evaluationsTable || ext == ".csv" || ext == ".tsv"
		if isTable && !f.Dir && !slices.Contains(names, f.Path) {
			names = append(names, f.Path)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool {
		return slices.Contains(besideEvaluations, name) || name == "_tags.json"
	})
}

// join reads the table called name of every run and joins them, or returns
// what it joined a moment ago.
func (c *compareTables) join(ctx context.Context, found []*tracking.Run, name string, keys []string) (*joinedTables, error) {
	key := ""
	if name != tracesTable { // traces are scored while one looks
		key = fmt.Sprint(caller.Workspace(ctx), name, keys)
		for _, r := range found {
			size, modified, err := c.store.StatFile(ctx, r.ArtifactURI, name)
			key += fmt.Sprint("\x00", r.ID, size, modified.UnixNano(), err == nil)
		}
		if t := c.remembered(key); t != nil {
			return t, nil
		}
	}
	select {
	case c.loading <- struct{}{}:
		defer func() { <-c.loading }()
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Canceled, "api.compareTables", ctx.Err(), "the caller went away")
	}
	tables := make([]*evaltable.Table, len(found))
	for i, r := range found {
		var err error
		if tables[i], err = c.read(ctx, r, name); err != nil {
			return nil, err
		}
	}
	j, err := evaltable.Join(tables, keys)
	if err != nil {
		return nil, err
	}
	t := &joinedTables{key: key, joined: j, summaries: map[string][]evaltable.Summary{}}
	if key != "" {
		c.mu.Lock()
		c.recent = append([]*joinedTables{t}, c.recent[:min(len(c.recent), keptTables-1)]...)
		c.mu.Unlock()
	}
	return t, nil
}

func (c *compareTables) remembered(key string) *joinedTables {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.recent {
		if t.key == key {
			return t
		}
	}
	return nil
}

// read returns a run's table; one that is missing is empty and says so.
func (c *compareTables) read(ctx context.Context, r *tracking.Run, name string) (*evaltable.Table, error) {
	if name == tracesTable {
		return c.readTraces(ctx, r.ID)
	}
	t, err := c.readFile(ctx, r, name)
	if err != nil || name != evaluationsTable {
		return t, err
	}
	for _, beside := range besideEvaluations {
		scores, err := c.readFile(ctx, r, beside)
		if err != nil {
			return nil, err
		}
		if len(scores.Columns) > 0 {
			t.Pivot(scores)
		}
	}
	return t, nil
}

func (c *compareTables) readFile(ctx context.Context, r *tracking.Run, name string) (*evaltable.Table, error) {
	if name == "" {
		return unreadable("no table was logged to this run"), nil
	}
	size, _, err := c.store.StatFile(ctx, r.ArtifactURI, name)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unsupported) {
		return unreadable(fault.Message(err)), nil
	}
	if err != nil {
		return nil, err
	}
	body, err := c.store.OpenFile(ctx, r.ArtifactURI, name, 0, size)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return evaltable.Parse(name, body), nil
}

func unreadable(why string) *evaltable.Table {
	return &evaltable.Table{Problems: []evaltable.Problem{{Message: why}}, Refused: 1}
}

// maxTraceRows is how many traces of a run make its table.
const maxTraceRows = 5000

// readTraces makes a table of a run's traces: request, response, and a column
// for each name of an assessment.
func (c *compareTables) readTraces(ctx context.Context, run string) (*evaltable.Table, error) {
	page, err := c.tracing.Search(ctx, tracing.Search{Query: tracing.Query{Run: run}, Limit: maxTraceRows})
	if err != nil {
		return nil, err
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for _, info := range page.Infos {
		if err := enc.Encode(traceTableRow(info)); err != nil {
			return nil, err
		}
	}
	t := evaltable.Parse("traces.jsonl", &lines)
	t.Cut = t.Cut || page.Next != ""
	return t, nil
}

func traceTableRow(info tracing.Info) map[string]any {
	row := map[string]any{"trace_id": info.ID.String(), "request": previewValue(info.RequestPreview), "response": previewValue(info.ResponsePreview)}
	if info.Duration >= 0 {
		row["duration_ms"] = info.Duration
	}
	if info.Tokens.Total >= 0 {
		row["tokens"] = info.Tokens.Total
	}
	if info.State == tracing.StateError {
		row["error"] = "the trace failed"
	}
	for _, a := range info.Assessments {
		if !a.Valid || len(a.Value) == 0 || a.SpanID != "" {
			continue
		}
		if a.Kind == tracing.Expectation {
			row["expected/"+a.Name] = a.Value
			continue
		}
		row[a.Name] = a.Value
		if a.Rationale != nil && *a.Rationale != "" {
			row[a.Name+"/rationale"] = *a.Rationale
		}
	}
	return row
}

// previewValue keeps a preview that is whole JSON as such.
func previewValue(s string) any {
	if strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		if json.Valid([]byte(s)) {
			return json.RawMessage(s)
		}
	}
	return s
}
