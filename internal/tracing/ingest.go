package tracing

import (
	"context"
	"time"

	"github.com/assayhq/assay/internal/trace"
)

var _ trace.Ingester = (*Service)(nil)

// Ingest masks, normalises, prices and stores a batch; see [trace.Ingester].
func (s *Service) Ingest(ctx context.Context, b trace.Batch) (rejected int, reason string, err error) {
	if len(b.Spans) == 0 {
		return 0, "", nil
	}
	experiment, err := s.cfg.Experiments.Resolve(ctx, b.ExperimentID, b.ExperimentName)
	if err != nil {
		return 0, "", err
	}
	m, err := s.maskIn(ctx, experiment)
	if err != nil {
		return 0, "", err
	}
	maskSpans(m, b.Spans)
	for i := range b.Spans {
		s.derive(&b.Spans[i])
	}
	return s.store.Append(ctx, Arrival{Experiment: experiment, Run: b.RunID, Spans: b.Spans, Now: s.cfg.Now()})
}

// derive fills the columns of a span.
func (s *Service) derive(span *trace.Span) {
	if s.cfg.Normalise != nil {
		s.cfg.Normalise(span)
	}
	c := &span.Columns
	if c.Version == 0 && c.Tokens == (trace.Tokens{}) && c.Cost == (trace.Cost{}) {
		c.Tokens, c.Cost = trace.NoTokens, trace.NoCost // nobody derived them
	}
	if s.cfg.Price != nil && c.Cost == trace.NoCost && c.Model != "" && (c.Tokens.Input >= 0 || c.Tokens.Output >= 0) {
		c.Cost = s.cfg.Price(c.Provider, c.Model, time.Unix(0, span.Start), c.Tokens)
	}
}

// Renormalise re-derives the columns of spans that an older normaliser made,
// a bounded number per call: call again with the cursor it returns until that
// is empty. Old costs stay as they were priced unless there was none.
func (s *Service) Renormalise(ctx context.Context, day int, cursor string) (next string, changed int, err error) {
	if s.cfg.Normalise == nil {
		return "", 0, nil
	}
	return s.store.Renormalise(ctx, day, s.cfg.Version, cursor, 2000, func(span *trace.Span) {
		cost := span.Columns.Cost
		s.derive(span)
		if cost != trace.NoCost {
			span.Columns.Cost = cost
		}
	})
}

// Partitions lists the days that hold spans, oldest first.
func (s *Service) Partitions(ctx context.Context) ([]Partition, error) {
	return s.store.Partitions(ctx)
}

// RemovePartition drops a day of traces, for retention. Spans that arrive for
// it later are refused.
func (s *Service) RemovePartition(ctx context.Context, day int) (traces int, err error) {
	return s.store.RemovePartition(ctx, day)
}

// TextLag is how far full-text search is behind what is stored.
func (s *Service) TextLag(ctx context.Context) (age time.Duration, bytes int64) {
	return s.store.TextLag(ctx)
}
