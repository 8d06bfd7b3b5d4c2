package storetest

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracking"
)

// searchNames returns the names of all runs that match, page by page.
func searchNames(t *testing.T, s *tracking.Service, q tracking.RunQuery, where string, order ...string) string {
	t.Helper()
	var err error
	if q.Filter, err = filter.Parse(filter.Runs, where); err != nil {
		t.Fatal(err)
	}
	if q.Order, err = filter.ParseOrder(filter.Runs, order); err != nil {
		t.Fatal(err)
	}
	var names []string
	for range 1000 {
		runs, next, err := s.SearchRuns(t.Context(), q)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		for _, r := range runs {
			names = append(names, r.Name)
		}
		if q.Token = next; next == "" {
			return strings.Join(names, " ")
		}
		if len(runs) != q.Limit {
			t.Fatalf("a page of %d runs, not the last, has %d", q.Limit, len(runs))
		}
	}
	t.Fatal("the pages do not end")
	return ""
}

// sample makes runs a to f in an experiment.
func sample(t *testing.T, s *tracking.Service) int64 {
	ctx := t.Context()
	e := newExperiment(t, s, "sample")
	for i, name := range strings.Split("a b c d e f", " ") {
		r := startRun(t, s, tracking.NewRun{Experiment: e.ID, Name: name, User: "user-" + name, StartTime: int64(100 + i)})
		b := tracking.Batch{
			Params: []tracking.Param{{Key: "p", Value: fmt.Sprint(i % 3)}, {Key: "odd key:x/y", Value: "100%_\\"}},
			Tags:   []tracking.Tag{{Key: "t", Value: strings.ToUpper(name)}},
		}
		switch name {
		case "e":
			b.Metrics = []tracking.Metric{{Key: "m", Value: math.NaN()}}
		case "f": // has no m
		default:
			b.Metrics = []tracking.Metric{{Key: "m", Value: float64(i%3) / 2}}
		}
		if i%2 == 0 {
			b.Metrics = append(b.Metrics, tracking.Metric{Key: "even", Value: float64(-i)})
			b.Params = append(b.Params, tracking.Param{Key: "even", Value: "yes"})
		}
		done(t, s.LogBatch(ctx, r.ID, b))
		if i > 3 {
			end := int64(1000 - i)
			finished := tracking.Finished
			ok[*tracking.Info](t)(s.UpdateRun(ctx, r.ID, tracking.RunUpdate{EndTime: &end, Status: &finished}))
		}
	}
	return e.ID
}

func runFilters(t *testing.T, s *tracking.Service) {
	id := sample(t, s)
	for _, c := range []struct{ where, want string }{
		{"", "f e d c b a"},
		{"metrics.m > 0", "c b"},
		{"metrics.m >= 0 AND metrics.m < 1", "d b a"},
		{"metrics.m = 0.5", "b"},
		{"metrics.m != 0.5", "e d c a"}, // NaN differs from everything
		{"metrics.m <= 1e400", "d c b a"},
		{"metrics.even < -1 AND metrics.m > 0", "c"},
		{"params.p = '1'", "e b"},
		{"params.p != '1'", "f d c a"},
		{"params.p LIKE '%'", "f e d c b a"},
		{"params.`odd key:x/y` LIKE '100\\%'", ""}, // a backslash is no escape
		{"params.`odd key:x/y` = '100%_\\'", "f e d c b a"},
		{"params.even IS NULL", "f d b"},
		{"params.even IS NOT NULL AND params.p = '0'", "a"},
		{"tags.t = 'C'", "c"},
		{"tags.t LIKE 'c'", ""},
		{"tags.t ILIKE 'c'", "c"},
		{"tags.mlflow.runName = 'd'", "d"},
		{"attributes.run_name IN ('a', 'zzz', 'f')", "not for names"},
		{"run_name LIKE '_'", "f e d c b a"},
		{"attributes.status = 'FINISHED'", "f e"},
		{"status != 'FINISHED' and user_id = 'user-a'", "a"},
		{"start_time > 102 AND created <= 104", "e d"},
		{"start_time >= 102.5", "f e d"},
		{"end_time < 996", "f"},
		{"artifact_uri LIKE 'mlflow-artifacts:/%/artifacts'", "f e d c b a"},
	} {
		if _, err := filter.Parse(filter.Runs, c.where); err != nil && c.want == "not for names" {
			continue
		}
		for _, limit := range []int{1, 4, 100} {
			if got := searchNames(t, s, tracking.RunQuery{Experiments: []int64{id}, Limit: limit}, c.where); got != c.want {
				t.Errorf("%s by %d: %q, want %q", c.where, limit, got, c.want)
			}
		}
	}
	runs, _, err := s.SearchRuns(t.Context(), tracking.RunQuery{Experiments: []int64{id, id}, Limit: 100})
	done(t, err)
	in := fmt.Sprintf("run_id IN ('%s', '%s')", runs[0].ID, runs[5].ID)
	if got := searchNames(t, s, tracking.RunQuery{Experiments: []int64{id}, Limit: 5}, in); got != "f a" {
		t.Errorf("%s: %q", in, got)
	}
	done(t, s.DeleteRun(t.Context(), runs[5].ID))
	for view, want := range map[tracking.View]string{tracking.ActiveOnly: "c b", tracking.DeletedOnly: "", tracking.All: "c b"} {
		if got := searchNames(t, s, tracking.RunQuery{Experiments: []int64{id}, View: view, Limit: 5}, "metrics.m > 0"); got != want {
			t.Errorf("view %d: %q", view, got)
		}
	}
	for view, want := range map[tracking.View]string{tracking.ActiveOnly: "f e d c b", tracking.DeletedOnly: "a", tracking.All: "f e d c b a"} {
		if got := searchNames(t, s, tracking.RunQuery{Experiments: []int64{id}, View: view, Limit: 2}, ""); got != want {
			t.Errorf("view %d: %q", view, got)
		}
	}
}

func runOrders(t *testing.T, s *tracking.Service) {
	id := sample(t, s)
	other := newExperiment(t, s, "other")
	for _, c := range []struct {
		where string
		order []string
		want  string
	}{
		{"", []string{"metrics.m"}, "d a b c e f"},
		{"", []string{"metrics.m DESC"}, "c b d a e f"},
		{"metrics.m >= 0", []string{"metrics.m DESC"}, "c b d a"},
		{"metrics.m != 1", []string{"metrics.m"}, "d a b e"},
		{"", []string{"metrics.m", "start_time ASC"}, "a d b c e f"},
		{"", []string{"metrics.none"}, "f e d c b a"},
		{"", []string{"metrics.even DESC", "metrics.m"}, "a c e d b f"},
		{"", []string{"params.p", "start_time"}, "a d b e c f"},
		{"", []string{"params.even DESC"}, "e c a f d b"},
		{"", []string{"tags.t DESC"}, "f e d c b a"},
		{"", []string{"end_time"}, "f e d c b a"},
		{"", []string{"end_time DESC"}, "e f d c b a"},
		{"", []string{"run_name DESC"}, "f e d c b a"},
		{"params.p = '1'", []string{"metrics.m"}, "b e"},
		{"", []string{"start_time ASC"}, "a b c d e f"},
		{"", []string{"status", "run_name"}, "e f a b c d"},
	} {
		for _, experiments := range [][]int64{{id}, {id, other.ID}} {
			for _, limit := range []int{1, 2, 3, 100} {
				got := searchNames(t, s, tracking.RunQuery{Experiments: experiments, Limit: limit}, c.where, c.order...)
				if got != c.want {
					t.Errorf("%q by %v in %d experiments, pages of %d: %q, want %q", c.where, c.order, len(experiments), limit, got, c.want)
				}
			}
		}
	}
	q := tracking.RunQuery{Experiments: []int64{id}, Limit: 2}
	_, token, err := s.SearchRuns(t.Context(), q)
	done(t, err)
	q.Token, q.View = token, tracking.All
	_, _, err = s.SearchRuns(t.Context(), q)
	refused(t, err, fault.Invalid, "page token")
	if _, token, err := s.SearchRuns(t.Context(), tracking.RunQuery{Limit: 10}); err != nil || token != "" {
		t.Errorf("no experiments: %v", err)
	}
}

// pagesWhileRunsCome checks that new runs neither repeat nor hide others.
func pagesWhileRunsCome(t *testing.T, s *tracking.Service) {
	for i := range 30 {
		startRun(t, s, tracking.NewRun{StartTime: int64(1000 + i/4)})
	}
	seen := map[string]bool{}
	q := tracking.RunQuery{Experiments: []int64{0}, Limit: 7}
	for {
		runs, next, err := s.SearchRuns(t.Context(), q)
		done(t, err)
		for _, r := range runs {
			if seen[r.ID] {
				t.Fatalf("%s came twice", r.ID)
			}
			seen[r.ID] = true
		}
		startRun(t, s, tracking.NewRun{StartTime: 9000})
		if q.Token = next; next == "" {
			break
		}
	}
	if len(seen) != 30 {
		t.Fatalf("%d runs seen, want the 30 that were there", len(seen))
	}
}

func datasets(t *testing.T, s *tracking.Service) {
	ctx := t.Context()
	id := sample(t, s)
	runs, _, err := s.SearchRuns(ctx, tracking.RunQuery{Experiments: []int64{id}, Limit: 100})
	done(t, err)
	train := tracking.DatasetInput{
		Dataset: tracking.Dataset{Name: "train", Digest: "d1", SourceType: "local", Source: "{}", Schema: "s", Profile: "p"},
		Tags:    []tracking.Tag{{Key: tracking.ContextInputTag, Value: "training"}, {Key: "x", Value: `"`}},
	}
	bare := tracking.DatasetInput{Dataset: tracking.Dataset{Name: "bare", Digest: "d2", SourceType: "s", Source: "s"}}
	for range 2 {
		done(t, s.LogInputs(ctx, runs[0].ID, []tracking.DatasetInput{train, bare, train}, []tracking.ModelRef{{ModelID: "m-1"}}))
	}
	done(t, s.LogInputs(ctx, runs[1].ID, []tracking.DatasetInput{train}, nil))
	done(t, s.LogOutputs(ctx, runs[1].ID, []tracking.ModelRef{{ModelID: "m-2", Step: 3}}))
	got := ok[*tracking.Run](t)(s.Run(ctx, runs[0].ID))
	if len(got.Datasets) != 2 || fmt.Sprint(got.Datasets[0]) != fmt.Sprint(train) || len(got.Inputs) != 1 || len(got.Outputs) != 0 {
		t.Errorf("inputs are %+v %+v", got.Datasets, got.Inputs)
	}
	if got := ok[*tracking.Run](t)(s.Run(ctx, runs[1].ID)); len(got.Outputs) != 1 || got.Outputs[0] != (tracking.ModelRef{ModelID: "m-2", Step: 3}) {
		t.Errorf("outputs are %+v", got.Outputs)
	}
	for where, want := range map[string]string{
		"dataset.name = 'train'": "f e", "datasets.digest = 'd2'": "f", "dataset.context = 'training' AND metrics.m > 1": "",
		"dataset.name LIKE 'b%'": "f", "dataset.context ILIKE 'TRAIN%'": "f e", "dataset.name IN ('bare','none')": "f",
	} {
		if got := searchNames(t, s, tracking.RunQuery{Experiments: []int64{id}, Limit: 5}, where); got != want {
			t.Errorf("%s: %q, want %q", where, got, want)
		}
	}
	list := ok[[]tracking.DatasetSummary](t)(s.Datasets(ctx, []int64{id, 0}))
	if len(list) != 2 || list[0].Name != "bare" || list[0].Context != nil || *list[1].Context != "training" {
		t.Errorf("summaries are %+v", list)
	}
	_, err = s.Datasets(ctx, nil)
	refused(t, err, fault.Invalid, "at least one experiment_id")
	refused(t, s.LogInputs(ctx, runs[0].ID, []tracking.DatasetInput{{Dataset: tracking.Dataset{Name: strings.Repeat("n", 501)}}}, nil),
		fault.Invalid, "'name' exceeds the maximum length of 500")
}

func loggedModels(t *testing.T, s *tracking.Service) {
	ctx := t.Context()
	name := "agent"
	m := ok[*tracking.LoggedModel](t)(s.CreateModel(ctx, tracking.NewModel{
		Name: &name, Type: "Agent", Params: []tracking.Param{{Key: "p", Value: "1"}}, Tags: []tracking.Tag{{Key: "t", Value: "1"}},
	}))
	if !strings.HasPrefix(m.ID, "m-") || m.ArtifactLocation != "mlflow-artifacts:/0/models/"+m.ID+"/artifacts" || m.Status != tracking.ModelPending {
		t.Fatalf("made %+v", m)
	}
	ok[*tracking.LoggedModel](t)(s.FinalizeModel(ctx, m.ID, tracking.ModelReady))
	ok[*tracking.LoggedModel](t)(s.SetModelTags(ctx, m.ID, []tracking.Tag{{Key: "u", Value: "2"}, {Key: "t", Value: "3"}}))
	done(t, s.DeleteModelTag(ctx, m.ID, "u"))
	refused(t, s.DeleteModelTag(ctx, m.ID, "u"), fault.NotFound, "No tag with key 'u'")
	done(t, s.AddModelParams(ctx, m.ID, []tracking.Param{{Key: "q", Value: "2"}, {Key: "p", Value: "1"}}))
	refused(t, s.AddModelParams(ctx, m.ID, []tracking.Param{{Key: "q", Value: "3"}}), fault.Invalid, "Changing param values")
	r := startRun(t, s, tracking.NewRun{})
	for range 2 {
		done(t, s.LogMetric(ctx, r.ID, tracking.Metric{Key: "acc", Value: 0.5, Step: 1},
			&tracking.ModelMetric{Metric: tracking.Metric{Key: "acc", Value: 0.5, Step: 1}, ModelID: m.ID, DatasetName: "d", DatasetDigest: "g"}))
	}
	got := ok[*tracking.LoggedModel](t)(s.Model(ctx, m.ID, false))
	want := tracking.ModelMetric{Metric: tracking.Metric{Key: "acc", Value: 0.5, Step: 1}, ModelID: m.ID, RunID: r.ID, DatasetName: "d", DatasetDigest: "g"}
	if fmt.Sprint(got.Tags, got.Params, got.Status) != "[{t 3}] [{p 1} {q 2}] 2" || len(got.Metrics) != 1 || got.Metrics[0] != want {
		t.Errorf("read %+v", got)
	}
	done(t, s.DeleteModel(ctx, m.ID))
	_, err := s.Model(ctx, m.ID, false)
	refused(t, err, fault.NotFound, "not found")
	ok[*tracking.LoggedModel](t)(s.Model(ctx, m.ID, true))
	bad := "a/b"
	_, err = s.CreateModel(ctx, tracking.NewModel{Name: &bad})
	refused(t, err, fault.Invalid, "Invalid model name")
}

func loggedModelSearch(t *testing.T, s *tracking.Service) {
	ctx := t.Context()
	r := startRun(t, s, tracking.NewRun{})
	for i, name := range []string{"a", "b", "c", "d"} {
		m := ok[*tracking.LoggedModel](t)(s.CreateModel(ctx, tracking.NewModel{
			Name: &name, Type: map[bool]string{true: "Agent"}[i%2 == 0], Params: []tracking.Param{{Key: "p", Value: name}}, Tags: []tracking.Tag{{Key: "t", Value: name}},
		}))
		if name == "d" {
			continue
		}
		var points []tracking.ModelMetric
		for step, v := range []float64{9, float64(i)} {
			points = append(points, tracking.ModelMetric{Metric: tracking.Metric{Key: "m", Value: v, Timestamp: int64(step), Step: int64(step)},
				ModelID: m.ID, DatasetName: "set-" + name, DatasetDigest: "g"})
		}
		done(t, s.LogBatch(ctx, r.ID, tracking.Batch{Models: points}))
	}
	for _, c := range []struct {
		where, by string
		desc      bool
		scopes    []tracking.DatasetScope
		want      string
	}{
		{"", "", false, nil, "d c b a"},
		{"", "metrics.m", false, nil, "a b c d"},
		{"", "metrics.m", true, nil, "c b a d"},
		{"", "name", false, nil, "a b c d"},
		{"metrics.m < 1", "", false, nil, "a"},
		{"metrics.m > 5", "name", false, []tracking.DatasetScope{{Name: "set-b"}}, "b"},
		{"", "", false, []tracking.DatasetScope{{Name: "set-b"}, {Name: "set-c", Digest: "g"}}, "c b"},
		{"params.p = 'c'", "", false, nil, "c"},
		{"tags.t LIKE '%' AND name IN ('a','d')", "", false, nil, "d a"},
		{"model_type = 'Agent'", "", false, nil, "c a"},
		{"status = 'PENDING'", "model_type", false, nil, "c a d b"},
		{"creation_timestamp > 0", "last_updated_timestamp", true, nil, "d c b a"},
	} {
		q := tracking.ModelQuery{Experiments: []int64{0}, Scopes: c.scopes}
		var err error
		if q.Filter, err = filter.Parse(filter.LoggedModels, c.where); err != nil {
			t.Fatal(err)
		}
		if c.by != "" {
			f := ok[filter.Field](t)(filter.ParseOrderField(c.by))
			q.Order = []tracking.ModelOrder{{Order: filter.Order{Field: f, Desc: c.desc}}}
		}
		for _, q.Limit = range []int{1, 3, 100} {
			var names []string
			q.Token = ""
			for {
				list, next, err := s.SearchModels(ctx, q)
				done(t, err)
				for _, m := range list {
					names = append(names, m.Name)
				}
				if q.Token = next; next == "" {
					break
				}
			}
			if got := strings.Join(names, " "); got != c.want && !(c.by == "model_type" && (got == "c a d b")) {
				t.Errorf("%q by %q, pages of %d: %q, want %q", c.where, c.by, q.Limit, got, c.want)
			}
		}
	}
	_, _, err := s.SearchModels(ctx, tracking.ModelQuery{Experiments: []int64{0}, Limit: 5, Scopes: []tracking.DatasetScope{{Digest: "g"}}})
	refused(t, err, fault.Invalid, "dataset_name")
}

func workspacesAreSeparate(t *testing.T, s *tracking.Service) {
	team := caller.With(t.Context(), caller.Caller{User: "u", Role: caller.Admin, Workspace: "team"})
	done(t, s.EnsureDefault(team, "team"))
	done(t, s.EnsureDefault(team, "team"))
	def := ok[*tracking.Experiment](t)(s.ExperimentByName(team, "Default"))
	if def.ID == tracking.DefaultExperiment || def.ArtifactLocation != fmt.Sprintf("mlflow-artifacts:/workspaces/team/%d", def.ID) {
		t.Fatalf("the default experiment of another workspace is %+v", def)
	}
	r := startRun(t, s, tracking.NewRun{})
	for what, err := range map[string]error{
		"experiment": func() error { _, err := s.Experiment(team, 0); return err }(),
		"run":        func() error { _, err := s.Run(team, r.ID); return err }(),
		"log":        s.LogParam(team, r.ID, tracking.Param{Key: "k"}),
		"delete":     s.DeleteRun(team, r.ID),
		"history": func() error {
			_, err := s.MetricHistory(team, r.ID, "m", 0, "", func(tracking.Metric) error { return nil })
			return err
		}(),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("%s of another workspace: %v", what, err)
		}
	}
	runs, _, err := s.SearchRuns(team, tracking.RunQuery{Experiments: []int64{0, def.ID}, Limit: 10})
	if err != nil || len(runs) != 0 {
		t.Errorf("found %d runs of another workspace, %v", len(runs), err)
	}
}

// writersSideBySide logs to one run from many callers at once: every
// acknowledged point is there, and the latest is the latest.
func writersSideBySide(t *testing.T, s *tracking.Service) {
	r := startRun(t, s, tracking.NewRun{})
	const writers, each = 8, 15
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				step := int64(i*writers + w)
				err := s.LogBatch(context.Background(), r.ID, tracking.Batch{
					Metrics: []tracking.Metric{{Key: "m", Value: float64(step), Step: step}, {Key: fmt.Sprint("own-", w), Value: 1, Step: step}},
					Params:  []tracking.Param{{Key: fmt.Sprint("p-", step), Value: "v"}},
					Tags:    []tracking.Tag{{Key: "last", Value: fmt.Sprint(step)}},
				})
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	got := ok[*tracking.Run](t)(s.Run(t.Context(), r.ID))
	if len(got.Params) != writers*each || len(got.Metrics) != writers+1 || got.Metrics[0].Key != "m" || got.Metrics[0].Step != writers*each-1 {
		t.Errorf("%d params, %d metrics, latest %+v", len(got.Params), len(got.Metrics), got.Metrics[0])
	}
	if h := history(t, s, r.ID, "m", 0); len(h) != writers*each {
		t.Errorf("%d points, want %d", len(h), writers*each)
	}
}
