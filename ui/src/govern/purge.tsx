// Permanent deletion: what goes is counted first, then its name is typed.
import { useMutation } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, type Schemas } from "../api/client";
import { toast } from "../app/toast";
import { to, useWs } from "../app/url";
import { Dialog, Failure, Skeleton } from "../kit/states";
import { empty, Losses } from "./losses";

export type Purge = { kind: "experiment" | "run" | "trace" | "user" | "garbage"; ids?: string[]; user?: string; filter?: string };

/** Counts what would go, asks for the name, and starts the job. */
export function PurgeDialog({ what, name, title, onClose, onStarted }: { what: Purge; name: string; title: string; onClose: () => void; onStarted?: (job: Schemas["Job"]) => void }) {
  const ws = useWs();
  const router = useRouter();
  const [typed, setTyped] = useState("");
  const [force, setForce] = useState(false);
  const plan = useMutation({ mutationFn: () => api.post("/w/{ws}/purge", { path: { ws }, body: { ...what, dry_run: true } }) });
  const count = plan.mutate;
  useEffect(() => count(), [count]);
  const go = useMutation({
    mutationFn: () => api.post("/w/{ws}/purge", { path: { ws }, body: { ...what, force } }),
    onSuccess: (answer) => {
      if (answer.job) {
        toast("The deletion has begun", { action: { label: "Show the job", run: () => router.history.push(to(ws, "jobs")) } });
        onStarted?.(answer.job);
      }
      onClose();
    },
  });
  const report = plan.data?.report;
  const blocked = !!report && report.versions.length > 0 && !force;
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); if (typed === name && !blocked) go.mutate(); }}>
        {plan.error ? <Failure error={plan.error} retry={() => plan.mutate()} /> : !report ? <div role="status" aria-label="Counting"><Skeleton rows={4} /></div> : <Losses report={report} />}
        {go.error && <div className="banner error" role="alert">{go.error.message}</div>}
        {report && !empty(report) && (
          <>
            {report.versions.length > 0 && <label className="row"><input type="checkbox" checked={force} onChange={(e) => setForce(e.target.checked)} />Delete their files as well</label>}
            <p>None of it can be restored; the bytes on disk go too.</p>
            <div className="field"><label htmlFor="purge-name">Type <b dir="auto">{name}</b> to confirm</label><input id="purge-name" className="input" autoComplete="off" value={typed} onChange={(e) => setTyped(e.target.value)} /></div>
          </>
        )}
        <div className="row" style={{ justifyContent: "flex-end" }}>
          <button type="button" className="button" onClick={onClose}>{report && empty(report) ? "Close" : "Keep it"}</button>
          {report && !empty(report) && <button className="button danger primary" disabled={typed !== name || blocked || go.isPending}>Delete permanently</button>}
        </div>
      </form>
    </Dialog>
  );
}

/** A button that asks before objects go for good; for what was deleted and waits. */
export function PurgeButton({ what, name, title }: { what: Purge; name: string; title: string }) {
  const [asked, setAsked] = useState(false);
  return (
    <>
      <button className="button danger" onClick={() => setAsked(true)}>Delete permanently</button>
      {asked && <PurgeDialog what={what} name={name} title={title} onClose={() => setAsked(false)} />}
    </>
  );
}
