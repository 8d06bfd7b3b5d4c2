package filter

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/fault"
)

type goldenFile struct {
	Filters []struct {
		Entity, Filter, Verdict string
		Clauses                 [][4]any
	}
	Orders []struct{ Entity, Order, Verdict string }
}

func readGolden(t *testing.T) goldenFile {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g goldenFile
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func entityNamed(t *testing.T, name string) Entity {
	t.Helper()
	for e := Runs; e <= TraceMetrics; e++ {
		if e.String() == name {
			return e
		}
	}
	t.Fatalf("no entity %q", name)
	return 0
}

// TestGolden holds Parse against the stock server's own verdicts and clauses.
// Whatever differs must be named by deviation.
func TestGolden(t *testing.T) {
	used := map[string]int{}
	for _, c := range readGolden(t).Filters {
		got, err := Parse(entityNamed(t, c.Entity), c.Filter)
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %q: not an invalid parameter: %v", c.Entity, c.Filter, err)
		}
		why := ""
		switch ok := c.Verdict == "ok"; {
		case ok != (err == nil):
			why = deviation(c.Entity, c.Filter, ok)
			if why == "" {
				t.Errorf("%s: %q: stock says %s, we say %v", c.Entity, c.Filter, c.Verdict, err)
			}
		case ok && show(got) != translate(c.Entity, c.Clauses):
			why = "misread by stock"
			if !slices.Contains(misread, c.Filter) {
				t.Errorf("%s: %q:\n have %s\n want %s", c.Entity, c.Filter, show(got), translate(c.Entity, c.Clauses))
			}
		}
		used[why]++
	}
	for _, d := range deviations {
		if used[d.reason] == 0 {
			t.Errorf("deviation without a case: %s", d.reason)
		}
	}
	if used[""] < 1500 {
		t.Errorf("only %d cases agree without a reason", used[""])
	}
}

// deviations are the places where we knowingly differ, each with its reason.
// The package comment states them for readers.
var deviations = []struct {
	reason       string
	stockAccepts bool
	applies      func(entity, filter string) bool
}{
	{"keywords are case-insensitive for every entity", false, matching(` (like|in) `)},
	{"a quoted key is unquoted for every entity", false, oneOf("`attribute`.name = 'a'", "`name` = 'a'")},
	{"a key may be an SQL keyword", false, oneOf("tags.in = 'a'")},
	{"an exponent may have a plus sign", false, matching(`1e\+5`)},
	{"a span attribute may be in a list; stock fails", false, matching(`^span\.attributes.* IN \(`)},
	{"feedback.text is the feedback named text", false, oneOf("feedback.text = 'good'")},

	{"a list belongs to IN", true, matching(`= \('a'\)`)},
	{"no space and no wildcard inside an identifier, and a key after its dot", true,
		oneOf("metrics. a > 1", "tags.*  = 'a'", "tags. = 'a'")},
	{"a backticked word is a key, not a value", true, oneOf("tags.a = `a`")},
	{"a numeric attribute is compared with a number", true, matching(`(time|timestamp|_ms) = 'x'$`)},
	{"an issue has no name", true, oneOf("issue.name = 'a'")},
	{"a bad regular expression is the caller's mistake", true, oneOf("tag.a RLIKE '('")},
	{"text attributes of datasets have no order and no RLIKE", true, matching(`^(name|created_by|last_updated_by) (>|RLIKE) 'a'$`)},
}

func oneOf(filters ...string) func(entity, filter string) bool {
	return func(_, filter string) bool { return slices.Contains(filters, filter) }
}

func matching(pattern string) func(entity, filter string) bool {
	re := regexp.MustCompile(pattern)
	return func(_, filter string) bool { return re.MatchString(filter) }
}

// deviation says why our verdict on a filter is not the stock server's.
func deviation(entity, filter string, stockAccepts bool) string {
	for _, d := range deviations {
		if d.stockAccepts == stockAccepts && d.applies(entity, filter) {
			return d.reason
		}
	}
	return ""
}

// canonical is what a key of the stock parser is called here.
var canonical = map[string]map[[2]string]Field{
	"runs": {
		{"attribute", "run name"}: {Attribute, "run_name"},
		{"attribute", "created"}:  {Attribute, "start_time"},
	},
	"logged models": {
		{"attribute", "creation_timestamp_ms"}:     {Attribute, "creation_timestamp"},
		{"attribute", "last_updated_timestamp_ms"}: {Attribute, "last_updated_timestamp"},
	},
	"traces": {
		{"tag", "mlflow.traceName"}:              {Attribute, "name"},
		{"tag", "mlflow.linkedPrompts"}:          {Attribute, "prompt"},
		{"request_metadata", "mlflow.sourceRun"}: {Attribute, "run_id"},
		{"span", "attributes.`a b`"}:             {Span, "attributes.a b"},
	},
	"datasets": {{"tag", "`a b`"}: {Tag, "a b"}},
}

// translate writes the stock parser's clauses in our words.
func translate(entity string, clauses [][4]any) string {
	var b strings.Builder
	for _, c := range clauses {
		group, name := c[0].(string), c[1].(string)
		f, ok := canonical[entity][[2]string{group, name}]
		if !ok {
			for g := Attribute; g <= Assessment; g++ {
				if g.String() == group {
					f = Field{g, name}
				}
			}
			switch group {
			case "parameter":
				f = Field{Param, name}
			case "request_metadata":
				f = Field{Metadata, name}
			}
		}
		v := c[3]
		if s, isText := v.(string); isText && f.Group == Metric {
			v, _ = strconv.ParseFloat(s, 64)
		}
		fmt.Fprintln(&b, f, c[2], v)
	}
	return b.String()
}

func show(expr Expr) string {
	var b strings.Builder
	for _, c := range expr {
		var v any
		switch c.Value.Kind {
		case String:
			v = c.Value.Str
		case Number:
			v = c.Value.Num
		case List:
			v = c.Value.List
		}
		fmt.Fprintln(&b, c.Field, c.Op, v)
	}
	return b.String()
}

// misread are the filters stock accepts but takes for something else than
// what they say.
var misread = []string{
	`tags.name = 'a'`, `metadata.run_id = 'a'`, // read as the trace's own name and run
	`tags.a = "a"`, `tags.a = "it's"`, `tags.a = "b"`, // logged models keep the double quotes
}

func TestGoldenOrder(t *testing.T) {
	for _, c := range readGolden(t).Orders {
		_, err := ParseOrder(entityNamed(t, c.Entity), []string{c.Order})
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %q: not an invalid parameter: %v", c.Entity, c.Order, err)
		}
		lenient := c.Order == "`name`" || c.Order == "end_time" // see the package comment; stock fails on end_time
		if (c.Verdict == "ok") != (err == nil) && !lenient {
			t.Errorf("%s: order by %q: stock says %s, we say %v", c.Entity, c.Order, c.Verdict, err)
		}
	}
}
