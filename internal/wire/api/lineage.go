package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	flow "github.com/assayhq/assay/internal/flow/lineage"
)

type lineage struct{ flow *flow.Service }

// ServeLineage adds the graph of what came of what.
func (s *Server) ServeLineage(service *flow.Service) {
	l := lineage{service}
	s.add(route{method: "GET", path: "/w/{ws}/lineage", need: caller.Read, call: l.get})
}

type lineageOpen struct {
	Page   string            `json:"page"`
	Params map[string]string `json:"params"`
}

type lineageNode struct {
	ID     string       `json:"id"`
	Kind   string       `json:"kind"`
	Ref    string       `json:"ref"`
	Label  string       `json:"label"`
	Detail string       `json:"detail"`
	TimeMS *int64       `json:"time_ms"`
	Broken *string      `json:"broken"`
	Count  *int64       `json:"count"`
	Exact  bool         `json:"exact"`
	Open   *lineageOpen `json:"open"`
	Step   int          `json:"step"`
}

type lineageEdge struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Reason string `json:"reason"`
}

func (l lineage) get(ctx context.Context, r *http.Request) (any, error) {
	q, depth := r.URL.Query(), 0
	if d := q.Get("depth"); d != "" {
		var err error
		if depth, err = strconv.Atoi(d); err != nil || depth < 1 {
			return nil, fault.Invalidf("depth must be from 1 to %d, not %q", flow.MaxDepth, clip(d))
		}
	}
	g, err := l.flow.Of(ctx, q.Get("kind"), q.Get("id"), depth)
	if err != nil {
		return nil, err
	}
	nodes, edges := []lineageNode{}, []lineageEdge{}
	for _, n := range g.Nodes {
		nodes = append(nodes, lineageNode{n.ID, n.Kind, n.Ref, n.Label, n.Detail, nullable(n.Time), nullable(n.Broken), nullable(n.Count), n.Exact || n.Count == 0, (*lineageOpen)(n.Open), n.Step})
	}
	for _, e := range g.Edges {
		edges = append(edges, lineageEdge(e))
	}
	return map[string]any{"focus": g.Focus, "nodes": nodes, "edges": edges, "more": g.More}, nil
}
