package app

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/price"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
	"github.com/assayhq/assay/internal/wire/api"
)

// experiments tells the other domains of experiments.
type experiments struct{ tracking *tracking.Service }

// ExperimentName returns an experiment's name, "" if it is gone.
func (e experiments) ExperimentName(ctx context.Context, id string) string {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return ""
	}
	found, err := e.tracking.Experiment(ctx, n)
	if err != nil {
		return ""
	}
	return found.Name
}

// Resolve finds the experiment that id or name stands for, making one of a new
// name; with neither it is the workspace's default.
func (e experiments) Resolve(ctx context.Context, id, name string) (string, error) {
	if id != "" {
		return id, origins(e).ActiveExperiment(ctx, id)
	}
	if name == "" {
		if caller.Workspace(ctx) == caller.DefaultWorkspace {
			return strconv.FormatInt(tracking.DefaultExperiment, 10), nil
		}
		name = tracking.DefaultExperimentName
	}
	for range 2 {
		found, err := e.tracking.ExperimentByName(ctx, name)
		if err == nil && found.Stage != tracking.Active {
			return "", fault.Invalidf("the experiment %q is deleted; restore it or choose another", name)
		}
		if fault.Is(err, fault.NotFound) {
			found, err = e.tracking.CreateExperiment(ctx, name, "", nil)
			if fault.Is(err, fault.Exists) {
				continue // another request was faster
			}
		}
		if err != nil {
			return "", err
		}
		return strconv.FormatInt(found.ID, 10), nil
	}
	return "", fault.New(fault.Conflict, "the experiment %q is being created; try again", name)
}

// versions tells run pages what became of runs.
type versions struct{ registry *registry.Service }

func (v versions) VersionsOfRun(ctx context.Context, runID string) ([]api.ModelRef, error) {
	found, _, err := v.registry.SearchVersions(ctx, registry.Search{Filter: "run_id = '" + strings.ReplaceAll(runID, "'", "") + "'", Limit: 100})
	if err != nil {
		return nil, err
	}
	refs := []api.ModelRef{}
	for _, f := range found {
		refs = append(refs, api.ModelRef{Name: f.Name, Version: strconv.FormatInt(f.Number, 10)})
	}
	return refs, nil
}

// traceCounter counts traces for the pages of experiments and runs.
type traceCounter struct{ tracing *tracing.Service }

func (c traceCounter) CountTraces(ctx context.Context, experiment, run string) (int64, error) {
	q := tracing.Query{Run: run}
	if experiment != "" {
		q.Experiments = []string{experiment}
	}
	n, _, err := c.tracing.Count(ctx, q)
	return n, err
}

// runObserver removes what other domains derived from deleted runs.
type runObserver struct{ tracing *tracing.Service }

func (o *runObserver) RunsDeleted(ctx context.Context, runIDs []string) error {
	for _, id := range runIDs {
		if err := o.tracing.DeleteAssessmentsOfRun(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// announceRun tells the pages of runs that are new or different.
func announceRun(events *api.Events) func(context.Context, tracking.Change) {
	return func(ctx context.Context, c tracking.Change) {
		op := "updated"
		if c.New {
			op = "created"
		}
		if c.Gone {
			op = "deleted"
		}
		events.Publish(api.Change{Workspace: caller.Workspace(ctx), Kind: "run", ID: c.Run, Op: op, ExperimentID: strconv.FormatInt(c.Experiment, 10)})
	}
}

// announced ingests spans and tells the pages of the traces they belong to.
type announced struct {
	tracing *tracing.Service
	events  *api.Events
}

// maxAnnounced bounds the traces told of per request: a page that shows more
// fetches anew anyway.
const maxAnnounced = 50

func (a announced) Ingest(ctx context.Context, b trace.Batch) (rejected int, reason string, err error) {
	rejected, reason, err = a.tracing.Ingest(ctx, b)
	if err != nil {
		return rejected, reason, err
	}
	var last trace.ID
	for i, n := 0, 0; i < len(b.Spans) && n < maxAnnounced; i++ {
		if id := b.Spans[i].TraceID; id != last {
			last = id
			n++
			a.events.Publish(api.Change{Workspace: caller.Workspace(ctx), Kind: "trace", ID: id.String(), Op: "updated",
				ExperimentID: b.ExperimentID, RunID: b.RunID})
		}
	}
	return rejected, reason, nil
}

// cost prices one model call for tracing.
func cost(table *price.Table) func(provider, model string, at time.Time, t trace.Tokens) trace.Cost {
	return func(provider, model string, at time.Time, t trace.Tokens) trace.Cost {
		p, ok := table.Lookup(provider, model, at)
		if !ok {
			return trace.NoCost
		}
		return trace.Cost(p.Cost(price.Tokens(t)))
	}
}

// priceAt shows the entry that a cost came from.
func priceAt(table *price.Table) api.PriceAt {
	return func(provider, model string, at time.Time) *api.Price {
		p, ok := table.Lookup(provider, model, at)
		if !ok {
			return nil
		}
		return &api.Price{Model: p.Model, EffectiveDate: p.Effective.Format(time.DateOnly), Source: p.Source,
			Input: perMillion(p.Rates.Input), Output: perMillion(p.Rates.Output), CacheRead: perMillion(p.Rates.CacheRead), CacheWrite: perMillion(p.Rates.CacheWrite)}
	}
}

// perMillion turns pico-dollars per token into dollars per million tokens.
func perMillion(pico int64) *float64 {
	if pico == price.Unknown {
		return nil
	}
	v := float64(pico) / 1e6
	return &v
}

// settings tells the settings page what the server runs with.
func (a *App) settings(ctx context.Context) (api.Settings, error) {
	out := api.Settings{Options: []api.Setting{}}
	for _, s := range a.cfg.Settings {
		out.Options = append(out.Options, api.Setting(s))
	}
	newest := time.Time{}
	for p := range a.prices.All() {
		out.Prices.Entries++
		if p.Effective.After(newest) {
			newest = p.Effective
		}
	}
	if out.Prices.Entries > 0 {
		date := newest.Format(time.DateOnly)
		out.Prices.NewestDate = &date
	}
	out.Storage.Metadata, out.Storage.Objects = "SQLite", "local directory"
	if a.cfg.Database != "" {
		out.Storage.Metadata = "PostgreSQL"
	}
	if strings.HasPrefix(a.cfg.Artifacts, "s3://") {
		out.Storage.Objects = "S3"
	}
	partitions, err := a.tracing.Partitions(ctx)
	if err != nil {
		return out, err
	}
	n, bytes := len(partitions), int64(0)
	for _, p := range partitions {
		bytes += p.Bytes
	}
	out.Storage.TracePartitions, out.Storage.Bytes = &n, &bytes
	return out, nil
}
