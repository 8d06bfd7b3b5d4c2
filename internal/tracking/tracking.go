// Package tracking keeps experiments and their runs: metrics with their whole
// history, parameters, tags, the datasets and models a run read, the models it
// made, and where its artifacts lie.
//
// The rules, which are MLflow's:
//   - An experiment or a run is active or deleted; deleted ones are kept,
//     readable and restorable, but nothing may be logged to them.
//   - A parameter never changes. Logging the same value again is no error.
//   - A metric is the set of its points; the same point twice is one. Its
//     latest point is the greatest by step, then timestamp, then value.
//   - Everything a call logs is stored together or not at all.
//
// Everything belongs to the workspace of the caller that the context carries.
package tracking

import (
	"context"
	"time"
)

// Stage of an experiment, a run or a logged model.
type Stage uint8

// Stages.
const (
	Active Stage = iota
	Deleted
)

func (s Stage) String() string {
	if s == Deleted {
		return "deleted"
	}
	return "active"
}

// View says which stages a search returns.
type View uint8

// Views.
const (
	ActiveOnly View = iota
	DeletedOnly
	All
)

// Tag is a key with a text that may change.
type Tag struct{ Key, Value string }

// Param is a key with a text that never changes.
type Param struct{ Key, Value string }

// Store keeps it all. Methods that change something are called inside Write
// and take part in its transaction; methods that read may be called anywhere.
// What a method returns belongs to the caller. A missing object is a NotFound
// fault whose message the service replaces.
type Store interface {
	Write(ctx context.Context, fn func(ctx context.Context) error) error
	ExperimentStore
	RunStore
	MetricStore
	DatasetStore
	ModelStore
	OverviewStore
	PurgeStore
	GroupStore
}

// RunObserver is told which runs were deleted, after that is durable, so that
// what other domains derived from them can go. It must be idempotent.
type RunObserver interface {
	RunsDeleted(ctx context.Context, runIDs []string) error
}

// Audit is told of deletions and restorations, inside the Write that makes
// them.
type Audit interface {
	Record(ctx context.Context, action, kind, id string, before, after any) error
}

type noAudit struct{}

func (noAudit) Record(context.Context, string, string, string, any, any) error { return nil }

// lifecycle is what the audit log keeps of what was deleted or restored.
type lifecycle struct {
	Name  string `json:"name,omitempty"`
	Stage Stage  `json:"lifecycle"`
}

// Config of a [Service]. The zero value is usable.
type Config struct {
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
	// ArtifactRoot is the URI under which experiments keep artifacts when they
	// name no location of their own; "" means "mlflow-artifacts:/", this server.
	ArtifactRoot string
	// Observer may be nil.
	Observer RunObserver
	// Audit may be nil.
	Audit Audit
	// Changed is told of changes of runs once they are durable; it must not
	// block. It may be nil.
	Changed func(ctx context.Context, c Change)
}

// Change says that a run is new, different or deleted.
type Change struct {
	Run        string
	Experiment int64
	New, Gone  bool
}

// Service is the domain: every call of it checks its rules and is complete.
type Service struct {
	store    Store
	now      func() time.Time
	root     string
	observer RunObserver
	audit    Audit
	changed  func(ctx context.Context, c Change)
}

// New returns a Service over store.
func New(store Store, cfg Config) *Service {
	s := &Service{store: store, now: cfg.Now, root: cfg.ArtifactRoot, observer: cfg.Observer, audit: cfg.Audit, changed: cfg.Changed}
	if s.changed == nil {
		s.changed = func(context.Context, Change) {}
	}
	if s.audit == nil {
		s.audit = noAudit{}
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.root == "" {
		s.root = "mlflow-artifacts:/"
	}
	return s
}

func (s *Service) millis() int64 { return s.now().UnixMilli() }
