package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

func (h traces) assessments() []route {
	const base = "mlflow/traces/{trace_id}/assessments"
	return []route{
		v3(http.MethodPost, base, caller.Annotate, bind(h.createAssessment)),
		v3(http.MethodGet, base+"/{assessment_id}", caller.Read, bind(h.getAssessment)),
		v3(http.MethodPatch, base+"/{assessment_id}", caller.Annotate, bind(h.updateAssessment)),
		v3(http.MethodDelete, base+"/{assessment_id}", caller.Annotate, bind(h.deleteAssessment)),
	}
}

// sourceRunKey is the metadata key that names the run which made an
// assessment.
const sourceRunKey = "mlflow.assessment.sourceRunId"

// jsonFormat is how values that protobuf's Value cannot hold exactly travel.
const jsonFormat = "JSON_FORMAT"

// assessment is MLflow's Assessment as it arrives; it is written by hand.
type assessment struct {
	ID          string            `json:"assessment_id"`
	Name        string            `json:"assessment_name"`
	TraceID     string            `json:"trace_id"`
	SpanID      string            `json:"span_id"`
	Source      *source           `json:"source"`
	Created     timestamp         `json:"create_time"`
	Updated     timestamp         `json:"last_update_time"`
	Feedback    *feedback         `json:"feedback"`
	Expectation *expectation      `json:"expectation"`
	Issue       *issueReference   `json:"issue"`
	Rationale   *string           `json:"rationale"`
	Metadata    map[string]string `json:"metadata"`
	Overrides   string            `json:"overrides"`
	Valid       *bool             `json:"valid"`
}

type source struct {
	Type string `json:"source_type"`
	ID   string `json:"source_id"`
}

type feedback struct {
	Value json.RawMessage          `json:"value"`
	Error *tracing.AssessmentError `json:"error"`
}

type expectation struct {
	Value      json.RawMessage `json:"value"`
	Serialized *struct {
		Format string `json:"serialization_format"`
		Value  string `json:"value"`
	} `json:"serialized_value"`
}

type issueReference struct {
	Name string `json:"issue_name"`
}

func (e *expectation) json() (json.RawMessage, error) {
	if e.Serialized == nil {
		return e.Value, nil
	}
	if e.Serialized.Format != jsonFormat {
		return nil, fault.Invalidf("Unknown serialization format: %s. Only %s is supported.", clip(e.Serialized.Format), jsonFormat)
	}
	if !json.Valid([]byte(e.Serialized.Value)) {
		// Python writes NaN and Infinity, which are not JSON.
		fixed, _ := quoteBareFloats([]byte(e.Serialized.Value))
		if !json.Valid(fixed) {
			return nil, fault.Invalidf("the expectation's serialized_value is not valid JSON")
		}
		return fixed, nil
	}
	return json.RawMessage(e.Serialized.Value), nil
}

// content is the kind and the value of an assessment.
func (a *assessment) content() (kind tracing.AssessmentKind, value json.RawMessage, failure *tracing.AssessmentError, err error) {
	switch {
	case a.Feedback != nil:
		return tracing.Feedback, a.Feedback.Value, a.Feedback.Error, nil
	case a.Expectation != nil:
		value, err = a.Expectation.json()
		return tracing.Expectation, value, nil, err
	case a.Issue != nil:
		return tracing.Issue, mustJSON(a.Issue.Name), nil, nil
	}
	return "", nil, nil, fault.Invalidf("Unknown assessment type: one of feedback, expectation and issue must be set")
}

func (a *assessment) toAssessment(id trace.ID) (tracing.Assessment, error) {
	kind, value, failure, err := a.content()
	if err != nil {
		return tracing.Assessment{}, err
	}
	out := tracing.Assessment{
		ID: a.ID, TraceID: id, SpanID: a.SpanID, Name: a.Name, Kind: kind, Value: value, Error: failure,
		Rationale: a.Rationale, Metadata: a.Metadata, RunID: a.Metadata[sourceRunKey], Overrides: a.Overrides,
		Valid: a.Valid == nil || *a.Valid, Created: int64(a.Created), Updated: int64(a.Updated),
	}
	out.Source.Type = unspecifiedSource
	if a.Source != nil {
		out.Source = tracing.AssessmentSource{Type: sourceType(a.Source.Type), ID: a.Source.ID}
	}
	return out, nil
}

const unspecifiedSource = "SOURCE_TYPE_UNSPECIFIED"

func sourceType(s string) string {
	switch s = strings.ToUpper(s); s {
	case "HUMAN", "LLM_JUDGE", "CODE":
		return s
	case "AI_JUDGE": // its name until 3.0
		return "LLM_JUDGE"
	}
	return unspecifiedSource
}

// appendAssessment writes an assessment in MLflow's form.
func appendAssessment(b []byte, a *tracing.Assessment) []byte {
	b = append(b, '{')
	b = appendTextField(b, "assessment_id", a.ID)
	b = appendTextField(b, "assessment_name", a.Name)
	b = appendTextField(b, "trace_id", a.TraceID.String())
	if a.SpanID != "" {
		b = appendTextField(b, "span_id", a.SpanID)
	}
	b = append(appendField(b, "source"), '{')
	b = appendTextField(b, "source_type", a.Source.Type)
	if a.Source.ID != "" {
		b = appendTextField(b, "source_id", a.Source.ID)
	}
	b = append(b, '}')
	b = appendTime(appendField(b, "create_time"), a.Created)
	b = appendTime(appendField(b, "last_update_time"), a.Updated)
	switch a.Kind {
	case tracing.Expectation:
		b = appendExpectation(b, a.Value)
	case tracing.Issue:
		b = append(appendField(b, "issue"), `{"issue_name":`...)
		b = append(append(b, orNull(a.Value)...), '}')
	default:
		b = append(appendField(b, "feedback"), `{"value":`...)
		b = append(b, orNull(a.Value)...)
		if a.Error != nil {
			b = append(appendField(b, "error"), mustJSON(a.Error)...)
		}
		b = append(b, '}')
	}
	if a.Rationale != nil {
		b = appendTextField(b, "rationale", *a.Rationale)
	}
	b = appendMap(b, "metadata", a.Metadata)
	if a.Overrides != "" {
		b = appendTextField(b, "overrides", a.Overrides)
	}
	b = appendField(b, "valid")
	if a.Valid {
		return append(b, "true}"...)
	}
	return append(b, "false}"...)
}

func orNull(v json.RawMessage) json.RawMessage {
	if len(v) == 0 {
		return json.RawMessage("null")
	}
	return v
}

// appendExpectation writes scalars as they are and structures as JSON text.
func appendExpectation(b []byte, v json.RawMessage) []byte {
	b = append(appendField(b, "expectation"), '{')
	v = bytes.TrimSpace(orNull(v))
	if v[0] == '{' || v[0] == '[' {
		b = append(b, `"serialized_value":{"serialization_format":"`+jsonFormat+`","value":`...)
		return append(appendText(b, string(v)), "}}"...)
	}
	b = append(b, `"value":`...)
	return append(append(b, v...), '}')
}

func answerAssessment(a *tracing.Assessment) encoded {
	b := appendAssessment([]byte(`{"assessment":`), a)
	return append(b, '}')
}

type assessmentRequest struct {
	TraceID      string      `json:"trace_id"`
	AssessmentID string      `json:"assessment_id"`
	Assessment   *assessment `json:"assessment"`
	Mask         fieldMask   `json:"update_mask"`
}

// fieldMask is the list of fields to change, as protobuf's JSON form writes
// it: one text, the names in camel case and joined by commas.
type fieldMask []string

func (m *fieldMask) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		for name := range strings.SplitSeq(text, ",") {
			if name = strings.TrimSpace(name); name != "" {
				*m = append(*m, name)
			}
		}
		return nil
	}
	var object struct{ Paths []string }
	if err := json.Unmarshal(b, &object); err != nil {
		return fault.Invalidf("update_mask must be the names of fields, joined by commas")
	}
	*m = object.Paths
	return nil
}

func (h traces) createAssessment(ctx context.Context, r *assessmentRequest) (any, error) {
	id, err := traceID(r.TraceID)
	if err != nil {
		return nil, err
	}
	if r.Assessment == nil {
		return nil, missing("assessment")
	}
	in, err := r.Assessment.toAssessment(id)
	if err != nil {
		return nil, err
	}
	a, err := h.tracing.CreateAssessment(ctx, in)
	if err != nil {
		return nil, err
	}
	return answerAssessment(&a), nil
}

func (h traces) getAssessment(ctx context.Context, r *assessmentRequest) (any, error) {
	id, err := traceID(r.TraceID)
	if err != nil {
		return nil, err
	}
	a, err := h.tracing.Assessment(ctx, id, r.AssessmentID)
	if err != nil {
		return nil, err
	}
	return answerAssessment(&a), nil
}

func (h traces) updateAssessment(ctx context.Context, r *assessmentRequest) (any, error) {
	id, err := traceID(r.TraceID)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Assessment == nil:
		return nil, missing("assessment")
	case len(r.Mask) == 0:
		return nil, missing("update_mask")
	}
	var c tracing.AssessmentChange
	for _, name := range r.Mask {
		switch name {
		case "assessment_name", "assessmentName":
			c.Name = &r.Assessment.Name
		case "rationale":
			text := ""
			if r.Assessment.Rationale != nil {
				text = *r.Assessment.Rationale
			}
			c.Rationale = &text
		case "metadata":
			c.Metadata = r.Assessment.Metadata
		case "feedback", "expectation":
			if c.Kind, c.Value, c.Error, err = r.Assessment.content(); err != nil {
				return nil, err
			}
			c.Value = orNull(c.Value)
		}
	}
	a, err := h.tracing.UpdateAssessment(ctx, id, r.AssessmentID, c)
	if err != nil {
		return nil, err
	}
	return answerAssessment(&a), nil
}

func (h traces) deleteAssessment(ctx context.Context, r *assessmentRequest) (any, error) {
	id, err := traceID(r.TraceID)
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracing.DeleteAssessment(ctx, id, r.AssessmentID)
}
