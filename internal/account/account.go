// Package account is who may use the server: users, their sessions, service
// tokens, roles in workspaces, and the audit log of what they changed.
//
// A person has a role per workspace, or one that holds in all of them. A
// service token has one role in one workspace. Until the first user exists, a
// server that only this machine can reach needs no account at all.
package account

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/singleflight"
	"golang.org/x/text/unicode/norm"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// Everywhere, in place of a workspace's name, grants a role in all of them.
const Everywhere = "*"

// User is a person.
type User struct {
	ID          string // u-…
	Name        string // what they sign in with; unique without regard to case
	DisplayName string
	Disabled    bool
	Roles       map[string]caller.Role // by workspace, or Everywhere
	CreatedAt   int64                  // unix milliseconds
	LastSeenAt  int64                  // unix milliseconds, kept to some minutes; 0 is never
}

// RoleIn is u's role in workspace ws: the greater of the one given there and
// the one that holds everywhere; "" is none.
func (u *User) RoleIn(ws string) caller.Role {
	return greater(u.Roles[ws], u.Roles[Everywhere])
}

func greater(a, b caller.Role) caller.Role {
	for i := len(caller.Roles) - 1; i >= 0; i-- {
		if r := caller.Roles[i]; a == r || b == r {
			return r
		}
	}
	return ""
}

// Workspace is the outermost scope of everything kept.
type Workspace struct {
	Name        string
	Description string
	CreatedAt   int64 // unix milliseconds
}

// Transactor is the one way to write; see sqlstore.DB.Write.
type Transactor interface {
	Write(ctx context.Context, fn func(ctx context.Context) error) error
}

// Users keeps people. A method that finds nothing returns a NotFound fault.
type Users interface {
	AnyUser(ctx context.Context) (bool, error)
	UserByID(ctx context.Context, id string) (User, error)
	// UserByName finds by folded name and also returns the password's hash.
	UserByName(ctx context.Context, folded string) (u User, hash string, err error)
	ListUsers(ctx context.Context) ([]User, error)
	InsertUser(ctx context.Context, u User, folded, hash string) error
	// UpdateUser writes the display name and whether u is disabled.
	UpdateUser(ctx context.Context, u User) error
	SetPassword(ctx context.Context, id, hash string) error
	// SetRole gives a role in a workspace; "" takes it away.
	SetRole(ctx context.Context, id, workspace string, role caller.Role) error
	DeleteUser(ctx context.Context, id string) error
	SawUser(ctx context.Context, id string, at int64) error
}

// Workspaces keeps workspaces.
type Workspaces interface {
	ListWorkspaces(ctx context.Context) ([]Workspace, error)
	InsertWorkspace(ctx context.Context, w Workspace) error
	UpdateWorkspace(ctx context.Context, w Workspace) error
	// DeleteWorkspace fails with State while anything is kept in it.
	DeleteWorkspace(ctx context.Context, name string) error
}

// Store is what the service needs kept.
type Store interface {
	Transactor
	Users
	Sessions
	Tokens
	Workspaces
	AuditLog
}

// Service is the people of one server.
type Service struct {
	store Store
	log   *slog.Logger
	now   func() time.Time

	// Audit records what people change.
	Audit *Audit
	// Created, if set, is called inside the Write that makes a workspace, to
	// furnish it.
	Created func(ctx context.Context, workspace string) error

	// Holds, if set, says what a workspace still holds outside the store, as
	// "traces"; "" is nothing. It is asked before the workspace is deleted.
	Holds func(ctx context.Context, workspace string) (string, error)

	hashing  chan struct{} // bounds the memory of concurrent password hashes
	attempts *attempts
	verified *verified
	flight   singleflight.Group
	decoy    func() string // a hash no password has, against guessing names by time

	mu         sync.Mutex
	anyUser    bool
	checkedAt  time.Time
	principals map[string]principal // by credential, for a second
	workspaces map[string]bool
	listedAt   time.Time
	seen       map[string]int64
}

// NewService returns the people kept in store.
func NewService(store Store, log *slog.Logger, now func() time.Time) *Service {
	return &Service{
		store: store, log: log, now: now, Audit: &Audit{store: store, now: now},
		hashing: make(chan struct{}, 2), attempts: newAttempts(now), verified: newVerified(now),
		decoy:      sync.OnceValue(func() string { return hashPassword("no password is this") }),
		principals: map[string]principal{}, seen: map[string]int64{},
	}
}

// fresh is how long what was read about users, tokens and workspaces is used
// again. Changes made by this process count at once, those of another process
// (a command on the same data, another node) after at most this.
const fresh = time.Second

// forget drops what was remembered, after a change.
func (s *Service) forget() {
	s.verified.forget()
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.principals)
	s.workspaces = nil
	s.checkedAt = time.Time{}
}

// AnyUser reports whether an account exists. Once one does, that stays so: the
// last administrator cannot be removed.
func (s *Service) AnyUser(ctx context.Context) (bool, error) {
	s.mu.Lock()
	if s.anyUser || s.now().Sub(s.checkedAt) < fresh {
		defer s.mu.Unlock()
		return s.anyUser, nil
	}
	s.mu.Unlock()
	found, err := s.store.AnyUser(ctx)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.anyUser, s.checkedAt = s.anyUser || found, s.now()
	return s.anyUser, nil
}

// write runs fn in one transaction with its audit entries, then forgets.
func (s *Service) write(ctx context.Context, fn func(ctx context.Context) error) error {
	err := s.store.Write(ctx, fn)
	s.forget()
	return err
}

var nameShape = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._@+-]{0,99}$`)

// fold makes names that look the same be the same.
func fold(name string) string { return strings.ToLower(norm.NFKC.String(name)) }

func checkName(what, name string) error {
	if !utf8.ValidString(name) || !nameShape.MatchString(name) {
		return fault.Invalidf("%s: use letters, digits and . _ @ + -, at most 100, starting with a letter or digit", what)
	}
	return nil
}

func checkDisplayName(name string) error {
	if utf8.RuneCountInString(name) > 200 || strings.ContainsFunc(name, unicode.IsControl) {
		return fault.Invalidf("the display name must have at most 200 characters and none that control")
	}
	return nil
}

func checkRole(role caller.Role) error {
	for _, r := range caller.Roles {
		if r == role {
			return nil
		}
	}
	return fault.Invalidf("role %q is not one of viewer, annotator, editor, approver, admin", role)
}
