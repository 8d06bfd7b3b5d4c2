package webhook

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// Limits, in characters, but for the secret's.
const (
	maxName        = 63
	maxURL         = 500
	maxDescription = 1000
	maxSecret      = 1000 // bytes
	defaultPage    = 100
	maxPage        = 1000
)

// Change is a registration to be made or, with nil for what stays, changed.
type Change struct {
	Name        *string
	URL         *string
	Description *string
	Secret      *string // "" removes it
	Active      *bool
	Events      []Event // nil: unchanged
}

// Create registers a webhook. Name, URL and events are needed; it is active
// unless the request says otherwise.
func (s *Service) Create(ctx context.Context, c Change) (*Webhook, error) {
	if c.Name == nil || c.URL == nil {
		return nil, fault.Invalidf("A webhook needs a name and a url")
	}
	events, err := checkEvents(c.Events)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now().UnixMilli()
	w := &Webhook{ID: uuid(), Workspace: caller.Workspace(ctx), Active: true, Events: events, Created: now, Updated: now}
	if err := s.apply(ctx, w, c); err != nil {
		return nil, err
	}
	err = s.store.Write(ctx, func(ctx context.Context) error {
		if err := s.store.InsertWebhook(ctx, w); err != nil {
			return err
		}
		return s.cfg.Audit.Record(ctx, "webhook.create", "webhook", w.ID, nil, recordOf(w))
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Update changes a webhook.
func (s *Service) Update(ctx context.Context, id string, c Change) (*Webhook, error) {
	var events []Event
	if c.Events != nil {
		var err error
		if events, err = checkEvents(c.Events); err != nil {
			return nil, err
		}
	}
	// Checks that may look up a host come before the Write, which must be short.
	if err := s.apply(ctx, &Webhook{}, c); err != nil {
		return nil, err
	}
	var w *Webhook
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if w, err = s.Webhook(ctx, id); err != nil {
			return err
		}
		before := recordOf(w)
		s.set(w, c)
		if events != nil {
			w.Events = events
		}
		w.Updated = s.cfg.Now().UnixMilli()
		if err := s.store.UpdateWebhook(ctx, w); err != nil {
			return err
		}
		return s.cfg.Audit.Record(ctx, "webhook.update", "webhook", w.ID, before, recordOf(w))
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// record is what the audit log keeps of a webhook. Of its address it is the
// host alone: the path is a password at many receivers.
type record struct {
	Name   string  `json:"name"`
	Host   string  `json:"host"`
	Active bool    `json:"active"`
	Signed bool    `json:"signed"`
	Events []Event `json:"events"`
}

func recordOf(w *Webhook) record {
	r := record{Name: w.Name, Active: w.Active, Signed: len(w.Sealed) > 0, Events: w.Events}
	if u, err := url.Parse(w.URL); err == nil {
		r.Host = u.Host
	}
	return r
}

// apply checks c and sets it on w.
func (s *Service) apply(ctx context.Context, w *Webhook, c Change) error {
	if c.Name != nil && (len(*c.Name) > maxName || !names.MatchString(*c.Name)) {
		return fault.Invalidf("Webhook name %q is invalid. It must start and end with a letter or digit, be at most %d characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).", clip(*c.Name), maxName)
	}
	if c.URL != nil {
		if err := s.checkURL(ctx, *c.URL); err != nil {
			return err
		}
	}
	if c.Description != nil && (utf8.RuneCountInString(*c.Description) > maxDescription || strings.ContainsRune(*c.Description, 0)) {
		return fault.Invalidf("'description' exceeds the maximum length of %d characters", maxDescription)
	}
	if c.Secret != nil && len(*c.Secret) > maxSecret {
		return fault.Invalidf("'secret' exceeds the maximum length of %d bytes", maxSecret)
	}
	s.set(w, c)
	return nil
}

func (s *Service) set(w *Webhook, c Change) {
	if c.Name != nil {
		w.Name = *c.Name
	}
	if c.URL != nil {
		w.URL = *c.URL
	}
	if c.Description != nil {
		w.Description = *c.Description
	}
	if c.Secret != nil {
		w.Sealed = s.seal.Seal(w.ID, *c.Secret)
	}
	if c.Active != nil {
		w.Active = *c.Active
	}
}

var names = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$`)

func (s *Service) checkURL(ctx context.Context, raw string) error {
	if strings.TrimSpace(raw) == "" {
		return fault.Invalidf("Webhook URL cannot be empty or just whitespace: %q", clip(raw))
	}
	if utf8.RuneCountInString(raw) > maxURL {
		return fault.Invalidf("'url' exceeds the maximum length of %d characters", maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return fault.Invalidf("Invalid webhook URL %q", clip(raw))
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !s.cfg.Plain) {
		allowed := "https"
		if s.cfg.Plain {
			allowed = "https, http"
		}
		return fault.Invalidf("Invalid webhook URL scheme: '%s'. Allowed schemes are: %s.", clip(u.Scheme), allowed)
	}
	if u.Hostname() == "" {
		return fault.Invalidf("Webhook URL must include a hostname: %q", clip(raw))
	}
	if s.cfg.Sender == nil {
		return nil
	}
	return s.cfg.Sender.Allowed(ctx, raw)
}

// Webhook returns one webhook.
func (s *Service) Webhook(ctx context.Context, id string) (*Webhook, error) {
	w, err := s.store.WebhookByID(ctx, caller.Workspace(ctx), id)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("Webhook with ID %s not found.", clip(id))
	}
	return w, err
}

// Delete removes a webhook. Messages already queued for it are dropped.
func (s *Service) Delete(ctx context.Context, id string) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		w, err := s.Webhook(ctx, id)
		if err != nil {
			return err
		}
		if err := s.store.DeleteWebhook(ctx, w.Workspace, w.ID); err != nil {
			return err
		}
		return s.cfg.Audit.Record(ctx, "webhook.delete", "webhook", w.ID, recordOf(w), nil)
	})
}

// List returns a page of webhooks, newest first, and the next page's token.
// A limit of 0 is the default of 100.
func (s *Service) List(ctx context.Context, limit int, token string) ([]*Webhook, string, error) {
	if limit == 0 {
		limit = defaultPage
	}
	if limit < 1 || limit > maxPage {
		return nil, "", fault.Invalidf("max_results must be between 1 and %d.", maxPage)
	}
	return s.store.ListWebhooks(ctx, caller.Workspace(ctx), limit, token)
}

func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return strings.ToValidUTF8(s[:200], "") + "…"
}
