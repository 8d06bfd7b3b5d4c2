package main

import (
	"math/rand/v2"
	"strconv"
)

// prose is text to cut spans from: words as often as in a natural language (a
// Zipf distribution over a large vocabulary). Long enough that two cuts share
// little, so that neither deduplication nor a compressor's window finds much.
type prose struct{ tape []byte }

const (
	vocabulary = 60_000
	tapeBytes  = 48 << 20
)

func newProse() *prose {
	r := rand.New(rand.NewPCG(3, 5))
	words := make([][]byte, vocabulary)
	for i := range words {
		// Frequent words are short, as they are in English.
		n := 1 + min(i/40, 2) + r.IntN(2+min(i/200, 3))
		var w []byte
		for range n {
			w = append(w, "bcdfghklmnprstvwz"[r.IntN(17)], "aeiou"[r.IntN(5)])
		}
		words[i] = w
	}
	zipf := rand.NewZipf(r, 1.07, 3, vocabulary-1)
	tape := make([]byte, 0, tapeBytes+32)
	for len(tape) < tapeBytes {
		tape = append(append(tape, words[zipf.Uint64()]...), ' ')
	}
	return &prose{tape}
}

// cut is how much of the tape stands between two unique numbers.
const cut = 180

// append adds n bytes of text that occurs nowhere else: cuts of the tape with
// numbers that start at unique between them. It returns how many numbers it
// used.
func (p *prose) append(b []byte, r *rand.Rand, n int, unique uint64) ([]byte, uint64) {
	end := len(b) + n
	first := unique
	for len(b) < end {
		b = append(strconv.AppendUint(b, unique, 10), ' ')
		unique++
		from := r.IntN(len(p.tape) - cut)
		b = append(b, p.tape[from:from+cut]...)
		b = append(b, ' ')
	}
	return b[:end], unique - first
}
