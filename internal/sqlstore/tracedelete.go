package sqlstore

import (
	"context"
	"math"
	"os"
	"strconv"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// deleteChunk traces go in one write, so that others wait little.
const deleteChunk = 200

// Delete implements [tracing.InfoStore].
func (st *Traces) Delete(ctx context.Context, d tracing.Deletion) (int, error) {
	if len(d.IDs) > 0 {
		return st.deleteIDs(ctx, d)
	}
	total := 0
	for {
		n := deleteChunk
		if d.Max > 0 {
			n = min(n, d.Max-total)
		}
		if n == 0 {
			return total, nil
		}
		victims, err := st.oldest(ctx, d, n)
		if err != nil {
			return total, err
		}
		if err := st.deleteRows(ctx, victims); err != nil {
			return total, err
		}
		total += len(victims)
		if len(victims) < n {
			return total, nil
		}
	}
}

// victim is a trace about to be deleted.
type victim struct {
	n, t  int64
	day   int
	id    trace.ID
	mark  minuteMark
	spans int64
}

func (st *Traces) victims(ctx context.Context, where string, args ...any) ([]victim, error) {
	var list []victim
	err := st.index.Each(ctx, `SELECT n, coalesce(t, 0), part, id, workspace, experiment, start_ms, spans FROM trace WHERE `+where, args, func(scan func(...any) error) error {
		var v victim
		var id []byte
		var start int64
		err := scan(&v.n, &v.t, &v.day, &id, &v.mark.workspace, &v.mark.experiment, &start, &v.spans)
		copy(v.id[:], id)
		v.mark.minute = minuteOf(start)
		list = append(list, v)
		return err
	})
	return list, err
}

func (st *Traces) oldest(ctx context.Context, d tracing.Deletion, n int) ([]victim, error) {
	workspace := st.workspace(caller.Workspace(ctx))
	if d.Experiment == "" {
		return st.victims(ctx, `workspace = ? AND start_ms <= ? ORDER BY start_ms LIMIT ?`, workspace, d.Before, n)
	}
	experiment, err := strconv.ParseInt(d.Experiment, 10, 64)
	if err != nil {
		return nil, fault.Invalidf("experiment id %q is not a decimal number", d.Experiment)
	}
	return st.victims(ctx, `experiment = ? AND workspace = ? AND start_ms <= ? ORDER BY start_ms LIMIT ?`, experiment, workspace, d.Before, n)
}

func (st *Traces) deleteIDs(ctx context.Context, d tracing.Deletion) (int, error) {
	workspace := st.workspace(caller.Workspace(ctx))
	total := 0
	for chunk := range padded(d.IDs) {
		args := append(chunk, workspace)
		where := `id IN (` + Marks(len(chunk)) + `) AND workspace = ?`
		if d.Experiment != "" {
			experiment, err := strconv.ParseInt(d.Experiment, 10, 64)
			if err != nil {
				return total, fault.Invalidf("experiment id %q is not a decimal number", d.Experiment)
			}
			where += ` AND experiment = ?`
			args = append(args, experiment)
		}
		victims, err := st.victims(ctx, where, args...)
		if err != nil {
			return total, err
		}
		if err := st.deleteRows(ctx, victims); err != nil {
			return total, err
		}
		total += len(victims)
	}
	return total, nil
}

// deleteRows removes headers first: what has none is found by nobody. The
// rows of the spans follow; their payload goes with the partition.
func (st *Traces) deleteRows(ctx context.Context, victims []victim) error {
	for n := firstDeletion; len(victims) > 0; {
		k := min(n, len(victims))
		labels, err := st.labelsOf(ctx, victims[:k])
		if err != nil {
			return err
		}
		var took time.Duration
		err = st.writeIndex(ctx, func(ctx context.Context) error {
			started := time.Now()
			defer func() { took = time.Since(started) }()
			return st.deleteHeaders(ctx, victims[:k], labels)
		})
		if err != nil {
			return err
		}
		st.forget(victims[:k])
		if err := st.deleteSpansOf(ctx, victims[:k]); err != nil {
			return err
		}
		victims = victims[k:]
		switch { // as many as go in the time that others may be kept waiting
		case took > deletionTime:
			n = max(1, n/2)
		case took < deletionTime/4:
			n = min(2*n, deleteChunk)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// How long one write of a deletion may hold up others, and how many traces
// the first one takes.
const (
	deletionTime  = 30 * time.Millisecond
	firstDeletion = 25
)

// labelsOf reads what the victims are found by. What became theirs since is
// left behind, and harms nobody: numbers of traces are never used again.
func (st *Traces) labelsOf(ctx context.Context, victims []victim) (map[int64][]tracing.Label, error) {
	ids := make([]trace.ID, len(victims))
	for i, v := range victims {
		ids[i] = v.id
	}
	rows, err := st.headers(ctx, ids)
	if err != nil {
		return nil, err
	}
	labels := make(map[int64][]tracing.Label, len(rows))
	err = st.eachRows(ctx, rows, func(h *headerRow, spans []tracing.SpanRow) error {
		sh := tracing.NewShape(len(spans))
		for i := range spans {
			sh.PutRow(&spans[i])
		}
		labels[h.n] = append(h.labelSet(), sh.Labels()...)
		return nil
	})
	return labels, err
}

func (st *Traces) deleteHeaders(ctx context.Context, victims []victim, labels map[int64][]tracing.Label) error {
	for _, v := range victims {
		st.markDirty(ctx, v.mark)
		for _, q := range [...]string{
			`DELETE FROM trace WHERE n = ?`,
			`DELETE FROM assessment WHERE trace = ?`,
		} {
			if _, err := st.index.Exec(ctx, q, v.n); err != nil {
				return err
			}
		}
		if err := st.relabel(ctx, v.n, nil, labels[v.n]); err != nil {
			return err
		}
	}
	return st.countDead(ctx, victims)
}

func (st *Traces) deleteSpansOf(ctx context.Context, victims []victim) error {
	byDay := map[int][]victim{}
	for _, v := range victims {
		if v.t != 0 {
			byDay[v.day] = append(byDay[v.day], v)
		}
	}
	for day, list := range byDay {
		if err := st.deleteSpans(ctx, day, list); err != nil {
			return err
		}
	}
	return nil
}

// forget tells the ingest goroutine that traces are gone.
func (st *Traces) forget(victims []victim) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, v := range victims {
		st.gone = append(st.gone, v.id)
	}
}

func (st *Traces) deleteSpans(ctx context.Context, day int, list []victim) error {
	st.outside.RLock() // the files of the day stay the same meanwhile
	defer st.outside.RUnlock()
	p, err := st.use(ctx, day, false)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer st.release(p)
	for len(list) > 0 { // a trace may have any number of spans
		var left []victim
		err := p.db.Write(ctx, func(ctx context.Context) error {
			left = nil
			for i, v := range list {
				gone, err := p.db.Exec(ctx, p.sql(`DELETE FROM {p}span WHERE t = ? AND s IN (SELECT s FROM {p}span WHERE t = ? LIMIT ?)`), v.t, v.t, spanChunk)
				if err != nil {
					return err
				}
				if gone == spanChunk {
					left = list[i:]
					return nil
				}
				if _, err := p.db.Exec(ctx, p.sql(`DELETE FROM {p}trace_here WHERE t = ?`), v.t); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		list = left
	}
	return nil
}

// spanChunk spans of one trace go in one write.
const spanChunk = 2000

// RemovePartition implements [tracing.SpanStore]. The mark comes first: from
// then on the day takes nothing, and a crash in the middle is finished by the
// next start.
func (st *Traces) RemovePartition(ctx context.Context, day int) (int, error) {
	if day == dayOf(st.now()) {
		return 0, fault.New(fault.State, "today's partition takes in traces and cannot be removed")
	}
	err := st.index.Write(ctx, func(ctx context.Context) error {
		_, err := st.index.Exec(ctx, `INSERT INTO trace_partition (day, applied, removed_ms) VALUES (?, 0, ?)
			ON CONFLICT (day) DO UPDATE SET removed_ms = excluded.removed_ms`, day, st.now().UnixMilli())
		return err
	})
	if err != nil {
		return 0, err
	}
	st.mu.Lock()
	st.removed[day] = true
	st.mu.Unlock()
	total := 0
	low, high := int64(math.MaxInt64), int64(0)
	for {
		victims, err := st.victims(ctx, `part = ? LIMIT ?`, day, deleteChunk)
		if err != nil {
			return total, err
		}
		for i := range victims {
			victims[i].t = 0 // the rows go with the files
			low, high = min(low, victims[i].n), max(high, victims[i].n)
		}
		if err := st.deleteRows(ctx, victims); err != nil {
			return total, err
		}
		if total += len(victims); len(victims) < deleteChunk {
			if err := st.sweepLabels(ctx, low, high); err != nil {
				return total, err
			}
			return total, st.erase(ctx, day)
		}
	}
}

// sweepLabels drops the labels of traces with numbers from low to high that
// are gone.
func (st *Traces) sweepLabels(ctx context.Context, low, high int64) error {
	last := int64(0)
	for {
		var labels []int64
		err := st.index.Each(ctx, `SELECT n FROM label WHERE n > ? ORDER BY n LIMIT ?`, []any{last, deleteChunk}, func(scan func(...any) error) error {
			var n int64
			err := scan(&n)
			labels = append(labels, n)
			return err
		})
		if err != nil || len(labels) == 0 {
			return err
		}
		err = st.index.Write(ctx, func(ctx context.Context) error {
			room, until := int64(spanChunk), time.Now().Add(deletionTime)
			for _, n := range labels {
				gone, err := st.index.Exec(ctx, `DELETE FROM trace_label WHERE label = ? AND trace IN (SELECT l.trace FROM trace_label l
					WHERE l.label = ? AND l.trace >= ? AND l.trace <= ? AND NOT EXISTS (SELECT 1 FROM trace WHERE n = l.trace) LIMIT ?)`, n, n, low, high, room)
				if err != nil {
					return err
				}
				if room -= gone; room <= 0 {
					return nil // the rest of it in the next write
				}
				if last = n; time.Now().After(until) {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// erase deletes what a removed day has on disk.
func (st *Traces) erase(ctx context.Context, day int) error {
	st.mu.Lock()
	p := st.partitions[day]
	delete(st.partitions, day)
	unused := p != nil && p.users == 0
	st.mu.Unlock()
	if unused { // else whoever uses it closes it
		if err := p.close(); err != nil {
			st.log.Warn("closing a trace partition", "day", day, "error", err)
		}
	}
	if st.dir == "" {
		return st.dropSchema(ctx, day)
	}
	if err := os.RemoveAll(st.partitionDir(day)); err != nil {
		return fault.Wrap(fault.Unavailable, "sqlstore.erase", err, "the partition of %d could not be removed from disk", day)
	}
	return nil
}
