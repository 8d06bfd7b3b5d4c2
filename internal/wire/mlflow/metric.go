package mlflow

import (
	"context"
	"math"
	"net/http"
	"slices"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

func (h trackings) metrics() []route {
	const runs, metrics = "mlflow/runs/", "mlflow/metrics/"
	bulk := v2(http.MethodGet, metrics+"get-history-bulk", caller.Read, bind(h.historyBulk))
	bulk.Ajax = true
	return []route{
		v2(http.MethodPost, runs+"log-metric", caller.Write, bind(h.logMetric)),
		v2(http.MethodPost, runs+"log-parameter", caller.Write, bind(h.logParam)),
		v2(http.MethodPost, runs+"log-batch", caller.Write, bind(h.logBatch)),
		v2(http.MethodGet, metrics+"get-history", caller.Read, bind(h.history)),
		v2(http.MethodGet, metrics+"get-history-bulk-interval", caller.Read, bind(h.historySample)),
		bulk,
	}
}

// metric is a point as clients send it. Value and Timestamp are pointers
// because they are required.
type metric struct {
	Key           string `json:"key"`
	Value         *Float `json:"value"`
	Timestamp     *Int   `json:"timestamp"`
	Step          Int    `json:"step"`
	ModelID       string `json:"model_id"`
	DatasetName   string `json:"dataset_name"`
	DatasetDigest string `json:"dataset_digest"`
}

func (m *metric) point() tracking.Metric {
	return tracking.Metric{Key: m.Key, Value: float64(*m.Value), Timestamp: int64(*m.Timestamp), Step: int64(m.Step)}
}

// ofModel is the point as one of a logged model, nil if it names none.
func (m *metric) ofModel() *tracking.ModelMetric {
	if m.ModelID == "" {
		return nil
	}
	return &tracking.ModelMetric{Metric: m.point(), ModelID: m.ModelID, DatasetName: m.DatasetName, DatasetDigest: m.DatasetDigest}
}

// missing returns the name of the first required field that is absent.
func (m *metric) missing() string {
	switch {
	case m.Key == "":
		return "key"
	case m.Value == nil:
		return "value"
	case m.Timestamp == nil:
		return "timestamp"
	}
	return ""
}

type logMetricRequest struct {
	runRequest
	metric
}

func (h trackings) logMetric(ctx context.Context, r *logMetricRequest) (any, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	if name := r.missing(); name != "" {
		return nil, missing(name)
	}
	return empty{}, h.tracking.LogMetric(ctx, id, r.point(), r.ofModel())
}

type logParamRequest struct {
	runRequest
	keyValue
}

func (h trackings) logParam(ctx context.Context, r *logParamRequest) (any, error) {
	id, err := r.id()
	if err == nil {
		err = present("key", r.Key)
	}
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracking.LogParam(ctx, id, tracking.Param{Key: r.Key, Value: r.Value})
}

type logBatchRequest struct {
	RunID   string     `json:"run_id"`
	Metrics []metric   `json:"metrics"`
	Params  []keyValue `json:"params"`
	Tags    []keyValue `json:"tags"`
}

// batch checks that required fields are there and converts.
func (r *logBatchRequest) batch() (tracking.Batch, error) {
	b := tracking.Batch{Metrics: make([]tracking.Metric, len(r.Metrics))}
	for i := range r.Metrics {
		m := &r.Metrics[i]
		if name := m.missing(); name != "" {
			return b, missing(element("metrics", i, name))
		}
		b.Metrics[i] = m.point()
		if m.ModelID != "" {
			b.Models = append(b.Models, *m.ofModel())
		}
	}
	for i, p := range r.Params {
		if p.Key == "" {
			return b, missing(element("params", i, "key"))
		}
	}
	for i, t := range r.Tags {
		if t.Key == "" {
			return b, missing(element("tags", i, "key"))
		}
	}
	b.Params, b.Tags = toParams(r.Params), toTags(r.Tags)
	return b, nil
}

func element(list string, i int, field string) string {
	return list + "[" + experimentID(int64(i)) + "]." + field
}

func (h trackings) logBatch(ctx context.Context, r *logBatchRequest) (any, error) {
	if err := present("run_id", r.RunID); err != nil {
		return nil, err
	}
	b, err := r.batch()
	if err != nil {
		return nil, err
	}
	return empty{}, h.tracking.LogBatch(ctx, r.RunID, b)
}

type historyRequest struct {
	runRequest
	Key        string `json:"metric_key"`
	PageToken  string `json:"page_token"`
	MaxResults *Int   `json:"max_results"`
}

func (h trackings) history(ctx context.Context, r *historyRequest) (any, error) {
	id, err := r.id()
	if err == nil {
		err = present("metric_key", r.Key)
	}
	if err != nil {
		return nil, err
	}
	limit := 0
	if r.MaxResults != nil {
		if limit = int(*r.MaxResults); limit <= 0 {
			return nil, fault.Invalidf("Invalid value %d for parameter 'max_results' supplied. It must be a positive integer.", limit)
		}
	}
	b := []byte(`{"metrics":[`)
	token, err := h.tracking.MetricHistory(ctx, id, r.Key, limit, r.PageToken, func(m tracking.Metric) error {
		b = append(appendMetric(b, &m), ',')
		return nil
	})
	if err != nil && !fault.Is(err, fault.NotFound) { // a run that does not exist has no points
		return nil, err
	}
	if b[len(b)-1] == '[' { // as everywhere, an empty list is absent
		return empty{}, nil
	}
	b[len(b)-1] = ']'
	if token != "" {
		b = appendTextField(b, "next_page_token", token)
	}
	return encoded(append(b, '}')), nil
}

// Limits of the calls that compare runs.
const (
	maxHistory       = 25000 // points of a bulk answer
	maxHistoryRuns   = 100
	maxHistoryPerRun = 2500 // points per run of a sampled answer
)

type historyBulkRequest struct {
	RunIDs     []string `json:"run_id"`
	Key        string   `json:"metric_key"`
	MaxResults *Int     `json:"max_results"`
}

func appendRunMetric(b []byte, m *tracking.RunMetric) []byte {
	b = appendMetric(b, &m.Metric)
	return append(appendTextField(b[:len(b)-1], "run_id", m.RunID), '}')
}

func (h trackings) historyBulk(ctx context.Context, r *historyBulkRequest) (any, error) {
	switch {
	case len(r.RunIDs) == 0:
		return nil, fault.Invalidf("GetMetricHistoryBulk request must specify at least one run_id.")
	case len(r.RunIDs) > maxHistoryRuns:
		return nil, fault.Invalidf("GetMetricHistoryBulk request cannot specify more than %d run_ids. Received %d run_ids.", maxHistoryRuns, len(r.RunIDs))
	case r.Key == "":
		return nil, fault.Invalidf("GetMetricHistoryBulk request must specify a metric_key.")
	}
	limit := maxHistory
	if r.MaxResults != nil {
		limit = max(0, min(limit, int(*r.MaxResults)))
	}
	slices.Sort(r.RunIDs)
	b := []byte(`{"metrics":[`)
	for _, id := range slices.Compact(r.RunIDs) {
		if limit == 0 {
			break
		}
		_, err := h.tracking.MetricHistory(ctx, id, r.Key, limit, "", func(m tracking.Metric) error {
			limit--
			b = append(appendRunMetric(b, &tracking.RunMetric{Metric: m, RunID: id}), ',')
			return nil
		})
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return encoded(append(b, ']', '}')), nil
}

type historySampleRequest struct {
	RunIDs     []string `json:"run_ids"`
	Key        string   `json:"metric_key"`
	Start      *Int     `json:"start_step"`
	End        *Int     `json:"end_step"`
	MaxResults *Int     `json:"max_results"`
}

func (r *historySampleRequest) check() error {
	switch {
	case len(r.RunIDs) == 0:
		return missing("run_ids")
	case len(r.RunIDs) > maxHistoryRuns:
		return fault.Invalidf("GetMetricHistoryBulkInterval request must specify at most %d run_ids. Received %d run_ids.", maxHistoryRuns, len(r.RunIDs))
	case r.Key == "":
		return missing("metric_key")
	case (r.Start == nil) != (r.End == nil):
		return fault.Invalidf("If either start step or end step are specified, both must be specified.")
	case r.Start != nil && *r.Start > *r.End:
		return fault.Invalidf("end_step must be greater than start_step. Found start_step=%d and end_step=%d.", *r.Start, *r.End)
	case r.MaxResults != nil && (*r.MaxResults < 1 || *r.MaxResults > maxHistoryPerRun):
		return fault.Invalidf("max_results must be between 1 and %d.", maxHistoryPerRun)
	}
	return nil
}

func (h trackings) historySample(ctx context.Context, r *historySampleRequest) (any, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	n, first, last := maxHistoryPerRun, int64(math.MinInt64), int64(math.MaxInt64)
	if r.MaxResults != nil {
		n = int(*r.MaxResults)
	}
	if r.Start != nil {
		first, last = int64(*r.Start), int64(*r.End)
	}
	points, err := h.tracking.MetricSample(ctx, r.RunIDs, r.Key, n, first, last)
	if err != nil {
		return nil, err
	}
	return encoded(append(appendList([]byte{'{'}, "metrics", points, appendRunMetric), '}')), nil
}
