package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

type prompts struct {
	domain *registry.Service
	traces *tracing.Service
	runs   *tracking.Service
}

// ServePrompts adds prompts, their versions, and where these were used.
func (s *Server) ServePrompts(domain *registry.Service, traces *tracing.Service, runs *tracking.Service) {
	p := prompts{domain, traces, runs}
	const base = "/w/{ws}/prompts"
	s.add(
		route{method: "GET", path: base, need: caller.Read, call: p.list},
		route{method: "GET", path: base + "/{name}", need: caller.Read, call: p.get},
		route{method: "PATCH", path: base + "/{name}", need: caller.Write, call: body(p.update)},
		route{method: "DELETE", path: base + "/{name}", need: caller.Write, call: p.delete},
		route{method: "GET", path: base + "/{name}/uses", need: caller.Read, call: p.uses},
		route{method: "GET", path: base + "/{name}/versions", need: caller.Read, call: p.versions},
		route{method: "POST", path: base + "/{name}/versions", need: caller.Write, status: http.StatusCreated, call: body(p.create)},
		route{method: "GET", path: base + "/{name}/versions/{version}", need: caller.Read, call: p.version},
		route{method: "PUT", path: base + "/{name}/aliases/{alias}", need: caller.Write, call: body(p.setAlias)},
		route{method: "DELETE", path: base + "/{name}/aliases/{alias}", need: caller.Write, call: p.deleteAlias},
	)
}

// promptOf leaves out the tags that are the prompt itself.
func promptOf(m *registry.Model) registered {
	out := registeredOf(m)
	out.Tags = visible(out.Tags)
	return out
}

func visible(tags map[string]string) map[string]string {
	for k := range tags {
		if strings.HasPrefix(k, "mlflow.prompt.") || strings.HasPrefix(k, "_mlflow_prompt_") {
			delete(tags, k)
		}
	}
	return tags
}

func (p prompts) list(ctx context.Context, r *http.Request) (any, error) {
	search, err := searchOf(r, true)
	if err != nil {
		return nil, err
	}
	found, next, err := p.domain.SearchModels(ctx, search)
	if err != nil {
		return nil, err
	}
	out := []registered{}
	for _, x := range found {
		out = append(out, promptOf(x))
	}
	return map[string]any{"prompts": out, "next_page_token": nullable(next)}, nil
}

func (p prompts) get(ctx context.Context, r *http.Request) (any, error) {
	x, err := modelOf(ctx, p.domain, r.PathValue("name"), true)
	if err != nil {
		return nil, err
	}
	return promptOf(x), nil
}

func (p prompts) update(ctx context.Context, r *http.Request, req *describeRequest) (any, error) {
	for k := range req.SetTags {
		if strings.HasPrefix(k, "mlflow.prompt.") || strings.HasPrefix(k, "_mlflow_prompt_") {
			return nil, fault.Invalidf("tag %q is kept by the registry itself", clip(k))
		}
	}
	if _, err := describe(ctx, p.domain, r.PathValue("name"), true, req); err != nil {
		return nil, err
	}
	return p.get(ctx, r)
}

func (p prompts) delete(ctx context.Context, r *http.Request) (any, error) {
	if _, err := modelOf(ctx, p.domain, r.PathValue("name"), true); err != nil {
		return nil, err
	}
	return nil, p.domain.DeleteModel(ctx, r.PathValue("name"))
}

type promptVersion struct {
	Name           string            `json:"name"`
	Version        string            `json:"version"`
	Template       json.RawMessage   `json:"template"`
	Variables      []string          `json:"variables"`
	CommitMessage  string            `json:"commit_message"`
	Aliases        []string          `json:"aliases"`
	Tags           map[string]string `json:"tags"`
	ResponseFormat json.RawMessage   `json:"response_format,omitempty"`
	ModelConfig    json.RawMessage   `json:"model_config,omitempty"`
	User           string            `json:"user"`
	CreatedMS      int64             `json:"created_ms"`
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

func promptVersionOf(v *registry.Version) promptVersion {
	tags := registryTags(v.Tags)
	text := tags[registry.PromptTextTag]
	out := promptVersion{Name: v.Name, Version: strconv.FormatInt(v.Number, 10), Variables: variablesOf(text),
		Aliases: orEmpty(v.Aliases), User: v.User, CreatedMS: v.Created}
	out.Template, _ = json.Marshal(text)
	if tags[registry.PromptTypeTag] == "chat" && json.Valid([]byte(text)) {
		out.Template = json.RawMessage(text)
	}
	for tag, field := range map[string]*json.RawMessage{"_mlflow_prompt_response_format": &out.ResponseFormat, "_mlflow_prompt_model_config": &out.ModelConfig} {
		if s := tags[tag]; s != "" {
			*field = rawOrText(s)
		}
	}
	if v.Description != nil {
		out.CommitMessage = *v.Description
	}
	out.Tags = visible(tags)
	return out
}

func (p prompts) versions(ctx context.Context, r *http.Request) (any, error) {
	found, next, err := versionsOf(ctx, p.domain, r, true)
	if err != nil {
		return nil, err
	}
	out := []promptVersion{}
	for _, v := range found {
		out = append(out, promptVersionOf(v))
	}
	return map[string]any{"versions": out, "next_page_token": nullable(next)}, nil
}

func (p prompts) version(ctx context.Context, r *http.Request) (any, error) {
	v, err := versionIn(ctx, p.domain, r, true)
	if err != nil {
		return nil, err
	}
	return promptVersionOf(v), nil
}

type createPromptRequest struct {
	Template      json.RawMessage   `json:"template"`
	CommitMessage string            `json:"commit_message"`
	Tags          map[string]string `json:"tags"`
}

// template reads a text or a list of chat messages into the registry's tags.
func (req *createPromptRequest) template() (kind, text string, err error) {
	if json.Unmarshal(req.Template, &text) == nil {
		if text == "" {
			return "", "", fault.Invalidf("template is empty")
		}
		return "text", text, nil
	}
	var turns []struct{ Role, Content string }
	if json.Unmarshal(req.Template, &turns) != nil || len(turns) == 0 {
		return "", "", fault.Invalidf(`template must be a text or a list of {"role", "content"}`)
	}
	for i, t := range turns {
		if t.Role == "" {
			return "", "", fault.Invalidf("template[%d] has no role", i)
		}
	}
	return "chat", string(req.Template), nil
}

func (p prompts) create(ctx context.Context, r *http.Request, req *createPromptRequest) (any, error) {
	name := r.PathValue("name")
	kind, text, err := req.template()
	if err != nil {
		return nil, err
	}
	mark := registry.Tag{Key: registry.PromptTag, Value: "true"}
	if _, err := modelOf(ctx, p.domain, name, true); fault.Is(err, fault.NotFound) {
		if _, err := p.domain.CreateModel(ctx, name, "", []registry.Tag{mark}); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	tags := []registry.Tag{mark, {Key: registry.PromptTypeTag, Value: kind}, {Key: registry.PromptTextTag, Value: text}}
	for k, v := range req.Tags {
		tags = append(tags, registry.Tag{Key: k, Value: v})
	}
	v, err := p.domain.CreateVersion(ctx, registry.NewVersion{Name: name, Source: "prompt-template", Description: req.CommitMessage, Tags: tags})
	if err != nil {
		return nil, err
	}
	return promptVersionOf(v), nil
}

func (p prompts) setAlias(ctx context.Context, r *http.Request, req *aliasRequest) (any, error) {
	return nil, setAlias(ctx, p.domain, r, true, req)
}

func (p prompts) deleteAlias(ctx context.Context, r *http.Request) (any, error) {
	return nil, deleteAlias(ctx, p.domain, r, true)
}
