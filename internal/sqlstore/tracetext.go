package sqlstore

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// Full text is indexed behind the acknowledgement: a goroutine reads the
// payload blocks of a partition in order, from a watermark that is committed
// with what it indexed.

// textState is where the indexing goroutine stands.
type textState struct {
	mu      sync.Mutex
	pending map[int]bool // days with blocks to index
	oldest  int64        // arrival of the oldest waiting block, unix milliseconds; 0 none
	bytes   int64
}

// wakeText says that there may be something to index on day.
func (st *Traces) wakeText(days ...int) {
	st.text.mu.Lock()
	if st.text.pending == nil {
		st.text.pending = map[int]bool{}
	}
	for _, d := range days {
		st.text.pending[d] = true
	}
	if len(st.text.pending) > 0 && st.text.oldest == 0 {
		st.text.oldest = st.now().UnixMilli()
	}
	st.text.mu.Unlock()
	select {
	case st.textWake <- struct{}{}:
	default:
	}
}

// TextLag implements [tracing.SpanStore].
func (st *Traces) TextLag(context.Context) (time.Duration, int64) {
	st.text.mu.Lock()
	defer st.text.mu.Unlock()
	if st.text.oldest == 0 {
		return 0, 0
	}
	return max(time.Millisecond, st.now().Sub(time.UnixMilli(st.text.oldest))), st.text.bytes
}

// Who searches what was just sent should find it, so a search waits a moment
// for full text that is nearly current.
const (
	textPatience = 300 * time.Millisecond
	textNear     = 1 << 20 // bytes waiting
)

// awaitText returns the lag that is left.
func (st *Traces) awaitText(ctx context.Context) time.Duration {
	for until := time.Now().Add(textPatience); ; {
		lag, waiting := st.TextLag(ctx)
		if lag == 0 || waiting > textNear || time.Now().After(until) || ctx.Err() != nil {
			return lag
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// indexText runs until the store closes.
func (st *Traces) indexText() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-st.quit
		cancel()
	}()
	st.wakeText(st.recentDays(ctx)...)
	for {
		select {
		case <-st.quit:
			return
		case <-st.textWake:
		}
		for {
			day := st.nextTextDay()
			if day == 0 {
				break
			}
			if err := st.indexDay(ctx, day); err != nil && ctx.Err() == nil {
				st.log.Error("indexing the text of traces", "day", day, "error", err)
				st.wakeText(day)
				select {
				case <-time.After(5 * time.Second):
				case <-st.quit:
				}
			}
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// recentDays are the partitions that a crash may have left behind.
func (st *Traces) recentDays(ctx context.Context) []int {
	days, err := st.days(ctx)
	if err != nil {
		st.log.Error("listing trace partitions", "error", err)
		return nil
	}
	return days[:min(2, len(days))]
}

// days lists the partitions that hold spans, newest first.
func (st *Traces) days(ctx context.Context) ([]int, error) {
	var days []int
	err := st.index.Each(ctx, `SELECT day FROM trace_partition WHERE removed_ms IS NULL ORDER BY day DESC`, nil, func(scan func(...any) error) error {
		var day int
		err := scan(&day)
		days = append(days, day)
		return err
	})
	return days, err
}

func (st *Traces) nextTextDay() int {
	st.text.mu.Lock()
	defer st.text.mu.Unlock()
	newest := 0
	for day := range st.text.pending {
		newest = max(newest, day)
	}
	delete(st.text.pending, newest)
	if newest == 0 {
		st.text.oldest, st.text.bytes = 0, 0
	}
	return newest
}

// textBatch is how much payload is indexed in one commit.
const textBatch = 8 << 20

func (st *Traces) indexDay(ctx context.Context, day int) error {
	p, err := st.use(ctx, day, false)
	if err != nil {
		return nil // removed, or nothing there yet
	}
	defer st.release(p)
	ix := newTextIndexer(p)
	for ctx.Err() == nil {
		more, err := ix.step(ctx)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// textIndexer turns blocks into documents.
type textIndexer struct {
	p     *partition
	docs  map[int64]*document // by trace number
	spare []*document
	heard *heard
	quiet bool // what it indexes was found before and is rewritten
}

type document struct {
	ordinal uint32
	words   *tracing.Words
}

func newTextIndexer(p *partition) *textIndexer {
	return &textIndexer{p: p, docs: map[int64]*document{}, heard: newHeard()}
}

// step indexes up to textBatch; more says whether to go on.
func (ix *textIndexer) step(ctx context.Context) (more bool, err error) {
	if ix.p.pack == nil {
		return ix.stepPostgres(ctx)
	}
	db, err := ix.p.text(ctx)
	if err != nil {
		return false, err
	}
	from, err := textWatermark(ctx, db)
	if err != nil {
		return false, err
	}
	kept := ix.p.pack.kept.Load()
	at, size := from, 0
	for size < textBatch && at < kept {
		head, err := ix.p.pack.head(at, kept)
		if err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return false, err
		}
		ix.progress(head.arrival, kept-at)
		frame, err := ix.p.pack.frame(ctx, at)
		if err != nil {
			return false, err
		}
		if err := ix.block(ctx, frame, at, head.ordinal); err != nil {
			return false, err
		}
		at += frameHeader + int64(head.packed)
		size += head.plain
	}
	if at == from {
		return false, nil
	}
	return true, db.Write(ctx, func(ctx context.Context) error {
		for _, t := range ix.numbers() {
			d := ix.docs[t]
			if _, err := db.Exec(ctx, `INSERT INTO words (rowid, body) VALUES (?, ?)`, docNumber(t, d.ordinal), string(d.words.Text())); err != nil {
				return err
			}
		}
		ix.recycle()
		_, err := db.Exec(ctx, `INSERT INTO state (name, value) VALUES ('watermark', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, at)
		return err
	})
}

func textWatermark(ctx context.Context, db *DB) (n int64, err error) {
	err = db.Each(ctx, `SELECT value FROM state WHERE name = 'watermark'`, nil, func(scan func(...any) error) error { return scan(&n) })
	return n, err
}

func (ix *textIndexer) progress(arrival, bytes int64) {
	if ix.quiet {
		return
	}
	t := &ix.p.st.text
	t.mu.Lock()
	t.oldest, t.bytes = arrival, bytes
	t.mu.Unlock()
}

// docNumber is the document of what block ordinal holds of trace t.
func docNumber(t int64, ordinal uint32) int64 { return t<<docShift | int64(ordinal&(1<<docShift-1)) }

const docShift = 24

// numbers are the traces of the batch in order, as the index likes them.
func (ix *textIndexer) numbers() []int64 {
	list := make([]int64, 0, len(ix.docs))
	for t := range ix.docs {
		list = append(list, t)
	}
	slices.Sort(list)
	return list
}

func (ix *textIndexer) recycle() {
	for t, d := range ix.docs {
		if len(ix.spare) < 64 {
			d.words.Reset()
			ix.spare = append(ix.spare, d)
		}
		delete(ix.docs, t)
	}
}

func (ix *textIndexer) document(t int64, ordinal uint32) *document {
	d := ix.docs[t]
	if d == nil {
		if n := len(ix.spare); n > 0 {
			d, ix.spare = ix.spare[n-1], ix.spare[:n-1]
		} else {
			d = &document{words: tracing.NewWords()}
		}
		d.ordinal = ordinal
		ix.docs[t] = d
	}
	return d
}

// block adds what a block holds. A payload that cannot be read is passed
// over: it must not keep everything behind it from being found.
func (ix *textIndexer) block(ctx context.Context, frame []byte, n int64, ordinal uint32) error {
	plain, err := unframe(frame)
	if err != nil {
		ix.p.st.log.Error("a payload block is damaged; its text is not indexed", "day", ix.p.day, "block", n, "error", err)
		return nil
	}
	ix.p.cache.put(blockKey{ix.p.day, ix.p.file, n}, plain)
	var e spanEntry
	for at := 0; at < len(plain); {
		if err := ctx.Err(); err != nil {
			return err
		}
		isSpan, next, err := entryAt(plain, at, n, &e)
		if err != nil {
			ix.p.st.log.Error("a payload block is damaged; its text is not indexed", "day", ix.p.day, "block", n, "error", err)
			return nil
		}
		at = next
		if !isSpan {
			continue
		}
		raw, err := ix.p.raw(ctx, &e)
		if err != nil {
			ix.p.st.log.Error("a payload cannot be read; its text is not indexed", "day", ix.p.day, "span", e.id, "error", err)
			continue
		}
		span, err := trace.ParseSpan(raw)
		if err != nil {
			continue
		}
		d := ix.document(e.t, ordinal)
		tracing.EachText(&span, func(s string) bool {
			if s != "" && ix.heard.first(e.t, s) {
				d.words.Add(s)
			}
			return true
		})
	}
	return nil
}

// heard remembers which texts of which trace were indexed lately.
type heard struct {
	window
}

func newHeard() *heard { return &heard{*newWindow()} }

func (h *heard) first(t int64, s string) bool {
	key := pieceKey{maphash.String(h.low, s), maphash.String(h.high, s)}
	key[0] ^= uint64(t) * 0x9E3779B97F4A7C15
	if _, ok := h.find(key); ok {
		return false
	}
	h.put(key, place{})
	return true
}

// text opens the partition's full text.
func (p *partition) text(ctx context.Context) (*DB, error) {
	p.textOnce.Lock()
	defer p.textOnce.Unlock()
	if p.textDB != nil {
		return p.textDB, nil
	}
	// A lost commit is made again from the watermark, so it need not be durable.
	db, err := OpenSQLite(ctx, p.path("text.db"), p.st.log,
		SQLiteConfig{Readers: 2, Pragmas: "&_pragma=synchronous(normal)&_pragma=wal_autocheckpoint(4000)&_pragma=cache_size(-2048)"})
	if err != nil {
		return nil, err
	}
	if _, err := db.Migrate(ctx, "text"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	p.textDB = db
	return db, nil
}
