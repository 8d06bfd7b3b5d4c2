package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracing"
)

// Monitoring is summed up behind the acknowledgement. What changes a header
// marks its minute as dirty in the same transaction; a goroutine folds the
// traces of dirty minutes again and replaces their cells, and those of the
// hour, which are merged from its minutes. Cells are always derived, never
// added to, so nothing counts twice, whatever arrives in pieces, again or
// late, and whenever the process dies.

// minuteMark is a minute (since 1970) of an experiment.
type minuteMark struct{ workspace, experiment, minute int64 }

func minuteOf(ms int64) int64 { return floorDiv(ms, 60_000) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// markDirty notes that a minute is to be summed up again, inside writeIndex.
func (st *Traces) markDirty(ctx context.Context, m minuteMark) {
	if m.workspace != 0 {
		notesOf(ctx).dirty[m] = struct{}{}
	}
}

// markTraces is markDirty for the minutes of all traces that meet a condition.
func (st *Traces) markTraces(ctx context.Context, where string, args ...any) error {
	return st.index.Each(ctx, `SELECT DISTINCT workspace, experiment, start_ms FROM trace WHERE `+where, args, func(scan func(...any) error) error {
		var m minuteMark
		var start int64
		err := scan(&m.workspace, &m.experiment, &start)
		m.minute = minuteOf(start)
		st.markDirty(ctx, m)
		return err
	})
}

var insertDirty = newBulk(`INSERT INTO rollup_dirty (workspace, experiment, minute, at_ms) VALUES `, 4, ``)

func (st *Traces) saveDirty(ctx context.Context, notes *indexNotes) error {
	if len(notes.dirty) == 0 {
		return nil
	}
	now := st.now().UnixMilli()
	args := make([]any, 0, 4*len(notes.dirty))
	for m := range notes.dirty {
		args = append(args, m.workspace, m.experiment, m.minute, now)
	}
	_, err := insertDirty.exec(ctx, st.index, args)
	return err
}

// When a dirty minute is summed up: once nothing has changed it for a moment,
// or it has waited long. A minute that is dear to sum up waits longer.
const (
	rollTick    = time.Second
	rollQuiet   = 2 * time.Second
	rollPatient = 10 * time.Second
	rollShare   = 10 // at most one part in so many of the time goes into one minute
	rollMarks   = 20_000
	rollRetry   = time.Minute
	rollMinutes = 20 // of one hour go in one write
)

// rollup runs until the store closes.
func (st *Traces) rollup() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-st.quit
		cancel()
	}()
	tick := time.NewTicker(rollTick)
	defer tick.Stop()
	for {
		select {
		case <-st.quit:
			return
		case <-tick.C:
		}
		for more := true; more; {
			<-st.rolling
			var err error
			more, err = st.rollDirty(ctx, time.Time{})
			st.rolling <- struct{}{}
			if err != nil && ctx.Err() == nil {
				st.log.Error("summing up traces for monitoring", "error", err)
				more = false
			}
			if ctx.Err() != nil {
				return
			}
		}
		if err := st.findStalled(ctx); err != nil && ctx.Err() == nil {
			st.log.Error("looking for stalled traces", "error", err)
		}
	}
}

// CatchUp implements [tracing.RollupStore].
func (st *Traces) CatchUp(ctx context.Context, patience time.Duration) (time.Duration, error) {
	until := time.Now().Add(patience)
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case <-st.rolling:
		_, err := st.rollDirty(ctx, until)
		if err == nil { // what was found on the way has marked its minute again
			_, err = st.rollDirty(ctx, until)
		}
		st.rolling <- struct{}{}
		if err != nil {
			return 0, err
		}
	case <-wait.C:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	lag, _, err := st.RollupLag(ctx)
	return lag, err
}

// RollupLag implements [tracing.RollupStore].
func (st *Traces) RollupLag(ctx context.Context) (lag time.Duration, marks int64, err error) {
	var oldest *int64
	err = st.index.QueryRow(ctx, `SELECT min(at_ms), count(*) FROM (SELECT at_ms FROM rollup_dirty ORDER BY n LIMIT ?) AS d`, []any{rollMarks}, &oldest, &marks)
	if err != nil || oldest == nil {
		return 0, 0, err
	}
	if *oldest == 0 { // found by a migration
		return time.Hour, marks, nil
	}
	return max(time.Millisecond, st.now().Sub(time.UnixMilli(*oldest))), marks, nil
}

// dirtyMinute is a minute with the marks that were seen of it.
type dirtyMinute struct {
	minuteMark
	marks          []int64
	oldest, newest int64
}

func (d *dirtyMinute) hour() minuteMark {
	return minuteMark{d.workspace, d.experiment, floorDiv(d.minute, 60)}
}

// rollDirty sums up the minutes that are due, or, with a time until when it
// may begin with another, all of them. more says that there may be others
// right away.
func (st *Traces) rollDirty(ctx context.Context, until time.Time) (more bool, err error) {
	force := !until.IsZero()
	now := st.now()
	hours, full, err := st.dirty(ctx)
	if err != nil {
		return false, err
	}
	for m, at := range st.rolled {
		if !now.Before(at) {
			delete(st.rolled, m)
		}
	}
	done := 0
	var failed error
	for _, minutes := range hours {
		minutes = slices.DeleteFunc(minutes, func(d *dirtyMinute) bool {
			if now.Before(st.rolled[d.minuteMark]) {
				return true
			}
			quiet := now.UnixMilli()-d.newest >= rollQuiet.Milliseconds()
			return !force && !full && !quiet && now.UnixMilli()-d.oldest < rollPatient.Milliseconds()
		})
		if len(minutes) == 0 {
			continue
		}
		if force && time.Now().After(until) {
			return false, nil
		}
		err := st.rollHour(ctx, minutes)
		if e := ctx.Err(); e != nil {
			return false, e
		}
		if err == nil {
			done++
			continue
		}
		failed = err // one that cannot be read must not keep the others
		for _, d := range minutes {
			st.rolled[d.minuteMark] = now.Add(rollRetry)
		}
	}
	return full && done > 0, failed
}

// dirty reads marks, oldest first, grouped by hour. full says that there are
// more than were read.
func (st *Traces) dirty(ctx context.Context) (hours [][]*dirtyMinute, full bool, err error) {
	minutes := map[minuteMark]*dirtyMinute{}
	n := 0
	err = st.index.Each(ctx, `SELECT n, workspace, experiment, minute, at_ms FROM rollup_dirty ORDER BY n LIMIT ?`, []any{rollMarks}, func(scan func(...any) error) error {
		var mark, at int64
		var m minuteMark
		if err := scan(&mark, &m.workspace, &m.experiment, &m.minute, &at); err != nil {
			return err
		}
		n++
		d := minutes[m]
		if d == nil {
			d = &dirtyMinute{minuteMark: m, oldest: at}
			minutes[m] = d
		}
		d.marks = append(d.marks, mark)
		d.newest = max(d.newest, at)
		return nil
	})
	byHour := map[minuteMark][]*dirtyMinute{}
	for _, d := range minutes {
		byHour[d.hour()] = append(byHour[d.hour()], d)
	}
	groups := make([][]*dirtyMinute, 0, len(byHour))
	for _, of := range byHour {
		slices.SortFunc(of, func(a, b *dirtyMinute) int { return cmp.Compare(a.minute, b.minute) })
		groups = slices.AppendSeq(groups, slices.Chunk(of, rollMinutes))
	}
	hours = slices.SortedFunc(slices.Values(groups), func(a, b []*dirtyMinute) int { // newest first: that is what is looked at
		return cmp.Or(cmp.Compare(b[0].minute, a[0].minute), cmp.Compare(a[0].experiment, b[0].experiment), cmp.Compare(a[0].workspace, b[0].workspace))
	})
	return hours, n == rollMarks, err
}

// rollHour sums up minutes of one hour of one experiment.
func (st *Traces) rollHour(ctx context.Context, minutes []*dirtyMinute) error {
	fresh := make(map[int64][]byte, len(minutes))
	var loops []foundLoop
	for _, d := range minutes {
		started := time.Now()
		cells, found, err := st.foldMinute(ctx, d.minuteMark)
		if err != nil {
			return err
		}
		fresh[d.minute] = cells.Pack()
		loops = append(loops, found...)
		if took := time.Since(started); took > 50*time.Millisecond {
			st.rolled[d.minuteMark] = st.now().Add(rollShare * took)
		}
	}
	hour := minutes[0].hour()
	err := st.index.Write(ctx, func(ctx context.Context) error {
		for _, d := range minutes {
			removed := int64(0)
			err := eachList(d.marks, func(marks string, args []any) error {
				n, err := st.index.Exec(ctx, `DELETE FROM rollup_dirty WHERE n IN (`+marks+`)`, args...)
				removed += n
				return err
			})
			if err != nil {
				return err
			}
			if removed < int64(len(d.marks)) {
				// Another node was faster. What it has not seen has marks of its
				// own; what was folded here may be older than what it stored.
				continue
			}
			if err := st.putCells(ctx, 0, tracing.Dimension{}, d.minuteMark, fresh[d.minute]); err != nil {
				return err
			}
		}
		return st.mergeHour(ctx, hour)
	})
	if err != nil {
		return err
	}
	return st.tagLoops(ctx, loops)
}

// mergeHour makes the cells of an hour from its minutes, inside a Write.
func (st *Traces) mergeHour(ctx context.Context, hour minuteMark) error {
	sum := tracing.NewCells()
	err := st.index.Each(ctx, `SELECT cells FROM rollup WHERE experiment = ? AND level = 0 AND at >= ? AND at < ? AND +workspace = ?`,
		[]any{hour.experiment, hour.minute * 60, hour.minute*60 + 60, hour.workspace}, func(scan func(...any) error) error {
			var packed []byte
			if err := scan(&packed); err != nil {
				return err
			}
			return sum.Unpack(packed)
		})
	if err != nil {
		return fault.Wrap(fault.Internal, "sqlstore.mergeHour", err, "the sums of an hour cannot be read")
	}
	gone := map[tracing.Dimension]bool{}
	err = st.index.Each(ctx, `SELECT dim, key FROM rollup WHERE experiment = ? AND level = 1 AND at = ? AND +workspace = ?`,
		[]any{hour.experiment, hour.minute, hour.workspace}, func(scan func(...any) error) error {
			var dim int
			var d tracing.Dimension
			err := scan(&dim, &d.Key)
			d.Dim = tracing.Dim(dim)
			gone[d] = true
			return err
		})
	if err != nil {
		return err
	}
	sum.Each(func(d tracing.Dimension, cells []byte) {
		delete(gone, d)
		if err == nil {
			err = st.putCells(ctx, 1, d, hour, cells)
		}
	})
	for d := range gone {
		if err == nil {
			err = st.putCells(ctx, 1, d, hour, nil)
		}
	}
	return err
}

// putCells stores cells, or removes the row if there are none.
func (st *Traces) putCells(ctx context.Context, level int, d tracing.Dimension, at minuteMark, cells []byte) error {
	key := []any{at.workspace, level, int(d.Dim), d.Key, at.minute, at.experiment}
	if len(cells) == 0 {
		_, err := st.index.Exec(ctx, `DELETE FROM rollup WHERE workspace = ? AND level = ? AND dim = ? AND key = ? AND at = ? AND experiment = ?`, key...)
		return err
	}
	_, err := st.index.Exec(ctx, `INSERT INTO rollup (workspace, level, dim, key, at, experiment, cells) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (workspace, level, dim, key, at, experiment) DO UPDATE SET cells = excluded.cells`, append(key, cells)...)
	return err
}
