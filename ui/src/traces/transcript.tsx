// The conversation of a trace: model call after model call, each with what is
// new in it; repeated history is folded, and a tool's result stands beside the
// call that asked for it. Calls are read as they come into view.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { useUrl, useWs } from "../app/url";
import { cost, count, duration, plural, short } from "../kit/format";
import { Payload } from "../kit/json";
import { Empty, Failure, Skeleton, Status } from "../kit/states";
import { spanQuery } from "./data";
import { foldHistory, modelCalls, toolSpan } from "./dialogue";
import { type Message, type ToolCall, Turn } from "./messages";
import type { Tree } from "./tree";

export function Transcript({ traceId, tree, inline = false }: { traceId: string; tree: Tree; inline?: boolean }) {
  const calls = useMemo(() => modelCalls(tree), [tree]);
  const host = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: inline ? 0 : calls.length, getScrollElement: () => host.current, estimateSize: () => 260, overscan: 2 });
  const [all, setAll] = useState(false);
  if (calls.length === 0) return inline ? <Steps traceId={traceId} tree={tree} /> : <Empty title="No model was called" text="A transcript is made of the messages of model calls; this trace has none. The Tree shows what it did." />;
  if (inline) {
    const few = all ? calls : calls.slice(0, 6);
    return <div className="stack" style={{ gap: 10 }}>{few.map((_, i) => <Call key={i} traceId={traceId} tree={tree} calls={calls} at={i} />)}{few.length < calls.length && <button className="fold" onClick={() => setAll(true)}>{plural(calls.length - few.length, "more model call")}, show</button>}</div>;
  }
  return (
    <div ref={host} className="transcript" tabIndex={0} role="region" aria-label="Transcript">
      <div style={{ height: rows.getTotalSize(), position: "relative" }}>
        {rows.getVirtualItems().map((v) => (
          <div key={v.key} ref={rows.measureElement} data-index={v.index} style={{ position: "absolute", top: 0, left: 0, right: 0, transform: `translateY(${v.start}px)`, paddingBottom: 12 }}>
            <Call traceId={traceId} tree={tree} calls={calls} at={v.index} />
          </div>
        ))}
      </div>
    </div>
  );
}

/** How many calls before are looked at for history: agents speak in turns. */
const lookBack = 4;

function Call({ traceId, tree, calls, at }: { traceId: string; tree: Tree; calls: number[]; at: number }) {
  const ws = useWs();
  const { set } = useUrl();
  const s = tree.skeleton;
  const id = (i: number) => s.span_ids[calls[i]!]!;
  const [open, setOpen] = useState(false);
  const span = useQuery(spanQuery(ws, traceId, id(at)));
  const before = useQueries({ queries: Array.from({ length: Math.min(lookBack, at) }, (_, k) => spanQuery(ws, traceId, id(at - 1 - k))) });
  const next = useQuery({ ...spanQuery(ws, traceId, at + 1 < calls.length ? id(at + 1) : ""), enabled: at + 1 < calls.length });
  const ready = before.every((q) => q.data || q.error);
  const folded = useMemo(() => {
    if (!span.data?.messages || !ready) return null;
    return foldHistory(span.data.messages, before.map((q) => q.data?.messages ?? []));
  }, [span.data, ready, before.map((q) => q.dataUpdatedAt).join()]);
  const row = calls[at]!, model = s.models[row]! >= 0 ? s.model_table[s.models[row]!]! : "";
  const results = useMemo(() => new Map((next.data?.messages ?? []).filter((m) => m.role === "tool" && m.tool_call_id).map((m) => [m.tool_call_id!, m])), [next.data]);
  const nth = new Map<string, number>();
  const result = (c: ToolCall) => {
    const answer = c.id ? results.get(c.id) : undefined, k = nth.get(c.name) ?? 0;
    nth.set(c.name, k + 1);
    if (answer) return <Payload value={answer.content} label={`Result of ${c.name}`} />;
    const tool = toolSpan(tree, row, c.name, k);
    return tool < 0 ? undefined : <ToolResult traceId={traceId} tree={tree} row={tool} />;
  };
  const failed = s.status[row] === 2;
  return (
    <section className="model-call" aria-label={`Model call ${at + 1} of ${calls.length}`}>
      <header>
        <button className="link" title="Select this span" onClick={() => set({ span: id(at) }, { replace: true })}><b>{count(at + 1)}</b> {s.name_table[s.names[row]!] ?? ""}</button>
        {model && <span className="clip">{model}</span>}
        <span>{s.ends[row]! < 0 ? "running" : duration((s.ends[row]! - s.starts[row]!) / 1000)}</span>
        <span>{s.tokens[row]! < 0 ? "" : `${short(s.tokens[row]!)} tok`}</span><span>{s.costs[row] === null ? "" : cost(s.costs[row])}</span>
        {failed && <Status value="ERROR" />}
      </header>
      {span.error ? <Failure error={span.error} retry={() => void span.refetch()} /> : !span.data || (span.data.messages && !folded) ? <Skeleton rows={3} />
        : !folded || folded.repeated.length + folded.fresh.length + folded.output.length === 0 ? <div className="stack" style={{ gap: 8 }}>{span.data.inputs !== null && <Payload value={span.data.inputs} label="Input" />}{(span.data.outputs !== null || !failed) && <Payload value={span.data.outputs} label="Output" />}</div>
        : (
          <>
            {folded.repeated.length > 0 && <button className="fold" aria-expanded={open} onClick={() => setOpen(!open)}>{plural(folded.repeated.length, "message")} as before, {open ? "fold" : "show"}</button>}
            {open && folded.repeated.map((m, i) => <Turn key={`r${i}`} m={m} note={<span className="chip">repeated</span>} />)}
            {folded.fresh.map((m, i) => <Turn key={`f${i}`} m={m} />)}
            {folded.output.map((m, i) => <Turn key={`o${i}`} m={m} result={result} />)}
          </>
        )}
      {failed && span.data && <pre className="text error" dir="auto">{span.data.status_message || "It failed without a message."}</pre>}
    </section>
  );
}

function ToolResult({ traceId, tree, row }: { traceId: string; tree: Tree; row: number }) {
  const ws = useWs();
  const { set } = useUrl();
  const id = tree.skeleton.span_ids[row]!;
  const span = useQuery(spanQuery(ws, traceId, id));
  if (!span.data) return span.error ? <p className="status error">{String(span.error)}</p> : <span className="skeleton" style={{ width: 120 }} />;
  return (
    <>
      <button className="link label" onClick={() => set({ span: id }, { replace: true })}>{span.data.name}</button>
      {span.data.status === "ERROR" ? <pre className="text error" dir="auto">{span.data.status_message || "It failed without a message."}</pre> : <Payload value={span.data.outputs} label={`Result of ${span.data.name}`} />}
    </>
  );
}

/** A trace without model calls, inside another page: its first spans by name. */
function Steps({ traceId, tree }: { traceId: string; tree: Tree }) {
  const ws = useWs();
  const root = tree.roots[0];
  const span = useQuery({ ...spanQuery(ws, traceId, root === undefined ? "" : tree.skeleton.span_ids[root]!), enabled: root !== undefined });
  if (root === undefined) return <p className="muted">No span was recorded.</p>;
  if (!span.data) return span.error ? <Failure error={span.error} /> : <Skeleton rows={2} />;
  return <div className="stack" style={{ gap: 8 }}><Payload value={span.data.inputs} label="Input" /><Payload value={span.data.outputs} label="Output" /></div>;
}

export type { Message };
