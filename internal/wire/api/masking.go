package api

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/mask"
	"github.com/assayhq/assay/internal/masking"
)

type maskingRules struct{ domain *masking.Service }

// ServeMasking adds the masking rules of a workspace.
func (s *Server) ServeMasking(domain *masking.Service) {
	m := maskingRules{domain}
	const base = "/w/{ws}/masking"
	s.add(
		route{method: "GET", path: base, need: caller.Administer, call: m.get},
		route{method: "PUT", path: base, need: caller.Administer, call: body(m.put)},
		route{method: "DELETE", path: base, need: caller.Administer, call: m.remove},
		route{method: "POST", path: base + "/try", need: caller.Administer, call: body(m.try)},
	)
}

// maskPolicy is a policy without nulls.
type maskPolicy struct {
	BuiltIn           []mask.Use  `json:"built_in"`
	Rules             []mask.Rule `json:"rules"`
	Allow             []string    `json:"allow"`
	PseudonymousUsers bool        `json:"pseudonymous_users"`
}

func maskPolicyOf(p mask.Policy) maskPolicy {
	return maskPolicy{orEmpty(p.BuiltIn), orEmpty(p.Rules), orEmpty(p.Allow), p.PseudonymousUsers}
}

func (p *maskPolicy) policy() mask.Policy {
	return mask.Policy{BuiltIn: p.BuiltIn, Rules: p.Rules, Allow: p.Allow, PseudonymousUsers: p.PseudonymousUsers}
}

type maskCount struct {
	Rule  string `json:"rule"`
	Count int64  `json:"count"`
}

func maskCounts(list []masking.Count) []maskCount {
	out := []maskCount{}
	for _, c := range list {
		out = append(out, maskCount{c.Rule, c.N})
	}
	return out
}

func (m maskingRules) get(ctx context.Context, _ *http.Request) (any, error) {
	o, err := m.domain.Overview(ctx)
	if err != nil {
		return nil, err
	}
	type builtIn struct {
		Name        string `json:"name"`
		Replacement string `json:"replacement"`
		About       string `json:"about"`
	}
	type ofExperiment struct {
		Experiment string     `json:"experiment_id"`
		Policy     maskPolicy `json:"policy"`
	}
	known := []builtIn{}
	for _, b := range mask.BuiltIns {
		known = append(known, builtIn{b.Name, b.Replacement, b.About})
	}
	experiments := []ofExperiment{}
	for _, e := range o.Experiments {
		experiments = append(experiments, ofExperiment{e.Experiment, maskPolicyOf(e.Policy)})
	}
	return map[string]any{"policy": maskPolicyOf(o.Policy), "own": o.Own, "experiments": experiments, "built_in": known,
		"counts": maskCounts(o.Counts), "since_ms": o.Since.UnixMilli()}, nil
}

type maskingChange struct {
	Experiment string     `json:"experiment_id"`
	Policy     maskPolicy `json:"policy"`
}

func (m maskingRules) put(ctx context.Context, r *http.Request, req *maskingChange) (any, error) {
	if err := m.domain.Set(ctx, req.Experiment, req.Policy.policy()); err != nil {
		return nil, err
	}
	return m.get(ctx, r)
}

func (m maskingRules) remove(ctx context.Context, r *http.Request) (any, error) {
	if err := m.domain.Unset(ctx, r.URL.Query().Get("experiment_id")); err != nil {
		return nil, err
	}
	return m.get(ctx, r)
}

type maskingTrial struct {
	Experiment string      `json:"experiment_id"`
	Field      string      `json:"field"`
	Text       string      `json:"text"`
	Policy     *maskPolicy `json:"policy"`
}

func (m maskingRules) try(ctx context.Context, _ *http.Request, req *maskingTrial) (any, error) {
	var p *mask.Policy
	if req.Policy != nil {
		given := req.Policy.policy()
		p = &given
	}
	t, err := m.domain.Try(ctx, req.Experiment, req.Field, req.Text, p)
	if err != nil {
		return nil, err
	}
	return map[string]any{"text": t.Text, "counts": maskCounts(t.Counts)}, nil
}
