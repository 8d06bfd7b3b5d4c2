package lineage_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assayhq/assay/internal/evaluation"
	"github.com/assayhq/assay/internal/fault"
	"github.com/assayhq/assay/internal/flow/lineage"
	"github.com/assayhq/assay/internal/registry"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/storetest"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

type bench struct {
	*lineage.Service
	tracking   *tracking.Service
	tracing    *tracing.Service
	registry   *registry.Service
	evaluation *evaluation.Service
}

func newBench(t *testing.T) *bench {
	db := storetest.SQLite(t)
	traces, err := sqlstore.OpenTraces(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler), sqlstore.TracesConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { traces.Close() })
	b := &bench{tracking: tracking.New(sqlstore.NewTracking(db), tracking.Config{}), tracing: tracing.New(traces, slog.New(slog.DiscardHandler), tracing.Config{}),
		registry: registry.New(sqlstore.NewRegistry(db), registry.Config{}), evaluation: evaluation.New(sqlstore.NewEvaluation(db), evaluation.Config{})}
	b.Service = lineage.New(b.tracking, b.tracing, b.registry, b.evaluation)
	if err := b.tracking.EnsureDefault(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) trace(t *testing.T, n int, info tracing.Info) string {
	t.Helper()
	info.ID = trace.ID{15: byte(n), 14: byte(n >> 8), 0: 1}
	info.Experiment, info.RequestTime, info.Duration, info.State = "0", time.Now().UnixMilli(), 1, tracing.StateOK
	if _, err := b.tracing.StartTrace(t.Context(), info); err != nil {
		t.Fatal(err)
	}
	return info.ID.String()
}

func (b *bench) of(t *testing.T, kind, ref string, depth int) (*lineage.Graph, string) {
	t.Helper()
	g, err := b.Of(t.Context(), kind, ref, depth)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range g.Edges {
		if e.Reason == "" || !strings.HasSuffix(e.Reason, ".") {
			t.Errorf("%s → %s has no sentence: %q", e.From, e.To, e.Reason)
		}
		lines = append(lines, e.From+" → "+e.To)
	}
	slices.Sort(lines)
	return g, strings.Join(lines, "\n")
}

func has(t *testing.T, edges string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(strings.Split(edges, "\n"), w) {
			t.Errorf("%s is missing from\n%s", w, edges)
		}
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestChain walks the whole chain: dataset → run → trace → session, prompt →
// trace → evaluation dataset, and the same from its other end.
func TestChain(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	run := must[*tracking.Run](t)(b.tracking.CreateRun(ctx, tracking.NewRun{Name: "train"}))
	child := must[*tracking.Run](t)(b.tracking.CreateRun(ctx, tracking.NewRun{Name: "child", Tags: []tracking.Tag{{Key: tracking.ParentRunTag, Value: run.ID}}}))
	input := tracking.DatasetInput{Dataset: tracking.Dataset{Name: "a/b 'c'", Digest: "d1", SourceType: "code", Source: "{}"}, Tags: []tracking.Tag{{Key: tracking.ContextInputTag, Value: "training"}}}
	if err := b.tracking.LogInputs(ctx, run.ID, []tracking.DatasetInput{input}, nil); err != nil {
		t.Fatal(err)
	}
	prompt := registry.Tag{Key: registry.PromptTag, Value: "true"}
	must[*registry.Model](t)(b.registry.CreateModel(ctx, "system", "", []registry.Tag{prompt}))
	must[*registry.Version](t)(b.registry.CreateVersion(ctx, registry.NewVersion{Name: "system", Source: "prompt-template", Tags: []registry.Tag{prompt, {Key: registry.PromptTextTag, Value: "hi"}}}))
	if err := b.registry.SetAlias(ctx, "system", "prod", 1); err != nil {
		t.Fatal(err)
	}
	one := b.trace(t, 1, tracing.Info{Name: "answer", Metadata: map[string]string{tracing.MetaRun: run.ID, tracing.MetaSession: "s-1"}, Tags: map[string]string{tracing.TagLinkedPrompts: `[{"name":"system","version":"1"},{"name":"gone","version":"3"}]`}})
	d := must[*evaluation.Dataset](t)(b.evaluation.CreateDataset(ctx, evaluation.NewDataset{Name: "golden"}))
	if _, _, err := b.evaluation.UpsertRecords(ctx, d.ID, fmt.Appendf(nil, `[{"inputs":{"q":1},"source":{"source_type":"TRACE","source_data":{"trace_id":"%s"}}}]`, one)); err != nil {
		t.Fatal(err)
	}

	g, edges := b.of(t, lineage.Run, run.ID, 3)
	has(t, edges, "experiment:0 → run:"+run.ID, "input:0/d1/a/b 'c' → run:"+run.ID, "run:"+run.ID+" → trace:"+one, "trace:"+one+" → session:s-1",
		"prompt:system/1 → trace:"+one, "prompt:system/1 → alias:system@prod", "trace:"+one+" → dataset:"+d.ID)
	if _, ok := find(g, "run:"+child.ID); ok {
		t.Error("children are a group")
	}
	if n, _ := find(g, "prompt:gone/3"); n.Broken == "" || !strings.Contains(n.Broken, "gone") {
		t.Errorf("a missing prompt is drawn broken and says why: %+v", n)
	}
	if n, _ := find(g, "group:run:run:"+run.ID+":child run"); n.Count != 1 || n.Open == nil || n.Open.Page != "runs" || !strings.Contains(n.Open.Params["q"], run.ID) {
		t.Errorf("%+v", n)
	}
	_, back := b.of(t, lineage.Dataset, d.ID, 4)
	has(t, back, "trace:"+one+" → dataset:"+d.ID, "run:"+run.ID+" → trace:"+one, "input:0/d1/a/b 'c' → run:"+run.ID)
	_, near := b.of(t, lineage.Dataset, d.ID, 1)
	if near != "trace:"+one+" → dataset:"+d.ID {
		t.Errorf("one step: %s", near)
	}

	if err := b.tracking.DeleteRun(ctx, run.ID); err != nil {
		t.Fatal(err)
	}
	g, _ = b.of(t, lineage.Trace, one, 1)
	if n, _ := find(g, "run:"+run.ID); !strings.Contains(n.Broken, "deleted") {
		t.Errorf("a deleted run is drawn broken: %+v", n)
	}
	_, session := b.of(t, lineage.Session, "s-1", 1)
	has(t, session, "trace:"+one+" → session:s-1")
}

// TestGroups: many neighbours are one node, with the filter that opens them,
// and no graph grows past its limit.
func TestGroups(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	run := must[*tracking.Run](t)(b.tracking.CreateRun(ctx, tracking.NewRun{Name: "many"}))
	for i := range 12 {
		b.trace(t, i, tracing.Info{Metadata: map[string]string{tracing.MetaRun: run.ID}})
	}
	g, _ := b.of(t, lineage.Run, run.ID, 2)
	n, ok := find(g, "group:trace:run:"+run.ID+":trace")
	if !ok || n.Count != 12 || !n.Exact || n.Label != "12 traces" || n.Open.Page != "traces" || n.Open.Params["run"] != run.ID {
		t.Fatalf("%+v", g.Nodes)
	}
	var inputs []tracking.DatasetInput
	for i := range 20 {
		inputs = append(inputs, tracking.DatasetInput{Dataset: tracking.Dataset{Name: fmt.Sprint("d", i), Digest: "x", SourceType: "code", Source: "{}"}})
	}
	for i := range 12 {
		r := must[*tracking.Run](t)(b.tracking.CreateRun(ctx, tracking.NewRun{Name: fmt.Sprint("r", i)}))
		for k := range inputs {
			inputs[k].Dataset.Digest = fmt.Sprint(i / 3)
		}
		if err := b.tracking.LogInputs(ctx, r.ID, inputs, nil); err != nil {
			t.Fatal(err)
		}
		run = r
	}
	if g, _ = b.of(t, lineage.Run, run.ID, 4); len(g.Nodes) > 150 {
		t.Fatalf("%d nodes", len(g.Nodes))
	}
}

func TestRefusals(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		kind, ref string
		depth     int
		want      fault.Kind
	}{
		{"planet", "1", 0, fault.Invalid}, {lineage.Run, "", 0, fault.Invalid}, {lineage.Run, "0123", 5, fault.Invalid}, {lineage.Run, strings.Repeat("0", 32), 0, fault.NotFound},
		{lineage.Trace, "tr-x", 0, fault.Invalid}, {lineage.Model, "none/1", 0, fault.NotFound}, {lineage.Model, "none", 0, fault.NotFound}, {lineage.Input, "0/x", 0, fault.NotFound},
		{lineage.Experiment, "x", 0, fault.NotFound}, {lineage.Session, "none", 0, fault.NotFound}, {lineage.Dataset, "d-none", 0, fault.NotFound}, {lineage.LoggedModel, "m-none", 0, fault.NotFound},
	} {
		if _, err := b.Of(context.Background(), c.kind, c.ref, c.depth); !fault.Is(err, c.want) {
			t.Errorf("%s %q: %v", c.kind, c.ref, err)
		}
	}
}

func find(g *lineage.Graph, id string) (lineage.Node, bool) {
	for _, n := range g.Nodes {
		if n.ID == id {
			return n, true
		}
	}
	return lineage.Node{}, false
}
