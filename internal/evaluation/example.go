package evaluation

import (
	"context"
	"encoding/json"

	"github.com/assayhq/assay/internal/fault"
)

// Example is what a trace gives to a dataset: a copy, so that the record stays
// when the trace goes.
type Example struct {
	TraceID      string
	Input        string // of the root span, JSON or text
	Output       string // "" without one
	Expectations []Expected
	Problem      string // why there is nothing to copy; the rest is then empty
}

// Expected is an expectation that somebody noted on a trace.
type Expected struct {
	Name  string
	Value json.RawMessage
}

// Traces reads examples from traces.
type Traces interface {
	// Examples returns one per id, in order; a trace that is missing or has
	// no input has a Problem.
	Examples(ctx context.Context, ids []string) ([]Example, error)
}

// maxExamples bounds the traces one call copies.
const maxExamples = 1000

// Skipped is a trace that gave no record.
type Skipped struct{ TraceID, Reason string }

// Added is what [Service.AddTraces] did.
type Added struct {
	Inserted, Updated int
	Skipped           []Skipped
}

// AddTraces copies input, output and expectations of traces into a dataset and
// notes the trace as the source of each record. Traces that give nothing are
// skipped and named; the others are stored together.
func (s *Service) AddTraces(ctx context.Context, datasetID string, ids []string) (added Added, err error) {
	if len(ids) == 0 || len(ids) > maxExamples {
		return added, fault.Invalidf("name 1 to %d traces in a request, not %d", maxExamples, len(ids))
	}
	if s.traces == nil {
		return added, fault.New(fault.Unsupported, "this server keeps no traces")
	}
	if _, err := s.Dataset(ctx, datasetID); err != nil {
		return added, err
	}
	examples, err := s.traces.Examples(ctx, ids)
	if err != nil {
		return added, err
	}
	var records []map[string]any
	for _, e := range examples {
		if e.Problem != "" {
			added.Skipped = append(added.Skipped, Skipped{e.TraceID, e.Problem})
			continue
		}
		records = append(records, e.record())
	}
	if len(records) == 0 {
		return added, nil
	}
	list, err := json.Marshal(records)
	if err != nil {
		return added, fault.Wrap(fault.Invalid, "evaluation.AddTraces", err, "an input or output of these traces cannot be stored")
	}
	added.Inserted, added.Updated, err = s.UpsertRecords(ctx, datasetID, list)
	return added, err
}

// record is the example as clients write records. Inputs must be an object:
// anything else becomes its member "input".
func (e *Example) record() map[string]any {
	input := value(e.Input)
	if input[0] != '{' {
		input, _ = json.Marshal(map[string]json.RawMessage{"input": input})
	}
	r := map[string]any{
		"inputs": input,
		"source": map[string]any{"source_type": "TRACE", "source_data": map[string]string{"trace_id": e.TraceID}},
	}
	if e.Output != "" {
		r["outputs"] = value(e.Output)
	}
	if len(e.Expectations) > 0 {
		expected := map[string]json.RawMessage{}
		for _, x := range e.Expectations {
			expected[x.Name] = x.Value
		}
		r["expectations"] = expected
	}
	return r
}

// value is text as JSON: itself if it is JSON, else a JSON string.
func value(text string) json.RawMessage {
	if json.Valid([]byte(text)) {
		if v, err := compact([]byte(text)); err == nil {
			return v
		}
	}
	return quote(text)
}
