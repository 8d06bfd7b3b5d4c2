package sqlstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
)

// foldChunk is how many traces are folded at a time.
const foldChunk = 200

// foldMinute makes the cells of a minute from its traces.
func (st *Traces) foldMinute(ctx context.Context, m minuteMark) (cells *tracing.Cells, loops []foundLoop, err error) {
	cells = tracing.NewCells()
	from, after := m.minute*60_000, int64(0)
	for {
		var rows []*headerRow
		err := st.index.Each(ctx, `SELECT `+headerColumns+` FROM trace WHERE experiment = ? AND workspace = ? AND start_ms >= ? AND start_ms < ?
			AND (start_ms > ? OR n > ?) ORDER BY start_ms, n LIMIT ?`,
			[]any{m.experiment, m.workspace, from, (m.minute + 1) * 60_000, from, after, foldChunk}, func(scan func(...any) error) error {
				h := &headerRow{}
				rows = append(rows, h)
				return scanHeader(scan, h)
			})
		if err != nil {
			return nil, nil, err
		}
		if err := st.attachAssessments(ctx, rows); err != nil {
			return nil, nil, err
		}
		err = st.eachRows(ctx, rows, func(h *headerRow, spans []tracing.SpanRow) error {
			cells.Fold(&h.Info, spans)
			if l, changed := st.loopOf(h, spans); changed {
				loops = append(loops, l)
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		if len(rows) < foldChunk {
			return cells, loops, nil
		}
		last := rows[len(rows)-1]
		from, after = last.RequestTime, last.n
	}
}

// eachRows yields headers with the rows of their spans, a partition at a
// time. The rows are the callee's until it returns.
func (st *Traces) eachRows(ctx context.Context, rows []*headerRow, fn func(*headerRow, []tracing.SpanRow) error) error {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b *headerRow) int { return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.t, b.t)) })
	for len(rows) > 0 {
		day, n := rows[0].Partition, 0
		for n < len(rows) && rows[n].Partition == day {
			n++
		}
		if err := st.eachRowsOfDay(ctx, day, rows[:n], fn); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (st *Traces) eachRowsOfDay(ctx context.Context, day int, rows []*headerRow, fn func(*headerRow, []tracing.SpanRow) error) error {
	for len(rows) > 0 && rows[0].t == 0 { // no spans, no partition
		if err := fn(rows[0], nil); err != nil {
			return err
		}
		rows = rows[1:]
	}
	if len(rows) == 0 {
		return nil
	}
	p, err := st.use(ctx, day, false)
	if fault.Is(err, fault.NotFound) { // removed meanwhile; the headers follow
		for _, h := range rows {
			if err := fn(h, nil); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer st.release(p)
	for len(rows) > 0 {
		size := 1
		if len(rows) > 1 {
			size = 25
		}
		n := min(size, len(rows))
		if err := p.spansOfTraces(ctx, rows[:n], size, fn); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// spansOfTraces reads the rows of some traces, by ascending number, in one query of size marks.
func (p *partition) spansOfTraces(ctx context.Context, rows []*headerRow, size int, fn func(*headerRow, []tracing.SpanRow) error) error {
	args := make([]any, size)
	for i := range args {
		args[i] = rows[min(i, len(rows)-1)].t
	}
	var spans []tracing.SpanRow
	var row spanRow
	at := 0
	flush := func() error {
		err := fn(rows[at], spans)
		spans = spans[:0]
		at++
		return err
	}
	err := p.db.Each(ctx, p.sql(`SELECT t, `+rowColumns+` FROM {p}span WHERE t IN (`+Marks(size)+`) ORDER BY t, s`), args, func(scan func(...any) error) error {
		var t int64
		err := scanRow(func(dest ...any) error { return scan(append([]any{&t}, dest...)...) }, &row)
		for err == nil && at < len(rows) && rows[at].t < t {
			err = flush()
		}
		spans = append(spans, row.SpanRow)
		return err
	})
	for err == nil && at < len(rows) {
		err = flush()
	}
	return err
}
