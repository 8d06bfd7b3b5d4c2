package tracing

import (
	"math"
	"testing"
)

func TestNPMI(t *testing.T) {
	nan := math.NaN()
	tests := []struct { // answers of MLflow 3.17
		both, first, second, total int64
		plain, smoothed            float64
	}{
		{1, 1, 3, 3, 0, -0.053604633680828066},
		{0, 0, 5, 10, nan, nan},
		{0, 5, 5, 10, -1, -0.5637914160289369},
		{10, 10, 10, 10, 1, 1},
		{10, 20, 15, 100, 0.5228787452803378, 0.5098689991831412},
		{5, 3, 9, 10, nan, nan}, // counts that contradict each other
	}
	near := func(a, b, eps float64) bool { return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) < eps }
	for _, tt := range tests {
		plain, smoothed := npmi(tt.both, tt.first, tt.second, tt.total)
		if !near(plain, tt.plain, 1e-9) || !near(smoothed, tt.smoothed, 1e-9) {
			t.Errorf("%+v: got %v, %v", tt, plain, smoothed)
		}
	}
}
