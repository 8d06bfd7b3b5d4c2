package api

import (
	"cmp"
	"context"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/tracking"
)

// Versions names the registered versions that came from a run.
type Versions interface {
	VersionsOfRun(ctx context.Context, runID string) ([]ModelRef, error)
}

// ModelRef names a version of a registered model.
type ModelRef struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type runs struct {
	domain      *tracking.Service
	experiments Experiments
	traces      TraceCounter
	versions    Versions
}

// ServeRuns adds runs, their comparison and the history of their metrics.
func (s *Server) ServeRuns(domain *tracking.Service, experiments Experiments, traces TraceCounter, versions Versions) {
	u := runs{domain, experiments, traces, versions}
	const base = "/w/{ws}/runs"
	s.add(
		route{method: "POST", path: base + "/search", need: caller.Read, call: body(u.search)},
		route{method: "POST", path: base + "/count", need: caller.Read, call: body(u.count)},
		route{method: "POST", path: base + "/group", need: caller.Read, call: body(u.group)},
		route{method: "POST", path: base + "/change", need: caller.Write, call: body(u.change)},
		route{method: "GET", path: base + "/columns", need: caller.Read, call: u.columns},
		route{method: "POST", path: base + "/compare", need: caller.Read, call: body(u.compare)},
		route{method: "GET", path: base + "/{run_id}", need: caller.Read, call: u.get},
		route{method: "PATCH", path: base + "/{run_id}", need: caller.Write, call: body(u.update)},
		route{method: "POST", path: "/w/{ws}/metrics/history", need: caller.Read, call: body(u.history)},
	)
}

// number is a metric's value: a JSON number, or "NaN", "Infinity", "-Infinity".
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	switch {
	case math.IsNaN(v):
		return []byte(`"NaN"`), nil
	case v >= math.MaxFloat64: // infinities are stored as the greatest values
		return []byte(`"Infinity"`), nil
	case v <= -math.MaxFloat64:
		return []byte(`"-Infinity"`), nil
	}
	return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
}

type runInfo struct {
	RunID          string  `json:"run_id"`
	Name           string  `json:"name"`
	ExperimentID   string  `json:"experiment_id"`
	ExperimentName string  `json:"experiment_name"`
	Status         string  `json:"status"`
	User           string  `json:"user"`
	Lifecycle      string  `json:"lifecycle"`
	StartMS        *int64  `json:"start_ms"`
	EndMS          *int64  `json:"end_ms"`
	ParentRunID    *string `json:"parent_run_id"`
	ArtifactURI    string  `json:"artifact_uri"`
}

func (u runs) info(ctx context.Context, r *tracking.Run) runInfo {
	exp := strconv.FormatInt(r.Experiment, 10)
	return runInfo{r.ID, r.Name, exp, u.experiments.ExperimentName(ctx, exp), string(r.Status), r.User, r.Stage.String(),
		nullable(r.StartTime), r.EndTime, nullable(tagValue(r.Tags, tracking.ParentRunTag)), r.ArtifactURI}
}

func tagValue(tags []tracking.Tag, key string) string {
	for _, t := range tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

type runRow struct {
	runInfo
	Params  map[string]string `json:"params"`
	Metrics map[string]number `json:"metrics"`
	Tags    map[string]string `json:"tags"`
}

// row keeps the columns asked for; nil means all.
func (u runs) row(ctx context.Context, r *tracking.Run, columns map[string]bool) runRow {
	row := runRow{u.info(ctx, r), map[string]string{}, map[string]number{}, map[string]string{}}
	for _, p := range r.Params {
		if columns == nil || columns["params."+p.Key] {
			row.Params[p.Key] = p.Value
		}
	}
	for _, m := range r.Metrics {
		if columns == nil || columns["metrics."+m.Key] {
			row.Metrics[m.Key] = number(m.Value)
		}
	}
	for _, t := range r.Tags {
		if columns == nil || columns["tags."+t.Key] {
			row.Tags[t.Key] = t.Value
		}
	}
	return row
}

type runQuery struct {
	ExperimentIDs []string `json:"experiment_ids"`
	Filter        string   `json:"filter"`
	Lifecycle     string   `json:"lifecycle"`
}

func (u runs) query(ctx context.Context, q runQuery) (out tracking.RunQuery, err error) {
	for _, s := range q.ExperimentIDs {
		id, err := experimentID(s)
		if err != nil {
			return out, err
		}
		out.Experiments = append(out.Experiments, id)
	}
	if len(out.Experiments) == 0 {
		if out.Experiments, err = u.domain.AllExperiments(ctx); err != nil {
			return out, err
		}
	}
	if out.View, err = viewOf(q.Lifecycle); err != nil {
		return out, err
	}
	out.Filter, err = filter.Parse(filter.Runs, q.Filter)
	return out, err
}

type searchRunsRequest struct {
	runQuery
	OrderBy   []string  `json:"order_by"`
	Columns   *[]string `json:"columns"`
	Common    int       `json:"common"`
	Limit     int       `json:"limit"`
	PageToken string    `json:"page_token"`
}

// runOrders are the sort keys of the contract in MLflow's words.
var runOrders = map[string]string{
	"start_ms": "attributes.start_time", "end_ms": "attributes.end_time", "name": "attributes.run_name", "status": "attributes.status", "user": "attributes.user_id",
}

func runOrder(list []string) ([]filter.Order, error) {
	var entries []string
	for _, s := range list {
		name, desc := strings.CutPrefix(s, "-")
		if known, ok := runOrders[name]; ok {
			name = known
		} else if prefix, key, ok := strings.Cut(name, "."); ok && !strings.HasPrefix(key, "`") {
			name = prefix + ".`" + key + "`"
		}
		if desc {
			name += " DESC"
		}
		entries = append(entries, name)
	}
	return filter.ParseOrder(filter.Runs, entries)
}

func (u runs) search(ctx context.Context, _ *http.Request, req *searchRunsRequest) (any, error) {
	q, err := u.query(ctx, req.runQuery)
	if err != nil {
		return nil, err
	}
	if q.Order, err = runOrder(req.OrderBy); err != nil {
		return nil, err
	}
	if q.Limit, err = checkLimit(req.Limit); err != nil {
		return nil, err
	}
	q.Token = req.PageToken
	found, next, err := u.domain.SearchRuns(ctx, q)
	if err != nil {
		return nil, err
	}
	var columns map[string]bool
	if req.Columns != nil {
		columns = map[string]bool{}
		for _, c := range *req.Columns {
			columns[c] = true
		}
	} else if req.Common > 0 {
		columns = commonColumns(found, req.Common)
	}
	rows := make([]runRow, len(found))
	for i := range found {
		rows[i] = u.row(ctx, &found[i], columns)
	}
	return map[string]any{"runs": rows, "next_page_token": nullable(next)}, nil
}

// commonColumns are the n params, metrics and tags that most of the runs have.
func commonColumns(found []tracking.Run, n int) map[string]bool {
	counts := [3]map[string]int{{}, {}, {}}
	for i := range found {
		for _, p := range found[i].Params {
			counts[0]["params."+p.Key]++
		}
		for _, m := range found[i].Metrics {
			counts[1]["metrics."+m.Key]++
		}
		for _, t := range found[i].Tags {
			counts[2]["tags."+t.Key]++
		}
	}
	columns := map[string]bool{}
	for _, kind := range counts {
		keys := slices.SortedFunc(maps.Keys(kind), func(a, b string) int {
			return cmp.Or(kind[b]-kind[a], strings.Compare(a, b))
		})
		for _, k := range keys[:min(n, len(keys))] {
			columns[k] = true
		}
	}
	return columns
}

func (u runs) count(ctx context.Context, _ *http.Request, req *runQuery) (any, error) {
	q, err := u.query(ctx, *req)
	if err != nil {
		return nil, err
	}
	n, exact, err := u.domain.CountRuns(ctx, q)
	if err != nil {
		return nil, err
	}
	q.Filter = nil
	total, exactTotal, err := u.domain.CountRuns(ctx, q)
	return counted{n, total, exact && exactTotal}, err
}

var columnKinds = map[string]filter.Group{"param": filter.Param, "metric": filter.Metric, "tag": filter.Tag}

func (u runs) columns(ctx context.Context, r *http.Request) (any, error) {
	v := r.URL.Query()
	n, err := limit(r)
	if err != nil {
		return nil, err
	}
	base, err := u.query(ctx, runQuery{ExperimentIDs: v["experiment_id"]})
	if err != nil {
		return nil, err
	}
	q := tracking.ColumnQuery{Experiments: base.Experiments, Text: v.Get("q"), Limit: n, Token: v.Get("page_token")}
	if kind := v.Get("kind"); kind != "" {
		g, ok := columnKinds[kind]
		if !ok {
			return nil, fault.Invalidf("kind must be param, metric or tag, not %q", clip(kind))
		}
		q.Groups = []filter.Group{g}
	}
	found, next, err := u.domain.RunColumns(ctx, q)
	if err != nil {
		return nil, err
	}
	type column struct {
		Kind string `json:"kind"`
		Key  string `json:"key"`
		Runs *int64 `json:"runs"`
	}
	out := []column{}
	for _, c := range found {
		out = append(out, column{c.Group.String(), c.Key, count(c.Runs)})
	}
	return map[string]any{"columns": out, "next_page_token": nullable(next)}, nil
}

type keyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type metricLatest struct {
	Key         string  `json:"key"`
	Value       number  `json:"value"`
	Step        int64   `json:"step"`
	TimeMS      int64   `json:"time_ms"`
	Points      *int64  `json:"points"`
	ModelID     *string `json:"model_id"`
	DatasetName *string `json:"dataset_name"`
}

type datasetInput struct {
	Name       string            `json:"name"`
	Digest     string            `json:"digest"`
	SourceType string            `json:"source_type"`
	Source     string            `json:"source"`
	Schema     *string           `json:"schema"`
	Profile    *string           `json:"profile"`
	Context    *string           `json:"context"`
	Tags       map[string]string `json:"tags"`
}

func datasetOf(d tracking.DatasetInput) datasetInput {
	out := datasetInput{d.Dataset.Name, d.Dataset.Digest, d.Dataset.SourceType, d.Dataset.Source, nullable(d.Dataset.Schema), nullable(d.Dataset.Profile), nil, tagMap(d.Tags)}
	if c, ok := d.Context(); ok {
		out.Context = &c
	}
	return out
}

type output struct {
	ModelID string `json:"model_id"`
	Name    string `json:"name"`
	Step    int64  `json:"step"`
	Status  string `json:"status,omitempty"`
}

type runDetail struct {
	runInfo
	Description string            `json:"description"`
	Params      []keyValue        `json:"params"`
	Metrics     []metricLatest    `json:"metrics"`
	Tags        map[string]string `json:"tags"`
	Inputs      []datasetInput    `json:"inputs"`
	Outputs     []output          `json:"outputs"`
	Traces      int64             `json:"traces"`
	Children    int64             `json:"children"`
	Models      []ModelRef        `json:"models"`
}

const noteTag = "mlflow.note.content"

func (u runs) get(ctx context.Context, r *http.Request) (any, error) {
	return u.one(ctx, r.PathValue("run_id"))
}

var modelStatuses = [...]string{"", "PENDING", "READY", "FAILED"}

func (u runs) one(ctx context.Context, id string) (any, error) {
	run, err := u.domain.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	d := runDetail{runInfo: u.info(ctx, run), Description: tagValue(run.Tags, noteTag), Params: []keyValue{}, Metrics: []metricLatest{},
		Tags: tagMap(run.Tags), Inputs: []datasetInput{}, Outputs: []output{}}
	points, err := u.domain.PointCounts(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, p := range run.Params {
		d.Params = append(d.Params, keyValue(p))
	}
	for _, m := range run.Metrics {
		n := points[m.Key]
		d.Metrics = append(d.Metrics, metricLatest{Key: m.Key, Value: number(m.Value), Step: m.Step, TimeMS: m.Timestamp, Points: &n})
	}
	for _, in := range run.Datasets {
		d.Inputs = append(d.Inputs, datasetOf(in))
	}
	for _, o := range run.Outputs {
		out := output{ModelID: o.ModelID, Step: o.Step}
		if m, err := u.domain.Model(ctx, o.ModelID, true); err == nil {
			out.Name, out.Status = m.Name, nth(modelStatuses[:], int(m.Status))
		}
		d.Outputs = append(d.Outputs, out)
	}
	if d.Traces, err = u.traces.CountTraces(ctx, "", id); err != nil {
		return nil, err
	}
	if d.Models, err = u.versions.VersionsOfRun(ctx, id); err != nil {
		return nil, err
	}
	d.Models = orEmpty(d.Models)
	d.Children, _, err = u.domain.CountRuns(ctx, tracking.RunQuery{Experiments: []int64{run.Experiment}, Filter: filter.Expr{{
		Field: filter.Field{Group: filter.Tag, Key: tracking.ParentRunTag}, Op: filter.Eq, Value: filter.Value{Kind: filter.String, Str: id}}}})
	return d, err
}

type updateRunRequest struct {
	Name        *string           `json:"name"`
	Description *string           `json:"description"`
	SetTags     map[string]string `json:"set_tags"`
	DeleteTags  []string          `json:"delete_tags"`
	Lifecycle   string            `json:"lifecycle"`
}

func (u runs) update(ctx context.Context, r *http.Request, req *updateRunRequest) (any, error) {
	id := r.PathValue("run_id")
	if req.Lifecycle == "active" {
		if err := u.domain.RestoreRun(ctx, id); err != nil {
			return nil, err
		}
	}
	if req.Name != nil {
		if _, err := u.domain.UpdateRun(ctx, id, tracking.RunUpdate{Name: *req.Name}); err != nil {
			return nil, err
		}
	}
	if req.Description != nil {
		if req.SetTags == nil {
			req.SetTags = map[string]string{}
		}
		req.SetTags[noteTag] = *req.Description
	}
	for k, v := range req.SetTags {
		if err := u.domain.SetTag(ctx, id, tracking.Tag{Key: k, Value: v}); err != nil {
			return nil, err
		}
	}
	for _, k := range req.DeleteTags {
		if err := u.domain.DeleteTag(ctx, id, k); err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	switch req.Lifecycle {
	case "", "active":
	case "deleted":
		if err := u.domain.DeleteRun(ctx, id); err != nil {
			return nil, err
		}
	default:
		return nil, fault.Invalidf("lifecycle must be active or deleted, not %q", clip(req.Lifecycle))
	}
	return u.one(ctx, id)
}

type historyRequest struct {
	RunIDs    []string `json:"run_ids"`
	Keys      []string `json:"keys"`
	MaxPoints int      `json:"max_points"`
	FromStep  *int64   `json:"from_step"`
	ToStep    *int64   `json:"to_step"`
}

func (u runs) history(ctx context.Context, _ *http.Request, req *historyRequest) (any, error) {
	if n, k := len(req.RunIDs), len(req.Keys); n < 1 || n > 100 || k < 1 || k > 100 || n*k > 1000 {
		return nil, fault.Invalidf("ask for 1 to 100 runs and 1 to 100 keys, at most 1000 pairs; these are %d and %d", n, k)
	}
	if req.MaxPoints == 0 {
		req.MaxPoints = 1000
	}
	if req.MaxPoints < 10 || req.MaxPoints > 10000 {
		return nil, fault.Invalidf("max_points must be from 10 to 10000, not %d", req.MaxPoints)
	}
	q := tracking.CurveQuery{RunIDs: req.RunIDs, Keys: req.Keys, MaxPoints: req.MaxPoints, FromStep: math.MinInt64, ToStep: math.MaxInt64}
	if req.FromStep != nil {
		q.FromStep = *req.FromStep
	}
	if req.ToStep != nil {
		q.ToStep = *req.ToStep
	}
	curves, err := u.domain.Curves(ctx, q)
	if err != nil {
		return nil, err
	}
	type series struct {
		RunID   string   `json:"run_id"`
		Key     string   `json:"key"`
		Steps   []int64  `json:"steps"`
		TimesMS []int64  `json:"times_ms"`
		Values  []number `json:"values"`
		Total   int64    `json:"total"`
		Last    number   `json:"last"`
		Min     *number  `json:"min"`
		Max     *number  `json:"max"`
	}
	out := []series{}
	for _, c := range curves {
		s := series{RunID: c.RunID, Key: c.Key, Total: c.Total, Last: number(c.Last.Value)}
		for _, p := range c.Points {
			s.Steps, s.TimesMS, s.Values = append(s.Steps, p.Step), append(s.TimesMS, p.Timestamp), append(s.Values, number(p.Value))
		}
		if !math.IsNaN(c.Min) {
			low, up := number(c.Min), number(c.Max)
			s.Min, s.Max = &low, &up
		}
		out = append(out, s)
	}
	return map[string]any{"series": out}, nil
}
