// Package mask finds what must not be kept in a text (addresses, numbers,
// keys) and puts a name in its place.
//
// The rules of this package:
//   - It is pure: the same rules and the same text give the same answer.
//   - Masking a masked text changes nothing.
//   - A text that holds nothing of interest is looked at once, byte by byte,
//     and returned as it is, without allocation.
//   - JSON and percent escapes hide nothing: a text is also looked at with its
//     escapes undone, as often as they are nested, and what is found there is
//     replaced where it stands. JSON stays JSON.
package mask

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

// Scope says which fields a rule looks at.
type Scope string

// Scopes. Content is inputs, outputs, messages, events, errors, names and
// assessments; Attributes is everything else a sender names itself: other
// attributes, resource attributes, tags and metadata.
const (
	Everywhere Scope = ""
	Content    Scope = "content"
	Attributes Scope = "attributes"
)

func (s Scope) valid() bool { return s == Everywhere || s == Content || s == Attributes }

// covers reports whether a rule of this scope looks at fields of field.
func (s Scope) covers(field Scope) bool { return s == Everywhere || field == Everywhere || s == field }

// BuiltIn is a rule that this package brings.
type BuiltIn struct {
	Name        string
	Replacement string
	About       string // for people
	Default     bool   // on in a policy that names no rules
}

// BuiltIns are the rules that this package brings, in the order they are shown.
var BuiltIns = []BuiltIn{
	{"email", "[email]", "e-mail addresses", true},
	{"phone", "[phone]", "telephone numbers: +49 30 1234567, (555) 123-4567, 030 1234567", true},
	{"card", "[card]", "payment card numbers, with their check digit", true},
	{"secret", "[secret]", "keys and tokens: AWS, GitHub, OpenAI, Anthropic, Slack, Google, JWT, PEM private keys, bearer headers, api_key=…", true},
	{"iban", "[iban]", "bank account numbers (IBAN), with their check digits", false},
	{"ip", "[ip]", "IPv4 and IPv6 addresses", false},
}

// kind of a match, an index into BuiltIns; own rules follow.
type kind int

const (
	email kind = iota
	phone
	card
	secret
	iban
	ip
	builtIns
)

// Rule is a regular expression of the user's, in RE2 syntax.
type Rule struct {
	Name        string `json:"name"`
	Pattern     string `json:"pattern"`
	Replacement string `json:"replacement,omitempty"` // "" is the name in brackets
	Scope       Scope  `json:"scope,omitempty"`
}

// Use turns a built-in rule on.
type Use struct {
	Name  string `json:"name"`
	Scope Scope  `json:"scope,omitempty"`
}

// Policy is what is masked. The zero value masks nothing.
type Policy struct {
	BuiltIn []Use  `json:"built_in,omitempty"`
	Rules   []Rule `json:"rules,omitempty"`
	// Allow are patterns of values that stay although a rule finds them; each
	// must match the whole value.
	Allow []string `json:"allow,omitempty"`
	// PseudonymousUsers replaces every user id by a keyed hash, the same for
	// the same user; without it only a user id that a rule finds something in.
	PseudonymousUsers bool `json:"pseudonymous_users,omitempty"`
}

// Empty reports whether p masks nothing.
func (p *Policy) Empty() bool {
	return len(p.BuiltIn) == 0 && len(p.Rules) == 0 && !p.PseudonymousUsers
}

// Limits of a policy.
const (
	MaxRules       = 50
	MaxAllow       = 50
	maxPattern     = 1000 // bytes
	maxInsts       = 2000 // of a compiled pattern
	maxName        = 40
	maxReplacement = 60
)

// Rules is a policy ready for use, safe for concurrent use.
type Rules struct {
	policy  Policy
	scopes  [builtIns]Scope
	on      [builtIns]bool
	any     bool // some built-in rule is on
	trigger [256]trigger
	own     []own
	allow   []*regexp.Regexp
}

type own struct {
	re          *regexp.Regexp
	literal     string // occurs in whatever re matches
	replacement string
	scope       Scope
}

// Compile checks a policy and makes it ready. A fault names the rule that is
// at fault and what would be right.
func Compile(p Policy) (*Rules, error) {
	r := &Rules{policy: p}
	for _, u := range p.BuiltIn {
		i := slices.IndexFunc(BuiltIns, func(b BuiltIn) bool { return b.Name == u.Name })
		if i < 0 {
			return nil, fault.Invalidf("there is no built-in rule %q; there are email, phone, card, secret, iban and ip", clip(u.Name))
		}
		if !u.Scope.valid() {
			return nil, fault.Invalidf("rule %q: scope is \"content\", \"attributes\" or absent", u.Name)
		}
		r.on[i], r.scopes[i], r.any = true, u.Scope, true
	}
	if len(p.Rules) > MaxRules || len(p.Allow) > MaxAllow {
		return nil, fault.Invalidf("a policy has at most %d rules and %d patterns of what is allowed", MaxRules, MaxAllow)
	}
	names := map[string]bool{}
	for _, rule := range p.Rules {
		if err := rule.check(names); err != nil {
			return nil, err
		}
		re, literal, err := compile(rule.Name, rule.Pattern)
		if err != nil {
			return nil, err
		}
		names[rule.Name] = true
		replacement := rule.replacement()
		if re.MatchString(replacement) {
			return nil, fault.Invalidf("rule %q finds its own replacement %q; choose another", rule.Name, replacement)
		}
		r.own = append(r.own, own{re, literal, replacement, rule.Scope})
	}
	for _, pattern := range p.Allow {
		re, _, err := compile("allow", `^(?:`+pattern+`)$`)
		if err != nil {
			return nil, err
		}
		r.allow = append(r.allow, re)
	}
	r.trigger = r.triggers()
	return r, nil
}

func (r *Rule) replacement() string {
	if r.Replacement != "" {
		return r.Replacement
	}
	return "[" + r.Name + "]"
}

func (r *Rule) check(names map[string]bool) error {
	switch {
	case r.Name == "" || len(r.Name) > maxName || strings.ContainsFunc(r.Name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}):
		return fault.Invalidf("a rule's name is 1 to %d small letters, digits, - and _, not %q", maxName, clip(r.Name))
	case names[r.Name] || slices.ContainsFunc(BuiltIns, func(b BuiltIn) bool { return b.Name == r.Name }):
		return fault.Invalidf("two rules are named %q", r.Name)
	case len(r.Replacement) > maxReplacement || strings.ContainsAny(r.Replacement, "\"\\%<>&") || strings.ContainsFunc(r.Replacement, func(c rune) bool {
		return c < 0x20 || c == utf8.RuneError || c > 0x7e
	}):
		return fault.Invalidf("rule %q: a replacement is at most %d printable ASCII characters without quotes, \\, %%, <, > and &", r.Name, maxReplacement)
	case !r.Scope.valid():
		return fault.Invalidf("rule %q: scope is \"content\", \"attributes\" or absent", r.Name)
	}
	return nil
}

// compile bounds what a pattern may cost: RE2 runs in time linear to the text
// and to the size of the program.
func compile(name, pattern string) (re *regexp.Regexp, literal string, err error) {
	if pattern == "" || len(pattern) > maxPattern {
		return nil, "", fault.Invalidf("rule %q: a pattern has 1 to %d bytes", name, maxPattern)
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, "", fault.Invalidf("rule %q: the pattern is not in RE2 syntax: %v", name, err)
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil || len(prog.Inst) > maxInsts {
		return nil, "", fault.Invalidf("rule %q: the pattern is too large once repetitions are written out", name)
	}
	if re, err = regexp.Compile(pattern); err != nil {
		return nil, "", fault.Invalidf("rule %q: the pattern is not in RE2 syntax: %v", name, err)
	}
	if re.MatchString("") {
		return nil, "", fault.Invalidf("rule %q: the pattern also matches the empty text", name)
	}
	return re, required(tree), nil
}

// required is a text that occurs in everything the pattern matches, "" if
// none is known: looking for it is a hundred times quicker than the pattern.
func required(t *syntax.Regexp) string {
	switch t.Op {
	case syntax.OpLiteral:
		if t.Flags&syntax.FoldCase == 0 {
			return string(t.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(t.Sub[0])
	case syntax.OpRepeat:
		if t.Min > 0 {
			return required(t.Sub[0])
		}
	case syntax.OpConcat:
		best := ""
		for _, sub := range t.Sub {
			if s := required(sub); len(s) > len(best) {
				best = s
			}
		}
		return best
	}
	return ""
}

// Policy is what the rules were compiled from.
func (r *Rules) Policy() Policy { return r.policy }

// Names are the rules in the order [Hits] counts them.
func (r *Rules) Names() []string {
	names := make([]string, 0, int(builtIns)+len(r.own))
	for _, b := range BuiltIns {
		names = append(names, b.Name)
	}
	for _, rule := range r.policy.Rules {
		names = append(names, rule.Name)
	}
	return names
}

// Hits counts what each rule found, by the order of [Rules.Names].
type Hits []int

func (h *Hits) add(i int) {
	for len(*h) <= i {
		*h = append(*h, 0)
	}
	(*h)[i]++
}

// rounds bounds how often a text is looked at again after something in it was
// replaced; two are enough unless rules of the user's feed each other.
const rounds = 6

// Text returns s with everything that the rules find in a field of that scope
// replaced, and counts it in hits, which may be nil. A text that changes
// nothing is returned as it is.
func (r *Rules) Text(s string, field Scope, hits *Hits) string {
	if r == nil || s == "" || !r.any && len(r.own) == 0 {
		return s
	}
	for range rounds {
		found := r.find(s, field)
		if len(found) == 0 {
			return s
		}
		s = r.replace(s, found, hits)
	}
	return s
}

// Holds reports whether the rules find anything in s.
func (r *Rules) Holds(s string, field Scope) bool {
	return r != nil && s != "" && (r.any || len(r.own) > 0) && len(r.find(s, field)) > 0
}

// span is a piece of a text that a rule found.
type span struct {
	from, to int
	rule     int // built-in kind, or builtIns + index of an own rule
}

// find looks at s and at what its escapes stand for.
func (r *Rules) find(s string, field Scope) []span {
	found := r.scan(s, field, nil)
	v := view{text: s}
	for depth := 0; depth < maxDepth && v.undo(); depth++ {
		inner := r.scan(v.text, field, nil)
		for _, f := range inner {
			found = append(found, span{v.at(f.from), v.at(f.to), f.rule})
		}
	}
	return merge(found)
}

// merge puts spans in order; of those that overlap the widest union stays,
// under the rule of the first.
func merge(list []span) []span {
	if len(list) < 2 {
		return list
	}
	slices.SortStableFunc(list, func(a, b span) int { return a.from - b.from })
	out := list[:1]
	for _, f := range list[1:] {
		if last := &out[len(out)-1]; f.from < last.to {
			last.to = max(last.to, f.to)
			continue
		}
		out = append(out, f)
	}
	return out
}

func (r *Rules) replace(s string, found []span, hits *Hits) string {
	var b strings.Builder
	b.Grow(len(s))
	last := 0
	numbers := bareNumbers{text: s}
	for _, f := range found {
		with := r.replacement(f.rule)
		if f.rule < int(builtIns) {
			if to, ok := numbers.at(f.from, f.to); ok {
				f.to, with = to, "null" // a number of a JSON text, where only a value may stand
			}
		}
		if f.from < last {
			continue
		}
		b.WriteString(s[last:f.from])
		b.WriteString(with)
		last = f.to
		if hits != nil {
			hits.add(f.rule)
		}
	}
	b.WriteString(s[last:])
	return b.String()
}

func (r *Rules) replacement(rule int) string {
	if rule < int(builtIns) {
		return BuiltIns[rule].Replacement
	}
	return r.own[rule-int(builtIns)].replacement
}

// allowed reports whether a value stays although a rule found it.
func (r *Rules) allowed(s string) bool {
	for _, re := range r.allow {
		if re.MatchString(s) {
			return true
		}
	}
	return false
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// Masker is the rules at work in one place, as the domains that take texts in
// see them.
type Masker interface {
	// Text returns s without what may not be kept.
	Text(s string, field Scope) string
	// User and Session do so with an id that must stay the same for the same
	// person or conversation.
	User(id string) string
	Session(id string) string
}
