package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/tracing"
)

// sessionChunk is how many traces are walked through at a time for their
// sessions, and maxSessionWalk how many for one page.
const (
	sessionChunk   = 500
	maxSessionWalk = 50_000
)

// Sessions implements [tracing.SearchStore]. It walks the traces from the
// newest back; a session is listed where its newest trace is.
func (st *Traces) Sessions(ctx context.Context, q tracing.SessionQuery) ([]tracing.Session, string, error) {
	list := []tracing.Session{}
	p, err := st.plan(ctx, &tracing.Query{Experiments: q.Experiments, From: q.From, To: q.To})
	if err != nil || p.nothing {
		return list, "", err
	}
	session, user := st.unindexed("session"), st.unindexed("usr") // the walk is by time
	p.add(session + " IS NOT NULL")
	if q.Prefix != "" {
		p.add("("+session+" >= ? AND "+session+" < ? OR "+user+" >= ? AND "+user+" < ?)", q.Prefix, q.Prefix+"\U0010FFFF", q.Prefix, q.Prefix+"\U0010FFFF")
	}
	query := page.NewQuery("sessions", fmt.Sprint(q.Prefix, q.Experiments, q.From, q.To), fmt.Sprint(p.workspace))
	token, err := page.Decode(q.Token, query, 2)
	if err != nil {
		return nil, "", err
	}
	where, args := p.where(p.only())
	type step struct {
		start, n int64
		session  string
	}
	seen := map[string]bool{}
	from := step{start: 1 << 62, n: 1 << 62}
	if len(token) > 0 {
		from = step{start: token[0].Int, n: token[1].Int}
	}
	for walked := 0; walked < maxSessionWalk; {
		var steps []step
		err := st.index.Each(ctx, `SELECT start_ms, n, session FROM trace WHERE `+where+` AND start_ms <= ? AND (start_ms < ? OR n < ?) ORDER BY start_ms DESC, n DESC LIMIT ?`,
			slices.Concat(args, []any{from.start, from.start, from.n, sessionChunk}), func(scan func(...any) error) error {
				var s step
				err := scan(&s.start, &s.n, &s.session)
				steps = append(steps, s)
				return err
			})
		if err != nil {
			return nil, "", err
		}
		for _, s := range steps {
			if !seen[s.session] {
				seen[s.session] = true
				one, newest, err := st.session(ctx, p, s.session)
				if err != nil {
					return nil, "", err
				}
				if newest == s.n {
					if len(list) == q.Limit {
						return list, page.Encode(query, page.IntKey(from.start), page.IntKey(from.n)), nil
					}
					list = append(list, one)
				}
			}
			from = s
		}
		walked += len(steps)
		if len(steps) < sessionChunk {
			return list, "", nil
		}
	}
	return list, page.Encode(query, page.IntKey(from.start), page.IntKey(from.n)), nil
}

// session sums up one session within the plan's scope; newest is the number
// of its newest trace.
func (st *Traces) session(ctx context.Context, p *tracePlan, id string) (s tracing.Session, newest int64, err error) {
	s = tracing.Session{ID: id, Tokens: -1, Cost: -1}
	conds := []string{"session = ?", "+workspace = ?"}
	args := []any{id, p.workspace}
	if len(p.experiments) > 0 {
		conds = append(conds, "+experiment IN ("+Marks(len(p.experiments))+")")
		for _, e := range p.experiments {
			args = append(args, e)
		}
	}
	for i, c := range p.conds {
		if strings.HasPrefix(c, "@start_ms") { // the first arguments are theirs, in order
			conds, args = append(conds, c[1:]), append(args, p.args[i])
		}
	}
	first := true
	err = st.index.Each(ctx, `SELECT n, start_ms, errors, tokens, cost, usr, request, experiment, duration_ms, state FROM trace WHERE `+strings.Join(conds, " AND ")+` ORDER BY start_ms DESC, n DESC`,
		args, func(scan func(...any) error) error {
			var n, start, errors, experiment, state int64
			var tokens, cost, duration *int64
			var user, request *string
			if err := scan(&n, &start, &errors, &tokens, &cost, &user, &request, &experiment, &duration, &state); err != nil {
				return err
			}
			if first {
				newest, first = n, false
				s.Last = start + max(0, number(duration))
			}
			s.Traces++
			if tracing.States[state&3] == tracing.StateError {
				s.Errors++
			}
			s.First = start
			s.FirstInput = text(request)
			if s.User == "" {
				s.User = text(user)
			}
			addKnown(&s.Tokens, number(tokens))
			addKnown(&s.Cost, number(cost))
			if e := strconv.FormatInt(experiment, 10); !slices.Contains(s.Experiments, e) {
				s.Experiments = append(s.Experiments, e)
			}
			return nil
		})
	return s, newest, err
}

// unindexed keeps SQLite from answering by the index of a column.
func (st *Traces) unindexed(column string) string {
	if st.index.writer != nil {
		return "+" + column
	}
	return column
}

func addKnown(sum *int64, v int64) {
	if v >= 0 {
		*sum = max(0, *sum) + v
	}
}
