// Lineage: what an object came from and what came of it, left to right. Arrow
// keys follow the arrows; many of a kind are one count that opens their list.
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useMemo, useRef } from "react";
import { api } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { stringifySearch, to, useUrl, useWs } from "../app/url";
import { CopyAs } from "../kit/copyas";
import { Icon, type IconName } from "../kit/icons";
import { useNarrow } from "../kit/media";
import { Empty, Load, Segments } from "../kit/states";
import { kindNames, layout, type Lineage, type LineageNode, neighbours, parseOf, path } from "./layout";
import { lineagePath } from "./open";
import "./lineage.css";

const icons: Record<LineageNode["kind"], IconName> = { experiment: "experiments", input: "datasets", dataset: "datasets", prompt: "prompts", run: "play", logged_model: "models", model: "models", alias: "pin", trace: "traces", session: "sessions" };

/** Where a node leads: its page, or the list that shows a group. */
function nodePath(ws: string, n: LineageNode): string | null {
  if (n.open) return to(ws, ...n.open.page.split("/")) + stringifySearch(n.open.params);
  const cut = n.ref.lastIndexOf("/"), name = n.ref.slice(0, cut), version = n.ref.slice(cut + 1);
  switch (n.kind) {
    case "experiment": return `${to(ws, "runs")}?exp=${encodeURIComponent(n.ref)}`;
    case "run": return to(ws, "runs", n.ref);
    case "trace": return to(ws, "traces", n.ref);
    case "session": return to(ws, "sessions", n.ref);
    case "dataset": return to(ws, "datasets", n.ref);
    case "model": return to(ws, "models", name, version);
    case "prompt": return `${to(ws, "prompts", name)}?v=${encodeURIComponent(version)}`;
    case "input": return to(ws, "datasets", "logged", n.ref.split("/").slice(2).join("/"));
    default: return null;
  }
}

export default function LineagePage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const narrow = useNarrow();
  const of = parseOf(search.of);
  const depth = /^[1-4]$/.test(search.depth ?? "") ? Number(search.depth) : 2;
  const view = search.view === "list" || search.view === "graph" ? search.view : narrow ? "list" : "graph";
  const q = useQuery({
    queryKey: ["lineage", ws, search.of, depth],
    queryFn: ({ signal }) => api.get("/w/{ws}/lineage", { path: { ws }, query: { kind: of!.kind as "run", id: of!.id, depth }, signal }),
    enabled: !!of,
    placeholderData: (old) => old,
  });
  const focus = q.data?.nodes.find((n) => n.id === q.data.focus);
  useCrumbs({ label: "Lineage", to: to(ws, "lineage") }, ...(of ? [{ label: focus?.label ?? of.id }] : []));
  if (!of) return (
    <div className="page"><div className="page-head"><h1>Lineage</h1></div>
      {search.of && <div className="banner warning" style={{ margin: "0 16px" }}><Icon name="warning" />“{search.of}” names no object: write kind and id, as in run:0123….</div>}
      <Empty title="Arrows appear as work links up" text="Open a run, trace, model version, prompt or dataset and press L. Runs link to what they read and made, traces to their run, prompts, conversation and the datasets they were copied into." />
    </div>
  );
  return (
    <div className="page">
      <div className="page-head">
        <h1 className="clip" dir="auto">Lineage of {focus?.label ?? of.id}</h1>
        <span className="grow" />
        <label className="row label">Steps<Segments label="Steps in either direction" options={[["1", "1"], ["2", "2"], ["3", "3"], ["4", "4"]] as const} value={String(depth) as "1"} onChange={(d) => set({ depth: d === "2" ? undefined : d })} /></label>
        <Segments label="View" options={[["graph", "Graph"], ["list", "List"]] as const} value={view as "graph"} onChange={(v) => set({ view: v })} />
        {!narrow && view === "graph" && <button className="button" aria-pressed={search.explain === "on"} onClick={() => set({ explain: search.explain === "on" ? undefined : "on" }, { replace: true })}><Icon name="info" />Explain</button>}
        {q.data && <button className="button" onClick={() => download(q.data, of.id)}><Icon name="download" />JSON</button>}
        {!narrow && <CopyAs call={{ path: `/w/${ws}/lineage`, query: { kind: of.kind, id: of.id, depth } }} />}
      </div>
      <Load query={q} rows={8}>{(g) => (
        <>
          {g.more && <div className="banner warning" style={{ margin: "0 16px 8px" }}><Icon name="warning" />There is more: the graph ends at {g.nodes.length} nodes. Take fewer steps.</div>}
          {g.edges.length === 0 ? <Empty title="Nothing is linked to it yet" text="Arrows appear as work links up." /> : view === "list" ? <List g={g} /> : <Graph g={g} explain={search.explain === "on"} />}
        </>
      )}</Load>
    </div>
  );
}

function download(g: Lineage, name: string): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(new Blob([JSON.stringify(g, null, 2)], { type: "application/json" }));
  a.download = `lineage-${name.replace(/[^\w.-]+/g, "_")}.json`;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}

const W = 208, H = 48, GX = 88, GY = 14, PAD = 24;

function Graph({ g, explain }: { g: Lineage; explain: boolean }) {
  const ws = useWs();
  const go = useGo();
  const { search, set } = useUrl();
  const host = useRef<HTMLDivElement>(null);
  const l = useMemo(() => layout(g), [g]);
  const near = useMemo(() => neighbours(g), [g]);
  const current = search.node && l.at.has(search.node) ? search.node : g.focus;
  const bright = useMemo(() => path(g, current), [g, current]);
  const tallest = Math.max(...l.columns.map((c) => c.length));
  const x = (id: string) => PAD + l.at.get(id)!.col * (W + GX);
  const y = (id: string) => { const p = l.at.get(id)!; return PAD + (p.row + (tallest - l.columns[p.col]!.length) / 2) * (H + GY); };
  const choose = (id: string) => set({ node: id === g.focus ? undefined : id }, { replace: true });
  useEffect(() => { host.current?.querySelector<HTMLElement>("[data-current=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" }); }, [current]);

  function onKeyDown(e: KeyboardEvent) {
    if (e.altKey || e.ctrlKey || e.metaKey) return;
    const p = l.at.get(current)!, column = l.columns[p.col]!;
    const closest = (ids: string[]) => [...ids].sort((a, b) => Math.abs(y(a) - y(current)) - Math.abs(y(b) - y(current)))[0];
    const next = e.key === "ArrowRight" ? closest(near.get(current)!.after) : e.key === "ArrowLeft" ? closest(near.get(current)!.before)
      : e.key === "ArrowDown" ? column[p.row + 1]?.id : e.key === "ArrowUp" ? column[p.row - 1]?.id : undefined;
    if (e.key.startsWith("Arrow")) {
      e.preventDefault();
      if (next) { choose(next); host.current?.querySelector<HTMLElement>(`[data-node="${CSS.escape(next)}"]`)?.focus({ preventScroll: true }); }
    }
    if (e.key === "Enter") { const href = nodePath(ws, p.node); if (href) { e.preventDefault(); go(href); } }
  }
  const width = PAD * 2 + l.columns.length * W + (l.columns.length - 1) * GX, height = PAD * 2 + tallest * (H + GY) - GY;
  return (
    <div className="lineage-split">
      <div className="lineage" ref={host} role="group" aria-label="Lineage graph; arrow keys follow the arrows, Enter opens" onKeyDown={onKeyDown}>
        <div style={{ position: "relative", width, height, margin: "0 auto" }}>
          <svg className="arrows" width={width} height={height} aria-hidden="true">
            <defs><marker id="lineage-end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 .5 7 4 0 7.500z" fill="context-stroke" /></marker></defs>
            {g.edges.map((e) => {
              const on = bright.has(e.from) && bright.has(e.to), x1 = x(e.from) + W, y1 = y(e.from) + H / 2, x2 = x(e.to) - 2, y2 = y(e.to) + H / 2, bend = Math.max(24, (x2 - x1) / 2);
              const gone = l.at.get(e.from)!.node.broken ?? l.at.get(e.to)!.node.broken;
              return <path key={`${e.from} ${e.to}`} className={`${on ? "on" : ""}${gone ? " gone" : ""}`} d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} markerEnd="url(#lineage-end)"><title>{e.reason}</title></path>;
            })}
          </svg>
          {g.nodes.map((n) => (
            <button key={n.id} data-node={n.id} data-current={n.id === current} className={`lineage-node${n.id === g.focus ? " focus" : ""}${bright.has(n.id) ? "" : " dim"}${n.broken ? " broken" : ""}${n.count ? " many" : ""}`} tabIndex={n.id === current ? 0 : -1}
              style={{ left: x(n.id), top: y(n.id), width: W, height: H }} aria-pressed={n.id === current} aria-description={`${n.broken ? `broken: ${n.broken}; ` : ""}${near.get(n.id)!.before.length} arrows in, ${near.get(n.id)!.after.length} out`}
              title={n.broken ?? `${kindNames[n.kind]} ${n.label}`} onClick={() => choose(n.id)} onDoubleClick={() => { const href = nodePath(ws, n); if (href) go(href); }}>
              <Icon name={n.broken ? "warning" : icons[n.kind]} /><span className="grow"><span className="kind">{n.count ? "" : kindNames[n.kind]}{n.detail && !n.count ? ` · ${n.detail}` : ""}{n.count ? kindNames[n.kind] + "s" : ""}</span><b className="clip" dir="auto">{n.label}</b></span>
            </button>
          ))}
        </div>
      </div>
      <Selected g={g} id={current} explain={explain} bright={bright} />
    </div>
  );
}

/** What the chosen node is, and the sentences of its arrows. */
function Selected({ g, id, explain, bright }: { g: Lineage; id: string; explain: boolean; bright: Set<string> }) {
  const ws = useWs();
  const n = g.nodes.find((x) => x.id === id)!;
  const label = (x: string) => g.nodes.find((m) => m.id === x)?.label ?? x;
  const href = nodePath(ws, n);
  const edges = g.edges.filter((e) => (explain ? bright.has(e.from) && bright.has(e.to) : e.from === id || e.to === id));
  return (
    <section className="lineage-panel" aria-label="The chosen node" aria-live="polite">
      <div className="row wrap"><Icon name={icons[n.kind]} /><b dir="auto">{n.label}</b><span className="muted">{kindNames[n.kind]}{n.detail && ` · ${n.detail}`}</span><span className="grow" />
        {!n.count && !n.broken && n.kind !== "alias" && n.id !== g.focus && <A className="button" href={lineagePath(ws, n.kind, n.ref)}>Centre here</A>}
        {href && <A className="button" href={href}>{n.count ? "Open the list" : "Open"}</A>}</div>
      {n.broken && <p className="status error" style={{ whiteSpace: "normal" }}><Icon name="warning" size={12} />{n.broken}</p>}
      <ul>{edges.map((e) => <li key={`${e.from} ${e.to}`}><span dir="auto">{label(e.from)}</span> → <span dir="auto">{label(e.to)}</span><span className="muted"> {e.reason}</span></li>)}</ul>
    </section>
  );
}

function List({ g }: { g: Lineage }) {
  const ws = useWs();
  const by = new Map(g.nodes.map((n) => [n.id, n]));
  const link = (n: LineageNode) => { const href = nodePath(ws, n); return <span className="row" style={{ gap: 6 }}><Icon name={n.broken ? "warning" : icons[n.kind]} size={14} />{href && !n.broken ? <A href={href} dir="auto">{n.label}</A> : <span dir="auto">{n.label}</span>}{!n.count && <span className="muted label">{kindNames[n.kind]}</span>}</span>; };
  const edges = [...g.edges].sort((a, b) => Math.min(by.get(a.from)!.step, by.get(a.to)!.step) - Math.min(by.get(b.from)!.step, by.get(b.to)!.step));
  return (
    <div className="page-body" style={{ overflow: "auto" }}>
      <ol className="card rows-list" aria-label="Arrows, the nearest first">{edges.map((e) => {
        const from = by.get(e.from)!, end = by.get(e.to)!, gone = from.broken ?? end.broken;
        return <li key={`${e.from} ${e.to}`}><div className="item lineage-arrow"><div className="row wrap" style={{ gap: 6 }}>{link(from)}<span aria-label="leads to">→</span>{link(end)}</div><span className="muted label">{e.reason}</span>{gone && <span className="status error label" style={{ whiteSpace: "normal" }}>{gone}</span>}</div></li>;
      })}</ol>
    </div>
  );
}
