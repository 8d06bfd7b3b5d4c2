package main

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assayhq/assay/internal/caller"
	"github.com/assayhq/assay/internal/sqlstore"
	"github.com/assayhq/assay/internal/trace"
	"github.com/assayhq/assay/internal/tracing"
	"github.com/assayhq/assay/internal/tracking"
)

// month is the range the traces are spread over, up to the hour the seeding
// began.
const month = 30 * 24 * time.Hour

// perBatch traces arrive at once, a request for each experiment.
const perBatch = 400

// seed fills an empty directory.
func seed(ctx context.Context, cfg *config) error {
	if _, err := os.Stat(filepath.Join(cfg.data, "traces.db")); err == nil {
		return fmt.Errorf("%s holds traces already", cfg.data)
	}
	experiments, err := makeExperiments(ctx, cfg.data)
	if err != nil {
		return err
	}
	end := time.Now().Truncate(time.Hour)
	var clock atomic.Int64
	clock.Store(end.Add(-month).UnixNano())
	st, service, err := open(ctx, cfg.data, func() time.Time { return time.Unix(0, clock.Load()) })
	if err != nil {
		return err
	}
	defer st.Close()
	started, made := time.Now(), 0
	step := month / time.Duration(cfg.traces)
	m := newMaker(5)
	for made < cfg.traces && ctx.Err() == nil {
		spans := map[string][]trace.Span{}
		var ids []trace.ID
		n := min(perBatch, cfg.traces-made)
		for j := range n {
			id, of := m.trace(made+j, end.Add(-month).Add(time.Duration(made+j)*step))
			e := experiments[j%len(experiments)]
			ids, spans[e] = append(ids, id), append(spans[e], of...)
		}
		if err := send(ctx, service, spans); err != nil {
			return err
		}
		if err := judge(ctx, service, m.rand, ids); err != nil {
			return err
		}
		made += n
		clock.Store(end.Add(-month).Add(time.Duration(made) * step).UnixNano())
		if made%20_000 == 0 {
			took := time.Since(started).Seconds()
			lag, waiting := st.TextLag(ctx)
			_, dirty, _ := st.RollupLag(ctx)
			fmt.Printf("%7d traces, %.0f spans/s; text waits %d MB (%v), %d marks wait\n", made, float64(made*len(steps))/took, waiting>>20, lag.Round(time.Minute), dirty)
		}
	}
	fmt.Printf("%d traces of %d spans in %v\n", made, len(steps), time.Since(started).Round(time.Second))
	return settle(ctx, cfg.data, st, started)
}

// send sends a request for each experiment at the same time, as several
// clients do.
func send(ctx context.Context, service *tracing.Service, spans map[string][]trace.Span) error {
	return each(maps.Keys(spans), func(experiment string) error {
		_, _, err := service.Ingest(ctx, trace.Batch{ExperimentID: experiment, Spans: spans[experiment]})
		return err
	})
}

// each runs fn for all items at the same time.
func each[T any](items iter.Seq[T], fn func(T) error) error {
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	for item := range items {
		wg.Go(func() {
			if err := fn(item); err != nil {
				failed.Store(&err)
			}
		})
	}
	wg.Wait()
	if e := failed.Load(); e != nil {
		return *e
	}
	return nil
}

// settle waits until text and sums are current.
func settle(ctx context.Context, dir string, st *sqlstore.Traces, started time.Time) error {
	for ctx.Err() == nil {
		lag, _ := st.TextLag(ctx)
		behind, err := st.CatchUp(ctx, time.Second)
		if err != nil {
			return err
		}
		if lag == 0 && behind == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	fmt.Printf("all searchable and summed up after %v; %d MB on disk\n", time.Since(started).Round(time.Second), diskUse(dir)>>20)
	return ctx.Err()
}

func diskUse(dir string) (n int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

// makeExperiments makes control.db with the experiments of the traces.
func makeExperiments(ctx context.Context, dir string) ([]string, error) {
	db, err := sqlstore.OpenSQLite(ctx, filepath.Join(dir, "control.db"), slog.New(slog.DiscardHandler), sqlstore.SQLiteConfig{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if _, err := db.Migrate(ctx, "control"); err != nil {
		return nil, err
	}
	domain := tracking.New(sqlstore.NewTracking(db), tracking.Config{})
	if err := domain.EnsureDefault(ctx, caller.DefaultWorkspace); err != nil {
		return nil, err
	}
	var ids []string
	for _, name := range []string{"shop/assistant", "shop/search", "support/triage", "research/agent"} {
		e, err := domain.CreateExperiment(ctx, name, "", nil)
		if err != nil {
			return nil, err
		}
		ids = append(ids, fmt.Sprint(e.ID))
	}
	return ids, nil
}

// judge gives every twentieth trace a score.
func judge(ctx context.Context, service *tracing.Service, r *rand.Rand, ids []trace.ID) error {
	scores := map[trace.ID]string{}
	for i := 0; i < len(ids); i += 20 {
		scores[ids[i]] = fmt.Sprintf("%.2f", min(1, max(0, .75+.15*r.NormFloat64())))
	}
	return each(maps.Keys(scores), func(id trace.ID) error {
		_, err := service.CreateAssessment(ctx, tracing.Assessment{TraceID: id, Name: "helpful", Value: []byte(scores[id]),
			Source: tracing.AssessmentSource{Type: "LLM_JUDGE", ID: "judge-1"}})
		return err
	})
}

// step of the agent that every trace is a run of.
type step struct {
	name, kind string
	parent     int // index; the root is its own
	node       string
}

var steps = []step{
	{"assist", "AGENT", 0, ""}, {"plan", "CHAIN", 0, "plan"}, {"chat", "CHAT_MODEL", 1, "plan"}, {"retrieve", "RETRIEVER", 1, "plan"},
	{"act", "CHAIN", 0, "act"}, {"search", "TOOL", 4, "act"}, {"chat", "CHAT_MODEL", 4, "act"}, {"lookup", "TOOL", 4, "act"},
	{"answer", "CHAIN", 0, "answer"}, {"chat", "CHAT_MODEL", 8, "answer"},
}

var models = []struct{ provider, model string }{
	{"openai", "gpt-4o-mini"}, {"openai", "gpt-4o"}, {"openai", "gpt-4.1-mini"}, {"anthropic", "claude-3-5-haiku-20241022"}, {"amazon", "house-model"},
}

var failures = []string{"TimeoutError", "openai.RateLimitError", "ValueError", "ToolException"}

// maker makes traces, the same ones for the same seed.
type maker struct{ rand *rand.Rand }

func newMaker(seed uint64) *maker { return &maker{rand.New(rand.NewPCG(seed, 6))} }

func text(key, value string) trace.Attr { return trace.Attr{Key: key, Value: trace.StringValue(value)} }

// trace makes the nth trace. Word commonly is in every one of them, needle7 in
// one of a thousand, unicorn7 in one of two hundred thousand.
func (m *maker) trace(n int, at time.Time) (id trace.ID, spans []trace.Span) {
	r := m.rand
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	model := models[n%len(models)]
	version := []string{"1.3.0", "1.4.0", "1.4.1"}[n%3]
	spans = make([]trace.Span, len(steps))
	source := &trace.Source{Scope: "bench", Resource: []trace.Attr{text("service.name", "assistant"), text("service.version", version),
		text("deployment.environment", []string{"prod", "prod", "prod", "stage"}[n%4])}}
	start := at.UnixNano()
	failing := r.IntN(50) == 0
	for i := range steps {
		s, of := &spans[i], &steps[i]
		s.TraceID, s.ID[7], s.Name, s.Kind, s.Source, s.Status = id, byte(i+1), of.name, 1, source, trace.OK
		if i > 0 {
			s.Parent[7] = byte(of.parent + 1)
		}
		s.Start = start + int64(i)*40e6
		s.End = s.Start + int64((50+r.ExpFloat64()*400)*1e6)
		s.Attrs = []trace.Attr{text("openinference.span.kind", kinds[of.kind])}
		if of.node != "" {
			s.Attrs = append(s.Attrs, text("langgraph_node", of.node))
		}
		switch of.kind {
		case "CHAT_MODEL":
			s.Attrs = append(s.Attrs, text("gen_ai.operation.name", "chat"), text("gen_ai.provider.name", model.provider), text("gen_ai.request.model", model.model),
				trace.Attr{Key: "gen_ai.usage.input_tokens", Value: trace.IntValue(int64(200 + r.IntN(2000)))},
				trace.Attr{Key: "gen_ai.usage.output_tokens", Value: trace.IntValue(int64(20 + r.IntN(300)))})
		case "TOOL":
			s.Attrs = append(s.Attrs, text("tool.name", of.name))
		}
		s.Attrs = append(s.Attrs, text("input.value", words(r, 220)))
		if failing && (i == 5 || i == 4 || i == 0) { // a tool fails, and what is above it
			s.Status = trace.Error
			if i == 5 {
				s.Attrs = append(s.Attrs, text("error.type", failures[n%len(failures)]))
			}
		}
	}
	root := &spans[0]
	for i := range spans {
		root.End = max(root.End, spans[i].End)
	}
	root.Attrs = append(root.Attrs, text("agent.name", "assistant"), text("gen_ai.agent.version", version), text("session.id", fmt.Sprint("c", n/5)),
		text("user.id", fmt.Sprint("user", r.IntN(5000))), text("mlflow.traceTag.env", []string{"prod", "stage", "dev"}[n%3]),
		text("mlflow.traceTag.rare", fmt.Sprint("r", n%50_000)), text("note", fmt.Sprintf("commonly needle%d unicorn%d", n%1000, n%200_000)))
	return id, spans
}

var kinds = map[string]string{"AGENT": "AGENT", "CHAIN": "CHAIN", "CHAT_MODEL": "LLM", "RETRIEVER": "RETRIEVER", "TOOL": "TOOL"}

// words makes n bytes of made-up words from a vocabulary of a hundred
// thousand, the frequent ones more often, as in speech.
func words(r *rand.Rand, n int) string {
	b := make([]byte, 0, n+16)
	for len(b) < n {
		x := r.Float64()
		w := int(100_000 * x * x * x)
		for range 2 + w%3 {
			b = append(b, "bcdfghklmnprstvz"[w%16], "aeiou"[w%5])
			w /= 7
		}
		b = append(b, ' ')
	}
	return string(b[:n])
}
