package mcp

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
)

// help is the grammar of filters, for agents.
//
//go:embed filters.md
var help string

const helpURI = "assay://help/filters"

func (s *Server) allTools() []tool {
	return slices.Concat(s.traceTools(), s.runTools(), s.registryTools(), s.datasetTools(), s.scoreTools())
}

// templates are resources by id; each is what a tool says of the object.
var templates = []struct{ kind, tool, argument, uri, title, about string }{
	{"trace", "get_trace", "trace_id", "assay://trace/{trace_id}", "Trace", "Outline of one trace"},
	{"run", "get_run", "run_id", "assay://run/{run_id}", "Run", "Everything logged to one run"},
	{"prompt", "get_prompt", "name", "assay://prompt/{name}/{version}", "Prompt version", "Template of one version of a prompt; the version may be an alias as in @production"},
	{"model", "get_model_version", "name", "assay://model/{name}/{version}", "Model version", "One version of a registered model"},
	{"dataset", "get_dataset_records", "dataset_id", "assay://dataset/{dataset_id}", "Dataset", "The first records of an evaluation dataset"},
}

func (s *Server) listResources(_ context.Context, c *call) (map[string]any, error) {
	if cursor, _ := c.text("cursor"); cursor != "" {
		return nil, fault.Invalidf("the list of resources has one page; leave cursor out")
	}
	return map[string]any{"resources": []any{map[string]any{"uri": helpURI, "name": "filters", "title": "Filters", "description": "Fields and operators of the filters that search_traces and search_runs take", "mimeType": "text/markdown"}}}, nil
}

func (s *Server) listTemplates(context.Context, *call) (map[string]any, error) {
	list := []any{}
	for _, t := range templates {
		list = append(list, map[string]any{"uriTemplate": t.uri, "name": t.kind, "title": t.title, "description": t.about, "mimeType": "application/json"})
	}
	return map[string]any{"resourceTemplates": list}, nil
}

func (s *Server) readResource(ctx context.Context, c *call) (map[string]any, error) {
	uri, ok := c.text("uri")
	if !ok {
		return nil, fault.Invalidf("resources/read needs a uri")
	}
	if uri == helpURI {
		return map[string]any{"contents": []any{map[string]any{"uri": uri, "mimeType": "text/markdown", "text": help}}}, nil
	}
	content, err := s.resource(ctx, uri)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		code := codeNoResource
		if c.modern {
			code = codeInvalidParams
		}
		return nil, &rpcError{code, fault.Message(err), map[string]any{"uri": clip(uri, 500)}}
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"contents": []any{map[string]any{"uri": uri, "mimeType": "application/json", "text": string(content)}}}, nil
}

func (s *Server) resource(ctx context.Context, uri string) ([]byte, error) {
	rest, ok := strings.CutPrefix(uri, "assay://")
	kind, rest, _ := strings.Cut(rest, "/")
	i := slices.IndexFunc(templates, func(t struct{ kind, tool, argument, uri, title, about string }) bool { return t.kind == kind })
	if !ok || i < 0 || rest == "" {
		return nil, fault.NotFoundf("there is no resource %s; resources/templates/list says what there is", clip(uri, 200))
	}
	values := map[string]any{}
	if strings.Contains(templates[i].uri, "{version}") {
		name, version, _ := strings.Cut(rest, "/")
		rest = name
		if v, err := url.PathUnescape(version); err == nil && v != "" {
			values["version"] = v
		}
	}
	id, err := url.PathUnescape(rest)
	if err != nil {
		return nil, fault.NotFoundf("there is no resource %s", clip(uri, 200))
	}
	values[templates[i].argument] = id
	raw, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	t := s.byName[templates[i].tool]
	a, err := t.read(raw)
	if err != nil {
		return nil, err
	}
	out, err := t.run(ctx, a)
	if err != nil {
		return nil, err
	}
	return out.encode()
}

// variable finds {{ name }} in a template.
var variable = regexp.MustCompile(`\{\{\s*([\p{L}_][\p{L}\p{N}_.]*)\s*\}\}`)

func variablesOf(text string) []string {
	out := []string{}
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}

// promptPage is how many prompts one page of prompts/list has.
const promptPage = 50

// listPrompts offers the registry's prompts, each by its newest version.
func (s *Server) listPrompts(ctx context.Context, c *call) (map[string]any, error) {
	cursor, _ := c.text("cursor")
	found, next, err := s.cfg.Registry.SearchModels(ctx, registry.Search{Filter: "tags.`" + registry.PromptTag + "` = 'true'", Limit: promptPage, Token: cursor})
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, m := range found {
		v := m.Newest()
		if v == nil {
			continue
		}
		arguments := []any{map[string]any{"name": versionArgument, "description": "A version or @alias; the newest if left out", "required": false}}
		for _, name := range variablesOf(tagOf(v, registry.PromptTextTag)) {
			arguments = append(arguments, map[string]any{"name": name, "required": true})
		}
		list = append(list, map[string]any{"name": m.Name, "description": clip(m.Description, 500), "arguments": arguments})
	}
	out := map[string]any{"prompts": list}
	if next != "" {
		out["nextCursor"] = next
	}
	return out, nil
}

// versionArgument chooses the version; no variable of a template is named so.
const versionArgument = "@version"

// getPrompt fills a prompt's variables in.
func (s *Server) getPrompt(ctx context.Context, c *call) (map[string]any, error) {
	name, ok := c.text("name")
	if !ok {
		return nil, fault.Invalidf("prompts/get needs the name of a prompt")
	}
	given := map[string]string{}
	if raw := c.params["arguments"]; raw != nil && string(raw) != "null" && json.Unmarshal(raw, &given) != nil {
		return nil, fault.Invalidf("arguments must be an object of texts")
	}
	v, err := s.version(ctx, name, given[versionArgument], true)
	if err != nil {
		return nil, err
	}
	text := tagOf(v, registry.PromptTextTag)
	var missing []string
	for _, want := range variablesOf(text) {
		if _, ok := given[want]; !ok {
			missing = append(missing, want)
		}
	}
	if len(missing) > 0 {
		return nil, fault.Invalidf("the prompt needs the arguments %s", strings.Join(missing, ", "))
	}
	fill := func(s string) string {
		return variable.ReplaceAllStringFunc(s, func(m string) string { return given[variable.FindStringSubmatch(m)[1]] })
	}
	messages := []any{}
	add := func(role, content string) {
		if role != "assistant" {
			role = "user" // MCP has no other; a system turn is said by who asks
		}
		messages = append(messages, map[string]any{"role": role, "content": textContent(fill(content))})
	}
	var turns []struct{ Role, Content string }
	if tagOf(v, registry.PromptTypeTag) == "chat" && json.Unmarshal([]byte(text), &turns) == nil {
		for _, t := range turns {
			add(t.Role, t.Content)
		}
	} else {
		add("user", text)
	}
	return map[string]any{"description": v.Name + " version " + strconv.FormatInt(v.Number, 10), "messages": messages}, nil
}
