package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracking"
)

type models struct {
	domain *registry.Service
	runs   *tracking.Service
}

// ServeModels adds registered models and their versions.
func (s *Server) ServeModels(domain *registry.Service, runs *tracking.Service) {
	m := models{domain, runs}
	const base = "/w/{ws}/models"
	s.add(
		route{method: "GET", path: base, need: caller.Read, call: m.list},
		route{method: "GET", path: base + "/{name}", need: caller.Read, call: m.get},
		route{method: "PATCH", path: base + "/{name}", need: caller.Write, call: body(m.update)},
		route{method: "DELETE", path: base + "/{name}", need: caller.Write, call: m.delete},
		route{method: "GET", path: base + "/{name}/versions", need: caller.Read, call: m.versions},
		route{method: "GET", path: base + "/{name}/versions/{version}", need: caller.Read, call: m.version},
		route{method: "PATCH", path: base + "/{name}/versions/{version}", need: caller.Write, call: body(m.updateVersion)},
		route{method: "DELETE", path: base + "/{name}/versions/{version}", need: caller.Write, call: m.deleteVersion},
		route{method: "PUT", path: base + "/{name}/aliases/{alias}", need: caller.Write, call: body(m.setAlias)},
		route{method: "DELETE", path: base + "/{name}/aliases/{alias}", need: caller.Write, call: m.deleteAlias},
	)
}

type aliasRef struct {
	Alias   string `json:"alias"`
	Version string `json:"version"`
}

// registered is the contract's Model and Prompt, which have the same fields.
type registered struct {
	Name          string            `json:"name"`
	Description   string            `json:"description"`
	Tags          map[string]string `json:"tags"`
	Aliases       []aliasRef        `json:"aliases"`
	Versions      int64             `json:"versions"`
	LatestVersion *string           `json:"latest_version"`
	CreatedMS     int64             `json:"created_ms"`
	UpdatedMS     int64             `json:"updated_ms"`
}

func registeredOf(m *registry.Model) registered {
	out := registered{m.Name, m.Description, registryTags(m.Tags), []aliasRef{}, m.Versions, nil, m.Created, m.Updated}
	for _, a := range m.Aliases {
		out.Aliases = append(out.Aliases, aliasRef{a.Name, strconv.FormatInt(a.Version, 10)})
	}
	var latest int64
	for _, v := range m.Latest {
		latest = max(latest, v.Number)
	}
	if latest > 0 {
		out.LatestVersion = nullable(strconv.FormatInt(latest, 10))
	}
	return out
}

func registryTags(tags []registry.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

// searchOf is the search of a list page: names that contain q, sorted.
func searchOf(r *http.Request, prompts bool) (registry.Search, error) {
	v := r.URL.Query()
	n, err := limit(r)
	if err != nil {
		return registry.Search{}, err
	}
	s := registry.Search{Limit: n, Token: v.Get("page_token")}
	var clauses []string
	if prompts {
		clauses = append(clauses, "tags.`"+registry.PromptTag+"` = 'true'")
	}
	if q := v.Get("q"); q != "" {
		quote := "'"
		if strings.Contains(q, "'") {
			quote = `"`
		}
		if strings.ContainsAny(q, `"`) && quote == `"` {
			return s, fault.Invalidf("q may not hold both kinds of quote")
		}
		clauses = append(clauses, "name ILIKE "+quote+"%"+q+"%"+quote)
	}
	s.Filter = strings.Join(clauses, " AND ")
	switch order := v.Get("order_by"); order {
	case "", "-updated_ms":
		s.Order = []string{"last_updated_timestamp DESC"}
	case "updated_ms":
		s.Order = []string{"last_updated_timestamp ASC"}
	case "name":
		s.Order = []string{"name ASC"}
	case "-name":
		s.Order = []string{"name DESC"}
	default:
		return s, fault.Invalidf("the list cannot be ordered by %q; use name or updated_ms", clip(order))
	}
	return s, nil
}

func (m models) list(ctx context.Context, r *http.Request) (any, error) {
	search, err := searchOf(r, false)
	if err != nil {
		return nil, err
	}
	found, next, err := m.domain.SearchModels(ctx, search)
	if err != nil {
		return nil, err
	}
	out := []registered{}
	for _, x := range found {
		out = append(out, registeredOf(x))
	}
	return map[string]any{"models": out, "next_page_token": nullable(next)}, nil
}

// modelOf reads a model that is, or is not, a prompt.
func modelOf(ctx context.Context, domain *registry.Service, name string, prompt bool) (*registry.Model, error) {
	x, err := domain.Model(ctx, name)
	if err != nil {
		return nil, err
	}
	if x.Prompt != prompt {
		noun, other := "model", "prompt"
		if prompt {
			noun, other = other, noun
		}
		return nil, fault.NotFoundf("there is no %s %q; it is a %s", noun, clip(name), other)
	}
	return x, nil
}

func (m models) get(ctx context.Context, r *http.Request) (any, error) {
	x, err := modelOf(ctx, m.domain, r.PathValue("name"), false)
	if err != nil {
		return nil, err
	}
	return registeredOf(x), nil
}

type describeRequest struct {
	Description *string           `json:"description"`
	SetTags     map[string]string `json:"set_tags"`
	DeleteTags  []string          `json:"delete_tags"`
}

// describe changes a model or prompt and returns it.
func describe(ctx context.Context, domain *registry.Service, name string, prompt bool, req *describeRequest) (any, error) {
	if _, err := modelOf(ctx, domain, name, prompt); err != nil {
		return nil, err
	}
	if req.Description != nil {
		if _, err := domain.DescribeModel(ctx, name, *req.Description); err != nil {
			return nil, err
		}
	}
	for k, v := range req.SetTags {
		if err := domain.SetModelTag(ctx, name, registry.Tag{Key: k, Value: v}); err != nil {
			return nil, err
		}
	}
	for _, k := range req.DeleteTags {
		if err := domain.DeleteModelTag(ctx, name, k); err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	x, err := domain.Model(ctx, name)
	if err != nil {
		return nil, err
	}
	return registeredOf(x), nil
}

func (m models) update(ctx context.Context, r *http.Request, req *describeRequest) (any, error) {
	return describe(ctx, m.domain, r.PathValue("name"), false, req)
}

func (m models) delete(ctx context.Context, r *http.Request) (any, error) {
	if _, err := modelOf(ctx, m.domain, r.PathValue("name"), false); err != nil {
		return nil, err
	}
	return nil, m.domain.DeleteModel(ctx, r.PathValue("name"))
}

type modelVersion struct {
	Name          string            `json:"name"`
	Version       string            `json:"version"`
	Description   string            `json:"description"`
	Status        string            `json:"status"`
	StatusMessage string            `json:"status_message"`
	Stage         string            `json:"stage"`
	Aliases       []string          `json:"aliases"`
	Tags          map[string]string `json:"tags"`
	Source        string            `json:"source"`
	RunID         *string           `json:"run_id"`
	RunName       *string           `json:"run_name"`
	ModelID       *string           `json:"model_id"`
	User          string            `json:"user"`
	CreatedMS     int64             `json:"created_ms"`
	UpdatedMS     int64             `json:"updated_ms"`
	Metrics       []metricLatest    `json:"metrics"`
	Params        map[string]string `json:"params"`
}

// versionOf fills everything; with evidence also the metrics and params of the
// logged model or run it came from.
func (m models) versionOf(ctx context.Context, v *registry.Version, evidence bool) modelVersion {
	out := modelVersion{Name: v.Name, Version: strconv.FormatInt(v.Number, 10), Status: "READY", Stage: string(v.Stage),
		Aliases: orEmpty(v.Aliases), Tags: registryTags(v.Tags), Source: v.Source, RunID: nullable(v.RunID), ModelID: nullable(v.LoggedModel),
		User: v.User, CreatedMS: v.Created, UpdatedMS: v.Updated, Metrics: []metricLatest{}, Params: map[string]string{}}
	if v.Description != nil {
		out.Description = *v.Description
	}
	if v.RunID != "" {
		if run, err := m.runs.RunInfo(ctx, v.RunID); err == nil {
			out.RunName = nullable(run.Name)
		}
	}
	if evidence {
		m.evidence(ctx, v, &out)
	}
	return out
}

func (m models) evidence(ctx context.Context, v *registry.Version, out *modelVersion) {
	if v.LoggedModel != "" {
		if lm, err := m.runs.Model(ctx, v.LoggedModel, true); err == nil {
			for _, p := range lm.Params {
				out.Params[p.Key] = p.Value
			}
			for _, x := range lm.Metrics {
				out.Metrics = append(out.Metrics, metricLatest{Key: x.Key, Value: number(x.Value), Step: x.Step, TimeMS: x.Timestamp,
					ModelID: nullable(x.ModelID), DatasetName: nullable(x.DatasetName)})
			}
		}
	}
	if len(out.Metrics)+len(out.Params) == 0 && v.RunID != "" {
		if run, err := m.runs.Run(ctx, v.RunID); err == nil {
			for _, p := range run.Params {
				out.Params[p.Key] = p.Value
			}
			for _, x := range run.Metrics {
				out.Metrics = append(out.Metrics, metricLatest{Key: x.Key, Value: number(x.Value), Step: x.Step, TimeMS: x.Timestamp})
			}
		}
	}
}

// quoteName writes a name into a filter. Names hold no backtick-free
// guarantee, but never both kinds of quote in practice; one that does is
// refused rather than misread.
func quoteName(name string) (string, error) {
	switch {
	case !strings.Contains(name, "'"):
		return "'" + name + "'", nil
	case !strings.Contains(name, `"`):
		return `"` + name + `"`, nil
	}
	return "", fault.Invalidf("the name %q holds both kinds of quote and cannot be searched for", clip(name))
}

// versionsOf lists the versions of a model or prompt, newest first.
func versionsOf(ctx context.Context, domain *registry.Service, r *http.Request, prompt bool) ([]*registry.Version, string, error) {
	name := r.PathValue("name")
	if _, err := modelOf(ctx, domain, name, prompt); err != nil {
		return nil, "", err
	}
	n, err := limit(r)
	if err != nil {
		return nil, "", err
	}
	quoted, err := quoteName(name)
	if err != nil {
		return nil, "", err
	}
	filter := "name = " + quoted
	if prompt {
		filter += " AND tags.`" + registry.PromptTag + "` = 'true'"
	}
	return domain.SearchVersions(ctx, registry.Search{Filter: filter, Order: []string{"version_number DESC"}, Limit: n, Token: r.URL.Query().Get("page_token")})
}

func (m models) versions(ctx context.Context, r *http.Request) (any, error) {
	found, next, err := versionsOf(ctx, m.domain, r, false)
	if err != nil {
		return nil, err
	}
	out := []modelVersion{}
	for _, v := range found {
		out = append(out, m.versionOf(ctx, v, false))
	}
	return map[string]any{"versions": out, "next_page_token": nullable(next)}, nil
}

func versionNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, fault.Invalidf("version %q is not a number", clip(s))
	}
	return n, nil
}

// versionIn reads the version that the path names.
func versionIn(ctx context.Context, domain *registry.Service, r *http.Request, prompt bool) (*registry.Version, error) {
	n, err := versionNumber(r.PathValue("version"))
	if err != nil {
		return nil, err
	}
	if _, err := modelOf(ctx, domain, r.PathValue("name"), prompt); err != nil {
		return nil, err
	}
	return domain.Version(ctx, r.PathValue("name"), n)
}

func (m models) version(ctx context.Context, r *http.Request) (any, error) {
	v, err := versionIn(ctx, m.domain, r, false)
	if err != nil {
		return nil, err
	}
	return m.versionOf(ctx, v, true), nil
}

type updateVersionRequest struct {
	describeRequest
	Stage string `json:"stage"`
}

func (m models) updateVersion(ctx context.Context, r *http.Request, req *updateVersionRequest) (any, error) {
	v, err := versionIn(ctx, m.domain, r, false)
	if err != nil {
		return nil, err
	}
	if req.Description != nil {
		if _, err := m.domain.DescribeVersion(ctx, v.Name, v.Number, req.Description); err != nil {
			return nil, err
		}
	}
	if req.Stage != "" {
		if _, err := m.domain.Transition(ctx, v.Name, v.Number, req.Stage, false); err != nil {
			return nil, err
		}
	}
	for k, val := range req.SetTags {
		if err := m.domain.SetVersionTag(ctx, v.Name, v.Number, registry.Tag{Key: k, Value: val}); err != nil {
			return nil, err
		}
	}
	for _, k := range req.DeleteTags {
		if err := m.domain.DeleteVersionTag(ctx, v.Name, v.Number, k); err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	return m.version(ctx, r)
}

func (m models) deleteVersion(ctx context.Context, r *http.Request) (any, error) {
	v, err := versionIn(ctx, m.domain, r, false)
	if err != nil {
		return nil, err
	}
	return nil, m.domain.DeleteVersion(ctx, v.Name, v.Number)
}

type aliasRequest struct {
	Version string `json:"version"`
}

func setAlias(ctx context.Context, domain *registry.Service, r *http.Request, prompt bool, req *aliasRequest) error {
	n, err := versionNumber(req.Version)
	if err != nil {
		return err
	}
	if _, err := modelOf(ctx, domain, r.PathValue("name"), prompt); err != nil {
		return err
	}
	return domain.SetAlias(ctx, r.PathValue("name"), r.PathValue("alias"), n)
}

func deleteAlias(ctx context.Context, domain *registry.Service, r *http.Request, prompt bool) error {
	if _, err := modelOf(ctx, domain, r.PathValue("name"), prompt); err != nil {
		return err
	}
	return domain.DeleteAlias(ctx, r.PathValue("name"), r.PathValue("alias"))
}

func (m models) setAlias(ctx context.Context, r *http.Request, req *aliasRequest) (any, error) {
	return nil, setAlias(ctx, m.domain, r, false, req)
}

func (m models) deleteAlias(ctx context.Context, r *http.Request) (any, error) {
	return nil, deleteAlias(ctx, m.domain, r, false)
}
