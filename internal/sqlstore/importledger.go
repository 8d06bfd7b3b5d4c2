package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
)

// ImportLedger is [flow.Ledger] over control.db.
type ImportLedger struct {
	*DB
	now func() int64 // unix milliseconds
}

var _ flow.Ledger = (*ImportLedger)(nil)

// NewImportLedger returns the ledger of imports in db, whose schema is
// "control".
func NewImportLedger(db *DB, now func() int64) *ImportLedger { return &ImportLedger{db, now} }

// OpenSource implements [flow.Ledger].
func (s *ImportLedger) OpenSource(ctx context.Context, address string) (no int64, err error) {
	workspace := caller.Workspace(ctx)
	err = s.QueryRow(ctx, `SELECT source_no FROM import_source WHERE workspace = ? AND address = ?`, []any{workspace, address}, &no)
	if !fault.Is(err, fault.NotFound) {
		return no, err
	}
	err = s.QueryRow(ctx, `INSERT INTO import_source (workspace, address, created_at) VALUES (?, ?, ?) RETURNING source_no`,
		[]any{workspace, address, s.now()}, &no)
	return no, err
}

const importColumns = `SELECT kind, source_id, our_id, hash, state, outcome, job_id, imported_at FROM import_item WHERE source_no = ? AND kind = ?`

const importDone = "done"

// Entries implements [flow.Ledger].
func (s *ImportLedger) Entries(ctx context.Context, source int64, kind string, ids []string) ([]flow.Entry, error) {
	var list []flow.Entry
	scan := func(scan func(...any) error) error {
		var e flow.Entry
		var state, outcome string
		err := scan(&e.Kind, &e.Source, &e.Ours, &e.Hash, &state, &outcome, &e.Job, &e.At)
		e.Done, e.Outcome = state == importDone, flow.Outcome(outcome)
		list = append(list, e)
		return err
	}
	if ids == nil {
		return list, s.Each(ctx, importColumns+` ORDER BY source_id`, []any{source, kind}, scan)
	}
	err := eachList(ids, func(marks string, args []any) error {
		return s.Each(ctx, importColumns+` AND source_id IN (`+marks+`)`, append([]any{source, kind}, args...), scan)
	})
	return list, err
}

// PutEntry implements [flow.Ledger].
func (s *ImportLedger) PutEntry(ctx context.Context, source int64, e flow.Entry) error {
	state := "copying"
	if e.Done {
		state = importDone
	}
	_, err := s.Exec(ctx, `INSERT INTO import_item (source_no, kind, source_id, our_id, hash, state, outcome, job_id, imported_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (source_no, kind, source_id) DO UPDATE SET our_id = excluded.our_id, hash = excluded.hash, state = excluded.state,
			outcome = excluded.outcome, job_id = excluded.job_id, imported_at = excluded.imported_at`,
		source, e.Kind, e.Source, e.Ours, e.Hash, state, string(e.Outcome), e.Job, e.At)
	return err
}

// PutSecret implements [flow.Ledger].
func (s *ImportLedger) PutSecret(ctx context.Context, jobID string, sealed []byte) error {
	_, err := s.Exec(ctx, `INSERT INTO import_secret (job_id, sealed, created_at) VALUES (?, ?, ?)
		ON CONFLICT (job_id) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at`, jobID, sealed, s.now())
	return err
}

// Secret implements [flow.Ledger].
func (s *ImportLedger) Secret(ctx context.Context, jobID string) (sealed []byte, err error) {
	err = s.QueryRow(ctx, `SELECT sealed FROM import_secret WHERE job_id = ?`, []any{jobID}, &sealed)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return sealed, err
}

// DropSecrets implements [flow.Ledger].
func (s *ImportLedger) DropSecrets(ctx context.Context, jobID string, before int64) error {
	_, err := s.Exec(ctx, `DELETE FROM import_secret WHERE job_id = ? OR created_at < ?`, jobID, before)
	return err
}
