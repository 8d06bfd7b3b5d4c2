package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// otlpConns is how many exporters send at once.
const otlpConns = 8

// exporter sends spans to one server and remembers some of what it sent.
type exporter struct {
	url      string
	client   *http.Client
	text     int // bytes of a span
	perTrace int
	writers  []*spanWriter

	mu      sync.Mutex
	traces  int
	samples []sample
}

// sample is a trace that is looked at afterwards.
type sample struct {
	id     string
	number uint64 // in the text of its first span, and nowhere else
}

func newExporter(url string, p *prose, series, text, perTrace int) *exporter {
	e := &exporter{url: url, client: newClient(otlpConns), text: text, perTrace: perTrace}
	for w := range otlpConns {
		e.writers = append(e.writers, newSpanWriter(p, series*otlpConns+w))
	}
	return e
}

var otlpHeader = []string{"Content-Type", "application/x-protobuf", "x-mlflow-experiment-id", "0"}

// send sends one request of new traces and counts its spans once they are
// acknowledged as a whole.
func (e *exporter) send(ctx context.Context, worker int) (int, error) {
	body, ids, numbers := e.writers[worker].request(requestSpans, e.perTrace, e.text)
	answer, err := send(ctx, e.client, http.MethodPost, e.url+"/v1/traces", body, otlpHeader...)
	if err != nil {
		return 0, err
	}
	if len(answer) > 0 { // partial success
		return 0, fmt.Errorf("spans were rejected: %q", answer)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.traces%997 < len(ids) {
		e.samples = append(e.samples, sample{"tr-" + hex.EncodeToString(ids[0][:]), numbers[0]})
	}
	e.traces += len(ids)
	return requestSpans, nil
}

// measureOTLP compares ingest of spans.
func measureOTLP(ctx context.Context, b *bench) error {
	p := newProse()
	for _, m := range []struct {
		text  int
		title string
		bar   float64
	}{{600, "600 B", 20_000}, {2048, "2 KB", 10_000}} {
		if err := b.otlpOne(ctx, p, m.text, m.title, m.bar); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) otlpOne(ctx context.Context, p *prose, text int, title string, bar float64) error {
	servers, stop, err := b.startAll(ctx, "otlp-"+strconv.Itoa(text), false)
	defer stop()
	if err != nil {
		return err
	}
	exporters := make([]*exporter, len(servers))
	results := make([]turns, len(servers))
	for i, s := range servers {
		exporters[i] = newExporter(s.url, p, i+1, text, b.perTrace)
	}
	var indexed, lags []float64
	for range b.repeats {
		for i, s := range servers {
			began := time.Now()
			t := closedLoop(ctx, otlpConns, b.seconds, exporters[i].send)
			results[i] = append(results[i], t)
			say("%s of text, %s: %s spans/s, %d requests failed", title, s.name, number(t.rate()), t.failed)
			if i > 0 {
				continue
			}
			lag, err := awaitText(ctx, s.url)
			if err != nil {
				return err
			}
			lags = append(lags, lag.Seconds())
			indexed = append(indexed, float64(t.done*text)/1e6/time.Since(began).Seconds())
		}
	}
	mb := float64(text) / 1e6
	group := fmt.Sprintf("OTLP over HTTP, protobuf, 200 spans a request, %d a trace, %d connections", b.perTrace, otlpConns)
	rate := b.report.higher(group, title+" of unique text a span", "spans/s").assay(results[0].rate()).atLeast(bar).noteFailures("Assay", results[0])
	wait := b.report.lower(group, title+", p95 until acknowledged", "ms").assay(results[0].wait(.95))
	words := b.report.higher(group, title+", new text", "MB/s").assay(results[0].rate() * mb)
	if len(servers) > 1 {
		rate.mlflow(results[1].rate()).noteFailures("MLflow", results[1])
		wait.mlflow(results[1].wait(.95))
		words.mlflow(results[1].rate() * mb)
	}
	b.report.higher(group, title+", text indexed while ingesting and after", "MB/s").assay(median(indexed)).atLeast(8).
		note("indexed %s s after the last acknowledgement", number(median(lags)))
	return b.checkSpans(ctx, exporters[0], rate)
}

// awaitText waits until full text has caught up and says how long that took.
func awaitText(ctx context.Context, url string) (time.Duration, error) {
	began := time.Now()
	c := newClient(1)
	for {
		var page struct {
			Lag *int64 `json:"index_lag_ms"`
		}
		in := map[string]any{"q": "nothing says this", "limit": 1, "from_ms": time.Now().Add(time.Hour).UnixMilli()}
		if err := call(ctx, c, url+"/api/assay/v1/w/default/traces/search", in, &page); err != nil {
			return 0, err
		}
		if page.Lag == nil {
			return time.Since(began), nil
		}
		if time.Since(began) > 10*time.Minute {
			return 0, fmt.Errorf("full text is %d ms behind ten minutes after the load", *page.Lag)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// checkSpans looks whether every acknowledged span is there: the sum over all
// traces, and of some traces every span and a word of their text.
func (b *bench) checkSpans(ctx context.Context, e *exporter, w *row) error {
	api := e.url + "/api/assay/v1/w/default/traces/"
	traces, spans, token := 0, 0, ""
	for {
		var page struct {
			Traces []struct {
				Spans int `json:"spans"`
			} `json:"traces"`
			Next *string `json:"next_page_token"`
		}
		if err := call(ctx, e.client, api+"search", map[string]any{"limit": 1000, "page_token": token}, &page); err != nil {
			return err
		}
		traces += len(page.Traces)
		for _, t := range page.Traces {
			spans += t.Spans
		}
		if page.Next == nil {
			break
		}
		token = *page.Next
	}
	if want := e.traces * e.perTrace; traces < e.traces || spans < want {
		return fmt.Errorf("%d traces with %d spans were acknowledged, %d with %d are there", e.traces, want, traces, spans)
	}
	rand.Shuffle(len(e.samples), func(i, j int) { e.samples[i], e.samples[j] = e.samples[j], e.samples[i] })
	looked := e.samples[:min(len(e.samples), 50)]
	for _, s := range looked {
		var skeleton struct {
			N int `json:"n"`
		}
		if err := get(ctx, e.client, api+s.id+"/skeleton", &skeleton); err != nil {
			return err
		}
		if skeleton.N != e.perTrace {
			return fmt.Errorf("trace %s has %d of %d spans", s.id, skeleton.N, e.perTrace)
		}
		var page struct {
			Traces []struct {
				ID string `json:"trace_id"`
			} `json:"traces"`
		}
		if err := call(ctx, e.client, api+"search", map[string]any{"q": strconv.FormatUint(s.number, 10)}, &page); err != nil {
			return err
		}
		if len(page.Traces) != 1 || page.Traces[0].ID != s.id {
			return fmt.Errorf("full text finds %v for number %d of trace %s", page.Traces, s.number, s.id)
		}
	}
	w.note("all %s acknowledged spans are there, and the text of %d traces was found", number(float64(e.traces*e.perTrace)), len(looked))
	return nil
}
