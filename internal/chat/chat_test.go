package chat

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/fault"
)

type dialect struct {
	Input json.RawMessage
	Want  []string // nil: no messages
}

// dialects are the shapes that arrive; LangChain's were written by
// langchain-core itself, the others after their providers' references.
func dialects(t testing.TB) map[string]dialect {
	t.Helper()
	b, err := os.ReadFile("testdata/dialects.json")
	if err != nil {
		t.Fatal(err)
	}
	var d map[string]dialect
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// show writes a message as "origin: text [part] …".
func show(m Message) string { return string(m.Origin()) + ": " + showParts(m.Parts) }

func showParts(parts []Part) string {
	var words []string
	for _, p := range parts {
		switch p.Kind {
		case Text:
			words = append(words, p.Text)
		case Reasoning, Other:
			words = append(words, "["+string(p.Kind)+" "+p.Text+"]")
		case Call:
			words = append(words, "[call "+p.Call.ID+" "+p.Call.Name+" "+string(p.Call.Arguments)+"]")
		case Result:
			kind := "result"
			if p.Result.Failed {
				kind = "failed"
			}
			words = append(words, "["+kind+" "+p.Result.CallID+" "+p.Result.Name+": "+showParts(p.Result.Parts)+"]")
		default:
			s := "[" + string(p.Kind) + " " + p.Media.MIME
			if p.Media.Name != "" {
				s += " " + p.Media.Name
			}
			if p.Media.File != "" {
				s += " file " + p.Media.File
			}
			if p.Media.Data != "" {
				s += " data"
			}
			if p.Media.URL != "" {
				s += " " + p.Media.URL
			}
			words = append(words, s+"]")
		}
	}
	return strings.Join(words, " ")
}

func TestDialects(t *testing.T) {
	for name, c := range dialects(t) {
		messages, ok := Parse(c.Input)
		var got []string
		for _, m := range messages {
			got = append(got, show(m))
			if err := m.Validate(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if ok != (c.Want != nil) || !slices.Equal(got, c.Want) {
			t.Errorf("%s:\n have %q\n want %q", name, got, c.Want)
		}
	}
}

func TestOrigin(t *testing.T) {
	result := Part{Kind: Result, Result: &ToolResult{}}
	said := Part{Kind: Text, Text: "x"}
	for _, c := range []struct {
		m    Message
		want Origin
	}{
		{Message{Role: System}, FromSystem}, {Message{Role: Developer}, FromSystem}, {Message{Role: Assistant}, FromAI},
		{Message{Role: Tool}, FromTool}, {Message{Role: User}, FromHuman}, {Message{Role: User, Parts: []Part{said}}, FromHuman},
		{Message{Role: User, Parts: []Part{result}}, FromTool}, {Message{Role: User, Parts: []Part{result, said}}, FromHuman},
	} {
		if got := c.m.Origin(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.m, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	m := Message{Role: Assistant, Parts: []Part{
		{Kind: Reasoning, Text: "hidden"}, {Kind: Text, Text: "a"}, {Kind: Call, Call: &ToolCall{Name: "f"}},
		{Kind: Result, Result: &ToolResult{Parts: []Part{{Kind: Text, Text: "b"}}}},
	}}
	if m.Text() != "a\nb" || len(m.Calls()) != 1 {
		t.Errorf("%q, %v", m.Text(), m.Calls())
	}
}

func TestLimits(t *testing.T) {
	deep := strings.Repeat("[", 500) + `{"role":"user","content":"x"}` + strings.Repeat("]", 500)
	many := "[" + strings.Repeat(`{"role":"user","content":"x"},`, MaxMessages) + `{"role":"user","content":"x"}]`
	nested := strings.Repeat(`{"type":"tool_result","content":[`, 300) + `"x"` + strings.Repeat(`]}`, 300)
	for name, s := range map[string]string{
		"deep": deep, "many": many, "empty": "", "null": "null", "cut": `[{"role":"user"`, "two": `{} {}`, "text": `"user: hi"`,
		"a chain of holders": strings.Repeat(`{"message":`, 400) + "{}" + strings.Repeat("}", 400),
		"a chain of nodes":   strings.Repeat(`{"node":`, 400) + "{}" + strings.Repeat("}", 400),
		"large":              `[{"role":"user","content":"` + strings.Repeat("x", MaxBytes) + `"}]`,
	} {
		if m, ok := Parse([]byte(s)); ok {
			t.Errorf("%s: %d messages", name, len(m))
		}
	}
	if m, ok := Parse([]byte(`{"role":"user","content":` + nested + `}`)); ok && m[0].Validate() != nil {
		t.Error("deeply nested results:", m[0].Validate())
	}
}

func TestValidate(t *testing.T) {
	for _, m := range []Message{
		{}, {Role: "human"}, {Role: User, Parts: []Part{{Kind: "x"}}}, {Role: User, Parts: []Part{{Kind: Image}}},
		{Role: User, Parts: []Part{{Kind: Call}}}, {Role: Tool, Parts: []Part{{Kind: Result}}},
		{Role: Tool, Parts: []Part{{Kind: Result, Result: &ToolResult{Parts: []Part{{}}}}}},
	} {
		if err := m.Validate(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

func TestTools(t *testing.T) {
	const schema = `{"properties":{"symbol":{"type":"string"}},"type":"object"}`
	want := []ToolSpec{{Name: "get_price", Description: "Price of a stock", Schema: json.RawMessage(schema)}}
	for name, s := range map[string]string{
		"openai":        `{"tools":[{"type":"function","function":{"name":"get_price","description":"Price of a stock","parameters":` + schema + `}}]}`,
		"responses":     `[{"type":"function","name":"get_price","description":"Price of a stock","parameters":` + schema + `}]`,
		"anthropic":     `{"tools":[{"name":"get_price","description":"Price of a stock","input_schema":` + schema + `}]}`,
		"bedrock":       `{"toolConfig":{"tools":[{"toolSpec":{"name":"get_price","description":"Price of a stock","inputSchema":{"json":` + schema + `}}}]}}`,
		"gemini":        `{"tools":[{"functionDeclarations":[{"name":"get_price","description":"Price of a stock","parameters":` + schema + `}]}]}`,
		"openinference": `[{"tool":{"json_schema":` + string(raw(`{"type":"function","function":{"name":"get_price","description":"Price of a stock","parameters":`+schema+`}}`)) + `}}]`,
		"functions":     `{"functions":[{"name":"get_price","description":"Price of a stock","parameters":` + schema + `}]}`,
	} {
		if got := ParseTools([]byte(s)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s", name, raw(got))
		}
	}
	for _, s := range []string{``, `{}`, `[]`, `{"name":"x"}`, `{"messages":[{"role":"user","content":"x"}]}`} {
		if got := ParseTools([]byte(s)); got != nil {
			t.Errorf("%s: %v", s, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, d := range dialects(f) {
		f.Add([]byte(d.Input))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		messages, ok := Parse(b)
		if ok != (len(messages) > 0) {
			t.Fatal("found", len(messages), ok)
		}
		for _, m := range messages {
			if err := m.Validate(); err != nil {
				t.Fatalf("%s: %v", b, err)
			}
		}
		// What is read can be written, and reads as the same.
		own, err := json.Marshal(messages)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		var again []Message
		if err := json.Unmarshal(own, &again); err != nil || len(again) != len(messages) {
			t.Fatalf("%s: %v", own, err)
		}
		if twice, _ := json.Marshal(again); string(twice) != string(own) {
			t.Fatalf("%s\n became %s", own, twice)
		}
		ParseTools(b)
	})
}
