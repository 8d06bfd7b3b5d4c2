package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"
)

// wideSpans is the trace of issue 24314 of mlflow/mlflow, which hangs its UI
// and API.
const (
	wideSpans = 32_843
	wideText  = 600
)

// measureWideTrace compares one very large trace.
func measureWideTrace(ctx context.Context, b *bench) error {
	servers, stop, err := b.startAll(ctx, "wide", false)
	defer stop()
	if err != nil {
		return err
	}
	p := newProse()
	const group = "a trace of 32,843 spans with 600 B of text each"
	ingest := b.report.lower(group, "ingest, 1,000 spans a request", "s")
	ids := make([]string, len(servers))
	for i, s := range servers {
		took, id, err := sendWide(ctx, s.url, newSpanWriter(p, i))
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		ids[i] = id
		if i == 0 {
			ingest.assay(took.Seconds())
		} else {
			ingest.mlflow(took.Seconds())
		}
	}
	if _, err := awaitText(ctx, servers[0].url); err != nil {
		return err
	}
	// The first look is one with nothing in memory.
	dir := servers[0].dir
	servers[0].stop()
	if servers[0], err = b.startAssay(ctx, dir); err != nil {
		return err
	}
	if err := b.skeleton(ctx, group, servers[0], ids[0]); err != nil {
		return err
	}
	whole := b.report.lower(group, "the whole trace, traces/get", "s")
	grown := b.report.lower(group, "memory grown meanwhile", "MiB")
	for i, s := range servers {
		took, bytes, more, err := readWide(ctx, s, ids[i])
		switch {
		case err != nil && i == 0:
			return err
		case err != nil:
			whole.note("MLflow: %v", err)
		case i == 0:
			whole.assay(took.Seconds()).note("%s MiB of JSON", number(float64(bytes)/(1<<20)))
			grown.assay(max(1, float64(more)/(1<<20)))
		default:
			whole.mlflow(took.Seconds())
			grown.mlflow(max(1, float64(more)/(1<<20)))
		}
	}
	return nil
}

func sendWide(ctx context.Context, url string, w *spanWriter) (time.Duration, string, error) {
	c := newClient(1)
	id := w.traceID()
	start := time.Now()
	var took time.Duration
	for n := 1; n <= wideSpans; {
		for k := 0; k < 1000 && n <= wideSpans; k++ {
			parent := 0
			if n > 1 {
				parent = 1 + (n-2)/8 // eight children each: six levels
			}
			w.add(id, n, parent, start.UnixNano()+int64(n)*50_000, wideText)
			n++
		}
		sent := time.Now()
		if _, err := send(ctx, c, http.MethodPost, url+"/v1/traces", w.finish(), otlpHeader...); err != nil {
			return 0, "", err
		}
		took += time.Since(sent)
	}
	return took, "tr-" + hex.EncodeToString(id[:]), nil
}

func (b *bench) skeleton(ctx context.Context, group string, s *process, id string) error {
	c := newClient(1)
	var waits []time.Duration
	size := 0
	for range 21 {
		sent := time.Now()
		answer, err := send(ctx, c, http.MethodGet, s.url+"/api/assay/v1/w/default/traces/"+id+"/skeleton", nil, "Accept-Encoding", "gzip")
		if err != nil {
			return err
		}
		waits = append(waits, time.Since(sent))
		size = len(answer)
	}
	var skeleton struct {
		N int `json:"n"`
	}
	if err := get(ctx, c, s.url+"/api/assay/v1/w/default/traces/"+id+"/skeleton", &skeleton); err != nil {
		return err
	}
	if skeleton.N != wideSpans {
		return fmt.Errorf("the skeleton has %d of %d spans", skeleton.N, wideSpans)
	}
	b.report.lower(group, "skeleton, first after a start", "ms").assay(quantile(waits[:1], 1)).atMost(300).
		note("%s KiB compressed", number(float64(size)/1024))
	b.report.lower(group, "skeleton, p95 of 20", "ms").assay(quantile(waits[1:], .95)).atMost(300)
	return nil
}

// readWide reads all of the trace and says how much memory the server grew by
// meanwhile.
func readWide(ctx context.Context, s *process, id string) (took time.Duration, size, grown int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	before := s.memory()
	highest := s.watch()
	sent := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/3.0/mlflow/traces/get?trace_id="+id, nil)
	if err == nil {
		var resp *http.Response
		if resp, err = newClient(1).Do(req); err == nil {
			size, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err == nil && resp.StatusCode != http.StatusOK {
				err = &statusError{status: resp.StatusCode}
			}
		}
	}
	took = time.Since(sent)
	grown = highest() - before
	if err == nil && size < wideSpans*wideText {
		err = fmt.Errorf("only %d bytes came", size)
	}
	return took, size, grown, err
}
