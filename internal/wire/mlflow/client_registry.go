package mlflow

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
)

const (
	registryPage = 100
	versionsPage = 200
)

// promptFilter makes a search see prompts, which it hides otherwise.
const promptFilter = "tags.`" + registry.PromptTag + "` = 'true'"

type registeredModelIn struct {
	Name        string        `json:"name"`
	Created     Int           `json:"creation_timestamp"`
	Updated     Int           `json:"last_updated_timestamp"`
	Description string        `json:"description"`
	Tags        []registryTag `json:"tags"`
	Aliases     []struct {
		Alias   string `json:"alias"`
		Version Int    `json:"version"`
	} `json:"aliases"`
}

// RegisteredModels implements [flow.Source].
func (c *Client) RegisteredModels(ctx context.Context, prompts bool, token string) ([]registry.Model, string, error) {
	var out struct {
		Models []registeredModelIn `json:"registered_models"`
		Next   string              `json:"next_page_token"`
	}
	q := url.Values{"max_results": {strconv.Itoa(registryPage)}}
	if prompts {
		q.Set("filter", promptFilter)
	}
	if token != "" {
		q.Set("page_token", token)
	}
	if err := c.call(ctx, http.MethodGet, rest2+"registered-models/search", q, nil, &out); err != nil {
		return nil, "", absent(err)
	}
	var list []registry.Model
	for _, m := range out.Models {
		tags := fromRegistryTags(m.Tags)
		prompt := isPrompt(tags)
		if prompt != prompts {
			continue
		}
		r := registry.Model{Name: m.Name, Description: m.Description, Prompt: prompt, Created: int64(m.Created), Updated: int64(m.Updated), Tags: tags}
		for _, a := range m.Aliases {
			r.Aliases = append(r.Aliases, registry.Alias{Name: a.Alias, Version: int64(a.Version)})
		}
		list = append(list, r)
	}
	return list, out.Next, nil
}

func isPrompt(tags []registry.Tag) bool {
	return slices.ContainsFunc(tags, func(t registry.Tag) bool { return t.Key == registry.PromptTag && strings.EqualFold(t.Value, "true") })
}

type versionIn struct {
	Name        string        `json:"name"`
	Version     Int           `json:"version"`
	Created     Int           `json:"creation_timestamp"`
	Updated     Int           `json:"last_updated_timestamp"`
	User        string        `json:"user_id"`
	Stage       string        `json:"current_stage"`
	Description *string       `json:"description"`
	Source      string        `json:"source"`
	RunID       string        `json:"run_id"`
	RunLink     string        `json:"run_link"`
	ModelID     string        `json:"model_id"`
	Tags        []registryTag `json:"tags"`
}

// Versions implements [flow.Source].
func (c *Client) Versions(ctx context.Context, name string, prompt bool, token string) ([]registry.Version, string, error) {
	quote := "'"
	if strings.Contains(name, quote) {
		quote = `"`
	}
	if strings.Contains(name, quote) {
		return nil, "", fault.Invalidf("the versions of %s cannot be asked for: its name holds both kinds of quotes", clip(name))
	}
	filter := "name = " + quote + name + quote
	if prompt {
		filter += " AND " + promptFilter
	}
	var out struct {
		Versions []versionIn `json:"model_versions"`
		Next     string      `json:"next_page_token"`
	}
	q := url.Values{"filter": {filter}, "max_results": {strconv.Itoa(versionsPage)}, "order_by": {"version_number ASC"}}
	if token != "" {
		q.Set("page_token", token)
	}
	if err := c.call(ctx, http.MethodGet, rest2+"model-versions/search", q, nil, &out); err != nil {
		return nil, "", err
	}
	list := make([]registry.Version, len(out.Versions))
	for i, v := range out.Versions {
		list[i] = registry.Version{
			Name: v.Name, Number: int64(v.Version), Prompt: prompt, Stage: registry.Stage(v.Stage), Description: v.Description, User: v.User,
			Source: v.Source, RunID: v.RunID, RunLink: v.RunLink, LoggedModel: v.ModelID,
			Created: int64(v.Created), Updated: int64(v.Updated), Tags: fromRegistryTags(v.Tags),
		}
		if v.Stage == "" {
			list[i].Stage = registry.StageNone
		}
	}
	return list, out.Next, nil
}
