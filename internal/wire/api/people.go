package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/caller"
)

type people struct{ accounts *account.Service }

// ServePeople adds users, service tokens and the audit log.
func (s *Server) ServePeople(accounts *account.Service) {
	p := people{accounts}
	s.add(
		route{method: "GET", path: "/w/{ws}/people", need: caller.Read, call: p.list},
		route{method: "POST", path: "/w/{ws}/people", need: caller.Administer, status: http.StatusCreated, call: body(p.create)},
		route{method: "PATCH", path: "/w/{ws}/people/{user_id}", need: caller.Administer, call: body(p.update)},
		route{method: "GET", path: "/w/{ws}/tokens", need: caller.Write, call: p.tokens},
		route{method: "POST", path: "/w/{ws}/tokens", need: caller.Write, status: http.StatusCreated, call: body(p.createToken)},
		route{method: "DELETE", path: "/w/{ws}/tokens/{token_id}", need: caller.Write, call: p.revokeToken},
		route{method: "GET", path: "/w/{ws}/audit", need: caller.Approve, call: p.audit},
	)
}

func (p people) list(ctx context.Context, _ *http.Request) (any, error) {
	ws := caller.Workspace(ctx)
	found, err := p.accounts.People(ctx, ws)
	if err != nil {
		return nil, err
	}
	out := []user{}
	for _, u := range found {
		out = append(out, userOf(u, ws))
	}
	return map[string]any{"users": out}, nil
}

type createUserRequest struct {
	Username    string      `json:"username"`
	Password    string      `json:"password"`
	DisplayName string      `json:"display_name"`
	Role        caller.Role `json:"role"`
}

func (p people) create(ctx context.Context, _ *http.Request, req *createUserRequest) (any, error) {
	u, err := p.accounts.Create(ctx, account.NewUser{Name: req.Username, Password: req.Password, DisplayName: req.DisplayName, Role: req.Role, Workspace: caller.Workspace(ctx)})
	if err != nil {
		return nil, err
	}
	return userOf(u, caller.Workspace(ctx)), nil
}

type updateUserRequest struct {
	Role     *caller.Role `json:"role"`
	Disabled *bool        `json:"disabled"`
	Password *string      `json:"password"`
}

func (p people) update(ctx context.Context, r *http.Request, req *updateUserRequest) (any, error) {
	u, err := p.accounts.Update(ctx, r.PathValue("user_id"), account.Change{Role: req.Role, Disabled: req.Disabled, Password: req.Password})
	if err != nil {
		return nil, err
	}
	return userOf(u, caller.Workspace(ctx)), nil
}

type token struct {
	TokenID    string  `json:"token_id"`
	Name       string  `json:"name"`
	Role       string  `json:"role"`
	Hint       string  `json:"hint"`
	CreatedBy  string  `json:"created_by"`
	CreatedMS  int64   `json:"created_ms"`
	LastUsedMS *int64  `json:"last_used_ms"`
	ExpiresMS  *int64  `json:"expires_ms"`
	Secret     *string `json:"secret,omitempty"`
}

func tokenOf(t account.Token) token {
	return token{t.ID, t.Name, string(t.Role), t.Hint, t.CreatedBy, t.CreatedAt, nullable(t.LastUsedAt), nullable(t.ExpiresAt), nil}
}

func (p people) tokens(ctx context.Context, _ *http.Request) (any, error) {
	found, err := p.accounts.ListTokens(ctx)
	if err != nil {
		return nil, err
	}
	out := []token{}
	for _, t := range found {
		out = append(out, tokenOf(t))
	}
	return map[string]any{"tokens": out}, nil
}

type createTokenRequest struct {
	Name      string      `json:"name"`
	Role      caller.Role `json:"role"`
	ExpiresMS *int64      `json:"expires_ms"`
}

func (p people) createToken(ctx context.Context, _ *http.Request, req *createTokenRequest) (any, error) {
	var expires int64
	if req.ExpiresMS != nil {
		expires = *req.ExpiresMS
	}
	t, secret, err := p.accounts.CreateToken(ctx, req.Name, req.Role, expires)
	if err != nil {
		return nil, err
	}
	out := tokenOf(t)
	out.Secret = &secret
	return out, nil
}

func (p people) revokeToken(ctx context.Context, r *http.Request) (any, error) {
	return nil, p.accounts.RevokeToken(ctx, r.PathValue("token_id"))
}

type auditEntry struct {
	Seq        int64           `json:"seq"`
	TimeMS     int64           `json:"time_ms"`
	Actor      string          `json:"actor"`
	ActorKind  string          `json:"actor_kind"`
	Action     string          `json:"action"`
	ObjectKind string          `json:"object_kind"`
	ObjectID   string          `json:"object_id"`
	Address    string          `json:"address"`
	RequestID  string          `json:"request_id"`
	BeforeHash *string         `json:"before_hash"`
	AfterHash  *string         `json:"after_hash"`
	Detail     json.RawMessage `json:"detail"`
}

func (p people) audit(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	f := account.AuditFilter{Workspace: caller.Workspace(ctx), Actor: q.Get("actor"), ActionPrefix: q.Get("action"), Limit: n}
	if f.From, err = millis(r, "from_ms", 0); err != nil {
		return nil, err
	}
	if f.To, err = millis(r, "to_ms", 0); err != nil {
		return nil, err
	}
	found, next, err := p.accounts.Audit.List(ctx, f, q.Get("page_token"))
	if err != nil {
		return nil, err
	}
	out := []auditEntry{}
	for _, e := range found {
		detail := json.RawMessage(e.Detail)
		if len(detail) == 0 {
			detail = json.RawMessage("{}")
		}
		out = append(out, auditEntry{e.Seq, e.Time, e.Actor, e.ActorKind, e.Action, e.ObjectKind, e.ObjectID, e.Address, e.RequestID,
			nullable(e.BeforeHash), nullable(e.AfterHash), detail})
	}
	return map[string]any{"entries": out, "next_page_token": nullable(next)}, nil
}
