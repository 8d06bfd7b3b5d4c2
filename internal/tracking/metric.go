package tracking

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// Metric is one point of a metric. Timestamp is in milliseconds since the
// epoch.
type Metric struct {
	Key       string
	Value     float64
	Timestamp int64
	Step      int64
}

// RunMetric is a point with the run it belongs to.
type RunMetric struct {
	Metric
	RunID string
}

// Stored returns what a store keeps of a value: a flag for NaN with the value
// 0, and infinities as the greatest finite values, because no database column
// holds them all.
func Stored(v float64) (value float64, nan bool) {
	switch {
	case math.IsNaN(v):
		return 0, true
	case math.IsInf(v, 1):
		return math.MaxFloat64, false
	case math.IsInf(v, -1):
		return -math.MaxFloat64, false
	}
	return v, false
}

// Later reports whether a is a later point of a metric than b.
func Later(a, b Metric) bool {
	if a.Step != b.Step {
		return a.Step > b.Step
	}
	if a.Timestamp != b.Timestamp {
		return a.Timestamp > b.Timestamp
	}
	av, _ := Stored(a.Value)
	bv, _ := Stored(b.Value)
	return av > bv
}

// HistoryQuery asks for the points of one metric of one run, by timestamp,
// step and value. Limit 0 means all of them.
type HistoryQuery struct {
	Run   Head
	Key   string
	Limit int
	Token string
}

// MetricStore keeps the points of metrics.
type MetricStore interface {
	// LogMetrics adds points that are not there yet and moves the latest ones.
	LogMetrics(ctx context.Context, h Head, points []Metric) error
	// MetricHistory calls fn for each point and returns the token of the next
	// page, "" at the end.
	MetricHistory(ctx context.Context, q HistoryQuery, fn func(Metric) error) (string, error)
	// MetricSample returns at most n points of a metric spread evenly over
	// those with a step from first to last, ends included, by step.
	MetricSample(ctx context.Context, h Head, key string, n int, first, last int64) ([]Metric, error)
}

// Batch is what one call logs.
type Batch struct {
	Metrics []Metric
	Params  []Param
	Tags    []Tag
	Models  []ModelMetric // those of the metrics that belong to a logged model
}

// at returns the path of an element and its field, as in "metrics[3].".
func at(list string, i int) string { return fmt.Sprintf("%s[%d].", list, i) }

// LogBatch stores everything in b in an active run, or nothing.
func (s *Service) LogBatch(ctx context.Context, runID string, b Batch) error {
	if err := checkRunID("run_id", runID); err != nil {
		return err
	}
	if err := checkBatch(&b); err != nil {
		return err
	}
	return s.writeRun(ctx, runID, func(ctx context.Context, h Head) error {
		return s.logBatch(ctx, h, b)
	})
}

func (s *Service) logBatch(ctx context.Context, h Head, b Batch) error {
	if len(b.Params) > 0 {
		if err := s.logParams(ctx, h, b.Params); err != nil {
			return err
		}
	}
	if len(b.Metrics) > 0 {
		if err := s.store.LogMetrics(ctx, h, b.Metrics); err != nil {
			return err
		}
	}
	if len(b.Models) > 0 {
		if err := s.logModelMetrics(ctx, h, b.Models); err != nil {
			return err
		}
	}
	if len(b.Tags) > 0 {
		return s.setTags(ctx, h, b.Tags)
	}
	return nil
}

func checkBatch(b *Batch) error {
	for i := range b.Metrics {
		if err := checkMetric("metrics", i, b.Metrics[i]); err != nil {
			return err
		}
	}
	var err error
	for i := range b.Params {
		if b.Params[i], err = checkParam("params", i, b.Params[i]); err != nil {
			return err
		}
	}
	for i := range b.Tags {
		if b.Tags[i], err = checkTag(at("tags", i), b.Tags[i]); err != nil {
			return err
		}
	}
	total := len(b.Metrics) + len(b.Params) + len(b.Tags)
	for _, l := range []struct {
		what       string
		limit, got int
	}{
		{"metrics", MaxBatchMetrics, len(b.Metrics)}, {"params", MaxBatchParams, len(b.Params)},
		{"tags", MaxBatchTags, len(b.Tags)}, {"metrics, params, and tags", MaxBatchTotal, total},
	} {
		if l.got > l.limit {
			return fault.Invalidf("A batch logging request can contain at most %d %s. Got %d %s. Please split up %s across multiple requests and try again.", l.limit, l.what, l.got, l.what, l.what)
		}
	}
	return checkDistinct(b.Params)
}

func checkDistinct(params []Param) error {
	if len(params) < 2 {
		return nil
	}
	seen := make(map[string]bool, len(params))
	var twice []string
	for _, p := range params {
		if seen[p.Key] {
			twice = append(twice, "'"+p.Key+"'")
		}
		seen[p.Key] = true
	}
	if twice == nil {
		return nil
	}
	return fault.Invalidf("Duplicate parameter keys have been submitted: [%s]. Please ensure the request contains only one param value per param key.", strings.Join(twice, ", "))
}

// checkMetric words its errors with the place of the metric; i < 0 means that
// it stands alone.
func checkMetric(list string, i int, m Metric) error {
	if plainName(m.Key) && m.Timestamp >= 0 && len(m.Key) <= MaxKey {
		return nil
	}
	path := ""
	if i >= 0 {
		path = at(list, i)
	}
	if err := checkName(path+"name", m.Key); err != nil {
		return err
	}
	if m.Timestamp < 0 {
		return badValue(path+"timestamp", m.Timestamp, fmt.Sprintf("metric '%s' (value=%v). Timestamp must be a nonnegative long (64-bit integer) ", m.Key, m.Value))
	}
	return checkLength("Metric name", MaxKey, m.Key)
}

func checkParam(list string, i int, p Param) (Param, error) {
	path := ""
	if i >= 0 {
		path = at(list, i)
	}
	if err := checkName(path+"key", p.Key); err != nil {
		return p, err
	}
	if err := checkLength("Param key", MaxKey, p.Key); err != nil {
		return p, err
	}
	p.Value = truncated(p.Value, MaxParamValue)
	return p, checkNUL("Param value", p.Value)
}

// LogMetric logs one point, also to the logged model m names if it is not nil.
func (s *Service) LogMetric(ctx context.Context, runID string, point Metric, m *ModelMetric) error {
	if err := checkMetric("", -1, point); err != nil {
		return err
	}
	b := Batch{Metrics: []Metric{point}}
	if m != nil {
		b.Models = []ModelMetric{*m}
	}
	return s.writeRun(ctx, runID, func(ctx context.Context, h Head) error {
		return s.logBatch(ctx, h, b)
	})
}

// LogParam logs one param.
func (s *Service) LogParam(ctx context.Context, runID string, p Param) error {
	p, err := checkParam("", -1, p)
	if err != nil {
		return err
	}
	return s.writeRun(ctx, runID, func(ctx context.Context, h Head) error {
		old, err := s.store.AddParams(ctx, h, []Param{p})
		if err != nil || len(old) == 0 || old[0].Value == p.Value {
			return err
		}
		return fault.Invalidf("Changing param values is not allowed. Param with key='%s' was already logged with value='%s' for run ID='%s'. Attempted logging new value '%s'.", p.Key, old[0].Value, h.RunID, p.Value)
	})
}

func (s *Service) logParams(ctx context.Context, h Head, params []Param) error {
	old, err := s.store.AddParams(ctx, h, params)
	if err != nil || len(old) == 0 {
		return err
	}
	stored := make(map[string]string, len(old))
	for _, p := range old {
		stored[p.Key] = p.Value
	}
	var changed []string
	for _, p := range params {
		if v, ok := stored[p.Key]; ok && v != p.Value {
			changed = append(changed, fmt.Sprintf("{'key': '%s', 'old_value': '%s', 'new_value': '%s'}", p.Key, v, p.Value))
		}
	}
	if changed == nil {
		return nil
	}
	return fault.Invalidf("Changing param values is not allowed. Params were already logged='[%s]' for run ID='%s'.", strings.Join(changed, ", "), h.RunID)
}

// MetricHistory calls fn for the points of a metric by timestamp, step and
// value, at most limit of them if limit is not 0, and returns the cursor of
// the next page, "" at the end.
func (s *Service) MetricHistory(ctx context.Context, runID, key string, limit int, token string, fn func(Metric) error) (string, error) {
	h, err := s.head(ctx, runID)
	if err != nil {
		return "", err
	}
	return s.store.MetricHistory(ctx, HistoryQuery{Run: h, Key: key, Limit: limit, Token: token}, fn)
}

// MetricSample returns at most n points per run, spread evenly over the steps
// from first to last, ends included. Unknown runs have none.
func (s *Service) MetricSample(ctx context.Context, runIDs []string, key string, n int, first, last int64) ([]RunMetric, error) {
	var out []RunMetric
	for _, runID := range runIDs {
		h, err := s.store.RunHead(ctx, caller.Workspace(ctx), runID)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		points, err := s.store.MetricSample(ctx, h, key, max(1, n), first, last)
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			out = append(out, RunMetric{p, runID})
		}
	}
	return out, nil
}
