// Package stats is the statistics that evaluation, review and training report:
// descriptions, intervals, paired tests, corrections for many tests, and
// agreement between judges.
//
// Three rules hold throughout. What is undefined (the mean of nothing, the
// agreement of judges who never differ) is NaN, never 0. What is random takes
// a seed and gives the same answer for it everywhere. And whoever has several
// measurements of one thing (turns of a conversation, samples of a prompt)
// passes them as a cluster, because treating them as independent makes every
// interval too narrow.
package stats

import (
	"math"
	"slices"
)

// Sum adds with Neumaier's compensation, so that the result is as good as if
// it had been added in twice the precision. (A. Neumaier, "Rundungsfehler-
// analyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54, 1974.)
func Sum(values []float64) float64 {
	var sum, rest float64
	for _, v := range values {
		t := sum + v
		if math.Abs(sum) >= math.Abs(v) {
			rest += (sum - t) + v
		} else {
			rest += (v - t) + sum
		}
		sum = t
	}
	if math.IsInf(sum, 0) || math.IsNaN(rest) {
		return sum
	}
	return sum + rest
}

// Mean of the values; NaN if there are none.
func Mean(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	return Sum(values) / float64(len(values))
}

// Variance is the sample variance, with the divisor n−1. It is NaN for fewer
// than two values. The deviations are taken from the mean first, so that
// values far from zero lose no digits.
func Variance(values []float64) float64 { return variance(values, 1) }

// PopulationVariance has the divisor n and is NaN without values.
func PopulationVariance(values []float64) float64 { return variance(values, 0) }

func variance(values []float64, lost int) float64 {
	n := len(values) - lost
	if n < 1 {
		return math.NaN()
	}
	mean := Mean(values)
	squares := make([]float64, len(values))
	for i, v := range values {
		squares[i] = (v - mean) * (v - mean)
	}
	return Sum(squares) / float64(n)
}

// StdDev is the root of [Variance].
func StdDev(values []float64) float64 { return math.Sqrt(Variance(values)) }

// Quantile returns the q-quantile, 0 ≤ q ≤ 1, interpolated linearly between
// the two nearest values: type 7 of R. J. Hyndman and Y. Fan, "Sample
// quantiles in statistical packages", The American Statistician 50, 1996,
// which is also NumPy's default. It is NaN without values, for q out of range
// and when a value is NaN.
func Quantile(values []float64, q float64) float64 {
	return QuantileSorted(slices.Sorted(slices.Values(values)), q)
}

// QuantileSorted is [Quantile] of values in rising order; it does not copy.
func QuantileSorted(sorted []float64, q float64) float64 {
	n := len(sorted)
	if n == 0 || !(q >= 0 && q <= 1) || math.IsNaN(sorted[0]) { // NaN sorts first
		return math.NaN()
	}
	h := q * float64(n-1)
	i := int(math.Floor(h))
	if i >= n-1 {
		return sorted[n-1]
	}
	part := h - float64(i)
	if part == 0 || sorted[i] == sorted[i+1] {
		return sorted[i] // also where a difference of infinities would be NaN
	}
	return sorted[i] + part*(sorted[i+1]-sorted[i])
}

// Histogram counts values in bins of one width. Bin i holds Edges[i] ≤ v <
// Edges[i+1]; the last also holds its upper edge.
type Histogram struct {
	Edges  []float64 // one more than Counts
	Counts []int
	Other  int // NaN, infinite, or outside the edges
}

// NewHistogram cuts the range from low to high into bins. It panics unless
// there is at least one bin.
func NewHistogram(values []float64, low, high float64, bins int) Histogram {
	if bins < 1 {
		panic("stats: a histogram needs a bin")
	}
	h := Histogram{Edges: make([]float64, bins+1), Counts: make([]int, bins)}
	for i := range h.Edges {
		h.Edges[i] = low + (high-low)*float64(i)/float64(bins)
	}
	h.Edges[bins] = high
	for _, v := range values {
		if !(v >= low && v <= high) || low >= high && v != low {
			h.Other++
			continue
		}
		i, found := slices.BinarySearch(h.Edges, v)
		if !found {
			i--
		}
		h.Counts[min(i, bins-1)]++
	}
	return h
}
