// The runs table: params and metrics as columns, filter, groups, nested runs,
// charts above, selection, compare. Everything that is seen stands in the URL.
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { useShortcut } from "../app/shortcuts";
import { toast } from "../app/toast";
import { list, to, useUrl, useWs } from "../app/url";
import { useRememberList } from "../app/walk";
import { useExperimentNames } from "../experiments/data";
import { EditExperiment } from "../experiments/edit";
import { py } from "../kit/code";
import { type Choice, ColumnPicker } from "../kit/columns";
import { CopyAs } from "../kit/copyas";
import { FilterBar } from "../kit/filterbar";
import { clock, count, iso, metric, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { useNarrow } from "../kit/media";
import { Empty, Failure, hint, Segments, Skeleton, Stale, Status } from "../kit/states";
import { DataTable } from "../kit/table";
import { may, useSession } from "../session/session";
import { SavedViews } from "../views/saved";
import { all, RunBulk } from "./bulk";
import { cells, keysOf, optional, suggest } from "./cells";
import { ChartPanel, drawn } from "./chartpanel";
import { colours } from "./colours";
import { columnId, type RunQuery, useFirstRuns, useRunColumns, useRunCount, useRuns, valueOf } from "./data";
import { and, type Item, parentTag, sortGroups, useChildCounts, useGroups, useItems } from "./items";
import { useLiveRuns } from "./liveruns";
import "./runs.css";
import { Scope } from "./scope";

const noRows: never[] = [];
const decoded = (s: string | undefined) => list(s).map(decodeURIComponent);
const encoded = (ids: string[]) => ids.map(encodeURIComponent).join(",") || undefined;

export default function RunsPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const go = useGo();
  const session = useSession();
  const narrow = useNarrow();
  const names = useExperimentNames(ws);
  const [picking, setPicking] = useState(false);
  const [editing, setEditing] = useState(false);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [now, setNow] = useState(() => Date.now());
  const exps = useMemo(() => list(search.exp), [search.exp]);
  const by = useMemo(() => decoded(search.group).slice(0, 3), [search.group]);
  const q = search.q ?? "", deleted = !!search.deleted, nested = search.nest === "1" && by.length === 0, sparks = search.spark === "1";
  const query = useMemo((): RunQuery => ({ ...(exps.length ? { experiment_ids: exps } : {}), ...(q ? { filter: q } : {}), lifecycle: deleted ? "deleted" : "active" }), [exps, q, deleted]);
  const topQuery = useMemo((): RunQuery => (nested ? { ...query, filter: and(query.filter, `${parentTag} IS NULL`) } : query), [query, nested]);
  const sort = search.sort ?? "-start_ms";

  // Which columns: those of the URL, else what is suggested once an experiment.
  const asked = useMemo(() => (search.cols !== undefined ? decoded(search.cols).filter((c) => c !== "none") : null), [search.cols]);
  const scope = useMemo((): RunQuery => ({ ...(exps.length ? { experiment_ids: exps } : {}), lifecycle: deleted ? "deleted" : "active" }), [exps, deleted]);
  const first = useFirstRuns(ws, scope, true);
  const common = useMemo(() => keysOf(first.data?.runs ?? noRows), [first.data]);
  const suggested = useMemo(() => suggest(common, first.data?.runs ?? noRows), [common, first.data]);
  const [wantKeys, setWantKeys] = useState(false);
  const keys = useRunColumns(ws, exps, picking || wantKeys);
  const known = keys.data?.columns ?? common;
  const chosen = asked ?? suggested;
  const columnsRead = useMemo(() => [...new Set([...(asked ?? common.filter((c) => c.kind !== "tag").map((c) => columnId(c.kind, c.key))), ...decoded(search.card)])].filter((c) => c.includes(".")), [asked, common, search.card]);
  const plain = !q && !nested && sort === "-start_ms" && asked === null;
  const rows = useRuns(ws, topQuery, sort, columnsRead, asked !== null || !!first.data || !!first.error, plain ? first.data : undefined);
  const data = useMemo(() => rows.data?.pages.flatMap((p) => p.runs) ?? noRows, [rows.data]);

  const tally = useRunCount(ws, query);
  const total = tally.data?.exact ? tally.data.count : null;
  const metricKeys = useMemo(() => chosen.filter((c) => c.startsWith("metrics.")).map((c) => c.slice(8)), [chosen]);
  const groups = useGroups(ws, query, by, metricKeys);
  const sortedGroups = useMemo(() => (by.length ? sortGroups(groups.data?.groups ?? noRows, search.gsort) : null), [by, groups.data, search.gsort]);
  const counts = useChildCounts(ws, query, nested);
  const items = useItems(ws, { query, sort, columns: columnsRead, rows: data, groups: sortedGroups, by, nested, counts, open });
  const runItems = useMemo(() => items.flatMap((i) => (i.kind === "run" ? [i.run] : [])), [items]);
  useRememberList("runs", useMemo(() => runItems.map((r) => r.run_id), [runItems]));

  const everything = search.sel === all;
  const selected = useMemo(() => (everything ? new Set(runItems.map((r) => r.run_id)) : new Set(list(search.sel))), [search.sel, everything, runItems]);
  const setSelected = (ids: ReadonlySet<string>) => set({ sel: [...ids].filter((id) => !id.startsWith("group:") && !id.includes(" ")).slice(0, 1000).join(",") || undefined }, { replace: true });
  const hidden = useMemo(() => new Set(list(search.hide)), [search.hide]);
  const hide = (id: string) => set({ hide: (hidden.has(id) ? [...hidden].filter((h) => h !== id) : [...hidden, id]).slice(-100).join(",") || undefined }, { replace: true });

  // The chart panel draws the selected runs, else the first of the table.
  const charting = search.chart !== undefined && !narrow;
  const chartKeys = useMemo(() => decoded(search.chart).filter((c) => c !== "none"), [search.chart]);
  const charted = useDeferredValue(useMemo(() => (charting ? (selected.size && !everything ? runItems.filter((r) => selected.has(r.run_id)) : runItems).slice(0, drawn) : noRows), [charting, runItems, selected, everything]));
  const styles = useMemo(() => colours(charted.map((r) => r.run_id)), [charted]);

  const atTop = useRef(true);
  const ids = useMemo(() => new Set(data.map((r) => r.run_id)), [data]);
  const live = useLiveRuns({ ws, query: topQuery, sort, columns: columnsRead, ids, still: () => atTop.current && sort === "-start_ms" && selected.size === 0 && open.size === 0 && by.length === 0 });
  const running = data.some((r) => r.status === "RUNNING");
  useEffect(() => { if (!running) return; const t = setInterval(() => setNow(Date.now()), 5_000); return () => clearInterval(t); }, [running]);

  const toggleOpen = (id: string) => setOpen((old) => { const next = new Set(old); if (!next.delete(id)) next.add(id); return next; });
  const columns = useMemo(() => cells({ ws, names, chosen, now, sparks, styles, hidden, by, groups: by.length > 0, onToggle: toggleOpen }), [ws, names, chosen, now, sparks, styles, hidden, by]);
  const one = exps.length === 1 ? names.get(exps[0]!) ?? data[0]?.experiment_name ?? `Experiment ${exps[0]}` : null;
  useCrumbs({ label: "Experiments", to: to(ws, "experiments") }, { label: one ?? "Runs" });
  const compare = () => { const pick = (everything ? runItems.map((r) => r.run_id) : [...selected]).slice(0, 100); if (pick.length > 0) go(`${to(ws, "runs", "compare")}?ids=${pick.join(",")}`); };
  useShortcut("compare", () => (selected.size > 0 ? compare() : toast("Select runs with x first")));
  useShortcut("columns", () => setPicking(true));

  const choices = useMemo((): Choice[] => (picking ? [...optional.map((id) => ({ id, label: id, group: "run" })), ...known.map((c) => {
    const id = columnId(c.kind, c.key), seen = new Set(data.slice(0, 1000).map((r) => String(valueOf(r, id))));
    return { id, label: c.key, group: c.kind, n: c.runs, ...(columnsRead.includes(id) ? { differs: seen.size > 1 } : {}) };
  })] : []), [picking, known, data, columnsRead]);
  const counted = tally.data ? `${tally.data.exact ? "" : "≥ "}${count(tally.data.count)}${tally.data.count !== tally.data.total ? ` of ${count(tally.data.total)}` : ""}` : undefined;
  const failing = (by.length ? groups.error : null) ?? rows.error ?? (asked === null ? first.error : null);
  const card = decoded(search.card)[0];
  const cardMetrics = useMemo(() => [...new Set([...(card ? [card] : []), ...columnsRead.filter((c) => c.startsWith("metrics."))])], [card, columnsRead]);

  return (
    <div className="page">
      <div className="page-head wrap">
        <h1 className="clip" dir="auto">{one ?? "Runs"}</h1><SavedViews page="runs" />
        <Scope exps={exps} names={names} />
        {exps.length === 1 && may(session, ws, "editor") && <button className="button" onClick={() => setEditing(true)}>Edit</button>}
        {exps.length > 0 && <A className="button" href={`${to(ws, "traces")}?exp=${exps.join(",")}`}><Icon name="traces" />Traces</A>}
        <span className="grow" />
        {!narrow && <Segments label="Lifecycle" value={deleted ? "deleted" : "active"} onChange={(v) => set({ deleted: v === "deleted" ? "1" : undefined, sel: undefined })} options={[["active", "Active"], ["deleted", "Deleted"]] as const} />}
        <CopyAs cli={["run", "list", ...(q ? ["--filter", q] : []), ...exps.flatMap((e) => ["--experiment", e])]}
          call={{ method: "POST", path: `/w/${encodeURIComponent(ws)}/runs/search`, body: { ...query, order_by: [sort] } }}
          mlflow={`print(mlflow.search_runs(${exps.length ? `experiment_ids=${py(exps)}` : "search_all_experiments=True"}, filter_string=${py(q)}))`} />
      </div>
      <div className="toolbar">
        <FilterBar entity="runs" value={q} onChange={(v) => set({ q: v, sel: undefined })} experiments={exps} error={failing} tally={counted} placeholder="Filter, e.g. metrics.rouge1 > 0.5 AND params.model = 'nova'" />
        <ViewTools {...{ by, nested, sparks, charting, metricKeys, narrow, cardMetrics, card }} wantKeys={() => setWantKeys(true)} groupable={[...known.filter((c) => c.kind !== "metric" && !c.key.startsWith("mlflow.")).slice(0, 300).map((c) => columnId(c.kind, c.key)), "status", "user"]} onColumns={() => setPicking(true)} />
      </div>
      {failing && rows.data ? <Stale error={failing} retry={() => void rows.refetch()} /> : null}
      {charting && <ChartPanel runs={charted} hidden={hidden} styles={styles} metrics={chartKeys} choices={known.filter((c) => c.kind === "metric").map((c) => c.key)} onMetrics={(m) => set({ chart: encoded(m) ?? "none" }, { replace: true })} />}
      <RunBulk query={query} selected={selected} everything={everything} total={total} loaded={runItems.length} deleted={deleted} editor={may(session, ws, "editor")} compare={compare} clear={() => set({ sel: undefined }, { replace: true })} selectAll={() => set({ sel: all }, { replace: true })} />
      <div className="list" style={{ position: "relative" }}>
        {live.fresh > 0 && <button className="pill" onClick={() => { live.show(); document.querySelector(".grid")?.scrollTo({ top: 0 }); }}>↑ <span className="tally-n">{count(live.fresh)}</span> new, click to show</button>}
        {rows.data === undefined ? (failing ? (q ? <div className="grow" /> : <Failure error={failing} retry={() => void rows.refetch()} />) : <div className="grow"><Skeleton rows={12} /></div>)
          : by.length > 0 && !groups.data ? <div className="grow"><Skeleton rows={12} /></div>
          : items.length === 0 ? (q || deleted || nested ? <Empty title={deleted && !q ? "Nothing was deleted" : "No run matches"} text={q ? "Try fewer conditions." : undefined} /> : <Empty title="No runs yet" text="Log one from any MLflow client:" code={`import mlflow\nmlflow.set_tracking_uri("${session.server.address}")\nwith mlflow.start_run(): mlflow.log_metric("rouge1", 0.41)`} />)
          : <DataTable<Item> name={by.length ? "runs.groups" : `runs.${search.exp ?? "all"}`} label="Runs" columns={columns} rows={items} getId={(i) => i.id} total={by.length || nested || open.size ? null : total}
              {...(by.length ? {} : { href: (i: Item) => to(ws, "runs", i.id) })} onOpen={(i) => (i.kind === "group" ? toggleOpen(i.id) : i.kind === "run" && go(to(ws, "runs", i.run.run_id)))}
              onHide={(i) => { if (i.kind === "run") hide(i.run.run_id); }} onTop={(top) => { atTop.current = top; }}
              {...(by.length ? {} : { more: { has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() } })}
              sort={by.length ? search.gsort : sort} onSort={(s) => set(by.length ? { gsort: s } : { sort: s === "-start_ms" ? undefined : s }, by.length ? { replace: true } : {})} selected={selected} onSelect={setSelected}
              card={(i) => <Card item={i} id={card ?? cardMetrics.find((c) => i.kind === "run" && valueOf(i.run, c) !== undefined)} />} />}
      </div>
      {by.length > 0 && groups.data?.more && <p className="muted label" style={{ padding: "4px 16px" }}>The {count(groups.data.groups.length)} largest groups are shown; a filter narrows them.</p>}
      {editing && exps[0] && <EditExperiment id={exps[0]} onClose={() => setEditing(false)} />}
      {picking && <ColumnPicker choices={choices} chosen={chosen} onChange={(ids) => set({ cols: encoded(ids) ?? "none" }, { replace: true })} onReset={() => set({ cols: undefined }, { replace: true })} onClose={() => setPicking(false)} />}
    </div>
  );
}

interface ToolsProps { by: string[]; nested: boolean; sparks: boolean; charting: boolean; metricKeys: string[]; groupable: string[]; narrow: boolean; cardMetrics: string[]; card: string | undefined; wantKeys: () => void; onColumns: () => void; }

/** How the table is laid out: groups, nesting, sparklines, charts, columns. */
function ViewTools({ by, nested, sparks, charting, metricKeys, groupable, narrow, cardMetrics, card, wantKeys, onColumns }: ToolsProps) {
  const { set } = useUrl();
  const replace = { replace: true };
  const bare = (id: string) => id.slice(id.indexOf(".") + 1);
  if (narrow) return cardMetrics.length > 0 ? <label className="row label muted">Metric<select className="input" value={card ?? ""} onChange={(e) => set({ card: e.target.value ? encodeURIComponent(e.target.value) : undefined }, replace)}><option value="">first of each run</option>{cardMetrics.map((c) => <option key={c} value={c}>{bare(c)}</option>)}</select></label> : null;
  return (
    <>
      <label className="row label muted">Group by<select className="input" style={{ maxWidth: 150 }} value="" onFocus={wantKeys} onChange={(e) => set({ group: encoded([...by, e.target.value]), nest: undefined }, replace)}>
        <option value="">{by.length ? "and by…" : "nothing"}</option>{groupable.filter((g) => !by.includes(g)).map((g) => <option key={g} value={g}>{g}</option>)}
      </select></label>
      {by.map((b) => <span key={b} className="chip accent">{bare(b)}<button aria-label={`Do not group by ${bare(b)}`} onClick={() => set({ group: encoded(by.filter((x) => x !== b)) }, replace)}><Icon name="close" size={10} /></button></span>)}
      <button className="button" aria-pressed={nested} disabled={by.length > 0} title="Nested runs beneath their parents" onClick={() => set({ nest: nested ? undefined : "1" }, replace)}>Nest</button>
      <button className="button" aria-pressed={sparks} title="The history of each metric in its cells" onClick={() => set({ spark: sparks ? undefined : "1" }, replace)}>Sparklines</button>
      <button className="button" aria-pressed={charting} onClick={() => set({ chart: charting ? undefined : encoded(metricKeys.slice(0, 3)) ?? "none" }, replace)}><Icon name="evaluations" />Chart</button>
      <button className="icon-button" aria-label="Columns" title={hint("Columns", "columns")} onClick={onColumns}><Icon name="columns" /></button>
    </>
  );
}

function Card({ item: i, id }: { item: Item; id: string | undefined }) {
  if (i.kind === "group") return <><b className="clip">{i.group.values.map((v) => v ?? "—").join(" · ")}</b><span className="muted label">{plural(i.group.runs, "run")}</span></>;
  if (i.kind === "note") return <span className="muted">{i.text}</span>;
  const v = id ? valueOf(i.run, id) : undefined;
  return (
    <>
      <span className="row"><b className="clip grow" dir="auto">{i.run.name || i.run.run_id.slice(0, 8)}</b><Status value={i.run.status} /></span>
      <span className="row muted label"><span className="clip grow" dir="auto">{id ? <>{id.slice(id.indexOf(".") + 1)} <b style={{ color: "var(--text)" }}>{metric(v)}</b></> : i.run.experiment_name}</span><time title={iso(i.run.start_ms)}>{clock(i.run.start_ms)}</time></span>
    </>
  );
}
