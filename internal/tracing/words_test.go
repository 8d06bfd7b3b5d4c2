package tracing

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/trace"
)

func indexed(texts ...string) []string {
	w := NewWords()
	for _, s := range texts {
		w.Add(s)
	}
	return strings.Fields(string(w.Text()))
}

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"The quick-brown FOX, the fox":          "the quick brown fox",
		"snake_case camelCase x1":               "snake case camelcase x1",
		"Ünïcode STRASSE":                       "ünïcode strasse",
		"e\u0301te\u0301":                       "été", // composed
		"ＦＵＬＬ width":                            "full width",
		"東京":                                    "東 京 東京",
		"GPT東京":                                 "gpt 東 京 東京",
		"한국어":                                   "한 국 한국 어 국어",
		"مرحبا":                                 "مرحبا",
		"हिन्दी":                                "हिन्दी", // marks stay in the word
		`{"a":"x\nyes caf\u00e9 \ud83d\ude00"}`: "a x yes café",
		`C:\temp`:                               "c temp",
		strings.Repeat("a", 70):                 strings.Repeat("a", 64),
		"":                                      "",
		"\xff\xfe ok":                           "ok",
	} {
		if got := strings.Join(indexed(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestPhrases(t *testing.T) {
	if got := Phrases(`say "Two  Words" and “drei Wörter hier” but "one"`); !slices.Equal(got, []string{"two words", "drei wörter hier"}) {
		t.Errorf("%q", got)
	}
}

func TestPieceWords(t *testing.T) {
	for piece, want := range map[string]string{
		"foo": "<foo>", " foo ": "foo", "foo bar baz": "<foo bar baz>", "東京都": "東京 京都", "a 東京": "<a 東京", `\nfoo bar `: "bar", "a東": "", " a東 ": "a 東",
	} {
		var got []string
		for _, w := range PieceWords(piece) {
			s := w.Text
			if w.OpenLeft {
				s = "<" + s
			}
			if w.OpenRight {
				s += ">"
			}
			got = append(got, s)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", piece, got, want)
		}
	}
}

// FuzzWords holds what search rests on: whatever is looked for by a text that
// a document holds, the document has all its words.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"the quick brown fox", "東京都は大きい", "สวัสดีชาวโลก", "a\u0301b \ud55c\uad6d\uc5b4", `{"k":"v\u00e9\n"}`, "ﬁne ㍿"} {
		f.Add(s, 2, 9)
	}
	f.Fuzz(func(t *testing.T, s string, from, to int) {
		doc := indexed(s)
		for _, w := range doc {
			if len(w) > maxWord || !utf8.ValidString(w) {
				t.Fatalf("word %q", w)
			}
		}
		if strings.ContainsAny(s, `\`) || !utf8.ValidString(s) {
			return // escapes are undone in documents only
		}
		for _, w := range QueryWords(s) {
			if !slices.Contains(doc, w) {
				t.Fatalf("%q of the query is not in %q", w, doc)
			}
		}
	})
}

func TestSpanHolds(t *testing.T) {
	s := &trace.Span{Name: "Root", Attrs: []trace.Attr{{Key: "in", Value: trace.StringValue(`{"q":"Caf\u00e9 au\nlait"}`)}},
		Events: []trace.Event{{Name: "said", Attrs: []trace.Attr{{Key: "n", Value: trace.IntValue(42)}}}}}
	for phrase, want := range map[string]bool{"root": true, "café au": true, "au lait": true, "42": true, "tea": false} {
		if SpanHolds(s, phrase) != want {
			t.Errorf("%q: %v", phrase, !want)
		}
	}
}

func TestWordSet(t *testing.T) {
	var s wordSet
	for range 3 {
		s.reset()
		for i := range uint64(100_000) {
			h := i * 0x9E3779B97F4A7C15
			if !s.add(h) || s.add(h) {
				t.Fatalf("%d", i)
			}
		}
	}
	for range 1 << 17 { // the round wraps
		s.reset()
		if !s.add(42 << 40) {
			t.Fatal("an entry outlived its round")
		}
	}
}

func BenchmarkWords(b *testing.B) {
	text := strings.Repeat("the quick brown fox jumps over the lazy dog and 東京 ", 200)
	w := NewWords()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		w.Reset()
		w.Add(text)
	}
}
