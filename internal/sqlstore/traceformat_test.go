package sqlstore

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/trace"
)

func FuzzCut(f *testing.F) {
	long := strings.Repeat("message ", 30)
	s := testSpans(numberedID(1), 0, 1)[0]
	s.Attrs = append(s.Attrs, trace.Attr{Key: "m", Value: trace.StringValue(`[{"role":"user","content":"` + long + `\" \\"},["` + long + `"]]`)})
	s.Events = []trace.Event{{Name: "e", Attrs: s.Attrs}}
	s.Status, s.StatusMessage = trace.Error, long
	f.Add(trace.AppendSpan(nil, &s))
	f.Add([]byte("\x4a\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var back []byte
		cut(raw, func(part []byte, share bool) {
			if share && len(part) < minShare {
				t.Fatalf("a piece of %d bytes is shared", len(part))
			}
			back = append(back, part...)
		})
		if !bytes.Equal(back, raw) {
			t.Fatal("the pieces are not the input")
		}
	})
}

func FuzzBlock(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	var plain []byte
	b := builder{codec: c, window: newWindow(), number: func() (int64, error) { return 5, nil }, sealed: func([]byte) {}}
	for _, s := range testSpans(numberedID(1), 0, 3) {
		if _, _, err := b.add(7, &s); err != nil {
			f.Fatal(err)
		}
	}
	plain = bytes.Clone(b.plain)
	f.Add(plain, 0)
	f.Add([]byte("s\x01aaaaaaaa\x03\x00\x01\x05"), 0)
	f.Fuzz(func(t *testing.T, plain []byte, at int) {
		r := blockReader{cache: newBlockCache(), blocks: noBlocks{}}
		r.cache.put(blockKey{0, 0, 5}, plain)
		var e spanEntry
		for range 1000 {
			is, next, err := entryAt(plain, at, 5, &e)
			if err != nil {
				return
			}
			if next <= at {
				t.Fatal("no progress")
			}
			if is {
				size := 0
				for _, p := range e.parts {
					size += int(p.place.size)
				}
				if size < 1<<20 {
					r.raw(context.Background(), &e)
				}
				if src, err := r.resolve(context.Background(), e.source); err == nil {
					parseSource(src)
				}
			}
			at = next
		}
	})
}

type noBlocks struct{}

func (noBlocks) frame(context.Context, int64) ([]byte, error) { return nil, errFrame }

func FuzzFrame(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.frame(nil, []byte(strings.Repeat("content ", 100)), 1, 2))
	f.Add([]byte(frameMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := unframe(b); err == nil && string(b[:4]) != frameMagic {
			t.Fatal("something else was taken for a frame")
		}
	})
}

func TestDamageIsNoticed(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	good := c.frame(nil, []byte(strings.Repeat("content ", 100)), 1, 2)
	if _, err := unframe(good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if _, err := unframe(bad); err == nil {
			t.Fatalf("a changed byte %d is not noticed", i)
		}
	}
	if _, err := unframe(good[:len(good)-1]); err == nil {
		t.Fatal("a cut frame is not noticed")
	}
}

func FuzzFacts(f *testing.F) {
	c := trace.Columns{Version: 3, Aggregate: true, Dialect: "gen_ai", Provider: "p", Agent: "a", Tool: "t", Node: "n", Session: "s", User: "u",
		Tokens: trace.Tokens{Input: 1, Output: 0, Total: -1, CacheRead: -1, CacheWrite: 5, Reasoning: 1 << 40}, Cost: trace.Cost{Input: -1, Output: 7, Total: -1}}
	b := appendFacts(nil, &c)
	f.Add(b)
	var back trace.Columns
	if err := parseFacts(b, &back); err != nil {
		f.Fatal(err)
	}
	back.Tokens.Total, back.Cost.Total = -1, -1 // columns of their own
	if back != c {
		f.Fatalf("%+v\n%+v", back, c)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var c trace.Columns
		if parseFacts(b, &c) == nil && c.Version >= 0 && c.Tokens.Input >= -1 {
			appendFacts(nil, &c)
		}
	})
}

func TestWindowForgetsWhatWasNotDurable(t *testing.T) {
	w := newWindow()
	key := w.key([]byte("piece"))
	w.stage(key, place{block: 1})
	if _, ok := w.find(key); !ok {
		t.Fatal("a staged piece is not found")
	}
	w.settle(false)
	if _, ok := w.find(key); ok {
		t.Fatal("a rolled back piece is found")
	}
	w.stage(key, place{block: 2})
	w.settle(true)
	for i := range 2 * windowSize {
		w.put(pieceKey{uint64(i), 1}, place{})
		if i%1000 == 0 {
			if p, ok := w.find(key); !ok || p.block != 2 {
				t.Fatalf("a piece in use was forgotten after %d others", i)
			}
		}
	}
}
