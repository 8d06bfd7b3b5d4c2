package chat

import "encoding/json"

// MaxTools is how many tools are read of one request.
const MaxTools = 1000

// ParseTools reads the tools in a JSON text: a list of them, or a request that
// offers them, in the dialects of [Parse].
func ParseTools(text []byte) []ToolSpec {
	v, ok := decode(text)
	if !ok {
		return nil
	}
	var tools []ToolSpec
	collectTools(v, 0, &tools)
	return tools
}

func collectTools(v any, depth int, tools *[]ToolSpec) {
	if depth > 6 || len(*tools) >= MaxTools {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			collectTools(item, depth+1, tools)
		}
	case object:
		if t, ok := toolSpec(v); ok {
			*tools = append(*tools, t)
			return
		}
		for _, name := range []string{"tools", "toolConfig", "functions", "functionDeclarations", "function_declarations", "invocation_params"} {
			if inner, ok := v[name]; ok {
				collectTools(inner, depth+1, tools)
			}
		}
	}
}

// toolSpec reads one tool: OpenAI's wraps it in "function", Bedrock's in
// "toolSpec" and its schema in "json", OpenInference's writes it as a string.
func toolSpec(v object) (ToolSpec, bool) {
	for _, wrapper := range []string{"function", "toolSpec", "tool"} {
		if inner, ok := v[wrapper].(object); ok {
			v = inner
		}
	}
	if s := text(v["json_schema"]); s != "" {
		if o, ok := decode([]byte(s)); ok {
			if inner, ok := o.(object); ok {
				return toolSpec(inner)
			}
		}
	}
	t := ToolSpec{Name: text(v["name"]), Description: text(v["description"])}
	if t.Name == "" {
		return ToolSpec{}, false
	}
	for _, name := range []string{"parameters", "input_schema", "inputSchema", "parametersJsonSchema", "schema", "args_schema"} {
		schema, ok := v[name].(object)
		if !ok {
			continue
		}
		if inner, ok := schema["json"].(object); ok {
			schema = inner
		}
		t.Schema = json.RawMessage(raw(schema))
		break
	}
	return t, t.Schema != nil || t.Description != "" || v["type"] != nil
}
