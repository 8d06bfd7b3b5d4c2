package sqlstore

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/page"
)

// column is an expression that is never NULL, with the kind of its values.
type column struct {
	expr string
	kind page.Kind
}

// term is one key of a sort.
type term struct {
	column
	desc bool
}

type scanner = func(dest ...any) error

// searchQuery builds the query of a search: conditions, order, and the keyset
// condition of its page. table is the alias and no the key column of what is
// searched; the side tables (tags, params, …) have a column of that name.
type searchQuery struct {
	db        *DB
	table, no string

	joins     strings.Builder
	joinArgs  []any
	where     []string
	whereArgs []any
	terms     []term
	joined    int
}

// and adds a condition; "" adds nothing.
func (s *searchQuery) and(cond string, args ...any) {
	if cond != "" {
		s.where = append(s.where, cond)
		s.whereArgs = append(s.whereArgs, args...)
	}
}

var compareOps = map[filter.Op]string{
	filter.Eq: " = ?", filter.Ne: " <> ?", filter.Lt: " < ?", filter.Le: " <= ?", filter.Gt: " > ?", filter.Ge: " >= ?",
}

// compareText is the condition that a text expression satisfies c.
func (db *DB) compareText(expr string, c filter.Clause) (string, []any) {
	switch c.Op {
	case filter.Like:
		return db.Dialect.Like(expr), []any{likePattern(c.Value.Str)}
	case filter.ILike:
		return db.Dialect.ILike(expr), []any{likePattern(c.Value.Str)}
	case filter.RLike:
		return db.Dialect.Regexp(expr), []any{c.Value.Str}
	case filter.In, filter.NotIn:
		marks, args := paddedList(c.Value.List)
		if c.Op == filter.NotIn {
			return expr + " NOT IN (" + marks + ")", args
		}
		return expr + " IN (" + marks + ")", args
	}
	return expr + compareOps[c.Op], []any{c.Value.Str}
}

// paddedList is the list of an IN, padded as by [eachList].
func paddedList[T any](items []T) (marks string, args []any) {
	size := len(items)
	for _, n := range listSizes {
		if n >= size {
			size = n
			break
		}
	}
	args = make([]any, size)
	for i := range args {
		args[i] = items[min(i, len(items)-1)]
	}
	return Marks(size), args
}

// likePattern makes the backslash of a pattern ordinary: the filter grammar
// knows no escapes, the dialect's LIKE does.
func likePattern(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }

// compareInt is the condition that an integer expression satisfies c.
func compareInt(expr string, c filter.Clause) (string, []any, error) {
	v := c.Value
	switch v.Kind {
	case filter.Number:
		if v.IsInt {
			return expr + compareOps[c.Op], []any{v.Int}, nil
		}
		return strings.Replace(expr+compareOps[c.Op], "?", "CAST(? AS DOUBLE PRECISION)", 1), []any{v.Num}, nil
	case filter.String:
		n, err := strconv.ParseInt(v.Str, 10, 64)
		if err != nil {
			return "", nil, fault.Invalidf("%q is not a number", v.Str)
		}
		return expr + compareOps[c.Op], []any{n}, nil
	case filter.List:
		list := make([]int64, len(v.List))
		for i, text := range v.List {
			var err error
			if list[i], err = strconv.ParseInt(text, 10, 64); err != nil {
				return "", nil, fault.Invalidf("%q is not a number", text)
			}
		}
		marks, args := paddedList(list)
		if c.Op == filter.NotIn {
			return expr + " NOT IN (" + marks + ")", args, nil
		}
		return expr + " IN (" + marks + ")", args, nil
	}
	return "", nil, fault.Invalidf("%s cannot be compared so", c.Field)
}

// andColumn adds a clause on one of the main table's own columns.
func (s *searchQuery) andColumn(fields map[string]column, c filter.Clause) error {
	col, ok := fields[c.Field.Key]
	if !ok {
		return fault.Invalidf("Invalid attribute key '%s' specified", c.Field.Key)
	}
	if col.kind == page.Int {
		cond, args, err := compareInt(col.expr, c)
		s.and(cond, args...)
		return err
	}
	cond, args := s.db.compareText(col.expr, c)
	s.and(cond, args...)
	return nil
}

// andText adds a clause on a key of a side table with text values.
func (s *searchQuery) andText(side string, c filter.Clause) {
	exists := "EXISTS (SELECT 1 FROM " + side + " x WHERE x." + s.no + " = " + s.table + "." + s.no + " AND x.key = ?"
	switch c.Op {
	case filter.IsNull:
		s.and("NOT "+exists+")", c.Field.Key)
	case filter.IsNotNull:
		s.and(exists+")", c.Field.Key)
	default:
		cond, args := s.db.compareText("x.value", c)
		s.and(exists+" AND "+cond+")", append([]any{c.Field.Key}, args...)...)
	}
}

// order adds a key of the sort.
func (s *searchQuery) order(c column, desc bool) { s.terms = append(s.terms, term{c, desc}) }

// join adds a join and returns the alias that %s in on stands for.
func (s *searchQuery) join(side, on string, args ...any) string {
	s.joined++
	alias := "o" + strconv.Itoa(s.joined)
	s.joins.WriteString(" LEFT JOIN " + side + " " + alias + " ON " + strings.ReplaceAll(on, "%s", alias))
	s.joinArgs = append(s.joinArgs, args...)
	return alias
}

// after restricts the searchQuery to what sorts after the row with these keys.
// Besides the exact condition it bounds the first key alone, which an index
// can seek to.
func (s *searchQuery) after(keys []page.Key) {
	if len(keys) == 0 {
		return
	}
	first := s.terms[0]
	if first.desc {
		s.and(first.expr+" <= ?", keys[0].Any())
	} else {
		s.and(first.expr+" >= ?", keys[0].Any())
	}
	var ors []string
	var args []any
	for i, t := range s.terms {
		var ands []string
		for j, equal := range s.terms[:i] {
			ands = append(ands, equal.expr+" = ?")
			args = append(args, keys[j].Any())
		}
		op := " > ?"
		if t.desc {
			op = " < ?"
		}
		ands = append(ands, t.expr+op)
		args = append(args, keys[i].Any())
		ors = append(ors, "("+strings.Join(ands, " AND ")+")")
	}
	s.and("("+strings.Join(ors, " OR ")+")", args...)
}

// sql returns the query for at most limit rows of columns followed by the keys
// of the sort.
func (s *searchQuery) sql(columns, from string, limit int) (string, []any) {
	var b strings.Builder
	b.WriteString("SELECT " + columns)
	for _, t := range s.terms {
		b.WriteString(", " + t.expr)
	}
	b.WriteString(" FROM " + from + s.joins.String())
	if len(s.where) > 0 {
		b.WriteString(" WHERE " + strings.Join(s.where, " AND "))
	}
	b.WriteString(" ORDER BY ")
	for i, t := range s.terms {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(t.expr)
		if t.desc {
			b.WriteString(" DESC")
		}
	}
	b.WriteString(" LIMIT ?")
	return b.String(), slices.Concat(s.joinArgs, s.whereArgs, []any{limit})
}

// page calls row for at most limit rows; row scans its columns. It returns the
// keys of the last row if there are more, else nil.
func (s *searchQuery) page(ctx context.Context, columns, from string, limit int, row func(scanner) error) ([]page.Key, error) {
	last, more, err := s.rows(ctx, columns, from, limit, row)
	if !more {
		last = nil
	}
	return last, err
}

// rows is page that tells the keys of the last row, nil if there was none,
// from whether there are more.
func (s *searchQuery) rows(ctx context.Context, columns, from string, limit int, row func(scanner) error) (last []page.Key, more bool, err error) {
	query, args := s.sql(columns, from, limit+1)
	texts, ints, floats := make([]string, len(s.terms)), make([]int64, len(s.terms)), make([]float64, len(s.terms))
	ends := make([]any, len(s.terms))
	for i, t := range s.terms {
		switch t.kind {
		case page.String:
			ends[i] = &texts[i]
		case page.Int:
			ends[i] = &ints[i]
		default:
			ends[i] = &floats[i]
		}
	}
	n := 0
	var dest []any
	err = s.db.Each(ctx, query, args, func(scan func(...any) error) error {
		if n == limit {
			more = true
			return nil
		}
		n++
		return row(func(d ...any) error {
			dest = append(append(dest[:0], d...), ends...)
			return scan(dest...)
		})
	})
	if err != nil || n == 0 {
		return nil, more, err
	}
	keys := make([]page.Key, len(s.terms))
	for i, t := range s.terms {
		switch t.kind {
		case page.String:
			keys[i] = page.StringKey(texts[i])
		case page.Int:
			keys[i] = page.IntKey(ints[i])
		default:
			keys[i] = page.FloatKey(floats[i])
		}
	}
	return keys, more, nil
}
