package registry

import (
	"context"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// What another registry holds keeps its numbers and its times here. No webhook
// is told, and nothing is written to the audit log: the import has an entry of
// its own.

// ImportModel stores m without versions and aliases: a new model, or
// description, tags and times over the one of its name. A prompt does not
// replace a model, nor a model a prompt.
func (s *Service) ImportModel(ctx context.Context, m Model) error {
	if err := checkName(m.Name); err != nil {
		return err
	}
	if err := checkText("description", m.Description, maxDescription); err != nil {
		return err
	}
	tags, err := checkTags(m.Tags)
	if err != nil {
		return err
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		fresh := m
		fresh.Workspace, fresh.Tags, fresh.Prompt, fresh.LastVersion = caller.Workspace(ctx), tags, isPrompt(tags), 0
		old, err := s.store.ModelByName(ctx, fresh.Workspace, m.Name)
		if fault.Is(err, fault.NotFound) {
			return s.store.InsertModel(ctx, &fresh)
		}
		if err != nil {
			return err
		}
		if old.Prompt != fresh.Prompt {
			return taken(m.Name, old.Prompt, fresh.Prompt)
		}
		old.Description, old.Updated = m.Description, m.Updated
		for _, t := range tags {
			if err := s.store.PutModelTag(ctx, old.ID, t); err != nil {
				return err
			}
		}
		return s.store.UpdateModel(ctx, old)
	})
}

// ImportVersion stores v with its number: a new version of the model of its
// name, or stage, description, tags and update time over the one that is there.
// Location is found from Source; where that names nothing this server keeps, it
// is the source itself.
func (s *Service) ImportVersion(ctx context.Context, v Version) error {
	n := NewVersion{Name: v.Name, Source: v.Source, RunLink: v.RunLink, Description: deref(v.Description), Tags: v.Tags}
	if v.RunID != "" {
		n.RunID = &v.RunID
	}
	if v.LoggedModel != "" {
		n.LoggedModel = &v.LoggedModel
	}
	if err := n.check(); err != nil {
		return err
	}
	if v.Number < 1 {
		return fault.Invalidf("the version number %d is not positive", v.Number)
	}
	stage, err := ParseStage(string(v.Stage))
	if err != nil {
		return err
	}
	v.Stage, v.Tags, v.Prompt, v.Location = stage, n.Tags, isPrompt(n.Tags), v.Source
	if from, err := s.origin(ctx, &n, v.Prompt); err == nil {
		v.Location = from.location
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		fresh := v
		m, err := s.Model(ctx, v.Name)
		if err != nil {
			return err
		}
		old, err := s.store.VersionByNumber(ctx, m.Workspace, v.Name, v.Number)
		if err == nil {
			old.Stage, old.Description, old.Updated, old.Prompt = fresh.Stage, fresh.Description, fresh.Updated, fresh.Prompt
			for _, t := range fresh.Tags {
				if err := s.store.PutVersionTag(ctx, old.ID, t); err != nil {
					return err
				}
			}
			return s.store.UpdateVersion(ctx, old)
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		fresh.ModelID, fresh.Workspace = m.ID, m.Workspace
		if err := s.store.InsertVersion(ctx, &fresh); err != nil || v.Number <= m.LastVersion {
			return err
		}
		m.LastVersion = v.Number // what was deleted there is not given again here
		return s.store.UpdateModel(ctx, m)
	})
}

// ImportAliases points aliases of a model to versions that are here, and
// nothing else: update times stay.
func (s *Service) ImportAliases(ctx context.Context, name string, aliases []Alias) error {
	for _, a := range aliases {
		if err := checkNewAlias(a.Name); err != nil {
			return err
		}
	}
	return s.store.Write(ctx, func(ctx context.Context) error {
		m, err := s.Model(ctx, name)
		if err != nil {
			return err
		}
		for _, a := range aliases {
			if _, err := s.Version(ctx, name, a.Version); err != nil {
				return err
			}
			if err := s.store.PutAlias(ctx, m.ID, a); err != nil {
				return err
			}
		}
		return nil
	})
}
