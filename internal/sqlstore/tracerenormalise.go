package sqlstore

import (
	"context"
	"fmt"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// Renormalise implements [tracing.SpanStore]. Whole traces are done at a
// time, so that their headers can be derived again; the cursor is the number
// of the last one.
func (st *Traces) Renormalise(ctx context.Context, day, version int, cursor string, limit int, fn func(*trace.Span)) (string, int, error) {
	var after int64
	if cursor != "" {
		if _, err := fmt.Sscan(cursor, &after); err != nil {
			return "", 0, fault.Invalidf("the cursor is not one that this call returned")
		}
	}
	st.upkeep.Lock()
	defer st.upkeep.Unlock()
	p, err := st.use(ctx, day, false)
	if err != nil {
		return "", 0, err
	}
	defer st.release(p)
	changed := 0
	for changed < limit {
		var t int64
		var id []byte
		err := p.db.QueryRow(ctx, p.sql(`SELECT t, id FROM {p}trace_here WHERE t > ? ORDER BY t LIMIT 1`), []any{after}, &t, &id)
		if fault.Is(err, fault.NotFound) {
			return "", changed, nil
		}
		if err != nil {
			return "", changed, err
		}
		n, err := p.renormalise(ctx, trace.ID(id), t, version, fn)
		if err != nil {
			return "", changed, err
		}
		changed += n
		after = t
	}
	return fmt.Sprint(after), changed, nil
}

// renormalise does one trace.
func (p *partition) renormalise(ctx context.Context, id trace.ID, t int64, version int, fn func(*trace.Span)) (changed int, err error) {
	var spans []*trace.Span
	var gist tracing.Gist
	flush := func() error {
		err := p.db.Write(ctx, func(ctx context.Context) error {
			for _, s := range spans {
				c := &s.Columns
				if _, err := p.db.Exec(ctx, p.sql(`UPDATE {p}span SET type = ?, model = ?, tokens = ?, cost = ?, facts = ? WHERE t = ? AND s = ? AND start_ns = ? AND end_ns = ?`),
					orNull(clipBytes(c.Type, maxFact)), orNull(clipBytes(c.Model, maxFact)), knownOrNull(c.Tokens.Total), knownOrNull(c.Cost.Total),
					appendFacts(nil, c), t, spanNumber(s.ID), s.Start, s.End); err != nil {
					return err
				}
			}
			return nil
		})
		changed += len(spans)
		spans = spans[:0]
		return err
	}
	p.each(ctx, t, id, func(s *trace.Span, failed error) bool {
		if err = failed; err != nil {
			return false
		}
		old := s.Columns.Version
		fn(s)
		gist.Look(s)
		if old >= version {
			return true
		}
		if spans = append(spans, s); len(spans) == 200 {
			err = flush()
		}
		return err == nil
	})
	if err == nil && len(spans) > 0 {
		err = flush()
	}
	if err != nil || changed == 0 {
		return changed, err
	}
	p.st.forget([]victim{{id: id}}) // what ingest remembers of it is stale
	sh, err := p.shape(ctx, t, 0)
	if err != nil {
		return changed, err
	}
	return changed, p.st.writeIndex(ctx, func(ctx context.Context) error {
		rows, err := p.st.headers(ctx, []trace.ID{id})
		if err != nil || len(rows) == 0 || rows[0].t != t {
			return err
		}
		h := rows[0]
		h.before = h.labelSet()
		h.MergeSpans(sh, &gist, h.Experiment, "")
		return p.st.saveHeader(ctx, h, sh)
	})
}
