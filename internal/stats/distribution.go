package stats

import "math"

// NormalCDF is the standard normal distribution function.
func NormalCDF(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }

// NormalQuantile is the inverse of [NormalCDF].
func NormalQuantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

// StudentCDF is the distribution function of Student's t with df degrees of
// freedom, by the regularised incomplete beta function (M. Abramowitz and I.
// Stegun, Handbook of Mathematical Functions, 26.7.1 and 26.5.27).
func StudentCDF(t, df float64) float64 {
	if math.IsInf(t, 0) {
		if t > 0 {
			return 1
		}
		return 0
	}
	tail := 0.5 * incompleteBeta(df/2, 0.5, df/(df+t*t))
	if t > 0 {
		return 1 - tail
	}
	return tail
}

// StudentQuantile is the inverse of [StudentCDF] for 0 < p < 1, by bisection:
// slow and never wrong by more than its last digits.
func StudentQuantile(p, df float64) float64 {
	switch {
	case !(p > 0 && p < 1) || !(df > 0):
		return math.NaN()
	case p == 0.5:
		return 0
	case p < 0.5:
		return -StudentQuantile(1-p, df)
	}
	// Search for the tail 1−p, which keeps its digits where p is close to one.
	tail := func(t float64) float64 { return 0.5 * incompleteBeta(df/2, 0.5, df/(df+t*t)) }
	low, high := 0.0, 1.0
	for tail(high) > 1-p {
		low, high = high, high*2
		if math.IsInf(high, 0) {
			return high
		}
	}
	for range 200 {
		middle := low + (high-low)/2
		if middle == low || middle == high {
			break
		}
		if tail(middle) > 1-p {
			low = middle
		} else {
			high = middle
		}
	}
	return low + (high-low)/2
}

// incompleteBeta is I_x(a, b), by the continued fraction of Abramowitz and
// Stegun 26.5.8 evaluated by Lentz's method (I. J. Thompson and A. R. Barnett,
// J. Comput. Phys. 64, 1986).
func incompleteBeta(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2): // the fraction converges fast only below
		return 1 - incompleteBeta(b, a, 1-x)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	const tiny = 1e-300
	c, d := 1.0, 1-(a+b)*x/(a+1)
	if math.Abs(d) < tiny {
		d = tiny
	}
	d = 1 / d
	result := d
	for m := 1.0; m < 10_000; m++ {
		for _, term := range [2]float64{
			m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m)),
			-(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1)),
		} {
			if d = 1 + term*d; math.Abs(d) < tiny {
				d = tiny
			}
			if c = 1 + term/c; math.Abs(c) < tiny {
				c = tiny
			}
			d = 1 / d
			result *= c * d
		}
		if math.Abs(c*d-1) < 1e-16 {
			break
		}
	}
	return front * result
}

// binomialHalfCDF is P(X ≤ k) for X of n fair coins.
func binomialHalfCDF(k, n int) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n:
		return 1
	}
	return incompleteBeta(float64(n-k), float64(k+1), 0.5)
}
