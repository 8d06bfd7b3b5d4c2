package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/page"
)

// searchFields says where a kind of thing keeps what filters and orders name.
type searchFields struct {
	id        string            // column of the row's number
	workspace string            // column
	columns   map[string]string // of attributes; those to order by are never null
	tags      string            // table of (owner, key, value)
	owner     string            // its column that refers to id
	lookups   []string          // attributes with an index, by workspace, of their own
}

// selection builds one search: filter, order, and where a page begins.
type selection struct {
	db     *DB
	fields searchFields
	filter filter.Expr
	order  []filter.Order // complete: it ends with what makes a row unique
	limit  int
	scope  page.Query

	workspace string // every row's
	// kind is an integer column, and the value it must have, that leads the
	// indexes which serve the orders; "" for none.
	kind      string
	kindValue int64

	conditions []string
	args       []any
	looked     bool // few rows are left, which an index on the workspace finds
	numbered   bool // few rows are left, named by number
}

func (s *selection) where(condition string, args ...any) {
	s.conditions = append(s.conditions, condition)
	s.args = append(s.args, args...)
}

// build returns the query for a page and the row after it; head is SELECT and
// FROM, token the previous page's.
func (s *selection) build(ctx context.Context, head, token string) (string, []any, error) {
	for _, c := range s.filter {
		if err := s.clause(ctx, c); err != nil {
			return "", nil, err
		}
	}
	// SQLite has no statistics and takes a workspace to be small. An expression
	// in place of a column keeps it from walking an index of the whole workspace
	// where the few rows can be looked up.
	workspace, kind := s.fields.workspace, s.kind
	if s.numbered {
		workspace += " || ''"
	}
	if s.numbered || s.looked {
		kind += " + 0"
	}
	s.where(workspace+" = ?", s.workspace)
	if s.kind != "" {
		s.where(kind+" = ?", s.kindValue)
	}
	keys, err := page.Decode(token, s.scope, len(s.order))
	if err != nil {
		return "", nil, err
	}
	if err := s.after(keys); err != nil {
		return "", nil, err
	}
	var b strings.Builder
	b.WriteString(head + " WHERE " + strings.Join(s.conditions, " AND ") + " ORDER BY ")
	for i, o := range s.order {
		if i > 0 {
			b.WriteString(", ")
		}
		column, ok := s.fields.columns[o.Field.Key]
		if !ok || o.Field.Group != filter.Attribute {
			return "", nil, fault.Invalidf("Invalid order by key '%s' specified", o.Field)
		}
		b.WriteString(column + direction(o.Desc))
	}
	b.WriteString(" LIMIT ?")
	return b.String(), append(s.args, s.limit+1), nil
}

// after adds the condition that a row sorts after keys: for an order a, b it
// is a >= ? AND (a > ? OR a = ? AND b > ?), whose first part is what an index
// serves.
func (s *selection) after(keys []page.Key) error {
	if keys == nil {
		return nil
	}
	var alternatives []string
	var args []any
	equal := ""
	for i, o := range s.order {
		column, beyond := s.fields.columns[o.Field.Key], " > ?"
		if o.Desc {
			beyond = " < ?"
		}
		if i == 0 {
			s.where(column+strings.Replace(beyond, " ?", "= ?", 1), keys[0].Any())
		}
		alternatives = append(alternatives, equal+column+beyond)
		for _, k := range keys[:i+1] {
			args = append(args, k.Any())
		}
		equal += column + " = ? AND "
	}
	s.where("("+strings.Join(alternatives, " OR ")+")", args...)
	return nil
}

// token is the token of the page after a row with these keys, by attribute.
func (s *selection) token(row map[string]page.Key) string {
	keys := make([]page.Key, len(s.order))
	for i, o := range s.order {
		keys[i] = row[o.Field.Key]
	}
	return page.Encode(s.scope, keys...)
}

func (s *selection) clause(ctx context.Context, c filter.Clause) error {
	if c.Field.Group == filter.Tag {
		return s.tag(ctx, c)
	}
	column, ok := s.fields.columns[c.Field.Key]
	if !ok || c.Field.Group != filter.Attribute {
		return fault.Invalidf("Invalid attribute name: %s", c.Field.Key)
	}
	if c.Value.Kind == filter.Number {
		return s.number(column, c)
	}
	if (c.Op == filter.Eq || c.Op == filter.In) && slices.Contains(s.fields.lookups, c.Field.Key) {
		s.looked = true
	}
	condition, args := s.text(column, c)
	s.where(condition, args...)
	return nil
}

// fewRows is how many rows are worth looking up one by one.
const fewRows = 500

// tag adds a clause about a tag: it must exist and compare. A value that few
// rows have gives their numbers; anything else is checked row by row, in the
// order asked for, until the page is full.
func (s *selection) tag(ctx context.Context, c filter.Clause) error {
	condition, args := s.text("t.value", c)
	if c.Op == filter.Eq {
		var few []int64
		err := s.db.Each(ctx, "SELECT t."+s.fields.owner+" FROM "+s.fields.tags+" t WHERE t.key = ? AND substr(t.value, 1, 64) = ? AND "+condition+" LIMIT ?",
			append(append([]any{c.Field.Key, leading(c.Value.Str, 64)}, args...), fewRows+1), func(scan func(...any) error) error {
				var id int64
				err := scan(&id)
				few = append(few, id)
				return err
			})
		if err != nil {
			return err
		}
		switch {
		case len(few) == 0:
			s.where("1 = 0")
			return nil
		case len(few) <= fewRows:
			s.numbered = true
			return eachList(few, func(marks string, args []any) error {
				s.where(s.fields.id+" IN ("+marks+")", args...)
				return nil
			})
		}
	}
	s.where("EXISTS (SELECT 1 FROM "+s.fields.tags+" t WHERE t."+s.fields.owner+" = "+s.fields.id+" AND t.key = ? AND "+condition+")",
		append([]any{c.Field.Key}, args...)...)
	return nil
}

// text compares a column with a text, a pattern or a list.
func (s *selection) text(column string, c filter.Clause) (string, []any) {
	switch c.Op {
	case filter.Like:
		return s.db.Dialect.Like(column), []any{escapeBackslash(c.Value.Str)}
	case filter.ILike:
		return s.db.Dialect.ILike(column), []any{escapeBackslash(c.Value.Str)}
	case filter.In, filter.NotIn:
		args := make([]any, len(c.Value.List))
		for i, v := range c.Value.List {
			args[i] = v
		}
		op := " IN ("
		if c.Op == filter.NotIn {
			op = " NOT IN ("
		}
		return column + op + Marks(len(args)) + ")", args
	case filter.Ne:
		return column + " <> ?", []any{c.Value.Str}
	}
	return column + " = ?", []any{c.Value.Str}
}

// number compares an integer column. A number outside 64 bits is beyond every
// value of the column.
func (s *selection) number(column string, c filter.Clause) error {
	if !c.Value.IsInt {
		above := c.Value.Num > 0
		if c.Op == filter.Ne || above == (c.Op == filter.Lt || c.Op == filter.Le) && c.Op != filter.Eq {
			return nil // holds for every row
		}
		s.where("1 = 0")
		return nil
	}
	op := c.Op.String()
	if c.Op == filter.Ne {
		op = "<>"
	}
	s.where(column+" "+op+" ?", c.Value.Int)
	return nil
}

// escapeBackslash makes a pattern in which the backslash is a character like
// others fit for a LIKE in which it escapes.
func escapeBackslash(pattern string) string { return strings.ReplaceAll(pattern, `\`, `\\`) }

// leading returns the first n characters of s, as substr(s, 1, n) does.
func leading(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// cutPage cuts the row that only tells that there is a next page.
func cutPage[T any](rows []T, limit int) ([]T, bool) {
	if len(rows) > limit {
		return rows[:limit], true
	}
	return rows, false
}

// eachOf runs a query whose one %s is a list of row numbers, in a few fixed
// sizes so that there are few texts; the last number fills up.
func (db *DB) eachOf(ctx context.Context, query string, ids []int64, fn func(scan func(dest ...any) error) error) error {
	for len(ids) > 0 {
		size := 1
		for _, n := range []int{10, 100} {
			if len(ids) > size {
				size = n
			}
		}
		now := ids[:min(size, len(ids))]
		ids = ids[len(now):]
		args := make([]any, size)
		for i := range args {
			args[i] = now[min(i, len(now)-1)]
		}
		if err := db.Each(ctx, fmt.Sprintf(query, Marks(size)), args, fn); err != nil {
			return err
		}
	}
	return nil
}

// bit is a boolean as a column keeps it.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// boolean scans such a column.
type boolean bool

// Scan implements [sql.Scanner].
func (b *boolean) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fault.New(fault.Internal, "a boolean column holds %T", v)
	}
	*b = n != 0
	return nil
}
