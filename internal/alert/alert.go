// Package alert watches what traces say and tells people when it stays wrong.
//
// A rule measures one signal of a scope over a window, and compares it with
// two thresholds: one to fire, and a calmer one to clear, so that a value near
// the limit does not flap. The evaluator judges every rule once a pass; all it
// remembers is in the store, so a restart neither forgets nor repeats. A change
// of state, its line in the history and the messages that tell of it are one
// write: none exists without the others.
//
// Messages wait in an outbox and leave it in order for each rule and channel,
// one at a time, each with one delivery id through all its attempts. They carry
// numbers, names and links, never what a trace says.
package alert

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/assayhq/assay/internal/secret"
)

// Store keeps rules, their status and history, channels and the outbox.
// Methods that change run inside Write. What does not exist is NotFound.
type Store interface {
	Write(ctx context.Context, fn func(ctx context.Context) error) error
	RuleStore
	ChannelStore
	OutboxStore
}

// RuleStore keeps rules with what the evaluator remembers of them.
type RuleStore interface {
	InsertRule(ctx context.Context, r *Rule) error
	// UpdateRule replaces everything but ID, Workspace and Created.
	UpdateRule(ctx context.Context, r *Rule) error
	DeleteRule(ctx context.Context, workspace, id string) error
	RuleByID(ctx context.Context, workspace, id string) (*Rule, error)
	// ListRules returns the rules of a workspace by name; of all with "".
	ListRules(ctx context.Context, workspace string) ([]*Rule, error)
	// PutStatus replaces what is remembered of a rule.
	PutStatus(ctx context.Context, rule string, s Status) error
	// AppendChange adds a line to a rule's history and keeps the newest keep.
	AppendChange(ctx context.Context, c Change, keep int) error
	// ListChanges returns a rule's history, newest first, with Seq < before
	// unless that is 0.
	ListChanges(ctx context.Context, workspace, rule string, before int64, limit int) ([]Change, error)
	// ClaimPass reports whether the caller makes the pass of now: the last one
	// was at least every ago, or lies in the future of a clock that was wrong.
	ClaimPass(ctx context.Context, now, every int64) (bool, error)
}

// ChannelStore keeps channels.
type ChannelStore interface {
	InsertChannel(ctx context.Context, c *Channel) error
	// DeleteChannel also drops what waits for the channel.
	DeleteChannel(ctx context.Context, workspace, id string) error
	ChannelByID(ctx context.Context, workspace, id string) (*Channel, error)
	// UpdateChannel replaces everything but ID, Workspace, Kind and Created.
	UpdateChannel(ctx context.Context, c *Channel) error
	// ListChannels returns the channels of a workspace by name.
	ListChannels(ctx context.Context, workspace string) ([]*Channel, error)
}

// OutboxStore keeps messages that were, are or could not be delivered.
type OutboxStore interface {
	InsertMessage(ctx context.Context, m *Outgoing) error
	MessageByID(ctx context.Context, id string) (*Outgoing, error)
	// EndMessage records how a message ended.
	EndMessage(ctx context.Context, id string, state DeliveryState, reason string, at int64) error
	// NextMessage returns the oldest message that waits for a channel with a
	// rule's news.
	NextMessage(ctx context.Context, channel, rule string) (*Outgoing, error)
	// Heads returns the first waiting message of each channel and rule that
	// was made before a time, at most limit.
	Heads(ctx context.Context, before int64, limit int) ([]*Outgoing, error)
	// SweepMessages removes messages that ended before a time, at most limit.
	SweepMessages(ctx context.Context, before int64, limit int) (int64, error)
}

// Measurer reads the signals that rules watch.
type Measurer interface {
	// Measure returns n readings: the i-th is of the traces that began in
	// [end+i*step-window, end+i*step), in unix milliseconds, of the caller's
	// workspace.
	Measure(ctx context.Context, m Measurement, end, step int64, n int) ([]Reading, error)
	// ScopeName is what people call a scope, such as "experiment finance".
	ScopeName(ctx context.Context, s Scope) string
}

// Queue runs [Service.Deliver] for a message, again until it succeeds or is
// given up.
type Queue interface {
	// EnqueueMessage joins the Write that ctx carries. A message that is queued
	// already stays queued once.
	EnqueueMessage(ctx context.Context, workspace, message string) error
}

// Notices tells people inside the product.
type Notices interface {
	// Add joins the Write that ctx carries.
	Add(ctx context.Context, kind, title, path string) error
}

// Audit keeps what callers did.
type Audit interface {
	Record(ctx context.Context, action, kind, id string, before, after any) error
}

// Sender makes HTTP calls out.
type Sender interface {
	// Allowed is Invalid for a URL that this server may not call.
	Allowed(ctx context.Context, url string) error
	// Send posts body. An error means that there was no answer.
	Send(ctx context.Context, url string, header map[string]string, body []byte) (Answer, error)
}

// Answer is what a receiver said.
type Answer struct {
	Status     int
	Body       string        // its beginning
	RetryAfter time.Duration // how long it asks to be left alone; 0 unsaid
}

// Mailer sends e-mail. Unavailable asks for another attempt; any other error
// is final.
type Mailer interface {
	SendMail(ctx context.Context, m Mail) error
}

// Mail is one e-mail.
type Mail struct {
	ID      string // the same in every attempt
	To      []string
	Subject string
	Text    string
}

// Config is what a [Service] may do without.
type Config struct {
	Every    time.Duration // between passes; 0 is a minute
	Measurer Measurer      // nil: rules have no data
	Queue    Queue         // nil: messages stay in the outbox
	Notices  Notices       // nil: nobody is told inside the product
	Audit    Audit         // nil: changes are not recorded
	Sender   Sender        // nil: webhooks and Slack cannot be used
	Mailer   Mailer        // nil: e-mail cannot be used
	Key      [32]byte      // seals secrets; the same as long as the data lives
	Plain    bool          // also accept http: URLs
	BaseURL  func() string // what links in messages begin with; nil: nothing
	// Changed is told of rules whose state, or which themselves, changed; it
	// must not block.
	Changed func(workspace, rule string)
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: nowhere
}

// Service keeps rules and channels, judges and delivers. Start begins the
// passes; without it nothing is judged.
type Service struct {
	store Store
	cfg   Config
	seal  secret.Sealer

	quit chan struct{}
	stop sync.Once
	loop sync.WaitGroup
}

// New returns the alerts kept in store.
func New(store Store, cfg Config) *Service {
	if cfg.Every <= 0 {
		cfg.Every = time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.BaseURL == nil {
		cfg.BaseURL = func() string { return "" }
	}
	if cfg.Changed == nil {
		cfg.Changed = func(string, string) {}
	}
	return &Service{store: store, cfg: cfg, seal: secret.NewSealer(cfg.Key), quit: make(chan struct{})}
}

func (s *Service) now() int64 { return s.cfg.Now().UnixMilli() }

func (s *Service) audit(ctx context.Context, action, kind, id string, before, after any) error {
	if s.cfg.Audit == nil {
		return nil
	}
	return s.cfg.Audit.Record(ctx, action, kind, id, before, after)
}
