package mlflow

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

type workspaces struct{ accounts *account.Service }

// ServeWorkspaces adds the list and the administration of workspaces.
func (s *Server) ServeWorkspaces(a *account.Service) {
	s.groups = append(s.groups, workspaces{a}.routes)
}

// The domain decides who may administer which workspace.
func (h workspaces) routes() []route {
	const one = "mlflow/workspaces/{workspace_name}"
	return []route{
		v3(http.MethodGet, "mlflow/workspaces", caller.Read, bind(h.list)),
		{Version: "3.0", Method: http.MethodPost, Path: "mlflow/workspaces", Need: caller.Read, Stream: h.create},
		v3(http.MethodGet, one, caller.Read, bind(h.get)),
		v3(http.MethodPatch, one, caller.Read, bind(h.update)),
		{Version: "3.0", Method: http.MethodDelete, Path: one, Need: caller.Read, Stream: h.delete},
	}
}

type workspaceBody struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

type workspaceAnswer struct {
	Workspace workspaceBody `json:"workspace"`
}

func toWorkspace(w account.Workspace) workspaceBody { return workspaceBody{w.Name, w.Description} }

func (h workspaces) list(ctx context.Context, _ *empty) (any, error) {
	list, _, err := h.accounts.Readable(ctx)
	if err != nil {
		return nil, err
	}
	out := []workspaceBody{}
	for _, w := range list {
		out = append(out, toWorkspace(w))
	}
	return map[string][]workspaceBody{"workspaces": out}, nil
}

type workspaceRequest struct {
	Name string `json:"workspace_name"`
}

func (h workspaces) get(ctx context.Context, r *workspaceRequest) (any, error) {
	w, err := h.readable(ctx, r.Name)
	return workspaceAnswer{toWorkspace(w)}, err
}

// readable finds a workspace among those the caller may read.
func (h workspaces) readable(ctx context.Context, name string) (account.Workspace, error) {
	list, _, err := h.accounts.Readable(ctx)
	if err != nil {
		return account.Workspace{}, err
	}
	for _, w := range list {
		if w.Name == name {
			return w, nil
		}
	}
	return account.Workspace{}, fault.NotFoundf("Workspace '%s' not found", clip(name))
}

// newWorkspace is what a workspace can be made or changed with. Places of their
// own for artifacts and archived traces are not offered.
type newWorkspace struct {
	Path        string          `json:"workspace_name"`
	Name        string          `json:"name"`
	Description *string         `json:"description"`
	Root        string          `json:"default_artifact_root"`
	Archival    json.RawMessage `json:"trace_archival_config"`
}

func (r *newWorkspace) check() error {
	if r.Root != "" || len(r.Archival) > 0 && string(r.Archival) != "null" && string(r.Archival) != "{}" {
		return fault.New(fault.Unsupported, "workspaces of this server have no artifact root or trace archive of their own; leave out default_artifact_root and trace_archival_config")
	}
	return nil
}

func (h workspaces) create(w http.ResponseWriter, r *http.Request) error {
	req := new(newWorkspace)
	if err := decode(r, req); err != nil {
		return err
	}
	if err := present("name", req.Name); err != nil {
		return err
	}
	if err := req.check(); err != nil {
		return err
	}
	if req.Description == nil {
		req.Description = new(string)
	}
	made, err := h.accounts.CreateWorkspace(r.Context(), req.Name, *req.Description)
	if err != nil {
		return err
	}
	body, err := marshal(workspaceAnswer{toWorkspace(made)})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	w.Write(body) // a client that went away is not our failure
	return nil
}

func (h workspaces) update(ctx context.Context, r *newWorkspace) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if r.Description == nil {
		return nil, fault.Invalidf("Workspace update must have at least one key")
	}
	w, err := h.accounts.UpdateWorkspace(ctx, r.Path, *r.Description)
	return workspaceAnswer{toWorkspace(w)}, err
}

func (h workspaces) delete(w http.ResponseWriter, r *http.Request) error {
	if mode := r.URL.Query().Get("mode"); mode != "" && mode != "RESTRICT" {
		return fault.New(fault.Unsupported, "only an empty workspace can be deleted (mode RESTRICT), not with mode '%s'", clip(mode))
	}
	if err := h.accounts.DeleteWorkspace(r.Context(), r.PathValue("workspace_name")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
