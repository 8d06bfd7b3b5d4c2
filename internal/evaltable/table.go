// Package evaltable reads the tables that evaluation clients log beside a run
// (MLflow's eval_results_table.json and what log_table writes) and lays those
// of several runs over each other, input by input.
//
// Nothing here trusts a file: a table has at most [MaxRows] rows and
// [MaxColumns] columns, what does not fit its columns becomes a [Problem] that
// names row and column, and the rows before a syntax error are kept.
package evaltable

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Bounds of one table.
const (
	MaxRows     = 50_000
	MaxColumns  = 2_000
	MaxBytes    = 64 << 20
	MaxProblems = 50
)

// A table of evaluations may have its scores in files beside it, one row per
// score; [Table.Pivot] adds those.

// Table is what a file held. Every row has as many cells as there are columns;
// a cell is one JSON value, null where the file had none.
type Table struct {
	Columns  []string
	Rows     [][]json.RawMessage
	Problems []Problem // the first of them
	Refused  int       // how many there were
	Cut      bool      // the file went on after MaxRows
}

// Problem says what was wrong with a place of the file.
type Problem struct {
	Row     int    `json:"row"`    // from 1; 0 is the file as a whole
	Column  string `json:"column"` // "" is the row as a whole
	Message string `json:"message"`
}

var null = json.RawMessage("null")

// Parse reads a table by the kind of its name: .csv, .tsv, .jsonl, else JSON
// in pandas' "split" orientation or a list of objects. It never fails: what
// could not be read is in Problems.
func Parse(name string, r io.Reader) *Table {
	t := &Table{}
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	switch strings.ToLower(path.Ext(name)) {
	case ".csv":
		t.delimited(limited, ',')
	case ".tsv":
		t.delimited(limited, '\t')
	case ".jsonl":
		t.lines(limited)
	default:
		t.document(limited)
	}
	if limited.N <= 0 {
		t.Cut = true
		t.problem(0, "", "the file is over %d MiB; what follows is left out", MaxBytes>>20)
	}
	return t
}

func (t *Table) problem(row int, column, format string, args ...any) {
	t.Refused++
	if len(t.Problems) < MaxProblems {
		t.Problems = append(t.Problems, Problem{row, clip(column), fmt.Sprintf(format, args...)})
	}
}

func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// full reports whether no row may follow.
func (t *Table) full() bool {
	if len(t.Rows) >= MaxRows {
		t.Cut = true
	}
	return t.Cut
}

// document reads one JSON value.
func (t *Table) document(r io.Reader) {
	counted := &lineCounter{r: r}
	d := json.NewDecoder(counted)
	err := func() error {
		start, err := d.Token()
		if err != nil {
			return err
		}
		switch start {
		case json.Delim('{'):
			defer t.settle()
			return t.split(d)
		case json.Delim('['):
			defer t.widen()
			return t.records(d)
		}
		return errors.New("a table is an object with columns and data, or a list of objects")
	}()
	if err != nil {
		t.problem(0, "", "the file is not a table after row %d (line %d): %s", len(t.Rows), counted.lineAt(d.InputOffset()), reason(err))
	}
}

func reason(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends early"
	}
	return clip(err.Error())
}

// split reads {"columns": […], "data": [[…]]}; other members are skipped.
func (t *Table) split(d *json.Decoder) error {
	known := false
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		switch key {
		case "columns":
			var names []any
			if err := d.Decode(&names); err != nil {
				return fmt.Errorf("columns: %w", err)
			}
			if len(names) > MaxColumns {
				return fmt.Errorf("%d columns are over the limit of %d", len(names), MaxColumns)
			}
			for _, n := range names {
				t.Columns = append(t.Columns, nameOf(n))
			}
			known = true
		case "data":
			if err := t.data(d); err != nil {
				return err
			}
			if t.Cut {
				if !known {
					return errors.New("columns come after too many rows")
				}
				return nil
			}
		default:
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return err
			}
		}
	}
	if !known {
		t.Rows = nil
		return errors.New(`"columns" is missing`)
	}
	return nil
}

func nameOf(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

func (t *Table) data(d *json.Decoder) error {
	open, err := d.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('[') {
		return errors.New(`"data" is not a list`)
	}
	for d.More() {
		if t.full() {
			return nil
		}
		var cell json.RawMessage
		if err := d.Decode(&cell); err != nil {
			return err
		}
		var row []json.RawMessage
		if json.Unmarshal(cell, &row) != nil {
			t.problem(len(t.Rows)+1, "", "the row is not a list")
		}
		t.Rows = append(t.Rows, row)
	}
	_, err = d.Token()
	return err
}

// settle makes every row as wide as the columns.
func (t *Table) settle() {
	seen := map[string]int{}
	for i, c := range t.Columns {
		if seen[c]++; seen[c] > 1 {
			t.Columns[i] = fmt.Sprintf("%s (%d)", c, seen[c])
		}
	}
	for i, row := range t.Rows {
		if row != nil && len(row) != len(t.Columns) {
			column := ""
			if len(row) < len(t.Columns) {
				column = t.Columns[len(row)]
			}
			t.problem(i+1, column, "the row has %d values for %d columns", len(row), len(t.Columns))
		}
		for len(row) < len(t.Columns) {
			row = append(row, null)
		}
		t.Rows[i] = row[:len(t.Columns)]
	}
}

// records reads a list of objects.
func (t *Table) records(d *json.Decoder) error {
	at := map[string]int{}
	for d.More() {
		if t.full() {
			return nil
		}
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return err
		}
		t.record(one, at)
	}
	_, err := d.Token()
	return err
}

// record adds one object as a row, and columns for the keys that are new, in
// the order in which they stand.
func (t *Table) record(one json.RawMessage, at map[string]int) {
	d := json.NewDecoder(bytes.NewReader(one))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		t.problem(len(t.Rows)+1, "", "the row is not an object")
		t.Rows = append(t.Rows, []json.RawMessage{})
		return
	}
	row := make([]json.RawMessage, len(t.Columns))
	for i := range row {
		row[i] = null
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			break
		}
		name, _ := key.(string)
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			t.problem(len(t.Rows)+1, name, "%s", reason(err))
			break
		}
		i, ok := at[name]
		if !ok {
			if len(t.Columns) >= MaxColumns {
				t.problem(len(t.Rows)+1, name, "there are over %d columns", MaxColumns)
				continue
			}
			i = len(t.Columns)
			at[name], t.Columns = i, append(t.Columns, name)
			for k := range t.Rows {
				t.Rows[k] = append(t.Rows[k], null)
			}
			row = append(row, null)
		}
		row[i] = v
	}
	t.Rows = append(t.Rows, row)
}

// lines reads one object a line; a line that is none becomes a problem.
func (t *Table) lines(r io.Reader) {
	in := bufio.NewReaderSize(r, 1<<16)
	at := map[string]int{}
	for !t.full() {
		line, err := in.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if json.Valid(line) {
				t.record(line, at)
			} else {
				t.problem(len(t.Rows)+1, "", "the line is not JSON")
				t.Rows = append(t.Rows, []json.RawMessage{})
			}
		}
		if err != nil {
			break
		}
	}
	t.widen()
}

// widen fills rows that stopped early.
func (t *Table) widen() {
	for i := range t.Rows {
		for len(t.Rows[i]) < len(t.Columns) {
			t.Rows[i] = append(t.Rows[i], null)
		}
	}
}

// delimited reads RFC 4180. A field that is a JSON number or boolean is one;
// an empty one is null; all others are texts.
func (t *Table) delimited(r io.Reader, comma rune) {
	in := csv.NewReader(r)
	in.Comma, in.FieldsPerRecord, in.LazyQuotes = comma, -1, true
	for {
		fields, err := in.Read()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.problem(len(t.Rows)+1, "", "%s", reason(err))
			}
			break
		}
		if t.Columns == nil {
			if len(fields) > MaxColumns {
				t.problem(0, "", "%d columns are over the limit of %d", len(fields), MaxColumns)
				return
			}
			t.Columns = append([]string{}, fields...)
			continue
		}
		if t.full() {
			break
		}
		row := make([]json.RawMessage, len(fields))
		for i, f := range fields {
			row[i] = fieldValue(f)
		}
		t.Rows = append(t.Rows, row)
	}
	t.settle()
}

func fieldValue(s string) json.RawMessage {
	switch low := strings.ToLower(s); {
	case s == "":
		return null
	case low == "true" || low == "false":
		return json.RawMessage(low)
	case strings.ContainsAny(s[:1], "-0123456789") && json.Valid([]byte(s)):
		return json.RawMessage(s)
	}
	b, _ := json.Marshal(s) // a string always encodes
	return b
}

// lineCounter remembers where lines begin, to turn an offset into a line.
type lineCounter struct {
	r    io.Reader
	read int64
	ends []int64
}

func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for i, b := range p[:n] {
		if b == '\n' && len(c.ends) < 1<<20 {
			c.ends = append(c.ends, c.read+int64(i))
		}
	}
	c.read += int64(n)
	return n, err
}

func (c *lineCounter) lineAt(offset int64) int {
	line := 1
	for _, e := range c.ends {
		if e >= offset {
			break
		}
		line++
	}
	return line
}
