package tracing

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

// NodeStats is what one node, tool, model or the like did in a trace.
type NodeStats struct {
	Value string
	Total *Measures
}

// TraceNodes returns the measures of one trace by a dimension of spans, the
// longest first.
func (s *Service) TraceNodes(ctx context.Context, id trace.ID, by string) ([]NodeStats, error) {
	d, err := parseDimension(by)
	if err != nil {
		return nil, err
	}
	if d.Dim < DimModel || d.Dim == DimScore {
		return nil, fault.Invalidf("the spans of a trace are grouped by model, provider, node, tool, agent, type, span or error, not by %q", by)
	}
	info, err := s.Info(ctx, id)
	if err != nil {
		return nil, err
	}
	rows, err := s.store.SpanRows(ctx, id)
	if err != nil {
		return nil, err
	}
	cells := NewCells()
	cells.Fold(&info, rows)
	list := []NodeStats{}
	if set := cells.dims[d]; set != nil {
		for v, m := range set.values {
			list = append(list, NodeStats{v, m})
		}
	}
	slices.SortFunc(list, func(a, b NodeStats) int {
		return cmp.Or(cmp.Compare(b.Total.Time, a.Total.Time), strings.Compare(a.Value, b.Value))
	})
	return list, nil
}
