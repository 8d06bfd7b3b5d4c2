// Package chat is the noun of a conversation: messages of parts, the tools a
// model may call, and who said what. Providers and frameworks write messages
// each in their own JSON; [Parse] reads them all into this one form.
package chat

import (
	"encoding/json"
	"strings"

	"github.com/assayhq/assay/internal/fault"
)

// Role is the part a speaker plays.
type Role string

// Roles. Developer is an instruction of higher rank than the user's, System
// one of the highest.
const (
	System    Role = "system"
	Developer Role = "developer"
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool"
)

// roleNames are the words the known dialects use, in lower case.
var roleNames = map[string]Role{
	"system": System, "systemmessage": System,
	"developer": Developer,
	"user":      User, "human": User, "humanmessage": User, "humanmessagechunk": User,
	"assistant": Assistant, "ai": Assistant, "aimessage": Assistant, "aimessagechunk": Assistant, "model": Assistant, "bot": Assistant,
	"tool": Tool, "toolmessage": Tool, "toolmessagechunk": Tool, "function": Tool, "functionmessage": Tool, "ipython": Tool,
}

// ParseRole reads what a dialect calls a role; HumanMessage, AIMessageChunk
// and the like are LangChain's.
func ParseRole(s string) (Role, bool) {
	r, ok := roleNames[strings.ToLower(strings.TrimSpace(s))]
	return r, ok
}

// Origin is who a message comes from, as people ask of a trace: did a person
// say this, a tool, the model, or the instructions?
type Origin string

// Origins.
const (
	FromHuman  Origin = "human"
	FromTool   Origin = "tool"
	FromAI     Origin = "ai"
	FromSystem Origin = "system"
)

// PartKind is what a part of a message holds.
type PartKind string

// Kinds of part.
const (
	Text      PartKind = "text"
	Reasoning PartKind = "reasoning"
	Image     PartKind = "image"
	Document  PartKind = "document"
	Audio     PartKind = "audio"
	Video     PartKind = "video"
	Call      PartKind = "tool_call"
	Result    PartKind = "tool_result"
	Other     PartKind = "other" // kept as JSON, not understood
)

// Part is one piece of a message. Beside Kind and Text only the field its kind
// names is set.
type Part struct {
	Kind   PartKind    `json:"type"`
	Text   string      `json:"text,omitempty"`   // of Text, Reasoning; the JSON of Other
	Media  *Media      `json:"media,omitempty"`  // of Image, Document, Audio, Video
	Call   *ToolCall   `json:"call,omitempty"`   // of Call
	Result *ToolResult `json:"result,omitempty"` // of Result
}

// Media is a picture, document or recording: inside as base64, or elsewhere.
type Media struct {
	MIME string `json:"mime,omitempty"` // "image/png", or only "png" where the dialect says no more
	Name string `json:"name,omitempty"`
	URL  string `json:"url,omitempty"`  // http, s3, gs; never data:
	Data string `json:"data,omitempty"` // base64 as it arrived, not decoded
	File string `json:"file,omitempty"` // a provider's file id
}

// ToolCall is the model's request to run a tool.
type ToolCall struct {
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments,omitempty"` // JSON; a string if the model wrote no valid JSON
}

// ToolResult is what a tool gave back.
type ToolResult struct {
	CallID string `json:"callId,omitempty"`
	Name   string `json:"name,omitempty"`
	Parts  []Part `json:"parts,omitempty"`
	Failed bool   `json:"failed,omitempty"`
}

// Message is one turn of one speaker.
type Message struct {
	Role  Role   `json:"role"`
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"` // of the speaker, where several share a role
	Parts []Part `json:"parts,omitempty"`
}

// Origin says who the message comes from. A user's message that holds nothing
// but tool results comes from the tool: Anthropic and Bedrock have no role for
// tools and send their results as the user.
func (m Message) Origin() Origin {
	switch m.Role {
	case System, Developer:
		return FromSystem
	case Assistant:
		return FromAI
	case Tool:
		return FromTool
	}
	for _, p := range m.Parts {
		if p.Kind != Result {
			return FromHuman
		}
	}
	if len(m.Parts) > 0 {
		return FromTool
	}
	return FromHuman
}

// Text is what a reader would read: the text parts, and for a tool the text of
// its results, one below the other. Reasoning and media are left out.
func (m Message) Text() string {
	var b strings.Builder
	writeText(&b, m.Parts)
	return b.String()
}

func writeText(b *strings.Builder, parts []Part) {
	for _, p := range parts {
		switch {
		case p.Kind == Text && p.Text != "":
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(p.Text)
		case p.Kind == Result && p.Result != nil:
			writeText(b, p.Result.Parts)
		}
	}
}

// Calls returns the tool calls of the message.
func (m Message) Calls() []ToolCall {
	var calls []ToolCall
	for _, p := range m.Parts {
		if p.Kind == Call && p.Call != nil {
			calls = append(calls, *p.Call)
		}
	}
	return calls
}

// ToolSpec is a tool as it is offered to a model.
type ToolSpec struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty"` // JSON Schema of the arguments
}

// Usage is the tokens of one model call; -1 is unknown. Input includes
// CacheRead and CacheWrite, Output includes Reasoning. The fields are those of
// trace.Tokens and price.Tokens, so that one converts to the other.
type Usage struct {
	Input, Output, Total             int64
	CacheRead, CacheWrite, Reasoning int64
}

// NoUsage is the unknown usage.
var NoUsage = Usage{-1, -1, -1, -1, -1, -1}

// Validate reports, as [fault.Invalid], what makes m no message: an unknown
// role, or a part without what its kind names.
func (m Message) Validate() error {
	if r, ok := roleNames[string(m.Role)]; !ok || r != m.Role {
		return fault.Invalidf("%q is not a role; there are system, developer, user, assistant and tool", clip(string(m.Role)))
	}
	return validate(m.Parts, 0)
}

func validate(parts []Part, depth int) error {
	if depth > maxDepth {
		return fault.Invalidf("tool results are nested more than %d deep", maxDepth)
	}
	for i, p := range parts {
		ok := true
		switch p.Kind {
		case Text, Reasoning, Other:
		case Image, Document, Audio, Video:
			ok = p.Media != nil
		case Call:
			ok = p.Call != nil
		case Result:
			ok = p.Result != nil
			if ok {
				if err := validate(p.Result.Parts, depth+1); err != nil {
					return err
				}
			}
		default:
			return fault.Invalidf("part %d has the unknown type %q", i, clip(string(p.Kind)))
		}
		if !ok {
			return fault.Invalidf("part %d of type %q lacks its content", i, p.Kind)
		}
	}
	return nil
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
