package registry

import (
	"context"
	"slices"
	"strings"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
)

// NewVersion is the request for a version. RunID and LoggedModel are nil when
// the client did not name them, which lets a models:/ source supply them.
type NewVersion struct {
	Name        string
	Source      string
	RunID       *string
	LoggedModel *string
	RunLink     string
	Description string
	Tags        []Tag
}

func (n *NewVersion) check() (err error) {
	if err := checkName(n.Name); err != nil {
		return err
	}
	for _, f := range []struct {
		name, value string
		limit       int
	}{
		{"source", n.Source, maxURI}, {"run_link", n.RunLink, maxURI},
		{"description", n.Description, maxDescription},
		{"run_id", deref(n.RunID), maxName}, {"model_id", deref(n.LoggedModel), maxName},
	} {
		if err := checkText(f.name, f.value, f.limit); err != nil {
			return err
		}
	}
	n.Tags, err = checkTags(n.Tags)
	return err
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// CreateVersion gives a model its next version. Where the files come from is
// checked against the run or logged model the client names.
func (s *Service) CreateVersion(ctx context.Context, n NewVersion) (*Version, error) {
	if n.Source == "" {
		return nil, fault.Invalidf("Missing value for required parameter 'source'.")
	}
	if err := n.check(); err != nil {
		return nil, err
	}
	prompt := isPrompt(n.Tags)
	from, err := s.origin(ctx, &n, prompt)
	if err != nil {
		return nil, err
	}
	var v *Version
	err = s.store.Write(ctx, func(ctx context.Context) error {
		m, err := s.Model(ctx, n.Name)
		if err != nil {
			return err
		}
		now := s.millis()
		m.LastVersion, m.Updated = m.LastVersion+1, now
		if err := s.store.UpdateModel(ctx, m); err != nil {
			return err
		}
		description := n.Description
		v = &Version{
			ModelID: m.ID, Workspace: m.Workspace, Name: m.Name, Number: m.LastVersion,
			Prompt: prompt, Stage: StageNone, Description: &description, User: caller.From(ctx).User,
			Source: from.source, Location: from.location, RunID: from.runID, RunLink: n.RunLink,
			LoggedModel: from.loggedModel, Created: now, Updated: now, Tags: n.Tags,
		}
		if err := s.store.InsertVersion(ctx, v); err != nil {
			return err
		}
		if v.LoggedModel != "" && !prompt {
			if err := s.origins.LinkVersion(ctx, v.LoggedModel, v.Name, v.Number); err != nil {
				return err
			}
		}
		if err := s.recordVersion(ctx, "model_version.create", nil, v); err != nil {
			return err
		}
		return s.publishVersionCreated(ctx, v)
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Version returns one version of a model.
func (s *Service) Version(ctx context.Context, name string, number int64) (*Version, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	v, err := s.store.VersionByNumber(ctx, caller.Workspace(ctx), name, number)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("Model Version (name=%s, version=%d) not found", clip(name), number)
	}
	return v, err
}

func (s *Service) changeVersion(ctx context.Context, name string, number int64, action string, fn func(ctx context.Context, v *Version) error) (*Version, error) {
	var v *Version
	err := s.store.Write(ctx, func(ctx context.Context) error {
		var err error
		if v, err = s.Version(ctx, name, number); err != nil {
			return err
		}
		before := *v
		if err := fn(ctx, v); err != nil {
			return err
		}
		return s.recordVersion(ctx, "model_version."+action, &before, v)
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// DescribeVersion replaces a version's description; nil clears it.
func (s *Service) DescribeVersion(ctx context.Context, name string, number int64, description *string) (*Version, error) {
	if err := checkText("description", deref(description), maxDescription); err != nil {
		return nil, err
	}
	return s.changeVersion(ctx, name, number, "update", func(ctx context.Context, v *Version) error {
		v.Description, v.Updated = description, s.millis()
		return s.store.UpdateVersion(ctx, v)
	})
}

// ParseStage reads a stage in any case.
func ParseStage(stage string) (Stage, error) {
	for _, s := range []Stage{StageNone, StageStaging, StageProduction, StageArchived} {
		if strings.EqualFold(stage, string(s)) {
			return s, nil
		}
	}
	return "", fault.Invalidf("Invalid Model Version stage: %s. Value must be one of None, Staging, Production, Archived.", clip(stage))
}

// Transition moves a version to a stage. With archive, which only Staging and
// Production allow, the versions that were in that stage are archived.
func (s *Service) Transition(ctx context.Context, name string, number int64, stage string, archive bool) (*Version, error) {
	to, err := ParseStage(stage)
	if err != nil {
		return nil, err
	}
	if archive && to != StageStaging && to != StageProduction {
		return nil, fault.Invalidf("Existing model versions cannot be archived by a transition to '%s': only Staging and Production are active stages", to)
	}
	return s.changeVersion(ctx, name, number, "stage", func(ctx context.Context, v *Version) error {
		now := s.millis()
		if archive {
			if err := s.store.ArchiveStage(ctx, v.ModelID, to, number, now); err != nil {
				return err
			}
		}
		v.Stage, v.Updated = to, now
		if err := s.store.UpdateVersion(ctx, v); err != nil {
			return err
		}
		return s.touch(ctx, name, now)
	})
}

// DeleteVersion removes a version and the aliases that point to it. Its number
// is not given again.
func (s *Service) DeleteVersion(ctx context.Context, name string, number int64) error {
	return s.store.Write(ctx, func(ctx context.Context) error {
		v, err := s.Version(ctx, name, number)
		if err != nil {
			return err
		}
		if err := s.store.DeleteVersion(ctx, v); err != nil {
			return err
		}
		if err := s.touch(ctx, name, s.millis()); err != nil {
			return err
		}
		return s.recordVersion(ctx, "model_version.delete", v, nil)
	})
}

// touch notes on a model that its versions changed.
func (s *Service) touch(ctx context.Context, name string, now int64) error {
	m, err := s.Model(ctx, name)
	if err != nil {
		return err
	}
	m.Updated = now
	return s.store.UpdateModel(ctx, m)
}

// SetVersionTag sets or replaces one tag of a version.
func (s *Service) SetVersionTag(ctx context.Context, name string, number int64, t Tag) error {
	if err := checkTag(t); err != nil {
		return err
	}
	_, err := s.changeVersion(ctx, name, number, "tag", func(ctx context.Context, v *Version) error {
		if err := s.store.PutVersionTag(ctx, v.ID, t); err != nil {
			return err
		}
		v.Tags = lastByKey(append(slices.Clone(v.Tags), t))
		if err := s.rekindVersion(ctx, v); err != nil {
			return err
		}
		return s.publishVersionTag(ctx, v, "set", t)
	})
	return err
}

// DeleteVersionTag removes a tag of a version; a missing one is no error.
func (s *Service) DeleteVersionTag(ctx context.Context, name string, number int64, key string) error {
	if err := checkTagKey(key); err != nil {
		return err
	}
	_, err := s.changeVersion(ctx, name, number, "untag", func(ctx context.Context, v *Version) error {
		if err := s.store.DeleteVersionTag(ctx, v.ID, key); err != nil {
			return err
		}
		v.Tags = slices.DeleteFunc(slices.Clone(v.Tags), func(t Tag) bool { return t.Key == key })
		if err := s.rekindVersion(ctx, v); err != nil {
			return err
		}
		return s.publishVersionTag(ctx, v, "deleted", Tag{Key: key})
	})
	return err
}

func (s *Service) rekindVersion(ctx context.Context, v *Version) error {
	if p := isPrompt(v.Tags); p != v.Prompt {
		v.Prompt = p
		return s.store.UpdateVersion(ctx, v)
	}
	return nil
}

// LatestVersions returns the newest version of each of stages, or of every
// stage if none is named, in the order of [Model.Latest].
func (s *Service) LatestVersions(ctx context.Context, name string, stages []string) ([]Version, error) {
	var wanted []Stage
	for _, st := range stages {
		stage, err := ParseStage(st)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, stage)
	}
	m, err := s.Model(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(wanted) == 0 {
		return m.Latest, nil
	}
	return slices.DeleteFunc(m.Latest, func(v Version) bool { return !slices.Contains(wanted, v.Stage) }), nil
}

// DownloadURI returns where the files of a version are.
func (s *Service) DownloadURI(ctx context.Context, name string, number int64) (string, error) {
	v, err := s.Version(ctx, name, number)
	if err != nil {
		return "", err
	}
	return v.Location, nil
}
