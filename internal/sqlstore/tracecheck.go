package sqlstore

import (
	"context"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// holds checks what the index could not: clauses on the header, on the spans,
// and phrases.
func (s *traceSearch) holds(ctx context.Context, h *headerRow) (bool, error) {
	for _, c := range s.plan.rows {
		if !rowHolds(h, c) {
			return false, nil
		}
	}
	if len(s.plan.spans) == 0 && len(s.plan.phrases) == 0 {
		return true, nil
	}
	if h.t == 0 {
		return false, nil
	}
	p, err := s.plan.st.use(ctx, h.Partition, false)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer s.plan.st.release(p)
	if len(s.plan.spans) > 0 {
		ok, err := s.someSpan(ctx, p, h)
		if err != nil || !ok {
			return false, err
		}
	}
	return s.phrases(ctx, p, h)
}

// rowHolds checks a clause on a header.
func rowHolds(h *headerRow, c filter.Clause) bool {
	match := func(v string) bool { return c.MatchText(v, v != "") }
	switch c.Field.Group {
	case filter.Attribute:
		switch c.Field.Key {
		case "request_id":
			return match(h.ID.String())
		case "client_request_id":
			return match(h.ClientRequestID)
		case "name":
			return match(h.Name)
		case "run_id":
			return match(h.Run)
		}
	case filter.Tag:
		h.Dress()
		v, ok := h.Tags[c.Field.Key]
		return c.MatchText(v, ok)
	case filter.Metadata:
		h.Dress()
		v, ok := h.Metadata[c.Field.Key]
		return c.MatchText(v, ok)
	}
	return false
}

// someSpan reports whether one span of the trace meets all span clauses.
func (s *traceSearch) someSpan(ctx context.Context, p *partition, h *headerRow) (bool, error) {
	var candidates []int64
	payload := false
	for _, c := range s.plan.spans {
		if _, ok := spanLabels[c.Field.Key]; !ok {
			payload = true
		}
	}
	var row spanRow
	found := false
	err := p.db.Each(ctx, p.sql(`SELECT `+rowColumns+` FROM {p}span WHERE t = ?`), []any{h.t}, func(scan func(...any) error) error {
		if err := scanRow(scan, &row); err != nil {
			return err
		}
		for _, c := range s.plan.spans {
			if v, ok := spanFact(&row, c.Field.Key); ok && !c.MatchText(v, true) {
				return nil
			}
		}
		found = true
		if payload {
			candidates = append(candidates, spanNumber(row.ID))
		}
		return nil
	})
	if err != nil || !found || !payload {
		return found, err
	}
	return s.somePayload(ctx, p, h, candidates)
}

// spanFact is a column of a span as filters name it.
func spanFact(r *spanRow, key string) (string, bool) {
	switch key {
	case "name":
		return r.Name, true
	case "type":
		return r.Type, true
	case "status":
		return tracing.StatusName(r.Status), true
	case "model":
		return r.Model, true
	case "provider":
		return r.Provider, true
	case "agent":
		return r.Agent, true
	case "tool":
		return r.Tool, true
	case "node":
		return r.Node, true
	case "error_type":
		return r.ErrorType, true
	}
	return "", false
}

// somePayload reports whether the payload of one of the spans meets the
// clauses on attributes and content.
func (s *traceSearch) somePayload(ctx context.Context, p *partition, h *headerRow, spans []int64) (bool, error) {
	for len(spans) > 0 {
		n := min(readChunk, len(spans))
		rows, err := p.rows(ctx, h.t, spans[:n])
		if err != nil {
			return false, err
		}
		for _, number := range spans[:n] {
			row := rows[number]
			if row == nil {
				continue
			}
			span, err := p.span(ctx, h.ID, row)
			if err != nil {
				return false, err
			}
			if s.payloadHolds(span) {
				return true, nil
			}
			if err := ctx.Err(); err != nil {
				return false, err
			}
		}
		spans = spans[n:]
	}
	return false, nil
}

func (s *traceSearch) payloadHolds(span *trace.Span) bool {
	for _, c := range s.plan.spans {
		switch {
		case c.Field.Key == "content":
			if !contentHolds(span, c) {
				return false
			}
		default:
			name, ok := c.Field.SpanAttribute()
			if !ok {
				continue
			}
			v, present := trace.Lookup(span.Attrs, name)
			if !c.MatchText(attributeText(v), present) {
				return false
			}
		}
	}
	return true
}

// attributeText is an attribute as a filter sees it: MLflow's exporter
// encodes every value as JSON, and a string is compared without its quotes.
func attributeText(v trace.Value) string {
	s := v.Text()
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		if inner, err := trace.ParseValue([]byte(s)); err == nil && inner.Kind == trace.String {
			return inner.Str
		}
	}
	return s
}

// contentHolds matches a LIKE pattern against the texts of a span, and
// against the span as one JSON text, which is what MLflow's servers search.
func contentHolds(span *trace.Span, c filter.Clause) bool {
	pattern := filter.CompileLike(c.Value.Str, c.Op == filter.ILike)
	hit := !tracing.EachText(span, func(text string) bool { return !pattern.Match(text) })
	if hit || !strings.ContainsAny(c.Value.Str, `":{}[],\`) {
		return hit
	}
	body := append([]byte(`{"name": `), trace.AppendJSONString(nil, span.Name)...)
	body = append(body, `, "attributes": `...)
	body = append(trace.AppendJSONAttrs(body, span.Attrs), '}')
	return pattern.Match(string(body))
}

// phrases reports whether every phrase occurs in some span.
func (s *traceSearch) phrases(ctx context.Context, p *partition, h *headerRow) (bool, error) {
	missing := append([]string(nil), s.plan.phrases...)
	if len(missing) == 0 {
		return true, nil
	}
	var failed error
	p.each(ctx, h.t, h.ID, func(span *trace.Span, err error) bool {
		if err != nil {
			failed = err
			return false
		}
		left := missing[:0]
		for _, phrase := range missing {
			if !tracing.SpanHolds(span, phrase) {
				left = append(left, phrase)
			}
		}
		missing = left
		return len(missing) > 0
	})
	return len(missing) == 0, failed
}
