package sqlstore

import (
	"context"
	"encoding/json"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

const assessmentColumns = `id, span, name, kind, value, error, rationale, source_type, source_id, metadata, run, overrides, valid, created_ms, updated_ms`

// scanAssessment reads assessmentColumns behind more.
func scanAssessment(scan func(...any) error, a *tracing.Assessment, more ...any) error {
	var span, errText, rationale, metadata, run, overrides *string
	var value string
	var valid int
	err := scan(append(more, &a.ID, &span, &a.Name, &a.Kind, &value, &errText, &rationale, &a.Source.Type, &a.Source.ID,
		&metadata, &run, &overrides, &valid, &a.Created, &a.Updated)...)
	if err != nil {
		return err
	}
	a.SpanID, a.RunID, a.Overrides = text(span), text(run), text(overrides)
	a.Value, a.Rationale, a.Valid = json.RawMessage(value), rationale, valid != 0
	if errText != nil {
		a.Error = &tracing.AssessmentError{}
		if err := json.Unmarshal([]byte(*errText), a.Error); err != nil {
			return err
		}
	}
	if metadata != nil {
		return json.Unmarshal([]byte(*metadata), &a.Metadata)
	}
	return nil
}

func assessmentValues(a *tracing.Assessment) []any {
	var number, errText, rationale, metadata any
	if n, ok := a.Number(); ok {
		number = n
	}
	if a.Error != nil {
		errText = jsonText(a.Error)
	}
	if a.Rationale != nil {
		rationale = *a.Rationale
	}
	if len(a.Metadata) > 0 {
		metadata = jsonText(a.Metadata)
	}
	_, session := a.Metadata[tracing.MetaSession]
	return []any{orNull(a.SpanID), a.Name, string(a.Kind), string(a.Value), number, errText, rationale, a.Source.Type, a.Source.ID,
		metadata, orNull(a.RunID), orNull(a.Overrides), flag(a.Valid), flag(session), a.Created, a.Updated}
}

const assessmentValueNames = `span, name, kind, value, number, error, rationale, source_type, source_id, metadata, run, overrides, valid, session_wide, created_ms, updated_ms`

var (
	upsertAssessment = `INSERT INTO assessment (id, trace, ` + assessmentValueNames + `) VALUES (` + Marks(18) + `)
		ON CONFLICT (id) DO UPDATE SET span = excluded.span, name = excluded.name, kind = excluded.kind, value = excluded.value,
		number = excluded.number, error = excluded.error, rationale = excluded.rationale, source_type = excluded.source_type,
		source_id = excluded.source_id, metadata = excluded.metadata, run = excluded.run, overrides = excluded.overrides,
		valid = excluded.valid, session_wide = excluded.session_wide, created_ms = excluded.created_ms, updated_ms = excluded.updated_ms
		WHERE assessment.trace = excluded.trace`
	updateAssessment = `UPDATE assessment SET ` + setList(assessmentValueNames) + ` WHERE id = ?`
)

// putAssessment upserts one, inside a Write.
func (st *Traces) putAssessment(ctx context.Context, trace int64, a *tracing.Assessment) error {
	_, err := st.index.Exec(ctx, upsertAssessment, append([]any{a.ID, trace}, assessmentValues(a)...)...)
	return err
}

// PutAssessment implements [tracing.AssessmentStore].
func (st *Traces) PutAssessment(ctx context.Context, a tracing.Assessment) error {
	return st.writeIndex(ctx, func(ctx context.Context) error {
		h, err := st.mine(ctx, a.TraceID)
		if err != nil {
			return err
		}
		st.markDirty(ctx, h.stored)
		if a.Overrides != "" {
			n, err := st.index.Exec(ctx, `UPDATE assessment SET valid = 0 WHERE trace = ? AND id = ?`, h.n, a.Overrides)
			if err != nil {
				return err
			}
			if n == 0 {
				return fault.NotFoundf("Assessment with ID '%s' not found for trace '%s'", a.Overrides, a.TraceID)
			}
		}
		return st.putAssessment(ctx, h.n, &a)
	})
}

// attachAssessments fills Assessments of rows, oldest first.
func (st *Traces) attachAssessments(ctx context.Context, rows []*headerRow) error {
	byN := make(map[int64]*headerRow, len(rows))
	for _, h := range rows {
		byN[h.n] = h
		h.Assessments = []tracing.Assessment{}
	}
	for len(rows) > 0 {
		size := 1
		if len(rows) > 1 {
			size = 50
		}
		args := make([]any, size)
		for i := range args {
			args[i] = rows[min(i, len(rows)-1)].n
		}
		rows = rows[min(size, len(rows)):]
		err := st.index.Each(ctx, `SELECT trace, `+assessmentColumns+` FROM assessment WHERE trace IN (`+Marks(size)+`) ORDER BY created_ms, n`, args,
			func(scan func(...any) error) error {
				var n int64
				var a tracing.Assessment
				if err := scanAssessment(scan, &a, &n); err != nil {
					return err
				}
				h := byN[n]
				a.TraceID = h.ID
				h.Assessments = append(h.Assessments, a)
				return nil
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// Assessment implements [tracing.AssessmentStore].
func (st *Traces) Assessment(ctx context.Context, id trace.ID, assessment string) (tracing.Assessment, error) {
	a := tracing.Assessment{TraceID: id}
	h, err := st.mine(ctx, id)
	if err != nil {
		return a, err
	}
	found := false
	err = st.index.Each(ctx, `SELECT `+assessmentColumns+` FROM assessment WHERE id = ? AND trace = ?`, []any{assessment, h.n}, func(scan func(...any) error) error {
		found = true
		return scanAssessment(scan, &a)
	})
	if err == nil && !found {
		err = fault.NotFoundf("Assessment with ID '%s' not found for trace '%s'", assessment, id)
	}
	return a, err
}

// ChangeAssessment implements [tracing.AssessmentStore].
func (st *Traces) ChangeAssessment(ctx context.Context, id trace.ID, assessment string, fn func(*tracing.Assessment) error) (tracing.Assessment, error) {
	var a tracing.Assessment
	err := st.writeIndex(ctx, func(ctx context.Context) error {
		h, err := st.mine(ctx, id)
		if err != nil {
			return err
		}
		st.markDirty(ctx, h.stored)
		if a, err = st.Assessment(ctx, id, assessment); err != nil {
			return err
		}
		if err := fn(&a); err != nil {
			return err
		}
		_, err = st.index.Exec(ctx, updateAssessment, append(assessmentValues(&a), a.ID)...)
		return err
	})
	return a, err
}

// DeleteAssessment implements [tracing.AssessmentStore].
func (st *Traces) DeleteAssessment(ctx context.Context, id trace.ID, assessment string) error {
	return st.writeIndex(ctx, func(ctx context.Context) error {
		h, err := st.mine(ctx, id)
		if err != nil {
			return err
		}
		st.markDirty(ctx, h.stored)
		var overrides *string
		err = st.index.QueryRow(ctx, `SELECT overrides FROM assessment WHERE id = ? AND trace = ?`, []any{assessment, h.n}, &overrides)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if overrides != nil {
			if _, err := st.index.Exec(ctx, `UPDATE assessment SET valid = 1 WHERE id = ? AND trace = ?`, *overrides, h.n); err != nil {
				return err
			}
		}
		_, err = st.index.Exec(ctx, `DELETE FROM assessment WHERE id = ? AND trace = ?`, assessment, h.n)
		return err
	})
}

// DeleteAssessmentsOfRun implements [tracing.AssessmentStore].
func (st *Traces) DeleteAssessmentsOfRun(ctx context.Context, run string) error {
	if run == "" {
		return nil
	}
	return st.writeIndex(ctx, func(ctx context.Context) error {
		if err := st.markTraces(ctx, `n IN (SELECT trace FROM assessment WHERE run = ?)`, run); err != nil {
			return err
		}
		_, err := st.index.Exec(ctx, `DELETE FROM assessment WHERE run = ?`, run)
		return err
	})
}
