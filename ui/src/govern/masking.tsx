// What is masked before it reaches the disk, and what a text becomes.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas } from "../api/client";
import { toast, toastError } from "../app/toast";
import { useWs } from "../app/url";
import { count, ago } from "../kit/format";
import { Load } from "../kit/states";

type Policy = Required<Schemas["MaskPolicy"]>;
type Rule = Policy["rules"][number];

export function Masking() {
  const ws = useWs();
  const query = useQuery({ queryKey: ["masking", ws], queryFn: ({ signal }) => api.get("/w/{ws}/masking", { path: { ws }, signal }) });
  return <Load query={query}>{(m) => <Policies key={JSON.stringify(m.policy)} found={m} />}</Load>;
}

function full(p: Schemas["MaskPolicy"]): Policy {
  return { built_in: p.built_in ?? [], rules: p.rules ?? [], allow: p.allow ?? [], pseudonymous_users: p.pseudonymous_users ?? false };
}

function Policies({ found }: { found: Schemas["Masking"] }) {
  const ws = useWs();
  const client = useQueryClient();
  const [policy, setPolicy] = useState(full(found.policy));
  const changed = JSON.stringify(policy) !== JSON.stringify(full(found.policy));
  const counts = new Map(found.counts.map((c) => [c.rule, c.count]));
  const save = useMutation({
    mutationFn: () => api.put("/w/{ws}/masking", { path: { ws }, body: { policy } }),
    onSuccess: () => { toast("Masking saved, for what arrives from now on"); void client.invalidateQueries({ queryKey: ["masking", ws] }); }, onError: toastError,
  });
  const toggle = (name: Policy["built_in"][number]["name"], on: boolean) => setPolicy({ ...policy, built_in: on ? [...policy.built_in, { name }] : policy.built_in.filter((b) => b.name !== name) });
  const rule = (i: number, patch: Partial<Rule>) => setPolicy({ ...policy, rules: policy.rules.map((r, j) => (i === j ? { ...r, ...patch } : r)) });
  return (
    <>
      <div className="banner" role="note">Rules apply to what arrives from now on, before it reaches the disk. What is stored stays as it is.</div>
      <section className="card" style={{ overflow: "auto" }}><header><h2 className="grow">Built-in rules</h2>{!found.own && <span className="muted label">the server’s default</span>}</header><table className="plain"><thead><tr><th scope="col">On</th><th scope="col">Finds</th><th scope="col">Becomes</th><th scope="col" className="num">Masked since {ago(found.since_ms)}</th></tr></thead><tbody>
        {found.built_in.map((b) => { const name = b.name as Policy["built_in"][number]["name"]; return <tr key={b.name}><td><label className="row"><input type="checkbox" checked={policy.built_in.some((x) => x.name === name)} onChange={(e) => toggle(name, e.target.checked)} /><b>{b.name}</b></label></td><td>{b.about}</td><td><code>{b.replacement}</code></td><td className="num">{count(counts.get(b.name) ?? 0)}</td></tr>; })}
        <tr><td><label className="row"><input type="checkbox" checked={policy.pseudonymous_users} onChange={(e) => setPolicy({ ...policy, pseudonymous_users: e.target.checked })} /><b>users</b></label></td><td>every user id, the same pseudonym for the same user</td><td><code>user-…</code></td><td className="num">{count(counts.get("pseudonym") ?? 0)}</td></tr>
      </tbody></table></section>
      <section className="card"><header><h2 className="grow">Rules of your own</h2><span className="muted label">RE2 expressions</span></header><div className="body stack">
        {policy.rules.map((r, i) => (
          <div key={i} className="row wrap" role="group" aria-label={`Rule ${r.name || i + 1}`} style={{ alignItems: "flex-end", gap: 8 }}>
            <div className="field"><label htmlFor={`name-${i}`}>Name</label><input id={`name-${i}`} className="input" value={r.name} style={{ width: 130 }} onChange={(e) => rule(i, { name: e.target.value })} /></div>
            <div className="field grow" style={{ minWidth: 200 }}><label htmlFor={`pattern-${i}`}>Pattern</label><input id={`pattern-${i}`} className="input mono" value={r.pattern} onChange={(e) => rule(i, { pattern: e.target.value })} /></div>
            <div className="field"><label htmlFor={`put-${i}`}>Becomes</label><input id={`put-${i}`} className="input" style={{ width: 130 }} value={r.replacement ?? ""} placeholder={`[${r.name}]`} onChange={(e) => rule(i, { replacement: e.target.value })} /></div>
            <div className="field"><label htmlFor={`scope-${i}`}>In</label><select id={`scope-${i}`} className="input" value={r.scope ?? ""} onChange={(e) => rule(i, { scope: e.target.value as Schemas["MaskScope"] })}><option value="">everything</option><option value="content">inputs and outputs</option><option value="attributes">attributes</option></select></div>
            <span className="muted label">{count(counts.get(r.name) ?? 0)} masked</span>
            <button className="button" aria-label={`Remove rule ${r.name || i + 1}`} onClick={() => setPolicy({ ...policy, rules: policy.rules.filter((_, j) => j !== i) })}>Remove</button>
          </div>
        ))}
        <div><button className="button" onClick={() => setPolicy({ ...policy, rules: [...policy.rules, { name: "", pattern: "" }] })}>Add rule</button></div>
        <div className="field"><label htmlFor="allow">Never masked: patterns of whole values, one a line</label><textarea id="allow" className="input mono" rows={2} value={policy.allow.join("\n")} placeholder="support@example\.com" onChange={(e) => setPolicy({ ...policy, allow: e.target.value.split("\n").filter((s, i, all) => s !== "" || i < all.length - 1) })} /></div>
      </div></section>
      <div className="row"><button className="button primary" disabled={!changed || save.isPending} onClick={() => save.mutate()}>Save</button>{changed && <button className="button" onClick={() => setPolicy(full(found.policy))}>Discard</button>}</div>
      <Trial policy={policy} />
    </>
  );
}

/** Shows what a text becomes under the rules above, saved or not. */
function Trial({ policy }: { policy: Policy }) {
  const ws = useWs();
  const [text, setText] = useState("");
  const trial = useMutation({ mutationFn: () => api.post("/w/{ws}/masking/try", { path: { ws }, body: { text, policy } }) });
  return (
    <section className="card"><header><h2>Try it</h2></header><form className="body stack" onSubmit={(e) => { e.preventDefault(); trial.mutate(); }}>
      <div className="field"><label htmlFor="trial">A text</label><textarea id="trial" className="input" rows={3} value={text} onChange={(e) => setText(e.target.value)} placeholder="Write to jane@example.com or +49 30 1234567" dir="auto" /></div>
      <div><button className="button" disabled={!text || trial.isPending}>Show what is stored</button></div>
      {trial.error && <div className="banner error" role="alert">{trial.error.message}</div>}
      {trial.data && <div role="status" className="stack"><pre className="card" style={{ padding: 12, whiteSpace: "pre-wrap", overflowWrap: "anywhere" }} dir="auto">{trial.data.text}</pre><p className="muted label">{trial.data.counts.length ? trial.data.counts.map((c) => `${c.rule} ${c.count}`).join(", ") : "No rule finds anything."}</p></div>}
    </form></section>
  );
}
