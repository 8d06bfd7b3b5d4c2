package trace

import (
	"errors"
	"math"
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// Request is a decoded OTLP ExportTraceServiceRequest.
type Request struct {
	Spans []Span // Source set; Raw aliases the body (protobuf) or its own encoding (JSON)

	// Rejected counts the spans that were well formed on the wire but cannot
	// be kept (no trace id, a time out of range, too many values), which OTLP
	// answers with a partial success. Reason tells of the first.
	Rejected int
	Reason   string
}

// ParseRequest decodes the protobuf form of an ExportTraceServiceRequest.
// A wire error anywhere refuses the whole body with a fault of kind Invalid;
// more nodes than a request may hold, with TooLarge. Unknown fields are
// ignored. Spans' Raw alias body; everything else is copied out of it.
func ParseRequest(body []byte) (Request, error) {
	var req Request
	d := decoder{budget: maxRequestNodes}
	err := eachMessage(body, 1, func(group []byte) error { return d.resourceSpans(&req, group) })
	if err != nil {
		return Request{}, err
	}
	return req, nil
}

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

// eachMessage calls f with every length-delimited field num of body, without
// copying.
func eachMessage(body []byte, num uint32, f func([]byte) error) error {
	for len(body) > 0 {
		n, wire, head, payload, err := fieldBounds(body)
		if err != nil {
			return err
		}
		if n == num && wire == wireBytes {
			if err := f(body[head : head+payload]); err != nil {
				return err
			}
		}
		body = body[head+payload:]
	}
	return nil
}

// fieldBounds measures the field b starts with: head bytes of tag (and
// length), then payload bytes.
func fieldBounds(b []byte) (num uint32, wire uint8, head, payload int, err error) {
	tag, n := uvarint(b)
	if n == 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return 0, 0, 0, 0, errMalformed
	}
	num, wire, head = uint32(tag>>3), uint8(tag&7), n
	rest := len(b) - n
	switch wire {
	case wireVarint:
		_, payload = uvarint(b[n:])
		if payload == 0 {
			return 0, 0, 0, 0, errMalformed
		}
	case wireFixed64:
		payload = 8
	case wireFixed32:
		payload = 4
	case wireBytes:
		size, m := uvarint(b[n:])
		if m == 0 || size > uint64(rest-m) {
			return 0, 0, 0, 0, errMalformed
		}
		head, payload = n+m, int(size)
		rest -= m
	case wireGroup:
		r := reader{string(b[n:])}
		if !r.skipGroup(num, 0) {
			return 0, 0, 0, 0, errMalformed
		}
		payload = rest - len(r.s)
	default:
		return 0, 0, 0, 0, errMalformed
	}
	if payload > rest {
		return 0, 0, 0, 0, errMalformed
	}
	return num, wire, head, payload, nil
}

// uvarint is binary.Uvarint with 0 for every failure.
func uvarint(b []byte) (uint64, int) {
	var v uint64
	for i, c := range b {
		if i == 9 && c > 1 || i > 9 {
			return 0, 0
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// resourceSpans decodes one ResourceSpans: resource = 1, scope_spans = 2.
// The resource may follow its spans on the wire, so it is read first.
func (d *decoder) resourceSpans(req *Request, b []byte) error {
	if err := d.take(1); err != nil {
		return err
	}
	var resource []Attr
	err := eachMessage(b, 1, func(m []byte) error {
		attrs, err := d.attrList(string(m), 1)
		resource = append(resource, attrs...)
		return err
	})
	if err != nil {
		return err
	}
	return eachMessage(b, 2, func(m []byte) error { return d.scopeSpans(req, m, resource) })
}

// scopeSpans decodes one ScopeSpans: scope = 1 (name = 1, version = 2),
// spans = 2.
func (d *decoder) scopeSpans(req *Request, b []byte, resource []Attr) error {
	if err := d.take(1); err != nil {
		return err
	}
	src := &Source{Resource: resource}
	count := 0
	err := eachMessage(b, 1, func(m []byte) error { return src.scope(string(m)) })
	if err == nil {
		err = eachMessage(b, 2, func([]byte) error { count++; return nil })
	}
	if err != nil {
		return err
	}
	if free := cap(req.Spans) - len(req.Spans); free < count {
		// Grown by what the body really holds: a span's bytes outweigh nothing
		// but empty spans, and those are rejected before they cost a place.
		grown := make([]Span, len(req.Spans), len(req.Spans)+min(count, len(b)/24+1))
		copy(grown, req.Spans)
		req.Spans = grown
	}
	return eachMessage(b, 2, func(m []byte) error { return d.addSpan(req, m, src) })
}

func (d *decoder) addSpan(req *Request, raw []byte, src *Source) error {
	if err := d.take(1); err != nil {
		return err
	}
	one := decoder{budget: min(d.budget, maxSpanValues)}
	before := one.budget
	var s Span
	err := one.span(&s, raw)
	d.budget -= before - max(one.budget, 0)
	switch {
	case err == nil:
		s.Source = src
		req.Spans = append(req.Spans, s)
		return nil
	case errors.Is(err, errMalformed):
		return err
	case d.budget <= 0:
		return errTooMany
	default:
		req.reject(err)
		return nil
	}
}

func (req *Request) reject(err error) {
	if req.Rejected++; req.Rejected == 1 {
		req.Reason = fault.Message(err)
	}
}

func (src *Source) scope(s string) error {
	r := reader{s}
	var f field
	for {
		more, err := r.next(&f)
		if !more {
			return err
		}
		if f.wire != wireBytes {
			continue
		}
		switch f.num {
		case 1:
			src.Scope = text(f.data)
		case 2:
			src.Version = text(f.data)
		}
	}
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
	switch {
	case s.TraceID.IsZero():
		return fault.Invalidf("span %q has no trace id", clip(s.Name))
	case s.ID.IsZero():
		return fault.Invalidf("span %q has no span id", clip(s.Name))
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
