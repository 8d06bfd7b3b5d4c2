package sqlstore

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/assayhq/assay/internal/trace"
)

// A block's content is a sequence of entries:
//
//	'c' size bytes             a shared piece
//	's' trace span source n part…   a span: its trace's number, its 8-byte id,
//	                           where it came from, and the pieces of its
//	                           encoded form in order
//	part: size<<1 bytes | size<<1|1 back at
//
// with numbers as varints; a reference names a piece in this block (back 0) or
// in one written earlier (back: the distance in block numbers).
const (
	entryPiece = 'c'
	entrySpan  = 's'
)

// builder makes the blocks of one write. A block's number must be known while
// it is built, because references name it.
type builder struct {
	codec  *codec
	window *window
	number func() (int64, error) // of the next block
	sealed func(frame []byte)    // takes a finished frame; may not keep it

	ordinal uint32
	arrival int64

	plain   []byte
	base    int64
	open    bool
	parts   []part
	sources map[*trace.Source]part
	frame   []byte
	err     error
}

// part is one piece of a span.
type part struct {
	literal []byte
	place   place
	shared  bool
}

// add stores the encoded form of a span and returns where.
func (b *builder) add(t int64, s *trace.Span) (block, at int64, err error) {
	if len(b.plain) >= blockTarget {
		b.seal()
	}
	if !b.open {
		if b.base, err = b.number(); err != nil {
			return 0, 0, err
		}
		b.open = true
	}
	b.parts = b.parts[:0]
	source := b.source(s.Source)
	cut(s.Raw, func(piece []byte, share bool) {
		if share {
			b.parts = append(b.parts, b.share(piece))
		} else {
			b.parts = append(b.parts, part{literal: piece})
		}
	})
	at = int64(len(b.plain))
	b.plain = append(b.plain, entrySpan)
	b.plain = binary.AppendUvarint(b.plain, uint64(t))
	b.plain = append(b.plain, s.ID[:]...)
	b.part(source)
	b.plain = binary.AppendUvarint(b.plain, uint64(len(b.parts)))
	for _, p := range b.parts {
		b.part(p)
	}
	return b.base, at, nil
}

func (b *builder) part(p part) {
	if !p.shared {
		b.plain = binary.AppendUvarint(b.plain, uint64(len(p.literal))<<1)
		b.plain = append(b.plain, p.literal...)
		return
	}
	b.plain = binary.AppendUvarint(b.plain, uint64(p.place.size)<<1|1)
	b.plain = binary.AppendUvarint(b.plain, uint64(b.base-p.place.block))
	b.plain = binary.AppendUvarint(b.plain, uint64(p.place.at))
}

// share stores a piece unless the window knows it.
func (b *builder) share(piece []byte) part {
	key := b.window.key(piece)
	if p, ok := b.window.find(key); ok && int(p.size) == len(piece) {
		return part{place: p, shared: true}
	}
	b.plain = append(b.plain, entryPiece)
	b.plain = binary.AppendUvarint(b.plain, uint64(len(piece)))
	p := place{block: b.base, at: int32(len(b.plain)), size: int32(len(piece))}
	b.plain = append(b.plain, piece...)
	b.window.stage(key, p)
	return part{place: p, shared: true}
}

func (b *builder) source(src *trace.Source) part {
	if src == nil {
		return part{}
	}
	p, ok := b.sources[src]
	if !ok {
		if b.sources == nil {
			b.sources = map[*trace.Source]part{}
		}
		p = b.share(appendSource(nil, src))
		b.sources[src] = p
	}
	return p
}

func appendSource(buf []byte, src *trace.Source) []byte {
	for _, s := range [...]string{src.Scope, src.Version} {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	return trace.AppendAttrs(buf, src.Resource)
}

func parseSource(b []byte) (*trace.Source, error) {
	if len(b) == 0 {
		return nil, nil
	}
	src := &trace.Source{}
	for _, dst := range [...]*string{&src.Scope, &src.Version} {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return nil, errFrame
		}
		*dst = string(b[w : w+int(n)])
		b = b[w+int(n):]
	}
	var err error
	src.Resource, err = trace.ParseAttrs(b)
	return src, err
}

// seal finishes the block being built.
func (b *builder) seal() {
	if !b.open {
		return
	}
	b.frame = b.codec.frame(b.frame[:0], b.plain, b.ordinal, b.arrival)
	b.sealed(b.frame)
	b.ordinal++
	b.plain, b.open = b.plain[:0], false
}

// span is a decoded span entry; parts alias the block.
type spanEntry struct {
	t      int64
	id     trace.SpanID
	source part
	parts  []part
}

// entryAt decodes the entry at offset at of a block. For a piece, span is
// false. next is where the next entry starts.
func entryAt(plain []byte, at int, block int64, e *spanEntry) (span bool, next int, err error) {
	if at < 0 || at >= len(plain) {
		return false, 0, errFrame
	}
	kind, at := plain[at], at+1
	num := func() uint64 {
		v, n := binary.Uvarint(plain[min(at, len(plain)):])
		if n <= 0 {
			err = errFrame
			return 0
		}
		at += n
		return v
	}
	take := func(n uint64) []byte {
		if err != nil || n > uint64(len(plain)-at) {
			err = errFrame
			return nil
		}
		b := plain[at : at+int(n)]
		at += int(n)
		return b
	}
	onePart := func() part {
		size := num()
		if size&1 == 0 {
			return part{literal: take(size >> 1)}
		}
		back, offset := num(), num()
		if size>>1 > maxBlock || offset > maxBlock {
			err = errFrame
		}
		return part{shared: true, place: place{block: block - int64(back), at: int32(offset), size: int32(size >> 1)}}
	}
	switch kind {
	case entryPiece:
		take(num())
		return false, at, err
	case entrySpan:
		e.t = int64(num())
		copy(e.id[:], take(8))
		e.source = onePart()
		e.parts = e.parts[:0]
		for n := num(); n > 0 && err == nil; n-- {
			e.parts = append(e.parts, onePart())
		}
		return true, at, err
	}
	return false, 0, errFrame
}

// blockReader resolves blocks of one partition through a shared cache.
type blockReader struct {
	day    int
	file   int64 // tells the files of a day apart that was rewritten
	blocks blocks
	cache  *blockCache
}

func (r *blockReader) plain(ctx context.Context, n int64) ([]byte, error) {
	if b := r.cache.get(blockKey{r.day, r.file, n}); b != nil {
		return b, nil
	}
	frame, err := r.blocks.frame(ctx, n)
	if err != nil {
		return nil, err
	}
	b, err := unframe(frame)
	if err != nil {
		return nil, err
	}
	r.cache.put(blockKey{r.day, r.file, n}, b)
	return b, nil
}

// resolve returns the bytes of a part; they must not be changed.
func (r *blockReader) resolve(ctx context.Context, p part) ([]byte, error) {
	if !p.shared {
		return p.literal, nil
	}
	plain, err := r.plain(ctx, p.place.block)
	if err != nil {
		return nil, err
	}
	return p.in(plain)
}

// in is the part's bytes in its unpacked block.
func (p *part) in(plain []byte) ([]byte, error) {
	from, to := int(p.place.at), int(p.place.at)+int(p.place.size)
	if from < 0 || to > len(plain) || from > to {
		return nil, errFrame
	}
	return plain[from:to], nil
}

// maxHeld bounds the unpacked bytes that putting one span together holds on to.
const maxHeld = 256 << 20

// raw puts the encoded form of a span together, in a slice of its own. Blocks
// that the cache is too small for are unpacked once and not for each part: a
// payload of megabytes has tens of thousands.
func (r *blockReader) raw(ctx context.Context, e *spanEntry) ([]byte, error) {
	size := 0
	for _, p := range e.parts {
		size += len(p.literal) + int(p.place.size)
	}
	raw := make([]byte, 0, size)
	var big map[int64][]byte
	held := 0
	for _, p := range e.parts {
		if !p.shared {
			raw = append(raw, p.literal...)
			continue
		}
		plain := big[p.place.block]
		if plain == nil {
			var err error
			if plain, err = r.plain(ctx, p.place.block); err != nil {
				return nil, err
			}
			if r.cache.refuses(plain) {
				if big == nil || held+len(plain) > maxHeld {
					big, held = map[int64][]byte{}, 0
				}
				big[p.place.block] = plain
				held += len(plain)
			}
		}
		b, err := p.in(plain)
		if err != nil {
			return nil, err
		}
		raw = append(raw, b...)
	}
	return raw, nil
}

// blockCache keeps unpacked blocks of all partitions, recently used first.
type blockCache struct {
	mu    sync.Mutex
	limit int
	size  int
	clock uint64
	held  map[blockKey]*cachedBlock
}

type blockKey struct {
	day  int
	file int64
	n    int64
}

type cachedBlock struct {
	plain []byte
	used  uint64
}

const (
	cachedBytes  = 16 << 20
	cachedBlocks = 256
)

func newBlockCache() *blockCache {
	return &blockCache{limit: cachedBytes, held: map[blockKey]*cachedBlock{}}
}

func (c *blockCache) get(k blockKey) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.held[k]
	if b == nil {
		return nil
	}
	c.clock++
	b.used = c.clock
	return b.plain
}

// refuses reports whether a block is too big to be kept.
func (c *blockCache) refuses(plain []byte) bool { return len(plain) > c.limit/2 }

func (c *blockCache) put(k blockKey, plain []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuses(plain) || c.held[k] != nil {
		return
	}
	c.clock++
	c.held[k] = &cachedBlock{plain, c.clock}
	c.size += len(plain)
	for c.size > c.limit || len(c.held) > cachedBlocks {
		var oldest blockKey
		first := true
		for key, b := range c.held { // cachedBlocks at most
			if first || b.used < c.held[oldest].used {
				oldest, first = key, false
			}
		}
		c.size -= len(c.held[oldest].plain)
		delete(c.held, oldest)
	}
}

// drop forgets a day, or everything if day is 0.
func (c *blockCache) drop(day int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, b := range c.held {
		if day == 0 || key.day == day {
			c.size -= len(b.plain)
			delete(c.held, key)
		}
	}
}
