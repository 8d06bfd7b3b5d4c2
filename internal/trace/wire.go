package trace

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

// Limits of what one message may unfold into. A few bytes on the wire become
// about a hundred in memory, so counts are bounded besides the body's size.
const (
	maxDepth        = 64      // nested AnyValues
	maxSpanValues   = 1 << 17 // values, events and links of one span
	maxRequestNodes = 1 << 22 // the same, of one request, spans and groups included
	maxGroups       = 32      // nested groups in an unknown field
)

// The wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireGroup   = 3
	wireEnd     = 4
	wireFixed32 = 5
)

// errMalformed is what every violation of the wire format becomes; a body
// that holds one is refused whole, since nothing after it can be trusted.
var errMalformed = fault.Invalidf("the body is not a valid protobuf encoding of an OTLP request")

// field is one decoded field: num of the three payloads by wire type.
type field struct {
	num  uint32
	wire uint8
	u64  uint64 // varint, fixed64, fixed32
	data string // length-delimited
}

// reader walks the fields of one message. It reads from a string so that the
// strings it yields are substrings of one copy and outlive the request body.
type reader struct{ s string }

// next reads one field into f. It reports false at the end of the message;
// ok tells the end from a malformed field.
func (r *reader) next(f *field) (more bool, err error) {
	if len(r.s) == 0 {
		return false, nil
	}
	tag, ok := r.varint()
	if !ok || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return false, errMalformed
	}
	f.num, f.wire = uint32(tag>>3), uint8(tag&7)
	switch f.wire {
	case wireVarint:
		f.u64, ok = r.varint()
	case wireFixed64:
		if ok = len(r.s) >= 8; ok {
			f.u64 = le64(r.s)
			r.s = r.s[8:]
		}
	case wireFixed32:
		if ok = len(r.s) >= 4; ok {
			f.u64 = uint64(le32(r.s))
			r.s = r.s[4:]
		}
	case wireBytes:
		var n uint64
		if n, ok = r.varint(); ok {
			if ok = n <= uint64(len(r.s)); ok {
				f.data, r.s = r.s[:n], r.s[n:]
			}
		}
	case wireGroup:
		ok = r.skipGroup(f.num, 0)
	default:
		ok = false
	}
	if !ok {
		return false, errMalformed
	}
	return true, nil
}

// skipGroup passes over a group, a construct OTLP has never used.
func (r *reader) skipGroup(num uint32, depth int) bool {
	if depth >= maxGroups {
		return false
	}
	for {
		tag, ok := r.varint()
		if !ok || tag>>3 == 0 || tag>>3 > 1<<29-1 {
			return false
		}
		switch tag & 7 {
		case wireEnd:
			return uint32(tag>>3) == num
		case wireVarint:
			_, ok = r.varint()
		case wireFixed64:
			ok = r.skip(8)
		case wireFixed32:
			ok = r.skip(4)
		case wireBytes:
			var n uint64
			if n, ok = r.varint(); ok {
				ok = r.skip(n)
			}
		case wireGroup:
			ok = r.skipGroup(uint32(tag>>3), depth+1)
		default:
			return false
		}
		if !ok {
			return false
		}
	}
}

func (r *reader) skip(n uint64) bool {
	if n > uint64(len(r.s)) {
		return false
	}
	r.s = r.s[n:]
	return true
}

func (r *reader) varint() (uint64, bool) {
	if len(r.s) > 0 && r.s[0] < 0x80 {
		v := uint64(r.s[0])
		r.s = r.s[1:]
		return v, true
	}
	var v uint64
	for i := 0; i < len(r.s) && i < 10; i++ {
		b := r.s[i]
		if i == 9 && b > 1 {
			return 0, false
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.s = r.s[i+1:]
			return v, true
		}
	}
	return 0, false
}

func le32(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func le64(s string) uint64 { return uint64(le32(s)) | uint64(le32(s[4:]))<<32 }

// text returns s as valid UTF-8. Instrumentation that clips long texts by
// bytes cuts characters in two; losing that character is kinder than losing
// the span, so it is replaced, not refused.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func appendTag(b []byte, num uint32, wire uint8) []byte {
	return binary.AppendUvarint(b, uint64(num)<<3|uint64(wire))
}

func appendString(b []byte, num uint32, s string) []byte {
	if s == "" {
		return b
	}
	return appendStringAlways(b, num, s)
}

func appendStringAlways(b []byte, num uint32, s string) []byte {
	b = appendTag(b, num, wireBytes)
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendVarint(b []byte, num uint32, v uint64) []byte {
	if v == 0 {
		return b
	}
	b = appendTag(b, num, wireVarint)
	return binary.AppendUvarint(b, v)
}

func appendFixed64(b []byte, num uint32, v uint64) []byte {
	if v == 0 {
		return b
	}
	b = appendTag(b, num, wireFixed64)
	return binary.LittleEndian.AppendUint64(b, v)
}

func appendFixed32(b []byte, num uint32, v uint32) []byte {
	if v == 0 {
		return b
	}
	b = appendTag(b, num, wireFixed32)
	return binary.LittleEndian.AppendUint32(b, v)
}

// sizeUvarint is the length of v as a varint.
func sizeUvarint(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

func floatBits(f float64) uint64 { return math.Float64bits(f) }
