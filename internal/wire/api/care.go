package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
)

type care struct {
	server *Server
	domain *flow.Care
}

// ServeCare adds retention and permanent deletion.
func (s *Server) ServeCare(domain *flow.Care) {
	c := care{s, domain}
	const retention = "/w/{ws}/retention"
	s.add(
		route{method: "GET", path: retention, need: caller.Administer, call: c.retention},
		route{method: "PUT", path: retention, need: caller.Administer, call: body(c.setRetention)},
		route{method: "DELETE", path: retention, need: caller.Administer, call: c.unsetRetention},
		route{method: "POST", path: retention + "/run", need: caller.Administer, call: body(c.runRetention)},
		route{method: "POST", path: "/w/{ws}/purge", need: caller.Write, call: body(c.purge)},
	)
}

type retentionRule struct {
	Filter string   `json:"filter"`
	Share  *float64 `json:"share"`
	Days   *int     `json:"days"`
}

type retentionPolicy struct {
	Rules       []retentionRule `json:"rules"`
	DeletedDays *int            `json:"deleted_days"`
}

func retentionOf(r flow.Retention) retentionPolicy {
	p := retentionPolicy{Rules: []retentionRule{}, DeletedDays: nullable(r.DeletedDays)}
	for _, rule := range r.Rules {
		p.Rules = append(p.Rules, retentionRule{rule.Filter, nullable(rule.Share), nullable(rule.Days)})
	}
	return p
}

func (p *retentionPolicy) policy() flow.Retention {
	r := flow.Retention{Rules: []flow.RetentionRule{}}
	if p.DeletedDays != nil {
		r.DeletedDays = *p.DeletedDays
	}
	for _, rule := range p.Rules {
		out := flow.RetentionRule{Filter: rule.Filter}
		if rule.Share != nil {
			out.Share = *rule.Share
		}
		if rule.Days != nil {
			out.Days = *rule.Days
		}
		r.Rules = append(r.Rules, out)
	}
	return r
}

func (c care) retention(ctx context.Context, _ *http.Request) (any, error) {
	o, err := c.domain.Retention(ctx)
	if err != nil {
		return nil, err
	}
	type ofExperiment struct {
		Experiment string          `json:"experiment_id"`
		Policy     retentionPolicy `json:"policy"`
	}
	type lastRun struct {
		JobID   string          `json:"job_id"`
		EndedMS int64           `json:"ended_ms"`
		Report  json.RawMessage `json:"report"`
	}
	out := struct {
		Policy      retentionPolicy `json:"policy"`
		Experiments []ofExperiment  `json:"experiments"`
		Last        *lastRun        `json:"last_run"`
		KeepTag     string          `json:"keep_tag"`
	}{Policy: retentionOf(o.Policy), Experiments: []ofExperiment{}, KeepTag: flow.KeepTag}
	for id, p := range o.Experiments {
		out.Experiments = append(out.Experiments, ofExperiment{id, retentionOf(p)})
	}
	if o.Last != nil {
		out.Last = &lastRun{o.Last.Job, o.Last.Ended, o.Last.Report}
	}
	return out, nil
}

type retentionChange struct {
	Experiment string          `json:"experiment_id"`
	Policy     retentionPolicy `json:"policy"`
}

func (c care) setRetention(ctx context.Context, r *http.Request, req *retentionChange) (any, error) {
	p := req.Policy.policy()
	if err := c.domain.SetRetention(ctx, req.Experiment, &p); err != nil {
		return nil, err
	}
	return c.retention(ctx, r)
}

func (c care) unsetRetention(ctx context.Context, r *http.Request) (any, error) {
	if err := c.domain.SetRetention(ctx, r.URL.Query().Get("experiment_id"), nil); err != nil {
		return nil, err
	}
	return c.retention(ctx, r)
}

type retentionRun struct {
	DryRun bool             `json:"dry_run"`
	Policy *retentionPolicy `json:"policy"`
}

func (c care) runRetention(ctx context.Context, _ *http.Request, req *retentionRun) (any, error) {
	if !req.DryRun {
		if req.Policy != nil {
			return nil, fault.Invalidf("a policy can only be tried; set it before it is carried out")
		}
		j, err := c.domain.RunRetention(ctx)
		return map[string]any{"report": nil, "job": jobOf(j)}, err
	}
	var instead *flow.Retention
	if req.Policy != nil {
		p := req.Policy.policy()
		instead = &p
	}
	report, err := c.domain.EstimateRetention(ctx, instead)
	return map[string]any{"report": report, "job": nil}, err
}

type purgeRequest struct {
	Kind        string   `json:"kind"`
	IDs         []string `json:"ids"`
	Filter      string   `json:"filter"`
	Text        string   `json:"text"`
	FromMS      int64    `json:"from_ms"`
	ToMS        int64    `json:"to_ms"`
	Experiments []string `json:"experiment_ids"`
	User        string   `json:"user"`
	Force       bool     `json:"force"`
	DryRun      bool     `json:"dry_run"`
}

func (c care) purge(ctx context.Context, _ *http.Request, req *purgeRequest) (any, error) {
	q := flow.PurgeRequest{Kind: req.Kind, IDs: req.IDs, Filter: req.Filter, Text: req.Text, From: req.FromMS, To: req.ToMS,
		Experiments: req.Experiments, User: req.User, Force: req.Force}
	if err := c.server.authorize(ctx, q.Needs()); err != nil {
		return nil, err
	}
	if req.DryRun {
		report, err := c.domain.Estimate(ctx, q)
		return map[string]any{"report": report, "job": nil}, err
	}
	j, report, err := c.domain.Purge(ctx, q)
	if err != nil {
		return nil, err
	}
	return map[string]any{"report": report, "job": jobOf(j)}, nil
}
