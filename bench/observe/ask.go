package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// asker asks questions of one store.
type asker struct {
	cfg     *config
	service *tracing.Service
	st      *sqlstore.Traces
	end     time.Time
	one     []string // experiment
	ids     []trace.ID
	missed  int
}

// ask prints how long the questions of the pages take.
func ask(ctx context.Context, cfg *config) error {
	started := time.Now()
	st, service, err := open(ctx, cfg.data, time.Now)
	if err != nil {
		return err
	}
	defer st.Close()
	fmt.Printf("opened in %v\n", time.Since(started).Round(time.Millisecond))
	a := &asker{cfg: cfg, service: service, st: st}
	newest, err := service.Search(ctx, tracing.Search{Limit: 1000, Bare: true})
	if err != nil || len(newest.Infos) == 0 {
		return fmt.Errorf("%s holds no traces: %w", cfg.data, err)
	}
	a.end = time.UnixMilli(newest.Infos[0].RequestTime).Add(time.Minute)
	a.one = []string{newest.Infos[0].Experiment}
	for _, run := range []func(context.Context) error{a.lists, a.texts, a.byID, a.dashboards, a.others} {
		if err := run(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("%d of the bars missed\n", a.missed)
	return nil
}

// time runs fn a number of times and holds its 95th percentile against the
// bar; 0 is no bar.
func (a *asker) time(name string, bar time.Duration, fn func() (string, error)) error {
	if !strings.Contains(name, a.cfg.only) {
		return nil
	}
	var times []time.Duration
	said := ""
	for range a.cfg.repeats {
		start := time.Now()
		var err error
		if said, err = fn(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		times = append(times, time.Since(start))
	}
	first := times[0]
	slices.Sort(times)
	p95 := times[min(len(times)-1, len(times)*95/100)]
	verdict := ""
	if bar > 0 {
		verdict = fmt.Sprintf("bar %v ok", bar)
		if p95 > bar {
			a.missed++
			verdict = fmt.Sprintf("bar %v MISSED", bar)
		}
	}
	fmt.Printf("%-44s p50 %8.1f ms  p95 %8.1f ms  first %8.1f ms  %s  %s\n", name, ms(times[len(times)/2]), ms(p95), ms(first), said, verdict)
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (a *asker) search(name, text, words, order string, experiments []string, bar time.Duration) error {
	f, err := filter.Parse(filter.Traces, text)
	if err != nil {
		return err
	}
	q := tracing.Search{Query: tracing.Query{Experiments: experiments, Filter: f, Text: words}, Limit: 100}
	if order != "" {
		q.Order = []filter.Order{{Field: filter.Field{Group: filter.Attribute, Key: order}, Desc: true}}
	}
	return a.time(name, bar, func() (string, error) {
		page, err := a.service.Search(context.Background(), q)
		for _, i := range page.Infos {
			if len(a.ids) < 5000 {
				a.ids = append(a.ids, i.ID)
			}
		}
		return fmt.Sprintf("%d found", len(page.Infos)), err
	})
}

const listBar = 80 * time.Millisecond

func (a *asker) lists(context.Context) error {
	hour := a.end.Add(-10 * 24 * time.Hour).UnixMilli()
	for _, q := range []struct{ name, filter, order string }{
		{name: "newest"}, {name: "status", filter: "status = 'ERROR'"}, {name: "common tag", filter: "tags.env = 'prod'"},
		{name: "status and tag", filter: "status = 'ERROR' AND tags.env = 'prod'"}, {name: "rare tag", filter: "tags.rare = 'r77'"},
		{name: "tag pattern", filter: "tags.rare LIKE 'r77%'"}, {name: "name", filter: "name = 'assist'"}, {name: "no such name", filter: "name = 'none'"},
		{name: "model", filter: "span.model = 'gpt-4o'"}, {name: "model and error", filter: "span.model = 'gpt-4o' AND status = 'ERROR'"},
		{name: "failing tool", filter: "span.name = 'search' AND span.status = 'ERROR'"}, {name: "error type", filter: "span.error_type = 'ValueError'"},
		{name: "tool", filter: "span.tool = 'lookup'"}, {name: "slow", filter: "execution_time_ms > 4000", order: "execution_time_ms"},
		{name: "slow, newest first", filter: "execution_time_ms > 4000"}, {name: "session", filter: "metadata.`mlflow.trace.session` = 'c77'"},
		{name: "user", filter: "metadata.`mlflow.trace.user` = 'user77'"}, {name: "version", filter: "tags.`gen_ai.agent.version` = '1.4.1'"},
		{name: "score", filter: "feedback.helpful < 0.4"}, {name: "dearest", order: "cost"}, {name: "most tokens", order: "tokens"},
		{name: "an hour of long ago", filter: fmt.Sprintf("timestamp_ms >= %d AND timestamp_ms < %d AND status = 'ERROR'", hour, hour+3600e3)},
		{name: "an hour, and tag", filter: fmt.Sprintf("timestamp_ms >= %d AND timestamp_ms < %d AND tags.env = 'dev'", hour, hour+3600e3)},
	} {
		for scope, experiments := range map[string][]string{"all": nil, "one": a.one} {
			if err := a.search("list, "+scope+": "+q.name, q.filter, "", q.order, experiments, listBar); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *asker) texts(context.Context) error {
	const bar = 400 * time.Millisecond
	for _, q := range []struct{ name, words string }{
		{"rare word", "unicorn77"}, {"word of one in a thousand", "needle77"}, {"common word", "commonly"}, {"two words", "commonly needle500"},
		{"two rare words", "needle500 unicorn1500"}, {"phrase", `"commonly needle77"`}, {"no such word", "nowhereatall"}, {"frequent word", "babaca"},
	} {
		for scope, experiments := range map[string][]string{"all": nil, "one": a.one} {
			if err := a.search("text, "+scope+": "+q.name, "", q.words, "", experiments, bar); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *asker) byID(ctx context.Context) error {
	const bar = 50 * time.Millisecond
	// From every day, so that partitions are opened on the way.
	var ids []trace.ID
	for d := range 30 {
		at := a.end.Add(-time.Duration(d) * 24 * time.Hour).UnixMilli()
		page, err := a.service.Search(ctx, tracing.Search{Query: tracing.Query{From: at - 12*3600e3, To: at}, Limit: 10, Bare: true})
		if err != nil {
			return err
		}
		for _, i := range page.Infos {
			ids = append(ids, i.ID)
		}
	}
	i := 0
	next := func() trace.ID { i += 7; return ids[i%len(ids)] }
	if err := a.time("trace by id: header and shape", bar, func() (string, error) {
		id := next()
		if _, err := a.service.Info(ctx, id); err != nil {
			return "", err
		}
		sk, err := a.service.Skeleton(ctx, id)
		return fmt.Sprintf("%d spans", len(sk.IDs)), err
	}); err != nil {
		return err
	}
	return a.time("trace by id: all of it", bar, func() (string, error) {
		n := 0
		for _, err := range a.service.Spans(ctx, next()) {
			if err != nil {
				return "", err
			}
			n++
		}
		return fmt.Sprintf("%d spans", n), nil
	})
}

func (a *asker) dashboards(ctx context.Context) error {
	const bar = 500 * time.Millisecond
	for _, by := range []string{"total", "experiment", "name", "version", "user", "state", "tag.env", "tag.rare", "model", "provider", "node", "tool", "agent", "type", "span", "error", "score"} {
		for scope, experiments := range map[string][]string{"all": nil, "one": a.one} {
			q := tracing.MonitorQuery{Experiments: experiments, By: by, From: a.end.Add(-month).UnixMilli(), To: a.end.UnixMilli()}
			if err := a.time("month, "+scope+", by "+by, bar, func() (string, error) {
				m, err := a.service.Monitor(ctx, q)
				if err != nil {
					return "", err
				}
				return fmt.Sprintf("%d traces, %d series", m.Whole.Total.Traces, len(m.Series)), nil
			}); err != nil {
				return err
			}
		}
	}
	day := tracing.MonitorQuery{By: "model", From: a.end.Add(-24 * time.Hour).UnixMilli(), To: a.end.UnixMilli()}
	return a.time("day, all, by model", bar, func() (string, error) {
		m, err := a.service.Monitor(ctx, day)
		return fmt.Sprintf("%d series", len(m.Series)), err
	})
}

func (a *asker) others(ctx context.Context) error {
	const bar = 500 * time.Millisecond
	q := tracing.Query{From: a.end.Add(-month).UnixMilli(), To: a.end.UnixMilli()}
	for _, x := range []struct {
		name string
		bar  time.Duration
		run  func() (string, error)
	}{
		{"home: summary of a month", bar, func() (string, error) {
			s, err := a.service.Summary(ctx, q.From, q.To)
			return fmt.Sprintf("%d traces", s.Traces), err
		}},
		{"home: histogram of a month", bar, func() (string, error) {
			h, err := a.service.Histogram(ctx, q, 48)
			return fmt.Sprintf("%d bars", len(h.OK)), err
		}},
		{"traces: histogram, no range", bar, func() (string, error) {
			h, err := a.service.Histogram(ctx, tracing.Query{}, 90)
			return fmt.Sprintf("%d bars", len(h.OK)), err
		}},
		{"traces: count", bar, func() (string, error) {
			n, exact, err := a.service.Count(ctx, tracing.Query{})
			return fmt.Sprint(n, " ", exact), err
		}},
		{"traces: facets", bar, func() (string, error) {
			f, _, err := a.service.Facets(ctx, tracing.Query{}, nil, 10)
			return fmt.Sprintf("%d fields", len(f)), err
		}},
		{"sessions", bar, func() (string, error) {
			s, _, err := a.service.Sessions(ctx, tracing.SessionQuery{})
			return fmt.Sprintf("%d found", len(s)), err
		}},
	} {
		if err := a.time(x.name, x.bar, x.run); err != nil {
			return err
		}
	}
	return nil
}
