package evaltable

import (
	"encoding/json"
	"slices"
)

// Pivot adds the scores of long, a table with one row per score of a row of t:
// name and value columns as MLflow's _assessments.json ("name" and one of
// "boolean_value", "numeric_value", "string_value", with "rationale") and
// _metrics.json ("key", "value") have them, related by their evaluation_id.
func (t *Table) Pivot(long *Table) {
	id, other := slices.Index(t.Columns, "evaluation_id"), slices.Index(long.Columns, "evaluation_id")
	name := slices.IndexFunc(long.Columns, func(c string) bool { return c == "name" || c == "key" })
	if id < 0 || other < 0 || name < 0 {
		return
	}
	rows := make(map[string]int, len(t.Rows))
	for i, row := range t.Rows {
		rows[string(row[id])] = i
	}
	at := map[string]int{}
	for i, c := range t.Columns {
		at[c] = i
	}
	put := func(row int, column string, v json.RawMessage) {
		c, ok := at[column]
		if !ok {
			if len(t.Columns) >= MaxColumns {
				return
			}
			c = len(t.Columns)
			at[column], t.Columns = c, append(t.Columns, column)
			for i := range t.Rows {
				t.Rows[i] = append(t.Rows[i], null)
			}
		}
		t.Rows[row][c] = v
	}
	for _, row := range long.Rows {
		i, ok := rows[string(row[other])]
		var key string
		if !ok || json.Unmarshal(row[name], &key) != nil || key == "" {
			continue
		}
		for _, column := range []string{"value", "numeric_value", "boolean_value", "string_value"} {
			if c := slices.Index(long.Columns, column); c >= 0 && string(row[c]) != "null" {
				put(i, key, row[c])
				break
			}
		}
		if c := slices.Index(long.Columns, "rationale"); c >= 0 && string(row[c]) != "null" {
			put(i, key+"/rationale", row[c])
		}
	}
	for _, p := range long.Problems {
		t.problem(p.Row, p.Column, "scores: %s", p.Message)
	}
}
