package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// traceQuery are the parameters that select traces.
var traceQuery = []param{
	{name: "filter", kind: text, about: "Conditions, e.g. status = 'ERROR' AND tag.env = 'prod' AND execution_time_ms > 2000; see assay://help/filters"},
	{name: "text", kind: text, about: "Words that must all occur in names or payloads; \"quoted phrases\" too", max: 500},
	{name: "from", kind: text, about: "Earliest start: -24h, -30m, -7d, an ISO time, or unix milliseconds", max: 40},
	{name: "to", kind: text, about: "Latest start, written like from", max: 40},
	{name: "experiment_ids", kind: texts, about: "Only these experiments; see list_experiments"},
	{name: "run_id", kind: text, about: "Only traces of this run", max: 64},
	{name: "session", kind: text, about: "Only this conversation", max: 250},
}

func (s *Server) traceTools() []tool {
	trace := param{name: "trace_id", kind: text, about: "tr- and 32 hexadecimal digits", required: true, max: 64}
	return []tool{
		{"search_traces", "Search traces", "Finds traces by filter, words and time, newest first unless ordered otherwise. A row has status, name, duration, tokens, cost, scores and the beginnings of input and output.",
			slices.Concat(traceQuery, []param{
				{name: "order_by", kind: text, about: "With a leading - for descending", enum: []string{"-start", "start", "-duration", "duration", "-tokens", "tokens", "-cost", "cost"}, def: "-start"},
				limitParam(20, 200), cursorParam, sizeParam}), s.searchTraces},
		{"get_trace", "Outline of a trace", "One trace: totals, models, scores, prompts, and the tree of its spans as indented lines with type, duration, tokens and errors. Payloads are read with get_span.",
			[]param{trace, {name: "errors_only", kind: boolean, about: "Only failed spans and their ancestors"},
				{name: "depth", kind: integer, about: "Levels of the tree", min: 1, max: 1000, def: 1000}, limitParam(300, 2000), cursorParam, sizeParam}, s.getTrace},
		{"get_span", "Payload of a span", "One span in full: input, output, attributes, events. Long texts are cut; read on with field and offset.",
			[]param{trace, {name: "span_id", kind: text, about: "16 hexadecimal digits", required: true, max: 32},
				{name: "field", kind: text, about: "Read one field only, from offset on", enum: []string{"input", "output", "attributes", "events", "status_message"}},
				{name: "offset", kind: integer, about: "Characters of the field to pass over", max: 1 << 30, def: 0}, sizeParam}, s.getSpan},
		{"find_in_trace", "Find in a trace", "Spans of one trace whose name or payload holds a text, letter case aside, with the surroundings of the match.",
			[]param{trace, {name: "text", kind: text, about: "What to look for", required: true, max: 500}, limitParam(30, 200), cursorParam, sizeParam}, s.findInTrace},
	}
}

var relative = regexp.MustCompile(`^-(\d{1,6})([smhdw])$`)

var units = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}

// when reads a time as agents write it; "" is 0, open.
func (s *Server) when(name, v string) (int64, error) {
	if v == "" {
		return 0, nil
	}
	if m := relative.FindStringSubmatch(v); m != nil {
		n, _ := strconv.Atoi(m[1])
		return s.cfg.Now().Add(-time.Duration(n) * units[m[2]]).UnixMilli(), nil
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil && n > 0 {
		return n, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UnixMilli(), nil
		}
	}
	return 0, fault.Invalidf("%s must be like -24h, 2026-01-31T12:00:00Z or unix milliseconds, not %q", name, clip(v, 40))
}

// query reads the parameters of traceQuery.
func (s *Server) query(a args) (q tracing.Query, err error) {
	if q.Filter, err = filter.Parse(filter.Traces, a.text("filter")); err != nil {
		return q, wrongFilter(err)
	}
	if q.From, err = s.when("from", a.text("from")); err != nil {
		return q, err
	}
	if q.To, err = s.when("to", a.text("to")); err != nil {
		return q, err
	}
	q.Text, q.Experiments, q.Run, q.Session = a.text("text"), a.texts("experiment_ids"), a.text("run_id"), a.text("session")
	return q, nil
}

// wrongFilter says where the fields stand.
func wrongFilter(err error) error {
	return fault.Invalidf("%s (the resource assay://help/filters lists the fields)", fault.Message(err))
}

var traceOrders = map[string]string{"start": "timestamp_ms", "duration": "execution_time_ms", "tokens": "tokens", "cost": "cost"}

func (s *Server) searchTraces(ctx context.Context, a args) (*answer, error) {
	q, err := s.query(a)
	if err != nil {
		return nil, err
	}
	at, err := placeOf(a, a.number("limit", 20))
	if err != nil {
		return nil, err
	}
	search := tracing.Search{Query: q, Limit: at.Size, Token: at.Token}
	if by, desc := strings.CutPrefix(a.text("order_by"), "-"); by != "" {
		search.Order = []filter.Order{{Field: filter.Field{Group: filter.Attribute, Key: traceOrders[by]}, Desc: desc}}
	}
	found, err := s.cfg.Tracing.Search(ctx, search)
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	if at.Token == "" && at.Skip == 0 {
		n, exact, err := s.cfg.Tracing.Count(ctx, q)
		if err != nil {
			return nil, err
		}
		w.set("matching", n)
		if !exact {
			w.omit("matching is a lower bound: counting stopped at a limit of work")
		}
	}
	if found.Lag > 0 {
		w.omit("the text of the last %s is not indexed yet", found.Lag.Round(time.Second))
	}
	if len(found.Missing) > 0 {
		w.omit("partitions that could not be read: %s", strings.Join(found.Missing, ", "))
	}
	page(w, "traces", at, found.Infos, found.Next, func(i tracing.Info) any { return traceRow(&i) })
	return w, nil
}

// previewed is how much of a preview a row carries.
const previewed = 200

func traceRow(i *tracing.Info) row {
	return row{"trace_id": i.ID.String(), "status": string(i.State), "start": stamp(i.RequestTime)}.
		put("name", clip(i.Name, 120)).put("duration_ms", known(i.Duration)).put("tokens", known(i.Tokens.Total)).put("cost_usd", dollars(i.Cost.Total)).
		put("spans", i.Spans).put("failed_spans", i.Errors).put("session", clip(i.Session, 120)).put("user", clip(i.User, 120)).put("run_id", i.Run).
		put("input", clip(i.RequestPreview, previewed)).put("output", clip(i.ResponsePreview, previewed)).put("scores", scoresOf(i.Assessments, 10))
}

// scoresOf writes valid assessments as "name=value (source)".
func scoresOf(list []tracing.Assessment, most int) []string {
	var out []string
	for _, a := range slices.Backward(list) {
		if !a.Valid || len(out) == most {
			continue
		}
		value := string(a.Value)
		if a.Error != nil {
			value = "failed"
		}
		out = append(out, fmt.Sprintf("%s=%s (%s)", clip(a.Name, 80), clip(value, 120), strings.ToLower(a.Source.Type)))
	}
	return out
}

func (s *Server) getTrace(ctx context.Context, a args) (*answer, error) {
	id, err := trace.ParseID(a.text("trace_id"))
	if err != nil {
		return nil, err
	}
	info, err := s.cfg.Tracing.Info(ctx, id)
	if err != nil {
		return nil, err
	}
	sk, err := s.cfg.Tracing.Skeleton(ctx, id)
	if err != nil {
		return nil, err
	}
	at, err := placeOf(a, a.number("limit", 300))
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	if at.Skip == 0 {
		s.traceHead(ctx, w, &info)
	}
	lines := outline(sk, a.number("depth", 1000), a.flag("errors_only"))
	shown := lines[:min(len(lines), at.Skip+at.Size)]
	rest := shown[min(at.Skip, len(shown)):]
	w.set("spans_shown_as", "indent by depth; [type] name duration tokens span_id; ERROR where it failed")
	took := w.rows("outline", len(rest), func(i int) any { return rest[i] })
	if done := at.Skip + took; done < len(lines) {
		w.cursor = place{Skip: done, Size: at.Size}.encode()
		w.omit("%d of %d lines of the outline: go on with next_cursor", len(lines)-done, len(lines))
	}
	if hidden := len(sk.IDs) - len(lines); hidden > 0 {
		w.omit("%d spans below the depth, or without an error beneath them", hidden)
	}
	return w, nil
}

// traceHead writes what is known of the trace as a whole.
func (s *Server) traceHead(ctx context.Context, w *answer, i *tracing.Info) {
	head := traceRow(i).put("experiment_id", i.Experiment).put("models", i.Models)
	delete(head, "scores")
	for _, p := range i.Prompts {
		head["prompts"] = append(listOf(head["prompts"]), clip(p.Name, 120)+"@"+p.Version)
	}
	tags := map[string]string{}
	for k, v := range i.Tags {
		if !strings.HasPrefix(k, "mlflow.") && len(tags) < 30 {
			tags[clip(k, 80)] = clip(v, 200)
		}
	}
	w.set("trace", head.put("tags", tags))
	if scores := assessmentRows(i.Assessments, 30); len(scores) > 0 {
		w.set("scores", scores)
	}
	if i.FirstError.IsZero() {
		return
	}
	if failed, err := s.cfg.Tracing.Span(ctx, i.ID, i.FirstError); err == nil {
		w.set("first_error", row{"span_id": failed.ID.String(), "name": clip(failed.Name, 120)}.put("message", clip(failed.StatusMessage, 1000)).put("input", clip(failed.Columns.Input, 500)))
	}
}

func listOf(v any) []string {
	l, _ := v.([]string)
	return l
}

func assessmentRows(list []tracing.Assessment, most int) (out []row) {
	for _, x := range slices.Backward(list) {
		if !x.Valid || len(out) == most {
			continue
		}
		r := row{"name": clip(x.Name, 120), "kind": string(x.Kind), "source": strings.ToLower(x.Source.Type) + ":" + clip(x.Source.ID, 80)}
		if x.Rationale != nil {
			r.put("rationale", clip(*x.Rationale, 500))
		}
		if x.Error != nil {
			r.put("error", clip(x.Error.Code+" "+x.Error.Message, 300))
		} else {
			r["value"] = clip(string(x.Value), 500)
		}
		out = append(out, r.put("span_id", x.SpanID))
	}
	return out
}

// outline writes the spans of a trace as indented lines, depth first.
func outline(sk *tracing.Skeleton, depth int, errorsOnly bool) []string {
	n := len(sk.IDs)
	children, roots := make([][]int32, n), []int32{}
	wanted := make([]bool, n)
	for i := range n {
		if p := sk.Parents[i]; p >= 0 {
			children[p] = append(children[p], int32(i))
		} else {
			roots = append(roots, int32(i))
		}
	}
	// Parents stand before their children, so one walk backwards carries errors up.
	for i := n - 1; i >= 0; i-- {
		wanted[i] = wanted[i] || !errorsOnly || sk.Status[i] == trace.Error
		if p := sk.Parents[i]; p >= 0 && wanted[i] && errorsOnly {
			wanted[p] = true
		}
	}
	type step struct{ at, depth int32 }
	var lines []string
	stack := make([]step, 0, 64)
	for _, r := range slices.Backward(roots) {
		stack = append(stack, step{r, 0})
	}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !wanted[at.at] {
			continue
		}
		lines = append(lines, spanLine(sk, int(at.at), int(at.depth)))
		if int(at.depth)+1 >= depth {
			continue
		}
		for _, c := range slices.Backward(children[at.at]) {
			stack = append(stack, step{c, at.depth + 1})
		}
	}
	return lines
}

func named(table []string, i int32) string {
	if i < 0 || int(i) >= len(table) {
		return ""
	}
	return table[i]
}

func spanLine(sk *tracing.Skeleton, i, depth int) string {
	var b strings.Builder
	b.WriteString(strings.Repeat("  ", min(depth, 40)))
	if t := named(sk.TypeTable, sk.Types[i]); t != "" {
		b.WriteString("[" + clip(t, 40) + "] ")
	}
	b.WriteString(clip(named(sk.NameTable, sk.Names[i]), 120))
	if m := named(sk.ModelTable, sk.Models[i]); m != "" {
		b.WriteString(" model=" + clip(m, 80))
	}
	if sk.Ends[i] < 0 {
		b.WriteString(" running")
	} else {
		fmt.Fprintf(&b, " %.3gs", float64(sk.Ends[i]-sk.Starts[i])/1e6)
	}
	if t := sk.Tokens[i]; t >= 0 {
		fmt.Fprintf(&b, " %d tokens", t)
	}
	if sk.Status[i] == trace.Error {
		b.WriteString(" ERROR")
	}
	b.WriteString(" " + sk.IDs[i].String())
	return b.String()
}

func (s *Server) getSpan(ctx context.Context, a args) (*answer, error) {
	id, err := trace.ParseID(a.text("trace_id"))
	if err != nil {
		return nil, err
	}
	sid, err := spanID(a.text("span_id"))
	if err != nil {
		return nil, err
	}
	sp, err := s.cfg.Tracing.Span(ctx, id, sid)
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	fields := spanFields(sp)
	if name := a.text("field"); name != "" {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		part, total := window(fields[i].text, a.number("offset", 0), w.room())
		w.set("span_id", sp.ID.String())
		w.set("field", name)
		w.set("offset", a.number("offset", 0))
		w.set("total_characters", total)
		w.set("text", part)
		if end := a.number("offset", 0) + len([]rune(part)); end < total {
			w.omit("%d characters: call again with offset %d", total-end, end)
		}
		return w, nil
	}
	w.set("span", spanHead(sp))
	share := max(200, (w.room()-400)/len(fields))
	for _, f := range fields {
		if f.text == "" || f.text == "{}" || f.text == "[]" {
			continue
		}
		part, total := window(f.text, 0, share)
		w.set(f.name, part)
		if total > share {
			w.omit("%s has %d characters, shown are %d: read on with field %q and offset %d", f.name, total, share, f.name, share)
		}
	}
	return w, nil
}

func spanID(s string) (id trace.SpanID, err error) {
	b := make([]byte, 0, 8)
	if len(s) == 16 {
		for i := 0; i < 16; i += 2 {
			n, e := strconv.ParseUint(s[i:i+2], 16, 8)
			if e != nil {
				break
			}
			b = append(b, byte(n))
		}
	}
	if len(b) != 8 {
		return id, fault.Invalidf("span_id is 16 hexadecimal digits, as get_trace shows at the end of a line, not %q", clip(s, 40))
	}
	return trace.SpanID(b), nil
}

type field struct{ name, text string }

func spanFields(sp *trace.Span) []field {
	var events []json.RawMessage
	for _, e := range sp.Events {
		b, _ := encode(row{"name": e.Name, "time": stamp(e.Time / 1e6), "attributes": json.RawMessage(trace.AppendJSONAttrs(nil, e.Attrs))})
		events = append(events, b)
	}
	happened := "[]"
	if len(events) > 0 {
		b, _ := encode(events)
		happened = string(b)
	}
	return []field{
		{"status_message", sp.StatusMessage}, {"input", sp.Columns.Input}, {"output", sp.Columns.Output},
		{"attributes", string(trace.AppendJSONAttrs(nil, sp.Attrs))}, {"events", happened},
	}
}

func spanHead(sp *trace.Span) row {
	c := &sp.Columns
	r := row{"trace_id": sp.TraceID.String(), "span_id": sp.ID.String(), "status": tracing.StatusName(sp.Status), "start": stamp(sp.Start / 1e6)}.
		put("name", clip(sp.Name, 250)).put("type", c.Type).put("model", c.Model).put("provider", c.Provider).put("tool", clip(c.Tool, 120)).put("agent", clip(c.Agent, 120)).
		put("input_tokens", known(c.Tokens.Input)).put("output_tokens", known(c.Tokens.Output)).put("cached_tokens", known(c.Tokens.CacheRead)).put("cost_usd", dollars(c.Cost.Total))
	if !sp.Parent.IsZero() {
		r["parent_span_id"] = sp.Parent.String()
	}
	if sp.End != 0 {
		r["duration_ms"] = float64(sp.End-sp.Start) / 1e6
	}
	return r
}

func (s *Server) findInTrace(ctx context.Context, a args) (*answer, error) {
	id, err := trace.ParseID(a.text("trace_id"))
	if err != nil {
		return nil, err
	}
	at, err := placeOf(a, a.number("limit", 30))
	if err != nil {
		return nil, err
	}
	found, next, err := s.cfg.Tracing.SearchSpans(ctx, id, a.text("text"), at.Size, at.Token)
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	page(w, "matches", at, found, next, func(m tracing.Match) any {
		return row{"span_id": m.Span.String(), "field": m.Field, "snippet": m.Snippet}
	})
	return w, nil
}
