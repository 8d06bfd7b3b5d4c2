package otlp

import (
	"testing"

	"github.com/assayhq/assay/internal/trace"
)

func TestEvaluationAsFeedback(t *testing.T) {
	half := 0.5
	tests := []struct {
		name        string
		e           Evaluation
		value, meta string
	}{
		{"score and label", Evaluation{Name: "n", Score: &half, Label: "pass"}, "0.5", "pass"},
		{"label only", Evaluation{Name: "n", Label: `a "b"`}, `"a \"b\""`, ""},
		{"failure", Evaluation{Name: "n", Error: "timeout"}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.e.Time, tt.e.SpanID = 5_000_000, trace.SpanID{1}
			a := tt.e.assessment()
			if string(a.Value) != tt.value || a.Metadata["label"] != tt.meta || a.SpanID != "0100000000000000" || a.Created != 5 || (a.Error != nil) != (tt.e.Error != "") {
				t.Errorf("got %+v", a)
			}
		})
	}
}
