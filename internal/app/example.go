package app

import (
	"context"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// examples reads what datasets copy from traces.
type examples struct{ tracing *tracing.Service }

// Examples implements [evaluation.Traces].
func (e examples) Examples(ctx context.Context, ids []string) ([]evaluation.Example, error) {
	out := make([]evaluation.Example, len(ids))
	parsed := make([]trace.ID, len(ids))
	for i, s := range ids {
		id, err := trace.ParseID(s)
		if err != nil {
			return nil, err
		}
		parsed[i], out[i] = id, evaluation.Example{TraceID: id.String(), Problem: "there is no such trace"}
	}
	infos, err := e.tracing.Infos(ctx, parsed)
	if err != nil {
		return nil, err
	}
	known := make(map[trace.ID]*tracing.Info, len(infos))
	for i := range infos {
		known[infos[i].ID] = &infos[i]
	}
	for i, id := range parsed {
		if info := known[id]; info != nil {
			if err := e.example(ctx, info, &out[i]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// example copies the root span's input and output. A trace whose header came
// without spans has its previews, unless they are cut.
func (e examples) example(ctx context.Context, info *tracing.Info, out *evaluation.Example) error {
	out.Problem = ""
	sk, err := e.tracing.Skeleton(ctx, info.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err == nil {
		for i, parent := range sk.Parents {
			if parent >= 0 {
				continue
			}
			root, err := e.tracing.Span(ctx, info.ID, sk.IDs[i])
			if err != nil {
				return err
			}
			out.Input, out.Output = root.Columns.Input, root.Columns.Output
			break
		}
	}
	if out.Input == "" && info.Spans == 0 && len([]rune(info.RequestPreview)) < tracing.MaxPreview {
		out.Input, out.Output = info.RequestPreview, info.ResponsePreview
	}
	if out.Input == "" {
		out.Problem = "its root span recorded no input"
		return nil
	}
	for _, a := range info.Assessments {
		if a.Valid && a.Kind == tracing.Expectation && a.SpanID == "" && len(a.Value) > 0 {
			out.Expectations = append(out.Expectations, evaluation.Expected{Name: a.Name, Value: a.Value})
		}
	}
	return nil
}
