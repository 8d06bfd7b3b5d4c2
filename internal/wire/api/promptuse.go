package api

import (
	"context"
	"net/http"

	"github.com/assayhq/assay/internal/stats"
)

type promptRun struct {
	RunID   string  `json:"run_id"`
	RunName *string `json:"run_name"`
	Traces  int64   `json:"traces"`
}

type promptScore struct {
	Name    string  `json:"name"`
	N       int64   `json:"n"`
	Missing int64   `json:"missing"`
	Mean    *number `json:"mean"`
	Low     *number `json:"low"`
	High    *number `json:"high"`
}

type promptUse struct {
	Version string        `json:"version"`
	Traces  int64         `json:"traces"`
	Errors  int64         `json:"errors"`
	FirstMS int64         `json:"first_ms"`
	LastMS  int64         `json:"last_ms"`
	Runs    []promptRun   `json:"runs"`
	Scores  []promptScore `json:"scores"`
}

// uses says where the versions of a prompt were used and how what they made
// was scored.
func (p prompts) uses(ctx context.Context, r *http.Request) (any, error) {
	name := r.PathValue("name")
	if _, err := modelOf(ctx, p.domain, name, true); err != nil {
		return nil, err
	}
	found, exact, err := p.traces.PromptUses(ctx, name)
	if err != nil {
		return nil, err
	}
	out := []promptUse{}
	for _, u := range found {
		row := promptUse{u.Version, u.Traces, u.Errors, u.First, u.Last, []promptRun{}, []promptScore{}}
		for _, x := range u.Runs {
			run := promptRun{RunID: x.RunID, Traces: x.Traces}
			if info, err := p.runs.RunInfo(ctx, x.RunID); err == nil {
				run.RunName = nullable(info.Name)
			}
			row.Runs = append(row.Runs, run)
		}
		for _, s := range u.Scores {
			iv := stats.MomentInterval(int(s.N), s.Mean, s.Deviation, 0.95)
			row.Scores = append(row.Scores, promptScore{s.Name, s.N, s.Missing, finite(s.Mean), finite(iv.Low), finite(iv.High)})
		}
		out = append(out, row)
	}
	return map[string]any{"versions": out, "exact": exact}, nil
}
