package app

import (
	"context"
	"net/http"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow/lineage"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/view"
	"github.com/assayhq/assay/internal/web"
	"github.com/assayhq/assay/internal/wire/api"
	"github.com/assayhq/assay/internal/wire/mcp"
	"github.com/assayhq/assay/internal/wire/mlflow"
	"github.com/assayhq/assay/internal/wire/otlp"
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
	mlflowServer.ServeArtifacts(a.artifacts, mlflow.ArtifactsConfig{
		Tracking: a.tracking, VersionURI: a.versionURI, PublicURL: a.cfg.PublicURL,
	})
	mlflowServer.ServeTraces(a.tracing)
	mlflowServer.ServeRegistry(a.registry)
	mlflowServer.ServeEvaluation(a.evaluation)
	mlflowServer.ServeWebhooks(a.webhooks)
	mlflowServer.ServeWorkspaces(a.accounts)
	mlflowServer.Register(mux)

	otlpServer, err := a.openOTLP(ctx)
	if err != nil {
		return err
	}
	apiServer := api.NewServer(a.log, a.access.authorize, web.RequestID)
	apiServer.ServeSessions(a.accounts, api.ServerInfo{Version: a.version, Address: a.addressFor, OTLPHTTP: a.otlpHTTP,
		OTLPGRPC: a.otlpGRPC, Open: a.access.open, Cookie: SessionCookie, Now: a.now})
	apiServer.ServePeople(a.accounts)
	apiServer.ServeExperiments(a.tracking, traceCounter{a.tracing})
	apiServer.ServeRuns(a.tracking, experiments{a.tracking}, traceCounter{a.tracing}, versions{a.registry})
	apiServer.ServeCompareTables(a.artifacts, a.tracking, experiments{a.tracking}, a.tracing)
	apiServer.ServeTraces(a.tracing, experiments{a.tracking}, priceAt(a.prices))
	apiServer.ServeTraceBulk(a.tracing, a.jobs, a.now)
	apiServer.ServeModels(a.registry, a.tracking)
	apiServer.ServePrompts(a.registry, a.tracing, a.tracking)
	apiServer.ServeJobs(a.jobs)
	apiServer.ServeAlerts(a.alerts)
	apiServer.ServeNotices(a.notices)
	apiServer.ServeHome(a.tracing, a.tracking, a.registry, experiments{a.tracking}, a.jobs, a.now)
	apiServer.ServeSettings(a.settings)
	apiServer.ServeImports(a.importer, a.mayImport)
	apiServer.ServeDatasets(a.evaluation, a.tracing, experiments{a.tracking})
	apiServer.ServeLineage(lineage.New(a.tracking, a.tracing, a.registry, a.evaluation))
	apiServer.ServeInputs(a.tracking, experiments{a.tracking})
	apiServer.ServeViews(view.New(sqlstore.NewViews(a.control), a.accounts.Audit, a.now))
	apiServer.ServeMasking(a.masking)
	apiServer.ServeCare(a.care)
	apiServer.ServeExport(a.tracing, a.now)
	apiServer.ServeArtifacts(a.artifacts, a.tracking, a.registry)
	apiServer.ServeEvents(a.events)
	apiServer.Register(mux)

	mcpServer := mcp.NewServer(a.log, a.access.authorize, mcp.Config{Version: a.version, Tracing: a.tracing, Tracking: a.tracking,
		Registry: a.registry, Evaluation: a.evaluation, Now: a.now})
	mcpServer.Register(mux)

	otlpServer.Register(mux)

	refuse := func(w http.ResponseWriter, r *http.Request, err error) {
		switch path := r.URL.Path; {
		case strings.HasPrefix(path, api.Prefix):
			apiServer.Fail(w, r, err)
		case strings.HasPrefix(path, "/api/"), strings.HasPrefix(path, "/ajax-api/"):
			mlflowServer.Fail(w, r, err)
		case path == mcp.Path, strings.HasPrefix(path, mcp.Path+"/"):
			mcpServer.Fail(w, r, err)
		case strings.HasPrefix(path, "/v1/"), strings.HasPrefix(path, "/otel/"):
			otlpServer.Fail(w, r, err)
		default:
			refusePlain(w, err)
		}
	}
	a.http = web.NewServer(a.webConfig("http", a.cfg.Addr, refuse), mlflowServer.Guard(mux))
	if err := a.http.Listen(ctx); err != nil {
		return fault.New(fault.Unavailable, "%s; choose another address with --addr", fault.Message(err))
	}
	a.listen("http", a.http)
	// Stopped before the listener, which waits for its answers to end.
	a.add(part{name: "event streams", stop: func(context.Context) error { a.events.Close(); return nil }})
	return nil
}

func (a *App) webConfig(name, addr string, refuse func(http.ResponseWriter, *http.Request, error)) web.Config {
	return web.Config{Name: name, Addr: addr, Log: a.log, Metrics: a.metrics, Open: a.access.open, Hosts: a.cfg.AllowedHosts,
		Authenticate: a.access.authenticate, Refuse: refuse, Unbounded: unbounded}
}

// openOTLP builds OTLP with its own listeners. A port that is taken stops the
// server only if it was asked for: spans are also taken on the main one.
func (a *App) openOTLP(ctx context.Context) (*otlp.Server, error) {
	server := otlp.NewServer(announced{a.tracing, a.events}, a.log, otlp.Config{
		Authorize: a.access.authorize, Authenticate: a.access.authenticateGRPC,
		Evaluations: otlp.Assessments{Tracing: a.tracing, Now: a.now},
	})
	if a.cfg.OTLPHTTPAddr != "" {
		s := web.NewServer(a.webConfig("otlp-http", a.cfg.OTLPHTTPAddr, server.Fail), server.Handler())
		if err := s.Listen(ctx); err == nil {
			a.otlpHTTP = "http://" + s.Addr()
			a.listen("otlp-http", s)
		} else if err := a.excuse(err, "otlp-http-addr"); err != nil {
			return nil, err
		}
	}
	if a.cfg.OTLPGRPCAddr != "" {
		g := server.GRPC(a.cfg.OTLPGRPCAddr)
		if err := g.Listen(ctx); err == nil {
			a.otlpGRPC = g.Addr()
			a.add(part{name: "otlp-grpc", start: g.Start, stop: g.Stop})
		} else if err := a.excuse(err, "otlp-grpc-addr"); err != nil {
			return nil, err
		}
	}
	return server, nil
}

// excuse turns the failure to listen on a default address into a warning.
func (a *App) excuse(err error, option string) error {
	if !a.cfg.fromDefault(option) {
		return fault.New(fault.Unavailable, "%s; choose another address with --%s, or turn it off with --%s=", fault.Message(err), option, option)
	}
	a.log.Warn("this port is off; OTLP over HTTP is also taken at /v1/traces of the main port", "option", option, "reason", fault.Message(err))
	return nil
}

// addressFor is the base address that the client of r should use.
func (a *App) addressFor(r *http.Request) string {
	if a.cfg.PublicURL != "" {
		return strings.TrimSuffix(a.cfg.PublicURL, "/")
	}
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// unbounded reports whether a request's body goes straight to storage.
func unbounded(r *http.Request) bool {
	path := r.URL.Path
	return strings.Contains(path, "/mlflow-artifacts/") || strings.HasSuffix(path, "/upload-artifact")
}

// permit guards a handler that belongs to no protocol.
func (a *App) permit(need caller.Permission, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := a.access.authorize(r.Context(), need)
		if c := caller.From(r.Context()); err == nil && need == caller.Administer && !c.Server && !c.Open {
			err = fault.New(fault.Denied, "%s administers workspace %q alone; this is about the whole server", c.User, c.Workspace)
		}
		if err != nil {
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
