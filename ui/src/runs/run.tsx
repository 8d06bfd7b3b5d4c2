// The run page: overview, metrics, traces, artifacts, code.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { api, type Schemas, url } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { visited } from "../app/palette";
import { useShortcut } from "../app/shortcuts";
import { copy, toastError } from "../app/toast";
import { to, useUrl, useWs } from "../app/url";
import { neighbours } from "../app/walk";
import { Artifacts, type Source } from "../kit/artifacts";
import { clock, count, duration, full, iso, metric, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Markdown } from "../kit/markdown";
import { Chip, Empty, hint, Lines, Load, Skeleton, Status, Tabs, Time } from "../kit/states";
import { may, useSession } from "../session/session";
import { useTraces } from "../traces/data";
import { TraceList } from "../traces/tracelist";
import { durationOf, type Run, runKey, useRun } from "./data";
import { Curves } from "./metrics";
import { LineageButton } from "../lineage/open";

const tabs = ["overview", "metrics", "traces", "artifacts", "code"] as const;

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
        <h1 className="clip" dir="auto">{r.name || r.run_id}</h1><Status value={r.status} tint />{r.lifecycle === "deleted" && <Status value="deleted" tint />}
        <button className="link label mono" title="Copy the run id" onClick={() => void copy(r.run_id, "Run id copied")}>{r.run_id.slice(0, 8)}… <Icon name="copy" size={12} /></button><LineageButton kind="run" id={r.run_id} />
        <span className="grow" />
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
          { id: "overview", label: "Overview" }, { id: "metrics", label: "Metrics", n: r.metrics.length || undefined }, { id: "traces", label: "Traces", n: r.traces || undefined }, { id: "artifacts", label: "Artifacts" }, { id: "code", label: "Code" },
        ]} />
      </div>
      <div className="page-body" style={{ paddingTop: 16 }} role="tabpanel" aria-label={tab}>
        {tab === "overview" && <Overview run={r} />}
        {tab === "metrics" && (r.metrics.length === 0 ? <Empty title="No metrics" code={`mlflow.log_metric("rouge1", 0.41, step=1)`} /> : <MetricsTab run={r} />)}
        {tab === "traces" && <RunTraces run={r} />}
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

function MetricTable({ list }: { list: Run["metrics"] }) {
  return (
    <table className="plain"><thead><tr><th scope="col">Metric</th><th scope="col" className="num">Value</th><th scope="col" className="num">Step</th></tr></thead>
      <tbody>{list.map((m) => <tr key={`${m.key} ${m.model_id} ${m.dataset_name}`}><td dir="auto">{m.key}{m.dataset_name && <span className="muted"> on {m.dataset_name}</span>}</td><td className="num" title={`${full(m.value)}, ${iso(m.time_ms)}`}>{metric(m.value)}</td><td className="num muted">{count(m.step)}</td></tr>)}</tbody></table>
  );
}

function Overview({ run: r }: { run: Run }) {
  const ws = useWs();
  const [find, setFind] = useState("");
  const needle = find.toLowerCase();
  const metrics = r.metrics.filter((m) => m.key.toLowerCase().includes(needle)), params = r.params.filter((p) => `${p.key} ${p.value}`.toLowerCase().includes(needle));
  const tags = Object.entries(r.tags).filter(([k]) => !k.startsWith("mlflow."));
  const tag = (k: string) => r.tags[`mlflow.${k}`];
  return (
    <>
      <Description run={r} />
      {r.metrics.length + r.params.length > 12 && <input className="input" style={{ maxWidth: 320 }} aria-label="Find a metric or param" placeholder="Find a metric or param" value={find} onChange={(e) => setFind(e.target.value)} />}
      <div className="columns">
        <div className="stack">
          <section className="card"><header><h2 className="grow">Metrics</h2><span className="muted label">{count(metrics.length)}</span></header>{metrics.length ? <MetricTable list={metrics} /> : <p className="muted body">{r.metrics.length ? "None matches." : "None were logged."}</p>}</section>
          <section className="card"><header><h2 className="grow">Params</h2><span className="muted label">{count(params.length)}</span></header>{params.length ? <table className="plain"><tbody>{params.map((p) => <tr key={p.key}><td className="key" dir="auto">{p.key}</td><td dir="auto">{p.value}</td></tr>)}</tbody></table> : <p className="muted body">{r.params.length ? "None matches." : "None were logged."}</p>}</section>
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
          <section className="card"><header><h2 className="grow">Tags</h2></header><div className="body chips">{tags.length ? tags.map(([k, v]) => <Chip key={k} title={`${k} = ${v}`}>{k} = {v}</Chip>) : <span className="muted">None.</span>}</div></section>
        </div>
      </div>
    </>
  );
}

function Description({ run: r }: { run: Run }) {
  const ws = useWs();
  const client = useQueryClient();
  const session = useSession();
  const [editing, setEditing] = useState(false);
  const save = useMutation({
    mutationFn: (description: string) => api.patch("/w/{ws}/runs/{run_id}", { path: { ws, run_id: r.run_id }, body: { description } }),
    onSuccess: (d: Schemas["Run"]) => { client.setQueryData(runKey(ws, r.run_id), d); setEditing(false); },
    onError: toastError,
  });
  if (editing) return (
    <form className="stack" style={{ gap: 8, maxWidth: 760 }} onSubmit={(e) => { e.preventDefault(); save.mutate(String(new FormData(e.currentTarget).get("text"))); }} onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.currentTarget.requestSubmit(); if (e.key === "Escape") setEditing(false); }}>
      <textarea name="text" className="input" rows={5} defaultValue={r.description} aria-label="Description, in Markdown" autoFocus />
      <div className="row"><button className="button primary" disabled={save.isPending}>Save</button><button type="button" className="button" onClick={() => setEditing(false)}>Cancel</button><span className="muted label">Markdown</span></div>
    </form>
  );
  const allowed = may(session, ws, "editor");
  if (!r.description) return allowed ? <button className="link label" style={{ alignSelf: "flex-start" }} onClick={() => setEditing(true)}>Add a description</button> : null;
  return <div><Markdown text={r.description} />{allowed && <button className="link label" onClick={() => setEditing(true)}>Edit</button>}</div>;
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

function Code({ run: r }: { run: Run }) {
  const { server } = useSession();
  return (
    <div className="stack" style={{ maxWidth: 820 }}>
      <h3>Read it</h3>
      <Lines code={`import mlflow\n\nmlflow.set_tracking_uri("${server.address}")\nrun = mlflow.get_run("${r.run_id}")\nprint(run.data.metrics, run.data.params)`} />
      <h3>Its artifacts</h3>
      <Lines code={`local = mlflow.artifacts.download_artifacts(run_id="${r.run_id}", artifact_path="")`} />
      <h3>Its traces</h3>
      <Lines code={`traces = mlflow.search_traces(experiment_ids=["${r.experiment_id}"], run_id="${r.run_id}")`} />
    </div>
  );
}
