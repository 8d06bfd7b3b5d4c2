package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// newClient keeps conns connections alive.
func newClient(conns int) *http.Client {
	return &http.Client{
		Timeout: 5 * time.Minute,
		Transport: &http.Transport{
			MaxConnsPerHost: conns, MaxIdleConnsPerHost: conns, MaxIdleConns: conns,
			DisableCompression: true, WriteBufferSize: 64 << 10, ReadBufferSize: 64 << 10,
		},
	}
}

// statusError is an answer that is not a success.
type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.body) }

// send makes a request and reads all of the answer. header is pairs of name
// and value.
func send(ctx context.Context, c *http.Client, method, url string, body []byte, header ...string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var out bytes.Buffer
	if resp.ContentLength > 0 {
		out.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	if _, err := io.Copy(&out, resp.Body); err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		return nil, &statusError{resp.StatusCode, strings.TrimSpace(out.String()[:min(out.Len(), 300)])}
	}
	return out.Bytes(), nil
}

// call posts in as JSON and decodes the answer into out, which may be nil.
func call(ctx context.Context, c *http.Client, url string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := send(ctx, c, http.MethodPost, url, body, "Content-Type", "application/json")
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// turn is what one load on one server gave.
type turn struct {
	done      int // requests answered with success
	failed    int
	lastError error
	took      time.Duration
	waits     []time.Duration // of the successful ones
}

// rate is successes a second.
func (t *turn) rate() float64 { return float64(t.done) / t.took.Seconds() }

// closedLoop lets each of conns workers send one request after another for d.
// one sends a request; it gets the worker's number and returns what to add to
// done.
func closedLoop(ctx context.Context, conns int, d time.Duration, one func(ctx context.Context, worker int) (int, error)) *turn {
	var mu sync.Mutex
	var wg sync.WaitGroup
	t := &turn{}
	began := time.Now()
	for w := range conns {
		wg.Go(func() {
			var waits []time.Duration
			done, failed := 0, 0
			var last error
			for ctx.Err() == nil && time.Since(began) < d {
				sent := time.Now()
				n, err := one(ctx, w)
				if err != nil {
					failed, last = failed+1, err
					continue
				}
				waits = append(waits, time.Since(sent))
				done += n
			}
			mu.Lock()
			defer mu.Unlock()
			t.waits = append(t.waits, waits...)
			t.done += done
			t.failed += failed
			if last != nil {
				t.lastError = last
			}
		})
	}
	wg.Wait()
	t.took = time.Since(began)
	return t
}

// turns are repeats of one load on one server.
type turns []*turn

func (ts turns) rate() float64 {
	var rates []float64
	for _, t := range ts {
		rates = append(rates, t.rate())
	}
	return median(rates)
}

func (ts turns) failed() (n int, last error) {
	for _, t := range ts {
		n += t.failed
		if t.lastError != nil {
			last = t.lastError
		}
	}
	return n, last
}

// wait is a quantile of all waits in milliseconds.
func (ts turns) wait(q float64) float64 {
	var all []time.Duration
	for _, t := range ts {
		all = append(all, t.waits...)
	}
	return quantile(all, q)
}

// quantile returns the q-quantile of ds in milliseconds: the smallest value
// that at least a share q does not exceed. Without values it is 0.
func quantile(ds []time.Duration, q float64) float64 {
	if len(ds) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(ds))
	i := int(q*float64(len(sorted)) + 0.999999)
	return float64(sorted[min(max(i, 1), len(sorted))-1]) / 1e6
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// get decodes what a GET answers. query is pairs of name and value; empty
// values are left out.
func get(ctx context.Context, c *http.Client, address string, out any, query ...string) error {
	q := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		if query[i+1] != "" {
			q.Set(query[i], query[i+1])
		}
	}
	if len(q) > 0 {
		address += "?" + q.Encode()
	}
	body, err := send(ctx, c, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return json.Unmarshal(body, out)
}
