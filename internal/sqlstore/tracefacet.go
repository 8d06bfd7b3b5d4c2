package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
)

// Bounds of counting.
const (
	maxCounted  = 2_000_000 // rows of the index
	maxGathered = 10_000    // rows that must be looked at
	maxFaceted  = 5_000     // newest matches that facets are counted over
	maxLabels   = 2_000     // values of a field
)

// Count implements [tracing.SearchStore].
func (st *Traces) Count(ctx context.Context, q tracing.Query) (n int64, exact bool, err error) {
	p, err := st.plan(ctx, &q)
	if err != nil || p.nothing {
		return 0, true, err
	}
	if p.checked() || len(p.terms) > 0 {
		found, all, err := p.gather(ctx, maxGathered)
		return int64(len(found)), all, err
	}
	where, args := p.where(p.only())
	err = st.index.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM trace WHERE %s LIMIT %d) AS a`, where, maxCounted), args, &n)
	return n, n < maxCounted, err
}

// only is the one experiment a plan is about, or -1.
func (p *tracePlan) only() int64 {
	if len(p.experiments) == 1 {
		return p.experiments[0]
	}
	return -1
}

// gather collects up to limit matches, newest first.
func (p *tracePlan) gather(ctx context.Context, limit int) ([]*headerRow, bool, error) {
	s := &traceSearch{plan: p, deadline: time.Now().Add(searchTime)}
	return s.matches(ctx, limit)
}

// Histogram implements [tracing.SearchStore].
func (st *Traces) Histogram(ctx context.Context, q tracing.Query, buckets int) (tracing.Histogram, error) {
	h := tracing.Histogram{OK: []int64{}, Error: []int64{}, Running: []int64{}}
	p, err := st.plan(ctx, &q)
	if err != nil || p.nothing {
		return h, err
	}
	if p.checked() || len(p.terms) > 0 {
		rows, _, err := p.gather(ctx, maxGathered)
		if err != nil || len(rows) == 0 {
			return h, err
		}
		from, to := q.From, q.To-1
		if from == 0 {
			from = slices.MinFunc(rows, func(a, b *headerRow) int { return cmp.Compare(a.RequestTime, b.RequestTime) }).RequestTime
		}
		if q.To == 0 {
			to = slices.MaxFunc(rows, func(a, b *headerRow) int { return cmp.Compare(a.RequestTime, b.RequestTime) }).RequestTime
		}
		shapeHistogram(&h, from, to, buckets)
		for _, r := range rows {
			n, _ := tracing.StateNumber(r.State)
			countBucket(&h, (r.RequestTime-h.Start)/h.Width, n, 1)
		}
		return h, nil
	}
	if len(q.Filter) == 0 && q.Run == "" && q.Session == "" {
		if may, err := st.bySums(ctx, q.From, q.To); err != nil || may {
			rolled, ok, err := st.rolledHistogram(ctx, &q, buckets)
			if ok || err != nil {
				return rolled, err
			}
		}
	}
	where, args := p.where(p.only())
	var from, to *int64
	if err := st.index.QueryRow(ctx, `SELECT min(start_ms), max(start_ms) FROM trace WHERE `+where, args, &from, &to); err != nil || from == nil {
		return h, err
	}
	if q.From != 0 {
		from = &q.From
	}
	if q.To != 0 {
		*to = q.To - 1
	}
	shapeHistogram(&h, *from, *to, buckets)
	err = st.index.Each(ctx, fmt.Sprintf(`SELECT (start_ms - %d) / %d, state, count(*) FROM trace WHERE %s GROUP BY 1, 2`, h.Start, h.Width, where), args,
		func(scan func(...any) error) error {
			var bucket, n int64
			var state int
			err := scan(&bucket, &state, &n)
			countBucket(&h, bucket, state, n)
			return err
		})
	return h, err
}

// widths are the bucket widths a person reads easily.
var widths = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute,
	10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour,
}

// shapeHistogram picks the narrowest round width that covers [from, to] in at
// most buckets buckets.
func shapeHistogram(h *tracing.Histogram, from, to int64, buckets int) {
	to = max(to, from)
	fits := func(w int64) bool { return to/w-from/w < int64(buckets) }
	for _, w := range widths {
		if h.Width = w.Milliseconds(); fits(h.Width) {
			break
		}
	}
	for !fits(h.Width) {
		h.Width *= 2
	}
	h.Start = from / h.Width * h.Width
	n := to/h.Width - from/h.Width + 1
	h.OK, h.Error, h.Running = make([]int64, n), make([]int64, n), make([]int64, n)
}

func countBucket(h *tracing.Histogram, bucket int64, state int, n int64) {
	if bucket < 0 || bucket >= int64(len(h.OK)) {
		return
	}
	switch tracing.States[state] {
	case tracing.StateOK:
		h.OK[bucket] += n
	case tracing.StateError:
		h.Error[bucket] += n
	default:
		h.Running[bucket] += n
	}
}

// Facets implements [tracing.SearchStore].
func (st *Traces) Facets(ctx context.Context, q tracing.Query, fields []string, values int) ([]tracing.Facet, bool, error) {
	for _, f := range fields {
		if !slices.Contains(tracing.FacetFields, f) && !strings.HasPrefix(f, "tag.") {
			return nil, false, fault.Invalidf("there is no facet %q; use one of %s or tag.<key>", clip(f), strings.Join(tracing.FacetFields, ", "))
		}
	}
	p, err := st.plan(ctx, &q)
	if err != nil {
		return nil, false, err
	}
	var rows []*headerRow
	exact := true
	if !p.nothing {
		if rows, exact, err = p.gather(ctx, maxFaceted); err != nil {
			return nil, false, err
		}
	}
	facets := make([]tracing.Facet, 0, len(fields))
	for _, f := range fields {
		counts, err := st.facet(ctx, f, rows)
		if err != nil {
			return nil, false, err
		}
		facets = append(facets, facetOf(f, counts, values))
	}
	return facets, exact, nil
}

func facetOf(field string, counts map[string]int64, values int) tracing.Facet {
	facet := tracing.Facet{Field: field, Values: make([]tracing.FacetValue, 0, len(counts))}
	for v, n := range counts {
		facet.Values = append(facet.Values, tracing.FacetValue{Value: v, Count: n})
	}
	slices.SortFunc(facet.Values, func(a, b tracing.FacetValue) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value))
	})
	if len(facet.Values) > values {
		facet.Values, facet.More = facet.Values[:values], true
	}
	return facet
}

var facetLabels = map[string]tracing.LabelKind{
	"provider": tracing.LabelProvider, "tool": tracing.LabelTool, "agent": tracing.LabelAgent, "model": tracing.LabelModel,
}

// facet counts the values of one field among rows.
func (st *Traces) facet(ctx context.Context, field string, rows []*headerRow) (map[string]int64, error) {
	if kind, ok := facetLabels[field]; ok {
		return st.labelFacet(ctx, kind, rows)
	}
	counts := map[string]int64{}
	for _, h := range rows {
		var v string
		switch field {
		case "status":
			v = string(h.State)
		case "name":
			v = h.Name
		case "user":
			v = h.User
		case "session":
			v = h.Session
		case "experiment":
			v = h.Experiment
		default:
			v = h.Tags[strings.TrimPrefix(field, "tag.")]
		}
		if v != "" {
			counts[v]++
		}
	}
	return counts, nil
}

// labelFacet counts labels of the spans' facts among rows.
func (st *Traces) labelFacet(ctx context.Context, kind tracing.LabelKind, rows []*headerRow) (map[string]int64, error) {
	counts := map[string]int64{}
	if len(rows) == 0 {
		return counts, nil
	}
	wanted := make(map[int64]bool, len(rows))
	low, high := rows[0].n, rows[0].n
	for _, h := range rows {
		wanted[h.n] = true
		low, high = min(low, h.n), max(high, h.n)
	}
	names := map[int64]string{}
	err := st.index.Each(ctx, `SELECT n, value FROM label WHERE kind = ? AND key = '' LIMIT ?`, []any{int(kind), maxLabels}, func(scan func(...any) error) error {
		var n int64
		var v string
		err := scan(&n, &v)
		names[n] = v
		return err
	})
	if err != nil {
		return nil, err
	}
	for label, name := range names {
		err := st.index.Each(ctx, `SELECT trace FROM trace_label WHERE label = ? AND trace >= ? AND trace <= ? ORDER BY trace DESC LIMIT ?`,
			[]any{label, low, high, 20 * maxFaceted}, func(scan func(...any) error) error {
				var n int64
				err := scan(&n)
				if wanted[n] {
					counts[name]++
				}
				return err
			})
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}
