// One turn of a conversation: what was asked and answered, the way there on
// request, and its scores in the margin.
import { lazy, Suspense, useMemo, useState } from "react";
import { A } from "../app/link";
import { to, useWs } from "../app/url";
import { clock, cost, count, duration, full, gist, plural, short } from "../kit/format";
import { Icon } from "../kit/icons";
import { Json } from "../kit/json";
import { Markdown } from "../kit/markdown";
import { Score } from "../kit/score";
import { Load, Status, Time } from "../kit/states";
import { useSkeleton, useTrace } from "../traces/data";
import { buildTree } from "../traces/tree";
import type { Turn } from "./data";

const Transcript = lazy(() => import("../traces/transcript").then((m) => ({ default: m.Transcript })));

/** A preview ends here where the payload went on. */
const maxPreview = 1000;

export function TurnRow({ index, of, turn: t, error, retry, current, onFocus }: { index: number; of: number; turn: Turn | undefined; error: unknown; retry: () => void; current: boolean; onFocus: () => void }) {
  const ws = useWs();
  const [open, setOpen] = useState(false);
  if (!t) {
    return (
      <article className="session-turn" aria-posinset={index + 1} aria-setsize={of} aria-label={`Turn ${index + 1}`}>
        <div className="at muted label">{count(index + 1)}</div>
        <div className="said">{error ? <p className="status error" role="alert">{error instanceof Error ? error.message : String(error)} <button className="link" onClick={retry}>Retry</button></p> : <div className="stack" style={{ gap: 12, padding: "8px 0" }}><span className="skeleton" style={{ width: "45%" }} /><span className="skeleton" style={{ width: "80%" }} /><span className="skeleton" style={{ width: "70%" }} /></div>}</div>
        <div className="margin" />
      </article>
    );
  }
  const cut = t.input_preview.length >= maxPreview || t.output_preview.length >= maxPreview;
  return (
    <article className={`session-turn${current ? " current" : ""}`} data-turn={index} tabIndex={current ? 0 : -1} onFocus={onFocus} aria-posinset={index + 1} aria-setsize={of} aria-label={`Turn ${index + 1}${t.status === "ERROR" ? ", failed" : ""}`}>
      <div className="at label"><A href={to(ws, "traces", t.trace_id)} title="Open the trace"><b>{count(index + 1)}</b></A><span className="muted"><Time ms={t.start_ms} short={clock(t.start_ms)} /></span>{t.status !== "OK" && <Status value={t.status} />}</div>
      <div className="said">
        <div className="bubble user"><span className="who">{t.user ?? "User"}</span><Said text={t.input_preview} /></div>
        <div className={`bubble assistant${t.status === "ERROR" ? " failed" : ""}`}><span className="who">{t.name || "Answer"}</span>
          {t.status === "ERROR" ? <pre className="text error" dir="auto">{t.output_preview || "It failed without output."}</pre> : t.output_preview ? <Said text={t.output_preview} markdown /> : <p className="muted">{t.status === "IN_PROGRESS" ? "Still running." : "No output was recorded."}</p>}
        </div>
        <button className="link label" aria-expanded={open} onClick={() => setOpen(!open)}><Icon name={open ? "down" : "right"} size={10} /> {open ? "Fold the way there" : cut ? "Show it whole, with every step" : t.spans > 1 ? `Show every step (${plural(t.spans, "span")})` : "Show the span"}</button>
        {open && <Steps id={t.trace_id} />}
      </div>
      <div className="margin">
        {t.assessments.map((a) => <div key={a.assessment_id}><Score a={a} />{a.rationale && <p className="muted label clip2" dir="auto" title={a.rationale}>{a.rationale}</p>}</div>)}
        <div className="label muted"><span title={`${full(t.duration_ms)} ms`}>{duration(t.duration_ms)}</span> · <span title={count(t.tokens.total)}>{short(t.tokens.total)} tok</span> · {cost(t.cost)}</div>
        <A className="label" href={to(ws, "traces", t.trace_id)}>Open trace</A>
      </div>
    </article>
  );
}

/** A preview as it was meant: the one message in it, else what there is. */
function Said({ text, markdown = false }: { text: string; markdown?: boolean }) {
  const v = useMemo(() => {
    const g = gist(text);
    if (g !== text && !/^\s*[[{]/.test(g)) return { text: g };
    if (!/^\s*[[{]/.test(text)) return { text };
    try { return { json: JSON.parse(text) as unknown }; } catch { return { text }; }
  }, [text]);
  if ("json" in v) return <Json value={v.json} label="Payload" />;
  if (!v.text) return <p className="muted">Nothing was recorded.</p>;
  return markdown ? <Markdown text={v.text} /> : <div className="prose" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }} dir="auto">{v.text}</div>;
}

function Steps({ id }: { id: string }) {
  const ws = useWs();
  const trace = useTrace(ws, id), skeleton = useSkeleton(ws, id, false);
  const tree = useMemo(() => (skeleton.data ? buildTree(skeleton.data) : undefined), [skeleton.data]);
  return (
    <div className="steps">
      <Load query={{ data: tree && trace.data ? { tree, trace: trace.data } : undefined, error: skeleton.error ?? trace.error, refetch: skeleton.refetch }} rows={3}>
        {(d) => <Suspense fallback={null}><Transcript traceId={id} tree={d.tree} inline /></Suspense>}
      </Load>
    </div>
  );
}
