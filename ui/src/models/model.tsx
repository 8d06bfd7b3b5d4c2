// One registered model and its versions.
import { useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { api } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { py } from "../kit/code";
import { CopyAs } from "../kit/copyas";
import { A, useGo } from "../app/link";
import { visited } from "../app/palette";
import { useShortcut } from "../app/shortcuts";
import { toastError } from "../app/toast";
import { list, to, useUrl, useWs } from "../app/url";
import { line } from "../kit/format";
import { EditTags, EditText } from "../kit/edit";
import { Lines, Load, Status, Time } from "../kit/states";
import { may, useSession } from "../session/session";
import { Aliases } from "./aliases";
import { CompareVersions } from "./compare";
import { modelsKey, useModel, useModelVersions } from "./data";

export default function ModelPage() {
  const ws = useWs();
  const go = useGo();
  const { name } = useParams({ strict: false }) as { name: string };
  const { search, set } = useUrl();
  const client = useQueryClient();
  const session = useSession();
  const editor = may(session, ws, "editor");
  const picked = list(search.compare).slice(0, 2), pair = picked.length === 2 ? [...picked].sort((a, b) => Number(a) - Number(b)) : [];
  const change = (body: { description?: string; set_tags?: Record<string, string>; delete_tags?: string[] }) =>
    api.patch("/w/{ws}/models/{name}", { path: { ws, name }, body }).then(() => client.invalidateQueries({ queryKey: modelsKey(ws) }), (e: unknown) => { toastError(e); throw e; });
  useShortcut("compare", () => { const all = versions.data?.pages[0]?.versions ?? []; if (all.length > 1) set({ compare: pair.length ? undefined : `${all[1]!.version},${all[0]!.version}` }); });
  const model = useModel(ws, name), versions = useModelVersions(ws, name);
  useCrumbs({ label: "Models", to: to(ws, "models") }, { label: name });
  useEffect(() => visited(ws, { path: to(ws, "models", name), label: name, kind: "model" }), [ws, name]);
  return (
    <div className="page scroll"><Load query={model}>{(m) => (
      <>
        <div className="page-head"><h1 dir="auto">{m.name}</h1>{m.aliases.map((a) => <A key={a.alias} className="chip accent" href={to(ws, "models", name, a.version)}>@{a.alias} → v{a.version}</A>)}<span className="grow" /><span className="muted label">updated <Time ms={m.updated_ms} /></span>
          <CopyAs icon cli={["model", "show", name]} call={{ path: `/w/${encodeURIComponent(ws)}/models/${encodeURIComponent(name)}` }} mlflow={`print(mlflow.MlflowClient().get_registered_model(${py(name)}))`} /></div>
        <div className="page-body">
          <EditText value={m.description} label="Description" allowed={editor} save={(description) => change({ description })} />
          <EditTags tags={m.tags} allowed={editor} set={(key, value) => change({ set_tags: { [key]: value } })} remove={(key) => change({ delete_tags: [key] })} />
          {pair.length === 2 && <section className="stack" style={{ gap: 8 }}><div className="row"><h2 className="grow">v{pair[0]} and v{pair[1]}</h2><button className="button" onClick={() => set({ compare: undefined })}>Close</button></div><CompareVersions name={name} before={pair[0]!} after={pair[1]!} /></section>}
          <section className="card" style={{ overflow: "auto" }}>
            <header><h2 className="grow">Versions</h2>{picked.length === 1 && <span className="muted label">choose one more to compare</span>}<span className="muted label">{m.versions}</span></header>
            <Load query={versions} rows={3}>{(d) => (
              <>
                <table className="plain"><thead><tr><th scope="col"><span className="sr">Compare</span></th><th scope="col">Version</th><th scope="col">Status</th><th scope="col">Aliases</th><th scope="col">Stage</th><th scope="col">From run</th><th scope="col">Created</th><th scope="col">Description</th></tr></thead>
                  <tbody>{d.pages.flatMap((p) => p.versions).map((v) => (
                    <tr key={v.version} style={{ cursor: "pointer" }} onClick={(e) => { if (!(e.target as HTMLElement).closest("a,button,input")) go(to(ws, "models", name, v.version)); }}>
                      <td><input type="checkbox" aria-label={`Compare version ${v.version}`} checked={picked.includes(v.version)} onChange={() => set({ compare: (picked.includes(v.version) ? picked.filter((x) => x !== v.version) : [...picked, v.version].slice(-2)).join(",") || undefined }, { replace: true })} /></td>
                      <td><A href={to(ws, "models", name, v.version)}><b>v{v.version}</b></A></td><td><Status value={v.status} /></td>
                      <td><Aliases kind="models" name={name} version={v.version} all={m.aliases} /></td><td>{v.stage === "None" ? <span className="muted">—</span> : v.stage}</td>
                      <td>{v.run_id ? <A href={to(ws, "runs", v.run_id)}>{v.run_name ?? v.run_id.slice(0, 8)}</A> : "—"}</td><td><Time ms={v.created_ms} /></td><td>{line(v.description)}</td>
                    </tr>
                  ))}</tbody></table>
                {versions.hasNextPage && <button className="button" style={{ margin: 8 }} onClick={() => void versions.fetchNextPage()}>More</button>}
              </>
            )}</Load>
          </section>
          {m.aliases[0] && <section className="stack" style={{ gap: 8, maxWidth: 820 }}><h2>Use it</h2><Lines code={`import mlflow\n\nmlflow.set_tracking_uri("${session.server.address}")\nmodel = mlflow.pyfunc.load_model("models:/${m.name}@${m.aliases[0].alias}")`} /></section>}
        </div>
      </>
    )}</Load></div>
  );
}
