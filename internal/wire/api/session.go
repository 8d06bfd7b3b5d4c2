package api

import (
	"context"
	"net/http"
	"time"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// ServerInfo is what the pages say of the server.
type ServerInfo struct {
	Version  string
	Address  func(r *http.Request) string // base URL clients should use
	OTLPHTTP string                       // "" is off
	OTLPGRPC string
	Open     func() bool // whether requests need no credentials
	Cookie   string      // name of the session cookie
	Now      func() time.Time
}

type sessions struct {
	accounts *account.Service
	info     ServerInfo
}

// ServeSessions adds signing in, the caller's own account and workspaces.
func (s *Server) ServeSessions(accounts *account.Service, info ServerInfo) {
	x := sessions{accounts, info}
	s.add(
		route{method: "GET", path: "/session", open: true, call: x.get},
		route{method: "POST", path: "/session/login", open: true, stream: s.signIn(http.StatusOK, x.login)},
		route{method: "POST", path: "/session/logout", open: true, stream: x.logout},
		route{method: "POST", path: "/session/first-user", open: true, stream: s.signIn(http.StatusCreated, x.first)},
		route{method: "GET", path: "/me", open: true, call: x.me},
		route{method: "PUT", path: "/me/password", open: true, call: body(x.changePassword)},
		route{method: "GET", path: "/workspaces", open: true, call: x.workspaces},
		route{method: "POST", path: "/workspaces", need: caller.Administer, status: http.StatusCreated, call: body(x.createWorkspace)},
		route{method: "PATCH", path: "/workspaces/{workspace}", need: caller.Administer, call: body(x.updateWorkspace)},
		route{method: "DELETE", path: "/workspaces/{workspace}", need: caller.Administer, call: x.deleteWorkspace},
	)
}

type user struct {
	UserID      string `json:"user_id"`
	Username    string `json:"username"`
	DisplayName string `json:"display_name"`
	Role        string `json:"role"`
	Disabled    bool   `json:"disabled"`
	CreatedMS   int64  `json:"created_ms"`
	LastSeenMS  *int64 `json:"last_seen_ms"`
	// Roles by workspace, "*" for every one, as far as the caller may know.
	Roles map[string]caller.Role `json:"roles"`
}

func userOf(u account.User, ws string) user {
	return user{u.ID, u.Name, u.DisplayName, string(u.RoleIn(ws)), u.Disabled, u.CreatedAt, nullable(u.LastSeenAt), u.Roles}
}

type workspace struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Role        string `json:"role"`
}

type session struct {
	User         *user       `json:"user"`
	AuthRequired bool        `json:"auth_required"`
	SetupNeeded  bool        `json:"setup_needed"`
	Workspaces   []workspace `json:"workspaces"`
	Server       struct {
		Version  string  `json:"version"`
		Address  string  `json:"address"`
		OTLPHTTP *string `json:"otlp_http"`
		OTLPGRPC *string `json:"otlp_grpc"`
		NowMS    int64   `json:"now_ms"`
	} `json:"server"`
}

func (x sessions) get(ctx context.Context, r *http.Request) (any, error) { return x.session(ctx, r) }

func (x sessions) session(ctx context.Context, r *http.Request) (*session, error) {
	any, err := x.accounts.AnyUser(ctx)
	if err != nil {
		return nil, err
	}
	out := &session{AuthRequired: !x.info.Open(), SetupNeeded: !any, Workspaces: []workspace{}}
	if c := caller.From(ctx); c.User != "" && !c.Token && !c.Open {
		u, err := x.accounts.User(ctx, c.User)
		if err != nil {
			return nil, err
		}
		view := userOf(u, c.Workspace)
		out.User = &view
	}
	if caller.From(ctx).Role != "" {
		if out.Workspaces, err = x.readable(ctx); err != nil {
			return nil, err
		}
	}
	out.Server.Version, out.Server.Address = x.info.Version, x.info.Address(r)
	out.Server.OTLPHTTP, out.Server.OTLPGRPC = nullable(x.info.OTLPHTTP), nullable(x.info.OTLPGRPC)
	out.Server.NowMS = x.info.Now().UnixMilli()
	return out, nil
}

func (x sessions) readable(ctx context.Context) ([]workspace, error) {
	list, roles, err := x.accounts.Readable(ctx)
	out := []workspace{}
	for i, w := range list {
		out = append(out, workspace{w.Name, w.Description, string(roles[i])})
	}
	return out, err
}

// signIn wraps a call that ends in a session: it sets the cookie and answers
// with the session as the new user sees it.
func (s *Server) signIn(status int, call func(r *http.Request) (cookie *http.Cookie, answer any, err error)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		cookie, answer, err := call(r)
		if err != nil {
			return err
		}
		http.SetCookie(w, cookie)
		s.answer(w, status, answer)
		return nil
	}
}

func (x sessions) cookie(r *http.Request, secret string, age int) *http.Cookie {
	return &http.Cookie{Name: x.info.Cookie, Value: secret, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil}
}

// begin answers as u, whose session has just started.
func (x sessions) begin(r *http.Request, u account.User, secret string) (*http.Cookie, any, error) {
	c := caller.From(r.Context())
	c.User, c.Role, c.Open, c.Token = u.Name, u.RoleIn(c.Workspace), false, false
	answer, err := x.session(caller.With(r.Context(), c), r)
	return x.cookie(r, secret, int(account.SessionLife/time.Second)), answer, err
}

func (x sessions) login(r *http.Request) (*http.Cookie, any, error) {
	var req struct{ Username, Password string }
	if err := decode(r, &req); err != nil {
		return nil, nil, err
	}
	u, secret, err := x.accounts.Login(r.Context(), req.Username, req.Password)
	if err != nil {
		return nil, nil, err
	}
	return x.begin(r, u, secret)
}

func (x sessions) first(r *http.Request) (*http.Cookie, any, error) {
	var req struct {
		Username    string
		Password    string
		DisplayName string `json:"display_name"`
	}
	if err := decode(r, &req); err != nil {
		return nil, nil, err
	}
	if !caller.From(r.Context()).Open {
		return nil, nil, fault.New(fault.State, "the first account can be created from this machine only, and only while there is none")
	}
	u, err := x.accounts.CreateFirst(r.Context(), account.NewUser{Name: req.Username, Password: req.Password, DisplayName: req.DisplayName})
	if err != nil {
		return nil, nil, err
	}
	secret, err := x.accounts.StartSession(r.Context(), u)
	if err != nil {
		return nil, nil, err
	}
	return x.begin(r, u, secret)
}

func (x sessions) secret(r *http.Request) string {
	if c, err := r.Cookie(x.info.Cookie); err == nil {
		return c.Value
	}
	return ""
}

func (x sessions) logout(w http.ResponseWriter, r *http.Request) error {
	if err := x.accounts.Logout(r.Context(), x.secret(r)); err != nil {
		return err
	}
	http.SetCookie(w, x.cookie(r, "", -1))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func signedIn(ctx context.Context) (string, error) {
	c := caller.From(ctx)
	if c.User == "" || c.Token || c.Open {
		return "", fault.New(fault.Unauthenticated, "no user is signed in")
	}
	return c.User, nil
}

func (x sessions) me(ctx context.Context, _ *http.Request) (any, error) {
	name, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	u, err := x.accounts.User(ctx, name)
	if err != nil {
		return nil, err
	}
	return userOf(u, caller.Workspace(ctx)), nil
}

type changePasswordRequest struct {
	OldPassword string `json:"old_password"`
	NewPassword string `json:"new_password"`
}

func (x sessions) changePassword(ctx context.Context, r *http.Request, req *changePasswordRequest) (any, error) {
	name, err := signedIn(ctx)
	if err != nil {
		return nil, err
	}
	return nil, x.accounts.ChangePassword(ctx, name, req.OldPassword, req.NewPassword, x.secret(r))
}

func (x sessions) workspaces(ctx context.Context, _ *http.Request) (any, error) {
	if caller.From(ctx).Role == "" && caller.From(ctx).User == "" {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	list, err := x.readable(ctx)
	return map[string]any{"workspaces": list}, err
}

type createWorkspaceRequest struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (x sessions) createWorkspace(ctx context.Context, _ *http.Request, req *createWorkspaceRequest) (any, error) {
	w, err := x.accounts.CreateWorkspace(ctx, req.Name, req.Description)
	if err != nil {
		return nil, err
	}
	return workspace{w.Name, w.Description, string(caller.From(ctx).Role)}, nil
}

type updateWorkspaceRequest struct {
	Description string `json:"description"`
}

func (x sessions) updateWorkspace(ctx context.Context, r *http.Request, req *updateWorkspaceRequest) (any, error) {
	w, err := x.accounts.UpdateWorkspace(ctx, r.PathValue("workspace"), req.Description)
	if err != nil {
		return nil, err
	}
	return workspace{w.Name, w.Description, string(caller.From(ctx).Role)}, nil
}

func (x sessions) deleteWorkspace(ctx context.Context, r *http.Request) (any, error) {
	return nil, x.accounts.DeleteWorkspace(ctx, r.PathValue("workspace"))
}
