package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
	"github.com/assayhq/assay/internal/secret"
)

// Headers of a webhook's message.
const (
	HeaderDelivery  = "X-Assay-Delivery-Id"
	HeaderTimestamp = "X-Assay-Timestamp"
	HeaderSignature = "X-Assay-Signature"
)

// DeliveryState is how far a message is.
type DeliveryState string

// States of a message.
const (
	Waiting DeliveryState = "waiting"
	Sent    DeliveryState = "sent"
	GivenUp DeliveryState = "given_up"
)

// Outgoing is a message in the outbox. Its id is the delivery id: the same in
// every attempt.
type Outgoing struct {
	ID        string
	Workspace string
	Channel   string
	Rule      string
	Body      []byte // the [Message] as JSON
	State     DeliveryState
	Reason    string // why it was given up
	Created   int64  // unix milliseconds
	Ended     int64
}

// post puts a message into the outbox. What came before it for the same
// channel and rule goes first; a reminder behind it is superfluous.
func (s *Service) post(ctx context.Context, r *Rule, channel string, m *Message, now int64) error {
	_, err := s.store.NextMessage(ctx, channel, r.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	first := fault.Is(err, fault.NotFound)
	if !first && m.Type == string(eventReminder) {
		return nil
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fault.Wrap(fault.Internal, "alert.post", err, "the message of rule %s cannot be encoded", r.ID)
	}
	out := &Outgoing{ID: id.Prefixed("ad-"), Workspace: r.Workspace, Channel: channel, Rule: r.ID, Body: body, State: Waiting, Created: now}
	if err := s.store.InsertMessage(ctx, out); err != nil {
		return err
	}
	if first {
		return s.enqueue(ctx, out)
	}
	return nil
}

// enqueue asks for the delivery of out. A full queue is no failure: the next
// pass asks again.
func (s *Service) enqueue(ctx context.Context, out *Outgoing) error {
	if s.cfg.Queue == nil {
		return nil
	}
	err := s.cfg.Queue.EnqueueMessage(ctx, out.Workspace, out.ID)
	if fault.Is(err, fault.Limited) {
		s.cfg.Log.Warn("an alert waits for room in the queue", "message", out.ID)
		return nil
	}
	return err
}

// Deliver makes one attempt at a message. Unavailable asks for another; any
// other error is final. What was delivered, or has nobody to go to, is no
// error.
func (s *Service) Deliver(ctx context.Context, messageID string) error {
	out, err := s.store.MessageByID(ctx, messageID)
	if fault.Is(err, fault.NotFound) || err == nil && out.State == Sent {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := s.store.ChannelByID(ctx, out.Workspace, out.Channel)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	m := new(Message)
	if err := json.Unmarshal(out.Body, m); err != nil {
		return fault.Wrap(fault.Invalid, "alert.Deliver", err, "message %s is damaged", out.ID)
	}
	answer, err := s.send(ctx, c, out.ID, m)
	if err != nil {
		return err
	}
	return judgeAnswer(c, answer)
}

// Later is an Unavailable fault whose receiver asked to be left alone.
type Later struct {
	Cause error
	After time.Duration
}

func (e *Later) Error() string             { return e.Cause.Error() }
func (e *Later) Unwrap() error             { return e.Cause }
func (e *Later) RetryAfter() time.Duration { return e.After }

// judgeAnswer turns a receiver's answer into what becomes of the message.
func judgeAnswer(c *Channel, a Answer) error {
	switch {
	case a.Status >= 200 && a.Status < 300:
		return nil
	case a.Status == http408 || a.Status == http425 || a.Status == http429 || a.Status >= 500:
		err := fault.New(fault.Unavailable, "channel %s answered %d", c.Name, a.Status)
		if a.RetryAfter > 0 {
			return &Later{err, a.RetryAfter}
		}
		return err
	}
	return fault.Invalidf("channel %s refused the message with status %d", c.Name, a.Status)
}

// send makes one call to a channel. Mail answers 250, as its servers do.
func (s *Service) send(ctx context.Context, c *Channel, delivery string, m *Message) (Answer, error) {
	kept, err := s.seal.Open(c.ID, c.Sealed)
	if err != nil {
		return Answer{}, err
	}
	if c.Kind == Email {
		if s.cfg.Mailer == nil {
			return Answer{}, fault.New(fault.Unavailable, "this server sends no e-mail: smtp-url is not set")
		}
		if err := s.cfg.Mailer.SendMail(ctx, m.mail(delivery, strings.Split(c.Target, ", "))); err != nil {
			return Answer{}, err
		}
		return Answer{Status: 250, Body: "taken by the mail server"}, nil
	}
	if s.cfg.Sender == nil {
		return Answer{}, fault.New(fault.Unsupported, "this server cannot call out")
	}
	header := map[string]string{"Content-Type": "application/json"}
	to, body := c.Target, []byte(nil)
	if c.Kind == Slack {
		to = kept
		body, err = m.slackBody()
	} else if body, err = m.webhookBody(); err == nil {
		at := strconv.FormatInt(s.cfg.Now().Unix(), 10)
		header[HeaderDelivery], header[HeaderTimestamp] = delivery, at
		if kept != "" {
			header[HeaderSignature] = secret.Signature(kept, delivery, at, body)
		}
	}
	if err != nil {
		return Answer{}, fault.Wrap(fault.Internal, "alert.send", err, "the message for channel %s cannot be encoded", c.Name)
	}
	answer, err := s.cfg.Sender.Send(ctx, to, header, body)
	if err != nil && (fault.KindOf(err) == fault.Internal || c.Kind == Slack) {
		// The cause may name Slack's URL, which is a secret.
		kind := fault.KindOf(err)
		if kind == fault.Internal {
			kind = fault.Unavailable
		}
		err = fault.New(kind, "channel %s could not be reached", c.Name)
	}
	return answer, err
}

// Delivered marks a message sent, inside the Write that ends its job, and
// queues the next for the same channel and rule.
func (s *Service) Delivered(ctx context.Context, messageID string) error {
	return s.end(ctx, messageID, Sent, "")
}

// GiveUp marks a message that could not be delivered, inside the Write that
// ends its job, tells of it, and queues the next.
func (s *Service) GiveUp(ctx context.Context, messageID, reason string) error {
	return s.end(ctx, messageID, GivenUp, reason)
}

func (s *Service) end(ctx context.Context, messageID string, state DeliveryState, reason string) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		out, err := s.store.MessageByID(ctx, messageID)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil || out.State == state {
			return err
		}
		if err := s.store.EndMessage(ctx, out.ID, state, clip(reason), s.now()); err != nil {
			return err
		}
		if state == GivenUp && s.cfg.Notices != nil {
			name := out.Channel
			if c, err := s.store.ChannelByID(ctx, out.Workspace, out.Channel); err == nil {
				name = c.Name
			}
			ctx := caller.With(ctx, system(out.Workspace))
			title := fmt.Sprintf("An alert could not be delivered to %s: %s", name, clip(reason))
			if err := s.cfg.Notices.Add(ctx, "delivery_failed", title, "/w/"+url.PathEscape(out.Workspace)+"/alerts?tab=channels"); err != nil {
				return err
			}
		}
		next, err := s.store.NextMessage(ctx, out.Channel, out.Rule)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.enqueue(ctx, next)
	})
}

// TestResult is what came of a test message.
type TestResult struct {
	OK     bool
	Status int    // of the answer; 0 without one
	Answer string // its beginning
	Error  string // why there was no answer
}

// testTimeout bounds how long a test waits for an answer.
const testTimeout = 20 * time.Second

// TestChannel sends an example to a channel, at once and once.
func (s *Service) TestChannel(ctx context.Context, channelID string) (TestResult, error) {
	c, err := s.Channel(ctx, channelID)
	if err != nil {
		return TestResult{}, err
	}
	now := s.now()
	r := &Rule{ID: "ar-test", Workspace: c.Workspace, Spec: Spec{Name: "This is a test of channel " + c.Name, Severity: Info,
		Condition: Condition{Signal: ErrorRate, Comparison: Above, Fire: 0.05, Clear: 0.03, Window: 10 * time.Minute}}}
	r.Status = Status{State: Firing, Since: now, Value: math.NaN(), Incident: "in-test"}
	m := s.message(r, eventTest, "nothing is wrong", "all experiments", now)
	m.URL = strings.TrimSuffix(s.cfg.BaseURL(), "/") + "/w/" + url.PathEscape(c.Workspace) + "/alerts?tab=channels"
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	answer, err := s.send(ctx, c, id.Prefixed("ad-"), m)
	if err == nil {
		return TestResult{OK: judgeAnswer(c, answer) == nil, Status: answer.Status, Answer: clip(answer.Body)}, nil
	}
	s.cfg.Log.Warn("channel test failed", "channel", c.ID, "error", err)
	if fault.Is(err, fault.Canceled) {
		return TestResult{Error: "there was no answer in time"}, nil
	}
	return TestResult{Error: fault.Message(err)}, nil
}

// Statuses after which another attempt may succeed, beside all from 500 on.
const (
	http408 = 408 // timeout
	http425 = 425 // too early
	http429 = 429 // too many
)
