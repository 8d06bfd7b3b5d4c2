package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/masking"
)

// dataPolicies keeps the policies of one kind.
type dataPolicies struct {
	*DB
	kind string
}

var _ masking.Store = (*dataPolicies)(nil)

// NewMaskPolicies returns the store of masking policies in db.
func NewMaskPolicies(db *DB) masking.Store { return &dataPolicies{db, "masking"} }

// Policies lists the policies of every workspace.
func (s *dataPolicies) Policies(ctx context.Context) ([]masking.Stored, error) {
	var list []masking.Stored
	err := s.Each(ctx, `SELECT workspace, experiment, body, updated_by, updated_at FROM data_policy WHERE kind = ? ORDER BY workspace, experiment`,
		[]any{s.kind}, func(scan func(...any) error) error {
			var p masking.Stored
			err := scan(&p.Workspace, &p.Experiment, &p.Body, &p.UpdatedBy, &p.UpdatedAt)
			list = append(list, p)
			return err
		})
	return list, err
}

// PutPolicy stores a policy in place of the one before.
func (s *dataPolicies) PutPolicy(ctx context.Context, p masking.Stored) error {
	_, err := s.Exec(ctx, `INSERT INTO data_policy (kind, workspace, experiment, body, updated_by, updated_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (kind, workspace, experiment) DO UPDATE SET body = excluded.body, updated_by = excluded.updated_by, updated_at = excluded.updated_at`,
		s.kind, p.Workspace, p.Experiment, string(p.Body), p.UpdatedBy, p.UpdatedAt)
	return err
}

// DeletePolicy removes a policy and reports whether there was one.
func (s *dataPolicies) DeletePolicy(ctx context.Context, workspace, experiment string) (bool, error) {
	n, err := s.Exec(ctx, `DELETE FROM data_policy WHERE kind = ? AND workspace = ? AND experiment = ?`, s.kind, workspace, experiment)
	return n > 0, err
}

// retention adds what was carried out.
type retention struct{ dataPolicies }

var _ flow.RetentionStore = (*retention)(nil)

// NewRetention returns the store of retention policies in db.
func NewRetention(db *DB) flow.RetentionStore { return &retention{dataPolicies{db, "retention"}} }

// PutRetentionRun implements [flow.RetentionStore].
func (s *retention) PutRetentionRun(ctx context.Context, r flow.RetentionRun) error {
	_, err := s.Exec(ctx, `INSERT INTO retention_run (workspace, day, job, report, ended_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (workspace) DO UPDATE SET day = excluded.day, job = excluded.job, report = excluded.report, ended_at = excluded.ended_at`,
		r.Workspace, r.Day, r.Job, string(r.Report), r.Ended)
	return err
}

// LastRetentionRun implements [flow.RetentionStore].
func (s *retention) LastRetentionRun(ctx context.Context, workspace string) (r flow.RetentionRun, err error) {
	r.Workspace = workspace
	err = s.QueryRow(ctx, `SELECT day, job, report, ended_at FROM retention_run WHERE workspace = ?`, []any{workspace}, &r.Day, &r.Job, &r.Report, &r.Ended)
	return r, err
}
