package evaltable

import (
	"encoding/json"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

// MaxTables is how many tables are laid over each other.
const MaxTables = 8

// ByRowNumber is what [Joined.Keys] holds when the tables share no column that
// could tell rows apart.
const ByRowNumber = "#"

// Joined is several tables, input by input. A row belongs to no table twice: a
// table that repeats an input pairs its first with the first of the others.
type Joined struct {
	Tables []*Table
	Keys   []string // columns that tell rows apart, or ByRowNumber alone
	// Columns of each role, in the order of first sight.
	Inputs, Expected, Outputs, Scores, Reasons, Failures []string
	Rows                                                 []Row
	Repeated                                             []int // rows of each table whose input was there before

	columns []map[string]int
	trace   []int // the trace column of each table; -1 none
}

// Row is one input. At[i] is its row in table i, -1 if that has none; Group is
// the same for repetitions of one input.
type Row struct {
	At    []int
	Group int
}

// Join lays 1 to [MaxTables] tables over each other by the columns keys; none
// means to choose: a row id that all have, else the inputs they share, else
// columns that hold the same values in all, else the row number.
func Join(tables []*Table, keys []string) (*Joined, error) {
	if len(tables) < 1 || len(tables) > MaxTables {
		return nil, fault.Invalidf("1 to %d tables can be joined, not %d", MaxTables, len(tables))
	}
	j := &Joined{Tables: tables, Repeated: make([]int, len(tables))}
	j.classify()
	for _, k := range keys {
		if k == ByRowNumber {
			continue
		}
		for i, t := range tables {
			if _, ok := j.columns[i][k]; !ok && len(t.Columns) > 0 {
				return nil, fault.Invalidf("column %q cannot join the tables: one of them has no such column", clip(k))
			}
		}
	}
	if j.Keys = keys; len(keys) == 0 {
		j.Keys = j.choose()
	}
	j.match()
	return j, nil
}

// classify gives each column its role: the one it has in the first table in
// which it is not empty.
func (j *Joined) classify() {
	lists := map[Role]*[]string{Input: &j.Inputs, Expected: &j.Expected, Output: &j.Outputs, Score: &j.Scores, Reason: &j.Reasons, Failure: &j.Failures}
	roles := map[string]Role{}
	var order []string
	for _, t := range j.Tables {
		at, trace := make(map[string]int, len(t.Columns)), -1
		for c, name := range t.Columns {
			at[name] = c
			role := roleOf(name, t, c)
			if role == Trace && trace < 0 {
				trace = c
			}
			if old, seen := roles[name]; !seen {
				order = append(order, name)
			} else if old != Output {
				continue
			}
			roles[name] = role
		}
		j.columns, j.trace = append(j.columns, at), append(j.trace, trace)
	}
	for _, name := range order {
		if list := lists[roles[name]]; list != nil {
			*list = append(*list, name)
		}
	}
}

// filled are the tables that have columns; a table that could not be read
// keeps nobody from being joined.
func (j *Joined) filled() []int {
	var out []int
	for i, t := range j.Tables {
		if len(t.Columns) > 0 {
			out = append(out, i)
		}
	}
	return out
}

func (j *Joined) shared(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		for _, i := range j.filled() {
			if _, ok := j.columns[i][name]; !ok {
				return true
			}
		}
		return false
	})
}

func (j *Joined) choose() []string {
	filled := j.filled()
	if len(filled) == 0 {
		return []string{ByRowNumber}
	}
	first := j.Tables[filled[0]]
	for _, name := range j.shared(first.Columns) {
		if idName.MatchString(name) && j.identifies(name, filled) {
			return []string{name}
		}
	}
	if inputs := j.shared(j.Inputs); len(inputs) > 0 {
		return inputs
	}
	var same []string
	for _, name := range j.shared(first.Columns) {
		if !slices.Contains(j.Scores, name) && !traceName.MatchString(name) && len(filled) > 1 && j.sameValues(name, filled) {
			same = append(same, name)
		}
	}
	if len(same) > 0 {
		return same
	}
	return []string{ByRowNumber}
}

// identifies reports whether a column is without repetition in each table and
// its first values occur in the others too: ids of traces never do.
func (j *Joined) identifies(name string, filled []int) bool {
	var first map[string]bool
	for _, i := range filled {
		seen, c, shared := map[string]bool{}, j.columns[i][name], false
		for _, row := range j.Tables[i].Rows {
			v := string(row[c])
			if v == "null" || seen[v] {
				return false
			}
			seen[v] = true
			shared = shared || first[v]
		}
		if first == nil {
			first = seen
		} else if !shared {
			return false
		}
	}
	return true
}

// sameValues reports whether a column holds the same values in every table.
func (j *Joined) sameValues(name string, filled []int) bool {
	var first map[string]int
	for _, i := range filled {
		counts, c := map[string]int{}, j.columns[i][name]
		for _, row := range j.Tables[i].Rows {
			counts[string(row[c])]++
		}
		if first == nil {
			first = counts
		} else if len(first) != len(counts) {
			return false
		}
		for v, n := range counts {
			if first[v] != n {
				return false
			}
		}
	}
	return true
}

// match pairs the rows, in the order of first sight.
func (j *Joined) match() {
	type slot struct {
		key string
		nth int
	}
	at, groups := map[slot]int{}, map[string]int{}
	for i, t := range j.Tables {
		seen := map[string]int{}
		for r := range t.Rows {
			key := j.key(i, r)
			nth := seen[key]
			seen[key]++
			if nth > 0 {
				j.Repeated[i]++
			}
			s := slot{key, nth}
			k, ok := at[s]
			if !ok {
				group, known := groups[key]
				if !known {
					group = len(groups)
					groups[key] = group
				}
				k = len(j.Rows)
				at[s], j.Rows = k, append(j.Rows, Row{At: none(len(j.Tables)), Group: group})
			}
			j.Rows[k].At[i] = r
		}
	}
}

func none(n int) []int {
	at := make([]int, n)
	for i := range at {
		at[i] = -1
	}
	return at
}

func (j *Joined) key(table, row int) string {
	if len(j.Keys) == 1 && j.Keys[0] == ByRowNumber {
		b, _ := json.Marshal(row)
		return string(b)
	}
	var b strings.Builder
	for _, k := range j.Keys {
		b.WriteString(canonical(j.Cell(table, row, k)))
		b.WriteByte(0)
	}
	return b.String()
}

// canonical makes the same value the same text however it was written.
func canonical(cell json.RawMessage) string {
	var v any
	if json.Unmarshal(cell, &v) != nil {
		return string(cell)
	}
	if s, ok := v.(string); ok {
		return strings.TrimSpace(s)
	}
	b, err := json.Marshal(v) // keys of objects are sorted
	if err != nil {
		return string(cell)
	}
	return string(b)
}

// Cell returns a value of a table; null if it has no such column or row.
func (j *Joined) Cell(table, row int, column string) json.RawMessage {
	c, ok := j.columns[table][column]
	if !ok || row < 0 {
		return null
	}
	return j.Tables[table].Rows[row][c]
}

// Has reports whether a table has a column.
func (j *Joined) Has(table int, column string) bool {
	_, ok := j.columns[table][column]
	return ok
}

// TraceOf returns the trace of a row, "" if none is known.
func (j *Joined) TraceOf(table, row int) string {
	if row < 0 || j.trace[table] < 0 {
		return ""
	}
	var id string
	if json.Unmarshal(j.Tables[table].Rows[row][j.trace[table]], &id) != nil {
		return ""
	}
	return id
}

// Failed reports whether a table says that the row failed.
func (j *Joined) Failed(table, row int) bool {
	for _, name := range j.Failures {
		if v := string(j.Cell(table, row, name)); v != "null" && v != `""` && v != "false" {
			return true
		}
	}
	return false
}

// Select says which rows are wanted and in what order.
type Select struct {
	Which    Which
	Base     int    // the table compared with
	Other    int    // -1 is any but Base
	Score    string // "" is none: then no row is worse or better
	Lower    bool   // less of Score is better
	ByChange bool   // largest change first, else the order of the tables
	Text     string // part of an input or output, letter case aside
}

// Which rows.
type Which string

// Kinds of rows. Differing rows have different outputs; unmatched ones are
// missing in a table.
const (
	All       Which = "all"
	Differing Which = "differs"
	Worse     Which = "worse"
	Better    Which = "better"
	Failures  Which = "errors"
	Unmatched Which = "unmatched"
)

// Whiches in the order of a list of choices.
var Whiches = []Which{All, Differing, Worse, Better, Failures, Unmatched}

// Change is what s says of a row: how much better the other table is, NaN if
// that is not known. With any other, it is the change furthest from 0.
func (j *Joined) Change(row Row, s Select) float64 {
	change := math.NaN()
	if s.Score == "" || row.At[s.Base] < 0 {
		return change
	}
	base, ok := Number(j.Cell(s.Base, row.At[s.Base], s.Score))
	if !ok {
		return change
	}
	for i, at := range row.At {
		if i == s.Base || at < 0 || s.Other >= 0 && i != s.Other {
			continue
		}
		v, ok := Number(j.Cell(i, at, s.Score))
		if !ok {
			continue
		}
		d := v - base
		if s.Lower {
			d = -d
		}
		if math.IsNaN(change) || math.Abs(d) > math.Abs(change) || s.Which == Worse && d < change || s.Which == Better && d > change {
			change = d
		}
	}
	return change
}

// Differs reports whether the outputs of a row are not all the same.
func (j *Joined) Differs(row Row, s Select) bool {
	for _, name := range j.Outputs {
		first, seen := "", false
		for i, at := range row.At {
			if at < 0 || !j.Has(i, name) || s.Other >= 0 && i != s.Base && i != s.Other {
				continue
			}
			v := canonical(j.Cell(i, at, name))
			if seen && v != first {
				return true
			}
			first, seen = v, true
		}
	}
	return false
}

func (j *Joined) wants(row Row, s Select) bool {
	switch s.Which {
	case Differing:
		return j.Differs(row, s)
	case Worse:
		return j.Change(row, s) < 0
	case Better:
		return j.Change(row, s) > 0
	case Failures:
		return j.anyFailed(row)
	case Unmatched:
		return slices.Contains(row.At, -1)
	}
	return true
}

func (j *Joined) anyFailed(row Row) bool {
	for i, at := range row.At {
		if at >= 0 && j.Failed(i, at) {
			return true
		}
	}
	return false
}

// Counts is how many rows there are of each kind.
func (j *Joined) Counts(s Select) map[Which]int {
	out := map[Which]int{}
	for _, w := range Whiches {
		s.Which = w
		out[w] = 0
		for _, row := range j.Rows {
			if j.wants(row, s) && j.holds(row, s.Text) {
				out[w]++
			}
		}
	}
	return out
}

// Pick returns the rows that s wants, as indices into Rows.
func (j *Joined) Pick(s Select) []int {
	var picked []int
	change := map[int]float64{}
	for i, row := range j.Rows {
		if j.wants(row, s) && j.holds(row, s.Text) {
			picked = append(picked, i)
			if s.ByChange {
				change[i] = j.Change(row, s)
			}
		}
	}
	if s.ByChange {
		sort.SliceStable(picked, func(a, b int) bool {
			x, y := math.Abs(change[picked[a]]), math.Abs(change[picked[b]])
			return x > y || !math.IsNaN(x) && math.IsNaN(y)
		})
	}
	return picked
}

// holds reports whether an input, expectation or output contains the text.
func (j *Joined) holds(row Row, text string) bool {
	if text == "" {
		return true
	}
	text = strings.ToLower(text)
	for i, at := range row.At {
		for _, list := range [][]string{j.Inputs, j.Expected, j.Outputs} {
			for _, name := range list {
				if strings.Contains(strings.ToLower(canonical(j.Cell(i, at, name))), text) {
					return true
				}
			}
		}
	}
	return false
}
