// Monitoring: what happened over time, of everything or by a dimension. Every
// point opens its traces.
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { listen } from "../api/live";
import { useCrumbs } from "../app/crumbs";
import { Menu } from "../app/frame";
import { A, useGo } from "../app/link";
import { useShortcut } from "../app/shortcuts";
import { list, parseTime, to, useUrl, useWs } from "../app/url";
import { useExperimentNames } from "../experiments/data";
import { withClause } from "../kit/filter";
import { FilterBar } from "../kit/filterbar";
import { CopyAs } from "../kit/copyas";
import { clock, cost, count, duration, plural, short } from "../kit/format";
import { Icon } from "../kit/icons";
import { Empty, Failure, Load, Segments } from "../kit/states";
import { Charts } from "./charts";
import { type Answer, bodyOf, groupingOf, groupings, monitorKey, ranges, type Series, useMonitor } from "./data";
import { NodeTable } from "./nodes";
import { ValueTable } from "./values";

const refreshEvery = 5_000;

export default function MonitorPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const go = useGo();
  const client = useQueryClient();
  const [now, setNow] = useState(() => Date.now());
  const [menu, setMenu] = useState<"exp" | null>(null);
  const names = useExperimentNames(ws);
  useCrumbs({ label: "Monitoring" });
  const by = groupingOf(search), exps = list(search.exp);
  // To the minute: the same question is asked once.
  const body = useMemo(() => bodyOf(search, Math.ceil(now / 60e3) * 60e3), [search.from, search.to, search.exp, search.q, now]);
  const main = useMonitor(ws, { ...body, by });
  const errors = useMonitor(ws, { ...body, by: "error", limit: 6 });
  const scores = useMonitor(ws, { ...body, by: "score", limit: 6, order_by: "volume" });

  const refresh = useCallback(() => { setNow(Date.now()); void client.invalidateQueries({ queryKey: monitorKey(ws) }); }, [client, ws]);
  useShortcut("refresh", refresh);
  // New numbers replace old ones in place, at most every few seconds; a range
  // that ended does not change.
  const ended = search.to !== undefined && (parseTime(search.to, now) ?? Infinity) < now - 3600e3;
  useEffect(() => {
    if (ended) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = () => { timer ??= setTimeout(() => { timer = undefined; refresh(); }, refreshEvery); };
    const off = listen(ws, (c) => { if (c.kind === "trace" || c.kind === "reset") later(); });
    const minute = setInterval(later, 60_000);
    return () => { off(); clearTimeout(timer); clearInterval(minute); };
  }, [ws, refresh, ended]);

  const tracesHref = useCallback((from: number, till: number, series?: Series | null) => {
    const q = new URLSearchParams({ from: String(from), to: String(till) });
    const filter = series?.clause ? withClause(search.q ?? "", series.clause) : search.q ?? "";
    if (filter) q.set("q", filter);
    const scope = by === "experiment" && series && !series.other && !series.clause && series.value ? series.value : exps.join(",");
    if (scope) q.set("exp", scope);
    return `${to(ws, "traces")}?${q}`;
  }, [ws, search.q, search.exp, by]);
  const zoom = useCallback((from: number, till: number) => set({ from: String(from), to: String(till) }), [set]);
  const range = ranges.find(([v]) => v === (search.from ?? "-24h") && !search.to)?.[0];

  return (
    <div className="page scroll">
      <div className="page-head">
        <h1>Monitoring</h1>
        <Menu open={menu === "exp"} onToggle={(o) => setMenu(o ? "exp" : null)} label="Experiments" className="button" align="left" button={<>{exps.length === 0 ? "All experiments" : exps.length === 1 ? names.get(exps[0]!) ?? `Experiment ${exps[0]}` : `${exps.length} experiments`}<Icon name="down" size={10} /></>}>
          <div style={{ width: 260, maxHeight: 320, overflow: "auto" }}>
            <button className="menu-item" onClick={() => { set({ exp: undefined }); setMenu(null); }}>All experiments</button>
            {[...names].map(([id, name]) => <label key={id} className="menu-item"><input type="checkbox" checked={exps.includes(id)} onChange={() => set({ exp: (exps.includes(id) ? exps.filter((e) => e !== id) : [...exps, id]).join(",") })} /><span className="clip">{name}</span></label>)}
          </div>
        </Menu>
        <By value={by} onChange={(v) => set({ by: v === "total" ? undefined : v })} />
        <Segments label="Time range" value={(range ?? "") as "-24h"} onChange={(v) => { setNow(Date.now()); set({ from: v === "-24h" ? undefined : v, to: undefined }); }} options={ranges} />
        {!range && <span className="muted label">{clock(body.from_ms)} – {clock(body.to_ms)}</span>}
        <span className="grow" />
        <CopyAs cli={["monitor", ...(by === "total" ? [] : ["--by", by]), ...since(search.from, body.from_ms ?? 0, body.to_ms ?? 0), ...(body.filter ? ["--filter", body.filter] : []), ...(body.experiment_ids ?? []).flatMap((e) => ["--experiment", e])]}
          call={{ method: "POST", path: `/w/${encodeURIComponent(ws)}/monitor`, body: { ...body, by } }} />
      </div>
      <div className="toolbar">
        <FilterBar entity="traces" value={search.q ?? ""} onChange={(q) => set({ q })} experiments={exps} error={main.error} placeholder="Only traces where, e.g. tags.env = 'prod'" />
      </div>
      <div className="page-body">
        {main.error && !main.data && (main.error as { position?: unknown }).position ? null : main.data === undefined && main.error ? <Failure error={main.error} retry={() => void main.refetch()} /> : (
          <Load query={main} rows={10}>{(m) => m.whole.total.traces === 0 ? (
            <Empty title="No traces in this time" text={<>Choose a longer time{search.q ? " or fewer conditions" : ""}, or <A href={to(ws, "traces")}>see what there is</A>.</>} />
          ) : (
            <div className="stack">
              <Notes m={m} />
              <Figures m={m} href={tracesHref(m.start_ms, m.end_ms)} />
              <Charts main={m} by={by} errors={errors.data} scores={scores.data} open={(from, till, s) => go(tracesHref(from, till, s))} zoom={zoom} />
              {by !== "total" && <ValueTable m={m} by={by} title={label(by)} href={(s) => tracesHref(m.start_ms, m.end_ms, s)} />}
              <NodeTable ws={ws} body={body} by={search.nodes} onBy={(v) => set({ nodes: v }, { replace: true })} href={(s) => tracesHref(m.start_ms, m.end_ms, s)} />
            </div>
          )}</Load>
        )}
      </div>
    </div>
  );
}

function label(by: string): string {
  return groupings.find(([id]) => id === by)?.[1] ?? by.replace(/^tag\./, "Tag ");
}

// The range as the command takes it: hours and days before now, or two times.
function since(from: string | undefined, start: number, end: number): string[] {
  const rel = /^-(\d+)([mhdw])$/.exec(from ?? "-24h"), iso = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  if (!rel) return ["--since", iso(start), "--until", iso(end)];
  return rel[2] === "w" ? ["--since", `${7 * Number(rel[1])}d`] : from === undefined ? [] : ["--since", `${rel[1]}${rel[2]}`];
}

function By({ value, onChange }: { value: string; onChange: (v: string) => void }) {
  const [key, setKey] = useState<string | null>(null);
  const tag = value.startsWith("tag.");
  return (
    <label className="row label" style={{ gap: 6 }}>
      <span className="muted">by</span>
      {key === null ? (
        <select className="input" aria-label="Group by" value={value} onChange={(e) => (e.target.value === "tag" ? setKey("") : onChange(e.target.value))}>
          {groupings.map(([id, text]) => <option key={id} value={id}>{text}</option>)}
          {tag && <option value={value}>{label(value)}</option>}
          <option value="tag">Tag…</option>
        </select>
      ) : (
        <input className="input" aria-label="Key of the tag" autoFocus placeholder="key of the tag" value={key} onChange={(e) => setKey(e.target.value)} onBlur={() => setKey(null)}
          onKeyDown={(e) => { if (e.key === "Enter" && key.trim()) { onChange(`tag.${key.trim()}`); setKey(null); } else if (e.key === "Escape") setKey(null); }} />
      )}
    </label>
  );
}

function Notes({ m }: { m: Answer }) {
  return (
    <>
      {m.lag_ms > 0 && <div className="banner info" role="status"><Icon name="clock" />Traces that changed in the last {duration(m.lag_ms)} are still being summed up.</div>}
      {!m.exact && m.folded > 0 && <div className="banner warning" role="status"><Icon name="warning" />Shown are the newest {count(m.folded)} matching traces: this filter cannot be answered from what is summed up ahead. Narrow the time to see all of them.</div>}
    </>
  );
}

function Figures({ m, href }: { m: Answer; href: string }) {
  const t = m.whole.total, s = m.spend;
  const failed = t.traces ? (100 * t.errors) / t.traces : 0;
  return (
    <div className="figures">
      <Figure label="Traces" value={short(t.traces)} title={count(t.traces)} note={`${plural(t.spans, "span")}${t.open ? `, ${count(t.open)} open` : ""}`} href={href} />
      <Figure label="Failed" value={`${failed.toFixed(failed < 10 ? 2 : 1)}%`} note={`${count(t.errors)} of ${count(t.traces)}`} href={href.replace("?", `?q=${encodeURIComponent("status = 'ERROR'")}&`)} tone={t.errors ? "error" : undefined} />
      <Figure label="Latency p95" value={duration(t.p95_ms)} note={`p50 ${duration(t.p50_ms)}, p99 ${duration(t.p99_ms)}; within ${100 * m.quantile_error}%`} href={`${href}&sort=-duration`} />
      <Figure label="Tokens" value={short(t.tokens)} title={count(t.tokens)} note={`in ${short(t.tokens_in)}, out ${short(t.tokens_out)}${t.cache_read ? `, ${short(t.cache_read)} from cache` : ""}`} href={`${href}&sort=-tokens`} />
      <Figure label="Cost" value={cost(t.cost)} note={t.unpriced_calls ? `${plural(t.unpriced_calls, "call")} without a price, not counted` : t.cost === null ? "no call with a price" : "all calls priced"} href={`${href}&sort=-cost`} />
      <Figure label="Per 1,000 traces" value={cost(s.per_1000_traces)} note={s.per_1000_traces === null ? s.why : `${cost(t.cost)} ÷ ${count(t.traces)} × 1,000`} />
      <Figure label="Per month, at this pace" value={cost(s.per_month)} note={s.per_month === null ? s.why : `${cost(t.cost)} ÷ ${count(Math.round(s.hours))} h × 720 h, n = ${count(t.traces)}`} />
    </div>
  );
}

function Figure({ label, value, note, href, tone, title }: { label: string; value: string; note: string; href?: string; tone?: string | undefined; title?: string }) {
  const inner = <><span className="label">{label}</span><span className="value" title={title} style={tone ? { color: `var(--${tone})` } : undefined}>{value}</span><span className="note">{note}</span></>;
  return href ? <A className="figure" href={href}>{inner}</A> : <div className="figure">{inner}</div>;
}
