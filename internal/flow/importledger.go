package flow

import (
	"context"
)

// Ledger keeps what was imported. Methods that change something are called
// inside Write.
type Ledger interface {
	Write(ctx context.Context, fn func(ctx context.Context) error) error
	// OpenSource returns the number of a source of the caller's workspace,
	// making one for an address that is new.
	OpenSource(ctx context.Context, address string) (int64, error)
	// Entries returns the entries of a kind with these source ids; nil ids are
	// all of the kind.
	Entries(ctx context.Context, source int64, kind string, ids []string) ([]Entry, error)
	PutEntry(ctx context.Context, source int64, e Entry) error

	PutSecret(ctx context.Context, jobID string, sealed []byte) error
	// Secret is nil for a job without one.
	Secret(ctx context.Context, jobID string) ([]byte, error)
	// DropSecrets removes that of a job, and those older than a time in unix
	// milliseconds.
	DropSecrets(ctx context.Context, jobID string, before int64) error
}

// Entry is one imported item.
type Entry struct {
	Kind    string
	Source  string // id there
	Ours    string // id here
	Hash    string // of the item as the source had it
	Done    bool   // all of it is here; else some of it may be
	Outcome Outcome
	Job     string // that imported it last
	At      int64  // unix milliseconds
}

// Outcome is what an import did about an item.
type Outcome string

// Outcomes. Different items are here already, differ, and were not imported by
// us: they are left alone.
const (
	Copied    Outcome = "copied"
	Updated   Outcome = "updated"
	Already   Outcome = "already"
	Different Outcome = "different"
	Failed    Outcome = "failed"
)

// Kinds of items.
const (
	KindExperiment    = "experiment"
	KindRun           = "run"
	KindModel         = "logged_model"
	KindRegistered    = "registered_model"
	KindVersion       = "model_version"
	KindPrompt        = "prompt"
	KindPromptVersion = "prompt_version"
	KindTrace         = "trace"
	KindDataset       = "dataset"
	KindScorer        = "scorer"
	KindArtifact      = "artifact"
)

// Kinds in the order of a report.
var Kinds = []string{KindExperiment, KindRun, KindArtifact, KindModel, KindRegistered, KindVersion, KindPrompt, KindPromptVersion, KindTrace, KindDataset, KindScorer}
