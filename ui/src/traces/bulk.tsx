// What can be done with many traces at once: the ones selected, or all that
// match. Those that match are changed by a job on the server.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { api, type Schemas } from "../api/client";
import { listen } from "../api/live";
import { useGo } from "../app/link";
import { useShortcut } from "../app/shortcuts";
import { copy, toast, toastError } from "../app/toast";
import { to, useWs } from "../app/url";
import { count, plural } from "../kit/format";
import { DatasetButton } from "../datasets/add";
import { Icon } from "../kit/icons";
import { ConfirmName, Dialog, hint, Segments } from "../kit/states";
import { may, useSession } from "../session/session";
import { ScoreFields, scoreOf } from "./assessments";
import { type TraceQuery, tracesKey } from "./data";
import { comparePath } from "./paths";

/** Traces by id, or all that a query finds. */
export type Chosen = { ids: string[] } | { query: TraceQuery; count: number; exact: boolean };
type Change = Omit<NonNullable<NonNullable<Parameters<typeof api.post<"/w/{ws}/traces/bulk">>[1]>["body"]>, "trace_ids" | "query">;

const atOnce = 1000; // named traces in one request

export function howMany(c: Chosen): string {
  return "ids" in c ? plural(c.ids.length, "trace") : `${c.exact ? "" : "at least "}${plural(c.count, "trace")}`;
}

/** Carries out a change, and says so when it is done. */
export function useChange(onDone: () => void) {
  const ws = useWs();
  const go = useGo();
  const client = useQueryClient();
  const [job, setJob] = useState<string | null>(null);
  const done = (text: string) => { toast(text); void client.invalidateQueries({ queryKey: tracesKey(ws) }); onDone(); };
  useEffect(() => {
    if (!job) return;
    let over = false;
    const look = async () => {
      const j = await api.get("/w/{ws}/jobs/{job_id}", { path: { ws, job_id: job } }).catch(() => null);
      if (over || !j || j.state === "queued" || j.state === "running" || j.state === "canceling") return;
      over = true;
      setJob(null);
      if (j.state === "succeeded") done(`${j.title}: done`);
      else toast(`${j.title}: ${j.error ?? j.state}`, { kind: "error" });
    };
    const off = listen(ws, (c) => { if (c.kind === "job" && c.id === job) void look(); });
    const timer = setInterval(look, 5_000);
    void look();
    return () => { over = true; off(); clearInterval(timer); };
  }, [job, ws]);
  return useMutation({
    mutationFn: async ({ chosen, change, verb }: { chosen: Chosen; change: Change; verb: string }) => {
      if (!("ids" in chosen)) {
        const r = await api.post("/w/{ws}/traces/bulk", { path: { ws }, body: { ...change, query: chosen.query } });
        return { verb, job: r.job as Schemas["Job"] | null, changed: null as number | null };
      }
      let changed = 0;
      for (let i = 0; i < chosen.ids.length; i += atOnce) {
        const r = await api.post("/w/{ws}/traces/bulk", { path: { ws }, body: { ...change, trace_ids: chosen.ids.slice(i, i + atOnce) } });
        changed += r.changed ?? 0;
      }
      return { verb, job: null, changed: changed as number | null };
    },
    onSuccess: (r) => {
      if (r.job) {
        setJob(r.job.job_id);
        toast(`${r.job.title}: under way`, { action: { label: "Jobs", run: () => go(to(ws, "jobs")) } });
        onDone();
      } else done(`${plural(r.changed ?? 0, "trace")} ${r.verb}`);
    },
    onError: toastError,
  });
}

export function BulkBar({ chosen, matching, onMatching, clear, onDone, children }: {
  chosen: Chosen;
  /** How many match in all, where more do than are selected. */
  matching: { count: number; exact: boolean } | null;
  onMatching: () => void;
  clear: () => void;
  onDone: () => void;
  children?: ReactNode;
}) {
  const ws = useWs();
  const session = useSession();
  const [dialog, setDialog] = useState<"score" | "tag" | "delete" | null>(null);
  const change = useChange(() => { clear(); onDone(); });
  const run = (c: Change, verb: string) => { change.mutate({ chosen, change: c, verb }); setDialog(null); };
  const all = !("ids" in chosen);
  const go = useGo();
  const compare = () => { if (all || chosen.ids.length !== 2) return false; go(comparePath(ws, chosen.ids[0]!, chosen.ids[1]!)); return undefined; };
  useShortcut("compare", compare);
  const amount = "ids" in chosen ? String(chosen.ids.length) : `all ${chosen.count}`;
  if (!all && chosen.ids.length === 0) return null; // it stays mounted: a job of it may be under way
  return (
    <div className="bulk wrap" role="region" aria-label="Selected rows">
      <b role="status">{all ? `All ${howMany(chosen)} that match` : `${plural(chosen.ids.length, "row")} selected`}</b>
      {matching && <button className="link" onClick={onMatching}>Select all {matching.exact ? "" : "≥ "}{count(matching.count)} matching</button>}
      {may(session, ws, "annotator") && <button className="button" onClick={() => setDialog("score")}><Icon name="scorers" />Score</button>}
      {may(session, ws, "editor") && <button className="button" onClick={() => setDialog("tag")}><Icon name="pin" />Tag</button>}
      <DatasetButton ids={"ids" in chosen ? chosen.ids : []} query={"ids" in chosen ? undefined : chosen.query} total={all ? chosen.count : undefined} onDone={clear} />
      {children}
      {!all && chosen.ids.length === 2 && <button className="button" title={hint("Compare the two", "compare")} onClick={compare}><Icon name="compare" />Compare</button>}
      {!all && <button className="button" onClick={() => void copy(chosen.ids.join("\n"), "Ids copied")}><Icon name="copy" />Copy ids</button>}
      {may(session, ws, "editor") && <button className="button danger" onClick={() => setDialog("delete")}><Icon name="trash" />Delete</button>}
      {change.isPending && <span className="muted label" role="status">Working…</span>}
      <button className="link" onClick={clear} style={{ marginLeft: "auto" }}>Clear</button>
      {dialog === "score" && <ScoreDialog what={howMany(chosen)} onSave={(a) => run({ assess: a }, "scored")} onClose={() => setDialog(null)} />}
      {dialog === "tag" && <TagDialog what={howMany(chosen)} onSave={(c) => run(c, "tag" in c ? "tagged" : "changed")} onClose={() => setDialog(null)} />}
      {dialog === "delete" && <ConfirmName title="Delete traces" name={`delete ${amount}`} consequence={`${howMany(chosen)} with all spans and scores will go.`} onConfirm={() => run({ delete: true }, "deleted")} onClose={() => setDialog(null)} />}
    </div>
  );
}

function ScoreDialog({ what, onSave, onClose }: { what: string; onSave: (a: Schemas["AssessmentInput"]) => void; onClose: () => void }) {
  const [kind, setKind] = useState<"feedback" | "expectation">("feedback");
  return (
    <Dialog title={`Score ${what}`} onClose={onClose}>
      <form className="stack" style={{ gap: 10 }} onSubmit={(e) => { e.preventDefault(); onSave({ ...scoreOf(new FormData(e.currentTarget), kind), span_id: null }); }} onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.currentTarget.requestSubmit(); }}>
        <ScoreFields kind={kind} setKind={setKind} />
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button primary">Score {what}</button></div>
      </form>
    </Dialog>
  );
}

export function TagDialog({ what, onSave, onClose }: { what: string; onSave: (c: Change) => void; onClose: () => void }) {
  const [mode, setMode] = useState<"set" | "remove">("set");
  return (
    <Dialog title={`Tag ${what}`} onClose={onClose}>
      <form className="stack" style={{ gap: 10 }} onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget), key = String(f.get("key")).trim();
        onSave(mode === "set" ? { set_tag: { key, value: String(f.get("value")) } } : { untag: key });
      }}>
        <Segments label="What to do" options={[["set", "Set a tag"], ["remove", "Remove a tag"]] as const} value={mode} onChange={setMode} />
        <div className="row" style={{ gap: 10, alignItems: "flex-start" }}>
          <div className="field grow"><label htmlFor="tag-key">Key</label><input id="tag-key" name="key" className="input" required maxLength={250} autoFocus /></div>
          {mode === "set" && <div className="field grow"><label htmlFor="tag-value">Value</label><input id="tag-value" name="value" className="input" maxLength={8000} /></div>}
        </div>
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button primary">{mode === "set" ? "Set" : "Remove"} on {what}</button></div>
      </form>
    </Dialog>
  );
}
