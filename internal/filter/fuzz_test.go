package filter

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"metrics.acc >= 0.9 AND tags.`team name` LIKE 'nlp%' and run_id IN ('a', \"b\\x41\")",
		"span.attributes.a = 'x' feedback.q >= -.5e", "prompt = 'a/1'", `tags.'a' = "C:\"`, "((((", "a.b.c.'", "tags.a IS NOT NULL",
		"experiment_id IN ('1','2')", "metrics.a > 1e+", "`a`.`b` RLIKE '('", "run_id IN ('\\u12", "\"a\".\"", "é.日 = 'x'",
	} {
		for e := Runs; e <= TraceMetrics; e++ {
			f.Add(uint8(e), s)
		}
	}
	f.Fuzz(func(t *testing.T, entity uint8, s string) {
		expr, err := Parse(Entity(entity), s)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v", s, err)
			}
			if !utf8.ValidString(fault.Message(err)) && utf8.ValidString(s) {
				t.Fatalf("%q: message is not UTF-8", s)
			}
			return
		}
		last := -1
		for _, c := range expr {
			if c.Pos <= last || c.Pos >= len(s) {
				t.Fatalf("%q: clause at %d after one at %d", s, c.Pos, last)
			}
			last = c.Pos
			if c.Field.Key == "" {
				t.Fatalf("%q: empty key", s)
			}
			want := set(IsNull, IsNotNull).has(c.Op)
			if (c.Value.Kind == Null) != want || (c.Value.Kind == List) != member.has(c.Op) {
				t.Fatalf("%q: %s with value %+v", s, c.Op, c.Value)
			}
		}
		again, err := Parse(Entity(entity), s+" AND ")
		if len(s) < MaxLength-5 && s != "" && (err != nil || len(again) != len(expr)) {
			t.Fatalf("%q: differs with a trailing AND: %v", s, err)
		}
	})
}

func FuzzParseOrder(f *testing.F) {
	for _, s := range []string{"start_time DESC", "metrics.`a b` asc", "tags.\"x\"", "a, b", "`", "timestamp", "metadata.a.b desc"} {
		for e := Runs; e <= TraceMetrics; e++ {
			f.Add(uint8(e), s)
		}
	}
	f.Fuzz(func(t *testing.T, entity uint8, s string) {
		got, err := ParseOrder(Entity(entity), []string{s})
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if len(got) != 1 || got[0].Field.Key == "" {
			t.Fatalf("%q: %v", s, got)
		}
	})
}

func FuzzLike(f *testing.F) {
	for _, p := range []string{"%a_", "", "%%", "a%b%c", "_é%"} {
		f.Add(p, "aébc")
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 24 || !utf8.ValidString(pattern) || !utf8.ValidString(s) {
			return
		}
		if strings.Count(pattern, "%") > 6 {
			return
		}
		if got, want := CompileLike(pattern, false).Match(s), slowLike([]rune(pattern), []rune(s)); got != want {
			t.Fatalf("%q LIKE %q: %v, want %v", s, pattern, got, want)
		}
	})
}

// slowLike is LIKE by its definition.
func slowLike(p, s []rune) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	if p[0] == '%' {
		for i := 0; i <= len(s); i++ {
			if slowLike(p[1:], s[i:]) {
				return true
			}
		}
		return false
	}
	return len(s) > 0 && (p[0] == '_' || p[0] == s[0]) && slowLike(p[1:], s[1:])
}
