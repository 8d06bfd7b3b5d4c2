package sqlstore

import (
	"context"
	"sync"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
)

// labelIDs remembers the numbers of labels. Only committed ones are kept: a
// rolled back insert must not leave a number behind.
type labelIDs struct {
	mu    sync.Mutex
	ids   map[tracing.Label]int64
	epoch int // rises when numbers may have become invalid
}

const maxLabelIDs = 50_000

func newLabelIDs() *labelIDs { return &labelIDs{ids: map[tracing.Label]int64{}} }

func (c *labelIDs) get(l tracing.Label) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.ids[l]
	return n, ok
}

// now is the epoch that a write begins in.
func (c *labelIDs) now() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// forget drops every number, also those of writes under way.
func (c *labelIDs) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.ids)
	c.epoch++
}

// learn keeps numbers that a write of some epoch has found.
func (c *labelIDs) learn(ids map[tracing.Label]int64, epoch int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if len(c.ids)+len(ids) > maxLabelIDs {
		clear(c.ids)
	}
	for l, n := range ids {
		c.ids[l] = n
	}
}

// indexNotes collects what a Write of the index looked up or made, to be
// learned once it is committed, and the minutes it made stale.
type indexNotes struct {
	labels map[tracing.Label]int64
	dirty  map[minuteMark]struct{}
}

type indexNotesKey struct{}

func notesOf(ctx context.Context) *indexNotes {
	notes, _ := ctx.Value(indexNotesKey{}).(*indexNotes)
	return notes
}

// writeIndex is index.Write with what labels and monitoring need. Every change
// of a header goes through it.
func (st *Traces) writeIndex(ctx context.Context, fn func(ctx context.Context) error) error {
	if st.index.TxFrom(ctx) != nil && notesOf(ctx) != nil {
		return fn(ctx)
	}
	var notes *indexNotes
	epoch := st.labels.now()
	err := st.index.Write(ctx, func(ctx context.Context) error {
		notes = &indexNotes{labels: map[tracing.Label]int64{}, dirty: map[minuteMark]struct{}{}}
		if err := fn(context.WithValue(ctx, indexNotesKey{}, notes)); err != nil {
			return err
		}
		return st.saveDirty(ctx, notes)
	})
	if err == nil && st.index.TxFrom(ctx) == nil { // inside an outer Write the outcome is open still
		st.labels.learn(notes.labels, epoch)
	}
	return err
}

// labelNumber returns the number of a label, made if need be.
func (st *Traces) labelNumber(ctx context.Context, l tracing.Label) (int64, error) {
	if n, ok := st.labels.get(l); ok {
		return n, nil
	}
	notes := notesOf(ctx)
	if notes != nil {
		if n, ok := notes.labels[l]; ok {
			return n, nil
		}
	}
	var n int64
	const find = `SELECT n FROM label WHERE kind = ? AND key = ? AND value = ?`
	args := []any{int(l.Kind), l.Key, l.Value}
	err := st.index.QueryRow(ctx, find, args, &n)
	if fault.Is(err, fault.NotFound) {
		if _, err := st.index.Exec(ctx, `INSERT INTO label (kind, key, value) VALUES (?, ?, ?) ON CONFLICT (kind, key, value) DO NOTHING`, args...); err != nil {
			return 0, err
		}
		err = st.index.QueryRow(ctx, find, args, &n)
	}
	if err == nil && notes != nil {
		notes.labels[l] = n
	}
	return n, err
}

// relabel gives and takes labels, inside a Write.
func (st *Traces) relabel(ctx context.Context, n int64, add, drop []tracing.Label) error {
	args := make([]any, 0, 2*len(add))
	for _, l := range add {
		label, err := st.labelNumber(ctx, l)
		if err != nil {
			return err
		}
		args = append(args, label, n)
	}
	for len(args) > 0 {
		rows := 1
		for _, size := range [...]int{16, 4} {
			if len(args) >= 2*size {
				rows = size
				break
			}
		}
		if _, err := st.index.Exec(ctx, insertLabels[rows], args[:2*rows]...); err != nil {
			return err
		}
		args = args[2*rows:]
	}
	for _, l := range drop {
		label, err := st.labelNumber(ctx, l)
		if err != nil {
			return err
		}
		if _, err := st.index.Exec(ctx, `DELETE FROM trace_label WHERE label = ? AND trace = ?`, label, n); err != nil {
			return err
		}
	}
	return nil
}

var insertLabels = map[int]string{
	1:  `INSERT INTO trace_label (label, trace) VALUES ` + Rows(1, 2) + ` ON CONFLICT (label, trace) DO NOTHING`,
	4:  `INSERT INTO trace_label (label, trace) VALUES ` + Rows(4, 2) + ` ON CONFLICT (label, trace) DO NOTHING`,
	16: `INSERT INTO trace_label (label, trace) VALUES ` + Rows(16, 2) + ` ON CONFLICT (label, trace) DO NOTHING`,
}
