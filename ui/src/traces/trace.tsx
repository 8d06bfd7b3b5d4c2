// The trace page: what happened, in a tree, along time, as a graph, as a
// conversation; and one span of it in full.
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import { listen } from "../api/live";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { visited } from "../app/palette";
import { recall, remember } from "../app/prefs";
import { useShortcut } from "../app/shortcuts";
import { copy } from "../app/toast";
import { to, useUrl, useWs } from "../app/url";
import { neighbours } from "../app/walk";
import { cost, count, duration, plural, short } from "../kit/format";
import { Icon } from "../kit/icons";
import { useMedia, useNarrow } from "../kit/media";
import { Score } from "../kit/score";
import { Chip, hint, Keys, Load, Status, Tabs, Time } from "../kit/states";
import { FeedbackDialog } from "./assessments";
import { spanQuery, type Trace, traceKey, useSkeleton, useTrace } from "./data";
import { GraphView } from "./graphview";
import { SpanPanel } from "./span";
import { Transcript } from "./transcript";
import { buildTree, type Tree } from "./tree";
import { Waterfall } from "./waterfall";

const views = ["tree", "timeline", "graph", "transcript", "log"] as const;
type View = (typeof views)[number];

export default function TracePage() {
  const ws = useWs();
  const { traceId } = useParams({ strict: false }) as { traceId: string };
  const trace = useTrace(ws, traceId);
  const running = trace.data?.status === "IN_PROGRESS" && Date.now() - trace.data.start_ms < 600_000;
  const skeleton = useSkeleton(ws, traceId, running);
  const tree = useMemo(() => (skeleton.data ? buildTree(skeleton.data) : null), [skeleton.data]);
  const client = useQueryClient();
  useCrumbs({ label: "Traces", to: to(ws, "traces") }, { label: trace.data?.name || traceId });
  useEffect(() => { if (trace.data) visited(ws, { path: to(ws, "traces", traceId), label: trace.data.name || traceId, kind: "trace" }); }, [ws, traceId, trace.data?.name]);
  // Spans join as they arrive, at most four times a second.
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = listen(ws, (c) => {
      if (c.kind === "trace" && c.id === traceId) timer ??= setTimeout(() => { timer = undefined; void client.invalidateQueries({ queryKey: traceKey(ws, traceId), predicate: (q) => !q.queryKey.includes("span") }); }, 250);
    });
    return () => { off(); clearTimeout(timer); };
  }, [ws, traceId, client]);
  return (
    <div className="page">
      <Load query={trace}>{(t) => (
        <>
          <TraceHead trace={t} />
          <Load query={{ data: tree ?? undefined, error: skeleton.error, refetch: skeleton.refetch }} rows={14}>{(tr) => <TraceBody trace={t} tree={tr} />}</Load>
        </>
      )}</Load>
    </div>
  );
}

function TraceHead({ trace: t }: { trace: Trace }) {
  const ws = useWs();
  const go = useGo();
  const near = neighbours("traces", t.trace_id);
  const walk = (id: string | undefined) => { if (id) go(to(ws, "traces", id)); };
  useShortcut("prev", () => walk(near.prev));
  useShortcut("next", () => walk(near.next));
  const narrow = useNarrow();
  const [all, setAll] = useState(false);
  const tags = Object.entries(t.tags).filter(([k]) => !k.startsWith("mlflow.")), most = all ? tags.length : narrow ? 2 : 8;
  const scores = t.assessments.filter((a) => a.span_id === null);
  return (
    <>
      <div className="page-head" style={{ paddingBottom: 2 }}>
        <h1 className="clip" dir="auto" title={t.name}>{t.name || "(unnamed)"}</h1>
        <Status value={t.status} tint />
        <button className="link label mono" title="Copy the trace id" onClick={() => void copy(t.trace_id, "Trace id copied")}>{t.trace_id.slice(0, 11)}… <Icon name="copy" size={12} /></button>
        <span className="grow" />
        {near.of > 0 && <span className="row" style={{ gap: 2 }}>
          <button className="icon-button" disabled={!near.prev} aria-label="Previous trace" title={hint("Previous trace of the list", "prev")} onClick={() => walk(near.prev)}><Icon name="up" /></button>
          <span className="muted label">{count(near.at)} of {count(near.of)}</span>
          <button className="icon-button" disabled={!near.next} aria-label="Next trace" title={hint("Next trace of the list", "next")} onClick={() => walk(near.next)}><Icon name="down" /></button>
        </span>}
      </div>
      <div className="facts" style={{ paddingBottom: 6 }}>
        <span><b>{duration(t.duration_ms)}</b></span><span><Time ms={t.start_ms} /></span><span><b>{count(t.spans)}</b> spans{t.errors > 0 && <>, <span className="status error">{count(t.errors)} failed</span></>}</span>
        <Usage trace={t} />
        <A href={`${to(ws, "traces")}?exp=${t.experiment_id}`}>{t.experiment_name}</A>
        {t.run_id && <A href={to(ws, "runs", t.run_id)}>run {t.run_id.slice(0, 8)}</A>}
        {t.session && <A href={`${to(ws, "traces")}?session=${encodeURIComponent(t.session)}&sort=start`}>session {t.session}</A>}
        {t.user && <span>user <b>{t.user}</b></span>}
        {t.prompts.map((p) => <A key={`${p.name}@${p.version}`} href={`${to(ws, "prompts", p.name)}?v=${p.version}`}>{p.name}@{p.version}</A>)}
      </div>
      {(scores.length > 0 || tags.length > 0) && (
        <div className="chips" style={{ padding: "0 16px 8px" }}>
          {scores.map((a) => <Score key={a.assessment_id} a={a} />)}
          {tags.slice(0, most).map(([k, v]) => <Chip key={k} tone="outline" title={`${k} = ${v}`}>{k} = {v}</Chip>)}
          {tags.length > most && <button className="link label" onClick={() => setAll(true)}>{plural(tags.length - most, "more tag")}</button>}
        </div>
      )}
    </>
  );
}

/** Tokens and cost of the whole, with each model's share and price date on hover. */
function Usage({ trace: t }: { trace: Trace }) {
  const lines = t.usage.map((u) => `${u.model}: ${plural(u.calls, "call")}, ${count(u.tokens.input)} in + ${count(u.tokens.output)} out, ${cost(u.cost)}${u.price ? ` (price of ${u.price.effective_date})` : " (no known price, not counted)"}`);
  const dates = [...new Set(t.usage.map((u) => u.price?.effective_date).filter(Boolean))];
  return (
    <span title={lines.join("\n")}>
      <b>{short(t.tokens.total)}</b> tokens · <b>{cost(t.cost)}</b>{dates.length > 0 && <> at prices of {dates.join(", ")}</>}{t.usage.length > 0 && <> <Icon name="info" size={12} /><span className="sr">{lines.join("; ")}</span></>}
    </span>
  );
}

function TraceBody({ trace, tree }: { trace: Trace; tree: Tree }) {
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
  const lost = search.span !== undefined && asked < 0;
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

  useShortcut("filter", () => { input.current?.focus(); input.current?.select(); });
  useShortcut("feedback", () => setFeedback(true));
  useShortcut("back", () => (search.span && !wide ? set({ span: undefined }) : false));
  useShortcut("view1", () => set({ view: undefined }));
  useShortcut("view2", () => set({ view: "timeline" }));
  useShortcut("view3", () => set({ view: "graph" }));
  useShortcut("view4", () => set({ view: "transcript" }));
  useShortcut("view5", () => set({ view: "log" }));

  const spanId = selected >= 0 ? tree.skeleton.span_ids[selected]! : null;
  const drag = useRef<{ x: number; w: number } | null>(null);
  const resize = (w: number) => { const next = Math.max(320, Math.min(innerWidth - 420, w)); setWidth(next); remember("assay.trace.detail", next); };
  const matched = hits ? `${count(hits.size)} of ${plural(tree.n, "span")}` : plural(tree.n, "span");

  return (
    <>
      {lost && <div className="banner warning"><Icon name="warning" />The span of this link is not in the trace (yet).</div>}
      <div className="trace" style={{ position: "relative" }}>
        <div className="left">
          <div style={{ padding: "0 16px" }}>
            <Tabs label="View" current={view} onSelect={(v) => set({ view: v === "tree" ? undefined : v })} tabs={[{ id: "tree", label: "Tree" }, { id: "timeline", label: "Timeline" }, { id: "graph", label: "Graph" }, { id: "transcript", label: "Transcript" }, { id: "log", label: "Log" }]}>
              {!narrow && <FindBox input={input} find={find} setFind={setFind} matched={matched} walk={walkHits} />}
            </Tabs>
          </div>
          {narrow && <div style={{ padding: "6px 12px" }}><FindBox input={input} find={find} setFind={setFind} matched={matched} walk={walkHits} /></div>}
          {view === "graph" ? <GraphView tree={tree} selected={selected} onSelect={select} /> : view === "transcript" ? <Transcript traceId={trace.trace_id} tree={tree} />
            : <Waterfall tree={tree} selected={selected} onSelect={select} needle={needle} hits={hits} mode={view} />}
        </div>
        {spanId && (wide || search.span) && (
          <>
            <div className="splitter" role="separator" aria-orientation="vertical" aria-label="Width of the span panel" aria-valuenow={Math.round(width)} aria-valuemin={320} aria-valuemax={1200} tabIndex={0}
              onKeyDown={(e) => { if (e.key === "ArrowLeft") resize(width + 16); if (e.key === "ArrowRight") resize(width - 16); }}
              onPointerDown={(e) => { drag.current = { x: e.clientX, w: width }; e.currentTarget.setPointerCapture(e.pointerId); }}
              onPointerMove={(e) => { if (drag.current) resize(drag.current.w - (e.clientX - drag.current.x)); }} onPointerUp={() => { drag.current = null; }} />
            <section className="right" style={{ width }} aria-label="Span">
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
      <span className="muted label" role="status" style={{ whiteSpace: "nowrap" }}>{matched}</span>
    </span>
  );
}
