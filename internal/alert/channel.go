package alert

import (
	"context"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
)

// ChannelKind is how a channel is reached.
type ChannelKind string

// Kinds of channel.
const (
	Webhook ChannelKind = "webhook"
	Slack   ChannelKind = "slack"
	Email   ChannelKind = "email"
)

// Channel is where news goes. Times are unix milliseconds.
type Channel struct {
	ID        string // ch-…
	Workspace string
	Name      string
	Kind      ChannelKind
	// Target is what may be shown: a webhook's URL, the host of Slack's, whose
	// path is a credential, or addresses joined by ", ".
	Target  string
	Sealed  []byte // a webhook's shared secret, or Slack's URL; sealed
	Created int64
	Updated int64
}

// ChannelSpec is a channel as people give it.
type ChannelSpec struct {
	Name   string
	Kind   ChannelKind
	URL    string   // of a webhook or of Slack
	Secret string   // of a webhook; "" signs nothing
	To     []string // of e-mail
}

const (
	maxChannels   = 100 // in a workspace
	maxURL        = 1000
	maxSecret     = 1000
	maxRecipients = 20
)

// CreateChannel adds a channel.
func (s *Service) CreateChannel(ctx context.Context, spec ChannelSpec) (*Channel, error) {
	now := s.now()
	c := &Channel{ID: id.Prefixed("ch-"), Workspace: caller.Workspace(ctx), Kind: spec.Kind, Created: now, Updated: now}
	if err := s.fill(ctx, c, spec); err != nil {
		return nil, err
	}
	err := s.store.Write(ctx, func(ctx context.Context) error {
		all, err := s.store.ListChannels(ctx, c.Workspace)
		if err != nil {
			return err
		}
		if len(all) >= maxChannels {
			return fault.New(fault.Limited, "a workspace has at most %d channels", maxChannels)
		}
		if err := s.store.InsertChannel(ctx, c); err != nil {
			if fault.Is(err, fault.Exists) {
				return fault.Existsf("a channel %q exists already", clip(c.Name))
			}
			return err
		}
		return s.audit(ctx, "channel.create", "channel", c.ID, nil, c.seen())
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// seen is the channel as the audit log shows it.
func (c *Channel) seen() any {
	return map[string]any{"name": c.Name, "kind": c.Kind, "target": c.Public(), "signed": c.Kind == Webhook && c.Sealed != nil}
}

// fill checks spec and sets it on c.
func (s *Service) fill(ctx context.Context, c *Channel, spec ChannelSpec) error {
	c.Name = strings.TrimSpace(spec.Name)
	if c.Name == "" || utf8.RuneCountInString(c.Name) > maxName || !printable(c.Name) {
		return fault.Invalidf("name: a channel needs a name of at most %d characters on one line", maxName)
	}
	if len(spec.Secret) > maxSecret {
		return fault.Invalidf("secret: at most %d bytes", maxSecret)
	}
	if spec.Secret != "" && spec.Kind != Webhook {
		return fault.Invalidf("secret: only a webhook signs its messages")
	}
	switch spec.Kind {
	case Webhook:
		if err := s.checkURL(ctx, spec.URL); err != nil {
			return err
		}
		c.Target, c.Sealed = spec.URL, s.seal.Seal(c.ID, spec.Secret)
	case Slack:
		if err := s.checkURL(ctx, spec.URL); err != nil {
			return err
		}
		u, _ := url.Parse(spec.URL) // checked above
		c.Target, c.Sealed = u.Host, s.seal.Seal(c.ID, spec.URL)
	case Email:
		if s.cfg.Mailer == nil {
			return fault.New(fault.State, "this server sends no e-mail: start it with --smtp-url smtp://user:password@host:587?from=address")
		}
		to, err := recipients(spec.To)
		if err != nil {
			return err
		}
		c.Target, c.Sealed = strings.Join(to, ", "), nil
	default:
		return fault.Invalidf("kind must be webhook, slack or email, not %q", clip(string(spec.Kind)))
	}
	return nil
}

// recipients checks addresses and leaves the bare ones.
func recipients(list []string) ([]string, error) {
	var to []string
	for _, one := range list {
		a, err := mail.ParseAddress(one)
		if err != nil || len(a.Address) > 254 || !printable(a.Address) {
			return nil, fault.Invalidf("to: %q is no e-mail address", clip(one))
		}
		if !slices.Contains(to, a.Address) {
			to = append(to, a.Address)
		}
	}
	if len(to) == 0 || len(to) > maxRecipients {
		return nil, fault.Invalidf("to: e-mail needs one to %d addresses", maxRecipients)
	}
	return to, nil
}

func (s *Service) checkURL(ctx context.Context, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "" || len(raw) > maxURL || err != nil || u.Hostname() == "" || u.User != nil:
		return fault.Invalidf("url: an address such as https://example.com/hook is needed, without a user, of at most %d characters", maxURL)
	case u.Scheme != "https" && (u.Scheme != "http" || !s.cfg.Plain):
		return fault.Invalidf("url: it must begin with https://; allow-private-addresses also allows http://")
	case s.cfg.Sender == nil:
		return nil
	}
	return s.cfg.Sender.Allowed(ctx, raw)
}

// Channel returns one channel.
func (s *Service) Channel(ctx context.Context, channelID string) (*Channel, error) {
	c, err := s.store.ChannelByID(ctx, caller.Workspace(ctx), channelID)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("no channel %q", clip(channelID))
	}
	return c, err
}

// Channels lists the channels of the caller's workspace by name.
func (s *Service) Channels(ctx context.Context) ([]*Channel, error) {
	return s.store.ListChannels(ctx, caller.Workspace(ctx))
}

// UpdateChannel replaces a channel, whose kind stays. An empty Secret, or an
// empty URL of Slack, keeps the one there is.
func (s *Service) UpdateChannel(ctx context.Context, channelID string, spec ChannelSpec) (*Channel, error) {
	old, err := s.Channel(ctx, channelID)
	if err != nil {
		return nil, err
	}
	if spec.Kind != "" && spec.Kind != old.Kind {
		return nil, fault.Invalidf("kind: a channel stays what it is; add another")
	}
	spec.Kind = old.Kind
	kept, err := s.seal.Open(old.ID, old.Sealed)
	if err != nil {
		return nil, err
	}
	if spec.Kind == Slack && spec.URL == "" {
		spec.URL = kept
	}
	if spec.Kind == Webhook && spec.Secret == "" && spec.URL == old.Target {
		spec.Secret = kept // not for another receiver, who was not given it
	}
	filled := &Channel{ID: old.ID, Kind: old.Kind}
	if err := s.fill(ctx, filled, spec); err != nil { // may look up a host: before the Write
		return nil, err
	}
	var c *Channel
	err = s.store.Write(ctx, func(ctx context.Context) error {
		if c, err = s.Channel(ctx, channelID); err != nil {
			return err
		}
		before := c.seen()
		c.Name, c.Target, c.Sealed, c.Updated = filled.Name, filled.Target, filled.Sealed, s.now()
		if err := s.store.UpdateChannel(ctx, c); err != nil {
			if fault.Is(err, fault.Exists) {
				return fault.Existsf("a channel %q exists already", clip(c.Name))
			}
			return err
		}
		return s.audit(ctx, "channel.update", "channel", c.ID, before, c.seen())
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// DeleteChannel removes a channel, what waits for it, and its place in rules.
func (s *Service) DeleteChannel(ctx context.Context, channelID string) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		c, err := s.Channel(ctx, channelID)
		if err != nil {
			return err
		}
		rules, err := s.store.ListRules(ctx, c.Workspace)
		if err != nil {
			return err
		}
		for _, r := range rules {
			if i := slices.Index(r.Channels, c.ID); i >= 0 {
				r.Channels = slices.Delete(r.Channels, i, i+1)
				r.Updated = s.now()
				if err := s.store.UpdateRule(ctx, r); err != nil {
					return err
				}
			}
		}
		if err := s.store.DeleteChannel(ctx, c.Workspace, c.ID); err != nil {
			return err
		}
		return s.audit(ctx, "channel.delete", "channel", c.ID, c.seen(), nil)
	})
}

// Public is a channel's target for those who may not change it: the path of a
// webhook's URL may be a credential, as it is with chat services.
func (c *Channel) Public() string {
	u, err := url.Parse(c.Target)
	if c.Kind != Webhook || err != nil {
		return c.Target
	}
	return u.Host
}

// CanMail reports whether this server sends e-mail.
func (s *Service) CanMail() bool { return s.cfg.Mailer != nil }
