package stats

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// golden are values of SciPy, NumPy and scikit-learn; see testdata/golden.py.
type golden struct {
	Student, StudentCDF [][3]float64
	Normal              [][2]float64
	Describe            []struct {
		Values           []float64
		Mean, Population float64
		Sample           *float64
		Quantiles        [][2]float64
		T95              []float64
	}
	Wilson  [][5]float64
	McNemar [][3]float64
	Pairs   []struct {
		A, B                              []float64
		Wilcoxon, WilcoxonP, T, TP, SignP float64
	}
	Kappa []struct {
		A, B                          []int
		Unweighted, Linear, Quadratic float64
	}
}

func read(t *testing.T) golden {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{
		"student": len(g.Student), "studentCDF": len(g.StudentCDF), "normal": len(g.Normal), "describe": len(g.Describe),
		"wilson": len(g.Wilson), "mcnemar": len(g.McNemar), "pairs": len(g.Pairs), "kappa": len(g.Kappa),
	} {
		if n == 0 {
			t.Fatal("no golden values for", name)
		}
	}
	return g
}

// near reports equality to a relative 1e-9, absolutely near zero.
func near(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-9*math.Max(math.Abs(b), 1e-6)
}

func check(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !near(got, want) {
		t.Errorf("%s: %.15g, want %.15g", what, got, want)
	}
}

func TestDistributions(t *testing.T) {
	g := read(t)
	for _, c := range g.Student {
		check(t, "t quantile", StudentQuantile(c[0], c[1]), c[2])
		check(t, "t quantile, lower tail", StudentQuantile(1-c[0], c[1]), -StudentQuantile(1-(1-c[0]), c[1]))
	}
	for _, c := range g.StudentCDF {
		check(t, "t distribution", StudentCDF(c[0], c[1]), c[2])
	}
	for _, c := range g.Normal {
		check(t, "normal", NormalCDF(c[0]), c[1])
	}
	check(t, "normal quantile", NormalQuantile(0.975), 1.959963984540054)
	for _, p := range []float64{0, 1, -1, math.NaN()} {
		if !math.IsNaN(StudentQuantile(p, 5)) {
			t.Error("quantile of", p)
		}
	}
}

func TestDescribe(t *testing.T) {
	for _, c := range read(t).Describe {
		check(t, "mean", Mean(c.Values), c.Mean)
		check(t, "population variance", PopulationVariance(c.Values), c.Population)
		for _, q := range c.Quantiles {
			check(t, "quantile", Quantile(c.Values, q[0]), q[1])
		}
		iv := MeanInterval(c.Values, 0.95)
		if c.Sample == nil {
			if !math.IsNaN(Variance(c.Values)) || !math.IsNaN(iv.Low) || iv.Estimate != c.Mean {
				t.Error("one value has no spread:", iv)
			}
			continue
		}
		check(t, "variance", Variance(c.Values), *c.Sample)
		check(t, "low", iv.Low, c.T95[0])
		check(t, "high", iv.High, c.T95[1])
	}
	for name, v := range map[string]float64{
		"mean": Mean(nil), "variance": Variance(nil), "median": Quantile(nil, 0.5), "q": Quantile([]float64{1}, 1.1),
		"NaN inside": Quantile([]float64{1, math.NaN()}, 0.9), "interval": MeanInterval(nil, 0.95).Estimate,
	} {
		if !math.IsNaN(v) {
			t.Errorf("%s of nothing is %v", name, v)
		}
	}
	if Quantile([]float64{math.Inf(-1), math.Inf(1)}, 1) != math.Inf(1) {
		t.Error("infinite value")
	}
	if got := Sum([]float64{1, 1e100, 1, -1e100}); got != 2 {
		t.Error("compensated sum:", got)
	}
}

func TestWilson(t *testing.T) {
	for _, c := range read(t).Wilson {
		iv := Proportion(int(c[0]), int(c[1]), c[2])
		check(t, "low", iv.Low, c[3])
		check(t, "high", iv.High, c[4])
	}
	for _, bad := range [][2]int{{0, 0}, {-1, 5}, {6, 5}} {
		if iv := Proportion(bad[0], bad[1], 0.95); !math.IsNaN(iv.Estimate) || !math.IsNaN(iv.Low) {
			t.Error(bad, iv)
		}
	}
}

func TestPairedTests(t *testing.T) {
	g := read(t)
	for _, c := range g.McNemar {
		check(t, "McNemar", McNemar(int(c[0]), int(c[1])).P, c[2])
	}
	for _, c := range g.Pairs {
		w, student := Wilcoxon(c.A, c.B), PairedT(c.A, c.B)
		check(t, "Wilcoxon statistic", w.Statistic, c.Wilcoxon)
		check(t, "Wilcoxon p", w.P, c.WilcoxonP)
		check(t, "t", student.Statistic, c.T)
		check(t, "t p", student.P, c.TP)
		check(t, "sign p", Sign(c.A, c.B).P, c.SignP)
		if back := Wilcoxon(c.B, c.A); !near(back.P, w.P) {
			t.Error("Wilcoxon depends on the order of the two")
		}
	}
	same := []float64{1, 2, 3}
	for _, test := range []Test{Wilcoxon(same, same), Sign(same, same), McNemar(0, 0), PairedT(same, same)} {
		if test.P != 1 {
			t.Errorf("no difference at all has p %v", test.P)
		}
	}
	if test := PairedT([]float64{2, 3}, []float64{1, 2}); test.P != 0 {
		t.Errorf("a constant difference has p %v", test.P)
	}
}

func TestHolm(t *testing.T) {
	got := Holm([]float64{0.04, 0.01, math.NaN(), 0.03, 0.9})
	want := []float64{0.09, 0.04, math.NaN(), 0.09, 0.9} // by hand: 0.01·4, 0.03·3, 0.04·2 raised to 0.09, 0.9·1
	for i := range want {
		check(t, "Holm", got[i], want[i])
	}
	if len(Holm(nil)) != 0 || Holm([]float64{0.8, 0.9})[0] != 1 {
		t.Error("Holm at its ends")
	}
}

func TestBootstrap(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 200)
	for i := range values {
		values[i] = source.NormFloat64()*2 + 5
	}
	b := Bootstrap{Resamples: 4000, Seed: 3}
	iv, student := b.Mean(values), MeanInterval(values, 0.95)
	if math.Abs(iv.Low-student.Low) > 0.06 || math.Abs(iv.High-student.High) > 0.06 || iv.Level != 0.95 || iv.N != 200 {
		t.Errorf("%+v far from Student's %+v", iv, student)
	}
	if again := b.Mean(values); again != iv {
		t.Error("not the same for the same seed")
	}
	if other := (Bootstrap{Resamples: 4000, Seed: 4}).Mean(values); other == iv {
		t.Error("the seed does nothing")
	}
	// Ten copies of each value carry no more information than one.
	var copies []float64
	clusters := make([][]float64, 0, 201)
	for _, v := range values {
		c := slices.Repeat([]float64{v}, 10)
		copies = append(copies, c...)
		clusters = append(clusters, c)
	}
	whole, naive := b.ClusterMean(append(clusters, nil)), b.Mean(copies)
	if math.Abs((whole.High-whole.Low)/(iv.High-iv.Low)-1) > 0.05 || whole.N != 200 {
		t.Errorf("clusters %+v, want the width of %+v", whole, iv)
	}
	if naive.High-naive.Low > 0.4*(whole.High-whole.Low) {
		t.Error("the naive interval should be far too narrow")
	}
	for _, iv := range []Interval{b.Mean(nil), b.ClusterMean(nil)} {
		if !math.IsNaN(iv.Estimate) || iv.N != 0 {
			t.Errorf("%+v", iv)
		}
	}
	if iv := b.Mean([]float64{4}); iv.Estimate != 4 || !math.IsNaN(iv.Low) {
		t.Errorf("%+v", iv)
	}
}

func TestPaired(t *testing.T) {
	source := rand.New(rand.NewPCG(5, 6))
	n := 120
	a, c, clusters := make([]float64, n), make([]float64, n), make([]int, n)
	for i := range a {
		base := source.NormFloat64() * 10 // pairs differ far more among themselves than a from c
		a[i], c[i] = base+0.5+source.NormFloat64(), base+source.NormFloat64()
		clusters[i] = i / 4
	}
	b := Bootstrap{Seed: 9}
	got := b.Paired(a, c, nil)
	if d := Mean(differences(a, c)); !near(got.Difference.Estimate, d) {
		t.Error(got.Difference, d)
	}
	if got.P > 0.01 || got.Difference.Low <= 0 {
		t.Errorf("%+v: pairing should show the difference", got)
	}
	if p := PairedT(a, c).P; math.Abs(math.Log10(p)-math.Log10(got.P)) > 2.5 {
		t.Error("bootstrap and t disagree:", got.P, p)
	}
	if back := b.Paired(c, a, nil); !near(back.Difference.Estimate, -got.Difference.Estimate) || back.Difference.High >= 0 {
		t.Errorf("%+v", back)
	}
	if g := b.Paired(a, c, clusters); g.Difference.N != 30 || !near(g.Difference.Estimate, got.Difference.Estimate) {
		t.Errorf("%+v", g)
	}
	if same := b.Paired(a, a, nil); same.P != 1 || same.Difference.Estimate != 0 {
		t.Errorf("%+v", same)
	}
	if none := b.Paired(nil, nil, nil); !math.IsNaN(none.P) || !math.IsNaN(none.Difference.Estimate) {
		t.Errorf("%+v", none)
	}
}

func TestKappa(t *testing.T) {
	for _, c := range read(t).Kappa {
		check(t, "κ", Kappa(c.A, c.B, Unweighted), c.Unweighted)
		check(t, "linear κ", Kappa(c.A, c.B, Linear), c.Linear)
		check(t, "quadratic κ", Kappa(c.A, c.B, Quadratic), c.Quadratic)
		iv := KappaInterval(c.A, c.B, Unweighted, Bootstrap{Seed: 1})
		if !near(iv.Estimate, c.Unweighted) || !(iv.Low < iv.Estimate && iv.Estimate < iv.High) {
			t.Errorf("%+v", iv)
		}
	}
	if k := Kappa([]int{1, 1}, []int{1, 1}, Unweighted); !math.IsNaN(k) {
		t.Error("agreement where nothing differs:", k)
	}
	if k := Kappa(nil, nil, Linear); !math.IsNaN(k) {
		t.Error(k)
	}
	// Balanced, κ = 0.6, n = 400: the half width should be about 0.08.
	var a, b []int
	for i := range 400 {
		a, b = append(a, i%2), append(b, i%2)
		if i%10 < 2 {
			b[i] = 1 - b[i]
		}
	}
	iv := KappaInterval(a, b, Unweighted, Bootstrap{Seed: 2})
	if !near(iv.Estimate, 0.6) || math.Abs((iv.High-iv.Low)/2-0.08) > 0.01 {
		t.Errorf("%+v", iv)
	}
}

// The example of Krippendorff's 2011 paper, section D, with its published
// values, and the one of three coders that is often used as a second check.
func TestAlpha(t *testing.T) {
	x := math.NaN()
	byJudge := func(judges ...[]float64) [][]float64 {
		units := make([][]float64, len(judges[0]))
		for _, j := range judges {
			for i, v := range j {
				units[i] = append(units[i], v)
			}
		}
		return units
	}
	four := byJudge(
		[]float64{1, 2, 3, 3, 2, 1, 4, 1, 2, x, x, x},
		[]float64{1, 2, 3, 3, 2, 2, 4, 1, 2, 5, x, 3},
		[]float64{x, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, x},
		[]float64{1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, x},
	)
	three := byJudge(
		[]float64{x, x, x, x, x, 3, 4, 1, 2, 1, 1, 3, 3, x, 3},
		[]float64{1, x, 2, 1, 3, 3, 4, 3, x, x, x, x, x, x, x},
		[]float64{x, x, 2, 1, 3, 4, 4, x, 2, 1, 1, 3, 3, x, 4},
	)
	for _, c := range []struct {
		units  [][]float64
		metric Metric
		want   float64
	}{
		{four, Nominal, 0.743}, {four, Ordinal, 0.815}, {four, IntervalScale, 0.849},
		{three, Nominal, 0.691}, {three, IntervalScale, 0.811},
	} {
		got := Alpha(c.units, c.metric)
		if math.Abs(got-c.want) > 0.0005 {
			t.Errorf("metric %d: %.4f, published %.3f", c.metric, got, c.want)
		}
		if slow := alphaByDefinition(c.units, c.metric); !near(got, slow) {
			t.Errorf("metric %d: %.12f, by the definition %.12f", c.metric, got, slow)
		}
		iv := AlphaInterval(c.units, c.metric, Bootstrap{Seed: 4})
		if iv.Estimate != got || !(iv.Low < got && got <= iv.High) {
			t.Errorf("%+v", iv)
		}
	}
	for _, units := range [][][]float64{nil, {{1}}, {{x, 1}, {2, x}}, {{3, 3}, {3, 3}}} {
		if a := Alpha(units, Ordinal); !math.IsNaN(a) {
			t.Errorf("%v: %v", units, a)
		}
	}
	if a := Alpha([][]float64{{0, 0}, {1, 1}, {0, 0}}, Nominal); a != 1 {
		t.Error("perfect agreement:", a)
	}
}

// alphaByDefinition forms the coincidence matrix of the 2011 paper.
func alphaByDefinition(units [][]float64, m Metric) float64 {
	r := newRatings(units)
	size := len(r.values)
	o := make([][]float64, size)
	for i := range o {
		o[i] = make([]float64, size)
	}
	totals := make([]float64, size)
	var n float64
	for _, u := range r.units {
		for i, a := range u {
			totals[a]++
			n++
			for j, b := range u {
				if i != j {
					o[a][b] += 1 / float64(len(u)-1)
				}
			}
		}
	}
	var seen, expected float64
	for c := range size {
		for k := range size {
			var d float64
			switch lo, hi := min(c, k), max(c, k); {
			case c == k:
			case m == Nominal:
				d = 1
			case m == Ordinal:
				for g := lo; g <= hi; g++ {
					d += totals[g]
				}
				d -= (totals[lo] + totals[hi]) / 2
			default:
				d = r.values[c] - r.values[k]
			}
			seen += o[c][k] * d * d
			expected += totals[c] * totals[k] * d * d
		}
	}
	return 1 - (n-1)*seen/expected
}

func TestHistogram(t *testing.T) {
	h := NewHistogram([]float64{0, 0.1, 0.25, 0.5, 0.74, 0.75, 1, 1.1, -0.1, math.NaN(), math.Inf(1)}, 0, 1, 4)
	if !slices.Equal(h.Edges, []float64{0, 0.25, 0.5, 0.75, 1}) || !slices.Equal(h.Counts, []int{2, 1, 2, 2}) || h.Other != 4 {
		t.Errorf("%+v", h)
	}
	if h := NewHistogram([]float64{2, 2, 3}, 2, 2, 3); h.Counts[0]+h.Counts[1]+h.Counts[2] != 2 || h.Other != 1 {
		t.Errorf("a range of no width: %+v", h)
	}
	source := rand.New(rand.NewPCG(1, 1))
	values := make([]float64, 1000)
	for i := range values {
		values[i] = source.Float64()
	}
	total := 0
	for _, n := range NewHistogram(values, 0, 1, 7).Counts {
		total += n
	}
	if total != 1000 {
		t.Error("values lost:", total)
	}
}
