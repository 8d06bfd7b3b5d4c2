package chat

import (
	"bytes"
	"encoding/json"
	"strings"
)

// contentParts reads the content of a message: a string, a part, or a list of
// both.
func contentParts(v any, depth int) []Part {
	if depth > maxDepth {
		return nil
	}
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
		return []Part{{Kind: Text, Text: v}}
	case object:
		if inner, ok := v["parts"].([]any); ok { // Gemini's system instruction
			return contentParts(inner, depth+1)
		}
		if p, ok := part(v, depth); ok {
			return []Part{p}
		}
	case []any:
		var parts []Part
		for _, item := range v {
			parts = append(parts, contentParts(item, depth+1)...)
		}
		return parts
	}
	return nil
}

// part reads one part. It reports false for one that says nothing, such as a
// cache point.
func part(v object, depth int) (Part, bool) {
	if inner, ok := v["message_content"].(object); ok { // OpenInference
		v = inner
	}
	if p, ok := taggedPart(v, depth); ok {
		return p, p.Kind != ""
	}
	if p, ok := keyedPart(v, depth); ok {
		return p, p.Kind != ""
	}
	return other(v)
}

// other keeps what is not understood.
func other(v any) (Part, bool) {
	raw := raw(v)
	return Part{Kind: Other, Text: string(raw)}, len(raw) > 2
}

// taggedPart reads a part that names its type, as OpenAI, Anthropic, LangChain,
// OpenTelemetry and Vercel write them. The empty part stands for nothing.
func taggedPart(v object, depth int) (Part, bool) {
	switch kind := strings.ReplaceAll(text(v["type"]), "-", "_"); kind {
	case "text", "input_text", "output_text", "summary_text", "reasoning_text", "text_delta":
		return textPart(Text, first(v, "text", "content"))
	case "refusal":
		return textPart(Text, text(v["refusal"]))
	case "reasoning", "thinking":
		if s := first(v, "thinking", "reasoning", "text", "content"); s != "" {
			return Part{Kind: Reasoning, Text: s}, true
		}
		var b strings.Builder
		writeText(&b, contentParts(v["summary"], depth+1))
		return textPart(Reasoning, b.String())
	case "redacted_thinking", "cache_point":
		return Part{}, true
	case "tool_use", "tool_call", "function_call", "server_tool_use", "mcp_tool_use":
		if inner, ok := v["call"].(object); ok { // our own
			v = inner
		}
		if c := call(v); c != nil {
			return Part{Kind: Call, Call: c}, true
		}
	case "tool_result", "tool_call_response", "function_call_output", "mcp_tool_result", "web_search_tool_result":
		return Part{Kind: Result, Result: result(v, depth)}, true
	case "image_url", "input_image", "image", "document", "input_file", "file", "media", "input_audio", "audio", "video", "blob", "uri", "video_url":
		if m := media(v); m != nil {
			return Part{Kind: mediaKind(kind, text(v["modality"]), m), Media: m}, true
		}
	}
	return Part{}, false
}

// textPart is a part of that text, and nothing if there is none.
func textPart(kind PartKind, s string) (Part, bool) {
	if s == "" {
		return Part{}, true
	}
	return Part{Kind: kind, Text: s}, true
}

// keyedPart reads a part that is known by its key, as Bedrock and Gemini write
// them.
func keyedPart(v object, depth int) (Part, bool) {
	if s, ok := v["text"].(string); ok {
		if v["thought"] == true { // Gemini
			return textPart(Reasoning, s)
		}
		return textPart(Text, s)
	}
	for _, key := range keyedParts {
		inner, present := v[key]
		if !present {
			continue
		}
		o, _ := inner.(object)
		switch key {
		case "toolUse", "functionCall", "function_call":
			if c := call(o); c != nil {
				return Part{Kind: Call, Call: c}, true
			}
		case "toolResult", "functionResponse", "function_response":
			if o != nil {
				return Part{Kind: Result, Result: result(o, depth)}, true
			}
		case "reasoningContent":
			said, _ := o["reasoningText"].(object)
			return textPart(Reasoning, text(said["text"]))
		case "json":
			return Part{Kind: Text, Text: string(raw(inner))}, true
		case "cachePoint", "cache_point":
			return Part{}, true
		default:
			if o == nil {
				continue
			}
			if m := media(o); m != nil {
				return Part{Kind: mediaKind(key, "", m), Media: m}, true
			}
		}
	}
	return Part{}, false
}

// keyedParts are the keys a part may be known by, in the order they are tried.
var keyedParts = []string{
	"toolUse", "functionCall", "function_call", "toolResult", "functionResponse", "function_response", "reasoningContent",
	"image", "document", "video", "audio", "inlineData", "inline_data", "fileData", "file_data", "json", "cachePoint", "cache_point",
}

// call reads a tool call in any form; nil if it has no name.
func call(v object) *ToolCall {
	c := &ToolCall{ID: first(v, "call_id", "id", "toolCallId", "toolUseId", "tool_call_id")}
	if f, ok := v["function"].(object); ok {
		v = f
	}
	c.Name = first(v, "name", "toolName", "tool_name")
	if c.Name == "" {
		return nil
	}
	for _, name := range []string{"arguments", "args", "input", "parameters"} {
		a, ok := v[name]
		if !ok || a == nil {
			continue
		}
		if s, isText := a.(string); isText && json.Valid([]byte(s)) {
			c.Arguments = json.RawMessage(compact(s))
		} else {
			c.Arguments = raw(a)
		}
		break
	}
	return c
}

// result reads what a tool gave back.
func result(v object, depth int) *ToolResult {
	if inner, ok := v["result"].(object); ok && inner["parts"] != nil { // our own
		v = inner
	}
	r := &ToolResult{
		CallID: first(v, "tool_use_id", "toolUseId", "tool_call_id", "toolCallId", "call_id", "callId", "id"),
		Name:   first(v, "name", "toolName", "tool_name"),
	}
	r.Failed = v["is_error"] == true || v["isError"] == true || v["failed"] == true || text(v["status"]) == "error"
	for _, name := range []string{"content", "response", "result", "output", "parts"} {
		inner, ok := v[name]
		if !ok || inner == nil {
			continue
		}
		if o, isObject := inner.(object); isObject {
			r.Parts = resultObject(o, depth)
		} else if _, isList := inner.([]any); isList {
			r.Parts = contentParts(inner, depth+1)
		} else if s, isText := inner.(string); isText {
			r.Parts = contentParts(s, depth+1)
		} else {
			r.Parts = []Part{{Kind: Text, Text: string(raw(inner))}}
		}
		break
	}
	return r
}

// resultObject reads a result that is one object: a part, Vercel's tagged
// value, or just data.
func resultObject(o object, depth int) []Part {
	if kind := text(o["type"]); o["value"] != nil && (kind == "text" || kind == "json" || kind == "error-text" || kind == "content") {
		if s, ok := o["value"].(string); ok {
			return contentParts(s, depth+1)
		}
		if list, ok := o["value"].([]any); ok && kind == "content" {
			return contentParts(list, depth+1)
		}
		return []Part{{Kind: Text, Text: string(raw(o["value"]))}}
	}
	if p, ok := taggedPart(o, depth+1); ok && p.Kind != "" {
		return []Part{p}
	}
	return []Part{{Kind: Text, Text: string(raw(o))}}
}

// raw writes v as compact JSON.
func raw(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}

func compact(s string) []byte {
	var b bytes.Buffer
	if json.Compact(&b, []byte(s)) != nil {
		return []byte(s)
	}
	return b.Bytes()
}
