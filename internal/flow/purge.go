package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// Kinds of job.
const (
	PurgeKind  = "data.purge"
	RetainKind = "data.retain"
	DailyKind  = "data.daily"
)

// What can be removed for good.
const (
	Experiment = "experiment" // with its runs, models, traces and their files
	Run        = "run"        // with its history and files
	Trace      = "trace"      // by id or by filter
	User       = "user"       // all traces of a user, their sessions, records and assessments
	Garbage    = "garbage"    // files and payload that nothing refers to
)

// PurgeRequest says what to remove.
type PurgeRequest struct {
	Kind string   `json:"kind"`
	IDs  []string `json:"ids,omitempty"` // of experiments, runs or traces

	// Of traces, instead of ids: a filter as the grammar has it, words, request
	// time in unix milliseconds, experiments.
	Filter      string   `json:"filter,omitempty"`
	Text        string   `json:"text,omitempty"`
	From        int64    `json:"from,omitempty"`
	To          int64    `json:"to,omitempty"`
	Experiments []string `json:"experiments,omitempty"`

	User   string `json:"-"` // id
	Sealed []byte `json:"sealed_user,omitempty"`

	// Force removes files that model versions refer to.
	Force bool `json:"force,omitempty"`
}

// PurgeReport is what goes, or went.
type PurgeReport struct {
	Experiments int64 `json:"experiments"`
	Runs        int64 `json:"runs"`
	Models      int64 `json:"logged_models"`
	Traces      int64 `json:"traces"`
	Spans       int64 `json:"spans"`
	Assessments int64 `json:"assessments"` // by the user, on traces of others
	Records     int64 `json:"dataset_records"`
	Files       int64 `json:"files"`
	Bytes       int64 `json:"bytes"` // of files; of payload as well once it is compacted
	Days        int64 `json:"days"`  // of payload that are rewritten or removed

	Names     []string `json:"names"`     // of what goes, the first ones
	Versions  []string `json:"versions"`  // model versions whose files would go: they stop the removal unless it is forced
	Elsewhere []string `json:"elsewhere"` // artifact locations outside of this server, which stay
	Exact     bool     `json:"exact"`     // false: counting stopped early
}

const (
	maxNames   = 20
	maxIDs     = 10_000
	maxWeighed = 50_000 // files that a dry run counts
	maxCounted = 20_000 // traces whose spans a dry run counts
	chunk      = 200    // traces removed at a time
)

func (r *PurgeReport) name(s string) {
	if len(r.Names) < maxNames {
		r.Names = append(r.Names, s)
	}
}

func newPurgeReport() *PurgeReport {
	return &PurgeReport{Names: []string{}, Versions: []string{}, Elsewhere: []string{}, Exact: true}
}

// check refuses what is no request.
func (q *PurgeRequest) check() error {
	switch q.Kind {
	case Experiment, Run:
		if len(q.IDs) == 0 {
			return fault.Invalidf("name the %ss to remove", q.Kind)
		}
	case Trace:
		if len(q.IDs) == 0 && q.Filter == "" && q.Text == "" && q.From == 0 && q.To == 0 && len(q.Experiments) == 0 {
			return fault.Invalidf("name the traces to remove, by id, filter, time or experiment")
		}
		if _, err := filter.Parse(filter.Traces, q.Filter); err != nil {
			return err
		}
	case User:
		if q.User == "" {
			return fault.Invalidf("name the user whose data to remove")
		}
	case Garbage:
	default:
		return fault.Invalidf("kind %q is not one of experiment, run, trace, user, garbage", clip(q.Kind))
	}
	if len(q.IDs) > maxIDs {
		return fault.Invalidf("at most %d ids at a time", maxIDs)
	}
	return nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// Needs is the permission that a request asks for: what is one's own work is
// removed by who may write it, the data of people by administrators.
func (q *PurgeRequest) Needs() caller.Permission {
	if q.Kind == User || q.Kind == Garbage {
		return caller.Administer
	}
	return caller.Write
}

// Estimate is the dry run: what [Care.Purge] would remove now.
func (c *Care) Estimate(ctx context.Context, q PurgeRequest) (*PurgeReport, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	p := &purge{Care: c, q: q, report: newPurgeReport(), dry: true}
	return p.report, p.run(ctx)
}

// Purge queues the removal. It fails with State if model versions refer to
// files that would go, unless the request forces it.
func (c *Care) Purge(ctx context.Context, q PurgeRequest) (job.Job, *PurgeReport, error) {
	estimate, err := c.Estimate(ctx, q)
	if err != nil {
		return job.Job{}, nil, err
	}
	if err := blocked(estimate, q); err != nil {
		return job.Job{}, estimate, err
	}
	title := "Delete permanently: " + q.Kind
	switch {
	case q.Kind == User:
		title = "Delete permanently: data of " + c.cfg.Pseudonym(caller.Workspace(ctx), q.User)
		if q.Sealed, err = c.seal(q.User); err != nil {
			return job.Job{}, nil, err
		}
	case len(q.IDs) == 1:
		title += " " + clip(q.IDs[0])
	case len(q.IDs) > 1:
		title += fmt.Sprintf("s (%d)", len(q.IDs))
	case q.Kind == Trace:
		title += "s by filter"
		if now := c.cfg.Now().UnixMilli() + 1; q.To == 0 || q.To > now {
			q.To = now // those that arrive later are not meant
		}
	}
	j, err := c.cfg.Jobs.Enqueue(ctx, job.Spec{Kind: PurgeKind, Title: title, Input: q, Priority: 3})
	return j, estimate, err
}

func blocked(r *PurgeReport, q PurgeRequest) error {
	if len(r.Versions) == 0 || q.Force {
		return nil
	}
	list := strings.Join(r.Versions[:min(3, len(r.Versions))], ", ")
	if more := len(r.Versions) - 3; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return fault.New(fault.State, "model versions refer to files that would go: %s; delete them first, or force the removal", list)
}

// state is where a purge goes on after a crash.
type state struct {
	Report  *PurgeReport `json:"report"`
	Days    []int        `json:"days"`
	Compact bool         `json:"compact"` // everything is removed; the days are to be rewritten
}

// purge is one removal, dry or not.
type purge struct {
	*Care
	q      PurgeRequest
	report *PurgeReport
	dry    bool
	run_   *job.Run // nil when dry
	days   map[int]bool
	total  int64
	// keep, if set, spares traces: retention's pins.
	keep func(info *tracing.Info) bool
}

func (c *Care) purgeWork(ctx context.Context, r *job.Run) error {
	p := &purge{Care: c, report: newPurgeReport(), run_: r, days: map[int]bool{}}
	if err := r.Input(&p.q); err != nil {
		return err
	}
	if len(p.q.Sealed) > 0 {
		var err error
		if p.q.User, err = c.open(p.q.Sealed); err != nil {
			return err
		}
	}
	var at state
	if ok, err := r.Resume(&at); err != nil {
		return err
	} else if ok {
		p.report = at.Report
		for _, d := range at.Days {
			p.days[d] = true
		}
	}
	if !at.Compact {
		if err := p.again(ctx); err != nil {
			return err
		}
		if err := p.run(ctx); err != nil {
			return err
		}
	}
	if err := p.compact(ctx); err != nil {
		return err
	}
	return r.Finish(ctx, job.Result{Label: p.report.String(), Path: "/w/" + caller.Workspace(ctx) + "/audit"}, p.report, func(ctx context.Context) error {
		kind, id := p.q.Kind, strings.Join(p.q.IDs[:min(len(p.q.IDs), 5)], ",")
		if p.q.Kind == User {
			id = c.cfg.Pseudonym(caller.Workspace(ctx), p.q.User)
		}
		if p.q.Kind == Garbage {
			kind, id = "workspace", caller.Workspace(ctx)
		}
		return c.cfg.Audit.Record(ctx, "data.purge", kind, id, p.report, nil)
	})
}

// again looks for model versions once more: one may have been made since.
func (p *purge) again(ctx context.Context) error {
	now, err := p.Estimate(ctx, p.q)
	if fault.Is(err, fault.NotFound) && p.run_.Job.Attempt > 1 {
		return nil // an earlier attempt removed it
	}
	if err != nil {
		return err
	}
	p.total = now.Traces + now.Runs + now.Models + now.Experiments
	return blocked(now, p.q)
}

// String is the report in a few words.
func (r *PurgeReport) String() string {
	var parts []string
	for _, c := range []struct {
		n    int64
		what string
	}{{r.Experiments, "experiments"}, {r.Runs, "runs"}, {r.Models, "logged models"}, {r.Traces, "traces"}, {r.Records, "dataset records"}, {r.Assessments, "assessments"}, {r.Files, "files"}} {
		if c.n == 1 {
			parts = append(parts, "1 "+strings.TrimSuffix(c.what, "s"))
		} else if c.n > 0 {
			parts = append(parts, strconv.FormatInt(c.n, 10)+" "+c.what)
		}
	}
	if len(parts) == 0 {
		return "nothing to delete"
	}
	return strings.Join(parts, ", ") + " deleted"
}

// run removes, or counts.
func (p *purge) run(ctx context.Context) error {
	switch p.q.Kind {
	case Experiment:
		for _, id := range p.q.IDs {
			if err := p.experiment(ctx, id); err != nil {
				return err
			}
		}
	case Run:
		for _, id := range p.q.IDs {
			if err := p.runByID(ctx, id); err != nil {
				return err
			}
		}
	case Trace:
		return p.traces(ctx)
	case User:
		return p.user(ctx)
	case Garbage:
		return p.garbage(ctx)
	}
	return nil
}

// traces are those of a request, by id or by query.
func (p *purge) traces(ctx context.Context) error {
	if len(p.q.IDs) > 0 {
		var ids []trace.ID
		for _, s := range p.q.IDs {
			id, err := trace.ParseID(s)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		for part := range slices.Chunk(ids, chunk) {
			infos, err := p.cfg.Tracing.Infos(ctx, part)
			if err != nil {
				return err
			}
			if err := p.remove(ctx, infos); err != nil {
				return err
			}
		}
		return nil
	}
	expr, err := filter.Parse(filter.Traces, p.q.Filter)
	if err != nil {
		return err
	}
	return p.matching(ctx, tracing.Query{Experiments: p.q.Experiments, Filter: expr, Text: p.q.Text, From: p.q.From, To: p.q.To})
}

// matching removes, or counts, the traces that match.
func (p *purge) matching(ctx context.Context, query tracing.Query) error {
	token := ""
	for seen := 0; ; {
		page, err := p.cfg.Tracing.Search(ctx, tracing.Search{Query: query, Limit: chunk, Token: token, Bare: true})
		if err != nil {
			return err
		}
		if len(page.Missing) > 0 {
			return fault.New(fault.Unavailable, "part of the traces cannot be read: %s", strings.Join(page.Missing, ", "))
		}
		if err := p.remove(ctx, page.Infos); err != nil {
			return err
		}
		seen += len(page.Infos)
		if token = page.Next; token == "" {
			return nil
		}
		if p.dry && seen >= maxCounted {
			n, _, err := p.cfg.Tracing.Count(ctx, query)
			p.report.Traces += max(0, n-int64(seen))
			p.report.Exact = false
			return err
		}
	}
}

// remove removes traces with their files, or counts them.
func (p *purge) remove(ctx context.Context, infos []tracing.Info) error {
	var ids []trace.ID
	var names []string
	for i := range infos {
		info := &infos[i]
		if p.keep != nil && p.keep(info) {
			continue
		}
		ids = append(ids, info.ID)
		names = append(names, info.ID.String())
		p.report.Spans += int64(info.Spans)
		if p.q.Kind == Trace {
			p.report.name(info.ID.String())
		}
		if p.days != nil {
			p.days[info.Partition] = true
		}
	}
	if len(ids) == 0 {
		return ctx.Err()
	}
	if p.q.Kind == User || p.q.Kind == Trace || p.q.Kind == Experiment {
		count := p.cfg.Evaluation.PurgeRecordsOf
		if p.dry {
			count = p.cfg.Evaluation.CountRecordsOf
		}
		if p.q.Kind == User {
			n, err := count(ctx, names)
			if err != nil {
				return err
			}
			p.report.Records += n
		}
	}
	if p.dry {
		p.report.Traces += int64(len(ids))
		return ctx.Err()
	}
	// The days are remembered before anything of them goes.
	if err := p.checkpoint(ctx, false); err != nil {
		return err
	}
	for i := range infos {
		if p.keep != nil && p.keep(&infos[i]) {
			continue
		}
		folder := p.cfg.Tracking.TraceFolder(ctx, infos[i].Experiment, infos[i].ID.String())
		if _, err := p.cfg.Artifacts.Purge(ctx, folder); err != nil {
			return err
		}
	}
	n, err := p.cfg.Tracing.Purge(ctx, ids)
	p.report.Traces += int64(n)
	p.progress(ctx)
	return err
}

func (p *purge) progress(ctx context.Context) {
	if p.run_ == nil {
		return
	}
	r := p.report
	done := r.Traces + r.Runs + r.Models + r.Experiments
	p.run_.Progress(ctx, done, max(p.total, done), "objects")
}

func (p *purge) checkpoint(ctx context.Context, compact bool) error {
	if p.run_ == nil {
		return nil
	}
	at := state{Report: p.report, Compact: compact}
	for d := range p.days {
		at.Days = append(at.Days, d)
	}
	slices.Sort(at.Days)
	return p.run_.Checkpoint(ctx, at, nil)
}

// compact gives the room of removed traces back, day by day.
func (p *purge) compact(ctx context.Context) error {
	if err := p.checkpoint(ctx, true); err != nil {
		return err
	}
	days := make([]int, 0, len(p.days))
	for d := range p.days {
		days = append(days, d)
	}
	slices.Sort(days)
	for i, day := range days {
		before, after, err := p.cfg.Tracing.Compact(ctx, day)
		if fault.Is(err, fault.NotFound) {
			continue // removed as a whole
		}
		if err != nil {
			return err
		}
		p.report.Days++
		p.report.Bytes += max(0, before-after)
		p.run_.Progress(ctx, int64(i+1), int64(len(days)), "days rewritten")
	}
	if len(days) > 0 {
		if _, err := p.cfg.Tracing.SweepLabels(ctx); err != nil {
			return err
		}
	}
	return nil
}

// JSON is the report as it is kept.
func (r *PurgeReport) JSON() string {
	b, _ := json.Marshal(r)
	return string(b)
}

// traceName reads the name of a trace's folder.
func traceName(name string) (trace.ID, bool) {
	id, err := trace.ParseID(name)
	return id, err == nil
}
