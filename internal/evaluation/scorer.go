package evaluation

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/id"
)

// Scorer is one version of a scorer registered for an experiment.
type Scorer struct {
	No         int64 // of the store: the scorer's, the same for its versions
	ID         string
	Workspace  string
	Experiment int64
	Name       string
	Version    int64
	Serialized string // JSON as its author wrote it; never executed here
	Created    int64  // of this version, milliseconds since 1970
}

// OnlineConfig says which live traces a scorer is to judge.
type OnlineConfig struct {
	ID         string
	ScorerID   string
	Experiment int64
	SampleRate float64 // 0 to 1; 0 is off
	Filter     *string // over traces
}

// Scorers stores scorers.
type Scorers interface {
	// InsertScorer stores a new version of the scorer of sc's experiment and
	// name, makes the scorer if it is the first, and sets No, ID and Version.
	// Numbers of deleted versions are not given again.
	InsertScorer(ctx context.Context, sc *Scorer) error
	// PutScorer stores a version with the number it has, makes the scorer if it
	// is the first, and sets No and ID.
	PutScorer(ctx context.Context, sc *Scorer) error
	// ScorerVersions returns the versions of a scorer, ascending; none at all is
	// NotFound.
	ScorerVersions(ctx context.Context, experiment int64, name string) ([]*Scorer, error)
	// LatestScorers returns the newest version of every scorer of a workspace,
	// or of some of its experiments, by experiment and name.
	LatestScorers(ctx context.Context, workspace string, experiments []int64) ([]*Scorer, error)
	// DeleteScorer removes one version, or with version 0 the scorer.
	DeleteScorer(ctx context.Context, no, version int64) error
	// PutOnlineConfig replaces the configuration of the scorer no.
	PutOnlineConfig(ctx context.Context, no int64, c *OnlineConfig) error
	OnlineConfigs(ctx context.Context, workspace string, scorerIDs []string) ([]*OnlineConfig, error)
}

const (
	maxScorerName = 256
	maxSerialized = 1 << 20 // bytes
	maxScorerIDs  = 1000
	maxFilter     = 10_000
)

// RegisterScorer stores a new version of a scorer.
func (s *Service) RegisterScorer(ctx context.Context, experiment, name, serialized string) (*Scorer, error) {
	if strings.TrimSpace(name) == "" {
		return nil, fault.Invalidf("Scorer name cannot be empty or contain only whitespace.")
	}
	if err := checkText("name", name, maxScorerName); err != nil {
		return nil, err
	}
	model, err := checkSerialized(serialized)
	if err != nil {
		return nil, err
	}
	if ref, ok := strings.CutPrefix(model, "gateway:/"); ok {
		return nil, fault.NotFoundf("GatewayEndpoint not found (name='%s')", clip(ref))
	}
	sc := &Scorer{Workspace: caller.Workspace(ctx), Name: name, Serialized: serialized, Created: s.millis()}
	err = s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if sc.Experiment, err = s.experiment(ctx, experiment); err != nil {
			return err
		}
		sc.ID = uuid()
		return s.store.InsertScorer(ctx, sc)
	})
	if err != nil {
		return nil, err
	}
	return sc, nil
}

// checkSerialized checks a serialised scorer and returns the model it judges
// with, if any.
func checkSerialized(serialized string) (model string, err error) {
	var v map[string]any
	if len(serialized) > maxSerialized {
		return "", fault.Invalidf("'serialized_scorer' is over %d KiB", maxSerialized>>10)
	}
	if json.Unmarshal([]byte(serialized), &v) != nil || v == nil || strings.ContainsRune(serialized, 0) {
		return "", fault.Invalidf("serialized_scorer must be valid JSON: an object")
	}
	if hasSource(v) {
		return "", fault.Invalidf("Scorers that carry Python code (made with the @scorer decorator) cannot be registered: whoever loads one would run code from this server. Register an instructions judge or a built-in scorer, or keep the code in a package.")
	}
	m := modelOf(v, 0)
	switch m := m.(type) {
	case nil:
		return "", nil
	case string:
		if strings.TrimSpace(m) == "" {
			return "", fault.Invalidf("Scorer model cannot be empty or contain only whitespace.")
		}
		return m, nil
	}
	return "", fault.Invalidf("Scorer model must be a string.")
}

// hasSource reports whether Python source is anywhere in a serialised scorer.
func hasSource(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		if source, ok := v["call_source"]; ok && source != nil && source != "" {
			return true
		}
		for _, inner := range v {
			if hasSource(inner) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if hasSource(inner) {
				return true
			}
		}
	}
	return false
}

// modelOf finds the model of the kinds of scorer that have one.
func modelOf(v map[string]any, depth int) any {
	for _, key := range []string{"instructions_judge_pydantic_data", "builtin_scorer_pydantic_data", "third_party_scorer_data"} {
		if data, ok := v[key].(map[string]any); ok && len(data) > 0 {
			return data["model"]
		}
	}
	if data, ok := v["memory_augmented_judge_data"].(map[string]any); ok && depth < 8 {
		if base, ok := data["base_judge"].(map[string]any); ok {
			return modelOf(base, depth+1)
		}
	}
	return nil
}

// Scorers returns the newest version of the scorers of an experiment.
func (s *Service) Scorers(ctx context.Context, experiment string) ([]*Scorer, error) {
	n, err := s.experiment(ctx, experiment)
	if err != nil {
		return nil, err
	}
	return s.store.LatestScorers(ctx, caller.Workspace(ctx), []int64{n})
}

// ScorersOf returns the newest version of the scorers of experiments, or of the
// whole workspace for nil. Unknown experiments have none.
func (s *Service) ScorersOf(ctx context.Context, experiments []string) ([]*Scorer, error) {
	if experiments != nil && len(experiments) == 0 {
		return nil, nil
	}
	numbers, err := s.experimentNumbers(ctx, experiments, false)
	if err != nil {
		return nil, err
	}
	return s.store.LatestScorers(ctx, caller.Workspace(ctx), numbers)
}

// ScorerVersions returns the versions of a scorer, ascending.
func (s *Service) ScorerVersions(ctx context.Context, experiment, name string) ([]*Scorer, error) {
	n, err := s.experiment(ctx, experiment)
	if err != nil {
		return nil, err
	}
	list, err := s.store.ScorerVersions(ctx, n, name)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("Scorer with name '%s' not found for experiment %s.", clip(name), clip(experiment))
	}
	return list, err
}

// Scorer returns a version of a scorer, the newest for nil.
func (s *Service) Scorer(ctx context.Context, experiment, name string, version *int64) (*Scorer, error) {
	list, err := s.ScorerVersions(ctx, experiment, name)
	if err != nil {
		return nil, err
	}
	if version == nil {
		return list[len(list)-1], nil
	}
	for _, sc := range list {
		if sc.Version == *version {
			return sc, nil
		}
	}
	return nil, fault.NotFoundf("Scorer with name '%s' and version %d not found for experiment %s.", clip(name), *version, clip(experiment))
}

// DeleteScorer removes a version of a scorer, or for nil all of it.
func (s *Service) DeleteScorer(ctx context.Context, experiment, name string, version *int64) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		sc, err := s.Scorer(ctx, experiment, name, version)
		if err != nil {
			return err
		}
		only := int64(0) // all versions
		if version != nil {
			only = sc.Version
		}
		if err := s.store.DeleteScorer(ctx, sc.No, only); err != nil {
			return err
		}
		return s.audit.Record(ctx, "scorer.delete", "scorer", sc.ID, scorerRecord{sc.Name, experiment, only, 0}, nil)
	})
}

// scorerRecord is what the audit log keeps of a scorer.
type scorerRecord struct {
	Name       string  `json:"name"`
	Experiment string  `json:"experiment"`
	Version    int64   `json:"version,omitempty"`
	SampleRate float64 `json:"sample_rate,omitempty"` // share of live traces that it judges
}

// ConfigureOnline sets which live traces a scorer is to judge. Only scorers
// whose model is an endpoint of the gateway can be switched on.
func (s *Service) ConfigureOnline(ctx context.Context, experiment, name string, rate float64, traces *string) (*OnlineConfig, error) {
	if math.IsNaN(rate) || rate < 0 || rate > 1 {
		return nil, fault.Invalidf("sample_rate must be between 0.0 and 1.0, got %v", rate)
	}
	if traces != nil && *traces != "" {
		if err := checkText("filter_string", *traces, maxFilter); err != nil {
			return nil, err
		}
		if _, err := filter.Parse(filter.Traces, *traces); err != nil {
			return nil, err
		}
	}
	c := &OnlineConfig{ID: id.Hex(), SampleRate: rate, Filter: traces}
	err := s.store.Write(ctx, func(ctx context.Context) error {
		sc, err := s.Scorer(ctx, experiment, name, nil)
		if err != nil {
			return err
		}
		if model, err := checkSerialized(sc.Serialized); rate > 0 && (err != nil || !strings.HasPrefix(model, "gateway:/")) {
			return fault.Invalidf("Scorer '%s' does not use a gateway model. Automatic evaluation is only supported for scorers that use gateway models.", clip(name))
		}
		c.ScorerID, c.Experiment = sc.ID, sc.Experiment
		if err := s.store.PutOnlineConfig(ctx, sc.No, c); err != nil {
			return err
		}
		return s.audit.Record(ctx, "scorer.online", "scorer", sc.ID, nil, scorerRecord{sc.Name, experiment, 0, rate})
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// OnlineConfigs returns the configurations of scorers that have one.
func (s *Service) OnlineConfigs(ctx context.Context, scorerIDs []string) ([]*OnlineConfig, error) {
	if len(scorerIDs) > maxScorerIDs {
		return nil, fault.Invalidf("'scorer_ids' has %d entries; at most %d are allowed", len(scorerIDs), maxScorerIDs)
	}
	if len(scorerIDs) == 0 {
		return nil, nil
	}
	return s.store.OnlineConfigs(ctx, caller.Workspace(ctx), scorerIDs)
}

// uuid returns a random UUID (version 4).
func uuid() string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
