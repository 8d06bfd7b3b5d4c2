package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/notice"
)

type notices struct{ domain *notice.Service }

// ServeNotices adds what the bell shows. Each person reads for themselves, so
// marking and muting need no more than reading does.
func (s *Server) ServeNotices(domain *notice.Service) {
	n := notices{domain}
	s.add(
		route{method: "GET", path: "/w/{ws}/notices", need: caller.Read, call: n.list},
		route{method: "POST", path: "/w/{ws}/notices/read", need: caller.Read, call: body(n.read)},
		route{method: "PUT", path: "/w/{ws}/notices/muted", need: caller.Read, call: body(n.mute)},
	)
}

type noticeRow struct {
	NoticeID string `json:"notice_id"`
	Kind     string `json:"kind"`
	Title    string `json:"title"`
	Path     string `json:"path"`
	TimeMS   int64  `json:"time_ms"`
	Read     bool   `json:"read"`
}

func (x notices) list(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	p, err := x.domain.List(ctx, n, r.URL.Query().Get("page_token"))
	if err != nil {
		return nil, err
	}
	out := []noticeRow{}
	for _, one := range p.Notices {
		out = append(out, noticeRow{strconv.FormatInt(one.Seq, 10), one.Kind, one.Title, one.Path, one.Time, one.Read})
	}
	return map[string]any{"notices": out, "unread": p.Unread, "muted": orEmpty(p.Muted), "next_page_token": nullable(p.Next)}, nil
}

type readRequest struct {
	NoticeIDs []string `json:"notice_ids"`
	All       bool     `json:"all"`
}

func (x notices) read(ctx context.Context, _ *http.Request, req *readRequest) (any, error) {
	if req.All {
		return nil, x.domain.MarkAllRead(ctx)
	}
	var seqs []int64
	for _, s := range req.NoticeIDs {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, fault.Invalidf("notice_ids: %q is not the id of a notice", clip(s))
		}
		seqs = append(seqs, n)
	}
	return nil, x.domain.MarkRead(ctx, seqs)
}

type mutedRequest struct {
	Kinds []string `json:"kinds"`
}

func (x notices) mute(ctx context.Context, _ *http.Request, req *mutedRequest) (any, error) {
	return nil, x.domain.Mute(ctx, req.Kinds)
}
