// Package evaluation keeps what evaluations are made of: datasets of examples,
// the scorers registered to judge them, and the issues found.
//
// A dataset grows: records are added and merged by their inputs, never
// versioned as a whole; its digest changes with every change. Scorers are kept
// as their authors serialised them and are never executed here.
//
// Everything belongs to the workspace of the caller in the context.
package evaluation

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
)

// Query is a search, parsed.
type Query struct {
	Filter filter.Expr
	Order  []filter.Order // complete: it ends with what makes a row unique
	Limit  int
	Token  string
	// Experiments, if any, are those a result belongs to one of.
	Experiments []int64
}

// Store keeps it all. Methods that change run inside Write. A missing object
// is NotFound.
type Store interface {
	Write(ctx context.Context, fn func(ctx context.Context) error) error
	Datasets
	Records
	Scorers
	Issues
}

// Experiments knows the experiments that things belong to.
type Experiments interface {
	// ActiveExperiment fails with NotFound for a missing and with Invalid or
	// State for a deleted experiment of the caller's workspace.
	ActiveExperiment(ctx context.Context, id string) error
}

// Audit is told of deletions inside the Write that makes them.
type Audit interface {
	Record(ctx context.Context, action, kind, id string, before, after any) error
}

type noAudit struct{}

func (noAudit) Record(context.Context, string, string, string, any, any) error { return nil }

// Config is what a Service may do without.
type Config struct {
	Experiments Experiments      // nil: every number is an experiment
	Traces      Traces           // nil: there are none
	Audit       Audit            // nil: nobody listens
	Now         func() time.Time // nil: time.Now
	Masking     Masking          // nil: everything is kept
}

// Service keeps datasets, scorers and issues.
type Service struct {
	store       Store
	experiments Experiments
	traces      Traces
	audit       Audit
	now         func() time.Time
	masking     Masking
}

// New returns the service over store.
func New(store Store, cfg Config) *Service {
	s := &Service{store: store, experiments: cfg.Experiments, traces: cfg.Traces, audit: cfg.Audit, now: cfg.Now, masking: cfg.Masking}
	if s.audit == nil {
		s.audit = noAudit{}
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

func (s *Service) millis() int64 { return s.now().UnixMilli() }

// experiment checks an experiment's id and returns its number.
func (s *Service) experiment(ctx context.Context, id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.NotFoundf("No Experiment with id=%s exists", clip(id))
	}
	if s.experiments == nil {
		return n, nil
	}
	return n, s.experiments.ActiveExperiment(ctx, id)
}

// maxExperiments bounds the experiments one request may name.
const maxExperiments = 1000

// experimentNumbers reads ids; unless they only select, each must exist.
func (s *Service) experimentNumbers(ctx context.Context, ids []string, mustExist bool) ([]int64, error) {
	if len(ids) > maxExperiments {
		return nil, fault.Invalidf("'experiment_ids' has %d entries; at most %d are allowed", len(ids), maxExperiments)
	}
	seen := make(map[int64]bool, len(ids))
	var numbers []int64
	for _, id := range ids {
		n, err := strconv.ParseInt(id, 10, 64)
		if mustExist {
			n, err = s.experiment(ctx, id)
		}
		if err != nil && mustExist {
			return nil, err
		}
		if err != nil {
			n = -1 // no experiment's
		}
		if !seen[n] {
			seen[n] = true
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// checkText bounds s and refuses what a database cannot keep.
func checkText(parameter, s string, limit int) error {
	if len(s) > limit && utf8.RuneCountInString(s) > limit {
		return fault.Invalidf("'%s' exceeds the maximum length of %d characters", parameter, limit)
	}
	if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
		return fault.Invalidf("Invalid value for parameter '%s' supplied: it must be UTF-8 without NUL characters", parameter)
	}
	return nil
}

func required(parameter, s string, limit int) error {
	if strings.TrimSpace(s) == "" {
		return fault.Invalidf("Missing value for required parameter '%s'.", parameter)
	}
	return checkText(parameter, s, limit)
}

func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return strings.ToValidUTF8(s[:200], "") + "…"
}

func limitOf(asked, standard, most int) (int, error) {
	if asked == 0 {
		return standard, nil
	}
	if asked < 0 || asked > most {
		return 0, fault.Invalidf("Invalid value %d for parameter 'max_results' supplied. It must be at least 1 and at most %d", asked, most)
	}
	return asked, nil
}
