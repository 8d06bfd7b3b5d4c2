package flow

import (
	"context"
	"io"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// Source is a place to import from. It speaks the nouns of our domains, with
// the source's own ids, experiments' included. What it returns belongs to the
// caller.
//
// A listing is read page by page: token is what the previous page returned, ""
// for the first, and the next token is "" at the end. Tokens stay good while
// the source grows, and across a restart of either side, so that they can be
// kept as checkpoints; listings are ordered oldest first where the source can.
//
// A fault Unavailable means that the source does not answer now; any other is
// about the thing that was asked for. A kind of thing that the source does not
// have is an empty listing.
type Source interface {
	// Describe tells what the source is, and fails if it is none.
	Describe(ctx context.Context) (SourceInfo, error)
	RunSource
	RegistrySource
	TraceSource
	EvaluationSource
	FileSource
	Close() error
}

// SourceInfo is what a source says of itself.
type SourceInfo struct {
	Version string `json:"version"` // of its software, "" unknown
	// NotCarried names what it has and an import leaves behind.
	NotCarried []string `json:"-"`
}

// RunSource lists experiments and what is in them, of every stage.
type RunSource interface {
	Experiments(ctx context.Context, token string) ([]tracking.Experiment, string, error)
	// Runs lists runs without the history of their metrics; models a run read
	// may be missing until Run is asked.
	Runs(ctx context.Context, experiment int64, token string) ([]tracking.Run, string, error)
	Run(ctx context.Context, id string) (*tracking.Run, error)
	// History calls fn with the points of one metric, some at a time.
	History(ctx context.Context, run, key string, fn func([]tracking.Metric) error) error
	Models(ctx context.Context, experiment int64, token string) ([]tracking.LoggedModel, string, error)
}

// RegistrySource lists registered models or prompts and their versions.
type RegistrySource interface {
	RegisteredModels(ctx context.Context, prompts bool, token string) ([]registry.Model, string, error)
	Versions(ctx context.Context, name string, prompt bool, token string) ([]registry.Version, string, error)
}

// TraceSource lists traces.
type TraceSource interface {
	// Traces lists headers, which may lack assessments until Trace is asked.
	Traces(ctx context.Context, experiment int64, token string) ([]tracing.Info, string, error)
	// Bodies returns the traces of infos whole; those it could not read come
	// with their fault. The order is that of infos.
	Bodies(ctx context.Context, infos []tracing.Info) ([]Body, error)
}

// Body is a trace with its spans, or why it could not be read.
type Body struct {
	Info  tracing.Info
	Spans []trace.Span
	// Attachments says that files lie beside the trace.
	Attachments bool
	Err         error
}

// EvaluationSource lists evaluation datasets and scorers.
type EvaluationSource interface {
	Datasets(ctx context.Context, token string) ([]evaluation.Dataset, string, error)
	Records(ctx context.Context, dataset, token string) ([]evaluation.Record, string, error)
	// Scorers lists every version of the scorers of an experiment.
	Scorers(ctx context.Context, experiment int64) ([]evaluation.Scorer, error)
}

// FileSource reads artifacts.
type FileSource interface {
	// Files calls fn for each file below a root, in all its folders.
	Files(ctx context.Context, root FileRoot, fn func(tracking.File) error) error
	// Open returns a file and its size, -1 if the source does not tell.
	Open(ctx context.Context, root FileRoot, path string) (io.ReadCloser, int64, error)
}

// FileRoot is where the files of one thing lie. Exactly one of the ids is set.
type FileRoot struct {
	Run, Model, Trace string
	URI               string // as the source names it
}
