package sqlstore

import (
	"context"
	"fmt"

	"github.com/assayhq/assay/internal/page"
	"github.com/assayhq/assay/internal/registry"
)

// Registry is the registry's store.
type Registry struct{ db *DB }

// NewRegistry returns the registry's store in db, whose schema is "control".
func NewRegistry(db *DB) *Registry { return &Registry{db} }

// Write implements [registry.Store].
func (r *Registry) Write(ctx context.Context, fn func(context.Context) error) error {
	return r.db.Write(ctx, fn)
}

// InsertModel implements [registry.Models].
func (r *Registry) InsertModel(ctx context.Context, m *registry.Model) error {
	err := r.db.QueryRow(ctx, `INSERT INTO registered_model (workspace, name, is_prompt, description, last_version, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		[]any{m.Workspace, m.Name, bit(m.Prompt), m.Description, m.LastVersion, m.Created, m.Updated}, &m.ID)
	if err != nil {
		return err
	}
	for _, t := range m.Tags {
		if err := r.PutModelTag(ctx, m.ID, t); err != nil {
			return err
		}
	}
	return nil
}

const modelColumns = `m.id, m.workspace, m.name, m.is_prompt, m.description, m.last_version, m.created_at, m.updated_at,
	(SELECT count(*) FROM model_version c WHERE c.model_id = m.id)`

func scanModel(m *registry.Model) []any {
	return []any{&m.ID, &m.Workspace, &m.Name, (*boolean)(&m.Prompt), &m.Description, &m.LastVersion, &m.Created, &m.Updated, &m.Versions}
}

// ModelByName implements [registry.Models].
func (r *Registry) ModelByName(ctx context.Context, workspace, name string) (*registry.Model, error) {
	m := new(registry.Model)
	err := r.db.QueryRow(ctx, `SELECT `+modelColumns+` FROM registered_model m WHERE m.workspace = ? AND m.name = ?`,
		[]any{workspace, name}, scanModel(m)...)
	if err != nil {
		return nil, err
	}
	_, err = r.fillModels(ctx, []*registry.Model{m})
	return m, err
}

// fillModels reads tags, aliases and latest versions of models and returns
// how many bytes of text they have.
func (r *Registry) fillModels(ctx context.Context, models []*registry.Model) (size int, err error) {
	byID := make(map[int64]*registry.Model, len(models))
	ids := make([]int64, 0, len(models))
	for _, m := range models {
		byID[m.ID] = m
		ids = append(ids, m.ID)
		size += len(m.Description)
	}
	err = r.db.eachOf(ctx, `SELECT model_id, key, value FROM registered_model_tag WHERE model_id IN (%s) ORDER BY model_id, key`, ids,
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
	err = r.db.eachOf(ctx, `SELECT model_id, alias, version FROM registered_model_alias WHERE model_id IN (%s) ORDER BY model_id, alias`, ids,
		func(scan func(...any) error) error {
			var id int64
			var a registry.Alias
			if err := scan(&id, &a.Name, &a.Version); err != nil {
				return err
			}
			byID[id].Aliases = append(byID[id].Aliases, a)
			return nil
		})
	if err != nil {
		return 0, err
	}
	var latest []*registry.Version
	err = r.db.eachOf(ctx, `SELECT `+versionColumns+` FROM model_version v
		JOIN (SELECT model_id, stage, max(version) AS version, min(version) AS oldest FROM model_version WHERE model_id IN (%s) GROUP BY model_id, stage) l
		ON v.model_id = l.model_id AND v.version = l.version AND v.stage = l.stage ORDER BY v.model_id, l.oldest`, ids,
		func(scan func(...any) error) error {
			v := new(registry.Version)
			latest = append(latest, v)
			return scan(scanVersion(v)...)
		})
	if err != nil {
		return 0, err
	}
	more, err := r.fillVersions(ctx, latest)
	for _, v := range latest {
		byID[v.ModelID].Latest = append(byID[v.ModelID].Latest, *v)
	}
	return size + more, err
}

// UpdateModel implements [registry.Models].
func (r *Registry) UpdateModel(ctx context.Context, m *registry.Model) error {
	_, err := r.db.Exec(ctx, `UPDATE model_version SET name = ?, updated_at = ? WHERE model_id = ? AND name <> ?`, m.Name, m.Updated, m.ID, m.Name)
	if err != nil {
		return err
	}
	_, err = r.db.Exec(ctx, `UPDATE registered_model SET name = ?, is_prompt = ?, description = ?, last_version = ?, updated_at = ? WHERE id = ?`,
		m.Name, bit(m.Prompt), m.Description, m.LastVersion, m.Updated, m.ID)
	return err
}

// DeleteModel implements [registry.Models].
func (r *Registry) DeleteModel(ctx context.Context, id int64) error {
	_, err := r.db.Exec(ctx, `DELETE FROM registered_model WHERE id = ?`, id)
	return err
}

// PutModelTag implements [registry.Models].
func (r *Registry) PutModelTag(ctx context.Context, id int64, t registry.Tag) error {
	_, err := r.db.Exec(ctx, `INSERT INTO registered_model_tag (model_id, key, value) VALUES (?, ?, ?)
		ON CONFLICT (model_id, key) DO UPDATE SET value = excluded.value`, id, t.Key, t.Value)
	return err
}

// DeleteModelTag implements [registry.Models].
func (r *Registry) DeleteModelTag(ctx context.Context, id int64, key string) error {
	_, err := r.db.Exec(ctx, `DELETE FROM registered_model_tag WHERE model_id = ? AND key = ?`, id, key)
	return err
}

// PutAlias implements [registry.Models].
func (r *Registry) PutAlias(ctx context.Context, id int64, a registry.Alias) error {
	_, err := r.db.Exec(ctx, `INSERT INTO registered_model_alias (model_id, alias, version) VALUES (?, ?, ?)
		ON CONFLICT (model_id, alias) DO UPDATE SET version = excluded.version`, id, a.Name, a.Version)
	return err
}

// DeleteAlias implements [registry.Models].
func (r *Registry) DeleteAlias(ctx context.Context, id int64, name string) error {
	_, err := r.db.Exec(ctx, `DELETE FROM registered_model_alias WHERE model_id = ? AND alias = ?`, id, name)
	return err
}

// registryText is how many bytes of tags and descriptions a page may hold.
// Prompts keep their text in tags, so that a page of many is cut short rather
// than kept in memory whole.
const registryText = 32 << 20

// registryChunk is how many rows of a page are completed at a time.
const registryChunk = 100

var modelFields = searchFields{
	id: "m.id", workspace: "m.workspace", tags: "registered_model_tag", owner: "model_id",
	columns: map[string]string{"name": "m.name", "last_updated_timestamp": "m.updated_at"},
}

// SearchModels implements [registry.Models].
func (r *Registry) SearchModels(ctx context.Context, workspace string, q registry.Query) ([]*registry.Model, string, error) {
	s := selection{db: r.db, workspace: workspace, fields: modelFields, filter: q.Filter, order: q.Order, limit: q.Limit, kind: "m.is_prompt", kindValue: bit(q.Prompts)}
	s.scope = page.NewQuery("registered models", workspace, fmt.Sprint(q.Prompts, q.Filter, q.Order))
	query, args, err := s.build(ctx, `SELECT `+modelColumns+` FROM registered_model m`, q.Token)
	if err != nil {
		return nil, "", err
	}
	var models []*registry.Model
	err = r.db.Each(ctx, query, args, func(scan func(...any) error) error {
		m := new(registry.Model)
		models = append(models, m)
		return scan(scanModel(m)...)
	})
	if err != nil {
		return nil, "", err
	}
	models, more := cutPage(models, q.Limit)
	size := 0
	for i := 0; i < len(models); i += registryChunk {
		if size > registryText {
			models, more = models[:i], true
			break
		}
		n, err := r.fillModels(ctx, models[i:min(i+registryChunk, len(models))])
		if err != nil {
			return nil, "", err
		}
		size += n
	}
	if !more {
		return models, "", nil
	}
	last := models[len(models)-1]
	return models, s.token(map[string]page.Key{
		"name": page.StringKey(last.Name), "last_updated_timestamp": page.IntKey(last.Updated),
	}), nil
}
