package trace

import (
	"errors"

	"github.com/assayhq/assay/internal/fault"
)

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
