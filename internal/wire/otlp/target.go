package otlp

import (
	"strings"

	"github.com/assayhq/assay/internal/trace"
)

// The headers of MLflow's own exporter, as gRPC metadata spells them.
const (
	experimentHeader     = "x-mlflow-experiment-id"
	experimentNameHeader = "x-mlflow-experiment-name"
	runHeader            = "x-mlflow-run-id"
	workspaceHeader      = "x-mlflow-workspace"
)

// target is where spans belong.
type target struct{ id, name, run string }

// split groups spans by target, keeping their order. Nearly always there is
// one group.
func split(spans []trace.Span, header func(string) string) []trace.Batch {
	if len(spans) == 0 {
		return nil
	}
	run := header(runHeader)
	if t := (target{id: header(experimentHeader), name: header(experimentNameHeader)}); t.id != "" || t.name != "" {
		return []trace.Batch{{ExperimentID: t.id, ExperimentName: t.name, RunID: run, Spans: spans}}
	}
	var batches []trace.Batch
	index := map[target]int{}
	var last *trace.Source
	at := -1
	for i := range spans {
		if at < 0 || spans[i].Source != last {
			last = spans[i].Source
			t := targetOf(last)
			if t.run == "" {
				t.run = run
			}
			known, ok := index[t]
			if !ok {
				known = len(batches)
				index[t] = known
				batches = append(batches, trace.Batch{ExperimentID: t.id, ExperimentName: t.name, RunID: t.run})
			}
			at = known
		}
		batches[at].Spans = append(batches[at].Spans, spans[i])
	}
	if len(batches) == 1 {
		batches[0].Spans = spans
	}
	return batches
}

// maxName is the longest experiment name MLflow knows.
const maxName = 500

// targetOf reads the resource: an experiment it names, or else the service.
// Names SDKs invent for services nobody named mean the default experiment.
func targetOf(src *trace.Source) (t target) {
	if src == nil {
		return t
	}
	var service string
	for _, a := range src.Resource {
		switch a.Key {
		case "mlflow.experiment.id":
			t.id = strings.TrimSpace(a.Value.Text())
		case "mlflow.experiment.name", "assay.experiment":
			t.name = strings.TrimSpace(a.Value.Text())
		case "mlflow.run.id":
			t.run = strings.TrimSpace(a.Value.Text())
		case "service.name":
			service = strings.TrimSpace(a.Value.Text())
		}
	}
	if t.id != "" {
		t.name = ""
		return t
	}
	if t.name == "" && !strings.HasPrefix(service, "unknown_service") {
		t.name = service
	}
	// A name must be text that any database keeps; what is wrong with it must
	// not cost the spans.
	t.name = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(t.name, "\x00", ""), "\uFFFD"))
	if runes := []rune(t.name); len(runes) > maxName {
		t.name = string(runes[:maxName])
	}
	return t
}
