package sqlstore

import (
	"bytes"
	"context"
	"testing"
)

// countedBlocks hands out frames and counts them.
type countedBlocks struct {
	frames map[int64][]byte
	asked  map[int64]int
}

func (b *countedBlocks) frame(_ context.Context, n int64) ([]byte, error) {
	b.asked[n]++
	return b.frames[n], nil
}

// A payload of megabytes has tens of thousands of parts in one block, which
// may be more than the cache takes.
func TestBigBlocksAreUnpackedOncePerSpan(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	plain := [][]byte{bytes.Repeat([]byte("0123456789"), 1<<20), bytes.Repeat([]byte("abcdefghij"), 1<<20), []byte("small")}
	b := &countedBlocks{map[int64][]byte{}, map[int64]int{}}
	for i, p := range plain {
		b.frames[int64(i)] = c.frame(nil, p, uint32(i), 0)
	}
	r := &blockReader{day: 1, blocks: b, cache: newBlockCache()}
	if !r.cache.refuses(plain[0]) {
		t.Fatal("the block fits the cache: the test needs a bigger one")
	}
	e := &spanEntry{}
	var want []byte
	for i := range 20_000 {
		block := []int64{0, 1, 2}[i%3]
		at, size := int32(i%1000*10), int32(7)
		if block == 2 {
			at, size = 0, 5
		}
		e.parts = append(e.parts, part{shared: true, place: place{block: block, at: at, size: size}}, part{literal: []byte(",")})
		want = append(append(want, plain[block][at:at+size]...), ',')
	}
	got, err := r.raw(t.Context(), e)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes, want %d: %v", len(got), len(want), err)
	}
	for n, times := range b.asked {
		if times != 1 {
			t.Errorf("block %d was unpacked %d times", n, times)
		}
	}
}
