package sqlstore

import (
	"context"
	"iter"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// Infos implements [tracing.InfoStore].
func (st *Traces) Infos(ctx context.Context, ids []trace.ID) ([]tracing.Info, error) {
	rows, err := st.headers(ctx, ids)
	if err != nil {
		return nil, err
	}
	workspace := st.workspace(caller.Workspace(ctx))
	byID := make(map[trace.ID]*headerRow, len(rows))
	for _, h := range rows {
		if h.workspace == workspace {
			byID[h.ID] = h
		}
	}
	ordered := make([]*headerRow, 0, len(byID))
	for _, id := range ids {
		if h := byID[id]; h != nil {
			ordered = append(ordered, h)
			delete(byID, id) // an id named twice is answered once
		}
	}
	return st.dress(ctx, ordered, true)
}

// dress turns rows into what callers see.
func (st *Traces) dress(ctx context.Context, rows []*headerRow, assessments bool) ([]tracing.Info, error) {
	infos := make([]tracing.Info, len(rows))
	if assessments {
		if err := st.attachAssessments(ctx, rows); err != nil {
			return nil, err
		}
	}
	for i, h := range rows {
		h.Dress()
		infos[i] = h.Info
	}
	return infos, nil
}

// spansOf opens the partition of a trace of the caller's workspace. A trace
// without spans has a nil partition.
func (st *Traces) spansOf(ctx context.Context, id trace.ID) (*headerRow, *partition, error) {
	h, err := st.mine(ctx, id)
	if err != nil || h.t == 0 {
		return h, nil, err
	}
	p, err := st.use(ctx, h.Partition, false)
	return h, p, err
}

// SpanRows implements [tracing.SpanStore].
func (st *Traces) SpanRows(ctx context.Context, id trace.ID) ([]tracing.SpanRow, error) {
	h, p, err := st.spansOf(ctx, id)
	if err != nil || p == nil {
		return nil, err
	}
	defer st.release(p)
	list := make([]tracing.SpanRow, 0, h.Spans)
	var row spanRow
	err = p.db.Each(ctx, p.sql(`SELECT `+rowColumns+` FROM {p}span WHERE t = ? ORDER BY start_ns, s`), []any{h.t}, func(scan func(...any) error) error {
		err := scanRow(scan, &row)
		list = append(list, row.SpanRow)
		return err
	})
	return list, err
}

// readChunk is how many spans are looked up at a time: memory stays bounded
// and no database cursor is open while the consumer works.
const readChunk = 100

// Spans implements [tracing.SpanStore].
func (st *Traces) Spans(ctx context.Context, id trace.ID) iter.Seq2[*trace.Span, error] {
	return func(yield func(*trace.Span, error) bool) {
		h, p, err := st.spansOf(ctx, id)
		if err != nil {
			yield(nil, err)
			return
		}
		if p == nil {
			return
		}
		defer st.release(p)
		p.each(ctx, h.t, id, yield)
	}
}

// each yields the spans of trace t by start.
func (p *partition) each(ctx context.Context, t int64, id trace.ID, yield func(*trace.Span, error) bool) {
	var order []int64
	err := p.db.Each(ctx, p.sql(`SELECT s FROM {p}span WHERE t = ? ORDER BY start_ns, s`), []any{t}, func(scan func(...any) error) error {
		var s int64
		err := scan(&s)
		order = append(order, s)
		return err
	})
	if err != nil {
		yield(nil, err)
		return
	}
	for len(order) > 0 {
		n := min(readChunk, len(order))
		rows, err := p.rows(ctx, t, order[:n])
		if err != nil {
			yield(nil, err)
			return
		}
		for _, s := range order[:n] {
			row := rows[s]
			if row == nil {
				continue // deleted meanwhile
			}
			span, err := p.span(ctx, id, row)
			if !yield(span, err) || err != nil {
				return
			}
		}
		order = order[n:]
	}
}

// rows reads some rows of a trace, by span number.
func (p *partition) rows(ctx context.Context, t int64, spans []int64) (map[int64]*spanRow, error) {
	size := 1
	if len(spans) > 1 {
		size = readChunk
	}
	args := make([]any, 0, size+1)
	args = append(args, t)
	for i := range size {
		args = append(args, spans[min(i, len(spans)-1)])
	}
	found := make(map[int64]*spanRow, len(spans))
	err := p.db.Each(ctx, p.sql(`SELECT `+rowColumns+` FROM {p}span WHERE t = ? AND s IN (`+Marks(size)+`)`), args, func(scan func(...any) error) error {
		row := &spanRow{}
		err := scanRow(scan, row)
		row.scratch = nil
		found[spanNumber(row.ID)] = row
		return err
	})
	return found, err
}

// span reads the payload of a row.
func (p *partition) span(ctx context.Context, id trace.ID, row *spanRow) (*trace.Span, error) {
	plain, err := p.plain(ctx, row.block)
	if err != nil {
		return nil, p.damaged(err, id, row)
	}
	var e spanEntry
	if is, _, err := entryAt(plain, int(row.at), row.block, &e); err != nil || !is || e.id != row.ID {
		return nil, p.damaged(err, id, row)
	}
	raw, err := p.raw(ctx, &e)
	if err != nil {
		return nil, p.damaged(err, id, row)
	}
	span, err := trace.ParseSpan(raw)
	if err != nil {
		return nil, p.damaged(err, id, row)
	}
	source, err := p.resolve(ctx, e.source)
	if err == nil {
		span.Source, err = parseSource(source)
	}
	if err != nil {
		return nil, p.damaged(err, id, row)
	}
	span.Columns = row.facts
	return &span, nil
}

func (p *partition) damaged(err error, id trace.ID, row *spanRow) error {
	if fault.KindOf(err) == fault.Canceled && err != nil {
		return err
	}
	return fault.Wrap(fault.Internal, "sqlstore.span", orDamaged(err), "span %s of %s on day %d cannot be read", row.ID, id, p.day)
}

func orDamaged(err error) error {
	if err == nil {
		return errFrame
	}
	return err
}

// Span implements [tracing.SpanStore].
func (st *Traces) Span(ctx context.Context, id trace.ID, span trace.SpanID) (*trace.Span, error) {
	h, p, err := st.spansOf(ctx, id)
	if err != nil {
		return nil, err
	}
	missing := fault.NotFoundf("Span %s of trace %s is not found.", span, id)
	if p == nil {
		return nil, missing
	}
	defer st.release(p)
	n := spanNumber(span)
	rows, err := p.rows(ctx, h.t, []int64{n})
	if err != nil {
		return nil, err
	}
	if rows[n] == nil {
		return nil, missing
	}
	return p.span(ctx, id, rows[n])
}

// Partitions implements [tracing.SpanStore].
func (st *Traces) Partitions(ctx context.Context) ([]tracing.Partition, error) {
	var list []tracing.Partition
	err := st.index.Each(ctx, `SELECT part, count(*), sum(spans) FROM trace GROUP BY part ORDER BY part`, nil, func(scan func(...any) error) error {
		var p tracing.Partition
		err := scan(&p.Day, &p.Traces, &p.Spans)
		list = append(list, p)
		return err
	})
	for i := range list {
		list[i].Bytes = st.diskBytes(list[i].Day)
	}
	return list, err
}
