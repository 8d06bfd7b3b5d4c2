package app

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/web"
	"github.com/assayhq/assay/internal/wire/mcp"
	"github.com/assayhq/assay/internal/wire/otlp"
)

// access decides who makes a request and what they may do.
type access struct {
	accounts *account.Service
	loopback bool // every listener can be reached from this machine only
}

// openAccess refuses to let other machines in while nobody has an account.
func (a *App) openAccess(ctx context.Context) error {
	a.accounts = account.NewService(sqlstore.NewAccounts(a.control), a.log, a.now)
	a.access = &access{accounts: a.accounts, loopback: true}
	for _, addr := range []string{a.cfg.Addr, a.cfg.OTLPGRPCAddr, a.cfg.OTLPHTTPAddr} {
		if addr == "" || web.Loopback(addr) {
			continue
		}
		a.access.loopback = false
		any, err := a.accounts.AnyUser(ctx)
		if err != nil {
			return err
		}
		if !any {
			return fault.New(fault.State, "%s is reachable from other machines, and no account exists yet: create one with `assay user add NAME --role admin --everywhere%s`, or listen on 127.0.0.1", addr, a.cfg.where())
		}
	}
	return nil
}

// where repeats the options that choose the data, for hints.
func (c *Config) where() string {
	if c.Database != "" {
		return " --database …"
	}
	if c.fromDefault("data") {
		return ""
	}
	return " --data " + c.Data
}

// open reports whether requests need no credentials.
func (x *access) open() bool {
	if !x.loopback {
		return false
	}
	any, err := x.accounts.AnyUser(context.Background())
	return err == nil && !any
}

// SessionCookie is the name of the cookie of a signed-in browser.
const SessionCookie = "assay_session"

// authenticate finds out who makes an HTTP request.
func (x *access) authenticate(r *http.Request) (caller.Caller, error) {
	cr := account.Credentials{Address: web.Remote(r), Request: web.RequestID(r.Context())}
	if c, err := r.Cookie(SessionCookie); err == nil {
		cr.Session = c.Value
	}
	setAuthorization(&cr, r.Header.Get("Authorization"))
	return x.identify(r.Context(), cr, workspaceOf(r))
}

// authenticateGRPC finds out who makes a gRPC request.
func (x *access) authenticateGRPC(ctx context.Context, c otlp.Credentials) (context.Context, error) {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		host = c.Address
	}
	cr := account.Credentials{Address: host, Request: id.Hex()}
	setAuthorization(&cr, c.Authorization)
	who, err := x.identify(ctx, cr, cmp.Or(c.Workspace, caller.DefaultWorkspace))
	if err != nil {
		return nil, err
	}
	return caller.With(ctx, who), nil
}

// setAuthorization reads the value of an Authorization header or of its gRPC
// counterpart. What it does not know counts as wrong, not as absent.
func setAuthorization(cr *account.Credentials, value string) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	switch {
	case value == "":
	case strings.EqualFold(scheme, "bearer"):
		cr.Bearer = strings.TrimSpace(rest)
	case strings.EqualFold(scheme, "basic"):
		r := http.Request{Header: http.Header{"Authorization": {value}}}
		if user, password, ok := r.BasicAuth(); ok {
			cr.User, cr.Password = user, password
			return
		}
		cr.Bearer = "malformed"
	default:
		cr.Bearer = "unknown"
	}
}

func (x *access) identify(ctx context.Context, cr account.Credentials, ws string) (caller.Caller, error) {
	if x.loopback {
		any, err := x.accounts.AnyUser(ctx)
		if err != nil {
			return caller.Caller{}, err
		}
		if !any {
			return x.accounts.Open(ctx, cr, ws)
		}
	}
	return x.accounts.Authenticate(ctx, cr, ws)
}

// workspaceOf is the workspace a request names: in the path of our own API or of
// MCP, in the query of the event stream, in MLflow's header, else the default.
func workspaceOf(r *http.Request) string {
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/api/assay/v1/"); ok {
		if rest, ok = strings.CutPrefix(rest, "w/"); ok {
			ws, _, _ := strings.Cut(rest, "/")
			return ws
		}
		if rest == "events" || path == "/api/assay/v1/events" {
			if ws := r.URL.Query().Get("ws"); ws != "" {
				return ws
			}
		}
		return caller.DefaultWorkspace
	}
	if ws, ok := strings.CutPrefix(path, mcp.Path+"/"); ok && ws != "" {
		return ws
	}
	// Calls about workspaces name them in the path; the header may name one
	// that is about to be created.
	if ws := r.Header.Get("X-MLFLOW-WORKSPACE"); ws != "" && !strings.Contains(path, "/mlflow/workspaces") {
		return ws
	}
	return caller.DefaultWorkspace
}

// authorize is what every protocol asks before it runs a call.
func (x *access) authorize(ctx context.Context, need caller.Permission) error {
	c := caller.From(ctx)
	if c.Role.May(need) {
		return nil
	}
	if c.User == "" {
		return fault.New(fault.Unauthenticated, "credentials are needed: a user name and password (Basic), or a service token (Bearer)")
	}
	if c.Role == "" {
		return fault.New(fault.Denied, "%s has no role in workspace %q", c.User, c.Workspace)
	}
	return fault.New(fault.Denied, "%s is %s in workspace %q, which does not allow this", c.User, c.Role, c.Workspace)
}
