package mlflow

import (
	"context"
	"net/http"
	"strconv"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
)

func (h evaluations) scorers() []route {
	return []route{
		v3(http.MethodPost, "mlflow/scorers/register", caller.Write, bind(h.registerScorer)),
		v3(http.MethodGet, "mlflow/scorers/list", caller.Read, bind(h.listScorers)),
		v3(http.MethodGet, "mlflow/scorers/versions", caller.Read, bind(h.scorerVersions)),
		v3(http.MethodGet, "mlflow/scorers/get", caller.Read, bind(h.getScorer)),
		v3(http.MethodDelete, "mlflow/scorers/delete", caller.Write, bind(h.deleteScorer)),
		v3(http.MethodGet, "mlflow/scorers/online-configs", caller.Read, bind(h.onlineConfigs)),
		v3(http.MethodPut, "mlflow/scorers/online-config", caller.Write, bind(h.setOnlineConfig)),
	}
}

type scorerBody struct {
	Experiment int64  `json:"experiment_id"`
	Name       string `json:"scorer_name"`
	Version    int64  `json:"scorer_version"`
	Serialized string `json:"serialized_scorer"`
	Created    int64  `json:"creation_time"`
	ID         string `json:"scorer_id"`
}

func toScorer(s *evaluation.Scorer) scorerBody {
	return scorerBody{s.Experiment, s.Name, s.Version, s.Serialized, s.Created, s.ID}
}

// registeredScorer answers a registration, where the experiment is a text.
type registeredScorer struct {
	Version    int64  `json:"version"`
	ID         string `json:"scorer_id"`
	Experiment string `json:"experiment_id"`
	Name       string `json:"name"`
	Serialized string `json:"serialized_scorer"`
	Created    int64  `json:"creation_time"`
}

type registerScorerRequest struct {
	Experiment string `json:"experiment_id"`
	Name       string `json:"name"`
	Serialized string `json:"serialized_scorer"`
}

func (h evaluations) registerScorer(ctx context.Context, r *registerScorerRequest) (any, error) {
	if err := present("experiment_id", r.Experiment, "name", r.Name, "serialized_scorer", r.Serialized); err != nil {
		return nil, err
	}
	s, err := h.evaluation.RegisterScorer(ctx, r.Experiment, r.Name, r.Serialized)
	if err != nil {
		return nil, err
	}
	return registeredScorer{s.Version, s.ID, strconv.FormatInt(s.Experiment, 10), s.Name, s.Serialized, s.Created}, nil
}

type scorersAnswer struct {
	Scorers []scorerBody `json:"scorers,omitempty"`
}

func answerScorers(list []*evaluation.Scorer, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	var out scorersAnswer
	for _, s := range list {
		out.Scorers = append(out.Scorers, toScorer(s))
	}
	return out, nil
}

type listScorersRequest struct {
	Experiment  string   `json:"experiment_id"`
	Experiments []string `json:"experiment_ids"`
}

func (h evaluations) listScorers(ctx context.Context, r *listScorersRequest) (any, error) {
	if r.Experiment == "" {
		return answerScorers(h.evaluation.ScorersOf(ctx, r.Experiments))
	}
	if r.Experiments != nil {
		return nil, fault.Invalidf("Cannot specify both 'experiment_id' and 'experiment_ids'.")
	}
	return answerScorers(h.evaluation.Scorers(ctx, r.Experiment))
}

type scorerRequest struct {
	Experiment string `json:"experiment_id"`
	Name       string `json:"name"`
	Version    *Int   `json:"version"`
}

func (r *scorerRequest) check() (version *int64, err error) {
	if r.Version != nil {
		n := int64(*r.Version)
		version = &n
	}
	return version, present("experiment_id", r.Experiment, "name", r.Name)
}

func (h evaluations) scorerVersions(ctx context.Context, r *scorerRequest) (any, error) {
	if _, err := r.check(); err != nil {
		return nil, err
	}
	return answerScorers(h.evaluation.ScorerVersions(ctx, r.Experiment, r.Name))
}

func (h evaluations) getScorer(ctx context.Context, r *scorerRequest) (any, error) {
	version, err := r.check()
	if err != nil {
		return nil, err
	}
	s, err := h.evaluation.Scorer(ctx, r.Experiment, r.Name, version)
	if err != nil {
		return nil, err
	}
	return map[string]scorerBody{"scorer": toScorer(s)}, nil
}

func (h evaluations) deleteScorer(ctx context.Context, r *scorerRequest) (any, error) {
	version, err := r.check()
	if err != nil {
		return nil, err
	}
	return empty{}, h.evaluation.DeleteScorer(ctx, r.Experiment, r.Name, version)
}

type onlineConfig struct {
	ID         string  `json:"online_scoring_config_id"`
	Scorer     string  `json:"scorer_id"`
	SampleRate Float   `json:"sample_rate"`
	Experiment string  `json:"experiment_id"`
	Filter     *string `json:"filter_string,omitempty"`
}

func toOnlineConfig(c *evaluation.OnlineConfig) onlineConfig {
	return onlineConfig{c.ID, c.ScorerID, Float(c.SampleRate), strconv.FormatInt(c.Experiment, 10), c.Filter}
}

type onlineConfigsRequest struct {
	Scorers []string `json:"scorer_ids"`
}

func (h evaluations) onlineConfigs(ctx context.Context, r *onlineConfigsRequest) (any, error) {
	if len(r.Scorers) == 0 {
		return nil, missing("scorer_ids")
	}
	list, err := h.evaluation.OnlineConfigs(ctx, r.Scorers)
	if err != nil {
		return nil, err
	}
	out := []onlineConfig{}
	for _, c := range list {
		out = append(out, toOnlineConfig(c))
	}
	return map[string][]onlineConfig{"configs": out}, nil
}

type onlineConfigRequest struct {
	Experiment string  `json:"experiment_id"`
	Name       string  `json:"name"`
	SampleRate *Float  `json:"sample_rate"`
	Filter     *string `json:"filter_string"`
}

func (h evaluations) setOnlineConfig(ctx context.Context, r *onlineConfigRequest) (any, error) {
	if err := present("experiment_id", r.Experiment, "name", r.Name); err != nil {
		return nil, err
	}
	if r.SampleRate == nil {
		return nil, missing("sample_rate")
	}
	c, err := h.evaluation.ConfigureOnline(ctx, r.Experiment, r.Name, float64(*r.SampleRate), r.Filter)
	if err != nil {
		return nil, err
	}
	return map[string]onlineConfig{"config": toOnlineConfig(c)}, nil
}
