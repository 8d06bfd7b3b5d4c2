package account

import (
	"context"
	"regexp"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

var workspaceShape = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// ListWorkspaces lists every workspace by name.
func (s *Service) ListWorkspaces(ctx context.Context) ([]Workspace, error) {
	return s.store.ListWorkspaces(ctx)
}

// Readable lists the workspaces the caller may read, each with their role.
func (s *Service) Readable(ctx context.Context) ([]Workspace, []caller.Role, error) {
	all, err := s.store.ListWorkspaces(ctx)
	if err != nil {
		return nil, nil, err
	}
	c := caller.From(ctx)
	roleIn := func(ws string) caller.Role {
		if c.Server || c.Open || c.Workspace == ws {
			return c.Role
		}
		return ""
	}
	if c.User != "" && !c.Token && !c.Server {
		if u, _, err := s.store.UserByName(ctx, fold(c.User)); err == nil {
			roleIn = u.RoleIn
		}
	}
	var list []Workspace
	var roles []caller.Role
	for _, w := range all {
		if r := roleIn(w.Name); r.May(caller.Read) {
			list, roles = append(list, w), append(roles, r)
		}
	}
	return list, roles, nil
}

// Workspace finds a workspace by name.
func (s *Service) Workspace(ctx context.Context, name string) (Workspace, error) {
	all, err := s.store.ListWorkspaces(ctx)
	if err != nil {
		return Workspace{}, err
	}
	for _, w := range all {
		if w.Name == name {
			return w, nil
		}
	}
	return Workspace{}, fault.NotFoundf("no workspace %q", clipName(name))
}

// CreateWorkspace adds a workspace. Only administrators of the server may.
func (s *Service) CreateWorkspace(ctx context.Context, name, description string) (Workspace, error) {
	if err := s.mayAdminister(ctx, Everywhere); err != nil {
		return Workspace{}, err
	}
	if !workspaceShape.MatchString(name) {
		return Workspace{}, fault.Invalidf("workspace name %q: use a-z, 0-9 and -, at most 63, starting with a letter or digit", clipName(name))
	}
	if err := checkDescription(description); err != nil {
		return Workspace{}, err
	}
	w := Workspace{Name: name, Description: description, CreatedAt: s.now().UnixMilli()}
	err := s.write(ctx, func(ctx context.Context) error {
		if err := s.store.InsertWorkspace(ctx, w); err != nil {
			if fault.Is(err, fault.Exists) {
				return fault.Existsf("workspace %q exists already", name)
			}
			return err
		}
		if s.Created != nil {
			if err := s.Created(ctx, name); err != nil {
				return err
			}
		}
		return s.Audit.Record(ctx, "workspace.create", "workspace", name, nil, map[string]string{"description": description})
	})
	return w, err
}

// UpdateWorkspace changes a workspace's description.
func (s *Service) UpdateWorkspace(ctx context.Context, name, description string) (Workspace, error) {
	if err := s.mayAdminister(ctx, name); err != nil {
		return Workspace{}, err
	}
	if err := checkDescription(description); err != nil {
		return Workspace{}, err
	}
	var w Workspace
	err := s.write(ctx, func(ctx context.Context) error {
		var err error
		if w, err = s.Workspace(ctx, name); err != nil {
			return err
		}
		before := w.Description
		w.Description = description
		if err := s.store.UpdateWorkspace(ctx, w); err != nil {
			return err
		}
		return s.Audit.Record(ctx, "workspace.update", "workspace", name,
			map[string]string{"description": before}, map[string]string{"description": description})
	})
	return w, err
}

// DeleteWorkspace removes an empty workspace; the default one stays.
func (s *Service) DeleteWorkspace(ctx context.Context, name string) error {
	if err := s.mayAdminister(ctx, Everywhere); err != nil {
		return err
	}
	if name == caller.DefaultWorkspace {
		return fault.New(fault.State, "the workspace %q cannot be deleted", name)
	}
	if s.Holds != nil {
		what, err := s.Holds(ctx, name)
		if err != nil {
			return err
		}
		if what != "" {
			return fault.New(fault.State, "workspace %q still holds %s", name, what)
		}
	}
	return s.write(ctx, func(ctx context.Context) error {
		w, err := s.Workspace(ctx, name)
		if err != nil {
			return err
		}
		if err := s.store.DeleteWorkspace(ctx, name); err != nil {
			return err
		}
		return s.Audit.Record(ctx, "workspace.delete", "workspace", name, map[string]string{"description": w.Description}, nil)
	})
}

// checkWorkspace fails with NotFound unless name is a workspace or Everywhere.
func (s *Service) checkWorkspace(ctx context.Context, name string) error {
	if name == Everywhere {
		return nil
	}
	known, err := s.knownWorkspaces(ctx)
	if err != nil {
		return err
	}
	if !known[name] {
		return fault.NotFoundf("no workspace %q", clipName(name))
	}
	return nil
}

// knownWorkspaces is asked on every request and so remembered for a moment.
func (s *Service) knownWorkspaces(ctx context.Context) (map[string]bool, error) {
	s.mu.Lock()
	known, at := s.workspaces, s.listedAt
	s.mu.Unlock()
	if known != nil && s.now().Sub(at) < fresh {
		return known, nil
	}
	all, err := s.store.ListWorkspaces(ctx)
	if err != nil {
		return nil, err
	}
	known = make(map[string]bool, len(all))
	for _, w := range all {
		known[w.Name] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workspaces, s.listedAt = known, s.now()
	return known, nil
}

func checkDescription(d string) error {
	if !utf8.ValidString(d) || utf8.RuneCountInString(d) > 4000 {
		return fault.Invalidf("the description must be text of at most 4,000 characters")
	}
	return nil
}

func clipName(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}
