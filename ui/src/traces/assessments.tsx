// Scores of a trace or span, and the form that gives one.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api, type Schemas } from "../api/client";
import { toast, toastError } from "../app/toast";
import { useWs } from "../app/url";
import { Icon } from "../kit/icons";
import { Score } from "../kit/score";
import { Dialog, Segments, Time } from "../kit/states";
import { may, useSession } from "../session/session";
import { type Trace, traceKey, tracesKey } from "./data";

type Assessment = Schemas["Assessment"];

function useAssess(trace: Trace) {
  const ws = useWs();
  const client = useQueryClient();
  const path = { ws, trace_id: trace.trace_id };
  const done = () => {
    void client.invalidateQueries({ queryKey: traceKey(ws, trace.trace_id), exact: true });
    void client.invalidateQueries({ queryKey: [...tracesKey(ws), "rows"] });
  };
  const remove = useMutation({
    mutationFn: (a: Assessment) => api.delete("/w/{ws}/traces/{trace_id}/assessments/{assessment_id}", { path: { ...path, assessment_id: a.assessment_id } }),
    onSuccess: (_, a) => { done(); toast(`${a.name} removed`, { action: { label: "Undo", run: () => create.mutate(inputOf(a)) } }); },
    onError: toastError,
  });
  const create = useMutation({
    mutationFn: (body: Schemas["AssessmentInput"]) => api.post("/w/{ws}/traces/{trace_id}/assessments", { path, body }),
    onSuccess: (a) => { done(); toast(`${a.name} saved`, { action: { label: "Undo", run: () => remove.mutate(a) } }); },
    onError: toastError,
  });
  return { create, remove };
}

function inputOf(a: Assessment): Schemas["AssessmentInput"] {
  return { name: a.name, kind: a.kind, value: a.value, rationale: a.rationale, span_id: a.span_id, source: a.source, metadata: a.metadata };
}

export function AssessmentList({ trace, list, spanId }: { trace: Trace; list: Assessment[]; spanId: string | null }) {
  const session = useSession();
  const ws = useWs();
  const { remove } = useAssess(trace);
  const [adding, setAdding] = useState(false);
  const allowed = may(session, ws, "annotator");
  return (
    <>
      {list.length === 0 && <p className="muted">No scores yet.</p>}
      {list.map((a) => (
        <article key={a.assessment_id} className="card" aria-label={a.name}>
          <div className="body" style={{ display: "flex", flexDirection: "column", gap: 6 }}>
            <div className={`row${a.valid ? "" : " overridden"}`} title={a.valid ? undefined : "Another score replaced this one"}><Score a={a} /><span className="muted label grow clip">{a.kind} · {a.source.id || a.source.type.toLowerCase()} · <Time ms={a.updated_ms} /></span>
              {(may(session, ws, "editor") || (allowed && a.source.type === "HUMAN" && a.source.id === session.user?.username)) && <button className="icon-button" aria-label={`Remove ${a.name}`} onClick={() => remove.mutate(a)}><Icon name="trash" /></button>}</div>
            {a.rationale && <p className="prose" dir="auto">{a.rationale}</p>}
            {a.error && <pre className="text error">{a.error}</pre>}
          </div>
        </article>
      ))}
      {allowed && (adding ? <div className="card"><div className="body"><Form trace={trace} spanId={spanId} onDone={() => setAdding(false)} /></div></div> : <button className="button" style={{ alignSelf: "flex-start" }} onClick={() => setAdding(true)}><Icon name="plus" />Add a score</button>)}
    </>
  );
}

const quick = [
  { key: "1", label: "Good", value: true, icon: "thumbUp" }, { key: "2", label: "Bad", value: false, icon: "thumbDown" },
] as const;

/** `a`, then a digit: feedback in two keys. */
export function FeedbackDialog({ trace, spanId, spanName, onClose }: { trace: Trace; spanId: string | null; spanName: string; onClose: () => void }) {
  const { create } = useAssess(trace);
  const [more, setMore] = useState(false);
  const host = useRef<HTMLDivElement>(null);
  const give = (value: boolean) => { create.mutate({ name: "correct", kind: "feedback", value, span_id: spanId }); onClose(); };
  useEffect(() => { host.current?.focus(); }, []);
  return (
    <Dialog title={`Feedback on ${spanName}`} onClose={onClose}>
      {more ? <Form trace={trace} spanId={spanId} onDone={onClose} /> : (
        <div ref={host} tabIndex={-1} className="row wrap" onKeyDown={(e) => { const q = quick.find((x) => x.key === e.key); if (q) { e.preventDefault(); give(q.value); } if (e.key === "3") { e.preventDefault(); setMore(true); } }}>
          {quick.map((q) => <button key={q.key} className="button big" onClick={() => give(q.value)}><Icon name={q.icon} />{q.label} <kbd>{q.key}</kbd></button>)}
          <button className="button big" onClick={() => setMore(true)}>With words… <kbd>3</kbd></button>
        </div>
      )}
    </Dialog>
  );
}

/** The fields of a score; they stand in whatever form asks for one. */
export function ScoreFields({ kind, setKind }: { kind: "feedback" | "expectation"; setKind: (k: "feedback" | "expectation") => void }) {
  return (
    <>
      <Segments label="Kind" options={[["feedback", "Feedback"], ["expectation", "Expectation"]] as const} value={kind} onChange={setKind} />
      <div className="row" style={{ gap: 10, alignItems: "flex-start" }}>
        <div className="field grow"><label htmlFor="score-name">Name</label><input id="score-name" name="name" className="input" required maxLength={250} defaultValue={kind === "feedback" ? "quality" : "expected_answer"} key={kind} /></div>
        <div className="field grow"><label htmlFor="score-value">Value</label><input id="score-value" name="value" className="input" required placeholder="0.8, true, or text" autoFocus /></div>
      </div>
      <div className="field"><label htmlFor="score-why">Why</label><textarea id="score-why" name="rationale" className="input" rows={2} /></div>
    </>
  );
}

/** What those fields say. */
export function scoreOf(f: FormData, kind: "feedback" | "expectation"): Schemas["AssessmentInput"] {
  return { name: String(f.get("name")), kind, value: valueOf(String(f.get("value"))), rationale: String(f.get("rationale")) || null };
}

function Form({ trace, spanId, onDone }: { trace: Trace; spanId: string | null; onDone: () => void }) {
  const { create } = useAssess(trace);
  const [kind, setKind] = useState<"feedback" | "expectation">("feedback");
  return (
    <form className="stack" style={{ gap: 10 }} onSubmit={(e) => {
      e.preventDefault();
      create.mutate({ ...scoreOf(new FormData(e.currentTarget), kind), span_id: spanId }, { onSuccess: onDone });
    }} onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.currentTarget.requestSubmit(); }}>
      <ScoreFields kind={kind} setKind={setKind} />
      <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onDone}>Cancel</button><button className="button primary" disabled={create.isPending}>Save</button></div>
    </form>
  );
}

/** Numbers and truth values as such, JSON as JSON, else text. */
export function valueOf(s: string): unknown {
  const t = s.trim();
  if (/^(yes|true)$/i.test(t)) return true;
  if (/^(no|false)$/i.test(t)) return false;
  if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(t)) return Number(t);
  if (/^[[{]/.test(t)) { try { return JSON.parse(t); } catch { /* text after all */ } }
  return s;
}
