package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing/normalise"
)

// Price is the entry of the price table a cost came from, in US dollars per
// million tokens.
type Price struct {
	Model         string   `json:"model"`
	EffectiveDate string   `json:"effective_date"`
	Input         *float64 `json:"input"`
	Output        *float64 `json:"output"`
	CacheRead     *float64 `json:"cache_read"`
	CacheWrite    *float64 `json:"cache_write"`
	Source        string   `json:"source"`
}

// PriceAt returns the price in force at a time, or nil if there is none.
type PriceAt func(provider, model string, at time.Time) *Price

type spanMessage struct {
	Role       string     `json:"role"`
	Side       string     `json:"side"`
	Content    string     `json:"content"`
	Name       *string    `json:"name"`
	ToolCallID *string    `json:"tool_call_id"`
	ToolCalls  []toolCall `json:"tool_calls,omitempty"`
	Reasoning  *string    `json:"reasoning"`
	Media      []media    `json:"media,omitempty"`
}

type media struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

type toolCall struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type spanEvent struct {
	Name       string          `json:"name"`
	TimeMS     float64         `json:"time_ms"`
	Attributes json.RawMessage `json:"attributes"`
}

type spanLink struct {
	TraceID    string          `json:"trace_id"`
	SpanID     string          `json:"span_id"`
	Attributes json.RawMessage `json:"attributes"`
}

type costParts struct {
	Input  *float64 `json:"input"`
	Output *float64 `json:"output"`
}

type scope struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type spanDetail struct {
	TraceID       string          `json:"trace_id"`
	SpanID        string          `json:"span_id"`
	ParentSpanID  *string         `json:"parent_span_id"`
	Name          string          `json:"name"`
	Type          *string         `json:"type"`
	Kind          string          `json:"kind"`
	Status        string          `json:"status"`
	StatusMessage string          `json:"status_message"`
	StartMS       float64         `json:"start_ms"`
	DurationMS    *float64        `json:"duration_ms"`
	Model         *string         `json:"model"`
	Provider      *string         `json:"provider"`
	Tokens        tokens          `json:"tokens"`
	Cost          *float64        `json:"cost"`
	CostParts     costParts       `json:"cost_parts"`
	Price         *Price          `json:"price"`
	Inputs        json.RawMessage `json:"inputs"`
	Outputs       json.RawMessage `json:"outputs"`
	Messages      []spanMessage   `json:"messages"`
	Attributes    json.RawMessage `json:"attributes"`
	Events        []spanEvent     `json:"events"`
	Links         []spanLink      `json:"links"`
	Resource      json.RawMessage `json:"resource"`
	Scope         scope           `json:"scope"`
	Dialect       string          `json:"dialect"`
}

// shownAttributes repeat what inputs and outputs show.
var shownAttributes = []string{
	"mlflow.spanInputs", "mlflow.spanOutputs", "gen_ai.input.messages", "gen_ai.output.messages", "input.value", "output.value",
	"traceloop.entity.input", "traceloop.entity.output",
}

var (
	spanKinds    = [...]string{"UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"}
	spanStatuses = [...]string{"UNSET", "OK", "ERROR"}
)

func nth(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return names[0]
}

func parseSpanID(s string) (trace.SpanID, error) {
	var id trace.SpanID
	if len(s) != 16 {
		return id, fault.Invalidf("span id %q is not 16 hexadecimal digits", clip(s))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return id, fault.Invalidf("span id %q is not 16 hexadecimal digits", clip(s))
	}
	return id, nil
}

func (t traces) span(ctx context.Context, r *http.Request) (any, error) {
	id, err := trace.ParseID(r.PathValue("trace_id"))
	if err != nil {
		return nil, err
	}
	sid, err := parseSpanID(r.PathValue("span_id"))
	if err != nil {
		return nil, err
	}
	s, err := t.domain.Span(ctx, id, sid)
	if err != nil {
		return nil, err
	}
	return t.spanOf(s), nil
}

func (t traces) spanOf(s *trace.Span) spanDetail {
	c := s.Columns
	d := spanDetail{
		TraceID: s.TraceID.String(), SpanID: s.ID.String(), Name: s.Name, Type: nullable(c.Type),
		Kind: nth(spanKinds[:], int(s.Kind)), Status: nth(spanStatuses[:], int(s.Status)), StatusMessage: s.StatusMessage,
		StartMS: ms(s.Start), Model: nullable(c.Model), Provider: nullable(c.Provider), Tokens: tokensOf(c.Tokens),
		Cost: dollars(c.Cost.Total), CostParts: costParts{dollars(c.Cost.Input), dollars(c.Cost.Output)},
		Inputs: rawOrText(c.Input), Outputs: rawOrText(c.Output), Messages: messagesOf(s),
		Attributes: attributes(rest(s.Attrs)), Events: []spanEvent{}, Links: []spanLink{}, Resource: json.RawMessage("{}"), Dialect: c.Dialect,
	}
	if !s.Parent.IsZero() {
		d.ParentSpanID = nullable(s.Parent.String())
	}
	if s.End != 0 {
		v := float64(s.End-s.Start) / 1e6
		d.DurationMS = &v
	}
	if c.Model != "" {
		d.Price = t.price(c.Provider, c.Model, time.Unix(0, s.Start))
	}
	for _, e := range s.Events {
		d.Events = append(d.Events, spanEvent{e.Name, ms(e.Time), attributes(e.Attrs)})
	}
	for _, l := range s.Links {
		d.Links = append(d.Links, spanLink{l.TraceID.String(), l.SpanID.String(), attributes(l.Attrs)})
	}
	if s.Source != nil {
		d.Resource = attributes(s.Source.Resource)
		d.Scope = scope{s.Source.Scope, s.Source.Version}
	}
	return d
}

// ms is unix milliseconds with microseconds as the fraction: a float64 holds no
// more at this size.
func ms(nanos int64) float64 { return float64(nanos/1000) / 1000 }

func rest(attrs []trace.Attr) []trace.Attr {
	var out []trace.Attr
	for _, a := range attrs {
		if !slices.Contains(shownAttributes, a.Key) {
			out = append(out, a)
		}
	}
	return out
}

func attributes(attrs []trace.Attr) json.RawMessage {
	return trace.AppendJSONAttrs(nil, attrs)
}

var roleOf = map[normalise.Origin]string{
	normalise.System: "system", normalise.Human: "user", normalise.AI: "assistant", normalise.Tool: "tool",
}

// messagesOf returns the chat turns of a model call; other spans have none.
func messagesOf(s *trace.Span) []spanMessage {
	switch s.Columns.Type {
	case "LLM", "CHAT_MODEL", "AGENT", "CHAIN":
	default:
		return nil
	}
	var out []spanMessage
	for _, m := range normalise.Messages(s) {
		side := "input"
		if m.Output {
			side = "output"
		}
		msg := spanMessage{Role: roleOf[m.Origin], Side: side, Content: m.Text, ToolCallID: nullable(m.CallID), Reasoning: nullable(m.Reasoning)}
		for _, p := range m.Media {
			msg.Media = append(msg.Media, media(p))
		}
		for _, c := range m.Calls {
			msg.ToolCalls = append(msg.ToolCalls, toolCall{c.ID, c.Name, c.Arguments})
		}
		out = append(out, msg)
	}
	return out
}
