package stats

import "math"

// Interval is an estimate with its uncertainty.
type Interval struct {
	Estimate  float64
	Low, High float64
	Level     float64 // 0.95 for a 95 % interval
	N         int     // values, or clusters where there are clusters
}

// undefined is the interval of something that cannot be estimated.
func undefined(level float64, n int) Interval {
	return Interval{math.NaN(), math.NaN(), math.NaN(), level, n}
}

// MeanInterval is the mean with Student's t interval. With one value the mean
// is known and its bounds are not.
func MeanInterval(values []float64, level float64) Interval {
	return MomentInterval(len(values), Mean(values), StdDev(values), level)
}

// MomentInterval is [MeanInterval] of n values of which only the mean and the
// sample's standard deviation are known.
func MomentInterval(n int, mean, deviation, level float64) Interval {
	iv := undefined(level, n)
	iv.Estimate = mean
	if n < 2 {
		return iv
	}
	half := StudentQuantile(0.5+level/2, float64(n-1)) * deviation / math.Sqrt(float64(n))
	iv.Low, iv.High = mean-half, mean+half
	return iv
}

// Proportion is k of n with Wilson's score interval, which stays between 0 and
// 1 and is honest for few trials and for none or all successes. (E. B. Wilson,
// "Probable inference, the law of succession, and statistical inference",
// JASA 22, 1927.)
func Proportion(k, n int, level float64) Interval {
	if n < 1 || k < 0 || k > n {
		return undefined(level, n)
	}
	z := NormalQuantile(0.5 + level/2)
	size, p := float64(n), float64(k)/float64(n)
	centre := (p + z*z/(2*size)) / (1 + z*z/size)
	half := z / (1 + z*z/size) * math.Sqrt(p*(1-p)/size+z*z/(4*size*size))
	iv := Interval{p, max(0, centre-half), min(1, centre+half), level, n}
	if k == 0 {
		iv.Low = 0 // not the rounding error of a difference
	}
	if k == n {
		iv.High = 1
	}
	return iv
}
