package app

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/alert"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracing"
)

// measures reads the signals of alert rules from traces.
type measures struct {
	tracing     *tracing.Service
	experiments experiments
	// stall is how long a trace is silent before it is marked: one that is
	// stalled began at least so long ago.
	stall time.Duration
}

// scopeFilter is the filter of traces that means a scope, "" for all.
func scopeFilter(s alert.Scope) string {
	field := map[alert.Dimension]string{
		alert.ByModel: "span.model", alert.ByNode: "span.node", alert.ByTool: "span.tool", alert.ByName: "trace.name",
		alert.ByUser: "metadata.`" + tracing.MetaUser + "`", alert.ByVersion: "tag.`service.version`",
		alert.ByTag: "tag.`" + s.Key + "`",
	}[s.Dimension]
	if field == "" {
		return ""
	}
	return field + " = '" + strings.ReplaceAll(s.Value, "'", "''") + "'"
}

// linkTo is the path of the page that lists what a reading is about.
func linkTo(workspace string, m alert.Measurement, from, to int64) string {
	clauses, sort := []string{}, ""
	if f := scopeFilter(m.Scope); f != "" {
		clauses = append(clauses, f)
	}
	switch m.Signal {
	case alert.ErrorRate:
		clauses = append(clauses, "status = 'ERROR'")
	case alert.Stalled:
		clauses = append(clauses, "tag.`"+tracing.TagStalled+"` IS NOT NULL")
	case alert.Loops:
		clauses = append(clauses, "tag.`"+tracing.TagLoop+"` IS NOT NULL")
	case alert.Score:
		clauses = append(clauses, "feedback.`"+m.Score+"` IS NOT NULL")
	case alert.LatencyP50, alert.LatencyP95, alert.LatencyP99:
		sort = "-duration"
	case alert.Cost, alert.CostPer1000:
		sort = "-cost"
	case alert.Tokens:
		sort = "-tokens"
	}
	q := url.Values{"from": {strconv.FormatInt(from, 10)}, "to": {strconv.FormatInt(to, 10)}}
	if len(clauses) > 0 {
		q.Set("q", strings.Join(clauses, " AND "))
	}
	if len(m.Experiments) > 0 {
		q.Set("exp", strings.Join(m.Experiments, ","))
	}
	if sort != "" {
		q.Set("sort", sort)
	}
	return "/w/" + url.PathEscape(workspace) + "/traces?" + q.Encode()
}

// ScopeName implements [alert.Measurer].
func (m measures) ScopeName(ctx context.Context, s alert.Scope) string {
	name := "all experiments"
	if len(s.Experiments) > 0 {
		var names []string
		for _, id := range s.Experiments[:min(len(s.Experiments), 3)] {
			names = append(names, cmp.Or(m.experiments.ExperimentName(ctx, id), id))
		}
		name = "experiment " + strings.Join(names, ", ")
		if more := len(s.Experiments) - len(names); more > 0 {
			name += fmt.Sprintf(" and %d more", more)
		}
	}
	switch s.Dimension {
	case alert.Everything:
		return name
	case alert.ByTag:
		return fmt.Sprintf("%s with tag %s = %s", name, s.Key, s.Value)
	case alert.ByName:
		return fmt.Sprintf("%s named %s", name, s.Value)
	}
	return fmt.Sprintf("%s with %s %s", name, s.Dimension, s.Value)
}

// maxMeasured bounds the traces that one call reads.
const maxMeasured = 50_000

// sample is what one trace contributes.
type sample struct {
	at       int64
	ended    bool
	failed   bool
	duration int64 // milliseconds; -1 unknown
	cost     int64 // pico-dollars; -1 unknown
	tokens   int64 // -1 unknown
	scores   []float64
	stalled  bool
	loop     bool
}

// Measure implements [alert.Measurer]: from what monitoring has summed up,
// where that says it exactly, else from the traces themselves.
func (m measures) Measure(ctx context.Context, q alert.Measurement, end, step int64, n int) ([]alert.Reading, error) {
	window := q.Window.Milliseconds()
	if q.Signal == alert.Stalled {
		window += (m.stall + time.Minute - 1).Milliseconds() / minute * minute
	}
	end = (end + minute - 1) / minute * minute // the minute that has begun counts
	out, exact, err := m.monitored(ctx, q, end, step, window, n)
	if err == nil && !exact {
		out, err = m.sampled(ctx, q, end, step, window, n)
	}
	if err != nil {
		return nil, err
	}
	for i := range out {
		to := end + step*int64(i)
		out[i].Link = linkTo(caller.Workspace(ctx), q, to-window, to)
	}
	return out, nil
}

const minute = int64(time.Minute / time.Millisecond)

// sampled reads traces one by one.
func (m measures) sampled(ctx context.Context, q alert.Measurement, end, step, window int64, n int) ([]alert.Reading, error) {
	samples, err := m.samples(ctx, q, end-window, end+step*int64(n-1))
	if err != nil {
		return nil, err
	}
	out := make([]alert.Reading, n)
	lo, hi := 0, 0
	for i := range out {
		to := end + step*int64(i)
		for hi < len(samples) && samples[hi].at < to {
			hi++
		}
		for lo < hi && samples[lo].at < to-window {
			lo++
		}
		out[i] = read(q, samples[lo:hi])
	}
	return out, nil
}

// samples reads the traces of [from, to), oldest first.
func (m measures) samples(ctx context.Context, q alert.Measurement, from, to int64) ([]sample, error) {
	expr, err := filter.Parse(filter.Traces, scopeFilter(q.Scope))
	if err != nil {
		return nil, err
	}
	search := tracing.Search{Query: tracing.Query{Experiments: q.Experiments, Filter: expr, From: from, To: to}, Limit: 1000, Bare: q.Signal != alert.Score}
	var all []sample
	for {
		page, err := m.tracing.Search(ctx, search)
		if err != nil {
			return nil, err
		}
		for i := range page.Infos {
			all = append(all, sampleOf(&page.Infos[i], q.Score))
		}
		if page.Next == "" {
			slices.SortFunc(all, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
			return all, nil
		}
		if len(all) >= maxMeasured {
			return nil, fault.New(fault.TooLarge, "the window holds more than %d traces; choose a shorter one", maxMeasured)
		}
		search.Token = page.Next
	}
}

func sampleOf(info *tracing.Info, score string) sample {
	s := sample{at: info.RequestTime, ended: info.State == tracing.StateOK || info.State == tracing.StateError, failed: info.State == tracing.StateError,
		duration: info.Duration, cost: info.Cost.Total, tokens: info.Tokens.Total,
		stalled: info.Tags[tracing.TagStalled] != "", loop: info.Tags[tracing.TagLoop] != ""}
	for i := range info.Assessments {
		if a := &info.Assessments[i]; a.Valid && a.Name == score {
			if v, ok := a.Number(); ok {
				s.scores = append(s.scores, v)
			}
		}
	}
	return s
}

// read folds the samples of one window.
func read(q alert.Measurement, window []sample) alert.Reading {
	var values []float64
	known := func(v int64, scale float64) {
		if v >= 0 {
			values = append(values, float64(v)/scale)
		}
	}
	for i := range window {
		switch s := &window[i]; q.Signal {
		case alert.ErrorRate:
			if s.ended {
				values = append(values, truth(s.failed))
			}
		case alert.LatencyP50, alert.LatencyP95, alert.LatencyP99:
			known(s.duration, 1)
		case alert.Cost, alert.CostPer1000:
			known(s.cost, 1e12)
		case alert.Tokens:
			known(s.tokens, 1)
		case alert.Score:
			values = append(values, s.scores...)
		case alert.Volume:
			values = append(values, 1)
		case alert.Stalled:
			values = append(values, truth(s.stalled))
		case alert.Loops:
			values = append(values, truth(s.loop))
		}
	}
	r := alert.Reading{N: int64(len(values)), Value: math.NaN()}
	if q.Signal == alert.Cost || q.Signal == alert.CostPer1000 || q.Signal == alert.Tokens {
		r.N = int64(len(window)) // also those that cost nothing
	}
	if q.Signal == alert.Stalled || q.Signal == alert.Loops {
		r.N = 0 // the marked ones alone, below
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	switch {
	case len(values) == 0:
		if q.Signal.Sum() && len(window) == 0 {
			r.Value = 0 // no traces: nothing was spent
		}
	case q.Signal.Sum():
		r.Value = sum
		if r.N == 0 {
			r.N = int64(sum)
		}
	case q.Signal == alert.CostPer1000:
		r.Value = ratio(sum*1000, r.N)
	case q.Signal == alert.LatencyP50, q.Signal == alert.LatencyP95, q.Signal == alert.LatencyP99:
		slices.Sort(values)
		p := quantiles[q.Signal]
		r.Value = values[int(math.Ceil(p*float64(len(values))))-1]
	default:
		r.Value = sum / float64(len(values))
	}
	return r
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
