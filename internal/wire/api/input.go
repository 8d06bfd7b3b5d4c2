package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/tracking"
)

// inputs serves the datasets that runs logged as what they read.
type inputs struct {
	domain      *tracking.Service
	experiments Experiments
}

// ServeInputs adds the datasets of runs.
func (s *Server) ServeInputs(domain *tracking.Service, experiments Experiments) {
	i := inputs{domain, experiments}
	s.add(
		route{method: "GET", path: "/w/{ws}/inputs", need: caller.Read, call: i.list},
		route{method: "GET", path: "/w/{ws}/inputs/{name}", need: caller.Read, call: i.get},
	)
}

func (i inputs) list(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	v := r.URL.Query()
	found, next, err := i.domain.ListInputs(ctx, tracking.InputList{Text: v.Get("q"), Limit: n, Token: v.Get("page_token")})
	if err != nil {
		return nil, err
	}
	type name struct {
		Name        string `json:"name"`
		SourceType  string `json:"source_type"`
		Versions    int64  `json:"versions"`
		Experiments int64  `json:"experiments"`
		Runs        int64  `json:"runs"`
		LastUsedMS  *int64 `json:"last_used_ms"`
	}
	out := []name{}
	for _, x := range found {
		out = append(out, name{x.Name, x.SourceType, x.Versions, x.Experiments, x.Runs, x.LastUsed})
	}
	return map[string]any{"inputs": out, "next_page_token": nullable(next)}, nil
}

type inputVersion struct {
	Digest         string   `json:"digest"`
	ExperimentID   string   `json:"experiment_id"`
	ExperimentName string   `json:"experiment_name"`
	SourceType     string   `json:"source_type"`
	Source         string   `json:"source"`
	Schema         *string  `json:"schema"`
	Profile        *string  `json:"profile"`
	Contexts       []string `json:"contexts"`
	Runs           int64    `json:"runs"`
	LastUsedMS     *int64   `json:"last_used_ms"`
}

func (i inputs) get(ctx context.Context, r *http.Request) (any, error) {
	name := r.PathValue("name")
	found, more, err := i.domain.InputVersions(ctx, name)
	if err != nil {
		return nil, err
	}
	out := []inputVersion{}
	for _, v := range found {
		exp := strconv.FormatInt(v.Experiment, 10)
		out = append(out, inputVersion{v.Digest, exp, i.experiments.ExperimentName(ctx, exp), v.SourceType, v.Source, nullable(v.Schema), nullable(v.Profile), orEmpty(v.Contexts), v.Runs, v.LastUsed})
	}
	return map[string]any{"name": name, "versions": out, "more": more}, nil
}
