package main

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// requestSpans is how many spans a request of the OTLP measure has.
const requestSpans = 200

// spanWriter encodes OTLP requests. One goroutine uses it.
type spanWriter struct {
	prose *prose
	r     *rand.Rand
	next  uint64 // unique number of the next text

	out, scope, span, attr, text []byte
}

// newSpanWriter returns a writer whose ids and texts no other has; n numbers
// the writers of all turns.
func newSpanWriter(p *prose, n int) *spanWriter {
	return &spanWriter{prose: p, r: rand.New(rand.NewPCG(uint64(n), 11)), next: 1_000_000_000_000 * uint64(n+1)}
}

// traceID of 16 random bytes.
func (w *spanWriter) traceID() (id [16]byte) {
	binary.BigEndian.PutUint64(id[:], w.r.Uint64())
	binary.BigEndian.PutUint64(id[8:], w.r.Uint64()|1)
	return id
}

// request encodes spans spans of text bytes of unique text each, perTrace to a
// trace. It returns the ids of the traces and the first unique number of each.
// The body is good until the next call.
func (w *spanWriter) request(spans, perTrace, text int) (body []byte, ids [][16]byte, numbers []uint64) {
	w.scope = w.scope[:0]
	now := time.Now().UnixNano()
	var id [16]byte
	for i := range spans {
		at := i % perTrace
		if at == 0 {
			id = w.traceID()
			ids, numbers = append(ids, id), append(numbers, w.next)
		}
		parent := 0
		if at > 0 {
			parent = 1 + (at-1)/4
		}
		w.add(id, at+1, parent, now+int64(at)*2_000_000, text)
	}
	return w.finish(), ids, numbers
}

// add encodes a span: number n of its trace, below span number parent, 0 for
// none.
func (w *spanWriter) add(trace [16]byte, n, parent int, start int64, text int) {
	b := w.span[:0]
	var spanID, parentID [8]byte
	binary.BigEndian.PutUint64(spanID[:], uint64(n))
	b = bytesField(b, 1, trace[:])
	b = bytesField(b, 2, spanID[:])
	if parent > 0 {
		binary.BigEndian.PutUint64(parentID[:], uint64(parent))
		b = bytesField(b, 4, parentID[:])
	}
	b = bytesField(b, 5, []byte(stepNames[n%len(stepNames)]))
	b = protowire.AppendVarint(protowire.AppendTag(b, 6, protowire.VarintType), 1)
	b = protowire.AppendFixed64(protowire.AppendTag(b, 7, protowire.Fixed64Type), uint64(start))
	b = protowire.AppendFixed64(protowire.AppendTag(b, 8, protowire.Fixed64Type), uint64(start+1_500_000))
	b = w.stringAttr(b, "gen_ai.operation.name", "chat")
	b = w.stringAttr(b, "gen_ai.request.model", "gpt-4o-mini")
	b = w.intAttr(b, "gen_ai.usage.input_tokens", int64(text/5))
	b = w.intAttr(b, "gen_ai.usage.output_tokens", int64(text/9))
	var used uint64
	w.text, used = w.prose.append(w.text[:0], w.r, text, w.next)
	w.next += used
	b = w.stringAttr(b, "input.value", string(w.text[:text*2/3]))
	b = w.stringAttr(b, "output.value", string(w.text[text*2/3:]))
	b = bytesField(b, 15, []byte{3 << 3, 1}) // status OK
	w.span = b
	w.scope = bytesField(w.scope, 2, b)
}

var stepNames = []string{"agent", "plan", "ChatOpenAI", "retrieve", "tool: stock_price", "tool: convert", "rerank", "ChatOpenAI", "parse", "answer"}

// finish wraps the spans added so far as one request and forgets them.
func (w *spanWriter) finish() []byte {
	resource := bytesField(nil, 1, keyValue(nil, "service.name", bytesField(nil, 1, []byte("bench"))))
	group := bytesField(nil, 1, resource)
	head := protowire.AppendTag(group, 2, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(len(w.scope)))
	b := protowire.AppendTag(w.out[:0], 1, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(head)+len(w.scope)))
	b = append(append(b, head...), w.scope...)
	w.out, w.scope = b, w.scope[:0]
	return b
}

func (w *spanWriter) stringAttr(b []byte, key, value string) []byte {
	w.attr = protowire.AppendTag(w.attr[:0], 1, protowire.BytesType)
	w.attr = protowire.AppendString(w.attr, value)
	return bytesField(b, 9, keyValue(nil, key, w.attr))
}

func (w *spanWriter) intAttr(b []byte, key string, value int64) []byte {
	w.attr = protowire.AppendTag(w.attr[:0], 3, protowire.VarintType)
	w.attr = protowire.AppendVarint(w.attr, uint64(value))
	return bytesField(b, 9, keyValue(nil, key, w.attr))
}

// keyValue encodes an attribute whose AnyValue is already encoded.
func keyValue(b []byte, key string, value []byte) []byte {
	b = bytesField(b, 1, []byte(key))
	return bytesField(b, 2, value)
}

func bytesField(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}
