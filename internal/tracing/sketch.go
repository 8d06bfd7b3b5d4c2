package tracing

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// SketchError is by how much a quantile of a [Sketch] may be off, relative to
// the value at that rank.
const SketchError = 0.02

// Sketch is a distribution of values of at least 1 in buckets whose widths
// grow with the value: bucket i holds (γ^(i-1), γ^i], where
// γ = (1+e)/(1-e) for the relative error e, and stands for 2γ^i/(γ+1), which
// is within e of everything in it. Two sketches merge without loss. Smaller
// values share one bucket that stands for 0. The zero value is empty.
// (Masson, Rim, Lee: DDSketch, VLDB 2019.)
type Sketch struct {
	bins []bin // by ascending index
	n    int64
}

type bin struct {
	index int32 // 0 for values below 1
	n     int64
}

var (
	sketchGamma   = (1 + SketchError) / (1 - SketchError)
	sketchLn      = math.Log(sketchGamma)
	sketchHighest = 1 + int32(math.Ceil(math.Log(math.MaxInt64)/sketchLn))
)

func binOf(v float64) int32 {
	if !(v >= 1) {
		return 0
	}
	return min(1+int32(math.Ceil(math.Log(v)/sketchLn-1e-9)), sketchHighest)
}

// Add counts v once.
func (s *Sketch) Add(v float64) { s.add(binOf(v), 1) }

func (s *Sketch) add(index int32, n int64) {
	s.n += n
	at, found := slices.BinarySearchFunc(s.bins, index, func(b bin, i int32) int { return int(b.index - i) })
	if found {
		s.bins[at].n += n
		return
	}
	s.bins = slices.Insert(s.bins, at, bin{index, n})
}

// N is the number of values.
func (s *Sketch) N() int64 { return s.n }

// Merge adds the values of o, which is left alone.
func (s *Sketch) Merge(o *Sketch) {
	if len(o.bins) == 0 {
		return
	}
	if len(s.bins) == 0 {
		s.bins, s.n = append(s.bins, o.bins...), o.n
		return
	}
	for _, b := range o.bins {
		s.add(b.index, b.n)
	}
}

// Quantile returns the value at rank ⌈q·n⌉, within [SketchError]; -1 when
// there is none.
func (s *Sketch) Quantile(q float64) float64 {
	if s.n == 0 {
		return -1
	}
	rank := max(1, int64(math.Ceil(q*float64(s.n))))
	for _, b := range s.bins {
		if rank -= b.n; rank <= 0 {
			if b.index == 0 {
				return 0
			}
			return 2 * math.Pow(sketchGamma, float64(b.index-1)) / (sketchGamma + 1)
		}
	}
	return -1
}

func (s *Sketch) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s.bins)))
	last := int32(0)
	for _, x := range s.bins {
		b = binary.AppendUvarint(b, uint64(x.index-last))
		b = binary.AppendUvarint(b, uint64(x.n))
		last = x.index
	}
	return b
}

var errCells = errors.New("tracing: cells are damaged")

// mergeFrom merges what append wrote.
func (s *Sketch) mergeFrom(r *cellReader) {
	n := r.uvarint()
	if n > uint64(sketchHighest)+1 {
		r.err = errCells
		return
	}
	fresh := len(s.bins) == 0
	if fresh {
		s.bins = make([]bin, 0, n)
	}
	index := int32(0)
	for i := range n {
		delta, count := r.uvarint(), r.uvarint()
		if delta > uint64(sketchHighest) || count > math.MaxInt64 || i > 0 && delta == 0 {
			r.err = errCells
		}
		if r.err != nil {
			return
		}
		if index += int32(delta); index > sketchHighest {
			r.err = errCells
			return
		}
		if fresh {
			s.bins = append(s.bins, bin{index, int64(count)})
			s.n += int64(count)
		} else {
			s.add(index, int64(count))
		}
	}
}
