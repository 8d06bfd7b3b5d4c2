package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

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
