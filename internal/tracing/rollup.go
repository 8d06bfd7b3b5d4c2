package tracing

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
)

// Cells are the measures of a stretch of time, by dimension and value. They
// are made from traces by [Cells.Fold], never changed by the arrival of a
// span: who wants them to agree with the traces makes them again.
type Cells struct {
	dims map[Dimension]*cellSet
}

// cellSet is the values of one dimension. What is beyond the largest is
// summed up in other; others says that there is such a rest.
type cellSet struct {
	values map[string]*Measures
	other  *Measures
}

// Limits of what is kept per stretch and dimension.
const (
	maxCellValues = 200
	maxCellKeys   = 40 // tags
)

// NewCells returns empty cells.
func NewCells() *Cells { return &Cells{dims: map[Dimension]*cellSet{}} }

func (c *Cells) set(d Dimension) *cellSet {
	s := c.dims[d]
	if s == nil {
		s = &cellSet{values: map[string]*Measures{}}
		c.dims[d] = s
	}
	return s
}

func (c *Cells) at(d Dimension, value string) *Measures {
	return c.set(d).at(value)
}

func (s *cellSet) at(value string) *Measures {
	m := s.values[value]
	if m == nil {
		fresh := noMeasures()
		m = &fresh
		s.values[value] = m
	}
	return m
}

// Empty reports whether no trace was folded in.
func (c *Cells) Empty() bool { return len(c.dims) == 0 }

// Each yields the dimensions, encoded, in a fixed order.
func (c *Cells) Each(yield func(d Dimension, cells []byte)) {
	for _, d := range c.order() {
		yield(d, c.dims[d].append(nil))
	}
}

func (c *Cells) order() []Dimension {
	list := make([]Dimension, 0, len(c.dims))
	tags := 0
	for d := range c.dims {
		list = append(list, d)
		if d.Dim == DimTag {
			tags++
		}
	}
	if tags > maxCellKeys {
		list = slices.DeleteFunc(list, func(d Dimension) bool { return d.Dim == DimTag })
		list = append(list, c.commonTags()...)
	}
	slices.SortFunc(list, func(a, b Dimension) int { return cmp.Or(cmp.Compare(a.Dim, b.Dim), strings.Compare(a.Key, b.Key)) })
	return list
}

// commonTags are the keys that most traces have. The tags that the server
// itself sets are always among them.
func (c *Cells) commonTags() []Dimension {
	type keyed struct {
		d Dimension
		n int64
	}
	var list []keyed
	for d, s := range c.dims {
		if d.Dim != DimTag {
			continue
		}
		n := int64(0)
		for _, m := range s.values {
			n += m.Traces
		}
		if strings.HasPrefix(d.Key, "assay.") {
			n = math.MaxInt64
		}
		list = append(list, keyed{d, n})
	}
	slices.SortFunc(list, func(a, b keyed) int { return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.d.Key, b.d.Key)) })
	out := make([]Dimension, 0, maxCellKeys)
	for _, k := range list[:min(len(list), maxCellKeys)] {
		out = append(out, k.d)
	}
	return out
}

// Pack writes all dimensions as one value, for minutes.
func (c *Cells) Pack() []byte {
	var b []byte
	c.Each(func(d Dimension, cells []byte) {
		b = append(b, byte(d.Dim))
		b = appendBytes(b, d.Key)
		b = appendBytes(b, cells)
	})
	return b
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// Unpack merges what Pack wrote.
func (c *Cells) Unpack(packed []byte) error {
	return eachPacked(packed, func(d Dimension, cells []byte) error {
		return c.set(d).mergeFrom(cells)
	})
}

func eachPacked(packed []byte, fn func(d Dimension, cells []byte) error) error {
	r := cellReader{b: packed}
	for len(r.b) > 0 {
		dim := Dim(r.b[0])
		r.b = r.b[1:]
		key, cells := r.bytes(), r.bytes()
		if r.err != nil || dim >= dimCount {
			return errCells
		}
		if err := fn(Dimension{dim, string(key)}, cells); err != nil {
			return err
		}
	}
	return nil
}

// unpackOne returns the part of one dimension of what Pack wrote; nil if it
// is not there.
func unpackOne(packed []byte, want Dimension) ([]byte, error) {
	var found []byte
	err := eachPacked(packed, func(d Dimension, cells []byte) error {
		if d == want {
			found = cells
		}
		return nil
	})
	return found, err
}

// append writes the values by name: their number, each with its measures, and
// the rest if there is one.
func (s *cellSet) append(b []byte) []byte {
	names := make([]string, 0, len(s.values))
	for v := range s.values {
		names = append(names, v)
	}
	other := s.other
	if len(names) > maxCellValues {
		slices.SortFunc(names, func(a, b string) int {
			return cmp.Or(cmp.Compare(s.values[b].volume(), s.values[a].volume()), strings.Compare(a, b))
		})
		rest := noMeasures()
		if other != nil {
			rest.Merge(other)
		}
		for _, v := range names[maxCellValues:] {
			rest.Merge(s.values[v])
		}
		names, other = names[:maxCellValues], &rest
	}
	slices.Sort(names)
	b = binary.AppendUvarint(b, uint64(len(names)))
	for _, v := range names {
		b = appendBytes(b, v)
		b = appendBytes(b, s.values[v].append(nil))
	}
	if other != nil {
		b = appendBytes(b, other.append(nil))
	}
	return b
}

func (m *Measures) volume() int64 { return max(m.Traces, m.Spans) }

func (s *cellSet) mergeFrom(cells []byte) error {
	return eachCell(cells, func(value []byte, other bool) *Measures {
		if !other {
			if m := s.values[string(value)]; m != nil {
				return m
			}
			return s.at(string(value))
		}
		if s.other == nil {
			fresh := noMeasures()
			s.other = &fresh
		}
		return s.other
	})
}

// eachCell merges the measures of each value into what into returns for it;
// nil passes it over.
func eachCell(cells []byte, into func(value []byte, other bool) *Measures) error {
	r := cellReader{b: cells}
	n := r.uvarint()
	for range n {
		value, measures := r.bytes(), r.bytes()
		if r.err != nil {
			return r.err
		}
		if m := into(value, false); m != nil {
			inner := cellReader{b: measures}
			if m.mergeFrom(&inner); inner.err != nil {
				return inner.err
			}
		}
	}
	if len(r.b) == 0 || r.err != nil {
		return r.err
	}
	measures := r.bytes()
	if m := into(nil, true); m != nil && r.err == nil {
		inner := cellReader{b: measures}
		m.mergeFrom(&inner)
		r.err = inner.err
	}
	return r.err
}

// ReadTotal returns the measures of all traces of stored cells: those of
// [DimTotal] for an hour, or the packed ones of a minute. It is nil when there
// are none.
func ReadTotal(cells []byte, hour bool) (*Measures, error) {
	if !hour {
		var err error
		if cells, err = unpackOne(cells, Dimension{}); err != nil || cells == nil {
			return nil, err
		}
	}
	sum := noMeasures()
	err := eachCell(cells, func([]byte, bool) *Measures { return &sum })
	return &sum, err
}
