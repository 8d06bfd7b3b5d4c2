package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/job"
	"github.com/assayhq/assay/internal/sqlstore"
)

// Queue is a control database for jobs, and what the engine needs to reach it a
// second time.
type Queue struct {
	DB     *sqlstore.DB
	Config func(t *testing.T) job.Config // a new one per engine
}

// Jobs is what the job engine must do over a store. open returns a migrated
// database of its own.
func Jobs(t *testing.T, open func(t *testing.T) Queue) {
	for name, test := range map[string]func(*testing.T, Queue){
		"Done": testJobDone, "RollsBack": testJobRollsBack, "Retries": testJobRetries, "FinalFailure": testJobFinalFailure,
		"Panic": testJobPanic, "CancelQueued": testJobCancelQueued, "CancelRunning": testJobCancelRunning, "Resume": testJobResume,
		"Shutdown": testJobShutdown, "Fence": testJobFence, "Key": testJobKey, "Depth": testJobDepth, "TTL": testJobTTL,
		"Timeout": testJobTimeout, "CostCap": testJobCostCap, "List": testJobList, "TicketLost": testJobTicketLost, "Redrive": testJobRedrive, "Many": testJobMany,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// engine starts an engine over q with kinds; the test's end stops it.
func (q Queue) engine(t *testing.T, start bool, kinds ...job.Kind) *job.Engine {
	t.Helper()
	cfg := q.Config(t)
	cfg.Log = slog.New(slog.DiscardHandler)
	e := job.NewEngine(sqlstore.NewJobs(q.DB), cfg)
	for _, k := range kinds {
		e.Register(k)
	}
	if err := e.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Stop(context.Background()) })
	if start {
		if err := e.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// becomes waits until the job is in a state.
func becomes(t *testing.T, e *job.Engine, id string, want job.State) job.Job {
	t.Helper()
	var j job.Job
	for range 600 {
		j = must(e.Get(context.Background(), id))(t)
		if j.State == want {
			return j
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("job %s is %s (%s); want %s", j.Kind, j.State, j.Error, want)
	return j
}

func quickly(int) time.Duration { return time.Millisecond }

func testJobDone(t *testing.T, q Queue) {
	type input struct{ Rows int }
	e := q.engine(t, true, job.Kind{Name: "count", Work: func(ctx context.Context, r *job.Run) error {
		var in input
		if err := r.Input(&in); err != nil {
			return err
		}
		for i := range in.Rows {
			r.Progress(ctx, int64(i+1), int64(in.Rows), "rows")
		}
		if err := r.Event(ctx, job.Info, "counted %d", in.Rows); err != nil {
			return err
		}
		return r.Finish(ctx, job.Result{Label: "the count", Path: "/w/default/x"}, in.Rows, func(ctx context.Context) error {
			return nil
		})
	}})
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "count", Title: "Count rows", Input: input{7}, Unit: "rows"}))(t)
	if j.State != job.Queued || j.Total != -1 || j.Cost != -1 {
		t.Errorf("queued as %+v", j)
	}
	j = becomes(t, e, j.ID, job.Succeeded)
	if j.Done != 7 || j.Total != 7 || j.Unit != "rows" || string(j.Output) != "7" || j.Result.Path != "/w/default/x" || j.Attempt != 1 ||
		j.EndedAt == 0 || j.StartedAt == 0 || j.Error != "" {
		t.Errorf("ended as %+v", j)
	}
	events, next, err := e.Events(t.Context(), j.ID, 10, "")
	if err != nil || next != "" || len(events) != 1 || events[0].Message != "counted 7" {
		t.Errorf("events %+v, %v", events, err)
	}
}

func testJobRollsBack(t *testing.T, q Queue) {
	ran := make(chan string, 4)
	e := q.engine(t, true, job.Kind{Name: "note", Work: func(ctx context.Context, r *job.Run) error {
		ran <- r.Job.Title
		return nil
	}})
	refused := errors.New("refused")
	err := q.DB.Write(t.Context(), func(ctx context.Context) error {
		if _, err := e.Enqueue(ctx, job.Spec{Kind: "note", Title: "never"}); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "note", Title: "once"}))(t)
	becomes(t, e, j.ID, job.Succeeded)
	if got := <-ran; got != "once" || len(ran) != 0 {
		t.Errorf("ran %q and %d more", got, len(ran))
	}
}

func testJobRetries(t *testing.T, q Queue) {
	var calls atomic.Int32
	e := q.engine(t, true, job.Kind{Name: "flaky", Backoff: quickly, MaxFailures: 4, Work: func(ctx context.Context, r *job.Run) error {
		if calls.Add(1) < 3 {
			return fault.New(fault.Unavailable, "not yet")
		}
		return nil
	}})
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "flaky"}))(t)
	j = becomes(t, e, j.ID, job.Succeeded)
	if j.Attempt != 3 || j.Failures != 2 || calls.Load() != 3 {
		t.Errorf("attempt %d, failures %d, %d calls", j.Attempt, j.Failures, calls.Load())
	}
}

func testJobFinalFailure(t *testing.T, q Queue) {
	var calls atomic.Int32
	e := q.engine(t, true, job.Kind{Name: "wrong", Backoff: quickly, Work: func(ctx context.Context, r *job.Run) error {
		calls.Add(1)
		return fault.Wrap(fault.Invalid, "test", errors.New("the inner cause"), "the input is no good")
	}})
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "wrong"}))(t)
	j = becomes(t, e, j.ID, job.Failed)
	if j.Error != "the input is no good" || calls.Load() != 1 {
		t.Errorf("error %q after %d calls", j.Error, calls.Load())
	}
	_, err := e.Cancel(t.Context(), j.ID)
	wantKind(t, err, fault.State, "cancelling what has ended")
}

func testJobPanic(t *testing.T, q Queue) {
	e := q.engine(t, true, job.Kind{Name: "panic", Backoff: quickly, MaxFailures: 2, Work: func(context.Context, *job.Run) error {
		func() map[string]int { return nil }()["x"] = 1
		return nil
	}})
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "panic"}))(t)
	if j = becomes(t, e, j.ID, job.Failed); j.Failures != 2 || strings.Contains(j.Error, "nil map") {
		t.Errorf("%d failures, error %q", j.Failures, j.Error)
	}
}

func testJobCancelQueued(t *testing.T, q Queue) {
	ran := make(chan string, 8)
	e := q.engine(t, false, job.Kind{Name: "wait", Work: func(ctx context.Context, r *job.Run) error {
		ran <- r.Job.ID
		return nil
	}})
	gone := must(e.Enqueue(t.Context(), job.Spec{Kind: "wait"}))(t)
	kept := must(e.Enqueue(t.Context(), job.Spec{Kind: "wait"}))(t)
	if j := must(e.Cancel(t.Context(), gone.ID))(t); j.State != job.Canceled {
		t.Errorf("cancelled to %s", j.State)
	}
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	becomes(t, e, kept.ID, job.Succeeded)
	if got := <-ran; got != kept.ID || len(ran) != 0 {
		t.Error("the cancelled job ran")
	}
	if j := must(e.Retry(t.Context(), gone.ID))(t); j.State != job.Queued {
		t.Errorf("retried to %s", j.State)
	}
	becomes(t, e, gone.ID, job.Succeeded)
}

func testJobCancelRunning(t *testing.T, q Queue) {
	began := make(chan struct{})
	e := q.engine(t, true, job.Kind{Name: "long", Work: func(ctx context.Context, r *job.Run) error {
		close(began)
		<-ctx.Done()
		return ctx.Err()
	}})
	// Another engine, as on another node or in a command, cancels it.
	other := q.engine(t, false, job.Kind{Name: "long", Work: func(context.Context, *job.Run) error { return nil }})
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "long"}))(t)
	<-began
	if j = must(other.Cancel(t.Context(), j.ID))(t); j.State != job.Canceling {
		t.Errorf("state %s right after", j.State)
	}
	if j = becomes(t, e, j.ID, job.Canceled); j.Failures != 0 {
		t.Errorf("%d failures", j.Failures)
	}
}

func testJobResume(t *testing.T, q Queue) {
	var from []int
	var mu sync.Mutex
	e := q.engine(t, true, job.Kind{Name: "steps", Backoff: quickly, MaxFailures: 1, Work: func(ctx context.Context, r *job.Run) error {
		step := 0
		if _, err := r.Resume(&step); err != nil {
			return err
		}
		mu.Lock()
		from = append(from, step)
		mu.Unlock()
		for ; step < 5; step++ {
			if step == 3 && r.Job.Attempt == 1 {
				return fault.New(fault.Unavailable, "the line is down")
			}
			if err := r.Checkpoint(ctx, step+1, nil); err != nil {
				return err
			}
		}
		return nil
	}})
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "steps"}))(t)
	becomes(t, e, j.ID, job.Failed)
	must(e.Retry(t.Context(), j.ID))(t)
	j = becomes(t, e, j.ID, job.Succeeded)
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(from, []int{0, 3}) || len(j.Checkpoint) != 0 {
		t.Errorf("attempts began at %v, checkpoint %s", from, j.Checkpoint)
	}
}

func testJobShutdown(t *testing.T, q Queue) {
	began := make(chan struct{}, 1)
	stuck := job.Kind{Name: "work", Work: func(ctx context.Context, r *job.Run) error {
		began <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}
	e := q.engine(t, true, stuck)
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "work"}))(t)
	<-began
	if err := e.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Fatalf("stopping twice: %v", err)
	}
	quick := stuck
	quick.Work = func(context.Context, *job.Run) error { return nil }
	next := q.engine(t, false, quick)
	if j = must(next.Get(t.Context(), j.ID))(t); j.State != job.Queued || j.Failures != 0 || j.Lost != 0 {
		t.Errorf("after a shutdown: %+v", j)
	}
	if err := next.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	becomes(t, next, j.ID, job.Succeeded)
}

// testJobFence takes a job away from a worker that does not notice.
func testJobFence(t *testing.T, q Queue) {
	began, taken := make(chan struct{}), make(chan struct{})
	var late error
	var once sync.Once
	e := q.engine(t, true, job.Kind{Name: "slow", Backoff: quickly, Work: func(ctx context.Context, r *job.Run) error {
		first := false
		once.Do(func() { first = true })
		if !first {
			return nil
		}
		close(began)
		<-taken
		late = r.Write(ctx, func(context.Context) error { t.Error("a replaced attempt wrote"); return nil })
		return late
	}})
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "slow"}))(t)
	<-began
	// What Reclaim does when the process is dead, done while it lives.
	err := q.DB.Write(t.Context(), func(ctx context.Context) error {
		_, err := q.DB.Exec(ctx, `UPDATE job SET attempt = attempt + 1, node = ? WHERE id = ?`, "1", j.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	close(taken)
	if err := e.Reclaim(t.Context()); err != nil {
		t.Fatal(err)
	}
	j = becomes(t, e, j.ID, job.Succeeded)
	wantKind(t, late, fault.Conflict, "the write of a replaced attempt")
	if j.Lost != 1 || j.Failures != 0 || j.Attempt != 3 {
		t.Errorf("lost %d, failures %d, attempt %d", j.Lost, j.Failures, j.Attempt)
	}
}

func testJobKey(t *testing.T, q Queue) {
	e := q.engine(t, false, job.Kind{Name: "once", Work: func(context.Context, *job.Run) error { return nil }})
	spec := job.Spec{Kind: "once", Key: "k"}
	a := must(e.Enqueue(t.Context(), spec))(t)
	b := must(e.Enqueue(t.Context(), spec))(t)
	if a.ID != b.ID {
		t.Error("the same key made two jobs")
	}
	other := caller.With(t.Context(), caller.Caller{Workspace: "lab"})
	if c := must(e.Enqueue(other, spec))(t); c.ID == a.ID {
		t.Error("another workspace got this one's job")
	}
	if _, err := e.Get(other, a.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("another workspace sees it: %v", err)
	}
	must(e.Cancel(t.Context(), a.ID))(t)
	d := must(e.Enqueue(t.Context(), spec))(t)
	if d.ID == a.ID {
		t.Error("an ended job answered for its key")
	}
	_, err := e.Retry(t.Context(), a.ID)
	wantKind(t, err, fault.State, "a retry beside a newer job of its key")
}

func testJobDepth(t *testing.T, q Queue) {
	e := q.engine(t, false, job.Kind{Name: "few", Queue: "small", MaxQueued: 3, Work: func(context.Context, *job.Run) error { return nil }})
	for range 3 {
		must(e.Enqueue(t.Context(), job.Spec{Kind: "few"}))(t)
	}
	_, err := e.Enqueue(t.Context(), job.Spec{Kind: "few"})
	wantKind(t, err, fault.Limited, "one job too many")
	_, err = e.Enqueue(t.Context(), job.Spec{Kind: "few", Input: strings.Repeat("x", 2<<20)})
	wantKind(t, err, fault.TooLarge, "a large input")
}

func testJobTTL(t *testing.T, q Queue) {
	e := q.engine(t, false, job.Kind{Name: "soon", Work: func(context.Context, *job.Run) error { t.Error("ran too late"); return nil }})
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "soon", TTL: time.Millisecond}))(t)
	time.Sleep(20 * time.Millisecond)
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	becomes(t, e, j.ID, job.Failed)
}

func testJobTimeout(t *testing.T, q Queue) {
	e := q.engine(t, true, job.Kind{Name: "hang", Timeout: 30 * time.Millisecond, MaxFailures: 1, Work: func(ctx context.Context, _ *job.Run) error {
		<-ctx.Done()
		return ctx.Err()
	}})
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "hang"}))(t)
	if j = becomes(t, e, j.ID, job.Failed); !strings.Contains(j.Error, "longer than 30ms") {
		t.Errorf("error %q", j.Error)
	}
}

func testJobCostCap(t *testing.T, q Queue) {
	e := q.engine(t, true, job.Kind{Name: "spend", Work: func(_ context.Context, r *job.Run) error {
		for {
			if err := r.Spend(40); err != nil {
				return err
			}
		}
	}})
	j := must(e.Enqueue(t.Context(), job.Spec{Kind: "spend", CostCap: 100}))(t)
	if j = becomes(t, e, j.ID, job.Failed); j.Cost != 120 || j.CostCap != 100 {
		t.Errorf("cost %d of %d", j.Cost, j.CostCap)
	}
}

func testJobList(t *testing.T, q Queue) {
	e := q.engine(t, false, job.Kind{Name: "a", Work: func(context.Context, *job.Run) error { return nil }},
		job.Kind{Name: "quiet", Quiet: true, Work: func(context.Context, *job.Run) error { return nil }})
	want := map[string]bool{}
	for i := range 25 {
		want[must(e.Enqueue(t.Context(), job.Spec{Kind: "a", Title: fmt.Sprint(i)}))(t).ID] = true
		must(e.Enqueue(t.Context(), job.Spec{Kind: "quiet"}))(t)
	}
	token, lastAt := "", int64(1<<62)
	for {
		jobs, next, err := e.List(t.Context(), "", nil, 7, token)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			if !want[j.ID] || j.CreatedAt > lastAt {
				t.Errorf("job %s %s twice, foreign, or out of order", j.Kind, j.ID)
			}
			delete(want, j.ID)
			lastAt = j.CreatedAt
		}
		if token = next; token == "" {
			break
		}
	}
	if len(want) != 0 {
		t.Errorf("%d jobs not listed", len(want))
	}
	if jobs, _, err := e.List(t.Context(), "quiet", []job.State{job.Queued}, 100, ""); err != nil || len(jobs) != 25 {
		t.Errorf("%d quiet jobs, %v", len(jobs), err)
	}
	if n := must(e.Active(t.Context()))(t); n != 25 {
		t.Errorf("%d active", n)
	}
	_, _, err := e.List(t.Context(), "", []job.State{"done"}, 7, "")
	wantKind(t, err, fault.Invalid, "an unknown state")
	_, _, err = e.List(t.Context(), "", nil, 0, "")
	wantKind(t, err, fault.Invalid, "limit 0")
}

func testJobRedrive(t *testing.T, q Queue) {
	var mended atomic.Bool
	e := q.engine(t, true, job.Kind{Name: "letter", Quiet: true, MaxFailures: 1, Work: func(context.Context, *job.Run) error {
		if !mended.Load() {
			return fault.New(fault.Unavailable, "nobody answers")
		}
		return nil
	}})
	var ids []string
	for range 5 {
		ids = append(ids, must(e.Enqueue(t.Context(), job.Spec{Kind: "letter"}))(t).ID)
	}
	for _, id := range ids {
		becomes(t, e, id, job.Failed)
	}
	mended.Store(true)
	if n := must(e.Redrive(t.Context(), "letter", 100))(t); n != 5 {
		t.Errorf("%d redriven", n)
	}
	for _, id := range ids {
		becomes(t, e, id, job.Succeeded)
	}
}

// testJobMany runs jobs of several queues and priorities at once; each exactly
// once.
func testJobMany(t *testing.T, q Queue) {
	var mu sync.Mutex
	ran := map[string]int{}
	work := func(ctx context.Context, r *job.Run) error {
		return r.Finish(ctx, job.Result{}, json.RawMessage(`{}`), func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			ran[r.Job.ID]++
			return nil
		})
	}
	e := q.engine(t, true, job.Kind{Name: "a", Work: work}, job.Kind{Name: "b", Queue: "other", Work: work})
	var wg sync.WaitGroup
	var ids sync.Map
	for i := range 100 {
		wg.Go(func() {
			j, err := e.Enqueue(context.Background(), job.Spec{Kind: []string{"a", "b"}[i%2], Priority: 1 + i%4})
			if err != nil {
				t.Error(err)
			}
			ids.Store(j.ID, true)
		})
	}
	wg.Wait()
	ids.Range(func(id, _ any) bool { becomes(t, e, id.(string), job.Succeeded); return true })
	mu.Lock()
	defer mu.Unlock()
	for id, n := range ran {
		// A retried serialisable transaction runs its function again; the job
		// is still done once.
		if j := must(e.Get(t.Context(), id))(t); j.Attempt != 1 || n < 1 {
			t.Errorf("job %s: %d attempts, %d runs", id, j.Attempt, n)
		}
	}
	if len(ran) != 100 {
		t.Errorf("%d jobs ran", len(ran))
	}
}

// testJobTicketLost leaves a job as a process does that takes its ticket and
// dies before it begins: the next one to start runs it at once.
func testJobTicketLost(t *testing.T, q Queue) {
	idle := q.engine(t, false, job.Kind{Name: "late", Work: func(context.Context, *job.Run) error { return nil }})
	j := must(idle.Enqueue(t.Context(), job.Spec{Kind: "late"}))(t)
	by := map[string]string{"sqlite": "jsonb_array(?)", "postgres": "ARRAY[?::text]"}[q.DB.Dialect.Name]
	taken := `UPDATE river_job SET state = 'running', attempted_at = CURRENT_TIMESTAMP, attempt = 1, attempted_by = ` + by + ` WHERE id = ?`
	err := q.DB.Write(t.Context(), func(ctx context.Context) error {
		_, err := q.DB.Exec(ctx, taken, "1", j.Ticket)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	busy := q.engine(t, true, job.Kind{Name: "late", Work: func(context.Context, *job.Run) error { return nil }})
	if j = becomes(t, busy, j.ID, job.Succeeded); j.Attempt != 1 || j.Lost != 0 {
		t.Errorf("attempt %d, lost %d", j.Attempt, j.Lost)
	}
}
