package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/registry"
)

// TestRegistrySearchesUseIndexes reads SQLite's plans: a page in a common order
// is read off an index without sorting, and a selective filter looks its few
// rows up.
func TestRegistrySearchesUseIndexes(t *testing.T) {
	db := open(t)
	store := NewRegistry(db)
	s := registry.New(store, registry.Config{})
	err := db.Write(t.Context(), func(ctx context.Context) error {
		for i := range fewRows + 100 {
			name := fmt.Sprint("m", i)
			rare := registry.Tag{Key: "rare", Value: name}
			if _, err := s.CreateModel(ctx, name, "", []registry.Tag{rare, {Key: "common", Value: "x"}}); err != nil {
				return err
			}
			if _, err := s.CreateVersion(ctx, registry.NewVersion{Name: name, Source: "s3://b/x", Tags: []registry.Tag{rare}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const models, versions = `SELECT ` + modelColumns + ` FROM registered_model m`, `SELECT ` + versionColumns + ` FROM model_version v`
	newest := []string{"last_updated_timestamp DESC", "name ASC", "version_number DESC"}
	for _, c := range []struct {
		entity filter.Entity
		fields searchFields
		head   string
		filter string
		order  []string
		index  string
		sorts  bool
	}{
		{filter.RegisteredModels, modelFields, models, "", []string{"name ASC"}, "registered_model_kind", false},
		{filter.RegisteredModels, modelFields, models, "name = 'm7'", []string{"name ASC"}, "registered_model_name", false},
		{filter.RegisteredModels, modelFields, models, "tags.rare = 'm7'", []string{"name ASC"}, "INTEGER PRIMARY KEY", false},
		{filter.RegisteredModels, modelFields, models, "tags.common = 'x'", []string{"name ASC"}, "registered_model_kind", false},
		{filter.ModelVersions, versionFields, versions, "", newest, "model_version_updated", false},
		{filter.ModelVersions, versionFields, versions, "tags.rare = 'm7'", newest, "INTEGER PRIMARY KEY", false},
		{filter.ModelVersions, versionFields, versions, "run_id = 'r'", newest, "model_version_run", true},
		{filter.ModelVersions, versionFields, versions, "name = 'm7'", []string{"version_number DESC"}, "model_version_number", false},
	} {
		expr, err := filter.Parse(c.entity, c.filter)
		if err != nil {
			t.Fatal(err)
		}
		order, err := filter.ParseOrder(c.entity, c.order)
		if err != nil {
			t.Fatal(err)
		}
		kind := strings.Fields(c.head)[1][:2] + "is_prompt"
		sel := selection{db: db, workspace: "default", fields: c.fields, filter: expr, order: order, limit: 10, kind: kind}
		query, args, err := sel.build(t.Context(), c.head, "")
		if err != nil {
			t.Fatal(err)
		}
		plan := registryPlan(t, db, query, args)
		if !strings.Contains(plan, c.index) || strings.Contains(plan, "TEMP B-TREE") != c.sorts {
			t.Errorf("%q by %v: plan\n%swants %s, sorting %v", c.filter, c.order, plan, c.index, c.sorts)
		}
	}
}

func registryPlan(t *testing.T, db *DB, query string, args []any) string {
	t.Helper()
	var plan strings.Builder
	err := db.Each(t.Context(), "EXPLAIN QUERY PLAN "+query, args, func(scan func(...any) error) error {
		var id, parent, unused int
		var step string
		err := scan(&id, &parent, &unused, &step)
		plan.WriteString("  " + step + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
