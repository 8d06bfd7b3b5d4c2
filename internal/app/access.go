package app

import (
	"context"
	"net/http"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/web"
)

// access decides who makes a request and what they may do.
type access struct {
	loopback bool
}

func (a *App) openAccess(context.Context) error {
	a.access = &access{loopback: web.Loopback(a.cfg.Addr)}
	if !a.access.loopback {
		return fault.New(fault.State, "%s is reachable from other machines, and no account exists yet: create one with `assay user add NAME --role admin --data %s`, or listen on 127.0.0.1", a.cfg.Addr, a.cfg.Data)
	}
	return nil
}

func (x *access) open() bool { return x.loopback }

func (x *access) authenticate(r *http.Request) (caller.Caller, error) {
	return caller.Caller{Role: caller.Admin, Workspace: workspaceOf(r), Address: web.Remote(r), Open: true}, nil
}

// workspaceOf is the workspace a request names: in the path of our own API, in
// MLflow's header, else the default.
func workspaceOf(r *http.Request) string {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/api/assay/v1/w/"); ok {
		ws, _, _ := strings.Cut(rest, "/")
		return ws
	}
	if ws := r.Header.Get("X-MLFLOW-WORKSPACE"); ws != "" {
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
		return fault.New(fault.Unauthenticated, "credentials are needed")
	}
	return fault.New(fault.Denied, "%s has no permission for this in workspace %q", c.User, c.Workspace)
}
