package registry

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// CreateModel registers a model, or a prompt if tags say so, without versions.
func (s *Service) CreateModel(ctx context.Context, name, description string, tags []Tag) (*Model, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := checkText("description", description, maxDescription); err != nil {
		return nil, err
	}
	tags, err := checkTags(tags)
	if err != nil {
		return nil, err
	}
	var m *Model
	err = s.store.Write(ctx, func(ctx context.Context) error {
		now := s.millis()
		m = &Model{
			Workspace: caller.Workspace(ctx), Name: name, Description: description,
			Prompt: isPrompt(tags), Created: now, Updated: now, Tags: tags,
		}
		old, err := s.store.ModelByName(ctx, m.Workspace, name)
		if err == nil {
			return taken(name, old.Prompt, m.Prompt)
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		if err := s.store.InsertModel(ctx, m); err != nil {
			return err
		}
		if err := s.record(ctx, "registered_model.create", nil, m); err != nil {
			return err
		}
		return s.publishModelCreated(ctx, m)
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// taken says which of the two kinds holds a name already.
func taken(name string, oldPrompt, newPrompt bool) error {
	if oldPrompt != newPrompt {
		return fault.Existsf("The name %q is already taken by a %s; a %s cannot have the same name.", clip(name), strings.ToLower(kind(oldPrompt)), strings.ToLower(kind(newPrompt)))
	}
	return fault.Existsf("%s (name=%s) already exists.", kind(newPrompt), clip(name))
}

func kind(prompt bool) string {
	if prompt {
		return "Prompt"
	}
	return "Registered Model"
}

// Model returns a registered model or prompt.
func (s *Service) Model(ctx context.Context, name string) (*Model, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	m, err := s.store.ModelByName(ctx, caller.Workspace(ctx), name)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("Registered Model with name=%s not found", clip(name))
	}
	return m, err
}

// change reads a model inside a Write, lets fn change it, and returns it.
func (s *Service) change(ctx context.Context, name, action string, fn func(ctx context.Context, m *Model) error) (*Model, error) {
	var m *Model
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if m, err = s.Model(ctx, name); err != nil {
			return err
		}
		before := *m
		if err := fn(ctx, m); err != nil {
			return err
		}
		return s.record(ctx, "registered_model."+action, &before, m)
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// DescribeModel replaces a model's description.
func (s *Service) DescribeModel(ctx context.Context, name, description string) (*Model, error) {
	if err := checkText("description", description, maxDescription); err != nil {
		return nil, err
	}
	return s.change(ctx, name, "update", func(ctx context.Context, m *Model) error {
		m.Description, m.Updated = description, s.millis()
		return s.store.UpdateModel(ctx, m)
	})
}

// RenameModel gives a model another name; versions, tags and aliases go with it.
func (s *Service) RenameModel(ctx context.Context, name, to string) (*Model, error) {
	if err := checkNamed("new_name", to); err != nil {
		return nil, err
	}
	return s.change(ctx, name, "rename", func(ctx context.Context, m *Model) error {
		if to != name {
			_, err := s.store.ModelByName(ctx, m.Workspace, to)
			if err == nil {
				return fault.Existsf("Registered Model (name=%s) already exists.", clip(to))
			}
			if !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		m.Name, m.Updated = to, s.millis()
		for i := range m.Latest {
			m.Latest[i].Name, m.Latest[i].Updated = to, m.Updated
		}
		return s.store.UpdateModel(ctx, m)
	})
}

// DeleteModel removes a model with all its versions.
func (s *Service) DeleteModel(ctx context.Context, name string) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		m, err := s.Model(ctx, name)
		if err != nil {
			return err
		}
		if err := s.store.DeleteModel(ctx, m.ID); err != nil {
			return err
		}
		return s.record(ctx, "registered_model.delete", m, nil)
	})
}

// SetModelTag sets or replaces one tag of a model.
func (s *Service) SetModelTag(ctx context.Context, name string, t Tag) error {
	if err := checkTag(t); err != nil {
		return err
	}
	_, err := s.change(ctx, name, "tag", func(ctx context.Context, m *Model) error {
		if err := s.store.PutModelTag(ctx, m.ID, t); err != nil {
			return err
		}
		m.Tags = lastByKey(append(slices.Clone(m.Tags), t))
		if err := s.rekind(ctx, m); err != nil {
			return err
		}
		return s.publishModelTag(ctx, m, "set", t)
	})
	return err
}

// DeleteModelTag removes a tag of a model; a missing one is no error.
func (s *Service) DeleteModelTag(ctx context.Context, name, key string) error {
	if err := checkTagKey(key); err != nil {
		return err
	}
	_, err := s.change(ctx, name, "untag", func(ctx context.Context, m *Model) error {
		if err := s.store.DeleteModelTag(ctx, m.ID, key); err != nil {
			return err
		}
		m.Tags = slices.DeleteFunc(slices.Clone(m.Tags), func(t Tag) bool { return t.Key == key })
		if err := s.rekind(ctx, m); err != nil {
			return err
		}
		return s.publishModelTag(ctx, m, "deleted", Tag{Key: key})
	})
	return err
}

// rekind stores whether m is a prompt after a change of its tags.
func (s *Service) rekind(ctx context.Context, m *Model) error {
	if p := isPrompt(m.Tags); p != m.Prompt {
		m.Prompt = p
		return s.store.UpdateModel(ctx, m)
	}
	return nil
}

// SetAlias points an alias of a model to one of its versions.
func (s *Service) SetAlias(ctx context.Context, name, alias string, number int64) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := checkNewAlias(alias); err != nil {
		return err
	}
	_, err := s.change(ctx, name, "alias", func(ctx context.Context, m *Model) error {
		if _, err := s.Version(ctx, name, number); err != nil {
			return err
		}
		a := Alias{Name: alias, Version: number}
		if err := s.store.PutAlias(ctx, m.ID, a); err != nil {
			return err
		}
		m.Aliases = append(slices.DeleteFunc(slices.Clone(m.Aliases), func(o Alias) bool { return o.Name == alias }), a)
		return s.publishAlias(ctx, m, "created", a)
	})
	return err
}

// DeleteAlias removes an alias; a missing one is no error.
func (s *Service) DeleteAlias(ctx context.Context, name, alias string) error {
	if err := checkAlias(alias); err != nil {
		return err
	}
	_, err := s.change(ctx, name, "unalias", func(ctx context.Context, m *Model) error {
		if err := s.store.DeleteAlias(ctx, m.ID, alias); err != nil {
			return err
		}
		m.Aliases = slices.DeleteFunc(slices.Clone(m.Aliases), func(o Alias) bool { return o.Name == alias })
		return s.publishAlias(ctx, m, "deleted", Alias{Name: alias})
	})
	return err
}

// VersionByAlias resolves an alias. "latest", in any case, is the version with
// the highest number.
func (s *Service) VersionByAlias(ctx context.Context, name, alias string) (*Version, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := checkAlias(alias); err != nil {
		return nil, err
	}
	m, err := s.Model(ctx, name)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(alias, latestAlias) {
		if v := m.Newest(); v != nil {
			return v, nil
		}
		return nil, fault.NotFoundf("Latest version not found for model %s.", clip(name))
	}
	i := slices.IndexFunc(m.Aliases, func(a Alias) bool { return a.Name == alias })
	if i < 0 {
		// Clients tell a missing alias from a missing model by this kind.
		return nil, fault.Invalidf("Registered model alias %s not found.", clip(alias))
	}
	return s.Version(ctx, name, m.Aliases[i].Version)
}

func isPrompt(tags []Tag) bool { return strings.EqualFold(tagValue(tags, PromptTag), "true") }

func tagValue(tags []Tag, key string) string {
	for _, t := range slices.Backward(tags) {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// lastByKey keeps the last tag of each key and orders by key.
func lastByKey(tags []Tag) []Tag {
	if len(tags) == 0 {
		return nil
	}
	byKey := make(map[string]string, len(tags))
	for _, t := range tags {
		byKey[t.Key] = t.Value
	}
	out := make([]Tag, 0, len(byKey))
	for k, v := range byKey {
		out = append(out, Tag{k, v})
	}
	slices.SortFunc(out, func(a, b Tag) int { return cmp.Compare(a.Key, b.Key) })
	return out
}
