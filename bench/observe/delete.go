package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// remove deletes the oldest traces, then as many again with whole days as
// retention does, while a writer stores a trace after the other; and prints
// the longest that the writer waited.
func remove(ctx context.Context, cfg *config) error {
	st, service, err := open(ctx, cfg.data, time.Now)
	if err != nil {
		return err
	}
	defer st.Close()
	newest, err := service.Search(ctx, tracing.Search{Limit: 1, Bare: true})
	if err != nil || len(newest.Infos) == 0 {
		return fmt.Errorf("%s holds no traces: %w", cfg.data, err)
	}
	experiment := newest.Infos[0].Experiment
	w := &writer{service: service, experiment: experiment, maker: newMaker(uint64(time.Now().UnixNano()))}
	if err := w.during("nothing else", func() (int, error) { time.Sleep(5 * time.Second); return 0, nil }); err != nil {
		return err
	}
	err = w.during("deletion", func() (int, error) {
		return service.Delete(ctx, tracing.Deletion{Experiment: experiment, Before: time.Now().UnixMilli(), Max: cfg.traces})
	})
	if err != nil {
		return err
	}
	return w.during("removal of days", func() (int, error) {
		days, err := service.Partitions(ctx)
		total := 0
		for _, d := range days {
			if err != nil || total >= cfg.traces {
				break
			}
			var n int
			n, err = service.RemovePartition(ctx, d.Day)
			total += n
		}
		return total, err
	})
}

// writer stores one trace after the other and keeps how long each took.
type writer struct {
	service    *tracing.Service
	experiment string
	maker      *maker
	n          int
}

// during writes while fn runs.
func (w *writer) during(what string, fn func() (int, error)) error {
	var stop atomic.Bool
	var waits []time.Duration
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() {
		for !stop.Load() && failed == nil {
			_, spans := w.maker.trace(w.n, time.Now())
			w.n++
			start := time.Now()
			_, _, failed = w.service.Ingest(context.Background(), trace.Batch{ExperimentID: w.experiment, Spans: spans})
			waits = append(waits, time.Since(start))
		}
	})
	start := time.Now()
	n, err := fn()
	took := time.Since(start)
	stop.Store(true)
	wg.Wait()
	if err != nil || failed != nil {
		return fmt.Errorf("%s: %w, %w", what, err, failed)
	}
	slices.Sort(waits)
	verdict := "ok"
	if waits[len(waits)-1] > 200*time.Millisecond {
		verdict = "MISSED"
	}
	fmt.Printf("%-16s %7d traces in %8v; %5d writes meanwhile: p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, longest %.1f ms (bar 200 ms %s)\n", what, n, took.Round(time.Millisecond), len(waits),
		ms(waits[len(waits)/2]), ms(waits[len(waits)*95/100]), ms(waits[len(waits)*99/100]), ms(waits[len(waits)-1]), verdict)
	return nil
}
