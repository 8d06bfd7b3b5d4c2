package mcp

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/stats"
	"github.com/assayhq/assay/internal/tracing"
)

// maxScored is how many traces one summary reads.
const maxScored = 2000

func (s *Server) scoreTools() []tool {
	return []tool{{"list_scores", "Summary of scores", "Scores (feedback of people, judges and code) of the traces that match, by name and source: how many, mean with its 95 % interval, or how often each value. The newest traces are read, up to 2,000.",
		slices.Concat(traceQuery, []param{{name: "name", kind: text, about: "Only the score of this name", max: 250}, sizeParam}), s.listScores}}
}

// tally is what is known of one score.
type tally struct {
	name, source string
	numbers      []float64
	yes, no      int
	values       map[string]int
	failed       int
	traces       map[string]bool
}

func (s *Server) listScores(ctx context.Context, a args) (*answer, error) {
	q, err := s.query(a)
	if err != nil {
		return nil, err
	}
	tallies := map[[2]string]*tally{}
	seen, token := 0, ""
	for seen < maxScored {
		found, err := s.cfg.Tracing.Search(ctx, tracing.Search{Query: q, Limit: 500, Token: token})
		if err != nil {
			return nil, err
		}
		for i := range found.Infos {
			count(tallies, &found.Infos[i], a.text("name"))
		}
		seen += len(found.Infos)
		if token = found.Next; token == "" {
			break
		}
	}
	list := make([]*tally, 0, len(tallies))
	for _, t := range tallies {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *tally) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.source, b.source)) })
	w := newAnswer(a)
	w.set("traces_read", seen)
	if token != "" {
		w.omit("traces older than the newest %d that match: narrow the time or the filter", seen)
	}
	took := w.rows("scores", len(list), func(i int) any { return list[i].row() })
	if took < len(list) {
		w.omit("%d of %d scores: name one, or raise max_characters", len(list)-took, len(list))
	}
	return w, nil
}

func count(tallies map[[2]string]*tally, i *tracing.Info, only string) {
	for _, x := range i.Assessments {
		if !x.Valid || x.Kind != tracing.Feedback || only != "" && x.Name != only {
			continue
		}
		key := [2]string{x.Name, strings.ToLower(x.Source.Type)}
		t := tallies[key]
		if t == nil {
			t = &tally{name: key[0], source: key[1], values: map[string]int{}, traces: map[string]bool{}}
			tallies[key] = t
		}
		t.traces[i.ID.String()] = true
		t.add(x)
	}
}

func (t *tally) add(x tracing.Assessment) {
	var v any
	if x.Error != nil || json.Unmarshal(x.Value, &v) != nil || v == nil {
		t.failed++
		return
	}
	switch v := v.(type) {
	case bool:
		if v {
			t.yes++
		} else {
			t.no++
		}
	case float64:
		t.numbers = append(t.numbers, v)
	case string:
		t.values[clip(v, 80)]++
	default:
		t.values["(structured)"]++
	}
}

// mostValues is how many distinct values of one score are counted apart.
const mostValues = 20

func (t *tally) row() row {
	r := row{"name": clip(t.name, 250), "source": t.source, "traces": len(t.traces)}.put("missing_or_failed", t.failed)
	if n := len(t.numbers); n > 0 {
		iv := stats.MeanInterval(t.numbers, 0.95)
		r["n"], r["mean"], r["min"], r["max"] = n, number(iv.Estimate), number(slices.Min(t.numbers)), number(slices.Max(t.numbers))
		if !math.IsNaN(iv.Low) {
			r["mean_95"] = []any{number(iv.Low), number(iv.High)}
		}
	}
	if n := t.yes + t.no; n > 0 {
		iv := stats.Proportion(t.yes, n, 0.95)
		r["true"], r["false"], r["share_true"], r["share_true_95"] = t.yes, t.no, number(iv.Estimate), []any{number(iv.Low), number(iv.High)}
	}
	if len(t.values) == 0 {
		return r
	}
	keys := make([]string, 0, len(t.values))
	for k := range t.values {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(t.values[b]-t.values[a], cmp.Compare(a, b)) })
	shown := map[string]int{}
	for _, k := range keys[:min(len(keys), mostValues)] {
		shown[k] = t.values[k]
	}
	r["values"] = shown
	return r.put("more_values", max(0, len(keys)-mostValues))
}
