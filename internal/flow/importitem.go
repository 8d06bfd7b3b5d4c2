package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"golang.org/x/sync/errgroup"

	"github.com/assayhq/assay/internal/fault"
)

// sideBySide is how many items of a page are copied at a time: the source
// answers one request at a time more slowly than we can store.
const sideBySide = 4

// item is one thing of the source.
type item struct {
	kind, id, ours string
	hash           string
	// open says that the source may still add to it: it is copied again even
	// though nothing in its listing changed.
	open bool
	// compare tells how what is here differs; here is false if nothing is. It
	// is asked before the first copy, and when both sides are verified.
	compare func(ctx context.Context) (here bool, differences []string, err error)
	// copy stores the item over whatever part of it is here.
	copy func(ctx context.Context) error
	// again, if set, is done for an item that is here unchanged: what its
	// listing does not tell. own says that the import may replace what differs.
	again func(ctx context.Context, own bool) error
	err   error // it could not be read
	// points counts what copy has stored of its metrics.
	points *int64
}

// page carries the items of one page, all of one kind.
func (w *worker) page(ctx context.Context, kind string, items []item) error {
	if len(items) == 0 {
		return nil
	}
	if w.verify {
		return w.verifyPage(ctx, kind, items)
	}
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].id
	}
	known, err := w.cfg.Ledger.Entries(ctx, w.no, kind, ids)
	if err != nil {
		return err
	}
	entries := make(map[string]Entry, len(known))
	for _, e := range known {
		entries[e.Source] = e
	}
	plans := make([]plan, len(items))
	if err := eachItem(ctx, items, func(ctx context.Context, i int) error {
		e, ok := entries[items[i].id]
		plans[i] = w.plan(ctx, &items[i], e, ok)
		return stops(plans[i].err)
	}); err != nil {
		return err
	}
	if err := w.mark(ctx, items, plans); err != nil {
		return err
	}
	if err := eachItem(ctx, items, func(ctx context.Context, i int) error {
		if err := w.carry(ctx, &items[i], &plans[i]); err != nil {
			return err
		}
		w.did(ctx)
		return nil
	}); err != nil {
		return err
	}
	return w.settle(ctx, items, plans)
}

// plan is what is to be done about an item.
type plan struct {
	outcome Outcome
	copies  bool
	own     bool // we imported it before
	reason  string
	err     error
}

func (w *worker) plan(ctx context.Context, it *item, e Entry, known bool) plan {
	switch {
	case it.err != nil:
		return plan{outcome: Failed, err: it.err}
	case known && e.Done && e.Hash == it.hash:
		p := plan{outcome: Already, own: true, copies: it.open}
		if e.Job == w.run.Job.ID {
			p.outcome = e.Outcome // by an attempt of this job that died
		}
		return p
	case known && e.Done:
		return plan{outcome: Updated, own: true, copies: true}
	case known:
		return plan{outcome: e.Outcome, own: true, copies: true}
	}
	here, differences, err := it.compare(ctx)
	switch {
	case err != nil:
		return plan{outcome: Failed, err: err}
	case here && len(differences) > 0:
		return plan{outcome: Different, reason: "it is here already, was not imported and differs: " + summary(differences)}
	case here:
		return plan{outcome: Already}
	}
	return plan{outcome: Copied, own: true, copies: true}
}

// mark puts what is about to be copied into the ledger.
func (w *worker) mark(ctx context.Context, items []item, plans []plan) error {
	return w.run.Write(ctx, func(ctx context.Context) error {
		for i, p := range plans {
			if !p.copies || items[i].open && p.outcome == Already {
				continue
			}
			if err := w.cfg.Ledger.PutEntry(ctx, w.no, w.entry(&items[i], p.outcome, false)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *worker) entry(it *item, o Outcome, done bool) Entry {
	return Entry{Kind: it.kind, Source: it.id, Ours: it.ours, Hash: it.hash, Done: done, Outcome: o, Job: w.run.Job.ID, At: w.cfg.Now().UnixMilli()}
}

// carry copies one item. Only what stops the whole import is an error.
func (w *worker) carry(ctx context.Context, it *item, p *plan) error {
	if p.err == nil && p.copies {
		p.err = it.copy(ctx)
	}
	if p.err == nil && it.again != nil && p.outcome != Different {
		p.err = it.again(ctx, p.own)
		if fault.Is(p.err, fault.NotFound) && !p.copies {
			p.outcome, p.reason, p.err = Different, "it was imported and has been deleted here since", nil
		}
	}
	if err := stops(p.err); err != nil {
		return err
	}
	if p.err != nil {
		p.outcome, p.reason = Failed, fault.Message(p.err)
		if fault.Is(p.err, fault.Internal) {
			w.cfg.Log.Error("an item could not be imported", "job", w.run.Job.ID, "kind", it.kind, "id", it.id, "error", p.err)
		}
	}
	return nil
}

// settle counts a page, and keeps that together with the checkpoint that the
// caller makes next: the ledger is written here, so that a crash between the
// two finds entries of this job and counts them as they were.
func (w *worker) settle(ctx context.Context, items []item, plans []plan) error {
	err := w.run.Write(ctx, func(ctx context.Context) error {
		for i, p := range plans {
			if p.outcome == Failed || p.outcome == Different {
				continue
			}
			if err := w.cfg.Ledger.PutEntry(ctx, w.no, w.entry(&items[i], p.outcome, true)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, p := range plans {
		w.at.Report.take(items[i].kind, items[i].id, p.outcome, p.reason)
		if items[i].points != nil && (p.outcome == Copied || p.outcome == Updated) {
			w.at.Report.Points += *items[i].points
		}
	}
	return nil
}

// verifyPage compares the items of a page with what is here.
func (w *worker) verifyPage(ctx context.Context, kind string, items []item) error {
	found := make([][]string, len(items))
	err := eachItem(ctx, items, func(ctx context.Context, i int) error {
		defer w.did(ctx)
		err := items[i].err
		var here bool
		if err == nil {
			here, found[i], err = items[i].compare(ctx)
		}
		if err := stops(err); err != nil {
			return err
		}
		switch {
		case err != nil:
			found[i] = []string{"could not be compared: " + fault.Message(err)}
		case !here:
			found[i] = []string{"it is not here"}
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range items {
		w.at.Report.check(kind, items[i].id, found[i])
	}
	return nil
}

// eachItem calls fn for each item, several at a time.
func eachItem(ctx context.Context, items []item, fn func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i := range items {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return fn(ctx, i)
		})
	}
	return group.Wait()
}

// stops returns err if the import cannot go on after it: the source or we do
// not answer, the job was cancelled, another attempt has taken over.
func stops(err error) error {
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.Canceled, fault.Limited, fault.Conflict, fault.Unauthenticated, fault.Denied:
		return err
	}
	return nil
}

// pages reads a listing from the worker's position and checkpoints after each
// page that fn has carried.
func pages[T any](ctx context.Context, w *worker, list func(token string) ([]T, string, error), fn func([]T) error) error {
	for {
		found, next, err := list(w.at.Token)
		if err != nil {
			return err
		}
		if err := fn(found); err != nil {
			return err
		}
		w.at.Token = next
		if err := w.checkpoint(ctx, nil); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
	}
}

// all reads a whole listing.
func all[T any](list func(token string) ([]T, string, error)) ([]T, error) {
	var out []T
	for token := ""; ; {
		found, next, err := list(token)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
		if token = next; token == "" {
			return out, nil
		}
	}
}

// hashOf tells two forms of an item apart.
func hashOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}
