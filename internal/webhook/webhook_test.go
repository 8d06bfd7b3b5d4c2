package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/secret"
)

// memory is a store of one workspace's webhooks.
type memory map[string]*Webhook

func (m memory) Write(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }
func (m memory) InsertWebhook(_ context.Context, w *Webhook) error               { m[w.ID] = w; return nil }
func (m memory) UpdateWebhook(_ context.Context, w *Webhook) error               { m[w.ID] = w; return nil }
func (m memory) DeleteWebhook(_ context.Context, _, id string) error             { delete(m, id); return nil }

func (m memory) WebhookByID(_ context.Context, _, id string) (*Webhook, error) {
	if w := m[id]; w != nil {
		copied := *w
		return &copied, nil
	}
	return nil, fault.NotFoundf("no")
}

func (m memory) ListWebhooks(context.Context, string, int, string) ([]*Webhook, string, error) {
	return nil, "", nil
}

func (m memory) Subscribers(_ context.Context, _ string, e Event) (ids []string, err error) {
	for id, w := range m {
		for _, own := range w.Events {
			if own == e && w.Active {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

// receiver answers with a status and keeps what it got.
type receiver struct {
	status int
	err    error
	header map[string]string
	body   []byte
}

func (r *receiver) Allowed(context.Context, string) error { return nil }

func (r *receiver) Post(_ context.Context, _ string, header map[string]string, body []byte) (int, string, error) {
	r.header, r.body = header, body
	return r.status, "answer", r.err
}

type queue struct {
	list []Delivery
	err  error
}

func (q *queue) EnqueueDelivery(_ context.Context, d Delivery) error {
	if q.err != nil {
		return q.err
	}
	q.list = append(q.list, d)
	return nil
}

func bench(t *testing.T) (*Service, memory, *queue, *receiver, *Webhook) {
	t.Helper()
	store, q, r := memory{}, &queue{}, &receiver{status: 200}
	s := New(store, Config{Queue: q, Sender: r, Key: [32]byte{7}, Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	name, url, secret := "hook", "https://example.com/x", "s3cret"
	w, err := s.Create(t.Context(), Change{Name: &name, URL: &url, Secret: &secret, Events: []Event{{"prompt", "created"}}})
	if err != nil {
		t.Fatal(err)
	}
	return s, store, q, r, w
}

func TestADeliveryIsSignedAndRepeatable(t *testing.T) {
	s, _, q, r, w := bench(t)
	if err := s.Publish(t.Context(), "prompt", "created", map[string]string{"name": "p"}); err != nil || len(q.list) != 1 {
		t.Fatalf("%v, %v", q.list, err)
	}
	if err := s.Publish(t.Context(), "prompt_tag", "set", nil); err != nil || len(q.list) != 1 {
		t.Fatalf("an event nobody wants was queued: %v, %v", q.list, err)
	}
	d := q.list[0]
	for range 2 {
		if err := s.Deliver(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if r.header[HeaderDelivery] != d.ID || r.header[HeaderSignature] != secret.Signature("s3cret", d.ID, "1700000000", d.Body) || string(r.body) != string(d.Body) {
			t.Errorf("headers %v", r.header)
		}
	}
	var m map[string]any
	if err := json.Unmarshal(r.body, &m); err != nil || m["entity"] != "prompt" || m["action"] != "created" || m["timestamp"] != "2023-11-14T22:13:20.000000+00:00" {
		t.Errorf("message %s, %v", r.body, err)
	}
	off := false
	if _, err := s.Update(t.Context(), w.ID, Change{Active: &off}); err != nil {
		t.Fatal(err)
	}
	r.header = nil
	if err := s.Deliver(t.Context(), d); err != nil || r.header != nil {
		t.Errorf("a disabled webhook was called: %v", err)
	}
	if err := s.Delete(t.Context(), w.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Deliver(t.Context(), d); err != nil {
		t.Errorf("a message to a deleted webhook: %v", err)
	}
}

func TestAnswersDecideWhetherToTryAgain(t *testing.T) {
	s, _, _, r, w := bench(t)
	d := Delivery{ID: "d", Workspace: w.Workspace, Webhook: w.ID, Body: json.RawMessage(`{}`)}
	for status, kind := range map[int]fault.Kind{500: fault.Unavailable, 503: fault.Unavailable, 429: fault.Unavailable, 408: fault.Unavailable, 400: fault.Invalid, 404: fault.Invalid, 302: fault.Invalid} {
		r.status = status
		if err := s.Deliver(t.Context(), d); !fault.Is(err, kind) {
			t.Errorf("status %d: %v; want kind %v", status, err, kind)
		}
	}
	r.err = errors.New("refused")
	if err := s.Deliver(t.Context(), d); !fault.Is(err, fault.Unavailable) {
		t.Errorf("no answer: %v", err)
	}
	result, err := s.Test(t.Context(), w.ID, Event{})
	if err != nil || result.Success || result.Error == "" || result.Status != 0 {
		t.Errorf("test without an answer: %+v, %v", result, err)
	}
	r.err, r.status = nil, 418
	if result, err = s.Test(t.Context(), w.ID, Event{"model_version", "created"}); err != nil || result.Success || result.Status != 418 || result.Answer != "answer" {
		t.Errorf("test refused by its receiver: %+v, %v", result, err)
	}
}

func TestAFullQueueDoesNotStopTheCause(t *testing.T) {
	s, _, q, _, _ := bench(t)
	q.err = fault.New(fault.Limited, "full")
	if err := s.Publish(t.Context(), "prompt", "created", nil); err != nil {
		t.Errorf("full queue: %v", err)
	}
	q.err = errors.New("broken")
	if err := s.Publish(t.Context(), "prompt", "created", nil); err == nil {
		t.Error("a broken queue went unnoticed")
	}
}

func TestRegistrationsAreChecked(t *testing.T) {
	s := New(memory{}, Config{})
	text := func(s string) *string { return &s }
	good := []Event{{"prompt", "created"}}
	for name, c := range map[string]Change{
		"no name":        {URL: text("https://h/x"), Events: good},
		"no url":         {Name: text("n"), Events: good},
		"no events":      {Name: text("n"), URL: text("https://h/x")},
		"bad name":       {Name: text("-n"), URL: text("https://h/x"), Events: good},
		"long name":      {Name: text(strings.Repeat("n", 64)), URL: text("https://h/x"), Events: good},
		"plain http":     {Name: text("n"), URL: text("http://h/x"), Events: good},
		"other scheme":   {Name: text("n"), URL: text("file:///etc/passwd"), Events: good},
		"no host":        {Name: text("n"), URL: text("https:///x"), Events: good},
		"blank url":      {Name: text("n"), URL: text(" "), Events: good},
		"unknown entity": {Name: text("n"), URL: text("https://h/x"), Events: []Event{{"run", "created"}}},
		"unknown action": {Name: text("n"), URL: text("https://h/x"), Events: []Event{{"prompt", "deleted"}}},
		"long secret":    {Name: text("n"), URL: text("https://h/x"), Events: good, Secret: text(strings.Repeat("s", 1001))},
	} {
		if _, err := s.Create(t.Context(), c); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v; want an Invalid fault", name, err)
		}
	}
	for e := range examples {
		if err := e.check(); err != nil {
			t.Error(err)
		}
	}
}
