// Package notice tells people inside the product what happened while they
// looked elsewhere: a list for each workspace, which each person reads, and
// mutes by kind, on their own.
//
// A notice is made in the Write of what it tells of. It carries a title and a
// link and nothing more.
package notice

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/page"
)

// Kinds of notice.
const (
	AlertFiring    = "alert_firing"
	AlertResolved  = "alert_resolved"
	DeliveryFailed = "delivery_failed"
	JobFailed      = "job_failed"
	JobSucceeded   = "job_succeeded"
)

// Kinds lists them as settings show them.
var Kinds = []string{AlertFiring, AlertResolved, DeliveryFailed, JobFailed, JobSucceeded}

// Notice is one line of the bell.
type Notice struct {
	Seq   int64
	Kind  string
	Title string
	Path  string // of the user interface
	Time  int64  // unix milliseconds
	Read  bool   // by the person who asks
}

// Reader is what a person has decided about a workspace's notices. The person
// of a server without accounts is "".
type Reader struct {
	ReadTo int64    // all up to this number are read
	Muted  []string // kinds that are not shown
}

// Store keeps notices. Methods that change run inside Write.
type Store interface {
	Write(ctx context.Context, fn func(ctx context.Context) error) error
	// InsertNotice adds a notice and keeps the newest keep of the workspace.
	InsertNotice(ctx context.Context, workspace string, n Notice, keep int) error
	// ListNotices returns what a person is shown, newest first, with Seq <
	// before unless that is 0.
	ListNotices(ctx context.Context, workspace, user string, r Reader, before int64, limit int) ([]Notice, error)
	// CountUnread counts what a person has not read, up to limit.
	CountUnread(ctx context.Context, workspace, user string, r Reader, limit int) (int, error)
	// ReaderOf returns a person's decisions; the zero value if there are none.
	ReaderOf(ctx context.Context, workspace, user string) (Reader, error)
	// PutReader replaces them and forgets single reads up to ReadTo.
	PutReader(ctx context.Context, workspace, user string, r Reader) error
	// PutRead marks single notices read.
	PutRead(ctx context.Context, workspace, user string, seqs []int64) error
	// LastNotice is the newest number of a workspace; 0 without any.
	LastNotice(ctx context.Context, workspace string) (int64, error)
}

// Service keeps and shows notices.
type Service struct {
	store   Store
	now     func() time.Time
	changed func(workspace string)
}

// New returns the notices kept in store; changed is told of workspaces with
// news and must not block.
func New(store Store, now func() time.Time, changed func(workspace string)) *Service {
	return &Service{store, now, changed}
}

const (
	keep     = 1000 // notices of a workspace
	maxTitle = 400  // characters
	// MaxUnread is where counting stops.
	MaxUnread = 100
)

// Add tells everyone in the caller's workspace. It joins the Write that ctx
// carries.
func (s *Service) Add(ctx context.Context, kind, title, path string) error {
	if !slices.Contains(Kinds, kind) {
		return fault.New(fault.Internal, "notice: no kind %q", kind)
	}
	if r := []rune(title); len(r) > maxTitle {
		title = string(r[:maxTitle]) + "…"
	}
	ws := caller.Workspace(ctx)
	n := Notice{Kind: kind, Title: strings.ToValidUTF8(title, "�"), Path: path, Time: s.now().UnixMilli()}
	err := s.store.Write(ctx, func(ctx context.Context) error { return s.store.InsertNotice(ctx, ws, n, keep) })
	if err == nil {
		s.changed(ws)
	}
	return err
}

// reader names the person who asks: a token is nobody's eyes, but may look.
func reader(ctx context.Context) string {
	c := caller.From(ctx)
	if c.Open {
		return ""
	}
	return c.User
}

// Page is what the bell shows.
type Page struct {
	Notices []Notice
	Unread  int // up to MaxUnread
	Muted   []string
	Next    string // the next page's token
}

// List returns a page for the person who asks, newest first.
func (s *Service) List(ctx context.Context, limit int, token string) (Page, error) {
	ws, user := caller.Workspace(ctx), reader(ctx)
	q := page.NewQuery("notices", ws, user)
	keys, err := page.Decode(token, q, 1)
	if err != nil {
		return Page{}, err
	}
	before := int64(0)
	if keys != nil {
		before = keys[0].Int
	}
	r, err := s.store.ReaderOf(ctx, ws, user)
	if err != nil {
		return Page{}, err
	}
	p := Page{Muted: r.Muted}
	if p.Notices, err = s.store.ListNotices(ctx, ws, user, r, before, limit+1); err != nil {
		return Page{}, err
	}
	if len(p.Notices) > limit {
		p.Notices = p.Notices[:limit]
		p.Next = page.Encode(q, page.IntKey(p.Notices[limit-1].Seq))
	}
	p.Unread, err = s.store.CountUnread(ctx, ws, user, r, MaxUnread)
	return p, err
}

// maxReads bounds how many single notices one call marks.
const maxReads = 1000

// MarkRead marks notices read for the person who asks.
func (s *Service) MarkRead(ctx context.Context, seqs []int64) error {
	if len(seqs) > maxReads {
		return fault.Invalidf("notice_ids: at most %d", maxReads)
	}
	return s.update(ctx, func(ctx context.Context, ws, user string) error {
		return s.store.PutRead(ctx, ws, user, seqs)
	})
}

// MarkAllRead marks everything read for the person who asks.
func (s *Service) MarkAllRead(ctx context.Context) error {
	return s.update(ctx, func(ctx context.Context, ws, user string) error {
		r, err := s.store.ReaderOf(ctx, ws, user)
		if err != nil {
			return err
		}
		if r.ReadTo, err = s.store.LastNotice(ctx, ws); err != nil {
			return err
		}
		return s.store.PutReader(ctx, ws, user, r)
	})
}

// Mute hides kinds from the person who asks; those left out are shown again.
func (s *Service) Mute(ctx context.Context, kinds []string) error {
	for _, k := range kinds {
		if !slices.Contains(Kinds, k) {
			if r := []rune(k); len(r) > 100 || !utf8.ValidString(k) {
				k = "…"
			}
			return fault.Invalidf("kind %q is not one of %s", k, strings.Join(Kinds, ", "))
		}
	}
	kinds = slices.Compact(slices.Sorted(slices.Values(kinds)))
	return s.update(ctx, func(ctx context.Context, ws, user string) error {
		r, err := s.store.ReaderOf(ctx, ws, user)
		if err != nil {
			return err
		}
		r.Muted = kinds
		return s.store.PutReader(ctx, ws, user, r)
	})
}

func (s *Service) update(ctx context.Context, fn func(ctx context.Context, ws, user string) error) error {
	ws, user := caller.Workspace(ctx), reader(ctx)
	err := s.store.Write(ctx, func(ctx context.Context) error { return fn(ctx, ws, user) })
	if err == nil {
		s.changed(ws)
	}
	return err
}
