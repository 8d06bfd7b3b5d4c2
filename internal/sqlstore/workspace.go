package sqlstore

import (
	"context"

	"github.com/assayhq/assay/internal/account"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

// ListWorkspaces lists every workspace by name.
func (s *Accounts) ListWorkspaces(ctx context.Context) ([]account.Workspace, error) {
	var all []account.Workspace
	err := s.Each(ctx, `SELECT name, description, created_at FROM workspace ORDER BY name`, nil, func(scan func(...any) error) error {
		var w account.Workspace
		err := scan(&w.Name, &w.Description, &w.CreatedAt)
		all = append(all, w)
		return err
	})
	return all, err
}

// InsertWorkspace adds a workspace.
func (s *Accounts) InsertWorkspace(ctx context.Context, w account.Workspace) error {
	return s.one(ctx, `INSERT INTO workspace (name, description, created_at) VALUES (?, ?, ?)`, w.Name, w.Description, w.CreatedAt)
}

// UpdateWorkspace writes the description.
func (s *Accounts) UpdateWorkspace(ctx context.Context, w account.Workspace) error {
	return s.one(ctx, `UPDATE workspace SET description = ? WHERE name = ?`, w.Description, w.Name)
}

// DeleteWorkspace removes a workspace in which nothing is kept. The default
// experiment, which every workspace is given, counts once it has runs.
func (s *Accounts) DeleteWorkspace(ctx context.Context, name string) error {
	return s.Write(ctx, func(ctx context.Context) error {
		_, err := s.Exec(ctx, `DELETE FROM experiment WHERE workspace = ? AND name = ?
			AND NOT EXISTS (SELECT 1 FROM run WHERE run.experiment_id = experiment.experiment_id)
			AND NOT EXISTS (SELECT 1 FROM logged_model WHERE logged_model.experiment_id = experiment.experiment_id)`,
			name, tracking.DefaultExperimentName)
		if err != nil {
			return err
		}
		for _, kept := range []struct{ table, what string }{{"experiment", "experiments"}, {"registered_model", "models or prompts"}} {
			var n int
			err := s.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 AS x FROM `+kept.table+` WHERE workspace = ? LIMIT 1) AS found`, []any{name}, &n)
			if err != nil {
				return err
			}
			if n > 0 {
				return fault.New(fault.State, "workspace %q still holds %s", name, kept.what)
			}
		}
		if _, err := s.Exec(ctx, `DELETE FROM account_role WHERE workspace = ?`, name); err != nil {
			return err
		}
		if _, err := s.Exec(ctx, `DELETE FROM account_token WHERE workspace = ?`, name); err != nil {
			return err
		}
		return s.one(ctx, `DELETE FROM workspace WHERE name = ?`, name)
	})
}
