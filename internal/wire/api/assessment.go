package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

type assessmentSource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

type assessment struct {
	AssessmentID string            `json:"assessment_id"`
	TraceID      string            `json:"trace_id"`
	SpanID       *string           `json:"span_id"`
	Name         string            `json:"name"`
	Kind         string            `json:"kind"`
	Value        json.RawMessage   `json:"value"`
	Error        *string           `json:"error"`
	Rationale    *string           `json:"rationale"`
	Source       assessmentSource  `json:"source"`
	Metadata     map[string]string `json:"metadata"`
	CreatedMS    int64             `json:"created_ms"`
	UpdatedMS    int64             `json:"updated_ms"`
	Overrides    *string           `json:"overrides"`
	Valid        bool              `json:"valid"`
}

func assessmentOf(a tracing.Assessment) assessment {
	out := assessment{a.ID, a.TraceID.String(), nullable(a.SpanID), a.Name, string(a.Kind), a.Value, nil, a.Rationale,
		assessmentSource(a.Source), a.Metadata, a.Created, a.Updated, nullable(a.Overrides), a.Valid}
	if len(out.Value) == 0 {
		out.Value = json.RawMessage("null")
	}
	if out.Metadata == nil {
		out.Metadata = map[string]string{}
	}
	if a.Error != nil {
		text := a.Error.Message
		if text == "" {
			text = a.Error.Code
		}
		out.Error = &text
	}
	return out
}

type assessmentInput struct {
	Name      string            `json:"name"`
	Kind      string            `json:"kind"`
	Value     json.RawMessage   `json:"value"`
	Rationale *string           `json:"rationale"`
	SpanID    *string           `json:"span_id"`
	Source    *assessmentSource `json:"source"`
	Metadata  map[string]string `json:"metadata"`
}

// sourceTypes are what may make an assessment.
var sourceTypes = map[string]bool{"HUMAN": true, "LLM_JUDGE": true, "CODE": true, "MODEL": true}

func (t traces) createAssessment(ctx context.Context, r *http.Request, req *assessmentInput) (any, error) {
	id, err := trace.ParseID(r.PathValue("trace_id"))
	if err != nil {
		return nil, err
	}
	a, err := req.assessment(ctx)
	if err != nil {
		return nil, err
	}
	a.TraceID = id
	a, err = t.domain.CreateAssessment(ctx, a)
	if err != nil {
		return nil, err
	}
	return assessmentOf(a), nil
}

// assessment is what the caller gives, of no trace yet.
func (req *assessmentInput) assessment(ctx context.Context) (tracing.Assessment, error) {
	if req.Kind != string(tracing.Feedback) && req.Kind != string(tracing.Expectation) {
		return tracing.Assessment{}, fault.Invalidf("kind must be feedback or expectation, not %q", clip(req.Kind))
	}
	a := tracing.Assessment{Name: req.Name, Kind: tracing.AssessmentKind(req.Kind), Value: req.Value,
		Rationale: req.Rationale, Metadata: req.Metadata, Source: tracing.AssessmentSource{Type: "HUMAN", ID: person(ctx)}}
	if req.Source != nil {
		if !sourceTypes[req.Source.Type] {
			return a, fault.Invalidf("source.type must be HUMAN, LLM_JUDGE, CODE or MODEL, not %q", clip(req.Source.Type))
		}
		a.Source.Type = req.Source.Type
		// A person's feedback is signed by the account, whatever the body says.
		if req.Source.Type != "HUMAN" || caller.From(ctx).User == "" {
			a.Source.ID = req.Source.ID
		}
	}
	if req.SpanID != nil {
		if _, err := parseSpanID(*req.SpanID); err != nil {
			return a, err
		}
		a.SpanID = *req.SpanID
	}
	return a, nil
}

// person is the name under which the caller gives feedback.
func person(ctx context.Context) string {
	if user := caller.From(ctx).User; user != "" {
		return user
	}
	return "anonymous"
}

type assessmentUpdate struct {
	Name      *string         `json:"name"`
	Value     json.RawMessage `json:"value"`
	Rationale *string         `json:"rationale"`
}

func (t traces) updateAssessment(ctx context.Context, r *http.Request, req *assessmentUpdate) (any, error) {
	id, err := trace.ParseID(r.PathValue("trace_id"))
	if err != nil {
		return nil, err
	}
	if _, err := t.own(ctx, id, r.PathValue("assessment_id")); err != nil {
		return nil, err
	}
	a, err := t.domain.UpdateAssessment(ctx, id, r.PathValue("assessment_id"), tracing.AssessmentChange{Name: req.Name, Value: req.Value, Rationale: req.Rationale})
	if err != nil {
		return nil, err
	}
	return assessmentOf(a), nil
}

func (t traces) deleteAssessment(ctx context.Context, r *http.Request) (any, error) {
	id, err := trace.ParseID(r.PathValue("trace_id"))
	if err != nil {
		return nil, err
	}
	assessment := r.PathValue("assessment_id")
	if _, err := t.own(ctx, id, assessment); err != nil {
		return nil, err
	}
	return nil, t.domain.DeleteAssessment(ctx, id, assessment)
}

// own returns an assessment that the caller may change: an annotator's own,
// anybody's for who may write.
func (t traces) own(ctx context.Context, id trace.ID, assessment string) (tracing.Assessment, error) {
	a, err := t.domain.Assessment(ctx, id, assessment)
	if err != nil {
		return a, err
	}
	c := caller.From(ctx)
	if !c.Open && !c.Role.May(caller.Write) && (a.Source.Type != "HUMAN" || a.Source.ID != c.User) {
		return a, fault.New(fault.Denied, "an annotator changes only their own scores; this one is by %s", clip(a.Source.ID))
	}
	return a, nil
}
