package otlp

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// patience is how long after an evaluation its trace may still be under way:
// SDKs export spans and logs apart, the latter often first.
const patience = time.Minute

// Assessments keeps evaluation results as feedback on traces. A result whose
// trace is not here yet asks the sender to come again while it is fresh, and
// is rejected afterwards.
type Assessments struct {
	Tracing *tracing.Service
	Now     func() time.Time
}

var _ Evaluations = Assessments{}

// Evaluate implements [Evaluations]. Either all results whose trace exists are
// kept, or none is.
func (a Assessments) Evaluate(ctx context.Context, list []Evaluation) (rejected int, reason string, err error) {
	ids := make([]trace.ID, len(list))
	for i := range list {
		ids[i] = list[i].TraceID
	}
	infos, err := a.Tracing.Infos(ctx, ids)
	if err != nil {
		return 0, "", err
	}
	here := make(map[trace.ID]bool, len(infos))
	for i := range infos {
		here[infos[i].ID] = true
	}
	// Nothing is stored before it is known that the request will not be sent
	// again for the sake of another result in it.
	for i := range list {
		if !here[list[i].TraceID] && a.Now().Sub(time.Unix(0, list[i].Time)) < patience {
			return 0, "", fault.New(fault.Unavailable, "the spans of trace %s have not arrived yet; send its evaluation again later", list[i].TraceID)
		}
	}
	for i := range list {
		if !here[list[i].TraceID] {
			rejected, reason = rejected+1, "trace "+list[i].TraceID.String()+" does not exist"
			continue
		}
		if _, err := a.Tracing.CreateAssessment(ctx, list[i].assessment()); err != nil {
			if !final(err) {
				return 0, "", err
			}
			rejected, reason = rejected+1, fault.Message(err)
		}
	}
	return rejected, reason, nil
}

// assessment is the result as feedback: the score, or else the label.
func (e *Evaluation) assessment() tracing.Assessment {
	out := tracing.Assessment{
		TraceID: e.TraceID, Name: e.Name, Kind: tracing.Feedback, Created: e.Time / int64(time.Millisecond),
		Source: tracing.AssessmentSource{Type: "CODE", ID: "opentelemetry"},
	}
	if !e.SpanID.IsZero() {
		out.SpanID = e.SpanID.String()
	}
	if e.Explanation != "" {
		out.Rationale = &e.Explanation
	}
	switch {
	case e.Score != nil && !math.IsNaN(*e.Score) && !math.IsInf(*e.Score, 0):
		out.Value, _ = json.Marshal(*e.Score) // a finite number
		if e.Label != "" {
			out.Metadata = map[string]string{"label": e.Label}
		}
	case e.Label != "":
		out.Value = trace.AppendJSONString(nil, e.Label)
	}
	if e.Error != "" {
		out.Error = &tracing.AssessmentError{Code: e.Error}
	}
	return out
}
