package flow

import (
	"context"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/tracking"
)

func registryKinds(prompt bool) (model, version string) {
	if prompt {
		return KindPrompt, KindPromptVersion
	}
	return KindRegistered, KindVersion
}

// registered and prompts copy the two halves of the registry: each model, its
// versions by number, then the aliases, which need the versions.
func (w *worker) registered(ctx context.Context) error { return w.registry(ctx, false) }
func (w *worker) prompts(ctx context.Context) error    { return w.registry(ctx, true) }

func (w *worker) registry(ctx context.Context, prompt bool) error {
	models, err := all(func(token string) ([]registry.Model, string, error) {
		return w.source.RegisteredModels(ctx, prompt, token)
	})
	if err != nil {
		return err
	}
	kind, _ := registryKinds(prompt)
	reached := w.at.Name == ""
	for i := range models {
		m := &models[i]
		if reached = reached || m.Name == w.at.Name; !reached {
			continue
		}
		if err := w.page(ctx, kind, []item{w.registeredItem(m, prompt)}); err != nil {
			return err
		}
		if err := w.versions(ctx, m, prompt); err != nil {
			return err
		}
		w.at.Name, w.at.Token = "", ""
		if i+1 < len(models) {
			w.at.Name = models[i+1].Name
		}
		if err := w.checkpoint(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// versions carries the versions of a model in one page: they are few, and the
// model is one checkpoint with them.
func (w *worker) versions(ctx context.Context, m *registry.Model, prompt bool) error {
	found, err := all(func(token string) ([]registry.Version, string, error) {
		return w.source.Versions(ctx, m.Name, prompt, token)
	})
	if err != nil {
		return err
	}
	_, kind := registryKinds(prompt)
	items := make([]item, len(found))
	for i := range found {
		items[i] = w.versionItem(&found[i], kind)
	}
	if err := w.page(ctx, kind, items); err != nil || w.verify || len(m.Aliases) == 0 {
		return err
	}
	return w.aliases(ctx, m, prompt)
}

// aliases points the aliases of a model that came from the source.
func (w *worker) aliases(ctx context.Context, m *registry.Model, prompt bool) error {
	kind, _ := registryKinds(prompt)
	owned, err := w.cfg.Ledger.Entries(ctx, w.no, kind, []string{m.Name})
	if err != nil || len(owned) == 0 {
		return err
	}
	err = w.run.Write(ctx, func(ctx context.Context) error { return w.cfg.Registry.ImportAliases(ctx, m.Name, m.Aliases) })
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		w.at.Report.find(kind, m.Name, Failed, "its aliases: "+fault.Message(err))
		return nil
	}
	return err
}

// modelForm is a registered model as it should be here.
func (w *worker) modelForm(m *registry.Model) registry.Model {
	out := *m
	out.Latest = nil
	out.Tags = make([]registry.Tag, len(m.Tags))
	for i, t := range m.Tags {
		if t.Key == registry.PromptExperimentsTag {
			t.Value = w.movedExperiments(t.Value)
		}
		out.Tags[i] = t
	}
	return out
}

// movedExperiments renames the experiments in a list such as ",1,2,".
func (w *worker) movedExperiments(list string) string {
	parts := strings.Split(list, ",")
	for i, p := range parts {
		if n, err := strconv.ParseInt(p, 10, 64); err == nil && w.ours[n] != nil {
			parts[i] = itoa(w.ours[n].ID)
		}
	}
	return strings.Join(parts, ",")
}

func registryTags(tags []registry.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

func (w *worker) registeredItem(m *registry.Model, prompt bool) item {
	kind, _ := registryKinds(prompt)
	form := w.modelForm(m)
	it := item{kind: kind, id: m.Name, ours: m.Name, hash: hashOf(form)}
	it.copy = func(ctx context.Context) error { return w.cfg.Registry.ImportModel(ctx, form) }
	it.compare = func(ctx context.Context) (bool, []string, error) {
		here, err := w.cfg.Registry.Model(ctx, m.Name)
		if fault.Is(err, fault.NotFound) {
			return false, nil, nil
		}
		if err != nil {
			return false, nil, err
		}
		var d differences
		if here.Prompt != prompt {
			return true, append(d, "one is a prompt and the other a model"), nil
		}
		d.text("description", form.Description, here.Description)
		d.number("creation time", form.Created, here.Created)
		d.number("update time", form.Updated, here.Updated)
		d.texts("tag", registryTags(form.Tags), registryTags(here.Tags))
		aliases := func(list []registry.Alias) map[string]string {
			out := map[string]string{}
			for _, a := range list {
				out[a.Name] = itoa(a.Version)
			}
			return out
		}
		d.texts("alias", aliases(form.Aliases), aliases(here.Aliases))
		return true, d, nil
	}
	return it
}

func (w *worker) versionItem(v *registry.Version, kind string) item {
	form := *v
	moved := true
	if kind == KindVersion {
		form.Source, moved = w.movedSource(v.Source)
	}
	id := v.Name + "/" + itoa(v.Number)
	it := item{kind: kind, id: id, ours: id, hash: hashOf(form)}
	it.copy = func(ctx context.Context) error {
		if !moved {
			w.mu.Lock()
			w.at.Report.find(kind, id, Copied, "its files lie at "+short(v.Source, 200)+", which the import does not copy; the version keeps pointing there")
			w.mu.Unlock()
		}
		return w.cfg.Registry.ImportVersion(ctx, form)
	}
	it.compare = func(ctx context.Context) (bool, []string, error) {
		here, err := w.cfg.Registry.Version(ctx, v.Name, v.Number)
		if fault.Is(err, fault.NotFound) {
			return false, nil, nil
		}
		if err != nil {
			return false, nil, err
		}
		var d differences
		text := func(p *string) string {
			if p == nil {
				return ""
			}
			return *p
		}
		d.text("description", text(form.Description), text(here.Description))
		d.text("source", form.Source, here.Source)
		d.text("run", form.RunID, here.RunID)
		d.text("run link", form.RunLink, here.RunLink)
		d.text("logged model", form.LoggedModel, here.LoggedModel)
		d.text("stage", string(form.Stage), string(here.Stage))
		d.text("user", form.User, here.User)
		d.number("creation time", form.Created, here.Created)
		d.number("update time", form.Updated, here.Updated)
		d.texts("tag", registryTags(form.Tags), registryTags(here.Tags))
		return true, d, nil
	}
	return it
}

// movedSource is where the files of a version lie here. References to runs and
// models hold on both sides.
func (w *worker) movedSource(source string) (string, bool) {
	if strings.HasPrefix(source, "models:") || strings.HasPrefix(source, "runs:") {
		return source, true
	}
	return w.moved(source)
}

// traceHome is where the files of a trace lie here.
func (w *worker) traceHome(ours *tracking.Experiment, id string) string {
	return strings.TrimSuffix(ours.ArtifactLocation, "/") + "/traces/" + id + "/artifacts"
}
