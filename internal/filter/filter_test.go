package filter

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/fault"
)

func TestValues(t *testing.T) {
	for _, c := range []struct {
		entity Entity
		filter string
		want   Value
	}{
		{Runs, "metrics.a > 12", Value{Kind: Number, Num: 12, Int: 12, IsInt: true}},
		{Runs, "metrics.a > 12.0", Value{Kind: Number, Num: 12}},
		{Runs, "metrics.a > 1e+5", Value{Kind: Number, Num: 1e5}},
		{Runs, "metrics.a > -1e400", Value{Kind: Number, Num: math.Inf(-1)}},
		{Runs, "start_time > 9223372036854775808", Value{Kind: Number, Num: 9223372036854775808}},
		{ModelVersions, "version_number = ' 3 '", Value{Kind: Number, Num: 3, Int: 3, IsInt: true}},
		{Traces, "execution_time > '2.5'", Value{Kind: Number, Num: 2.5}},
		{Traces, "feedback.a >= 1", Value{Kind: Number, Num: 1, Int: 1, IsInt: true}},
		{Runs, `params.a = 'it\'s'`, Value{Kind: String, Str: `it\'s`}},
		{Runs, `params.a = 'C:\'`, Value{Kind: String, Str: `C:\`}},
		{Runs, `run_id IN ('it\'s', "\u00e9\x41\101\n", 'a' 'b', '\d',)`, Value{Kind: List, List: []string{"it's", "éAA\n", "ab", `\d`}}},
		{LoggedModels, "params.lr IN (1, -0.5, 'x')", Value{Kind: List, List: []string{"1", "-0.5", "x"}}},
		{LoggedModels, "params.lr = 0.01", Value{Kind: String, Str: "0.01"}},
	} {
		expr, err := Parse(c.entity, c.filter)
		if err != nil || len(expr) != 1 {
			t.Errorf("%s: %v, %v", c.filter, expr, err)
			continue
		}
		if have, want := fmt.Sprintf("%+v", expr[0].Value), fmt.Sprintf("%+v", c.want); have != want {
			t.Errorf("%s: value %s, want %s", c.filter, have, want)
		}
	}
}

// A message names the place in characters, counted from one, and what would
// be right there.
func TestMessages(t *testing.T) {
	for _, c := range []struct {
		entity Entity
		filter string
		want   []string
	}{
		{Runs, "metrics.a > 1 OR metrics.b > 1", []string{"character 15", "OR is not supported"}},
		{Runs, "tags.é = 'ü' AND metrics.a = 'x'", []string{"character 30", "numeric"}},
		{Runs, "metrics.a-b > 1", []string{"character 10", "Invalid comparator '-'"}},
		{Runs, "colour.a = 'x'", []string{"character 1:", "Invalid entity type 'colour'", "metrics"}},
		{Runs, "attributes.colour = 'x'", []string{"Invalid attribute key 'colour' specified", "run_name"}},
		{Runs, "params.a > 'x'", []string{"Invalid comparator '>'", "ILIKE"}},
		{Runs, "params.a = 'x", []string{"character 12", "quoted string"}},
		{Runs, "run_id IN ('a'", []string{"closing parenthesis"}},
		{Runs, "run_id IN ()", []string{"empty list"}},
		{Runs, "metrics.a >", []string{"character 12", "numeric"}},
		{Runs, "metrics.a", []string{"character 10", "expected a comparator"}},
		{Traces, "prompt = 'a'", []string{"name/version"}},
		{Traces, "span.attributes.x > 1", []string{"Invalid comparator '>'"}},
		{Traces, "text LIKE 'x'", []string{"trace.text"}},
		{Traces, "tags.a RLIKE '['", []string{"regular expression"}},
		{Experiments, "experiment_id = 'x'", []string{"Invalid experiment ID 'x'"}},
		{Issues, "severity = 'high'", []string{"Valid keys are source_run_id, status"}},
	} {
		_, err := Parse(c.entity, c.filter)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(fault.Message(err), w) {
				t.Errorf("%s: %q lacks %q", c.filter, fault.Message(err), w)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	clauses := func(n int) string { return strings.Repeat("tags.a = 'b' AND ", n) }
	list := func(n int) string { return "run_id IN (" + strings.Repeat("'a',", n) + ")" }
	orders := func(n int) []string {
		var s []string
		for i := range n {
			s = append(s, fmt.Sprintf("metrics.m%d", i))
		}
		return s
	}
	for _, c := range []struct {
		name     string
		fits, no string
	}{
		{"clauses", clauses(MaxClauses), clauses(MaxClauses + 1)},
		{"list", list(MaxList), list(MaxList + 1)},
		{"length", "tags.a = '" + strings.Repeat("x", MaxLength-11) + "'", "tags.a = '" + strings.Repeat("x", MaxLength-10) + "'"},
	} {
		if _, err := Parse(Runs, c.fits); err != nil {
			t.Errorf("%s at the limit: %v", c.name, err)
		}
		if _, err := Parse(Runs, c.no); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s over the limit: %v", c.name, err)
		}
	}
	if _, err := ParseOrder(Runs, orders(MaxOrders)); err != nil {
		t.Error(err)
	}
	if _, err := ParseOrder(Runs, orders(MaxOrders+1)); !fault.Is(err, fault.Invalid) {
		t.Error("too many orders accepted:", err)
	}
	for _, s := range []string{"tags.a = '\x00'", "tags.a = '\xff'", `run_id IN ('\x00')`} {
		if _, err := Parse(Runs, s); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q accepted: %v", s, err)
		}
	}
}

func TestOrder(t *testing.T) {
	for _, c := range []struct {
		entity Entity
		entry  string
		want   Order
	}{
		{Runs, "created desc", Order{Field{Attribute, "start_time"}, true}},
		{Runs, "metrics.`a b` ASC", Order{Field{Metric, "a b"}, false}},
		{RegisteredModels, "timestamp", Order{Field{Attribute, "last_updated_timestamp"}, false}},
		{Traces, "tags.`mlflow.traceName`", Order{Field{Attribute, "name"}, false}},
		{Traces, "metadata.mlflow.sourceRun DESC", Order{Field{Attribute, "run_id"}, true}},
		{LoggedModels, "creation_time", Order{Field{Attribute, "creation_timestamp"}, false}},
	} {
		got, err := ParseOrder(c.entity, []string{c.entry})
		if err != nil || got[0] != c.want {
			t.Errorf("%s: %v, %v; want %v", c.entry, got, err, c.want)
		}
	}
	if _, err := ParseOrder(Runs, []string{"start_time", "created DESC"}); !fault.Is(err, fault.Invalid) {
		t.Error("one field twice under two names accepted:", err)
	}
	if f, err := ParseOrderField("metrics.a.b c"); err != nil || f != (Field{Metric, "a.b c"}) {
		t.Error(f, err)
	}
	for _, name := range []string{"", "params.a", "metrics.", "nosuch"} {
		if f, err := ParseOrderField(name); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q accepted as %v", name, f)
		}
	}
}

func TestSpanAttribute(t *testing.T) {
	expr, err := Parse(Traces, "span.attributes.`llm model`.name != 'x' AND span.name = 'y'")
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := expr[0].Field.SpanAttribute(); !ok || name != "`llm model`.name" {
		t.Error(name, ok)
	}
	if _, ok := expr[1].Field.SpanAttribute(); ok {
		t.Error("span.name is not a span attribute")
	}
}

func TestLike(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		like, ilike   bool
	}{
		{"", "", true, true},
		{"", "a", false, false},
		{"%", "", true, true},
		{"a%", "abc", true, true},
		{"A%", "abc", false, true},
		{"%c", "abc", true, true},
		{"%b%", "abc", true, true},
		{"a_c", "abc", true, true},
		{"a_c", "aéc", true, true},
		{"a_c", "ac", false, false},
		{"É%", "éa", false, true},
		{`100\%`, "100%", false, false}, // no escape character
		{`100\%`, `100\ and more`, true, true},
		{"%a%a%b", "xaab", true, true},
		{"%%_", "", false, false},
		{"a.c", "abc", false, false},
		{"a\nb", "a\nb", true, true},
		{"a%", "a\nb", true, true},
	} {
		if got := CompileLike(c.pattern, false).Match(c.text); got != c.like {
			t.Errorf("%q LIKE %q: %v", c.text, c.pattern, got)
		}
		if got := CompileLike(c.pattern, true).Match(c.text); got != c.ilike {
			t.Errorf("%q ILIKE %q: %v", c.text, c.pattern, got)
		}
	}
	// Quadratic at worst, not exponential.
	CompileLike(strings.Repeat("%a", 500)+"b", false).Match(strings.Repeat("a", 2000))
}

func TestMatch(t *testing.T) {
	parse := func(e Entity, s string) Clause {
		expr, err := Parse(e, s)
		if err != nil {
			t.Fatal(err)
		}
		return expr[0]
	}
	for _, c := range []struct {
		clause  Clause
		text    string
		present bool
		want    bool
	}{
		{parse(Runs, "tags.a = 'x'"), "x", true, true},
		{parse(Runs, "tags.a = 'x'"), "x", false, false},
		{parse(Runs, "tags.a != 'x'"), "y", false, false}, // a missing tag is not unequal
		{parse(Runs, "tags.a IS NULL"), "", false, true},
		{parse(Runs, "tags.a IS NOT NULL"), "", true, true},
		{parse(Runs, "run_id IN ('a','b')"), "b", true, true},
		{parse(Runs, "run_id NOT IN ('a','b')"), "b", true, false},
		{parse(Traces, "tags.a RLIKE '^g.t$'"), "gpt", true, true},
		{parse(Traces, "tags.a RLIKE '^g.t$'"), "gpt-4", true, false},
	} {
		if got := c.clause.MatchText(c.text, c.present); got != c.want {
			t.Errorf("%s %s %v with %q, %v: %v", c.clause.Field, c.clause.Op, c.clause.Value, c.text, c.present, got)
		}
	}
	nan := math.NaN()
	for filter, want := range map[string]bool{"metrics.a != 1": true, "metrics.a = 1": false, "metrics.a > 1": false, "metrics.a <= 1": false} {
		if got := parse(Runs, filter).MatchNumber(nan, true); got != want {
			t.Errorf("NaN: %s: %v", filter, got)
		}
	}
}
