package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

func (st *Traces) Search(ctx context.Context, q tracing.Search) (tracing.Page, error) {
	return tracing.Page{}, fault.New(fault.Unsupported, "not yet")
}
func (st *Traces) Count(ctx context.Context, q tracing.Query) (n int64, exact bool, err error) {
	return 0, false, nil
}
func (st *Traces) Histogram(ctx context.Context, q tracing.Query, buckets int) (tracing.Histogram, error) {
	return tracing.Histogram{}, nil
}
func (st *Traces) Facets(ctx context.Context, q tracing.Query, fields []string, values int) ([]tracing.Facet, bool, error) {
	return nil, false, nil
}
func (st *Traces) Sessions(ctx context.Context, q tracing.SessionQuery) ([]tracing.Session, string, error) {
	return nil, "", nil
}
func (st *Traces) Renormalise(ctx context.Context, day, version int, cursor string, limit int, fn func(*trace.Span)) (string, int, error) {
	return "", 0, nil
}
