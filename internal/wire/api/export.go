package api

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/export"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
)

type traceExport struct {
	domain *tracing.Service
	now    func() time.Time
}

// ServeExport adds the download of traces in forms that other tools read.
func (s *Server) ServeExport(domain *tracing.Service, now func() time.Time) {
	x := traceExport{domain, now}
	s.add(route{method: "POST", path: "/w/{ws}/traces/export", need: caller.Read, stream: x.write})
}

type exportRequest struct {
	traceQuery
	Format string `json:"format"`
}

// exportTraces is how many headers are read at a time.
const exportTraces = 200

// write streams the traces that matched when the request came, newest first.
// A failure after the first byte cuts the connection: half a file must not look
// whole.
func (x traceExport) write(w http.ResponseWriter, r *http.Request) error {
	var req exportRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	format, err := export.FormatOf(req.Format)
	if err != nil {
		return err
	}
	query, err := req.query()
	if err != nil {
		return err
	}
	if now := x.now().UnixMilli() + 1; query.To == 0 || query.To > now {
		query.To = now // those that arrive meanwhile are not meant
	}
	search := tracing.Search{Query: query, Limit: exportTraces, Bare: true}
	page, err := x.domain.Search(r.Context(), search)
	if err != nil {
		return err
	}
	if len(page.Missing) > 0 {
		return fault.New(fault.Unavailable, "part of the traces cannot be read")
	}
	w.Header().Set("Content-Type", format.ContentType)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="traces.%s"`, format.Extension))
	w.Header().Set("Cache-Control", "no-store")
	buffered := bufio.NewWriterSize(w, 64<<10)
	out := format.New(buffered)
	for err == nil {
		if err = x.page(r.Context(), out, page.Infos); err != nil || page.Next == "" {
			break
		}
		search.Token = page.Next
		if page, err = x.domain.Search(r.Context(), search); err == nil && len(page.Missing) > 0 {
			err = fault.New(fault.Unavailable, "part of the traces cannot be read")
		}
	}
	if err == nil {
		err = out.Close()
	}
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (x traceExport) page(ctx context.Context, out export.Writer, infos []tracing.Info) error {
	for i := range infos {
		info := &infos[i]
		for span, err := range x.domain.Spans(ctx, info.ID) {
			if fault.Is(err, fault.NotFound) {
				break // deleted meanwhile
			}
			if err != nil {
				return err
			}
			if err := out.Write(export.Span{Span: span, Experiment: info.Experiment, Session: info.Session, User: info.User}); err != nil {
				return err
			}
		}
	}
	return nil
}
