package flow

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/masking"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// KeepTag pins a trace: retention passes over one that has it, unless its
// value is "false".
const KeepTag = "assay.keep"

// Retention is how long traces are kept. The zero value keeps everything.
type Retention struct {
	// Rules are asked in order; the first that applies to a trace decides. A
	// trace that none applies to is kept.
	Rules []RetentionRule `json:"rules"`
	// DeletedDays is after how many days runs and experiments that were
	// deleted are removed for good; 0 keeps them. Of a workspace only.
	DeletedDays int `json:"deleted_days"`
}

// RetentionRule says how long to keep some traces.
type RetentionRule struct {
	Filter string `json:"filter,omitempty"` // as in searches; "" is every trace
	// Share is the part of the matching traces that the rule applies to, chosen
	// by the trace's id; 0 means all.
	Share float64 `json:"share,omitempty"`
	Days  int     `json:"days"` // after which they go; 0 is never

	expr filter.Expr
}

const (
	maxRetentionRules = 20
	maxRetentionDays  = 36500
)

// check parses the filters and refuses what is no policy.
func (r *Retention) check() error {
	if len(r.Rules) > maxRetentionRules {
		return fault.Invalidf("a policy has at most %d rules", maxRetentionRules)
	}
	if r.DeletedDays < 0 || r.DeletedDays > maxRetentionDays {
		return fault.Invalidf("deleted_days is from 0 (never) to %d", maxRetentionDays)
	}
	for i := range r.Rules {
		rule := &r.Rules[i]
		if rule.Days < 0 || rule.Days > maxRetentionDays {
			return fault.Invalidf("rule %d: days is from 0 (for ever) to %d", i+1, maxRetentionDays)
		}
		if !(rule.Share >= 0 && rule.Share <= 1) {
			return fault.Invalidf("rule %d: share is from 0 to 1", i+1)
		}
		var err error
		if rule.expr, err = filter.Parse(filter.Traces, rule.Filter); err != nil {
			return fault.Wrap(fault.KindOf(err), "flow.Retention", err, "rule %d: %s", i+1, fault.Message(err))
		}
	}
	return nil
}

// chosen reports whether rule i applies to a trace that it matches.
func (r *RetentionRule) chosen(i int, id trace.ID) bool {
	if r.Share == 0 || r.Share == 1 {
		return true
	}
	sum := sha256.Sum256(append([]byte{byte(i)}, id[:]...))
	return float64(binary.BigEndian.Uint64(sum[:])>>11)/(1<<53) < r.Share
}

// longest is after how many days every trace goes, whatever it matches; 0
// when some never do.
func (r *Retention) longest() int {
	most := 0
	for _, rule := range r.Rules {
		if rule.Days == 0 {
			return 0
		}
		most = max(most, rule.Days)
		if len(rule.expr) == 0 && (rule.Share == 0 || rule.Share == 1) {
			return most // nothing gets past this one
		}
	}
	return 0
}

// RetentionStore keeps policies and when they were last carried out.
type RetentionStore interface {
	masking.Store
	PutRetentionRun(ctx context.Context, run RetentionRun) error
	// LastRetentionRun of a workspace; NotFound before the first.
	LastRetentionRun(ctx context.Context, workspace string) (RetentionRun, error)
}

// RetentionRun is one round of a workspace.
type RetentionRun struct {
	Workspace string
	Day       int // yyyymmdd
	Job       string
	Report    []byte // JSON of RetentionReport
	Ended     int64  // unix milliseconds
}

// RetentionReport is what a round removed, or would.
type RetentionReport struct {
	PurgeReport
	Rules  []RuleReport `json:"rules"`
	Pinned int64        `json:"pinned"` // traces that were due but for their tag
}

// RuleReport is what one rule let go.
type RuleReport struct {
	Experiment string `json:"experiment_id,omitempty"` // "" is the workspace's policy
	Rule       int    `json:"rule"`                    // from 1
	Traces     int64  `json:"traces"`
}

// RetentionOverview is what a workspace keeps.
type RetentionOverview struct {
	Policy      Retention
	Experiments map[string]Retention
	Last        *RetentionRun
}

// Retention returns the policies of the caller's workspace.
func (c *Care) Retention(ctx context.Context) (RetentionOverview, error) {
	o := RetentionOverview{Experiments: map[string]Retention{}}
	list, err := c.cfg.Policies.Policies(ctx)
	if err != nil {
		return o, err
	}
	for _, p := range list {
		if p.Workspace != caller.Workspace(ctx) {
			continue
		}
		var r Retention
		if err := json.Unmarshal(p.Body, &r); err != nil {
			return o, fault.Wrap(fault.Internal, "flow.Retention", err, "a retention policy cannot be read")
		}
		if err := r.check(); err != nil {
			return o, err
		}
		if p.Experiment == "" {
			o.Policy = r
		} else {
			o.Experiments[p.Experiment] = r
		}
	}
	last, err := c.cfg.Policies.LastRetentionRun(ctx, caller.Workspace(ctx))
	if fault.Is(err, fault.NotFound) {
		return o, nil
	}
	o.Last = &last
	return o, err
}

// SetRetention stores the policy of the caller's workspace, or of one of its
// experiments, which is then used instead of it; nil removes it.
func (c *Care) SetRetention(ctx context.Context, experiment string, r *Retention) error {
	if r != nil {
		if err := r.check(); err != nil {
			return err
		}
		if experiment != "" && r.DeletedDays != 0 {
			return fault.Invalidf("deleted_days is of a workspace's policy only")
		}
	}
	o, err := c.Retention(ctx)
	if err != nil {
		return err
	}
	var before any
	if old, ok := o.Experiments[experiment]; ok {
		before = old
	}
	kind, id := "experiment", experiment
	if experiment == "" {
		kind, id, before = "workspace", caller.Workspace(ctx), o.Policy
	} else if n, err := strconv.ParseInt(experiment, 10, 64); err != nil {
		return fault.NotFoundf("No Experiment with id=%s exists", clip(experiment))
	} else if _, err := c.cfg.Tracking.Experiment(ctx, n); err != nil && r != nil {
		return err
	}
	return c.cfg.Policies.Write(ctx, func(ctx context.Context) error {
		if r == nil {
			if _, err := c.cfg.Policies.DeletePolicy(ctx, caller.Workspace(ctx), experiment); err != nil {
				return err
			}
			return c.cfg.Audit.Record(ctx, "retention.unset", kind, id, before, nil)
		}
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		err = c.cfg.Policies.PutPolicy(ctx, masking.Stored{Workspace: caller.Workspace(ctx), Experiment: experiment, Body: body,
			UpdatedBy: caller.From(ctx).User, UpdatedAt: c.cfg.Now().UnixMilli()})
		if err != nil {
			return err
		}
		return c.cfg.Audit.Record(ctx, "retention.set", kind, id, before, r)
	})
}

// EstimateRetention is the dry run: what a round would remove now, under the
// policies in force or, if it is not nil, under another for the workspace.
func (c *Care) EstimateRetention(ctx context.Context, instead *Retention) (*RetentionReport, error) {
	r := c.newRetain(nil)
	if instead != nil {
		if err := instead.check(); err != nil {
			return nil, err
		}
		r.instead = instead
	}
	return r.result, r.round(ctx)
}

// RunRetention queues a round of the caller's workspace now.
func (c *Care) RunRetention(ctx context.Context) (job.Job, error) {
	return c.cfg.Jobs.Enqueue(ctx, job.Spec{Kind: RetainKind, Title: "Retention", Input: struct{}{}, Key: "retention", Priority: 4})
}

// dailyHour is when the daily round begins, in UTC.
const dailyHour = 3

// Schedule sees to it that the next daily round is queued; called at start.
func (c *Care) Schedule(ctx context.Context) error {
	now := c.cfg.Now().UTC()
	next := time.Date(now.Year(), now.Month(), now.Day(), dailyHour, 0, 0, 0, time.UTC)
	if !next.After(now) {
		next = next.AddDate(0, 0, 1)
	}
	ctx = caller.With(ctx, caller.Caller{User: "system", Role: caller.Admin, Workspace: caller.DefaultWorkspace, Server: true})
	_, err := c.cfg.Jobs.Enqueue(ctx, job.Spec{Kind: DailyKind, Title: "Daily care of the data", Input: struct{}{}, Key: next.Format(time.DateOnly), After: next, Priority: 4})
	return err
}

// dailyWork queues a round for every workspace that has something to do, and
// itself for tomorrow.
func (c *Care) dailyWork(ctx context.Context, r *job.Run) error {
	if err := c.Schedule(ctx); err != nil {
		return err
	}
	names, err := c.cfg.Workspaces(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		ctx := caller.With(ctx, caller.Caller{User: "system", Role: caller.Admin, Workspace: name})
		o, err := c.Retention(ctx)
		if err != nil {
			return err
		}
		if len(o.Policy.Rules) == 0 && o.Policy.DeletedDays == 0 && len(o.Experiments) == 0 {
			continue
		}
		if _, err := c.RunRetention(ctx); err != nil {
			return err
		}
	}
	return nil
}

// retain is one round, dry or not.
type retain struct {
	purge
	result  *RetentionReport
	instead *Retention
	rule    *RuleReport // that is at work
}

func (c *Care) newRetain(r *job.Run) *retain {
	t := &retain{result: &RetentionReport{PurgeReport: *newPurgeReport(), Rules: []RuleReport{}}}
	t.purge = purge{Care: c, q: PurgeRequest{Kind: RetainKind}, report: &t.result.PurgeReport, dry: r == nil, run_: r}
	if r != nil {
		t.days = map[int]bool{}
	}
	return t
}

func (c *Care) retainWork(ctx context.Context, r *job.Run) error {
	t := c.newRetain(r)
	var at state
	if ok, err := r.Resume(&at); err != nil {
		return err
	} else if ok {
		t.result.PurgeReport = *at.Report
		for _, d := range at.Days {
			t.days[d] = true
		}
	}
	if !at.Compact {
		if err := t.round(ctx); err != nil {
			return err
		}
	}
	// Days with much that is dead are rewritten now, others when they have.
	for d := range t.days {
		if dead, err := c.cfg.Tracing.Dead(ctx, d); err == nil && dead < 0.1 {
			delete(t.days, d)
		}
	}
	if err := t.compact(ctx); err != nil {
		return err
	}
	body, err := json.Marshal(t.result)
	if err != nil {
		return err
	}
	now := c.cfg.Now()
	y, m, d := now.UTC().Date()
	return r.Finish(ctx, job.Result{Label: t.report.String(), Path: "/w/" + caller.Workspace(ctx) + "/settings?tab=retention"}, t.result, func(ctx context.Context) error {
		if err := c.cfg.Policies.PutRetentionRun(ctx, RetentionRun{Workspace: caller.Workspace(ctx), Day: y*10000 + int(m)*100 + d,
			Job: r.Job.ID, Report: body, Ended: now.UnixMilli()}); err != nil {
			return err
		}
		return c.cfg.Audit.Record(ctx, "retention.run", "workspace", caller.Workspace(ctx), t.result, nil)
	})
}

// round carries out every policy of the workspace.
func (t *retain) round(ctx context.Context) error {
	o, err := t.Retention(ctx)
	if err != nil {
		return err
	}
	if t.instead != nil {
		o.Policy = *t.instead
	}
	if err := t.wholeDays(ctx, &o); err != nil {
		return err
	}
	for experiment, policy := range o.Experiments {
		if err := t.carryOut(ctx, experiment, &policy, nil); err != nil {
			return err
		}
	}
	if err := t.carryOut(ctx, "", &o.Policy, o.Experiments); err != nil {
		return err
	}
	return t.deleted(ctx, o.Policy.DeletedDays)
}

// wholeDays removes days in which everything is due: a directory each instead
// of row after row.
func (t *retain) wholeDays(ctx context.Context, o *RetentionOverview) error {
	longest := o.Policy.longest()
	for _, p := range o.Experiments {
		if l := p.longest(); l == 0 || longest == 0 {
			longest = 0
		} else {
			longest = max(longest, l)
		}
	}
	if longest == 0 || t.dry {
		return nil // the dry run counts them with the others
	}
	cut := t.cfg.Now().AddDate(0, 0, -longest).UnixMilli()
	days, err := t.cfg.Tracing.Partitions(ctx)
	if err != nil {
		return err
	}
	for _, d := range days {
		facts, err := t.cfg.Tracing.DayFacts(ctx, d.Day, KeepTag)
		if err != nil {
			return err
		}
		if facts.Newest >= cut || facts.Pinned > 0 || facts.Others > 0 || facts.Traces == 0 {
			continue
		}
		if err := t.filesOfDay(ctx, d.Day); err != nil {
			return err
		}
		n, err := t.cfg.Tracing.RemovePartition(ctx, d.Day)
		if fault.Is(err, fault.State) {
			continue // today's
		}
		if err != nil {
			return err
		}
		t.report.Traces += int64(n)
		t.report.Spans += d.Spans
		t.report.Bytes += d.Bytes
		t.report.Days++
		t.progress(ctx)
	}
	return nil
}

// filesOfDay removes the files of a day's traces.
func (t *retain) filesOfDay(ctx context.Context, day int) error {
	for after := int64(0); ; {
		list, next, err := t.cfg.Tracing.DayTraces(ctx, day, after, 1000)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, at := range list {
			if _, err := t.cfg.Artifacts.Purge(ctx, t.cfg.Tracking.TraceFolder(ctx, at.Experiment, at.ID.String())); err != nil {
				return err
			}
		}
		after = next
	}
}

// carryOut goes through the rules of a policy.
func (t *retain) carryOut(ctx context.Context, experiment string, policy *Retention, except map[string]Retention) error {
	for i := range policy.Rules {
		rule := &policy.Rules[i]
		if rule.Days == 0 {
			continue
		}
		t.result.Rules = append(t.result.Rules, RuleReport{Experiment: experiment, Rule: i + 1})
		t.rule = &t.result.Rules[len(t.result.Rules)-1]
		query := tracing.Query{Filter: rule.expr, To: t.cfg.Now().AddDate(0, 0, -rule.Days).UnixMilli()}
		if experiment != "" {
			query.Experiments = []string{experiment}
		}
		if err := t.due(ctx, query, policy, i, except); err != nil {
			return err
		}
	}
	return nil
}

// due removes what one rule lets go: the traces it applies to and none before
// it does.
func (t *retain) due(ctx context.Context, query tracing.Query, policy *Retention, i int, except map[string]Retention) error {
	token, seen := "", 0
	for {
		page, err := t.cfg.Tracing.Search(ctx, tracing.Search{Query: query, Limit: chunk, Token: token, Bare: true})
		if err != nil {
			return err
		}
		if len(page.Missing) > 0 {
			return fault.New(fault.Unavailable, "part of the traces cannot be read; nothing more is removed")
		}
		list, err := t.decided(ctx, page.Infos, policy, i, except)
		if err != nil {
			return err
		}
		before := t.report.Traces
		if err := t.remove(ctx, list); err != nil {
			return err
		}
		t.rule.Traces += t.report.Traces - before
		if seen += len(page.Infos); t.dry && seen >= maxCounted && page.Next != "" {
			t.report.Exact = false
			return nil
		}
		if token = page.Next; token == "" {
			return nil
		}
	}
}

// decided are the traces of a page that rule i decides about.
func (t *retain) decided(ctx context.Context, infos []tracing.Info, policy *Retention, i int, except map[string]Retention) ([]tracing.Info, error) {
	var list []tracing.Info
	for _, info := range infos {
		if _, own := except[info.Experiment]; own || !policy.Rules[i].chosen(i, info.ID) {
			continue
		}
		if v, ok := info.Tags[KeepTag]; ok && v != "false" {
			t.result.Pinned++
			continue
		}
		list = append(list, info)
	}
	for j := 0; j < i && len(list) > 0; j++ {
		earlier := &policy.Rules[j]
		taken := map[trace.ID]bool{}
		if len(earlier.expr) == 0 {
			for _, info := range list {
				taken[info.ID] = earlier.chosen(j, info.ID)
			}
		} else {
			ids := make([]string, len(list))
			for n := range list {
				ids[n] = list[n].ID.String()
			}
			one := append(filter.Expr{{Field: filter.Field{Group: filter.Attribute, Key: "request_id"}, Op: filter.In,
				Value: filter.Value{Kind: filter.List, List: ids}}}, earlier.expr...)
			page, err := t.cfg.Tracing.Search(ctx, tracing.Search{Query: tracing.Query{Filter: one}, Limit: len(list), Bare: true})
			if err != nil {
				return nil, err
			}
			for n := range page.Infos {
				taken[page.Infos[n].ID] = earlier.chosen(j, page.Infos[n].ID)
			}
		}
		kept := list[:0]
		for _, info := range list {
			if !taken[info.ID] {
				kept = append(kept, info)
			}
		}
		list = kept
	}
	return list, nil
}

// deleted removes runs and experiments that were deleted long enough ago.
func (t *retain) deleted(ctx context.Context, days int) error {
	if days == 0 {
		return nil
	}
	before := t.cfg.Now().AddDate(0, 0, -days).UnixMilli()
	experiments, err := t.cfg.Tracking.DeletedExperiments(ctx, before, 1000)
	if err != nil {
		return err
	}
	for _, d := range experiments {
		if free, err := t.free(ctx, PurgeRequest{Kind: Experiment, IDs: []string{d.ID}}); err != nil {
			return err
		} else if free {
			if err := t.experiment(ctx, d.ID); err != nil {
				return err
			}
		}
	}
	runs, err := t.cfg.Tracking.DeletedRuns(ctx, before, 10_000)
	if err != nil {
		return err
	}
	for _, d := range runs {
		if free, err := t.free(ctx, PurgeRequest{Kind: Run, IDs: []string{d.ID}}); err != nil {
			return err
		} else if free {
			if err := t.runByID(ctx, d.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// free reports whether no model version refers to what would go.
func (t *retain) free(ctx context.Context, q PurgeRequest) (bool, error) {
	r, err := t.Estimate(ctx, q)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && len(r.Versions) == 0, err
}
