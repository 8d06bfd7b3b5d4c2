package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracing/normalise"
)

const (
	startRepeats = 5
	idle         = 3 * time.Second // before memory is looked at
	fillDays     = 30
	fillText     = 200 // bytes of a span; start does not depend on them
)

// measureStart compares how long a server takes to answer /health and what it
// holds when idle.
func measureStart(ctx context.Context, b *bench) error {
	const group = "start and idle memory"
	begin := b.report.lower(group, "start to /health, no data yet", "ms")
	memory := b.report.lower(group, "idle memory, no data yet", "MiB")
	ms, mib, err := b.startSome(ctx, "start-empty", startRepeats, true, b.startAssay)
	if err != nil {
		return err
	}
	begin.assay(ms).atMost(500)
	memory.assay(mib).atMost(100)
	if b.mlflow != "" {
		ms, mib, err := b.startSome(ctx, "start-mlflow", 2, true, func(ctx context.Context, dir string) (*process, error) {
			return b.startMLflow(ctx, dir, 0)
		})
		if err != nil {
			return err
		}
		begin.mlflow(ms).note("MLflow makes its database at its first start")
		memory.mlflow(mib).note("MLflow: all its processes, shared pages counted once")
	}
	dir, err := b.dir("start-full")
	if err != nil {
		return err
	}
	began := time.Now()
	if err := fill(ctx, filepath.Join(dir, "data"), b.spans); err != nil {
		return err
	}
	say("%d spans over %d days made in %.0f s", b.spans, fillDays, time.Since(began).Seconds())
	if ms, mib, err = b.startSome(ctx, "start-full", startRepeats, false, b.startAssay); err != nil {
		return err
	}
	title := fmt.Sprintf("%d partitions, %s spans", fillDays, number(float64(b.spans)))
	b.report.lower(group, "start to /health, "+title, "ms").assay(ms).atMost(500)
	row := b.report.lower(group, "idle memory, "+title, "MiB").assay(mib).atMost(100)
	return b.lookAround(ctx, dir, row)
}

// startSome starts a server some times, on a new directory each time or on the
// one of that name, and returns medians.
func (b *bench) startSome(ctx context.Context, name string, n int, fresh bool, begin func(context.Context, string) (*process, error)) (ms, mib float64, err error) {
	dir := filepath.Join(b.work, name)
	var starts, sizes []float64
	for range n {
		if fresh {
			if dir, err = b.dir(name); err != nil {
				return 0, 0, err
			}
		}
		s, err := begin(ctx, dir)
		if err != nil {
			return 0, 0, err
		}
		time.Sleep(idle)
		starts = append(starts, float64(s.started)/1e6)
		sizes = append(sizes, float64(s.memory())/(1<<20))
		s.stop()
	}
	say("%s: %s ms, %s MiB", name, number(median(starts)), number(median(sizes)))
	return median(starts), median(sizes), nil
}

// lookAround checks that the store is what it should be, through the server,
// and notes what memory is after a search over all days.
func (b *bench) lookAround(ctx context.Context, dir string, w *row) error {
	s, err := b.startAssay(ctx, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	var count struct {
		Total int64 `json:"total"`
	}
	c := newClient(1)
	if err := call(ctx, c, s.url+"/api/assay/v1/w/default/traces/count", map[string]any{}, &count); err != nil {
		return err
	}
	if want := int64(b.spans / fillTrace); count.Total != want {
		return fmt.Errorf("the store has %d traces instead of %d", count.Total, want)
	}
	if err := call(ctx, c, s.url+"/api/assay/v1/w/default/traces/search", map[string]any{"q": "nowhere", "limit": 50}, nil); err != nil {
		return err
	}
	time.Sleep(idle)
	w.note("%s MiB after a full-text search over all days", number(float64(s.memory())/(1<<20)))
	return nil
}

const fillTrace = 10 // spans of a trace

// fill makes a data directory with spans first seen on fillDays days. A
// server files spans under the day it sees them, so this one runs in this
// process, with a clock of its own.
func fill(ctx context.Context, dir string, spans int) error {
	today := time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)
	day := today.AddDate(0, 0, -fillDays)
	now := func() time.Time { return day }
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	store, err := sqlstore.OpenTraces(ctx, dir, log, sqlstore.TracesConfig{Now: now})
	if err != nil {
		return err
	}
	defer store.Close()
	service := tracing.New(store, log, tracing.Config{Now: now, Normalise: normalise.New().Apply, Version: normalise.Version})
	w := newSpanWriter(newProse(), 77)
	for n := range fillDays {
		day = today.AddDate(0, 0, n-fillDays+1)
		for left := share(spans/fillTrace, fillDays, n) * fillTrace; left > 0; {
			some := min(left, 5000)
			if err := fillSome(ctx, service, w, day, some); err != nil {
				return err
			}
			left -= some
		}
		for lag, _ := service.TextLag(ctx); lag > 0; lag, _ = service.TextLag(ctx) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return store.Close()
}

func fillSome(ctx context.Context, service *tracing.Service, w *spanWriter, day time.Time, n int) error {
	body, _, _ := w.request(n, fillTrace, fillText)
	req, err := trace.ParseRequest(append([]byte(nil), body...))
	if err != nil {
		return err
	}
	for i := range req.Spans { // the writer has the time of today
		s := &req.Spans[i]
		took := s.End - s.Start
		s.Start = day.UnixNano() + int64(binary.BigEndian.Uint64(s.ID[:]))*1_000_000
		s.End = s.Start + took
		s.Raw = nil
	}
	rejected, reason, err := service.Ingest(ctx, trace.Batch{Spans: req.Spans})
	if err == nil && rejected > 0 {
		err = fmt.Errorf("%d spans rejected: %s", rejected, reason)
	}
	return err
}
