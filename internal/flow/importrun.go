package flow

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// openExperiments reads the source's experiments and finds or makes ours. It
// is done by every attempt: there are few, and everything else hangs on them.
func (w *worker) openExperiments(ctx context.Context) error {
	found, err := all(func(token string) ([]tracking.Experiment, string, error) { return w.source.Experiments(ctx, token) })
	if err != nil {
		return err
	}
	if len(w.spec.Experiments) > 0 {
		for _, name := range w.spec.Experiments {
			if !slices.ContainsFunc(found, func(e tracking.Experiment) bool { return e.Name == name }) {
				return fault.NotFoundf("the source has no experiment %q", name)
			}
		}
		found = slices.DeleteFunc(found, func(e tracking.Experiment) bool { return !slices.Contains(w.spec.Experiments, e.Name) })
	}
	slices.SortFunc(found, func(a, b tracking.Experiment) int { return int(min(1, max(-1, a.ID-b.ID))) })
	w.experiments, w.ours = nil, map[int64]*tracking.Experiment{}
	w.at.Report.Experiment = w.at.Report.Experiment[:0]
	for i := range found {
		if err := w.openExperiment(ctx, &found[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) openExperiment(ctx context.Context, e *tracking.Experiment) error {
	ours, err := w.cfg.Tracking.ExperimentByName(ctx, e.Name)
	if fault.Is(err, fault.NotFound) && (w.spec.DryRun || w.spec.VerifyOnly) {
		w.experiments = append(w.experiments, *e)
		return nil
	}
	if fault.Is(err, fault.NotFound) {
		// Active while it is filled; see finishExperiments.
		err = w.run.Write(ctx, func(ctx context.Context) error {
			fresh := *e
			fresh.Stage = tracking.Active
			if ours, _, err = w.cfg.Tracking.ImportExperiment(ctx, fresh); err != nil {
				return err
			}
			return w.cfg.Ledger.PutEntry(ctx, w.no, w.entry(&item{kind: KindExperiment, id: itoa(e.ID), ours: itoa(ours.ID)}, Copied, false))
		})
	}
	if fault.Is(err, fault.Invalid) {
		w.at.Report.take(KindExperiment, itoa(e.ID), Failed, fault.Message(err))
		return nil
	}
	if err != nil {
		return err
	}
	w.experiments = append(w.experiments, *e)
	w.ours[e.ID] = ours
	w.at.Report.Experiment = append(w.at.Report.Experiment, Mapping{e.Name, itoa(e.ID), itoa(ours.ID)})
	return nil
}

// eachExperiment runs fn for the chosen experiments from the position on.
func (w *worker) eachExperiment(ctx context.Context, fn func(ctx context.Context, e *tracking.Experiment) error) error {
	for i := range w.experiments {
		e := &w.experiments[i]
		if e.ID < w.at.Experiment {
			continue
		}
		if e.ID != w.at.Experiment {
			w.at.Experiment, w.at.Name, w.at.Token = e.ID, "", ""
		}
		if err := fn(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// experimentItems are the experiments as items: only what an experiment that
// was not imported has of its own is a difference.
func (w *worker) experimentItems(verify bool) []item {
	var items []item
	for i := range w.experiments {
		e := &w.experiments[i]
		ours := w.ours[e.ID]
		it := item{kind: KindExperiment, id: itoa(e.ID), hash: hashOf(struct {
			Name  string
			Stage tracking.Stage
			Tags  []tracking.Tag
		}{e.Name, e.Stage, e.Tags})}
		if ours != nil {
			it.ours = itoa(ours.ID)
		}
		it.compare = func(ctx context.Context) (bool, []string, error) {
			if ours == nil {
				return false, nil, nil
			}
			now, err := w.cfg.Tracking.Experiment(ctx, ours.ID)
			if err != nil {
				return false, nil, err
			}
			var d differences
			d.text("stage", e.Stage.String(), now.Stage.String())
			d.tags("tag", e.Tags, now.Tags)
			return true, d, nil
		}
		it.copy = func(ctx context.Context) error {
			fresh := *e
			fresh.ID = ours.ID
			return w.cfg.Tracking.UpdateImportedExperiment(ctx, fresh)
		}
		items = append(items, it)
	}
	return items
}

// finishExperiments gives the experiments the stage they have at the source,
// once they are filled.
func (w *worker) finishExperiments(ctx context.Context) error {
	return w.page(ctx, KindExperiment, w.experimentItems(false))
}

func (w *worker) verifyExperiments(ctx context.Context) error {
	return w.page(ctx, KindExperiment, w.experimentItems(true))
}

// runs copies runs with their history and their files, or compares them.
func (w *worker) runs(ctx context.Context) error {
	return w.eachExperiment(ctx, func(ctx context.Context, e *tracking.Experiment) error {
		list := func(token string) ([]tracking.Run, string, error) { return w.source.Runs(ctx, e.ID, token) }
		return pages(ctx, w, list, func(found []tracking.Run) error {
			items := make([]item, len(found))
			for i := range found {
				items[i] = w.runItem(&found[i])
			}
			return w.page(ctx, KindRun, items)
		})
	})
}

// runHash is of what a listing tells of a run. JSON has no NaN, so that values
// are texts.
func runHash(r *tracking.Run) string {
	var metrics []string
	for _, m := range r.Metrics {
		metrics = append(metrics, m.Key, strconv.FormatFloat(m.Value, 'g', -1, 64), itoa(m.Timestamp), itoa(m.Step))
	}
	return hashOf(struct {
		Info     tracking.Info
		Metrics  []string
		Params   []tracking.Param
		Tags     []tracking.Tag
		Datasets []tracking.DatasetInput
		Outputs  []tracking.ModelRef
	}{r.Info, metrics, r.Params, r.Tags, r.Datasets, r.Outputs})
}

func (w *worker) runItem(listed *tracking.Run) item {
	ours := w.ours[listed.Experiment]
	it := item{kind: KindRun, id: listed.ID, ours: listed.ID, hash: runHash(listed)}
	it.open = listed.Status == tracking.Running || listed.Status == tracking.Scheduled
	it.points = new(int64)
	whole := func(ctx context.Context) (*tracking.Run, error) {
		r, err := w.source.Run(ctx, listed.ID)
		if err == nil && ours != nil {
			r.Experiment = ours.ID
		}
		return r, err
	}
	it.copy = func(ctx context.Context) error {
		r, err := whole(ctx)
		if err != nil {
			return err
		}
		err = w.run.Write(ctx, func(ctx context.Context) error { return w.cfg.Tracking.ImportRun(ctx, *r) })
		if err != nil {
			return err
		}
		*it.points, err = w.history(ctx, r)
		return err
	}
	if !w.spec.NoArtifacts {
		it.again = func(ctx context.Context, own bool) error {
			here, err := w.cfg.Tracking.RunInfo(ctx, listed.ID)
			if err != nil {
				return err
			}
			return w.files(ctx, FileRoot{Run: listed.ID, URI: listed.ArtifactURI}, here.ArtifactURI, own)
		}
	}
	it.compare = func(ctx context.Context) (bool, []string, error) {
		here, err := w.cfg.Tracking.Run(ctx, listed.ID)
		if fault.Is(err, fault.NotFound) || ours == nil {
			return false, nil, nil
		}
		if err != nil {
			return false, nil, err
		}
		there, err := whole(ctx)
		if err != nil {
			return true, nil, err
		}
		d := compareRuns(there, here)
		if err := w.compareHistory(ctx, there, &d); err != nil {
			return true, nil, err
		}
		if w.verify && !w.spec.NoArtifacts {
			err = w.compareFiles(ctx, FileRoot{Run: there.ID, URI: there.ArtifactURI}, here.ArtifactURI)
		}
		return true, d, err
	}
	return it
}

// history copies the points of a run's metrics and returns how many there are.
func (w *worker) history(ctx context.Context, r *tracking.Run) (n int64, err error) {
	for _, m := range r.Metrics {
		err := w.source.History(ctx, r.ID, m.Key, func(points []tracking.Metric) error {
			for chunk := range slices.Chunk(points, tracking.MaxImport) {
				if err := w.run.Write(ctx, func(ctx context.Context) error { return w.cfg.Tracking.ImportMetrics(ctx, r.ID, chunk) }); err != nil {
					return err
				}
			}
			n += int64(len(points))
			return nil
		})
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// models copies logged models with their files.
func (w *worker) models(ctx context.Context) error {
	return w.eachExperiment(ctx, func(ctx context.Context, e *tracking.Experiment) error {
		list := func(token string) ([]tracking.LoggedModel, string, error) { return w.source.Models(ctx, e.ID, token) }
		return pages(ctx, w, list, func(found []tracking.LoggedModel) error {
			items := make([]item, len(found))
			for i := range found {
				items[i] = w.modelItem(&found[i])
			}
			return w.page(ctx, KindModel, items)
		})
	})
}

func (w *worker) modelItem(m *tracking.LoggedModel) item {
	ours := w.ours[m.Experiment]
	var metrics []string
	for _, p := range m.Metrics {
		metrics = append(metrics, p.Key, strconv.FormatFloat(p.Value, 'g', -1, 64), itoa(p.Timestamp), itoa(p.Step), p.RunID, p.DatasetName, p.DatasetDigest)
	}
	plain := *m
	plain.Metrics = nil
	it := item{kind: KindModel, id: m.ID, ours: m.ID, hash: hashOf([]any{plain, metrics}), open: m.Status == tracking.ModelPending}
	it.copy = func(ctx context.Context) error {
		fresh := *m
		fresh.Experiment = ours.ID
		return w.cfg.Tracking.ImportModel(ctx, fresh)
	}
	if !w.spec.NoArtifacts {
		it.again = func(ctx context.Context, own bool) error {
			here, err := w.cfg.Tracking.Model(ctx, m.ID, true)
			if err != nil {
				return err
			}
			return w.files(ctx, FileRoot{Model: m.ID, URI: m.ArtifactLocation}, here.ArtifactLocation, own)
		}
	}
	it.compare = func(ctx context.Context) (bool, []string, error) {
		here, err := w.cfg.Tracking.Model(ctx, m.ID, true)
		if fault.Is(err, fault.NotFound) || ours == nil {
			return false, nil, nil
		}
		if err != nil {
			return false, nil, err
		}
		d := compareModels(m, here, ours.ID)
		if w.verify && !w.spec.NoArtifacts {
			err = w.compareFiles(ctx, FileRoot{Model: m.ID, URI: m.ArtifactLocation}, here.ArtifactLocation)
		}
		return true, d, err
	}
	return it
}

// moved is a place of the source as ours: below the artifact location of an
// experiment it is at the same path below that of ours. ok is false for any
// other place of the source, which stays as it is.
func (w *worker) moved(uri string) (place string, ok bool) {
	best := ""
	for i := range w.experiments {
		e := &w.experiments[i]
		root := strings.TrimSuffix(e.ArtifactLocation, "/")
		ours := w.ours[e.ID]
		if root == "" || ours == nil || len(root) < len(best) {
			continue
		}
		if rest, found := strings.CutPrefix(uri, root); found && (rest == "" || rest[0] == '/') {
			place, ok, best = strings.TrimSuffix(ours.ArtifactLocation, "/")+rest, true, root
		}
	}
	if !ok {
		return uri, false
	}
	return place, true
}

// countAll counts what the source has, for progress and for dry runs. It keeps
// no place of its own: counting again is cheap.
func (w *worker) countAll(ctx context.Context) error {
	total := int64(0)
	add := func(kind string, n int) error {
		total += int64(n)
		if w.spec.DryRun {
			w.at.Report.count(kind).Found += int64(n)
		}
		w.run.Progress(ctx, 0, -1, "items")
		return ctx.Err()
	}
	w.at.Report.Counts = map[string]*Count{}
	if err := add(KindExperiment, len(w.experiments)); err != nil {
		return err
	}
	for i := range w.experiments {
		if err := w.countExperiment(ctx, w.experiments[i].ID, add); err != nil {
			return err
		}
	}
	for _, prompt := range []bool{false, true} {
		kind, versions := registryKinds(prompt)
		models, err := all(func(token string) ([]registry.Model, string, error) {
			return w.source.RegisteredModels(ctx, prompt, token)
		})
		if err != nil {
			return err
		}
		if err := add(kind, len(models)); err != nil {
			return err
		}
		for _, m := range models {
			list := func(token string) ([]registry.Version, string, error) {
				return w.source.Versions(ctx, m.Name, prompt, token)
			}
			if err := count(list, versions, add); err != nil {
				return err
			}
		}
	}
	if err := count(w.listDatasets(ctx), KindDataset, add); err != nil {
		return err
	}
	w.at.Done, w.at.Total = 0, total
	if !w.spec.DryRun && !w.spec.VerifyOnly && !w.spec.NoVerify {
		w.at.Total *= 2
	}
	return nil
}

func (w *worker) countExperiment(ctx context.Context, id int64, add func(kind string, n int) error) error {
	if err := count(func(token string) ([]tracking.Run, string, error) { return w.source.Runs(ctx, id, token) }, KindRun, add); err != nil {
		return err
	}
	if err := count(func(token string) ([]tracking.LoggedModel, string, error) { return w.source.Models(ctx, id, token) }, KindModel, add); err != nil {
		return err
	}
	if !w.spec.NoTraces {
		err := count(func(token string) ([]tracing.Info, string, error) { return w.source.Traces(ctx, id, token) }, KindTrace, add)
		if err != nil {
			return err
		}
	}
	scorers, err := w.source.Scorers(ctx, id)
	if err != nil {
		return err
	}
	return add(KindScorer, len(scorers))
}

// count adds the sizes of the pages of a listing.
func count[T any](list func(token string) ([]T, string, error), kind string, add func(kind string, n int) error) error {
	for token := ""; ; {
		found, next, err := list(token)
		if err != nil {
			return err
		}
		if err := add(kind, len(found)); err != nil {
			return err
		}
		if token = next; token == "" {
			return nil
		}
	}
}
