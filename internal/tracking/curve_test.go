package tracking

import (
	"math"
	"testing"
)

func TestThinnerKeepsEndsAndPeaks(t *testing.T) {
	th := newThinner(0, 9999, 100)
	for i := range int64(10000) {
		v := math.Sin(float64(i) / 50)
		switch i {
		case 4321:
			v = 99
		case 7777:
			v = -99
		case 5000:
			v = math.NaN()
		}
		th.add(Metric{Key: "m", Value: v, Timestamp: i, Step: i})
	}
	got := th.points()
	if len(got) > 100 {
		t.Fatalf("%d points", len(got))
	}
	low, up := false, false
	for i, p := range got {
		low, up = low || p.Value == -99, up || p.Value == 99
		if i > 0 && byStep(got[i-1], p) > 0 {
			t.Fatal("not by step")
		}
	}
	if !low || !up || got[0].Step != 0 || got[len(got)-1].Step != 9999 {
		t.Fatalf("low %v, up %v, steps %d to %d", low, up, got[0].Step, got[len(got)-1].Step)
	}
}

func TestThinnerOfOneStep(t *testing.T) {
	th := newThinner(7, 7, 10)
	for i := range int64(50) {
		th.add(Metric{Value: float64(i), Timestamp: i, Step: 7})
	}
	if got := th.points(); len(got) < 2 || len(got) > 4 {
		t.Fatalf("%d points of one step", len(got))
	}
}
