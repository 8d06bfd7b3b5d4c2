package flow

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// bodies is how many traces are read whole at a time.
const bodies = 20

// traces copies traces with their spans and assessments, or compares them. A
// page of headers is read at once, whole traces some at a time.
func (w *worker) traces(ctx context.Context) error {
	return w.eachExperiment(ctx, func(ctx context.Context, e *tracking.Experiment) error {
		list := func(token string) ([]tracing.Info, string, error) { return w.source.Traces(ctx, e.ID, token) }
		return pages(ctx, w, list, func(found []tracing.Info) error {
			items, err := w.traceItems(ctx, e, found)
			if err != nil {
				return err
			}
			return w.page(ctx, KindTrace, items)
		})
	})
}

// traceItems makes items of headers. What is already here as listed is not read
// again; the others share requests for their spans.
func (w *worker) traceItems(ctx context.Context, e *tracking.Experiment, found []tracing.Info) ([]item, error) {
	ids := make([]string, len(found))
	for i := range found {
		ids[i] = found[i].ID.String()
	}
	same := map[string]string{}
	if !w.verify {
		known, err := w.cfg.Ledger.Entries(ctx, w.no, KindTrace, ids)
		if err != nil {
			return nil, err
		}
		for _, k := range known {
			if k.Done {
				same[k.Source] = k.Hash
			}
		}
	}
	items := make([]item, len(found))
	var missing []int
	for i := range found {
		items[i] = item{kind: KindTrace, id: ids[i], ours: ids[i], hash: hashOf(found[i]), open: found[i].State == tracing.InProgress}
		if items[i].open || same[ids[i]] != items[i].hash {
			missing = append(missing, i)
		}
	}
	for chunk := range slices.Chunk(missing, bodies) {
		infos := make([]tracing.Info, len(chunk))
		for j, i := range chunk {
			infos[j] = found[i]
		}
		read, err := w.source.Bodies(ctx, infos)
		if err != nil {
			return nil, err
		}
		for j, i := range chunk {
			w.fillTrace(ctx, &items[i], e, &read[j])
		}
	}
	return items, nil
}

func (w *worker) fillTrace(ctx context.Context, it *item, e *tracking.Experiment, body *Body) {
	ours := w.ours[e.ID]
	if it.err = body.Err; it.err != nil {
		return
	}
	if ours == nil {
		it.compare = func(context.Context) (bool, []string, error) { return false, nil, nil }
		return
	}
	info := body.Info
	info.Experiment = itoa(ours.ID)
	info.Tags = maps.Clone(info.Tags)
	home := w.traceHome(ours, it.id)
	if info.Tags == nil {
		info.Tags = map[string]string{}
	}
	info.Tags[tracing.TagArtifactLocation] = home
	from := FileRoot{Trace: it.id, URI: body.Info.Tags[tracing.TagArtifactLocation]}
	// What is masked here is no difference.
	if it.err = w.cfg.Tracing.Mask(ctx, &info, body.Spans); it.err != nil {
		return
	}
	it.copy = func(ctx context.Context) error {
		if err := w.cfg.Tracing.Import(ctx, info, body.Spans); err != nil {
			return err
		}
		if !body.Attachments || w.spec.NoArtifacts {
			return nil
		}
		return w.files(ctx, from, home, true)
	}
	it.compare = func(ctx context.Context) (bool, []string, error) {
		here, err := w.cfg.Tracing.Info(ctx, info.ID)
		if fault.Is(err, fault.NotFound) {
			return false, nil, nil
		}
		if err != nil {
			return false, nil, err
		}
		d := compareInfos(&info, &here)
		if err := w.compareSpans(ctx, info.ID, body.Spans, &d); err != nil {
			return true, nil, err
		}
		if w.verify && body.Attachments && !w.spec.NoArtifacts {
			err = w.compareFiles(ctx, from, home)
		}
		return true, d, err
	}
}

// derivedMetadata is what each server makes of the spans by itself.
var derivedMetadata = []string{tracing.MetaTokens, tracing.MetaCost, tracing.MetaSize}

func compareInfos(there, here *tracing.Info) differences {
	var d differences
	d.text("experiment", there.Experiment, here.Experiment)
	d.text("state", string(there.State), string(here.State))
	d.number("request time", there.RequestTime, here.RequestTime)
	if there.Duration >= 0 {
		d.number("duration", there.Duration, here.Duration)
	}
	d.text("client request id", there.ClientRequestID, here.ClientRequestID)
	if there.RequestPreview != "" {
		d.text("request preview", there.RequestPreview, here.RequestPreview)
	}
	if there.ResponsePreview != "" {
		d.text("response preview", there.ResponsePreview, here.ResponsePreview)
	}
	tags := maps.Clone(there.Tags)
	delete(tags, tracing.TagSpansLocation)
	d.texts("tag", tags, here.Tags)
	metadata := maps.Clone(there.Metadata)
	for _, k := range derivedMetadata {
		delete(metadata, k)
	}
	d.texts("metadata", metadata, here.Metadata)
	for _, k := range derivedMetadata[:2] {
		if text := there.Metadata[k]; text != "" {
			d.json("metadata "+k, []byte(text), []byte(here.Metadata[k]))
		}
	}
	compareAssessments(&d, there.Assessments, here.Assessments)
	return d
}

func compareAssessments(d *differences, there, here []tracing.Assessment) {
	byID := map[string]*tracing.Assessment{}
	for i := range here {
		byID[here[i].ID] = &here[i]
	}
	for i := range there {
		a := &there[i]
		b := byID[a.ID]
		name := "assessment " + a.ID + " "
		if b == nil {
			*d = append(*d, name+"is not here")
			continue
		}
		d.text(name+"name", a.Name, b.Name)
		d.text(name+"kind", string(a.Kind), string(b.Kind))
		d.json(name+"value", a.Value, b.Value)
		d.text(name+"source", a.Source.Type+" "+a.Source.ID, b.Source.Type+" "+b.Source.ID)
		d.text(name+"span", a.SpanID, b.SpanID)
		d.text(name+"overrides", a.Overrides, b.Overrides)
		d.number(name+"creation time", a.Created, b.Created)
		d.number(name+"update time", a.Updated, b.Updated)
		d.texts(name+"metadata", a.Metadata, b.Metadata)
		rationale := func(x *tracing.Assessment) string {
			if x.Rationale == nil {
				return ""
			}
			return *x.Rationale
		}
		d.text(name+"rationale", rationale(a), rationale(b))
		errorOf := func(x *tracing.Assessment) string { text, _ := json.Marshal(x.Error); return string(text) }
		d.text(name+"error", errorOf(a), errorOf(b))
		if a.Valid != b.Valid {
			*d = append(*d, name+"is valid on one side only")
		}
	}
}

// compareSpans compares every span of a trace with the stored one.
func (w *worker) compareSpans(ctx context.Context, id trace.ID, there []trace.Span, d *differences) error {
	here := make(map[trace.SpanID]string, len(there))
	for s, err := range w.cfg.Tracing.Spans(ctx, id) {
		if err != nil {
			return err
		}
		here[s.ID] = spanForm(s)
	}
	d.number("number of spans", int64(len(there)), int64(len(here)))
	for i := range there {
		form, ok := here[there[i].ID]
		switch {
		case !ok:
			*d = append(*d, "span "+there[i].ID.String()+" is not here")
		case form != spanForm(&there[i]):
			*d = append(*d, "span "+there[i].ID.String()+" ("+short(there[i].Name, 60)+") is another here")
		}
	}
	return nil
}

// spanForm is everything a source tells of a span.
func spanForm(s *trace.Span) string {
	var b strings.Builder
	form := struct {
		Parent, Name, Message string
		Start, End            int64
		Status                trace.Status
	}{s.Parent.String(), s.Name, s.StatusMessage, s.Start, s.End, s.Status}
	enc := json.NewEncoder(&b)
	_ = enc.Encode(form) // texts and numbers only
	attrs := func(list []trace.Attr) {
		sorted := slices.Clone(list)
		slices.SortStableFunc(sorted, func(x, y trace.Attr) int { return strings.Compare(x.Key, y.Key) })
		b.Write(trace.AppendJSONAttrs(nil, sorted))
		b.WriteByte('\n')
	}
	attrs(s.Attrs)
	for i := range s.Events {
		_ = enc.Encode([]any{s.Events[i].Time, s.Events[i].Name})
		attrs(s.Events[i].Attrs)
	}
	for i := range s.Links {
		_ = enc.Encode([]string{s.Links[i].TraceID.Hex(), s.Links[i].SpanID.String()})
		attrs(s.Links[i].Attrs)
	}
	return b.String()
}
