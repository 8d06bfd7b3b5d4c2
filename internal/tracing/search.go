package tracing

import (
	"context"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
)

// Query selects traces of the caller's workspace.
type Query struct {
	Experiments []string    // decimal ids; empty means every one of the workspace
	Filter      filter.Expr // clauses of filter.Traces
	Text        string      // words, all of which must occur; "quoted phrases"
	From, To    int64       // request time in unix milliseconds, [From, To); 0 open
	Run         string
	Session     string
}

// Search is a page of traces.
type Search struct {
	Query
	// Order; besides the grammar's fields, attributes tokens and cost.
	// Empty means newest first. Ties break by request time descending, then id.
	Order []filter.Order
	Limit int    // 0 means 100
	Token string // of the page before
	Bare  bool   // leave assessments out
}

// Page of a search.
type Page struct {
	Infos   []Info
	Next    string        // "" when there are no more
	Lag     time.Duration // how far full text lags behind; 0 when it was not asked or is current
	Missing []string      // partitions that could not be read
}

// Search returns a page of headers. Full text is searched newest arrival
// first unless Order says otherwise.
func (s *Service) Search(ctx context.Context, q Search) (Page, error) {
	if q.Limit == 0 {
		q.Limit = 100
	}
	if q.Limit < 0 || q.Limit > 50000 {
		return Page{}, fault.Invalidf("Invalid value for parameter 'max_results': it must be between 1 and 50000")
	}
	return s.store.Search(ctx, q)
}

// Count returns how many traces match. Exact is false when counting stopped
// at a limit of work, and n is then a lower bound.
func (s *Service) Count(ctx context.Context, q Query) (n int64, exact bool, err error) {
	return s.store.Count(ctx, q)
}

// Histogram is traces over time; bucket i starts at Start + i*Width.
type Histogram struct {
	Start, Width       int64 // milliseconds
	OK, Error, Running []int64
}

// Histogram counts traces by state in at most buckets buckets of a round width.
func (s *Service) Histogram(ctx context.Context, q Query, buckets int) (Histogram, error) {
	if buckets <= 0 {
		buckets = 60
	}
	return s.store.Histogram(ctx, q, min(buckets, 500))
}

// Facet is the commonest values of a field.
type Facet struct {
	Field  string
	Values []FacetValue
	More   bool
}

// FacetValue is one of them.
type FacetValue struct {
	Value string
	Count int64
}

// FacetFields are the fields of [Service.Facets] besides tag.<key>.
var FacetFields = []string{"status", "name", "model", "provider", "tool", "agent", "user", "session", "experiment"}

// Facets counts the commonest values of fields among the matching traces;
// fields is any of [FacetFields] or tag.<key>, and empty means status, name,
// model, tool. Exact is false when it counted the newest matches only.
func (s *Service) Facets(ctx context.Context, q Query, fields []string, values int) (facets []Facet, exact bool, err error) {
	if len(fields) == 0 {
		fields = []string{"status", "name", "model", "tool"}
	}
	if values <= 0 {
		values = 10
	}
	return s.store.Facets(ctx, q, fields, min(values, 100))
}
