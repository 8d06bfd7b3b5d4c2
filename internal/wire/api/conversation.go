package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
)

type worstScore struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// conversation is the contract's Conversation: a session of traces, as opposed
// to the login sessions of session.go.
type conversation struct {
	Session       string      `json:"session"`
	User          *string     `json:"user"`
	Traces        int         `json:"traces"`
	Errors        int         `json:"errors"`
	FirstMS       int64       `json:"first_ms"`
	LastMS        int64       `json:"last_ms"`
	Tokens        *int64      `json:"tokens"`
	Cost          *float64    `json:"cost"`
	Unpriced      int         `json:"unpriced"`
	FirstInput    string      `json:"first_input"`
	ExperimentIDs []string    `json:"experiment_ids"`
	WorstScore    *worstScore `json:"worst_score"`
}

func conversationOf(s tracing.Session) conversation {
	c := conversation{s.ID, nullable(s.User), s.Traces, s.Errors, s.First, s.Last, count(s.Tokens), dollars(s.Cost), s.Unpriced, s.FirstInput, orEmpty(s.Experiments), nil}
	if s.Worst != nil {
		c.WorstScore = &worstScore{s.Worst.Name, s.Worst.Value}
	}
	return c
}

func (t traces) sessions(ctx context.Context, r *http.Request) (any, error) {
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	from, err := millis(r, "from_ms", 0)
	if err != nil {
		return nil, err
	}
	to, err := millis(r, "to_ms", 0)
	if err != nil {
		return nil, err
	}
	v := r.URL.Query()
	order, desc := strings.CutPrefix(v.Get("order_by"), "-")
	list, next, err := t.domain.Sessions(ctx, tracing.SessionQuery{Text: v.Get("q"), Experiments: v["experiment_id"], From: from, To: to,
		Order: order, Ascending: order != "" && !desc, Limit: n, Token: v.Get("page_token")})
	if err != nil {
		return nil, err
	}
	out := []conversation{}
	for _, s := range list {
		out = append(out, conversationOf(s))
	}
	return map[string]any{"sessions": out, "next_page_token": nullable(next)}, nil
}

type scoreOfName struct {
	Name    string   `json:"name"`
	N       int64    `json:"n"`
	Missing int64    `json:"missing"`
	Mean    *float64 `json:"mean"`
	Min     *float64 `json:"min"`
}

func (t traces) session(ctx context.Context, r *http.Request) (any, error) {
	d, err := t.domain.Session(ctx, r.PathValue("session"))
	if err != nil {
		return nil, err
	}
	scores := []scoreOfName{}
	for _, s := range d.Scores {
		one := scoreOfName{Name: s.Name, N: s.N, Missing: s.Missing}
		if s.N > 0 {
			one.Mean, one.Min = &s.Mean, &s.Min
		}
		scores = append(scores, one)
	}
	return struct {
		conversation
		Users  []string      `json:"users"`
		Models []string      `json:"models"`
		Scores []scoreOfName `json:"scores"`
		Failed []int         `json:"failed_turns"`
	}{conversationOf(d.Session), orEmpty(d.Users), orEmpty(d.Models), scores, orEmpty(d.Failed)}, nil
}

// maxTurns is how many turns one answer carries.
const maxTurns = 200

func (t traces) turns(ctx context.Context, r *http.Request) (any, error) {
	from, n := 0, 50
	for _, p := range []struct {
		name string
		into *int
		max  int
	}{{"from", &from, 1 << 31}, {"limit", &n, maxTurns}} {
		s := r.URL.Query().Get(p.name)
		if s == "" {
			continue
		}
		v, err := strconv.Atoi(s)
		if err != nil || v < 0 || v > p.max || v == 0 && p.name == "limit" {
			return nil, fault.Invalidf("%s must be a number up to %d, not %q", p.name, p.max, clip(s))
		}
		*p.into = v
	}
	infos, err := t.domain.Turns(ctx, r.PathValue("session"), from, n)
	if err != nil {
		return nil, err
	}
	rows := make([]traceRow, len(infos))
	for i, info := range infos {
		rows[i] = rowOf(info)
	}
	return map[string]any{"from": from, "turns": rows}, nil
}
