package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// Deleting a trace removes its rows; its payload stays in the pack of its day,
// and its words in the full text, until the day is rewritten without them.
//
// The files of a day have a generation: spans.db, then spans-1.db and so on,
// the packs and texts alike. A rewrite makes the files of the next generation
// beside those in use, while readers and the ingest goroutine go on. Then, with
// nothing being taken in, it adds what changed meanwhile, and one commit in the
// index says which generation is in use. Whoever still reads the old files
// closes and removes them; what a crash leaves behind, in whichever step, is
// removed when the day is opened next.

// path is a file of the partition's generation.
func (p *partition) path(name string) string {
	return filepath.Join(p.st.partitionDir(p.day), generationName(name, p.generation))
}

func generationName(name string, generation int) string {
	if generation == 0 {
		return name
	}
	ext := filepath.Ext(name)
	return strings.TrimSuffix(name, ext) + "-" + strconv.Itoa(generation) + ext
}

// generationOf reads a generation from the name of a file of a day.
func generationOf(name string) (generation int, ok bool) {
	name, _, _ = strings.Cut(name, ".")
	base, number, dashed := strings.Cut(name, "-")
	if base != "spans" && base != "payload" && base != "text" {
		return 0, false
	}
	if !dashed {
		return 0, true
	}
	n, err := strconv.Atoi(number)
	return n, err == nil
}

// settleGeneration finds the generation in use and, once per process, removes
// the files of others.
func (st *Traces) settleGeneration(ctx context.Context, p *partition) error {
	err := st.index.QueryRow(ctx, `SELECT generation FROM trace_partition WHERE day = ?`, []any{p.day}, &p.generation)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	st.mu.Lock()
	settled := st.settled[p.day]
	st.settled[p.day] = true
	st.mu.Unlock()
	if settled {
		return nil
	}
	entries, err := os.ReadDir(st.partitionDir(p.day))
	if err != nil {
		return nil // not there yet
	}
	later, here := 0, false
	for _, e := range entries {
		if g, ok := generationOf(e.Name()); ok && strings.HasPrefix(e.Name(), "spans") {
			here = here || g == p.generation
			if g > p.generation && (later == 0 || g < later) {
				later = g
			}
		}
	}
	if !here && later > 0 {
		// A backup copied the index before the day was rewritten, and the day
		// afterwards.
		p.generation = later
		if err := st.useGeneration(ctx, p.day, later); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if g, ok := generationOf(e.Name()); ok && g != p.generation && (here || later > 0) {
			if err := os.Remove(filepath.Join(st.partitionDir(p.day), e.Name())); err != nil {
				return fault.Wrap(fault.Unavailable, "sqlstore.partition", err, "a file that an unfinished rewrite of %d left cannot be removed", p.day)
			}
		}
	}
	return nil
}

// useGeneration says which files of a day are in use.
func (st *Traces) useGeneration(ctx context.Context, day, generation int) error {
	return st.index.Write(ctx, func(ctx context.Context) error {
		_, err := st.index.Exec(ctx, `INSERT INTO trace_partition (day, applied, generation) VALUES (?, 0, ?)
			ON CONFLICT (day) DO UPDATE SET generation = excluded.generation, dead = 0, due = 0`, day, generation)
		return err
	})
}

// removeFiles removes the files of a generation that is no longer in use.
func (p *partition) removeFiles() error {
	var errs []error
	for _, name := range []string{"spans.db", "text.db", "payload.pack"} {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(p.path(name) + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// countDead notes spans that no trace has any more, inside a Write. On
// PostgreSQL it notes only that there are some, once: whoever takes in traces
// reads the row of the day and must not lose against every deletion.
func (st *Traces) countDead(ctx context.Context, victims []victim) error {
	dead := map[int]int64{}
	for _, v := range victims {
		if v.t != 0 {
			dead[v.day] += v.spans
		}
	}
	for day, n := range dead {
		if st.dir == "" {
			if _, err := st.index.Exec(ctx, markDue, day); err != nil {
				return err
			}
			continue
		}
		if _, err := st.index.Exec(ctx, `UPDATE trace_partition SET dead = dead + ? WHERE day = ?`, n, day); err != nil {
			return err
		}
	}
	return nil
}

// markDue says that a day is to be rewritten.
const markDue = `UPDATE trace_partition SET due = 1 WHERE day = ? AND due = 0`

// Dead implements [tracing.CareStore].
func (st *Traces) Dead(ctx context.Context, day int) (float64, error) {
	var dead, due, alive int64
	if err := st.index.QueryRow(ctx, `SELECT dead, due FROM trace_partition WHERE day = ?`, []any{day}, &dead, &due); err != nil {
		return 0, err
	}
	if due == 1 {
		return 1, nil
	}
	if dead == 0 {
		return 0, nil
	}
	if err := st.index.QueryRow(ctx, `SELECT coalesce(sum(spans), 0) FROM trace WHERE part = ?`, []any{day}, &alive); err != nil {
		return 0, err
	}
	return float64(dead) / float64(dead+alive), nil
}

// protected runs fn and turns a panic into an error.
func protected(log *slog.Logger, ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic in the trace store", "panic", p, "stack", stack())
			err = fault.New(fault.Internal, "panic in the trace store: %v", p)
		}
	}()
	return fn(ctx)
}

// Compact implements [tracing.CareStore].
func (st *Traces) Compact(ctx context.Context, day int) (before, after int64, err error) {
	st.upkeep.Lock()
	defer st.upkeep.Unlock()
	if st.dir == "" {
		return st.compactPostgres(ctx, day)
	}
	p, err := st.use(ctx, day, false)
	if err != nil {
		return 0, 0, err
	}
	defer st.release(p)
	before = st.diskBytes(day)
	c, err := newCompaction(ctx, p)
	if err != nil {
		return before, before, err
	}
	if err = c.run(ctx); err != nil {
		c.discard()
		return before, before, err
	}
	after = c.size()
	if err := st.index.Truncate(ctx); err != nil {
		st.log.Warn("the log of the trace index keeps what was deleted until it is written over", "error", err)
	}
	return before, after, nil
}

// compaction is one rewrite of a day.
type compaction struct {
	from, to *partition
	codec    *codec
	text     *textIndexer
	since    int64 // batch of the old files that is copied
	last     int64 // trace that was copied last
}

// newCompaction makes the files of the next generation.
func newCompaction(ctx context.Context, p *partition) (*compaction, error) {
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	to := &partition{st: p.st, day: p.day, generation: p.generation + 1, ready: make(chan struct{}), window: newWindow()}
	to.blockReader = blockReader{day: p.day, file: p.st.files.Add(1), cache: p.st.cache}
	if err := to.removeFiles(); err != nil { // of a rewrite that failed
		return nil, fault.Wrap(fault.Unavailable, "sqlstore.Compact", err, "the files of day %d cannot be written", p.day)
	}
	close(to.ready)
	c := &compaction{from: p, to: to, codec: codec}
	if to.db, err = OpenSQLite(ctx, to.path("spans.db"), p.st.log, partitionConfig); err != nil {
		return nil, err
	}
	if _, err := to.db.Migrate(ctx, "partition"); err != nil {
		return nil, errors.Join(err, c.closed())
	}
	if to.pack, err = openPack(to.path("payload.pack"), 0); err != nil {
		return nil, errors.Join(fault.Wrap(fault.Unavailable, "sqlstore.Compact", err, "the pack of day %d cannot be written", p.day), c.closed())
	}
	to.blocks = to.pack
	c.text = newTextIndexer(to)
	c.text.quiet = true
	return c, nil
}

func (c *compaction) closed() error { c.discard(); return nil }

// discard removes the new files.
func (c *compaction) discard() {
	c.to.old = true // so that closing removes them
	if err := c.to.close(); err != nil {
		c.to.st.log.Warn("the files of an unfinished rewrite are left", "day", c.to.day, "error", err)
	}
}

func (c *compaction) size() (n int64) {
	for _, name := range []string{"spans.db", "text.db", "payload.pack"} {
		if info, err := os.Stat(c.to.path(name)); err == nil {
			n += info.Size()
		}
	}
	return n
}

// run copies what lives, then what changed meanwhile, and switches.
func (c *compaction) run(ctx context.Context) error {
	// Writes up to this one have their headers; what is newer is copied again
	// at the end.
	if err := c.from.st.index.QueryRow(ctx, `SELECT applied FROM trace_partition WHERE day = ?`, []any{c.from.day}, &c.since); err != nil {
		return err
	}
	for {
		list, err := c.here(ctx, `t > ? ORDER BY t LIMIT 500`, c.last)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		if err := c.copy(ctx, list, false); err != nil {
			return err
		}
		c.last = list[len(list)-1].t
		if err := c.indexText(ctx); err != nil {
			return err
		}
	}
	// Meanwhile nothing is taken in and nobody else writes to a day.
	return c.from.st.submit(ctx, &intake{alone: func(ctx context.Context) error {
		c.from.st.outside.Lock()
		defer c.from.st.outside.Unlock()
		return c.finish(ctx)
	}})
}

type hereTrace struct {
	t  int64
	id trace.ID
}

func (c *compaction) here(ctx context.Context, where string, args ...any) (list []hereTrace, err error) {
	err = c.from.db.Each(ctx, `SELECT t, id FROM trace_here WHERE `+where, args, func(scan func(...any) error) error {
		var h hereTrace
		var id []byte
		err := scan(&h.t, &id)
		copy(h.id[:], id)
		list = append(list, h)
		return err
	})
	return list, err
}

// copyBytes is how much payload is copied in one commit.
const copyBytes = 4 << 20

// copy copies traces whole; again says that older copies of them may be there.
func (c *compaction) copy(ctx context.Context, list []hereTrace, again bool) error {
	alive, err := c.alive(ctx, list)
	if err != nil {
		return err
	}
	d := c.begin()
	for _, h := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if again {
			if err := c.drop(ctx, []int64{h.t}); err != nil {
				return err
			}
		}
		if !alive[h.id] {
			continue
		}
		d.traces = append(d.traces, &touched{id: h.id, t: h.t, newHere: true})
		if err := c.copyTrace(ctx, d, h.t); err != nil {
			return err
		}
		if len(d.frames) > copyBytes {
			if err := c.commit(ctx, d); err != nil {
				return err
			}
			d = c.begin()
		}
	}
	return c.commit(ctx, d)
}

// alive are the traces that have a header: rows without one are left of a
// deletion that a crash cut short.
func (c *compaction) alive(ctx context.Context, list []hereTrace) (map[trace.ID]bool, error) {
	ids := make([]trace.ID, len(list))
	for i, h := range list {
		ids[i] = h.id
	}
	alive := make(map[trace.ID]bool, len(list))
	for chunk := range padded(ids) {
		err := c.from.st.index.Each(ctx, `SELECT id FROM trace WHERE id IN (`+Marks(len(chunk))+`)`, chunk, func(scan func(...any) error) error {
			var id []byte
			err := scan(&id)
			alive[trace.ID(id)] = true
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return alive, nil
}

func (c *compaction) begin() *dayWrite {
	p := c.to
	d := &dayWrite{p: p}
	offset := p.pack.end
	d.build = builder{codec: c.codec, window: p.window, ordinal: p.ordinal, arrival: p.st.now().UnixMilli(),
		number: func() (int64, error) { return offset + int64(len(d.frames)), nil },
		sealed: func(frame []byte) { d.frames = append(d.frames, frame...) }}
	return d
}

func (c *compaction) commit(ctx context.Context, d *dayWrite) error {
	err := d.commit(ctx)
	c.to.window.settle(err == nil)
	return err
}

// copyTrace copies the rows of a trace with their payload, in the order in
// which they lie. What cannot be read is left behind: there is nothing to keep.
func (c *compaction) copyTrace(ctx context.Context, d *dayWrite, t int64) error {
	var rows [][]any
	err := c.from.db.Each(ctx, `SELECT s, parent, start_ns, end_ns, status, name, type, model, tokens, cost, block, at, facts FROM span WHERE t = ? ORDER BY block, at`,
		[]any{t}, func(scan func(...any) error) error {
			row := make([]any, spanWidth-1)
			dest := make([]any, len(row))
			for i := range row {
				dest[i] = &row[i]
			}
			rows = append(rows, row)
			return scan(dest...)
		})
	if err != nil {
		return err
	}
	d.build.sources = nil
	sources := map[string]*trace.Source{}
	for _, row := range rows {
		s := spanID(row[0].(int64))
		raw, source, err := c.payload(ctx, t, s, row[10].(int64), row[11].(int64))
		if err != nil {
			if fault.Is(err, fault.Canceled) {
				return err
			}
			c.from.st.log.Error("a span cannot be read and is not kept when its day is rewritten", "day", c.from.day, "span", s, "error", err)
			continue
		}
		span := &trace.Span{ID: s, Raw: raw}
		if len(source) > 0 {
			if sources[string(source)] == nil {
				if sources[string(source)], err = parseSource(source); err != nil {
					return err
				}
			}
			span.Source = sources[string(source)]
		}
		block, at, err := d.build.add(t, span)
		if err != nil {
			return err
		}
		row[10], row[11] = block, at
		d.rows = append(append(d.rows, t), row...)
		d.marks = append(d.marks, spanMark{t, row[0].(int64)})
	}
	return nil
}

func (c *compaction) payload(ctx context.Context, t int64, s trace.SpanID, block, at int64) (raw, source []byte, err error) {
	plain, err := c.from.plain(ctx, block)
	if err != nil {
		return nil, nil, err
	}
	var e spanEntry
	if is, _, err := entryAt(plain, int(at), block, &e); err != nil || !is || e.id != s || e.t != t {
		return nil, nil, orDamaged(err)
	}
	if raw, err = c.from.raw(ctx, &e); err != nil {
		return nil, nil, err
	}
	source, err = c.from.resolve(ctx, e.source)
	return raw, source, err
}

// drop removes traces from the new files.
func (c *compaction) drop(ctx context.Context, list []int64) error {
	return c.to.db.Write(ctx, func(ctx context.Context) error {
		for _, t := range list {
			for _, q := range []string{`DELETE FROM span WHERE t = ?`, `DELETE FROM trace_here WHERE t = ?`} {
				if _, err := c.to.db.Exec(ctx, q, t); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// indexText makes the full text of what was copied.
func (c *compaction) indexText(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = c.text.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// finish adds what changed since the copy began and switches to the new files.
// The ingest goroutine runs it.
func (c *compaction) finish(ctx context.Context) error {
	from, to := c.from, c.to
	if from.old || from.st.isRemoved(from.day) {
		return fault.New(fault.Conflict, "the day %d was removed or rewritten meanwhile", from.day)
	}
	changed, err := c.here(ctx, `batch > ? ORDER BY t`, c.since)
	if err != nil {
		return err
	}
	if err := c.copy(ctx, changed, true); err != nil {
		return err
	}
	if err := c.dropDeleted(ctx); err != nil {
		return err
	}
	state, err := from.state(ctx)
	if err != nil {
		return err
	}
	to.batch, to.nextT = state["batch"], max(1, state["next"])
	err = to.db.Write(ctx, func(ctx context.Context) error {
		if _, err := to.db.Exec(ctx, `UPDATE trace_here SET batch = ?`, to.batch); err != nil {
			return err
		}
		return to.saveState(ctx, to.batch, 0, to.ordinal)
	})
	if err != nil {
		return err
	}
	if _, err := to.text(ctx); err != nil { // so that all files of the generation exist
		return err
	}
	if err := syncDir(from.st.partitionDir(from.day)); err != nil {
		return fault.Wrap(fault.Unavailable, "sqlstore.Compact", err, "the files of day %d could not be made durable", from.day)
	}
	if err := from.st.useGeneration(ctx, from.day, to.generation); err != nil {
		return err
	}
	from.st.mu.Lock()
	from.old = true
	from.st.partitions[from.day] = to
	from.st.mu.Unlock()
	from.st.wakeText(from.day)
	return nil
}

// dropDeleted removes the traces that were deleted after they were copied.
func (c *compaction) dropDeleted(ctx context.Context) error {
	alive := map[int64]bool{}
	err := c.from.db.Each(ctx, `SELECT t FROM trace_here`, nil, func(scan func(...any) error) error {
		var t int64
		err := scan(&t)
		alive[t] = true
		return err
	})
	if err != nil {
		return err
	}
	var gone []int64
	err = c.to.db.Each(ctx, `SELECT t FROM trace_here`, nil, func(scan func(...any) error) error {
		var t int64
		err := scan(&t)
		if !alive[t] {
			gone = append(gone, t)
		}
		return err
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(gone, deleteChunk) {
		if err := c.drop(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (st *Traces) isRemoved(day int) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.removed[day]
}

// SweepLabels implements [tracing.CareStore]. Labels that are in use again
// meanwhile stay; numbers that others remember are forgotten first.
func (st *Traces) SweepLabels(ctx context.Context) (int64, error) {
	total, last := int64(0), int64(0)
	for {
		var labels []int64
		err := st.index.Each(ctx, `SELECT n FROM label WHERE n > ? ORDER BY n LIMIT ?`, []any{last, deleteChunk}, func(scan func(...any) error) error {
			err := scan(&last)
			labels = append(labels, last)
			return err
		})
		if err != nil || len(labels) == 0 {
			return total, errors.Join(err, st.index.Truncate(ctx))
		}
		n, err := st.sweepChunk(ctx, labels)
		if total += n; err != nil {
			return total, err
		}
	}
}

func (st *Traces) sweepChunk(ctx context.Context, labels []int64) (total int64, err error) {
	for _, n := range labels {
		for more := true; more; {
			var dead []any
			err := st.index.Each(ctx, `SELECT trace FROM trace_label WHERE label = ? AND NOT EXISTS (SELECT 1 FROM trace WHERE trace.n = trace_label.trace) LIMIT 1000`,
				[]any{n}, func(scan func(...any) error) error {
					var id int64
					err := scan(&id)
					dead = append(dead, id)
					return err
				})
			if err != nil {
				return total, err
			}
			if more = len(dead) > 0; !more {
				break
			}
			err = st.index.Write(ctx, func(ctx context.Context) error {
				for _, id := range dead {
					if _, err := st.index.Exec(ctx, `DELETE FROM trace_label WHERE label = ? AND trace = ?`, n, id); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return total, err
			}
		}
	}
	if st.dir == "" {
		return total, nil // other nodes may remember the numbers
	}
	err = st.index.Write(ctx, func(ctx context.Context) error {
		total = 0
		st.labels.forget()
		for _, n := range labels {
			gone, err := st.index.Exec(ctx, `DELETE FROM label WHERE n = ? AND NOT EXISTS (SELECT 1 FROM trace_label WHERE label = ?)`, n, n)
			if err != nil {
				return err
			}
			total += gone
		}
		return nil
	})
	return total, err
}

// DeleteAssessmentsOf implements [tracing.CareStore].
func (st *Traces) DeleteAssessmentsOf(ctx context.Context, source string) (total int64, err error) {
	for {
		var n int64
		err := st.index.Write(ctx, func(ctx context.Context) error {
			var err error
			n, err = st.index.Exec(ctx, `DELETE FROM assessment WHERE n IN (SELECT a.n FROM assessment a JOIN trace t ON t.n = a.trace
				WHERE a.source_id = ? AND t.workspace = ? LIMIT 500)`, source, st.workspaceOf(ctx))
			return err
		})
		if total += n; err != nil || n == 0 {
			return total, err
		}
	}
}

// CountAssessmentsOf implements [tracing.CareStore].
func (st *Traces) CountAssessmentsOf(ctx context.Context, source string) (n int64, err error) {
	err = st.index.QueryRow(ctx, `SELECT count(*) FROM assessment a JOIN trace t ON t.n = a.trace WHERE a.source_id = ? AND t.workspace = ?`,
		[]any{source, st.workspaceOf(ctx)}, &n)
	return n, err
}

// DayFacts implements [tracing.CareStore].
func (st *Traces) DayFacts(ctx context.Context, day int, pin string) (f tracing.DayFacts, err error) {
	ws := st.workspaceOf(ctx)
	err = st.index.QueryRow(ctx, `SELECT coalesce(sum(CASE WHEN workspace = ? THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN workspace = ? THEN 0 ELSE 1 END), 0),
		coalesce(max(start_ms), 0) FROM trace WHERE part = ?`, []any{ws, ws, day}, &f.Traces, &f.Others, &f.Newest)
	if err != nil {
		return f, err
	}
	err = st.index.QueryRow(ctx, `SELECT count(*) FROM trace_label tl JOIN label l ON l.n = tl.label JOIN trace t ON t.n = tl.trace
		WHERE l.kind = ? AND l.key = ? AND t.part = ?`, []any{int(tracing.LabelTag), pin, day}, &f.Pinned)
	return f, err
}

// DayTraces implements [tracing.CareStore].
func (st *Traces) DayTraces(ctx context.Context, day int, after int64, limit int) (list []tracing.Located, next int64, err error) {
	err = st.index.Each(ctx, `SELECT n, id, experiment FROM trace WHERE part = ? AND n > ? ORDER BY n LIMIT ?`, []any{day, after, limit}, func(scan func(...any) error) error {
		var id []byte
		var experiment int64
		err := scan(&next, &id, &experiment)
		at := tracing.Located{Experiment: fmt.Sprint(experiment)}
		copy(at.ID[:], id)
		list = append(list, at)
		return err
	})
	return list, next, err
}
