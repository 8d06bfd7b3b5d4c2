package webhook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/secret"
)

// Headers of a message.
const (
	HeaderDelivery  = "X-MLflow-Delivery-Id"
	HeaderTimestamp = "X-MLflow-Timestamp"
	HeaderSignature = "X-MLflow-Signature"
)

// Delivery is one message to one webhook, as a queue keeps it.
type Delivery struct {
	ID        string          `json:"id"` // the same in every attempt
	Workspace string          `json:"workspace"`
	Webhook   string          `json:"webhook"`
	Body      json.RawMessage `json:"body"` // the message, byte for byte
}

// message is the body of a delivery.
type message struct {
	Entity    string `json:"entity"`
	Action    string `json:"action"`
	Timestamp string `json:"timestamp"` // ISO 8601 of the change, UTC
	Workspace string `json:"workspace"`
	Data      any    `json:"data"`
}

func (s *Service) message(e Event, workspace string, data any) ([]byte, error) {
	body, err := json.Marshal(message{
		Entity: e.Entity, Action: e.Action, Workspace: workspace, Data: data,
		Timestamp: s.cfg.Now().UTC().Format("2006-01-02T15:04:05.000000-07:00"),
	})
	return body, fault.Wrap(fault.Internal, "webhook.message", err, "the message of %s cannot be encoded", e)
}

// Publish queues a message for every active webhook of the event in the
// caller's workspace. It joins the Write that ctx carries. A message that the
// queue has no room for is dropped and logged.
func (s *Service) Publish(ctx context.Context, entity, action string, data any) error {
	if s.cfg.Queue == nil {
		return nil
	}
	e := Event{entity, action}
	workspace := caller.Workspace(ctx)
	ids, err := s.store.Subscribers(ctx, workspace, e)
	if err != nil || len(ids) == 0 {
		return err
	}
	body, err := s.message(e, workspace, data)
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := s.cfg.Queue.EnqueueDelivery(ctx, Delivery{ID: uuid(), Workspace: workspace, Webhook: id, Body: body})
		if fault.Is(err, fault.Limited) || fault.Is(err, fault.TooLarge) {
			// A receiver that is down for long must not stop the registry.
			s.cfg.Log.Warn("webhook message dropped", "webhook", id, "event", e.String(), "error", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Deliver makes one attempt at d. An Unavailable fault asks for another; any
// other error is final. A webhook deleted or disabled since is no error.
func (s *Service) Deliver(ctx context.Context, d Delivery) error {
	w, err := s.store.WebhookByID(ctx, d.Workspace, d.Webhook)
	if fault.Is(err, fault.NotFound) || err == nil && !w.Active {
		return nil
	}
	if err != nil {
		return err
	}
	status, _, err := s.post(ctx, w, d.ID, d.Body)
	if err != nil {
		return err
	}
	switch {
	case status < 300:
		return nil
	case status == 408 || status == 425 || status == 429 || status >= 500:
		return fault.New(fault.Unavailable, "webhook %s answered %d", w.Name, status)
	}
	return fault.Invalidf("webhook %s refused the message with status %d", w.Name, status)
}

func (s *Service) post(ctx context.Context, w *Webhook, delivery string, body []byte) (int, string, error) {
	if s.cfg.Sender == nil {
		return 0, "", fault.New(fault.Unsupported, "this server cannot call out")
	}
	if err := s.checkURL(ctx, w.URL); err != nil {
		return 0, "", err
	}
	shared, err := s.seal.Open(w.ID, w.Sealed)
	if err != nil {
		return 0, "", err
	}
	now := strconv.FormatInt(s.cfg.Now().Unix(), 10)
	header := map[string]string{"Content-Type": "application/json", HeaderDelivery: delivery, HeaderTimestamp: now}
	if shared != "" {
		header[HeaderSignature] = secret.Signature(shared, delivery, now, body)
	}
	status, answer, err := s.cfg.Sender.Post(ctx, w.URL, header, body)
	if err != nil && fault.KindOf(err) == fault.Internal {
		err = fault.Wrap(fault.Unavailable, "webhook.post", err, "webhook %s could not be reached", w.Name)
	}
	return status, answer, err
}

// TestResult is the outcome of a test message.
type TestResult struct {
	Success bool
	Status  int    // of the answer; 0 without one
	Answer  string // the beginning of its body
	Error   string // why there was no answer
}

// testTimeout bounds how long a test waits for an answer.
const testTimeout = 15 * time.Second

// Test sends an example of event, or of the webhook's first event if it is the
// zero value, at once and once.
func (s *Service) Test(ctx context.Context, id string, e Event) (TestResult, error) {
	w, err := s.Webhook(ctx, id)
	if err != nil {
		return TestResult{}, err
	}
	if e == (Event{}) {
		e = w.Events[0]
	}
	if err := e.check(); err != nil {
		return TestResult{}, err
	}
	body, err := s.message(e, w.Workspace, examples[e])
	if err != nil {
		return TestResult{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	status, answer, err := s.post(ctx, w, uuid(), body)
	if err != nil {
		s.cfg.Log.Warn("webhook test failed", "webhook", w.ID, "error", err)
		return TestResult{Error: "Failed to test webhook: " + fault.Message(err)}, nil
	}
	return TestResult{Success: status < 400, Status: status, Answer: answer}, nil
}

// uuid returns a random UUID (version 4).
func uuid() string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
