package evaltable

import (
	"math"

	"github.com/assayhq/assay/internal/stats"
)

// Summary compares one score of one table with that of the base table.
type Summary struct {
	Table   int
	N       int     // rows with a number
	Mean    float64 // of those; NaN without
	Missing int     // rows of the table without a number
	// Of pairs, which need a number on both sides; the base has none.
	Pairs             int
	Difference        stats.Interval // other minus base
	P                 float64
	Won, Tied, Lost   int
	Repeats           bool // inputs occur more than once, so they were resampled whole
	NormalTheoryBound bool // Student's t instead of resampling, for very many pairs
}

// resampled is the largest number of pairs that is resampled: beyond it, the
// percentile interval and Student's are the same to the digits shown.
const resampled = 5000

// Summarise compares score in every table with the base. Repetitions of an
// input are one cluster: they say less than as many inputs would.
func (j *Joined) Summarise(score string, base int, lower bool) []Summary {
	out := make([]Summary, len(j.Tables))
	for i := range j.Tables {
		s := Summary{Table: i, Difference: stats.Interval{Estimate: math.NaN(), Low: math.NaN(), High: math.NaN(), Level: 0.95}, P: math.NaN()}
		var values, first, second []float64
		var clusters []int
		groups := map[int]bool{}
		for _, row := range j.Rows {
			if row.At[i] < 0 {
				continue
			}
			v, ok := finite(j, i, row.At[i], score)
			if !ok {
				s.Missing++
				continue
			}
			values = append(values, v)
			b, ok := finite(j, base, row.At[base], score)
			if i == base || !ok {
				continue
			}
			first, second, clusters = append(first, v), append(second, b), append(clusters, row.Group)
			s.Repeats = s.Repeats || groups[row.Group]
			groups[row.Group] = true
			switch d := v - b; {
			case d == 0:
				s.Tied++
			case d > 0 != lower:
				s.Won++
			default:
				s.Lost++
			}
		}
		s.N, s.Mean, s.Pairs = len(values), stats.Mean(values), len(first)
		if s.Pairs > 0 {
			s.compare(first, second, clusters)
		}
		out[i] = s
	}
	return out
}

func (s *Summary) compare(first, second []float64, clusters []int) {
	if len(first) <= resampled || s.Repeats {
		c := stats.Bootstrap{}.Paired(first, second, clusters)
		s.Difference, s.P = c.Difference, c.P
		return
	}
	d := make([]float64, len(first))
	for i := range d {
		d[i] = first[i] - second[i]
	}
	s.Difference, s.P, s.NormalTheoryBound = stats.MeanInterval(d, 0.95), stats.PairedT(first, second).P, true
}

func finite(j *Joined, table, row int, score string) (float64, bool) {
	if row < 0 {
		return 0, false
	}
	v, ok := Number(j.Cell(table, row, score))
	return v, ok && !math.IsInf(v, 0) && !math.IsNaN(v)
}
