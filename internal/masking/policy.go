package masking

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync/atomic"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/mask"
)

// Overview is what a workspace masks.
type Overview struct {
	Policy      mask.Policy
	Own         bool // the workspace has set it; otherwise it is the server's default
	Experiments []ExperimentPolicy
	Counts      []Count
	Since       time.Time // of the counts: the start of this server
}

// ExperimentPolicy is an experiment's own policy.
type ExperimentPolicy struct {
	Experiment string
	Policy     mask.Policy
}

// Count is how many values a rule has masked.
type Count struct {
	Rule string
	N    int64
}

// Overview returns what the caller's workspace masks.
func (s *Service) Overview(ctx context.Context) (Overview, error) {
	sets, err := s.load(ctx)
	if err != nil {
		return Overview{}, err
	}
	workspace := caller.Workspace(ctx)
	o := Overview{Policy: s.cfg.Default, Since: s.started}
	for at, r := range sets {
		switch {
		case at.workspace != workspace:
		case at.experiment == "":
			o.Policy, o.Own = r.rules.Policy(), true
		default:
			o.Experiments = append(o.Experiments, ExperimentPolicy{at.experiment, r.rules.Policy()})
		}
	}
	slices.SortFunc(o.Experiments, func(a, b ExperimentPolicy) int { return cmp.Compare(a.Experiment, b.Experiment) })
	s.counts.Range(func(k, n any) bool {
		if key := k.(countKey); key.workspace == workspace {
			o.Counts = append(o.Counts, Count{key.rule, n.(*atomic.Int64).Load()})
		}
		return true
	})
	slices.SortFunc(o.Counts, func(a, b Count) int { return cmp.Compare(a.Rule, b.Rule) })
	return o, nil
}

// maxExperiments bounds the experiments of a workspace with a policy.
const maxExperiments = 500

// Set stores the policy of the caller's workspace, or of an experiment of it.
func (s *Service) Set(ctx context.Context, experiment string, p mask.Policy) error {
	if _, err := mask.Compile(p); err != nil {
		return err
	}
	if o, err := s.Overview(ctx); err != nil {
		return err
	} else if experiment != "" && len(o.Experiments) >= maxExperiments {
		return fault.New(fault.State, "%d experiments have masking rules of their own already", maxExperiments)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return fault.Wrap(fault.Internal, "masking.Set", err, "the policy cannot be encoded")
	}
	return s.change(ctx, "masking.set", experiment, &p, func(ctx context.Context) error {
		return s.store.PutPolicy(ctx, Stored{Workspace: caller.Workspace(ctx), Experiment: experiment, Body: body,
			UpdatedBy: caller.From(ctx).User, UpdatedAt: s.cfg.Now().UnixMilli()})
	})
}

// Unset removes a policy: the experiment is masked as its workspace is, the
// workspace as the server's default says.
func (s *Service) Unset(ctx context.Context, experiment string) error {
	return s.change(ctx, "masking.unset", experiment, nil, func(ctx context.Context) error {
		found, err := s.store.DeletePolicy(ctx, caller.Workspace(ctx), experiment)
		if err == nil && !found {
			return fault.NotFoundf("there are no masking rules to remove here")
		}
		return err
	})
}

func (s *Service) change(ctx context.Context, action, experiment string, after *mask.Policy, fn func(ctx context.Context) error) error {
	defer s.forget()
	sets, err := s.load(ctx)
	if err != nil {
		return err
	}
	workspace := caller.Workspace(ctx)
	var before any
	if r := sets[place{workspace, experiment}]; r != nil {
		before = r.rules.Policy()
	}
	kind, id := "workspace", workspace
	if experiment != "" {
		kind, id = "experiment", experiment
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		if err := fn(ctx); err != nil || s.cfg.Audit == nil {
			return err
		}
		if after == nil {
			return s.cfg.Audit.Record(ctx, action, kind, id, before, nil)
		}
		return s.cfg.Audit.Record(ctx, action, kind, id, before, after)
	})
}

// maxTrial bounds a text to be tried.
const maxTrial = 256 << 10

// Trial is what a text would become.
type Trial struct {
	Text   string
	Counts []Count
}

// Field of a trial besides mask's scopes.
const UserField = "user"

// Try shows what a text becomes that arrives in a field (content, attributes,
// user; "" is any), under a policy or, if that is nil, the one in force. It
// counts nothing and keeps nothing.
func (s *Service) Try(ctx context.Context, experiment, field, text string, p *mask.Policy) (Trial, error) {
	if len(text) > maxTrial {
		return Trial{}, fault.New(fault.TooLarge, "a text to try may have %d KiB", maxTrial>>10)
	}
	var rules *mask.Rules
	var err error
	if p != nil {
		rules, err = mask.Compile(*p)
	} else {
		rules, err = s.rules(ctx, experiment)
	}
	if err != nil || rules == nil {
		return Trial{Text: text}, err
	}
	scope := mask.Scope(field)
	switch scope {
	case UserField:
		quiet := &Service{cfg: Config{Key: s.cfg.Key}}
		a := &applied{quiet, rules, caller.Workspace(ctx), rules.Policy().PseudonymousUsers}
		t := Trial{Text: a.User(text)}
		if t.Text != text {
			t.Counts = []Count{{PseudonymRule, 1}}
		}
		return t, nil
	case mask.Everywhere, mask.Content, mask.Attributes:
	default:
		return Trial{}, fault.Invalidf("field is content, attributes, user or absent")
	}
	var hits mask.Hits
	t := Trial{Text: rules.Text(text, scope, &hits)}
	for i, n := range hits {
		if n > 0 {
			t.Counts = append(t.Counts, Count{rules.Names()[i], int64(n)})
		}
	}
	return t, nil
}
