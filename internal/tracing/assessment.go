package tracing

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
	"github.com/assayhq/assay/internal/trace"
)

// AssessmentKind says what an assessment holds.
type AssessmentKind string

const (
	Feedback    AssessmentKind = "feedback"
	Expectation AssessmentKind = "expectation"
	Issue       AssessmentKind = "issue" // a link to an issue, by its id as the name
)

// AssessmentSource is who or what made an assessment.
type AssessmentSource struct {
	Type string `json:"type"` // HUMAN, LLM_JUDGE, CODE, MODEL
	ID   string `json:"id"`
}

// AssessmentError says why a feedback has no value.
type AssessmentError struct {
	Code    string `json:"error_code"`
	Message string `json:"error_message,omitempty"`
	Stack   string `json:"stack_trace,omitempty"`
}

// Assessment is a judgement of a trace or of one of its spans.
type Assessment struct {
	ID        string // a-…
	TraceID   trace.ID
	SpanID    string // 16 hex digits; "" for the whole trace
	Name      string
	Kind      AssessmentKind
	Value     json.RawMessage  // any JSON; null or nil when there is none
	Error     *AssessmentError // feedback only
	Rationale *string
	Source    AssessmentSource
	Metadata  map[string]string
	RunID     string
	Overrides string // id of the assessment this one replaced
	Valid     bool   // false once another overrides it
	Created   int64  // unix milliseconds
	Updated   int64
}

// Limits of an assessment.
const (
	maxAssessmentName  = 250
	maxAssessmentValue = 1 << 20 // bytes of JSON
)

func (a *Assessment) prepare(now int64) error {
	switch {
	case utf8.RuneCountInString(a.Name) > maxAssessmentName:
		return fault.Invalidf("the assessment's name has more than %d characters", maxAssessmentName)
	case len(a.Value) > maxAssessmentValue:
		return fault.New(fault.TooLarge, "the assessment's value has more than %d bytes", maxAssessmentValue)
	case len(a.ID) > 50:
		return fault.Invalidf("the assessment's id has more than 50 characters")
	}
	switch a.Kind {
	case Feedback, Expectation, Issue:
	case "":
		a.Kind = Feedback
	default:
		return fault.Invalidf("the assessment's kind %q is not one of feedback, expectation, issue", a.Kind)
	}
	if len(a.Value) == 0 {
		a.Value = json.RawMessage("null")
	}
	if !json.Valid(a.Value) {
		return fault.Invalidf("the assessment's value is not valid JSON")
	}
	if a.ID == "" {
		a.ID = id.Prefixed("a-")
		a.Valid = true
	}
	if a.Created == 0 {
		a.Created = now
	}
	if a.Updated == 0 {
		a.Updated = now
	}
	a.Name = clean(a.Name)
	if a.Rationale != nil {
		r := clean(*a.Rationale)
		a.Rationale = &r
	}
	if a.Metadata != nil {
		a.Metadata = fit(a.Metadata)
	}
	return nil
}

// Number is the numeric value of an assessment: a finite number as it is,
// true 1 and false 0. Yes and no in words count as true and false, as MLflow's
// charts have it.
func (a *Assessment) Number() (v float64, ok bool) {
	switch s := string(a.Value); s {
	case "true", `"yes"`, `"Yes"`, `"YES"`:
		return 1, true
	case "false", `"no"`, `"No"`, `"NO"`:
		return 0, true
	default:
		v, err := strconv.ParseFloat(s, 64)
		return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
	}
}

// CreateAssessment stores a new assessment and returns it with its id. If
// Overrides is set, that assessment of the same trace becomes invalid; a
// missing one, or a missing trace, is NotFound.
func (s *Service) CreateAssessment(ctx context.Context, a Assessment) (Assessment, error) {
	a.ID, a.Valid = "", true
	m, err := s.maskOf(ctx, a.TraceID)
	if err != nil {
		return Assessment{}, err
	}
	maskAssessment(m, &a)
	if err := a.prepare(s.cfg.Now().UnixMilli()); err != nil {
		return Assessment{}, err
	}
	return a, s.store.PutAssessment(ctx, a)
}

// Assessment returns one assessment of a trace.
func (s *Service) Assessment(ctx context.Context, id trace.ID, assessment string) (Assessment, error) {
	return s.store.Assessment(ctx, id, assessment)
}

// AssessmentChange is what may be changed; nil leaves a field as it is.
type AssessmentChange struct {
	Kind      AssessmentKind // of Value, to be checked against the stored one; "" when Value is nil
	Name      *string
	Value     json.RawMessage
	Error     *AssessmentError // with Value: nil clears it
	Rationale *string
	Metadata  map[string]string // merged
}

// UpdateAssessment changes an assessment in place.
func (s *Service) UpdateAssessment(ctx context.Context, id trace.ID, assessment string, c AssessmentChange) (Assessment, error) {
	now := s.cfg.Now().UnixMilli()
	m, err := s.maskOf(ctx, id)
	if err != nil {
		return Assessment{}, err
	}
	return s.store.ChangeAssessment(ctx, id, assessment, func(a *Assessment) error {
		if c.Name != nil {
			a.Name = *c.Name
		}
		if c.Value != nil {
			if c.Kind != "" && c.Kind != a.Kind {
				return fault.Invalidf("Cannot update %s value on a %s assessment.", c.Kind, a.Kind)
			}
			a.Value, a.Error = c.Value, c.Error
		}
		if c.Rationale != nil {
			a.Rationale = c.Rationale
		}
		for k, v := range c.Metadata {
			if a.Metadata == nil {
				a.Metadata = map[string]string{}
			}
			a.Metadata[k] = v
		}
		a.Updated = now
		maskAssessment(m, a)
		return a.prepare(now)
	})
}

// DeleteAssessment removes an assessment; what it had overridden is valid
// again. One that does not exist is no error, as in MLflow.
func (s *Service) DeleteAssessment(ctx context.Context, id trace.ID, assessment string) error {
	return s.store.DeleteAssessment(ctx, id, assessment)
}

// DeleteAssessmentsOfRun removes the assessments that a run made, when the
// run is deleted.
func (s *Service) DeleteAssessmentsOfRun(ctx context.Context, run string) error {
	return s.store.DeleteAssessmentsOfRun(ctx, run)
}
