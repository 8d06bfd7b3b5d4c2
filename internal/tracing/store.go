package tracing

import (
	"context"
	"iter"
	"time"

	"github.com/assayhq/assay/internal/trace"
)

// Store keeps traces of all workspaces; calls see those of the caller's
// workspace only. A trace that does not exist there is a fault NotFound unless
// said otherwise. A nil error of a write means that it is durable.
type Store interface {
	SpanStore
	InfoStore
	SearchStore
	AssessmentStore
	RollupStore
	CareStore
}

// SpanStore keeps spans.
type SpanStore interface {
	// Append stores the spans of b, whose Experiment exists and whose spans
	// have their columns. A span that is there already is replaced only by an
	// ended one if it was open, or by one of a later Columns.Version. Raw is
	// not kept after return. Spans that can never be stored (their partition
	// was removed) are counted in rejected. Limited and Unavailable ask the
	// sender to come again.
	Append(ctx context.Context, b Arrival) (rejected int, reason string, err error)

	Spans(ctx context.Context, id trace.ID) iter.Seq2[*trace.Span, error]
	Span(ctx context.Context, id trace.ID, span trace.SpanID) (*trace.Span, error)

	// SpanRows returns all spans without payload, by start, then id.
	SpanRows(ctx context.Context, id trace.ID) ([]SpanRow, error)

	// Partitions lists the days that hold spans, oldest first.
	Partitions(ctx context.Context) ([]Partition, error)

	// RemovePartition drops a day with everything in it.
	RemovePartition(ctx context.Context, day int) (traces int, err error)

	// Renormalise passes up to limit spans of a partition whose columns are
	// older than version through fn, stores what it derived, and returns a
	// cursor to go on from; done when there are none left.
	Renormalise(ctx context.Context, day, version int, cursor string, limit int, fn func(*trace.Span)) (next string, changed int, err error)

	// TextLag is how far full text is behind: the time since the oldest
	// unindexed arrival and the bytes waiting.
	TextLag(ctx context.Context) (time.Duration, int64)
}

// Partition is a day's spans.
type Partition struct {
	Day    int // yyyymmdd
	Traces int64
	Spans  int64
	Bytes  int64 // on disk; 0 unknown
}

// Arrival is a batch of normalised spans of one experiment.
type Arrival struct {
	Experiment string
	Run        string
	Spans      []trace.Span
	Now        time.Time
}

// InfoStore keeps headers.
type InfoStore interface {
	// PutInfo upserts a prepared header and its assessments.
	PutInfo(ctx context.Context, info Info, now time.Time) error
	// Infos returns the headers that exist, in the order of ids.
	Infos(ctx context.Context, ids []trace.ID) ([]Info, error)
	SetTag(ctx context.Context, id trace.ID, key, value string) error
	DeleteTag(ctx context.Context, id trace.ID, key string) error
	LinkRun(ctx context.Context, run string, ids []trace.ID) error
	LinkPrompts(ctx context.Context, id trace.ID, prompts []Prompt) error
	Delete(ctx context.Context, d Deletion) (int, error)
}

// SearchStore answers queries.
type SearchStore interface {
	Search(ctx context.Context, q Search) (Page, error)
	Count(ctx context.Context, q Query) (n int64, exact bool, err error)
	Summary(ctx context.Context, from, to int64) (Summary, error)
	Histogram(ctx context.Context, q Query, buckets int) (Histogram, error)
	Facets(ctx context.Context, q Query, fields []string, values int) ([]Facet, bool, error)
	Sessions(ctx context.Context, q SessionQuery) ([]Session, string, error)
	Session(ctx context.Context, id string) (SessionDetail, error)
	Turns(ctx context.Context, session string, from, limit int) ([]Info, error)
	PromptUses(ctx context.Context, prompt string) ([]PromptUse, bool, error)
}

// AssessmentStore keeps assessments.
type AssessmentStore interface {
	// PutAssessment inserts a prepared assessment and marks the one it overrides.
	PutAssessment(ctx context.Context, a Assessment) error
	Assessment(ctx context.Context, id trace.ID, assessment string) (Assessment, error)
	// ChangeAssessment runs fn on the stored one in a write and stores the result.
	ChangeAssessment(ctx context.Context, id trace.ID, assessment string, fn func(*Assessment) error) (Assessment, error)
	DeleteAssessment(ctx context.Context, id trace.ID, assessment string) error
	DeleteAssessmentsOfRun(ctx context.Context, run string) error
}
