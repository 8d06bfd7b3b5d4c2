package mlflow

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

type runMeta struct {
	ID         string `yaml:"run_id"`
	Name       string `yaml:"run_name"`
	Experiment string `yaml:"experiment_id"`
	User       string `yaml:"user_id"`
	Status     int    `yaml:"status"`
	Start      int64  `yaml:"start_time"`
	End        *int64 `yaml:"end_time"`
	Artifacts  string `yaml:"artifact_uri"`
	Stage      string `yaml:"lifecycle_stage"`
}

// notRuns are the folders of an experiment that hold other things.
var notRuns = []string{"tags", "datasets", "traces", "models"}

// Runs implements [flow.Source].
func (f *Files) Runs(_ context.Context, experiment int64, token string) ([]tracking.Run, string, error) {
	dir, err := f.experimentDir(experiment)
	if err != nil {
		return nil, "", err
	}
	names, err := f.folders(dir)
	if err != nil {
		return nil, "", err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(notRuns, n) })
	names, next := pageOf(names, token, runsPage)
	var list []tracking.Run
	for _, name := range names {
		r, err := f.run(dir, name)
		if fault.Is(err, fault.NotFound) {
			continue // no meta.yaml: no run
		}
		if err != nil {
			return nil, "", err
		}
		list = append(list, *r)
	}
	return list, next, nil
}

// Run implements [flow.Source].
func (f *Files) Run(_ context.Context, id string) (*tracking.Run, error) {
	dir, err := f.folderOf(id)
	if err != nil {
		return nil, err
	}
	at := strings.LastIndexByte(dir, '/')
	return f.run(dir[:at], dir[at+1:])
}

func (f *Files) run(experiment, name string) (*tracking.Run, error) {
	dir := experiment + "/" + name
	var m runMeta
	if err := f.meta(dir, &m); err != nil {
		return nil, err
	}
	id, err := tracking.ParseExperimentID(m.Experiment)
	if err != nil {
		return nil, err
	}
	if m.Status < 1 || m.Status > len(tracking.Statuses) {
		return nil, fault.Invalidf("the run %s has the status %d, which is none", clip(name), m.Status)
	}
	r := &tracking.Run{Info: tracking.Info{ID: name, Experiment: id, Name: m.Name, User: m.User, Status: tracking.Statuses[m.Status-1],
		StartTime: m.Start, Stage: stageOf(m.Stage), ArtifactURI: m.Artifacts}}
	if m.End != nil && *m.End != 0 {
		r.EndTime = m.End
	}
	params, err := f.texts(dir + "/params")
	if err != nil {
		return nil, err
	}
	tags, err := f.texts(dir + "/tags")
	if err != nil {
		return nil, err
	}
	r.Params, r.Tags = toParams(params), toTags(tags)
	for _, t := range r.Tags {
		if t.Key == tracking.RunNameTag && t.Value != "" {
			r.Name = t.Value // a text; in YAML it may read as a number
		}
	}
	f.remember(name, dir)
	if err := f.latest(dir, r); err != nil {
		return nil, err
	}
	return r, f.links(experiment, dir, r)
}

// latest reads the last point of every metric.
func (f *Files) latest(dir string, r *tracking.Run) error {
	return f.keyed(dir+"/metrics", func(key, file string) error {
		var last *tracking.Metric
		err := f.points(file, key, func(list []tracking.Metric) error {
			for _, p := range list {
				if last == nil || tracking.Later(p, *last) {
					last = &p
				}
			}
			return nil
		})
		if err == nil && last != nil {
			r.Metrics = append(r.Metrics, *last)
		}
		return err
	})
}

// History implements [flow.Source].
func (f *Files) History(_ context.Context, run, key string, fn func([]tracking.Metric) error) error {
	dir, err := f.folderOf(run)
	if err != nil {
		return err
	}
	return f.points(dir+"/metrics/"+key, key, fn)
}

// points reads the file of a metric: a line per point.
func (f *Files) points(name, key string, fn func([]tracking.Metric) error) error {
	file, err := f.root.Open(name)
	if err != nil {
		return f.unreadable(name, err)
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, maxCurve))
	var list []tracking.Metric
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		p, _, err := parsePoint(lines.Text())
		if err != nil {
			return fault.Invalidf("metric %s: %s", clip(key), fault.Message(err))
		}
		p.Key = key
		if list = append(list, p); len(list) == pointsPage {
			if err := fn(list); err != nil {
				return err
			}
			list = nil
		}
	}
	if err := lines.Err(); err != nil {
		return f.unreadable(name, err)
	}
	if len(list) == 0 {
		return nil
	}
	return fn(list)
}

// parsePoint reads "timestamp value [step [more]]".
func parsePoint(line string) (m tracking.Metric, more []string, err error) {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return m, nil, fault.Invalidf("the line %q is no point", clip(line))
	}
	if m.Timestamp, err = strconv.ParseInt(fields[0], 10, 64); err != nil {
		return m, nil, fault.Invalidf("%q is no time", clip(fields[0]))
	}
	var v Float
	if err := v.UnmarshalJSON([]byte(fields[1])); err != nil {
		return m, nil, err
	}
	m.Value = float64(v)
	if len(fields) > 2 {
		if m.Step, err = strconv.ParseInt(fields[2], 10, 64); err != nil {
			return m, nil, fault.Invalidf("%q is no step", clip(fields[2]))
		}
		more = fields[3:]
	}
	return m, more, nil
}

// linkMeta ties a run to a dataset or a model.
type linkMeta struct {
	SourceType      string `yaml:"source_type"`
	SourceID        string `yaml:"source_id"`
	DestinationType string `yaml:"destination_type"`
	DestinationID   string `yaml:"destination_id"`
	Step            int64  `yaml:"step"`
	Tags            any    `yaml:"tags"`
}

type datasetMeta struct {
	Name       string `yaml:"name"`
	Digest     string `yaml:"digest"`
	SourceType string `yaml:"source_type"`
	Source     string `yaml:"source"`
	Schema     string `yaml:"schema"`
	Profile    string `yaml:"profile"`
}

// links reads what a run read and made.
func (f *Files) links(experiment, dir string, r *tracking.Run) error {
	read := func(folder string, fn func(*linkMeta) error) error {
		names, err := f.folders(dir + "/" + folder)
		if err != nil {
			return err
		}
		for _, name := range names {
			var m linkMeta
			if err := f.meta(dir+"/"+folder+"/"+name, &m); err != nil {
				return err
			}
			if err := fn(&m); err != nil {
				return err
			}
		}
		return nil
	}
	err := read("inputs", func(m *linkMeta) error {
		if m.SourceType == "MODEL" {
			r.Inputs = append(r.Inputs, tracking.ModelRef{ModelID: m.SourceID})
			return nil
		}
		if m.SourceType != "DATASET" || !plainFolder(m.SourceID) {
			return nil
		}
		var d datasetMeta
		if err := f.meta(experiment+"/datasets/"+m.SourceID, &d); err != nil {
			return err
		}
		in := tracking.DatasetInput{Dataset: tracking.Dataset(d)}
		if tags, ok := m.Tags.(map[string]any); ok {
			for k, v := range tags {
				if text, ok := v.(string); ok {
					in.Tags = append(in.Tags, tracking.Tag{Key: k, Value: text})
				}
			}
			slices.SortFunc(in.Tags, func(a, b tracking.Tag) int { return strings.Compare(a.Key, b.Key) })
		}
		r.Datasets = append(r.Datasets, in)
		return nil
	})
	if err != nil {
		return err
	}
	return read("outputs", func(m *linkMeta) error {
		if m.DestinationType == "MODEL_OUTPUT" {
			r.Outputs = append(r.Outputs, tracking.ModelRef{ModelID: m.DestinationID, Step: m.Step})
		}
		return nil
	})
}

// plainFolder reports whether a name that stands in a file is one of a folder.
func plainFolder(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\\\x00")
}

type loggedModelMeta struct {
	ID            string `yaml:"model_id"`
	Experiment    string `yaml:"experiment_id"`
	Name          string `yaml:"name"`
	Artifacts     string `yaml:"artifact_location"`
	Type          string `yaml:"model_type"`
	SourceRun     string `yaml:"source_run_id"`
	Status        int    `yaml:"status"`
	StatusMessage string `yaml:"status_message"`
	Stage         string `yaml:"lifecycle_stage"`
	Created       int64  `yaml:"creation_timestamp"`
	Updated       int64  `yaml:"last_updated_timestamp"`
}

// Models implements [flow.Source].
func (f *Files) Models(_ context.Context, experiment int64, token string) ([]tracking.LoggedModel, string, error) {
	dir, err := f.experimentDir(experiment)
	if err != nil {
		return nil, "", err
	}
	names, err := f.folders(dir + "/models")
	if err != nil {
		return nil, "", err
	}
	names, next := pageOf(names, token, modelsPage)
	var list []tracking.LoggedModel
	for _, name := range names {
		m, err := f.model(dir + "/models/" + name)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		list = append(list, m)
	}
	return list, next, nil
}

func (f *Files) model(dir string) (out tracking.LoggedModel, err error) {
	var m loggedModelMeta
	if err := f.meta(dir, &m); err != nil {
		return out, err
	}
	experiment, err := tracking.ParseExperimentID(m.Experiment)
	if err != nil {
		return out, err
	}
	if m.Status < 0 || m.Status >= len(modelStatusNames) {
		return out, fault.Invalidf("the logged model %s has the status %d, which is none", clip(m.ID), m.Status)
	}
	params, err := f.texts(dir + "/params")
	if err != nil {
		return out, err
	}
	tags, err := f.texts(dir + "/tags")
	if err != nil {
		return out, err
	}
	f.remember(m.ID, dir)
	out = tracking.LoggedModel{ID: m.ID, Experiment: experiment, Name: m.Name, ArtifactLocation: m.Artifacts, Type: m.Type, SourceRun: m.SourceRun,
		Status: tracking.ModelStatus(m.Status), StatusMessage: m.StatusMessage, Stage: stageOf(m.Stage), CreatedAt: m.Created, UpdatedAt: m.Updated,
		Params: toParams(params), Tags: toTags(tags)}
	err = f.keyed(dir+"/metrics", func(key, file string) error {
		data, err := f.read(file, maxMeta)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(data)) {
			if strings.TrimSpace(line) == "" {
				continue
			}
			p, more, err := parsePoint(line)
			if err != nil {
				return err
			}
			p.Key = key
			mm := tracking.ModelMetric{Metric: p, ModelID: m.ID}
			for i, field := range []*string{&mm.RunID, &mm.DatasetName, &mm.DatasetDigest} {
				if i < len(more) {
					*field = more[i]
				}
			}
			out.Metrics = append(out.Metrics, mm)
		}
		return nil
	})
	return out, err
}
