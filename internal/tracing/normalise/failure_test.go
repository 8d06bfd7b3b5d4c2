package normalise

import (
	"testing"

	"github.com/assayhq/assay/internal/trace"
)

func TestErrorType(t *testing.T) {
	exception := func(kind string) trace.Event {
		return trace.Event{Name: "exception", Attrs: []trace.Attr{{Key: "exception.type", Value: trace.StringValue(kind)}}}
	}
	for _, tt := range []struct {
		name string
		span trace.Span
		want string
	}{
		{"an attribute", trace.Span{Status: trace.Error, Attrs: attrs("error.type", "timeout"), Events: []trace.Event{exception("E1")}}, "timeout"},
		{"the attribute that says nothing", trace.Span{Status: trace.Error, Attrs: attrs("error.type", "_OTHER"), Events: []trace.Event{exception("builtins.ValueError")}}, "builtins.ValueError"},
		{"the last exception", trace.Span{Status: trace.Error, Events: []trace.Event{exception("E1"), exception("E2"), {Name: "log"}}}, "E2"},
		{"the message", trace.Span{Status: trace.Error, StatusMessage: "openai.RateLimitError: Error code: 429"}, "openai.RateLimitError"},
		{"the message of a call", trace.Span{Status: trace.Error, StatusMessage: "ToolException('no such symbol')"}, "ToolException"},
		{"a sentence", trace.Span{Status: trace.Error, StatusMessage: "the request failed"}, ""},
		{"no text", trace.Span{Status: trace.Error}, ""},
		{"only the word", trace.Span{Status: trace.Error, StatusMessage: "Error"}, "Error"},
		{"a span that did not fail", trace.Span{Status: trace.OK, Attrs: attrs("error.type", "timeout")}, ""},
	} {
		New().Apply(&tt.span)
		if got := tt.span.Columns.ErrorType; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	hash := func(tool, input string) uint32 {
		return applied("openinference.span.kind", "TOOL", "tool.name", tool, "input.value", input).InputHash
	}
	one := hash("search", `{"q": "tea", "n": 10000000000000000001}`)
	if one == 0 {
		t.Fatal("a call of a tool has no fingerprint")
	}
	if hash("search", `{"n":10000000000000000001,"q":"tea"}`) != one {
		t.Error("order and space count")
	}
	for name, other := range map[string]uint32{
		"another value": hash("search", `{"q": "tea", "n": 10000000000000000002}`), "another tool": hash("lookup", `{"q": "tea", "n": 10000000000000000001}`),
		"two values": hash("search", `{"q": "tea", "n": 10000000000000000001} {}`), "no JSON": hash("search", `q tea`),
	} {
		if other == one || other == 0 {
			t.Errorf("%s has the same fingerprint, or none", name)
		}
	}
	if hash("search", "") != 0 || applied("openinference.span.kind", "CHAIN", "input.value", "{}").InputHash != 0 {
		t.Error("what is no call with an input has a fingerprint")
	}
}

// FuzzFingerprint: any input has one, and one that stays when it is written
// anew.
func FuzzFingerprint(f *testing.F) {
	f.Add(`{"a": [1, 2.50, {"b": null}]}`)
	f.Add(`[`)
	f.Add("{\"\xff\": 1}")
	f.Fuzz(func(t *testing.T, input string) {
		if fingerprint("t", input) == 0 {
			t.Error("0 means unknown")
		}
		if c := canonical(input); c != nil {
			if again := canonical(string(c)); string(again) != string(c) {
				t.Errorf("canonical form of %q is not stable: %q, %q", input, c, again)
			}
		}
	})
}
