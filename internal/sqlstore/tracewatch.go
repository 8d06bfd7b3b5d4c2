package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// heard notes that the sender of a trace gave a sign of life.
func (h *headerRow) heard(now time.Time) {
	h.seen = now.UnixMilli()
	if h.stalled >= 0 {
		h.stalled = -1
		delete(h.Tags, tracing.TagStalled)
	}
}

// settleStalled takes the mark from a trace that has ended.
func (h *headerRow) settleStalled() {
	if h.stalled >= 0 && h.State != tracing.InProgress {
		h.stalled = -1
		delete(h.Tags, tracing.TagStalled)
	}
}

// findStalled marks open traces that were not heard of for long.
func (st *Traces) findStalled(ctx context.Context) error {
	if st.watch.StallAfter <= 0 {
		return nil
	}
	open, _ := tracing.StateNumber(tracing.InProgress)
	before := st.now().Add(-st.watch.StallAfter).UnixMilli()
	for {
		var ids []trace.ID
		// The state stands in the text: a partial index is used only then.
		err := st.index.Each(ctx, fmt.Sprintf(`SELECT id FROM trace WHERE state = %d AND stalled_ms IS NULL AND seen_ms < ? ORDER BY seen_ms LIMIT ?`, open),
			[]any{before, foldChunk}, func(scan func(...any) error) error {
				var id []byte
				err := scan(&id)
				ids = append(ids, trace.ID(id))
				return err
			})
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			err := st.adjust(ctx, id, func(h *headerRow) bool {
				if h.State != tracing.InProgress || h.stalled >= 0 || h.seen < 0 || h.seen >= before {
					return false
				}
				h.stalled = h.seen
				h.setTag(tracing.TagStalled, time.UnixMilli(h.seen).UTC().Format(time.RFC3339))
				return true
			})
			if err != nil {
				return err
			}
		}
	}
}

// foundLoop is what a trace's tag about loops should say; "" nothing.
type foundLoop struct {
	id    trace.ID
	value string
}

// loopOf compares the tag of a trace with its spans.
func (st *Traces) loopOf(h *headerRow, spans []tracing.SpanRow) (l foundLoop, changed bool) {
	if st.watch.LoopAfter <= 0 {
		return l, false
	}
	l.id = h.ID
	if worst := tracing.FindLoop(spans); worst.N >= st.watch.LoopAfter {
		l.value = tracing.LoopTag(worst)
	}
	return l, l.value != h.Tags[tracing.TagLoop]
}

func (st *Traces) tagLoops(ctx context.Context, loops []foundLoop) error {
	for _, l := range loops {
		err := st.adjust(ctx, l.id, func(h *headerRow) bool {
			if h.Tags[tracing.TagLoop] == l.value {
				return false
			}
			if l.value == "" {
				delete(h.Tags, tracing.TagLoop)
			} else {
				h.setTag(tracing.TagLoop, l.value)
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *headerRow) setTag(key, value string) {
	if h.Tags == nil {
		h.Tags = map[string]string{}
	}
	h.Tags[key] = value
}

// adjust is change for the store's own goroutines, in any workspace. fn says
// whether there is something to store.
func (st *Traces) adjust(ctx context.Context, id trace.ID, fn func(*headerRow) bool) error {
	err := st.writeIndex(ctx, func(ctx context.Context) error {
		rows, err := st.headers(ctx, []trace.ID{id})
		if err != nil || len(rows) == 0 {
			return err
		}
		h := rows[0]
		h.before = h.labelSet()
		if !fn(h) {
			return nil
		}
		return st.saveHeader(ctx, h, nil)
	})
	if fault.Is(err, fault.NotFound) { // deleted meanwhile
		return nil
	}
	return err
}
