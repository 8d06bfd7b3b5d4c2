package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/tracking"
)

type options struct {
	data               string
	runs, wide, points int
}

// base is when the first run began; nothing depends on the clock.
var base = time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)

// perWrite is how many runs share a transaction.
const perWrite = 1000

type seeder struct {
	db    *sqlstore.DB
	store *sqlstore.Tracking
	svc   *tracking.Service
	rng   *rand.Rand
}

func seed(ctx context.Context, o options) error {
	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return err
	}
	path := filepath.Join(o.data, "control.db")
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s is there already; choose a new directory", path)
	}
	db, err := sqlstore.OpenSQLite(ctx, path, slog.New(slog.DiscardHandler), sqlstore.SQLiteConfig{})
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Migrate(ctx, "control"); err != nil {
		return err
	}
	ctx = caller.With(ctx, caller.Caller{User: "seed", Role: caller.Admin, Workspace: "default"})
	store := sqlstore.NewTracking(db)
	s := &seeder{db, store, tracking.New(store, tracking.Config{Now: func() time.Time { return base }}), rand.New(rand.NewPCG(1, 2))}
	if err := s.svc.EnsureDefault(ctx, "default"); err != nil {
		return err
	}
	for _, step := range []func(context.Context, options) error{s.sweep, s.wide, s.curves, s.hostile} {
		if err := step(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// start makes run n of an experiment; its id is its experiment and number.
func (s *seeder) start(ctx context.Context, experiment int64, n int, name string, tags ...tracking.Tag) (string, error) {
	id := fmt.Sprintf("%08x%024x", experiment, n)
	tags = append(tags, tracking.Tag{Key: tracking.RunNameTag, Value: name})
	r := &tracking.Run{Info: tracking.Info{ID: id, Workspace: "default", Experiment: experiment, Name: name, User: "seed", Status: tracking.Running,
		StartTime: base.Add(time.Duration(n) * 20 * time.Second).UnixMilli(), ArtifactURI: fmt.Sprintf("mlflow-artifacts:/%d/%s/artifacts", experiment, id)}, Tags: tags}
	return id, s.store.CreateRun(ctx, r)
}

func (s *seeder) end(ctx context.Context, id string, status tracking.Status, took time.Duration) error {
	at := base.Add(took).UnixMilli()
	if info, err := s.store.RunInfo(ctx, "default", id); err == nil {
		at = info.StartTime + took.Milliseconds()
	}
	_, err := s.svc.UpdateRun(ctx, id, tracking.RunUpdate{Status: &status, EndTime: &at})
	return err
}

// sweep is the table of 100,000 runs: seven params, seven metrics, two tags,
// nested runs, some failed, running or without a metric, some not a number.
func (s *seeder) sweep(ctx context.Context, o options) error {
	e, err := s.svc.CreateExperiment(ctx, "budget/sweep", "", nil)
	if err != nil {
		return err
	}
	for from := 0; from < o.runs; from += perWrite {
		err := s.db.Write(ctx, func(ctx context.Context) error {
			for n := from; n < min(from+perWrite, o.runs); n++ {
				if err := s.sweepRun(ctx, e.ID, n); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *seeder) sweepRun(ctx context.Context, experiment int64, n int) error {
	models := []string{"nova-pro", "nova-lite", "gpt-4o-mini", "claude-haiku", "llama-8b"}
	tags := []tracking.Tag{{Key: "team", Value: []string{"search", "finance", "support"}[n%3]}, {Key: "commit", Value: fmt.Sprintf("%07x", n*2654435761%(1<<28))}}
	if n%10 != 0 { // nine of ten are trials of the one before them
		tags = append(tags, tracking.Tag{Key: tracking.ParentRunTag, Value: fmt.Sprintf("%08x%024x", experiment, n-n%10)})
	}
	id, err := s.start(ctx, experiment, n, fmt.Sprintf("trial-%06d", n), tags...)
	if err != nil {
		return err
	}
	rate := math.Pow(10, -4+3*s.rng.Float64())
	quality := 0.9 - 0.1*math.Abs(math.Log10(rate)+2.5) + 0.05*s.rng.NormFloat64()
	at := base.Add(time.Duration(n) * 20 * time.Second).UnixMilli()
	b := tracking.Batch{Params: []tracking.Param{
		{Key: "model", Value: models[s.rng.IntN(len(models))]}, {Key: "learning_rate", Value: fmt.Sprintf("%.3g", rate)},
		{Key: "batch_size", Value: fmt.Sprint(8 << s.rng.IntN(5))}, {Key: "temperature", Value: fmt.Sprintf("%.1f", float64(s.rng.IntN(11))/10)},
		{Key: "prompt", Value: fmt.Sprintf("assistant@%d", 1+s.rng.IntN(6))}, {Key: "seed", Value: fmt.Sprint(n)}, {Key: "optimizer", Value: []string{"adam", "sgd", "lion"}[n%3]},
	}}
	metric := func(key string, v float64) {
		b.Metrics = append(b.Metrics, tracking.Metric{Key: key, Value: v, Timestamp: at, Step: 0})
	}
	status := tracking.Finished
	switch {
	case n%97 == 5:
		status = tracking.Failed // before it measured anything
	default:
		metric("accuracy", quality)
		metric("f1", quality-0.03*s.rng.Float64())
		metric("loss", math.Exp(-3*quality)+0.02*s.rng.Float64())
		metric("rouge1/v1/mean", quality*0.8)
		metric("latency/mean", 0.2+s.rng.ExpFloat64())
		metric("cost", 0.001*s.rng.ExpFloat64())
		switch n % 211 {
		case 7:
			metric("perplexity", math.NaN())
		case 8:
			metric("perplexity", math.Inf(1))
		case 9:
			metric("perplexity", math.Copysign(0, -1))
		default:
			metric("perplexity", 5+40*s.rng.Float64())
		}
	}
	if err := s.svc.LogBatch(ctx, id, b); err != nil || n%500 == 499 {
		return err // one in five hundred still runs
	}
	return s.end(ctx, id, status, time.Duration(1+s.rng.IntN(3600))*time.Second)
}

// wide is three runs with so many params and metrics.
func (s *seeder) wide(ctx context.Context, o options) error {
	e, err := s.svc.CreateExperiment(ctx, "budget/wide", "", nil)
	if err != nil {
		return err
	}
	for n := range 3 {
		id, err := s.begin(ctx, e.ID, n, fmt.Sprintf("wide-%d", n))
		if err != nil {
			return err
		}
		for from := 0; from < o.wide/2; from += 100 {
			var b tracking.Batch
			for k := from; k < min(from+100, o.wide/2); k++ {
				b.Params = append(b.Params, tracking.Param{Key: fmt.Sprintf("layer_%04d/setting", k), Value: fmt.Sprint((k*7 + n*(k%5)) % 100)})
				b.Metrics = append(b.Metrics, tracking.Metric{Key: fmt.Sprintf("layer_%04d/norm", k), Value: float64((k*13+n*(k%3))%1000) / 1000, Timestamp: base.UnixMilli()})
			}
			if err := s.svc.LogBatch(ctx, id, b); err != nil {
				return err
			}
		}
		if err := s.end(ctx, id, tracking.Finished, time.Hour); err != nil {
			return err
		}
	}
	return nil
}

// begin is start in a transaction of its own.
func (s *seeder) begin(ctx context.Context, experiment int64, n int, name string) (id string, err error) {
	err = s.db.Write(ctx, func(ctx context.Context) error {
		id, err = s.start(ctx, experiment, n, name)
		return err
	})
	return id, err
}

// curves is eight runs with ten histories, which have gaps.
func (s *seeder) curves(ctx context.Context, o options) error {
	e, err := s.svc.CreateExperiment(ctx, "budget/curves", "", nil)
	if err != nil {
		return err
	}
	for n := range 8 {
		id, err := s.begin(ctx, e.ID, n, fmt.Sprintf("curve-%d", n))
		if err != nil {
			return err
		}
		for from := 0; from < o.points; from += 100 {
			var b tracking.Batch
			for step := from; step < min(from+100, o.points); step++ {
				for k := range 10 {
					v := math.Exp(-float64(step)/float64(200+50*n))*(1+float64(k)) + 0.05*s.rng.NormFloat64()
					if step%401 == 17+k {
						v = math.NaN()
					}
					b.Metrics = append(b.Metrics, tracking.Metric{Key: fmt.Sprintf("%s/metric_%d", []string{"train", "valid"}[k%2], k), Value: v,
						Timestamp: base.Add(time.Duration(step) * time.Second).UnixMilli(), Step: int64(step)})
				}
			}
			if err := s.svc.LogBatch(ctx, id, b); err != nil {
				return err
			}
		}
		if err := s.end(ctx, id, tracking.Finished, time.Hour); err != nil {
			return err
		}
	}
	return nil
}

// hostile is one run whose texts are what breaks layouts.
func (s *seeder) hostile(ctx context.Context, _ options) error {
	e, err := s.svc.CreateExperiment(ctx, "budget/hostile 名前 🧪 مرحبا", "", nil)
	if err != nil {
		return err
	}
	id, err := s.begin(ctx, e.ID, 0, "a name\nof two lines 👩‍🔬 مرحبا بالعالم 漢字 e\u0301")
	if err != nil {
		return err
	}
	return s.svc.LogBatch(ctx, id, tracking.Batch{
		Params: []tracking.Param{{Key: "unbroken", Value: strings.Repeat("x", 6000)}, {Key: "arabic", Value: "مرحبا بالعالم 123"}, {Key: "empty", Value: ""}, {Key: "a key with spaces and . dots", Value: "🧪"}},
		Tags:   []tracking.Tag{{Key: "long", Value: strings.Repeat("词", 2600)}, {Key: "mlflow.note.content", Value: "# A title\n\n" + strings.Repeat("word ", 2000)}},
		Metrics: []tracking.Metric{{Key: "nan", Value: math.NaN(), Timestamp: 1}, {Key: "plus_infinity", Value: math.Inf(1), Timestamp: 1},
			{Key: "minus_infinity", Value: math.Inf(-1), Timestamp: 1}, {Key: "minus_zero", Value: math.Copysign(0, -1), Timestamp: 1}, {Key: "tiny", Value: 5e-324, Timestamp: 1}, {Key: "huge", Value: 1.7e308, Timestamp: 1}},
	})
}
