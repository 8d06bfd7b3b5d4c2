package account

import (
	"context"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// Credentials are what a request carries; at most one kind is used, in this
// order.
type Credentials struct {
	Bearer   string // a service token
	User     string // Basic
	Password string // Basic; a service token is taken here too, under any user
	Session  string // the cookie
	Address  string // remote host
	Request  string // id of the request
}

// principal is who credentials belong to, remembered for a moment.
type principal struct {
	user  User
	token Token
	until time.Time
}

// Authenticate returns who asks, with their role in workspace ws. Without
// credentials it is nobody: a Caller without user and role, whom authorisation
// refuses. Wrong ones are Unauthenticated; an old session is nobody, so that
// the sign-in page can be reached.
//
// The caller decides beforehand whether the server is open (see AnyUser).
func (s *Service) Authenticate(ctx context.Context, cr Credentials, ws string) (caller.Caller, error) {
	nobody := caller.Caller{Workspace: ws, Address: cr.Address, Request: cr.Request}
	if cr.Bearer == "" && strings.HasPrefix(cr.Password, tokenPrefix) {
		cr.Bearer = cr.Password
	}
	var p principal
	var err error
	switch {
	case cr.Bearer != "":
		p, err = s.byToken(ctx, cr)
	case cr.User != "" || cr.Password != "":
		p, err = s.byPassword(ctx, cr)
	case cr.Session != "":
		p, err = s.bySession(ctx, cr.Session)
		if fault.Is(err, fault.Unauthenticated) {
			return nobody, nil
		}
	default:
		return nobody, nil
	}
	if err != nil {
		return nobody, err
	}
	return s.callerOf(ctx, p, nobody)
}

func (s *Service) callerOf(ctx context.Context, p principal, c caller.Caller) (caller.Caller, error) {
	if p.token.ID != "" {
		c.User, c.Token = p.token.Name, true
		if p.token.Workspace == c.Workspace {
			c.Role = p.token.Role
		}
	} else {
		c.User, c.Role = p.user.Name, p.user.RoleIn(c.Workspace)
		c.Server = p.user.Roles[Everywhere] != "" && c.Role == p.user.Roles[Everywhere]
	}
	if c.Role != "" { // who may not read a workspace does not learn whether it exists
		if err := s.checkWorkspace(ctx, c.Workspace); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Open returns the caller of a server without accounts.
func (s *Service) Open(ctx context.Context, cr Credentials, ws string) (caller.Caller, error) {
	c := caller.Caller{Role: caller.Admin, Workspace: ws, Address: cr.Address, Request: cr.Request, Open: true, Server: true}
	return c, s.checkWorkspace(ctx, ws)
}

// recall returns the principal remembered under key, or asks find for it.
func (s *Service) recall(key string, find func() (principal, error)) (principal, error) {
	now := s.now()
	s.mu.Lock()
	p, ok := s.principals[key]
	s.mu.Unlock()
	if ok && now.Before(p.until) {
		return p, nil
	}
	p, err := find()
	if err != nil {
		return principal{}, err
	}
	p.until = now.Add(fresh)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.principals) > maxVerified {
		clear(s.principals)
	}
	s.principals[key] = p
	return p, nil
}

func (s *Service) byToken(ctx context.Context, cr Credentials) (principal, error) {
	hash := secretHash(cr.Bearer)
	return s.recall("t"+string(hash), func() (principal, error) {
		refused := fault.New(fault.Unauthenticated, "the token is unknown, revoked or expired")
		t, err := s.store.TokenByHash(ctx, hash)
		if fault.Is(err, fault.NotFound) {
			return principal{}, refused // 256 bits need no limit on guesses
		}
		if err != nil {
			return principal{}, err
		}
		if now := s.now().UnixMilli(); t.ExpiresAt != 0 && t.ExpiresAt <= now {
			return principal{}, refused
		}
		if out, err := s.suspended(ctx, t); err != nil {
			return principal{}, err
		} else if out {
			return principal{}, fault.New(fault.Unauthenticated, "the account that made this token is disabled")
		}
		s.saw(ctx, t.ID, t.LastUsedAt, func(ctx context.Context, at int64) error { return s.store.TouchToken(ctx, t.ID, at) })
		return principal{token: t}, nil
	})
}

func (s *Service) byPassword(ctx context.Context, cr Credentials) (principal, error) {
	d := s.verified.digest(cr.User, cr.Password)
	return s.recall("b"+string(d[:]), func() (principal, error) {
		if !s.verified.right(d) {
			// Clients open many connections at once: they share one hash.
			_, err, _ := s.flight.Do(string(d[:]), func() (any, error) {
				_, hash, err := s.checkPassword(context.WithoutCancel(ctx), cr.User, cr.Password, cr.Address)
				if err == nil {
					s.verified.remember(d, hash)
				}
				return nil, err
			})
			if err != nil {
				return principal{}, err
			}
		}
		u, hash, err := s.store.UserByName(ctx, fold(cr.User))
		if err == nil && !s.verified.holds(d, hash) {
			err = fault.New(fault.Unauthenticated, "the password has changed")
		}
		return s.enabled(ctx, u, err)
	})
}

func (s *Service) bySession(ctx context.Context, secret string) (principal, error) {
	hash := secretHash(secret)
	return s.recall("s"+string(hash), func() (principal, error) {
		gone := fault.New(fault.Unauthenticated, "the session has ended; sign in again")
		session, err := s.store.SessionByHash(ctx, hash)
		if fault.Is(err, fault.NotFound) {
			return principal{}, gone
		}
		if err != nil {
			return principal{}, err
		}
		now := s.now()
		if session.ExpiresAt <= now.UnixMilli() || session.LastUsedAt < now.Add(-SessionIdle).UnixMilli() {
			return principal{}, gone
		}
		s.saw(ctx, "s"+string(hash), session.LastUsedAt, func(ctx context.Context, at int64) error {
			return s.store.TouchSession(ctx, hash, at)
		})
		u, err := s.store.UserByID(ctx, session.UserID)
		return s.enabled(ctx, u, err)
	})
}

// enabled turns what a lookup found into a principal.
func (s *Service) enabled(ctx context.Context, u User, err error) (principal, error) {
	if fault.Is(err, fault.NotFound) || err == nil && u.Disabled {
		return principal{}, fault.New(fault.Unauthenticated, "the account is disabled or gone")
	}
	if err != nil {
		return principal{}, err
	}
	s.saw(ctx, u.ID, u.LastSeenAt, func(ctx context.Context, at int64) error { return s.store.SawUser(ctx, u.ID, at) })
	return principal{user: u}, nil
}

// seenEvery is how exactly the last use of an account or token is kept.
const seenEvery = 5 * time.Minute

// saw keeps the time of last use, seldom, and never in the way of the request.
func (s *Service) saw(ctx context.Context, key string, last int64, touch func(ctx context.Context, at int64) error) {
	at := s.now().UnixMilli()
	s.mu.Lock()
	if len(s.seen) > maxVerified {
		clear(s.seen)
	}
	due := at-max(last, s.seen[key]) >= seenEvery.Milliseconds()
	if due {
		s.seen[key] = at
	}
	s.mu.Unlock()
	if !due {
		return
	}
	err := s.store.Write(ctx, func(ctx context.Context) error { return touch(ctx, at) })
	if err != nil {
		s.log.Warn("time of last use not kept", "error", err)
	}
}
