package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// Accounts is [account.Store] over a control database.
type Accounts struct{ *DB }

// NewAccounts returns the people kept in db.
func NewAccounts(db *DB) *Accounts { return &Accounts{db} }

// AnyUser reports whether an account exists.
func (s *Accounts) AnyUser(ctx context.Context) (bool, error) {
	var n int
	err := s.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 AS x FROM account_user LIMIT 1) AS found`, nil, &n)
	return n > 0, err
}

const userColumns = `u.id, u.name, u.display_name, u.disabled, u.created_at, u.last_seen_at`

func userFields(u *account.User) []any {
	return []any{&u.ID, &u.Name, &u.DisplayName, &u.Disabled, &u.CreatedAt, &u.LastSeenAt}
}

// UserByID finds a user.
func (s *Accounts) UserByID(ctx context.Context, id string) (account.User, error) {
	var u account.User
	err := s.QueryRow(ctx, `SELECT `+userColumns+` FROM account_user u WHERE u.id = ?`, []any{id}, userFields(&u)...)
	if err != nil {
		return u, err
	}
	return u, s.addRoles(ctx, &u)
}

// UserByName finds a user with the hash of the password.
func (s *Accounts) UserByName(ctx context.Context, folded string) (u account.User, hash string, err error) {
	err = s.QueryRow(ctx, `SELECT `+userColumns+`, u.password FROM account_user u WHERE u.folded = ?`, []any{folded},
		append(userFields(&u), &hash)...)
	if err != nil {
		return u, "", err
	}
	return u, hash, s.addRoles(ctx, &u)
}

func (s *Accounts) addRoles(ctx context.Context, u *account.User) error {
	u.Roles = map[string]caller.Role{}
	return s.Each(ctx, `SELECT workspace, role FROM account_role WHERE user_id = ?`, []any{u.ID}, func(scan func(...any) error) error {
		var ws string
		var role caller.Role
		if err := scan(&ws, &role); err != nil {
			return err
		}
		u.Roles[ws] = role
		return nil
	})
}

// ListUsers lists all users by name.
func (s *Accounts) ListUsers(ctx context.Context) ([]account.User, error) {
	var all []account.User
	index := map[string]int{}
	err := s.Each(ctx, `SELECT `+userColumns+` FROM account_user u ORDER BY u.folded`, nil, func(scan func(...any) error) error {
		u := account.User{Roles: map[string]caller.Role{}}
		if err := scan(userFields(&u)...); err != nil {
			return err
		}
		index[u.ID] = len(all)
		all = append(all, u)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = s.Each(ctx, `SELECT user_id, workspace, role FROM account_role`, nil, func(scan func(...any) error) error {
		var id, ws string
		var role caller.Role
		if err := scan(&id, &ws, &role); err != nil {
			return err
		}
		if i, ok := index[id]; ok {
			all[i].Roles[ws] = role
		}
		return nil
	})
	return all, err
}

// InsertUser adds a user with their roles.
func (s *Accounts) InsertUser(ctx context.Context, u account.User, folded, hash string) error {
	return s.Write(ctx, func(ctx context.Context) error {
		_, err := s.Exec(ctx, `INSERT INTO account_user (id, name, folded, display_name, password, disabled, created_at, last_seen_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, u.ID, u.Name, folded, u.DisplayName, hash, truth(u.Disabled), u.CreatedAt, u.LastSeenAt)
		if err != nil {
			return err
		}
		for ws, role := range u.Roles {
			if err := s.SetRole(ctx, u.ID, ws, role); err != nil {
				return err
			}
		}
		return nil
	})
}

// UpdateUser writes the display name and whether u is disabled.
func (s *Accounts) UpdateUser(ctx context.Context, u account.User) error {
	return s.one(ctx, `UPDATE account_user SET display_name = ?, disabled = ? WHERE id = ?`, u.DisplayName, truth(u.Disabled), u.ID)
}

// SetPassword writes the hash of a password.
func (s *Accounts) SetPassword(ctx context.Context, id, hash string) error {
	return s.one(ctx, `UPDATE account_user SET password = ? WHERE id = ?`, hash, id)
}

// SetRole gives or takes a role.
func (s *Accounts) SetRole(ctx context.Context, id, workspace string, role caller.Role) error {
	return s.Write(ctx, func(ctx context.Context) error {
		if role == "" {
			_, err := s.Exec(ctx, `DELETE FROM account_role WHERE user_id = ? AND workspace = ?`, id, workspace)
			return err
		}
		_, err := s.Exec(ctx, `INSERT INTO account_role (user_id, workspace, role) VALUES (?, ?, ?)
			ON CONFLICT (user_id, workspace) DO UPDATE SET role = excluded.role`, id, workspace, string(role))
		return err
	})
}

// DeleteUser removes a user; roles and sessions go with them.
func (s *Accounts) DeleteUser(ctx context.Context, id string) error {
	return s.one(ctx, `DELETE FROM account_user WHERE id = ?`, id)
}

// SawUser keeps when a user was last there.
func (s *Accounts) SawUser(ctx context.Context, id string, at int64) error {
	return s.one(ctx, `UPDATE account_user SET last_seen_at = ? WHERE id = ?`, at, id)
}

// one runs a statement that must change one row.
func (s *Accounts) one(ctx context.Context, query string, args ...any) error {
	return s.Write(ctx, func(ctx context.Context) error {
		n, err := s.Exec(ctx, query, args...)
		if err == nil && n == 0 {
			return fault.NotFoundf("not found")
		}
		return err
	})
}

// truth is how a truth value is kept.
func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// InsertSession adds a session.
func (s *Accounts) InsertSession(ctx context.Context, hash []byte, v account.Session) error {
	return s.one(ctx, `INSERT INTO account_session (hash, user_id, created_at, expires_at, last_used_at, address) VALUES (?, ?, ?, ?, ?, ?)`,
		hash, v.UserID, v.CreatedAt, v.ExpiresAt, v.LastUsedAt, v.Address)
}

// SessionByHash finds a session.
func (s *Accounts) SessionByHash(ctx context.Context, hash []byte) (account.Session, error) {
	var v account.Session
	err := s.QueryRow(ctx, `SELECT user_id, created_at, expires_at, last_used_at, address FROM account_session WHERE hash = ?`,
		[]any{hash}, &v.UserID, &v.CreatedAt, &v.ExpiresAt, &v.LastUsedAt, &v.Address)
	return v, err
}

// TouchSession keeps when a session was last used.
func (s *Accounts) TouchSession(ctx context.Context, hash []byte, at int64) error {
	return s.one(ctx, `UPDATE account_session SET last_used_at = ? WHERE hash = ?`, at, hash)
}

// DeleteSession ends a session, if there is one.
func (s *Accounts) DeleteSession(ctx context.Context, hash []byte) error {
	return s.Write(ctx, func(ctx context.Context) error {
		_, err := s.Exec(ctx, `DELETE FROM account_session WHERE hash = ?`, hash)
		return err
	})
}

// DeleteSessions ends a user's sessions but one.
func (s *Accounts) DeleteSessions(ctx context.Context, userID string, keep []byte) error {
	if keep == nil {
		keep = []byte{} // NULL would compare as unknown and keep all
	}
	return s.Write(ctx, func(ctx context.Context) error {
		_, err := s.Exec(ctx, `DELETE FROM account_session WHERE user_id = ? AND hash <> ?`, userID, keep)
		return err
	})
}

// DeleteExpiredSessions clears what can no longer be used.
func (s *Accounts) DeleteExpiredSessions(ctx context.Context, now, idleBefore int64) error {
	return s.Write(ctx, func(ctx context.Context) error {
		_, err := s.Exec(ctx, `DELETE FROM account_session WHERE expires_at <= ? OR last_used_at < ?`, now, idleBefore)
		return err
	})
}

const tokenColumns = `id, name, workspace, role, hint, created_by, created_at, last_used_at, expires_at`

func tokenFields(t *account.Token) []any {
	return []any{&t.ID, &t.Name, &t.Workspace, &t.Role, &t.Hint, &t.CreatedBy, &t.CreatedAt, &t.LastUsedAt, &t.ExpiresAt}
}

// InsertToken adds a token.
func (s *Accounts) InsertToken(ctx context.Context, t account.Token, hash []byte) error {
	return s.one(ctx, `INSERT INTO account_token (id, name, workspace, role, hint, created_by, created_at, last_used_at, expires_at, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.ID, t.Name, t.Workspace, string(t.Role), t.Hint, t.CreatedBy, t.CreatedAt, t.LastUsedAt, t.ExpiresAt, hash)
}

// TokenByHash finds a token.
func (s *Accounts) TokenByHash(ctx context.Context, hash []byte) (account.Token, error) {
	var t account.Token
	err := s.QueryRow(ctx, `SELECT `+tokenColumns+` FROM account_token WHERE hash = ?`, []any{hash}, tokenFields(&t)...)
	return t, err
}

// ListTokens lists a workspace's tokens, oldest first.
func (s *Accounts) ListTokens(ctx context.Context, workspace string) ([]account.Token, error) {
	return s.tokens(ctx, `SELECT `+tokenColumns+` FROM account_token WHERE workspace = ? ORDER BY created_at, id`, workspace)
}

// TokensBy lists the tokens that a user made.
func (s *Accounts) TokensBy(ctx context.Context, creator string) ([]account.Token, error) {
	return s.tokens(ctx, `SELECT `+tokenColumns+` FROM account_token WHERE created_by = ? ORDER BY created_at, id`, creator)
}

func (s *Accounts) tokens(ctx context.Context, query, arg string) ([]account.Token, error) {
	var all []account.Token
	err := s.Each(ctx, query, []any{arg}, func(scan func(...any) error) error {
		var t account.Token
		if err := scan(tokenFields(&t)...); err != nil {
			return err
		}
		all = append(all, t)
		return nil
	})
	return all, err
}

// TouchToken keeps when a token was last used.
func (s *Accounts) TouchToken(ctx context.Context, id string, at int64) error {
	return s.one(ctx, `UPDATE account_token SET last_used_at = ? WHERE id = ?`, at, id)
}

// DeleteToken removes a token.
func (s *Accounts) DeleteToken(ctx context.Context, id string) error {
	return s.one(ctx, `DELETE FROM account_token WHERE id = ?`, id)
}
