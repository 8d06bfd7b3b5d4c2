package tracing

import (
	"context"

	"github.com/assayhq/assay/internal/mask"
	"github.com/assayhq/assay/internal/trace"
)

// State of a trace, named as MLflow names it.
type State string

const (
	StateUnspecified State = "STATE_UNSPECIFIED"
	InProgress       State = "IN_PROGRESS"
	StateOK          State = "OK"
	StateError       State = "ERROR"
)

// States by their stored number, which sorts as the names do.
var States = [...]State{StateError, InProgress, StateOK, StateUnspecified}

// Keys of tags and metadata that carry meaning here.
const (
	TagName             = "mlflow.traceName"
	TagSpansLocation    = "mlflow.trace.spansLocation"
	TagArtifactLocation = "mlflow.artifactLocation"
	TagLinkedPrompts    = "mlflow.linkedPrompts"
	MetaRun             = "mlflow.sourceRun"
	MetaSession         = "mlflow.trace.session"
	MetaUser            = "mlflow.trace.user"
	MetaTokens          = "mlflow.trace.tokenUsage"
	MetaCost            = "mlflow.trace.cost"
	MetaSize            = "mlflow.trace.sizeStats"
	MetaModel           = "mlflow.modelId"
)

// Limits of tags and previews, in characters.
const (
	MaxTagKey   = 250
	MaxTagValue = 8000
	MaxPreview  = 1000
)

// Prompt is a prompt version a trace used.
type Prompt struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Info is the header of a trace.
type Info struct {
	ID              trace.ID
	Experiment      string // decimal
	ClientRequestID string // "" none
	RequestTime     int64  // unix milliseconds
	Duration        int64  // milliseconds; -1 unknown
	State           State
	Name            string
	RequestPreview  string // "" none
	ResponsePreview string

	// Tags and Metadata hold everything MLflow's clients expect to find there,
	// run, session, user, token usage and cost included. In what [Service]
	// returns they are never nil and belong to the caller.
	Tags     map[string]string
	Metadata map[string]string

	Assessments []Assessment // oldest first; nil where the call says so

	// Derived; ignored on input.
	Run, Session, User string
	Tokens             trace.Tokens
	Cost               trace.Cost
	Unpriced           int // model calls with usage and no known price
	Spans, Errors      int
	FirstError         trace.SpanID // deepest failed span of the earliest failure; zero none
	Models             []string     // at most 16, in order of first sight
	Prompts            []Prompt

	// Complete says that the root span has ended and every parent that a
	// span names is here, so the trace can be read as a whole.
	Complete bool

	// Partition (a day as yyyymmdd) holds the spans.
	Partition int
}

// StartTrace upserts a header, as MLflow's exporter sends it after, before or
// while the spans arrive. Tags, metadata and assessments are merged over what
// is there; a duration, or a state other than IN_PROGRESS, makes the given time
// range final, and given tokens and cost are final at once, so that later spans
// do not change them. It returns
// the header as stored. A trace of another workspace is NotFound.
func (s *Service) StartTrace(ctx context.Context, info Info) (Info, error) {
	var err error
	if info.Experiment, err = s.cfg.Experiments.Resolve(ctx, info.Experiment, ""); err != nil {
		return Info{}, err
	}
	m, err := s.maskIn(ctx, info.Experiment)
	if err != nil {
		return Info{}, err
	}
	maskInfo(m, &info)
	if err := s.prepare(&info); err != nil {
		return Info{}, err
	}
	if err := s.store.PutInfo(ctx, info, s.cfg.Now()); err != nil {
		return Info{}, err
	}
	return s.Info(ctx, info.ID)
}

// Info returns the header of a trace with its assessments.
func (s *Service) Info(ctx context.Context, id trace.ID) (Info, error) {
	infos, err := s.store.Infos(ctx, []trace.ID{id})
	if err != nil {
		return Info{}, err
	}
	if len(infos) == 0 {
		return Info{}, notFound(id)
	}
	return infos[0], nil
}

// Infos returns the headers of the ids that exist, in the order of ids.
func (s *Service) Infos(ctx context.Context, ids []trace.ID) ([]Info, error) {
	return s.store.Infos(ctx, ids)
}

// End is what MLflow's v2 protocol says when a trace ends.
type End struct {
	ID       trace.ID
	Time     int64 // unix milliseconds
	State    State
	Tags     map[string]string
	Metadata map[string]string
}

// EndTrace finishes a header that [Service.StartTrace] opened.
func (s *Service) EndTrace(ctx context.Context, end End) (Info, error) {
	info, err := s.Info(ctx, end.ID)
	if err != nil {
		return Info{}, err
	}
	info.Duration = max(0, end.Time-info.RequestTime)
	info.State, info.Tags, info.Metadata, info.Assessments = end.State, end.Tags, end.Metadata, nil
	return s.StartTrace(ctx, info)
}

// SetTag sets one tag of a trace.
func (s *Service) SetTag(ctx context.Context, id trace.ID, key, value string) error {
	if err := checkTag(key, value); err != nil {
		return err
	}
	m, err := s.maskOf(ctx, id)
	if err != nil {
		return err
	}
	if m != nil {
		value = maskText(m, key, value)
		key = m.Text(key, mask.Attributes)
	}
	return s.store.SetTag(ctx, id, key, clip(value, MaxTagValue))
}

// DeleteTag removes a tag; one that is not there is NotFound.
func (s *Service) DeleteTag(ctx context.Context, id trace.ID, key string) error {
	return s.store.DeleteTag(ctx, id, key)
}

// LinkRun links existing traces to a run, for trace search by run. Unknown
// ids are passed over.
func (s *Service) LinkRun(ctx context.Context, run string, ids []trace.ID) error {
	return s.store.LinkRun(ctx, run, ids)
}

// LinkPrompts adds prompt versions to a trace.
func (s *Service) LinkPrompts(ctx context.Context, id trace.ID, prompts []Prompt) error {
	if len(prompts) == 0 {
		return nil
	}
	return s.store.LinkPrompts(ctx, id, prompts)
}

// Deletion selects traces of one experiment: by ids, or the oldest Max before
// a time.
type Deletion struct {
	Experiment string // "" any of the workspace
	IDs        []trace.ID
	Before     int64 // request time in unix milliseconds at or before; 0 unset
	Max        int   // with Before; 0 means no limit
}

// Delete removes traces for good and returns how many there were. Their
// payloads go with their partition; nothing else can reach them.
func (s *Service) Delete(ctx context.Context, d Deletion) (int, error) {
	if err := d.check(); err != nil {
		return 0, err
	}
	n, err := s.store.Delete(ctx, d)
	if err == nil && n > 0 && s.cfg.Audit != nil {
		err = s.cfg.Audit.Record(ctx, "trace.delete", "experiment", d.Experiment, map[string]int{"traces": n}, nil)
	}
	return n, err
}
