package storetest

import (
	"context"
	"testing"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/sqlstore"
)

// ImportLedger is the suite of [flow.Ledger].
func ImportLedger(t *testing.T, open Open) {
	now := int64(1000)
	ledger := sqlstore.NewImportLedger(open(t), func() int64 { return now })
	ctx := t.Context()
	write := func(fn func(ctx context.Context) error) {
		t.Helper()
		if err := ledger.Write(ctx, fn); err != nil {
			t.Fatal(err)
		}
	}
	var no, again, elsewhere int64
	write(func(ctx context.Context) (err error) {
		if no, err = ledger.OpenSource(ctx, "http://a"); err != nil {
			return err
		}
		again, err = ledger.OpenSource(ctx, "http://a")
		return err
	})
	other := caller.With(ctx, caller.Caller{Role: caller.Admin, Workspace: "other"})
	if err := ledger.Write(other, func(ctx context.Context) (err error) {
		elsewhere, err = ledger.OpenSource(ctx, "http://a")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if no != again || no == elsewhere {
		t.Fatalf("source numbers %d, %d, in another workspace %d", no, again, elsewhere)
	}
	copying := flow.Entry{Kind: flow.KindRun, Source: "r1", Ours: "r1", Hash: "h1", Outcome: flow.Copied, Job: "j1", At: 5}
	done := copying
	done.Done, done.Hash, done.Job = true, "h2", "j2"
	write(func(ctx context.Context) error {
		for _, e := range []flow.Entry{copying, {Kind: flow.KindRun, Source: "r2", Outcome: flow.Already, Done: true}, {Kind: flow.KindTrace, Source: "r1"}} {
			if err := ledger.PutEntry(ctx, no, e); err != nil {
				return err
			}
		}
		return nil
	})
	read := func(ids []string) []flow.Entry {
		t.Helper()
		list, err := ledger.Entries(ctx, no, flow.KindRun, ids)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := read([]string{"r1", "none"}); len(list) != 1 || list[0] != copying {
		t.Fatalf("read %+v", list)
	}
	write(func(ctx context.Context) error { return ledger.PutEntry(ctx, no, done) })
	if list := read(nil); len(list) != 2 || list[0] != done || list[1].Source != "r2" {
		t.Fatalf("read %+v", list)
	}
	if list, err := ledger.Entries(ctx, elsewhere, flow.KindRun, nil); err != nil || len(list) != 0 {
		t.Fatalf("another source sees %+v, %v", list, err)
	}
	importSecrets(t, ledger, func(at int64) { now = at })
}

func importSecrets(t *testing.T, ledger *sqlstore.ImportLedger, clock func(int64)) {
	ctx := t.Context()
	secret := func(job string) string {
		t.Helper()
		b, err := ledger.Secret(ctx, job)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	put := func(job, text string) {
		t.Helper()
		if err := ledger.Write(ctx, func(ctx context.Context) error { return ledger.PutSecret(ctx, job, []byte(text)) }); err != nil {
			t.Fatal(err)
		}
	}
	put("j1", "one")
	clock(2000)
	put("j2", "two")
	put("j3", "three")
	if err := ledger.Write(ctx, func(ctx context.Context) error { return ledger.DropSecrets(ctx, "j2", 1500) }); err != nil {
		t.Fatal(err)
	}
	if got := secret("j1") + secret("j2") + secret("j3"); got != "three" {
		t.Fatalf("left is %q", got)
	}
}
