package filter

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// list reads the rest of an IN list, after its open parenthesis: strings in
// single or double quotes with Python's escapes, separated by commas, one more
// comma allowed at the end. With loose also bare numbers, read as text.
func (l *lexer) list(loose bool) ([]string, *problem) {
	var items []string
	for {
		l.skipSpace()
		at := l.pos
		if l.pos == len(l.src) {
			return nil, problemf(at, "the list has no closing parenthesis")
		}
		switch c := l.src[l.pos]; {
		case c == ')':
			l.pos++
			if len(items) == 0 {
				return nil, problemf(at, "expected a non-empty list of string values, but got empty list")
			}
			return items, nil
		case c == '\'' || c == '"':
			s, p := l.pythonString()
			if p != nil {
				return nil, p
			}
			items = append(items, s)
		case loose && numeralLength(l.src[l.pos:]) > 0:
			n := numeralLength(l.src[l.pos:])
			items = append(items, l.src[l.pos:l.pos+n])
			l.pos += n
		default:
			return nil, problemf(at, "expected a quoted string in the list, found %s", quote(l.src[at:]))
		}
		if len(items) > MaxList {
			return nil, problemf(at, "the list has more than %d values", MaxList)
		}
		l.skipSpace()
		if l.pos < len(l.src) && l.src[l.pos] == ',' {
			l.pos++
		} else if l.pos < len(l.src) && l.src[l.pos] != ')' {
			return nil, problemf(l.pos, "expected a comma or a closing parenthesis in the list, found %s", quote(l.src[l.pos:]))
		}
	}
}

// pythonString reads one string literal, and those that follow it directly:
// Python joins them, so that 'it”s' is "its".
func (l *lexer) pythonString() (string, *problem) {
	var b strings.Builder
	for l.pos < len(l.src) && (l.src[l.pos] == '\'' || l.src[l.pos] == '"') {
		q := l.src[l.pos]
		at := l.pos
		l.pos++
		for {
			if l.pos == len(l.src) || l.src[l.pos] == '\n' || l.src[l.pos] == '\r' {
				return "", problemf(at, "a string in the list is not closed")
			}
			c := l.src[l.pos]
			l.pos++
			if c == q {
				break
			}
			if c != '\\' {
				b.WriteByte(c)
				continue
			}
			if p := l.escape(&b); p != nil {
				return "", p
			}
		}
		l.skipSpace()
	}
	return b.String(), nil
}

// escape reads what follows a backslash in a Python string.
func (l *lexer) escape(b *strings.Builder) *problem {
	at := l.pos - 1
	if l.pos == len(l.src) {
		return problemf(at, "a string in the list is not closed")
	}
	c := l.src[l.pos]
	l.pos++
	simple := map[byte]byte{
		'\\': '\\', '\'': '\'', '"': '"', 'a': '\a', 'b': '\b', 'f': '\f',
		'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
	}
	width := map[byte]int{'x': 2, 'u': 4, 'U': 8}
	switch {
	case c == '\n': // a continued line
		return nil
	case simple[c] != 0:
		b.WriteByte(simple[c])
		return nil
	case width[c] != 0:
		return l.codePoint(b, at, l.pos, width[c], 16)
	case c >= '0' && c <= '7':
		n := 1
		for n < 3 && l.pos-1+n < len(l.src) && l.src[l.pos-1+n] >= '0' && l.src[l.pos-1+n] <= '7' {
			n++
		}
		return l.codePoint(b, at, l.pos-1, n, 8)
	case c == 'N':
		return problemf(at, `\N escapes are not supported`)
	}
	b.WriteByte('\\') // not an escape: both characters stand
	l.pos--
	return nil
}

func (l *lexer) codePoint(b *strings.Builder, at, from, width, base int) *problem {
	if from+width <= len(l.src) {
		v, err := strconv.ParseUint(l.src[from:from+width], base, 32)
		if err == nil && v != 0 && utf8.ValidRune(rune(v)) {
			b.WriteRune(rune(v))
			l.pos = from + width
			return nil
		}
	}
	return problemf(at, "bad escape in a string of the list")
}
