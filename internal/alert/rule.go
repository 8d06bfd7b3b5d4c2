package alert

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
)

// Comparison of a value with a threshold.
type Comparison string

// Comparisons, both strict.
const (
	Above Comparison = "above"
	Below Comparison = "below"
)

// Policy says what too little data means.
type Policy string

// Policies.
const (
	KeepOnNoData  Policy = "keep"  // what fires goes on firing; nothing begins to
	AlertOnNoData Policy = "alert" // as bad as a value over the threshold
)

// Severity of a rule, for receivers to sort by.
type Severity string

// Severities.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Condition is when a rule fires.
type Condition struct {
	Signal     Signal        `json:"signal"`
	Score      string        `json:"score,omitempty"` // name of the assessment, for [Score]
	Comparison Comparison    `json:"comparison"`
	Fire       float64       `json:"fire"`   // beyond it the rule fires
	Clear      float64       `json:"clear"`  // at it or on its calm side a firing rule clears
	Window     time.Duration `json:"window"` // what is measured; a minute to a day
	For        time.Duration `json:"for"`    // how long it must hold; up to a day
	MinTraces  int           `json:"min_traces"`
	NoData     Policy        `json:"no_data"`
}

// Spec is what people decide of a rule.
type Spec struct {
	Name string `json:"name"`
	Scope
	Condition
	Remind   time.Duration `json:"remind,omitempty"` // again while firing; 0 is never
	Channels []string      `json:"channels,omitempty"`
	Severity Severity      `json:"severity"`
}

// Rule is a spec with its life. Times are unix milliseconds.
type Rule struct {
	ID        string // ar-…
	Workspace string
	Spec
	Enabled    bool
	MutedUntil int64  // channels are not told before then
	MuteReason string // for people
	Watched    int64  // since when it looks, as it is now
	Created    int64
	Updated    int64
	CreatedBy  string

	Status Status
}

// Measurement is what the rule reads.
func (s *Spec) Measurement() Measurement {
	return Measurement{Scope: s.Scope, Signal: s.Signal, Score: s.Score, Window: s.Window}
}

// Limits.
const (
	maxRules       = 500 // in a workspace
	maxName        = 200 // characters
	maxValue       = 1000
	maxExperiments = 100
	maxRuleChans   = 20
	maxReason      = 500
	keepChanges    = 1000 // of a rule's history
	day            = 24 * time.Hour
)

// Check reports the first thing that is wrong with s, and fills in defaults.
func (s *Spec) Check() error {
	s.Name = strings.TrimSpace(s.Name)
	if s.Name == "" || utf8.RuneCountInString(s.Name) > maxName || !printable(s.Name) {
		return fault.Invalidf("name: a rule needs a name of at most %d characters on one line", maxName)
	}
	if s.Comparison == "" {
		s.Comparison = Above
	}
	if s.NoData == "" {
		s.NoData = KeepOnNoData
	}
	if s.Severity == "" {
		s.Severity = Warning
	}
	switch {
	case s.Severity != Info && s.Severity != Warning && s.Severity != Critical:
		return fault.Invalidf("severity must be info, warning or critical, not %q", clip(string(s.Severity)))
	case s.Remind != 0 && (s.Remind < 5*time.Minute || s.Remind > 7*day):
		return fault.Invalidf("remind_ms: reminders come every 5 minutes to 7 days, or never with 0")
	case len(s.Channels) > maxRuleChans:
		return fault.Invalidf("channels: a rule tells at most %d channels", maxRuleChans)
	}
	slices.Sort(s.Channels)
	s.Channels = slices.Compact(s.Channels)
	if err := s.Scope.check(); err != nil {
		return err
	}
	return s.Condition.check()
}

func (s *Scope) check() error {
	if len(s.Experiments) > maxExperiments {
		return fault.Invalidf("experiment_ids: at most %d", maxExperiments)
	}
	for _, e := range s.Experiments {
		if _, err := strconv.ParseUint(e, 10, 63); err != nil {
			return fault.Invalidf("experiment_ids: %q is not the id of an experiment", clip(e))
		}
	}
	slices.Sort(s.Experiments)
	s.Experiments = slices.Compact(s.Experiments)
	switch {
	case !slices.Contains(dimensions, s.Dimension):
		return fault.Invalidf("dimension must be one of model, version, node, tool, user, tag, name, or empty for all traces, not %q", clip(string(s.Dimension)))
	case s.Dimension == Everything && (s.Value != "" || s.Key != ""):
		return fault.Invalidf("value: say which dimension it is a value of")
	case s.Dimension != Everything && s.Value == "":
		return fault.Invalidf("value: which %s?", s.Dimension)
	case (s.Dimension == ByTag) != (s.Key != ""):
		return fault.Invalidf("key: it names the tag, and only a tag has one")
	case utf8.RuneCountInString(s.Value) > maxValue || utf8.RuneCountInString(s.Key) > maxValue || !printable(s.Value) || !printable(s.Key):
		return fault.Invalidf("value: at most %d characters on one line", maxValue)
	}
	return nil
}

func (c *Condition) check() error {
	if _, ok := signals[c.Signal]; !ok {
		return fault.Invalidf("signal must be one of error_rate, latency_p50, latency_p95, latency_p99, cost, cost_per_1000, score, volume, tokens, stalled, loops, not %q", clip(string(c.Signal)))
	}
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	switch {
	case (c.Signal == Score) != (c.Score != "") || utf8.RuneCountInString(c.Score) > maxValue || !printable(c.Score):
		return fault.Invalidf("score: it names the assessment of the signal score, and only that")
	case c.Comparison != Above && c.Comparison != Below:
		return fault.Invalidf("comparison must be above or below, not %q", clip(string(c.Comparison)))
	case !finite(c.Fire) || !finite(c.Clear):
		return fault.Invalidf("fire and clear must be finite numbers")
	case c.Signal != Score && (c.Fire < 0 || c.Clear < 0):
		return fault.Invalidf("fire and clear: a %s is never negative", signals[c.Signal].name)
	case c.Signal == ErrorRate && (c.Fire > 1 || c.Clear > 1):
		return fault.Invalidf("fire and clear: an error rate is from 0 to 1 (5 %% is 0.05)")
	case c.Comparison == Above && c.Clear > c.Fire:
		return fault.Invalidf("clear must not be above fire: a rule that fires above %s clears at it or lower", c.Signal.format(c.Fire))
	case c.Comparison == Below && c.Clear < c.Fire:
		return fault.Invalidf("clear must not be below fire: a rule that fires below %s clears at it or higher", c.Signal.format(c.Fire))
	case c.Window < time.Minute || c.Window > day || c.Window%time.Minute != 0:
		return fault.Invalidf("window_ms must be whole minutes, from 1 to 1440")
	case c.For < 0 || c.For > day || c.For%time.Second != 0:
		return fault.Invalidf("for_ms must be whole seconds, up to a day")
	case c.MinTraces < 0 || c.MinTraces > 1e9:
		return fault.Invalidf("min_traces must be from 0 to a milliard")
	case c.NoData != KeepOnNoData && c.NoData != AlertOnNoData:
		return fault.Invalidf("no_data must be keep or alert, not %q", clip(string(c.NoData)))
	}
	return nil
}

// printable reports whether s is valid text on one line.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return strings.ToValidUTF8(s[:200], "") + "…"
}

// Sentence says what the rule watches: "error rate in experiment finance over
// 10 min is above 5 % for 5 min, with at least 50 traces".
func (s *Spec) Sentence(scope string) string {
	name := signals[s.Signal].name
	if s.Signal == Score {
		name = "mean " + strconv.Quote(s.Score)
	}
	text := fmt.Sprintf("%s in %s over %s is %s %s", name, scope, span(s.Window), s.Comparison, s.Signal.format(s.Fire))
	if s.For > 0 {
		text += " for " + span(s.For)
	}
	if s.MinTraces > 1 && !s.Signal.Sum() {
		what := "traces"
		if s.Signal == Score {
			what = "scores"
		}
		text += fmt.Sprintf(", with at least %d %s", s.MinTraces, what)
	}
	return text
}

// Create adds a rule; it is judged from the next pass on.
func (s *Service) Create(ctx context.Context, spec Spec, enabled bool) (*Rule, error) {
	if err := spec.Check(); err != nil {
		return nil, err
	}
	now := s.now()
	r := &Rule{ID: id.Prefixed("ar-"), Workspace: caller.Workspace(ctx), Spec: spec, Enabled: enabled, Watched: now, Created: now, Updated: now,
		CreatedBy: caller.From(ctx).User, Status: fresh(now)}
	err := s.store.Write(ctx, func(ctx context.Context) error {
		all, err := s.store.ListRules(ctx, r.Workspace)
		if err != nil {
			return err
		}
		if len(all) >= maxRules {
			return fault.New(fault.Limited, "a workspace has at most %d alert rules", maxRules)
		}
		if err := s.checkChannels(ctx, spec.Channels); err != nil {
			return err
		}
		if err := s.store.InsertRule(ctx, r); err != nil {
			return named(err, spec.Name)
		}
		return s.audit(ctx, "alert.create", "alert", r.ID, nil, r.seen())
	})
	if err != nil {
		return nil, err
	}
	s.cfg.Changed(r.Workspace, r.ID)
	return r, nil
}

// named says which name an Exists fault is about.
func named(err error, name string) error {
	if fault.Is(err, fault.Exists) {
		return fault.Existsf("an alert rule %q exists already", clip(name))
	}
	return err
}

// seen is the rule as the audit log shows it.
func (r *Rule) seen() any {
	return map[string]any{"spec": r.Spec, "enabled": r.Enabled, "muted_until": r.MutedUntil, "mute_reason": r.MuteReason}
}

func (s *Service) checkChannels(ctx context.Context, ids []string) error {
	for _, c := range ids {
		if _, err := s.Channel(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// Rule returns one rule.
func (s *Service) Rule(ctx context.Context, ruleID string) (*Rule, error) {
	r, err := s.store.RuleByID(ctx, caller.Workspace(ctx), ruleID)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("no alert rule %q", clip(ruleID))
	}
	return r, err
}

// Rules lists the rules of the caller's workspace by name.
func (s *Service) Rules(ctx context.Context) ([]*Rule, error) {
	return s.store.ListRules(ctx, caller.Workspace(ctx))
}

// Update replaces what people decide of a rule. Another scope or condition
// starts anew: what fired is resolved, and the history goes on.
func (s *Service) Update(ctx context.Context, ruleID string, spec Spec, enabled bool) (*Rule, error) {
	if err := spec.Check(); err != nil {
		return nil, err
	}
	return s.change(ctx, ruleID, "alert.update", func(ctx context.Context, r *Rule) error {
		if err := s.checkChannels(ctx, spec.Channels); err != nil {
			return err
		}
		now := s.now()
		same := sameScope(r.Scope, spec.Scope) && r.Condition == spec.Condition && r.Enabled == enabled
		if !same {
			reason := "the rule was changed"
			if !enabled {
				reason = "the rule was switched off"
			}
			if err := s.reset(ctx, r, reason, now); err != nil {
				return err
			}
			r.Watched = now
		}
		r.Spec, r.Enabled = spec, enabled
		return nil
	})
}

func sameScope(a, b Scope) bool {
	return slices.Equal(a.Experiments, b.Experiments) && a.Dimension == b.Dimension && a.Key == b.Key && a.Value == b.Value
}

// change reads a rule, lets fn change it, and writes it with its audit entry.
func (s *Service) change(ctx context.Context, ruleID, action string, fn func(ctx context.Context, r *Rule) error) (*Rule, error) {
	var r *Rule
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if r, err = s.Rule(ctx, ruleID); err != nil {
			return err
		}
		before := r.seen()
		if err := fn(ctx, r); err != nil {
			return err
		}
		r.Updated = s.now()
		if err := s.store.UpdateRule(ctx, r); err != nil {
			return named(err, r.Name)
		}
		if err := s.store.PutStatus(ctx, r.ID, r.Status); err != nil {
			return err
		}
		return s.audit(ctx, action, "alert", r.ID, before, r.seen())
	})
	if err != nil {
		return nil, err
	}
	s.cfg.Changed(r.Workspace, r.ID)
	return r, nil
}

// Mute keeps a rule's news from its channels until a time; what is true then
// is told. A time that has passed unmutes.
func (s *Service) Mute(ctx context.Context, ruleID string, until int64, reason string) (*Rule, error) {
	reason = strings.TrimSpace(reason)
	now := s.now()
	switch {
	case utf8.RuneCountInString(reason) > maxReason || !utf8.ValidString(reason):
		return nil, fault.Invalidf("reason: at most %d characters", maxReason)
	case until > now && reason == "":
		return nil, fault.Invalidf("reason: say why, for whoever wonders at the silence")
	case until > now+366*day.Milliseconds():
		return nil, fault.Invalidf("until_ms: at most a year; a rule nobody wants is switched off instead")
	}
	action := "alert.mute"
	if until <= now {
		action, until, reason = "alert.unmute", 0, ""
	}
	return s.change(ctx, ruleID, action, func(ctx context.Context, r *Rule) error {
		r.MutedUntil, r.MuteReason = until, reason
		return nil
	})
}

// Delete removes a rule and its history. Channels that were told of a firing
// are told that it ended.
func (s *Service) Delete(ctx context.Context, ruleID string) error {
	var r *Rule
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if r, err = s.Rule(ctx, ruleID); err != nil {
			return err
		}
		r.MutedUntil = 0 // told now or never
		if err := s.reset(ctx, r, "the rule was deleted", s.now()); err != nil {
			return err
		}
		if err := s.store.DeleteRule(ctx, r.Workspace, r.ID); err != nil {
			return err
		}
		return s.audit(ctx, "alert.delete", "alert", r.ID, r.seen(), nil)
	})
	if err == nil {
		s.cfg.Changed(r.Workspace, r.ID)
	}
	return err
}

// Changes returns a page of a rule's history, newest first.
func (s *Service) Changes(ctx context.Context, ruleID string, before int64, limit int) ([]Change, error) {
	return s.store.ListChanges(ctx, caller.Workspace(ctx), ruleID, before, limit)
}

// Sentence says what r watches, in words.
func (s *Service) Sentence(ctx context.Context, spec *Spec) string {
	return spec.Sentence(s.scopeName(ctx, spec.Scope))
}

func (s *Service) scopeName(ctx context.Context, scope Scope) string {
	if s.cfg.Measurer == nil {
		return "all experiments"
	}
	return s.cfg.Measurer.ScopeName(ctx, scope)
}
