package tracing

import (
	"context"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

// Import stores a trace of another server whole: its header with assessments,
// which keep their ids and times, and its spans. Unlike [Service.StartTrace] it
// takes the experiment's number as it is, for the experiment may be deleted.
// It is idempotent; a trace of that id that is here already is laid over, so
// that the caller makes sure it is the same one.
func (s *Service) Import(ctx context.Context, info Info, spans []trace.Span) error {
	if err := s.Mask(ctx, &info, spans); err != nil {
		return err
	}
	if err := s.prepare(&info); err != nil {
		return err
	}
	if len(spans) > 0 {
		for i := range spans {
			if spans[i].TraceID != info.ID {
				return fault.Invalidf("a span of trace %s names trace %s", info.ID, spans[i].TraceID)
			}
			s.derive(&spans[i])
		}
		now := s.cfg.Now()
		rejected, reason, err := s.store.Append(ctx, Arrival{Experiment: info.Experiment, Spans: spans, Now: now})
		if err != nil {
			return err
		}
		if rejected > 0 {
			return fault.New(fault.State, "%d spans of trace %s are refused: %s", rejected, info.ID, reason)
		}
	}
	return s.store.PutInfo(ctx, info, s.cfg.Now())
}

// Mask takes out of a trace of another server, in place, what may not be kept
// in info's experiment, so that it can be compared with what is stored.
// Masking what is masked changes nothing.
func (s *Service) Mask(ctx context.Context, info *Info, spans []trace.Span) error {
	m, err := s.maskIn(ctx, info.Experiment)
	if err != nil || m == nil {
		return err
	}
	maskInfo(m, info)
	maskSpans(m, spans)
	return nil
}
