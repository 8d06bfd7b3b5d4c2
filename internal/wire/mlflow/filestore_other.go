package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
)

type registeredMeta struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Created     int64  `yaml:"creation_timestamp"`
	Updated     int64  `yaml:"last_updated_timestamp"`
	Aliases     any    `yaml:"aliases"`
}

// RegisteredModels implements [flow.Source].
func (f *Files) RegisteredModels(_ context.Context, prompts bool, token string) ([]registry.Model, string, error) {
	names, err := f.folders("models")
	if err != nil {
		return nil, "", err
	}
	names, next := pageOf(names, token, registryPage)
	var list []registry.Model
	for _, name := range names {
		var m registeredMeta
		if err := f.meta("models/"+name, &m); fault.Is(err, fault.NotFound) {
			continue
		} else if err != nil {
			return nil, "", err
		}
		tags, err := f.registryTags("models/" + name + "/tags")
		if err != nil {
			return nil, "", err
		}
		if isPrompt(tags) != prompts {
			continue
		}
		out := registry.Model{Name: name, Description: m.Description, Prompt: prompts, Created: m.Created, Updated: m.Updated, Tags: tags}
		if aliases, ok := m.Aliases.(map[string]any); ok {
			for alias, v := range aliases {
				var n Int
				if text, err := json.Marshal(v); err == nil && n.UnmarshalJSON(text) == nil {
					out.Aliases = append(out.Aliases, registry.Alias{Name: alias, Version: int64(n)})
				}
			}
			slices.SortFunc(out.Aliases, func(a, b registry.Alias) int { return strings.Compare(a.Name, b.Name) })
		}
		list = append(list, out)
	}
	return list, next, nil
}

func (f *Files) registryTags(dir string) ([]registry.Tag, error) {
	texts, err := f.texts(dir)
	var tags []registry.Tag
	for _, t := range texts {
		tags = append(tags, registry.Tag(t))
	}
	return tags, err
}

type versionMeta struct {
	Version     int64   `yaml:"version"`
	Stage       string  `yaml:"current_stage"`
	Description *string `yaml:"description"`
	User        string  `yaml:"user_id"`
	Source      string  `yaml:"source"`
	RunID       string  `yaml:"run_id"`
	RunLink     string  `yaml:"run_link"`
	ModelID     string  `yaml:"model_id"`
	Created     int64   `yaml:"creation_timestamp"`
	Updated     int64   `yaml:"last_updated_timestamp"`
}

// deletedVersion is the stage of a version that was deleted: its folder stays.
const deletedVersion = "Deleted_Internal"

// Versions implements [flow.Source].
func (f *Files) Versions(_ context.Context, name string, prompt bool, _ string) ([]registry.Version, string, error) {
	if !plainFolder(name) {
		return nil, "", fault.Invalidf("%q is no model", clip(name))
	}
	dirs, err := f.folders("models/" + name)
	if err != nil {
		return nil, "", err
	}
	var list []registry.Version
	for _, dir := range dirs {
		if !strings.HasPrefix(dir, "version-") {
			continue
		}
		dir = "models/" + name + "/" + dir
		var m versionMeta
		if err := f.meta(dir, &m); err != nil {
			return nil, "", err
		}
		if m.Stage == deletedVersion {
			continue
		}
		tags, err := f.registryTags(dir + "/tags")
		if err != nil {
			return nil, "", err
		}
		v := registry.Version{Name: name, Number: m.Version, Prompt: prompt, Stage: registry.Stage(m.Stage), Description: m.Description, User: m.User,
			Source: m.Source, RunID: m.RunID, RunLink: m.RunLink, LoggedModel: m.ModelID, Created: m.Created, Updated: m.Updated, Tags: tags}
		if v.Stage == "" {
			v.Stage = registry.StageNone
		}
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b registry.Version) int { return int(a.Number - b.Number) })
	return list, "", nil
}

// traceMeta is the header of a trace in either of its forms.
type traceMeta struct {
	ID         string `yaml:"request_id"`
	Experiment string `yaml:"experiment_id"`
	Time       int64  `yaml:"timestamp_ms"`
	Duration   *int64 `yaml:"execution_time_ms"`
	Status     string `yaml:"status"`

	TraceID  string `yaml:"trace_id"`
	Location struct {
		Experiment struct {
			ID string `yaml:"experiment_id"`
		} `yaml:"mlflow_experiment"`
	} `yaml:"trace_location"`
	ClientRequestID string `yaml:"client_request_id"`
	RequestTime     string `yaml:"request_time"`
	DurationV3      *int64 `yaml:"execution_duration_ms"`
	State           string `yaml:"state"`
	RequestPreview  string `yaml:"request_preview"`
	ResponsePreview string `yaml:"response_preview"`
}

func (m *traceMeta) toInfo() (tracing.Info, error) {
	id, err := trace.ParseID(m.ID + m.TraceID)
	if err != nil {
		return tracing.Info{}, err
	}
	info := tracing.Info{ID: id, Experiment: m.Experiment + m.Location.Experiment.ID, RequestTime: m.Time, Duration: -1,
		ClientRequestID: m.ClientRequestID, State: traceState(m.Status + m.State), RequestPreview: m.RequestPreview, ResponsePreview: m.ResponsePreview}
	if m.RequestTime != "" {
		at, err := time.Parse(time.RFC3339Nano, m.RequestTime)
		if err != nil {
			return info, fault.Invalidf("%q is no time", clip(m.RequestTime))
		}
		info.RequestTime = at.UnixMilli()
	}
	for _, d := range []*int64{m.Duration, m.DurationV3} {
		if d != nil {
			info.Duration = *d
		}
	}
	return info, nil
}

// Traces implements [flow.Source].
func (f *Files) Traces(_ context.Context, experiment int64, token string) ([]tracing.Info, string, error) {
	dir, err := f.experimentDir(experiment)
	if err != nil {
		return nil, "", err
	}
	names, err := f.folders(dir + "/traces")
	if err != nil {
		return nil, "", err
	}
	names, next := pageOf(names, token, tracesPage)
	var list []tracing.Info
	for _, name := range names {
		info, err := f.trace(dir + "/traces/" + name)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		info.Experiment = strconv.FormatInt(experiment, 10)
		list = append(list, info)
	}
	return list, next, nil
}

func (f *Files) trace(dir string) (tracing.Info, error) {
	var m traceMeta
	if err := f.yaml(dir+"/trace_info.yaml", &m); err != nil {
		return tracing.Info{}, err
	}
	info, err := m.toInfo()
	if err != nil {
		return info, err
	}
	f.remember(info.ID.String(), dir)
	tags, err := f.texts(dir + "/tags")
	if err != nil {
		return info, err
	}
	metadata, err := f.texts(dir + "/request_metadata")
	if err != nil {
		return info, err
	}
	info.Tags, info.Metadata = toMap(tags), toMap(metadata)
	names, err := f.entries(dir+"/assessments", false)
	if err != nil {
		return info, err
	}
	for _, name := range names {
		data, err := f.read(dir+"/assessments/"+name, maxMeta)
		if err != nil {
			return info, err
		}
		a, err := parseAssessmentFile(data, info.ID)
		if err != nil {
			return info, err
		}
		info.Assessments = append(info.Assessments, a)
	}
	return info, nil
}

// parseAssessmentFile reads an assessment, which is protobuf's JSON form
// written as YAML.
func parseAssessmentFile(data []byte, id trace.ID) (out tracing.Assessment, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Invalidf("an assessment is not valid YAML")
		}
	}()
	text, err := yaml.YAMLToJSON(data)
	if err != nil {
		return out, fault.Wrap(fault.Invalid, "mlflow.parseAssessmentFile", err, "an assessment is not valid YAML")
	}
	var a assessment
	if err := decodeJSON(text, &a); err != nil {
		return out, err
	}
	return a.toAssessment(id)
}

// Bodies implements [flow.Source].
func (f *Files) Bodies(_ context.Context, infos []tracing.Info) ([]flow.Body, error) {
	out := make([]flow.Body, len(infos))
	for i := range infos {
		b := &out[i]
		b.Info = infos[i]
		dir, err := f.folderOf(infos[i].ID.String())
		if err != nil {
			b.Err = err
			continue
		}
		data, err := f.read(dir+"/artifacts/traces.json", maxTraceFile)
		switch {
		case fault.Is(err, fault.NotFound): // never finished
		case err != nil:
			b.Err = err
		default:
			b.Spans, b.Err = parseTraceFile(data, infos[i].ID)
			b.Attachments = bytes.Contains(data, []byte(attachmentMark))
		}
	}
	return out, nil
}
