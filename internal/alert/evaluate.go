package alert

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
)

// Change is a line of a rule's history.
type Change struct {
	Seq       int64
	Workspace string
	Rule      string
	Time      int64 // unix milliseconds
	From, To  State
	Value     float64 // NaN unknown
	N         int64
	Reason    string
	Link      string // path of the user interface that opens the traces
}

// Start begins the passes.
func (s *Service) Start(context.Context) error {
	s.loop.Go(s.run)
	return nil
}

// Stop ends the passes; one at work is finished first. It may be called twice.
func (s *Service) Stop(context.Context) error {
	s.stop.Do(func() { close(s.quit) })
	s.loop.Wait()
	return nil
}

func (s *Service) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { <-s.quit; cancel() }()
	tick := time.NewTicker(s.cfg.Every)
	defer tick.Stop()
	for {
		if err := s.Pass(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("alert rules could not be judged", "error", err)
		}
		select {
		case <-tick.C:
		case <-s.quit:
			return
		}
	}
}

// keepMessages is how long delivered messages stay.
const keepMessages = 30 * day

// Pass judges every rule once, unless another process has just done so.
func (s *Service) Pass(ctx context.Context) error {
	now, mine := s.now(), false
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		// A tenth early is on time: tickers are not exact.
		mine, err = s.store.ClaimPass(ctx, now, s.cfg.Every.Milliseconds()*9/10)
		return err
	})
	if err != nil || !mine {
		return err
	}
	rules, err := s.store.ListRules(ctx, "")
	if err != nil {
		return err
	}
	for _, r := range rules {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !r.Enabled && r.Status.Incident == "" {
			continue
		}
		ctx := caller.With(ctx, system(r.Workspace))
		if err := s.evaluate(ctx, r); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("an alert rule could not be judged", "rule", r.ID, "error", err)
		}
	}
	return s.tidy(ctx)
}

func system(workspace string) caller.Caller {
	return caller.Caller{User: "system", Role: caller.Admin, Workspace: workspace, Server: true}
}

// measureTimeout bounds the reading of one rule.
const measureTimeout = 20 * time.Second

// evaluate reads one rule's signal and writes what follows.
func (s *Service) evaluate(ctx context.Context, r *Rule) error {
	now := s.now()
	reading, problem := Reading{Value: math.NaN()}, ""
	if s.cfg.Measurer != nil && r.Enabled {
		ctx, cancel := context.WithTimeout(ctx, measureTimeout)
		got, err := s.cfg.Measurer.Measure(ctx, r.Measurement(), now, 0, 1)
		cancel()
		if err != nil {
			problem = fault.Message(err)
			s.cfg.Log.Warn("an alert rule's signal could not be read", "rule", r.ID, "error", err)
		} else {
			reading = got[0]
		}
	}
	scope := s.scopeName(ctx, r.Scope)
	changed := false
	err := s.store.Write(ctx, func(ctx context.Context) error {
		changed = false
		current, err := s.store.RuleByID(ctx, r.Workspace, r.ID)
		if fault.Is(err, fault.NotFound) || err == nil && (current.Updated != r.Updated || current.Status.Evaluated != r.Status.Evaluated) {
			return nil // deleted, changed, or judged by another process meanwhile
		}
		if err != nil {
			return err
		}
		before := current.Status
		switch {
		case !current.Enabled: // only news is left to tell, held back by a mute
		case problem != "":
			current.Status.Evaluated, current.Status.Problem = now, problem
		default:
			current.Status = current.next(before, reading, current.Watched, now)
		}
		changed = current.Status.State != before.State
		return s.commit(ctx, current, before.State, "", scope, now)
	})
	if err == nil && changed {
		s.cfg.Changed(r.Workspace, r.ID)
	}
	return err
}

// commit stores a rule's status inside a Write: the line of its history if the
// state changed, and the news that is owed.
func (s *Service) commit(ctx context.Context, r *Rule, from State, reason, scope string, now int64) error {
	st := &r.Status
	if st.State != from {
		c := Change{Workspace: r.Workspace, Rule: r.ID, Time: now, From: from, To: st.State, Value: st.Value, N: st.N, Reason: reason, Link: st.Link}
		if err := s.store.AppendChange(ctx, c, keepChanges); err != nil {
			return err
		}
	}
	if e := r.owed(st, now); e != "" {
		if err := s.tell(ctx, r, e, reason, scope, now); err != nil {
			return err
		}
	}
	return s.store.PutStatus(ctx, r.ID, *st)
}

// reset forgets what was seen, inside a Write, because the rule is no longer
// what it was.
func (s *Service) reset(ctx context.Context, r *Rule, reason string, now int64) error {
	from := r.Status.State
	st := fresh(now)
	st.Incident, st.Told = r.Status.Incident, r.Status.Told
	if from == NoData {
		st.Since = r.Status.Since
	}
	r.Status = st
	return s.commit(ctx, r, from, reason, s.scopeName(ctx, r.Scope), now)
}

// tell puts a message for each channel into the outbox, and a notice.
func (s *Service) tell(ctx context.Context, r *Rule, e event, reason, scope string, now int64) error {
	st := &r.Status
	if st.Incident == "" {
		st.Incident = id.Prefixed("in-")
	}
	m := s.message(r, e, reason, scope, now)
	for _, c := range r.Channels {
		if err := s.post(ctx, r, c, m, now); err != nil {
			return err
		}
	}
	st.Told = now
	if e == eventResolved {
		st.Incident, st.Told = "", 0
	}
	if s.cfg.Notices == nil || e == eventReminder {
		return nil
	}
	kind := "alert_firing"
	if e == eventResolved {
		kind = "alert_resolved"
	}
	return s.cfg.Notices.Add(ctx, kind, m.Title, rulePath(r.Workspace, r.ID))
}

// tidy queues what waits without a job, and drops what was delivered long ago.
func (s *Service) tidy(ctx context.Context) error {
	now := s.now()
	heads, err := s.store.Heads(ctx, now-time.Minute.Milliseconds(), 500)
	if err != nil {
		return err
	}
	for _, m := range heads {
		if s.cfg.Queue == nil {
			break
		}
		if err := s.cfg.Queue.EnqueueMessage(ctx, m.Workspace, m.ID); err != nil {
			return fmt.Errorf("queue message %s: %w", m.ID, err)
		}
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		_, err := s.store.SweepMessages(ctx, now-keepMessages.Milliseconds(), 500)
		return err
	})
}
