package account

import (
	"context"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
)

// NewUser is a person to be created.
type NewUser struct {
	Name        string
	Password    string
	DisplayName string
	Role        caller.Role
	Workspace   string // where Role holds: a workspace or Everywhere
}

// userView is what the audit log keeps of a user.
type userView struct {
	Name        string                 `json:"name"`
	DisplayName string                 `json:"display_name,omitempty"`
	Disabled    bool                   `json:"disabled"`
	Roles       map[string]caller.Role `json:"roles"`
}

func (u *User) view() userView { return userView{u.Name, u.DisplayName, u.Disabled, u.Roles} }

// CreateFirst creates the first account, an administrator of everything. Once
// one exists it fails with State.
func (s *Service) CreateFirst(ctx context.Context, n NewUser) (User, error) {
	n.Role, n.Workspace = caller.Admin, Everywhere
	return s.insert(ctx, n, func(ctx context.Context) error {
		switch found, err := s.store.AnyUser(ctx); {
		case err != nil:
			return err
		case found:
			return fault.New(fault.State, "the first account exists already; sign in")
		}
		return nil
	})
}

// Create adds a person. The first one must be an administrator of everything,
// since from then on nobody acts without an account.
func (s *Service) Create(ctx context.Context, n NewUser) (User, error) {
	if n.Workspace == "" {
		n.Workspace = caller.Workspace(ctx)
	}
	if err := s.mayAdminister(ctx, n.Workspace); err != nil {
		return User{}, err
	}
	return s.insert(ctx, n, func(ctx context.Context) error {
		found, err := s.store.AnyUser(ctx)
		if err == nil && !found && (n.Role != caller.Admin || n.Workspace != Everywhere) {
			return fault.New(fault.State, "the first account must be an admin in every workspace")
		}
		return err
	})
}

func (s *Service) insert(ctx context.Context, n NewUser, check func(context.Context) error) (User, error) {
	if err := checkName("user name", n.Name); err != nil {
		return User{}, err
	}
	if err := checkDisplayName(n.DisplayName); err != nil {
		return User{}, err
	}
	if err := checkRole(n.Role); err != nil {
		return User{}, err
	}
	if err := s.checkWorkspace(ctx, n.Workspace); err != nil {
		return User{}, err
	}
	hash, err := s.hash(ctx, n.Name, n.Password)
	if err != nil {
		return User{}, err
	}
	u := User{ID: id.Prefixed("u-"), Name: n.Name, DisplayName: n.DisplayName, CreatedAt: s.now().UnixMilli(),
		Roles: map[string]caller.Role{n.Workspace: n.Role}}
	err = s.write(ctx, func(ctx context.Context) error {
		if err := check(ctx); err != nil {
			return err
		}
		if err := s.store.InsertUser(ctx, u, fold(n.Name), hash); err != nil {
			if fault.Is(err, fault.Exists) {
				return fault.Existsf("user %q exists already", n.Name)
			}
			return err
		}
		return s.Audit.Record(ctx, "user.create", "user", u.ID, nil, u.view())
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// User finds a person by id or name.
func (s *Service) User(ctx context.Context, idOrName string) (User, error) {
	u, err := s.store.UserByID(ctx, idOrName)
	if fault.Is(err, fault.NotFound) {
		u, _, err = s.store.UserByName(ctx, fold(idOrName))
	}
	if fault.Is(err, fault.NotFound) {
		return User{}, fault.NotFoundf("no user %q", idOrName)
	}
	return u, err
}

// People lists the users with a role in workspace ws, by name; Everywhere lists
// all users.
func (s *Service) People(ctx context.Context, ws string) ([]User, error) {
	all, err := s.store.ListUsers(ctx)
	if err != nil || ws == Everywhere {
		return all, err
	}
	var in []User
	for _, u := range all {
		if u.RoleIn(ws) != "" {
			in = append(in, u)
		}
	}
	return in, nil
}

// Change is what to change of a user; nil leaves as is.
type Change struct {
	DisplayName *string
	Disabled    *bool
	Password    *string
	Role        *caller.Role // in Workspace; "" takes the role away
	Workspace   string       // "" means the caller's; may be Everywhere
}

// Update changes a person. A change of password or a disabled account ends
// their sessions; while disabled, the tokens they made are refused too. The last administrator of everything keeps their role.
func (s *Service) Update(ctx context.Context, idOrName string, c Change) (User, error) {
	if c.Workspace == "" {
		c.Workspace = caller.Workspace(ctx)
	}
	u, err := s.User(ctx, idOrName)
	if err != nil {
		return User{}, err
	}
	if err := s.mayChange(ctx, u, c); err != nil {
		return User{}, err
	}
	hash := ""
	if c.Password != nil {
		if hash, err = s.hash(ctx, u.Name, *c.Password); err != nil {
			return User{}, err
		}
	}
	err = s.write(ctx, func(ctx context.Context) error {
		before, err := s.store.UserByID(ctx, u.ID)
		if err != nil {
			return err
		}
		if err := s.apply(ctx, before, c, hash); err != nil {
			return err
		}
		if u, err = s.store.UserByID(ctx, u.ID); err != nil {
			return err
		}
		if err := s.keepAnAdmin(ctx); err != nil {
			return err
		}
		action := "user.update"
		if hash != "" {
			action = "user.password"
		}
		return s.Audit.Record(ctx, action, "user", u.ID, before.view(), u.view())
	})
	return u, err
}

// apply writes the parts of c that are set.
func (s *Service) apply(ctx context.Context, u User, c Change, hash string) error {
	if c.DisplayName != nil || c.Disabled != nil {
		if c.DisplayName != nil {
			u.DisplayName = *c.DisplayName
		}
		if c.Disabled != nil {
			u.Disabled = *c.Disabled
		}
		if err := s.store.UpdateUser(ctx, u); err != nil {
			return err
		}
	}
	if c.Role != nil {
		if err := s.store.SetRole(ctx, u.ID, c.Workspace, *c.Role); err != nil {
			return err
		}
	}
	if hash != "" {
		if err := s.store.SetPassword(ctx, u.ID, hash); err != nil {
			return err
		}
	}
	if hash != "" || u.Disabled {
		return s.store.DeleteSessions(ctx, u.ID, nil)
	}
	return nil
}

// mayChange checks c and the caller's right to it. Who administers one
// workspace gives roles there, but takes over nobody's account elsewhere.
func (s *Service) mayChange(ctx context.Context, u User, c Change) error {
	if c.DisplayName != nil {
		if err := checkDisplayName(*c.DisplayName); err != nil {
			return err
		}
	}
	if c.Role != nil {
		if *c.Role != "" {
			if err := checkRole(*c.Role); err != nil {
				return err
			}
		}
		if err := s.checkWorkspace(ctx, c.Workspace); err != nil {
			return err
		}
	}
	if err := s.mayAdminister(ctx, c.Workspace); err != nil {
		return err
	}
	if c.Password == nil && c.Disabled == nil && c.DisplayName == nil {
		return nil
	}
	for ws := range u.Roles {
		if err := s.mayAdminister(ctx, ws); err != nil {
			return fault.New(fault.Denied, "%s also works in workspace %q; ask an admin of the server", u.Name, ws)
		}
	}
	return nil
}

// mayAdminister reports whether the caller administers ws, or everything.
func (s *Service) mayAdminister(ctx context.Context, ws string) error {
	c := caller.From(ctx)
	if c.Role.May(caller.Administer) && (c.Server || c.Open || c.Workspace == ws) {
		return nil
	}
	if ws == Everywhere {
		return fault.New(fault.Denied, "only an admin of the whole server may do this")
	}
	return fault.New(fault.Denied, "only an admin of workspace %q may do this", ws)
}

// keepAnAdmin fails unless an enabled administrator of everything is left.
func (s *Service) keepAnAdmin(ctx context.Context) error {
	all, err := s.store.ListUsers(ctx)
	if err != nil {
		return err
	}
	for _, u := range all {
		if !u.Disabled && u.Roles[Everywhere] == caller.Admin {
			return nil
		}
	}
	return fault.New(fault.State, "the last admin of the server must stay one: make another user admin everywhere first")
}

// Remove deletes a person with their sessions and the tokens they made. Their
// name stays in the audit log.
func (s *Service) Remove(ctx context.Context, idOrName string) error {
	u, err := s.User(ctx, idOrName)
	if err != nil {
		return err
	}
	for ws := range u.Roles {
		if err := s.mayAdminister(ctx, ws); err != nil {
			return err
		}
	}
	if err := s.mayAdminister(ctx, caller.Workspace(ctx)); err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context) error {
		tokens, err := s.store.TokensBy(ctx, u.Name)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			if err := s.store.DeleteToken(ctx, t.ID); err != nil {
				return err
			}
			if err := s.Audit.Record(ctx, "token.revoke", "token", t.ID, t.view(), nil); err != nil {
				return err
			}
		}
		if err := s.store.DeleteUser(ctx, u.ID); err != nil {
			return err
		}
		if err := s.keepAnAdmin(ctx); err != nil {
			return err
		}
		return s.Audit.Record(ctx, "user.remove", "user", u.ID, u.view(), nil)
	})
}

// ChangePassword lets a person change their own, knowing the old one. Their
// other sessions end; keep is the secret of the one that stays, or "".
func (s *Service) ChangePassword(ctx context.Context, name, old, new, keep string) error {
	u, _, err := s.checkPassword(ctx, name, old, caller.From(ctx).Address)
	if err != nil {
		return err
	}
	hash, err := s.hash(ctx, name, new)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context) error {
		if err := s.store.SetPassword(ctx, u.ID, hash); err != nil {
			return err
		}
		if err := s.store.DeleteSessions(ctx, u.ID, secretHash(keep)); err != nil {
			return err
		}
		return s.Audit.Record(ctx, "user.password", "user", u.ID, u.view(), u.view())
	})
}
