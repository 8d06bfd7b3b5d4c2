package sqlstore

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracing"
)

// assessment is a clause on feedback, expectations or issues. One that holds
// for a whole session counts for every trace of it.
func (p *tracePlan) assessment(ctx context.Context, c filter.Clause) error {
	kind, name := c.Field.Group.String(), c.Field.Key
	if c.Field.Group == filter.Issue {
		kind, name = string(tracing.Issue), c.Value.Str
	}
	where := `kind = ? AND name = ?`
	args := []any{kind, name}
	if c.Field.Group != filter.Issue {
		where += ` AND valid = 1`
		cond, more, err := assessmentValue(p.st.index.Dialect, c)
		if err != nil {
			return err
		}
		where += cond
		args = append(args, more...)
	}
	var wide int
	err := p.st.index.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM assessment WHERE `+where+` AND session_wide = 1 LIMIT 1) AS a`, args, &wide)
	if err != nil {
		return err
	}
	list := `SELECT trace FROM assessment WHERE ` + where
	if wide > 0 {
		list += ` UNION SELECT n FROM trace WHERE session IN (SELECT t.session FROM assessment JOIN trace t ON t.n = assessment.trace
			WHERE assessment.kind = ? AND assessment.name = ?` + strings.TrimPrefix(where, `kind = ? AND name = ?`) + ` AND session_wide = 1 AND t.session IS NOT NULL)`
		args = slices.Concat(args, args)
	}
	if c.Op == filter.IsNull {
		p.add(`n NOT IN (`+list+`)`, args...)
		return nil
	}
	p.addDrive(ctx, `n IN (`+list+`)`, list, args...)
	return nil
}

// assessmentValue compares the value of an assessment, kept as JSON.
func assessmentValue(d *Dialect, c filter.Clause) (cond string, args []any, err error) {
	const bare = `trim(value, '"')` // a string without its quotes
	switch c.Op {
	case filter.IsNull, filter.IsNotNull:
		return "", nil, nil
	case filter.Lt, filter.Le, filter.Gt, filter.Ge:
		return ` AND number IS NOT NULL AND substr(value, 1, 1) NOT IN ('t', 'f', '"') AND number ` + c.Op.String() + ` ?`, []any{c.Value.Num}, nil
	case filter.Eq, filter.Ne:
		quoted, err := json.Marshal(c.Value.Str)
		if err != nil {
			return "", nil, err
		}
		in := " IN "
		if c.Op == filter.Ne {
			in = " NOT IN "
		}
		return ` AND value` + in + `(?, ?)`, []any{c.Value.Str, string(quoted)}, nil
	case filter.Like:
		return ` AND ` + d.Like(bare), []any{escapeLike(c.Value.Str)}, nil
	case filter.ILike:
		return ` AND ` + d.ILike(bare), []any{escapeLike(c.Value.Str)}, nil
	case filter.RLike:
		return ` AND ` + d.Regexp(bare), []any{c.Value.Str}, nil
	}
	return "", nil, fault.Invalidf("assessments cannot be compared with %s", c.Op)
}

// spanLabels are the keys of spans that are labels of their trace.
var spanLabels = map[string]tracing.LabelKind{
	"name": tracing.LabelSpanName, "type": tracing.LabelSpanType, "status": tracing.LabelSpanStatus, "error_type": tracing.LabelErrorType, "model": tracing.LabelModel,
	"provider": tracing.LabelProvider, "agent": tracing.LabelAgent, "tool": tracing.LabelTool, "node": tracing.LabelNode,
}

// span is a clause on one of the spans.
func (p *tracePlan) span(ctx context.Context, c filter.Clause) error {
	p.spans = append(p.spans, c)
	if kind, ok := spanLabels[c.Field.Key]; ok {
		if len(c.Value.Str) > tracing.MaxLabelValue || c.Op == filter.NotIn || c.Op == filter.Ne {
			return nil // nearly every trace has such a span
		}
		return p.label(ctx, kind, "", c)
	}
	if c.Field.Key == "content" && (c.Op == filter.Like || c.Op == filter.ILike) {
		p.terms = append(p.terms, patternTerms(c.Value.Str)...)
	}
	return nil
}

// minOpen is how long a word open on the left must be to narrow a search.
const minOpen = 3

// patternTerms are the words that any text matching a LIKE pattern must hold.
// Where a literal part of the pattern begins or ends inside a word, the word
// is open.
func patternTerms(pattern string) []textTerm {
	var terms []textTerm
	for _, literal := range strings.FieldsFunc(pattern, func(r rune) bool { return r == '%' || r == '_' }) {
		for _, w := range tracing.PieceWords(literal) {
			t := textTerm{w.Text, w.OpenLeft, w.OpenRight}
			if !t.openLeft || len(t.word) >= minOpen {
				terms = append(terms, t)
			}
		}
	}
	return terms
}
