package tracing

import (
	"context"
	"iter"

	"github.com/assayhq/assay/internal/trace"
)

// Spans yields the spans of a trace by start time, attributes, source and
// columns filled, reading as it goes: memory stays bounded whatever the size
// of the trace. A missing trace yields one NotFound. Each span belongs to the
// caller.
func (s *Service) Spans(ctx context.Context, id trace.ID) iter.Seq2[*trace.Span, error] {
	return func(yield func(*trace.Span, error) bool) {
		for span, err := range s.store.Spans(ctx, id) {
			if err == nil {
				s.reveal(span)
			}
			if !yield(span, err) {
				return
			}
		}
	}
}

// Span returns one span with its payload.
func (s *Service) Span(ctx context.Context, id trace.ID, span trace.SpanID) (*trace.Span, error) {
	found, err := s.store.Span(ctx, id, span)
	if err == nil {
		s.reveal(found)
	}
	return found, err
}

// reveal fills the columns that are not stored, since the payload says them.
func (s *Service) reveal(span *trace.Span) {
	if s.cfg.Normalise == nil {
		return
	}
	stored := span.Columns
	s.cfg.Normalise(span)
	stored.Input, stored.Output = span.Columns.Input, span.Columns.Output
	span.Columns = stored
}

// Skeleton is all spans of a trace as columns, without payloads, ordered by
// start with parents before their children.
type Skeleton struct {
	ID         trace.ID
	Start      int64 // unix microseconds of the earliest start
	IDs        []trace.SpanID
	Parents    []int32 // row of the parent; -1 none or not here
	Names      []int32 // into NameTable; so Types and Models, -1 none
	Types      []int32
	Models     []int32
	Status     []trace.Status
	Starts     []int64 // microseconds after Start
	Ends       []int64 // -1 still open
	Tokens     []int64 // total of the span itself; -1 unknown
	Costs      []int64 // pico-dollars; -1 unknown
	NameTable  []string
	TypeTable  []string
	ModelTable []string
	Orphans    []int32 // rows whose parent is named but not here
	Aggregates []int32 // rows whose usage repeats that of their descendants
}

// Skeleton returns the shape of a trace.
func (s *Service) Skeleton(ctx context.Context, id trace.ID) (*Skeleton, error) {
	rows, err := s.store.SpanRows(ctx, id)
	if err != nil {
		return nil, err
	}
	return skeleton(id, rows), nil
}

// SpanRow is a span without its payload.
type SpanRow struct {
	ID, Parent        trace.SpanID
	Start, End        int64 // unix nanoseconds; End 0 open
	Name, Type        string
	Model, Provider   string
	Agent, Tool, Node string
	ErrorType         string
	InputHash         uint32 // see [trace.Columns]
	Status            trace.Status
	Aggregate         bool
	Tokens            trace.Tokens
	Cost              trace.Cost
	Version           int // of the normaliser
}

// Usage is what one model did in a trace.
type Usage struct {
	Model, Provider string
	Calls           int
	Tokens          trace.Tokens
	Cost            trace.Cost
	Start           int64 // unix nanoseconds of the first call, for its price
}

// Usage returns one row per model of a trace, in order of first use, counting
// the spans that the totals count.
func (s *Service) Usage(ctx context.Context, id trace.ID) ([]Usage, error) {
	rows, err := s.store.SpanRows(ctx, id)
	if err != nil {
		return nil, err
	}
	return usage(rows), nil
}

// Match is a place in a span where a text occurs.
type Match struct {
	Span          trace.SpanID
	Field         string // name, inputs, outputs, attributes, events, status_message
	Snippet       string // up to 160 characters
	Start, Length int    // of the match in Snippet, in UTF-16 units
}

// SearchSpans finds the spans of a trace whose name or payload holds q,
// letter case aside, by start time.
func (s *Service) SearchSpans(ctx context.Context, id trace.ID, q string, limit int, token string) (matches []Match, next string, err error) {
	return searchSpans(s.Spans(ctx, id), q, limit, token)
}
