package api

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/flow"
)

type imports struct {
	importer *flow.Importer
	may      func(ctx context.Context, spec flow.ImportSpec, c flow.Credentials) error
}

// ServeImports adds imports from other servers. may refuses sources that the
// caller, or this server, may not read, and what is no source.
func (s *Server) ServeImports(importer *flow.Importer, may func(ctx context.Context, spec flow.ImportSpec, c flow.Credentials) error) {
	i := imports{importer, may}
	const base = "/w/{ws}/imports"
	s.add(
		route{method: "POST", path: base, need: caller.Administer, status: http.StatusCreated, call: body(i.start)},
		route{method: "GET", path: base, need: caller.Administer, call: i.list},
		route{method: "GET", path: base + "/{import_id}", need: caller.Administer, call: i.get},
	)
}

// importRequest is a spec with the credentials of the source.
type importRequest struct {
	flow.ImportSpec
	flow.Credentials
}

// importRow is an import as lists show it.
type importRow struct {
	ImportID string          `json:"import_id"`
	Spec     flow.ImportSpec `json:"spec"`
	Phase    *string         `json:"phase"`
	Trouble  *int64          `json:"trouble"` // items that differ or failed so far
	Job      jobRow          `json:"job"`
}

type importDetail struct {
	importRow
	Kinds  []string     `json:"kinds"` // in the order of the report
	Report *flow.Report `json:"report"`
}

func importOf(i *flow.Import) importRow {
	row := importRow{ImportID: i.Job.ID, Spec: i.Spec, Phase: nullable(i.Phase), Job: jobOf(i.Job)}
	if i.Report != nil {
		n := i.Report.Trouble()
		row.Trouble = &n
	}
	return row
}

func (x imports) start(ctx context.Context, _ *http.Request, req *importRequest) (any, error) {
	if err := req.Check(); err != nil {
		return nil, err
	}
	if err := x.may(ctx, req.ImportSpec, req.Credentials); err != nil {
		return nil, err
	}
	j, err := x.importer.Start(ctx, req.ImportSpec, req.Credentials)
	if err != nil {
		return nil, err
	}
	return importOf(&flow.Import{Job: j, Spec: req.ImportSpec}), nil
}

func (x imports) list(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	found, next, err := x.importer.List(ctx, n, r.URL.Query().Get("page_token"))
	if err != nil {
		return nil, err
	}
	out := []importRow{}
	for i := range found {
		out = append(out, importOf(&found[i]))
	}
	return map[string]any{"imports": out, "next_page_token": nullable(next)}, nil
}

func (x imports) get(ctx context.Context, r *http.Request) (any, error) {
	found, err := x.importer.Get(ctx, r.PathValue("import_id"))
	if err != nil {
		return nil, err
	}
	return importDetail{importOf(&found), flow.Kinds, found.Report}, nil
}
