package tracing

import (
	"context"
	"math"
	"slices"

	"github.com/assayhq/assay/internal/filter"
)

// Correlation says how much two conditions on traces go together.
type Correlation struct {
	// NPMI is the normalised pointwise mutual information, from -1 (never
	// together) over 0 (independent) to 1 (only together); NaN if a condition
	// never holds. Smoothed adds half a trace to each cell of the table, which
	// is steadier for few traces (Jeffreys' prior).
	NPMI, Smoothed             float64
	First, Second, Both, Total int64
}

// Correlate counts the traces of q for which first, second and both hold.
func (s *Service) Correlate(ctx context.Context, q Query, first, second filter.Expr) (Correlation, error) {
	var c Correlation
	base := q.Filter
	for _, part := range []struct {
		n    *int64
		with filter.Expr
	}{
		{&c.Total, nil}, {&c.First, first}, {&c.Second, second}, {&c.Both, slices.Concat(first, second)},
	} {
		q.Filter = slices.Concat(base, part.with)
		n, _, err := s.Count(ctx, q)
		if err != nil {
			return c, err
		}
		*part.n = n
	}
	c.NPMI, c.Smoothed = npmi(c.Both, c.First, c.Second, c.Total)
	return c, nil
}

func npmi(both, first, second, total int64) (plain, smoothed float64) {
	n11, n10, n01 := float64(both), float64(first-both), float64(second-both)
	n00 := float64(total - first - second + both)
	if first == 0 || second == 0 || min(n11, n10, n01, n00) < 0 {
		return math.NaN(), math.NaN()
	}
	plain = -1
	if both > 0 {
		plain = npmiOf(n11, n10, n01, n00, 0)
	}
	return plain, npmiOf(n11, n10, n01, n00, 0.5)
}

// npmiOf is ln(p11/(p1·p2)) / −ln p11 with prior added to each cell.
func npmiOf(n11, n10, n01, n00, prior float64) float64 {
	if n10 == 0 && n01 == 0 && n00 == 0 {
		return 1 // the quotient is 0/0 where both always hold
	}
	n11, n10, n01, n00 = n11+prior, n10+prior, n01+prior, n00+prior
	all := math.Log(n11 + n10 + n01 + n00)
	p11 := math.Log(n11) - all
	p1, p2 := math.Log(n11+n10)-all, math.Log(n11+n01)-all
	return max(-1, min(1, (p11-p1-p2)/-p11))
}
