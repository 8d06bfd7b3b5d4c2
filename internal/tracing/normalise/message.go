package normalise

import (
	"strings"

	"github.com/assayhq/assay/internal/trace"
)

// Origin says who wrote a message.
type Origin string

const (
	System Origin = "system"
	Human  Origin = "human"
	AI     Origin = "ai"
	Tool   Origin = "tool"
)

// Message is one turn of a conversation found in a span.
type Message struct {
	Origin Origin
	Output bool   // produced by the span, not given to it
	Text   string // the readable parts, joined by newlines
	Calls  []Call // tools an AI message asks for
	CallID string // of a tool message: the call it answers
	JSON   string // the message as the dialect carries it

	Reasoning string  `json:",omitempty"` // what the model thought before it answered, where that is told apart
	Media     []Media `json:",omitempty"` // images, sounds and files among the content
}

// Media is a part of a message that is not text.
type Media struct {
	Type string // MIME type, "" unknown
	URL  string // where it is; a data: URL where it travels with the message
}

// maxMedia bounds the parts taken from one message, and maxMediaSize the
// characters of one: what is bigger is read from the payload itself.
const (
	maxMedia     = 64
	maxMediaSize = 8 << 20
)

// Call is a request to run a tool.
type Call struct {
	ID, Name  string
	Arguments string // JSON
}

// maxMessages bounds what is taken from one span.
const maxMessages = 4096

// Messages returns the messages of a normalised span, input before output. A
// payload that is no conversation is one message: of a human if it went in,
// of the model (or, in a TOOL span, the tool) if it came out.
func Messages(s *trace.Span) []Message {
	var list []Message
	system, ok := trace.Lookup(s.Attrs, "gen_ai.system_instructions")
	if ok {
		list = appendMessages(list, parsed(system), System, 0)
	}
	in, out := Human, AI
	switch s.Columns.Type {
	case "TOOL":
		in, out = AI, Tool
	case "RETRIEVER", "RERANKER":
		out = Tool
	}
	list = appendMessages(list, parsed(trace.StringValue(s.Columns.Input)), in, 0)
	given := len(list)
	list = appendMessages(list, parsed(trace.StringValue(s.Columns.Output)), out, 0)
	for i := given; i < len(list); i++ {
		list[i].Output = true
	}
	return list
}

// appendMessages finds the messages in v. origin is of those that do not say.
func appendMessages(list []Message, v trace.Value, origin Origin, depth int) []Message {
	if depth > 6 || len(list) >= maxMessages {
		return list
	}
	switch v.Kind {
	case trace.Null:
		return list
	case trace.List:
		if isParts(v.List) {
			return append(list, message(v, origin))
		}
		for _, item := range v.List {
			list = appendMessages(list, item, origin, depth+1)
		}
		return list
	case trace.Map:
		if inner, ok := wrapped(v); ok {
			if s := v.Get("system"); s.Kind == trace.String {
				list = append(list, Message{Origin: System, Text: s.Str, JSON: jsonText(&s)})
			}
			return appendMessages(list, parsed(inner), origin, depth+1)
		}
		return append(list, message(v, origin))
	}
	if text := v.Text(); text != "" {
		list = append(list, Message{Origin: origin, Text: text, JSON: jsonText(&v)})
	}
	return list
}

// wrapped returns what a container of messages contains.
func wrapped(v trace.Value) (trace.Value, bool) {
	if v.Get("role").Kind == trace.String {
		return v, false
	}
	for _, key := range [...]string{"messages", "choices", "generations", "message"} {
		if inner := v.Get(key); inner.Kind == trace.List || inner.Kind == trace.Map || inner.Kind == trace.String && looksJSON(inner.Str) {
			return inner, true
		}
	}
	if v.Get("lc").Kind == trace.Int { // LangChain's own serialisation
		return v.Get("kwargs"), v.Get("kwargs").Kind == trace.Map
	}
	for _, key := range [...]string{"input", "output"} {
		inner := v.Get(key)
		if originOf(inner.Get("role").Str) != "" || originOf(inner.Get("type").Str) != "" {
			return inner, true
		}
	}
	if p := v.Get("prompt"); p.Kind == trace.String && (len(v.Map) == 1 || v.Get("system").Kind == trace.String) {
		return p, true
	}
	return v, false
}

// isParts reports a list of content parts, as opposed to messages.
func isParts(list []trace.Value) bool {
	if len(list) == 0 {
		return false
	}
	for _, item := range list {
		if item.Get("role").Kind != trace.Null || item.Get("type").Kind != trace.String {
			return false
		}
		if originOf(item.Get("type").Str) != "" || item.Get("kwargs").Kind != trace.Null || item.Get("message").Kind != trace.Null {
			return false // LangChain's messages and generations have a type too
		}
	}
	return true
}

func message(v trace.Value, origin Origin) Message {
	m := Message{Origin: origin, JSON: jsonText(&v)}
	if v.Kind == trace.List {
		m.Text = contentText(v, &m)
		return m
	}
	for _, key := range [...]string{"role", "type"} {
		if o := originOf(v.Get(key).Str); o != "" {
			m.Origin = o
			break
		}
	}
	m.CallID = v.Get("tool_call_id").Text()
	if v.Get("toolName").Kind == trace.String && v.Get("toolCallId").Kind == trace.String {
		m.Calls = []Call{call(v)} // the Vercel SDK lists calls without a message
		return m
	}
	for _, key := range [...]string{"content", "parts", "contents", "text", "page_content"} {
		if c := v.Get(key); c.Kind != trace.Null {
			m.Text = contentText(parsedParts(c), &m)
			break
		}
	}
	for _, key := range [...]string{"reasoning_content", "reasoning", "thinking"} {
		if r := v.Get(key); r.Kind == trace.String && r.Str != "" && m.Reasoning == "" && m.Origin == AI {
			m.Reasoning = r.Str
		}
	}
	calls := parsed(v.Get("tool_calls"))
	for _, c := range calls.List {
		m.Calls = append(m.Calls, call(c))
	}
	if m.Text == "" && m.Reasoning == "" && len(m.Calls) == 0 && len(m.Media) == 0 && v.Get("role").Kind == trace.Null {
		m.Text = m.JSON // an object that is no message: a tool's arguments, a state
	}
	return m
}

// parsedParts reads content that is a JSON list in a string; other text that
// looks like JSON is what somebody said.
func parsedParts(v trace.Value) trace.Value {
	if v.Kind == trace.String && strings.HasPrefix(v.Str, "[{") {
		if p := parsed(v); p.Kind == trace.List && isParts(p.List) {
			return p
		}
	}
	return v
}

func originOf(role string) Origin {
	switch strings.ToLower(role) {
	case "user", "human":
		return Human
	case "assistant", "ai", "model", "aimessagechunk":
		return AI
	case "tool", "function", "ipython":
		return Tool
	case "system", "developer":
		return System
	}
	return ""
}

// contentText joins the readable parts of content and notes calls and
// answers of tools that travel as parts.
func contentText(v trace.Value, m *Message) string {
	if v.Kind != trace.List {
		return v.Text()
	}
	var texts, thoughts []string
	for _, part := range v.List {
		if part.Kind == trace.String {
			texts = append(texts, part.Str)
			continue
		}
		switch part.Get("type").Str {
		case "tool_call", "tool_use", "tool-call", "function_call":
			m.Calls = append(m.Calls, call(part))
		case "tool_call_response", "tool_result", "tool-result":
			m.Origin = Tool
			m.CallID = firstNonEmpty(part.Get("id").Text(), part.Get("tool_use_id").Text(), part.Get("toolCallId").Text())
			texts = append(texts, firstNonEmpty(part.Get("response").Text(), part.Get("result").Text(), part.Get("output").Text(), part.Get("content").Text()))
		case "thinking", "reasoning", "reasoning_text", "redacted_thinking":
			if t := firstNonEmpty(part.Get("thinking").Text(), part.Get("text").Text(), part.Get("content").Text(), part.Get("summary").Text()); t != "" {
				thoughts = append(thoughts, t)
			}
		default:
			if media, ok := mediaOf(part); ok {
				if len(m.Media) < maxMedia {
					m.Media = append(m.Media, media)
				}
				continue
			}
			if t := firstNonEmpty(part.Get("text").Text(), part.Get("content").Text()); t != "" {
				texts = append(texts, t)
			}
		}
	}
	m.Reasoning = strings.Join(thoughts, "\n")
	return strings.Join(texts, "\n")
}

// mediaOf reads a part that is an image, a sound or a file, as OpenAI
// (image_url, input_image, input_audio, file), Anthropic (image, document with
// a source), GenAI (blob, uri) and the Vercel SDK (image, file) write it.
func mediaOf(part trace.Value) (Media, bool) {
	source := part.Get("source")
	kind := firstNonEmpty(part.Get("mime_type").Str, part.Get("mimeType").Str, part.Get("mediaType").Str, source.Get("media_type").Str, part.Get("media_type").Str)
	var m Media
	switch part.Get("type").Str {
	case "image_url", "input_image":
		m = Media{kind, firstNonEmpty(part.Get("image_url").Get("url").Str, part.Get("image_url").Str)}
	case "input_audio":
		audio := part.Get("input_audio")
		m = Media{"audio/" + firstNonEmpty(audio.Get("format").Str, "wav"), audio.Get("data").Str}
	case "image", "document", "blob", "uri", "file", "audio", "video":
		m = Media{kind, firstNonEmpty(source.Get("url").Str, part.Get("url").Str, part.Get("uri").Str, source.Get("data").Str, part.Get("image").Str,
			part.Get("data").Str, part.Get("file").Get("file_data").Str)}
		if m.URL == "" && part.Get("type").Str == "blob" {
			m.URL = part.Get("content").Str
		}
	default:
		return m, false
	}
	if m.URL == "" {
		return m, false
	}
	if len(m.URL) > maxMediaSize {
		m.URL = ""
		return m, true
	}
	if scheme, rest, ok := strings.Cut(m.URL, ":"); ok && len(scheme) < 20 {
		if mime, _, data := strings.Cut(rest, ";base64,"); scheme == "data" && data && m.Type == "" {
			m.Type = mime
		}
		return m, true
	}
	if m.Type == "" {
		m.Type = "image/png"
	}
	m.URL = "data:" + m.Type + ";base64," + m.URL // bare base64
	return m, true
}

func call(v trace.Value) Call {
	fn := v.Get("function")
	return Call{
		ID:   firstNonEmpty(v.Get("id").Text(), v.Get("toolCallId").Text(), v.Get("call_id").Text()),
		Name: firstNonEmpty(v.Get("name").Text(), v.Get("toolName").Text(), fn.Get("name").Text()),
		Arguments: firstNonEmpty(v.Get("arguments").Text(), v.Get("args").Text(), v.Get("input").Text(),
			fn.Get("arguments").Text()),
	}
}
