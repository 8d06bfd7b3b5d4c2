package trace

import (
	"math"

	"github.com/assayhq/assay/internal/fault"
)

// attrList decodes every KeyValue in field num of msg.
func (d *decoder) attrList(msg string, num uint32) ([]Attr, error) {
	var attrs []Attr
	r := reader{msg}
	var f field
	for {
		more, err := r.next(&f)
		if !more {
			return attrs, err
		}
		if f.num != num || f.wire != wireBytes {
			continue
		}
		if err := d.take(1); err != nil {
			return nil, err
		}
		a, err := d.attr(f.data, 0)
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, a)
	}
}

// attr decodes a KeyValue: key = 1, value = 2.
func (d *decoder) attr(msg string, depth int) (Attr, error) {
	var a Attr
	r := reader{msg}
	var f field
	for {
		more, err := r.next(&f)
		if !more {
			return a, err
		}
		if f.wire != wireBytes {
			continue
		}
		switch f.num {
		case 1:
			a.Key = text(f.data)
		case 2:
			if err := d.value(&a.Value, f.data, depth); err != nil {
				return a, err
			}
		}
	}
}

var errTooDeep = fault.Invalidf("an attribute is nested deeper than %d levels", maxDepth)

// value decodes an AnyValue: string = 1, bool = 2, int = 3, double = 4,
// array = 5, kvlist = 6, bytes = 7. The last of several wins.
func (d *decoder) value(v *Value, msg string, depth int) error {
	if depth >= maxDepth {
		return errTooDeep
	}
	r := reader{msg}
	var f field
	for {
		more, err := r.next(&f)
		if !more {
			return err
		}
		switch {
		case f.num == 1 && f.wire == wireBytes:
			*v = Value{Kind: String, Str: text(f.data)}
		case f.num == 2 && f.wire == wireVarint:
			*v = BoolValue(f.u64 != 0)
		case f.num == 3 && f.wire == wireVarint:
			*v = Value{Kind: Int, Int: int64(f.u64)}
		case f.num == 4 && f.wire == wireFixed64:
			*v = Value{Kind: Float, Float: math.Float64frombits(f.u64)}
		case f.num == 5 && f.wire == wireBytes:
			*v = Value{Kind: List}
			err = d.list(v, f.data, depth+1)
		case f.num == 6 && f.wire == wireBytes:
			*v = Value{Kind: Map}
			err = d.fields(v, f.data, depth+1)
		case f.num == 7 && f.wire == wireBytes:
			*v = Value{Kind: Bytes, Str: f.data}
		}
		if err != nil {
			return err
		}
	}
}

// countField counts the length-delimited fields num of msg.
func countField(msg string, num uint32) (n int, err error) {
	r := reader{msg}
	var f field
	for {
		more, err := r.next(&f)
		if !more {
			return n, err
		}
		if f.num == num && f.wire == wireBytes {
			n++
		}
	}
}

func (d *decoder) list(v *Value, msg string, depth int) error {
	n, err := countField(msg, 1)
	if err != nil || n == 0 {
		return err
	}
	if d.take(n) != nil {
		return spanTooLarge
	}
	v.List = make([]Value, 0, n)
	r := reader{msg}
	var f field
	for {
		more, err := r.next(&f)
		if !more {
			return err
		}
		if f.num != 1 || f.wire != wireBytes {
			continue
		}
		var item Value
		if err := d.value(&item, f.data, depth); err != nil {
			return err
		}
		v.List = append(v.List, item)
	}
}

func (d *decoder) fields(v *Value, msg string, depth int) error {
	n, err := countField(msg, 1)
	if err != nil || n == 0 {
		return err
	}
	if d.take(n) != nil {
		return spanTooLarge
	}
	v.Map = make([]Attr, 0, n)
	r := reader{msg}
	var f field
	for {
		more, err := r.next(&f)
		if !more {
			return err
		}
		if f.num != 1 || f.wire != wireBytes {
			continue
		}
		a, err := d.attr(f.data, depth)
		if err != nil {
			return err
		}
		v.Map = append(v.Map, a)
	}
}
