package api

import (
	"context"
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
		route{method: "DELETE", path: "/w/{ws}/people/{user_id}", need: caller.Administer, call: p.remove},
		route{method: "GET", path: "/w/{ws}/tokens", need: caller.Write, call: p.tokens},
		route{method: "POST", path: "/w/{ws}/tokens", need: caller.Write, status: http.StatusCreated, call: body(p.createToken)},
		route{method: "DELETE", path: "/w/{ws}/tokens/{token_id}", need: caller.Write, call: p.revokeToken},
		route{method: "GET", path: "/w/{ws}/audit", need: caller.Approve, call: p.audit},
		route{method: "GET", path: "/w/{ws}/audit/export", need: caller.Approve, stream: p.exportAudit},
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
		row := userOf(u, ws)
		row.Roles = rolesFor(caller.From(ctx), u)
		out = append(out, row)
	}
	return map[string]any{"users": out}, nil
}

// rolesFor is u's roles by workspace as far as c may know of them: who
// administers the server knows all, others those of their workspace. "*" is
// every workspace.
func rolesFor(c caller.Caller, u account.User) map[string]caller.Role {
	out := map[string]caller.Role{}
	for ws, role := range u.Roles {
		if c.Open || c.Server && c.Role.May(caller.Administer) || ws == c.Workspace || ws == account.Everywhere {
			out[ws] = role
		}
	}
	return out
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
	DisplayName *string      `json:"display_name"`
	Role        *caller.Role `json:"role"` // "" takes it away
	Everywhere  bool         `json:"everywhere"`
	Disabled    *bool        `json:"disabled"`
	Password    *string      `json:"password"`
}

func (p people) update(ctx context.Context, r *http.Request, req *updateUserRequest) (any, error) {
	change := account.Change{DisplayName: req.DisplayName, Role: req.Role, Disabled: req.Disabled, Password: req.Password}
	if req.Everywhere {
		change.Workspace = account.Everywhere
	}
	u, err := p.accounts.Update(ctx, r.PathValue("user_id"), change)
	if err != nil {
		return nil, err
	}
	row := userOf(u, caller.Workspace(ctx))
	row.Roles = rolesFor(caller.From(ctx), u)
	return row, nil
}

func (p people) remove(ctx context.Context, r *http.Request) (any, error) {
	return nil, p.accounts.Remove(ctx, r.PathValue("user_id"))
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
	Suspended  bool    `json:"suspended"`
	Secret     *string `json:"secret,omitempty"`
}

func tokenOf(t account.Token) token {
	return token{t.ID, t.Name, string(t.Role), t.Hint, t.CreatedBy, t.CreatedAt, nullable(t.LastUsedAt), nullable(t.ExpiresAt), t.Suspended, nil}
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
