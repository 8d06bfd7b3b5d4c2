package trace

import "context"

// Batch is a set of spans that arrived together for one experiment. The
// first of ExperimentID and ExperimentName that is not empty names it; with
// neither, the spans belong to the default experiment.
type Batch struct {
	ExperimentID   string // must exist
	ExperimentName string // created when there is none of that name
	RunID          string // run the spans' traces are linked to; "" for none
	Spans          []Span // Raw may alias a buffer that lives until Ingest returns
}

// Ingester takes in spans. Ingest returns nil only when every span it did not
// reject is durable. It is idempotent: a batch, or any part of it, may be
// sent again in any order after an error. rejected spans will never be
// accepted, reason tells why the first was not. Faults of kind Limited and
// Unavailable ask the sender to come again later; others are final.
type Ingester interface {
	Ingest(ctx context.Context, b Batch) (rejected int, reason string, err error)
}
