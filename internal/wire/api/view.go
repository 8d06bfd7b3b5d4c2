package api

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/view"
)

type savedViews struct{ domain *view.Service }

// ServeViews adds saved views, and lets the palette find them. A viewer may
// keep views of their own, so that reading is the permission these routes ask
// for; the domain asks for more to share one or to change another's.
func (s *Server) ServeViews(domain *view.Service) {
	v := savedViews{domain}
	const base = "/w/{ws}/views"
	s.add(
		route{method: "GET", path: base, need: caller.Read, call: v.list},
		route{method: "POST", path: base, need: caller.Read, status: http.StatusCreated, call: body(v.create)},
		route{method: "GET", path: base + "/{view_id}", need: caller.Read, call: v.get},
		route{method: "PATCH", path: base + "/{view_id}", need: caller.Read, call: body(v.update)},
		route{method: "DELETE", path: base + "/{view_id}", need: caller.Read, call: v.delete},
	)
	s.finders = append(s.finders, v.find)
}

type savedView struct {
	ViewID    string `json:"view_id"`
	Page      string `json:"page"`
	Name      string `json:"name"`
	State     string `json:"state"`
	Owner     string `json:"owner"`
	Shared    bool   `json:"shared"`
	Mine      bool   `json:"mine"`
	CreatedMS int64  `json:"created_ms"`
	UpdatedMS int64  `json:"updated_ms"`
}

func savedViewOf(ctx context.Context, v *view.View) savedView {
	return savedView{v.ID, v.Page, v.Name, v.State, v.Owner, v.Shared, v.Owner == caller.From(ctx).User, v.Created, v.Updated}
}

func (v savedViews) list(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	found, next, err := v.domain.List(ctx, view.List{Page: q.Get("page"), Text: q.Get("q"), Limit: n, Token: q.Get("page_token")})
	if err != nil {
		return nil, err
	}
	out := []savedView{}
	for i := range found {
		out = append(out, savedViewOf(ctx, &found[i]))
	}
	return map[string]any{"views": out, "next_page_token": nullable(next)}, nil
}

type createViewRequest struct {
	Page   string `json:"page"`
	Name   string `json:"name"`
	State  string `json:"state"`
	Shared bool   `json:"shared"`
}

func (v savedViews) create(ctx context.Context, _ *http.Request, req *createViewRequest) (any, error) {
	made, err := v.domain.Create(ctx, view.Draft(*req))
	if err != nil {
		return nil, err
	}
	return savedViewOf(ctx, made), nil
}

func (v savedViews) get(ctx context.Context, r *http.Request) (any, error) {
	found, err := v.domain.View(ctx, r.PathValue("view_id"))
	if err != nil {
		return nil, err
	}
	return savedViewOf(ctx, found), nil
}

type updateViewRequest struct {
	Name   *string `json:"name"`
	State  *string `json:"state"`
	Shared *bool   `json:"shared"`
}

func (v savedViews) update(ctx context.Context, r *http.Request, req *updateViewRequest) (any, error) {
	changed, err := v.domain.Update(ctx, r.PathValue("view_id"), view.Change(*req))
	if err != nil {
		return nil, err
	}
	return savedViewOf(ctx, changed), nil
}

func (v savedViews) delete(ctx context.Context, r *http.Request) (any, error) {
	return nil, v.domain.Delete(ctx, r.PathValue("view_id"))
}

// find finds views by part of their name. The hit's detail is the page, which
// the palette needs to open it.
func (v savedViews) find(ctx context.Context, q string) (hits []hit, err error) {
	found, _, err := v.domain.List(ctx, view.List{Text: q, Limit: perKind})
	for _, x := range found {
		hits = append(hits, hit{"view", x.ID, x.Name, x.Page, &x.Updated})
	}
	return hits, err
}
