package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Bootstrap says how to resample. The zero value is 2,000 resamples at 95 %
// with seed 0.
type Bootstrap struct {
	Resamples int     // 0 is 2,000; at most 100,000
	Level     float64 // 0 is 0.95
	Seed      uint64
}

func (b Bootstrap) withDefaults() Bootstrap {
	if b.Resamples <= 0 {
		b.Resamples = 2000
	}
	b.Resamples = min(b.Resamples, 100_000)
	if !(b.Level > 0 && b.Level < 1) {
		b.Level = 0.95
	}
	return b
}

// draw resamples n things with replacement and returns what statistic makes of
// each resample, given as indices into the things; it must not keep them.
func (b Bootstrap) draw(n int, statistic func(sample []int) float64) []float64 {
	source := rand.New(rand.NewPCG(b.Seed, 0x9e3779b97f4a7c15))
	sample := make([]int, n)
	values := make([]float64, b.Resamples)
	for i := range values {
		for j := range sample {
			sample[j] = source.IntN(n)
		}
		values[i] = statistic(sample)
	}
	return values
}

// Interval is the percentile interval of a statistic of n things (B. Efron and
// R. Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13). Resamples in
// which the statistic is NaN are left out; if they are more than half, so are
// the bounds.
func (b Bootstrap) Interval(n int, statistic func(sample []int) float64) Interval {
	b = b.withDefaults()
	if n < 1 {
		return undefined(b.Level, n)
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	iv := undefined(b.Level, n)
	iv.Estimate = statistic(all)
	if n < 2 {
		return iv
	}
	iv.Low, iv.High = percentiles(b.draw(n, statistic), b.Level)
	return iv
}

func percentiles(values []float64, level float64) (low, high float64) {
	drawn := len(values)
	values = slices.DeleteFunc(values, math.IsNaN)
	if 2*len(values) < drawn {
		return math.NaN(), math.NaN()
	}
	slices.Sort(values)
	return QuantileSorted(values, (1-level)/2), QuantileSorted(values, (1+level)/2)
}

// Mean is the mean with its percentile interval.
func (b Bootstrap) Mean(values []float64) Interval {
	return b.Interval(len(values), func(sample []int) float64 {
		var sum float64
		for _, i := range sample {
			sum += values[i]
		}
		return sum / float64(len(sample))
	})
}

// ClusterMean is the mean of all values with an interval from resampling whole
// clusters, for values that hang together: the turns of a conversation, the
// samples of one prompt. (A. C. Davison and D. V. Hinkley, Bootstrap Methods
// and their Application, 1997, §3.8.) Empty clusters do not count.
func (b Bootstrap) ClusterMean(clusters [][]float64) Interval {
	type part struct {
		sum float64
		n   int
	}
	var parts []part
	for _, c := range clusters {
		if len(c) > 0 {
			parts = append(parts, part{Sum(c), len(c)})
		}
	}
	return b.Interval(len(parts), func(sample []int) float64 {
		var sum float64
		n := 0
		for _, i := range sample {
			sum += parts[i].sum
			n += parts[i].n
		}
		return sum / float64(n)
	})
}
