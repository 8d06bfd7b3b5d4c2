package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"path/filepath"
	"slices"
	"strings"
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
	failing error
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
	ix.p.cache.put(blockKey{ix.p.day, n}, plain)
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
	db, err := OpenSQLite(ctx, filepath.Join(p.st.partitionDir(p.day), "text.db"), p.st.log,
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

// textChunk is how many documents are looked at in one go.
const textChunk = 2048

// textMatches yields the traces, by descending number below before, that hold
// all terms.
func (p *partition) textMatches(ctx context.Context, terms []textTerm, before int64, yield func(t int64) bool) error {
	lists, err := p.textLists(ctx, terms)
	if err != nil || len(lists) == 0 {
		return err
	}
	for before > 0 {
		var found []int64
		n, last, err := lists[0](0, before<<docShift, textChunk, func(t int64) {
			if len(found) == 0 || found[len(found)-1] != t {
				found = append(found, t)
			}
		})
		if err != nil || n == 0 {
			return err
		}
		next := int64(0)
		if n == textChunk {
			next = last >> docShift // its trace is seen, but it may have more documents
		}
		for _, list := range lists[1:] {
			has := make(map[int64]bool, len(found))
			if len(found) > 0 {
				if _, _, err := list(found[len(found)-1]<<docShift, (found[0]+1)<<docShift, 1<<30, func(t int64) { has[t] = true }); err != nil {
					return err
				}
			}
			found = slices.DeleteFunc(found, func(t int64) bool { return !has[t] })
		}
		for _, t := range found {
			if !yield(t) {
				return nil
			}
		}
		before = next
	}
	return nil
}

// textList calls fn with the traces of the documents in [from, to) that hold
// a term, the last first; it returns how many there were and the last number.
type textList func(from, to int64, limit int, fn func(t int64)) (n int, last int64, err error)

// textLists readies a search: a list per term, the rarest first, and none if
// one of them is nowhere.
func (p *partition) textLists(ctx context.Context, terms []textTerm) ([]textList, error) {
	if p.pack == nil {
		return p.textListsPostgres(ctx, terms), nil
	}
	db, err := p.text(ctx)
	if err != nil {
		return nil, err
	}
	if mark, err := textWatermark(ctx, db); err == nil && mark < p.pack.kept.Load() {
		p.st.wakeText(p.day)
	}
	type counted struct {
		list textList
		n    int64
	}
	var all []counted
	for _, t := range terms {
		match, n, err := p.ftsMatch(ctx, db, t)
		if err != nil {
			return nil, err
		}
		switch {
		case n == 0:
			return nil, nil
		case match == "":
			all = append(all, counted{p.everyTrace(ctx), 1 << 62})
		default:
			all = append(all, counted{ftsList(ctx, db, match), n})
		}
	}
	slices.SortStableFunc(all, func(a, b counted) int { return cmp.Compare(a.n, b.n) })
	lists := make([]textList, len(all))
	for i, c := range all {
		lists[i] = c.list
	}
	return lists, nil
}

func ftsList(ctx context.Context, db *DB, match string) textList {
	return func(from, to int64, limit int, fn func(t int64)) (n int, last int64, err error) {
		err = db.Each(ctx, `SELECT rowid FROM words WHERE words MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid DESC LIMIT ?`,
			[]any{match, from, to, limit}, func(scan func(...any) error) error {
				if err := scan(&last); err != nil {
					return err
				}
				n++
				fn(last >> docShift)
				return nil
			})
		return n, last, err
	}
}

// everyTrace is the list of a term that says nothing.
func (p *partition) everyTrace(ctx context.Context) textList {
	return func(from, to int64, limit int, fn func(t int64)) (n int, last int64, err error) {
		err = p.db.Each(ctx, p.sql(`SELECT t FROM {p}trace_here WHERE t >= ? AND t <= ? ORDER BY t DESC LIMIT ?`),
			[]any{from >> docShift, (to - 1) >> docShift, limit}, func(scan func(...any) error) error {
				var t int64
				if err := scan(&t); err != nil {
					return err
				}
				n, last = n+1, t<<docShift
				fn(t)
				return nil
			})
		return n, last, err
	}
}

// maxAlternatives is how many words may continue one that is open on the
// left; with more it says too little to be worth asking for.
const maxAlternatives = 500

// ftsMatch is a term in the words of FTS5, and about how many documents hold
// it. Without a match text any document may.
func (p *partition) ftsMatch(ctx context.Context, db *DB, t textTerm) (match string, n int64, err error) {
	switch {
	case !t.openLeft && !t.openRight:
		err = db.Each(ctx, `SELECT doc FROM vocabulary WHERE term = ?`, []any{t.word}, func(scan func(...any) error) error { return scan(&n) })
		return ftsTerm(t.word), n, err
	case !t.openLeft:
		err = db.Each(ctx, `SELECT doc FROM vocabulary WHERE term >= ? AND term < ? LIMIT 1000`, []any{t.word, t.word + "\U0010FFFF"}, func(scan func(...any) error) error {
			var doc int64
			err := scan(&doc)
			n += doc
			return err
		})
		return ftsTerm(t.word) + " *", n, err
	}
	words, err := p.wordsWith(ctx, db, t)
	if len(words) > maxAlternatives {
		return "", 1 << 62, err
	}
	return strings.Join(words, " OR "), int64(len(words)), err
}

// vocabulary is every word of a partition's text as of a watermark, each
// behind a space: a word open on the left is looked for in it.
type vocabulary struct {
	mark int64
	text string
}

// wordsWith returns the words that a term stands for, quoted for MATCH, at
// most one more than maxAlternatives.
func (p *partition) wordsWith(ctx context.Context, db *DB, t textTerm) ([]string, error) {
	mark, err := textWatermark(ctx, db)
	if err != nil {
		return nil, err
	}
	p.textOnce.Lock()
	all := p.words
	p.textOnce.Unlock()
	if all == nil || all.mark != mark {
		var b strings.Builder
		err := db.Each(ctx, `SELECT term FROM vocabulary`, nil, func(scan func(...any) error) error {
			var word string
			err := scan(&word)
			b.WriteByte(' ')
			b.WriteString(word)
			return err
		})
		if err != nil {
			return nil, err
		}
		b.WriteByte(' ')
		all = &vocabulary{mark, b.String()}
		p.textOnce.Lock()
		p.words = all
		p.textOnce.Unlock()
	}
	var words []string
	needle := t.word
	if !t.openRight {
		needle += " "
	}
	for rest := all.text; len(words) <= maxAlternatives; {
		i := strings.Index(rest, needle)
		if i < 0 {
			break
		}
		from := strings.LastIndexByte(rest[:i], ' ') + 1
		to := i + strings.IndexByte(rest[i:], ' ')
		words = append(words, ftsTerm(rest[from:to]))
		rest = rest[to:]
	}
	return words, nil
}

// ftsTerm quotes a word for MATCH.
func ftsTerm(word string) string { return `"` + strings.ReplaceAll(word, `"`, `""`) + `"` }
