// The run page: overview, metrics, traces, artifacts, code.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { api, url } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { visited } from "../app/palette";
import { useShortcut } from "../app/shortcuts";
import { copy, toastError } from "../app/toast";
import { to, useUrl, useWs } from "../app/url";
import { neighbours } from "../app/walk";
import { PurgeButton } from "../govern/purge";
import { Artifacts, type Source } from "../kit/artifacts";
import { py } from "../kit/code";
import { CopyAs } from "../kit/copyas";
import { EditName, EditTags, EditText } from "../kit/edit";
import { clock, count, duration, full, iso, metric, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { style } from "../kit/series";
import { Chip, Empty, hint, Lines, Load, Skeleton, Status, Tabs, Time } from "../kit/states";
import { may, useSession } from "../session/session";
import { useTraces } from "../traces/data";
import { TraceList } from "../traces/tracelist";
import { durationOf, type Run, runKey, useRun } from "./data";
import { EvalTable } from "./evaltable";
import { Curves } from "./metrics";
import "./runs.css";
import { LineageButton } from "../lineage/open";

const tabs = ["overview", "metrics", "traces", "evaluation", "artifacts", "code"] as const;

export default function RunPage() {
  const ws = useWs();
  const { runId } = useParams({ strict: false }) as { runId: string };
  const run = useRun(ws, runId);
  const r = run.data;
  useCrumbs({ label: "Experiments", to: to(ws, "experiments") }, { label: r?.experiment_name ?? "…", to: r && `${to(ws, "runs")}?exp=${r.experiment_id}` }, { label: r?.name || runId.slice(0, 8) });
  useEffect(() => { if (r) visited(ws, { path: to(ws, "runs", runId), label: r.name || runId, kind: "run" }); }, [ws, runId, r?.name]);
  return <div className="page scroll"><Load query={run} rows={12}>{(d) => <RunView run={d} />}</Load></div>;
}

function RunView({ run: r }: { run: Run }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const go = useGo();
  const tab = tabs.find((t) => t === search.tab) ?? "overview";
  const session = useSession();
  const editor = may(session, ws, "editor") && r.lifecycle !== "deleted";
  const change = useChangeRun(r.run_id);
  const near = neighbours("runs", r.run_id);
  useShortcut("prev", () => { if (near.prev) go(to(ws, "runs", near.prev)); });
  useShortcut("next", () => { if (near.next) go(to(ws, "runs", near.next)); });
  useShortcut("compare", () => go(`${to(ws, "runs", "compare")}?ids=${r.run_id}`));
  const artifacts = useMemo((): Source => ({
    key: [...runKey(ws, r.run_id)],
    list: (path, signal) => api.get("/w/{ws}/runs/{run_id}/artifacts", { path: { ws, run_id: r.run_id }, query: { path, limit: 1000 }, signal }),
    url: (path, download) => url("/w/{ws}/runs/{run_id}/artifacts/content", { ws, run_id: r.run_id }, { path, download }),
  }), [ws, r.run_id]);
  return (
    <>
      <div className="page-head" style={{ paddingBottom: 2 }}>
        <EditName value={r.name} shown={r.name || r.run_id} allowed={editor} save={(name) => change({ name })} /><Status value={r.status} tint />{r.lifecycle === "deleted" && <Status value="deleted" tint />}
        <button className="link label mono" title="Copy the run id" onClick={() => void copy(r.run_id, "Run id copied")}>{r.run_id.slice(0, 8)}… <Icon name="copy" size={12} /></button><LineageButton kind="run" id={r.run_id} />{r.lifecycle === "deleted" && <PurgeButton what={{ kind: "run", ids: [r.run_id] }} name={r.name || r.run_id} title="Delete the run permanently" />}
        <span className="grow" />
        {!editor && r.lifecycle === "deleted" && may(session, ws, "editor") && <button className="button" onClick={() => void change({ lifecycle: "active" }).catch(() => {})}>Restore</button>}
        <CopyAs cli={["run", "show", r.run_id]} call={{ path: `/w/${encodeURIComponent(ws)}/runs/${r.run_id}` }} mlflow={`run = mlflow.get_run(${py(r.run_id)})\nprint(run.data.metrics, run.data.params)`} />
        {near.of > 0 && <span className="row" style={{ gap: 2 }}>
          <button className="icon-button" disabled={!near.prev} aria-label="Previous run" title={hint("Previous run of the list", "prev")} onClick={() => near.prev && go(to(ws, "runs", near.prev))}><Icon name="up" /></button>
          <span className="muted label">{count(near.at)} of {count(near.of)}</span>
          <button className="icon-button" disabled={!near.next} aria-label="Next run" title={hint("Next run of the list", "next")} onClick={() => near.next && go(to(ws, "runs", near.next))}><Icon name="down" /></button>
        </span>}
      </div>
      <div className="facts">
        <span>started <Time ms={r.start_ms} /></span><span><b>{duration(durationOf(r, r.status === "RUNNING" ? Date.now() : undefined))}</b></span>{r.user && <span>by <b>{r.user}</b></span>}
        {r.parent_run_id && <A href={to(ws, "runs", r.parent_run_id)}>parent run</A>}
        {r.children > 0 && <A href={`${to(ws, "runs")}?exp=${r.experiment_id}&q=${encodeURIComponent(`tags.\`mlflow.parentRunId\` = '${r.run_id}'`)}`}>{plural(r.children, "nested run")}</A>}
        {r.models.map((m) => <A key={`${m.name}/${m.version}`} href={to(ws, "models", m.name, m.version)}>{m.name} v{m.version}</A>)}
      </div>
      <div style={{ padding: "0 16px" }}>
        <Tabs label="Run" current={tab} onSelect={(t) => set({ tab: t === "overview" ? undefined : t })} tabs={[
          { id: "overview", label: "Overview" }, { id: "metrics", label: "Metrics", n: r.metrics.length || undefined }, { id: "traces", label: "Traces", n: r.traces || undefined }, { id: "evaluation", label: "Evaluation" }, { id: "artifacts", label: "Artifacts" }, { id: "code", label: "Code" },
        ]} />
      </div>
      <div className="page-body" style={{ paddingTop: 16 }} role="tabpanel" aria-label={tab}>
        {tab === "overview" && <Overview run={r} editor={editor} change={change} />}
        {tab === "metrics" && (r.metrics.length === 0 ? <Empty title="No metrics" code={`mlflow.log_metric("rouge1", 0.41, step=1)`} /> : <MetricsTab run={r} />)}
        {tab === "traces" && <RunTraces run={r} />}
        {tab === "evaluation" && <div style={{ margin: "-16px -16px 0" }}><EvalTable ids={[r.run_id]} styleOf={() => style(0)} /></div>}
        {tab === "artifacts" && <Artifacts source={artifacts} />}
        {tab === "code" && <Code run={r} />}
      </div>
    </>
  );
}

function MetricsTab({ run: r }: { run: Run }) {
  const keys = useMemo(() => r.metrics.filter((m) => m.points === null || m.points > 1).map((m) => m.key), [r.metrics]);
  const single = r.metrics.filter((m) => m.points !== null && m.points <= 1);
  const runs = useMemo(() => [{ id: r.run_id, label: r.name || r.run_id.slice(0, 8), start: r.start_ms }], [r.run_id, r.name, r.start_ms]);
  return (
    <>
      {keys.length > 0 && <Curves runs={runs} keys={keys} />}
      {single.length > 0 && <section className="stack" style={{ gap: 8 }}><h2>Logged once <span className="muted label">{single.length}</span></h2><div className="card" style={{ maxWidth: 640 }}><MetricTable list={single} /></div></section>}
    </>
  );
}

const many = 300; // rows of a card before it asks

/** The first of a list, and a button for more: a run may have thousands. */
function useSome<T>(list: T[]): [T[], React.ReactNode] {
  const [most, setMost] = useState(many);
  return [list.slice(0, most), list.length > most ? <p className="label body"><span className="muted">{count(most)} of {count(list.length)}; find narrows them. </span><button className="link" onClick={() => setMost(most + 1000)}>Show more</button></p> : null];
}

function MetricTable({ list: all }: { list: Run["metrics"] }) {
  const [list, more] = useSome(all);
  return (
    <>
    <table className="plain"><thead><tr><th scope="col">Metric</th><th scope="col" className="num">Value</th><th scope="col" className="num">Step</th></tr></thead>
      <tbody>{list.map((m) => <tr key={`${m.key} ${m.model_id} ${m.dataset_name}`}><td dir="auto">{m.key}{m.dataset_name && <span className="muted"> on {m.dataset_name}</span>}</td><td className="num" title={`${full(m.value)}, ${iso(m.time_ms)}`}>{metric(m.value)}</td><td className="num muted">{count(m.step)}</td></tr>)}</tbody></table>
    {more}
    </>
  );
}

function ParamTable({ list: all }: { list: Run["params"] }) {
  const [list, more] = useSome(all);
  return <><table className="plain"><tbody>{list.map((p) => <tr key={p.key}><td className="key" dir="auto">{p.key}</td><td dir="auto"><Long text={p.value} /></td></tr>)}</tbody></table>{more}</>;
}

/** A long text is folded until asked for. */
function Long({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  if (text === "") return <span className="muted">empty</span>;
  if (text.length <= 400) return <>{text}</>;
  return <>{open ? text : `${text.slice(0, 400)}…`} <button className="link label" onClick={() => setOpen(!open)}>{open ? "Fold" : `All ${count(text.length)} characters`}</button></>;
}

/** Changes the run and shows what it became. */
function useChangeRun(run_id: string) {
  const ws = useWs();
  const client = useQueryClient();
  return (body: { name?: string; description?: string; set_tags?: Record<string, string>; delete_tags?: string[]; lifecycle?: "active" | "deleted" }) =>
    api.patch("/w/{ws}/runs/{run_id}", { path: { ws, run_id }, body }).then((d) => { client.setQueryData(runKey(ws, run_id), d); }, (e: unknown) => { toastError(e); throw e; });
}

function Overview({ run: r, editor, change }: { run: Run; editor: boolean; change: ReturnType<typeof useChangeRun> }) {
  const ws = useWs();
  const [find, setFind] = useState("");
  const needle = find.toLowerCase();
  const metrics = r.metrics.filter((m) => m.key.toLowerCase().includes(needle)), params = r.params.filter((p) => `${p.key} ${p.value}`.toLowerCase().includes(needle));
  const tag = (k: string) => r.tags[`mlflow.${k}`];
  return (
    <>
      <EditText value={r.description} label="Description" allowed={editor} save={(description) => change({ description })} />
      {r.metrics.length + r.params.length > 12 && <input className="input" style={{ maxWidth: 320 }} aria-label="Find a metric or param" placeholder="Find a metric or param" value={find} onChange={(e) => setFind(e.target.value)} />}
      <div className="columns">
        <div className="stack">
          <section className="card"><header><h2 className="grow">Metrics</h2><span className="muted label">{count(metrics.length)}</span></header>{metrics.length ? <MetricTable list={metrics} /> : <p className="muted body">{r.metrics.length ? "None matches." : "None were logged."}</p>}</section>
          <section className="card"><header><h2 className="grow">Params</h2><span className="muted label">{count(params.length)}</span></header>{params.length ? <ParamTable list={params} /> : <p className="muted body">{r.params.length ? "None matches." : "None were logged."}</p>}</section>
        </div>
        <div className="stack">
          <section className="card"><header><h2>Details</h2></header><div className="body"><dl className="dl">
            <dt>Experiment</dt><dd><A href={`${to(ws, "runs")}?exp=${r.experiment_id}`}>{r.experiment_name}</A></dd>
            <dt>Started</dt><dd title={iso(r.start_ms)}>{clock(r.start_ms)}</dd><dt>Ended</dt><dd title={iso(r.end_ms)}>{r.end_ms ? clock(r.end_ms) : "—"}</dd>
            <dt>User</dt><dd>{r.user || "—"}</dd><dt>Source</dt><dd className="mono">{tag("source.name") ?? "—"}</dd>
            {tag("source.git.commit") && <><dt>Commit</dt><dd className="mono">{tag("source.git.commit")!.slice(0, 12)}</dd></>}
            <dt>Traces</dt><dd>{r.traces ? <A href={`${to(ws, "traces")}?run=${r.run_id}`}>{count(r.traces)}</A> : "0"}</dd>
            <dt>Run id</dt><dd className="mono">{r.run_id}</dd>
          </dl></div></section>
          <section className="card"><header><h2 className="grow">Inputs</h2><span className="muted label">{count(r.inputs.length)}</span></header>
            {r.inputs.length === 0 ? <p className="muted body">No dataset was logged.</p> : <ul className="rows-list">{r.inputs.map((d) => <li key={`${d.name} ${d.digest} ${d.context}`}><div className="item"><Icon name="datasets" /><span className="grow clip"><b dir="auto">{d.name}</b> <code className="muted">{d.digest}</code></span>{d.context && <Chip>{d.context}</Chip>}<span className="muted label">{d.source_type}</span></div></li>)}</ul>}</section>
          {r.outputs.length > 0 && <section className="card"><header><h2>Logged models</h2></header><ul className="rows-list">{r.outputs.map((m) => <li key={m.model_id}><div className="item"><Icon name="models" /><b className="clip grow">{m.name}</b><code className="muted clip">{m.model_id}</code></div></li>)}</ul></section>}
          <section className="card"><header><h2 className="grow">Tags</h2></header><div className="body"><EditTags tags={r.tags} allowed={editor} hide={(k) => k.startsWith("mlflow.")} set={(key, value) => change({ set_tags: { [key]: value } })} remove={(key) => change({ delete_tags: [key] })} /></div></section>
          {r.children > 0 && <Children run={r} />}
        </div>
      </div>
    </>
  );
}

function Children({ run: r }: { run: Run }) {
  const ws = useWs();
  const filter = `tags.\`mlflow.parentRunId\` = '${r.run_id}'`;
  const found = useQuery({ queryKey: [...runKey(ws, r.run_id), "children"], queryFn: ({ signal }) => api.post("/w/{ws}/runs/search", { path: { ws }, body: { experiment_ids: [r.experiment_id], filter, columns: [], limit: 20 } as never, signal }) });
  const list = found.data?.runs ?? [];
  return (
    <section className="card"><header><h2 className="grow">Nested runs</h2><A className="label" href={`${to(ws, "runs")}?exp=${r.experiment_id}&q=${encodeURIComponent(filter)}`}>all {count(r.children)}</A>{list.length > 1 && <A className="label" href={`${to(ws, "runs", "compare")}?ids=${list.map((x) => x.run_id).join(",")}`}>compare</A>}</header>
      <ul className="rows-list">{list.map((x) => <li key={x.run_id}><A className="item" href={to(ws, "runs", x.run_id)}><span className="clip grow" dir="auto">{x.name || x.run_id.slice(0, 8)}</span><Status value={x.status} bare /><span className="muted label">{duration(durationOf(x))}</span></A></li>)}</ul></section>
  );
}

function RunTraces({ run: r }: { run: Run }) {
  const ws = useWs();
  const query = useMemo(() => ({ run_id: r.run_id }), [r.run_id]);
  const rows = useTraces(ws, query, "-start_ms", 50);
  if (!rows.data) return <Skeleton />;
  const all = rows.data.pages.flatMap((p) => p.traces);
  if (all.length === 0) return <Empty title="No traces in this run" text="Traces made inside start_run belong to it." code={`with mlflow.start_run():\n    agent.invoke("What is the price of AMZN?")`} />;
  return <><div className="row"><A className="button" href={`${to(ws, "traces")}?run=${r.run_id}`}><Icon name="traces" />Open in Traces</A></div><TraceList rows={all} />{rows.hasNextPage && <button className="button" style={{ alignSelf: "center" }} onClick={() => void rows.fetchNextPage()}>More</button>}</>;
}

const codeTags: [string, string][] = [["source.name", "Source"], ["source.type", "Kind"], ["project.entryPoint", "Entry point"], ["source.git.repoURL", "Repository"], ["source.git.branch", "Branch"], ["source.git.commit", "Commit"], ["source.git.dirty", "Uncommitted changes"], ["docker.image.name", "Docker image"], ["docker.image.id", "Docker image id"], ["databricks.notebookPath", "Notebook"]];

function Code({ run: r }: { run: Run }) {
  const ws = useWs();
  const { server } = useSession();
  const { set } = useUrl();
  const known = codeTags.flatMap(([k, label]) => { const v = r.tags[`mlflow.${k}`]; return v ? [[label, v] as const] : []; });
  // What the environment was, as MLflow's clients log it beside a model or run.
  const files = useQuery({ queryKey: [...runKey(ws, r.run_id), "environment"], retry: false, queryFn: async ({ signal }) => {
    const list = (path: string) => api.get("/w/{ws}/runs/{run_id}/artifacts", { path: { ws, run_id: r.run_id }, query: { path, limit: 200 }, signal });
    const top = (await list("")).files, found = top.filter((f) => !f.is_dir).map((f) => f.path);
    for (const d of top.filter((f) => f.is_dir).slice(0, 10)) found.push(...(await list(d.path)).files.filter((f) => !f.is_dir).map((f) => f.path));
    return found.filter((f) => /(^|\/)(requirements\.txt|conda\.ya?ml|python_env\.ya?ml|MLproject|pyproject\.toml|[^/]+\.(py|ipynb))$/.test(f));
  } });
  return (
    <div className="stack" style={{ maxWidth: 820 }}>
      <section className="card"><header><h2>Code version</h2></header><div className="body">{known.length ? <dl className="dl">{known.map(([label, v]) => [<dt key={label}>{label}</dt>, <dd key={`${label} v`} className="mono">{/^https?:\/\//.test(v) ? <a href={v} target="_blank" rel="noopener noreferrer">{v}</a> : v} {label === "Commit" && <button className="link label" onClick={() => void copy(v, "Commit copied")}>Copy</button>}</dd>])}</dl> : <p className="muted">The client recorded no source, commit or entry point.</p>}</div></section>
      <section className="card"><header><h2>Environment and code among the artifacts</h2></header>{files.data?.length ? <ul className="rows-list">{files.data.map((f) => <li key={f}><div className="item"><Icon name="file" /><button className="link" onClick={() => set({ tab: "artifacts", path: f })}>{f}</button></div></li>)}</ul> : <p className="muted body">{files.isLoading ? "Looking…" : files.error ? "The artifacts cannot be listed from here." : "None: no requirements, conda or python environment file, and no script."}</p>}</section>
      <h3>Read it</h3>
      <Lines code={`import mlflow\n\nmlflow.set_tracking_uri("${server.address}")\nrun = mlflow.get_run("${r.run_id}")\nprint(run.data.metrics, run.data.params)`} />
      <h3>Its artifacts</h3>
      <Lines code={`local = mlflow.artifacts.download_artifacts(run_id="${r.run_id}", artifact_path="")`} />
      <h3>Its traces</h3>
      <Lines code={`traces = mlflow.search_traces(experiment_ids=["${r.experiment_id}"], run_id="${r.run_id}")`} />
    </div>
  );
}
