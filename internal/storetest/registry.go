package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/sqlstore"
)

// Registry is the suite of the registry's store, through its service.
func Registry(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *registryBench){
		"numbers only grow":        registryNumbers,
		"simultaneous versions":    registryRace,
		"rename carries all":       registryRename,
		"delete takes all":         registryDelete,
		"aliases move and go":      registryAliases,
		"stages archive":           registryStages,
		"filters":                  registryFilters,
		"versions filtered":        registryVersionFilters,
		"prompts apart":            registryPrompts,
		"pages neither lose":       registryPages,
		"large prompts cut a page": registryLargePages,
		"workspaces apart":         registryWorkspaces,
		"failure leaves nothing":   registryAtomic,
	} {
		t.Run(name, func(t *testing.T) { test(t, newRegistryBench(t, open(t))) })
	}
}

// registryBench is a registry with a clock that ticks and a listener.
type registryBench struct {
	*registry.Service
	db     *sqlstore.DB
	events *eventLog
}

// eventLog keeps what was published, and refuses once told to.
type eventLog struct {
	mu     sync.Mutex
	list   []string
	refuse bool
}

func (l *eventLog) Publish(_ context.Context, entity, action string, _ any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse {
		return errors.New("refused")
	}
	l.list = append(l.list, entity+"."+action)
	return nil
}

func newRegistryBench(t *testing.T, db *sqlstore.DB) *registryBench {
	var mu sync.Mutex
	now := time.UnixMilli(1_700_000_000_000)
	tick := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Millisecond)
		return now
	}
	events := &eventLog{}
	return &registryBench{registry.New(sqlstore.NewRegistry(db), registry.Config{Events: events, Now: tick}), db, events}
}

func (b *registryBench) model(t *testing.T, name string, tags ...registry.Tag) *registry.Model {
	t.Helper()
	m, err := b.CreateModel(t.Context(), name, "about "+name, tags)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (b *registryBench) version(t *testing.T, name string, tags ...registry.Tag) *registry.Version {
	t.Helper()
	source := "s3://bucket/" + name
	if slices.Contains(tags, registry.Tag{Key: registry.PromptTag, Value: "true"}) {
		source = "dummy-source"
	}
	v, err := b.CreateVersion(t.Context(), registry.NewVersion{Name: name, Source: source, Tags: tags})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func failsAs(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("error %v; want a fault of kind %v", err, kind)
	}
}

func registryNumbers(t *testing.T, b *registryBench) {
	b.model(t, "m")
	for want := int64(1); want <= 3; want++ {
		if v := b.version(t, "m"); v.Number != want {
			t.Fatalf("version %d; want %d", v.Number, want)
		}
	}
	if err := b.DeleteVersion(t.Context(), "m", 3); err != nil {
		t.Fatal(err)
	}
	failsAs(t, b.DeleteVersion(t.Context(), "m", 3), fault.NotFound)
	if v := b.version(t, "m"); v.Number != 4 {
		t.Errorf("version %d after 3 was deleted; want 4", v.Number)
	}
	_, err := b.CreateModel(t.Context(), "m", "", nil)
	failsAs(t, err, fault.Exists)
	_, err = b.CreateVersion(t.Context(), registry.NewVersion{Name: "none", Source: "s3://b/x"})
	failsAs(t, err, fault.NotFound)
}

func registryRace(t *testing.T, b *registryBench) {
	b.model(t, "m")
	const writers, each = 8, 5
	var mu sync.Mutex
	seen := map[int64]int{}
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				v, err := b.CreateVersion(t.Context(), registry.NewVersion{Name: "m", Source: "s3://b/x"})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[v.Number]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for n := int64(1); n <= writers*each; n++ {
		if seen[n] != 1 {
			t.Errorf("number %d was given %d times", n, seen[n])
		}
	}
}

func registryRename(t *testing.T, b *registryBench) {
	b.model(t, "old", registry.Tag{Key: "k", Value: "v"})
	b.model(t, "taken")
	b.version(t, "old", registry.Tag{Key: "a", Value: "1"})
	if err := b.SetAlias(t.Context(), "old", "best", 1); err != nil {
		t.Fatal(err)
	}
	_, err := b.RenameModel(t.Context(), "old", "taken")
	failsAs(t, err, fault.Exists)
	m, err := b.RenameModel(t.Context(), "old", "new")
	if err != nil || m.Name != "new" {
		t.Fatalf("%v, %v", m, err)
	}
	_, err = b.Model(t.Context(), "old")
	failsAs(t, err, fault.NotFound)
	v, err := b.VersionByAlias(t.Context(), "new", "best")
	if err != nil || v.Name != "new" || v.Number != 1 || len(v.Tags) != 1 || v.Updated != m.Updated {
		t.Errorf("version by alias after the rename: %+v, %v", v, err)
	}
	if m, err := b.RenameModel(t.Context(), "new", "new"); err != nil || m.Name != "new" {
		t.Errorf("renamed to itself: %v", err)
	}
}

func registryDelete(t *testing.T, b *registryBench) {
	b.model(t, "m", registry.Tag{Key: "k", Value: "v"})
	b.version(t, "m", registry.Tag{Key: "a", Value: "1"})
	if err := b.SetAlias(t.Context(), "m", "best", 1); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteModel(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	failsAs(t, b.DeleteModel(t.Context(), "m"), fault.NotFound)
	for _, table := range []string{"registered_model", "registered_model_tag", "registered_model_alias", "model_version", "model_version_tag"} {
		var n int
		if err := b.db.QueryRow(t.Context(), "SELECT count(*) FROM "+table, nil, &n); err != nil || n != 0 {
			t.Errorf("%s holds %d rows, %v", table, n, err)
		}
	}
	b.model(t, "m")
	if v := b.version(t, "m"); v.Number != 1 {
		t.Errorf("a model made again begins at version %d", v.Number)
	}
}

func registryAliases(t *testing.T, b *registryBench) {
	b.model(t, "m")
	b.version(t, "m")
	b.version(t, "m")
	_, err := b.VersionByAlias(t.Context(), "m", "none")
	failsAs(t, err, fault.Invalid)
	failsAs(t, b.SetAlias(t.Context(), "m", "x", 9), fault.NotFound)
	for _, n := range []int64{1, 2} {
		if err := b.SetAlias(t.Context(), "m", "best", n); err != nil {
			t.Fatal(err)
		}
		if v, err := b.VersionByAlias(t.Context(), "m", "best"); err != nil || v.Number != n || !slices.Equal(v.Aliases, []string{"best"}) {
			t.Errorf("alias to %d gives %+v, %v", n, v, err)
		}
	}
	if v, err := b.VersionByAlias(t.Context(), "m", "LATEST"); err != nil || v.Number != 2 {
		t.Errorf("latest is %+v, %v", v, err)
	}
	if err := b.DeleteVersion(t.Context(), "m", 2); err != nil {
		t.Fatal(err)
	}
	if m, err := b.Model(t.Context(), "m"); err != nil || len(m.Aliases) != 0 {
		t.Errorf("aliases %v of a deleted version are left, %v", m.Aliases, err)
	}
	if err := b.DeleteAlias(t.Context(), "m", "best"); err != nil {
		t.Errorf("deleting a missing alias: %v", err)
	}
	want := []string{"registered_model.created", "model_version.created", "model_version.created",
		"model_version_alias.created", "model_version_alias.created", "model_version_alias.deleted"}
	if !slices.Equal(b.events.list, want) {
		t.Errorf("events %v; want %v", b.events.list, want)
	}
}

func registryStages(t *testing.T, b *registryBench) {
	b.model(t, "m")
	for range 3 {
		b.version(t, "m")
	}
	for _, step := range []struct {
		number  int64
		stage   string
		archive bool
	}{{1, "production", false}, {2, "Production", true}} {
		if _, err := b.Transition(t.Context(), "m", step.number, step.stage, step.archive); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.Transition(t.Context(), "m", 3, "Archived", true)
	failsAs(t, err, fault.Invalid)
	latest, err := b.LatestVersions(t.Context(), "m", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range latest {
		got = append(got, fmt.Sprint(v.Number, " ", v.Stage))
	}
	if want := []string{"1 Archived", "2 Production", "3 None"}; !slices.Equal(got, want) {
		t.Errorf("latest versions %v; want %v", got, want)
	}
	only, err := b.LatestVersions(t.Context(), "m", []string{"PRODUCTION"})
	if err != nil || len(only) != 1 || only[0].Number != 2 {
		t.Errorf("latest in Production: %v, %v", only, err)
	}
}

func (b *registryBench) names(t *testing.T, filter string, order ...string) string {
	t.Helper()
	models, _, err := b.SearchModels(t.Context(), registry.Search{Filter: filter, Order: order})
	if err != nil {
		t.Fatalf("%s: %v", filter, err)
	}
	var names []string
	for _, m := range models {
		names = append(names, m.Name)
	}
	return strings.Join(names, " ")
}

func registryFilters(t *testing.T, b *registryBench) {
	long := strings.Repeat("é", 70)
	b.model(t, "alpha", registry.Tag{Key: "team", Value: "red"}, registry.Tag{Key: "long", Value: long + "1"})
	b.model(t, "Beta", registry.Tag{Key: "team", Value: "blue"}, registry.Tag{Key: "long", Value: long + "2"})
	b.model(t, "gamma_x", registry.Tag{Key: "team", Value: "red"}, registry.Tag{Key: "env", Value: "prod"})
	b.model(t, `back\slash`)
	for filter, want := range map[string]string{
		"":                                      `Beta alpha back\slash gamma_x`,
		"name = 'alpha'":                        "alpha",
		"name != 'alpha'":                       `Beta back\slash gamma_x`,
		"name LIKE '%a'":                        "Beta alpha",
		"name LIKE 'b%'":                        `back\slash`,
		"name ILIKE 'b%'":                       `Beta back\slash`,
		`name LIKE '%\%'`:                       `back\slash`,
		"name LIKE 'gamma_x'":                   "gamma_x",
		"name IN ('alpha', 'Beta')":             "Beta alpha",
		"tags.team = 'red'":                     "alpha gamma_x",
		"tag.team = 'red' AND tags.env != 'x'":  "gamma_x",
		"tags.team != 'red'":                    "Beta",
		"tags.team ILIKE 'R%'":                  "alpha gamma_x",
		"tags.team LIKE '%e%' and name < 'x'":   "",
		"tags.long = '" + long + "1'":           "alpha",
		"tags.`mlflow.prompt.is_prompt` = 'no'": `Beta alpha back\slash gamma_x`,
	} {
		if strings.Contains(filter, "<") {
			_, _, err := b.SearchModels(t.Context(), registry.Search{Filter: filter})
			failsAs(t, err, fault.Invalid)
			continue
		}
		if got := b.names(t, filter); got != want {
			t.Errorf("%s finds %q; want %q", filter, got, want)
		}
	}
	if got := b.names(t, "", "last_updated_timestamp DESC"); got != `back\slash gamma_x Beta alpha` {
		t.Errorf("latest first: %q", got)
	}
	_, _, err := b.SearchModels(t.Context(), registry.Search{Limit: 1001})
	failsAs(t, err, fault.Invalid)
}

func (b *registryBench) numbers(t *testing.T, s registry.Search) string {
	t.Helper()
	versions, _, err := b.SearchVersions(t.Context(), s)
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	var out []string
	for _, v := range versions {
		out = append(out, fmt.Sprintf("%s/%d", v.Name, v.Number))
	}
	return strings.Join(out, " ")
}

func registryVersionFilters(t *testing.T, b *registryBench) {
	b.model(t, "a")
	b.model(t, "b")
	run := "0123456789abcdef0123456789abcdef"
	for _, n := range []registry.NewVersion{
		{Name: "a", Source: "s3://bucket/one"},
		{Name: "a", Source: "s3://bucket/two", RunID: &run, Tags: []registry.Tag{{Key: "q", Value: "high"}}},
		{Name: "b", Source: "s3://bucket/three", RunID: &run, Tags: []registry.Tag{{Key: "q", Value: "low"}}},
	} {
		if _, err := b.CreateVersion(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	for filter, want := range map[string]string{
		"":                                      "b/1 a/2 a/1",
		"name = 'a'":                            "a/2 a/1",
		"run_id = '" + run + "'":                "b/1 a/2",
		"run_id IN ('" + run + "', 'x')":        "b/1 a/2",
		"version_number > 1":                    "a/2",
		"version_number <= 1 AND name = 'a'":    "a/1",
		"version_number < 99999999999999999999": "b/1 a/2 a/1",
		"source_path LIKE '%two'":               "a/2",
		"tags.q = 'low'":                        "b/1",
		"tags.q != 'low'":                       "a/2",
		"name ILIKE 'A' AND tags.q LIKE 'h%'":   "a/2",
	} {
		if got := b.numbers(t, registry.Search{Filter: filter}); got != want {
			t.Errorf("%s finds %q; want %q", filter, got, want)
		}
	}
	if got := b.numbers(t, registry.Search{Order: []string{"name DESC", "version_number ASC"}}); got != "b/1 a/1 a/2" {
		t.Errorf("by name descending: %q", got)
	}
	if _, err := b.DescribeVersion(t.Context(), "a", 1, nil); err != nil {
		t.Fatal(err)
	}
	if got := b.numbers(t, registry.Search{}); got != "a/1 b/1 a/2" {
		t.Errorf("after a/1 changed: %q", got)
	}
}

func registryPrompts(t *testing.T, b *registryBench) {
	is := registry.Tag{Key: registry.PromptTag, Value: "true"}
	b.model(t, "model")
	b.model(t, "prompt", is)
	b.version(t, "model")
	b.version(t, "prompt", is, registry.Tag{Key: registry.PromptTextTag, Value: "Hello {{name}}"})
	const wants = "tags.`mlflow.prompt.is_prompt` = 'true'"
	if got := b.names(t, ""); got != "model" {
		t.Errorf("models: %q", got)
	}
	if got := b.names(t, wants); got != "prompt" {
		t.Errorf("prompts: %q", got)
	}
	if got := b.names(t, "tags.`mlflow.prompt.is_prompt` != 'true'"); got != "model" {
		t.Errorf("not prompts: %q", got)
	}
	if got := b.numbers(t, registry.Search{}); got != "model/1" {
		t.Errorf("versions of models: %q", got)
	}
	if got := b.numbers(t, registry.Search{Filter: wants + " AND name = 'prompt'"}); got != "prompt/1" {
		t.Errorf("versions of prompts: %q", got)
	}
	_, err := b.CreateModel(t.Context(), "prompt", "", nil)
	failsAs(t, err, fault.Exists)
	_, err = b.CreateVersion(t.Context(), registry.NewVersion{Name: "prompt", Source: "s3://b/x", Tags: []registry.Tag{is}})
	failsAs(t, err, fault.Invalid)
	if err := b.SetModelTag(t.Context(), "model", is); err != nil {
		t.Fatal(err)
	}
	if got := b.names(t, wants); got != "model prompt" {
		t.Errorf("prompts after one was marked: %q", got)
	}
	if err := b.DeleteModelTag(t.Context(), "model", registry.PromptTag); err != nil {
		t.Fatal(err)
	}
	if got := b.names(t, wants); got != "prompt" {
		t.Errorf("prompts after the mark was removed: %q", got)
	}
	if !slices.Contains(b.events.list, "prompt_version.created") || !slices.Contains(b.events.list, "prompt.created") {
		t.Errorf("events %v lack those of prompts", b.events.list)
	}
}

func registryPages(t *testing.T, b *registryBench) {
	const models, versions = 7, 3
	for m := range models {
		name := fmt.Sprintf("m%d", m)
		b.model(t, name, registry.Tag{Key: "k", Value: "v"})
		for range versions {
			b.version(t, name)
		}
	}
	for _, order := range [][]string{nil, {"name DESC"}, {"last_updated_timestamp ASC"}, {"last_updated_timestamp DESC"}} {
		seen, token := map[string]bool{}, ""
		for {
			list, next, err := b.SearchModels(t.Context(), registry.Search{Filter: "tags.k = 'v'", Order: order, Limit: 2, Token: token})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				if seen[m.Name] || len(m.Tags) != 1 || len(m.Latest) != 1 || m.Latest[0].Number != versions {
					t.Fatalf("order %v: %+v twice or incomplete", order, m)
				}
				seen[m.Name] = true
			}
			if token = next; token == "" {
				break
			}
		}
		if len(seen) != models {
			t.Errorf("order %v: %d models; want %d", order, len(seen), models)
		}
	}
	for _, order := range [][]string{nil, {"name ASC"}, {"version_number ASC"}, {"creation_timestamp DESC"}} {
		seen, token := map[string]bool{}, ""
		for {
			list, next, err := b.SearchVersions(t.Context(), registry.Search{Order: order, Limit: 4, Token: token})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range list {
				key := fmt.Sprint(v.Name, v.Number)
				if seen[key] {
					t.Fatalf("order %v: %s twice", order, key)
				}
				seen[key] = true
			}
			if token = next; token == "" {
				break
			}
		}
		if len(seen) != models*versions {
			t.Errorf("order %v: %d versions; want %d", order, len(seen), models*versions)
		}
	}
	_, next, err := b.SearchModels(t.Context(), registry.Search{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = b.SearchModels(t.Context(), registry.Search{Limit: 2, Token: next, Filter: "name != 'x'"})
	failsAs(t, err, fault.Invalid)
}

func registryLargePages(t *testing.T, b *registryBench) {
	is := registry.Tag{Key: registry.PromptTag, Value: "true"}
	b.model(t, "p", is)
	const count = 500
	text := registry.Tag{Key: registry.PromptTextTag, Value: strings.Repeat("x", 90_000)}
	err := b.db.Write(t.Context(), func(ctx context.Context) error {
		for range count {
			if _, err := b.CreateVersion(ctx, registry.NewVersion{Name: "p", Source: "dummy-source", Tags: []registry.Tag{is, text}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found, pages, token := 0, 0, ""
	for {
		list, next, err := b.SearchVersions(t.Context(), registry.Search{Filter: "tags.`mlflow.prompt.is_prompt` = 'true'", Token: token})
		if err != nil {
			t.Fatal(err)
		}
		found, pages = found+len(list), pages+1
		if token = next; token == "" {
			break
		}
	}
	if found != count || pages < 2 {
		t.Errorf("%d versions in %d pages; want %d in several", found, pages, count)
	}
}

func registryWorkspaces(t *testing.T, b *registryBench) {
	b.model(t, "m")
	other := caller.With(t.Context(), caller.Caller{User: "u", Role: caller.Admin, Workspace: "other"})
	_, err := b.Model(other, "m")
	failsAs(t, err, fault.NotFound)
	if _, err := b.CreateModel(other, "m", "", nil); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteModel(other, "m"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Model(t.Context(), "m"); err != nil {
		t.Errorf("deleting a namesake in another workspace: %v", err)
	}
}

func registryAtomic(t *testing.T, b *registryBench) {
	b.model(t, "m")
	b.events.refuse = true
	if _, err := b.CreateVersion(t.Context(), registry.NewVersion{Name: "m", Source: "s3://b/x"}); err == nil {
		t.Fatal("a version whose event was refused was made")
	}
	if _, err := b.CreateModel(t.Context(), "n", "", nil); err == nil {
		t.Fatal("a model whose event was refused was made")
	}
	b.events.refuse = false
	if v := b.version(t, "m"); v.Number != 1 {
		t.Errorf("version %d after one failed; want 1", v.Number)
	}
	if got := b.names(t, ""); got != "m" {
		t.Errorf("models: %q", got)
	}
}
