package tracing

import (
	"encoding/json"
	"strings"
)

// preview shortens an input or output to [MaxPreview] characters. Of a list
// of chat messages, in the shapes that OpenAI's chat and responses calls use,
// it shows the text of the last message by role.
func preview(text, role string) string {
	s := strings.TrimSpace(text)
	if len(s) > 1 && s[0] == '{' && len(s) < 1<<20 {
		var body chatBody
		if json.Unmarshal([]byte(s), &body) == nil {
			if said := body.last(role); said != "" {
				text = said
			}
		}
	}
	text = clean(text)
	if short := clip(text, MaxPreview); len(short) < len(text) {
		return clip(short, MaxPreview-3) + "..."
	}
	return text
}

// chatBody is whichever of the known places holds messages.
type chatBody struct {
	Messages json.RawMessage `json:"messages"`
	Choices  json.RawMessage `json:"choices"`
	Input    json.RawMessage `json:"input"`
	Output   json.RawMessage `json:"output"`
	Request  json.RawMessage `json:"request"`
}

type chatMessage struct {
	Role    *string         `json:"role"`
	Content json.RawMessage `json:"content"`
}

func (b *chatBody) last(role string) string {
	if said, ok := lastMessage(b.Messages, role); ok {
		return said
	}
	var choices []struct {
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(b.Choices, &choices) == nil && len(choices) > 0 && choices[0].Message != nil {
		if said, ok := lastMessage(append(append([]byte("["), choices[0].Message...), ']'), role); ok {
			return said
		}
	}
	for _, list := range []json.RawMessage{b.Input, b.Output} {
		if said, ok := lastMessage(list, role); ok {
			return said
		}
	}
	var inner chatBody
	if len(b.Request) > 0 && json.Unmarshal(b.Request, &inner) == nil {
		inner.Request = nil // once is enough
		return inner.last(role)
	}
	return ""
}

func lastMessage(list json.RawMessage, role string) (said string, ok bool) {
	if len(list) == 0 || list[0] != '[' {
		return "", false
	}
	var items []json.RawMessage
	if json.Unmarshal(list, &items) != nil {
		return "", false
	}
	var last *chatMessage
	for _, item := range items {
		var m chatMessage
		if json.Unmarshal(item, &m) != nil || m.Role == nil || m.Content == nil {
			continue
		}
		if last == nil || last.Role == nil || *m.Role == role || *last.Role != role {
			last = &m
		}
	}
	if last == nil {
		return "", false
	}
	return messageText(last.Content), true
}

// messageText is the content of a message: a string, or its first text part.
func messageText(content json.RawMessage) string {
	var s string
	if json.Unmarshal(content, &s) == nil {
		return s
	}
	var parts []json.RawMessage
	if json.Unmarshal(content, &parts) != nil {
		return ""
	}
	for _, p := range parts {
		if json.Unmarshal(p, &s) == nil {
			return s
		}
		var part struct{ Type, Text string }
		if json.Unmarshal(p, &part) == nil && (part.Type == "text" || part.Type == "output_text") {
			return part.Text
		}
	}
	return ""
}
