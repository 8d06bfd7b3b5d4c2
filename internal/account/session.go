package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
)

// Session is a signed-in browser. Its secret is the cookie; only its hash is
// kept.
type Session struct {
	UserID     string
	CreatedAt  int64 // unix milliseconds
	ExpiresAt  int64 // unix milliseconds
	LastUsedAt int64 // unix milliseconds, kept to some minutes
	Address    string
}

// Sessions keeps sessions by the hash of their secret.
type Sessions interface {
	InsertSession(ctx context.Context, hash []byte, s Session) error
	SessionByHash(ctx context.Context, hash []byte) (Session, error)
	TouchSession(ctx context.Context, hash []byte, at int64) error
	DeleteSession(ctx context.Context, hash []byte) error
	// DeleteSessions ends the sessions of a user but the one with hash keep.
	DeleteSessions(ctx context.Context, userID string, keep []byte) error
	DeleteExpiredSessions(ctx context.Context, now, idleBefore int64) error
}

// SessionLife is how long a session lasts at most; it ends earlier when unused
// for [SessionIdle].
const (
	SessionLife = 30 * 24 * time.Hour
	SessionIdle = 7 * 24 * time.Hour
)

func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// secretHash is how a secret of 256 random bits is kept; such secrets cannot be
// guessed, so a fast hash does.
func secretHash(secret string) []byte {
	if secret == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// Login checks a name and password and starts a session. secret goes into the
// cookie and nowhere else.
func (s *Service) Login(ctx context.Context, name, password string) (u User, secret string, err error) {
	u, _, err = s.checkPassword(ctx, name, password, caller.From(ctx).Address)
	if err != nil {
		if fault.Is(err, fault.Unauthenticated) {
			s.log.Info("sign-in refused", "user", fold(name), "from", caller.From(ctx).Address)
		}
		return User{}, "", err
	}
	secret, err = s.StartSession(ctx, u)
	return u, secret, err
}

// StartSession starts a session for u without asking for a password, as after
// creating the first account.
func (s *Service) StartSession(ctx context.Context, u User) (secret string, err error) {
	secret = newSecret()
	now := s.now()
	err = s.store.Write(ctx, func(ctx context.Context) error {
		if err := s.store.DeleteExpiredSessions(ctx, now.UnixMilli(), now.Add(-SessionIdle).UnixMilli()); err != nil {
			return err
		}
		err := s.store.InsertSession(ctx, secretHash(secret), Session{UserID: u.ID, CreatedAt: now.UnixMilli(),
			ExpiresAt: now.Add(SessionLife).UnixMilli(), LastUsedAt: now.UnixMilli(), Address: caller.From(ctx).Address})
		if err != nil {
			return err
		}
		return s.Audit.record(ctx, Entry{Actor: u.Name, ActorKind: ActorUser, Action: "session.login", ObjectKind: "user", ObjectID: u.ID}, nil, nil)
	})
	return secret, err
}

// Logout ends the session with this secret, if there is one.
func (s *Service) Logout(ctx context.Context, secret string) error {
	if secret == "" {
		return nil
	}
	return s.write(ctx, func(ctx context.Context) error {
		return s.store.DeleteSession(ctx, secretHash(secret))
	})
}

// Token is a service token: credentials for a program, with one role in one
// workspace. Its secret is shown when it is created and never again.
type Token struct {
	ID         string // t-…
	Name       string // unique in its workspace
	Workspace  string
	Role       caller.Role
	Hint       string // first characters of the secret
	CreatedBy  string
	CreatedAt  int64 // unix milliseconds
	LastUsedAt int64 // unix milliseconds, kept to some minutes; 0 is never
	ExpiresAt  int64 // unix milliseconds; 0 is never
	// Suspended says that who made the token is disabled; it is refused until
	// they are enabled again. Their disabled account would otherwise go on
	// under the tokens it left behind.
	Suspended bool
}

// Tokens keeps service tokens by the hash of their secret.
type Tokens interface {
	InsertToken(ctx context.Context, t Token, hash []byte) error
	TokenByHash(ctx context.Context, hash []byte) (Token, error)
	ListTokens(ctx context.Context, workspace string) ([]Token, error)
	// TokensBy lists the tokens that a user made, in every workspace.
	TokensBy(ctx context.Context, creator string) ([]Token, error)
	TouchToken(ctx context.Context, id string, at int64) error
	DeleteToken(ctx context.Context, id string) error
}

// tokenPrefix marks a service token, for people and for secret scanners.
const tokenPrefix = "assay_"

// CreateToken makes a service token in the caller's workspace. expiresAt is in
// unix milliseconds, 0 for never. Nobody gives more than they have, and a
// token makes none.
func (s *Service) CreateToken(ctx context.Context, name string, role caller.Role, expiresAt int64) (t Token, secret string, err error) {
	if err := checkName("token name", name); err != nil {
		return Token{}, "", err
	}
	if err := checkRole(role); err != nil {
		return Token{}, "", err
	}
	c, now := caller.From(ctx), s.now().UnixMilli()
	if c.Token {
		// What a token makes would outlive its revocation.
		return Token{}, "", fault.New(fault.Denied, "a service token may not create tokens; sign in as a person")
	}
	if greater(c.Role, role) != c.Role {
		return Token{}, "", fault.New(fault.Denied, "a token may not have a greater role than yours, %s", c.Role)
	}
	if expiresAt != 0 && expiresAt <= now {
		return Token{}, "", fault.Invalidf("the token would have expired already")
	}
	if err := s.checkWorkspace(ctx, caller.Workspace(ctx)); err != nil {
		return Token{}, "", err
	}
	secret = tokenPrefix + newSecret()
	t = Token{ID: id.Prefixed("t-"), Name: name, Workspace: caller.Workspace(ctx), Role: role, Hint: secret[:len(tokenPrefix)+4],
		CreatedBy: c.User, CreatedAt: now, ExpiresAt: expiresAt}
	err = s.write(ctx, func(ctx context.Context) error {
		if err := s.store.InsertToken(ctx, t, secretHash(secret)); err != nil {
			if fault.Is(err, fault.Exists) {
				return fault.Existsf("a token named %q exists already in workspace %q", name, t.Workspace)
			}
			return err
		}
		return s.Audit.Record(ctx, "token.create", "token", t.ID, nil, t.view())
	})
	return t, secret, err
}

type tokenView struct {
	Name      string      `json:"name"`
	Role      caller.Role `json:"role"`
	ExpiresAt int64       `json:"expires_ms,omitempty"`
}

func (t *Token) view() tokenView { return tokenView{t.Name, t.Role, t.ExpiresAt} }

// ListTokens lists the tokens of the caller's workspace, oldest first.
func (s *Service) ListTokens(ctx context.Context) ([]Token, error) {
	tokens, err := s.store.ListTokens(ctx, caller.Workspace(ctx))
	if err != nil {
		return nil, err
	}
	users, err := s.store.ListUsers(ctx)
	if err != nil {
		return nil, err
	}
	disabled := map[string]bool{}
	for _, u := range users {
		disabled[u.Name] = u.Disabled
	}
	for i := range tokens {
		tokens[i].Suspended = disabled[tokens[i].CreatedBy]
	}
	return tokens, nil
}

// suspended reports whether who made t is a person whose account is disabled.
// Commands and servers without accounts make tokens too; those have no maker.
func (s *Service) suspended(ctx context.Context, t Token) (bool, error) {
	u, _, err := s.store.UserByName(ctx, fold(t.CreatedBy))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && u.Disabled, err
}

// RevokeToken deletes the token with this id or name; it is refused from the
// next request on.
func (s *Service) RevokeToken(ctx context.Context, idOrName string) error {
	return s.write(ctx, func(ctx context.Context) error {
		all, err := s.store.ListTokens(ctx, caller.Workspace(ctx))
		if err != nil {
			return err
		}
		for _, t := range all {
			if t.ID == idOrName || t.Name == idOrName {
				if err := s.store.DeleteToken(ctx, t.ID); err != nil {
					return err
				}
				return s.Audit.Record(ctx, "token.revoke", "token", t.ID, t.view(), nil)
			}
		}
		return fault.NotFoundf("no token %q in workspace %q", idOrName, caller.Workspace(ctx))
	})
}
