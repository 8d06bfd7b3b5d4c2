package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/assayhq/assay/internal/trace"
)

// loop stores runs of an agent that repeats its history in every one of fifty
// turns, and compares the disk with the spans as they arrived.
func loop(ctx context.Context, cfg *config) error {
	dir, err := os.MkdirTemp(cfg.work, "observe-loop-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	st, service, err := open(ctx, dir, time.Now)
	if err != nil {
		return err
	}
	m := newMaker(11)
	whole, spans := int64(0), 0
	for range cfg.traces {
		turns := loopTurns(m)
		for i := range turns {
			whole += int64(len(trace.AppendSpan(nil, &turns[i])))
		}
		spans += len(turns)
		if _, _, err := service.Ingest(ctx, trace.Batch{ExperimentID: "0", Spans: turns}); err != nil {
			return err
		}
	}
	if err := settle(ctx, dir, st, time.Now()); err != nil {
		return err
	}
	if err := st.Close(); err != nil {
		return err
	}
	kept := diskUse(dir)
	verdict := "ok"
	if whole < 15*kept {
		verdict = "MISSED"
	}
	fmt.Printf("%d loops of fifty turns: %.1f MB as they arrived, %.1f MB on disk with index and full text, %.1f times smaller (bar 15 %s)\n",
		cfg.traces, float64(whole)/1e6, float64(kept)/1e6, float64(whole)/float64(kept), verdict)
	return nil
}

// loopTurns makes an agent's run: every turn sends the conversation so far,
// about 2,000 characters more than the one before.
func loopTurns(m *maker) []trace.Span {
	const turns = 50
	id, _ := m.trace(0, time.Now())
	var history []string
	say := func(role string, n int) {
		history = append(history, fmt.Sprintf(`{"role":%q,"content":%q}`, role, words(m.rand, n)))
	}
	say("system", 3000)
	spans := make([]trace.Span, turns+1)
	start := time.Now().Add(-time.Minute).UnixNano()
	for i := range spans {
		s := &spans[i]
		s.TraceID, s.ID[7], s.Status, s.Kind = id, byte(i+1), trace.OK, 1
		s.Start, s.End = start+int64(i)*1e9, start+int64(i)*1e9+9e8
		if i == 0 {
			s.Name, s.End = "loop", start+turns*1e9
			continue
		}
		say("user", 900)
		s.Name, s.Parent[7] = "chat", 1
		s.Attrs = []trace.Attr{text("gen_ai.operation.name", "chat"), text("gen_ai.request.model", "gpt-4o"), text("gen_ai.provider.name", "openai"),
			text("gen_ai.input.messages", "["+strings.Join(history, ",")+"]")}
		say("assistant", 1100)
		s.Attrs = append(s.Attrs, text("gen_ai.output.messages", "["+history[len(history)-1]+"]"))
	}
	return spans
}
