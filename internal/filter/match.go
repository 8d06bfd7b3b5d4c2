package filter

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// LikePattern matches text against an SQL LIKE pattern as SQLite does without
// an ESCAPE clause: % is any run of characters, _ is one character, everything
// else, the backslash included, is itself.
type LikePattern struct {
	pattern string
	fold    bool
}

// CompileLike prepares pattern. With fold, characters that differ only in
// case are equal (ILIKE); this holds for all of Unicode, where SQLite's own
// ILIKE folds only ASCII.
func CompileLike(pattern string, fold bool) LikePattern {
	if fold {
		pattern = strings.Map(unicode.ToLower, pattern)
	}
	return LikePattern{pattern, fold}
}

// Match reports whether the whole of s matches. Its time is bounded by
// len(pattern) × len(s); it does not recurse.
func (p LikePattern) Match(s string) bool {
	pattern := p.pattern
	retryPattern, retryText := "", ""
	retry := false
	for {
		if pattern != "" && pattern[0] == '%' {
			pattern = pattern[1:]
			if pattern == "" {
				return true
			}
			retry, retryPattern, retryText = true, pattern, s
			continue
		}
		if s == "" && pattern == "" {
			return true
		}
		if s != "" && pattern != "" {
			want, wn := utf8.DecodeRuneInString(pattern)
			got, gn := utf8.DecodeRuneInString(s)
			if want == '_' || want == got || p.fold && want == unicode.ToLower(got) {
				pattern, s = pattern[wn:], s[gn:]
				continue
			}
		}
		if !retry || retryText == "" {
			return false
		}
		_, n := utf8.DecodeRuneInString(retryText)
		retryText = retryText[n:]
		pattern, s = retryPattern, retryText
	}
}

// MatchText reports whether c holds for a text value; present says whether
// the row has the value at all. Without it only IS NULL holds. It is meant for
// clauses whose value is a string or a list.
func (c Clause) MatchText(s string, present bool) bool {
	switch {
	case c.Op == IsNull:
		return !present
	case c.Op == IsNotNull:
		return present
	case !present:
		return false
	}
	switch c.Op {
	case Eq:
		return s == c.Value.Str
	case Ne:
		return s != c.Value.Str
	case Lt:
		return s < c.Value.Str
	case Le:
		return s <= c.Value.Str
	case Gt:
		return s > c.Value.Str
	case Ge:
		return s >= c.Value.Str
	case Like, ILike:
		return CompileLike(c.Value.Str, c.Op == ILike).Match(s)
	case RLike:
		re, err := regexp.Compile(c.Value.Str)
		return err == nil && re.MatchString(s)
	case In:
		return slices.Contains(c.Value.List, s)
	case NotIn:
		return !slices.Contains(c.Value.List, s)
	}
	return false
}

// MatchNumber is [Clause.MatchText] for a numeric value. NaN is unequal to
// everything and neither less nor greater.
func (c Clause) MatchNumber(v float64, present bool) bool {
	switch {
	case c.Op == IsNull:
		return !present
	case c.Op == IsNotNull:
		return present
	case !present:
		return false
	}
	switch c.Op {
	case Eq:
		return v == c.Value.Num
	case Ne:
		return v != c.Value.Num
	case Lt:
		return v < c.Value.Num
	case Le:
		return v <= c.Value.Num
	case Gt:
		return v > c.Value.Num
	case Ge:
		return v >= c.Value.Num
	}
	return false
}
