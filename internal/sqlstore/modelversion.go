package sqlstore

import (
	"context"
	"fmt"

	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/registry"
)

const versionColumns = `v.id, v.model_id, v.workspace, v.name, v.version, v.is_prompt, v.stage, v.description, v.user_id,
	v.source, v.location, v.run_id, v.run_link, v.logged_model, v.created_at, v.updated_at`

func scanVersion(v *registry.Version) []any {
	return []any{
		&v.ID, &v.ModelID, &v.Workspace, &v.Name, &v.Number, (*boolean)(&v.Prompt), &v.Stage, &v.Description, &v.User,
		&v.Source, &v.Location, &v.RunID, &v.RunLink, &v.LoggedModel, &v.Created, &v.Updated,
	}
}

// InsertVersion implements [registry.Versions].
func (r *Registry) InsertVersion(ctx context.Context, v *registry.Version) error {
	err := r.db.QueryRow(ctx, `INSERT INTO model_version (model_id, workspace, name, version, is_prompt, stage, description, user_id,
		source, location, run_id, run_link, logged_model, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		[]any{
			v.ModelID, v.Workspace, v.Name, v.Number, bit(v.Prompt), string(v.Stage), v.Description, v.User,
			v.Source, v.Location, v.RunID, v.RunLink, v.LoggedModel, v.Created, v.Updated,
		}, &v.ID)
	if err != nil {
		return err
	}
	for _, t := range v.Tags {
		if err := r.PutVersionTag(ctx, v.ID, t); err != nil {
			return err
		}
	}
	return nil
}

// VersionByNumber implements [registry.Versions].
func (r *Registry) VersionByNumber(ctx context.Context, workspace, name string, number int64) (*registry.Version, error) {
	v := new(registry.Version)
	err := r.db.QueryRow(ctx, `SELECT `+versionColumns+` FROM model_version v WHERE v.workspace = ? AND v.name = ? AND v.version = ?`,
		[]any{workspace, name, number}, scanVersion(v)...)
	if err != nil {
		return nil, err
	}
	_, err = r.fillVersions(ctx, []*registry.Version{v})
	return v, err
}

// fillVersions reads tags and aliases of versions and returns how many bytes
// of text they have.
func (r *Registry) fillVersions(ctx context.Context, versions []*registry.Version) (size int, err error) {
	type number struct{ model, version int64 }
	byID := make(map[int64]*registry.Version, len(versions))
	byNumber := make(map[number]*registry.Version, len(versions))
	known := map[int64]bool{}
	var ids, models []int64
	for _, v := range versions {
		byID[v.ID] = v
		byNumber[number{v.ModelID, v.Number}] = v
		ids = append(ids, v.ID)
		if !known[v.ModelID] {
			known[v.ModelID] = true
			models = append(models, v.ModelID)
		}
		if v.Description != nil {
			size += len(*v.Description)
		}
	}
	err = r.db.eachOf(ctx, `SELECT version_id, key, value FROM model_version_tag WHERE version_id IN (%s) ORDER BY version_id, key`, ids,
		func(scan func(...any) error) error {
			var id int64
			var t registry.Tag
			if err := scan(&id, &t.Key, &t.Value); err != nil {
				return err
			}
			byID[id].Tags = append(byID[id].Tags, t)
			size += len(t.Value)
			return nil
		})
	if err != nil {
		return 0, err
	}
	err = r.db.eachOf(ctx, `SELECT model_id, version, alias FROM registered_model_alias WHERE model_id IN (%s) ORDER BY model_id, alias`, models,
		func(scan func(...any) error) error {
			var n number
			var alias string
			if err := scan(&n.model, &n.version, &alias); err != nil {
				return err
			}
			if v := byNumber[n]; v != nil {
				v.Aliases = append(v.Aliases, alias)
			}
			return nil
		})
	return size, err
}

// UpdateVersion implements [registry.Versions].
func (r *Registry) UpdateVersion(ctx context.Context, v *registry.Version) error {
	_, err := r.db.Exec(ctx, `UPDATE model_version SET is_prompt = ?, stage = ?, description = ?, updated_at = ? WHERE id = ?`,
		bit(v.Prompt), string(v.Stage), v.Description, v.Updated, v.ID)
	return err
}

// DeleteVersion implements [registry.Versions].
func (r *Registry) DeleteVersion(ctx context.Context, v *registry.Version) error {
	if _, err := r.db.Exec(ctx, `DELETE FROM registered_model_alias WHERE model_id = ? AND version = ?`, v.ModelID, v.Number); err != nil {
		return err
	}
	_, err := r.db.Exec(ctx, `DELETE FROM model_version WHERE id = ?`, v.ID)
	return err
}

// ArchiveStage implements [registry.Versions].
func (r *Registry) ArchiveStage(ctx context.Context, model int64, stage registry.Stage, except, now int64) error {
	_, err := r.db.Exec(ctx, `UPDATE model_version SET stage = ?, updated_at = ? WHERE model_id = ? AND stage = ? AND version <> ?`,
		string(registry.StageArchived), now, model, string(stage), except)
	return err
}

// PutVersionTag implements [registry.Versions].
func (r *Registry) PutVersionTag(ctx context.Context, id int64, t registry.Tag) error {
	_, err := r.db.Exec(ctx, `INSERT INTO model_version_tag (version_id, key, value) VALUES (?, ?, ?)
		ON CONFLICT (version_id, key) DO UPDATE SET value = excluded.value`, id, t.Key, t.Value)
	return err
}

// DeleteVersionTag implements [registry.Versions].
func (r *Registry) DeleteVersionTag(ctx context.Context, id int64, key string) error {
	_, err := r.db.Exec(ctx, `DELETE FROM model_version_tag WHERE version_id = ? AND key = ?`, id, key)
	return err
}

var versionFields = searchFields{
	id: "v.id", workspace: "v.workspace", tags: "model_version_tag", owner: "version_id", lookups: []string{"name", "run_id"},
	columns: map[string]string{
		"name": "v.name", "version_number": "v.version", "run_id": "v.run_id", "source_path": "v.source",
		"creation_timestamp": "v.created_at", "last_updated_timestamp": "v.updated_at",
	},
}

// SearchVersions implements [registry.Versions].
func (r *Registry) SearchVersions(ctx context.Context, workspace string, q registry.Query) ([]*registry.Version, string, error) {
	s := selection{db: r.db, workspace: workspace, fields: versionFields, filter: q.Filter, order: q.Order, limit: q.Limit, kind: "v.is_prompt", kindValue: bit(q.Prompts)}
	s.scope = page.NewQuery("model versions", workspace, fmt.Sprint(q.Prompts, q.Filter, q.Order))
	if !q.Prompts {
		// One version marked as a prompt makes all of its name hidden.
		s.where("NOT EXISTS (SELECT 1 FROM model_version p WHERE p.model_id = v.model_id AND p.is_prompt = 1)")
	}
	query, args, err := s.build(ctx, `SELECT `+versionColumns+` FROM model_version v`, q.Token)
	if err != nil {
		return nil, "", err
	}
	var versions []*registry.Version
	err = r.db.Each(ctx, query, args, func(scan func(...any) error) error {
		v := new(registry.Version)
		versions = append(versions, v)
		return scan(scanVersion(v)...)
	})
	if err != nil {
		return nil, "", err
	}
	versions, more := cutPage(versions, q.Limit)
	size := 0
	for i := 0; i < len(versions); i += registryChunk {
		if size > registryText {
			versions, more = versions[:i], true
			break
		}
		n, err := r.fillVersions(ctx, versions[i:min(i+registryChunk, len(versions))])
		if err != nil {
			return nil, "", err
		}
		size += n
	}
	if !more {
		return versions, "", nil
	}
	last := versions[len(versions)-1]
	return versions, s.token(map[string]page.Key{
		"name": page.StringKey(last.Name), "version_number": page.IntKey(last.Number),
		"creation_timestamp": page.IntKey(last.Created), "last_updated_timestamp": page.IntKey(last.Updated),
	}), nil
}
