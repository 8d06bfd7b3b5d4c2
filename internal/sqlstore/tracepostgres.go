package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
)

// On PostgreSQL a partition is a schema, payload blocks are rows, full text is
// a tsvector of the same words, and a group of arrivals is one serialisable
// transaction. Nothing is remembered from one group to the next but which
// pieces are stored, since other nodes write too.

func schemaOf(day int) string { return fmt.Sprintf("traces_%d", day) }

// storePostgres writes a group.
func (st *Traces) storePostgres(ctx context.Context, batch []*intake) error {
	// Tables are made before: a rolled back transaction must not take them along.
	for _, in := range batch {
		if in.arrival == nil {
			continue
		}
		p, err := st.use(ctx, dayOf(in.now), true)
		if fault.Is(err, fault.NotFound) {
			continue // removed by retention; the write says so
		}
		if err != nil {
			return err
		}
		st.release(p)
	}
	var w *traceWrite
	err := st.writeIndex(ctx, func(ctx context.Context) error {
		if w != nil {
			w.abandon()
		}
		st.shapes.clear()
		for _, in := range batch {
			in.rejected, in.reason, in.err = 0, "", nil
		}
		w = newTraceWrite(st, batch)
		return w.run(ctx)
	})
	switch {
	case w == nil:
	case err != nil:
		w.abandon()
	default:
		w.succeed()
	}
	return err
}

func (p *partition) openPostgres(ctx context.Context, create bool) error {
	schema := schemaOf(p.day)
	p.prefix, p.db = schema+".", p.st.index
	p.blocks = blockTable{p}
	found := 0
	// Not inside the caller's transaction: what is made here stays.
	ctx = context.WithValue(ctx, txKey{p.db}, (*Tx)(nil))
	err := p.db.QueryRow(ctx, `SELECT count(*) FROM information_schema.schemata WHERE schema_name = ?`, []any{schema}, &found)
	if err != nil {
		return err
	}
	if found == 0 && !create {
		return fault.NotFoundf("there are no spans of %d", p.day)
	}
	files, err := fs.Glob(migrationFiles, "migrations/partition/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(files)
	for _, f := range files {
		text, err := migrationFiles.ReadFile(f)
		if err != nil {
			return err
		}
		body := "CREATE SCHEMA IF NOT EXISTS " + schema + ";\n" + strings.ReplaceAll(string(text), "{{p}}", p.prefix)
		m := Migration{Set: "partition/" + schema, Name: strings.TrimSuffix(path.Base(f), ".sql")}
		if _, err := p.db.migrateStep(ctx, m, body); err != nil {
			return fault.Wrap(fault.KindOf(err), "sqlstore.openPostgres", err, "the tables of day %d could not be made", p.day)
		}
	}
	return nil
}

func (st *Traces) dropSchema(ctx context.Context, day int) error {
	return st.index.Write(ctx, func(ctx context.Context) error {
		if _, err := st.index.Exec(ctx, `DROP SCHEMA IF EXISTS `+schemaOf(day)+` CASCADE`); err != nil {
			return err
		}
		_, err := st.index.Exec(ctx, `DELETE FROM schema_migration WHERE migration_set = ?`, "partition/"+schemaOf(day))
		return err
	})
}

func (p *partition) sequence(ctx context.Context, table, column string) (n int64, err error) {
	err = p.db.QueryRow(ctx, `SELECT nextval(pg_get_serial_sequence(?, ?))`, []any{p.prefix + table, column}, &n)
	return n, err
}

// nextTrace and nextBlock number across nodes; a rolled back number is a gap.
func (p *partition) nextTrace(ctx context.Context) (int64, error) {
	return p.sequence(ctx, "trace_here", "t")
}

func (p *partition) nextBlock(ctx context.Context) (int64, error) {
	return p.sequence(ctx, "block", "n")
}

func (p *partition) putBlock(ctx context.Context, n int64, frame []byte) error {
	_, err := p.db.Exec(ctx, p.sql(`INSERT INTO {p}block (n, frame) VALUES (?, ?)`), n, frame)
	return err
}

// blockTable reads payload blocks from the table.
type blockTable struct{ p *partition }

func (b blockTable) frame(ctx context.Context, n int64) (frame []byte, err error) {
	err = b.p.db.QueryRow(ctx, b.p.sql(`SELECT frame FROM {p}block WHERE n = ?`), []any{n}, &frame)
	return frame, err
}

// textBlocks is how many blocks are indexed in one transaction.
const textBlocks = 16

// maxTextRow keeps a tsvector below its limit of a megabyte.
const maxTextRow = 400 << 10

func (ix *textIndexer) stepPostgres(ctx context.Context) (more bool, err error) {
	p := ix.p
	var done []int64
	err = p.db.Each(ctx, p.sql(`SELECT n FROM {p}block WHERE indexed = 0 ORDER BY n LIMIT ?`), []any{textBlocks}, func(scan func(...any) error) error {
		var n int64
		err := scan(&n)
		done = append(done, n)
		return err
	})
	if err != nil || len(done) == 0 {
		return false, err
	}
	for _, n := range done {
		frame, err := p.blocks.frame(ctx, n)
		if err != nil {
			return false, err
		}
		if head, err := parseHead(frame); err == nil {
			ix.progress(head.arrival, int64(len(frame)))
		}
		if err := ix.block(ctx, frame, n, uint32(n)); err != nil {
			return false, err
		}
	}
	err = p.db.Write(ctx, func(ctx context.Context) error {
		for _, t := range ix.numbers() {
			d := ix.docs[t]
			words := strings.TrimSuffix(clipBytes(string(d.words.Text()), maxTextRow), " ")
			if words == "" {
				continue
			}
			// Two nodes may index the same block; the union is the same.
			if _, err := p.db.Exec(ctx, p.sql(`INSERT INTO {p}words (doc, words) VALUES (?, array_to_tsvector(string_to_array(?, ' ')))
				ON CONFLICT (doc) DO UPDATE SET words = array_to_tsvector(tsvector_to_array(words.words) || tsvector_to_array(excluded.words))`),
				docNumber(t, d.ordinal), words); err != nil {
				return err
			}
		}
		for _, n := range done {
			if _, err := p.db.Exec(ctx, p.sql(`UPDATE {p}block SET indexed = 1 WHERE n = ?`), n); err != nil {
				return err
			}
		}
		return nil
	})
	ix.recycle()
	return err == nil, err
}

// textListsPostgres is [partition.textLists] on PostgreSQL, which does not
// know its words: a term open on the left says nothing there.
func (p *partition) textListsPostgres(ctx context.Context, terms []textTerm) []textList {
	var lists []textList
	for _, t := range terms {
		if t.openLeft {
			continue
		}
		query := `'` + strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(t.word) + `'`
		if t.openRight {
			query += ":*"
		}
		lists = append(lists, func(from, to int64, limit int, fn func(t int64)) (n int, last int64, err error) {
			err = p.db.Each(ctx, p.sql(`SELECT doc FROM {p}words WHERE words @@ CAST(? AS tsquery) AND doc >= ? AND doc < ? ORDER BY doc DESC LIMIT ?`),
				[]any{query, from, to, limit}, func(scan func(...any) error) error {
					if err := scan(&last); err != nil {
						return err
					}
					n++
					fn(last >> docShift)
					return nil
				})
			return n, last, err
		})
	}
	if len(lists) == 0 {
		lists = append(lists, p.everyTrace(ctx))
	}
	return lists
}

// compactPostgres rewrites a day that is over: the spans of its traces go into
// new blocks, trace by trace, then the old blocks go. Today's is left for
// tomorrow, since every node shares pieces of what it wrote today.
func (st *Traces) compactPostgres(ctx context.Context, day int) (before, after int64, err error) {
	p, err := st.use(ctx, day, false)
	if err != nil {
		return 0, 0, err
	}
	defer st.release(p)
	if day >= dayOf(st.now()) {
		return 0, 0, st.index.Write(ctx, func(ctx context.Context) error {
			_, err := st.index.Exec(ctx, markDue, day)
			return err
		})
	}
	codec, err := newCodec()
	if err != nil {
		return 0, 0, err
	}
	size := func() (n int64, err error) {
		err = p.db.QueryRow(ctx, p.sql(`SELECT coalesce(sum(length(frame)), 0) FROM {p}block`), nil, &n)
		return n, err
	}
	if before, err = size(); err != nil {
		return 0, 0, err
	}
	first, err := p.nextBlock(ctx)
	if err != nil {
		return before, before, err
	}
	c := &compaction{from: p, to: p, codec: codec}
	for {
		list, err := c.herePostgres(ctx)
		if err != nil {
			return before, before, err
		}
		if len(list) == 0 {
			break
		}
		for _, h := range list {
			if err := c.rewritePostgres(ctx, h.t, first); err != nil {
				return before, before, err
			}
			c.last = h.t
		}
	}
	err = p.db.Write(ctx, func(ctx context.Context) error {
		if _, err := p.db.Exec(ctx, p.sql(`DELETE FROM {p}block WHERE n < ? AND NOT EXISTS (SELECT 1 FROM {p}span WHERE block < ?)`), first, first); err != nil {
			return err
		}
		if _, err := p.db.Exec(ctx, p.sql(`DELETE FROM {p}words WHERE NOT EXISTS (SELECT 1 FROM {p}trace_here WHERE t = {p}words.doc >> 24)`)); err != nil {
			return err
		}
		_, err := st.index.Exec(ctx, `UPDATE trace_partition SET dead = 0, due = 0 WHERE day = ?`, day)
		return err
	})
	if err != nil {
		return before, before, err
	}
	st.cache.drop(day)
	st.retire(p) // what it remembers of pieces is gone
	st.wakeText(day)
	after, err = size()
	return before, after, err
}

func (c *compaction) herePostgres(ctx context.Context) (list []hereTrace, err error) {
	err = c.from.db.Each(ctx, c.from.sql(`SELECT t FROM {p}trace_here WHERE t > ? ORDER BY t LIMIT 200`), []any{c.last}, func(scan func(...any) error) error {
		var h hereTrace
		err := scan(&h.t)
		list = append(list, h)
		return err
	})
	return list, err
}

// rewritePostgres moves the payload of one trace into blocks of its own.
func (c *compaction) rewritePostgres(ctx context.Context, t, first int64) error {
	p := c.from
	return p.db.Write(ctx, func(ctx context.Context) error {
		type place struct{ s, block, at int64 }
		var rows []place
		err := p.db.Each(ctx, p.sql(`SELECT s, block, at FROM {p}span WHERE t = ? AND block < ? ORDER BY block, at`), []any{t, first}, func(scan func(...any) error) error {
			var r place
			err := scan(&r.s, &r.block, &r.at)
			rows = append(rows, r)
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		b := builder{codec: c.codec, window: newWindow(), arrival: p.st.now().UnixMilli(), number: func() (int64, error) { return p.nextBlock(ctx) }}
		b.sealed = func(frame []byte) { b.err = errors.Join(b.err, p.putBlock(ctx, b.base, frame)) }
		for _, r := range rows {
			raw, source, err := c.payload(ctx, t, spanID(r.s), r.block, r.at)
			if err != nil {
				return err
			}
			span := &trace.Span{ID: spanID(r.s), Raw: raw}
			if span.Source, err = parseSource(source); err != nil {
				return err
			}
			block, at, err := b.add(t, span)
			if err != nil {
				return err
			}
			if _, err := p.db.Exec(ctx, p.sql(`UPDATE {p}span SET block = ?, at = ? WHERE t = ? AND s = ?`), block, at, t, r.s); err != nil {
				return err
			}
		}
		b.seal()
		b.window.settle(true)
		if b.err != nil {
			return b.err
		}
		_, err = p.db.Exec(ctx, p.sql(`DELETE FROM {p}words WHERE doc >= ? AND doc < ?`), t<<docShift, (t+1)<<docShift)
		return err
	})
}
