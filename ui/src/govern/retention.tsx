// How long traces are kept: rules in order, tried before they are saved.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas } from "../api/client";
import { toast, toastError } from "../app/toast";
import { useWs } from "../app/url";
import { count } from "../kit/format";
import { Load, Time } from "../kit/states";
import { Losses } from "./losses";

type Policy = Schemas["RetentionPolicy"];
type Rule = NonNullable<Policy["rules"]>[number];

export function Retention() {
  const ws = useWs();
  const query = useQuery({ queryKey: ["retention", ws], queryFn: ({ signal }) => api.get("/w/{ws}/retention", { path: { ws }, signal }) });
  return <Load query={query}>{(r) => <Rules key={JSON.stringify(r.policy)} found={r} />}</Load>;
}

function Rules({ found }: { found: Schemas["Retention"] }) {
  const ws = useWs();
  const client = useQueryClient();
  const [rules, setRules] = useState<Rule[]>(found.policy.rules ?? []);
  const [deletedDays, setDeletedDays] = useState(found.policy.deleted_days ?? null);
  const policy: Policy = { rules, deleted_days: deletedDays };
  const changed = JSON.stringify(policy) !== JSON.stringify({ rules: found.policy.rules ?? [], deleted_days: found.policy.deleted_days ?? null });
  const change = (i: number, patch: Partial<Rule>) => setRules(rules.map((r, j) => (i === j ? { ...r, ...patch } : r)));
  const save = useMutation({
    mutationFn: () => api.put("/w/{ws}/retention", { path: { ws }, body: { policy } }),
    onSuccess: () => { toast("Retention saved"); void client.invalidateQueries({ queryKey: ["retention", ws] }); }, onError: toastError,
  });
  const dry = useMutation({ mutationFn: () => api.post("/w/{ws}/retention/run", { path: { ws }, body: { dry_run: true, policy } }), onError: toastError });
  const run = useMutation({ mutationFn: () => api.post("/w/{ws}/retention/run", { path: { ws }, body: {} }), onSuccess: () => toast("The round has begun; see Jobs"), onError: toastError });
  const unset = useMutation({
    mutationFn: (experiment_id: string) => api.delete("/w/{ws}/retention", { path: { ws }, query: { experiment_id } }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["retention", ws] }), onError: toastError,
  });
  const number = (s: string) => (s === "" ? null : Math.max(0, Number(s)));
  return (
    <>
      <section className="card"><header><h2 className="grow">Rules</h2><span className="muted label">the first that applies decides</span></header><div className="body stack">
        {rules.length === 0 && <p>Every trace is kept. Add a rule to let old ones go.</p>}
        {rules.map((r, i) => (
          <div key={i} className="row wrap" role="group" aria-label={`Rule ${i + 1}`} style={{ alignItems: "flex-end", gap: 8 }}>
            <div className="field"><label htmlFor={`days-${i}`}>{i + 1}. Keep, days</label><input id={`days-${i}`} className="input" type="number" min={1} max={36500} style={{ width: 110 }} value={r.days ?? ""} placeholder="for ever" onChange={(e) => change(i, { days: number(e.target.value) || null })} /></div>
            <div className="field grow" style={{ minWidth: 200 }}><label htmlFor={`filter-${i}`}>If</label><input id={`filter-${i}`} className="input mono" value={r.filter} placeholder="every trace; or feedback.correctness < 0.5" onChange={(e) => change(i, { filter: e.target.value })} /></div>
            <div className="field"><label htmlFor={`share-${i}`}>Share, %</label><input id={`share-${i}`} className="input" type="number" min={0} max={100} style={{ width: 90 }} value={r.share === null ? "" : Math.round(r.share * 1000) / 10} placeholder="100" onChange={(e) => { const n = number(e.target.value); change(i, { share: n === null || n >= 100 || n <= 0 ? null : n / 100 }); }} /></div>
            <button className="button" aria-label={`Remove rule ${i + 1}`} onClick={() => setRules(rules.filter((_, j) => j !== i))}>Remove</button>
          </div>
        ))}
        <div><button className="button" onClick={() => setRules([...rules, { filter: "", share: null, days: 30 }])}>Add rule</button></div>
        <div className="field"><label htmlFor="deleted-days">Deleted runs and experiments go after, days</label><input id="deleted-days" className="input" type="number" min={1} style={{ width: 110 }} value={deletedDays ?? ""} placeholder="never" onChange={(e) => setDeletedDays(number(e.target.value) || null)} /></div>
        <p className="muted label">Traces with the tag <code>{found.keep_tag}</code> stay, whatever a rule says. A round runs every night.</p>
        <div className="row wrap"><button className="button primary" disabled={!changed || save.isPending} onClick={() => save.mutate()}>Save</button><button className="button" disabled={dry.isPending} onClick={() => dry.mutate()}>Count what would go</button><button className="button danger" disabled={changed || run.isPending || rules.length === 0 && deletedDays === null} onClick={() => run.mutate()}>Run now</button></div>
        {dry.data?.report && <div role="status" className="stack"><h3>Would go now</h3><Losses report={dry.data.report} />{dry.data.report.pinned > 0 && <p>{count(dry.data.report.pinned)} due traces stay for their tag.</p>}</div>}
      </div></section>
      {found.experiments.length > 0 && <section className="card"><header><h2>Experiments with rules of their own</h2></header><table className="plain"><tbody>{found.experiments.map((e) => <tr key={e.experiment_id}><td>Experiment {e.experiment_id}</td><td>{(e.policy.rules ?? []).map((r) => `${r.days ? `${r.days} days` : "for ever"}${r.filter ? ` if ${r.filter}` : ""}`).join("; ")}</td><td className="num"><button className="link" onClick={() => unset.mutate(e.experiment_id)}>Use the workspace’s</button></td></tr>)}</tbody></table></section>}
      {found.last_run && <section className="card"><header><h2 className="grow">Last round</h2><Time ms={found.last_run.ended_ms} /></header><div className="body"><Losses report={found.last_run.report} /></div></section>}
    </>
  );
}
