package mlflow

import (
	"context"
	"net/http"
	"strconv"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/evaluation"
)

func (h evaluations) issues() []route {
	return []route{
		v3(http.MethodPost, "mlflow/issues", caller.Write, bind(h.createIssue)),
		v3(http.MethodPost, "mlflow/issues/search", caller.Read, bind(h.searchIssues)),
		v3(http.MethodGet, "mlflow/issues/{issue_id}", caller.Read, bind(h.getIssue)),
		v3(http.MethodPatch, "mlflow/issues/{issue_id}", caller.Write, bind(h.updateIssue)),
	}
}

type issueBody struct {
	ID          string   `json:"issue_id"`
	Experiment  string   `json:"experiment_id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Status      string   `json:"status"`
	Severity    string   `json:"severity,omitempty"`
	RootCauses  []string `json:"root_causes,omitempty"`
	SourceRun   string   `json:"source_run_id,omitempty"`
	Created     int64    `json:"created_timestamp"`
	Updated     int64    `json:"last_updated_timestamp"`
	CreatedBy   string   `json:"created_by,omitempty"`
	Categories  []string `json:"categories,omitempty"`
}

func toIssue(i *evaluation.Issue) issueBody {
	return issueBody{
		ID: i.ID, Experiment: strconv.FormatInt(i.Experiment, 10), Name: i.Name, Description: i.Description,
		Status: i.Status, Severity: i.Severity, RootCauses: i.RootCauses, SourceRun: i.SourceRun,
		Created: i.Created, Updated: i.Updated, CreatedBy: i.CreatedBy, Categories: i.Categories,
	}
}

type issueAnswer struct {
	Issue issueBody `json:"issue"`
}

func answerIssue(i *evaluation.Issue, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return issueAnswer{toIssue(i)}, nil
}

type createIssueRequest struct {
	Experiment  string   `json:"experiment_id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Status      string   `json:"status"`
	Severity    string   `json:"severity"`
	RootCauses  []string `json:"root_causes"`
	Categories  []string `json:"categories"`
	SourceRun   string   `json:"source_run_id"`
	CreatedBy   string   `json:"created_by"`
}

func (h evaluations) createIssue(ctx context.Context, r *createIssueRequest) (any, error) {
	if err := present("name", r.Name, "description", r.Description, "experiment_id", r.Experiment); err != nil {
		return nil, err
	}
	return answerIssue(h.evaluation.CreateIssue(ctx, evaluation.NewIssue(*r)))
}

type issueRequest struct {
	ID string `json:"issue_id"`
}

func (h evaluations) getIssue(ctx context.Context, r *issueRequest) (any, error) {
	return answerIssue(h.evaluation.Issue(ctx, r.ID))
}

type updateIssueRequest struct {
	ID          string `json:"issue_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Status      string `json:"status"`
	Severity    string `json:"severity"`
}

func (h evaluations) updateIssue(ctx context.Context, r *updateIssueRequest) (any, error) {
	return answerIssue(h.evaluation.UpdateIssue(ctx, r.ID, evaluation.IssueChange{
		Name: r.Name, Description: r.Description, Status: r.Status, Severity: r.Severity,
	}))
}

type issueSearchRequest struct {
	Experiment string `json:"experiment_id"`
	Filter     string `json:"filter_string"`
	MaxResults *Int   `json:"max_results"`
	PageToken  string `json:"page_token"`
}

type issuesAnswer struct {
	Issues []issueBody `json:"issues,omitempty"`
	Next   string      `json:"next_page_token"`
}

func (h evaluations) searchIssues(ctx context.Context, r *issueSearchRequest) (any, error) {
	limit, err := pageLimit(r.MaxResults)
	if err != nil {
		return nil, err
	}
	list, next, err := h.evaluation.SearchIssues(ctx, evaluation.IssueSearch{
		Experiment: r.Experiment, Filter: r.Filter, Limit: limit, Token: r.PageToken,
	})
	if err != nil {
		return nil, err
	}
	out := issuesAnswer{Next: next}
	for _, i := range list {
		out.Issues = append(out.Issues, toIssue(i))
	}
	return out, nil
}
