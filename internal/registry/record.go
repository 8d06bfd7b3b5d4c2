package registry

import "context"

// What the audit log keeps of a model and of a version.

type modelRecord struct {
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Prompt      bool              `json:"prompt,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Aliases     map[string]int64  `json:"aliases,omitempty"`
}

type versionRecord struct {
	Name        string            `json:"name"`
	Version     int64             `json:"version"`
	Stage       Stage             `json:"stage"`
	Description string            `json:"description,omitempty"`
	Source      string            `json:"source"`
	RunID       string            `json:"run_id,omitempty"`
	LoggedModel string            `json:"model_id,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// record notes a change of a model; before or after is nil where there is none.
func (s *Service) record(ctx context.Context, action string, before, after *Model) error {
	id := ""
	view := func(m *Model) any {
		if m == nil {
			return nil
		}
		if id == "" {
			id = m.Name
		}
		r := modelRecord{Name: m.Name, Description: m.Description, Prompt: m.Prompt, Tags: tagMap(m.Tags), Aliases: map[string]int64{}}
		for _, a := range m.Aliases {
			r.Aliases[a.Name] = a.Version
		}
		return r
	}
	b, a := view(before), view(after)
	return s.audit.Record(ctx, action, "registered_model", id, b, a)
}

func (s *Service) recordVersion(ctx context.Context, action string, before, after *Version) error {
	id := ""
	view := func(v *Version) any {
		if v == nil {
			return nil
		}
		id = v.Name + "/" + itoa(v.Number)
		return versionRecord{
			Name: v.Name, Version: v.Number, Stage: v.Stage, Description: deref(v.Description),
			Source: v.Source, RunID: v.RunID, LoggedModel: v.LoggedModel, Tags: tagMap(v.Tags),
		}
	}
	b, a := view(before), view(after)
	return s.audit.Record(ctx, action, "model_version", id, b, a)
}
