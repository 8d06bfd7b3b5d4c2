package mlflow

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/registry"
)

// registries serves registered models, prompts and their versions.
type registries struct{ registry *registry.Service }

// ServeRegistry adds the model registry. Prompts have no calls of their own:
// clients keep them as registered models with tags.
func (s *Server) ServeRegistry(r *registry.Service) {
	h := registries{r}
	s.groups = append(s.groups, h.models, h.versions)
}

func (h registries) models() []route {
	const models = "mlflow/registered-models/"
	return []route{
		v2(http.MethodPost, models+"create", caller.Write, bind(h.createModel)),
		v2(http.MethodPost, models+"rename", caller.Write, bind(h.renameModel)),
		v2(http.MethodPatch, models+"update", caller.Write, bind(h.updateModel)),
		v2(http.MethodDelete, models+"delete", caller.Write, bind(h.deleteModel)),
		v2(http.MethodGet, models+"get", caller.Read, bind(h.getModel)),
		v2(http.MethodGet, models+"search", caller.Read, bind(h.searchModels)),
		v2(http.MethodPost, models+"get-latest-versions", caller.Read, bind(h.latestVersions)),
		v2(http.MethodGet, models+"get-latest-versions", caller.Read, bind(h.latestVersions)),
		v2(http.MethodPost, models+"set-tag", caller.Write, bind(h.setModelTag)),
		v2(http.MethodDelete, models+"delete-tag", caller.Write, bind(h.deleteModelTag)),
		v2(http.MethodPost, models+"alias", caller.Write, bind(h.setAlias)),
		v2(http.MethodDelete, models+"alias", caller.Write, bind(h.deleteAlias)),
		v2(http.MethodGet, models+"alias", caller.Read, bind(h.versionByAlias)),
	}
}

type registryTag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type modelAlias struct {
	Alias   string `json:"alias"`
	Version string `json:"version"`
}

type registeredModel struct {
	Name        string         `json:"name"`
	Created     int64          `json:"creation_timestamp"`
	Updated     int64          `json:"last_updated_timestamp"`
	Description string         `json:"description,omitempty"`
	Latest      []modelVersion `json:"latest_versions,omitempty"`
	Tags        []registryTag  `json:"tags,omitempty"`
	Aliases     []modelAlias   `json:"aliases,omitempty"`
}

func toRegisteredModel(m *registry.Model) registeredModel {
	out := registeredModel{
		Name: m.Name, Created: m.Created, Updated: m.Updated, Description: m.Description,
		Tags: toRegistryTags(m.Tags),
	}
	for i := range m.Latest {
		v := toModelVersion(&m.Latest[i])
		v.Aliases, v.ModelID = nil, "" // as MLflow's; the version itself has both
		out.Latest = append(out.Latest, v)
	}
	for _, a := range m.Aliases {
		out.Aliases = append(out.Aliases, modelAlias{a.Name, versionText(a.Version)})
	}
	return out
}

func toRegistryTags(tags []registry.Tag) []registryTag {
	var out []registryTag
	for _, t := range tags {
		out = append(out, registryTag(t))
	}
	return out
}

func fromRegistryTags(tags []registryTag) []registry.Tag {
	var out []registry.Tag
	for _, t := range tags {
		out = append(out, registry.Tag(t))
	}
	return out
}

type modelAnswer struct {
	Model registeredModel `json:"registered_model"`
}

func answerModel(m *registry.Model, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return modelAnswer{toRegisteredModel(m)}, nil
}

type createModelRequest struct {
	Name        string        `json:"name"`
	Description string        `json:"description"`
	Tags        []registryTag `json:"tags"`
}

func (h registries) createModel(ctx context.Context, r *createModelRequest) (any, error) {
	if err := present("name", r.Name); err != nil {
		return nil, err
	}
	return answerModel(h.registry.CreateModel(ctx, r.Name, r.Description, fromRegistryTags(r.Tags)))
}

type renameModelRequest struct {
	Name    string `json:"name"`
	NewName string `json:"new_name"`
}

func (h registries) renameModel(ctx context.Context, r *renameModelRequest) (any, error) {
	if err := present("name", r.Name, "new_name", r.NewName); err != nil {
		return nil, err
	}
	return answerModel(h.registry.RenameModel(ctx, r.Name, r.NewName))
}

type updateModelRequest struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (h registries) updateModel(ctx context.Context, r *updateModelRequest) (any, error) {
	if err := present("name", r.Name); err != nil {
		return nil, err
	}
	return answerModel(h.registry.DescribeModel(ctx, r.Name, r.Description))
}

type modelRequest struct {
	Name string `json:"name"`
}

func (h registries) deleteModel(ctx context.Context, r *modelRequest) (any, error) {
	if err := present("name", r.Name); err != nil {
		return nil, err
	}
	return empty{}, h.registry.DeleteModel(ctx, r.Name)
}

func (h registries) getModel(ctx context.Context, r *modelRequest) (any, error) {
	if err := present("name", r.Name); err != nil {
		return nil, err
	}
	return answerModel(h.registry.Model(ctx, r.Name))
}

type registrySearch struct {
	Filter     string   `json:"filter"`
	MaxResults *Int     `json:"max_results"`
	OrderBy    []string `json:"order_by"`
	PageToken  string   `json:"page_token"`
}

func (r *registrySearch) domain() (registry.Search, error) {
	limit, err := pageLimit(r.MaxResults)
	return registry.Search{Filter: r.Filter, Order: r.OrderBy, Limit: limit, Token: r.PageToken}, err
}

type modelsAnswer struct {
	Models []registeredModel `json:"registered_models,omitempty"`
	Next   string            `json:"next_page_token,omitempty"`
}

func (h registries) searchModels(ctx context.Context, r *registrySearch) (any, error) {
	search, err := r.domain()
	if err != nil {
		return nil, err
	}
	models, next, err := h.registry.SearchModels(ctx, search)
	if err != nil {
		return nil, err
	}
	out := modelsAnswer{Next: next}
	for _, m := range models {
		body := toRegisteredModel(m)
		// A search lists them by stage, as MLflow's does.
		slices.SortFunc(body.Latest, func(a, b modelVersion) int { return strings.Compare(a.Stage, b.Stage) })
		out.Models = append(out.Models, body)
	}
	return out, nil
}

type latestVersionsRequest struct {
	Name   string   `json:"name"`
	Stages []string `json:"stages"`
}

func (h registries) latestVersions(ctx context.Context, r *latestVersionsRequest) (any, error) {
	if err := present("name", r.Name); err != nil {
		return nil, err
	}
	versions, err := h.registry.LatestVersions(ctx, r.Name, r.Stages)
	if err != nil {
		return nil, err
	}
	out := versionsAnswer{}
	for i := range versions {
		out.Versions = append(out.Versions, toModelVersion(&versions[i]))
	}
	return out, nil
}

type modelTagRequest struct {
	Name  string `json:"name"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

func (h registries) setModelTag(ctx context.Context, r *modelTagRequest) (any, error) {
	if err := present("name", r.Name, "key", r.Key); err != nil {
		return nil, err
	}
	return empty{}, h.registry.SetModelTag(ctx, r.Name, registry.Tag{Key: r.Key, Value: r.Value})
}

func (h registries) deleteModelTag(ctx context.Context, r *modelTagRequest) (any, error) {
	if err := present("name", r.Name, "key", r.Key); err != nil {
		return nil, err
	}
	return empty{}, h.registry.DeleteModelTag(ctx, r.Name, r.Key)
}

type aliasRequest struct {
	Name    string `json:"name"`
	Alias   string `json:"alias"`
	Version string `json:"version"`
}

func (h registries) setAlias(ctx context.Context, r *aliasRequest) (any, error) {
	if err := present("name", r.Name, "alias", r.Alias); err != nil {
		return nil, err
	}
	number, err := versionNumber(r.Version)
	if err != nil {
		return nil, err
	}
	return empty{}, h.registry.SetAlias(ctx, r.Name, r.Alias, number)
}

func (h registries) deleteAlias(ctx context.Context, r *aliasRequest) (any, error) {
	if err := present("name", r.Name, "alias", r.Alias); err != nil {
		return nil, err
	}
	return empty{}, h.registry.DeleteAlias(ctx, r.Name, r.Alias)
}

func (h registries) versionByAlias(ctx context.Context, r *aliasRequest) (any, error) {
	if err := present("name", r.Name, "alias", r.Alias); err != nil {
		return nil, err
	}
	return answerVersion(h.registry.VersionByAlias(ctx, r.Name, r.Alias))
}
