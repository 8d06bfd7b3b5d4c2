package evaltable

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Role is what a column is to an evaluation.
type Role string

// Roles. An input tells rows apart; what was expected belongs to the input but
// not to its identity.
const (
	Input    Role = "input"
	Expected Role = "expected"
	Output   Role = "output"
	Score    Role = "score"
	Reason   Role = "reason" // why a judge gave its score
	Trace    Role = "trace"
	Failure  Role = "error"
	ID       Role = "id" // names the row
)

var (
	inputName    = regexp.MustCompile(`(?i)^(inputs?|questions?|requests?|prompts?|query|queries|messages|contexts?|retrieved_context|conversation|instruction)([/._].*)?$`)
	expectedName = regexp.MustCompile(`(?i)^(ground_?truths?|targets?|labels?|references?|expected.*|expectations?([/._].*)?)$`)
	outputName   = regexp.MustCompile(`(?i)^(outputs?|predictions?|answers?|responses?|completions?|generated.*|model_output)([/._].*)?$`)
	reasonName   = regexp.MustCompile(`(?i)(justification|rationale|reason(ing)?|explanation)$`)
	failureName  = regexp.MustCompile(`(?i)^(error|error_code|error_message|exception|failure)$`)
	idName       = regexp.MustCompile(`(?i)^(id|row_id|inputs_id|example_id|record_id|dataset_record_id|client_request_id|request_id)$`)
	traceName    = regexp.MustCompile(`(?i)^(trace_id|mlflow_trace_id|trace)$`)
)

var lowName = regexp.MustCompile(`(?i)(^|[^a-z])(loss|err|errors?|latency|perplexity|ppl|mse|rmse|mae|mape|toxicity|duration|duration_ms|tokens?|token_count|time|seconds|cost|wer|cer|brier|ece|hallucination)([^a-z]|$)`)

// LowerIsBetter guesses by its name whether less of a score is better.
func LowerIsBetter(score string) bool { return lowName.MatchString(score) }

// roleOf judges a column by its name first, then by what it holds.
func roleOf(name string, t *Table, col int) Role {
	switch {
	case traceName.MatchString(name):
		return Trace
	case failureName.MatchString(name):
		return Failure
	case reasonName.MatchString(name):
		return Reason
	case idName.MatchString(name):
		return ID
	case inputName.MatchString(name):
		return Input
	case expectedName.MatchString(name):
		return Expected
	case outputName.MatchString(name):
		return Output
	}
	if numeric(t, col) {
		return Score
	}
	return Output
}

// numeric reports whether a column holds numbers, booleans and yes-or-no only,
// and at least one.
func numeric(t *Table, col int) bool {
	any := false
	for _, row := range t.Rows {
		if string(row[col]) == "null" {
			continue
		}
		if _, ok := Number(row[col]); !ok {
			return false
		}
		any = true
	}
	return any
}

// Number reads a cell as a score: numbers as they are; true, yes and pass as 1;
// false, no and fail as 0. Anything else, null included, is none.
func Number(cell json.RawMessage) (float64, bool) {
	if len(cell) == 0 {
		return 0, false
	}
	switch c := cell[0]; {
	case c == '-' || c >= '0' && c <= '9':
		var v float64
		err := json.Unmarshal(cell, &v)
		return v, err == nil
	case c == '"' && len(cell) <= 12:
		switch strings.ToLower(strings.Trim(string(cell), `"`)) {
		case "yes", "true", "pass", "passed", "correct":
			return 1, true
		case "no", "false", "fail", "failed", "incorrect":
			return 0, true
		}
		return 0, false
	}
	switch string(cell) {
	case "true":
		return 1, true
	case "false":
		return 0, true
	}
	return 0, false
}
