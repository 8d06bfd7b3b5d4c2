package stats

import (
	"cmp"
	"math"
	"slices"
)

// Test is the outcome of a two-sided test of "no difference" on pairs.
type Test struct {
	Statistic float64
	P         float64 // NaN if there is nothing to test
	N         int     // pairs that count
}

// Comparison is a difference of means, first minus second, with its interval
// and the two-sided p-value from the same resamples.
type Comparison struct {
	Difference Interval
	P          float64
}

// Paired compares two measurements of the same things, a[i] and b[i], by
// resampling the pairs. clusters, if not nil, says which pairs belong together
// and are resampled together. The p-value is twice the share of resamples on
// the far side of zero, one added above and below, so that it is never 0
// (Davison and Hinkley 1997, §4.4). It panics if the lengths differ.
func (b Bootstrap) Paired(first, second []float64, clusters []int) Comparison {
	if len(first) != len(second) || clusters != nil && len(clusters) != len(first) {
		panic("stats: pairs of different lengths")
	}
	b = b.withDefaults()
	groups := map[int][]float64{}
	var order []int
	for i := range first {
		k := i
		if clusters != nil {
			k = clusters[i]
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], first[i]-second[i])
	}
	sums, sizes := make([]float64, len(order)), make([]float64, len(order))
	for i, k := range order {
		sums[i], sizes[i] = Sum(groups[k]), float64(len(groups[k]))
	}
	n := len(order)
	c := Comparison{undefined(b.Level, n), math.NaN()}
	if n == 0 {
		return c
	}
	c.Difference.Estimate = Sum(sums) / Sum(sizes)
	if n < 2 {
		return c
	}
	drawn := b.draw(n, func(sample []int) float64 {
		var sum, size float64
		for _, i := range sample {
			sum += sums[i]
			size += sizes[i]
		}
		return sum / size
	})
	below, above := 0, 0
	for _, d := range drawn {
		if d <= 0 {
			below++
		}
		if d >= 0 {
			above++
		}
	}
	c.P = min(1, 2*float64(min(below, above)+1)/float64(len(drawn)+1))
	c.Difference.Low, c.Difference.High = percentiles(drawn, b.Level)
	return c
}

// PairedT is Student's t test of the differences.
func PairedT(first, second []float64) Test {
	d := differences(first, second)
	if len(d) < 2 {
		return Test{math.NaN(), math.NaN(), len(d)}
	}
	t := Mean(d) / (StdDev(d) / math.Sqrt(float64(len(d))))
	if math.IsNaN(t) { // all differences are 0
		return Test{0, 1, len(d)}
	}
	return Test{t, 2 * StudentCDF(-math.Abs(t), float64(len(d)-1)), len(d)}
}

func differences(first, second []float64) []float64 {
	if len(first) != len(second) {
		panic("stats: pairs of different lengths")
	}
	d := make([]float64, len(first))
	for i := range d {
		d[i] = first[i] - second[i]
	}
	return d
}

// McNemar is the exact test of paired yes-or-no outcomes: onlyFirst pairs where
// just the first was right, onlySecond where just the second was. (Q. McNemar,
// Psychometrika 12, 1947, in its binomial form.) The statistic is the smaller
// count.
func McNemar(onlyFirst, onlySecond int) Test {
	n := onlyFirst + onlySecond
	k := min(onlyFirst, onlySecond)
	if n == 0 {
		return Test{0, 1, 0}
	}
	return Test{float64(k), min(1, 2*binomialHalfCDF(k, n)), n}
}

// Sign is the sign test: how often the first beats the second; ties do not
// count. The statistic is the number of wins of the first.
func Sign(first, second []float64) Test {
	wins, losses := 0, 0
	for _, d := range differences(first, second) {
		switch {
		case d > 0:
			wins++
		case d < 0:
			losses++
		}
	}
	t := McNemar(wins, losses)
	t.Statistic = float64(wins)
	return t
}

// exactWilcoxon is the largest number of pairs whose null distribution is
// counted out rather than taken as normal.
const exactWilcoxon = 50

// Wilcoxon is the signed-rank test (F. Wilcoxon, Biometrics Bulletin 1, 1945).
// Zero differences are dropped and ties share their mean rank. Up to 50 pairs
// the p-value is exact, with ties too; above it is the normal approximation
// with the variance corrected for ties and no correction for continuity. The
// statistic is the smaller of the two rank sums.
func Wilcoxon(first, second []float64) Test {
	var d []float64
	for _, x := range differences(first, second) {
		if x != 0 {
			d = append(d, x)
		}
	}
	n := len(d)
	if n == 0 {
		return Test{0, 1, 0}
	}
	slices.SortFunc(d, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	double := make([]int, n) // twice the rank, so that a shared rank is whole
	var tied float64         // Σ(t³−t) over the groups of ties
	plus := 0
	for i := 0; i < n; {
		j := i
		for j < n && math.Abs(d[j]) == math.Abs(d[i]) {
			j++
		}
		t := float64(j - i)
		tied += t*t*t - t
		for k := i; k < j; k++ {
			double[k] = i + 1 + j
			if d[k] > 0 {
				plus += double[k]
			}
		}
		i = j
	}
	least := min(plus, n*(n+1)-plus)
	statistic := float64(least) / 2
	if n <= exactWilcoxon {
		return Test{statistic, min(1, 2*signedRankCDF(double, least)), n}
	}
	size := float64(n)
	mean := size * (size + 1) / 4
	sd := math.Sqrt(size*(size+1)*(2*size+1)/24 - tied/48)
	return Test{statistic, min(1, 2*NormalCDF((statistic-mean)/sd)), n}
}

// signedRankCDF is the share of the 2ⁿ ways to sign the ranks in which the
// doubled ranks with a plus sum to at most limit.
func signedRankCDF(double []int, limit int) float64 {
	total := 0
	for _, r := range double {
		total += r
	}
	share := make([]float64, total+1)
	share[0] = 1
	for _, r := range double {
		for s := total; s >= 0; s-- {
			v := share[s] / 2
			if s >= r {
				v += share[s-r] / 2
			}
			share[s] = v
		}
	}
	return Sum(share[:limit+1])
}

// Holm adjusts p-values for having tested several things, so that those below
// α make a false claim among them with probability at most α. (S. Holm,
// Scandinavian Journal of Statistics 6, 1979.) The result is in the order
// given; NaN stays NaN and does not count as a test.
func Holm(p []float64) []float64 {
	order := []int{}
	adjusted := slices.Clone(p)
	for i, v := range p {
		if !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	var worst float64
	for rank, i := range order {
		worst = max(worst, min(1, p[i]*float64(len(order)-rank)))
		adjusted[i] = worst
	}
	return adjusted
}
