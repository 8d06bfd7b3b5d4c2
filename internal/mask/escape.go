package mask

import (
	"strings"
	"unicode/utf8"
)

// maxDepth is how many escapes within escapes are undone.
const maxDepth = 8

// view is a text with its escapes undone, and where its bytes stand in the
// text it was made from.
type view struct {
	text  string
	marks []mark // by place; between two, both texts run alike
}

// mark says that the text from view on stands from orig on.
type mark struct{ view, orig int }

// at is where byte i of the view stands in the original.
func (v *view) at(i int) int {
	lo, hi := 0, len(v.marks)
	for lo < hi {
		if mid := (lo + hi) / 2; v.marks[mid].view <= i {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return i
	}
	return v.marks[lo-1].orig + i - v.marks[lo-1].view
}

// back is where byte i of the original stands in the view.
func (v *view) back(i int) int {
	lo, hi := 0, len(v.marks)
	for lo < hi {
		if mid := (lo + hi) / 2; v.marks[mid].orig <= i {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return i
	}
	return v.marks[lo-1].view + i - v.marks[lo-1].orig
}

// undo undoes one level of escapes: JSON's \" \\ \/ \n \u0040 and percent
// escapes. It reports whether there were any.
func (v *view) undo() bool {
	s := v.text
	var out []byte
	var marks []mark
	last, carried := 0, 0 // copied up to last; old marks carried over up to carried
	for i := 0; i < len(s); {
		next := strings.IndexByte(s[i:], '\\')
		if p := percent(s, i, next); p >= 0 {
			next = p
		} else if next < 0 {
			break
		} else {
			next += i
		}
		r, n := escape(s[next:])
		if n == 0 {
			i = next + 1
			continue
		}
		if out == nil {
			out = make([]byte, 0, len(s))
		}
		out = append(out, s[last:next]...)
		// Marks of the view so far move along with what was copied.
		for ; carried < len(v.marks) && v.marks[carried].view <= next; carried++ {
			m := v.marks[carried]
			marks = append(marks, mark{len(out) - (next - m.view), m.orig})
		}
		if s[next] == '%' {
			out = append(out, byte(r))
		} else {
			out = utf8.AppendRune(out, r)
		}
		i = next + n
		for ; carried < len(v.marks) && v.marks[carried].view < i; carried++ {
		}
		marks = append(marks, mark{len(out), v.at(i)})
		last = i
	}
	if out == nil {
		return false
	}
	shift := len(out) - last
	out = append(out, s[last:]...)
	for ; carried < len(v.marks); carried++ {
		marks = append(marks, mark{v.marks[carried].view + shift, v.marks[carried].orig})
	}
	v.text, v.marks = string(out), marks
	return true
}

// percent is the place of the first percent escape of s[from:] that lies
// before s[from+before], or -1; before -1 is the end.
func percent(s string, from, before int) int {
	end := len(s)
	if before >= 0 {
		end = from + before
	}
	for i := from; i < end; {
		p := strings.IndexByte(s[i:end], '%')
		if p < 0 {
			return -1
		}
		if _, n := escape(s[i+p:]); n > 0 {
			return i + p
		}
		i += p + 1
	}
	return -1
}

// escape reads the escape that s begins with; n 0 means there is none.
func escape(s string) (r rune, n int) {
	if len(s) < 2 {
		return 0, 0
	}
	if s[0] == '%' {
		if len(s) >= 3 {
			if v, ok := hexValue(s[1:3]); ok {
				return v, 3
			}
		}
		return 0, 0
	}
	if s[0] != '\\' {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\', '/', '\'':
		return rune(s[1]), 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'b', 'f':
		return ' ', 2
	case 'x':
		if len(s) >= 4 {
			if v, ok := hexValue(s[2:4]); ok {
				return v, 4
			}
		}
	case 'u':
		if len(s) >= 6 {
			if v, ok := hexValue(s[2:6]); ok {
				return v, 6 // half a surrogate pair becomes U+FFFD, which no rule looks for
			}
		}
	}
	return 0, 0
}

func hexValue(s string) (v rune, ok bool) {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// bareNumbers tells numbers of a JSON text from numbers inside its strings:
// for a number stands a value, not a word.
type bareNumbers struct {
	text string

	known  bool
	json   bool
	pos    int  // looked at up to here
	quoted bool // pos is in a string
	start  int  // of the content of that string

	inner      *bareNumbers // the string that starts at innerStart, escapes undone
	innerView  view
	innerStart int
	depth      int
}

// at reports whether text[from:to] begins a bare number of a JSON text, and
// where that number ends. Calls come with rising from.
func (b *bareNumbers) at(from, to int) (end int, ok bool) {
	if !digit(b.text[from]) && b.text[from] != '-' {
		return 0, false
	}
	for end = from; end < len(b.text) && (digit(b.text[end]) || strings.IndexByte("+-.eE", b.text[end]) >= 0); end++ {
	}
	if end < to {
		return 0, false // separators other than a number's
	}
	return end, b.bare(from)
}

func (b *bareNumbers) bare(pos int) bool {
	if !b.known {
		b.known = true
		head := strings.TrimLeft(b.text[:min(len(b.text), 4096)], " \t\r\n")
		b.json = head != "" && (head[0] == '{' || head[0] == '[')
	}
	if !b.json || pos < b.pos {
		return false
	}
	for b.pos < pos {
		switch c := b.text[b.pos]; {
		case b.quoted && c == '\\':
			b.pos++
		case c == '"':
			b.quoted = !b.quoted
			b.start = b.pos + 1
		}
		b.pos++
	}
	if !b.quoted {
		return true
	}
	if b.depth >= maxDepth {
		return false
	}
	if b.inner == nil || b.innerStart != b.start {
		b.innerStart = b.start
		end := stringEnd(b.text, b.start)
		b.innerView = view{text: b.text[b.start:end]}
		b.innerView.undo()
		b.inner = &bareNumbers{text: b.innerView.text, depth: b.depth + 1}
	}
	return b.inner.bare(b.innerView.back(pos - b.start))
}

// stringEnd is where the JSON string that s[from:] is the content of ends.
func stringEnd(s string, from int) int {
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(s)
}
