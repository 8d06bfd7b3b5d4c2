// Package registry keeps registered models and prompts, their numbered
// versions, aliases, stages and tags, and where each version came from.
//
// A prompt is a registered model whose tag [PromptTag] is "true"; its text and
// settings are tags of its versions. Models and prompts share one name space
// per workspace, and searches see one kind at a time.
//
// Version numbers of a model only grow, also after its newest version was
// deleted. Names, numbers and aliases are unique inside a workspace; the
// workspace is that of the caller in the context.
package registry

import (
	"context"
	"time"

	"github.com/assayhq/assay/internal/filter"
)

// Tags with a meaning of their own.
const (
	PromptTag            = "mlflow.prompt.is_prompt" // "true" makes a model a prompt
	PromptTextTag        = "mlflow.prompt.text"
	PromptTypeTag        = "_mlflow_prompt_type" // "text" or "chat"
	PromptExperimentsTag = "_mlflow_experiment_ids"
)

// Tag is a key with a value. Lists of tags are ordered by key.
type Tag struct{ Key, Value string }

// Alias is a name for one version of a model.
type Alias struct {
	Name    string
	Version int64
}

// Model is a registered model or a prompt. Times are milliseconds since 1970.
type Model struct {
	ID          int64 // of the store
	Workspace   string
	Name        string
	Description string
	Prompt      bool
	Created     int64
	Updated     int64
	LastVersion int64 // the highest number ever given; 0 before the first
	Versions    int64 // how many there are; filled by reads
	Tags        []Tag
	Aliases     []Alias   // by name
	Latest      []Version // the newest version of each stage, the stage of the oldest version first
}

// Stage is where a version stands in the older of the two ways to promote
// models; aliases are the newer.
type Stage string

const (
	StageNone       Stage = "None"
	StageStaging    Stage = "Staging"
	StageProduction Stage = "Production"
	StageArchived   Stage = "Archived"
)

// Version is one version of a model or prompt. Times are milliseconds since
// 1970.
type Version struct {
	ID          int64 // of the store
	ModelID     int64 // of the store: the model's ID
	Workspace   string
	Name        string // of the model
	Number      int64
	Prompt      bool
	Stage       Stage
	Description *string // nil once it was cleared
	User        string
	Source      string // as the client gave it
	Location    string // where the files are: Source with models:/ references resolved
	RunID       string // the run that made it; may be empty
	RunLink     string
	LoggedModel string // the logged model (m-…) it was registered from; may be empty
	Created     int64
	Updated     int64
	Tags        []Tag
	Aliases     []string // sorted
}

// Query is a search for models or versions.
type Query struct {
	Filter filter.Expr
	Order  []filter.Order
	Limit  int
	Token  string
	// Prompts selects prompts; otherwise they are hidden. The clauses of Filter
	// about [PromptTag] itself are already resolved into it.
	Prompts bool
}

// Models stores registered models. Methods that change run inside
// [Store.Write]. Reads return complete models: tags, aliases, latest versions.
type Models interface {
	// InsertModel stores m with its tags and sets m.ID. A taken name is Exists.
	InsertModel(ctx context.Context, m *Model) error
	// ModelByName reads a model; a missing one is NotFound.
	ModelByName(ctx context.Context, workspace, name string) (*Model, error)
	// UpdateModel writes name, description, Prompt, LastVersion and Updated of
	// the model with m.ID. A taken name is Exists. A new name is carried to the
	// versions, whose Updated becomes m.Updated.
	UpdateModel(ctx context.Context, m *Model) error
	// DeleteModel removes a model with its versions, tags and aliases.
	DeleteModel(ctx context.Context, id int64) error
	PutModelTag(ctx context.Context, id int64, t Tag) error
	DeleteModelTag(ctx context.Context, id int64, key string) error
	// PutAlias points an alias to a version, moving it if it exists.
	PutAlias(ctx context.Context, id int64, a Alias) error
	DeleteAlias(ctx context.Context, id int64, name string) error
	SearchModels(ctx context.Context, workspace string, q Query) ([]*Model, string, error)
}

// Versions stores model versions. Methods that change run inside
// [Store.Write]. Reads return versions with tags and aliases.
type Versions interface {
	// InsertVersion stores v with its tags and sets v.ID.
	InsertVersion(ctx context.Context, v *Version) error
	// VersionByNumber reads a version; a missing one is NotFound.
	VersionByNumber(ctx context.Context, workspace, name string, number int64) (*Version, error)
	// UpdateVersion writes description, stage, Prompt and Updated of v.ID.
	UpdateVersion(ctx context.Context, v *Version) error
	// DeleteVersion removes a version, its tags and the aliases that point to it.
	DeleteVersion(ctx context.Context, v *Version) error
	// ArchiveStage moves the versions of a model that are in stage, but for
	// number except, to [StageArchived].
	ArchiveStage(ctx context.Context, model int64, stage Stage, except, now int64) error
	PutVersionTag(ctx context.Context, id int64, t Tag) error
	DeleteVersionTag(ctx context.Context, id int64, key string) error
	// SearchVersions may return fewer than q.Limit versions with a token when
	// their tags are large.
	SearchVersions(ctx context.Context, workspace string, q Query) ([]*Version, string, error)
}

// Store is what the registry needs of a database.
type Store interface {
	Write(ctx context.Context, fn func(ctx context.Context) error) error
	Models
	Versions
}

// Origins looks up what versions are made from. A missing run or logged model
// is NotFound.
type Origins interface {
	// RunArtifacts returns the artifact root of a run.
	RunArtifacts(ctx context.Context, runID string) (uri string, err error)
	// LoggedModel returns the artifact root of a logged model and the run that
	// logged it, which may be "".
	LoggedModel(ctx context.Context, modelID string) (uri, runID string, err error)
	// LinkVersion notes on a logged model that a version was registered from it.
	LinkVersion(ctx context.Context, modelID, name string, number int64) error
}

// Events is told of changes that webhooks may subscribe to, inside the Write
// that makes the change. data is encoded as JSON.
type Events interface {
	Publish(ctx context.Context, entity, action string, data any) error
}

// Audit is told of every change, inside the Write that makes it: the action as
// noun.verb, the kind and id of the object, and what it was and is, nil where
// there was or is none.
type Audit interface {
	Record(ctx context.Context, action, kind, id string, before, after any) error
}

// Config is what a Service may do without.
type Config struct {
	Origins Origins          // nil: no run and no logged model exists
	Events  Events           // nil: nobody listens
	Audit   Audit            // nil: nothing is recorded
	Now     func() time.Time // nil: time.Now
}

// Service is the registry.
type Service struct {
	store   Store
	origins Origins
	events  Events
	audit   Audit
	now     func() time.Time
}

// New returns the registry kept in store.
func New(store Store, cfg Config) *Service {
	s := &Service{store: store, origins: cfg.Origins, events: cfg.Events, audit: cfg.Audit, now: cfg.Now}
	if s.origins == nil {
		s.origins = noOrigins{}
	}
	if s.events == nil {
		s.events = noEvents{}
	}
	if s.audit == nil {
		s.audit = noAudit{}
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Newest returns the version with the highest number, nil if there is none.
func (m *Model) Newest() *Version {
	var newest *Version
	for i := range m.Latest {
		if newest == nil || m.Latest[i].Number > newest.Number {
			newest = &m.Latest[i]
		}
	}
	return newest
}

func (s *Service) millis() int64 { return s.now().UnixMilli() }
