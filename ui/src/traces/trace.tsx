// The trace page: what happened, in a tree, along time, as a graph, as a
// conversation; and one span of it in full.
import { useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import { listen } from "../api/live";
import { DatasetButton } from "../datasets/add";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { visited } from "../app/palette";
import { useShortcut } from "../app/shortcuts";
import { copy, toastError } from "../app/toast";
import { to, useWs } from "../app/url";
import { extendList, neighbours } from "../app/walk";
import { CopyAs, type CopyAsProps } from "../kit/copyas";
import { cost, count, duration, plural, short } from "../kit/format";
import { Icon } from "../kit/icons";
import { useNarrow } from "../kit/media";
import { Score } from "../kit/score";
import { Chip, hint, Load, Status, Time } from "../kit/states";
import { TraceBody } from "./body";
import { Flags } from "./columns";
import { type Trace, type TraceQuery, traceKey, useSkeleton, useTrace } from "./data";
import { TraceMenu } from "./menu";
import { buildTree, type Tree } from "./tree";
import "./traces.css";
import { LineageButton } from "../lineage/open";

/** An open trace that was silent for so long is not watched any more. */
const silence = 600_000;

/** When the last thing that is known of a trace happened, in unix ms. */
function lastHeard(tree: Tree | null, t: Trace | undefined): number {
  return tree && tree.n > 0 ? (tree.skeleton.start_us + tree.total) / 1000 : t?.start_ms ?? 0;
}

export default function TracePage() {
  const ws = useWs();
  const { traceId } = useParams({ strict: false }) as { traceId: string };
  const client = useQueryClient();
  const [watching, setWatching] = useState(false); // asked to look again at a stalled trace
  const trace = useTrace(ws, traceId, watching);
  const open = trace.data?.status === "IN_PROGRESS";
  const skeleton = useSkeleton(ws, traceId, open);
  const spent = useRef(0); // ms the last refresh cost
  const tree = useMemo(() => {
    if (!skeleton.data) return null;
    const from = performance.now(), t = buildTree(skeleton.data);
    spent.current = performance.now() - from;
    return t;
  }, [skeleton.data]);
  const heard = lastHeard(tree, trace.data), stalled = open && heard > 0 && Date.now() - heard > silence;
  useEffect(() => setWatching(open && !stalled), [open, stalled]);
  useCrumbs({ label: "Traces", to: to(ws, "traces") }, { label: trace.data?.name || traceId });
  useEffect(() => { if (trace.data) visited(ws, { path: to(ws, "traces", traceId), label: trace.data.name || traceId, kind: "trace" }); }, [ws, traceId, trace.data?.name]);
  // Spans join as they arrive: at most four times a second, and seldom enough
  // that a long trace does not take the machine.
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let headAt = 0;
    const off = listen(ws, (c) => {
      if (c.kind !== "trace" || c.id !== traceId) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        void client.invalidateQueries({ queryKey: [...traceKey(ws, traceId), "skeleton"] });
        // The head's numbers follow slower: they are summed up anew each time.
        if (Date.now() - headAt > 2_000 || !open) { headAt = Date.now(); void client.invalidateQueries({ queryKey: traceKey(ws, traceId), exact: true }); }
      }, Math.max(250, spent.current * 12));
    });
    return () => { off(); clearTimeout(timer); };
  }, [ws, traceId, client, open]);
  const again = () => { setWatching(true); void client.invalidateQueries({ queryKey: traceKey(ws, traceId) }); };
  return (
    <div className="page">
      <Load query={trace}>{(t) => (
        <>
          <TraceHead trace={t} />
          {stalled && <div className="banner warning" role="status"><Icon name="clock" /><span className="grow">Stalled: it never ended, and nothing new came for {duration(Date.now() - heard)}. It is not watched any more.</span><button className="link" onClick={again}>Look again</button></div>}
          <Load query={{ data: tree ?? undefined, error: skeleton.error, refetch: skeleton.refetch }} rows={14}>{(tr) => <TraceBody key={traceId} trace={t} tree={tr} />}</Load>
        </>
      )}</Load>
    </div>
  );
}

/** Walks the list the reader came from, also past what it had read. */
export function useWalk(id: string) {
  const ws = useWs();
  const go = useGo();
  const near = neighbours("traces", id);
  const walk = (next: string | undefined) => { if (next) go(to(ws, "traces", next)); };
  const forward = async () => {
    if (near.next || !near.more) return walk(near.next);
    try {
      const ask = near.more.ask as TraceQuery & { order_by: never };
      const page = await api.post("/w/{ws}/traces/search", { path: { ws }, body: { ...ask, limit: 100, page_token: near.more.token } });
      walk(extendList("traces", page.traces.map((t) => t.trace_id), page.next_page_token ? { ask, token: page.next_page_token } : null));
    } catch (e) { toastError(e); }
  };
  useShortcut("prev", () => walk(near.prev));
  useShortcut("next", () => void forward());
  return { near, back: () => walk(near.prev), forward: () => void forward() };
}

function asCode(ws: string, t: Trace): CopyAsProps {
  return { cli: ["trace", "show", t.trace_id], call: { path: `/w/${ws}/traces/${t.trace_id}` }, mlflow: `trace = mlflow.get_trace(${JSON.stringify(t.trace_id)})\nprint(trace.to_json(pretty=True))` };
}

function TraceHead({ trace: t }: { trace: Trace }) {
  const ws = useWs();
  const { near, back, forward } = useWalk(t.trace_id);
  const narrow = useNarrow();
  const [all, setAll] = useState(false);
  const tags = Object.entries(t.tags).filter(([k]) => !k.startsWith("mlflow.") && !k.startsWith("assay.")), most = all ? tags.length : narrow ? 2 : 8;
  const scores = t.assessments.filter((a) => a.span_id === null && a.valid);
  return (
    <>
      <div className="page-head" style={{ paddingBottom: 2 }}>
        <h1 className="clip" dir="auto" title={t.name}>{t.name || "(unnamed)"}</h1>
        <Status value={t.status} tint /><Flags tags={t.tags} />
        <button className="link label mono" title="Copy the trace id" onClick={() => void copy(t.trace_id, "Trace id copied")}>{t.trace_id.slice(0, 11)}… <Icon name="copy" size={12} /></button>
        <span className="grow" />
        {!narrow && <CopyAs {...asCode(ws, t)} />}
        <DatasetButton ids={[t.trace_id]} iconOnly={narrow} /><LineageButton kind="trace" id={t.trace_id} />
        <TraceMenu trace={t} />
        {near.of > 0 && <span className="row" style={{ gap: 2 }}>
          <button className="icon-button" disabled={!near.prev} aria-label="Previous trace" title={hint("Previous trace of the list", "prev")} onClick={back}><Icon name="up" /></button>
          <span className="muted label">{count(near.at)} of {count(near.of)}</span>
          <button className="icon-button" disabled={!near.next && !near.more} aria-label="Next trace" title={hint("Next trace of the list", "next")} onClick={forward}><Icon name="down" /></button>
        </span>}
      </div>
      <div className="facts" style={{ paddingBottom: 6 }}>
        <span><b style={t.status === "IN_PROGRESS" ? { display: "inline-block", minWidth: "7ch" } : undefined}>{duration(t.duration_ms)}</b></span><span><Time ms={t.start_ms} /></span><span><b style={t.status === "IN_PROGRESS" ? { display: "inline-block", minWidth: "6ch" } : undefined}>{count(t.spans)}</b> spans{t.errors > 0 && <>, <span className="status error">{count(t.errors)} failed</span></>}</span>
        <Usage trace={t} />
        <A href={`${to(ws, "traces")}?exp=${t.experiment_id}`}>{t.experiment_name}</A>
        {t.run_id && <A href={to(ws, "runs", t.run_id)}>run {t.run_id.slice(0, 8)}</A>}
        {t.session && <A href={to(ws, "sessions", t.session)}>session {t.session}</A>}
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
