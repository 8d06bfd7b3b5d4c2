package storetest

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/sqlstore"
)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

const (
	rightPassword = "a right long password"
	otherPassword = "quite another password"
)

func wantKind(t *testing.T, err error, kind fault.Kind, what string) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: %v; want a fault of kind %q", what, err, kind)
	}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Accounts is what a store of people must do. open returns a migrated control
// database of its own.
func Accounts(t *testing.T, open func(t *testing.T) *sqlstore.DB) {
	for name, test := range map[string]func(*testing.T, *account.Service, *sqlstore.Accounts, *clock){
		"FirstUser": testFirstUser, "Roles": testRoles, "LastAdmin": testLastAdmin, "Basic": testBasic,
		"Session": testSession, "Token": testToken, "TokenMaker": testTokenMaker, "Workspace": testWorkspace, "Audit": testAudit, "RateLimit": testRateLimit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, at := sqlstore.NewAccounts(open(t)), newClock()
			test(t, account.NewService(store, slog.New(slog.DiscardHandler), at.now), store, at)
		})
	}
}

// as is a context of a person from a remote address.
func as(t *testing.T, s *account.Service, name, ws string) context.Context {
	t.Helper()
	c := must(s.Authenticate(t.Context(), account.Credentials{User: name, Password: rightPassword, Address: "192.0.2.7"}, ws))(t)
	return caller.With(t.Context(), c)
}

func first(t *testing.T, s *account.Service) account.User {
	t.Helper()
	return must(s.CreateFirst(t.Context(), account.NewUser{Name: "Ada", Password: rightPassword}))(t)
}

func testFirstUser(t *testing.T, s *account.Service, _ *sqlstore.Accounts, _ *clock) {
	ctx := t.Context()
	if any := must(s.AnyUser(ctx))(t); any {
		t.Fatal("a new database has a user")
	}
	_, err := s.Create(ctx, account.NewUser{Name: "bob", Password: rightPassword, Role: caller.Viewer, Workspace: "default"})
	wantKind(t, err, fault.State, "a first user who is no admin")
	u := first(t, s)
	if u.RoleIn("default") != caller.Admin || u.RoleIn("anything") != caller.Admin {
		t.Errorf("roles %v", u.Roles)
	}
	if any := must(s.AnyUser(ctx))(t); !any {
		t.Error("no user after the first")
	}
	_, err = s.CreateFirst(ctx, account.NewUser{Name: "eve", Password: rightPassword})
	wantKind(t, err, fault.State, "a second first user")
	for _, name := range []string{"", "a b", "-x", "a/b", "a:b", strings.Repeat("x", 101)} {
		_, err = s.Create(ctx, account.NewUser{Name: name, Password: rightPassword, Role: caller.Viewer, Workspace: "default"})
		wantKind(t, err, fault.Invalid, "name "+name)
	}
	_, err = s.Create(ctx, account.NewUser{Name: "ADA", Password: rightPassword, Role: caller.Viewer, Workspace: "default"})
	wantKind(t, err, fault.Exists, "the same name in capitals")
	_, err = s.Create(ctx, account.NewUser{Name: "bob", Password: "short", Role: caller.Viewer, Workspace: "default"})
	wantKind(t, err, fault.Invalid, "a short password")
	_, err = s.Create(ctx, account.NewUser{Name: "bob", Password: rightPassword, Role: "owner", Workspace: "default"})
	wantKind(t, err, fault.Invalid, "an unknown role")
	_, err = s.Create(ctx, account.NewUser{Name: "bob", Password: rightPassword, Role: caller.Viewer, Workspace: "nowhere"})
	wantKind(t, err, fault.NotFound, "an unknown workspace")
}

func testRoles(t *testing.T, s *account.Service, _ *sqlstore.Accounts, _ *clock) {
	first(t, s)
	root := as(t, s, "ada", "default")
	must(s.CreateWorkspace(root, "lab", ""))(t)
	must(s.Create(root, account.NewUser{Name: "bob", Password: rightPassword, Role: caller.Viewer}))(t)
	must(s.Create(root, account.NewUser{Name: "lena", Password: rightPassword, Role: caller.Admin, Workspace: "lab"}))(t)

	bob := caller.From(as(t, s, "bob", "default"))
	if bob.Role != caller.Viewer || bob.Role.May(caller.Annotate) || !bob.Role.May(caller.Read) {
		t.Errorf("bob is %q", bob.Role)
	}
	if c := caller.From(as(t, s, "bob", "lab")); c.Role != "" {
		t.Errorf("bob is %q in lab", c.Role)
	}
	editor, none := caller.Editor, caller.Role("")
	_, err := s.Update(as(t, s, "bob", "default"), "bob", account.Change{Role: &editor})
	wantKind(t, err, fault.Denied, "a viewer promotes himself")
	lena := as(t, s, "lena", "lab")
	must(s.Update(lena, "bob", account.Change{Role: &editor}))(t)
	if c := caller.From(as(t, s, "bob", "lab")); c.Role != caller.Editor {
		t.Errorf("bob is %q in lab after lena's change", c.Role)
	}
	password := otherPassword
	_, err = s.Update(lena, "bob", account.Change{Password: &password})
	wantKind(t, err, fault.Denied, "an admin of one workspace takes over an account of another")
	_, err = s.Update(lena, "ada", account.Change{Password: &password})
	wantKind(t, err, fault.Denied, "an admin of one workspace takes over the server's admin")
	_, err = s.Create(lena, account.NewUser{Name: "mal", Password: rightPassword, Role: caller.Admin, Workspace: account.Everywhere})
	wantKind(t, err, fault.Denied, "an admin of one workspace makes an admin of all")
	must(s.Update(lena, "bob", account.Change{Role: &none}))(t)
	if c := caller.From(as(t, s, "bob", "lab")); c.Role != "" {
		t.Errorf("bob is still %q in lab", c.Role)
	}
	if people := must(s.People(root, "lab"))(t); len(people) != 2 {
		t.Errorf("%d people in lab; want Ada and Lena", len(people))
	}
}

func testLastAdmin(t *testing.T, s *account.Service, _ *sqlstore.Accounts, _ *clock) {
	first(t, s)
	root := as(t, s, "ada", "default")
	viewer, yes := caller.Viewer, true
	_, err := s.Update(root, "ada", account.Change{Role: &viewer, Workspace: account.Everywhere})
	wantKind(t, err, fault.State, "the last admin steps down")
	_, err = s.Update(root, "ada", account.Change{Disabled: &yes})
	wantKind(t, err, fault.State, "the last admin is disabled")
	wantKind(t, s.Remove(root, "ada"), fault.State, "the last admin is removed")
	must(s.Create(root, account.NewUser{Name: "bob", Password: rightPassword, Role: caller.Admin, Workspace: account.Everywhere}))(t)
	if err := s.Remove(root, "ada"); err != nil {
		t.Error(err)
	}
	_, err = s.Authenticate(t.Context(), account.Credentials{User: "ada", Password: rightPassword}, "default")
	wantKind(t, err, fault.Unauthenticated, "a removed user")
}

func testBasic(t *testing.T, s *account.Service, store *sqlstore.Accounts, at *clock) {
	u := first(t, s)
	good := account.Credentials{User: "ADA", Password: rightPassword, Address: "192.0.2.7"}
	c := must(s.Authenticate(t.Context(), good, "default"))(t)
	if c.User != "Ada" || c.Role != caller.Admin || !c.Server || c.Token {
		t.Errorf("caller %+v", c)
	}
	_, err := s.Authenticate(t.Context(), good, "nowhere")
	wantKind(t, err, fault.NotFound, "an unknown workspace")
	for _, bad := range []account.Credentials{{User: "ada", Password: "wrong password"}, {User: "eve", Password: rightPassword},
		{User: "ada"}, {Password: rightPassword}, {User: strings.Repeat("x", 10_000), Password: "y"}} {
		bad.Address = "192.0.2.8"
		_, err := s.Authenticate(t.Context(), bad, "default")
		wantKind(t, err, fault.Unauthenticated, "wrong credentials")
	}
	if c := must(s.Authenticate(t.Context(), account.Credentials{}, "default"))(t); c.User != "" || c.Role != "" {
		t.Errorf("nobody is %+v", c)
	}
	// A password changed by another process counts within a second.
	other := account.NewService(store, slog.New(slog.DiscardHandler), at.now)
	password := otherPassword
	must(other.Update(t.Context(), u.ID, account.Change{Password: &password}))(t)
	at.add(time.Second)
	_, err = s.Authenticate(t.Context(), good, "default")
	wantKind(t, err, fault.Unauthenticated, "the old password")
	good.Password = otherPassword
	must(s.Authenticate(t.Context(), good, "default"))(t)
	yes := true
	must(s.Create(t.Context(), account.NewUser{Name: "bob", Password: rightPassword, Role: caller.Admin, Workspace: account.Everywhere}))(t)
	must(s.Update(t.Context(), "ada", account.Change{Disabled: &yes}))(t)
	_, err = s.Authenticate(t.Context(), good, "default")
	wantKind(t, err, fault.Unauthenticated, "a disabled account")
}

func testSession(t *testing.T, s *account.Service, _ *sqlstore.Accounts, at *clock) {
	first(t, s)
	ctx := caller.With(t.Context(), caller.Caller{Address: "192.0.2.7", Workspace: "default"})
	_, _, err := s.Login(ctx, "ada", "wrong password")
	wantKind(t, err, fault.Unauthenticated, "a wrong password")
	login := func() string {
		_, secret, err := s.Login(ctx, "ada", rightPassword)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	who := func(secret string) string {
		return must(s.Authenticate(t.Context(), account.Credentials{Session: secret}, "default"))(t).User
	}
	one, two, three := login(), login(), login()
	if who(one) != "Ada" || who("made up") != "" {
		t.Errorf("session of %q, made-up one of %q", who(one), who("made up"))
	}
	if err := s.Logout(ctx, one); err != nil || who(one) != "" {
		t.Errorf("after signing out: %v, %q", err, who(one))
	}
	if err := s.ChangePassword(as(t, s, "ada", "default"), "Ada", rightPassword, otherPassword, two); err != nil {
		t.Fatal(err)
	}
	if who(two) != "Ada" || who(three) != "" {
		t.Errorf("after a change of password: kept %q, other %q", who(two), who(three))
	}
	for range 6 { // used once in a while, it lasts until its end
		at.add(account.SessionIdle - time.Hour)
		if at.now().Before(newClock().at.Add(account.SessionLife)) != (who(two) == "Ada") {
			t.Errorf("%s after sign-in the session is of %q", at.now().Sub(newClock().at), who(two))
		}
	}
	_, idle, err := s.Login(ctx, "ada", otherPassword)
	if err != nil {
		t.Fatal(err)
	}
	at.add(account.SessionIdle + time.Hour)
	if who(idle) != "" {
		t.Error("an idle session still works")
	}
}

func testToken(t *testing.T, s *account.Service, _ *sqlstore.Accounts, at *clock) {
	first(t, s)
	root := as(t, s, "ada", "default")
	tok, secret, err := s.CreateToken(root, "ci", caller.Editor, at.now().Add(time.Hour).UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(secret, tok.Hint) || len(tok.Hint) > 12 || len(secret) < 40 {
		t.Errorf("secret %d characters, hint %q", len(secret), tok.Hint)
	}
	for _, cr := range []account.Credentials{{Bearer: secret}, {User: "anything", Password: secret}} {
		c := must(s.Authenticate(t.Context(), cr, "default"))(t)
		if c.User != "ci" || c.Role != caller.Editor || !c.Token || c.Server {
			t.Errorf("caller %+v", c)
		}
	}
	must(s.CreateWorkspace(root, "lab", ""))(t)
	if c := must(s.Authenticate(t.Context(), account.Credentials{Bearer: secret}, "lab"))(t); c.Role != "" {
		t.Errorf("the token is %q in another workspace", c.Role)
	}
	_, _, err = s.CreateToken(root, "ci", caller.Viewer, 0)
	wantKind(t, err, fault.Exists, "a second token of that name")
	_, _, err = s.CreateToken(root, "old", caller.Viewer, at.now().UnixMilli()-1)
	wantKind(t, err, fault.Invalid, "a token that has expired")
	must(s.Create(root, account.NewUser{Name: "bob", Password: rightPassword, Role: caller.Viewer}))(t)
	_, _, err = s.CreateToken(as(t, s, "bob", "default"), "up", caller.Admin, 0)
	wantKind(t, err, fault.Denied, "a token above its maker")
	if list := must(s.ListTokens(root))(t); len(list) != 1 || list[0].LastUsedAt == 0 || list[0].CreatedBy != "Ada" {
		t.Errorf("tokens %+v", list)
	}
	at.add(time.Hour)
	_, err = s.Authenticate(t.Context(), account.Credentials{Bearer: secret}, "default")
	wantKind(t, err, fault.Unauthenticated, "an expired token")
	_, endless, err := s.CreateToken(root, "endless", caller.Viewer, 0)
	if err != nil {
		t.Fatal(err)
	}
	must(s.Authenticate(t.Context(), account.Credentials{Bearer: endless}, "default"))(t)
	if err := s.RevokeToken(root, "endless"); err != nil {
		t.Fatal(err)
	}
	_, err = s.Authenticate(t.Context(), account.Credentials{Bearer: endless}, "default")
	wantKind(t, err, fault.Unauthenticated, "a token right after it was revoked")
	wantKind(t, s.RevokeToken(root, "endless"), fault.NotFound, "revoking twice")
}

// testTokenMaker: an account does not go on under the tokens it left behind.
func testTokenMaker(t *testing.T, s *account.Service, _ *sqlstore.Accounts, _ *clock) {
	first(t, s)
	root := as(t, s, "ada", "default")
	must(s.Create(root, account.NewUser{Name: "Bob", Password: rightPassword, Role: caller.Editor}))(t)
	_, secret, err := s.CreateToken(as(t, s, "bob", "default"), "nightly", caller.Editor, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := s.CreateToken(root, "ci", caller.Editor, 0)
	if err != nil {
		t.Fatal(err)
	}
	enter := func(secret string) error {
		_, err := s.Authenticate(t.Context(), account.Credentials{Bearer: secret}, "default")
		return err
	}
	yes, no := true, false
	if err := enter(secret); err != nil {
		t.Fatal(err)
	}
	must(s.Update(root, "bob", account.Change{Disabled: &yes}))(t)
	wantKind(t, enter(secret), fault.Unauthenticated, "a token right after its maker was disabled")
	if err := enter(other); err != nil {
		t.Errorf("somebody else's token: %v", err)
	}
	for _, tok := range must(s.ListTokens(root))(t) {
		if tok.Suspended != (tok.Name == "nightly") {
			t.Errorf("token %s suspended: %t", tok.Name, tok.Suspended)
		}
	}
	must(s.Update(root, "bob", account.Change{Disabled: &no}))(t)
	if err := enter(secret); err != nil {
		t.Errorf("after the maker was enabled again: %v", err)
	}
	if err := s.Remove(root, "bob"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, enter(secret), fault.Unauthenticated, "a token right after its maker was removed")
	must(s.Create(root, account.NewUser{Name: "Bob", Password: rightPassword, Role: caller.Editor}))(t)
	wantKind(t, enter(secret), fault.Unauthenticated, "a token of a former user of that name")
	if log, _, err := s.Audit.List(root, account.AuditFilter{ActionPrefix: "token.revoke", ObjectKind: "token", Limit: 10}, ""); err != nil || len(log) != 1 {
		t.Errorf("%d entries of revoked tokens, %v", len(log), err)
	}
}

func testWorkspace(t *testing.T, s *account.Service, _ *sqlstore.Accounts, _ *clock) {
	first(t, s)
	root := as(t, s, "ada", "default")
	must(s.CreateWorkspace(root, "lab", "where things are tried"))(t)
	_, err := s.CreateWorkspace(root, "lab", "")
	wantKind(t, err, fault.Exists, "the same name")
	for _, name := range []string{"", "*", "Lab", "a/b", "-a", strings.Repeat("a", 64)} {
		_, err := s.CreateWorkspace(root, name, "")
		wantKind(t, err, fault.Invalid, "workspace "+name)
	}
	if w := must(s.UpdateWorkspace(root, "lab", "new words"))(t); w.Description != "new words" {
		t.Errorf("workspace %+v", w)
	}
	must(s.Create(root, account.NewUser{Name: "bob", Password: rightPassword, Role: caller.Admin, Workspace: "lab"}))(t)
	bob := as(t, s, "bob", "lab")
	_, err = s.CreateWorkspace(bob, "mine", "")
	wantKind(t, err, fault.Denied, "a workspace by its neighbour's admin")
	if list, roles, err := s.Readable(bob); err != nil || len(list) != 1 || list[0].Name != "lab" || roles[0] != caller.Admin {
		t.Errorf("bob reads %v as %v, %v", list, roles, err)
	}
	if list, _, err := s.Readable(root); err != nil || len(list) != 2 {
		t.Errorf("ada reads %v, %v", list, err)
	}
	wantKind(t, s.DeleteWorkspace(root, "default"), fault.State, "deleting the default workspace")
	holds := "traces"
	s.Holds = func(context.Context, string) (string, error) { return holds, nil }
	wantKind(t, s.DeleteWorkspace(root, "lab"), fault.State, "deleting a workspace with traces")
	holds = ""
	if err := s.DeleteWorkspace(root, "lab"); err != nil {
		t.Error(err)
	}
	wantKind(t, s.DeleteWorkspace(root, "lab"), fault.NotFound, "deleting twice")
}

func testAudit(t *testing.T, s *account.Service, store *sqlstore.Accounts, _ *clock) {
	first(t, s)
	root := as(t, s, "ada", "default")
	for i := range 25 {
		if err := s.Audit.Record(root, "thing.create", "thing", string(rune('a'+i)), nil, map[string]any{"n": i, "client_secret": "hidden-value"}); err != nil {
			t.Fatal(err)
		}
	}
	seen, last, token := 0, int64(1<<62), ""
	for {
		entries, next, err := s.Audit.List(root, account.AuditFilter{ActionPrefix: "thing.", Limit: 10}, token)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Seq >= last || e.Actor != "Ada" || e.ActorKind != account.ActorUser || e.Address != "192.0.2.7" || e.BeforeHash != "" || len(e.AfterHash) != 64 {
				t.Errorf("entry %+v", e)
			}
			if strings.Contains(string(e.Detail), "hidden-value") {
				t.Error("a secret in the audit log")
			}
			seen, last = seen+1, e.Seq
		}
		if token = next; token == "" {
			break
		}
	}
	if seen != 25 {
		t.Errorf("%d entries; want 25", seen)
	}
	if entries, _, err := s.Audit.List(root, account.AuditFilter{Actor: "nobody", Limit: 10}, ""); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
	if entries, _, err := s.Audit.List(root, account.AuditFilter{ObjectKind: "thing", ObjectID: "c", Limit: 10}, ""); err != nil || len(entries) != 1 || entries[0].ObjectID != "c" {
		t.Errorf("of one object: %v, %v", entries, err)
	}
	// A failed change leaves no entry.
	before, _, err := s.Audit.List(root, account.AuditFilter{Limit: 1000}, "")
	if err != nil {
		t.Fatal(err)
	}
	s.Remove(root, "ada")
	if after, _, _ := s.Audit.List(root, account.AuditFilter{Limit: 1000}, ""); len(after) != len(before) {
		t.Errorf("%d entries after a refused change, %d before", len(after), len(before))
	}
	for _, q := range []string{`UPDATE audit SET actor = 'x'`, `DELETE FROM audit`} {
		err := store.Write(t.Context(), func(ctx context.Context) error { _, err := store.Exec(ctx, q); return err })
		if err == nil {
			t.Errorf("%s was allowed", q)
		}
	}
}

func testRateLimit(t *testing.T, s *account.Service, _ *sqlstore.Accounts, at *clock) {
	first(t, s)
	try := func(password, address string) error {
		_, err := s.Authenticate(t.Context(), account.Credentials{User: "ada", Password: password, Address: address}, "default")
		return err
	}
	for range 5 {
		wantKind(t, try("wrong password", "192.0.2.1"), fault.Unauthenticated, "a wrong password")
	}
	wantKind(t, try("wrong password", "192.0.2.1"), fault.Limited, "the sixth wrong password")
	wantKind(t, try(rightPassword, "192.0.2.1"), fault.Limited, "the right one after them")
	if err := try(rightPassword, "192.0.2.2"); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	at.add(6 * time.Minute)
	if err := try(rightPassword, "192.0.2.1"); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}
