package tracing

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/assayhq/assay/internal/trace"
)

// Full text is found by words. A word is a run of letters, marks and digits
// in lower case, in Unicode's compatibility form; everything else separates.
// Scripts that are written without spaces (Chinese, Japanese, Korean, Thai,
// Lao, Khmer, Burmese) are cut into every single character and every pair, so
// that a search for any part of a sentence finds it.

// maxWord is where words are cut, in bytes; what is longer is no word.
const maxWord = 64

// Words collects the distinct words of a document.
type Words struct {
	seed uint64
	seen wordSet
	text []byte
}

// NewWords returns an empty collection.
func NewWords() *Words {
	w := &Words{seed: rand.Uint64()}
	w.seen.reset()
	return w
}

// Reset empties the collection.
func (w *Words) Reset() {
	w.seen.reset()
	w.text = w.text[:0]
}

// Text is the words so far, each followed by a space. It is valid until the
// next call of Add or Reset.
func (w *Words) Text() []byte { return w.text }

// Add takes the words of s. Of a JSON text the escapes are undone.
func (w *Words) Add(s string) {
	if len(s) > 1 && (s[0] == '{' || s[0] == '[' || s[0] == '"') && strings.IndexByte(s, '\\') >= 0 {
		s = unescape(s)
	}
	start := -1 // of a run of plain ASCII
	for i := 0; i < len(s); i++ {
		b := s[i]
		switch {
		case 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || 'A' <= b && b <= 'Z':
			if start < 0 {
				start = i
			}
		case b < utf8.RuneSelf:
			if start >= 0 {
				w.ascii(s[start:i])
				start = -1
			}
		default:
			if start < 0 {
				start = i
			}
			i = w.run(s, start) - 1
			start = -1
		}
	}
	if start >= 0 {
		w.ascii(s[start:])
	}
}

func (w *Words) ascii(s string) {
	if len(s) > maxWord {
		s = s[:maxWord]
	}
	from := len(w.text)
	h := w.seed
	for i := range len(s) {
		b := s[i]
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		w.text = append(w.text, b)
		h = (h ^ uint64(b)) * hashPrime
	}
	w.keep(from, h)
}

// run takes the word characters from i on, some of them beyond ASCII, and
// returns where they end.
func (w *Words) run(s string, i int) int {
	end := i
	for end < len(s) {
		r, n := utf8.DecodeRuneInString(s[end:])
		if !wordRune(r) {
			break
		}
		end += n
	}
	if end == i {
		_, n := utf8.DecodeRuneInString(s[i:])
		return i + n
	}
	cutRun(s[i:end], true, func(word string) {
		from := len(w.text)
		h := w.seed
		for i := range len(word) {
			h = (h ^ uint64(word[i])) * hashPrime
		}
		w.text = append(w.text, word...)
		w.keep(from, h)
	})
	return end
}

// keep ends the word that starts at from, or takes it back if it is there
// already.
func (w *Words) keep(from int, h uint64) {
	if !w.seen.add(h ^ h>>29) {
		w.text = w.text[:from]
		return
	}
	w.text = append(w.text, ' ')
}

// hashPrime is that of the 64-bit FNV hash.
const hashPrime = 1099511628211

// wordSet is a set of hashes in open addressing, quick to empty: a slot holds
// 48 bits of a hash and the round it was put in. That two words of a document
// share them is a matter of one in millions of documents; the second would
// not be found.
type wordSet struct {
	slots []uint64
	round uint64
	n     int
}

const hashBits = 48

func (s *wordSet) reset() {
	s.n = 0
	if s.round++; s.round == 1<<(64-hashBits) || len(s.slots) == 0 || len(s.slots) > 1<<16 {
		*s = wordSet{slots: make([]uint64, 1<<10), round: 1}
	}
}

// add reports whether h is new.
func (s *wordSet) add(h uint64) bool {
	mask := uint64(len(s.slots) - 1)
	entry := s.round<<hashBits | h>>(64-hashBits)
	for i := entry & mask; ; i = (i + 1) & mask {
		switch slot := s.slots[i]; {
		case slot == entry:
			return false
		case slot>>hashBits != s.round:
			s.slots[i] = entry
			if s.n++; s.n > len(s.slots)/2 {
				s.grow()
			}
			return true
		}
	}
}

// grow doubles the table.
func (s *wordSet) grow() {
	old := s.slots
	s.slots = make([]uint64, 2*len(old))
	mask := uint64(len(s.slots) - 1)
	for _, slot := range old {
		if slot>>hashBits != s.round {
			continue
		}
		i := slot & mask
		for s.slots[i] != 0 {
			i = (i + 1) & mask
		}
		s.slots[i] = slot
	}
}

func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z'
	}
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)
}

// unspaced are the scripts written without spaces between words.
var unspaced = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

func isUnspaced(r rune) bool { return r >= 0x0E00 && unicode.In(r, unspaced...) || r == 'ー' }

// cutRun cuts a run of word characters into words. single adds the single
// characters of unspaced scripts, which documents need and queries only for a
// run of one.
func cutRun(run string, single bool, emit func(string)) {
	run = norm.NFKC.String(run)
	from := 0
	var before string // the unspaced character just before
	length := 0       // of the unspaced run
	flush := func(to int) {
		if from < to {
			emit(capped(strings.Map(unicode.ToLower, run[from:to])))
		}
	}
	for i := 0; i < len(run); {
		r, n := utf8.DecodeRuneInString(run[i:])
		if !isUnspaced(r) {
			if length == 1 && !single {
				emit(before)
			}
			if before != "" {
				from, before, length = i, "", 0
			}
			i += n
			continue
		}
		flush(i)
		char := run[i : i+n]
		if single {
			emit(char)
		}
		if before != "" {
			emit(before + char)
		}
		before, length = char, length+1
		i += n
		from = i
	}
	if length == 1 && !single {
		emit(before)
	}
	flush(len(run))
}

func capped(word string) string {
	if len(word) <= maxWord {
		return word
	}
	n := maxWord
	for n > 0 && !utf8.RuneStart(word[n]) {
		n--
	}
	return word[:n]
}

// unescape undoes JSON's escapes anywhere in a text.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n', 't', 'r', 'b', 'f':
			b = append(b, ' ')
		case 'u':
			r, n := hexRunes(s[i+1:])
			if n == 0 {
				b = append(b, ' ', 'u')
				continue
			}
			b = utf8.AppendRune(b, r)
			i += n
		case '\\':
			// Perhaps of a JSON text in a JSON text; then what is escaped there
			// follows, and is undone too.
			b = append(b, ' ')
			if i+5 < len(s) && s[i+1] == 'u' {
				if r, n := hexRunes(s[i+2:]); n != 0 {
					b = utf8.AppendRune(b[:len(b)-1], r)
					i += 1 + n
				}
			} else if i+1 < len(s) && strings.IndexByte("ntrbf", s[i+1]) >= 0 {
				i++
			}
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

// hexRunes reads XXXX, or XXXX\uXXXX of a surrogate pair, and its length.
func hexRunes(s string) (rune, int) {
	if len(s) < 4 {
		return 0, 0
	}
	v, err := strconv.ParseUint(s[:4], 16, 32)
	if err != nil {
		return 0, 0
	}
	if v >= 0xD800 && v < 0xDC00 && len(s) >= 10 && s[4:6] == `\u` {
		if low, err := strconv.ParseUint(s[6:10], 16, 32); err == nil && low >= 0xDC00 && low < 0xE000 {
			return rune(0x10000 + (v-0xD800)<<10 + (low - 0xDC00)), 10
		}
	}
	return rune(v), 4
}

// QueryWords is the words a text to search for consists of, without doubles.
func QueryWords(text string) []string {
	var words []string
	seen := map[string]bool{}
	emit := func(word string) {
		if !seen[word] {
			seen[word] = true
			words = append(words, word)
		}
	}
	from := -1
	for i, r := range text {
		switch {
		case wordRune(r):
			if from < 0 {
				from = i
			}
		case from >= 0:
			cutRun(text[from:i], false, emit)
			from = -1
		}
	}
	if from >= 0 {
		cutRun(text[from:], false, emit)
	}
	return words
}

// Phrases returns the "quoted" parts of a text to search for that hold more
// than one word, folded for [SpanHolds].
func Phrases(text string) []string {
	var list []string
	for _, open := range [...]string{`""`, "“”"} {
		runes := []rune(open)
		rest := text
		for {
			i := strings.IndexRune(rest, runes[0])
			if i < 0 {
				break
			}
			rest = rest[i+utf8.RuneLen(runes[0]):]
			j := strings.IndexRune(rest, runes[1])
			if j < 0 {
				break
			}
			if p := strings.Join(strings.Fields(rest[:j]), " "); len(QueryWords(p)) > 1 {
				list = append(list, fold(p))
			}
			rest = rest[j+utf8.RuneLen(runes[1]):]
		}
	}
	return list
}

// EachText calls fn with every text of a span that full text covers, until fn
// returns false.
func EachText(s *trace.Span, fn func(string) bool) bool {
	if !fn(s.Name) || !fn(s.StatusMessage) || !eachAttr(s.Attrs, fn) {
		return false
	}
	for i := range s.Events {
		if !fn(s.Events[i].Name) || !eachAttr(s.Events[i].Attrs, fn) {
			return false
		}
	}
	return true
}

func eachAttr(attrs []trace.Attr, fn func(string) bool) bool {
	for i := range attrs {
		if !fn(attrs[i].Key) || !eachValue(&attrs[i].Value, fn) {
			return false
		}
	}
	return true
}

func eachValue(v *trace.Value, fn func(string) bool) bool {
	switch v.Kind {
	case trace.String:
		return fn(v.Str)
	case trace.Int:
		return fn(strconv.FormatInt(v.Int, 10))
	case trace.List:
		for i := range v.List {
			if !eachValue(&v.List[i], fn) {
				return false
			}
		}
	case trace.Map:
		return eachAttr(v.Map, fn)
	}
	return true
}

// SpanHolds reports whether a text of the span holds the folded phrase.
func SpanHolds(s *trace.Span, phrase string) bool {
	return !EachText(s, func(text string) bool {
		if len(text) > 1 && (text[0] == '{' || text[0] == '[' || text[0] == '"') && strings.IndexByte(text, '\\') >= 0 {
			text = unescape(text)
		}
		return !strings.Contains(fold(text), phrase)
	})
}

// PieceWord is a word of a piece of text. Where the piece begins or ends with
// the word, a text that holds the piece may continue it: the word is open.
type PieceWord struct {
	Text                string
	OpenLeft, OpenRight bool
}

// PieceWords are the words of a piece of text, as they stand in any text that
// holds the piece. Pairs of characters of unspaced scripts are never open.
func PieceWords(piece string) []PieceWord {
	var words []PieceWord
	runes := []rune(piece)
	for from := 0; from < len(runes); {
		if !wordRune(runes[from]) {
			from++
			continue
		}
		to := from
		for to < len(runes) && wordRune(runes[to]) {
			to++
		}
		words = append(words, pieceRun(runes, from, to)...)
		from = to
	}
	return words
}

func pieceRun(runes []rune, from, to int) []PieceWord {
	left, right := from == 0, to == len(runes)
	if !left && runes[from-1] == '\\' {
		return nil // undoing JSON's escapes may change the word
	}
	spaced, unspacedToo := false, false
	for _, r := range runes[from:to] {
		if isUnspaced(r) {
			unspacedToo = true
		} else {
			spaced = true
		}
	}
	if spaced && unspacedToo && (left || right) {
		return nil // which of its parts is open is not worth finding out
	}
	var words []PieceWord
	cutRun(string(runes[from:to]), false, func(w string) {
		words = append(words, PieceWord{w, left && spaced, right && spaced})
	})
	if (left || right) && spaced && !plainRun(runes[from:to]) {
		return nil // normalisation may join it with what follows
	}
	return words
}

// plainRun reports whether a run of characters is short and its ends cannot
// merge with what stands beside it.
func plainRun(run []rune) bool {
	for _, r := range run {
		if r >= 0x300 {
			return false
		}
	}
	return len(run) < maxWord/2
}
