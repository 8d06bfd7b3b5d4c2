package mlflow

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
)

func (h registries) versions() []route {
	const versions = "mlflow/model-versions/"
	return []route{
		v2(http.MethodPost, versions+"create", caller.Write, bind(h.createVersion)),
		v2(http.MethodPatch, versions+"update", caller.Write, bind(h.updateVersion)),
		v2(http.MethodPost, versions+"transition-stage", caller.Write, bind(h.transition)),
		v2(http.MethodDelete, versions+"delete", caller.Write, bind(h.deleteVersion)),
		v2(http.MethodGet, versions+"get", caller.Read, bind(h.getVersion)),
		v2(http.MethodGet, versions+"search", caller.Read, bind(h.searchVersions)),
		v2(http.MethodGet, versions+"get-download-uri", caller.Read, bind(h.downloadURI)),
		v2(http.MethodPost, versions+"set-tag", caller.Write, bind(h.setVersionTag)),
		v2(http.MethodDelete, versions+"delete-tag", caller.Write, bind(h.deleteVersionTag)),
	}
}

type modelVersion struct {
	Name        string        `json:"name"`
	Version     string        `json:"version"`
	Created     int64         `json:"creation_timestamp"`
	Updated     int64         `json:"last_updated_timestamp"`
	User        string        `json:"user_id,omitempty"`
	Stage       string        `json:"current_stage"`
	Description *string       `json:"description,omitempty"`
	Source      string        `json:"source"`
	RunID       string        `json:"run_id"`
	Status      string        `json:"status"`
	Tags        []registryTag `json:"tags,omitempty"`
	RunLink     string        `json:"run_link"`
	Aliases     []string      `json:"aliases,omitempty"`
	ModelID     string        `json:"model_id,omitempty"`
}

func toModelVersion(v *registry.Version) modelVersion {
	return modelVersion{
		Name: v.Name, Version: versionText(v.Number), Created: v.Created, Updated: v.Updated, User: v.User,
		Stage: string(v.Stage), Description: v.Description, Source: v.Source, RunID: v.RunID, Status: "READY",
		Tags: toRegistryTags(v.Tags), RunLink: v.RunLink, Aliases: v.Aliases, ModelID: v.LoggedModel,
	}
}

func versionText(n int64) string { return strconv.FormatInt(n, 10) }

// versionNumber reads a version number, which clients write as a string.
func versionNumber(s string) (int64, error) {
	if s == "" {
		return 0, missing("version")
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err == nil {
		return n, nil
	}
	if digits := strings.TrimLeft(strings.TrimSpace(s), "+-"); digits != "" && strings.Trim(digits, "0123456789") == "" {
		return math.MaxInt64, nil // a number, though no version's
	}
	return 0, fault.Invalidf("Parameter 'version' must be an integer, got '%s'.", clip(s))
}

// present checks pairs of a required parameter's name and value.
func present(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return missing(pairs[i])
		}
	}
	return nil
}

func missing(parameter string) error {
	return fault.Invalidf("Missing value for required parameter '%s'.", parameter)
}

// pageLimit is a requested page size; 0 stands for none, so an explicit zero is
// turned into something the domain refuses.
func pageLimit(n *Int) (int, error) {
	switch {
	case n == nil:
		return 0, nil
	case *n < 1:
		return 0, fault.Invalidf("Invalid value for max_results. It must be a positive integer, but got %d", *n)
	}
	return int(min(*n, math.MaxInt32)), nil
}

type versionAnswer struct {
	Version modelVersion `json:"model_version"`
}

type versionsAnswer struct {
	Versions []modelVersion `json:"model_versions,omitempty"`
	Next     string         `json:"next_page_token,omitempty"`
}

func answerVersion(v *registry.Version, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return versionAnswer{toModelVersion(v)}, nil
}

type createVersionRequest struct {
	Name        string        `json:"name"`
	Source      string        `json:"source"`
	RunID       *string       `json:"run_id"`
	RunUUID     *string       `json:"run_uuid"` // what old clients call it
	Tags        []registryTag `json:"tags"`
	RunLink     string        `json:"run_link"`
	Description string        `json:"description"`
	ModelID     *string       `json:"model_id"`
}

func (h registries) createVersion(ctx context.Context, r *createVersionRequest) (any, error) {
	if err := present("name", r.Name, "source", r.Source); err != nil {
		return nil, err
	}
	if r.RunID == nil {
		r.RunID = r.RunUUID
	}
	return answerVersion(h.registry.CreateVersion(ctx, registry.NewVersion{
		Name: r.Name, Source: r.Source, RunID: r.RunID, LoggedModel: r.ModelID,
		RunLink: r.RunLink, Description: r.Description, Tags: fromRegistryTags(r.Tags),
	}))
}

// versionRequest names a version, for the calls that need no more.
type versionRequest struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

func (r *versionRequest) number() (int64, error) {
	if err := present("name", r.Name); err != nil {
		return 0, err
	}
	return versionNumber(r.Version)
}

type updateVersionRequest struct {
	versionRequest
	Description *string `json:"description"`
}

func (h registries) updateVersion(ctx context.Context, r *updateVersionRequest) (any, error) {
	number, err := r.number()
	if err != nil {
		return nil, err
	}
	return answerVersion(h.registry.DescribeVersion(ctx, r.Name, number, r.Description))
}

type transitionRequest struct {
	versionRequest
	Stage   string `json:"stage"`
	Archive bool   `json:"archive_existing_versions"`
}

func (h registries) transition(ctx context.Context, r *transitionRequest) (any, error) {
	number, err := r.number()
	if err != nil {
		return nil, err
	}
	if err := present("stage", r.Stage); err != nil {
		return nil, err
	}
	return answerVersion(h.registry.Transition(ctx, r.Name, number, r.Stage, r.Archive))
}

func (h registries) deleteVersion(ctx context.Context, r *versionRequest) (any, error) {
	number, err := r.number()
	if err != nil {
		return nil, err
	}
	return empty{}, h.registry.DeleteVersion(ctx, r.Name, number)
}

func (h registries) getVersion(ctx context.Context, r *versionRequest) (any, error) {
	number, err := r.number()
	if err != nil {
		return nil, err
	}
	return answerVersion(h.registry.Version(ctx, r.Name, number))
}

func (h registries) searchVersions(ctx context.Context, r *registrySearch) (any, error) {
	search, err := r.domain()
	if err != nil {
		return nil, err
	}
	versions, next, err := h.registry.SearchVersions(ctx, search)
	if err != nil {
		return nil, err
	}
	out := versionsAnswer{Next: next}
	for _, v := range versions {
		out.Versions = append(out.Versions, toModelVersion(v))
	}
	return out, nil
}

type downloadAnswer struct {
	URI string `json:"artifact_uri"`
}

func (h registries) downloadURI(ctx context.Context, r *versionRequest) (any, error) {
	number, err := r.number()
	if err != nil {
		return nil, err
	}
	uri, err := h.registry.DownloadURI(ctx, r.Name, number)
	return downloadAnswer{uri}, err
}

type versionTagRequest struct {
	versionRequest
	Key   string `json:"key"`
	Value string `json:"value"`
}

func (h registries) setVersionTag(ctx context.Context, r *versionTagRequest) (any, error) {
	number, err := r.number()
	if err != nil {
		return nil, err
	}
	if err := present("key", r.Key); err != nil {
		return nil, err
	}
	return empty{}, h.registry.SetVersionTag(ctx, r.Name, number, registry.Tag{Key: r.Key, Value: r.Value})
}

func (h registries) deleteVersionTag(ctx context.Context, r *versionTagRequest) (any, error) {
	number, err := r.number()
	if err != nil {
		return nil, err
	}
	if err := present("key", r.Key); err != nil {
		return nil, err
	}
	return empty{}, h.registry.DeleteVersionTag(ctx, r.Name, number, r.Key)
}
