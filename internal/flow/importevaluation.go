package flow

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

func (w *worker) listDatasets(ctx context.Context) func(string) ([]evaluation.Dataset, string, error) {
	return func(token string) ([]evaluation.Dataset, string, error) { return w.source.Datasets(ctx, token) }
}

// datasets copies evaluation datasets with their records.
func (w *worker) datasets(ctx context.Context) error {
	return pages(ctx, w, w.listDatasets(ctx), func(found []evaluation.Dataset) error {
		items := make([]item, len(found))
		for i := range found {
			items[i] = w.datasetItem(&found[i])
		}
		return w.page(ctx, KindDataset, items)
	})
}

func (w *worker) datasetItem(d *evaluation.Dataset) item {
	form := *d
	form.Experiments = nil
	for _, e := range d.Experiments {
		if ours := w.ours[e]; ours != nil {
			form.Experiments = append(form.Experiments, ours.ID)
		}
	}
	// A source lists these in any order; in one order, equal forms have one hash.
	slices.Sort(form.Experiments)
	form.Tags = slices.SortedFunc(slices.Values(d.Tags), func(a, b evaluation.Tag) int { return strings.Compare(a.Key, b.Key) })
	records := func(ctx context.Context, fn func([]evaluation.Record) error) error {
		for token := ""; ; {
			list, next, err := w.source.Records(ctx, d.ID, token)
			if err == nil {
				err = fn(list)
			}
			if token = next; err != nil || token == "" {
				return err
			}
		}
	}
	it := item{kind: KindDataset, id: d.ID, ours: d.ID, hash: hashOf(form)}
	it.copy = func(ctx context.Context) error {
		if err := w.cfg.Evaluation.ImportDataset(ctx, form); err != nil {
			return err
		}
		return records(ctx, func(list []evaluation.Record) error { return w.cfg.Evaluation.ImportRecords(ctx, d.ID, list) })
	}
	it.compare = func(ctx context.Context) (bool, []string, error) {
		here, err := w.cfg.Evaluation.Dataset(ctx, d.ID)
		if fault.Is(err, fault.NotFound) {
			return false, nil, nil
		}
		if err != nil {
			return false, nil, err
		}
		var diff differences
		diff.text("name", form.Name, here.Name)
		diff.text("digest", form.Digest, here.Digest)
		diff.json("schema", []byte(form.Schema), []byte(here.Schema))
		diff.number("creation time", form.Created, here.Created)
		diff.number("update time", form.Updated, here.Updated)
		diff.text("experiments", fmt.Sprint(form.Experiments), fmt.Sprint(here.Experiments))
		tags := func(list []evaluation.Tag) map[string]string {
			out := map[string]string{}
			for _, t := range list {
				out[t.Key] = t.Value
			}
			return out
		}
		diff.texts("tag", tags(form.Tags), tags(here.Tags))
		return true, diff, w.compareRecords(ctx, d.ID, records, &diff)
	}
	return it
}

func (w *worker) compareRecords(ctx context.Context, id string, there func(context.Context, func([]evaluation.Record) error) error, d *differences) error {
	here := map[string]*evaluation.Record{}
	list, err := all(func(token string) ([]*evaluation.Record, string, error) {
		return w.cfg.Evaluation.Records(ctx, id, 1000, token)
	})
	if err != nil {
		return err
	}
	for _, r := range list {
		here[r.ID] = r
	}
	n := 0
	err = there(ctx, func(list []evaluation.Record) error {
		n += len(list)
		// What is masked here is no difference.
		if err := w.cfg.Evaluation.MaskRecords(ctx, list); err != nil {
			return err
		}
		for i := range list {
			a := &list[i]
			b := here[a.ID]
			name := "record " + a.ID + " "
			if b == nil {
				*d = append(*d, name+"is not here")
				continue
			}
			d.json(name+"inputs", a.Inputs, b.Inputs)
			d.json(name+"outputs", a.Outputs, b.Outputs)
			d.json(name+"expectations", a.Expectations, b.Expectations)
			d.json(name+"tags", a.Tags, b.Tags)
			d.number(name+"creation time", a.Created, b.Created)
			d.number(name+"update time", a.Updated, b.Updated)
		}
		return nil
	})
	d.number("number of records", int64(n), int64(len(here)))
	return err
}

// scorers copies every version of every scorer. Their settings for live traces
// are left behind: they would spend money here unasked.
func (w *worker) scorers(ctx context.Context) error {
	return w.eachExperiment(ctx, func(ctx context.Context, e *tracking.Experiment) error {
		list := func(string) ([]evaluation.Scorer, string, error) {
			found, err := w.source.Scorers(ctx, e.ID)
			return found, "", err
		}
		return pages(ctx, w, list, func(found []evaluation.Scorer) error {
			items := make([]item, len(found))
			for i := range found {
				items[i] = w.scorerItem(e, &found[i])
			}
			if len(found) > 0 {
				w.at.Report.leave("which live traces scorers judge")
			}
			return w.page(ctx, KindScorer, items)
		})
	})
}

func (w *worker) scorerItem(e *tracking.Experiment, sc *evaluation.Scorer) item {
	ours := w.ours[e.ID]
	id := itoa(e.ID) + "/" + sc.Name + "/" + itoa(sc.Version)
	it := item{kind: KindScorer, id: id, hash: hashOf(sc)}
	if ours != nil {
		it.ours = itoa(ours.ID) + "/" + sc.Name + "/" + itoa(sc.Version)
	}
	it.copy = func(ctx context.Context) error {
		fresh := *sc
		fresh.Experiment = ours.ID
		return w.cfg.Evaluation.ImportScorer(ctx, fresh)
	}
	it.compare = func(ctx context.Context) (bool, []string, error) {
		if ours == nil {
			return false, nil, nil
		}
		list, err := w.cfg.Evaluation.ImportedScorers(ctx, ours.ID, sc.Name)
		if err != nil {
			return false, nil, err
		}
		for _, v := range list {
			if v.Version == sc.Version {
				var d differences
				d.json("definition", []byte(sc.Serialized), []byte(v.Serialized))
				d.number("creation time", sc.Created, v.Created)
				return true, d, nil
			}
		}
		return false, nil, nil
	}
	return it
}
