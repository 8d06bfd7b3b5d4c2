package mcp

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
)

func (s *Server) registryTools() []tool {
	name := func(what string) param {
		return param{name: "name", kind: text, about: "Name of the " + what, required: true, max: 500}
	}
	version := param{name: "version", kind: text, about: "A number, or an alias as in @production; the newest if left out", max: 260}
	list := []param{{name: "text", kind: text, about: "Part of the name", max: 500}, limitParam(30, 200), cursorParam, sizeParam}
	return []tool{
		{"list_prompts", "List prompts", "Prompts of the registry with their aliases, the latest changed first.", list, s.listPromptsTool},
		{"get_prompt", "One prompt version", "The template of a prompt's version, with its variables, message and aliases.", []param{name("prompt"), version, sizeParam}, s.getPromptTool},
		{"diff_prompt", "Difference of two prompt versions", "What changed between two versions of a prompt, line by line: lines with - were removed, with + added.",
			[]param{name("prompt"), {name: "from", kind: text, about: "Version or @alias before", required: true, max: 260}, {name: "to", kind: text, about: "Version or @alias after; the newest if left out", max: 260}, sizeParam}, s.diffPrompt},
		{"list_models", "List registered models", "Registered models with their aliases, the latest changed first.", list, s.listModels},
		{"get_model_version", "One model version", "A version of a registered model: where it came from, its stage, aliases and tags.", []param{name("model"), version, sizeParam}, s.getModelVersion},
	}
}

func (s *Server) registered(ctx context.Context, a args, key string, prompts bool) (*answer, error) {
	at, err := placeOf(a, a.number("limit", 30))
	if err != nil {
		return nil, err
	}
	search := registry.Search{Limit: at.Size, Token: at.Token, Order: []string{"last_updated_timestamp DESC"}}
	var clauses []string
	if t := a.text("text"); t != "" {
		if strings.ContainsAny(t, `"`) && strings.Contains(t, "'") {
			return nil, fault.Invalidf("text may not hold both kinds of quote")
		}
		quote := "'"
		if strings.Contains(t, "'") {
			quote = `"`
		}
		clauses = append(clauses, "name ILIKE "+quote+"%"+t+"%"+quote)
	}
	if prompts {
		clauses = append(clauses, "tags.`"+registry.PromptTag+"` = 'true'")
	}
	search.Filter = strings.Join(clauses, " AND ")
	found, next, err := s.cfg.Registry.SearchModels(ctx, search)
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	page(w, key, at, found, next, func(m *registry.Model) any {
		aliases := map[string]string{}
		for _, x := range m.Aliases {
			aliases[x.Name] = strconv.FormatInt(x.Version, 10)
		}
		return row{"name": m.Name, "versions": m.Versions, "latest_version": m.LastVersion, "updated": stamp(m.Updated)}.put("description", clip(m.Description, 300)).put("aliases", aliases)
	})
	return w, nil
}

func (s *Server) listPromptsTool(ctx context.Context, a args) (*answer, error) {
	return s.registered(ctx, a, "prompts", true)
}

func (s *Server) listModels(ctx context.Context, a args) (*answer, error) {
	return s.registered(ctx, a, "models", false)
}

// version resolves a number, an @alias or, empty, the newest.
func (s *Server) version(ctx context.Context, name, which string, prompt bool) (*registry.Version, error) {
	var v *registry.Version
	var err error
	alias, named := strings.CutPrefix(which, "@")
	switch n, e := strconv.ParseInt(strings.TrimPrefix(which, "v"), 10, 64); {
	case which == "":
		v, err = s.cfg.Registry.VersionByAlias(ctx, name, "latest")
	case named:
		v, err = s.cfg.Registry.VersionByAlias(ctx, name, alias)
	case e == nil:
		v, err = s.cfg.Registry.Version(ctx, name, n)
	default:
		return nil, fault.Invalidf("a version is a number, or an alias as in @production, not %q", clip(which, 80))
	}
	if err != nil {
		return nil, err
	}
	if v.Prompt != prompt {
		return nil, fault.NotFoundf("%q is a %s; use %s", clip(name, 120), map[bool]string{true: "prompt", false: "model"}[v.Prompt], map[bool]string{true: "get_prompt", false: "get_model_version"}[v.Prompt])
	}
	return v, nil
}

func tagOf(v *registry.Version, key string) string {
	for _, t := range v.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

func (s *Server) getPromptTool(ctx context.Context, a args) (*answer, error) {
	v, err := s.version(ctx, a.text("name"), a.text("version"), true)
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	text := tagOf(v, registry.PromptTextTag)
	head := row{"name": v.Name, "version": v.Number, "created": stamp(v.Created), "variables": variablesOf(text)}.put("aliases", v.Aliases).put("user", v.User)
	if v.Description != nil {
		head.put("message", clip(*v.Description, 1000))
	}
	w.set("prompt", head)
	part, total := window(text, 0, w.room())
	w.set("template", part)
	if shown := len([]rune(part)); shown < total {
		w.omit("%d characters of the template: raise max_characters", total-shown)
	}
	return w, nil
}

func (s *Server) diffPrompt(ctx context.Context, a args) (*answer, error) {
	from, err := s.version(ctx, a.text("name"), a.text("from"), true)
	if err != nil {
		return nil, err
	}
	to, err := s.version(ctx, a.text("name"), a.text("to"), true)
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	w.set("prompt", row{"name": from.Name, "from": from.Number, "to": to.Number})
	before, after := promptLines(from), promptLines(to)
	if len(before) > maxDiffLines || len(after) > maxDiffLines {
		return nil, fault.New(fault.TooLarge, "a version has more than %d lines; read both with get_prompt", maxDiffLines)
	}
	lines := diff(before, after)
	took := w.rows("lines", len(lines), func(i int) any { return lines[i] })
	if took < len(lines) {
		w.omit("%d of %d lines: raise max_characters", len(lines)-took, len(lines))
	}
	return w, nil
}

// promptLines is a template as lines; a chat has a heading for each turn.
func promptLines(v *registry.Version) []string {
	text := tagOf(v, registry.PromptTextTag)
	var turns []struct{ Role, Content string }
	if tagOf(v, registry.PromptTypeTag) == "chat" && json.Unmarshal([]byte(text), &turns) == nil {
		var b strings.Builder
		for _, t := range turns {
			b.WriteString("[" + t.Role + "]\n" + t.Content + "\n")
		}
		text = b.String()
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

const maxDiffLines = 2000

// diff is the longest common subsequence of lines, the rest marked - and +.
func diff(a, b []string) (out []string) {
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, "  "+a[i])
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			out = append(out, "- "+a[i])
			i++
		default:
			out = append(out, "+ "+b[j])
			j++
		}
	}
	return out
}

func (s *Server) getModelVersion(ctx context.Context, a args) (*answer, error) {
	v, err := s.version(ctx, a.text("name"), a.text("version"), false)
	if err != nil {
		return nil, err
	}
	w := newAnswer(a)
	head := row{"name": v.Name, "version": v.Number, "created": stamp(v.Created), "stage": string(v.Stage)}.put("source", v.Source).put("run_id", v.RunID).
		put("model_id", v.LoggedModel).put("aliases", v.Aliases).put("user", v.User)
	if v.Description != nil {
		head.put("description", clip(*v.Description, 3000))
	}
	w.set("version", head)
	took := w.rows("tags", len(v.Tags), func(i int) any { return row{"key": v.Tags[i].Key, "value": clip(v.Tags[i].Value, 500)} })
	if took < len(v.Tags) {
		w.omit("%d tags: raise max_characters", len(v.Tags)-took)
	}
	return w, nil
}
