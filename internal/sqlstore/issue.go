package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/page"
)

// InsertIssue implements [evaluation.Issues].
func (s *Evaluation) InsertIssue(ctx context.Context, i *evaluation.Issue) error {
	causes, categories, err := issueLists(i)
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `INSERT INTO issue (issue_id, workspace, experiment_id, name, description, status, severity, gravity,
		root_causes, categories, source_run_id, created_by, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		i.ID, i.Workspace, i.Experiment, i.Name, i.Description, i.Status, i.Severity, i.Gravity(),
		causes, categories, unknown(i.SourceRun), i.CreatedBy, i.Created, i.Updated)
	return err
}

func issueLists(i *evaluation.Issue) (causes, categories string, err error) {
	a, err := json.Marshal(i.RootCauses)
	if err != nil {
		return "", "", err
	}
	b, err := json.Marshal(i.Categories)
	return string(a), string(b), err
}

const issueColumns = `i.issue_id, i.workspace, i.experiment_id, i.name, i.description, i.status, i.severity,
	i.root_causes, i.categories, i.source_run_id, i.created_by, i.created_at, i.updated_at`

func scanIssue(i *evaluation.Issue, scan func(...any) error) error {
	var causes, categories []byte
	err := scan(&i.ID, &i.Workspace, &i.Experiment, &i.Name, &i.Description, &i.Status, &i.Severity,
		&causes, &categories, (*known)(&i.SourceRun), &i.CreatedBy, &i.Created, &i.Updated)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(causes, &i.RootCauses); err != nil {
		return err
	}
	return json.Unmarshal(categories, &i.Categories)
}

// IssueByID implements [evaluation.Issues].
func (s *Evaluation) IssueByID(ctx context.Context, workspace, id string) (*evaluation.Issue, error) {
	i := new(evaluation.Issue)
	return i, scanIssue(i, func(dest ...any) error {
		return s.db.QueryRow(ctx, `SELECT `+issueColumns+` FROM issue i WHERE i.issue_id = ? AND i.workspace = ?`, []any{id, workspace}, dest...)
	})
}

// UpdateIssue implements [evaluation.Issues].
func (s *Evaluation) UpdateIssue(ctx context.Context, i *evaluation.Issue) error {
	_, err := s.db.Exec(ctx, `UPDATE issue SET name = ?, description = ?, status = ?, severity = ?, gravity = ?, updated_at = ? WHERE issue_id = ?`,
		i.Name, i.Description, i.Status, i.Severity, i.Gravity(), i.Updated, i.ID)
	return err
}

var issueFields = searchFields{workspace: "i.workspace", columns: map[string]string{
	"status": "i.status", "source_run_id": "i.source_run_id",
	"gravity": "i.gravity", "created": "i.created_at", "issue_id": "i.issue_id",
}}

// SearchIssues implements [evaluation.Issues].
func (s *Evaluation) SearchIssues(ctx context.Context, workspace string, q evaluation.Query) ([]*evaluation.Issue, string, error) {
	sel := selection{db: s.db, workspace: workspace, fields: issueFields, filter: q.Filter, limit: q.Limit}
	for _, key := range []string{"gravity", "created", "issue_id"} {
		sel.order = append(sel.order, filter.Order{Field: filter.Field{Group: filter.Attribute, Key: key}, Desc: true})
	}
	sel.scope = page.NewQuery("issues", workspace, fmt.Sprint(q.Experiments, q.Filter))
	if len(q.Experiments) > 0 {
		sel.where("i.experiment_id = ?", q.Experiments[0])
	}
	query, args, err := sel.build(ctx, `SELECT `+issueColumns+` FROM issue i`, q.Token)
	if err != nil {
		return nil, "", err
	}
	var list []*evaluation.Issue
	err = s.db.Each(ctx, query, args, func(scan func(...any) error) error {
		i := new(evaluation.Issue)
		list = append(list, i)
		return scanIssue(i, scan)
	})
	if err != nil {
		return nil, "", err
	}
	list, more := cutPage(list, q.Limit)
	if !more {
		return list, "", nil
	}
	last := list[len(list)-1]
	return list, sel.token(map[string]page.Key{
		"gravity": page.IntKey(int64(last.Gravity())), "created": page.IntKey(last.Created), "issue_id": page.StringKey(last.ID),
	}), nil
}
