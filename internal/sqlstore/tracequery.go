package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// tracePlan is a compiled query: conditions the index answers, and what is
// left to be checked on each row it yields. The conditions never exclude a
// match; what they let through wrongly the checks stop.
type tracePlan struct {
	st          *Traces
	experiments []int64 // empty: all of the workspace
	workspace   int64
	conds       []string // with @ before a column whose index must not be used when driven
	args        []any
	// drive, if set, is a condition that few rows meet and that the database
	// should start from.
	drive     string
	driveArgs []any

	rows  []filter.Clause // to check on the header
	spans []filter.Clause // to check on the spans, all on the same one

	terms   []textTerm // full text: all must occur
	phrases []string
	nothing bool // no row can match
}

// textTerm is a word that must occur, whole unless it is open at a side: then
// any word that continues there will do.
type textTerm struct {
	word                string
	openLeft, openRight bool
}

func (p *tracePlan) add(cond string, args ...any) {
	p.conds = append(p.conds, cond)
	p.args = append(p.args, args...)
}

// checked reports whether rows must be looked at after the index.
func (p *tracePlan) checked() bool {
	return len(p.rows) > 0 || len(p.spans) > 0 || len(p.phrases) > 0
}

// plan compiles a query.
func (st *Traces) plan(ctx context.Context, q *tracing.Query) (*tracePlan, error) {
	p := &tracePlan{st: st, workspace: st.workspace(caller.Workspace(ctx))}
	if p.workspace == 0 {
		p.nothing = true
		return p, nil
	}
	for _, e := range q.Experiments {
		n, err := strconv.ParseInt(e, 10, 64)
		if err != nil {
			return nil, fault.Invalidf("experiment id %q is not a decimal number", clip(e))
		}
		if !slices.Contains(p.experiments, n) {
			p.experiments = append(p.experiments, n)
		}
	}
	if q.From != 0 {
		p.add("@start_ms >= ?", q.From)
	}
	if q.To != 0 {
		p.add("@start_ms < ?", q.To)
	}
	if q.Session != "" {
		p.addDrive(ctx, "session = ?", "SELECT n FROM trace WHERE session = ?", q.Session)
	}
	if q.Run != "" {
		if err := p.label(ctx, tracing.LabelRun, "", equal(q.Run)); err != nil {
			return nil, err
		}
	}
	for _, w := range tracing.QueryWords(q.Text) {
		p.terms = append(p.terms, textTerm{word: w})
	}
	if strings.TrimSpace(q.Text) != "" && len(p.terms) == 0 {
		p.nothing = true // only punctuation: no text has such a word
	}
	p.phrases = tracing.Phrases(q.Text)
	for _, c := range q.Filter {
		if err := p.clause(ctx, c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func equal(s string) filter.Clause {
	return filter.Clause{Op: filter.Eq, Value: filter.Value{Kind: filter.String, Str: s}}
}

func (p *tracePlan) clause(ctx context.Context, c filter.Clause) error {
	switch c.Field.Group {
	case filter.Attribute:
		return p.attribute(ctx, c)
	case filter.Tag:
		return p.keyed(ctx, tracing.LabelTag, c)
	case filter.Metadata:
		switch c.Field.Key {
		case tracing.MetaSession:
			p.rareText(ctx, "session", c)
			return nil
		case tracing.MetaUser:
			p.rareText(ctx, "usr", c)
			return nil
		}
		return p.keyed(ctx, tracing.LabelMetadata, c)
	case filter.Feedback, filter.Expectation, filter.Issue:
		return p.assessment(ctx, c)
	case filter.Span:
		return p.span(ctx, c)
	}
	return fault.Invalidf("traces cannot be filtered by %s", c.Field)
}

func (p *tracePlan) attribute(ctx context.Context, c filter.Clause) error {
	switch c.Field.Key {
	case "request_id":
		p.traceID(c)
	case "status":
		p.states(c)
	case "client_request_id":
		p.rareText(ctx, "client_id", c)
	case "name":
		p.text("name", c)
	case "run_id":
		if c.Op == filter.IsNull || c.Op == filter.IsNotNull {
			p.text("run", c)
			return nil
		}
		return p.label(ctx, tracing.LabelRun, "", c)
	case "prompt":
		return p.label(ctx, tracing.LabelPrompt, "", c)
	case "timestamp_ms":
		p.number("@start_ms", c)
	case "execution_time_ms":
		p.number("@duration_ms", c)
	case "end_time_ms":
		p.number("(start_ms + coalesce(duration_ms, 0))", c)
	default:
		return fault.Invalidf("traces cannot be filtered by %s", c.Field)
	}
	return nil
}

func (p *tracePlan) number(column string, c filter.Clause) {
	var v any = c.Value.Num
	if c.Value.IsInt {
		v = c.Value.Int
	}
	p.add(column+" "+c.Op.String()+" ?", v)
}

func (p *tracePlan) traceID(c filter.Clause) {
	list := c.Value.List
	if c.Op == filter.Eq {
		list = []string{c.Value.Str}
	}
	if c.Op != filter.Eq && c.Op != filter.In {
		p.rows = append(p.rows, c)
		return
	}
	var args []any
	for _, s := range list {
		if id, err := trace.ParseID(s); err == nil && strings.HasPrefix(s, "tr-") {
			args = append(args, id[:])
		}
	}
	if len(args) == 0 {
		p.nothing = true
		return
	}
	p.setDrive("id IN ("+Marks(len(args))+")", args...)
}

// states turns a clause on the status into the states that meet it.
func (p *tracePlan) states(c filter.Clause) {
	var args []any
	for n, st := range tracing.States {
		if c.MatchText(string(st), true) {
			args = append(args, n)
		}
	}
	switch len(args) {
	case 0:
		p.nothing = true
	case len(tracing.States):
	case 1:
		p.add("@state = ?", args...)
	default:
		p.add("+state IN ("+Marks(len(args))+")", args...)
	}
}

// text compares a nullable column of text.
func (p *tracePlan) text(column string, c filter.Clause) {
	cond, args, exact := p.compare(column, c)
	if cond != "" {
		p.add(cond, args...)
	}
	if !exact {
		p.rows = append(p.rows, c)
	}
}

// rareText is text for a column with an index of its own.
func (p *tracePlan) rareText(ctx context.Context, column string, c filter.Clause) {
	if c.Op == filter.Eq {
		p.addDrive(ctx, column+" = ?", "SELECT n FROM trace WHERE "+column+" = ?", c.Value.Str)
		return
	}
	p.text(column, c)
}

// compare is a clause in SQL; what SQL cannot say exactly is left to rows.
func (p *tracePlan) compare(column string, c filter.Clause) (cond string, args []any, exact bool) {
	switch c.Op {
	case filter.IsNull, filter.IsNotNull:
		return column + " " + c.Op.String(), nil, true
	case filter.In, filter.NotIn:
		for _, s := range c.Value.List {
			args = append(args, s)
		}
		return column + " " + c.Op.String() + " (" + Marks(len(args)) + ")", args, true
	case filter.Like:
		return p.st.index.Dialect.Like(column), []any{escapeLike(c.Value.Str)}, true
	case filter.ILike:
		if !ascii(c.Value.Str) {
			return column + " IS NOT NULL", nil, false
		}
		return p.st.index.Dialect.ILike(column), []any{escapeLike(c.Value.Str)}, true
	case filter.RLike:
		return column + " IS NOT NULL", nil, false
	}
	return column + " " + c.Op.String() + " ?", []any{c.Value.Str}, true
}

// escapeLike makes a backslash stand for itself, as the filter grammar has it.
func escapeLike(pattern string) string { return strings.ReplaceAll(pattern, `\`, `\\`) }

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// keyed is a clause on a tag or metadata.
func (p *tracePlan) keyed(ctx context.Context, kind tracing.LabelKind, c filter.Clause) error {
	if unlabelled[c.Field.Key] || c.Op == filter.IsNull {
		p.rows = append(p.rows, c)
		return nil
	}
	return p.label(ctx, kind, c.Field.Key, c)
}

// Limits of answering a clause from labels.
const (
	maxKeyValues   = 20_000 // distinct values of a key that are looked through
	maxLabelsAsked = 400    // labels in one condition
	fewTraces      = 3000   // a condition that few traces meet drives the query
)

// label turns a clause into the labels that meet it.
func (p *tracePlan) label(ctx context.Context, kind tracing.LabelKind, key string, c filter.Clause) error {
	ids, long, ok, err := p.st.findLabels(ctx, kind, key, c)
	if err != nil {
		return err
	}
	inRow := kind <= tracing.LabelMetadata
	if (long || !ok) && inRow {
		p.rows = append(p.rows, c)
	}
	if !ok || len(ids) > maxLabelsAsked {
		if !inRow && kind != tracing.LabelRun && kind != tracing.LabelPrompt {
			return nil // the check on spans decides
		}
		if !ok && !inRow {
			return fault.Invalidf("too many distinct values to compare with %s; use =", c.Op)
		}
		if ok {
			p.rows = append(p.rows, c)
		}
		return nil
	}
	args := make([]any, len(ids))
	for i, n := range ids {
		args[i] = n
	}
	spanKind := kind >= tracing.LabelSpanName && kind != tracing.LabelRun && kind != tracing.LabelPrompt
	if len(ids) == 0 && !spanKind {
		p.nothing = true
		return nil
	}
	in := Marks(max(1, len(args)))
	if len(args) == 0 {
		args = []any{-1}
	}
	cond := `EXISTS (SELECT 1 FROM trace_label l WHERE l.label IN (` + in + `) AND l.trace = trace.n)`
	list := `SELECT trace FROM trace_label WHERE label IN (` + in + `)`
	if spanKind { // traces with too many names are looked at
		cond = `(overflow = 1 OR ` + cond + `)`
		list += ` UNION ALL SELECT n FROM trace WHERE overflow = 1`
	}
	p.addDrive(ctx, cond, list, args...)
	return nil
}

// addDrive adds a condition, or drives the query by it when few traces are in
// list, a query of trace numbers with the same arguments.
func (p *tracePlan) addDrive(ctx context.Context, cond, list string, args ...any) {
	if p.drive == "" {
		n := 0
		err := p.st.index.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM (`+list+`) AS a LIMIT `+strconv.Itoa(fewTraces)+`) AS b`, args, &n)
		if err == nil && n < fewTraces {
			p.setDrive(`n IN (`+list+`)`, args...)
			return
		}
	}
	p.add(cond, args...)
}

func (p *tracePlan) setDrive(cond string, args ...any) {
	if p.drive != "" {
		p.add(cond, args...)
		return
	}
	p.drive, p.driveArgs = cond, args
}

// findLabels returns the numbers of the labels of a key whose value meets c;
// long says that some value was too long to be one. It is not ok when there
// are too many to look through.
func (st *Traces) findLabels(ctx context.Context, kind tracing.LabelKind, key string, c filter.Clause) (ids []int64, long, ok bool, err error) {
	if c.Op == filter.Eq || c.Op == filter.In {
		values := c.Value.List
		if c.Op == filter.Eq {
			values = []string{c.Value.Str}
		}
		for _, v := range values {
			if len(v) > tracing.MaxLabelValue {
				v, long = longValue, true
			}
			n, err := st.existingLabel(ctx, tracing.Label{Kind: kind, Key: key, Value: v})
			if err != nil {
				return nil, false, false, err
			}
			if n != 0 && !slices.Contains(ids, n) {
				ids = append(ids, n)
			}
		}
		return ids, long, true, nil
	}
	seen := 0
	err = st.index.Each(ctx, `SELECT n, value FROM label WHERE kind = ? AND key = ? LIMIT ?`, []any{int(kind), key, maxKeyValues + 1}, func(scan func(...any) error) error {
		var n int64
		var v string
		if err := scan(&n, &v); err != nil {
			return err
		}
		seen++
		if v == longValue {
			long = true
			ids = append(ids, n)
		} else if c.MatchText(v, true) {
			ids = append(ids, n)
		}
		return nil
	})
	return ids, long, seen <= maxKeyValues, err
}

// existingLabel returns 0 for a label there is not.
func (st *Traces) existingLabel(ctx context.Context, l tracing.Label) (n int64, err error) {
	if n, ok := st.labels.get(l); ok {
		return n, nil
	}
	err = st.index.QueryRow(ctx, `SELECT n FROM label WHERE kind = ? AND key = ? AND value = ?`, []any{int(l.Kind), l.Key, l.Value}, &n)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return n, err
}

// where renders the conditions for experiment e (-1: as the plan has it).
func (p *tracePlan) where(e int64) (string, []any) {
	conds := []string{}
	args := []any{}
	if p.drive != "" {
		conds, args = append(conds, p.drive), append(args, p.driveArgs...)
	}
	switch {
	case e >= 0:
		conds, args = append(conds, "@experiment = ?", "+workspace = ?"), append(args, e, p.workspace)
	case len(p.experiments) == 0:
		conds, args = append(conds, "@workspace = ?"), append(args, p.workspace)
	default:
		conds, args = append(conds, "@workspace = ?", "+experiment IN ("+Marks(len(p.experiments))+")"), append(args, p.workspace)
		for _, n := range p.experiments {
			args = append(args, n)
		}
	}
	text := strings.Join(append(conds, p.conds...), " AND ")
	plus := ""
	if p.drive != "" && p.st.index.writer != nil {
		plus = "+" // SQLite: not by this column's index
	}
	return strings.ReplaceAll(text, "@", plus), append(args, p.args...)
}

func (p *tracePlan) String() string { return fmt.Sprintf("%s %v", p.conds, p.drive) }
