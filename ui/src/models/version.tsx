// One version of a model: evidence, files, lineage, use.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { api, type Schemas, url } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { py } from "../kit/code";
import { CopyAs } from "../kit/copyas";
import { A } from "../app/link";
import { toast, toastError } from "../app/toast";
import { to, useUrl, useWs } from "../app/url";
import { Artifacts, type Source } from "../kit/artifacts";
import { full, metric } from "../kit/format";
import { Icon } from "../kit/icons";
import { EditTags, EditText } from "../kit/edit";
import { Lines, Load, Status, Tabs, Time } from "../kit/states";
import { may, useSession } from "../session/session";
import { Aliases } from "./aliases";
import { type ModelVersion, modelsKey, useModel, useModelVersion } from "./data";
import { LineageButton } from "../lineage/open";

const stages = ["None", "Staging", "Production", "Archived"] as const;
const tabs = ["evidence", "files", "lineage", "use"] as const;

export default function VersionPage() {
  const ws = useWs();
  const { name, version } = useParams({ strict: false }) as { name: string; version: string };
  const v = useModelVersion(ws, name, version);
  useCrumbs({ label: "Models", to: to(ws, "models") }, { label: name, to: to(ws, "models", name) }, { label: `v${version}` });
  return <div className="page scroll"><Load query={v}>{(d) => <View v={d} />}</Load></div>;
}

function View({ v }: { v: ModelVersion }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const client = useQueryClient();
  const session = useSession();
  const model = useModel(ws, v.name);
  const tab = tabs.find((t) => t === search.tab) ?? "evidence";
  const path = { ws, name: v.name, version: v.version };
  const editor = may(session, ws, "editor");
  const change = (body: { description?: string; set_tags?: Record<string, string>; delete_tags?: string[] }) =>
    api.patch("/w/{ws}/models/{name}/versions/{version}", { path, body }).then(() => client.invalidateQueries({ queryKey: modelsKey(ws) }), (e: unknown) => { toastError(e); throw e; });
  const stage = useMutation({
    mutationFn: (to: Schemas["ModelVersion"]["stage"]) => api.patch("/w/{ws}/models/{name}/versions/{version}", { path, body: { stage: to } }),
    onSuccess: (d, to) => { void client.invalidateQueries({ queryKey: modelsKey(ws) }); const from = v.stage; toast(`Stage of v${d.version}: ${to}`, { action: { label: "Undo", run: () => stage.mutate(from) } }); },
    onError: toastError,
  });
  const source = useMemo((): Source => ({
    key: [...modelsKey(ws), v.name, "version", v.version],
    list: (p, signal) => api.get("/w/{ws}/models/{name}/versions/{version}/artifacts", { path: { ws, name: v.name, version: v.version }, query: { path: p, limit: 1000 }, signal }),
    url: (p, download) => url("/w/{ws}/models/{name}/versions/{version}/artifacts/content", { ws, name: v.name, version: v.version }, { path: p, download }),
  }), [ws, v.name, v.version]);
  return (
    <>
      <div className="page-head" style={{ paddingBottom: 2 }}>
        <h1 dir="auto">{v.name} <span className="muted">v{v.version}</span></h1><Status value={v.status} tint />
        <Aliases kind="models" name={v.name} version={v.version} all={model.data?.aliases ?? v.aliases.map((alias) => ({ alias, version: v.version }))} /><LineageButton kind="model" id={`${v.name}/${v.version}`} />
        <span className="grow" />
        <CopyAs icon cli={["model", "show", v.name, v.version]} call={{ path: `/w/${encodeURIComponent(ws)}/models/${encodeURIComponent(v.name)}/versions/${encodeURIComponent(v.version)}` }} mlflow={`print(mlflow.MlflowClient().get_model_version(${py(v.name)}, ${py(v.version)}))`} />
        <label className="row label">Stage<select className="input" value={v.stage} disabled={!may(session, ws, "editor") || stage.isPending} onChange={(e) => stage.mutate(e.target.value as "None")}>{stages.map((s) => <option key={s}>{s}</option>)}</select></label>
      </div>
      <div className="facts"><span>registered <Time ms={v.created_ms} /></span>{v.user && <span>by <b>{v.user}</b></span>}{v.run_id && <A href={to(ws, "runs", v.run_id)}>run {v.run_name ?? v.run_id.slice(0, 8)}</A>}{v.model_id && <span className="mono">{v.model_id}</span>}</div>
      {v.status_message && v.status !== "READY" && <div className="banner error" style={{ margin: "0 16px 8px" }}><Icon name="error" />{v.status_message}</div>}
      <div style={{ padding: "0 16px" }}><Tabs label="Version" current={tab} onSelect={(t) => set({ tab: t === "evidence" ? undefined : t })} tabs={[{ id: "evidence", label: "Evidence", n: v.metrics.length || undefined }, { id: "files", label: "Files" }, { id: "lineage", label: "Lineage" }, { id: "use", label: "Use" }]} /></div>
      <div className="page-body" style={{ paddingTop: 16 }} role="tabpanel" aria-label={tab}>
        {tab === "evidence" && <>
          <EditText value={v.description} label="Description" allowed={editor} save={(description) => change({ description })} />
          <EditTags tags={v.tags} allowed={editor} set={(key, value) => change({ set_tags: { [key]: value } })} remove={(key) => change({ delete_tags: [key] })} />
          <div className="columns even">
            <section className="card"><header><h2>Metrics</h2></header>{v.metrics.length ? <table className="plain"><tbody>{v.metrics.map((m) => <tr key={`${m.key} ${m.dataset_name}`}><td className="muted">{m.key}{m.dataset_name && <span className="muted"> on {m.dataset_name}</span>}</td><td className="num" title={full(m.value)}>{metric(m.value)}</td></tr>)}</tbody></table> : <p className="muted body">Nothing was measured on this version or its run.</p>}</section>
            <section className="card"><header><h2>Params</h2></header>{Object.keys(v.params).length === 0 && <p className="muted body">None were logged.</p>}{Object.keys(v.params).length > 0 && <table className="plain"><tbody>{Object.entries(v.params).map(([k, p]) => <tr key={k}><td className="key">{k}</td><td>{p}</td></tr>)}</tbody></table>}</section>
          </div>
        </>}
        {tab === "files" && <Artifacts source={source} />}
        {tab === "lineage" && <Lineage v={v} />}
        {tab === "use" && <div className="stack" style={{ maxWidth: 820 }}><Lines code={`import mlflow\n\nmlflow.set_tracking_uri("${session.server.address}")\nmodel = mlflow.pyfunc.load_model("models:/${v.name}/${v.version}")`} />{v.aliases[0] && <Lines code={`model = mlflow.pyfunc.load_model("models:/${v.name}@${v.aliases[0]}")`} />}<Lines code={`mlflow models serve -m "models:/${v.name}/${v.version}" --port 8080`} /></div>}
      </div>
    </>
  );
}

function Lineage({ v }: { v: ModelVersion }) {
  const ws = useWs();
  const steps: [string, React.ReactNode][] = [
    ["Run", v.run_id ? <A href={to(ws, "runs", v.run_id)}>{v.run_name ?? v.run_id}</A> : <span className="muted">not recorded: it was registered without a run</span>],
    ["Logged model", v.model_id ? <code>{v.model_id}</code> : <span className="muted">none</span>],
    ["Files", <code key="s">{v.source}</code>],
    ["Version", <b key="v">{v.name} v{v.version}</b>],
    ["Aliases", v.aliases.length ? v.aliases.map((a) => `@${a}`).join(", ") : <span className="muted">none</span>],
  ];
  return <ol className="card rows-list" style={{ maxWidth: 820 }}>{steps.map(([k, x], i) => <li key={k}><div className="item"><Icon name={i === 0 ? "lineage" : "down"} /><span className="muted" style={{ width: 110 }}>{k}</span><span className="grow" style={{ overflowWrap: "anywhere" }}>{x}</span></div></li>)}</ol>;
}
