package normalise

import (
	"encoding/json"
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/trace"
)

// members yields the top-level members of an object: of a map value, or of a
// text that is a JSON object or the repr of a Python dict (LangSmith sends
// usage that way). Values come as their text; nested ones can be passed to
// [objectText]. It stops silently where the text stops making sense.
func members(v *trace.Value) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		switch v.Kind {
		case trace.Map:
			for i := range v.Map {
				if !yield(v.Map[i].Key, jsonText(&v.Map[i].Value)) {
					return
				}
			}
		case trace.String:
			objectText(v.Str)(yield)
		}
	}
}

func jsonText(v *trace.Value) string { return string(v.AppendJSON(nil)) }

// objectText is members of a text. A text that is a JSON string holding an
// object counts as that object.
func objectText(s string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		s = strings.TrimSpace(s)
		if strings.HasPrefix(s, `"`) {
			s = strings.TrimSpace(unquote(s))
		}
		if !strings.HasPrefix(s, "{") {
			return
		}
		p := 1
		for {
			p = skipSpace(s, p)
			if p >= len(s) || s[p] != '"' && s[p] != '\'' {
				return
			}
			end := skipString(s, p)
			if end < 0 {
				return
			}
			key := scalar(s[p:end])
			if p = skipSpace(s, end); p >= len(s) || s[p] != ':' {
				return
			}
			p = skipSpace(s, p+1)
			end = skipValue(s, p)
			if end <= p {
				return
			}
			if !yield(key, s[p:end]) {
				return
			}
			if p = skipSpace(s, end); p >= len(s) || s[p] != ',' {
				return
			}
			p++
		}
	}
}

func skipSpace(s string, p int) int {
	for p < len(s) && (s[p] == ' ' || s[p] == '\n' || s[p] == '\t' || s[p] == '\r') {
		p++
	}
	return p
}

// skipString returns the index after the string that begins at p with either
// kind of quote, or -1.
func skipString(s string, p int) int {
	quote := s[p]
	for p++; p < len(s); p++ {
		switch s[p] {
		case '\\':
			p++
		case quote:
			return p + 1
		}
	}
	return -1
}

// skipValue returns the index after the value at p, or -1.
func skipValue(s string, p int) int {
	depth := 0
	for p < len(s) {
		switch s[p] {
		case '"', '\'':
			if p = skipString(s, p); p < 0 {
				return -1
			}
			if depth == 0 {
				return p
			}
			continue
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			if depth == 0 {
				return p
			}
			if depth--; depth == 0 {
				return p + 1
			}
		case ',':
			if depth == 0 {
				return p
			}
		}
		p++
	}
	return -1
}

// scalar returns the text of a JSON or Python scalar: strings without their
// quotes, null and None as "".
func scalar(raw string) string {
	raw = strings.TrimSpace(raw)
	if raw == "null" || raw == "None" {
		return ""
	}
	if len(raw) >= 2 && raw[0] == '\'' && raw[len(raw)-1] == '\'' {
		inner := raw[1 : len(raw)-1]
		if !strings.ContainsRune(inner, '\\') {
			return inner
		}
		return strings.NewReplacer(`\'`, `'`, `\\`, `\`, `\n`, "\n").Replace(inner)
	}
	return unquote(raw)
}

// unquote takes the quotes off a text that is one JSON string.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	if strings.IndexByte(s, '\\') < 0 {
		if strings.IndexByte(s[1:len(s)-1], '"') >= 0 {
			return s
		}
		return s[1 : len(s)-1]
	}
	var out string
	if json.Unmarshal([]byte(s), &out) != nil {
		return s
	}
	return out
}

// count reads a token count: an integer, a float without fraction, or either
// as text. -1 is unknown.
func count(v *trace.Value) int64 {
	if v == nil {
		return -1
	}
	switch v.Kind {
	case trace.Int:
		return max(v.Int, -1)
	case trace.Float:
		return wholeFloat(v.Float)
	case trace.String:
		return countText(v.Str)
	}
	return -1
}

func countText(s string) int64 {
	s = scalar(s)
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return max(i, -1)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return -1
	}
	return wholeFloat(f)
}

func wholeFloat(f float64) int64 {
	if f < 0 || f > 1<<53 || f != math.Trunc(f) {
		return -1
	}
	return int64(f)
}

// picos reads an amount of US dollars as pico-dollars; -1 is unknown.
func picos(v *trace.Value) int64 {
	if v == nil {
		return -1
	}
	switch v.Kind {
	case trace.Int:
		return picosOf(float64(v.Int))
	case trace.Float:
		return picosOf(v.Float)
	case trace.String:
		return picosText(v.Str)
	}
	return -1
}

func picosText(s string) int64 {
	f, err := strconv.ParseFloat(scalar(s), 64)
	if err != nil {
		return -1
	}
	return picosOf(f)
}

// picosOf refuses what no call costs: less than nothing, or over a million.
func picosOf(dollars float64) int64 {
	if !(dollars >= 0 && dollars <= 1e6) {
		return -1
	}
	return int64(math.Round(dollars * 1e12))
}
