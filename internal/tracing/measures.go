package tracing

import (
	"encoding/binary"
	"math"
)

// Measures is what happened in one cell of monitoring: the traces or spans
// that share a value of a dimension, in a stretch of time. Two of them add up
// by [Measures.Merge].
type Measures struct {
	Traces int64 // that have the value
	Spans  int64 // of those traces, or those that have the value
	Errors int64 // traces or spans that failed
	Open   int64 // traces that have not ended
	Tools  int64 // calls of tools
	Calls  int64 // model calls that count for tokens and cost

	TokensIn, TokensOut, Tokens, CacheRead int64 // -1 unknown
	Cost                                   int64 // pico-dollars of what is priced; -1 unknown
	Unpriced                               int64 // of Calls, those with tokens and no known price

	Time, Self int64  // microseconds, of what has ended; -1 unknown
	Duration   Sketch // microseconds, of what has ended

	Scores       int64   // numeric scores
	Score        float64 // their sum
	ScoreSquares float64 // sum of squares
}

func noMeasures() Measures {
	return Measures{TokensIn: -1, TokensOut: -1, Tokens: -1, CacheRead: -1, Cost: -1, Time: -1, Self: -1}
}

// Merge adds what o counted.
func (m *Measures) Merge(o *Measures) {
	a, b := m.integers(), o.integers()
	for i := range a {
		if i < firstUnknown {
			*a[i] += *b[i]
		} else {
			add(a[i], *b[i])
		}
	}
	m.Duration.Merge(&o.Duration)
	m.Score += o.Score
	m.ScoreSquares += o.ScoreSquares
}

// firstUnknown is the first of integers that may be unknown.
const firstUnknown = 8

func (m *Measures) integers() [15]*int64 {
	return [...]*int64{&m.Traces, &m.Spans, &m.Errors, &m.Open, &m.Tools, &m.Calls, &m.Unpriced, &m.Scores,
		&m.TokensIn, &m.TokensOut, &m.Tokens, &m.CacheRead, &m.Cost, &m.Time, &m.Self}
}

// Mean is the mean score with the half width of its 95 % interval by the
// normal approximation; known from one score, the interval from two.
func (m *Measures) Mean() (mean, half float64, known bool) {
	if m.Scores == 0 {
		return 0, -1, false
	}
	n := float64(m.Scores)
	mean = m.Score / n
	if m.Scores < 2 {
		return mean, -1, true
	}
	variance := max(0, (m.ScoreSquares-n*mean*mean)/(n-1))
	return mean, 1.96 * math.Sqrt(variance/n), true
}

// append writes m: a bit for each field that is there, then those fields.
func (m *Measures) append(b []byte) []byte {
	fields := m.integers()
	mask := uint64(0)
	for i, f := range fields {
		if *f > 0 || i >= firstUnknown && *f == 0 {
			mask |= 1 << i
		}
	}
	if m.Scores > 0 {
		mask |= 1 << len(fields)
	}
	if m.Duration.n > 0 {
		mask |= 2 << len(fields)
	}
	b = binary.AppendUvarint(b, mask)
	for i, f := range fields {
		if mask&(1<<i) != 0 {
			b = binary.AppendUvarint(b, uint64(*f))
		}
	}
	if m.Scores > 0 {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(m.Score))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(m.ScoreSquares))
	}
	if m.Duration.n > 0 {
		b = m.Duration.append(b)
	}
	return b
}

// mergeFrom merges what append wrote.
func (m *Measures) mergeFrom(r *cellReader) {
	fields := m.integers()
	mask := r.uvarint()
	for i, f := range fields {
		if mask&(1<<i) == 0 {
			continue
		}
		v := r.uvarint()
		if v > math.MaxInt64 {
			r.err = errCells
			return
		}
		if i < firstUnknown {
			*f += int64(v)
		} else {
			add(f, int64(v))
		}
	}
	if mask&(1<<len(fields)) != 0 {
		m.Score += r.float()
		m.ScoreSquares += r.float()
	}
	if mask&(2<<len(fields)) != 0 {
		m.Duration.mergeFrom(r)
	}
}

// cellReader reads what cells are encoded as. After the first error it
// returns zeroes.
type cellReader struct {
	b   []byte
	err error
}

func (r *cellReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || r.err != nil {
		r.b, r.err = nil, errCells
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *cellReader) float() float64 {
	if len(r.b) < 8 || r.err != nil {
		r.b, r.err = nil, errCells
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(r.b))
	r.b = r.b[8:]
	return v
}

func (r *cellReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) || r.err != nil {
		r.b, r.err = nil, errCells
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}
