package sqlstore

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// change runs fn on a header of the caller's workspace and stores it.
func (st *Traces) change(ctx context.Context, id trace.ID, fn func(*headerRow) error) error {
	return st.writeIndex(ctx, func(ctx context.Context) error {
		h, err := st.mine(ctx, id)
		if err != nil {
			return err
		}
		h.before = h.labelSet()
		if err := fn(h); err != nil {
			return err
		}
		return st.saveHeader(ctx, h, nil)
	})
}

// SetTag implements [tracing.InfoStore].
func (st *Traces) SetTag(ctx context.Context, id trace.ID, key, value string) error {
	return st.change(ctx, id, func(h *headerRow) error {
		if h.Tags == nil {
			h.Tags = map[string]string{}
		}
		h.Tags[key] = value
		if key == tracing.TagName {
			h.Name = value
		}
		return nil
	})
}

// DeleteTag implements [tracing.InfoStore].
func (st *Traces) DeleteTag(ctx context.Context, id trace.ID, key string) error {
	return st.change(ctx, id, func(h *headerRow) error {
		if _, ok := h.Tags[key]; !ok {
			return fault.NotFoundf("No trace tag with key '%s' for trace with ID '%s'", key, id)
		}
		delete(h.Tags, key)
		return nil
	})
}

// LinkRun implements [tracing.InfoStore].
func (st *Traces) LinkRun(ctx context.Context, run string, ids []trace.ID) error {
	return st.writeIndex(ctx, func(ctx context.Context) error {
		rows, err := st.headers(ctx, ids)
		if err != nil {
			return err
		}
		workspace := st.workspace(caller.Workspace(ctx))
		for _, h := range rows {
			if h.workspace != workspace {
				continue
			}
			if err := st.relabel(ctx, h.n, []tracing.Label{{Kind: tracing.LabelRun, Value: run}}, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// LinkPrompts implements [tracing.InfoStore].
func (st *Traces) LinkPrompts(ctx context.Context, id trace.ID, prompts []tracing.Prompt) error {
	return st.change(ctx, id, func(h *headerRow) error {
		h.AddPrompts(prompts)
		return nil
	})
}

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
	n, t int64
	day  int
	id   trace.ID
	mark minuteMark
}

func (st *Traces) victims(ctx context.Context, where string, args ...any) ([]victim, error) {
	var list []victim
	err := st.index.Each(ctx, `SELECT n, coalesce(t, 0), part, id, workspace, experiment, start_ms FROM trace WHERE `+where, args, func(scan func(...any) error) error {
		var v victim
		var id []byte
		var start int64
		err := scan(&v.n, &v.t, &v.day, &id, &v.mark.workspace, &v.mark.experiment, &start)
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
	if len(victims) == 0 {
		return nil
	}
	err := st.writeIndex(ctx, func(ctx context.Context) error {
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
		}
		return nil
	})
	if err != nil {
		return err
	}
	st.forget(victims)
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
	p, err := st.use(ctx, day, false)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer st.release(p)
	return p.db.Write(ctx, func(ctx context.Context) error {
		for _, v := range list {
			if _, err := p.db.Exec(ctx, p.sql(`DELETE FROM {p}span WHERE t = ?`), v.t); err != nil {
				return err
			}
			if _, err := p.db.Exec(ctx, p.sql(`DELETE FROM {p}trace_here WHERE t = ?`), v.t); err != nil {
				return err
			}
		}
		return nil
	})
}

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
	for {
		victims, err := st.victims(ctx, `part = ? LIMIT ?`, day, deleteChunk)
		if err != nil {
			return total, err
		}
		for i := range victims {
			victims[i].t = 0 // the rows go with the files
		}
		if err := st.deleteRows(ctx, victims); err != nil {
			return total, err
		}
		if total += len(victims); len(victims) < deleteChunk {
			if err := st.sweepLabels(ctx); err != nil {
				return total, err
			}
			return total, st.erase(ctx, day)
		}
	}
}

// sweepLabels drops the labels of traces before the oldest there is: numbers
// grow with first sight, so those traces are gone.
func (st *Traces) sweepLabels(ctx context.Context) error {
	var oldest *int64
	if err := st.index.QueryRow(ctx, `SELECT min(n) FROM trace`, nil, &oldest); err != nil || oldest == nil {
		return err
	}
	last := int64(0)
	for {
		var labels []int64
		err := st.index.Each(ctx, `SELECT n FROM label WHERE n > ? ORDER BY n LIMIT ?`, []any{last, deleteChunk}, func(scan func(...any) error) error {
			err := scan(&last)
			labels = append(labels, last)
			return err
		})
		if err != nil || len(labels) == 0 {
			return err
		}
		err = st.index.Write(ctx, func(ctx context.Context) error {
			for _, n := range labels {
				if _, err := st.index.Exec(ctx, `DELETE FROM trace_label WHERE label = ? AND trace < ?`, n, *oldest); err != nil {
					return err
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

func (st *Traces) diskBytes(day int) int64 {
	if st.dir == "" {
		return 0
	}
	total := int64(0)
	filepath.WalkDir(st.partitionDir(day), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil // a file that went away counts nothing
	})
	return total
}
