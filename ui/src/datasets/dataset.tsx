// One evaluation dataset: its records, each opened beside the table.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { api, url } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { useShortcut } from "../app/shortcuts";
import { toast, toastError } from "../app/toast";
import { stringifySearch, to, useUrl, useWs } from "../app/url";
import { CopyAs } from "../kit/copyas";
import { py } from "../kit/code";
import { count, line, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Payload } from "../kit/json";
import { useNarrow } from "../kit/media";
import { Chip, ConfirmName, Empty, Load, Time } from "../kit/states";
import { Bulk, type Column, DataTable } from "../kit/table";
import { may, useSession } from "../session/session";
import { brief, type DatasetDetail, type DatasetRecord, datasetsKey, parseObject, useDataset, useRecords } from "./data";
import { ImportDialog } from "./import";
import { LineageButton } from "../lineage/open";

export default function DatasetPage() {
  const ws = useWs();
  const { datasetId } = useParams({ strict: false }) as { datasetId: string };
  const dataset = useDataset(ws, datasetId);
  useCrumbs({ label: "Datasets", to: to(ws, "datasets") }, { label: dataset.data?.name ?? datasetId });
  return <div className="page"><Load query={dataset}>{(d) => <View d={d} />}</Load></div>;
}

const sources: Record<string, string> = { TRACE: "from traces", HUMAN: "by people", DOCUMENT: "from documents", CODE: "by code", UNSPECIFIED: "of unspecified source", "": "of unknown source" };

function View({ d }: { d: DatasetDetail }) {
  const ws = useWs();
  const go = useGo();
  const client = useQueryClient();
  const session = useSession();
  const narrow = useNarrow();
  const { search, set } = useUrl();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [dialog, setDialog] = useState<"import" | "delete" | null>(null);
  const q = search.q ?? "", trace = search.trace ?? "";
  const rows = useRecords(ws, d.dataset_id, q, trace);
  const all = useMemo(() => rows.data?.pages.flatMap((p) => p.records) ?? [], [rows.data]);
  const editor = may(session, ws, "editor");
  const open = all.find((r) => r.record_id === search.row);
  const refresh = () => client.invalidateQueries({ queryKey: datasetsKey(ws) });
  const remove = useMutation({
    mutationFn: (list: DatasetRecord[]) => api.post("/w/{ws}/datasets/{dataset_id}/records/delete", { path: { ws, dataset_id: d.dataset_id }, body: { record_ids: list.map((r) => r.record_id) } }),
    onSuccess: (r, list) => {
      setSelected(new Set());
      void refresh();
      toast(`${plural(r.deleted, "record")} deleted`, { action: { label: "Undo", run: () => restore.mutate(list) } });
    },
    onError: toastError,
  });
  const restore = useMutation({
    mutationFn: (list: DatasetRecord[]) => api.post("/w/{ws}/datasets/{dataset_id}/records", { path: { ws, dataset_id: d.dataset_id }, body: { records: list.map(again) } }),
    onSuccess: (r) => { void refresh(); toast(`${plural(r.inserted, "record")} restored`); },
    onError: toastError,
  });
  const removeAll = useMutation({
    mutationFn: () => api.delete("/w/{ws}/datasets/{dataset_id}", { path: { ws, dataset_id: d.dataset_id } }),
    onSuccess: () => { toast(`“${d.name}” deleted`); go(to(ws, "datasets"), { replace: true }); void refresh(); },
    onError: toastError,
  });
  useShortcut("back", () => (search.row ? set({ row: undefined }, { replace: true }) : false));
  const peek = (r: DatasetRecord) => set({ row: search.row === r.record_id ? undefined : r.record_id }, { replace: true });
  const columns = useMemo((): Column<DatasetRecord>[] => [
    { id: "inputs", header: "Inputs", width: 360, pinned: !narrow, cell: (r) => <span className="name" title={brief(r.inputs).slice(0, 500)}>{line(brief(r.inputs))}</span> },
    { id: "expectations", header: "Expectations", width: 280, cell: (r) => (r.expectations ? <span title={brief(r.expectations).slice(0, 500)}>{line(brief(r.expectations))}</span> : "—") },
    { id: "outputs", header: "Outputs", width: 280, cell: (r) => (empty(r.outputs) ? "—" : <span title={brief(r.outputs).slice(0, 500)}>{line(brief(r.outputs))}</span>) },
    { id: "source", header: "Source", width: 150, cell: (r) => (r.trace_id ? <A href={to(ws, "traces", r.trace_id)} tabIndex={-1}>{r.trace_id.slice(0, 11)}…</A> : r.source_type ? sources[r.source_type] ?? r.source_type : "—") },
    { id: "tags", header: "Tags", width: 180, cell: (r) => <span className="row" style={{ gap: 4 }}>{Object.entries((r.tags ?? {}) as Record<string, unknown>).map(([k, v]) => <Chip key={k}>{k} = {brief(v)}</Chip>)}</span> },
    { id: "updated", header: "Updated", width: 100, cell: (r) => <Time ms={r.updated_ms} /> },
  ], [ws, narrow]);
  return (
    <>
      <div className="page-head" style={{ paddingBottom: 2 }}>
        <h1 className="clip" dir="auto">{d.name}</h1><LineageButton kind="dataset" id={d.dataset_id} />
        <span className="grow" />
        <CopyAs icon={narrow} call={{ path: `/w/${ws}/datasets/${d.dataset_id}/records`, query: { limit: 100 } }} mlflow={`import mlflow.genai.datasets\n\ndataset = mlflow.genai.datasets.get_dataset(dataset_id=${py(d.dataset_id)})\nprint(dataset.to_df())`} />
        <a className="button" href={url("/w/{ws}/datasets/{dataset_id}/export", { ws, dataset_id: d.dataset_id })} download={`${d.name}.jsonl`}><Icon name="download" />Export</a>
        {editor && <button className="button primary" onClick={() => setDialog("import")}><Icon name="plus" />Import</button>}
        {editor && <button className="icon-button" aria-label="Delete the dataset" title="Delete the dataset" onClick={() => setDialog("delete")}><Icon name="trash" /></button>}
      </div>
      <div className="facts">
        <span><b>{count(d.records)}</b> {d.records === 1 ? "record" : "records"}</span>
        {d.sources.filter((s) => s.source_type !== "" || d.sources.length > 1).map((s) => <span key={s.source_type}>{count(s.records)} {sources[s.source_type] ?? s.source_type}</span>)}
        {d.traces > 0 && <span>of {plural(d.traces, "trace")}</span>}
        <span title="Changes with every change of the records">digest <code>{d.digest}</code></span>
        <span>updated <Time ms={d.updated_ms} /></span>
        {d.created_by && <span>by <b>{d.created_by}</b></span>}
        {d.experiments.map((e) => <A key={e.experiment_id} href={`${to(ws, "runs")}?exp=${e.experiment_id}`}>{e.name || `experiment ${e.experiment_id} (gone)`}</A>)}
      </div>
      <div className="toolbar" style={{ paddingTop: 8 }}>
        <input className="input grow" style={{ maxWidth: 420 }} aria-label="Search records" placeholder="Search inputs, outputs, expectations" value={q} onChange={(e) => set({ q: e.target.value, row: undefined }, { replace: true })} />
        {trace && <Chip tone="accent" onRemove={() => set({ trace: undefined })} removeLabel="All traces">trace {trace.slice(0, 11)}…</Chip>}
      </div>
      <Bulk n={selected.size} clear={() => setSelected(new Set())}>
        {editor && <button className="button danger" onClick={() => remove.mutate(all.filter((r) => selected.has(r.record_id)))}><Icon name="trash" />Delete</button>}
      </Bulk>
      <div className="list" style={{ position: "relative" }}>
        <Load query={rows} rows={8}>{() => all.length === 0 ? (q || trace ? <Empty title="No record matches"><button className="button" onClick={() => set({ q: undefined, trace: undefined })}>Show all</button></Empty>
          : <Empty title="No records yet" text="Select traces and press d, or import JSONL or CSV." code={`{"inputs": {"question": "How much is AMZN?"}, "expectations": {"answer": "$185.50"}}`}>{editor && <button className="button" onClick={() => setDialog("import")}>Import a file</button>}</Empty>)
          : <DataTable name="records" label="Records" columns={columns} rows={all} getId={(r) => r.record_id} current={search.row} total={q || trace ? null : d.records} onOpen={peek} onPeek={peek}
              more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }} selected={selected} onSelect={setSelected}
              href={(r) => `${to(ws, "datasets", d.dataset_id)}${stringifySearch({ ...search, row: r.record_id })}`}
              card={(r) => <><b className="clip" dir="auto">{line(brief(r.inputs))}</b><span className="clip muted label" dir="auto">{r.expectations ? line(brief(r.expectations)) : "no expectation"}{r.trace_id ? " · from a trace" : ""}</span></>} />}</Load>
        {open && <RecordPanel key={open.record_id} datasetId={d.dataset_id} r={open} editor={editor} onClose={() => set({ row: undefined }, { replace: true })} onDelete={() => { set({ row: undefined }, { replace: true }); remove.mutate([open]); }} />}
      </div>
      {dialog === "import" && <ImportDialog datasetId={d.dataset_id} name={d.name} onClose={() => setDialog(null)} />}
      {dialog === "delete" && <ConfirmName title="Delete the dataset" name={d.name} consequence={`“${d.name}” with ${plural(d.records, "record")} will go. Traces it was copied from stay.`} onConfirm={() => removeAll.mutate()} onClose={() => setDialog(null)} />}
    </>
  );
}

function empty(v: unknown): boolean {
  return v === null || v === undefined || (typeof v === "object" && !Array.isArray(v) && Object.keys(v as object).length === 0);
}

/** A record as it was, for Undo. */
function again(r: DatasetRecord): Record<string, unknown> {
  return { inputs: r.inputs, outputs: r.outputs, ...(r.expectations ? { expectations: r.expectations } : {}), tags: r.tags ?? {},
    ...(r.trace_id ? { source: { source_type: "TRACE", source_data: { trace_id: r.trace_id } } } : r.source_type ? { source: { source_type: r.source_type } } : {}) };
}

function RecordPanel({ datasetId, r, editor, onClose, onDelete }: { datasetId: string; r: DatasetRecord; editor: boolean; onClose: () => void; onDelete: () => void }) {
  const ws = useWs();
  const client = useQueryClient();
  const [text, setText] = useState<string | null>(null);
  const parsed = text === null ? null : parseObject(text);
  const save = useMutation({
    mutationFn: (expectations: Record<string, unknown> | null) => api.patch("/w/{ws}/datasets/{dataset_id}/records/{record_id}", { path: { ws, dataset_id: datasetId, record_id: r.record_id }, body: { expectations: expectations as never } }),
    onSuccess: () => {
      setText(null);
      void client.invalidateQueries({ queryKey: [...datasetsKey(ws), "one", datasetId] });
      const before = r.expectations as Record<string, unknown> | null;
      toast("Expectations saved", { action: { label: "Undo", run: () => save.mutate(before) } });
    },
    onError: toastError,
  });
  return (
    <aside className="peek" aria-label="Record">
      <header>
        <h2 className="grow clip">Record</h2>
        {r.trace_id && <A className="button" href={to(ws, "traces", r.trace_id)}><Icon name="traces" />Trace</A>}
        {editor && <button className="icon-button" aria-label="Delete the record" onClick={onDelete}><Icon name="trash" /></button>}
        <button className="icon-button" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
      </header>
      <div className="body">
        <section><h3>Inputs</h3><Payload value={r.inputs} label="Inputs" /></section>
        <section>
          <div className="row"><h3 className="grow">Expectations</h3>{editor && text === null && <button className="link" onClick={() => setText(r.expectations ? JSON.stringify(r.expectations, null, 2) : '{\n  "expected_response": ""\n}')}>{r.expectations ? "Edit" : "Add"}</button>}</div>
          {text === null ? (r.expectations ? <Payload value={r.expectations} label="Expectations" /> : <p className="muted">None: what a good answer is, is not said.</p>) : (
            <form className="stack" style={{ gap: 8 }} onSubmit={(e) => { e.preventDefault(); if (parsed && "value" in parsed) save.mutate(parsed.value); }} onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.currentTarget.requestSubmit(); if (e.key === "Escape") { e.stopPropagation(); setText(null); } }}>
              <textarea className="input mono" rows={Math.min(16, text.split("\n").length + 1)} aria-label="Expectations as JSON" aria-invalid={!!parsed && "problem" in parsed} spellCheck={false} autoFocus value={text} onChange={(e) => setText(e.target.value)} />
              {parsed && "problem" in parsed && <p className="status error" role="alert" style={{ whiteSpace: "normal" }}>{parsed.problem}</p>}
              <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={() => setText(null)}>Cancel</button><button className="button primary" disabled={!parsed || "problem" in parsed || save.isPending} title="Ctrl+Enter">Save</button></div>
            </form>
          )}
        </section>
        <section><h3>Outputs</h3>{empty(r.outputs) ? <p className="muted">None was recorded.</p> : <Payload value={r.outputs} label="Outputs" />}</section>
        <section><h3>Origin</h3><dl className="dl"><dt>Source</dt><dd>{r.trace_id ? <A href={to(ws, "traces", r.trace_id)}>{r.trace_id}</A> : r.source_type ? sources[r.source_type] ?? r.source_type : "unknown"}</dd><dt>Added</dt><dd><Time ms={r.created_ms} />{r.created_by && <> by {r.created_by}</>}</dd><dt>Changed</dt><dd><Time ms={r.updated_ms} /></dd><dt>Record</dt><dd><code>{r.record_id}</code></dd></dl></section>
      </div>
    </aside>
  );
}
