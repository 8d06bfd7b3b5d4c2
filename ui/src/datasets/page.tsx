// Datasets: those for evaluation, and those that runs logged as their inputs.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { to, useUrl, useWs } from "../app/url";
import { useExperimentNames } from "../experiments/data";
import { count, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Chip, Dialog, Empty, Load, Tabs, Time } from "../kit/states";
import { type Column, DataTable } from "../kit/table";
import { may, useSession } from "../session/session";
import { SavedViews } from "../views/saved";
import { type Dataset, datasetsKey, useDatasets, useInputs } from "./data";

type Input = { name: string; source_type: string; versions: number; experiments: number; runs: number; last_used_ms: number | null };

export default function DatasetsPage() {
  const ws = useWs();
  const session = useSession();
  const { search, set } = useUrl();
  const [creating, setCreating] = useState(false);
  const logged = search.tab === "logged";
  const q = search.q ?? "";
  useCrumbs({ label: "Datasets" });
  return (
    <div className="page">
      <div className="page-head">
        <h1>Datasets</h1>
        <SavedViews page="datasets" />
        <span className="grow" />
        {may(session, ws, "editor") && !logged && <button className="button primary" onClick={() => setCreating(true)}><Icon name="plus" />New dataset</button>}
      </div>
      <div style={{ padding: "0 16px" }}><Tabs label="Kind of dataset" current={logged ? "logged" : "evaluation"} onSelect={(t) => set({ tab: t === "logged" ? t : undefined, sort: undefined })} tabs={[{ id: "evaluation", label: "For evaluation" }, { id: "logged", label: "Logged by runs" }]} /></div>
      <div className="toolbar" style={{ paddingTop: 8 }}><input className="input grow" style={{ maxWidth: 420 }} aria-label="Search datasets" placeholder="Search names" value={q} onChange={(e) => set({ q: e.target.value }, { replace: true })} /></div>
      {logged ? <Logged q={q} /> : <Evaluation q={q} />}
      {creating && <NewDataset onClose={() => setCreating(false)} />}
    </div>
  );
}

function Evaluation({ q }: { q: string }) {
  const ws = useWs();
  const go = useGo();
  const { search, set } = useUrl();
  const { server } = useSession();
  const order = search.sort ?? "-updated_ms";
  const rows = useDatasets(ws, q, order);
  const names = useExperimentNames(ws);
  const href = (d: Dataset) => to(ws, "datasets", d.dataset_id);
  const columns = useMemo((): Column<Dataset>[] => [
    { id: "name", header: "Name", width: 280, pinned: true, sort: "name", cell: (d) => <A className="name" href={href(d)} tabIndex={-1}>{d.name}</A> },
    { id: "records", header: "Records", width: 90, num: true, cell: (d) => count(d.records) },
    { id: "updated", header: "Updated", width: 110, sort: "updated_ms", cell: (d) => <Time ms={d.updated_ms} /> },
    { id: "created", header: "Created", width: 110, sort: "created_ms", cell: (d) => <Time ms={d.created_ms} /> },
    { id: "by", header: "By", width: 120, cell: (d) => d.created_by || "—" },
    { id: "digest", header: "Digest", width: 100, title: "Changes with every change of the records", cell: (d) => <code>{d.digest}</code> },
    { id: "experiments", header: "Experiments", width: 220, cell: (d) => d.experiment_ids.map((e) => names.get(e) ?? e).join(", ") || "—" },
    { id: "tags", header: "Tags", width: 240, cell: (d) => <span className="row" style={{ gap: 4 }}>{Object.entries(d.tags).map(([k, v]) => <Chip key={k} title={`${k} = ${v}`}>{k} = {v}</Chip>)}</span> },
  ], [ws, names]);
  return (
    <div className="list"><Load query={rows} rows={8}>{(d) => {
      const all = d.pages.flatMap((p) => p.datasets);
      if (all.length === 0) return q ? <Empty title={`No dataset is named like “${q}”`} /> : <Empty title="No datasets yet" text="Select traces and press d, or import JSONL or CSV into a new dataset. From code:" code={`import mlflow.genai.datasets\nmlflow.set_tracking_uri("${server.address}")\nmlflow.genai.datasets.create_dataset(name="golden").merge_records([{"inputs": {"question": "…"}}])`} />;
      return <DataTable name="datasets" label="Datasets" columns={columns} rows={all} getId={(x) => x.dataset_id} href={href} onOpen={(x) => go(href(x))} sort={order} onSort={(s) => set({ sort: s })}
        more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }}
        card={(x) => <><span className="row"><b className="clip grow">{x.name}</b><span className="muted label">{plural(x.records, "record")}</span></span><span className="muted label">updated <Time ms={x.updated_ms} />{x.created_by && <> · {x.created_by}</>}</span></>} />;
    }}</Load></div>
  );
}

function Logged({ q }: { q: string }) {
  const ws = useWs();
  const go = useGo();
  const { server } = useSession();
  const rows = useInputs(ws, q, true);
  const href = (d: Input) => to(ws, "datasets", "logged", d.name);
  const columns = useMemo((): Column<Input>[] => [
    { id: "name", header: "Name", width: 280, pinned: true, cell: (d) => <A className="name" href={href(d)} tabIndex={-1}>{d.name}</A> },
    { id: "versions", header: "Versions", width: 90, num: true, title: "Distinct digests", cell: (d) => count(d.versions) },
    { id: "runs", header: "Runs", width: 80, num: true, cell: (d) => count(d.runs) },
    { id: "used", header: "Last used", width: 110, cell: (d) => <Time ms={d.last_used_ms} /> },
    { id: "experiments", header: "Experiments", width: 110, num: true, cell: (d) => count(d.experiments) },
    { id: "source", header: "Source", width: 140, cell: (d) => d.source_type || "—" },
  ], [ws]);
  return (
    <div className="list"><Load query={rows} rows={8}>{(d) => {
      const all = d.pages.flatMap((p) => p.inputs);
      if (all.length === 0) return q ? <Empty title={`No run logged a dataset named like “${q}”`} /> : <Empty title="No run has logged a dataset" text="Log what a run reads:" code={`import mlflow\nmlflow.set_tracking_uri("${server.address}")\nmlflow.log_input(mlflow.data.from_pandas(frame, name="train"), context="training")`} />;
      return <DataTable name="inputs" label="Datasets logged by runs" columns={columns} rows={all} getId={(x) => x.name} href={href} onOpen={(x) => go(href(x))}
        more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }}
        card={(x) => <><span className="row"><b className="clip grow">{x.name}</b><span className="muted label">{plural(x.versions, "version")}</span></span><span className="muted label">{plural(x.runs, "run")} · last <Time ms={x.last_used_ms} /></span></>} />;
    }}</Load></div>
  );
}

function NewDataset({ onClose }: { onClose: () => void }) {
  const ws = useWs();
  const go = useGo();
  const id = useId();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []); // the dialog has taken the focus by now
  const create = useMutation({
    mutationFn: () => api.post("/w/{ws}/datasets", { path: { ws }, body: { name } }),
    onSuccess: (d) => { void client.invalidateQueries({ queryKey: datasetsKey(ws) }); onClose(); go(to(ws, "datasets", d.dataset_id)); },
  });
  return (
    <Dialog title="New dataset" onClose={onClose}>
      <form className="stack" onSubmit={(e: FormEvent) => { e.preventDefault(); if (name.trim()) create.mutate(); }}>
        <div className="field"><label htmlFor={id}>Name</label><input id={id} ref={input} className="input" value={name} dir="auto" maxLength={255} autoComplete="off" onChange={(e) => setName(e.target.value)} /></div>
        {create.error && <div className="banner error" role="alert"><Icon name="error" />{create.error.message}</div>}
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button primary" disabled={!name.trim() || create.isPending}>Create</button></div>
      </form>
    </Dialog>
  );
}
