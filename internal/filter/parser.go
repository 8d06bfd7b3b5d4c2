package filter

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

// problem is a mistake and where it is; it becomes a fault at the border.
type problem struct {
	pos int
	msg string
}

func problemf(pos int, format string, args ...any) *problem {
	return &problem{pos, fmt.Sprintf(format, args...)}
}

// quote shows a short piece of the filter in a message.
func quote(s string) string {
	const limit = 40
	if utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit]) + "…"
	}
	return "'" + s + "'"
}

// Parse reads the filter of a search for entity. The empty string is the
// filter that matches everything. A mistake is a [fault.Invalid] that says what is wrong, at which
// character and what would be right. [TraceMetrics] takes exactly one clause.
func Parse(entity Entity, s string) (Expr, error) {
	if err := checkText("filter", s); err != nil {
		return nil, err
	}
	if s != "" && strings.TrimSpace(s) == "" {
		return nil, fault.Invalidf("Invalid filter for %s: it is blank; leave it out to match everything", entity)
	}
	p := parser{entity: entity, grammar: grammars[entity], lex: lexer{src: s}}
	if p.grammar == nil {
		return nil, fault.Invalidf("%s cannot be filtered", entity)
	}
	expr, bad := p.filter()
	if bad != nil {
		at := utf8.RuneCountInString(s[:bad.pos]) + 1
		return nil, fault.Invalidf("Invalid filter for %s at character %d: %s. Filter: %s", entity, at, bad.msg, quote(s))
	}
	if entity == TraceMetrics && len(expr) != 1 {
		return nil, fault.Invalidf("Invalid filter: %s. Expected one filter clause, found %d", quote(s), len(expr))
	}
	return expr, nil
}

func checkText(what, s string) error {
	switch {
	case len(s) > MaxLength:
		return fault.Invalidf("the %s has %d bytes; at most %d are allowed", what, len(s), MaxLength)
	case !utf8.ValidString(s):
		return fault.Invalidf("the %s is not valid UTF-8", what)
	case strings.IndexByte(s, 0) >= 0:
		return fault.Invalidf("the %s contains a NUL character", what)
	}
	return nil
}

type parser struct {
	entity  Entity
	grammar *grammar
	lex     lexer
}

func (p *parser) filter() (Expr, *problem) {
	var expr Expr
	for {
		t := p.lex.next()
		switch {
		case t.kind == end:
			return expr, nil
		case t.is("AND"):
			continue
		case t.is("OR"):
			return nil, problemf(t.pos, "OR is not supported; only comparisons joined by AND are")
		}
		if len(expr) == MaxClauses {
			return nil, problemf(t.pos, "more than %d comparisons", MaxClauses)
		}
		c, bad := p.clause(t)
		if bad != nil {
			return nil, bad
		}
		expr = append(expr, c)
	}
}

// clause reads a comparison whose first token is t.
func (p *parser) clause(t token) (Clause, *problem) {
	k, bad := p.resolve(t)
	if bad != nil {
		return Clause{}, bad
	}
	op, opToken, bad := p.operator(t)
	if bad != nil {
		return Clause{}, bad
	}
	if !k.ops.has(op) {
		return Clause{}, problemf(opToken.pos, "Invalid comparator '%s' for %s; allowed are %s", op, k.field, k.ops)
	}
	c := Clause{Field: k.field, Op: op, Pos: t.pos}
	if set(IsNull, IsNotNull).has(op) {
		return c, nil
	}
	v, bad := p.value(k, op)
	if bad != nil {
		return Clause{}, bad
	}
	c.Value = v
	return c, nil
}

// operator reads the comparison operator that follows the identifier t.
func (p *parser) operator(t token) (Op, token, *problem) {
	first := p.lex.next()
	bad := problemf(first.pos, "Invalid comparator %s after %s; expected one of =, !=, <, <=, >, >=, LIKE, ILIKE, RLIKE, IN, NOT IN, IS NULL, IS NOT NULL",
		quote(first.raw), quote(t.raw))
	switch first.kind {
	case end:
		return 0, first, problemf(first.pos, "expected a comparator after %s, found the end", quote(t.raw))
	case operator:
		for o := Eq; o <= Ge; o++ {
			if first.raw == o.String() {
				return o, first, nil
			}
		}
		return 0, first, bad
	case word:
	default:
		return 0, first, bad
	}
	switch strings.ToUpper(first.raw) {
	case "LIKE":
		return Like, first, nil
	case "ILIKE":
		return ILike, first, nil
	case "RLIKE":
		return RLike, first, nil
	case "IN":
		return In, first, nil
	case "NOT":
		if p.lex.next().is("IN") {
			return NotIn, first, nil
		}
	case "IS":
		next := p.lex.next()
		if next.is("NULL") {
			return IsNull, first, nil
		}
		if next.is("NOT") && p.lex.next().is("NULL") {
			return IsNotNull, first, nil
		}
	}
	return 0, first, bad
}

// value reads the right side of a comparison of k by op.
func (p *parser) value(k key, op Op) (Value, *problem) {
	t := p.lex.next()
	if member.has(op) {
		if t.kind != open {
			return Value{}, problemf(t.pos, "%s takes a list of quoted strings in parentheses, found %s", op, quote(t.raw))
		}
		items, bad := p.lex.list(k.takes == anyText)
		if bad != nil {
			return Value{}, bad
		}
		for _, s := range items {
			if bad := checkString(k, op, s, t.pos); bad != nil {
				return Value{}, bad
			}
		}
		return Value{Kind: List, List: items}, nil
	}
	wantsNumber := k.takes == number || k.takes == integer || k.takes == integerOnly ||
		k.takes == integerText || k.takes == numberText ||
		k.takes == assessment && set(Lt, Le, Gt, Ge).has(op)
	if wantsNumber {
		return numberValue(k, t)
	}
	return textValue(k, op, t)
}

func textValue(k key, op Op, t token) (Value, *problem) {
	var s string
	switch {
	case t.kind == single || t.kind == double:
		s = t.raw[1 : len(t.raw)-1]
	case k.takes == anyText && (t.kind == numeral || t.kind == word):
		s = t.raw
	default:
		return Value{}, problemf(t.pos, "Expected a quoted string value for %s (e.g. 'my-value'). Got value %s", k.field, quote(t.raw))
	}
	if bad := checkString(k, op, s, t.pos); bad != nil {
		return Value{}, bad
	}
	return Value{Kind: String, Str: s}, nil
}

// checkString checks what some keys and operators ask of a string.
func checkString(k key, op Op, s string, pos int) *problem {
	switch k.takes {
	case decimalID:
		if digits(s) != len(s) || s == "" {
			return problemf(pos, "Invalid experiment ID %s: it must be a decimal number", quote(s))
		}
	case promptRef:
		if strings.Count(s, "/") != 1 {
			return problemf(pos, `Invalid prompts filter value %s. Expected format: prompt = "name/version"`, quote(s))
		}
	}
	if op == RLike {
		if len(s) > maxRegexp {
			return problemf(pos, "the regular expression has more than %d bytes", maxRegexp)
		}
		if _, err := regexp.Compile(s); err != nil {
			return problemf(pos, "Invalid regular expression %s (RE2 syntax)", quote(s))
		}
	}
	return nil
}

func numberValue(k key, t token) (Value, *problem) {
	raw := t.raw
	quoted := t.kind == single || t.kind == double
	switch {
	case quoted && (k.takes == integerText || k.takes == numberText):
		raw = strings.TrimSpace(raw[1 : len(raw)-1])
		if numeralLength(raw) != len(raw) || raw == "" {
			return Value{}, problemf(t.pos, "Invalid value for numeric attribute '%s': %s", k.field.Key, quote(raw))
		}
	case t.kind != numeral:
		return Value{}, problemf(t.pos, "Expected numeric value type for %s. Found %s", k.field, quote(t.raw))
	}
	fraction := strings.ContainsAny(raw, ".eE")
	if fraction && (k.takes == integer || k.takes == integerText || k.takes == integerOnly) {
		return Value{}, problemf(t.pos, "Invalid value for numeric attribute '%s': %s is not an integer", k.field.Key, quote(raw))
	}
	v := Value{Kind: Number}
	v.Num, _ = strconv.ParseFloat(raw, 64) // out of range gives ±Inf, which is what is meant
	if !fraction {
		if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
			v.Int, v.IsInt = n, true
		}
	}
	return v, nil
}
