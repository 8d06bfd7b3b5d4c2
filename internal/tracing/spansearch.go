package tracing

import (
	"iter"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

const snippetRunes = 160

// searchSpans looks for q in each span; token is the number of spans passed.
func searchSpans(spans iter.Seq2[*trace.Span, error], q string, limit int, token string) (matches []Match, next string, err error) {
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, 1000)
	skip := 0
	if token != "" {
		if skip, err = strconv.Atoi(token); err != nil || skip < 0 {
			return nil, "", fault.Invalidf("the page token is not one that this call returned")
		}
	}
	q = fold(strings.TrimSpace(q))
	if q == "" {
		return nil, "", fault.Invalidf("the text to search for is empty")
	}
	n := 0
	for span, err := range spans {
		if err != nil {
			return nil, "", err
		}
		if n++; n <= skip {
			continue
		}
		if m, ok := matchSpan(span, q); ok {
			if len(matches) == limit {
				return matches, strconv.Itoa(n - 1), nil
			}
			matches = append(matches, m)
		}
	}
	return matches, "", nil
}

// fold lowers letters one by one, so that offsets in characters stay the same.
func fold(s string) string {
	return strings.Map(unicode.ToLower, s)
}

func matchSpan(s *trace.Span, q string) (Match, bool) {
	try := func(field, text string) (Match, bool) {
		if len(text) < len(q)/4 { // folding may shorten, by no more than that
			return Match{}, false
		}
		at := strings.Index(fold(text), q)
		if at < 0 {
			return Match{}, false
		}
		m := Match{Span: s.ID, Field: field}
		m.Snippet, m.Start, m.Length = snippet(text, utf8.RuneCountInString(fold(text)[:at]), utf8.RuneCountInString(q))
		return m, true
	}
	for _, f := range [...]struct{ name, text string }{
		{"name", s.Name}, {"inputs", s.Columns.Input}, {"outputs", s.Columns.Output}, {"status_message", s.StatusMessage},
	} {
		if m, ok := try(f.name, f.text); ok {
			return m, true
		}
	}
	for i := range s.Attrs {
		if m, ok := try("attributes", s.Attrs[i].Key+": "+s.Attrs[i].Value.Text()); ok {
			return m, true
		}
	}
	for i := range s.Events {
		e := &s.Events[i]
		if m, ok := try("events", e.Name); ok {
			return m, true
		}
		for j := range e.Attrs {
			if m, ok := try("events", e.Attrs[j].Key+": "+e.Attrs[j].Value.Text()); ok {
				return m, true
			}
		}
	}
	return Match{}, false
}

// snippet cuts text around the match at rune at, of length runes, and gives
// the match's place in the cut in UTF-16 units.
func snippet(text string, at, length int) (cut string, start, units int) {
	runes := []rune(text)
	length = min(length, len(runes)-at, snippetRunes)
	from := max(0, at-(snippetRunes-length)/2)
	to := min(len(runes), from+snippetRunes)
	for _, r := range runes[from:at] {
		start += utf16Len(r)
	}
	for _, r := range runes[at : at+length] {
		units += utf16Len(r)
	}
	return string(runes[from:to]), start, units
}

func utf16Len(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}
