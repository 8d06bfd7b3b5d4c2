package sqlstore

import (
	"context"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

// intake is a queued write: spans, or a header.
type intake struct {
	ctx       context.Context
	workspace int64
	arrival   *tracing.Arrival
	info      *tracing.Info
	alone     func(ctx context.Context) error // instead of both: run while nothing is taken in
	bytes     int64
	now       time.Time

	rejected int
	reason   string
	err      error
	done     chan struct{}
}

// Limits of what waits and of what shares a commit.
const (
	maxWaiting    = 256 << 20 // bytes of payload in the queue
	groupSpans    = 8192
	groupBytes    = 32 << 20
	groupRequests = 256
	queuePatience = 5 * time.Second
)

// Append implements [tracing.SpanStore].
func (st *Traces) Append(ctx context.Context, b tracing.Arrival) (rejected int, reason string, err error) {
	in := &intake{arrival: &b, now: b.Now}
	for i := range b.Spans {
		s := &b.Spans[i]
		if s.Raw == nil {
			s.Raw = trace.AppendSpan(nil, s)
		}
		in.bytes += int64(len(s.Raw)) + 256
	}
	if err = st.submit(ctx, in); err == nil {
		st.refused.Add(int64(in.rejected))
		st.stored.Add(int64(len(b.Spans) - in.rejected))
	}
	return in.rejected, in.reason, err
}

// PutInfo implements [tracing.InfoStore].
func (st *Traces) PutInfo(ctx context.Context, info tracing.Info, now time.Time) error {
	return st.submit(ctx, &intake{info: &info, now: now, bytes: 4096})
}

// submit queues a write and waits until it is durable.
func (st *Traces) submit(ctx context.Context, in *intake) error {
	var err error
	if in.workspace, err = st.ensureWorkspace(ctx, caller.Workspace(ctx)); err != nil {
		return err
	}
	// What the client sent is used until the answer, also if it goes away.
	in.ctx, in.done = context.WithoutCancel(ctx), make(chan struct{})
	if st.waiting.Add(in.bytes) > maxWaiting+in.bytes {
		st.waiting.Add(-in.bytes)
		return fault.New(fault.Limited, "the server takes in traces as fast as its disk allows; try again shortly")
	}
	defer st.waiting.Add(-in.bytes)
	patience := time.NewTimer(queuePatience)
	defer patience.Stop()
	select {
	case st.queue <- in:
	case <-patience.C:
		return fault.New(fault.Limited, "the server takes in traces as fast as its disk allows; try again shortly")
	case <-ctx.Done():
		return ctx.Err()
	case <-st.quit:
		return errStopping
	}
	select {
	case <-in.done:
		return in.err
	case <-st.ended:
		select {
		case <-in.done:
			return in.err
		default:
			return errStopping
		}
	}
}

var errStopping = fault.New(fault.Unavailable, "the server is shutting down")

// ingest runs the queue.
func (st *Traces) ingest() {
	defer close(st.ended)
	for {
		select {
		case in := <-st.queue:
			st.group(in)
		case <-st.quit:
			for {
				select {
				case in := <-st.queue:
					st.group(in)
				default:
					return
				}
			}
		}
	}
}

// group stores first and what else is waiting, and answers.
func (st *Traces) group(first *intake) {
	if first.alone != nil {
		first.err = protected(st.log, first.ctx, first.alone)
		close(first.done)
		return
	}
	batch := []*intake{first}
	var next *intake
	spans, size := first.spans(), first.bytes
	for spans < groupSpans && size < groupBytes && len(batch) < groupRequests {
		select {
		case in := <-st.queue:
			if in.alone != nil {
				next = in
				break // below it ends the loop as well
			}
			batch = append(batch, in)
			spans += in.spans()
			size += in.bytes
			continue
		default:
		}
		break
	}
	st.store(batch)
	for _, in := range batch {
		close(in.done)
	}
	if next != nil {
		st.group(next)
	}
}

func (in *intake) spans() int {
	if in.arrival == nil {
		return 0
	}
	return len(in.arrival.Spans)
}

// store writes a group. If that fails as a whole and the group has several
// members, each is tried alone, so that one bad request harms no other.
func (st *Traces) store(batch []*intake) {
	err := st.storeAll(batch)
	if err == nil {
		return
	}
	if len(batch) > 1 {
		for _, in := range batch {
			in.rejected, in.reason = 0, ""
			st.store([]*intake{in})
		}
		return
	}
	batch[0].err = err
}

func (st *Traces) storeAll(batch []*intake) (err error) {
	defer func() {
		if p := recover(); p != nil {
			st.log.Error("panic while storing traces", "panic", p, "stack", stack())
			err = fault.New(fault.Internal, "panic while storing traces: %v", p)
		}
	}()
	ctx := context.Background()
	if st.dir != "" {
		w := newTraceWrite(st, batch)
		if err = w.run(ctx); err != nil {
			w.abandon()
			return err
		}
		w.succeed()
		return nil
	}
	return st.storePostgres(ctx, batch)
}

// Intake is what the store takes in.
type Intake struct {
	Stored, Rejected int64 // spans since the store was opened; those that were there already count as stored
	Waiting          int   // requests that wait for their commit
	WaitingBytes     int64
	Partitions       int // open ones
}

// Intake returns the numbers as they are now.
func (st *Traces) Intake() Intake {
	st.mu.Lock()
	open := len(st.partitions)
	st.mu.Unlock()
	return Intake{Stored: st.stored.Load(), Rejected: st.refused.Load(), Waiting: len(st.queue), WaitingBytes: st.waiting.Load(), Partitions: open}
}
