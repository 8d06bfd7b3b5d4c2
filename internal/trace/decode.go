package trace

import (
	"math"

	"github.com/assayhq/assay/internal/fault"
)

// ParseSpan decodes the protobuf form of one span and sets Raw to raw. It is
// a fault of kind Invalid if raw is malformed or the span has no valid ids.
func ParseSpan(raw []byte) (Span, error) {
	d := decoder{budget: maxSpanValues}
	var s Span
	err := d.span(&s, raw)
	return s, err
}

// ParseAttrs decodes a sequence of KeyValue messages, each as field 1, which
// is how [AppendAttrs] writes them and how an OTLP Resource holds them.
func ParseAttrs(b []byte) ([]Attr, error) {
	d := decoder{budget: maxSpanValues}
	return d.attrList(string(b), 1)
}

// decoder counts what it has unfolded against a budget.
type decoder struct{ budget int }

var errTooMany = fault.New(fault.TooLarge, "the request unfolds into more than %d values; send smaller batches", maxRequestNodes)

func (d *decoder) take(n int) error {
	if d.budget -= n; d.budget < 0 {
		return errTooMany
	}
	return nil
}

// span decodes raw into s. One copy of raw backs every string of the span.
func (d *decoder) span(s *Span, raw []byte) error {
	*s = Span{Raw: raw}
	body := string(raw)
	attrs, events, links, err := countSpan(body)
	if err != nil {
		return err
	}
	if err := d.take(attrs + events + links); err != nil {
		return spanTooLarge
	}
	if attrs > 0 {
		s.Attrs = make([]Attr, 0, attrs)
	}
	if events > 0 {
		s.Events = make([]Event, 0, events)
	}
	if links > 0 {
		s.Links = make([]Link, 0, links)
	}
	r := reader{body}
	var f field
	for {
		more, err := r.next(&f)
		if err != nil {
			return err
		}
		if !more {
			return s.check()
		}
		if err := d.spanField(s, &f); err != nil {
			return err
		}
	}
}

var spanTooLarge = fault.New(fault.TooLarge, "a span holds more than %d attributes, events and nested values", maxSpanValues)

// countSpan counts the repeated fields of a span so that each slice is made
// once, at its size.
func countSpan(s string) (attrs, events, links int, err error) {
	r := reader{s}
	var f field
	for {
		more, err := r.next(&f)
		if !more {
			return attrs, events, links, err
		}
		if f.wire != wireBytes {
			continue
		}
		switch f.num {
		case 9:
			attrs++
		case 11:
			events++
		case 13:
			links++
		}
	}
}

// spanField reads one field of opentelemetry.proto.trace.v1.Span. A known
// number under another wire type is an unknown field, as protobuf has it.
func (d *decoder) spanField(s *Span, f *field) error {
	switch {
	case f.num == 1 && f.wire == wireBytes:
		return idField(s.TraceID[:], f.data, "trace")
	case f.num == 2 && f.wire == wireBytes:
		return idField(s.ID[:], f.data, "span")
	case f.num == 3 && f.wire == wireBytes:
		s.State = text(f.data)
	case f.num == 4 && f.wire == wireBytes:
		return idField(s.Parent[:], f.data, "parent span")
	case f.num == 5 && f.wire == wireBytes:
		s.Name = text(f.data)
	case f.num == 6 && f.wire == wireVarint:
		s.Kind = 0
		if f.u64 <= 5 {
			s.Kind = uint8(f.u64)
		}
	case f.num == 7 && f.wire == wireFixed64:
		return nanos(&s.Start, f.u64, "start")
	case f.num == 8 && f.wire == wireFixed64:
		return nanos(&s.End, f.u64, "end")
	case f.num == 9 && f.wire == wireBytes:
		a, err := d.attr(f.data, 0)
		s.Attrs = append(s.Attrs, a)
		return err
	case f.num == 10 && f.wire == wireVarint:
		s.Dropped.Attrs = uint32(f.u64)
	case f.num == 11 && f.wire == wireBytes:
		e, err := d.event(f.data)
		s.Events = append(s.Events, e)
		return err
	case f.num == 12 && f.wire == wireVarint:
		s.Dropped.Events = uint32(f.u64)
	case f.num == 13 && f.wire == wireBytes:
		l, err := d.link(f.data)
		s.Links = append(s.Links, l)
		return err
	case f.num == 14 && f.wire == wireVarint:
		s.Dropped.Links = uint32(f.u64)
	case f.num == 15 && f.wire == wireBytes:
		return s.status(f.data)
	case f.num == 16 && f.wire == wireFixed32:
		s.Flags = uint32(f.u64)
	}
	return nil
}

func (s *Span) status(msg string) error {
	r := reader{msg}
	var f field
	for {
		more, err := r.next(&f)
		if !more {
			return err
		}
		switch {
		case f.num == 2 && f.wire == wireBytes:
			s.StatusMessage = text(f.data)
		case f.num == 3 && f.wire == wireVarint:
			s.Status = statusOf(f.u64)
		}
	}
}

func statusOf(code uint64) Status {
	if code > uint64(Error) {
		return Unset
	}
	return Status(code)
}

// idField copies an id, which is empty or exactly as long as dst.
func idField(dst []byte, id, what string) error {
	if len(id) != 0 && len(id) != len(dst) {
		return fault.Invalidf("a %s id is %d bytes long; it must be %d", what, len(id), len(dst))
	}
	clear(dst)
	copy(dst, id)
	return nil
}

func nanos(dst *int64, v uint64, what string) error {
	if v > math.MaxInt64 {
		return fault.Invalidf("the %s time %d is past the year 2262", what, v)
	}
	*dst = int64(v)
	return nil
}

// check refuses what cannot be stored under an identity.
func (s *Span) check() error {
	switch { // the span's name is not quoted: nothing of it is masked yet
	case s.TraceID.IsZero():
		return fault.Invalidf("a span has no trace id")
	case s.ID.IsZero():
		return fault.Invalidf("a span of trace %s has no span id", s.TraceID)
	}
	return nil
}

func (d *decoder) event(msg string) (Event, error) {
	var e Event
	r := reader{msg}
	var f field
	for {
		more, err := r.next(&f)
		if !more {
			return e, err
		}
		switch {
		case f.num == 1 && f.wire == wireFixed64:
			err = nanos(&e.Time, f.u64, "event")
		case f.num == 2 && f.wire == wireBytes:
			e.Name = text(f.data)
		case f.num == 3 && f.wire == wireBytes:
			var a Attr
			if err = d.take(1); err == nil {
				a, err = d.attr(f.data, 0)
				e.Attrs = append(e.Attrs, a)
			} else {
				err = spanTooLarge
			}
		case f.num == 4 && f.wire == wireVarint:
			e.Dropped = uint32(f.u64)
		}
		if err != nil {
			return e, err
		}
	}
}

func (d *decoder) link(msg string) (Link, error) {
	var l Link
	r := reader{msg}
	var f field
	for {
		more, err := r.next(&f)
		if !more {
			return l, err
		}
		switch {
		case f.num == 1 && f.wire == wireBytes:
			err = idField(l.TraceID[:], f.data, "linked trace")
		case f.num == 2 && f.wire == wireBytes:
			err = idField(l.SpanID[:], f.data, "linked span")
		case f.num == 3 && f.wire == wireBytes:
			l.State = text(f.data)
		case f.num == 4 && f.wire == wireBytes:
			var a Attr
			if err = d.take(1); err == nil {
				a, err = d.attr(f.data, 0)
				l.Attrs = append(l.Attrs, a)
			} else {
				err = spanTooLarge
			}
		case f.num == 5 && f.wire == wireVarint:
			l.Dropped = uint32(f.u64)
		case f.num == 6 && f.wire == wireFixed32:
			l.Flags = uint32(f.u64)
		}
		if err != nil {
			return l, err
		}
	}
}
