package api

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/evaltable"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// compareTables serves the evaluation tables of runs, row by row.
type compareTables struct {
	store   Artifacts
	runs    runs
	tracing *tracing.Service
	loading chan struct{} // tables are large: few are read at a time

	mu     sync.Mutex
	recent []*joinedTables // newest first
}

// joinedTables is what a page of rows was cut from; the next page is cut from
// the same unless a file changed.
type joinedTables struct {
	key    string
	joined *evaltable.Joined

	mu        sync.Mutex
	summaries map[string][]evaltable.Summary
}

// keptTables is how many joined tables are remembered.
const keptTables = 4

// ServeCompareTables adds the evaluation tables of runs side by side.
func (s *Server) ServeCompareTables(store Artifacts, domain *tracking.Service, experiments Experiments, traces *tracing.Service) {
	c := &compareTables{store: store, runs: runs{domain: domain, experiments: experiments}, tracing: traces, loading: make(chan struct{}, 2)}
	s.add(route{method: "POST", path: "/w/{ws}/runs/compare/table", need: caller.Read, call: body(c.compare)})
}

type compareTableRequest struct {
	RunIDs   []string `json:"run_ids"`
	Table    string   `json:"table"`
	Keys     []string `json:"keys"`
	Base     string   `json:"base"`
	Other    string   `json:"other"`
	Which    string   `json:"which"`
	Score    string   `json:"score"`
	Flipped  []string `json:"flipped"`
	ByChange bool     `json:"by_change"`
	Q        string   `json:"q"`
	Offset   int      `json:"offset"`
	Limit    int      `json:"limit"`
}

// tableOf is what one run brings to the comparison.
type tableOf struct {
	runInfo
	Rows     int                 `json:"rows"`
	Repeated int                 `json:"repeated"`
	Cut      bool                `json:"cut"`
	Refused  int                 `json:"problem_count"`
	Problems []evaltable.Problem `json:"problems"`
}

type tableCell struct {
	Row     int                        `json:"row"`
	Outputs map[string]json.RawMessage `json:"outputs"`
	Scores  map[string]*number         `json:"scores"`
	Reasons map[string]json.RawMessage `json:"reasons"`
	Error   *string                    `json:"error"`
	TraceID *string                    `json:"trace_id"`
}

type tableRow struct {
	Index    int                        `json:"index"`
	Inputs   map[string]json.RawMessage `json:"inputs"`
	Expected map[string]json.RawMessage `json:"expected"`
	Cells    []*tableCell               `json:"cells"`
	Differs  bool                       `json:"differs"`
	Change   *number                    `json:"change"`
}

type scoreSummary struct {
	RunID      string  `json:"run_id"`
	N          int     `json:"n"`
	Mean       *number `json:"mean"`
	Missing    int     `json:"missing"`
	Pairs      int     `json:"pairs"`
	Difference *number `json:"difference"`
	Low        *number `json:"low"`
	High       *number `json:"high"`
	P          *number `json:"p"`
	Won        int     `json:"won"`
	Tied       int     `json:"tied"`
	Lost       int     `json:"lost"`
	Method     string  `json:"method"`
}

type scoreRow struct {
	Name          string         `json:"name"`
	LowerIsBetter bool           `json:"lower_is_better"`
	Runs          []scoreSummary `json:"runs"`
}

type comparedTable struct {
	Table   string                  `json:"table"`
	Tables  []string                `json:"tables"`
	Missing []string                `json:"missing"`
	Runs    []tableOf               `json:"runs"`
	Base    string                  `json:"base"`
	Keys    []string                `json:"keys"`
	Inputs  []string                `json:"inputs"`
	Expect  []string                `json:"expected"`
	Outputs []string                `json:"outputs"`
	Reasons []string                `json:"reasons"`
	Score   *string                 `json:"score"`
	Scores  []scoreRow              `json:"scores"`
	Counts  map[evaltable.Which]int `json:"counts"`
	Total   int                     `json:"total"`
	Rows    []tableRow              `json:"rows"`
}

func (req *compareTableRequest) check() error {
	if len(req.RunIDs) < 1 || len(req.RunIDs) > evaltable.MaxTables {
		return fault.Invalidf("run_ids must name 1 to %d runs, not %d", evaltable.MaxTables, len(req.RunIDs))
	}
	if req.Which == "" {
		req.Which = string(evaltable.All)
	}
	if !slices.Contains(evaltable.Whiches, evaltable.Which(req.Which)) {
		return fault.Invalidf("which must be one of %v, not %q", evaltable.Whiches, clip(req.Which))
	}
	if req.Limit == 0 {
		req.Limit = 50
	}
	if req.Limit < 1 || req.Limit > 200 || req.Offset < 0 {
		return fault.Invalidf("limit must be from 1 to 200 and offset at least 0, not %d and %d", req.Limit, req.Offset)
	}
	if len([]rune(req.Q)) > maxText {
		return fault.Invalidf("q has more than %d characters", maxText)
	}
	return nil
}

func (c *compareTables) compare(ctx context.Context, _ *http.Request, req *compareTableRequest) (any, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	out := comparedTable{Missing: []string{}, Rows: []tableRow{}, Scores: []scoreRow{}}
	var found []*tracking.Run
	for _, id := range req.RunIDs {
		r, err := c.runs.domain.Run(ctx, id)
		switch {
		case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid):
			out.Missing = append(out.Missing, id)
		case err != nil:
			return nil, err
		default:
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		return nil, fault.NotFoundf("none of the %d runs exists", len(req.RunIDs))
	}
	var err error
	if out.Tables, err = c.names(ctx, found); err != nil {
		return nil, err
	}
	if out.Table = req.Table; out.Table == "" && len(out.Tables) > 0 {
		out.Table = out.Tables[0]
	}
	t, err := c.join(ctx, found, out.Table, req.Keys)
	if err != nil {
		return nil, err
	}
	return c.answer(ctx, &out, req, found, t)
}

// answer fills out with the rows that req wants of t.
func (c *compareTables) answer(ctx context.Context, out *comparedTable, req *compareTableRequest, found []*tracking.Run, t *joinedTables) (any, error) {
	j := t.joined
	out.Keys, out.Inputs, out.Expect, out.Outputs, out.Reasons = j.Keys, orEmpty(j.Inputs), orEmpty(j.Expected), orEmpty(j.Outputs), orEmpty(j.Reasons)
	s := evaltable.Select{Which: evaltable.Which(req.Which), Other: -1, Score: req.Score, ByChange: req.ByChange, Text: req.Q}
	for i, r := range found {
		table := j.Tables[i]
		out.Runs = append(out.Runs, tableOf{c.runs.info(ctx, r), len(table.Rows), j.Repeated[i], table.Cut, table.Refused, orEmpty(table.Problems)})
		if r.ID == req.Base {
			s.Base = i
		}
		if r.ID == req.Other {
			s.Other = i
		}
	}
	if s.Score == "" && len(j.Scores) > 0 {
		s.Score = j.Scores[0]
	} else if s.Score != "" && !slices.Contains(j.Scores, s.Score) {
		return nil, fault.Invalidf("the tables have no score %q", clip(s.Score))
	}
	lower := func(name string) bool { return evaltable.LowerIsBetter(name) != slices.Contains(req.Flipped, name) }
	s.Lower = s.Score != "" && lower(s.Score)
	out.Base, out.Score = found[s.Base].ID, nullable(s.Score)
	for _, name := range j.Scores {
		row := scoreRow{Name: name, LowerIsBetter: lower(name)}
		for i, sum := range t.summarise(name, s.Base, row.LowerIsBetter) {
			row.Runs = append(row.Runs, summaryOf(found[i].ID, sum))
		}
		out.Scores = append(out.Scores, row)
	}
	out.Counts = j.Counts(s)
	picked := j.Pick(s)
	out.Total = len(picked)
	for _, k := range picked[min(req.Offset, len(picked)):min(req.Offset+req.Limit, len(picked))] {
		out.Rows = append(out.Rows, rowOfTable(j, k, s))
	}
	return out, nil
}

func (t *joinedTables) summarise(score string, base int, lower bool) []evaltable.Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := fmt.Sprint(score, "\x00", base, lower)
	if t.summaries[key] == nil {
		t.summaries[key] = t.joined.Summarise(score, base, lower)
	}
	return t.summaries[key]
}

// finite turns what may be NaN into a number or null.
func finite(v float64) *number {
	if math.IsNaN(v) {
		return nil
	}
	n := number(v)
	return &n
}

func summaryOf(run string, s evaltable.Summary) scoreSummary {
	method := "paired bootstrap, 2,000 resamples"
	if s.NormalTheoryBound {
		method = "Student's t of the paired differences"
	}
	if s.Repeats {
		method += ", repetitions of an input together"
	}
	return scoreSummary{run, s.N, finite(s.Mean), s.Missing, s.Pairs, finite(s.Difference.Estimate), finite(s.Difference.Low), finite(s.Difference.High),
		finite(s.P), s.Won, s.Tied, s.Lost, method}
}

func rowOfTable(j *evaltable.Joined, k int, s evaltable.Select) tableRow {
	row := j.Rows[k]
	out := tableRow{Index: k, Differs: j.Differs(row, s), Change: finite(j.Change(row, s)), Cells: make([]*tableCell, len(row.At))}
	for i, at := range row.At {
		if at < 0 {
			continue
		}
		if out.Inputs == nil { // the first that has the input says it
			out.Inputs, out.Expected = cellsOf(j, i, at, j.Inputs), cellsOf(j, i, at, j.Expected)
			if len(j.Inputs) == 0 {
				out.Inputs = cellsOf(j, i, at, j.Keys)
			}
		}
		cell := &tableCell{Row: at + 1, Outputs: cellsOf(j, i, at, j.Outputs), Reasons: cellsOf(j, i, at, j.Reasons), Scores: map[string]*number{}, TraceID: nullable(j.TraceOf(i, at))}
		for _, name := range j.Scores {
			if v, ok := evaltable.Number(j.Cell(i, at, name)); ok {
				cell.Scores[name] = finite(v)
			} else if j.Has(i, name) {
				cell.Scores[name] = nil
			}
		}
		if j.Failed(i, at) {
			cell.Error = nullable(failureOf(j, i, at))
		}
		out.Cells[i] = cell
	}
	return out
}

func failureOf(j *evaltable.Joined, table, row int) string {
	var parts []string
	for _, name := range j.Failures {
		var text string
		if cell := j.Cell(table, row, name); json.Unmarshal(cell, &text) != nil && string(cell) != "null" {
			text = string(cell)
		}
		if text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ": ")
}

// maxCell is how much of one value a page carries.
const maxCell = 20_000

// cellsOf returns the columns that the table has, each at most maxCell long.
func cellsOf(j *evaltable.Joined, table, row int, columns []string) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, name := range columns {
		if !j.Has(table, name) {
			continue
		}
		cell := j.Cell(table, row, name)
		if len(cell) > maxCell {
			text := ""
			if json.Unmarshal(cell, &text) != nil {
				text = string(cell)
			}
			if r := []rune(text); len(r) > maxCell {
				text = string(r[:maxCell]) + "…"
			}
			cell, _ = json.Marshal(text) // a string always encodes
		}
		out[name] = cell
	}
	return out
}
