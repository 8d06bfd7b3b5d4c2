// Experiments: name, runs, traces, last activity.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { useShortcut } from "../app/shortcuts";
import { toast, toastError } from "../app/toast";
import { to, useUrl, useWs } from "../app/url";
import { CopyAs } from "../kit/copyas";
import { clock, count, line, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Chip, Dialog, Empty, hint, Load, Segments, Time } from "../kit/states";
import { Bulk, type Column, DataTable } from "../kit/table";
import { may, useSession } from "../session/session";
import { type Experiment, experimentsKey, useExperiments } from "./data";
import { SavedViews } from "../views/saved";

export default function ExperimentsPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const go = useGo();
  const client = useQueryClient();
  const session = useSession();
  const [creating, setCreating] = useState(false);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const q = search.q ?? "", order = search.sort ?? "-last_activity_ms", lifecycle = search.deleted ? "deleted" as const : "active" as const;
  const rows = useExperiments(ws, q, order, lifecycle);
  const editor = may(session, ws, "editor");
  useCrumbs({ label: "Experiments" });
  useShortcut("filter", () => document.getElementById("experiment-search")?.focus());
  const href = (e: Experiment) => `${to(ws, "runs")}?exp=${encodeURIComponent(e.experiment_id)}`;
  const columns = useMemo((): Column<Experiment>[] => [
    { id: "name", header: "Name", width: 320, pinned: true, sort: "name", cell: (e) => <A className="name" href={href(e)} tabIndex={-1} title={e.name}>{e.name}</A> },
    { id: "runs", header: "Runs", width: 90, num: true, cell: (e) => count(e.runs) },
    { id: "traces", header: "Traces", width: 90, num: true, cell: (e) => (e.traces ? <A href={`${to(ws, "traces")}?exp=${e.experiment_id}`} tabIndex={-1}>{count(e.traces)}</A> : "0") },
    { id: "activity", header: "Last activity", width: 150, sort: "last_activity_ms", cell: (e) => <Time ms={e.last_activity_ms} /> },
    { id: "created", header: "Created", width: 130, sort: "created_ms", cell: (e) => <Time ms={e.created_ms} short={clock(e.created_ms)} /> },
    { id: "tags", header: "Tags", width: 320, cell: (e) => <span className="row" style={{ gap: 4 }}>{Object.entries(e.tags).filter(([k]) => !k.startsWith("mlflow.")).slice(0, 4).map(([k, v]) => <Chip key={k} title={`${k} = ${v}`}>{k} = {line(v)}</Chip>)}</span> },
    { id: "id", header: "Id", width: 90, cell: (e) => <code>{e.experiment_id}</code> },
  ], [ws]);

  async function change(ids: string[], to: "active" | "deleted") {
    try {
      for (const id of ids) await api.patch("/w/{ws}/experiments/{experiment_id}", { path: { ws, experiment_id: id }, body: { lifecycle: to } });
      const back = to === "deleted" ? "active" as const : "deleted" as const;
      toast(`${plural(ids.length, "experiment")} ${to === "deleted" ? "deleted" : "restored"}`, { action: { label: "Undo", run: () => void change(ids, back) } });
    } catch (e) { toastError(e); }
    setSelected(new Set());
    void client.invalidateQueries({ queryKey: experimentsKey(ws) });
  }
  const total = rows.data && !rows.hasNextPage ? rows.data.pages.reduce((n, p) => n + p.experiments.length, 0) : null;
  return (
    <div className="page">
      <div className="page-head">
        <h1 className="grow">Experiments</h1><SavedViews page="experiments" />
        <Segments label="Lifecycle" value={lifecycle} onChange={(v) => set({ deleted: v === "deleted" ? "1" : undefined })} options={[["active", "Active"], ["deleted", "Deleted"]] as const} />
        <CopyAs icon cli={["experiment", "list", ...(q ? ["--name", q] : []), ...(lifecycle === "active" ? [] : ["--lifecycle", lifecycle])]} call={{ path: `/w/${encodeURIComponent(ws)}/experiments`, query: { q, lifecycle, limit: 100 } }} mlflow="print(mlflow.search_experiments())" />
        {editor && <button className="button primary" onClick={() => setCreating(true)}><Icon name="plus" />New experiment</button>}
      </div>
      <div className="toolbar">
        <input id="experiment-search" className="input grow" style={{ maxWidth: 420 }} aria-label="Search experiments" placeholder="Search names" title={hint("Search names", "filter")} value={q} onChange={(e) => set({ q: e.target.value }, { replace: true })} />
        {total !== null && <span className="muted label">{plural(total, "experiment")}</span>}
      </div>
      <Bulk n={selected.size} clear={() => setSelected(new Set())}>
        {lifecycle === "active" ? <button className="button danger" onClick={() => void change([...selected], "deleted")}><Icon name="trash" />Delete</button> : <button className="button" onClick={() => void change([...selected], "active")}>Restore</button>}
      </Bulk>
      <div className="list"><Load query={rows} rows={10}>{(d) => {
        const all = d.pages.flatMap((p) => p.experiments);
        if (all.length === 0) return q ? <Empty title={`No experiment is named like “${q}”`} /> : <Empty title={lifecycle === "deleted" ? "Nothing was deleted" : "No experiments yet"} text={lifecycle === "deleted" ? undefined : "Create one here, or let a client do it:"} {...(lifecycle === "active" ? { code: `import mlflow\nmlflow.set_tracking_uri("${session.server.address}")\nmlflow.set_experiment("finance-assistant")` } : {})} />;
        return <DataTable name="experiments" label="Experiments" columns={columns} rows={all} getId={(e) => e.experiment_id} href={href} onOpen={(e) => go(href(e))} total={total}
          more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }} sort={order} onSort={(s) => set({ sort: s })}
          {...(editor ? { selected, onSelect: setSelected } : {})}
          card={(e) => <><b className="clip">{e.name}</b><span className="muted label">{plural(e.runs, "run")} · {plural(e.traces, "trace")} · <Time ms={e.last_activity_ms} /></span></>} />;
      }}</Load></div>
      {creating && <Create onClose={() => setCreating(false)} />}
    </div>
  );
}

function Create({ onClose }: { onClose: () => void }) {
  const ws = useWs();
  const go = useGo();
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: (name: string) => api.post("/w/{ws}/experiments", { path: { ws }, body: { name } }),
    onSuccess: (e) => { void client.invalidateQueries({ queryKey: experimentsKey(ws) }); onClose(); go(`${to(ws, "runs")}?exp=${encodeURIComponent(e.experiment_id)}`); },
  });
  return (
    <Dialog title="New experiment" onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); create.mutate(String(new FormData(e.currentTarget).get("name")).trim()); }}>
        {create.error && <div className="banner error" role="alert"><Icon name="error" />{create.error.message}</div>}
        <div className="field"><label htmlFor="new-name">Name</label><input id="new-name" name="name" className="input" required autoFocus maxLength={500} /></div>
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button primary" disabled={create.isPending}>Create</button></div>
      </form>
    </Dialog>
  );
}
