package flow

import (
	"context"
	"path"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// experiment removes an experiment with everything in it. It is put into the
// deleted stage first, so that nothing arrives meanwhile.
func (p *purge) experiment(ctx context.Context, id string) error {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return fault.NotFoundf("No Experiment with id=%s exists", clip(id))
	}
	e, err := p.cfg.Tracking.Experiment(ctx, n)
	if fault.Is(err, fault.NotFound) && p.run_ != nil && p.run_.Job.Attempt > 1 {
		return nil // an earlier attempt got that far
	}
	if err != nil {
		return err
	}
	p.report.name(e.Name)
	if p.dry {
		return p.weighExperiment(ctx, e)
	}
	if e.Stage == tracking.Active && n != tracking.DefaultExperiment {
		if err := p.cfg.Tracking.DeleteExperiment(ctx, n); err != nil {
			return err
		}
	}
	if err := p.matching(ctx, tracing.Query{Experiments: []string{id}}); err != nil {
		return err
	}
	if err := p.runsOf(ctx, n); err != nil {
		return err
	}
	if err := p.modelsOf(ctx, n); err != nil {
		return err
	}
	if p.cfg.Tracking.OwnLocation(e) {
		if err := p.files(ctx, e.ArtifactLocation); err != nil {
			return err
		}
	}
	if n != tracking.DefaultExperiment {
		p.report.Experiments++
	}
	return p.cfg.Tracking.PurgeExperiment(ctx, n)
}

func (p *purge) weighExperiment(ctx context.Context, e *tracking.Experiment) error {
	runs, models, err := p.cfg.Tracking.CountPurge(ctx, e.ID)
	if err != nil {
		return err
	}
	p.report.Runs += runs
	p.report.Models += models
	if e.ID != tracking.DefaultExperiment {
		p.report.Experiments++
	}
	id := strconv.FormatInt(e.ID, 10)
	if err := p.matching(ctx, tracing.Query{Experiments: []string{id}}); err != nil {
		return err
	}
	if err := p.versions(ctx, func(v *registry.Version) bool { return under(v, e.ArtifactLocation) }); err != nil {
		return err
	}
	if p.cfg.Tracking.OwnLocation(e) {
		return p.files(ctx, e.ArtifactLocation)
	}
	p.elsewhere(e.ArtifactLocation)
	return nil
}

// runsOf removes all runs of an experiment.
func (p *purge) runsOf(ctx context.Context, experiment int64) error {
	for {
		list, err := p.cfg.Tracking.RunsToPurge(ctx, experiment, "", chunk)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, d := range list {
			if err := p.purgeRun(ctx, d); err != nil {
				return err
			}
		}
	}
}

func (p *purge) modelsOf(ctx context.Context, experiment int64) error {
	for {
		list, err := p.cfg.Tracking.ModelsToPurge(ctx, experiment, chunk)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, d := range list {
			if err := p.files(ctx, tracking.FolderOf(d.Location, d.ID)); err != nil {
				return err
			}
			if err := p.cfg.Tracking.PurgeModel(ctx, d); err != nil {
				return err
			}
			p.report.Models++
			p.progress(ctx)
		}
	}
}

// runByID removes, or weighs, one run.
func (p *purge) runByID(ctx context.Context, id string) error {
	d, err := p.cfg.Tracking.RunToPurge(ctx, id)
	if fault.Is(err, fault.NotFound) && p.run_ != nil && p.run_.Job.Attempt > 1 {
		return nil
	}
	if err != nil {
		return err
	}
	p.report.name(d.Name)
	if !p.dry {
		return p.purgeRun(ctx, d)
	}
	p.report.Runs++
	if err := p.versions(ctx, func(v *registry.Version) bool {
		return v.RunID == d.ID && under(v, tracking.FolderOf(d.Location, d.ID))
	}); err != nil {
		return err
	}
	return p.files(ctx, tracking.FolderOf(d.Location, d.ID))
}

// purgeRun removes the files of a run before its row, which is the only one
// who knows of them.
func (p *purge) purgeRun(ctx context.Context, d tracking.Doomed) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.files(ctx, tracking.FolderOf(d.Location, d.ID)); err != nil {
		return err
	}
	if err := p.cfg.Tracking.PurgeRun(ctx, d); err != nil {
		return err
	}
	p.report.Runs++
	p.progress(ctx)
	return nil
}

// files removes, or weighs, everything below a location.
func (p *purge) files(ctx context.Context, location string) error {
	left := maxWeighed - int(p.report.Files)
	u, err := p.cfg.Artifacts.Weigh(ctx, location, max(left, 0))
	if err != nil {
		return err
	}
	p.report.Files += u.Files
	p.report.Bytes += u.Bytes
	p.report.Exact = p.report.Exact && u.Exact
	if p.dry {
		p.elsewhere(location)
		return nil
	}
	here, err := p.cfg.Artifacts.Purge(ctx, location)
	if err == nil && !here {
		p.elsewhere(location)
	}
	return err
}

// elsewhere notes a location that this server cannot remove.
func (p *purge) elsewhere(location string) {
	if !strings.HasPrefix(location, "mlflow-artifacts:") && !strings.HasPrefix(location, "http") && len(p.report.Elsewhere) < maxNames {
		p.report.Elsewhere = append(p.report.Elsewhere, location)
	}
}

// maxVersions bounds the model versions looked at.
const maxVersions = 10_000

// versions lists the model versions that match.
func (p *purge) versions(ctx context.Context, match func(v *registry.Version) bool) error {
	for token := ""; ; {
		list, next, err := p.cfg.Registry.SearchVersions(ctx, registry.Search{Limit: maxVersions, Token: token})
		if err != nil {
			return err
		}
		for _, v := range list {
			if match(v) {
				p.report.Versions = append(p.report.Versions, v.Name+" version "+strconv.FormatInt(v.Number, 10))
			}
		}
		if token = next; token == "" {
			return nil
		}
	}
}

// under reports whether a version's files lie below a location.
func under(v *registry.Version, location string) bool {
	plain := func(s string) string {
		_, rest, ok := strings.Cut(s, ":")
		if !ok {
			rest = s
		}
		return path.Clean("/" + strings.TrimLeft(rest, "/"))
	}
	folder := plain(location)
	for _, s := range []string{v.Location, v.Source} {
		if at := plain(s); at == folder || strings.HasPrefix(at, folder+"/") {
			return true
		}
	}
	return false
}
