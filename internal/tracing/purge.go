package tracing

import (
	"context"

	"github.com/assayhq/assay/internal/trace"
)

// CareStore removes for good and gives room back.
type CareStore interface {
	// Compact rewrites what a day has on disk without what no living trace
	// needs, while readers and writers go on. It returns the bytes before and
	// after. A day that does not exist is NotFound; one whose files another
	// call rewrites right now is a Conflict.
	Compact(ctx context.Context, day int) (before, after int64, err error)
	// SweepLabels forgets the labels that only deleted traces had.
	SweepLabels(ctx context.Context) (int64, error)
	// Dead estimates the share of a day's spans that no living trace has.
	Dead(ctx context.Context, day int) (float64, error)
	// DeleteAssessmentsOf removes the assessments that a person of the caller's
	// workspace made and returns how many there were.
	DeleteAssessmentsOf(ctx context.Context, source string) (int64, error)
	// DayFacts says what retention asks about a day; pin is the key of a tag.
	DayFacts(ctx context.Context, day int, pin string) (DayFacts, error)
	// DayTraces lists the traces of a day, whosoever they are, after a place;
	// next is the place of the last.
	DayTraces(ctx context.Context, day int, after int64, limit int) (list []Located, next int64, err error)
	CountAssessmentsOf(ctx context.Context, source string) (int64, error)
}

// Purge removes traces for good, by id, and returns how many there were; ids
// that do not exist are passed over. The audit entry is the caller's. Their
// payload stays on disk until [Service.Compact].
func (s *Service) Purge(ctx context.Context, ids []trace.ID) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	return s.store.Delete(ctx, Deletion{IDs: ids})
}

// Compact rewrites a day without what no living trace needs; see [CareStore].
func (s *Service) Compact(ctx context.Context, day int) (before, after int64, err error) {
	return s.store.Compact(ctx, day)
}

// SweepLabels forgets the labels that only deleted traces had.
func (s *Service) SweepLabels(ctx context.Context) (int64, error) { return s.store.SweepLabels(ctx) }

// Dead estimates the share of a day's spans that no living trace has.
func (s *Service) Dead(ctx context.Context, day int) (float64, error) { return s.store.Dead(ctx, day) }

// DeleteAssessmentsOf removes the assessments that a person made.
func (s *Service) DeleteAssessmentsOf(ctx context.Context, source string) (int64, error) {
	return s.store.DeleteAssessmentsOf(ctx, source)
}

// CountAssessmentsOf counts them.
func (s *Service) CountAssessmentsOf(ctx context.Context, source string) (int64, error) {
	return s.store.CountAssessmentsOf(ctx, source)
}

// DayFacts is what retention asks about a day.
type DayFacts struct {
	Traces int64 // of the caller's workspace
	Others int64 // of other workspaces
	Newest int64 // latest request time, unix milliseconds
	Pinned int64 // traces with the tag, whatever its value
}

// Located is a trace and the experiment it belongs to.
type Located struct {
	ID         trace.ID
	Experiment string
}

// DayFacts says what retention asks about a day; pin is the key of a tag.
func (s *Service) DayFacts(ctx context.Context, day int, pin string) (DayFacts, error) {
	return s.store.DayFacts(ctx, day, pin)
}

// DayTraces lists the traces of a day after a place.
func (s *Service) DayTraces(ctx context.Context, day int, after int64, limit int) ([]Located, int64, error) {
	return s.store.DayTraces(ctx, day, after, limit)
}
