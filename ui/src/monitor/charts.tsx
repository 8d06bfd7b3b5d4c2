// The charts of monitoring: of everything, or a line for each value.
import { useMemo } from "react";
import { cost, count, duration, metric, plural, short } from "../kit/format";
import { type Answer, type Columns, ofSpans, type Series } from "./data";
import { type Frame, type Line, TimeChart } from "./timechart";

type Open = (from: number, till: number, series: Series | null) => void;
type Chart = { title: string; note: string; lines: Line[]; format: (v: number | null) => string; bars?: boolean; clause?: string; series?: Series[]; more?: (i: number) => string };

export function Charts({ main, by, errors, scores, open, zoom }: { main: Answer; by: string; errors: Answer | undefined; scores: Answer | undefined; open: Open; zoom: (from: number, till: number) => void }) {
  const charts = useMemo(() => [...(by === "total" ? whole(main) : grouped(main, by)), ...failures(errors), ...judged(scores), ...tools(main)], [main, by, errors, scores]);
  const frame: Frame = { start: main.start_ms, width: main.bucket_ms, buckets: main.whole.points.traces.length };
  return (
    <div className="charts">{charts.map((c) => (
      <TimeChart key={c.title} title={c.title} note={c.note} frame={frame} lines={c.lines} bars={c.bars ?? false} format={c.format} onZoom={zoom} more={c.more}
        onOpen={(i) => open(frame.start + i * frame.width, frame.start + (i + 1) * frame.width, c.clause ? clauseOnly(c.clause) : c.series?.length === 1 ? c.series[0]! : null)} />
    ))}</div>
  );
}

const clauseOnly = (clause: string) => ({ clause, other: false, value: "" }) as Series;

const line = (id: string, label: string, values: (number | null)[], token?: string): Line => ({ id, label, values, ...(token ? { token } : {}) });

function whole(m: Answer): Chart[] {
  const p = m.whole.points, t = m.whole.total;
  const ok = p.traces.map((n, i) => n - p.errors[i]! - p.open[i]!);
  return [
    { title: "Traces", bars: true, format: number, note: `${plural(t.traces, "trace")}, of which ${count(t.errors)} failed and ${count(t.open)} are open.`,
      lines: [line("error", "failed", p.errors, "error"), ...(t.open ? [line("open", "open", p.open, "running")] : []), line("ok", "ok", ok, "accent")] },
    { title: "Latency", format: duration, note: `Half of the traces take at most ${duration(t.p50_ms)}, 95% at most ${duration(t.p95_ms)}, 99% at most ${duration(t.p99_ms)}.`,
      lines: [line("p50", "p50", p.p50_ms), line("p95", "p95", p.p95_ms), line("p99", "p99", p.p99_ms)] },
    { title: "Tokens", bars: true, format: short, note: t.tokens === null ? "No trace says how many tokens it used." : `${short(t.tokens)} tokens, ${short(t.tokens_in)} in and ${short(t.tokens_out)} out.`,
      lines: [line("out", "out", p.tokens_out, "cat-to"), line("in", "in", p.tokens_in, "cat-lm")] },
    { title: "Cost", bars: true, format: cost, note: t.cost === null ? "No call has a known price." : `${cost(t.cost)} in all${t.unpriced_calls ? `; ${plural(t.unpriced_calls, "call")} without a price are not in it` : ""}.`,
      lines: [line("cost", "cost", p.cost, "cat-re")] },
  ];
}

function grouped(m: Answer, by: string): Chart[] {
  const shown = m.series, spans = ofSpans(by), what = spans ? "calls" : "traces";
  const lines = (of: (p: Columns) => (number | null)[]) => shown.map((s) => line(s.other ? "\u0000other" : s.value, name(s, m), of(s.points)));
  const volume = (p: Columns) => (spans ? p.spans : p.traces);
  const top = (key: "p95_ms" | "cost" | "tokens", fmt: (v: number | null) => string) => {
    const best = [...shown].filter((s) => s.total[key] !== null).sort((a, b) => b.total[key]! - a.total[key]!)[0];
    return best ? `Highest: ${name(best, m)} with ${fmt(best.total[key])}.` : "Nothing known.";
  };
  const total = (s: Series) => (spans ? s.total.spans : s.total.traces);
  const largest = shown[0];
  return [
    { title: spans ? "Calls" : "Traces", format: number, series: shown, lines: lines(volume), note: largest ? `Most: ${name(largest, m)} with ${count(total(largest))} ${what}.` : "Nothing." },
    { title: "Failed", format: percent, series: shown, lines: lines((p) => volume(p).map((n, i) => (n ? (100 * p.errors[i]!) / n : null))), note: `Share of ${what} that failed; of all traces ${percent(m.whole.total.traces ? (100 * m.whole.total.errors) / m.whole.total.traces : null)}.` },
    { title: "Latency p95", format: duration, series: shown, lines: lines((p) => p.p95_ms), note: top("p95_ms", duration) },
    { title: "Tokens", format: short, series: shown, lines: lines((p) => p.tokens), note: top("tokens", short) },
    { title: "Cost", format: cost, series: shown, lines: lines((p) => p.cost), note: top("cost", cost) },
  ];
}

function failures(m: Answer | undefined): Chart[] {
  if (!m || m.series.length === 0) return [];
  const worst = m.series[0]!;
  return [{ title: "Errors by type", bars: true, format: number, clause: "status = 'ERROR'", note: `Where they arose; most are ${name(worst, m)}, ${count(worst.total.errors)}.`,
    lines: m.series.map((s) => line(s.other ? "\u0000other" : s.value, name(s, m), s.points.errors)) }];
}

function judged(m: Answer | undefined): Chart[] {
  const numeric = m?.series.filter((s) => s.total.scores > 0 && !s.other) ?? [];
  if (!m || numeric.length === 0) return [];
  const first = numeric[0]!;
  return [{ title: "Scores", format: metric, series: numeric, note: `Mean; ${name(first, m)} ${metric(first.total.score_mean)}${first.total.score_half === null ? "" : ` ± ${metric(first.total.score_half)}`}, n = ${count(first.total.scores)}.`,
    lines: numeric.map((s) => line(s.value, s.label, s.points.score_mean)),
    more: (i) => numeric.map((s) => (s.points.scores[i] ? `, ${s.label} n = ${count(s.points.scores[i])}${s.points.score_half[i] === null ? "" : ` ± ${metric(s.points.score_half[i])}`}` : "")).join("") }];
}

function tools(m: Answer): Chart[] {
  const t = m.whole.total;
  if (t.tool_calls === 0) return [];
  return [{ title: "Tool calls", bars: true, format: number, note: `${plural(t.tool_calls, "call")}, ${metric(t.tool_calls / t.traces)} a trace.`, lines: [line("tools", "calls of tools", m.whole.points.tool_calls, "cat-to")] }];
}

/** A series as people read it. */
export function name(s: Series, m: { more: number }): string {
  return s.other ? (m.more ? `${count(m.more)} more` : "the rest") : s.label || s.value || "(unnamed)";
}

const number = (v: number | null) => (v === null ? "—" : Number.isInteger(v) ? short(v) : "");
const percent = (v: number | null) => (v === null ? "—" : `${v.toFixed(v < 10 ? 1 : 0)}%`);
