package sqlstore

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// rowReader reads what [Dialect.JSONRows] aggregates: an array of arrays of
// texts, numbers and nulls. It is several times faster than encoding/json,
// which decides how fast a page of runs is read. The zero value after reset is
// at the start; every read after a mistake returns zero values and err says
// what was wrong.
type rowReader struct {
	s   string
	pos int
	err error
}

var errRows = errors.New("sqlstore: malformed JSON rows")

// rows calls fn once per inner array; fn reads exactly its columns.
func (r *rowReader) rows(s string, fn func()) error {
	r.s, r.pos, r.err = s, 0, nil
	if s == "" || s == "null" {
		return nil
	}
	r.expect('[')
	for first := true; r.err == nil; first = false {
		if r.peek() == ']' {
			break
		}
		if !first {
			r.expect(',')
		}
		r.expect('[')
		fn()
		if r.pos > 0 && r.s[r.pos-1] == ',' { // each column reads the comma after it
			r.err = errRows
		}
		r.expect(']')
	}
	r.expect(']')
	return r.err
}

func (r *rowReader) peek() byte {
	for r.pos < len(r.s) {
		switch c := r.s[r.pos]; c {
		case ' ', '\n', '\t', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *rowReader) expect(c byte) {
	if r.err != nil {
		return
	}
	if r.peek() != c {
		r.err = errRows
		return
	}
	r.pos++
}

// comma skips the comma after a column, if there is one.
func (r *rowReader) comma() {
	if r.peek() == ',' && r.err == nil {
		r.pos++
	}
}

// number returns the text of a number.
func (r *rowReader) number() string {
	r.peek()
	start := r.pos
	for r.pos < len(r.s) {
		c := r.s[r.pos]
		if c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E' {
			r.pos++
			continue
		}
		break
	}
	if start == r.pos {
		r.err = errRows
	}
	return r.s[start:r.pos]
}

// Int reads an integer column.
func (r *rowReader) Int() int64 {
	if r.err != nil {
		return 0
	}
	v, err := strconv.ParseInt(r.number(), 10, 64)
	if err != nil {
		r.err = errRows
	}
	r.comma()
	return v
}

// Float reads a number column.
func (r *rowReader) Float() float64 {
	if r.err != nil {
		return 0
	}
	v, err := strconv.ParseFloat(r.number(), 64)
	if err != nil {
		r.err = errRows
	}
	r.comma()
	return v
}

// Null reports whether the next column is null, and reads it if so.
func (r *rowReader) Null() bool {
	if r.err != nil || r.peek() != 'n' {
		return false
	}
	if len(r.s)-r.pos < 4 || r.s[r.pos:r.pos+4] != "null" {
		r.err = errRows
		return false
	}
	r.pos += 4
	r.comma()
	return true
}

// String reads a text column.
func (r *rowReader) String() string {
	r.expect('"')
	if r.err != nil {
		return ""
	}
	start := r.pos
	for r.pos < len(r.s) {
		switch r.s[r.pos] {
		case '"':
			s := r.s[start:r.pos]
			r.pos++
			r.comma()
			return s
		case '\\':
			s := r.escaped(start)
			r.comma()
			return s
		}
		r.pos++
	}
	r.err = errRows
	return ""
}

// escaped reads the rest of a text that has escapes.
func (r *rowReader) escaped(start int) string {
	b := []byte(r.s[start:r.pos])
	for r.pos < len(r.s) {
		c := r.s[r.pos]
		r.pos++
		if c == '"' {
			return string(b)
		}
		if c != '\\' {
			b = append(b, c)
			continue
		}
		if r.pos == len(r.s) {
			break
		}
		c = r.s[r.pos]
		r.pos++
		switch c {
		case '"', '\\', '/':
			b = append(b, c)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			b = utf8.AppendRune(b, r.unicode())
		default:
			r.err = errRows
			return ""
		}
	}
	r.err = errRows
	return ""
}

// unicode reads four hex digits and, after a high surrogate, its low one.
func (r *rowReader) unicode() rune {
	hi := r.hex()
	if !utf16.IsSurrogate(hi) {
		return hi
	}
	if len(r.s)-r.pos >= 6 && r.s[r.pos] == '\\' && r.s[r.pos+1] == 'u' {
		back := r.pos
		r.pos += 2
		if c := utf16.DecodeRune(hi, r.hex()); c != utf8.RuneError {
			return c
		}
		r.pos = back
	}
	return utf8.RuneError
}

func (r *rowReader) hex() rune {
	if len(r.s)-r.pos < 4 {
		r.err = errRows
		r.pos = len(r.s)
		return 0
	}
	v, err := strconv.ParseUint(r.s[r.pos:r.pos+4], 16, 16)
	if err != nil {
		r.err = errRows
	}
	r.pos += 4
	return rune(v)
}
