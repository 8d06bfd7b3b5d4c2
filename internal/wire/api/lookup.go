package api

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sync/errgroup"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// hit is something the palette's search found. What it was found by is in the
// name or in the detail, where the interface marks it.
type hit struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Name   string `json:"name"`
	Detail string `json:"detail"`
	TimeMS *int64 `json:"time_ms"`
}

// perKind is how many hits of a kind the palette shows.
const perKind = 8

// lookup finds what a pasted id names, and otherwise everything whose name or
// text holds q; kinds are asked at the same time.
func (h home) lookup(ctx context.Context, r *http.Request) (any, error) {
	q := strings.TrimSpace(r.URL.Query().Get("q"))
	if q == "" || len([]rune(q)) > 200 {
		return nil, fault.Invalidf("q must have 1 to 200 characters")
	}
	hits, err := h.byID(ctx, q)
	if err != nil {
		return nil, err
	}
	if _, number := strconv.ParseInt(q, 10, 64); len(hits) > 0 && number != nil {
		return map[string]any{"hits": hits}, nil
	}
	finders := append([]func(context.Context, string) ([]hit, error){h.experiments, h.runsNamed, h.registered, h.promptText, h.sessions, h.traceText}, h.server.finders...)
	found := make([][]hit, len(finders))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, find := range finders {
		group.Go(func() (err error) {
			found[i], err = find(within, q)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byID := hits
	hits = []hit{}
	seen := map[[2]string]bool{}
	for _, list := range append([][]hit{byID}, found...) {
		for _, x := range list {
			if key := [2]string{x.Kind, x.ID}; !seen[key] {
				seen[key] = true
				hits = append(hits, x)
			}
		}
	}
	return map[string]any{"hits": hits}, nil
}

// versionURI is how MLflow writes a version of a model or prompt.
var versionURI = regexp.MustCompile(`^(model|prompt)s:/+([^/@]+)(?:[/@](.+))?$`)

// byID finds what a pasted id names, whatever its kind; nothing is no error.
func (h home) byID(ctx context.Context, q string) (hits []hit, err error) {
	if id, err := trace.ParseID(q); err == nil {
		if info, err := h.traces.domain.Info(ctx, id); err == nil {
			hits = append(hits, hit{"trace", info.ID.String(), info.Name, info.RequestPreview, &info.RequestTime})
		}
	}
	if len(q) == 32 {
		if run, err := h.runs.domain.RunInfo(ctx, strings.ToLower(q)); err == nil {
			exp := h.runs.experiments.ExperimentName(ctx, strconv.FormatInt(run.Experiment, 10))
			hits = append(hits, hit{"run", run.ID, run.Name, exp, &run.StartTime})
		}
	}
	if strings.HasPrefix(q, "j-") {
		if j, err := h.jobs.engine.Get(ctx, q); err == nil {
			hits = append(hits, hit{"job", j.ID, j.Title, string(j.State), &j.CreatedAt})
		}
	}
	if id, err := strconv.ParseInt(q, 10, 64); err == nil {
		if e, err := h.runs.domain.Experiment(ctx, id); err == nil {
			hits = append(hits, hit{"experiment", q, e.Name, "experiment " + q, nil})
		}
	}
	if m := versionURI.FindStringSubmatch(q); m != nil {
		if model, err := h.registry.Model(ctx, m[2]); err == nil {
			hits = append(hits, hit{m[1], model.Name, model.Name, m[3], &model.Updated})
		}
	}
	return hits, nil
}

func (h home) experiments(ctx context.Context, q string) (hits []hit, err error) {
	found, _, err := h.runs.domain.ListExperiments(ctx, tracking.ExperimentList{Text: q, Sort: tracking.ByActivity, Desc: true, Limit: perKind})
	for _, e := range found {
		hits = append(hits, hit{"experiment", strconv.FormatInt(e.ID, 10), e.Name, strconv.FormatInt(e.Runs, 10) + " runs", e.Activity})
	}
	return hits, err
}

// holding is the filter for texts that hold q; "" if q cannot be written.
func holding(field, q string) string {
	quoted, err := quoteName("%" + q + "%")
	if err != nil {
		return ""
	}
	return field + " ILIKE " + quoted
}

func (h home) runsNamed(ctx context.Context, q string) (hits []hit, err error) {
	text := holding("attributes.run_name", q)
	if text == "" {
		return nil, nil
	}
	rq, err := h.runs.query(ctx, runQuery{Filter: text})
	if err != nil || len(rq.Experiments) == 0 {
		return nil, err
	}
	rq.Limit = perKind
	found, _, err := h.runs.domain.SearchRuns(ctx, rq)
	for _, run := range found {
		exp := h.runs.experiments.ExperimentName(ctx, strconv.FormatInt(run.Experiment, 10))
		hits = append(hits, hit{"run", run.ID, run.Name, exp, &run.StartTime})
	}
	return hits, err
}

// onlyPrompts is the clause that the registry wants for prompts.
const onlyPrompts = " AND tags.`" + registry.PromptTag + "` = 'true'"

func (h home) registered(ctx context.Context, q string) (hits []hit, err error) {
	text := holding("name", q)
	if text == "" {
		return nil, nil
	}
	for _, kind := range []string{"model", "prompt"} {
		search := registry.Search{Filter: text, Limit: perKind}
		if kind == "prompt" {
			search.Filter += onlyPrompts
		}
		found, _, err := h.registry.SearchModels(ctx, search)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			hits = append(hits, hit{kind, m.Name, m.Name, m.Description, &m.Updated})
		}
	}
	return hits, nil
}

// promptText finds prompts by the text of their templates.
func (h home) promptText(ctx context.Context, q string) (hits []hit, err error) {
	text := holding("tags.`"+registry.PromptTextTag+"`", q)
	if text == "" || len([]rune(q)) < 3 {
		return nil, nil
	}
	found, _, err := h.registry.SearchVersions(ctx, registry.Search{Filter: text + onlyPrompts, Limit: perKind})
	for _, v := range found {
		template := ""
		for _, t := range v.Tags {
			if t.Key == registry.PromptTextTag {
				template = t.Value
			}
		}
		hits = append(hits, hit{"prompt", v.Name, v.Name, "v" + strconv.FormatInt(v.Number, 10) + ": " + excerpt(template, q), &v.Updated})
	}
	return hits, err
}

func (h home) sessions(ctx context.Context, q string) (hits []hit, err error) {
	found, _, err := h.traces.domain.Sessions(ctx, tracing.SessionQuery{Text: q, Limit: perKind})
	for _, s := range found {
		hits = append(hits, hit{"session", s.ID, s.ID, s.FirstInput, &s.Last})
	}
	return hits, err
}

// snippetTime is how long the places of the words are looked for in payloads;
// past it a hit shows the beginning of its input.
const snippetTime = 200 * time.Millisecond

// traceText finds traces by full text, in any script.
func (h home) traceText(ctx context.Context, q string) (hits []hit, err error) {
	if len([]rune(q)) < 2 && !strings.ContainsFunc(q, func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
	}) {
		return nil, nil
	}
	page, err := h.traces.domain.Search(ctx, tracing.Search{Query: tracing.Query{Text: q}, Limit: perKind, Bare: true})
	if err != nil {
		return nil, err
	}
	word := strings.Trim(strings.Fields(q)[0], `"“”`)
	within, done := context.WithTimeout(ctx, snippetTime)
	defer done()
	for _, info := range page.Infos {
		shown := ""
		for _, text := range []string{info.RequestPreview, info.ResponsePreview, info.Name} {
			if shown == "" && index([]rune(text), []rune(word)) >= 0 {
				shown = excerpt(text, word)
			}
		}
		if shown == "" && within.Err() == nil {
			if matches, _, err := h.traces.domain.SearchSpans(within, info.ID, word, 1, ""); err == nil && len(matches) > 0 {
				shown = excerpt(matches[0].Snippet, word)
			}
		}
		if shown == "" {
			shown = excerpt(info.RequestPreview, word)
		}
		hits = append(hits, hit{"trace", info.ID.String(), info.Name, shown, &info.RequestTime})
	}
	return hits, nil
}

// excerpt is up to 120 characters of text around the first place of word, on
// one line.
func excerpt(text, word string) string {
	const before, most = 16, 120
	runes := []rune(strings.Join(strings.Fields(text), " "))
	from := max(0, index(runes, []rune(word))-before)
	to := min(len(runes), from+most)
	out := string(runes[from:to])
	if from > 0 {
		out = "…" + out
	}
	if to < len(runes) {
		out += "…"
	}
	return out
}

// index is where word begins in text, letter case aside; -1 is nowhere.
func index(text, word []rune) int {
	if len(word) == 0 {
		return -1
	}
next:
	for i := 0; i+len(word) <= len(text); i++ {
		for j, r := range word {
			if text[i+j] != r && unicode.ToLower(text[i+j]) != unicode.ToLower(r) {
				continue next
			}
		}
		return i
	}
	return -1
}
