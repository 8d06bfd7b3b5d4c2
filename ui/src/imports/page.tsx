// Coming from MLflow: a form that copies a server or a directory, and the
// imports so far.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { to, useUrl, useWs } from "../app/url";
import { CopyAs } from "../kit/copyas";
import { count } from "../kit/format";
import { Icon } from "../kit/icons";
import { Empty, Load, Status, Time } from "../kit/states";
import { importsKey, purpose, type Spec, useImports, wordsOf } from "./data";

export default function ImportsPage() {
  const ws = useWs();
  useCrumbs({ label: "Imports" });
  const imports = useImports(ws);
  return (
    <div className="page scroll" tabIndex={0}>
      <div className="page-head"><h1 className="grow">Imports</h1><CopyAs call={{ path: `/w/${encodeURIComponent(ws)}/imports` }} /></div>
      <div className="page-body" style={{ maxWidth: 960 }}>
        <ImportForm ws={ws} />
        <section className="card" aria-label="Imports so far" style={{ overflow: "auto" }} tabIndex={0}><header><h2>So far</h2></header>
          <Load query={imports}>{({ imports: all }) => (all.length === 0 ? <div className="body"><Empty title="Nothing was imported yet" text="Experiments, runs with their whole history, artifacts, models, prompts, traces and evaluation data keep their ids." /></div> : (
            <table className="plain"><thead><tr><th scope="col">Source</th><th scope="col">What</th><th scope="col">State</th><th scope="col" className="num">Not the same</th><th scope="col">Started</th></tr></thead><tbody>
              {all.map((i) => <tr key={i.import_id}>
                <td style={{ minWidth: 180 }}><A href={to(ws, "imports", i.import_id)} className="mono">{i.spec.source}</A></td><td style={{ whiteSpace: "nowrap" }}>{purpose(i.spec)}</td>
                <td><Status value={i.job.state} /></td><td className="num">{i.spec.dry_run ? "—" : count(i.trouble)}</td><td style={{ whiteSpace: "nowrap" }}><Time ms={i.job.created_ms} /></td>
              </tr>)}
            </tbody></table>
          ))}</Load>
        </section>
      </div>
    </div>
  );
}

function ImportForm({ ws }: { ws: string }) {
  const go = useGo();
  const client = useQueryClient();
  const { search } = useUrl();
  const [spec, setSpec] = useState<Spec>({ source: search.source ?? "" });
  const [names, setNames] = useState("");
  const [signIn, setSignIn] = useState("");
  const patch = (p: Partial<Spec>) => setSpec((s) => ({ ...s, ...p }));
  const full = (): Spec => {
    const experiments = names.split("\n").map((n) => n.trim()).filter(Boolean);
    return { ...spec, source: spec.source.trim(), ...(experiments.length ? { experiments } : {}) };
  };
  const start = useMutation({
    mutationFn: (extra: Partial<Spec>) => api.post("/w/{ws}/imports", { path: { ws }, body: { ...full(), ...extra } }),
    onSuccess: (i) => { void client.invalidateQueries({ queryKey: importsKey(ws) }); go(to(ws, "imports", i.import_id)); },
  });
  const box = (key: "no_traces" | "no_artifacts" | "no_verify", label: string) => (
    <label className="row"><input type="checkbox" checked={!spec[key]} onChange={(e) => patch({ [key]: !e.target.checked })} />{label}</label>
  );
  return (
    <section className="card" aria-label="New import"><header><h2 className="grow">Copy an MLflow server or directory</h2></header>
      <form className="body stack" onSubmit={(e) => { e.preventDefault(); start.mutate({}); }}>
        {start.error && <div className="banner error" role="alert"><Icon name="error" />{start.error.message}</div>}
        <div className="field"><label htmlFor="import-source">Address of the server, or a directory of this server's machine</label>
          <input id="import-source" className="input mono" required placeholder="http://mlflow.example:5000 or /data/mlruns" spellCheck={false} autoComplete="off" value={spec.source} onChange={(e) => patch({ source: e.target.value })} /></div>
        <div className="row wrap" style={{ gap: "8px 20px" }} role="group" aria-label="What to copy">{box("no_traces", "Traces")}{box("no_artifacts", "Artifacts")}{box("no_verify", "Compare both sides afterwards")}</div>
        <details><summary>Only some experiments</summary><div className="field" style={{ marginTop: 8 }}><label htmlFor="import-names">Names, one a line</label><textarea id="import-names" className="input" rows={3} value={names} onChange={(e) => setNames(e.target.value)} /></div></details>
        <details><summary>Sign in to the server</summary><div className="stack" style={{ gap: 8, marginTop: 8 }}>
          <p className="muted">Kept encrypted until the import has ended, and then forgotten.</p>
          <div className="row wrap" role="radiogroup" aria-label="How to sign in">{[["", "Not at all"], ["basic", "Name and password"], ["token", "Token"]].map(([v, label]) => <label key={v} className="row"><input type="radio" name="sign-in" checked={signIn === v} onChange={() => { setSignIn(v!); setSpec(({ username: _u, password: _p, token: _t, ...rest }) => rest); }} />{label}</label>)}</div>
          {signIn === "basic" && <div className="row wrap"><input className="input" aria-label="User name" placeholder="User name" autoComplete="off" value={spec.username ?? ""} onChange={(e) => patch({ username: e.target.value })} /><input className="input" type="password" aria-label="Password" placeholder="Password" autoComplete="off" value={spec.password ?? ""} onChange={(e) => patch({ password: e.target.value })} /></div>}
          {signIn === "token" && <input className="input" type="password" aria-label="Token" placeholder="Token" autoComplete="off" value={spec.token ?? ""} onChange={(e) => patch({ token: e.target.value })} />}
        </div></details>
        <div className="row wrap">
          <button className="button primary" disabled={start.isPending}>Import</button>
          <button type="button" className="button" disabled={start.isPending || !spec.source.trim()} onClick={() => start.mutate({ dry_run: true, no_verify: false })}>Count only</button>
          <button type="button" className="button" disabled={start.isPending || !spec.source.trim()} onClick={() => start.mutate({ verify_only: true, no_verify: false })}>Compare only</button>
          <span className="grow" />
          {spec.source.trim() && <CopyAs icon cli={wordsOf(full())} />}
        </div>
        <p className="muted">Ids stay. What is here already is not copied twice and not overwritten. It may be stopped and started again.</p>
      </form>
    </section>
  );
}
