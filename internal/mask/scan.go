package mask

import "strings"

// trigger says which scanners a byte wakes.
type trigger uint16

const (
	atSign     trigger = 1 << iota // email
	aDigit                         // card, phone, IBAN, IP
	aPlus                          // phone
	anOpen                         // phone: (555)
	aColon                         // IPv6
	dash                           // sk-, xoxb-, -----BEGIN
	underscore                     // ghp_, github_pat_
	capitalA                       // AKIA, AIza
	capitalJ                       // eyJ
	bear                           // Bearer
	assignment                     // api_key=, "token": …
	dot                            // ya29.
)

// triggers is the table of the first look at a text: what is in none of its
// classes costs one lookup.
func (r *Rules) triggers() (t [256]trigger) {
	if r.on[email] {
		t['@'] |= atSign
	}
	if r.on[card] || r.on[phone] || r.on[iban] || r.on[ip] {
		for c := '0'; c <= '9'; c++ {
			t[c] |= aDigit
		}
	}
	if r.on[phone] {
		t['+'] |= aPlus
		t['('] |= anOpen
	}
	if r.on[ip] {
		t[':'] |= aColon
	}
	if r.on[secret] {
		t['-'] |= dash
		t['_'] |= underscore
		t['A'] |= capitalA
		t['J'] |= capitalJ
		t['B'] |= bear
		t['b'] |= bear
		t[':'] |= assignment
		t['='] |= assignment
		t['.'] |= dot
	}
	return t
}

// scan appends what the rules find in text as it stands.
func (r *Rules) scan(text string, field Scope, found []span) []span {
	if r.any {
		found = r.scanBuiltIn(text, field, found)
	}
	for i := range r.own {
		o := &r.own[i]
		if !o.scope.covers(field) || o.literal != "" && !strings.Contains(text, o.literal) {
			continue
		}
		for _, at := range o.re.FindAllStringIndex(text, -1) {
			if at[0] < at[1] && text[at[0]:at[1]] != o.replacement && !r.allowed(text[at[0]:at[1]]) {
				found = r.keep(text, found, at[0], at[1], int(builtIns)+i)
			}
		}
	}
	return found
}

func (r *Rules) scanBuiltIn(text string, field Scope, found []span) []span {
	done := 0 // what lies before belongs to a match
	for i := 0; i < len(text); {
		t := r.trigger[text[i]]
		if t == 0 {
			i++
			continue
		}
		from, to, k := r.probe(text, done, i, t)
		if to == 0 || !r.on[k] || !r.scopes[k].covers(field) || r.allowed(text[from:to]) {
			i = max(i+1, resume(text, i, t))
			continue
		}
		found = r.keep(text, found, from, to, int(k))
		done, i = to, max(i+1, to)
	}
	return found
}

// resume passes over the rest of a run of digits that was nothing.
func resume(text string, i int, t trigger) int {
	if t&aDigit != 0 {
		for i < len(text) && digit(text[i]) {
			i++
		}
	}
	return i
}

// probe asks the scanners that the byte at i wakes; to 0 is nothing.
func (r *Rules) probe(text string, done, i int, t trigger) (from, to int, k kind) {
	if t&atSign != 0 {
		if from, to = emailAt(text, done, i); to > 0 {
			return from, to, email
		}
	}
	if t&(aDigit|aPlus|anOpen) != 0 {
		if from, to, k = r.numberAt(text, done, i); to > 0 {
			return from, to, k
		}
	}
	if t&(dash|underscore|capitalA|capitalJ|bear|assignment|dot) != 0 {
		if from, to = secretAt(text, done, i); to > 0 {
			return from, to, secret
		}
	}
	if t&aColon != 0 {
		if from, to = ip6At(text, done, i); to > 0 {
			return from, to, ip
		}
	}
	return 0, 0, 0
}

// keep appends a match, fitted to whole escapes: replacing half of one would
// leave a text that is no JSON any more. How deep the text is nested is not
// known here, so what may be an escape at some depth counts as one.
func (r *Rules) keep(text string, found []span, from, to, rule int) []span {
	from, to = afterEscape(text, from), afterEscape(text, to)
	if from >= to {
		return found
	}
	return append(found, span{from, to, rule})
}

// afterEscape is the end of the escape that i is within, or i.
func afterEscape(text string, i int) int {
	for back := max(0, i-5); back < i; back++ {
		if text[back] == '\\' {
			if _, n := escape(text[back:]); back+n > i {
				return back + n
			}
		}
	}
	return i
}

// escaped reports whether the byte at i follows an odd number of backslashes.
func escaped(text string, i int) bool {
	n := 0
	for i--; i >= 0 && text[i] == '\\'; i-- {
		n++
	}
	return n&1 == 1
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
func letter(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z'
}
func alnum(c byte) bool { return digit(c) || letter(c) }

// wordByte is what a word of any script is made of.
func wordByte(c byte) bool { return alnum(c) || c == '_' || c >= 0x80 }

// emailAt finds the address around the @ at i.
func emailAt(text string, done, i int) (from, to int) {
	from = i
	for from > done && i-from < 64 && localByte(text[from-1]) {
		from--
	}
	for from < i && (text[from] == '.' || text[from] == '\'' || text[from] == '~') {
		from++ // quotes and dots before an address are not of it
	}
	if from == i {
		return 0, 0
	}
	// Labels of the host, the last of letters.
	to = i + 1
	last, labels := to, 0
	for to < len(text) && to-i < 255 {
		c := text[to]
		if alnum(c) || c >= 0x80 || c == '-' && to > last {
			to++
			continue
		}
		if c == '.' && to > last && to+1 < len(text) && (alnum(text[to+1]) || text[to+1] >= 0x80) {
			labels++
			to++
			last = to
			continue
		}
		break
	}
	if labels == 0 || to-last < 2 {
		return 0, 0
	}
	for _, c := range []byte(text[last:to]) {
		if !letter(c) && c < 0x80 && c != '-' && !digit(c) {
			return 0, 0
		}
	}
	if digit(text[last]) {
		return 0, 0
	}
	return from, to
}

func localByte(c byte) bool {
	return alnum(c) || c >= 0x80 || strings.IndexByte("%'+-._~", c) >= 0
}

// ip6At finds the IPv6 address around the colon at i.
func ip6At(text string, done, i int) (from, to int) {
	part := func(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' || c == ':' || c == '.' }
	from, to = i, i+1
	for from > done && i-from < 45 && part(text[from-1]) {
		from--
	}
	for to < len(text) && to-i < 45 && part(text[to]) {
		to++
	}
	for to > from && text[to-1] == '.' {
		to--
	}
	if from > 0 && wordByte(text[from-1]) || to < len(text) && wordByte(text[to]) {
		return 0, 0
	}
	s := text[from:to]
	groups, short := 0, strings.Count(s, "::")
	for g := range strings.SplitSeq(s, ":") {
		if len(g) > 4 && !strings.Contains(g, ".") {
			return 0, 0
		}
		if g != "" {
			groups++
		}
	}
	if short > 1 || short == 0 && groups != 8 && !(groups == 7 && strings.Contains(s, ".")) || short == 1 && (groups < 2 || groups > 7) {
		return 0, 0
	}
	return from, to
}
