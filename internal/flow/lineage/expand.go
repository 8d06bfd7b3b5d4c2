package lineage

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/filter"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func (g *graph) experiment(ctx context.Context, ref string, grow bool) error {
	n, err := strconv.ParseInt(ref, 10, 64)
	if err != nil {
		return fault.NotFoundf("there is no experiment %q", clip(ref))
	}
	e, err := g.tracking.Experiment(ctx, n)
	if err != nil {
		return err
	}
	node := g.fill(Experiment, ref, e.Name, "", e.CreatedAt)
	if e.Stage != tracking.Active {
		node.Broken = "this experiment was deleted; it can be restored"
	}
	if !grow || node.Step > 0 {
		return nil // from a run, what else its experiment holds is no ancestry
	}
	here := id(Experiment, ref)
	runs, exact, err := g.tracking.CountRuns(ctx, tracking.RunQuery{Experiments: []int64{n}})
	if err != nil {
		return err
	}
	g.group(here, Run, runs, exact, &Open{"runs", map[string]string{"exp": ref}}, false, "run", "These runs belong to the experiment.")
	traces, exact, err := g.tracing.Count(ctx, tracing.Query{Experiments: []string{ref}})
	g.group(here, Trace, traces, exact, &Open{"traces", map[string]string{"exp": ref}}, false, "trace", "These traces were recorded in the experiment.")
	return err
}

func tag(tags []tracking.Tag, key string) string {
	for _, t := range tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

func (g *graph) run(ctx context.Context, ref string, grow bool) error {
	r, err := g.tracking.Run(ctx, ref)
	if err != nil {
		return err
	}
	node := g.fill(Run, ref, r.Name, strings.ToLower(string(r.Status)), r.StartTime)
	if r.Stage != tracking.Active {
		node.Broken = "this run was deleted; it can be restored"
	}
	if !grow {
		return nil
	}
	here := id(Run, ref)
	g.link(here, Node{Kind: Experiment, Ref: itoa(r.Experiment)}, true, "The run belongs to the experiment.")
	for _, d := range r.Datasets[:min(len(r.Datasets), 20)] {
		reason := "The run read the dataset"
		if use, ok := d.Context(); ok {
			reason += " as " + clip(use)
		}
		g.link(here, Node{Kind: Input, Ref: inputRef(r.Experiment, d.Dataset), Label: clip(d.Dataset.Name), Detail: clip(d.Dataset.Digest)}, true, reason+".")
	}
	if parent := tag(r.Tags, tracking.ParentRunTag); parent != "" {
		g.link(here, Node{Kind: Run, Ref: parent}, true, "The run was started by this parent run.")
	}
	for _, m := range r.Inputs[:min(len(r.Inputs), few)] {
		g.link(here, Node{Kind: LoggedModel, Ref: m.ModelID}, true, "The run used the model.")
	}
	for _, m := range r.Outputs[:min(len(r.Outputs), 10)] {
		g.link(here, Node{Kind: LoggedModel, Ref: m.ModelID}, false, "The run logged the model.")
	}
	if err := g.versionsOfRun(ctx, here, ref); err != nil {
		return err
	}
	if err := g.children(ctx, here, r); err != nil {
		return err
	}
	return g.traces(ctx, here, tracing.Query{Run: ref}, map[string]string{"run": ref}, false, "The trace was recorded by the run, or linked to it.")
}

func (g *graph) children(ctx context.Context, here string, r *tracking.Run) error {
	children, exact, err := g.tracking.CountRuns(ctx, tracking.RunQuery{Experiments: []int64{r.Experiment}, Filter: filter.Expr{{
		Field: filter.Field{Group: filter.Tag, Key: tracking.ParentRunTag}, Op: filter.Eq, Value: filter.Value{Kind: filter.String, Str: r.ID}}}})
	g.group(here, Run, children, exact, &Open{"runs", map[string]string{"exp": itoa(r.Experiment), "q": "tags.`" + tracking.ParentRunTag + "` = '" + r.ID + "'"}}, false, "child run",
		"The run started these runs as its children.")
	return err
}

// versionsOfRun links the versions registered from a run, by the logged model
// they were made of where that is known.
func (g *graph) versionsOfRun(ctx context.Context, here, run string) error {
	if strings.ContainsAny(run, `'"`) {
		return nil
	}
	found, _, err := g.registry.SearchVersions(ctx, registry.Search{Filter: "run_id = '" + run + "'", Limit: 20})
	for _, v := range found {
		n := versionNode(v)
		if _, drawn := g.at[id(LoggedModel, v.LoggedModel)]; v.LoggedModel != "" && drawn {
			g.link(id(LoggedModel, v.LoggedModel), n, false, "The version was registered from the logged model.")
			continue
		}
		g.link(here, n, false, "The version was registered from the run.")
	}
	return err
}

func versionNode(v *registry.Version) Node {
	return Node{Kind: Model, Ref: v.Name + "/" + itoa(v.Number)}
}

// ofMany turns a sentence about one trace into one about several.
var ofMany = strings.NewReplacer("The trace was", "These traces were", "The trace is a turn", "These traces are turns")

// traces draws a few traces one by one, and many as a group.
func (g *graph) traces(ctx context.Context, here string, q tracing.Query, open map[string]string, incoming bool, reason string) error {
	n, exact, err := g.tracing.Count(ctx, q)
	if err != nil || n == 0 {
		return err
	}
	if n > few {
		g.group(here, Trace, n, exact, &Open{"traces", open}, incoming, "trace", ofMany.Replace(reason))
		return nil
	}
	page, err := g.tracing.Search(ctx, tracing.Search{Query: q, Limit: few, Bare: true})
	for _, i := range page.Infos {
		g.link(here, Node{Kind: Trace, Ref: i.ID.String()}, incoming, reason)
	}
	return err
}

func inputRef(experiment int64, d tracking.Dataset) string {
	return itoa(experiment) + "/" + d.Digest + "/" + d.Name
}

func (g *graph) input(ctx context.Context, ref string, grow bool) error {
	parts := strings.SplitN(ref, "/", 3)
	if len(parts) != 3 {
		return fault.NotFoundf("a logged dataset is named experiment/digest/name")
	}
	versions, _, err := g.tracking.InputVersions(ctx, parts[2])
	if err != nil {
		return err
	}
	i := slices.IndexFunc(versions, func(v tracking.InputVersion) bool { return itoa(v.Experiment) == parts[0] && v.Digest == parts[1] })
	if i < 0 {
		return fault.NotFoundf("no run logged dataset %q with digest %s", clip(parts[2]), clip(parts[1]))
	}
	v := versions[i]
	g.fill(Input, ref, v.Name, v.Digest, 0)
	here := id(Input, ref)
	if !grow {
		return nil
	}
	if source := sourceDataset(v.Source); source != "" {
		g.link(here, Node{Kind: Dataset, Ref: source}, true, "The run read this evaluation dataset, as it was then.")
	}
	clause := "dataset.name = " + quoted(v.Name) + " AND dataset.digest = " + quoted(v.Digest)
	if v.Runs <= few {
		if expr, err := filter.Parse(filter.Runs, clause); err == nil {
			runs, _, err := g.tracking.SearchRuns(ctx, tracking.RunQuery{Experiments: []int64{v.Experiment}, Filter: expr, Limit: few})
			if err != nil {
				return err
			}
			for _, r := range runs {
				g.link(here, Node{Kind: Run, Ref: r.ID}, false, "The run read the dataset.")
			}
			return nil
		}
	}
	g.group(here, Run, v.Runs, true, &Open{"runs", map[string]string{"exp": parts[0], "q": clause}}, false, "run", "These runs read the dataset.")
	return nil
}

func quoted(s string) string {
	if strings.Contains(s, "'") {
		return `"` + s + `"`
	}
	return "'" + s + "'"
}

// sourceDataset is the id of the evaluation dataset that a logged source names.
func sourceDataset(source string) string {
	var s struct {
		ID string `json:"dataset_id"`
	}
	if json.Unmarshal([]byte(source), &s) != nil || !strings.HasPrefix(s.ID, "d-") {
		return ""
	}
	return s.ID
}

func (g *graph) dataset(ctx context.Context, ref string, grow bool) error {
	d, err := g.evaluation.Dataset(ctx, ref)
	if err != nil {
		return err
	}
	g.fill(Dataset, ref, d.Name, plural(d.Records, true, "record"), d.Updated)
	if !grow {
		return nil
	}
	here := id(Dataset, ref)
	_, traces, err := g.evaluation.Sources(ctx, d)
	if err != nil {
		return err
	}
	if traces > few {
		g.group(here, Trace, traces, true, &Open{"datasets/" + ref, map[string]string{}}, true, "trace", "Records of the dataset were copied from these traces.")
	} else if traces > 0 {
		if err := g.recordTraces(ctx, here, ref); err != nil {
			return err
		}
	}
	versions, _, err := g.tracking.InputVersions(ctx, d.Name)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	for _, v := range versions {
		if sourceDataset(v.Source) == ref {
			g.link(here, Node{Kind: Input, Ref: inputRef(v.Experiment, v.Dataset)}, false, "Runs logged the dataset as what they read.")
		}
	}
	return nil
}

// recordTraces links the few traces that records came from.
func (g *graph) recordTraces(ctx context.Context, here, ref string) error {
	list, _, err := g.evaluation.FindRecords(ctx, ref, evaluation.RecordQuery{Limit: 1000})
	drawn := 0
	for _, r := range list {
		if r.SourceType == "TRACE" && r.SourceID != "" && drawn < few {
			if _, ok := g.at[id(Trace, r.SourceID)]; !ok {
				drawn++
			}
			g.link(here, Node{Kind: Trace, Ref: r.SourceID}, true, "A record of the dataset was copied from the trace.")
		}
	}
	return err
}

func (g *graph) version(ctx context.Context, kind, ref string, grow bool) error {
	name, number, _ := strings.Cut(ref, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return fault.NotFoundf("a version is named name/number")
	}
	v, err := g.registry.Version(ctx, name, n)
	if err != nil {
		return err
	}
	if v.Prompt != (kind == Prompt) {
		return fault.NotFoundf("%q is not a %s", clip(name), kind)
	}
	detail := ""
	if v.Stage != registry.StageNone {
		detail = string(v.Stage)
	}
	g.fill(kind, ref, name+" v"+number, detail, v.Created)
	here := id(kind, ref)
	if !grow {
		return nil
	}
	for _, a := range v.Aliases[:min(len(v.Aliases), 10)] {
		g.link(here, Node{Kind: Alias, Ref: name + "@" + a, Label: "@" + a, Detail: name}, false, "The alias points to the version.")
	}
	if kind == Prompt {
		clause := "prompt = " + quoted(ref)
		expr, err := filter.Parse(filter.Traces, clause)
		if err != nil {
			return nil // a name that no filter can hold has no group either
		}
		return g.traces(ctx, here, tracing.Query{Filter: expr}, map[string]string{"q": clause}, false, "The trace was made with the prompt version.")
	}
	if v.LoggedModel != "" {
		g.link(here, Node{Kind: LoggedModel, Ref: v.LoggedModel}, true, "The version was registered from the logged model.")
	}
	if v.RunID != "" {
		g.link(here, Node{Kind: Run, Ref: v.RunID}, true, "The version was registered from the run.")
	}
	return nil
}

// versionsTag lists, as JSON, the versions registered from a logged model.
const versionsTag = "mlflow.modelVersions"

func (g *graph) loggedModel(ctx context.Context, ref string, grow bool) error {
	m, err := g.tracking.Model(ctx, ref, true)
	if err != nil {
		return err
	}
	node := g.fill(LoggedModel, ref, m.Name, m.Type, m.CreatedAt)
	if m.Stage != tracking.Active {
		node.Broken = "this logged model was deleted"
	}
	if !grow {
		return nil
	}
	here := id(LoggedModel, ref)
	if m.SourceRun != "" {
		g.link(here, Node{Kind: Run, Ref: m.SourceRun}, true, "The run logged the model.")
	}
	var links []struct {
		Name    string          `json:"name"`
		Version json.RawMessage `json:"version"`
	}
	json.Unmarshal([]byte(tag(m.Tags, versionsTag)), &links) // a user may have put something else there
	for _, l := range links[:min(len(links), 10)] {
		if number := strings.Trim(string(l.Version), `"`); l.Name != "" && number != "" {
			g.link(here, Node{Kind: Model, Ref: l.Name + "/" + number}, false, "The version was registered from the logged model.")
		}
	}
	expr, err := filter.Parse(filter.Traces, "metadata.`"+tracing.MetaModel+"` = "+quoted(ref))
	if err != nil {
		return nil
	}
	return g.traces(ctx, here, tracing.Query{Experiments: []string{itoa(m.Experiment)}, Filter: expr}, map[string]string{"q": "metadata.`" + tracing.MetaModel + "` = " + quoted(ref)}, false,
		"The trace was recorded by the model.")
}

func (g *graph) trace(ctx context.Context, ref string, grow bool) error {
	tid, err := trace.ParseID(ref)
	if err != nil {
		return err
	}
	i, err := g.tracing.Info(ctx, tid)
	if err != nil {
		return err
	}
	g.fill(Trace, ref, i.Name, strings.ToLower(string(i.State)), i.RequestTime)
	if !grow {
		return nil
	}
	here := id(Trace, ref)
	g.link(here, Node{Kind: Experiment, Ref: i.Experiment}, true, "The trace was recorded in the experiment.")
	if i.Run != "" {
		g.link(here, Node{Kind: Run, Ref: i.Run}, true, "The trace was recorded by the run, or linked to it.")
	}
	for _, p := range i.Prompts[:min(len(i.Prompts), 10)] {
		g.link(here, Node{Kind: Prompt, Ref: p.Name + "/" + p.Version}, true, "The trace was made with the prompt version.")
	}
	if m := i.Metadata[tracing.MetaModel]; m != "" {
		g.link(here, Node{Kind: LoggedModel, Ref: m}, true, "The trace was recorded by the model.")
	}
	if i.Session != "" {
		g.link(here, Node{Kind: Session, Ref: i.Session}, false, "The trace is a turn of the conversation.")
	}
	g.scores(here, &i)
	records, err := g.evaluation.RecordsOfTrace(ctx, tid.String(), 50)
	for _, r := range records {
		g.link(here, Node{Kind: Dataset, Ref: r.DatasetID, Label: r.Dataset}, false, "A record of the dataset was copied from the trace.")
	}
	return err
}

// scores links the runs that scored a trace.
func (g *graph) scores(here string, i *tracing.Info) {
	count := map[string]int64{}
	for _, a := range i.Assessments {
		if a.Valid && a.RunID != "" && a.RunID != i.Run {
			count[a.RunID]++
		}
	}
	runs := make([]string, 0, len(count))
	for r := range count {
		runs = append(runs, r)
	}
	slices.Sort(runs)
	for _, r := range runs[:min(len(runs), few)] {
		g.link(here, Node{Kind: Run, Ref: r}, false, "The evaluation run gave the trace "+plural(count[r], true, "score")+".")
	}
}

func (g *graph) session(ctx context.Context, ref string, grow bool) error {
	g.fill(Session, ref, "", "conversation", 0)
	n, _, err := g.tracing.Count(ctx, tracing.Query{Session: ref})
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.NotFoundf("no trace belongs to session %q", clip(ref))
	}
	if !grow {
		return nil
	}
	return g.traces(ctx, id(Session, ref), tracing.Query{Session: ref}, map[string]string{"session": ref}, true, "The trace is a turn of the conversation.")
}
