package registry

import (
	"context"
	"strconv"
)

// The payloads that webhooks of MLflow's registry events carry, by entity and
// action. Prompts have entities of their own.

type modelCreated struct {
	Name        string            `json:"name"`
	Tags        map[string]string `json:"tags"`
	Description string            `json:"description"`
}

type versionCreated struct {
	Name        string            `json:"name"`
	Version     string            `json:"version"`
	Source      string            `json:"source"`
	RunID       *string           `json:"run_id"`
	Tags        map[string]string `json:"tags"`
	Description *string           `json:"description"`
}

type promptVersionCreated struct {
	Name        string            `json:"name"`
	Version     string            `json:"version"`
	Template    *string           `json:"template"`
	Tags        map[string]string `json:"tags"`
	Description *string           `json:"description"`
}

// tagChanged and aliasChanged leave out what their event does not have: a
// deleted tag has no value, a tag of a prompt no version.
type tagChanged struct {
	Name    string  `json:"name"`
	Version string  `json:"version,omitempty"`
	Key     string  `json:"key"`
	Value   *string `json:"value,omitempty"`
}

type aliasChanged struct {
	Name    string `json:"name"`
	Alias   string `json:"alias"`
	Version string `json:"version,omitempty"`
}

func (s *Service) publishModelCreated(ctx context.Context, m *Model) error {
	data := modelCreated{Name: m.Name, Tags: tagMap(m.Tags), Description: m.Description}
	if !m.Prompt {
		return s.events.Publish(ctx, "registered_model", "created", data)
	}
	delete(data.Tags, PromptTag)
	delete(data.Tags, PromptTypeTag)
	return s.events.Publish(ctx, "prompt", "created", data)
}

func (s *Service) publishVersionCreated(ctx context.Context, v *Version) error {
	tags := tagMap(v.Tags)
	if !v.Prompt {
		return s.events.Publish(ctx, "model_version", "created", versionCreated{
			Name: v.Name, Version: itoa(v.Number), Source: v.Source, RunID: nonEmpty(v.RunID),
			Tags: tags, Description: nonEmpty(deref(v.Description)),
		})
	}
	data := promptVersionCreated{
		Name: v.Name, Version: itoa(v.Number), Tags: tags, Description: nonEmpty(deref(v.Description)),
	}
	if text, ok := tags[PromptTextTag]; ok {
		data.Template = &text
	}
	for _, key := range []string{PromptTag, PromptTypeTag, PromptTextTag} {
		delete(tags, key)
	}
	return s.events.Publish(ctx, "prompt_version", "created", data)
}

// publishModelTag announces tags of prompts; tags of models have no event.
func (s *Service) publishModelTag(ctx context.Context, m *Model, action string, t Tag) error {
	if !m.Prompt {
		return nil
	}
	return s.events.Publish(ctx, "prompt_tag", action, tagChanged{Name: m.Name, Key: t.Key, Value: valueOf(action, t)})
}

func (s *Service) publishVersionTag(ctx context.Context, v *Version, action string, t Tag) error {
	entity := "model_version_tag"
	if v.Prompt {
		entity = "prompt_version_tag"
	}
	return s.events.Publish(ctx, entity, action, tagChanged{Name: v.Name, Version: itoa(v.Number), Key: t.Key, Value: valueOf(action, t)})
}

func (s *Service) publishAlias(ctx context.Context, m *Model, action string, a Alias) error {
	entity := "model_version_alias"
	if m.Prompt {
		entity = "prompt_alias"
	}
	data := aliasChanged{Name: m.Name, Alias: a.Name}
	if a.Version != 0 {
		data.Version = itoa(a.Version)
	}
	return s.events.Publish(ctx, entity, action, data)
}

func valueOf(action string, t Tag) *string {
	if action == "deleted" {
		return nil
	}
	return &t.Value
}

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func tagMap(tags []Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
