package stats

import (
	"math"
	"slices"
)

// Weights says how far apart two categories are for [Kappa].
type Weights uint8

// Weights of a disagreement between categories i and j.
const (
	Unweighted Weights = iota // 1
	Linear                    // |i−j|
	Quadratic                 // (i−j)²
)

// Kappa is Cohen's κ of two judges who put the same things into categories,
// numbered in order if the weights are to mean anything. (J. Cohen, "A
// coefficient of agreement for nominal scales", Educational and Psychological
// Measurement 20, 1960; weighted: Psychological Bulletin 70, 1968.) It is NaN
// if there is nothing to agree on: no things, or both judges using one and the
// same category only. It panics if the lengths differ.
func Kappa(first, second []int, w Weights) float64 {
	t := newTable(first, second, w)
	return t.kappa(t.all())
}

// KappaInterval is κ with a percentile interval from resampling the things
// judged.
func KappaInterval(first, second []int, w Weights, b Bootstrap) Interval {
	t := newTable(first, second, w)
	return b.Interval(len(first), t.kappa)
}

// crossTable holds two judges' categories as indices into those that occur.
type crossTable struct {
	categories    []int
	first, second []int
	weights       Weights
}

func newTable(first, second []int, w Weights) crossTable {
	if len(first) != len(second) {
		panic("stats: judges of different numbers of things")
	}
	t := crossTable{categories: slices.Concat(first, second), weights: w}
	slices.Sort(t.categories)
	t.categories = slices.Compact(t.categories)
	index := func(list []int) []int {
		out := make([]int, len(list))
		for i, c := range list {
			out[i], _ = slices.BinarySearch(t.categories, c)
		}
		return out
	}
	t.first, t.second = index(first), index(second)
	return t
}

func (t crossTable) all() []int {
	all := make([]int, len(t.first))
	for i := range all {
		all[i] = i
	}
	return all
}

// kappa is 1 − (weighted disagreement seen)/(weighted disagreement expected
// from the judges' own frequencies), over the things in sample.
func (t crossTable) kappa(sample []int) float64 {
	rows, columns := make([]float64, len(t.categories)), make([]float64, len(t.categories))
	var seen, expected float64
	for _, i := range sample {
		rows[t.first[i]]++
		columns[t.second[i]]++
		seen += t.distance(t.first[i], t.second[i])
	}
	for i, r := range rows {
		if r == 0 {
			continue
		}
		for j, c := range columns {
			expected += t.distance(i, j) * r * c
		}
	}
	if expected == 0 {
		return math.NaN()
	}
	return 1 - seen*float64(len(sample))/expected
}

func (t crossTable) distance(i, j int) float64 {
	d := math.Abs(float64(t.categories[i]) - float64(t.categories[j]))
	switch {
	case t.weights == Linear:
		return d
	case t.weights == Quadratic:
		return d * d
	case d > 0:
		return 1
	}
	return 0
}

// Metric says how far apart two values are for [Alpha].
type Metric uint8

// Metrics of Krippendorff's α.
const (
	Nominal       Metric = iota // equal or not
	Ordinal                     // by how many judgements lie between
	IntervalScale               // by the squared difference
)

// Alpha is Krippendorff's α of any number of judges over units[i], the values
// given to unit i; who gave which does not matter, and a judge who gave none is
// left out. Units with fewer than two values do not count. (K. Krippendorff,
// "Computing Krippendorff's alpha-reliability", 2011.) NaN values count as not
// given. α is NaN if no unit has two values or all values are the same.
func Alpha(units [][]float64, m Metric) float64 {
	t := newRatings(units)
	return t.alpha(m, t.all())
}

// AlphaInterval is α with a percentile interval from resampling the units.
func AlphaInterval(units [][]float64, m Metric, b Bootstrap) Interval {
	t := newRatings(units)
	return b.Interval(len(t.units), func(sample []int) float64 { return t.alpha(m, sample) })
}

// ratings holds the units that count, each as counts over the values that
// occur.
type ratings struct {
	values []float64 // distinct, rising
	units  [][]int   // value index of each judgement
}

func newRatings(units [][]float64) ratings {
	var t ratings
	for _, u := range units {
		for _, v := range u {
			if !math.IsNaN(v) {
				t.values = append(t.values, v)
			}
		}
	}
	slices.Sort(t.values)
	t.values = slices.Compact(t.values)
	for _, u := range units {
		var given []int
		for _, v := range u {
			if i, ok := slices.BinarySearch(t.values, v); ok {
				given = append(given, i)
			}
		}
		if len(given) >= 2 {
			t.units = append(t.units, given)
		}
	}
	return t
}

func (t ratings) all() []int {
	all := make([]int, len(t.units))
	for i := range all {
		all[i] = i
	}
	return all
}

// alpha is 1 − D_o/D_e. D_o averages the squared distances of the pairs inside
// each unit, a unit of m judgements weighing 1/(m−1) per ordered pair; D_e
// averages those of all pairs. No pair is looked at: with positions x the
// ordered pairs sum to 2(nΣx² − (Σx)²), and unequal ones number n² − Σn_v².
func (t ratings) alpha(m Metric, sample []int) float64 {
	totals := make([]float64, len(t.values))
	var n float64
	for _, u := range sample {
		for _, v := range t.units[u] {
			totals[v]++
			n++
		}
	}
	if n < 2 {
		return math.NaN()
	}
	var seen, expected float64
	if m == Nominal {
		expected = n * n
		for _, k := range totals {
			expected -= k * k
		}
		for _, u := range sample {
			seen += unequalPairs(t.units[u]) / float64(len(t.units[u])-1)
		}
	} else {
		x := t.positions(m, totals)
		expected = squares(len(totals), func(i int) (float64, float64) { return x[i], totals[i] })
		for _, u := range sample {
			given := t.units[u]
			seen += squares(len(given), func(i int) (float64, float64) { return x[given[i]], 1 }) / float64(len(given)-1)
		}
	}
	if expected == 0 {
		return math.NaN()
	}
	return 1 - (n-1)*seen/expected
}

// unequalPairs counts the ordered pairs of different values.
func unequalPairs(given []int) float64 {
	pairs := 0
	for i, a := range given {
		for _, b := range given[i+1:] {
			if a != b {
				pairs += 2
			}
		}
	}
	return float64(pairs)
}

// squares sums the squared distances of all ordered pairs of n weighted
// positions, measured from their mean to keep the digits.
func squares(n int, at func(i int) (x, weight float64)) float64 {
	var sum, weights float64
	for i := range n {
		x, w := at(i)
		sum += x * w
		weights += w
	}
	mean := sum / weights
	var spread float64
	for i := range n {
		x, w := at(i)
		spread += w * (x - mean) * (x - mean)
	}
	return 2 * weights * spread
}

// positions puts the values on a line: where they are, or for Ordinal at the
// middle of their ranks, since Krippendorff's ordinal distance of two values,
// the judgements between them and half of those on them, is the distance of
// their mid-ranks.
func (t ratings) positions(m Metric, totals []float64) []float64 {
	if m == IntervalScale {
		return t.values
	}
	x := make([]float64, len(totals))
	var below float64
	for i, k := range totals {
		x[i] = below + k/2
		below += k
	}
	return x
}
