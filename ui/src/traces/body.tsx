// The body of a trace: its views on the left, the chosen span on the right.
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import { recall, remember } from "../app/prefs";
import { useShortcut } from "../app/shortcuts";
import { copy } from "../app/toast";
import { to, useUrl, useWs } from "../app/url";
import { count, duration, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { useMedia, useNarrow } from "../kit/media";
import { hint, Keys, Tabs } from "../kit/states";
import { criticalPath } from "./analysis";
import { FeedbackDialog } from "./assessments";
import { spanQuery, type Trace, traceKey } from "./data";
import { GraphView } from "./graphview";
import { LogView } from "./log";
import { NodesView } from "./nodes";
import { SpanPanel } from "./span";
import { Transcript } from "./transcript";
import { seek, type Tree } from "./tree";
import { Waterfall } from "./waterfall";

const views = ["tree", "timeline", "graph", "transcript", "log", "nodes"] as const;
type View = (typeof views)[number];
const tabs = views.map((id) => ({ id, label: id.charAt(0).toUpperCase() + id.slice(1) }));

export function TraceBody({ trace, tree }: { trace: Trace; tree: Tree }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const client = useQueryClient();
  const narrow = useNarrow();
  const wide = useMedia("(min-width: 1024px)");
  const input = useRef<HTMLInputElement>(null);
  const [find, setFind] = useState("");
  const needle = useDeferredValue(find.trim().toLowerCase());
  const [feedback, setFeedback] = useState(false);
  const [width, setWidth] = useState(() => recall("assay.trace.detail", 520));
  const view: View = views.find((v) => v === search.view) ?? "tree";

  // It opens on the first error, else on the root; on a small screen on the tree.
  const first = (trace.first_error_span_id ? tree.byId.get(trace.first_error_span_id) : undefined) ?? tree.roots[0] ?? -1;
  const asked = search.span ? tree.byId.get(search.span) ?? -1 : -1;
  const selected = asked >= 0 ? asked : wide ? first : -1;
  const lost = search.span !== undefined && asked < 0, unknown = search.view !== undefined && !views.includes(search.view as View);
  const path = useMemo(() => (search.path === "critical" ? criticalPath(tree) : null), [search.path, tree]);
  const select = (row: number, how?: { replace?: boolean }) => set({ span: tree.skeleton.span_ids[row] }, how ?? { replace: wide });

  // The neighbours of the selection are read before they are asked for.
  useEffect(() => {
    if (selected < 0) return;
    const timer = setTimeout(() => {
      const at = tree.position[selected]!;
      for (const k of [at + 1, at - 1]) {
        const r = tree.order[k];
        if (r !== undefined) void client.prefetchQuery(spanQuery(ws, trace.trace_id, tree.skeleton.span_ids[r]!));
      }
    }, 150);
    return () => clearTimeout(timer);
  }, [selected, tree, ws, trace.trace_id, client]);

  const names = useMemo(() => {
    if (!needle) return null;
    const s = tree.skeleton, matching = new Set(s.name_table.flatMap((n, i) => (n.toLowerCase().includes(needle) ? [i] : []))), out = new Set<number>();
    for (let i = 0; i < tree.n; i++) if (matching.has(s.names[i]!)) out.add(i);
    return out;
  }, [needle, tree]);
  const payloads = useQuery({
    queryKey: [...traceKey(ws, trace.trace_id), "search", needle],
    queryFn: ({ signal }) => api.get("/w/{ws}/traces/{trace_id}/search", { path: { ws, trace_id: trace.trace_id }, query: { q: needle, limit: 1000 }, signal }),
    enabled: needle.length >= 2,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
  const hits = useMemo(() => {
    if (!names) return null;
    const out = new Set(names);
    if (needle.length >= 2) for (const m of payloads.data?.matches ?? []) { const r = tree.byId.get(m.span_id); if (r !== undefined) out.add(r); }
    return out;
  }, [names, payloads.data, tree, needle]);
  const walkHits = (back: boolean) => {
    if (!hits?.size) return;
    const order = [...hits].map((r) => tree.position[r]!).sort((a, b) => a - b), at = selected < 0 ? -1 : tree.position[selected]!;
    const next = back ? order.findLast((p) => p < at) ?? order.at(-1)! : order.find((p) => p > at) ?? order[0]!;
    select(tree.order[next]!, { replace: true });
  };

  const s = tree.skeleton, go = (row: number) => { if (row < 0) return false; select(row, { replace: true }); return undefined; };
  useShortcut("errors", () => go(seek(tree, selected, false, (r) => s.status[r] === 2)));
  useShortcut("prevError", () => go(seek(tree, selected, true, (r) => s.status[r] === 2)));
  useShortcut("sameName", () => (selected < 0 ? false : go(seek(tree, selected, false, (r) => s.names[r] === s.names[selected]))));
  useShortcut("sameNameBack", () => (selected < 0 ? false : go(seek(tree, selected, true, (r) => s.names[r] === s.names[selected]))));
  useShortcut("parent", () => (selected < 0 ? false : go(tree.parent[selected]!)));
  useShortcut("critical", () => set({ path: path ? undefined : "critical" }, { replace: true }));
  useShortcut("filter", () => { input.current?.focus(); input.current?.select(); });
  useShortcut("feedback", () => setFeedback(true));
  useShortcut("back", () => (search.span && !wide ? set({ span: undefined }) : false));
  useShortcut("view1", () => set({ view: undefined }));
  useShortcut("view2", () => set({ view: "timeline" }));
  useShortcut("view3", () => set({ view: "graph" }));
  useShortcut("view4", () => set({ view: "transcript" }));
  useShortcut("view5", () => set({ view: "log" }));
  useShortcut("view6", () => set({ view: "nodes" }));

  const spanId = selected >= 0 ? tree.skeleton.span_ids[selected]! : null;
  const drag = useRef<{ x: number; w: number } | null>(null);
  const resize = (w: number) => { const next = Math.max(320, Math.min(innerWidth - 420, w)); setWidth(next); remember("assay.trace.detail", next); };
  const shown = payloads.data?.matches.find((m) => m.span_id === spanId);
  const matched = hits ? `${count(hits.size)} of ${plural(tree.n, "span")}` : plural(tree.n, "span");

  return (
    <>
      {lost && <div className="banner warning" role="status"><Icon name="warning" />The span of this link is not in the trace (yet).</div>}
      {unknown && <div className="banner warning" role="status"><Icon name="warning" />“{search.view!.slice(0, 40)}” is no view of a trace; this is the tree.</div>}
      <div className="trace" style={{ position: "relative" }}>
        <div className="left">
          <div style={{ padding: "0 16px" }}>
            <Tabs label="View" current={view} onSelect={(v) => set({ view: v === "tree" ? undefined : v })} tabs={tabs}>
              {!narrow && <FindBox input={input} find={find} setFind={setFind} matched={matched} walk={walkHits} />}
            </Tabs>
          </div>
          {narrow && <div style={{ padding: "6px 12px" }}><FindBox input={input} find={find} setFind={setFind} matched={matched} walk={walkHits} /></div>}
          {(view === "tree" || view === "timeline") && tree.n > 1 && <PathBar tree={tree} path={path} onToggle={() => set({ path: path ? undefined : "critical" }, { replace: true })} />}
          {view === "graph" ? <GraphView tree={tree} selected={selected} onSelect={select} /> : view === "transcript" ? <Transcript traceId={trace.trace_id} tree={tree} />
            : view === "log" ? <LogView tree={tree} selected={selected} onSelect={select} needle={needle} hits={hits} /> : view === "nodes" ? <NodesView tree={tree} selected={selected} onSelect={select} needle={needle} />
            : tree.n === 0 ? <p className="muted" style={{ padding: 16 }}>{trace.status === "IN_PROGRESS" ? "No span has arrived yet." : "This trace has a header, and no spans."}</p>
            : <Waterfall tree={tree} selected={selected} onSelect={select} needle={needle} hits={hits} path={path} mode={view} />}
        </div>
        {spanId && (wide || search.span) && (
          <>
            <div className="splitter" role="separator" aria-orientation="vertical" aria-label="Width of the span panel" aria-valuenow={Math.round(width)} aria-valuemin={320} aria-valuemax={1200} tabIndex={0}
              onKeyDown={(e) => { if (e.key === "ArrowLeft") resize(width + 16); if (e.key === "ArrowRight") resize(width - 16); }}
              onPointerDown={(e) => { drag.current = { x: e.clientX, w: width }; e.currentTarget.setPointerCapture(e.pointerId); }}
              onPointerMove={(e) => { if (drag.current) resize(drag.current.w - (e.clientX - drag.current.x)); }} onPointerUp={() => { drag.current = null; }} />
            <section className="right" style={{ width }} aria-label="Span">
              {needle.length >= 2 && shown && <Found {...shown} />}
              <SpanPanel trace={trace} spanId={spanId} subtree={{ tokens: tree.tokens[selected]!, cost: tree.costs[selected]!, spans: tree.subtree[selected]! }} onClose={() => (wide ? set({ span: undefined }, { replace: true }) : set({ span: undefined }))} />
              <div className="row" style={{ padding: "6px 16px", borderTop: "1px solid var(--hairline)", flex: "none" }}>
                <button className="button" onClick={() => setFeedback(true)}><Icon name="thumbUp" />Feedback<Keys id="feedback" /></button>
                <button className="button" onClick={() => void copy(`${location.origin}${to(ws, "traces", trace.trace_id)}?span=${spanId}`, "Link to the span copied")}><Icon name="link" />Copy link</button>
              </div>
            </section>
          </>
        )}
      </div>
      {feedback && <FeedbackDialog trace={trace} spanId={spanId && selected !== tree.roots[0] ? spanId : null} spanName={selected >= 0 ? tree.skeleton.name_table[tree.skeleton.names[selected]!] ?? "" : trace.name} onClose={() => setFeedback(false)} />}
    </>
  );
}

function FindBox({ input, find, setFind, matched, walk }: { input: React.RefObject<HTMLInputElement | null>; find: string; setFind: (s: string) => void; matched: string; walk: (back: boolean) => void }) {
  return (
    <span className="row" style={{ gap: 6, minWidth: 0 }} role="search">
      <input ref={input} className="input" style={{ width: 170, height: 26, flexShrink: 1 }} placeholder="Find in spans" aria-label="Find in names and payloads" title={hint("Find in names and payloads", "filter")} value={find} onChange={(e) => setFind(e.target.value)}
        onKeyDown={(e) => { if (e.key === "Enter") { e.preventDefault(); walk(e.shiftKey); } if (e.key === "Escape") { setFind(""); input.current?.blur(); e.stopPropagation(); } }} />
      <span className="muted label" role="status" style={{ whiteSpace: "nowrap", minWidth: "13ch" }}>{matched}</span>
    </span>
  );
}

/** The way the whole waited for, on request, with those that made it long. */
function PathBar({ tree, path, onToggle }: { tree: Tree; path: ReturnType<typeof criticalPath> | null; onToggle: () => void }) {
  const s = tree.skeleton;
  const worst = useMemo(() => {
    const sums = new Map<string, number>();
    for (const [r, own] of path?.own ?? []) { const n = s.name_table[s.names[r]!] ?? ""; sums.set(n, (sums.get(n) ?? 0) + own); }
    return [...sums].sort((a, b) => b[1] - a[1]).slice(0, 3).filter(([, own]) => own > 0);
  }, [path, s]);
  return (
    <div className="path-bar">
      <button className={`button small${path ? " on" : ""}`} aria-pressed={!!path} title={hint("Mark the spans that the trace waited for", "critical")} onClick={onToggle}>Critical path</button>
      {path && <span className="muted label clip" role="status">{plural(path.rows.size, "span")} of {count(tree.n)} held it up{worst.length > 0 && <>: {worst.map(([n, own], i) => <span key={n}>{i > 0 && ", "}<b dir="auto">{n}</b> {duration(own / 1000)} ({Math.round((own / path.total) * 100)}%)</span>)}</>}</span>}
    </div>
  );
}

/** Where in a payload the search found its words. */
function Found({ field, snippet, start = 0, length = 0 }: { field: string; snippet: string; start?: number; length?: number }) {
  const chars = Array.from(snippet); // the server counts characters
  return <p className="muted label clip" style={{ padding: "8px 16px 0", flex: "none" }} title={snippet}>Found in {field}: {chars.slice(0, start).join("")}<mark>{chars.slice(start, start + length).join("")}</mark>{chars.slice(start + length).join("")}</p>;
}
