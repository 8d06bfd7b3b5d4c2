package sqlstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/storetest"
	"github.com/assayhq/assay/internal/tracking"
)

func TestTracking(t *testing.T) { storetest.OnEach(t, storetest.Tracking) }

// TestSearchPlans holds that searches read indexes: none walks a whole table
// or sorts all runs to return a page of them.
func TestSearchPlans(t *testing.T) {
	db := storetest.SQLite(t)
	fillRuns(t, db, 2000)
	for _, c := range []struct{ name, filter, order, uses string }{
		{"newest", "", "", "run_by_time"},
		{"most match", "metrics.metric_0 > 0.1", "", "run_by_time"},
		{"oldest", "metrics.metric_0 > 0.1", "start_time ASC", "run_by_time"},
		{"by metric", "metrics.metric_0 > 0.1", "metrics.metric_0 DESC", "latest_metric_rank"},
		{"by metric up", "metrics.metric_0 > 0.1", "metrics.metric_0", "latest_metric_rank"},
		{"by another metric", "metrics.metric_0 > 0.1", "metrics.metric_1", "latest_metric_rank"},
		{"few by metric", "metrics.metric_0 > 0.99", "", "latest_metric_rank"},
		{"few by param", "params.unique = '77'", "", "param_value"},
		{"few by tag", "tags.unique = '77'", "", "tag_value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := tracking.RunQuery{Workspace: "default", Experiments: []int64{1}, Limit: 100}
			var err error
			if q.Filter, err = filter.Parse(filter.Runs, c.filter); err != nil {
				t.Fatal(err)
			}
			if c.order != "" {
				if q.Order, err = filter.ParseOrder(filter.Runs, []string{c.order}); err != nil {
					t.Fatal(err)
				}
			}
			plan, err := sqlstore.NewTracking(db).RunPlan(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(plan, "\n")
			if !strings.Contains(text, "INDEX "+c.uses) {
				t.Errorf("%s is not used:\n%s", c.uses, text)
			}
			if strings.Contains(text, "SCAN ") {
				t.Errorf("a table is walked:\n%s", text)
			}
		})
	}
}

// fillRuns stores runs with 10 metrics, 10 params and 5 tags in experiment 1;
// half of them have metric_0 over 0.5.
func fillRuns(tb testing.TB, db *sqlstore.DB, n int) {
	tb.Helper()
	s := sqlstore.NewTracking(db)
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	must(db.Write(tb.Context(), func(ctx context.Context) error {
		return s.CreateExperiment(ctx, &tracking.Experiment{ID: 1, Workspace: "default", Name: "one", ArtifactLocation: "x"})
	}))
	for from := 0; from < n; from += 100 {
		must(db.Write(tb.Context(), func(ctx context.Context) error {
			for i := from; i < min(n, from+100); i++ {
				r := &tracking.Run{Info: tracking.Info{
					ID: fmt.Sprintf("%032x", i), Workspace: "default", Experiment: 1, Name: "run", User: "u", Status: tracking.Running,
					StartTime: 1_700_000_000_000 + int64(i)*1000, ArtifactURI: fmt.Sprintf("mlflow-artifacts:/1/%032x/artifacts", i),
				}}
				var metrics []tracking.Metric
				var params []tracking.Param
				for k := range 10 {
					metrics = append(metrics, tracking.Metric{Key: fmt.Sprintf("metric_%d", k), Value: float64((i*7919+k*104729)%100003) / 100003, Timestamp: 1_700_000_000_000})
					if k > 0 {
						params = append(params, tracking.Param{Key: fmt.Sprintf("param_%d", k), Value: fmt.Sprint(i % (k + 2))})
					}
				}
				params = append(params, tracking.Param{Key: "unique", Value: fmt.Sprint(i)})
				for k := range 4 {
					r.Tags = append(r.Tags, tracking.Tag{Key: fmt.Sprintf("tag_%d", k), Value: fmt.Sprint(i % (k + 7))})
				}
				r.Tags = append(r.Tags, tracking.Tag{Key: "unique", Value: fmt.Sprint(i)})
				if err := s.CreateRun(ctx, r); err != nil {
					return err
				}
				h := tracking.Head{No: r.No, RunID: r.ID, Experiment: 1}
				if err := s.LogMetrics(ctx, h, metrics); err != nil {
					return err
				}
				if _, err := s.AddParams(ctx, h, params); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func BenchmarkSearchRuns(b *testing.B) {
	db := storetest.SQLite(b)
	fillRuns(b, db, 20000)
	s := sqlstore.NewTracking(db)
	for _, limit := range []int{100, 1000} {
		for _, order := range []string{"start_time DESC", "start_time ASC", "metrics.metric_0 DESC", "metrics.metric_0 ASC", "metrics.metric_1 DESC"} {
			b.Run(fmt.Sprintf("%d/%s", limit, order), func(b *testing.B) {
				q := tracking.RunQuery{Workspace: "default", Experiments: []int64{1}, Limit: limit}
				q.Filter, _ = filter.Parse(filter.Runs, "metrics.metric_0 > 0.5")
				q.Order, _ = filter.ParseOrder(filter.Runs, []string{order})
				for b.Loop() {
					runs, _, err := s.SearchRuns(b.Context(), q)
					if err != nil || len(runs) != limit {
						b.Fatal(len(runs), err)
					}
				}
			})
		}
	}
}

func BenchmarkLogBatch(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db := storetest.SQLite(b)
			t := tracking.New(sqlstore.NewTracking(db), tracking.Config{})
			if err := t.EnsureDefault(b.Context(), "default"); err != nil {
				b.Fatal(err)
			}
			b.RunParallel(func(pb *testing.PB) {
				r, err := t.CreateRun(b.Context(), tracking.NewRun{})
				if err != nil {
					b.Error(err)
					return
				}
				for step := 0; pb.Next(); step++ {
					batch := tracking.Batch{Params: []tracking.Param{{Key: fmt.Sprint("p", step), Value: "v"}}}
					for i := range n - n/1000 {
						batch.Metrics = append(batch.Metrics, tracking.Metric{Key: fmt.Sprint("m", i%10), Value: 1, Timestamp: int64(step*n + i), Step: int64(step*n + i)})
					}
					if err := t.LogBatch(b.Context(), r.ID, batch); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
