// Package view keeps saved views: the state of a page under a name.
//
// The state is the query part of the page's address, opaque here. A view is
// its owner's alone until it is shared; a shared one is read by the whole
// workspace and changed by its owner or an administrator. A view without a
// name stands for a link too long for an address: whoever has its id opens it,
// no list shows it, and it never changes.
package view

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/id"
)

// Pages that have views.
var Pages = []string{"traces", "sessions", "experiments", "runs", "compare", "monitor", "datasets", "models", "prompts", "lineage"}

// Limits. A name is in characters, a state in bytes.
const (
	maxName   = 120
	maxState  = 64 << 10
	maxParams = 500
	maxNamed  = 500  // of one owner in a workspace
	maxLinks  = 5000 // of one owner in a workspace
	// DefaultPage and MaxPage are sizes of one page of a list.
	DefaultPage = 200
	MaxPage     = 1000
)

// View is a saved state. Times are milliseconds since 1970.
type View struct {
	ID        string
	Workspace string
	Page      string
	Name      string // "" for a link
	State     string // as in "q=…&exp=1", without "view"
	Hash      string // of page and state
	Owner     string // "" while nobody has an account
	Shared    bool
	Created   int64
	Updated   int64
}

// List selects named views that a person may see.
type List struct {
	Workspace string // filled in by the service
	Owner     string // filled in by the service
	Page      string // "" is any
	Text      string // part of the name, letter case aside
	Limit     int
	Token     string
}

// Store keeps views. A missing one is NotFound.
type Store interface {
	Write(ctx context.Context, fn func(ctx context.Context) error) error
	InsertView(ctx context.Context, v *View) error
	ViewByID(ctx context.Context, workspace, id string) (*View, error)
	// LinkByHash finds a link of that hash, whoever made it.
	LinkByHash(ctx context.Context, workspace, hash string) (*View, error)
	UpdateView(ctx context.Context, v *View) error
	DeleteView(ctx context.Context, workspace, id string) error
	// CountViews counts the named views, or the links, of an owner.
	CountViews(ctx context.Context, workspace, owner string, links bool) (int64, error)
	// ListViews returns those of q.Owner and the shared ones, by name, and the
	// next page's token.
	ListViews(ctx context.Context, q List) ([]View, string, error)
}

// Audit is told of changes inside the Write that makes them.
type Audit interface {
	Record(ctx context.Context, action, kind, id string, before, after any) error
}

// Service is the domain.
type Service struct {
	store Store
	audit Audit
	now   func() time.Time
}

// New returns the service over store; a nil now is time.Now.
func New(store Store, audit Audit, now func() time.Time) *Service {
	if now == nil {
		now = time.Now
	}
	return &Service{store, audit, now}
}

// Draft is what an author says of a new view.
type Draft struct {
	Page, Name, State string
	Shared            bool
}

// Create saves a view. A draft without a name makes a link, or finds the one
// of the same state.
func (s *Service) Create(ctx context.Context, d Draft) (*View, error) {
	c := caller.From(ctx)
	now := s.now().UnixMilli()
	v := &View{ID: id.Prefixed("sv-"), Workspace: caller.Workspace(ctx), Page: d.Page, Name: strings.TrimSpace(d.Name), State: strings.TrimPrefix(d.State, "?"),
		Owner: c.User, Shared: d.Shared, Created: now, Updated: now}
	if !slices.Contains(Pages, v.Page) {
		return nil, fault.Invalidf("page must be one of %s, not %q", strings.Join(Pages, ", "), clip(v.Page))
	}
	if err := s.check(ctx, v); err != nil {
		return nil, err
	}
	link := v.Name == ""
	if link {
		v.Shared = false
	}
	err := s.store.Write(ctx, func(ctx context.Context) error {
		if link {
			old, err := s.store.LinkByHash(ctx, v.Workspace, v.Hash)
			if err == nil {
				v = old
				return nil
			}
			if !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		n, err := s.store.CountViews(ctx, v.Workspace, v.Owner, link)
		if err != nil {
			return err
		}
		if most := map[bool]int64{false: maxNamed, true: maxLinks}[link]; n >= most {
			return fault.New(fault.Limited, "you have %d of %d saved views in this workspace; delete some first", n, most)
		}
		return s.store.InsertView(ctx, v)
	})
	return v, err
}

// check validates name and state and sets the hash.
func (s *Service) check(ctx context.Context, v *View) error {
	if utf8.RuneCountInString(v.Name) > maxName || !utf8.ValidString(v.Name) || strings.ContainsFunc(v.Name, func(r rune) bool { return r < ' ' }) {
		return fault.Invalidf("a view's name has at most %d characters and no control characters", maxName)
	}
	if len(v.State) > maxState {
		return fault.New(fault.TooLarge, "the state of a view has at most %d bytes; this one has %d", maxState, len(v.State))
	}
	q, err := url.ParseQuery(v.State)
	if err != nil || !utf8.ValidString(v.State) || strings.ContainsRune(v.State, 0) {
		return fault.Invalidf("the state of a view must be the query part of an address, as in q=…&exp=1")
	}
	if len(q) > maxParams {
		return fault.Invalidf("the state of a view has at most %d parameters; this one has %d", maxParams, len(q))
	}
	if q.Has("view") {
		return fault.Invalidf("the state of a view cannot name another view")
	}
	if v.Shared && !caller.From(ctx).Role.May(caller.Write) {
		return fault.New(fault.Denied, "sharing a view with the workspace needs the editor role; save it for yourself instead")
	}
	sum := sha256.Sum256([]byte(v.Page + "?" + v.State))
	v.Hash = hex.EncodeToString(sum[:16])
	return nil
}

// View returns a view that the caller may see.
func (s *Service) View(ctx context.Context, viewID string) (*View, error) {
	v, err := s.store.ViewByID(ctx, caller.Workspace(ctx), viewID)
	if err == nil && !v.Shared && v.Name != "" && v.Owner != caller.From(ctx).User {
		v, err = nil, fault.NotFoundf("hidden")
	}
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("there is no view %s here, or it is another person's own", clip(viewID))
	}
	return v, err
}

// List returns a page of the named views that the caller may see, by name.
func (s *Service) List(ctx context.Context, q List) ([]View, string, error) {
	q.Workspace, q.Owner = caller.Workspace(ctx), caller.From(ctx).User
	if q.Page != "" && !slices.Contains(Pages, q.Page) {
		return nil, "", fault.Invalidf("page must be one of %s, not %q", strings.Join(Pages, ", "), clip(q.Page))
	}
	if q.Limit == 0 {
		q.Limit = DefaultPage
	}
	if q.Limit < 1 || q.Limit > MaxPage {
		return nil, "", fault.Invalidf("limit must be from 1 to %d, not %d", MaxPage, q.Limit)
	}
	return s.store.ListViews(ctx, q)
}

// Change is what may change of a named view; nil leaves as is.
type Change struct {
	Name, State *string
	Shared      *bool
}

// Update changes a view of the caller's.
func (s *Service) Update(ctx context.Context, viewID string, c Change) (*View, error) {
	var v *View
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if v, err = s.own(ctx, viewID); err != nil {
			return err
		}
		if v.Name == "" {
			return fault.New(fault.State, "this view is a link, which never changes; save it under a name")
		}
		if c.Name != nil {
			if v.Name = strings.TrimSpace(*c.Name); v.Name == "" {
				return fault.Invalidf("a view needs a name")
			}
		}
		if c.State != nil {
			v.State = strings.TrimPrefix(*c.State, "?")
		}
		if c.Shared != nil {
			v.Shared = *c.Shared
		}
		if err := s.check(ctx, v); err != nil {
			return err
		}
		v.Updated = s.now().UnixMilli()
		return s.store.UpdateView(ctx, v)
	})
	return v, err
}

// own returns a view that the caller may change.
func (s *Service) own(ctx context.Context, viewID string) (*View, error) {
	v, err := s.View(ctx, viewID)
	if err != nil {
		return nil, err
	}
	if c := caller.From(ctx); v.Owner != c.User && !c.Role.May(caller.Administer) {
		return nil, fault.New(fault.Denied, "this view is %s's; save it under another name to have your own", v.Owner)
	}
	return v, nil
}

// record is what the audit log keeps of a shared view.
type record struct {
	Page  string `json:"page"`
	Name  string `json:"name"`
	State string `json:"state"`
	Owner string `json:"owner"`
}

// Delete removes a view of the caller's. That of a shared one is recorded,
// because others may miss it.
func (s *Service) Delete(ctx context.Context, viewID string) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		v, err := s.own(ctx, viewID)
		if err != nil {
			return err
		}
		if v.Shared && s.audit != nil {
			if err := s.audit.Record(ctx, "view.delete", "view", v.ID, record{v.Page, v.Name, v.State, v.Owner}, nil); err != nil {
				return err
			}
		}
		return s.store.DeleteView(ctx, v.Workspace, v.ID)
	})
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
