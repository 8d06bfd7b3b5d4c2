package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/tracing"
)

// Bounds of one search. A page that reaches them is returned short, with a
// token to go on.
const (
	maxLooked  = 20_000 // rows checked one by one
	searchTime = 4 * time.Second
	checkChunk = 200
)

// fetch reads rows in order behind from (nil: from the start).
func (p *tracePlan) fetch(ctx context.Context, keys []sortKey, from []page.Key, limit int) ([]*headerRow, error) {
	if p.drive != "" || len(p.experiments) <= 1 || len(p.experiments) > 16 {
		e := int64(-1)
		if len(p.experiments) == 1 {
			e = p.experiments[0]
		}
		return p.fetchOne(ctx, e, keys, from, limit)
	}
	// Each experiment has its own stretch of the index; merged they are in order.
	var all []*headerRow
	for _, e := range p.experiments {
		rows, err := p.fetchOne(ctx, e, keys, from, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	sortRows(keys, all)
	return all[:min(limit, len(all))], nil
}

func sortRows(keys []sortKey, rows []*headerRow) {
	values := make(map[*headerRow][]page.Key, len(rows))
	for _, h := range rows {
		values[h] = keysOf(keys, h)
	}
	slices.SortFunc(rows, func(a, b *headerRow) int { return compareKeys(keys, values[a], values[b]) })
}

// fetchOne reads rows of one experiment (-1: of what the plan says). Rows
// whose first key is missing come from a second query, so that the first can
// follow an index.
func (p *tracePlan) fetchOne(ctx context.Context, e int64, keys []sortKey, from []page.Key, limit int) ([]*headerRow, error) {
	where, args := p.where(e)
	first := keys[0]
	var rows []*headerRow
	if !first.nullable || len(from) == 0 || from[0].Kind != page.Null {
		cond, more := "", []any(nil)
		if first.nullable {
			cond += " AND " + first.column + " IS NOT NULL"
		}
		if len(from) > 0 {
			bound := " >= ?"
			if first.desc {
				bound = " <= ?"
			}
			behind, behindArgs := after(keys, from)
			cond += " AND " + first.column + bound + " AND " + behind
			more = append([]any{keyArg(first, from[0])}, behindArgs...)
		}
		var err error
		if rows, err = p.selectRows(ctx, where+cond, orderBy(keys, true), slices.Concat(args, more), limit); err != nil {
			return nil, err
		}
		from = nil
	}
	if !first.nullable || len(rows) == limit {
		return rows, nil
	}
	cond, more := " AND "+first.column+" IS NULL", []any(nil)
	if len(from) > 0 {
		behind, behindArgs := after(keys[1:], from[1:])
		cond, more = cond+" AND "+behind, behindArgs
	}
	missing, err := p.selectRows(ctx, where+cond, orderBy(keys[1:], false), slices.Concat(args, more), limit-len(rows))
	return append(rows, missing...), err
}

// orderBy writes an ORDER BY; with present, the first column has no NULLs.
func orderBy(keys []sortKey, present bool) string {
	parts := make([]string, 0, len(keys))
	for i, k := range keys {
		if k.nullable && !(i == 0 && present) {
			parts = append(parts, "("+k.column+" IS NULL)")
		}
		parts = append(parts, k.column+direction(k.desc))
	}
	return strings.Join(parts, ", ")
}

func (p *tracePlan) selectRows(ctx context.Context, where, order string, args []any, limit int) ([]*headerRow, error) {
	var rows []*headerRow
	err := p.st.index.Each(ctx, `SELECT `+headerColumns+` FROM trace WHERE `+where+` ORDER BY `+order+` LIMIT ?`, append(args, limit), func(scan func(...any) error) error {
		h := &headerRow{}
		rows = append(rows, h)
		return scanHeader(scan, h)
	})
	return rows, err
}

// Search implements [tracing.SearchStore].
func (st *Traces) Search(ctx context.Context, q tracing.Search) (tracing.Page, error) {
	result := tracing.Page{Infos: []tracing.Info{}}
	p, err := st.plan(ctx, &q.Query)
	if err != nil {
		return result, err
	}
	keys, inMemory, err := order(q.Order)
	if err != nil {
		return result, err
	}
	query := page.NewQuery("traces", fmt.Sprint(q.Query), fmt.Sprint(q.Order), fmt.Sprint(p.workspace))
	if len(p.terms) > 0 {
		result.Lag = st.awaitText(ctx)
	}
	if p.nothing {
		return result, nil
	}
	if err := p.spread(ctx, keys[0], q.Filter); err != nil {
		return result, err
	}
	s := &traceSearch{plan: p, keys: keys, limit: q.Limit, token: q.Token, query: query, deadline: time.Now().Add(searchTime)}
	var rows []*headerRow
	switch {
	case inMemory || len(p.terms) > 0 && len(q.Order) > 0 && !newestFirst(q.Order):
		rows, result.Next, err = s.sorted(ctx)
	case len(p.terms) > 0:
		rows, result.Next, err = s.byText(ctx)
	default:
		rows, result.Next, err = s.byIndex(ctx)
	}
	if err != nil {
		return result, err
	}
	result.Missing = s.missing
	result.Infos, err = st.dress(ctx, rows, !q.Bare)
	return result, err
}

// maxSpread is how many experiments a search of the workspace is spread over.
const maxSpread = 16

// spread turns a search of the whole workspace into one of each of its
// experiments, if they are few and if what it orders by, or the name it asks
// for, is in the indexes of experiments alone.
func (p *tracePlan) spread(ctx context.Context, first sortKey, f filter.Expr) error {
	named := slices.ContainsFunc(f, func(c filter.Clause) bool {
		return c.Op == filter.Eq && c.Field == filter.Field{Group: filter.Attribute, Key: "name"}
	})
	if len(p.experiments) > 0 || p.drive != "" || len(p.terms) > 0 || first.column == "start_ms" && !named {
		return nil
	}
	var all, mine []int64
	for last := int64(-1); ; {
		var next *int64
		if err := p.st.index.QueryRow(ctx, `SELECT min(experiment) FROM trace WHERE experiment > ?`, []any{last}, &next); err != nil {
			return err
		}
		if next == nil {
			break
		}
		if last = *next; len(all) == 4*maxSpread {
			return nil
		}
		all = append(all, last)
		var here int64
		err := p.st.index.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM trace WHERE experiment = ? AND +workspace = ? LIMIT 1) AS t`, []any{last, p.workspace}, &here)
		if err != nil {
			return err
		}
		if here > 0 {
			mine = append(mine, last)
		}
	}
	if len(mine) <= maxSpread {
		p.experiments = mine
	}
	return nil
}

// newestFirst reports whether an order is what text is searched in anyway.
func newestFirst(o []filter.Order) bool {
	return o[0].Desc && o[0].Field == filter.Field{Group: filter.Attribute, Key: "timestamp_ms"}
}

// traceSearch is a search under way.
type traceSearch struct {
	plan     *tracePlan
	keys     []sortKey
	limit    int
	token    string
	query    page.Query
	deadline time.Time
	looked   int
	missing  []string
}

func (s *traceSearch) exhausted() bool { return s.looked >= maxLooked || time.Now().After(s.deadline) }

// byIndex follows the order's index.
func (s *traceSearch) byIndex(ctx context.Context) (found []*headerRow, next string, err error) {
	from, err := page.Decode(s.token, s.query, len(s.keys))
	if err != nil {
		return nil, "", err
	}
	if !s.plan.checked() {
		rows, err := s.plan.fetch(ctx, s.keys, from, s.limit+1)
		if err != nil || len(rows) <= s.limit {
			return rows, "", err
		}
		rows = rows[:s.limit]
		return rows, page.Encode(s.query, keysOf(s.keys, rows[s.limit-1])...), nil
	}
	for {
		rows, err := s.plan.fetch(ctx, s.keys, from, checkChunk)
		if err != nil {
			return nil, "", err
		}
		s.looked += len(rows)
		for i, h := range rows {
			if len(found) == s.limit || i > 0 && time.Now().After(s.deadline) {
				return found, page.Encode(s.query, keysOf(s.keys, rows[max(0, i-1)])...), nil
			}
			ok, err := s.holds(ctx, h)
			if err != nil {
				return nil, "", err
			}
			if ok {
				found = append(found, h)
			}
		}
		if len(rows) < checkChunk {
			return found, "", nil
		}
		from = keysOf(s.keys, rows[len(rows)-1])
		if len(found) == s.limit || s.exhausted() {
			return found, page.Encode(s.query, from...), nil
		}
	}
}

// byText follows full text, newest arrival first.
func (s *traceSearch) byText(ctx context.Context) (found []*headerRow, next string, err error) {
	place, err := page.Decode(s.token, s.query, 2)
	if err != nil {
		return nil, "", err
	}
	more := false
	var day, t int64
	err = s.eachText(ctx, place, func(h *headerRow) (bool, error) {
		if len(found) == s.limit || s.exhausted() {
			more = true
			return false, nil
		}
		day, t = int64(h.Partition), h.t
		s.looked++
		ok, err := s.holds(ctx, h)
		if ok {
			found = append(found, h)
		}
		return true, err
	})
	if err != nil || !more {
		return found, "", err
	}
	return found, page.Encode(s.query, page.IntKey(day), page.IntKey(t)), nil
}

// eachText yields the rows whose text holds the plan's terms and that meet
// its conditions, unchecked, newest arrival first, behind place (day, t).
func (s *traceSearch) eachText(ctx context.Context, place []page.Key, yield func(*headerRow) (bool, error)) error {
	days, err := s.plan.st.days(ctx)
	if err != nil {
		return err
	}
	for _, day := range days {
		before := int64(1) << 38
		if len(place) > 0 {
			if int64(day) > place[0].Int {
				continue
			}
			if int64(day) == place[0].Int {
				before = place[1].Int
			}
		}
		more, err := s.textOfDay(ctx, day, before, yield)
		if err != nil {
			if fault.KindOf(err) == fault.Canceled || fault.Is(err, fault.Invalid) {
				return err
			}
			s.plan.st.log.Error("searching the text of traces", "day", day, "error", err)
			s.missing = append(s.missing, fmt.Sprint(day))
			continue
		}
		if !more {
			return nil
		}
	}
	return nil
}

func (s *traceSearch) textOfDay(ctx context.Context, day int, before int64, yield func(*headerRow) (bool, error)) (more bool, err error) {
	st := s.plan.st
	p, err := st.use(ctx, day, false)
	if fault.Is(err, fault.NotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer st.release(p)
	more = true
	var inner error
	chunk := make([]int64, 0, 50)
	flush := func() bool {
		if len(chunk) == 0 {
			return true
		}
		var rows []*headerRow
		rows, inner = s.plan.located(ctx, day, chunk)
		chunk = chunk[:0]
		if inner != nil {
			return false
		}
		for _, h := range rows {
			if more, inner = yield(h); !more || inner != nil {
				return false
			}
		}
		return ctx.Err() == nil
	}
	err = p.textMatches(ctx, s.plan.terms, before, func(t int64) bool {
		chunk = append(chunk, t)
		return len(chunk) < cap(chunk) || flush()
	})
	if err == nil && inner == nil && more {
		flush()
	}
	if inner != nil {
		err = inner
	}
	return more, cmp.Or(err, ctx.Err())
}

// located reads the rows of a day's traces that meet the plan's conditions,
// by descending number.
func (p *tracePlan) located(ctx context.Context, day int, numbers []int64) ([]*headerRow, error) {
	where, args := p.where(-1)
	conds := `+part = ? AND part = ? AND t IN (` + Marks(50) + `)`
	lead := []any{day, day}
	for i := range 50 {
		lead = append(lead, numbers[min(i, len(numbers)-1)])
	}
	where = strings.NewReplacer("@workspace", "+workspace", "@experiment", "+experiment", "@start_ms", "+start_ms").Replace(where)
	var rows []*headerRow
	err := p.st.index.Each(ctx, `SELECT `+headerColumns+` FROM trace WHERE `+conds+` AND `+where+` ORDER BY t DESC`, slices.Concat(lead, args), func(scan func(...any) error) error {
		h := &headerRow{}
		rows = append(rows, h)
		return scanHeader(scan, h)
	})
	return rows, err
}

// maxSorted is how many matches are sorted in memory; newer ones are taken
// before older.
const maxSorted = 10_000

// sorted collects the matches and sorts them here: for orders by tag or
// metadata, and for orders of what full text finds.
func (s *traceSearch) sorted(ctx context.Context) (found []*headerRow, next string, err error) {
	from, err := page.Decode(s.token, s.query, len(s.keys))
	if err != nil {
		return nil, "", err
	}
	all, _, err := s.matches(ctx, maxSorted)
	if err != nil {
		return nil, "", err
	}
	sortRows(s.keys, all)
	if len(from) > 0 {
		at, _ := slices.BinarySearchFunc(all, from, func(h *headerRow, from []page.Key) int {
			if compareKeys(s.keys, keysOf(s.keys, h), from) <= 0 {
				return -1
			}
			return 1
		})
		all = all[at:]
	}
	if len(all) > s.limit {
		all = all[:s.limit]
		next = page.Encode(s.query, keysOf(s.keys, all[s.limit-1])...)
	}
	return all, next, nil
}

// matches collects up to limit matching rows, newest first; all says whether
// there are no more.
func (s *traceSearch) matches(ctx context.Context, limit int) (found []*headerRow, all bool, err error) {
	keys, _, _ := order(nil)
	sub := &traceSearch{plan: s.plan, keys: keys, limit: limit, query: s.query, deadline: s.deadline}
	var next string
	if len(s.plan.terms) > 0 {
		found, next, err = sub.byText(ctx)
	} else {
		found, next, err = sub.byIndex(ctx)
	}
	s.missing = sub.missing
	return found, next == "", err
}
