package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
)

// tool is one thing a client may call. Its parameters are declared once: the
// schema that clients see and the check of what they send are made of them.
type tool struct {
	name, title, about string
	params             []param
	run                func(ctx context.Context, a args) (*answer, error)
}

type kind string

const (
	text    kind = "string"
	integer kind = "integer"
	boolean kind = "boolean"
	texts   kind = "array" // of strings
)

// param is one parameter. Numbers and lengths of lists lie in [min, max],
// texts have at most max characters; max 0 is the kind's own limit.
type param struct {
	name     string
	kind     kind
	about    string
	required bool
	enum     []string
	min, max int
	def      any // for the schema; the tool applies it
}

// Limits of parameters that declare none.
const (
	maxText = 4000
	maxList = 100
)

func (p param) limit() int {
	switch {
	case p.max > 0:
		return p.max
	case p.kind == text:
		return maxText
	case p.kind == texts:
		return maxList
	}
	return math.MaxInt32
}

func (p param) schema() map[string]any {
	s := map[string]any{"type": p.kind, "description": p.about}
	switch p.kind {
	case text:
		s["maxLength"] = p.limit()
	case integer:
		s["minimum"], s["maximum"] = p.min, p.limit()
	case texts:
		s["items"], s["minItems"], s["maxItems"] = map[string]any{"type": "string"}, p.min, p.limit()
	}
	if p.enum != nil {
		s["enum"] = p.enum
	}
	if p.def != nil {
		s["default"] = p.def
	}
	return s
}

// Parameters that many tools share.
func limitParam(def, most int) param {
	return param{name: "limit", kind: integer, about: "How many rows at most", min: 1, max: most, def: def}
}

var (
	cursorParam = param{name: "cursor", kind: text, about: "next_cursor of the answer before, with the other arguments unchanged", max: 20_000}
	sizeParam   = param{name: "max_characters", kind: integer, about: "Bound of the answer's length", min: 1000, max: maxCharacters, def: defaultCharacters}
)

// describe is the tool as tools/list shows it.
func (t *tool) describe() map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, p := range t.params {
		properties[p.name] = p.schema()
		if p.required {
			required = append(required, p.name)
		}
	}
	schema := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		schema["required"] = required
	}
	return map[string]any{"name": t.name, "title": t.title, "description": t.about, "inputSchema": schema,
		"annotations": map[string]any{"title": t.title, "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false}}
}

func (s *Server) listTools(_ context.Context, c *call) (map[string]any, error) {
	if cursor, given := c.text("cursor"); given && cursor != "" {
		return nil, fault.Invalidf("the list of tools has one page; leave cursor out")
	}
	list := make([]any, len(s.tools))
	for i := range s.tools {
		list[i] = s.tools[i].describe()
	}
	return map[string]any{"tools": list}, nil
}

// callTool runs a tool. What is wrong with its arguments or with what they
// name is told to the agent, in a result, because it can mend the call.
func (s *Server) callTool(ctx context.Context, c *call) (map[string]any, error) {
	name, ok := c.text("name")
	if !ok {
		return nil, fault.Invalidf("tools/call needs the name of a tool")
	}
	t := s.byName[name]
	if t == nil {
		return nil, fault.Invalidf("there is no tool %q; tools/list has their names", clip(name, 80))
	}
	a, err := t.read(c.params["arguments"])
	var out *answer
	if err == nil {
		out, err = t.run(ctx, a)
	}
	var content []byte
	if err == nil {
		content, err = out.encode()
	}
	if err != nil {
		if fault.Is(err, fault.Internal) {
			s.log.Error("mcp tool failed", "tool", name, "error", err)
		}
		if fault.Is(err, fault.Canceled) {
			return nil, err
		}
		return map[string]any{"content": []any{textContent(t.name + ": " + fault.Message(err))}, "isError": true}, nil
	}
	return map[string]any{"content": []any{textContent(string(content))}, "isError": false}, nil
}

func textContent(s string) map[string]any { return map[string]any{"type": "text", "text": s} }

// args are a tool's arguments, checked against its parameters.
type args struct {
	values map[string]any // string, int, bool, []string
}

func (a args) text(name string) string {
	s, _ := a.values[name].(string)
	return s
}

func (a args) texts(name string) []string {
	l, _ := a.values[name].([]string)
	return l
}

func (a args) flag(name string) bool {
	b, _ := a.values[name].(bool)
	return b
}

// number is the argument, or def if it was not given.
func (a args) number(name string, def int) int {
	if n, ok := a.values[name].(int); ok {
		return n
	}
	return def
}

func (a args) has(name string) bool {
	_, ok := a.values[name]
	return ok
}

// read checks raw against the tool's parameters. Null stands for absent.
func (t *tool) read(raw json.RawMessage) (args, error) {
	a := args{map[string]any{}}
	given := map[string]json.RawMessage{}
	if len(raw) > 0 && string(raw) != "null" {
		if json.Unmarshal(raw, &given) != nil {
			return a, fault.Invalidf("arguments must be a JSON object")
		}
	}
	for name, v := range given {
		i := slices.IndexFunc(t.params, func(p param) bool { return p.name == name })
		if i < 0 {
			return a, fault.Invalidf("there is no argument %q; it takes %s", clip(name, 80), t.names())
		}
		if string(v) == "null" {
			continue
		}
		value, err := t.params[i].read(v)
		if err != nil {
			return a, err
		}
		a.values[name] = value
	}
	for _, p := range t.params {
		if p.required && !a.has(p.name) {
			return a, fault.Invalidf("the argument %s is missing: %s", p.name, p.about)
		}
	}
	return a, nil
}

func (t *tool) names() string {
	names := make([]string, len(t.params))
	for i, p := range t.params {
		names[i] = p.name
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (p param) read(raw json.RawMessage) (any, error) {
	switch p.kind {
	case text:
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return nil, fault.Invalidf("%s must be a text", p.name)
		}
		return s, p.checkText(s)
	case integer:
		var n json.Number
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		var f float64
		err := dec.Decode(&n)
		if err == nil && raw[0] != '"' {
			f, err = n.Float64()
		}
		if err != nil || raw[0] == '"' || f != math.Trunc(f) || f < float64(p.min) || f > float64(p.limit()) {
			return nil, fault.Invalidf("%s must be a whole number from %d to %d", p.name, p.min, p.limit())
		}
		return int(f), nil
	case boolean:
		var b bool
		if json.Unmarshal(raw, &b) != nil {
			return nil, fault.Invalidf("%s must be true or false", p.name)
		}
		return b, nil
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil || len(list) < p.min || len(list) > p.limit() {
		return nil, fault.Invalidf("%s must be a list of %s texts", p.name, span(p.min, p.limit()))
	}
	for _, s := range list {
		if err := p.checkText(s); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func span(low, high int) string {
	if low == 0 {
		return fmt.Sprintf("at most %d", high)
	}
	return fmt.Sprintf("%d to %d", low, high)
}

func (p param) checkText(s string) error {
	most := maxText
	if p.kind == text {
		most = p.limit()
	}
	switch {
	case utf8.RuneCountInString(s) > most:
		return fault.Invalidf("%s has more than %d characters", p.name, most)
	case strings.ContainsRune(s, 0):
		return fault.Invalidf("%s holds a NUL character", p.name)
	case p.enum != nil && !slices.Contains(p.enum, s):
		return fault.Invalidf("%s must be one of %s, not %q", p.name, strings.Join(p.enum, ", "), clip(s, 80))
	}
	return nil
}
