package evaluation

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

// Import files are validated as a whole before anything is stored: each
// problem names its line, its field and what to do about it, and with one
// problem nothing is imported.
//
// JSONL holds one record a line, as [Service.UpsertRecords] takes them. CSV has
// a header; a column goes where its prefix says (inputs.question,
// expectations.answer, tags.split, outputs or outputs.text), and without one it
// is an input. Cells are texts, but for those that are a JSON object or list.

// Format of an import file.
type Format string

// Formats.
const (
	JSONL Format = "jsonl"
	CSV   Format = "csv"
)

// Problem is one reason why a file cannot be imported.
type Problem struct {
	Line    int    // from 1
	Field   string // "" for the line as a whole
	Message string
	Remedy  string
}

// Import is what a file holds and what became of it.
type Import struct {
	Records   int
	Preview   []json.RawMessage // the first records
	Columns   []Column          // of CSV: where each goes
	Problems  []Problem         // at most maxProblems
	Found     int               // problems in all
	Repeated  int               // records whose inputs an earlier line has: merged into it
	Inserted  int
	Updated   int
	Committed bool
}

// Column of a CSV file.
type Column struct{ Name, Target string }

const (
	maxProblems = 100
	previewed   = 10
	maxColumns  = 1000
)

// Import reads a file and, unless check is set or it has problems, stores its
// records. Problems are no error.
func (s *Service) Import(ctx context.Context, datasetID string, format Format, content []byte, check bool) (*Import, error) {
	if _, err := s.Dataset(ctx, datasetID); err != nil {
		return nil, err
	}
	im := &importing{seen: map[string]int{}}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	switch {
	case format != JSONL && format != CSV:
		return nil, fault.Invalidf("format must be jsonl or csv, not %q", clip(string(format)))
	case !utf8.Valid(content):
		line := 1 + bytes.Count(content[:invalidAt(content)], []byte("\n"))
		im.problem(line, "", "it is not UTF-8", "save the file as UTF-8")
	case format == CSV:
		im.csv(content)
	default:
		im.jsonl(content)
	}
	if im.out.Found == 0 && len(im.records) == 0 {
		im.problem(1, "", "the file holds no record", "write one record a line")
	}
	if len(im.records) > maxRecords {
		im.problem(im.lines[maxRecords], "", fmt.Sprintf("the file holds more than %d records", maxRecords), "split it")
	}
	im.out.Records = len(im.records)
	im.out.Preview = im.records[:min(previewed, len(im.records))]
	if check || im.out.Found > 0 {
		return &im.out, nil
	}
	list, err := json.Marshal(im.records)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "evaluation.Import", err, "the records could not be written")
	}
	im.out.Inserted, im.out.Updated, err = s.UpsertRecords(ctx, datasetID, list)
	im.out.Committed = err == nil
	return &im.out, err
}

func invalidAt(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(b)
}

// importing is an import being read.
type importing struct {
	out     Import
	records []json.RawMessage
	lines   []int
	seen    map[string]int // line by hash of inputs
}

func (im *importing) problem(line int, field, message, remedy string) {
	im.out.Found++
	if len(im.out.Problems) < maxProblems {
		im.out.Problems = append(im.out.Problems, Problem{line, field, message, remedy})
	}
}

func (im *importing) jsonl(content []byte) {
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(make([]byte, 64<<10), maxRecordBytes+1)
	at := 0
	for lines.Scan() {
		at++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if !json.Valid(line) {
			im.problem(at, "", jsonReason(line), "each line is one JSON object")
			continue
		}
		im.add(at, bytes.Clone(line))
	}
	if lines.Err() != nil {
		im.problem(at+1, "", fmt.Sprintf("the line is over %d MiB", maxRecordBytes>>20), "shorten the record")
	}
}

func jsonReason(line []byte) string {
	var v any
	err := json.Unmarshal(line, &v)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("it is not JSON: %s at character %d", e.Error(), e.Offset)
	}
	return "it is not JSON"
}

// members of a record in a file.
var recordMembers = []string{"inputs", "outputs", "expectations", "tags", "source"}

// derived members are what an export of MLflow adds; they are passed over.
var derivedMembers = []string{"dataset_record_id", "dataset_id", "record_id", "created_time", "last_update_time", "created_by", "last_updated_by", "source_id", "source_type"}

// add checks one record and takes it.
func (im *importing) add(line int, raw json.RawMessage) {
	record, err := parseObject("record", raw)
	if err != nil {
		im.problem(line, "", "it is not a JSON object", `write {"inputs": {…}, "expectations": {…}}`)
		return
	}
	before := im.out.Found
	kept := object{}
	for _, m := range record {
		switch {
		case slices.Contains(recordMembers, m.key):
			kept = append(kept, m)
		case !slices.Contains(derivedMembers, m.key):
			im.problem(line, m.key, "there is no such field in a record", "put it under inputs, expectations or tags")
		}
	}
	if inputs, ok := record.get("inputs"); !ok || isNull(inputs) {
		im.problem(line, "inputs", "it is missing", `say what the application was given: "inputs": {"question": …}`)
	}
	for _, name := range []string{"inputs", "expectations", "tags"} {
		if v, ok := record.get(name); ok && !isNull(v) && v[0] != '{' {
			im.problem(line, name, "it is "+article(typeName(v))+", not an object", fmt.Sprintf(`name the value: "%s": {"%s": …}`, name, map[string]string{"inputs": "question", "expectations": "expected_response", "tags": "split"}[name]))
		}
	}
	if im.out.Found > before {
		return
	}
	encoded := kept.encode(false)
	n, err := parseRecord(encoded)
	if err != nil {
		im.problem(line, fieldOf(fault.Message(err)), fault.Message(err), "correct it and try again")
		return
	}
	if _, ok := im.seen[n.hash]; ok {
		im.out.Repeated++
	} else {
		im.seen[n.hash] = line
	}
	im.records, im.lines = append(im.records, encoded), append(im.lines, line)
}

func article(noun string) string {
	if strings.ContainsRune("aio", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// fieldOf is the member that a message about a record names.
func fieldOf(message string) string {
	for _, m := range recordMembers {
		if strings.Contains(message, "'"+m+"'") || strings.Contains(message, m+" ") {
			return m
		}
	}
	return ""
}

func (im *importing) csv(content []byte) {
	r := csv.NewReader(bytes.NewReader(content))
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		im.csvError(err)
		return
	}
	columns := im.columns(header)
	if im.out.Found > 0 {
		return
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			im.csvError(err)
			if !errors.Is(err, csv.ErrFieldCount) {
				return // where the next row begins is anybody's guess
			}
			continue
		}
		line, _ := r.FieldPos(0)
		im.add(line, columns.record(cells))
	}
}

func (im *importing) csvError(err error) {
	e, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case errors.Is(err, io.EOF):
		im.problem(1, "", "the file is empty", "write a header with the names of the columns first")
	case ok && errors.Is(err, csv.ErrFieldCount):
		im.problem(e.Line, "", "the row has another number of cells than the header", "put a comma for each empty cell, and quotes around cells with commas")
	case ok:
		im.problem(e.Line, "", fmt.Sprintf("%s at character %d", e.Err, e.Column), "double the quotes inside a quoted cell")
	default:
		im.problem(1, "", "it is not CSV", "separate cells by commas")
	}
}

type csvColumn struct{ part, key string }

type csvColumns []csvColumn

// columns reads the header.
func (im *importing) columns(header []string) (out csvColumns) {
	if len(header) > maxColumns {
		im.problem(1, "", fmt.Sprintf("the file has %d columns; at most %d are allowed", len(header), maxColumns), "drop some")
		return nil
	}
	taken := map[string]bool{}
	hasInput := false
	for _, name := range header {
		name = strings.TrimSpace(name)
		part, key, prefixed := strings.Cut(name, ".")
		switch {
		case name == "outputs":
			part, key = "outputs", ""
		case !prefixed || !slices.Contains([]string{"inputs", "outputs", "expectations", "tags"}, part):
			part, key = "inputs", name
		}
		target := part
		if key != "" {
			target += "." + key
		}
		switch {
		case name == "":
			im.problem(1, "", "a column has no name", "name every column, or drop it")
		case part != "outputs" && key == "":
			im.problem(1, name, "the prefix is not followed by a name", "write inputs.question, for example")
		case taken[target] || part == "outputs" && (taken["outputs"] || key == "" && taken["outputs."]):
			im.problem(1, name, "two columns go to "+target, "rename one of them")
		}
		taken[target] = true
		if part == "outputs" && key != "" {
			taken["outputs."] = true
		}
		hasInput = hasInput || part == "inputs"
		out = append(out, csvColumn{part, strings.Clone(key)})
		im.out.Columns = append(im.out.Columns, Column{strings.Clone(name), strings.Clone(target)})
	}
	if !hasInput && im.out.Found == 0 {
		im.problem(1, "inputs", "no column is an input", "name one inputs.question, for example")
	}
	return out
}

// record writes a row as a record. Empty cells are left out, except inputs.
func (c csvColumns) record(cells []string) json.RawMessage {
	parts := map[string]object{"inputs": {}}
	var whole json.RawMessage
	for i, column := range c {
		v := cell(cells[i])
		switch {
		case cells[i] == "" && column.part != "inputs":
		case column.part == "outputs" && column.key == "":
			whole = v
		default:
			parts[column.part] = append(parts[column.part], member{column.key, v})
		}
	}
	record := object{}
	for _, name := range recordMembers {
		switch o, ok := parts[name]; {
		case name == "outputs" && whole != nil:
			record = append(record, member{name, whole})
		case ok:
			record = append(record, member{name, o.encode(false)})
		}
	}
	return record.encode(false)
}

func cell(s string) json.RawMessage {
	if t := strings.TrimSpace(s); t != "" && (t[0] == '{' || t[0] == '[') && json.Valid([]byte(t)) {
		if v, err := compact([]byte(t)); err == nil {
			return v
		}
	}
	return quote(s)
}
