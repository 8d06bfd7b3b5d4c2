package normalise

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/trace"
)

// row is what a golden file keeps of a span: what is known, nothing else.
type row struct {
	Name     string    `json:"name"`
	Columns  columns   `json:"columns"`
	Messages []Message `json:"messages,omitempty"`
}

type columns struct {
	Dialect, Type, Model, Provider, Session, User, Agent, Tool, Node string           `json:",omitempty"`
	Tokens                                                           map[string]int64 `json:",omitempty"`
	Cost                                                             map[string]int64 `json:",omitempty"`
	Aggregate                                                        bool             `json:",omitempty"`
	Input, Output                                                    string           `json:",omitempty"`
}

type golden struct {
	Spans []row            `json:"spans"`
	Total map[string]int64 `json:"total"`
}

func known(names string, counts ...int64) map[string]int64 {
	m := map[string]int64{}
	for i, name := range strings.Fields(names) {
		if counts[i] >= 0 {
			m[name] = counts[i]
		}
	}
	return m
}

func tokenMap(t trace.Tokens) map[string]int64 {
	return known("input output total cacheRead cacheWrite reasoning", t.Input, t.Output, t.Total, t.CacheRead, t.CacheWrite, t.Reasoning)
}

func readSpans(t testing.TB, file string) []trace.Span {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	req, err := trace.ParseRequestJSON(body)
	if err != nil || req.Rejected > 0 {
		t.Fatalf("%v, %s", err, req.Reason)
	}
	return req.Spans
}

func fixtures(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	var out []string
	for _, f := range files {
		if !strings.HasSuffix(f, ".golden.json") {
			out = append(out, f)
		}
	}
	return out
}

// TestFixtures compares each dialect's spans with what they must become.
// ASSAY_UPDATE=1 rewrites the goldens; read the difference before committing.
func TestFixtures(t *testing.T) {
	n := New()
	for _, file := range fixtures(t) {
		t.Run(file, func(t *testing.T) {
			spans := readSpans(t, file)
			var got golden
			for i := range spans {
				s := &spans[i]
				n.Apply(s)
				c := s.Columns
				if c.Version != Version {
					t.Errorf("version %d", c.Version)
				}
				got.Spans = append(got.Spans, row{s.Name, columns{
					c.Dialect, c.Type, c.Model, c.Provider, c.Session, c.User, c.Agent, c.Tool, c.Node,
					tokenMap(c.Tokens), known("input output total", c.Cost.Input, c.Cost.Output, c.Cost.Total),
					c.Aggregate, c.Input, c.Output,
				}, Messages(s)})
			}
			tokens, cost := Totals(spans)
			got.Total = tokenMap(tokens)
			if cost.Total >= 0 {
				got.Total["cost"] = cost.Total
			}
			var text bytes.Buffer
			enc := json.NewEncoder(&text)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", " ")
			if err := enc.Encode(got); err != nil {
				t.Fatal(err)
			}
			path := strings.TrimSuffix(file, ".json") + ".golden.json"
			if os.Getenv("ASSAY_UPDATE") != "" {
				if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(text.Bytes(), want) {
				t.Errorf("differs from %s; got\n%s", path, text.Bytes())
			}
		})
	}
}
