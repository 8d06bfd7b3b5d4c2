package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/alert"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/notice"
	"github.com/assayhq/assay/internal/sqlstore"
)

// Alerts is what rules, channels, the outbox and notices must do over a store.
func Alerts(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *sqlstore.DB){
		"Rules": testAlertRules, "History": testAlertHistory, "Pass": testAlertPass, "Outbox": testAlertOutbox, "Judge": testAlertJudge,
		"Mute": testAlertMute, "Rollback": testAlertRollback, "GivenUp": testAlertGivenUp, "TwoNodes": testAlertTwoNodes, "Channels": testAlertChannels,
		"Notices": testNotices,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// bench is the alert service over a store, with a clock, a signal and a queue
// of the test's own.
type alertBench struct {
	*alert.Service
	store   *sqlstore.Alerts
	notices *notice.Service
	now     time.Time
	reading alert.Reading
	failing error
	queued  []string
	full    error
}

func newAlertBench(db *sqlstore.DB) *alertBench {
	b := &alertBench{store: sqlstore.NewAlerts(db), now: time.UnixMilli(1_700_000_000_000)}
	b.notices = notice.New(sqlstore.NewNotices(db), func() time.Time { return b.now }, func(string) {})
	b.Service = alert.New(b.store, alert.Config{Measurer: b, Queue: b, Notices: b.notices, Now: func() time.Time { return b.now }, Plain: true})
	return b
}

func (b *alertBench) Measure(context.Context, alert.Measurement, int64, int64, int) ([]alert.Reading, error) {
	return []alert.Reading{b.reading}, b.failing
}
func (b *alertBench) ScopeName(context.Context, alert.Scope) string { return "all experiments" }
func (b *alertBench) EnqueueMessage(_ context.Context, _, message string) error {
	if b.full == nil {
		b.queued = append(b.queued, message)
	}
	return b.full
}

// pass moves the clock by a minute and judges everything.
func (b *alertBench) pass(t *testing.T, value float64) {
	t.Helper()
	b.now = b.now.Add(time.Minute)
	b.reading = alert.Reading{N: 100, Value: value, Link: "/w/default/traces?from=1"}
	if err := b.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func errorRule(channels ...string) alert.Spec {
	return alert.Spec{Name: "errors", Channels: channels, Condition: alert.Condition{Signal: alert.ErrorRate, Fire: 0.5, Clear: 0.2, Window: 10 * time.Minute}}
}

func (b *alertBench) channel(t *testing.T, name string) *alert.Channel {
	t.Helper()
	return must(b.CreateChannel(t.Context(), alert.ChannelSpec{Name: name, Kind: alert.Webhook, URL: "http://h/x", Secret: "s3cret"}))(t)
}

// outbox returns the types of what waits for a channel, oldest first, and takes
// each as delivered.
func (b *alertBench) outbox(t *testing.T, channel, rule string) (types []string) {
	t.Helper()
	for {
		m, err := b.store.NextMessage(t.Context(), channel, rule)
		if fault.Is(err, fault.NotFound) {
			return types
		}
		if err != nil {
			t.Fatal(err)
		}
		var body alert.Message
		if err := json.Unmarshal(m.Body, &body); err != nil {
			t.Fatal(err)
		}
		types = append(types, body.Type)
		if err := b.Delivered(t.Context(), m.ID); err != nil {
			t.Fatal(err)
		}
	}
}

func testAlertRules(t *testing.T, db *sqlstore.DB) {
	b := newAlertBench(db)
	spec := errorRule()
	spec.Scope = alert.Scope{Experiments: []string{"7", "3"}, Dimension: alert.ByTag, Key: "env", Value: "it's 生产"}
	r := must(b.Create(t.Context(), spec, true))(t)
	got := must(b.Rule(t.Context(), r.ID))(t)
	if fmt.Sprint(got.Spec) != fmt.Sprint(r.Spec) || !got.Enabled || got.Status.State != alert.NoData || !math.IsNaN(got.Status.Value) {
		t.Errorf("read %+v, wrote %+v", got, r)
	}
	_, err := b.Create(t.Context(), spec, true)
	wantKind(t, err, fault.Exists, "a second rule of the same name")
	elsewhere := caller.With(t.Context(), caller.Caller{User: "u", Role: caller.Admin, Workspace: "other"})
	_, err = b.Rule(elsewhere, r.ID)
	wantKind(t, err, fault.NotFound, "a rule of another workspace")
	wantKind(t, b.Delete(elsewhere, r.ID), fault.NotFound, "deleting one of another workspace")
	must(b.Create(elsewhere, spec, false))(t)
	spec.Channels = []string{"ch-none"}
	spec.Name = "other"
	_, err = b.Create(t.Context(), spec, true)
	wantKind(t, err, fault.NotFound, "a channel that does not exist")
	if all := must(b.Rules(t.Context()))(t); len(all) != 1 {
		t.Errorf("%d rules", len(all))
	}
	if err := b.Delete(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	_, err = b.Rule(t.Context(), r.ID)
	wantKind(t, err, fault.NotFound, "a deleted rule")
}

func testAlertHistory(t *testing.T, db *sqlstore.DB) {
	b := newAlertBench(db)
	r := must(b.Create(t.Context(), errorRule(), true))(t)
	for range 5 {
		b.pass(t, 1)
		b.pass(t, 0)
	}
	all := must(b.Changes(t.Context(), r.ID, 0, 100))(t)
	if len(all) != 10 || all[0].To != alert.OK || all[9].From != alert.NoData || all[9].To != alert.Firing || all[9].N != 100 || all[9].Link == "" {
		t.Fatalf("%d changes: %+v", len(all), all)
	}
	if older := must(b.Changes(t.Context(), r.ID, all[3].Seq, 3))(t); len(older) != 3 || older[0].Seq != all[4].Seq {
		t.Errorf("the page after: %+v", older)
	}
	// The store keeps as many as it is told to.
	err := b.store.Write(t.Context(), func(ctx context.Context) error {
		return b.store.AppendChange(ctx, alert.Change{Workspace: "default", Rule: r.ID, From: alert.OK, To: alert.NoData, Value: math.NaN()}, 4)
	})
	if left := must(b.Changes(t.Context(), r.ID, 0, 100))(t); err != nil || len(left) != 4 || !math.IsNaN(left[0].Value) {
		t.Errorf("%d left: %+v, %v", len(left), left, err)
	}
}

func testAlertPass(t *testing.T, db *sqlstore.DB) {
	store := sqlstore.NewAlerts(db)
	claim := func(now int64) (mine bool) {
		err := store.Write(t.Context(), func(ctx context.Context) error {
			var err error
			mine, err = store.ClaimPass(ctx, now, 1000)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return mine
	}
	for i, c := range []struct {
		now  int64
		want bool
	}{{10_000, true}, {10_500, false}, {10_999, false}, {11_000, true}, {11_000, false}, {99_000, true}, {12_000, true}, {12_001, false}, {13_000, true}} {
		if got := claim(c.now); got != c.want {
			t.Errorf("claim %d at %d: %v", i, c.now, got)
		}
	}
}

func testAlertOutbox(t *testing.T, db *sqlstore.DB) {
	b := newAlertBench(db)
	one, two := b.channel(t, "one"), b.channel(t, "two")
	spec := errorRule(one.ID, two.ID)
	spec.Remind = time.Hour
	r := must(b.Create(t.Context(), spec, true))(t)
	b.pass(t, 1)
	if len(b.queued) != 2 {
		t.Fatalf("queued %v", b.queued)
	}
	b.pass(t, 0)
	b.pass(t, 1)
	if len(b.queued) != 4 { // the later ones wait for the first; tidy asks for those again after a minute
		t.Errorf("queued %v", b.queued)
	}
	b.now = b.now.Add(2 * time.Hour)
	b.pass(t, 1) // a reminder behind what is not delivered is superfluous
	want := "[alert.firing alert.resolved alert.firing]"
	if got := fmt.Sprint(b.outbox(t, one.ID, r.ID)); got != want {
		t.Errorf("one: %s", got)
	}
	b.now = b.now.Add(2 * time.Hour)
	b.pass(t, 1)
	if got := fmt.Sprint(b.outbox(t, one.ID, r.ID)); got != "[alert.reminder]" {
		t.Errorf("one, later: %s", got)
	}
	if got := fmt.Sprint(b.outbox(t, two.ID, r.ID)); got != want {
		t.Errorf("two: %s", got)
	}
	// Deleting the rule tells of the end; deleting a channel drops what waits.
	if err := b.Delete(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteChannel(t.Context(), two.ID); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(b.outbox(t, one.ID, r.ID), b.outbox(t, two.ID, r.ID)); got != "[alert.resolved] []" {
		t.Errorf("after the rule: %s", got)
	}
	b.now = b.now.Add(40 * 24 * time.Hour)
	swept := int64(0)
	err := b.store.Write(t.Context(), func(ctx context.Context) error {
		var err error
		swept, err = b.store.SweepMessages(ctx, b.now.UnixMilli(), 100)
		return err
	})
	if err != nil || swept != 8 {
		t.Errorf("%d swept, %v", swept, err)
	}
}

func testAlertJudge(t *testing.T, db *sqlstore.DB) {
	b := newAlertBench(db)
	c := b.channel(t, "one")
	spec := errorRule(c.ID)
	spec.For = 2 * time.Minute
	r := must(b.Create(t.Context(), spec, true))(t)
	state := func() alert.State { return must(b.Rule(t.Context(), r.ID))(t).Status.State }
	b.pass(t, 1)
	// Another process finds everything as this one left it.
	b2 := newAlertBench(db)
	b2.now = b.now
	b2.pass(t, 1)
	b2.pass(t, 1)
	if state() != alert.Firing {
		t.Fatalf("after two minutes: %s", state())
	}
	b3 := newAlertBench(db)
	b3.now = b2.now
	b3.pass(t, 0.3)
	b3.failing = errors.New("the database is away")
	b3.pass(t, 0)
	got := must(b.Rule(t.Context(), r.ID))(t)
	if got.Status.State != alert.Firing || got.Status.Problem == "" {
		t.Errorf("a reading that failed changed the state to %s (%q)", got.Status.State, got.Status.Problem)
	}
	b3.failing = nil
	b3.pass(t, 0)
	if got := fmt.Sprint(b.outbox(t, c.ID, r.ID)); got != "[alert.firing alert.resolved]" || state() != alert.OK {
		t.Errorf("told %s, state %s", got, state())
	}
	// Another condition starts anew; what fires ends.
	for range 3 {
		b3.pass(t, 1)
	}
	spec.Fire = 0.9
	b3.now = b3.now.Add(time.Second)
	must(b3.Update(t.Context(), r.ID, spec, true))(t)
	if got := fmt.Sprint(b.outbox(t, c.ID, r.ID)); got != "[alert.firing alert.resolved]" || state() != alert.NoData {
		t.Errorf("after the change: %s, %s", got, state())
	}
}

func testAlertMute(t *testing.T, db *sqlstore.DB) {
	b := newAlertBench(db)
	c := b.channel(t, "one")
	r := must(b.Create(t.Context(), errorRule(c.ID), true))(t)
	_, err := b.Mute(t.Context(), r.ID, b.now.Add(time.Hour).UnixMilli(), " ")
	wantKind(t, err, fault.Invalid, "a mute without a reason")
	must(b.Mute(t.Context(), r.ID, b.now.Add(10*time.Minute).UnixMilli(), "it moves"))(t)
	b.pass(t, 1)
	b.pass(t, 0)
	b.pass(t, 1)
	if got := b.outbox(t, c.ID, r.ID); got != nil {
		t.Errorf("muted, and told %v", got)
	}
	b.now = b.now.Add(10 * time.Minute)
	b.pass(t, 1)
	if got := fmt.Sprint(b.outbox(t, c.ID, r.ID)); got != "[alert.firing]" {
		t.Errorf("after the mute: %s", got)
	}
	must(b.Mute(t.Context(), r.ID, b.now.Add(time.Hour).UnixMilli(), "again"))(t)
	b.pass(t, 0)
	must(b.Mute(t.Context(), r.ID, 0, ""))(t)
	b.pass(t, 0)
	if got := fmt.Sprint(b.outbox(t, c.ID, r.ID)); got != "[alert.resolved]" {
		t.Errorf("after the second: %s", got)
	}
	if all := must(b.Changes(t.Context(), r.ID, 0, 100))(t); len(all) != 4 {
		t.Errorf("the history has %d lines", len(all))
	}
}

// A state, its line and its messages are one write.
func testAlertRollback(t *testing.T, db *sqlstore.DB) {
	b := newAlertBench(db)
	c := b.channel(t, "one")
	r := must(b.Create(t.Context(), errorRule(c.ID), true))(t)
	b.full = errors.New("broken")
	b.pass(t, 1)
	got := must(b.Rule(t.Context(), r.ID))(t)
	if got.Status.State != alert.NoData || len(must(b.Changes(t.Context(), r.ID, 0, 10))(t)) != 0 || b.outbox(t, c.ID, r.ID) != nil {
		t.Errorf("something was kept: %+v", got.Status)
	}
	// A queue that is full is none of that: the message waits, and is asked for
	// again.
	b.full = fault.New(fault.Limited, "full")
	b.pass(t, 1)
	b.full = nil
	b.now = b.now.Add(time.Minute)
	b.pass(t, 1)
	if len(b.queued) != 1 {
		t.Errorf("queued %v", b.queued)
	}
	if got := fmt.Sprint(b.outbox(t, c.ID, r.ID)); got != "[alert.firing]" {
		t.Errorf("told %s", got)
	}
}

func testAlertGivenUp(t *testing.T, db *sqlstore.DB) {
	b := newAlertBench(db)
	c := b.channel(t, "one")
	r := must(b.Create(t.Context(), errorRule(c.ID), true))(t)
	b.pass(t, 1)
	b.pass(t, 0)
	first := must(b.store.NextMessage(t.Context(), c.ID, r.ID))(t)
	b.queued = nil
	if err := b.GiveUp(t.Context(), first.ID, "channel one answered 500"); err != nil {
		t.Fatal(err)
	}
	next := must(b.store.NextMessage(t.Context(), c.ID, r.ID))(t)
	if len(b.queued) != 1 || b.queued[0] != next.ID || next.ID == first.ID {
		t.Errorf("queued %v, next %s", b.queued, next.ID)
	}
	page := must(b.notices.List(t.Context(), 10, ""))(t)
	if len(page.Notices) != 3 || page.Notices[0].Kind != notice.DeliveryFailed || !strings.Contains(page.Notices[0].Title, "one") {
		t.Errorf("notices %+v", page.Notices)
	}
	if got := must(b.store.MessageByID(t.Context(), first.ID))(t); got.State != alert.GivenUp || got.Reason == "" || got.Ended == 0 {
		t.Errorf("the message: %+v", got)
	}
}

// Two processes judge at once: one of them does.
func testAlertTwoNodes(t *testing.T, db *sqlstore.DB) {
	a, b := newAlertBench(db), newAlertBench(db)
	c := a.channel(t, "one")
	r := must(a.Create(t.Context(), errorRule(c.ID), true))(t)
	a.now = a.now.Add(time.Minute)
	b.now = a.now
	a.reading, b.reading = alert.Reading{N: 100, Value: 1}, alert.Reading{N: 100, Value: 1}
	errs := make(chan error, 2)
	for _, x := range []*alertBench{a, b} {
		go func() { errs <- x.Pass(context.Background()) }()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := fmt.Sprint(a.outbox(t, c.ID, r.ID)); got != "[alert.firing]" {
		t.Errorf("told %s", got)
	}
}

func testAlertChannels(t *testing.T, db *sqlstore.DB) {
	b := newAlertBench(db)
	c := b.channel(t, "one")
	if got := must(b.Channel(t.Context(), c.ID))(t); strings.Contains(string(got.Sealed), "s3cret") || got.Target != "http://h/x" || len(got.Sealed) == 0 {
		t.Errorf("%+v", got)
	}
	slack := must(b.CreateChannel(t.Context(), alert.ChannelSpec{Name: "two", Kind: alert.Slack, URL: "http://hooks/T/B/token"}))(t)
	if got := must(b.Channel(t.Context(), slack.ID))(t); strings.Contains(got.Target+string(got.Sealed), "token") || got.Target != "hooks" {
		t.Errorf("%+v", got)
	}
	for name, spec := range map[string]alert.ChannelSpec{
		"no name": {Kind: alert.Webhook, URL: "http://h"}, "no url": {Name: "x", Kind: alert.Webhook}, "no kind": {Name: "x", URL: "http://h"},
		"user in the url": {Name: "x", Kind: alert.Webhook, URL: "http://u:p@h"}, "file": {Name: "x", Kind: alert.Webhook, URL: "file:///etc"},
		"secret for slack": {Name: "x", Kind: alert.Slack, URL: "http://h", Secret: "s"}, "lines": {Name: "x\ny", Kind: alert.Webhook, URL: "http://h"},
	} {
		_, err := b.CreateChannel(t.Context(), spec)
		wantKind(t, err, fault.Invalid, name)
	}
	_, err := b.CreateChannel(t.Context(), alert.ChannelSpec{Name: "x", Kind: alert.Email, To: []string{"a@example.com"}})
	wantKind(t, err, fault.State, "mail without a mail server")
	_, err = b.CreateChannel(t.Context(), alert.ChannelSpec{Name: "one", Kind: alert.Webhook, URL: "http://h"})
	wantKind(t, err, fault.Exists, "a second channel of the same name")
	moved := must(b.UpdateChannel(t.Context(), c.ID, alert.ChannelSpec{Name: "one", URL: "http://elsewhere/x"}))(t)
	if len(moved.Sealed) != 0 {
		t.Error("the secret went along to another receiver")
	}
}

func testNotices(t *testing.T, db *sqlstore.DB) {
	now := time.UnixMilli(1_700_000_000_000)
	store := sqlstore.NewNotices(db)
	s := notice.New(store, func() time.Time { return now }, func(string) {})
	as := func(user, ws string) context.Context {
		return caller.With(t.Context(), caller.Caller{User: user, Role: caller.Viewer, Workspace: ws})
	}
	ada, bob, far := as("ada", "default"), as("bob", "default"), as("ada", "far")
	for i := range 5 {
		kind := []string{notice.AlertFiring, notice.JobFailed}[i%2]
		if err := s.Add(ada, kind, fmt.Sprintf("number %d", i), "/w/default"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(far, notice.JobFailed, "elsewhere", "/w/far"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.Add(ada, "gossip", "x", "/"), fault.Internal, "an unknown kind")
	p := must(s.List(ada, 2, ""))(t)
	if len(p.Notices) != 2 || p.Notices[0].Title != "number 4" || p.Unread != 5 || p.Next == "" {
		t.Fatalf("%+v", p)
	}
	if more := must(s.List(ada, 3, p.Next))(t); len(more.Notices) != 3 || more.Notices[0].Title != "number 2" || more.Next != "" {
		t.Errorf("the page after: %+v", more)
	}
	if err := s.MarkRead(ada, []int64{p.Notices[0].Seq, p.Notices[0].Seq, 99999}); err != nil {
		t.Fatal(err)
	}
	if p := must(s.List(ada, 10, ""))(t); p.Unread != 4 || !p.Notices[0].Read || p.Notices[1].Read {
		t.Errorf("after reading one: %+v", p)
	}
	if p := must(s.List(bob, 10, ""))(t); p.Unread != 5 {
		t.Errorf("another person has %d unread", p.Unread)
	}
	if err := s.Mute(ada, []string{notice.JobFailed, notice.JobFailed}); err != nil {
		t.Fatal(err)
	}
	if p := must(s.List(ada, 10, ""))(t); len(p.Notices) != 3 || p.Unread != 2 || fmt.Sprint(p.Muted) != "[job_failed]" {
		t.Errorf("muted: %+v", p)
	}
	wantKind(t, s.Mute(ada, []string{"gossip"}), fault.Invalid, "muting an unknown kind")
	if err := s.MarkAllRead(ada); err != nil {
		t.Fatal(err)
	}
	if p := must(s.List(ada, 10, ""))(t); p.Unread != 0 || len(p.Muted) != 1 {
		t.Errorf("all read: %+v", p)
	}
	if p := must(s.List(far, 10, ""))(t); p.Unread != 1 || len(p.Notices) != 1 {
		t.Errorf("another workspace: %+v", p)
	}
	err := store.Write(t.Context(), func(ctx context.Context) error {
		return store.InsertNotice(ctx, "default", notice.Notice{Kind: notice.JobFailed, Title: "last", Path: "/"}, 3)
	})
	if p := must(s.List(bob, 10, ""))(t); err != nil || len(p.Notices) != 3 || p.Notices[0].Title != "last" {
		t.Errorf("%d kept, %v", len(p.Notices), err)
	}
}
