package tracking

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/assayhq/assay/internal/fault"
)

// Curve is one metric of one run, thinned for drawing.
type Curve struct {
	RunID    string
	Key      string
	Points   []Metric // by step, then timestamp
	Total    int64    // points before thinning
	Last     Metric
	Min, Max float64 // of the finite values; NaN without any
}

// CurveQuery selects curves. Steps outside [FromStep, ToStep] are left out.
type CurveQuery struct {
	RunIDs           []string
	Keys             []string
	MaxPoints        int // per curve, at least 10
	FromStep, ToStep int64
}

// Curves returns one curve per run and key that has points. Thinning cuts the
// steps into stretches of equal length and keeps of each the first, the last,
// the smallest and the largest point, so that peaks stay visible and no value
// is invented. Runs that do not exist are passed over.
func (s *Service) Curves(ctx context.Context, q CurveQuery) ([]Curve, error) {
	var out []Curve
	for _, id := range q.RunIDs {
		h, err := s.head(ctx, id)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, key := range q.Keys {
			c, err := s.curve(ctx, h, key, q)
			if err != nil {
				return nil, err
			}
			if c.Total > 0 {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

// curve reads the history twice: once for its extent, keeping the points as
// long as they are few, and again to thin it. Memory stays bounded.
func (s *Service) curve(ctx context.Context, h Head, key string, q CurveQuery) (Curve, error) {
	c := Curve{RunID: h.RunID, Key: key, Min: math.NaN(), Max: math.NaN()}
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	read := func(fn func(Metric)) error {
		_, err := s.store.MetricHistory(ctx, HistoryQuery{Run: h, Key: key}, func(m Metric) error {
			if m.Step >= q.FromStep && m.Step <= q.ToStep {
				fn(m)
			}
			return nil
		})
		return err
	}
	err := read(func(m Metric) {
		if c.Total == 0 || Later(m, c.Last) {
			c.Last = m
		}
		c.Total++
		first, last = min(first, m.Step), max(last, m.Step)
		if !math.IsNaN(m.Value) && math.Abs(m.Value) < math.MaxFloat64 {
			c.Min, c.Max = least(c.Min, m.Value), -least(-c.Max, -m.Value)
		}
		if c.Total <= int64(q.MaxPoints) {
			c.Points = append(c.Points, m)
		}
	})
	if err != nil {
		return c, err
	}
	if c.Total > int64(q.MaxPoints) {
		t := newThinner(first, last, q.MaxPoints)
		if err := read(t.add); err != nil {
			return c, err
		}
		c.Points = t.points()
	}
	slices.SortFunc(c.Points, byStep)
	return c, nil
}

// least is the smaller number, NaN counting as none.
func least(a, b float64) float64 {
	if math.IsNaN(a) || b < a {
		return b
	}
	return a
}

func byStep(a, b Metric) int {
	return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Timestamp, b.Timestamp))
}

// thinner keeps four points of each stretch of steps.
type thinner struct {
	first   int64
	width   float64 // steps per stretch
	stretch []stretch
}

type stretch struct {
	any                  bool
	first, last, low, up Metric
}

func newThinner(first, last int64, maxPoints int) *thinner {
	n := max(1, maxPoints/4)
	return &thinner{first: first, width: (float64(last) - float64(first) + 1) / float64(n), stretch: make([]stretch, n)}
}

func (t *thinner) add(m Metric) {
	i := int((float64(m.Step) - float64(t.first)) / t.width)
	s := &t.stretch[max(0, min(i, len(t.stretch)-1))]
	if !s.any {
		*s = stretch{true, m, m, m, m}
		return
	}
	if byStep(m, s.first) < 0 {
		s.first = m
	}
	if byStep(m, s.last) > 0 {
		s.last = m
	}
	if m.Value < s.low.Value || math.IsNaN(s.low.Value) {
		s.low = m
	}
	if m.Value > s.up.Value || math.IsNaN(s.up.Value) {
		s.up = m
	}
}

func (t *thinner) points() []Metric {
	var out []Metric
	for _, s := range t.stretch {
		if !s.any {
			continue
		}
		four := []Metric{s.first, s.low, s.up, s.last}
		slices.SortFunc(four, byStep)
		out = append(out, slices.CompactFunc(four, func(a, b Metric) bool {
			return a.Step == b.Step && a.Timestamp == b.Timestamp && (a.Value == b.Value || math.IsNaN(a.Value) && math.IsNaN(b.Value))
		})...)
	}
	return out
}
