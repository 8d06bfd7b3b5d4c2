package app

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/tracking"
)

// origins lets the registry look up what its versions are made from, and
// evaluation which experiments its things belong to.
type origins struct{ tracking *tracking.Service }

// RunArtifacts implements [registry.Origins].
func (o origins) RunArtifacts(ctx context.Context, runID string) (string, error) {
	run, err := o.tracking.RunInfo(ctx, runID)
	if err != nil {
		return "", err
	}
	return run.ArtifactURI, nil
}

// LoggedModel implements [registry.Origins].
func (o origins) LoggedModel(ctx context.Context, modelID string) (uri, runID string, err error) {
	m, err := o.tracking.Model(ctx, modelID, false)
	if err != nil {
		return "", "", err
	}
	return m.ArtifactLocation, m.SourceRun, nil
}

// versionsTag lists, as JSON, the versions registered from a logged model.
const versionsTag = "mlflow.modelVersions"

// LinkVersion implements [registry.Origins]. The tag keeps the newest versions
// that fit into it.
func (o origins) LinkVersion(ctx context.Context, modelID, name string, number int64) error {
	m, err := o.tracking.Model(ctx, modelID, false)
	if err != nil {
		return err
	}
	// Entries are kept as they are: clients write the number as a string.
	var links []json.RawMessage
	for _, t := range m.Tags {
		// A user may have put something else there; it gives way.
		if t.Key == versionsTag && json.Unmarshal([]byte(t.Value), &links) != nil {
			links = nil
		}
	}
	link, err := json.Marshal(map[string]any{"name": name, "version": number})
	if err != nil {
		return err
	}
	links = append(links, link)
	for {
		value, err := json.Marshal(links)
		if err != nil {
			return err
		}
		if len(value) <= tracking.MaxTagValue || len(links) == 1 {
			_, err = o.tracking.SetModelTags(ctx, modelID, []tracking.Tag{{Key: versionsTag, Value: string(value)}})
			return err
		}
		links = links[1:]
	}
}

// ActiveExperiment implements [evaluation.Experiments].
func (o origins) ActiveExperiment(ctx context.Context, experimentID string) error {
	n, err := strconv.ParseInt(experimentID, 10, 64)
	if err != nil {
		return fault.NotFoundf("No Experiment with id=%s exists", experimentID)
	}
	e, err := o.tracking.Experiment(ctx, n)
	if err == nil && e.Stage != tracking.Active {
		return fault.Invalidf("The experiment %d must be in the 'active' state. Current state is %s.", n, e.Stage)
	}
	return err
}
