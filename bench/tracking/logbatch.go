package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// batchConns is how many clients log at once.
const batchConns = 16

// batchesPerRun is after how many batches a client goes on with a new run, as
// training jobs do. The making of the run counts as time, not as a batch.
const batchesPerRun = 200

// measureLogBatch compares runs/log-batch, small and large.
func measureLogBatch(ctx context.Context, b *bench) error {
	servers, stop, err := b.startAll(ctx, "log-batch", true)
	defer stop()
	if err != nil {
		return err
	}
	for _, m := range []struct {
		title           string
		metrics, params int
		rate, ratio     float64 // bars
	}{
		{"10 metrics and 1 param", 10, 1, 2500, 20},
		{"1,000 metrics", 1000, 0, 0, 5},
	} {
		results := make([]turns, len(servers))
		var loggers []*logger
		for _, s := range servers {
			l, err := newLogger(ctx, s, m.metrics, m.params)
			if err != nil {
				return err
			}
			loggers = append(loggers, l)
		}
		for range b.repeats {
			for i, s := range servers {
				t := closedLoop(ctx, batchConns, b.seconds, loggers[i].send)
				results[i] = append(results[i], t)
				say("%s, %s: %.0f/s, %d failed", m.title, s.name, t.rate(), t.failed)
				pause(ctx)
			}
		}
		for i, l := range loggers {
			if err := l.check(ctx); err != nil {
				return fmt.Errorf("%s: %w", servers[i].name, err)
			}
		}
		b.reportLogBatch(m.title, servers, results, m.rate, m.ratio)
	}
	return nil
}

func (b *bench) reportLogBatch(title string, servers []*process, results []turns, rateBar, ratioBar float64) {
	const group = "log-batch, 16 connections"
	rate := b.report.higher(group, title, "/s").assay(results[0].rate()).noteFailures("Assay", results[0])
	p50 := b.report.lower(group, title+", p50", "ms").assay(results[0].wait(.5))
	p95 := b.report.lower(group, title+", p95", "ms").assay(results[0].wait(.95))
	if rateBar > 0 {
		rate.atLeast(rateBar)
	}
	if len(servers) == 1 {
		return
	}
	// The bar holds against MLflow's better set-up.
	best := 1
	for i := 2; i < len(servers); i++ {
		if results[i].rate() > results[best].rate() {
			best = i
		}
	}
	for i := 1; i < len(servers); i++ {
		rate.note("%s: %s/s", servers[i].name, number(results[i].rate()))
		rate.noteFailures(servers[i].name, results[i])
	}
	rate.mlflow(results[best].rate()).ratioAtLeast(ratioBar)
	p50.mlflow(results[best].wait(.5))
	p95.mlflow(results[best].wait(.95))
}

// pause lets a server write out what it holds before the other's turn.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(500 * time.Millisecond):
	}
}

// startAll starts Assay and, if there is one, MLflow with its own number of
// workers and, if variant is set, with one. stop ends all of them.
func (b *bench) startAll(ctx context.Context, name string, variant bool) (servers []*process, stop func(), err error) {
	stop = func() {
		for _, s := range servers {
			s.stop()
		}
	}
	add := func(kind string, begin func(dir string) (*process, error)) {
		if err != nil {
			return
		}
		var dir string
		if dir, err = b.dir(name + "-" + kind); err != nil {
			return
		}
		var s *process
		if s, err = begin(dir); err == nil {
			servers = append(servers, s)
		}
	}
	add("assay", func(dir string) (*process, error) { return b.startAssay(ctx, dir) })
	if b.mlflow != "" {
		add("mlflow", func(dir string) (*process, error) { return b.startMLflow(ctx, dir, 0) })
		if variant {
			add("mlflow1", func(dir string) (*process, error) { return b.startMLflow(ctx, dir, 1) })
		}
	}
	for _, s := range servers {
		s.settle(ctx)
	}
	return servers, stop, err
}

// logger logs batches to one server.
type logger struct {
	url             string
	client          *http.Client
	experiment      string
	metrics, params int
	workers         [batchConns]loggerState
}

// loggerState is one client's; it alone touches it.
type loggerState struct {
	run    string
	done   int // batches of the run
	logged int // metrics of the run
	body   []byte
}

func newLogger(ctx context.Context, s *process, metrics, params int) (*logger, error) {
	l := &logger{url: s.url, client: newClient(batchConns), metrics: metrics, params: params}
	var err error
	l.experiment, err = newExperiment(ctx, l.client, s.url, fmt.Sprintf("log-batch %d", metrics))
	return l, err
}

func newExperiment(ctx context.Context, c *http.Client, url, name string) (string, error) {
	var made struct {
		ID string `json:"experiment_id"`
	}
	err := call(ctx, c, url+"/api/2.0/mlflow/experiments/create", map[string]string{"name": name}, &made)
	return made.ID, err
}

func newRun(ctx context.Context, c *http.Client, url, experiment, name string, start int64) (string, error) {
	var made struct {
		Run struct {
			Info struct {
				ID string `json:"run_id"`
			} `json:"info"`
		} `json:"run"`
	}
	in := map[string]any{"experiment_id": experiment, "run_name": name, "start_time": start}
	err := call(ctx, c, url+"/api/2.0/mlflow/runs/create", in, &made)
	return made.Run.Info.ID, err
}

// curves is how many metrics a run has; a batch that holds more holds several
// steps of them.
const curves = 10

// send logs one batch of new points and params.
func (l *logger) send(ctx context.Context, worker int) (int, error) {
	w := &l.workers[worker]
	if w.run == "" || w.done == batchesPerRun {
		run, err := newRun(ctx, l.client, l.url, l.experiment, "client "+strconv.Itoa(worker), time.Now().UnixMilli())
		if err != nil {
			return 0, err
		}
		w.run, w.done, w.logged = run, 0, 0
	}
	w.body = l.batch(w.body[:0], w)
	_, err := send(ctx, l.client, http.MethodPost, l.url+"/api/2.0/mlflow/runs/log-batch", w.body, "Content-Type", "application/json")
	if err != nil {
		w.run = "" // what is in it is not known
		return 0, err
	}
	w.done++
	w.logged += l.metrics
	return 1, nil
}

func (l *logger) batch(b []byte, w *loggerState) []byte {
	now := time.Now().UnixMilli()
	b = append(b, `{"run_id":"`...)
	b = append(append(b, w.run...), `","metrics":[`...)
	for i := range l.metrics {
		if i > 0 {
			b = append(b, ',')
		}
		n := w.logged + i
		b = append(b, `{"key":"train/metric_`...)
		b = strconv.AppendInt(b, int64(n%curves), 10)
		b = append(b, `","value":`...)
		b = strconv.AppendFloat(b, 1/float64(n+3), 'g', -1, 64)
		b = append(b, `,"timestamp":`...)
		b = strconv.AppendInt(b, now, 10)
		b = append(b, `,"step":`...)
		b = strconv.AppendInt(b, int64(n/curves), 10)
		b = append(b, '}')
	}
	b = append(b, `],"params":[`...)
	for i := range l.params {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"key":"param_`...)
		b = strconv.AppendInt(b, int64(w.done*l.params+i), 10)
		b = append(b, `","value":"value of it"}`...)
	}
	return append(b, `]}`...)
}

// check reads the clients' last runs back: all that was acknowledged must be
// there.
func (l *logger) check(ctx context.Context) error {
	for i := range l.workers {
		w := &l.workers[i]
		if w.run == "" || w.done == 0 {
			continue
		}
		points, err := l.points(ctx, w.run)
		if err != nil {
			return err
		}
		if want := w.logged / curves; points != want {
			return fmt.Errorf("run %s has %d points of a metric, %d were acknowledged", w.run, points, want)
		}
	}
	return nil
}

func (l *logger) points(ctx context.Context, run string) (int, error) {
	n, token := 0, ""
	for {
		var page struct {
			Metrics []struct{} `json:"metrics"`
			Next    string     `json:"next_page_token"`
		}
		err := get(ctx, l.client, l.url+"/api/2.0/mlflow/metrics/get-history", &page,
			"run_id", run, "metric_key", "train/metric_0", "max_results", "25000", "page_token", token)
		if err != nil {
			return 0, err
		}
		n += len(page.Metrics)
		if token = page.Next; token == "" {
			return n, nil
		}
	}
}
