package storetest

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/tracking"
)

// Tracking is the suite of the store of experiments and runs, driven through
// its domain.
func Tracking(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *tracking.Service){
		"experiments":             experiments,
		"experiment search":       experimentSearch,
		"deleting an experiment":  experimentLifecycle,
		"a run":                   oneRun,
		"run lifecycle":           runLifecycle,
		"params never change":     paramsNeverChange,
		"a batch is atomic":       batchIsAtomic,
		"latest metric":           latestMetric,
		"metric history":          metricHistory,
		"metric sample":           metricSample,
		"NaN and infinities":      oddNumbers,
		"run filters":             runFilters,
		"run orders and pages":    runOrders,
		"pages while runs come":   pagesWhileRunsCome,
		"run groups":              runGroups,
		"datasets":                datasets,
		"logged models":           loggedModels,
		"logged model search":     loggedModelSearch,
		"workspaces are separate": workspacesAreSeparate,
		"writers side by side":    writersSideBySide,
	} {
		t.Run(name, func(t *testing.T) {
			clock := time.UnixMilli(1_700_000_000_000)
			var mu sync.Mutex
			s := tracking.New(sqlstore.NewTracking(open(t)), tracking.Config{Now: func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				clock = clock.Add(time.Millisecond)
				return clock
			}})
			if err := s.EnsureDefault(t.Context(), caller.DefaultWorkspace); err != nil {
				t.Fatal(err)
			}
			test(t, s)
		})
	}
}

// ok returns v, or ends the test.
func ok[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func done(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, err error, kind fault.Kind, words string) {
	t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v; want %s with %q", err, kind, words)
	}
}

func startRun(t *testing.T, s *tracking.Service, n tracking.NewRun) *tracking.Run {
	t.Helper()
	return ok[*tracking.Run](t)(s.CreateRun(t.Context(), n))
}

func newExperiment(t *testing.T, s *tracking.Service, name string) *tracking.Experiment {
	t.Helper()
	return ok[*tracking.Experiment](t)(s.CreateExperiment(t.Context(), name, "", nil))
}

func experiments(t *testing.T, s *tracking.Service) {
	ctx := t.Context()
	def := ok[*tracking.Experiment](t)(s.Experiment(ctx, tracking.DefaultExperiment))
	if def.Name != "Default" || def.ArtifactLocation != "mlflow-artifacts:/0" {
		t.Fatalf("the default experiment is %+v", def)
	}
	done(t, s.EnsureDefault(ctx, caller.DefaultWorkspace))
	e := ok[*tracking.Experiment](t)(s.CreateExperiment(ctx, "Ünïcode/x", "", []tracking.Tag{{Key: "a", Value: "1"}, {Key: "a", Value: "2"}}))
	if e.ID < 1 || e.ArtifactLocation != fmt.Sprintf("mlflow-artifacts:/%d", e.ID) {
		t.Fatalf("made %+v", e)
	}
	_, err := s.CreateExperiment(ctx, "Ünïcode/x", "", nil)
	refused(t, err, fault.Exists, "already exists")
	_, err = s.CreateExperiment(ctx, "", "", nil)
	refused(t, err, fault.Invalid, "Invalid experiment name")
	_, err = s.CreateExperiment(ctx, strings.Repeat("n", 501), "", nil)
	refused(t, err, fault.Invalid, "500 characters")
	_, err = s.CreateExperiment(ctx, "x", "mlflow-artifacts:/../../etc", nil)
	refused(t, err, fault.Invalid, "artifact_location")
	done(t, s.SetExperimentTag(ctx, e.ID, tracking.Tag{Key: "b", Value: "3"}))
	done(t, s.DeleteExperimentTag(ctx, e.ID, "a"))
	refused(t, s.DeleteExperimentTag(ctx, e.ID, "a"), fault.NotFound, "No tag with name: a")
	done(t, s.RenameExperiment(ctx, e.ID, "other"))
	refused(t, s.RenameExperiment(ctx, e.ID, "Default"), fault.Exists, "already exists")
	got := ok[*tracking.Experiment](t)(s.ExperimentByName(ctx, "other"))
	if got.ID != e.ID || len(got.Tags) != 1 || got.Tags[0] != (tracking.Tag{Key: "b", Value: "3"}) || got.UpdatedAt <= got.CreatedAt {
		t.Fatalf("got %+v", got)
	}
	_, err = s.ExperimentByName(ctx, "Ünïcode/x")
	refused(t, err, fault.NotFound, "Could not find experiment with name")
	_, err = s.Experiment(ctx, 4711)
	refused(t, err, fault.NotFound, "No Experiment with id=4711")
}

func experimentSearch(t *testing.T, s *tracking.Service) {
	for i := range 12 {
		e := newExperiment(t, s, fmt.Sprintf("exp-%02d", i))
		done(t, s.SetExperimentTag(t.Context(), e.ID, tracking.Tag{Key: "parity", Value: fmt.Sprint(i % 2)}))
	}
	for _, c := range []struct {
		filter string
		order  []string
		want   string
	}{
		{"name LIKE 'exp-0%' AND tags.parity = '1'", []string{"name"}, "exp-01 exp-03 exp-05 exp-07 exp-09"},
		{"name ILIKE 'EXP-1%'", []string{"name DESC"}, "exp-11 exp-10"},
		{"tags.parity IS NULL", nil, "Default"},
		{"tags.parity != '0' AND name LIKE '%1'", nil, "exp-11 exp-01"},
		{"experiment_id IN ('1', '3')", []string{"experiment_id ASC"}, "exp-00 exp-02"},
		{"creation_time > 1700000000001 AND name < 'exp-02'", nil, "no such operator"},
	} {
		expr, err := filter.Parse(filter.Experiments, c.filter)
		if err != nil {
			if c.want == "no such operator" {
				continue
			}
			t.Fatal(err)
		}
		order := ok[[]filter.Order](t)(filter.ParseOrder(filter.Experiments, c.order))
		for _, limit := range []int{1, 2, 100} {
			var got []string
			token := ""
			for {
				list, next, err := s.SearchExperiments(t.Context(), tracking.ExperimentQuery{Filter: expr, Order: order, Limit: limit, Token: token})
				done(t, err)
				for _, e := range list {
					got = append(got, e.Name)
				}
				if token = next; token == "" {
					break
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s by %d: %v, want %s", c.filter, limit, got, c.want)
			}
		}
	}
	_, _, err := s.SearchExperiments(t.Context(), tracking.ExperimentQuery{Limit: 0})
	refused(t, err, fault.Invalid, "positive integer")
	_, _, err = s.SearchExperiments(t.Context(), tracking.ExperimentQuery{Limit: 10, Token: "nonsense"})
	refused(t, err, fault.Invalid, "page token")
}

func experimentLifecycle(t *testing.T, s *tracking.Service) {
	ctx := t.Context()
	e := newExperiment(t, s, "e")
	r := startRun(t, s, tracking.NewRun{Experiment: e.ID})
	other := startRun(t, s, tracking.NewRun{Experiment: e.ID})
	done(t, s.DeleteRun(ctx, other.ID))
	done(t, s.DeleteExperiment(ctx, e.ID))
	refused(t, s.DeleteExperiment(ctx, e.ID), fault.NotFound, "No Experiment")
	refused(t, s.RenameExperiment(ctx, e.ID, "x"), fault.State, "non-active")
	refused(t, s.SetExperimentTag(ctx, e.ID, tracking.Tag{Key: "k"}), fault.Invalid, "must be in the 'active' state")
	_, err := s.CreateRun(ctx, tracking.NewRun{Experiment: e.ID})
	refused(t, err, fault.Invalid, "must be in the 'active' state")
	refused(t, s.LogParam(ctx, r.ID, tracking.Param{Key: "k", Value: "v"}), fault.Invalid, "must be in the 'active' state")
	_, err = s.CreateExperiment(ctx, "e", "", nil)
	refused(t, err, fault.Exists, "already exists")
	done(t, s.RestoreExperiment(ctx, e.ID))
	refused(t, s.RestoreExperiment(ctx, e.ID), fault.NotFound, "No Experiment")
	if info := ok[*tracking.Info](t)(s.RunInfo(ctx, other.ID)); info.Stage != tracking.Active {
		t.Error("restoring an experiment restores all its runs")
	}
}

func oneRun(t *testing.T, s *tracking.Service) {
	ctx := t.Context()
	r := startRun(t, s, tracking.NewRun{User: "ann", StartTime: 5, Tags: []tracking.Tag{{Key: "k", Value: "old"}, {Key: "k", Value: "new"}}})
	if len(r.ID) != 32 || r.Name == "" || r.Status != tracking.Running || r.ArtifactURI != "mlflow-artifacts:/0/"+r.ID+"/artifacts" {
		t.Fatalf("made %+v", r)
	}
	done(t, s.LogBatch(ctx, r.ID, tracking.Batch{
		Metrics: []tracking.Metric{{Key: "b", Value: 0.1}, {Key: "a", Value: 1e300, Timestamp: 7, Step: -3}},
		Params:  []tracking.Param{{Key: "p", Value: `q"uo\te` + "\n\u00e9\U0001F600"}, {Key: "empty"}},
		Tags:    []tracking.Tag{{Key: "t", Value: "1"}, {Key: "t", Value: "2"}},
	}))
	finished, end := tracking.Finished, int64(99)
	info := ok[*tracking.Info](t)(s.UpdateRun(ctx, r.ID, tracking.RunUpdate{Status: &finished, EndTime: &end, Name: "named"}))
	if info.Name != "named" || info.Status != finished || *info.EndTime != 99 {
		t.Errorf("updated to %+v", info)
	}
	got := ok[*tracking.Run](t)(s.Run(ctx, r.ID))
	want := "[{a 1e+300 7 -3} {b 0.1 0 0}] [{empty } {p q\"uo\\te\né😀}] [{k new} {mlflow.runName named} {t 2}] ann 5"
	if text := fmt.Sprintf("%v %v %v %s %d", got.Metrics, got.Params, got.Tags, got.User, got.StartTime); text != want {
		t.Errorf("read %s; want %s", text, want)
	}
	done(t, s.SetTag(ctx, r.ID, tracking.Tag{Key: tracking.RunNameTag, Value: "tagged"}))
	if info := ok[*tracking.Info](t)(s.RunInfo(ctx, r.ID)); info.Name != "tagged" || info.Status != finished {
		t.Errorf("the name tag left %+v", info)
	}
	_, err := s.CreateRun(ctx, tracking.NewRun{Name: "a", Tags: []tracking.Tag{{Key: tracking.RunNameTag, Value: "b"}}})
	refused(t, err, fault.Invalid, "different values")
	if named := startRun(t, s, tracking.NewRun{Tags: []tracking.Tag{{Key: tracking.RunNameTag, Value: "b"}}}); named.Name != "b" {
		t.Errorf("named %s", named.Name)
	}
	_, err = s.CreateRun(ctx, tracking.NewRun{Experiment: 4711})
	refused(t, err, fault.NotFound, "No Experiment with id=4711")
	_, err = s.Run(ctx, strings.Repeat("0", 32))
	refused(t, err, fault.NotFound, "not found")
}

func runLifecycle(t *testing.T, s *tracking.Service) {
	ctx := t.Context()
	r := startRun(t, s, tracking.NewRun{})
	done(t, s.SetTag(ctx, r.ID, tracking.Tag{Key: "k", Value: "v"}))
	done(t, s.DeleteTag(ctx, r.ID, "k"))
	refused(t, s.DeleteTag(ctx, r.ID, "k"), fault.NotFound, "No tag with name: k")
	done(t, s.DeleteRun(ctx, r.ID))
	done(t, s.DeleteRun(ctx, r.ID))
	for what, err := range map[string]error{
		"batch":  s.LogBatch(ctx, r.ID, tracking.Batch{}),
		"metric": s.LogMetric(ctx, r.ID, tracking.Metric{Key: "k"}, nil),
		"tag":    s.SetTag(ctx, r.ID, tracking.Tag{Key: "k"}),
		"inputs": s.LogInputs(ctx, r.ID, nil, nil),
	} {
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "Current state is deleted") {
			t.Errorf("%s: %v", what, err)
		}
	}
	done(t, s.RestoreRun(ctx, r.ID))
	done(t, s.LogBatch(ctx, r.ID, tracking.Batch{}))
	refused(t, s.DeleteRun(ctx, "none"), fault.NotFound, "not found")
}

func paramsNeverChange(t *testing.T, s *tracking.Service) {
	ctx := t.Context()
	r := startRun(t, s, tracking.NewRun{})
	done(t, s.LogParam(ctx, r.ID, tracking.Param{Key: "k", Value: "v"}))
	done(t, s.LogParam(ctx, r.ID, tracking.Param{Key: "k", Value: "v"}))
	refused(t, s.LogParam(ctx, r.ID, tracking.Param{Key: "k", Value: "w"}), fault.Invalid, "Changing param values is not allowed. Param with key='k'")
	refused(t, s.LogBatch(ctx, r.ID, tracking.Batch{Params: []tracking.Param{{Key: "new", Value: "1"}, {Key: "k", Value: "w"}}}),
		fault.Invalid, "Params were already logged='[{'key': 'k', 'old_value': 'v', 'new_value': 'w'}]'")
	if got := ok[*tracking.Run](t)(s.Run(ctx, r.ID)); len(got.Params) != 1 {
		t.Errorf("a refused batch left %v", got.Params)
	}
	done(t, s.LogBatch(ctx, r.ID, tracking.Batch{Params: []tracking.Param{{Key: "k", Value: "v"}, {Key: "new", Value: "1"}}}))
	long := strings.Repeat("é", tracking.MaxParamValue+5)
	done(t, s.LogParam(ctx, r.ID, tracking.Param{Key: "long", Value: long}))
	done(t, s.LogParam(ctx, r.ID, tracking.Param{Key: "long", Value: long}))
}

func batchIsAtomic(t *testing.T, s *tracking.Service) {
	ctx := t.Context()
	r := startRun(t, s, tracking.NewRun{})
	done(t, s.LogParam(ctx, r.ID, tracking.Param{Key: "p", Value: "1"}))
	bad := tracking.Batch{
		Metrics: []tracking.Metric{{Key: "m", Value: 1}}, Tags: []tracking.Tag{{Key: "t", Value: "1"}},
		Params: []tracking.Param{{Key: "p", Value: "2"}},
	}
	refused(t, s.LogBatch(ctx, r.ID, bad), fault.Invalid, "Changing param values")
	got := ok[*tracking.Run](t)(s.Run(ctx, r.ID))
	if len(got.Metrics) != 0 || len(got.Tags) != 1 {
		t.Errorf("a refused batch left %v %v", got.Metrics, got.Tags)
	}
}

func latestMetric(t *testing.T, s *tracking.Service) {
	ctx := t.Context()
	r := startRun(t, s, tracking.NewRun{})
	for _, p := range []tracking.Metric{
		{Key: "m", Step: 5, Timestamp: 10, Value: 1}, {Key: "m", Step: 4, Timestamp: 99, Value: 9}, {Key: "m", Step: 5, Timestamp: 9, Value: 9},
		{Key: "m", Step: 5, Timestamp: 10, Value: 3}, {Key: "m", Step: 5, Timestamp: 10, Value: 2},
	} {
		done(t, s.LogMetric(ctx, r.ID, p, nil))
	}
	done(t, s.LogBatch(ctx, r.ID, tracking.Batch{Metrics: []tracking.Metric{
		{Key: "n", Step: 2, Value: 2}, {Key: "n", Step: 3, Value: 3}, {Key: "n", Step: 1, Value: 1}, {Key: "n", Step: 3, Value: 3},
	}}))
	got := ok[*tracking.Run](t)(s.Run(ctx, r.ID)).Metrics
	if fmt.Sprint(got) != "[{m 3 10 5} {n 3 0 3}]" {
		t.Errorf("latest are %v", got)
	}
}

func history(t *testing.T, s *tracking.Service, run, key string, limit int) []tracking.Metric {
	t.Helper()
	var out []tracking.Metric
	token := ""
	for range 1000 {
		next, err := s.MetricHistory(t.Context(), run, key, limit, token, func(m tracking.Metric) error {
			out = append(out, m)
			return nil
		})
		done(t, err)
		if token = next; token == "" {
			return out
		}
	}
	t.Fatal("the pages do not end")
	return nil
}

func metricHistory(t *testing.T, s *tracking.Service) {
	r := startRun(t, s, tracking.NewRun{})
	var batch tracking.Batch
	for i := range 25 {
		batch.Metrics = append(batch.Metrics, tracking.Metric{Key: "m", Value: float64(i), Timestamp: int64(i / 3), Step: int64(25 - i)})
	}
	for range 2 { // the second is the same again
		done(t, s.LogBatch(t.Context(), r.ID, batch))
	}
	for _, limit := range []int{0, 1, 4, 25, 100} {
		got := history(t, s, r.ID, "m", limit)
		if len(got) != 25 {
			t.Fatalf("%d points by %d", len(got), limit)
		}
		for i := 1; i < len(got); i++ {
			if a, b := got[i-1], got[i]; a.Timestamp > b.Timestamp || a.Timestamp == b.Timestamp && a.Step >= b.Step {
				t.Fatalf("%v before %v", a, b)
			}
		}
	}
	if got := history(t, s, r.ID, "none", 0); got != nil {
		t.Errorf("an unknown metric has %v", got)
	}
}

func metricSample(t *testing.T, s *tracking.Service) {
	r := startRun(t, s, tracking.NewRun{})
	for from := 0; from < 100; from += 50 {
		var batch tracking.Batch
		for i := from; i < from+50; i++ {
			batch.Metrics = append(batch.Metrics, tracking.Metric{Key: "m", Value: float64(i), Step: int64(i)})
		}
		done(t, s.LogBatch(t.Context(), r.ID, batch))
	}
	for _, c := range []struct {
		n           int
		first, last int64
		want        string
	}{
		{10, 0, 1000, "0 10 20 30 40 50 60 70 80 99"}, {1, 0, 1000, "99"}, {2, 0, 1000, "0 99"},
		{3, 0, 1000, "0 34 99"}, {5, 90, 92, "90 91 92"}, {3, 10, 19, "10 14 19"}, {3, 500, 600, ""}, {200, 97, 500, "97 98 99"},
	} {
		points, err := s.MetricSample(t.Context(), []string{r.ID, "unknown"}, "m", c.n, c.first, c.last)
		done(t, err)
		var got []string
		for _, p := range points {
			got = append(got, fmt.Sprint(p.Step))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%d of %d to %d: %v, want %s", c.n, c.first, c.last, got, c.want)
		}
	}
}

func oddNumbers(t *testing.T, s *tracking.Service) {
	r := startRun(t, s, tracking.NewRun{})
	done(t, s.LogBatch(t.Context(), r.ID, tracking.Batch{Metrics: []tracking.Metric{
		{Key: "inf", Value: math.Inf(1)}, {Key: "minf", Value: math.Inf(-1)}, {Key: "nan", Value: math.NaN()}, {Key: "nan", Value: math.NaN()},
		{Key: "third", Value: 1.0 / 3}, {Key: "tiny", Value: 5e-324}, {Key: "zero", Value: math.Copysign(0, -1)},
	}}))
	got := map[string]float64{}
	for _, m := range ok[*tracking.Run](t)(s.Run(t.Context(), r.ID)).Metrics {
		got[m.Key] = m.Value
	}
	if got["inf"] != math.MaxFloat64 || got["minf"] != -math.MaxFloat64 || !math.IsNaN(got["nan"]) || got["third"] != 1.0/3 || got["tiny"] != 5e-324 || got["zero"] != 0 {
		t.Errorf("read %v", got)
	}
	if h := history(t, s, r.ID, "nan", 0); len(h) != 1 || !math.IsNaN(h[0].Value) {
		t.Errorf("history of NaN is %v", h)
	}
}
