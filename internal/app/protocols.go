package app

import (
	"context"
	"net/http"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/web"
	"github.com/assayhq/assay/internal/wire/api"
	"github.com/assayhq/assay/internal/wire/mlflow"
	"github.com/assayhq/assay/ui"
)

// openProtocols builds the routes of every protocol and the listeners.
func (a *App) openProtocols(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", health)
	mux.Handle("GET /metrics", a.permit(caller.Administer, a.metrics.Handler()))
	web.NewSite(ui.FS(), a.now()).Register(mux)

	mlflowServer := mlflow.NewServer(a.log, a.access.authorize)
	mlflowServer.ServeTracking(a.tracking)
	mlflowServer.ServeRegistry(a.registry)
	mlflowServer.ServeWebhooks(a.webhooks)
	mlflowServer.ServeEvaluation(a.evaluation)
	mlflowServer.ServeWorkspaces(a.accounts)
	mlflowServer.Register(mux)
	apiServer := api.NewServer(a.log, a.access.authorize, web.RequestID)
	apiServer.Register(mux)

	refuse := func(w http.ResponseWriter, r *http.Request, err error) {
		switch path := r.URL.Path; {
		case strings.HasPrefix(path, api.Prefix):
			apiServer.Fail(w, r, err)
		case strings.HasPrefix(path, "/api/"), strings.HasPrefix(path, "/ajax-api/"):
			mlflowServer.Fail(w, r, err)
		default:
			refusePlain(w, err)
		}
	}
	a.http = web.NewServer(web.Config{
		Name: "http", Addr: a.cfg.Addr, Log: a.log, Metrics: a.metrics,
		Open: a.access.open, Hosts: a.cfg.AllowedHosts,
		Authenticate: a.access.authenticate, Refuse: refuse, Unbounded: unbounded,
	}, mux)
	if err := a.http.Listen(ctx); err != nil {
		return fault.New(fault.Unavailable, "%s; choose another address with --addr", fault.Message(err))
	}
	a.listen("http", a.http)
	return nil
}

// unbounded reports whether a request's body goes straight to storage.
func unbounded(r *http.Request) bool {
	path := r.URL.Path
	return strings.Contains(path, "/mlflow-artifacts/") || strings.HasSuffix(path, "/upload-artifact")
}

// permit guards a handler that belongs to no protocol.
func (a *App) permit(need caller.Permission, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.access.authorize(r.Context(), need); err != nil {
			refusePlain(w, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// plainStatus is the vocabulary of paths that belong to no protocol.
var plainStatus = map[fault.Kind]int{
	fault.Invalid: 400, fault.NotFound: 404, fault.Exists: 409, fault.Conflict: 409, fault.State: 409,
	fault.Unauthenticated: 401, fault.Denied: 403, fault.TooLarge: 413, fault.Limited: 429,
	fault.Unavailable: 503, fault.Unsupported: 501, fault.Canceled: 499,
}

func refusePlain(w http.ResponseWriter, err error) {
	status, ok := plainStatus[fault.KindOf(err)]
	if !ok {
		status = http.StatusInternalServerError
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="assay"`)
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, fault.Message(err), status)
}
