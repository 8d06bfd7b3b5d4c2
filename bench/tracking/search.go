package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// seedScript puts runs into MLflow's SQLite schema: through its API that many
// would take an hour.
//
//go:embed seed.py
var seedScript []byte

// seedRun is a run of the search measure: the same for both servers.
type seedRun struct {
	Name    string             `json:"name"`
	Start   int64              `json:"start"` // unix milliseconds
	Metrics map[string]float64 `json:"metrics"`
	Params  map[string]string  `json:"params"`
	Tags    map[string]string  `json:"tags"`
}

const seedStart = 1_750_000_000_000

// makeSeedRun makes run i. Each metric is uniform over 0 to 1.
func makeSeedRun(i int) *seedRun {
	r := rand.New(rand.NewPCG(uint64(i), 42))
	run := &seedRun{Name: fmt.Sprintf("run-%05d", i), Start: seedStart + int64(i)*1000,
		Metrics: map[string]float64{}, Params: map[string]string{}, Tags: map[string]string{}}
	for k := range 10 {
		run.Metrics[fmt.Sprintf("metric_%d", k)] = r.Float64()
		run.Params[fmt.Sprintf("param_%d", k)] = fmt.Sprintf("value %d", r.IntN(50))
	}
	for k := range 5 {
		run.Tags[fmt.Sprintf("tag_%d", k)] = fmt.Sprintf("team %d", r.IntN(20))
	}
	return run
}

// searchSizes are the page sizes measured, each with the bar of its p95 in ms.
var searchSizes = []struct {
	rows int
	bar  float64
}{{100, 10}, {1000, 75}}

var searchOrders = []struct{ title, clause string }{
	{"newest first", "attributes.start_time DESC"},
	{"oldest first", "attributes.start_time ASC"},
	{"highest metric first", "metrics.metric_3 DESC"},
	{"lowest metric first", "metrics.metric_3 ASC"},
}

// measureSearch compares runs/search.
func measureSearch(ctx context.Context, b *bench) error {
	servers, stop, err := b.startAll(ctx, "search", false)
	defer stop()
	if err != nil {
		return err
	}
	experiments := make([]string, len(servers))
	for i, s := range servers {
		began := time.Now()
		if experiments[i], err = newExperiment(ctx, newClient(1), s.url, "search"); err != nil {
			return err
		}
		if i == 0 {
			err = loadRuns(ctx, s, experiments[i], b.runs)
		} else {
			err = b.insertRuns(ctx, s, experiments[i])
		}
		if err != nil {
			return fmt.Errorf("loading %s: %w", s.name, err)
		}
		say("%s has %d runs after %.1f s", s.name, b.runs, time.Since(began).Seconds())
	}
	for _, size := range searchSizes {
		for _, order := range searchOrders {
			if err := b.searchOne(ctx, servers, experiments, size.rows, size.bar, order.title, order.clause); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) searchOne(ctx context.Context, servers []*process, experiments []string, rows int, bar float64, title, clause string) error {
	results := make([]turns, len(servers))
	var answers [][]string
	for i, s := range servers {
		q := &searcher{client: newClient(1), url: s.url, experiment: experiments[i], rows: rows, order: clause}
		names, err := q.search(ctx, 0.5, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if want := min(rows, b.runs/2-b.runs/20); len(names) < want {
			return fmt.Errorf("%s answers with %d of %d rows", s.name, len(names), want)
		}
		answers = append(answers, names)
		if !slices.Equal(names, answers[0]) {
			return fmt.Errorf("%s: the servers answer with different runs", title)
		}
	}
	// MLflow's searches may take seconds: a fifth of them, and no longer than
	// this for all turns together, gives its quantiles too.
	counts := []int{b.searches, max(10, b.searches/5)}
	budgets := []time.Duration{time.Hour, 20 * time.Second}
	for turn := range b.repeats {
		for i, s := range servers {
			q := &searcher{client: newClient(1), url: s.url, experiment: experiments[i], rows: rows, order: clause}
			n := share(counts[i], b.repeats, turn)
			t, err := q.many(ctx, n, budgets[i]/time.Duration(b.repeats), uint64(turn))
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			results[i] = append(results[i], t)
		}
	}
	group := fmt.Sprintf("run search, %s runs of 10 metrics, 10 params and 5 tags, half match", number(float64(b.runs)))
	label := fmt.Sprintf("%s rows, %s", number(float64(rows)), title)
	p50 := b.report.lower(group, label+", p50", "ms").assay(results[0].wait(.5))
	p95 := b.report.lower(group, label+", p95", "ms").assay(results[0].wait(.95)).atMost(bar)
	if len(servers) > 1 {
		n := 0
		for _, t := range results[1] {
			n += t.done
		}
		p95.note("%d searches, %d of MLflow", b.searches, n)
		p50.mlflow(results[1].wait(.5))
		p95.mlflow(results[1].wait(.95))
	}
	say("%s: p50 %s, p95 %s ms", label, number(*p50.Assay), number(*p95.Assay))
	return nil
}

// share is how many of n belong to turn of turns.
func share(n, turns, turn int) int {
	return n*(turn+1)/turns - n*turn/turns
}

// searcher searches the runs of one experiment.
type searcher struct {
	client          *http.Client
	url, experiment string
	rows            int
	order           string
}

// search returns the names of the runs of the first page. timed gets the time
// until the whole answer was here.
func (s *searcher) search(ctx context.Context, threshold float64, timed func(time.Duration)) ([]string, error) {
	body, err := json.Marshal(map[string]any{
		"experiment_ids": []string{s.experiment}, "max_results": s.rows, "order_by": []string{s.order},
		"filter": "metrics.metric_3 > " + strconv.FormatFloat(threshold, 'f', 6, 64),
	})
	if err != nil {
		return nil, err
	}
	began := time.Now()
	answer, err := send(ctx, s.client, http.MethodPost, s.url+"/api/2.0/mlflow/runs/search", body, "Content-Type", "application/json")
	if err != nil {
		return nil, err
	}
	if timed != nil {
		timed(time.Since(began))
	}
	var page struct {
		Runs []struct {
			Info struct {
				Name string `json:"run_name"`
			} `json:"info"`
			Data struct {
				Metrics, Params, Tags []struct {
					Key string `json:"key"`
				}
			} `json:"data"`
		} `json:"runs"`
	}
	if err := json.Unmarshal(answer, &page); err != nil {
		return nil, err
	}
	names := make([]string, len(page.Runs))
	for i, r := range page.Runs {
		names[i] = r.Info.Name
		if len(r.Data.Metrics) != 10 || len(r.Data.Params) != 10 || len(r.Data.Tags) < 5 {
			return nil, fmt.Errorf("run %s came with %d metrics, %d params and %d tags",
				r.Info.Name, len(r.Data.Metrics), len(r.Data.Params), len(r.Data.Tags))
		}
	}
	return names, nil
}

// many searches n times, each time with another threshold about the half; it
// begins none after budget.
func (s *searcher) many(ctx context.Context, n int, budget time.Duration, seed uint64) (*turn, error) {
	r := rand.New(rand.NewPCG(seed, 7))
	t := &turn{}
	for began := time.Now(); t.done < n && time.Since(began) < budget; {
		_, err := s.search(ctx, 0.45+0.1*r.Float64(), func(d time.Duration) {
			t.waits = append(t.waits, d)
			t.took += d
			t.done++
		})
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// loadRuns logs n runs through the API.
func loadRuns(ctx context.Context, s *process, experiment string, n int) error {
	client := newClient(batchConns)
	var next atomic.Int64
	var mu sync.Mutex
	var failed error
	var wg sync.WaitGroup
	for range batchConns {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := logRun(ctx, client, s.url, experiment, makeSeedRun(i)); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	return failed
}

func logRun(ctx context.Context, c *http.Client, url, experiment string, run *seedRun) error {
	id, err := newRun(ctx, c, url, experiment, run.Name, run.Start)
	if err != nil {
		return err
	}
	type value struct {
		Key       string `json:"key"`
		Value     any    `json:"value"`
		Timestamp int64  `json:"timestamp,omitempty"`
	}
	batch := struct {
		Run     string  `json:"run_id"`
		Metrics []value `json:"metrics"`
		Params  []value `json:"params"`
		Tags    []value `json:"tags"`
	}{Run: id}
	for k, v := range run.Metrics {
		batch.Metrics = append(batch.Metrics, value{k, v, run.Start + 500})
	}
	for k, v := range run.Params {
		batch.Params = append(batch.Params, value{Key: k, Value: v})
	}
	for k, v := range run.Tags {
		batch.Tags = append(batch.Tags, value{Key: k, Value: v})
	}
	return call(ctx, c, url+"/api/2.0/mlflow/runs/log-batch", batch, nil)
}

// insertRuns puts the same runs into MLflow's database, with the interpreter
// that runs it.
func (b *bench) insertRuns(ctx context.Context, s *process, experiment string) error {
	script, lines := filepath.Join(s.dir, "seed.py"), filepath.Join(s.dir, "runs.jsonl")
	if err := os.WriteFile(script, seedScript, 0o644); err != nil {
		return err
	}
	f, err := os.Create(lines)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for i := range b.runs {
		if err := enc.Encode(makeSeedRun(i)); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	python := filepath.Join(filepath.Dir(b.mlflow), "python")
	out, err := exec.CommandContext(ctx, python, script, filepath.Join(s.dir, "mlflow.db"), experiment, lines).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
