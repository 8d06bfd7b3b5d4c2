// Package masking keeps what each workspace masks, and applies it: the rules
// themselves are [mask]'s.
//
// A workspace has one policy, and an experiment may have one of its own, which
// is used instead. Rules apply to what arrives after they were set; what is
// stored stays as it is.
package masking

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/mask"
)

// Stored is a policy as it is kept.
type Stored struct {
	Workspace  string
	Experiment string // "" is the workspace's own
	Body       []byte // JSON
	UpdatedBy  string
	UpdatedAt  int64 // unix milliseconds
}

// Store keeps policies. All but Write and the change inside it may be called
// anywhere.
type Store interface {
	Write(ctx context.Context, fn func(ctx context.Context) error) error
	// Policies lists the policies of every workspace.
	Policies(ctx context.Context) ([]Stored, error)
	PutPolicy(ctx context.Context, p Stored) error
	// DeletePolicy reports whether there was one.
	DeletePolicy(ctx context.Context, workspace, experiment string) (bool, error)
}

// Audit keeps who changed what.
type Audit interface {
	Record(ctx context.Context, action, kind, id string, before, after any) error
}

// Config of a [Service].
type Config struct {
	// Default is what workspaces mask that have no policy.
	Default mask.Policy
	// Key makes pseudonyms: without it nobody can try which id one stands for.
	Key [32]byte
	Now func() time.Time
	// Audit may be nil.
	Audit Audit
	// Counted, if set, is told of every value that was masked.
	Counted func(rule string, n int)
}

// Service is the domain. It is safe for concurrent use.
type Service struct {
	store Store
	cfg   Config

	started time.Time
	counts  sync.Map // countKey -> *atomic.Int64

	mu     sync.Mutex
	loaded time.Time
	sets   map[place]*ready
	basic  *mask.Rules
}

type place struct{ workspace, experiment string }

type countKey struct{ workspace, rule string }

// ready is a policy in use.
type ready struct {
	rules  *mask.Rules
	stored Stored
}

// New returns the service. A default that is no policy is refused.
func New(store Store, cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Service{store: store, cfg: cfg, started: cfg.Now()}
	if cfg.Default.Empty() {
		return s, nil
	}
	var err error
	s.basic, err = mask.Compile(cfg.Default)
	return s, err
}

// freshFor is how long what was read serves: another node may have changed it.
const freshFor = 2 * time.Second

// load returns the policies, read anew if they are not fresh.
func (s *Service) load(ctx context.Context) (map[place]*ready, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sets != nil && time.Since(s.loaded) < freshFor {
		return s.sets, nil
	}
	list, err := s.store.Policies(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "masking.load", err, "the masking rules cannot be read, so nothing can be taken in; try again shortly")
	}
	sets := make(map[place]*ready, len(list))
	for _, p := range list {
		at := place{p.Workspace, p.Experiment}
		if old := s.sets[at]; old != nil && string(old.stored.Body) == string(p.Body) {
			sets[at] = &ready{old.rules, p}
			continue
		}
		var policy mask.Policy
		if err := json.Unmarshal(p.Body, &policy); err != nil {
			return nil, fault.Wrap(fault.Internal, "masking.load", err, "a masking policy cannot be read")
		}
		rules, err := mask.Compile(policy)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, "masking.load", err, "a masking policy is not valid")
		}
		sets[at] = &ready{rules, p}
	}
	s.sets, s.loaded = sets, time.Now()
	return sets, nil
}

func (s *Service) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = time.Time{}
}

// rules are those in force for an experiment; nil is none.
func (s *Service) rules(ctx context.Context, experiment string) (*mask.Rules, error) {
	sets, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	workspace := caller.Workspace(ctx)
	if experiment != "" {
		if r := sets[place{workspace, experiment}]; r != nil {
			return r.rules, nil
		}
	}
	if r := sets[place{workspace, ""}]; r != nil {
		return r.rules, nil
	}
	return s.basic, nil
}

// Rules returns what masks the texts that arrive in an experiment of the
// caller's workspace; nil masks nothing.
func (s *Service) Rules(ctx context.Context, experiment string) (mask.Masker, error) {
	r, err := s.rules(ctx, experiment)
	if err != nil {
		return nil, err
	}
	policy := mask.Policy{}
	if r != nil {
		policy = r.Policy()
	}
	if r == nil || policy.Empty() {
		return nil, nil
	}
	return &applied{s, r, caller.Workspace(ctx), policy.PseudonymousUsers}, nil
}

// Apply masks one text that arrives in an experiment; for domains with texts
// of their own.
func (s *Service) Apply(ctx context.Context, experiment, text string) (string, error) {
	m, err := s.Rules(ctx, experiment)
	if err != nil || m == nil {
		return text, err
	}
	return m.Text(text, mask.Everywhere), nil
}
