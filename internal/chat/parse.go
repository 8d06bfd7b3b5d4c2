package chat

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Limits of what is read; beyond them Parse finds no messages.
const (
	MaxBytes    = 32 << 20 // of JSON
	MaxMessages = 20_000
	maxDepth    = 32 // of nesting around and inside messages
)

// Parse reads the messages in a JSON text, whichever known dialect it is in:
// one message, a list, or a model's request or response around them. It knows
// OpenAI (chat and responses), Anthropic, Bedrock Converse, Gemini, LangChain
// (dumped, serialised and as pairs), the OpenTelemetry and OpenInference
// conventions, Vercel's AI SDK, and its own form.
//
// It reports false where there is no message, and never fails: what a part
// holds that nobody knows is kept as [Other].
func Parse(text []byte) ([]Message, bool) {
	v, ok := decode(text)
	if !ok {
		return nil, false
	}
	p := parser{}
	p.container(v, 0)
	if len(p.found) == 0 || p.full {
		return nil, false
	}
	return p.found, true
}

// decode reads one JSON value, numbers as they are written.
func decode(text []byte) (any, bool) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || len(text) > MaxBytes || text[0] != '{' && text[0] != '[' {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return nil, false
	}
	return v, true
}

type object = map[string]any

type parser struct {
	found []Message
	full  bool
}

func (p *parser) add(m Message) {
	if len(p.found) == MaxMessages {
		p.full = true
		return
	}
	p.found = append(p.found, m)
}

// instructions are the fields that hold what comes before all messages.
var instructions = []string{"system", "systemInstruction", "system_instruction", "system_instructions", "instructions"}

// holders are the fields that messages stand in, the likeliest first. Only the
// first that has any is read: a trace's inputs often hold one conversation
// twice.
var holders = []string{
	"messages", "input_messages", "output_messages", "contents", "choices", "candidates", "generations",
	"message", "output", "input", "content", "inputs", "outputs", "response", "data", "kwargs", "args",
}

// container reads a value that may be, or may hold, messages.
func (p *parser) container(v any, depth int) bool {
	if depth > maxDepth || p.full {
		return false
	}
	switch v := v.(type) {
	case []any:
		found := false
		for _, item := range v {
			if p.container(item, depth+1) {
				found = true
			}
		}
		return found
	case object:
		if m, ok := message(v); ok {
			p.add(m)
			return true
		}
		if m, ok := item(v); ok {
			p.add(m)
			return true
		}
		return p.holder(v, depth)
	}
	return false
}

func (p *parser) holder(v object, depth int) bool {
	before := len(p.found)
	for _, name := range instructions {
		if parts := contentParts(v[name], 0); len(parts) > 0 {
			p.add(Message{Role: System, Parts: parts})
			break
		}
	}
	for _, name := range holders {
		switch held := v[name].(type) {
		case object:
			if p.container(held, depth+1) {
				return true
			}
		case []any:
			if p.list(held, name == "messages", depth+1) {
				return true
			}
		case string:
			// The input of OpenAI's responses may be a plain prompt.
			if name == "input" && held != "" && (v["model"] != nil || v["instructions"] != nil) {
				p.add(Message{Role: User, Parts: []Part{{Kind: Text, Text: held}}})
				return true
			}
		}
	}
	if len(v) == 1 { // LangGraph's {"node": {"messages": […]}}
		for name, only := range v {
			// A holder has been looked into already; twice at every level is 2ⁿ.
			if inner, ok := only.(object); ok && !slices.Contains(holders, name) && p.container(inner, depth+1) {
				return true
			}
		}
	}
	if len(p.found) > before && v["model"] == nil {
		p.found = p.found[:before] // a field called "system" without messages is no request
	}
	return false
}

// list reads a list that should hold messages. Under "messages" a pair of
// strings is LangChain's ("human", "…").
func (p *parser) list(items []any, pairs bool, depth int) bool {
	if depth > maxDepth {
		return false
	}
	found := false
	for _, it := range items {
		pair, isList := it.([]any)
		if role, text, ok := rolePair(pair); pairs && isList && ok {
			p.add(Message{Role: role, Parts: contentParts(text, 0)})
			found = true
			continue
		}
		if isList && p.list(pair, pairs, depth+1) {
			found = true
			continue
		}
		if !isList && p.container(it, depth+1) {
			found = true
		}
	}
	return found
}

func rolePair(pair []any) (Role, any, bool) {
	if len(pair) != 2 {
		return "", nil, false
	}
	name, ok := pair[0].(string)
	if !ok {
		return "", nil, false
	}
	role, ok := ParseRole(name)
	if _, isText := pair[1].(string); !isText {
		if _, isParts := pair[1].([]any); !isParts {
			return "", nil, false
		}
	}
	return role, pair[1], ok
}

// message reads an object that is a message with a role.
func message(v object) (Message, bool) {
	if inner, ok := v["kwargs"].(object); ok && text(v["type"]) == "constructor" { // LangChain, serialised
		if id, _ := v["id"].([]any); len(id) > 0 {
			if role, ok := ParseRole(text(id[len(id)-1])); ok {
				return withRole(role, inner), true
			}
		}
		return Message{}, false
	}
	if role, ok := ParseRole(text(v["role"])); ok && hasContent(v) {
		return withRole(role, v), true
	}
	if inner, ok := v["data"].(object); ok { // LangChain, {"type": "human", "data": {…}}
		if role, ok := ParseRole(text(v["type"])); ok && hasContent(inner) {
			return withRole(role, inner), true
		}
	}
	if _, given := v["role"]; !given {
		if _, has := v["content"]; has { // LangChain, dumped
			if role, ok := ParseRole(text(v["type"])); ok {
				return withRole(role, v), true
			}
		}
	}
	return Message{}, false
}

func hasContent(v object) bool {
	for _, name := range []string{"content", "contents", "parts", "tool_calls", "function_call", "refusal", "reasoning_content", "audio"} {
		if _, ok := v[name]; ok {
			return true
		}
	}
	return false
}

// withRole reads the content of a message whose role is known.
func withRole(role Role, v object) Message {
	m := Message{Role: role, ID: text(v["id"]), Name: text(v["name"])}
	if s := first(v, "reasoning_content", "reasoning"); s != "" {
		m.Parts = append(m.Parts, Part{Kind: Reasoning, Text: s})
	}
	for _, name := range []string{"parts", "content", "contents"} {
		if parts := contentParts(v[name], 0); len(parts) > 0 {
			m.Parts = append(m.Parts, parts...)
			break
		}
	}
	if s := text(v["refusal"]); s != "" {
		m.Parts = append(m.Parts, Part{Kind: Text, Text: s})
	}
	m.Parts = append(m.Parts, separateCalls(v, m.Calls())...)
	if call := first(v, "tool_call_id", "toolCallId", "call_id"); role == Tool && (call != "" || !hasResult(m.Parts)) {
		failed := text(v["status"]) == "error" || v["is_error"] == true
		m.Parts = []Part{{Kind: Result, Result: &ToolResult{CallID: call, Name: m.Name, Parts: m.Parts, Failed: failed}}}
	}
	return m
}

func hasResult(parts []Part) bool {
	for _, p := range parts {
		if p.Kind == Result {
			return true
		}
	}
	return false
}

// separateCalls reads the calls that stand beside the content, without those
// that stand in it already: LangChain writes the calls of Anthropic's models
// in both places.
func separateCalls(v object, have []ToolCall) []Part {
	seen := map[string]bool{}
	for _, c := range have {
		seen[c.ID] = c.ID != ""
	}
	var list []any
	for _, name := range []string{"tool_calls", "toolCalls", "invalid_tool_calls"} {
		calls, _ := v[name].([]any)
		list = append(list, calls...)
	}
	if len(list) == 0 {
		extra, _ := v["additional_kwargs"].(object)
		list, _ = extra["tool_calls"].([]any)
	}
	if call, ok := v["function_call"].(object); ok {
		list = append(list, object{"function": call})
	}
	var parts []Part
	for _, it := range list {
		o, _ := it.(object)
		if inner, ok := o["tool_call"].(object); ok { // OpenInference
			o = inner
		}
		if c := call(o); c != nil && !seen[c.ID] {
			parts = append(parts, Part{Kind: Call, Call: c})
		}
	}
	return parts
}

// item reads the items of OpenAI's responses that have no role.
func item(v object) (Message, bool) {
	switch text(v["type"]) {
	case "function_call", "custom_tool_call":
		if c := call(v); c != nil {
			return Message{Role: Assistant, Parts: []Part{{Kind: Call, Call: c}}}, true
		}
	case "function_call_output", "custom_tool_call_output":
		r := &ToolResult{CallID: text(v["call_id"]), Parts: contentParts(v["output"], 0)}
		return Message{Role: Tool, Parts: []Part{{Kind: Result, Result: r}}}, true
	case "reasoning":
		var b strings.Builder
		for _, name := range []string{"summary", "content"} {
			if list, ok := v[name].([]any); ok && b.Len() == 0 {
				writeText(&b, contentParts(list, 0))
			}
		}
		if b.Len() > 0 {
			return Message{Role: Assistant, ID: text(v["id"]), Parts: []Part{{Kind: Reasoning, Text: b.String()}}}, true
		}
	}
	return Message{}, false
}

// text returns v if it is a string.
func text(v any) string {
	s, _ := v.(string)
	return s
}

// first returns the first of the fields that is a string with something in it.
func first(v object, names ...string) string {
	for _, n := range names {
		if s := text(v[n]); s != "" {
			return s
		}
	}
	return ""
}
