package normalise

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/trace"
)

// payloads fills Input and Output: the text the dialect carries, or JSON made
// of its indexed attributes or message events.
func (f *facts) payloads(c *trace.Columns) {
	c.Input = f.payload(fInput, f.flat.input)
	c.Output = f.payload(fOutput, f.flat.output)
	if c.Input != "" && c.Output != "" {
		return
	}
	in, out := eventMessages(f.span.Events)
	if c.Input == "" {
		c.Input = listJSON(in)
	}
	if c.Output == "" {
		c.Output = listJSON(out)
	}
}

func (f *facts) payload(at field, prefix string) string {
	if v := f.value[at]; v != nil {
		if text := readable(f.text(at)); text != "" {
			return text
		}
	}
	if prefix == "" {
		return ""
	}
	v := unflatten(f.span.Attrs, prefix)
	if v.Kind != trace.List || len(v.List) == 0 {
		return ""
	}
	return string(v.AppendJSON(nil))
}

func listJSON(list []trace.Value) string {
	if len(list) == 0 {
		return ""
	}
	return string(trace.Value{Kind: trace.List, List: list}.AppendJSON(nil))
}

// eventMessages collects the messages that conventions before 1.37 sent as
// events of their own, one per message.
func eventMessages(events []trace.Event) (in, out []trace.Value) {
	for i := range events {
		e := &events[i]
		switch e.Name {
		case "gen_ai.system.message":
			in = append(in, eventMessage(e, "system"))
		case "gen_ai.user.message":
			in = append(in, eventMessage(e, "user"))
		case "gen_ai.assistant.message":
			in = append(in, eventMessage(e, "assistant"))
		case "gen_ai.tool.message":
			in = append(in, eventMessage(e, "tool"))
		case "gen_ai.choice":
			out = append(out, eventMessage(e, "assistant"))
		case "gen_ai.content.prompt":
			in = append(in, contentEvent(e, "gen_ai.prompt")...)
		case "gen_ai.content.completion":
			out = append(out, contentEvent(e, "gen_ai.completion")...)
		}
	}
	return in, out
}

// eventMessage makes {role, content, …} of an event's attributes, which hold
// either the fields of the message or, in "message", all of it.
func eventMessage(e *trace.Event, role string) trace.Value {
	m := trace.Value{Kind: trace.Map}
	fields := e.Attrs
	if whole, ok := trace.Lookup(e.Attrs, "message"); ok {
		if whole.Kind == trace.String {
			whole, _ = trace.ParseValue([]byte(whole.Str))
		}
		if whole.Kind == trace.Map {
			fields = whole.Map
		}
	}
	if _, ok := trace.Lookup(fields, "role"); !ok {
		m.Map = append(m.Map, trace.Attr{Key: "role", Value: trace.StringValue(role)})
	}
	for _, a := range fields {
		switch a.Key {
		case "gen_ai.system", "gen_ai.provider.name", "event.name", "index":
			continue
		case "content", "tool_calls":
			a.Value = parsed(a.Value)
		}
		m.Map = append(m.Map, a)
	}
	return m
}

// contentEvent reads the events of conventions before 1.28, whose one
// attribute holds all messages as JSON.
func contentEvent(e *trace.Event, key string) []trace.Value {
	v, ok := trace.Lookup(e.Attrs, key)
	if !ok {
		return nil
	}
	v = parsed(v)
	if v.Kind == trace.List {
		return v.List
	}
	return []trace.Value{v}
}

// parsed returns the value a JSON text stands for, other values as they are.
func parsed(v trace.Value) trace.Value {
	if v.Kind != trace.String || !looksJSON(v.Str) {
		return v
	}
	if p, err := trace.ParseValue([]byte(v.Str)); err == nil {
		return p
	}
	return v
}

func looksJSON(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n")
	return s != "" && (s[0] == '{' || s[0] == '[' || s[0] == '"')
}

// readable writes the characters that JSON encoders in their default of pure
// ASCII have escaped, so that a search for 你好 finds them.
func readable(s string) string {
	if !looksJSON(s) || !strings.Contains(s, `\u`) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 >= len(s) {
			out = append(out, s[i])
			i++
			continue
		}
		if s[i+1] != 'u' {
			out = append(out, s[i], s[i+1])
			i += 2
			continue
		}
		r, n := escapedRune(s[i:])
		if r < 0x80 { // control characters and quotes stay escaped
			out = append(out, s[i:i+min(6, len(s)-i)]...)
			i += min(6, len(s)-i)
			continue
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return string(out)
}

// escapedRune reads \uXXXX, or two of them that make a pair, at the start of
// s. It returns 0 if they are not one character.
func escapedRune(s string) (rune, int) {
	r, ok := hex4(s)
	if !ok {
		return 0, 6
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if low, ok := hex4(s[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return 0, 6
}

func hex4(s string) (r rune, ok bool) {
	if len(s) < 6 {
		return 0, false
	}
	for _, c := range []byte(s[2:6]) {
		r <<= 4
		switch {
		case '0' <= c && c <= '9':
			r |= rune(c - '0')
		case 'a' <= c && c <= 'f':
			r |= rune(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			r |= rune(c - 'A' + 10)
		default:
			return 0, false
		}
	}
	return r, true
}
