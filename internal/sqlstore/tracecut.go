package sqlstore

import (
	"encoding/binary"
	"hash/maphash"
)

// cutter divides the encoded form of a span into literal bytes and parts
// worth keeping once: long strings, and of long JSON texts the elements of
// their lists, such as the messages of a chat. An agent's loop sends its whole
// history with every turn; cut this way each message is stored once.
//
// Cutting never changes bytes: the pieces in order are the input. So input
// that is not what it seems costs space, not correctness.
type cutter struct {
	emit func(part []byte, share bool)
	raw  []byte
	from int // start of the pending literal
}

const (
	minShare   = 96      // bytes; a reference costs about 12
	maxElement = 8 << 10 // a list element above this is looked into
	maxCutting = 24      // nesting
)

// cut calls emit with the pieces of raw, an OTLP Span message.
func cut(raw []byte, emit func(part []byte, share bool)) {
	c := cutter{emit: emit, raw: raw}
	c.message(0, len(raw), spanFields, 0)
	if c.from < len(raw) {
		emit(raw[c.from:], false)
	}
}

// share emits raw[from:to] as one shared piece.
func (c *cutter) share(from, to int) {
	if to-from < minShare {
		return
	}
	if c.from < from {
		c.emit(c.raw[c.from:from], false)
	}
	c.emit(c.raw[from:to], true)
	c.from = to
}

// shape says what the length-delimited fields of a message hold.
type shape uint8

const (
	spanFields  shape = iota // 9 attribute, 11 event
	eventFields              // 3 attribute
	keyValue                 // 2 value
	anyValue                 // 1 text, 5 list, 6 map, 7 bytes
	listValue                // 1 value
	mapValue                 // 1 attribute
	statusValue              // 2 text
)

// message walks the fields of raw[from:to].
func (c *cutter) message(from, to int, kind shape, depth int) {
	if depth > maxCutting {
		return
	}
	for from < to {
		tag, n := binary.Uvarint(c.raw[from:to])
		if n <= 0 {
			return
		}
		from += n
		switch tag & 7 {
		case 0:
			_, n := binary.Uvarint(c.raw[from:to])
			if n <= 0 {
				return
			}
			from += n
		case 1:
			from += 8
		case 5:
			from += 4
		case 2:
			size, n := binary.Uvarint(c.raw[from:to])
			if n <= 0 || size > uint64(to-from-n) {
				return
			}
			from += n
			if size >= minShare {
				c.field(from, from+int(size), kind, tag>>3, depth)
			}
			from += int(size)
		default:
			return
		}
	}
}

func (c *cutter) field(from, to int, kind shape, num uint64, depth int) {
	switch {
	case kind == spanFields && num == 9, kind == eventFields && num == 3, kind == mapValue && num == 1:
		c.message(from, to, keyValue, depth+1)
	case kind == spanFields && num == 11:
		c.message(from, to, eventFields, depth+1)
	case kind == spanFields && num == 15:
		c.message(from, to, statusValue, depth+1)
	case kind == statusValue && num == 2:
		c.share(from, to)
	case kind == keyValue && num == 2:
		c.message(from, to, anyValue, depth+1)
	case kind == anyValue && num == 1, kind == anyValue && num == 7:
		c.text(from, to)
	case kind == anyValue && num == 5:
		c.message(from, to, listValue, depth+1)
	case kind == anyValue && num == 6:
		c.message(from, to, mapValue, depth+1)
	case kind == listValue && num == 1:
		if to-from <= maxElement {
			c.share(from, to)
		} else {
			c.message(from, to, anyValue, depth+1)
		}
	}
}

// text shares a string whole unless it is a JSON text, which is cut.
func (c *cutter) text(from, to int) {
	if to-from > 2*minShare && (c.raw[from] == '{' || c.raw[from] == '[') {
		before := c.from
		c.json(from, to)
		if c.from != before {
			return // something in it was shared; the frame around it is literal
		}
	}
	c.share(from, to)
}

// json walks a JSON text and shares the strings and objects that are elements
// of lists, and the long strings elsewhere. It looks only at quotes and
// brackets.
func (c *cutter) json(from, to int) {
	var stack [64]jsonOpen
	depth := 0
	for i := from; i < to; i++ {
		switch b := c.raw[i]; b {
		case '"':
			end := stringEnd(c.raw, i+1, to)
			if end < 0 {
				return
			}
			c.share(i, end)
			i = end - 1
		case '{', '[':
			if depth == len(stack) {
				return
			}
			inList := depth > 0 && stack[depth-1].list
			stack[depth] = jsonOpen{at: i, list: b == '['}
			depth++
			if inList && b == '{' {
				// An element of moderate size is one piece.
				if end := closing(c.raw, i, min(to, i+maxElement)); end > 0 {
					c.share(i, end)
					i = end - 1
					depth--
				}
			}
		case '}', ']':
			if depth == 0 {
				return
			}
			depth--
		}
	}
}

type jsonOpen struct {
	at   int
	list bool
}

// stringEnd returns the index behind the closing quote of the string whose
// content starts at i, or -1.
func stringEnd(b []byte, i, to int) int {
	for i < to {
		switch b[i] {
		case '\\':
			i += 2
		case '"':
			return i + 1
		default:
			i++
		}
	}
	return -1
}

// closing returns the index behind the bracket that closes the one at i, or
// -1 if that is not before to.
func closing(b []byte, i, to int) int {
	depth := 0
	for i < to {
		switch b[i] {
		case '"':
			if i = stringEnd(b, i+1, to); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}

// place is where a shared piece lies.
type place struct {
	block int64
	at    int32
	size  int32
}

// window remembers where recent pieces lie, by content. It holds two
// generations, so that what is used again stays; forgetting costs space only.
// What a write adds is kept apart until the write is durable: a later span
// must not refer to a piece that was rolled back.
type window struct {
	low, high  maphash.Seed // two hashes make a collision a matter of 2^-128
	young, old map[pieceKey]place
	staged     map[pieceKey]place
}

type pieceKey [2]uint64

const windowSize = 32 << 10 // pieces per generation

func newWindow() *window {
	return &window{low: maphash.MakeSeed(), high: maphash.MakeSeed(), young: map[pieceKey]place{}, staged: map[pieceKey]place{}}
}

func (w *window) key(part []byte) pieceKey {
	return pieceKey{maphash.Bytes(w.low, part), maphash.Bytes(w.high, part)}
}

func (w *window) find(key pieceKey) (place, bool) {
	if p, ok := w.staged[key]; ok {
		return p, true
	}
	if p, ok := w.young[key]; ok {
		return p, true
	}
	p, ok := w.old[key]
	if ok {
		w.young[key] = p
	}
	return p, ok
}

// stage adds a piece of the write under way.
func (w *window) stage(key pieceKey, p place) { w.staged[key] = p }

// settle keeps what was staged, or forgets it.
func (w *window) settle(durable bool) {
	if durable {
		for key, p := range w.staged {
			w.put(key, p)
		}
	}
	clear(w.staged)
}

func (w *window) put(key pieceKey, p place) {
	if len(w.young) >= windowSize {
		w.old, w.young = w.young, make(map[pieceKey]place, windowSize)
	}
	w.young[key] = p
}
