package mlflow

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// labelling lists the calls about label schemas and review queues. They are
// documented but not offered, and saying so is clearer to a client than that
// they do not exist.
func labelling() []route {
	const schemas, queues = "mlflow/label-schemas/", "mlflow/review-queues/"
	refuse := func(context.Context, *http.Request) (any, error) {
		return nil, fault.New(fault.Unsupported, "label schemas and review queues are not offered by this server")
	}
	var routes []route
	for _, call := range []struct{ method, path string }{
		{http.MethodPost, schemas + "create"},
		{http.MethodGet, schemas + "get"},
		{http.MethodGet, schemas + "get-by-name"},
		{http.MethodGet, schemas + "list"},
		{http.MethodPatch, schemas + "update"},
		{http.MethodDelete, schemas + "delete"},
		{http.MethodPost, queues + "create"},
		{http.MethodPost, queues + "get-or-create-user"},
		{http.MethodGet, queues + "get"},
		{http.MethodGet, queues + "get-by-name"},
		{http.MethodGet, queues + "list"},
		{http.MethodPost, queues + "update"},
		{http.MethodPost, queues + "delete"},
		{http.MethodPost, queues + "items/add"},
		{http.MethodPost, queues + "items/remove"},
		{http.MethodGet, queues + "items/list"},
		{http.MethodPost, queues + "items/set-status"},
	} {
		routes = append(routes, v3(call.method, call.path, caller.Read, refuse))
	}
	return routes
}
