package flow

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/assayhq/assay/internal/tracking"
)

// differences says field by field what is not the same on both sides.
type differences []string

func (d *differences) add(field, there, here string) {
	*d = append(*d, field+" is "+strconv.Quote(short(there, 60))+" there and "+strconv.Quote(short(here, 60))+" here")
}

func (d *differences) text(field, there, here string) {
	if there != here {
		d.add(field, there, here)
	}
}

func (d *differences) number(field string, there, here int64) {
	if there != here {
		d.add(field, itoa(there), itoa(here))
	}
}

// json compares two JSON texts by what they say.
func (d *differences) json(field string, there, here []byte) {
	if !sameJSON(there, here) {
		d.add(field, string(there), string(here))
	}
}

func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	plain := func(raw []byte) (string, bool) {
		if len(raw) == 0 {
			return "null", true
		}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		var v any
		if dec.Decode(&v) != nil {
			return "", false
		}
		out, err := json.Marshal(v)
		return string(out), err == nil
	}
	x, okA := plain(a)
	y, okB := plain(b)
	return okA && okB && x == y
}

// texts compares what the source has of a map; what is here besides is ours.
func (d *differences) texts(field string, there, here map[string]string) {
	for _, k := range sortedKeys(there) {
		v, ok := here[k]
		if !ok {
			*d = append(*d, field+" "+strconv.Quote(short(k, 60))+" is not here")
		} else if v != there[k] {
			d.add(field+" "+strconv.Quote(short(k, 60)), there[k], v)
		}
	}
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func tagMap(tags []tracking.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

func (d *differences) tags(field string, there, here []tracking.Tag) {
	d.texts(field, tagMap(there), tagMap(here))
}

func (d *differences) params(there, here []tracking.Param) {
	a, b := make([]tracking.Tag, len(there)), make([]tracking.Tag, len(here))
	for i, p := range there {
		a[i] = tracking.Tag(p)
	}
	for i, p := range here {
		b[i] = tracking.Tag(p)
	}
	d.tags("param", a, b)
}

func compareRuns(there, here *tracking.Run) differences {
	var d differences
	d.number("experiment", there.Experiment, here.Experiment)
	d.text("name", there.Name, here.Name)
	d.text("user", there.User, here.User)
	d.text("status", string(there.Status), string(here.Status))
	d.text("stage", there.Stage.String(), here.Stage.String())
	d.number("start time", there.StartTime, here.StartTime)
	d.number("end time", deref(there.EndTime), deref(here.EndTime))
	d.params(there.Params, here.Params)
	d.tags("tag", there.Tags, here.Tags)
	d.sets("dataset input", datasetTexts(there.Datasets), datasetTexts(here.Datasets))
	d.sets("model input", refTexts(there.Inputs), refTexts(here.Inputs))
	d.sets("model output", refTexts(there.Outputs), refTexts(here.Outputs))
	d.sets("metric", pointTexts(there.Metrics), pointTexts(here.Metrics))
	return d
}

func deref(p *int64) int64 {
	if p == nil {
		return 0
	}
	return *p
}

// sets reports what is on one side only.
func (d *differences) sets(field string, there, here []string) {
	slices.Sort(there)
	slices.Sort(here)
	if slices.Equal(there, here) {
		return
	}
	for _, t := range there {
		if _, ok := slices.BinarySearch(here, t); !ok {
			*d = append(*d, field+" "+short(t, 80)+" is not here")
		}
	}
	for _, t := range here {
		if _, ok := slices.BinarySearch(there, t); !ok {
			*d = append(*d, field+" "+short(t, 80)+" is only here")
		}
	}
}

func datasetTexts(list []tracking.DatasetInput) []string {
	var out []string
	for _, in := range list {
		tags := slices.Clone(in.Tags)
		slices.SortFunc(tags, func(a, b tracking.Tag) int { return cmp.Compare(a.Key, b.Key) })
		text, _ := json.Marshal([]any{in.Dataset, tags})
		out = append(out, string(text))
	}
	return out
}

func refTexts(list []tracking.ModelRef) []string {
	var out []string
	for _, r := range list {
		out = append(out, r.ModelID+" at step "+itoa(r.Step))
	}
	return out
}

// pointText is a point as a database keeps it.
func pointText(m tracking.Metric) string {
	value, nan := tracking.Stored(m.Value)
	text := strconv.FormatFloat(value, 'g', -1, 64)
	if nan {
		text = "NaN"
	}
	return m.Key + " = " + text + " at step " + itoa(m.Step) + ", time " + itoa(m.Timestamp)
}

func pointTexts(list []tracking.Metric) []string {
	var out []string
	for _, m := range list {
		out = append(out, pointText(m))
	}
	return out
}

// storedPoint is a point that compares with ==.
type storedPoint struct {
	timestamp, step int64
	value           float64
	nan             bool
}

func stored(m tracking.Metric) storedPoint {
	value, nan := tracking.Stored(m.Value)
	if value == 0 {
		value = math.Abs(value) // minus zero
	}
	return storedPoint{m.Timestamp, m.Step, value, nan}
}

// compareHistory compares every point of every metric.
func (w *worker) compareHistory(ctx context.Context, there *tracking.Run, d *differences) error {
	for _, m := range there.Metrics {
		points := map[storedPoint]bool{}
		if err := w.source.History(ctx, there.ID, m.Key, func(list []tracking.Metric) error {
			for _, p := range list {
				points[stored(p)] = false
			}
			return nil
		}); err != nil {
			return err
		}
		extra, seen := 0, 0
		_, err := w.cfg.Tracking.MetricHistory(ctx, there.ID, m.Key, 0, "", func(p tracking.Metric) error {
			k := stored(p)
			if done, ok := points[k]; !ok {
				extra++
			} else if !done {
				points[k] = true
				seen++
			}
			return nil
		})
		if err != nil {
			return err
		}
		if missing := len(points) - seen; missing > 0 || extra > 0 {
			*d = append(*d, "metric "+m.Key+": "+strconv.Itoa(missing)+" points are not here, "+strconv.Itoa(extra)+" only here")
		}
	}
	return nil
}

func compareModels(there, here *tracking.LoggedModel, experiment int64) differences {
	var d differences
	d.number("experiment", experiment, here.Experiment)
	d.text("name", there.Name, here.Name)
	d.text("type", there.Type, here.Type)
	d.text("source run", there.SourceRun, here.SourceRun)
	d.number("status", int64(there.Status), int64(here.Status))
	d.text("status message", there.StatusMessage, here.StatusMessage)
	d.text("stage", there.Stage.String(), here.Stage.String())
	d.number("creation time", there.CreatedAt, here.CreatedAt)
	d.number("update time", there.UpdatedAt, here.UpdatedAt)
	d.params(there.Params, here.Params)
	d.tags("tag", there.Tags, here.Tags)
	points := func(list []tracking.ModelMetric) []string {
		var out []string
		for _, p := range list {
			out = append(out, pointText(p.Metric)+" of run "+p.RunID+" on "+p.DatasetName+" "+p.DatasetDigest)
		}
		return out
	}
	d.sets("metric", points(there.Metrics), points(here.Metrics))
	return d
}
