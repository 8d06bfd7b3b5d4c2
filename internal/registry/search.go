package registry

import (
	"context"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
)

// Search is a request for models or versions as a client writes it.
type Search struct {
	Filter string   // see package filter
	Order  []string // of columns, each with ASC or DESC
	Limit  int      // 0: the default
	Token  string   // of the previous page
}

// Limits of one page.
const (
	defaultModels   = 100
	maxModels       = 1000
	defaultVersions = 10_000
	maxVersions     = 200_000
)

// SearchModels returns a page of models, ordered by name unless asked
// otherwise, and the token of the next page. It finds prompts only if the
// filter asks for them by [PromptTag].
func (s *Service) SearchModels(ctx context.Context, req Search) ([]*Model, string, error) {
	q, err := req.query(filter.RegisteredModels, defaultModels, maxModels)
	if err != nil {
		return nil, "", err
	}
	name := filter.Field{Group: filter.Attribute, Key: "name"}
	q.Order = withTie(q.Order, filter.Order{Field: name})
	return s.store.SearchModels(ctx, caller.Workspace(ctx), q)
}

// SearchVersions returns a page of versions, the latest changed first unless
// asked otherwise, and the token of the next page. It finds versions of prompts
// only if the filter asks for them by [PromptTag].
func (s *Service) SearchVersions(ctx context.Context, req Search) ([]*Version, string, error) {
	if len(req.Order) == 0 {
		req.Order = []string{"last_updated_timestamp DESC", "name ASC", "version_number DESC"}
	}
	q, err := req.query(filter.ModelVersions, defaultVersions, maxVersions)
	if err != nil {
		return nil, "", err
	}
	name := filter.Field{Group: filter.Attribute, Key: "name"}
	number := filter.Field{Group: filter.Attribute, Key: "version_number"}
	q.Order = withTie(q.Order, filter.Order{Field: name}, filter.Order{Field: number, Desc: true})
	return s.store.SearchVersions(ctx, caller.Workspace(ctx), q)
}

func (req Search) query(entity filter.Entity, standard, most int) (Query, error) {
	q := Query{Limit: req.Limit, Token: req.Token}
	if q.Limit == 0 {
		q.Limit = standard
	}
	if q.Limit < 1 || q.Limit > most {
		return q, fault.Invalidf("Invalid value %d for parameter 'max_results' supplied. It must be at least 1 and at most %d", req.Limit, most)
	}
	var err error
	if q.Filter, err = filter.Parse(entity, req.Filter); err != nil {
		return q, err
	}
	if q.Order, err = filter.ParseOrder(entity, req.Order); err != nil {
		return q, err
	}
	q.Prompts = wantsPrompts(q.Filter)
	q.Filter = slices.DeleteFunc(q.Filter, aboutPromptTag)
	return q, nil
}

func aboutPromptTag(c filter.Clause) bool {
	return c.Field == filter.Field{Group: filter.Tag, Key: PromptTag}
}

// wantsPrompts reports whether a filter asks for prompts: its first clause
// about the prompt tag says "= 'true'" or "!= 'false'".
func wantsPrompts(e filter.Expr) bool {
	i := slices.IndexFunc(e, aboutPromptTag)
	if i < 0 {
		return false
	}
	value := strings.ToLower(e[i].Value.Str)
	return e[i].Op == filter.Eq && value == "true" || e[i].Op == filter.Ne && value == "false"
}

// withTie appends the tie breakers that order does not have yet.
func withTie(order []filter.Order, ties ...filter.Order) []filter.Order {
	for _, t := range ties {
		if !slices.ContainsFunc(order, func(o filter.Order) bool { return o.Field == t.Field }) {
			order = append(order, t)
		}
	}
	return order
}
