// Package webhook tells other systems of changes: it keeps who wants to hear
// of what, and delivers signed messages.
//
// A message is queued in the transaction of the change it tells of, so that
// neither happens without the other, and is sent afterwards, again and again
// until it is answered or given up. All attempts carry the same delivery id,
// by which a receiver recognises a repetition. A receiver that shares a secret
// checks X-MLflow-Signature; see [secret.Signature].
//
// Secrets are sealed before they reach the store and never leave the package
// but in signatures.
package webhook

import (
	"context"
	"log/slog"
	"time"

	"github.com/assayhq/assay/internal/secret"
)

// Webhook is one registration. Times are milliseconds since 1970.
type Webhook struct {
	ID          string
	Workspace   string
	Name        string
	Description string
	URL         string
	Active      bool
	Events      []Event // at least one, each once
	Sealed      []byte  // the sealed secret; nil for none
	Created     int64
	Updated     int64
}

// Store keeps webhooks. Methods that change run inside Write. A missing
// webhook is NotFound.
type Store interface {
	Write(ctx context.Context, fn func(ctx context.Context) error) error
	InsertWebhook(ctx context.Context, w *Webhook) error
	// UpdateWebhook replaces everything but ID, Workspace and Created.
	UpdateWebhook(ctx context.Context, w *Webhook) error
	DeleteWebhook(ctx context.Context, workspace, id string) error
	WebhookByID(ctx context.Context, workspace, id string) (*Webhook, error)
	// ListWebhooks returns a page, newest first, and the next page's token.
	ListWebhooks(ctx context.Context, workspace string, limit int, token string) ([]*Webhook, string, error)
	// Subscribers returns the ids of the active webhooks of an event.
	Subscribers(ctx context.Context, workspace string, e Event) ([]string, error)
}

// Queue holds deliveries until [Service.Deliver] is called with them.
type Queue interface {
	// EnqueueDelivery joins the Write that ctx carries.
	EnqueueDelivery(ctx context.Context, d Delivery) error
}

// Sender makes the calls out.
type Sender interface {
	// Allowed says whether this server may call url at all: an Invalid fault if
	// not.
	Allowed(ctx context.Context, url string) error
	// Post sends body and returns the answer's status and the beginning of its
	// body. An error means that there was no answer.
	Post(ctx context.Context, url string, header map[string]string, body []byte) (status int, answer string, err error)
}

// Config is what a Service may do without.
type Config struct {
	Queue  Queue            // nil: events are not told to anyone
	Sender Sender           // nil: nothing can be sent
	Key    [32]byte         // seals secrets; the same as long as the data lives
	Plain  bool             // also accept http: URLs
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: nowhere
	Audit  Audit            // nil: nobody listens
}

// Audit is told of registrations, inside the Write that makes or changes them.
type Audit interface {
	Record(ctx context.Context, action, kind, id string, before, after any) error
}

type noAudit struct{}

func (noAudit) Record(context.Context, string, string, string, any, any) error { return nil }

// Service keeps and serves webhooks.
type Service struct {
	store Store
	cfg   Config
	seal  secret.Sealer
}

// New returns the webhooks kept in store.
func New(store Store, cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Audit == nil {
		cfg.Audit = noAudit{}
	}
	return &Service{store: store, cfg: cfg, seal: secret.NewSealer(cfg.Key)}
}
