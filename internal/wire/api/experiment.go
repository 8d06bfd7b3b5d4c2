package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

// TraceCounter counts the traces of an experiment or a run.
type TraceCounter interface {
	CountTraces(ctx context.Context, experiment, run string) (int64, error)
}

type experiments struct {
	domain *tracking.Service
	traces TraceCounter
}

// ServeExperiments adds experiments.
func (s *Server) ServeExperiments(domain *tracking.Service, traces TraceCounter) {
	e := experiments{domain, traces}
	const base = "/w/{ws}/experiments"
	s.add(
		route{method: "GET", path: base, need: caller.Read, call: e.list},
		route{method: "POST", path: base, need: caller.Write, status: http.StatusCreated, call: body(e.create)},
		route{method: "GET", path: base + "/{experiment_id}", need: caller.Read, call: e.get},
		route{method: "PATCH", path: base + "/{experiment_id}", need: caller.Write, call: body(e.update)},
	)
}

type experiment struct {
	ExperimentID   string            `json:"experiment_id"`
	Name           string            `json:"name"`
	Lifecycle      string            `json:"lifecycle"`
	Tags           map[string]string `json:"tags"`
	Runs           int64             `json:"runs"`
	Traces         int64             `json:"traces"`
	CreatedMS      int64             `json:"created_ms"`
	UpdatedMS      int64             `json:"updated_ms"`
	LastActivityMS *int64            `json:"last_activity_ms"`
	ArtifactURI    string            `json:"artifact_uri"`
}

func (e experiments) row(ctx context.Context, r tracking.ExperimentRow) (experiment, error) {
	id := strconv.FormatInt(r.ID, 10)
	n, err := e.traces.CountTraces(ctx, id, "")
	return experiment{id, r.Name, r.Stage.String(), tagMap(r.Tags), r.Runs, n, r.CreatedAt, r.UpdatedAt, r.Activity, r.ArtifactLocation}, err
}

func tagMap(tags []tracking.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

var views = map[string]tracking.View{"": tracking.ActiveOnly, "active": tracking.ActiveOnly, "deleted": tracking.DeletedOnly, "all": tracking.All}

func viewOf(s string) (tracking.View, error) {
	v, ok := views[s]
	if !ok {
		return 0, fault.Invalidf("lifecycle must be active, deleted or all, not %q", clip(s))
	}
	return v, nil
}

var experimentSorts = map[string]tracking.ExperimentSort{"name": tracking.ByName, "last_activity_ms": tracking.ByActivity, "created_ms": tracking.ByCreation}

func (e experiments) list(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	view, err := viewOf(q.Get("lifecycle"))
	if err != nil {
		return nil, err
	}
	order := q.Get("order_by")
	if order == "" {
		order = "-last_activity_ms"
	}
	name, desc := strings.CutPrefix(order, "-")
	sort, ok := experimentSorts[name]
	if !ok {
		return nil, fault.Invalidf("experiments cannot be ordered by %q; use name, last_activity_ms or created_ms", clip(order))
	}
	rows, next, err := e.domain.ListExperiments(ctx, tracking.ExperimentList{Text: q.Get("q"), View: view, Sort: sort, Desc: desc, Limit: n, Token: q.Get("page_token")})
	if err != nil {
		return nil, err
	}
	out := []experiment{}
	for _, row := range rows {
		x, err := e.row(ctx, row)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return map[string]any{"experiments": out, "next_page_token": nullable(next)}, nil
}

type createExperimentRequest struct {
	Name string            `json:"name"`
	Tags map[string]string `json:"tags"`
}

func (e experiments) create(ctx context.Context, _ *http.Request, req *createExperimentRequest) (any, error) {
	var tags []tracking.Tag
	for k, v := range req.Tags {
		tags = append(tags, tracking.Tag{Key: k, Value: v})
	}
	x, err := e.domain.CreateExperiment(ctx, req.Name, "", tags)
	if err != nil {
		return nil, err
	}
	return e.row(ctx, tracking.ExperimentRow{Experiment: *x})
}

func experimentID(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 0 {
		return 0, fault.NotFoundf("no experiment %q: an experiment id is a decimal number", clip(s))
	}
	return id, nil
}

func (e experiments) get(ctx context.Context, r *http.Request) (any, error) {
	id, err := experimentID(r.PathValue("experiment_id"))
	if err != nil {
		return nil, err
	}
	return e.one(ctx, id)
}

func (e experiments) one(ctx context.Context, id int64) (any, error) {
	x, err := e.domain.Experiment(ctx, id)
	if err != nil {
		return nil, err
	}
	row := tracking.ExperimentRow{Experiment: *x}
	q := tracking.RunQuery{Experiments: []int64{id}, Limit: 1}
	if row.Runs, _, err = e.domain.CountRuns(ctx, q); err != nil {
		return nil, err
	}
	latest, _, err := e.domain.SearchRuns(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(latest) > 0 {
		row.Activity = &latest[0].StartTime
	}
	return e.row(ctx, row)
}

type updateExperimentRequest struct {
	Name       *string           `json:"name"`
	SetTags    map[string]string `json:"set_tags"`
	DeleteTags []string          `json:"delete_tags"`
	Lifecycle  string            `json:"lifecycle"`
}

func (e experiments) update(ctx context.Context, r *http.Request, req *updateExperimentRequest) (any, error) {
	id, err := experimentID(r.PathValue("experiment_id"))
	if err != nil {
		return nil, err
	}
	// Restoring comes first: nothing else may change a deleted experiment.
	if req.Lifecycle == "active" {
		if err := e.domain.RestoreExperiment(ctx, id); err != nil {
			return nil, err
		}
	}
	if req.Name != nil {
		if err := e.domain.RenameExperiment(ctx, id, *req.Name); err != nil {
			return nil, err
		}
	}
	for k, v := range req.SetTags {
		if err := e.domain.SetExperimentTag(ctx, id, tracking.Tag{Key: k, Value: v}); err != nil {
			return nil, err
		}
	}
	for _, k := range req.DeleteTags {
		if err := e.domain.DeleteExperimentTag(ctx, id, k); err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	switch req.Lifecycle {
	case "", "active":
	case "deleted":
		if err := e.domain.DeleteExperiment(ctx, id); err != nil {
			return nil, err
		}
	default:
		return nil, fault.Invalidf("lifecycle must be active or deleted, not %q", clip(req.Lifecycle))
	}
	return e.one(ctx, id)
}
