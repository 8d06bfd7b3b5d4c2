package sqlstore

import (
	"cmp"
	"context"
	"runtime/debug"
	"slices"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

func stack() string { return string(debug.Stack()) }

// traceWrite stores one group of intakes.
type traceWrite struct {
	st     *Traces
	batch  []*intake
	traces map[trace.ID]*touched
	order  []*touched // in order of first mention
	days   map[int]*dayWrite
}

// touched is a trace that a group writes to.
type touched struct {
	id        trace.ID
	known     bool // has a header
	workspace int64
	day       int
	t         int64
	newHere   bool // has no row in the partition yet
	shape     *tracing.Shape
	gist      tracing.Gist
	spans     bool // the group brings spans
	arrival   *tracing.Arrival
	infos     []*tracing.Info
}

// dayWrite is what a group writes to one partition.
type dayWrite struct {
	p      *partition
	build  builder
	frames []byte
	rows   []any // spanWidth each
	marks  []spanMark
	traces []*touched
	again  bool // some row replaces another of this very group
}

type spanMark struct{ t, s int64 }

func newTraceWrite(st *Traces, batch []*intake) *traceWrite {
	return &traceWrite{st: st, batch: batch, traces: map[trace.ID]*touched{}, days: map[int]*dayWrite{}}
}

// run is the write: look up, lay out, payload, spans, headers.
func (w *traceWrite) run(ctx context.Context) error {
	defer w.release()
	if err := w.lookUp(ctx); err != nil {
		return err
	}
	for _, in := range w.batch {
		if in.arrival != nil {
			if err := w.take(ctx, in); err != nil {
				return err
			}
		} else if err := w.takeInfo(in); err != nil {
			in.err = err
		}
	}
	for _, d := range w.byDay() {
		if err := d.commit(ctx); err != nil {
			return err
		}
	}
	if err := w.st.writeIndex(ctx, w.saveHeaders); err != nil {
		return err
	}
	return nil
}

// succeed remembers what is durable now.
func (w *traceWrite) succeed() {
	for _, tr := range w.order {
		if tr.shape != nil && w.st.dir != "" {
			tr.shape.Saved()
			w.st.shapes.put(tr)
		}
	}
	for day, d := range w.days {
		d.p.window.settle(true)
		w.st.wakeText(day)
	}
}

func (w *traceWrite) byDay() []*dayWrite {
	list := make([]*dayWrite, 0, len(w.days))
	for _, d := range w.days {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b *dayWrite) int { return cmp.Compare(a.p.day, b.p.day) })
	return list
}

// abandon forgets everything a failed write may have left in memory; opening
// the partitions again mends the files.
func (w *traceWrite) abandon() {
	for _, tr := range w.order {
		w.st.shapes.drop(tr.id)
	}
	for _, d := range w.days {
		d.p.window.settle(false)
		if w.st.dir != "" {
			w.st.retire(d.p)
		}
	}
}

func (w *traceWrite) release() {
	for _, d := range w.days {
		w.st.release(d.p)
	}
}

// lookUp finds which traces exist and where.
func (w *traceWrite) lookUp(ctx context.Context) error {
	w.st.mu.Lock()
	for _, id := range w.st.gone { // PostgreSQL remembers nothing anyway
		w.st.shapes.drop(id)
	}
	w.st.gone = nil
	w.st.mu.Unlock()
	var unknown []trace.ID
	mention := func(id trace.ID) {
		if w.traces[id] != nil {
			return
		}
		tr := w.st.shapes.get(id)
		if tr == nil {
			tr = &touched{id: id}
			unknown = append(unknown, id)
		}
		w.traces[id] = tr
		w.order = append(w.order, tr)
	}
	for _, in := range w.batch {
		if in.info != nil {
			mention(in.info.ID)
			continue
		}
		for i := range in.arrival.Spans {
			mention(in.arrival.Spans[i].TraceID)
		}
	}
	for chunk := range padded(unknown) {
		err := w.st.index.Each(ctx, `SELECT id, workspace, part, t FROM trace WHERE id IN (`+Marks(len(chunk))+`)`, chunk, func(scan func(...any) error) error {
			var id []byte
			var workspace int64
			var day int
			var t *int64
			if err := scan(&id, &workspace, &day, &t); err != nil {
				return err
			}
			tr := w.traces[trace.ID(id)]
			tr.known, tr.workspace, tr.day, tr.t = true, workspace, day, max(0, number(t))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// settle gives a new trace its partition, and says why a write to a trace is
// refused.
func (w *traceWrite) settle(tr *touched, in *intake) error {
	if !tr.known && tr.day == 0 {
		tr.workspace, tr.day = in.workspace, dayOf(in.now)
	}
	if tr.workspace != in.workspace {
		return fault.NotFoundf("Trace with ID '%s' is not found.", tr.id)
	}
	w.st.mu.Lock()
	defer w.st.mu.Unlock()
	if w.st.removed[tr.day] {
		return fault.New(fault.State, "the trace %s was removed by retention; later parts of it are not kept", tr.id)
	}
	return nil
}

func (w *traceWrite) takeInfo(in *intake) error {
	tr := w.traces[in.info.ID]
	if err := w.settle(tr, in); err != nil {
		return err
	}
	tr.infos = append(tr.infos, in.info)
	return nil
}

// day opens the partition of a day for this write.
func (w *traceWrite) day(ctx context.Context, day int, arrival int64) (*dayWrite, error) {
	if d := w.days[day]; d != nil {
		return d, nil
	}
	p, err := w.st.use(ctx, day, true)
	if err != nil {
		return nil, err
	}
	d := &dayWrite{p: p}
	w.days[day] = d
	offset := int64(0)
	if p.pack != nil {
		offset = p.pack.end
	}
	d.build = builder{
		codec: w.st.codec, window: p.window, ordinal: p.ordinal, arrival: arrival,
		number: func() (int64, error) {
			if p.pack != nil {
				return offset + int64(len(d.frames)), nil
			}
			return p.nextBlock(ctx)
		},
		sealed: func(frame []byte) { d.frames = append(d.frames, frame...) },
	}
	if p.pack == nil {
		if day != dayOf(w.st.now()) { // another node may rewrite it; see compactPostgres
			d.build.window = newWindow()
		}
		d.build.sealed = func(frame []byte) { d.build.err = p.putBlock(ctx, d.build.base, frame) }
	}
	return d, nil
}

// take lays out the spans of one arrival.
func (w *traceWrite) take(ctx context.Context, in *intake) error {
	a := in.arrival
	for i := range a.Spans {
		s := &a.Spans[i]
		tr := w.traces[s.TraceID]
		if err := w.settle(tr, in); err != nil {
			if in.rejected++; in.reason == "" {
				in.reason = fault.Message(err)
			}
			continue
		}
		d, err := w.day(ctx, tr.day, in.now.UnixMilli())
		if err != nil {
			return err
		}
		if err := w.open(ctx, d, tr, len(a.Spans)); err != nil {
			return err
		}
		tr.spans = true
		if tr.arrival == nil {
			tr.arrival = a
		}
		tr.gist.Look(s)
		if !tr.shape.Wants(s) {
			continue
		}
		if err := d.add(tr, s); err != nil {
			return err
		}
	}
	return nil
}

// open readies a trace for spans: its number here, and its shape.
func (w *traceWrite) open(ctx context.Context, d *dayWrite, tr *touched, room int) error {
	if tr.shape != nil {
		if !tr.spans {
			d.traces = append(d.traces, tr)
		}
		return nil
	}
	d.traces = append(d.traces, tr)
	if tr.t == 0 {
		var err error
		if tr.t, err = d.p.newTrace(ctx); err != nil {
			return err
		}
		tr.newHere, tr.shape = true, tracing.NewShape(min(room, 64))
		return nil
	}
	var err error
	tr.shape, err = d.p.shape(ctx, tr.t, room)
	return err
}

const spanWidth = 14

// add lays out one span.
func (d *dayWrite) add(tr *touched, s *trace.Span) error {
	had := tr.shape.Len()
	tr.shape.Put(s)
	if tr.shape.Len() == had {
		d.again = true
	}
	block, at, err := d.build.add(tr.t, s)
	if err != nil {
		return err
	}
	c := &s.Columns
	n := spanNumber(s.ID)
	d.marks = append(d.marks, spanMark{tr.t, n})
	d.rows = append(d.rows, tr.t, n, spanNumber(s.Parent), s.Start, s.End, int64(s.Status), s.Name,
		orNull(clipBytes(c.Type, maxFact)), orNull(clipBytes(c.Model, maxFact)), knownOrNull(c.Tokens.Total), knownOrNull(c.Cost.Total),
		block, at, appendFacts(make([]byte, 0, 48), c))
	return nil
}

// commit writes payload, then rows.
func (d *dayWrite) commit(ctx context.Context) error {
	p := d.p
	d.build.seal()
	if d.build.err != nil {
		return d.build.err
	}
	if p.pack != nil && len(d.frames) > 0 {
		if err := p.pack.write(d.frames); err != nil {
			return err
		}
	}
	if d.again {
		d.lastOnly()
	}
	batch := p.batch + 1
	err := p.db.Write(ctx, func(ctx context.Context) error {
		for _, tr := range d.traces {
			if err := p.markTrace(ctx, tr, batch); err != nil {
				return err
			}
		}
		if err := p.insertSpans(ctx, d.rows); err != nil {
			return err
		}
		return p.saveState(ctx, batch, int64(len(d.frames)), d.build.ordinal)
	})
	if err != nil {
		return err
	}
	p.batch, p.ordinal = batch, d.build.ordinal
	if p.pack != nil {
		p.pack.end += int64(len(d.frames))
		p.pack.kept.Store(p.pack.end)
	}
	return nil
}

// lastOnly keeps the last row of each span: one statement may not touch a row
// twice.
func (d *dayWrite) lastOnly() {
	last := make(map[spanMark]int, len(d.marks))
	for i, m := range d.marks {
		last[m] = i
	}
	rows := d.rows[:0]
	for i, m := range d.marks {
		if last[m] == i {
			rows = append(rows, d.rows[i*spanWidth:(i+1)*spanWidth]...)
		}
	}
	d.rows = rows
}

func (p *partition) markTrace(ctx context.Context, tr *touched, batch int64) error {
	var err error
	if tr.newHere {
		_, err = p.db.Exec(ctx, p.sql(`INSERT INTO {p}trace_here (t, id, batch) VALUES (?, ?, ?)`), tr.t, tr.id[:], batch)
	} else {
		_, err = p.db.Exec(ctx, p.sql(`UPDATE {p}trace_here SET batch = ? WHERE t = ?`), batch, tr.t)
	}
	return err
}

func (p *partition) insertSpans(ctx context.Context, rows []any) error {
	for len(rows) > 0 {
		n := 1
		for _, size := range [...]int{64, 8} {
			if len(rows) >= size*spanWidth {
				n = size
				break
			}
		}
		if _, err := p.db.Exec(ctx, p.sql(insertSpans[n]), rows[:n*spanWidth]...); err != nil {
			return err
		}
		rows = rows[n*spanWidth:]
	}
	return nil
}

var insertSpans = map[int]string{1: spanInsert(1), 8: spanInsert(8), 64: spanInsert(64)}

func spanInsert(n int) string {
	return `INSERT INTO {p}span (t, s, parent, start_ns, end_ns, status, name, type, model, tokens, cost, block, at, facts) VALUES ` +
		Rows(n, spanWidth) + ` ON CONFLICT (t, s) DO UPDATE SET parent = excluded.parent, start_ns = excluded.start_ns,
		end_ns = excluded.end_ns, status = excluded.status, name = excluded.name, type = excluded.type, model = excluded.model,
		tokens = excluded.tokens, cost = excluded.cost, block = excluded.block, at = excluded.at, facts = excluded.facts`
}

// newTrace returns the number of a new trace.
func (p *partition) newTrace(ctx context.Context) (int64, error) {
	if p.pack == nil {
		return p.nextTrace(ctx)
	}
	p.nextT++
	return p.nextT - 1, nil
}

func (p *partition) saveState(ctx context.Context, batch, packed int64, ordinal uint32) error {
	if p.pack == nil {
		return nil // one transaction has it all, and sequences the numbers
	}
	end := p.pack.end + packed
	_, err := p.db.Exec(ctx, p.sql(`INSERT INTO {p}state (name, value) VALUES ('batch', ?), ('pack', ?), ('next', ?), ('ordinal', ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`), batch, end, p.nextT, int64(ordinal))
	return err
}

// saveHeaders writes the headers of all touched traces, inside a Write.
func (w *traceWrite) saveHeaders(ctx context.Context) error {
	var known []trace.ID
	for _, tr := range w.order {
		if tr.known && (tr.spans || len(tr.infos) > 0) {
			known = append(known, tr.id)
		}
	}
	rows, err := w.st.headers(ctx, known)
	if err != nil {
		return err
	}
	byID := make(map[trace.ID]*headerRow, len(rows))
	for _, h := range rows {
		h.before = h.labelSet()
		byID[h.ID] = h
	}
	for _, tr := range w.order {
		if !tr.spans && len(tr.infos) == 0 {
			continue // refused
		}
		h := byID[tr.id]
		if h == nil { // new, or deleted a moment ago
			h = &headerRow{workspace: tr.workspace, seen: -1, stalled: -1}
			h.Partition = tr.day
		}
		if err := w.merge(ctx, tr, h); err != nil {
			return err
		}
	}
	for _, d := range w.byDay() {
		if err := w.st.markApplied(ctx, d.p.day, d.p.batch); err != nil {
			return err
		}
	}
	return nil
}

func (w *traceWrite) merge(ctx context.Context, tr *touched, h *headerRow) error {
	var shape *tracing.Shape
	if tr.t != 0 {
		h.t = tr.t
	}
	if tr.spans {
		shape = tr.shape
		h.ID = tr.id
		h.MergeSpans(shape, &tr.gist, tr.arrival.Experiment, tr.arrival.Run)
	}
	for _, info := range tr.infos {
		h.MergeInfo(info)
	}
	h.heard(w.st.now())
	if err := w.st.saveHeader(ctx, h, shape); err != nil {
		return err
	}
	for _, info := range tr.infos {
		for i := range info.Assessments {
			if err := w.st.putAssessment(ctx, h.n, &info.Assessments[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
