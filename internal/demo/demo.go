// Package demo fills a running server with the sample: a finance assistant
// with its prompts, evaluation runs, traces, scores and a registered model.
//
// It talks to the server only through the protocols users have (MLflow's REST
// API and OTLP over HTTP), needs no key and no network beyond the server, and
// makes the same data from the same clock every time. Filling twice changes
// nothing.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/fault"
)

// Experiment and Model are the names the sample uses.
const (
	Experiment = "finance-assistant"
	Model      = "finance-assistant"
	Prompt     = "assistant-system-prompt"
)

// Target is the server to fill.
type Target struct {
	URL    string       // e.g. http://127.0.0.1:5000
	Client *http.Client // nil means http.DefaultClient
	// Header is added to every request, for credentials.
	Header http.Header
}

// Result says what is on the server now.
type Result struct {
	ExperimentID string `json:"experiment_id"`
	Runs         int    `json:"runs"`
	Traces       int    `json:"traces"`
	Already      bool   `json:"already"` // it was filled before; nothing changed
}

// Progress is told how many of total steps are done.
type Progress func(done, total int)

// Fill writes the sample as of now. It is safe to run again: a server that
// holds the whole sample is left as it is, one that holds part of it is
// completed.
func Fill(ctx context.Context, t Target, now time.Time, progress Progress) (Result, error) {
	if t.Client == nil {
		t.Client = http.DefaultClient
	}
	if progress == nil {
		progress = func(int, int) {}
	}
	s := newSample(now)
	res := Result{Runs: len(s.runs), Traces: len(s.traces)}
	exp, filled, err := t.experiment(ctx)
	if err != nil {
		return res, err
	}
	res.ExperimentID = exp
	if filled {
		res.Already = true
		return res, nil
	}
	steps := s.steps(t, exp)
	for i, step := range steps {
		if err := step(ctx); err != nil {
			return res, err
		}
		progress(i+1, len(steps))
	}
	// The mark comes last, so that an interrupted filling is taken up again.
	return res, t.mlflow(ctx, "POST", "experiments/set-experiment-tag",
		object{"experiment_id": exp, "key": "assay.sample", "value": "complete"}, nil)
}

type object map[string]any

// experiment finds or makes the sample's experiment.
func (t Target) experiment(ctx context.Context) (id string, filled bool, err error) {
	var got struct {
		Experiment struct {
			ID   string `json:"experiment_id"`
			Tags []struct{ Key, Value string }
		}
	}
	err = t.mlflow(ctx, "GET", "experiments/get-by-name?experiment_name="+url.QueryEscape(Experiment), nil, &got)
	if err == nil {
		for _, tag := range got.Experiment.Tags {
			filled = filled || tag.Key == "assay.sample" && tag.Value == "complete"
		}
		return got.Experiment.ID, filled, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return "", false, err
	}
	var made struct {
		ID string `json:"experiment_id"`
	}
	err = t.mlflow(ctx, "POST", "experiments/create", object{"name": Experiment, "tags": []object{
		{"key": "mlflow.note.content", "value": "A sample: a finance assistant that looks prices up with a tool. Made by `assay demo`."},
		{"key": "team", "value": "markets"},
	}}, &made)
	return made.ID, false, err
}

// mlflow makes one call of MLflow's API 2.0, or 3.0 when path begins so.
func (t Target) mlflow(ctx context.Context, method, path string, in, out any) error {
	version, rest := "2.0", path
	if after, ok := strings.CutPrefix(path, "3.0/"); ok {
		version, rest = "3.0", after
	}
	var payload []byte
	if in != nil {
		payload, _ = json.Marshal(in) // maps of plain values always encode
	}
	body, err := t.send(ctx, method, "/api/"+version+"/mlflow/"+rest, "application/json", nil, payload)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(body, out)
}

// send makes one request and turns the answer's error into a fault.
func (t Target) send(ctx context.Context, method, path, contentType string, header http.Header, payload []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(t.URL, "/")+path, bytes.NewReader(payload))
	if err != nil {
		return nil, fault.Invalidf("the server address %q is not a URL", t.URL)
	}
	req.Header = t.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if len(payload) > 0 {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := t.Client.Do(req)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, err
		}
		return nil, fault.Wrap(fault.Unavailable, "demo", err, "no server answers at %s: start one with `assay serve`", t.URL)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "demo", err, "the answer of %s broke off", path)
	}
	if resp.StatusCode < 300 {
		return body, nil
	}
	var e struct {
		Code    string `json:"error_code"`
		Message string
	}
	json.Unmarshal(body, &e)
	kind := fault.Unavailable
	switch {
	case e.Code == "RESOURCE_DOES_NOT_EXIST":
		kind = fault.NotFound
	case e.Code == "RESOURCE_ALREADY_EXISTS":
		kind = fault.Exists
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, fault.New(fault.Unauthenticated, "%s asks for credentials: set ASSAY_TOKEN to a service token", t.URL)
	case resp.StatusCode == http.StatusForbidden:
		kind = fault.Denied
	case resp.StatusCode < 500:
		kind = fault.Invalid
	}
	return nil, fault.New(kind, "%s %s answered %d: %s", method, path, resp.StatusCode, first(e.Message, string(body)))
}

func first(options ...string) string {
	for _, s := range options {
		if s != "" {
			return s[:min(len(s), 300)]
		}
	}
	return "nothing"
}

// ignoreExists lets a step be repeated.
func ignoreExists(err error) error {
	if fault.Is(err, fault.Exists) {
		return nil
	}
	return err
}

// steps lists the writes in an order in which each finds what it names.
func (s *sample) steps(t Target, exp string) []func(context.Context) error {
	steps := []func(context.Context) error{
		func(ctx context.Context) error { return t.registerPrompts(ctx) },
	}
	for _, r := range s.runs {
		steps = append(steps, func(ctx context.Context) (err error) {
			s.runIDs[r.name], err = t.writeRun(ctx, exp, r)
			return err
		})
	}
	for batch := range chunks(s.traces, 10) {
		steps = append(steps, func(ctx context.Context) error { return t.writeTraces(ctx, exp, s.runIDs, batch) })
	}
	steps = append(steps, func(ctx context.Context) error { return t.registerModel(ctx, s) })
	return steps
}

func chunks[T any](items []T, n int) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(items) > 0 {
			k := min(n, len(items))
			if !yield(items[:k]) {
				return
			}
			items = items[k:]
		}
	}
}

func millis(t time.Time) int64 { return t.UnixMilli() }

func tags(pairs ...string) []object {
	var out []object
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, object{"key": pairs[i], "value": pairs[i+1]})
	}
	return out
}

func usd(v float64) string { return fmt.Sprintf("$%s", comma(v)) }

// comma writes 2267 as 2,267.00.
func comma(v float64) string {
	s := fmt.Sprintf("%.2f", v)
	for i := len(s) - 6; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
