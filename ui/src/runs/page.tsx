// The runs table: params and metrics as columns, filter, selection, compare.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import { listen } from "../api/live";
import { useCrumbs } from "../app/crumbs";
import { Menu } from "../app/frame";
import { A, useGo } from "../app/link";
import { useShortcut } from "../app/shortcuts";
import { copy, toast, toastError } from "../app/toast";
import { list, to, useUrl, useWs } from "../app/url";
import { useRememberList } from "../app/walk";
import { useExperimentNames } from "../experiments/data";
import { ColumnPicker } from "../kit/columns";
import { FilterBar } from "../kit/filterbar";
import { clock, count, duration, full, iso, metric, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { useNarrow } from "../kit/media";
import { Empty, Failure, hint, Keys, Segments, Skeleton, Stale, Status, Time } from "../kit/states";
import { Bulk, type Column, DataTable } from "../kit/table";
import { may, useSession } from "../session/session";
import { columnId, durationOf, fieldOf, type RunColumn, type RunQuery, type RunRow, runsKey, useRunColumns, useRunCount, useRuns, valueOf } from "./data";
import { SavedViews } from "../views/saved";

const noColumns: string[] = [];
const fixed = ["status", "start", "duration"];
const optional = ["user", "experiment", "id"];

/** The first view of an experiment: what most runs have, metrics leading. */
function suggest(columns: RunColumn[], rows: RunRow[]): string[] {
  const varies = (c: RunColumn) => (new Set(rows.map((r) => valueOf(r, columnId(c.kind, c.key)))).size > 1 ? 0 : 1);
  const top = (kind: RunColumn["kind"], n: number) => columns.filter((c) => c.kind === kind && !c.key.startsWith("system/") && !c.key.startsWith("mlflow.")).sort((a, b) => varies(a) - varies(b) || (b.runs ?? 0) - (a.runs ?? 0) || score(a.key) - score(b.key)).slice(0, n).map((c) => columnId(kind, c.key));
  return [...top("param", 3), ...top("metric", 6)];
}
// Variances and percentiles say less at first sight than means.
const score = (key: string) => (/variance|p90|p95|ratio|std/.test(key) ? 1 : 0);

function columnsOf(ws: string, names: Map<string, string>, chosen: string[], now: number): Column<RunRow>[] {
  const base: Record<string, Column<RunRow>> = {
    name: { id: "name", header: "Name", width: 196, pinned: true, sort: "name", cell: (r) => <span className="row" style={{ gap: 6 }}>{r.parent_run_id && <span className="muted" title="nested run">↳</span>}<A className="name clip" href={to(ws, "runs", r.run_id)} tabIndex={-1} title={r.name}>{r.name || r.run_id.slice(0, 8)}</A></span> },
    status: { id: "status", header: "Status", width: 90, sort: "status", cell: (r) => <Status value={r.status} /> },
    start: { id: "start", header: "Started", width: 104, sort: "start_ms", cell: (r) => <Time ms={r.start_ms} short={clock(r.start_ms)} /> },
    duration: { id: "duration", header: "Duration", width: 78, num: true, cell: (r) => duration(durationOf(r, r.status === "RUNNING" ? now : undefined)) },
    user: { id: "user", header: "User", width: 110, cell: (r) => r.user },
    experiment: { id: "experiment", header: "Experiment", width: 160, cell: (r) => r.experiment_name || (names.get(r.experiment_id) ?? r.experiment_id) },
    id: { id: "id", header: "Run id", width: 260, cell: (r) => <code>{r.run_id}</code> },
  };
  const keyed = (id: string): Column<RunRow> => {
    const number = id.startsWith("metrics."), key = id.slice(id.indexOf(".") + 1);
    return { id, header: key, title: `${id}; sort`, width: 122, num: number, sort: fieldOf(id), cell: (r) => {
      const v = valueOf(r, id);
      if (v === undefined) return <span className="muted" aria-label="none">—</span>;
      return number ? <span title={full(v)}>{metric(v)}</span> : <span title={String(v)}>{v}</span>;
    } };
  };
  return ["name", ...fixed, ...chosen].map((id) => base[id] ?? keyed(id));
}

export default function RunsPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const go = useGo();
  const client = useQueryClient();
  const session = useSession();
  const narrow = useNarrow();
  const names = useExperimentNames(ws);
  const [picking, setPicking] = useState(false);
  const [menu, setMenu] = useState<"exp" | "copy" | null>(null);
  const [now] = useState(() => Date.now());
  const exps = useMemo(() => list(search.exp), [search.exp]);
  const q = search.q ?? "", deleted = !!search.deleted;
  const query = useMemo((): RunQuery => ({ ...(exps.length ? { experiment_ids: exps } : {}), ...(q ? { filter: q } : {}), lifecycle: deleted ? "deleted" : "active" }), [exps, q, deleted]);
  const sort = search.sort ?? "-start_ms";
  const keys = useRunColumns(ws, exps);
  const rows = useRuns(ws, query, sort, undefined);
  // Settled once an experiment: neither a new run nor a filter resets what is read.
  const settled = useRef<{ exp: string; ids: string[] } | null>(null);
  if (keys.data?.columns.length && rows.data && !rows.isPlaceholderData && settled.current?.exp !== exps.join()) settled.current = { exp: exps.join(), ids: suggest(keys.data.columns, rows.data.pages[0]!.runs) };
  const suggested = settled.current?.exp === exps.join() ? settled.current.ids : noColumns;
  const chosen = useMemo(() => (search.cols !== undefined ? list(search.cols).map(decodeURIComponent).filter((c) => c !== "none") : suggested), [search.cols, suggested]);
  const tally = useRunCount(ws, query);
  const data = useMemo(() => rows.data?.pages.flatMap((p) => p.runs) ?? [], [rows.data]);
  const columns = useMemo(() => columnsOf(ws, names, chosen, now), [ws, names, chosen, now]);
  const selected = useMemo(() => new Set(list(search.sel)), [search.sel]);
  const setSelected = (ids: ReadonlySet<string>) => set({ sel: [...ids].slice(0, 100).join(",") }, { replace: true });
  useRememberList("runs", useMemo(() => data.map((r) => r.run_id), [data]));
  const one = exps.length === 1 ? names.get(exps[0]!) ?? `Experiment ${exps[0]}` : null;
  useCrumbs({ label: "Experiments", to: to(ws, "experiments") }, { label: one ?? "Runs" });

  // Running rows tick in place: what changed is read again, nothing is reset.
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = listen(ws, (c) => {
      if (c.kind !== "run" && c.kind !== "reset") return;
      if (c.kind === "run" && exps.length && c.experiment_id && !exps.includes(c.experiment_id)) return;
      timer ??= setTimeout(() => { timer = undefined; void client.invalidateQueries({ queryKey: runsKey(ws) }); }, 2_000);
    });
    return () => { off(); clearTimeout(timer); };
  }, [ws, exps, client]);

  const compare = () => { if (selected.size > 0) go(`${to(ws, "runs", "compare")}?ids=${[...selected].join(",")}`); };
  useShortcut("compare", () => (selected.size > 0 ? compare() : toast("Select runs with x first")));
  useShortcut("columns", () => setPicking(true));
  useShortcut("copyCode", () => setMenu("copy"));

  async function lifecycle(ids: string[], state: "active" | "deleted") {
    try {
      for (const run_id of ids) await api.patch("/w/{ws}/runs/{run_id}", { path: { ws, run_id }, body: { lifecycle: state } });
      toast(`${plural(ids.length, "run")} ${state === "deleted" ? "deleted" : "restored"}`, { action: { label: "Undo", run: () => void lifecycle(ids, state === "deleted" ? "active" : "deleted") } });
    } catch (e) { toastError(e); }
    set({ sel: undefined }, { replace: true });
    void client.invalidateQueries({ queryKey: runsKey(ws) });
  }

  const choices = useMemo(() => {
    const all = optional.map((id) => ({ id, label: id, group: "run" }) as { id: string; label: string; group: string; n?: number | null; differs?: boolean });
    for (const c of keys.data?.columns ?? []) {
      const id = columnId(c.kind, c.key), seen = new Set(data.map((r) => String(valueOf(r, id))));
      all.push({ id, label: c.key, group: c.kind, n: c.runs, differs: seen.size > 1 });
    }
    return all;
  }, [keys.data, data]);
  const counted = tally.data ? `${tally.data.exact ? "" : "≥ "}${count(tally.data.count)}${tally.data.count !== tally.data.total ? ` of ${count(tally.data.total)}` : ""}` : undefined;
  const address = session.server.address;

  return (
    <div className="page">
      <div className="page-head">
        <h1 className="clip">{one ?? "Runs"}</h1><SavedViews page="runs" />
        <Menu open={menu === "exp"} onToggle={(o) => setMenu(o ? "exp" : null)} label="Experiments" className="button" align="left" button={<>{exps.length === 0 ? "All experiments" : exps.length === 1 ? "1 experiment" : `${exps.length} experiments`}<Icon name="down" size={10} /></>}>
          <div style={{ width: 260, maxHeight: 320, overflow: "auto" }}>
            <button className="menu-item" onClick={() => { set({ exp: undefined }); setMenu(null); }}>All experiments</button>
            {[...names].map(([id, name]) => <label key={id} className="menu-item"><input type="checkbox" checked={exps.includes(id)} onChange={() => set({ exp: (exps.includes(id) ? exps.filter((e) => e !== id) : [...exps, id]).join(",") })} /><span className="clip">{name}</span></label>)}
          </div>
        </Menu>
        {exps.length > 0 && <A className="button" href={`${to(ws, "traces")}?exp=${exps.join(",")}`}><Icon name="traces" />Traces</A>}
        <span className="grow" />
        {!narrow && <Segments label="Lifecycle" value={deleted ? "deleted" : "active"} onChange={(v) => set({ deleted: v === "deleted" ? "1" : undefined, sel: undefined })} options={[["active", "Active"], ["deleted", "Deleted"]] as const} />}
        <Menu open={menu === "copy"} onToggle={(o) => setMenu(o ? "copy" : null)} label="Copy as" className="button" button={<>Copy as<Icon name="down" size={10} /></>}>
          {([["Link", location.href],
            ["Python", `import mlflow\n\nmlflow.set_tracking_uri(${JSON.stringify(address)})\nruns = mlflow.search_runs(\n    experiment_ids=${JSON.stringify(exps.length ? exps : [...names.keys()].slice(0, 1))},\n    filter_string=${JSON.stringify(q)},\n)\n`],
            ["curl", `curl -s ${address}/api/assay/v1/w/${encodeURIComponent(ws)}/runs/search \\\n  -H 'content-type: application/json' \\\n  -d '${JSON.stringify({ ...query, order_by: [sort] }).replaceAll("'", "'\\''")}'\n`]] as const)
            .map(([label, text]) => <button key={label} className="menu-item" onClick={() => { setMenu(null); void copy(text, `Copied as ${label}`); }}>{label}</button>)}
        </Menu>
        {!narrow && <button className="icon-button" aria-label="Columns" title={hint("Columns", "columns")} onClick={() => setPicking(true)}><Icon name="columns" /></button>}
      </div>
      <div className="toolbar">
        <FilterBar entity="runs" value={q} onChange={(v) => set({ q: v })} experiments={exps} error={rows.error} tally={counted} placeholder="Filter, e.g. metrics.rouge1 > 0.5 AND params.model = 'nova'" />
      </div>
      {rows.error && rows.data ? <Stale error={rows.error} retry={() => void rows.refetch()} /> : null}
      <Bulk n={selected.size} clear={() => setSelected(new Set())}>
        <button className="button primary" onClick={compare}><Icon name="compare" />Compare<Keys id="compare" /></button>
        {may(session, ws, "editor") && (deleted ? <button className="button" onClick={() => void lifecycle([...selected], "active")}>Restore</button> : <button className="button danger" onClick={() => void lifecycle([...selected], "deleted")}><Icon name="trash" />Delete</button>)}
      </Bulk>
      <div className="list">
        {rows.data === undefined ? (rows.error ? (q ? <div className="grow" /> : <Failure error={rows.error} retry={() => void rows.refetch()} />) : <div className="grow"><Skeleton rows={12} /></div>)
          : data.length === 0 ? (q || deleted ? <Empty title={deleted && !q ? "Nothing was deleted" : "No run matches"} text={q ? "Try fewer conditions." : undefined} /> : <Empty title="No runs yet" text="Log one from any MLflow client:" code={`import mlflow\nmlflow.set_tracking_uri("${address}")\nwith mlflow.start_run(): mlflow.log_metric("rouge1", 0.41)`} />)
          : <DataTable name={`runs.${search.exp ?? "all"}`} label="Runs" columns={columns} rows={data} getId={(r) => r.run_id} total={tally.data?.exact ? tally.data.count : null}
              href={(r) => to(ws, "runs", r.run_id)} onOpen={(r) => go(to(ws, "runs", r.run_id))}
              more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }}
              sort={sort} onSort={(s) => set({ sort: s === "-start_ms" ? undefined : s })} selected={selected} onSelect={setSelected}
              card={(r) => {
                const id = chosen.find((c) => c.startsWith("metrics.") && valueOf(r, c) !== undefined);
                return <><span className="row"><b className="clip grow">{r.name || r.run_id.slice(0, 8)}</b><Status value={r.status} /></span><span className="row muted label"><span className="clip grow">{id ? <>{id.slice(8)} <b style={{ color: "var(--text)" }}>{metric(valueOf(r, id))}</b></> : r.experiment_name}</span><time title={iso(r.start_ms)}>{clock(r.start_ms)}</time></span></>;
              }} />}
      </div>
      {picking && <ColumnPicker choices={choices} chosen={chosen} onChange={(ids) => set({ cols: ids.map(encodeURIComponent).join(",") || "none" }, { replace: true })} onReset={() => set({ cols: undefined }, { replace: true })} onClose={() => setPicking(false)} />}
    </div>
  );
}
