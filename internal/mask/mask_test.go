package mask

import (
	"encoding/json"
	"strings"
	"testing"
)

// all is every built-in rule and one of the user's.
func all(t testing.TB) *Rules {
	t.Helper()
	p := Policy{Rules: []Rule{{Name: "ticket", Pattern: `\bTCK-[0-9]{6}\b`}}, Allow: []string{`support@example\.com`}}
	for _, b := range BuiltIns {
		p.BuiltIn = append(p.BuiltIn, Use{Name: b.Name})
	}
	r, err := Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var examples = []struct{ in, out string }{
	// e-mail
	{"write to jane.doe+x@mail.example.co.uk, please", "write to [email], please"},
	{"<jane@example.com>", "<[email]>"},
	{"mailto:jane@example.com?subject=x", "mailto:[email]?subject=x"},
	{"'jane@example.com'", "'[email]'"},
	{"jürgen@büro.example", "[email]"},
	{"ask support@example.com first", "ask support@example.com first"},
	{"@decorator and user@localhost and a@b", "@decorator and user@localhost and a@b"},
	{"see you @ 5.30", "see you @ 5.30"},
	{"https://x.example/?u=john%40example.org&a=1", "https://x.example/?u=[email]&a=1"},
	// JSON
	{`{"to":"jane@example.com"}`, `{"to":"[email]"}`},
	{`{"to":"jane\u0040example.com"}`, `{"to":"[email]"}`},
	{`{"to":"a\njane@example.com\n"}`, `{"to":"a\n[email]\n"}`},
	{`"{\"to\":\"x\\njane@example.com\"}"`, `"{\"to\":\"x\\n[email]\"}"`},
	{`{"inner":"{\"card\": 4111111111111111}"}`, `{"inner":"{\"card\": null}"}`},
	{`{"card": 4111111111111111, "ok": 1}`, `{"card": null, "ok": 1}`},
	{`{"text":"pay 4111111111111111, now"}`, `{"text":"pay [card], now"}`},
	{`[4111111111111111]`, `[null]`},
	{`{"a":"\u0034111111111111111"}`, `{"a":"[card]"}`},
	// cards
	{"4111 1111 1111 1111", "[card]"},
	{"5500-0000-0000-0004.", "[card]."},
	{"3782 822463 10005", "[card]"},
	{"4111111111111112", "4111111111111112"},
	{"1774000000000000000", "1774000000000000000"},
	// phones
	{"call +49 30 1234567 now", "call [phone] now"},
	{"+1 (555) 123-4567", "[phone]"},
	{"(555) 123-4567", "[phone]"},
	{"555-123-4567", "[phone]"},
	{"0049 30 1234567", "[phone]"},
	{"030 1234567", "[phone]"},
	{"020 7946 0958", "[phone]"},
	{"01 23 45 67 89", "[phone]"},
	{"2026-11-25 10:00:00.123", "2026-11-25 10:00:00.123"},
	{"v1.22.333.4444 and 12:30:45", "v1.22.333.4444 and 12:30:45"},
	{"gpt-4o-2024-08-06, 123 tokens", "gpt-4o-2024-08-06, 123 tokens"},
	{"3f2504e0-4f89-11d3-9a0c-0305e82c3301", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"},
	{"1 + 2 = 3, +5 and 0.000012345", "1 + 2 = 3, +5 and 0.000012345"},
	// keys
	{"AKIAIOSFODNN7EXAMPLE", "[secret]"},
	{"ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[secret]"},
	{"github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz", "[secret]"},
	{"sk-proj-abcDEF1234567890abcd", "[secret]"},
	{"sk-ant-api03-abcdef-1234567890", "[secret]"},
	{"a task-oriented-approach-to-masking and risk-based-testing-of-things", "a task-oriented-approach-to-masking and risk-based-testing-of-things"},
	{"xoxb-1234567890-abcdef", "[secret]"},
	{"AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY", "[secret]"},
	{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P", "[secret]"},
	{"Authorization: Bearer abcdef1234567890", "Authorization: Bearer [secret]"},
	{"the bearer arrived yesterday evening", "the bearer arrived yesterday evening"},
	{"api_key=0123456789abcdef&x=1", "api_key=[secret]&x=1"},
	{`{"password": "correct-horse-battery"}`, `{"password": "[secret]"}`},
	{"-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----", "[secret]"},
	{`{"k":"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"}`, `{"k":"[secret]\n"}`},
	{"the key: value of tokens: 1234", "the key: value of tokens: 1234"},
	// others
	{"DE89 3704 0044 0532 0130 00", "[iban]"},
	{"GB82WEST12345698765432", "[iban]"},
	{"from 192.168.10.254:8080", "from [ip]:8080"},
	{"2001:db8::8a2e:370:7334", "[ip]"},
	{"at 12:30:45 std::vector", "at 12:30:45 std::vector"},
	{"see TCK-123456.", "see [ticket]."},
}

func TestText(t *testing.T) {
	r := all(t)
	for _, e := range examples {
		got := r.Text(e.in, Everywhere, nil)
		if got != e.out {
			t.Errorf("%q\n became %q\n not    %q", e.in, got, e.out)
		}
		if again := r.Text(got, Everywhere, nil); again != got {
			t.Errorf("%q became %q and then %q", e.in, got, again)
		}
		if json.Valid([]byte(e.in)) && !json.Valid([]byte(got)) {
			t.Errorf("%q is no JSON any more", got)
		}
	}
}

func TestScopeAllowAndHits(t *testing.T) {
	r, err := Compile(Policy{BuiltIn: []Use{{Name: "email", Scope: Content}}, Rules: []Rule{{Name: "word", Pattern: `(?i)zebra`, Replacement: "***", Scope: Attributes}}})
	if err != nil {
		t.Fatal(err)
	}
	var hits Hits
	const in = "a@b.example c@d.example zebra"
	if got := r.Text(in, Content, &hits); got != "[email] [email] zebra" {
		t.Error(got)
	}
	if got := r.Text(in, Attributes, &hits); got != "a@b.example c@d.example ***" {
		t.Error(got)
	}
	if names := r.Names(); hits[0] != 2 || names[0] != "email" || hits[6] != 1 || names[6] != "word" {
		t.Error(hits, names)
	}
	if got := (*Rules)(nil).Text(in, Content, nil); got != in {
		t.Error("rules that are not there change", got)
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, p := range []Policy{
		{BuiltIn: []Use{{Name: "shoe-size"}}},
		{Rules: []Rule{{Name: "Big", Pattern: "x"}}},
		{Rules: []Rule{{Name: "email", Pattern: "x"}}},
		{Rules: []Rule{{Name: "a", Pattern: "x"}, {Name: "a", Pattern: "y"}}},
		{Rules: []Rule{{Name: "a", Pattern: "("}}},
		{Rules: []Rule{{Name: "a", Pattern: "x*"}}},
		{Rules: []Rule{{Name: "a", Pattern: "(?=x)"}}},
		{Rules: []Rule{{Name: "a", Pattern: "((x{100}){100}){100}"}}},
		{Rules: []Rule{{Name: "a", Pattern: "[a-z]{900}[0-9]{900}[x-z]{900}"}}},
		{Rules: []Rule{{Name: "a", Pattern: "x", Replacement: `"`}}},
		{Rules: []Rule{{Name: "a", Pattern: "x", Replacement: "xx"}}},
		{Rules: []Rule{{Name: "a", Pattern: "x", Scope: "span"}}},
		{Rules: make([]Rule, MaxRules+1)},
		{Allow: []string{"("}},
	} {
		if _, err := Compile(p); err == nil {
			t.Errorf("%+v was taken", p)
		}
	}
}

// escapedTwice is a text as a JSON string inside a JSON string.
func escapedTwice(s string) string {
	for range 2 {
		b, _ := json.Marshal(s)
		s = string(b)
	}
	return s
}

// FuzzText: nothing panics, masking is idempotent, JSON stays JSON, and what a
// rule finds is in the answer in no form.
func FuzzText(f *testing.F) {
	for _, e := range examples {
		f.Add(e.in)
		f.Add(escapedTwice(e.in))
	}
	f.Add("\\\\\\u00\\%4\\%40@\\\\n@a.bc")
	f.Add(`{"a":"\\\\n4111111111111111@"}`)
	r := all(f)
	f.Fuzz(func(t *testing.T, s string) {
		got := r.Text(s, Everywhere, nil)
		if again := r.Text(got, Everywhere, nil); again != got {
			t.Errorf("%q became %q and then %q", s, got, again)
		}
		if json.Valid([]byte(s)) && strings.ContainsAny(s[:1], `{["`) && !json.Valid([]byte(got)) {
			t.Errorf("%q became %q, which is no JSON", s, got)
		}
	})
}

// FuzzCanary puts a value of each kind somewhere into a text: it must not
// survive.
func FuzzCanary(f *testing.F) {
	canaries := []string{"canary.person@example.org", "+49 171 5550123", "4111-1111-1111-1111", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "TCK-987654"}
	f.Add("before ", " after", uint8(0))
	f.Add(`{"x":"`, `"}`, uint8(1))
	f.Add(`\n`, `\u0041`, uint8(2))
	f.Add("x@", "@y", uint8(3))
	r := all(f)
	f.Fuzz(func(t *testing.T, before, after string, which uint8) {
		c := canaries[int(which)%len(canaries)]
		// Beside a letter or digit it would be another value.
		in := before + "\n " + c + " \n" + after
		for _, text := range []string{in, escapedTwice(in)} {
			if got := r.Text(text, Everywhere, nil); strings.Contains(got, c) {
				t.Errorf("%q became %q", text, got)
			}
		}
	})
}

func BenchmarkText(b *testing.B) {
	r := all(b)
	builtin, err := Compile(Policy{BuiltIn: r.Policy().BuiltIn})
	if err != nil {
		b.Fatal(err)
	}
	prose := strings.Repeat("The quick brown fox jumps over the lazy dog, and then it rests a while in the shade. ", 100)
	turn, _ := json.Marshal(map[string]any{"role": "user", "content": prose[:900] + "\n\"quoted\"\n", "index": 12, "score": 0.25})
	chat := `{"messages":[` + strings.TrimSuffix(strings.Repeat(string(turn)+",", 10), ",") + `]}`
	for _, c := range []struct {
		name  string
		rules *Rules
		text  string
	}{{"prose", builtin, prose}, {"json", builtin, chat}, {"json-own-rule", r, chat}, {"matches", builtin, strings.Repeat("mail jane@example.com or call +49 30 1234567. ", 200)}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				c.rules.Text(c.text, Everywhere, nil)
			}
		})
	}
}
