package trace

import "encoding/binary"

// AppendSpan appends the protobuf encoding of s, made from its fields; Raw,
// Source and Columns are not consulted. What [ParseSpan] reads back equals s.
func AppendSpan(b []byte, s *Span) []byte {
	if !s.TraceID.IsZero() {
		b = appendStringAlways(b, 1, string(s.TraceID[:]))
	}
	if !s.ID.IsZero() {
		b = appendStringAlways(b, 2, string(s.ID[:]))
	}
	b = appendString(b, 3, s.State)
	if !s.Parent.IsZero() {
		b = appendStringAlways(b, 4, string(s.Parent[:]))
	}
	b = appendString(b, 5, s.Name)
	b = appendVarint(b, 6, uint64(s.Kind))
	b = appendFixed64(b, 7, uint64(s.Start))
	b = appendFixed64(b, 8, uint64(s.End))
	for i := range s.Attrs {
		b = appendAttr(b, 9, &s.Attrs[i])
	}
	b = appendVarint(b, 10, uint64(s.Dropped.Attrs))
	for i := range s.Events {
		e := &s.Events[i]
		b = appendMessage(b, 11, sizeEvent(e))
		b = appendEvent(b, e)
	}
	b = appendVarint(b, 12, uint64(s.Dropped.Events))
	for i := range s.Links {
		l := &s.Links[i]
		b = appendMessage(b, 13, sizeLink(l))
		b = appendLink(b, l)
	}
	b = appendVarint(b, 14, uint64(s.Dropped.Links))
	if n := sizeString(s.StatusMessage) + sizeVarint(uint64(s.Status)); n > 0 {
		b = appendMessage(b, 15, n)
		b = appendString(b, 2, s.StatusMessage)
		b = appendVarint(b, 3, uint64(s.Status))
	}
	return appendFixed32(b, 16, s.Flags)
}

// AppendAttrs appends attrs as KeyValue messages in field 1, the body of an
// OTLP Resource. [ParseAttrs] reads it.
func AppendAttrs(b []byte, attrs []Attr) []byte {
	for i := range attrs {
		b = appendAttr(b, 1, &attrs[i])
	}
	return b
}

func appendMessage(b []byte, num uint32, size int) []byte {
	b = appendTag(b, num, wireBytes)
	return binary.AppendUvarint(b, uint64(size))
}

func appendEvent(b []byte, e *Event) []byte {
	b = appendFixed64(b, 1, uint64(e.Time))
	b = appendString(b, 2, e.Name)
	for i := range e.Attrs {
		b = appendAttr(b, 3, &e.Attrs[i])
	}
	return appendVarint(b, 4, uint64(e.Dropped))
}

func sizeEvent(e *Event) int {
	return sizeFixed64(uint64(e.Time)) + sizeString(e.Name) + sizeAttrs(e.Attrs) + sizeVarint(uint64(e.Dropped))
}

func appendLink(b []byte, l *Link) []byte {
	if !l.TraceID.IsZero() {
		b = appendStringAlways(b, 1, string(l.TraceID[:]))
	}
	if !l.SpanID.IsZero() {
		b = appendStringAlways(b, 2, string(l.SpanID[:]))
	}
	b = appendString(b, 3, l.State)
	for i := range l.Attrs {
		b = appendAttr(b, 4, &l.Attrs[i])
	}
	b = appendVarint(b, 5, uint64(l.Dropped))
	return appendFixed32(b, 6, l.Flags)
}

func sizeLink(l *Link) int {
	n := sizeString(l.State) + sizeAttrs(l.Attrs) + sizeVarint(uint64(l.Dropped))
	if !l.TraceID.IsZero() {
		n += 2 + len(l.TraceID)
	}
	if !l.SpanID.IsZero() {
		n += 2 + len(l.SpanID)
	}
	if l.Flags != 0 {
		n += 5
	}
	return n
}

func appendAttr(b []byte, num uint32, a *Attr) []byte {
	b = appendMessage(b, num, sizeAttr(a))
	b = appendString(b, 1, a.Key)
	if a.Value.Kind != Null {
		b = appendMessage(b, 2, sizeValue(&a.Value))
		b = appendValue(b, &a.Value)
	}
	return b
}

func appendValue(b []byte, v *Value) []byte {
	switch v.Kind {
	case String:
		return appendStringAlways(b, 1, v.Str)
	case Bool:
		b = appendTag(b, 2, wireVarint)
		return append(b, byte(v.Int&1))
	case Int:
		b = appendTag(b, 3, wireVarint)
		return binary.AppendUvarint(b, uint64(v.Int))
	case Float:
		b = appendTag(b, 4, wireFixed64)
		return binary.LittleEndian.AppendUint64(b, floatBits(v.Float))
	case List:
		b = appendMessage(b, 5, sizeList(v.List))
		for i := range v.List {
			b = appendMessage(b, 1, sizeValue(&v.List[i]))
			b = appendValue(b, &v.List[i])
		}
	case Map:
		b = appendMessage(b, 6, sizeAttrs(v.Map))
		for i := range v.Map {
			b = appendAttr(b, 1, &v.Map[i])
		}
	case Bytes:
		return appendStringAlways(b, 7, v.Str)
	}
	return b
}

func sizeMessage(n int) int { return 1 + sizeUvarint(uint64(n)) + n }

func sizeString(s string) int {
	if s == "" {
		return 0
	}
	return sizeMessage(len(s))
}

func sizeVarint(v uint64) int {
	if v == 0 {
		return 0
	}
	return 1 + sizeUvarint(v)
}

func sizeFixed64(v uint64) int {
	if v == 0 {
		return 0
	}
	return 9
}

func sizeAttrs(attrs []Attr) int {
	n := 0
	for i := range attrs {
		n += sizeMessage(sizeAttr(&attrs[i]))
	}
	return n
}

func sizeAttr(a *Attr) int {
	n := sizeString(a.Key)
	if a.Value.Kind != Null {
		n += sizeMessage(sizeValue(&a.Value))
	}
	return n
}

func sizeList(list []Value) int {
	n := 0
	for i := range list {
		n += sizeMessage(sizeValue(&list[i]))
	}
	return n
}

func sizeValue(v *Value) int {
	switch v.Kind {
	case String, Bytes:
		return sizeMessage(len(v.Str))
	case Bool:
		return 2
	case Int:
		return 1 + sizeUvarint(uint64(v.Int))
	case Float:
		return 9
	case List:
		return sizeMessage(sizeList(v.List))
	case Map:
		return sizeMessage(sizeAttrs(v.Map))
	}
	return 0
}
