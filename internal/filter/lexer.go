package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind classifies a lexeme.
type tokenKind uint8

const (
	end      tokenKind = iota
	word               // bare: abc, run_id, AND
	path               // identifier of several parts: metrics.acc, tags.`a b`
	backtick           // `a b`
	double             // "a b": a string where a value stands, else a key
	single             // 'a b'
	numeral            // -1, .5, 1.5e-3
	operator           // a run of < > = ~ !
	open               // (
	junk               // anything else, one character or an unterminated quote
)

type token struct {
	kind tokenKind
	raw  string // as written
	pos  int    // byte offset
}

// is reports whether t is the keyword kw, in any case.
func (t token) is(kw string) bool { return t.kind == word && strings.EqualFold(t.raw, kw) }

// lexer cuts a filter into tokens. It never backtracks over more than one
// quoted run, so its time is linear.
type lexer struct {
	src string
	pos int
}

func isWordRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)
}

func (l *lexer) rune() rune {
	r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
	return r
}

func (l *lexer) skipSpace() {
	for l.pos < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.pos:])
		if !unicode.IsSpace(r) {
			return
		}
		l.pos += n
	}
}

// next returns the next token. An IN list is not cut here: after its open
// parenthesis the parser reads it with [lexer.list].
func (l *lexer) next() token {
	l.skipSpace()
	start := l.pos
	if start == len(l.src) {
		return token{kind: end, pos: start}
	}
	kind := junk
	switch c := l.src[start]; {
	case strings.IndexByte("<>=~!", c) >= 0:
		kind = operator
		for l.pos < len(l.src) && strings.IndexByte("<>=~!", l.src[l.pos]) >= 0 {
			l.pos++
		}
	case c == '(':
		kind = open
		l.pos++
	case c == '\'':
		if l.quoted('\'') {
			kind = single
		}
	default:
		if n := numeralLength(l.src[start:]); n > 0 {
			l.pos += n
			kind = numeral
			break
		}
		kind = l.identifier()
	}
	if l.pos == start { // junk: one character, so that a message can name it
		_, n := utf8.DecodeRuneInString(l.src[start:])
		l.pos += n
	}
	return token{kind, l.src[start:l.pos], start}
}

// identifier reads parts joined by dots without space around them. It returns
// junk and moves nothing when there is none.
func (l *lexer) identifier() tokenKind {
	kind := l.part(false)
	if kind == junk {
		return junk
	}
	for l.pos < len(l.src) && l.src[l.pos] == '.' {
		l.pos++
		if l.part(true) == junk {
			l.pos--
			break
		}
		kind = path
	}
	return kind
}

// part reads one part of an identifier; only after a dot may it stand in
// single quotes or begin with a digit.
func (l *lexer) part(afterDot bool) tokenKind {
	if l.pos == len(l.src) {
		return junk
	}
	switch c := l.src[l.pos]; {
	case c == '`':
		if i := strings.IndexByte(l.src[l.pos+1:], '`'); i >= 0 {
			l.pos += i + 2
			return backtick
		}
		return junk
	case c == '"' && l.quoted('"'):
		return double
	case c == '\'' && afterDot && l.quoted('\''):
		return single
	case c >= '0' && c <= '9' && numeralLength(l.src[l.pos:]) > 0:
		return junk // metrics.1 is the number .1 after a word
	}
	start := l.pos
	for l.pos < len(l.src) && isWordRune(l.rune()) {
		_, n := utf8.DecodeRuneInString(l.src[l.pos:])
		l.pos += n
	}
	if l.pos == start {
		return junk
	}
	return word
}

// quoted reads a run in quotes q beginning here and reports whether it ends.
// A doubled or backslashed quote does not end it, unless nothing else does:
// 'C:\' is a whole string.
func (l *lexer) quoted(q byte) bool {
	last := -1 // the end if the last escaped quote turns out to close
	for i := l.pos + 1; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == '\\' && i+1 < len(l.src) && l.src[i+1] == q:
			i++
			last = i + 1
		case c == q && i+1 < len(l.src) && l.src[i+1] == q:
			last = i + 1
			i++
		case c == q:
			l.pos = i + 1
			return true
		}
	}
	if last < 0 {
		return false
	}
	l.pos = last
	return true
}

// numeralLength returns how many bytes of s are a number: [-]digits[.digits],
// [-].digits or [-]digits[.digits]E[-+]digits, and not followed by a letter.
func numeralLength(s string) int {
	i := 0
	if strings.HasPrefix(s, "-") {
		i++
	}
	whole := digits(s[i:])
	i += whole
	fraction := 0
	if i < len(s) && s[i] == '.' {
		fraction = digits(s[i+1:])
		if whole == 0 && fraction == 0 {
			return 0
		}
		i += 1 + fraction
	}
	if whole == 0 && fraction == 0 {
		return 0
	}
	if whole > 0 && i < len(s) && (s[i] == 'e' || s[i] == 'E') && s[i-1] != '.' {
		j := i + 1
		if j < len(s) && (s[j] == '-' || s[j] == '+') {
			j++
		}
		if n := digits(s[j:]); n > 0 {
			i = j + n
		}
	}
	if r, _ := utf8.DecodeRuneInString(s[i:]); i < len(s) && isWordRune(r) {
		return 0
	}
	return i
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
