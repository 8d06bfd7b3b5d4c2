package mcp

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracking"
)

func (s *Server) runTools() []tool {
	run := param{name: "run_id", kind: text, about: "32 hexadecimal digits", required: true, max: 64}
	return []tool{
		{"list_experiments", "List experiments", "Experiments by their latest run, with how many runs they hold.",
			[]param{{name: "text", kind: text, about: "Part of the name", max: 500}, limitParam(30, 200), cursorParam, sizeParam}, s.listExperiments},
		{"search_runs", "Search runs", "Runs with their params and latest metrics, the newest first unless ordered otherwise.",
			[]param{{name: "filter", kind: text, about: "Conditions, e.g. metrics.rouge1 > 0.5 AND params.model = 'nova'; see assay://help/filters"},
				{name: "experiment_ids", kind: texts, about: "Only these experiments; see list_experiments"},
				{name: "order_by", kind: texts, about: "e.g. metrics.loss ASC, attributes.start_time DESC", max: 10},
				limitParam(20, 100), cursorParam, sizeParam}, s.searchRuns},
		{"get_run", "One run", "Everything logged to a run but the history of its metrics: params, latest metrics, tags, datasets it read, models it made.",
			[]param{run, sizeParam}, s.getRun},
		{"compare_runs", "Compare runs", "What differs between runs: params, metrics, datasets, code. What is equal in all is only counted.",
			[]param{{name: "run_ids", kind: texts, about: "The runs, the first as the baseline", required: true, min: 2, max: 20},
				{name: "all", kind: boolean, about: "Also what is equal in all"}, sizeParam}, s.compareRuns},
		{"metric_history", "History of a metric", "A metric of a run over its steps, thinned so that peaks stay.",
			[]param{run, {name: "key", kind: text, about: "Name of the metric", required: true, max: 250},
				{name: "max_points", kind: integer, about: "How many points at most", min: 10, max: 2000, def: 100}, sizeParam}, s.metricHistory},
	}
}

func (s *Server) listExperiments(ctx context.Context, a args) (*answer, error) {
	at, err := placeOf(a, a.number("limit", 30))
	if err != nil {
		return nil, err
	}
	found, next, err := s.cfg.Tracking.ListExperiments(ctx, tracking.ExperimentList{Text: a.text("text"), Sort: tracking.ByActivity, Desc: true, Limit: at.Size, Token: at.Token})
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	page(w, "experiments", at, found, next, func(e tracking.ExperimentRow) any {
		r := row{"experiment_id": strconv.FormatInt(e.ID, 10), "name": clip(e.Name, 250), "runs": e.Runs}
		if e.Activity != nil {
			r["latest_run"] = stamp(*e.Activity)
		}
		return r
	})
	return w, nil
}

// keysShown bounds the params, and the metrics, of one row.
const keysShown = 30

func runRow(r *tracking.Run, keys int) row {
	out := row{"run_id": r.ID, "name": clip(r.Name, 120), "experiment_id": strconv.FormatInt(r.Experiment, 10), "status": string(r.Status), "start": stamp(r.StartTime)}
	if r.EndTime != nil {
		out["duration_ms"] = *r.EndTime - r.StartTime
	}
	params, metrics := map[string]string{}, map[string]any{}
	for _, p := range r.Params[:min(len(r.Params), keys)] {
		params[p.Key] = clip(p.Value, 300)
	}
	for _, m := range r.Metrics[:min(len(r.Metrics), keys)] {
		metrics[m.Key] = number(m.Value)
	}
	if len(metrics) > 0 {
		out["metrics"] = metrics
	}
	if hidden := max(0, len(r.Params)-keys) + max(0, len(r.Metrics)-keys); hidden > 0 {
		out["more_keys"] = hidden
	}
	return out.put("params", params)
}

func (s *Server) searchRuns(ctx context.Context, a args) (*answer, error) {
	at, err := placeOf(a, a.number("limit", 20))
	if err != nil {
		return nil, err
	}
	q := tracking.RunQuery{Limit: at.Size, Token: at.Token}
	for _, e := range a.texts("experiment_ids") {
		n, err := strconv.ParseInt(e, 10, 64)
		if err != nil {
			return nil, fault.Invalidf("experiment_ids are numbers, as list_experiments shows, not %q", clip(e, 80))
		}
		q.Experiments = append(q.Experiments, n)
	}
	if len(q.Experiments) == 0 {
		if q.Experiments, err = s.cfg.Tracking.AllExperiments(ctx); err != nil {
			return nil, err
		}
	}
	if q.Filter, err = filter.Parse(filter.Runs, a.text("filter")); err != nil {
		return nil, wrongFilter(err)
	}
	if q.Order, err = filter.ParseOrder(filter.Runs, a.texts("order_by")); err != nil {
		return nil, wrongFilter(err)
	}
	found, next, err := s.cfg.Tracking.SearchRuns(ctx, q)
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	page(w, "runs", at, found, next, func(r tracking.Run) any { return runRow(&r, keysShown) })
	return w, nil
}

func (s *Server) getRun(ctx context.Context, a args) (*answer, error) {
	r, err := s.cfg.Tracking.Run(ctx, a.text("run_id"))
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	head := runRow(r, 0)
	delete(head, "more_keys")
	w.set("run", head.put("user", clip(r.User, 120)).put("lifecycle", r.Stage.String()))
	part := func(key string, n int, one func(i int) any) {
		if n == 0 {
			return
		}
		if took := w.rows(key, n, one); took < n {
			w.omit("%d of %d %s: raise max_characters", n-took, n, key)
		}
	}
	part("metrics", len(r.Metrics), func(i int) any {
		m := r.Metrics[i]
		return row{"key": m.Key, "value": number(m.Value), "step": m.Step}
	})
	part("params", len(r.Params), func(i int) any { return row{"key": r.Params[i].Key, "value": clip(r.Params[i].Value, 1000)} })
	part("datasets", len(r.Datasets), func(i int) any {
		d := r.Datasets[i]
		use, _ := d.Context()
		return row{"name": clip(d.Dataset.Name, 250), "digest": d.Dataset.Digest}.put("used_as", clip(use, 80))
	})
	part("models_made", len(r.Outputs), func(i int) any { return row{"model_id": r.Outputs[i].ModelID, "step": r.Outputs[i].Step} })
	tags := slices.DeleteFunc(slices.Clone(r.Tags), func(t tracking.Tag) bool { return t.Key == tracking.LoggedModelsTag })
	part("tags", len(tags), func(i int) any { return row{"key": tags[i].Key, "value": clip(tags[i].Value, 500)} })
	return w, nil
}

func (s *Server) compareRuns(ctx context.Context, a args) (*answer, error) {
	w := newAnswer(a)
	var runs []*tracking.Run
	var heads []row
	for _, id := range a.texts("run_ids") {
		r, err := s.cfg.Tracking.Run(ctx, id)
		if fault.Is(err, fault.NotFound) {
			w.omit("there is no run %s", clip(id, 80))
			continue
		}
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
		heads = append(heads, row{"run_id": r.ID, "name": clip(r.Name, 120), "status": string(r.Status), "start": stamp(r.StartTime)})
	}
	if len(runs) < 2 {
		return nil, fault.NotFoundf("fewer than two of these runs exist; search_runs finds runs")
	}
	w.set("runs", heads)
	rows, equal := differences(runs, a.flag("all"))
	took := w.rows("rows", len(rows), func(i int) any { return rows[i] })
	if took < len(rows) {
		w.omit("%d of %d rows: compare fewer runs, or raise max_characters", len(rows)-took, len(rows))
	}
	w.set("equal_in_all", equal)
	return w, nil
}

// codeTags say which code ran.
var codeTags = map[string]string{"mlflow.source.name": "source", "mlflow.source.git.commit": "code version", "mlflow.source.git.branch": "branch"}

// differences lists what is not the same in all runs, values in their order;
// null where a run lacks it.
func differences(runs []*tracking.Run, all bool) (rows []row, equal int) {
	type key struct{ kind, name string }
	values, keys := map[key][]any{}, []key{}
	set := func(i int, kind, name string, v any) {
		k := key{kind, name}
		if values[k] == nil {
			values[k], keys = make([]any, len(runs)), append(keys, k)
		}
		values[k][i] = v
	}
	for i, r := range runs {
		for _, p := range r.Params {
			set(i, "param", p.Key, clip(p.Value, 300))
		}
		for _, m := range r.Metrics {
			set(i, "metric", m.Key, number(m.Value))
		}
		for _, d := range r.Datasets {
			use, _ := d.Context()
			set(i, "dataset", use, clip(d.Dataset.Name, 120)+"@"+d.Dataset.Digest)
		}
		for _, t := range r.Tags {
			if name, ok := codeTags[t.Key]; ok {
				set(i, "code", name, clip(t.Value, 200))
			}
		}
	}
	slices.SortFunc(keys, func(a, b key) int { return strings.Compare(a.kind+"\x00"+a.name, b.kind+"\x00"+b.name) })
	for _, k := range keys {
		same := !slices.ContainsFunc(values[k], func(v any) bool { return v != values[k][0] })
		if same {
			equal++
			if !all {
				continue
			}
		}
		rows = append(rows, row{"kind": k.kind, "key": k.name, "values": values[k]})
	}
	return rows, equal
}

func (s *Server) metricHistory(ctx context.Context, a args) (*answer, error) {
	if _, err := s.cfg.Tracking.RunInfo(ctx, a.text("run_id")); err != nil {
		return nil, err
	}
	curves, err := s.cfg.Tracking.Curves(ctx, tracking.CurveQuery{RunIDs: []string{a.text("run_id")}, Keys: []string{a.text("key")},
		MaxPoints: a.number("max_points", 100), FromStep: math.MinInt64, ToStep: math.MaxInt64})
	if err != nil {
		return nil, err
	}
	if len(curves) == 0 {
		return nil, fault.NotFoundf("the run logged no metric %q; get_run lists its metrics", clip(a.text("key"), 120))
	}
	c, w := curves[0], newAnswer(a)
	w.set("total_points", c.Total)
	w.set("last", number(c.Last.Value))
	w.set("min", number(c.Min))
	w.set("max", number(c.Max))
	took := w.rows("points", len(c.Points), func(i int) any {
		return []any{c.Points[i].Step, number(c.Points[i].Value)}
	})
	w.set("points_are", "[step, value]")
	if missing := int(c.Total) - took; missing > 0 {
		w.omit("%s of the points: those shown keep each stretch's first, last, least and greatest", fmt.Sprint(missing))
	}
	return w, nil
}
