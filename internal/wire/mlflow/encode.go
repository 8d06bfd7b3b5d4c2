package mlflow

import (
	"strconv"
	"unicode/utf8"
)

// What a page of runs holds is written by hand: a thousand runs are tens of
// thousands of small objects, and encoding/json takes most of the time then.

// appendText writes s as a JSON string.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			i++
			start = i
			continue
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendField writes ,"name": followed by nothing, or without the comma after
// an opening brace.
func appendField(b []byte, name string) []byte {
	if last := b[len(b)-1]; last != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}

func appendTextField(b []byte, name, value string) []byte {
	return appendText(appendField(b, name), value)
}

func appendIntField(b []byte, name string, value int64) []byte {
	return strconv.AppendInt(appendField(b, name), value, 10)
}

// appendList writes a field with an array, or nothing if it is empty.
func appendList[T any](b []byte, name string, items []T, one func([]byte, *T) []byte) []byte {
	if len(items) == 0 {
		return b
	}
	b = append(appendField(b, name), '[')
	for i := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, &items[i])
	}
	return append(b, ']')
}
