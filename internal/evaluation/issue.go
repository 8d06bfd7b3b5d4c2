package evaluation

import (
	"context"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/id"
)

// Issue is a problem found in the traces of an experiment.
type Issue struct {
	ID          string
	Workspace   string
	Experiment  int64
	Name        string
	Description string
	Status      string // one of issueStates
	Severity    string // one of issueSeverities, or "" when unknown
	RootCauses  []string
	Categories  []string
	SourceRun   string // the run that found it; may be empty
	CreatedBy   string // may be unknown
	Created     int64  // milliseconds since 1970
	Updated     int64
}

// Issues stores issues.
type Issues interface {
	InsertIssue(ctx context.Context, i *Issue) error
	IssueByID(ctx context.Context, workspace, id string) (*Issue, error)
	UpdateIssue(ctx context.Context, i *Issue) error
	// SearchIssues returns the gravest issues first, the newest first among
	// equals; q.Order is empty.
	SearchIssues(ctx context.Context, workspace string, q Query) ([]*Issue, string, error)
}

var (
	issueStates     = []string{"pending", "rejected", "resolved"}
	issueSeverities = []string{"not_an_issue", "low", "medium", "high"}
)

// Gravity orders issues by severity: the unknown below all others.
func (i *Issue) Gravity() int { return slices.Index(issueSeverities, i.Severity) }

const (
	maxIssueName        = 250
	maxIssueDescription = 100_000
	maxIssueLists       = 100
	defaultIssues       = 100
	maxIssues           = 50_000
)

// NewIssue is the request for an issue. An empty Status is "pending".
type NewIssue struct {
	Experiment, Name, Description string
	Status, Severity              string
	RootCauses, Categories        []string
	SourceRun, CreatedBy          string
}

func checkIssue(i *Issue) error {
	if err := required("name", i.Name, maxIssueName); err != nil {
		return err
	}
	if err := required("description", i.Description, maxIssueDescription); err != nil {
		return err
	}
	if !slices.Contains(issueStates, i.Status) {
		return fault.Invalidf("Invalid issue status '%s'. It must be one of %s", clip(i.Status), strings.Join(issueStates, ", "))
	}
	if i.Severity != "" && !slices.Contains(issueSeverities, i.Severity) {
		return fault.Invalidf("Invalid issue severity '%s'. It must be one of %s", clip(i.Severity), strings.Join(issueSeverities, ", "))
	}
	for name, list := range map[string][]string{"root_causes": i.RootCauses, "categories": i.Categories, "source_run_id": {i.SourceRun}, "created_by": {i.CreatedBy}} {
		if len(list) > maxIssueLists {
			return fault.Invalidf("'%s' has %d entries; at most %d are allowed", name, len(list), maxIssueLists)
		}
		for _, text := range list {
			if err := checkText(name, text, maxIssueDescription); err != nil {
				return err
			}
		}
	}
	return nil
}

// CreateIssue notes an issue.
func (s *Service) CreateIssue(ctx context.Context, n NewIssue) (*Issue, error) {
	now := s.millis()
	i := &Issue{
		ID: id.Prefixed("iss-"), Workspace: caller.Workspace(ctx), Name: n.Name, Description: n.Description,
		Status: n.Status, Severity: n.Severity, RootCauses: n.RootCauses, Categories: n.Categories,
		SourceRun: n.SourceRun, CreatedBy: n.CreatedBy, Created: now, Updated: now,
	}
	if i.Status == "" {
		i.Status = "pending"
	}
	if err := s.maskedIssue(ctx, n.Experiment, i); err != nil {
		return nil, err
	}
	if err := checkIssue(i); err != nil {
		return nil, err
	}
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if i.Experiment, err = s.experiment(ctx, n.Experiment); err != nil {
			return err
		}
		return s.store.InsertIssue(ctx, i)
	})
	if err != nil {
		return nil, err
	}
	return i, nil
}

// Issue returns an issue.
func (s *Service) Issue(ctx context.Context, issueID string) (*Issue, error) {
	i, err := s.store.IssueByID(ctx, caller.Workspace(ctx), issueID)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("Issue with ID '%s' not found", clip(issueID))
	}
	return i, err
}

// IssueChange is what to change of an issue; "" leaves a field as it is.
type IssueChange struct{ Name, Description, Status, Severity string }

// UpdateIssue changes an issue.
func (s *Service) UpdateIssue(ctx context.Context, issueID string, c IssueChange) (*Issue, error) {
	if err := s.masked(ctx, "", &c.Name, &c.Description); err != nil {
		return nil, err
	}
	var i *Issue
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if i, err = s.Issue(ctx, issueID); err != nil {
			return err
		}
		for _, f := range []struct {
			to   *string
			from string
		}{{&i.Name, c.Name}, {&i.Description, c.Description}, {&i.Status, c.Status}, {&i.Severity, c.Severity}} {
			if f.from != "" {
				*f.to = f.from
			}
		}
		if err := checkIssue(i); err != nil {
			return err
		}
		i.Updated = s.millis()
		return s.store.UpdateIssue(ctx, i)
	})
	if err != nil {
		return nil, err
	}
	return i, nil
}

// IssueSearch is a search as a client writes it.
type IssueSearch struct {
	Experiment string // "" for all
	Filter     string
	Limit      int // 0: the default
	Token      string
}

// SearchIssues returns a page of issues, the gravest first, and the next
// page's token.
func (s *Service) SearchIssues(ctx context.Context, req IssueSearch) ([]*Issue, string, error) {
	q := Query{Token: req.Token}
	var err error
	if q.Limit, err = limitOf(req.Limit, defaultIssues, maxIssues); err != nil {
		return nil, "", err
	}
	if q.Filter, err = filter.Parse(filter.Issues, req.Filter); err != nil {
		return nil, "", err
	}
	if req.Experiment != "" {
		if q.Experiments, err = s.experimentNumbers(ctx, []string{req.Experiment}, false); err != nil {
			return nil, "", err
		}
	}
	return s.store.SearchIssues(ctx, caller.Workspace(ctx), q)
}
