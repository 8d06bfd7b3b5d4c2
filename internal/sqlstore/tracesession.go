package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/tracing"
)

// sessionChunk is how many traces are walked through at a time for their
// sessions, and maxSessionWalk how many for one page.
const (
	sessionChunk   = 500
	maxSessionWalk = 50_000
)

// Sessions implements [tracing.SearchStore].
func (st *Traces) Sessions(ctx context.Context, q tracing.SessionQuery) ([]tracing.Session, string, error) {
	p, err := st.plan(ctx, &tracing.Query{Experiments: q.Experiments, From: q.From, To: q.To})
	if err != nil || p.nothing {
		return []tracing.Session{}, "", err
	}
	scope := *p // sums are of all turns in scope, whoever the words find
	if q.Text != "" {
		pattern := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(q.Text) + "%"
		p.add("("+st.index.Dialect.ILike("session")+" OR "+st.index.Dialect.ILike("usr")+")", pattern, pattern)
	}
	query := page.NewQuery("sessions", fmt.Sprint(q.Text, q.Experiments, q.From, q.To, q.Order, q.Ascending), fmt.Sprint(p.workspace))
	find := p.sessionsByValue
	if q.Order == "last" && !q.Ascending {
		find = p.newestSessions
	}
	ids, next, err := find(ctx, &q, query)
	if err != nil {
		return nil, "", err
	}
	list, err := scope.sumSessions(ctx, ids)
	return list, next, err
}

// newestSessions walks the traces from the newest back; a session is listed
// where its newest trace is, so that a page costs what it shows.
func (p *tracePlan) newestSessions(ctx context.Context, q *tracing.SessionQuery, query page.Query) (ids []string, next string, err error) {
	token, err := page.Decode(q.Token, query, 2)
	if err != nil {
		return nil, "", err
	}
	// Not by the index of sessions: the walk is by time.
	p.add(p.st.unindexed("session") + " IS NOT NULL")
	where, args := p.where(p.only())
	type step struct {
		start, n int64
		session  string
	}
	seen := map[string]bool{}
	begin := step{start: 1 << 62, n: 1 << 62}
	if len(token) > 0 {
		begin = step{start: token[0].Int, n: token[1].Int}
	}
	from := begin
	for walked := 0; walked < maxSessionWalk; {
		var steps []step
		err := p.st.index.Each(ctx, `SELECT start_ms, n, session FROM trace WHERE `+where+` AND start_ms <= ? AND (start_ms < ? OR n < ?) ORDER BY start_ms DESC, n DESC LIMIT ?`,
			slices.Concat(args, []any{from.start, from.start, from.n, sessionChunk}), func(scan func(...any) error) error {
				var s step
				err := scan(&s.start, &s.n, &s.session)
				steps = append(steps, s)
				return err
			})
		if err != nil {
			return nil, "", err
		}
		var fresh []string
		for _, s := range steps {
			if !seen[s.session] {
				seen[s.session] = true
				fresh = append(fresh, s.session)
			}
		}
		listed := map[string]bool{} // on a page before
		if len(token) > 0 {
			if listed, err = p.sessionsAfter(ctx, fresh, begin.start, begin.n); err != nil {
				return nil, "", err
			}
		}
		at := 0
		for _, s := range steps {
			if at < len(fresh) && fresh[at] == s.session {
				at++
				if !listed[s.session] {
					if len(ids) == q.Limit {
						return ids, page.Encode(query, page.IntKey(from.start), page.IntKey(from.n)), nil
					}
					ids = append(ids, s.session)
				}
			}
			from = s
		}
		walked += len(steps)
		if len(steps) < sessionChunk {
			return ids, "", nil
		}
	}
	return ids, page.Encode(query, page.IntKey(from.start), page.IntKey(from.n)), nil
}

// ofSessions is the plan's scope narrowed to sessions, driven by their index.
func (p *tracePlan) ofSessions(ids []string) (string, []any) {
	conds, args := []string{"session IN (" + Marks(len(ids)) + ")"}, make([]any, 0, len(ids)+4)
	for _, s := range ids {
		args = append(args, s)
	}
	conds, args = append(conds, p.st.unindexed("workspace")+" = ?"), append(args, p.workspace)
	if len(p.experiments) > 0 {
		conds = append(conds, p.st.unindexed("experiment")+" IN ("+Marks(len(p.experiments))+")")
		for _, e := range p.experiments {
			args = append(args, e)
		}
	}
	for i, c := range p.conds {
		if strings.HasPrefix(c, "@start_ms") { // the first arguments are theirs, in order
			conds, args = append(conds, c[1:]), append(args, p.args[i])
		}
	}
	return strings.Join(conds, " AND "), args
}

// sessionsAfter returns which of the sessions have a turn at or after a trace.
func (p *tracePlan) sessionsAfter(ctx context.Context, ids []string, start, n int64) (map[string]bool, error) {
	found := map[string]bool{}
	if len(ids) == 0 {
		return found, nil
	}
	where, args := p.ofSessions(ids)
	err := p.st.index.Each(ctx, `SELECT DISTINCT session FROM trace WHERE `+where+` AND start_ms >= ? AND (start_ms > ? OR n >= ?)`,
		append(args, start, start, n), func(scan func(...any) error) error {
			var s string
			err := scan(&s)
			found[s] = true
			return err
		})
	return found, err
}

// sessionValue is what an order sorts by, as an aggregate over a session's
// turns. Unknown sorts below everything.
var sessionValue = map[string]string{
	"last":     "CAST(max(start_ms) AS BIGINT)",
	"first":    "CAST(min(start_ms) AS BIGINT)",
	"turns":    "CAST(count(*) AS BIGINT)",
	"errors":   "CAST(count(CASE WHEN state = 0 THEN 1 END) AS BIGINT)",
	"tokens":   "CAST(coalesce(sum(tokens), -1) AS BIGINT)",
	"cost":     "CAST(coalesce(sum(cost), -1) AS BIGINT)",
	"duration": "CAST(max(start_ms + coalesce(duration_ms, 0)) - min(start_ms) AS BIGINT)",
	"score":    "coalesce(min(w.worst), 1e300)",
}

// worstScores is the lowest numeric feedback of each trace that has one.
const worstScores = ` LEFT JOIN (SELECT trace AS of_trace, min(number) AS worst FROM assessment WHERE valid = 1 AND kind = 'feedback' AND number IS NOT NULL GROUP BY trace) w ON w.of_trace = trace.n`

// sessionsByValue groups all traces in scope. It reads each of them once, so
// it costs more than newest first, however little is shown.
func (p *tracePlan) sessionsByValue(ctx context.Context, q *tracing.SessionQuery, query page.Query) (ids []string, next string, err error) {
	token, err := page.Decode(q.Token, query, 2)
	if err != nil {
		return nil, "", err
	}
	p.add("session IS NOT NULL")
	where, args := p.where(p.only())
	value, from, compare := sessionValue[q.Order], "trace", "<"
	if q.Order == "score" {
		from += worstScores
	}
	if q.Ascending {
		compare = ">"
	}
	having := ""
	if len(token) > 0 {
		having = ` HAVING ` + value + ` ` + compare + ` ? OR ` + value + ` = ? AND session > ?`
		args = append(args, token[0].Any(), token[0].Any(), token[1].Str)
	}
	var values []page.Key
	err = p.st.index.Each(ctx, `SELECT session, `+value+` FROM `+from+` WHERE `+where+` GROUP BY session`+having+` ORDER BY 2`+direction(!q.Ascending)+`, 1 LIMIT ?`,
		append(args, q.Limit+1), func(scan func(...any) error) error {
			var s string
			var err error
			if q.Order == "score" {
				var v float64
				err = scan(&s, &v)
				values = append(values, page.FloatKey(v))
			} else {
				var v int64
				err = scan(&s, &v)
				values = append(values, page.IntKey(v))
			}
			ids = append(ids, s)
			return err
		})
	if err != nil || len(ids) <= q.Limit {
		return ids, "", err
	}
	ids = ids[:q.Limit]
	return ids, page.Encode(query, values[q.Limit-1], page.StringKey(ids[q.Limit-1])), nil
}

// sumSessions sums up sessions within the plan's scope, in the order of ids.
func (p *tracePlan) sumSessions(ctx context.Context, ids []string) ([]tracing.Session, error) {
	list := make([]tracing.Session, len(ids))
	at := make(map[string]*tracing.Session, len(ids))
	for i, id := range ids {
		list[i] = tracing.Session{ID: id, Tokens: -1, Cost: -1}
		at[id] = &list[i]
	}
	if len(ids) == 0 {
		return list, nil
	}
	where, args := p.ofSessions(ids)
	err := p.st.index.Each(ctx, `SELECT session, max(usr), `+sessionValue["turns"]+`, `+sessionValue["errors"]+`, min(start_ms), max(start_ms + coalesce(duration_ms, 0)),
		`+sessionValue["tokens"]+`, `+sessionValue["cost"]+`, CAST(sum(unpriced) AS BIGINT) FROM trace WHERE `+where+` GROUP BY session`, args,
		func(scan func(...any) error) error {
			var s tracing.Session
			var user *string
			if err := scan(&s.ID, &user, &s.Traces, &s.Errors, &s.First, &s.Last, &s.Tokens, &s.Cost, &s.Unpriced); err != nil {
				return err
			}
			s.User = text(user)
			*at[s.ID] = s
			return nil
		})
	if err != nil {
		return nil, err
	}
	err = p.st.index.Each(ctx, `SELECT session, request FROM trace WHERE n IN (SELECT n FROM
		(SELECT n, row_number() OVER (PARTITION BY session ORDER BY start_ms, n) AS place FROM trace WHERE `+where+`) AS turn WHERE place = 1)`, args,
		func(scan func(...any) error) error {
			var id string
			var request *string
			err := scan(&id, &request)
			at[id].FirstInput = text(request)
			return err
		})
	if err != nil {
		return nil, err
	}
	err = p.st.index.Each(ctx, `SELECT session, experiment FROM trace WHERE `+where+` GROUP BY session, experiment ORDER BY max(start_ms) DESC`, args,
		func(scan func(...any) error) error {
			var id string
			var experiment int64
			err := scan(&id, &experiment)
			at[id].Experiments = append(at[id].Experiments, strconv.FormatInt(experiment, 10))
			return err
		})
	if err != nil {
		return nil, err
	}
	// The lowest score comes last, and stays.
	err = p.st.index.Each(ctx, `SELECT trace.session, a.name, min(a.number) FROM assessment a JOIN trace ON trace.n = a.trace
		WHERE a.valid = 1 AND a.kind = 'feedback' AND a.number IS NOT NULL AND `+where+` GROUP BY trace.session, a.name ORDER BY 3 DESC, 2 DESC`, args,
		func(scan func(...any) error) error {
			var id string
			var score tracing.SessionScore
			err := scan(&id, &score.Name, &score.Value)
			at[id].Worst = &score
			return err
		})
	return list, err
}

// Session implements [tracing.SearchStore].
func (st *Traces) Session(ctx context.Context, id string) (tracing.SessionDetail, error) {
	var d tracing.SessionDetail
	p := &tracePlan{st: st, workspace: st.workspace(caller.Workspace(ctx))}
	list, err := p.sumSessions(ctx, []string{id})
	if err != nil {
		return d, err
	}
	if d.Session = list[0]; d.Traces == 0 {
		return d, fault.NotFoundf("no session %q", clip(id))
	}
	where, args := p.ofSessions([]string{id})
	for _, c := range []struct {
		sql string
		row func(scan func(...any) error) error
	}{
		{`SELECT DISTINCT usr FROM trace WHERE ` + where + ` AND usr IS NOT NULL ORDER BY 1 LIMIT 20`, func(scan func(...any) error) error {
			var user string
			err := scan(&user)
			d.Users = append(d.Users, user)
			return err
		}},
		{`SELECT DISTINCT models FROM trace WHERE ` + where + ` AND models IS NOT NULL LIMIT 200`, func(scan func(...any) error) error {
			var text string
			if err := scan(&text); err != nil {
				return err
			}
			var models []string
			if err := json.Unmarshal([]byte(text), &models); err != nil {
				return err
			}
			for _, m := range models {
				if len(d.Models) < 20 && !slices.Contains(d.Models, m) {
					d.Models = append(d.Models, m)
				}
			}
			return nil
		}},
		{`SELECT a.name, count(a.number), count(*) - count(a.number), coalesce(avg(a.number), 0), coalesce(min(a.number), 0) FROM assessment a JOIN trace ON trace.n = a.trace
			WHERE a.valid = 1 AND a.kind = 'feedback' AND ` + where + ` GROUP BY a.name ORDER BY a.name LIMIT 100`, func(scan func(...any) error) error {
			var s tracing.SessionScoreOfName
			err := scan(&s.Name, &s.N, &s.Missing, &s.Mean, &s.Min)
			d.Scores = append(d.Scores, s)
			return err
		}},
		{`SELECT place - 1 FROM (SELECT state, row_number() OVER (ORDER BY start_ms, n) AS place FROM trace WHERE ` + where + `) AS turn
			WHERE state = 0 ORDER BY 1 LIMIT ` + strconv.Itoa(tracing.MaxFailedTurns), func(scan func(...any) error) error {
			var place int
			err := scan(&place)
			d.Failed = append(d.Failed, place)
			return err
		}},
	} {
		if err := st.index.Each(ctx, c.sql, args, c.row); err != nil {
			return d, err
		}
	}
	return d, nil
}

// Turns implements [tracing.SearchStore]. Turns are read by place: a reader
// jumps to any of them, and the index of sessions keeps a far one cheap.
func (st *Traces) Turns(ctx context.Context, session string, from, limit int) ([]tracing.Info, error) {
	p := &tracePlan{st: st, workspace: st.workspace(caller.Workspace(ctx))}
	where, args := p.ofSessions([]string{session})
	rows, err := p.selectRows(ctx, `n IN (SELECT n FROM (SELECT n FROM trace WHERE `+where+` ORDER BY start_ms, n LIMIT ? OFFSET ?) AS turn)`, "start_ms, n",
		append(args, limit, from), limit)
	if err != nil {
		return nil, err
	}
	return st.dress(ctx, rows, true)
}

// unindexed keeps SQLite from answering by the index of a column.
func (st *Traces) unindexed(column string) string {
	if st.index.writer != nil {
		return "+" + column
	}
	return column
}
