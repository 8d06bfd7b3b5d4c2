// Experiments: name, runs, traces, last activity.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { api } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { useShortcut } from "../app/shortcuts";
import { toast, toastError } from "../app/toast";
import { list, to, useUrl, useWs } from "../app/url";
import { PurgeButton } from "../govern/purge";
import { CopyAs } from "../kit/copyas";
import { clock, count, line, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Chip, Dialog, Empty, hint, Load, Segments, Time } from "../kit/states";
import { Bulk, type Column, DataTable } from "../kit/table";
import { may, useSession } from "../session/session";
import { type Experiment, experimentsKey, useExperiments } from "./data";
import { EditExperiment } from "./edit";
import { type Node, tree } from "./tree";
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
  const [editing, setEditing] = useState<string | null>(null);
  const all = useMemo(() => rows.data?.pages.flatMap((p) => p.experiments) ?? [], [rows.data]);
  // A tree where names have slashes, unless the reader wants a list. It is of
  // whatever is loaded, so it loads on, to a bound.
  const folders = all.some((e) => /[^/]\/[^/]/.test(e.name)), asTree = search.as ? search.as === "tree" : folders;
  const few = all.length <= 40;
  const toggled = useMemo(() => new Set(list(search.open).map(decodeURIComponent)), [search.open]);
  const nodes = useMemo(() => (asTree ? tree(all, (path) => q !== "" || few !== toggled.has(path)) : []), [asTree, all, toggled, q, few]);
  const toggle = (path: string) => set({ open: (toggled.has(path) ? [...toggled].filter((x) => x !== path) : [...toggled, path]).slice(-60).map(encodeURIComponent).join(",") || undefined }, { replace: true });
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = rows;
  useEffect(() => { if (asTree && hasNextPage && !isFetchingNextPage && all.length < 3000) void fetchNextPage(); }, [asTree, hasNextPage, isFetchingNextPage, fetchNextPage, all.length]);
  const href = (e: Experiment) => `${to(ws, "runs")}?exp=${encodeURIComponent(e.experiment_id)}`;
  const columns = useMemo((): Column<Node>[] => {
    const of = (f: (e: Experiment) => React.ReactNode) => (n: Node) => (n.experiment ? f(n.experiment) : null);
    return [
      { id: "name", header: "Name", width: 360, pinned: true, sort: "name", cell: (n) => <NodeName node={n} href={href} onToggle={toggle} /> },
      { id: "runs", header: "Runs", width: 90, num: true, cell: (n) => (n.folder && !n.open ? <span title="of everything in the folder">{count(n.runs)}</span> : n.experiment ? count(n.experiment.runs) : "") },
      { id: "traces", header: "Traces", width: 90, num: true, cell: (n) => (n.folder && !n.open ? count(n.traces) : n.experiment ? (n.experiment.traces ? <A href={`${to(ws, "traces")}?exp=${n.experiment.experiment_id}`} tabIndex={-1}>{count(n.experiment.traces)}</A> : "0") : "") },
      { id: "activity", header: "Last activity", width: 150, sort: "last_activity_ms", cell: (n) => <Time ms={n.experiment && !(n.folder && !n.open) ? n.experiment.last_activity_ms : n.last} /> },
      { id: "description", header: "Description", width: 260, cell: of((e) => <span title={e.tags["mlflow.note.content"]}>{line(e.tags["mlflow.note.content"]).slice(0, 200)}</span>) },
      { id: "created", header: "Created", width: 130, sort: "created_ms", cell: of((e) => <Time ms={e.created_ms} short={clock(e.created_ms)} />) },
      { id: "tags", header: "Tags", width: 280, cell: of((e) => <span className="row" style={{ gap: 4 }}>{Object.entries(e.tags).filter(([k]) => !k.startsWith("mlflow.")).slice(0, 4).map(([k, v]) => <Chip key={k} title={`${k} = ${v}`}>{k} = {line(v)}</Chip>)}</span>) },
      { id: "id", header: "Id", width: 90, cell: of((e) => <code>{e.experiment_id}</code>) },
    ];
  }, [ws, toggle]);

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
        {folders && <Segments label="Experiments as" value={asTree ? "tree" : "list"} onChange={(v) => set({ as: v }, { replace: true })} options={[["tree", "Tree"], ["list", "List"]] as const} />}
        {total !== null && <span className="muted label">{plural(total, "experiment")}</span>}
      </div>
      <Bulk n={selected.size} clear={() => setSelected(new Set())}>
        {selected.size === 1 && lifecycle === "active" && <button className="button" onClick={() => setEditing([...selected][0]!)}>Edit</button>}
        {lifecycle === "active" ? <button className="button danger" onClick={() => void change([...selected], "deleted")}><Icon name="trash" />Delete</button> : <button className="button" onClick={() => void change([...selected], "active")}>Restore</button>}
        {lifecycle === "deleted" && <PurgeButton what={{ kind: "experiment", ids: [...selected] }} name="delete" title={`Delete ${plural(selected.size, "experiment")} permanently`} />}
      </Bulk>
      <div className="list"><Load query={rows} rows={10}>{() => {
        if (all.length === 0) return q ? <Empty title={`No experiment is named like “${q}”`} /> : <Empty title={lifecycle === "deleted" ? "Nothing was deleted" : "No experiments yet"} text={lifecycle === "deleted" ? undefined : "Create one here, or let a client do it:"} {...(lifecycle === "active" ? { code: `import mlflow\nmlflow.set_tracking_uri("${session.server.address}")\nmlflow.set_experiment("finance-assistant")` } : {})} />;
        const shown: Node[] = asTree ? nodes : all.map((e) => ({ path: e.name, label: e.name, depth: 0, experiment: e, open: false, folder: false, experiments: 1, runs: e.runs, traces: e.traces, last: e.last_activity_ms }));
        return <DataTable<Node> name="experiments" label="Experiments" columns={columns} rows={shown} getId={(n) => n.experiment?.experiment_id ?? `folder:${n.path}`} href={(n) => (n.experiment ? href(n.experiment) : `?open=${encodeURIComponent(encodeURIComponent(n.path))}`)}
          onOpen={(n) => (n.experiment ? go(href(n.experiment)) : toggle(n.path))} total={asTree ? null : total}
          {...(asTree ? {} : { more: { has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() } })} sort={order} onSort={(s) => set({ sort: s })}
          {...(editor ? { selected, onSelect: (ids: ReadonlySet<string>) => setSelected(new Set([...ids].filter((id) => !id.startsWith("folder:")))) } : {})}
          card={(n) => <><span className="row" style={{ paddingLeft: n.depth * 14 }}>{n.folder && <button className="icon-button" aria-label={`${n.open ? "Close" : "Open"} ${n.path}`} aria-expanded={n.open} onClick={(ev) => { ev.preventDefault(); toggle(n.path); }}><Icon name={n.open ? "down" : "folder"} size={14} /></button>}<b className="clip" dir="auto">{n.label}</b></span><span className="muted label" style={{ paddingLeft: n.depth * 14 }}>{n.experiment && !(n.folder && !n.open) ? <>{plural(n.experiment.runs, "run")} · {plural(n.experiment.traces, "trace")} · <Time ms={n.experiment.last_activity_ms} /></> : <>{plural(n.experiments, "experiment")} · {plural(n.runs, "run")}</>}</span></>} />;
      }}</Load></div>
      {editing && <EditExperiment id={editing} onClose={() => setEditing(null)} />}
      {creating && <Create onClose={() => setCreating(false)} />}
    </div>
  );
}

function NodeName({ node: n, href, onToggle }: { node: Node; href: (e: Experiment) => string; onToggle: (path: string) => void }) {
  return (
    <span className="row" style={{ gap: 4, paddingLeft: n.depth * 18 }}>
      {n.folder ? <button className="icon-button" tabIndex={-1} style={{ minWidth: 18, height: 20, padding: 0, flex: "none" }} aria-expanded={n.open} aria-label={`${n.open ? "Close" : "Open"} ${n.path}`} onClick={() => onToggle(n.path)}><Icon name={n.open ? "down" : "right"} size={12} /></button> : n.depth > 0 ? <span style={{ width: 18, flex: "none" }} /> : null}
      {n.experiment ? <A className="name clip" href={href(n.experiment)} tabIndex={-1} title={n.experiment.name}>{n.label}</A> : <button className="link name clip" tabIndex={-1} style={{ color: "inherit" }} dir="auto" title={n.path} onClick={() => onToggle(n.path)}>{n.label}</button>}
      {n.folder && <span className="muted label" title="experiments in the folder">{count(n.experiments)}</span>}
    </span>
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
