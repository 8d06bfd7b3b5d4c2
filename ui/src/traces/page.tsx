// The traces page: scope, filter, histogram, and beneath them the table or
// the charts of what matches.
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { listen } from "../api/live";
import { useCrumbs } from "../app/crumbs";
import { useGo } from "../app/link";
import { setPrefs, usePrefs } from "../app/prefs";
import { useShortcut } from "../app/shortcuts";
import { list, to, useUrl, useWs } from "../app/url";
import { useRememberList } from "../app/walk";
import { useExperimentNames } from "../experiments/data";
import { ColumnPicker } from "../kit/columns";
import { CopyAs, type CopyAsProps } from "../kit/copyas";
import { FilterBar } from "../kit/filterbar";
import { hasClause, withClause, withoutClause } from "../kit/filter";
import { count, duration } from "../kit/format";
import { Histogram } from "../kit/histogram";
import { Icon } from "../kit/icons";
import { useNarrow } from "../kit/media";
import { Chip, Empty, Failure, hint, Segments, Skeleton, Stale } from "../kit/states";
import { DataTable } from "../kit/table";
import { useSession } from "../session/session";
import { SavedViews } from "../views/saved";
import { BulkBar, type Chosen } from "./bulk";
import { columnChoices, columnsOf, commonTags, standardColumns, TraceCard } from "./columns";
import { queryOf, sortNames, sortOf, type TraceQuery, tracesKey, useTraceCount, useTraceHistogram, useTraces } from "./data";
import { Facets } from "./facets";
import { filterOf } from "./filters";
import { Peek } from "./peek";
import { ScopeMenus, useNotices } from "./scope";
import "./traces.css";

const Charts = lazy(() => import("./charts"));
const errorClause = "status = 'ERROR'";

export default function TracesPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const narrow = useNarrow();
  const prefs = usePrefs();
  const [minute, setMinute] = useState(() => Date.now());
  const [columnsOpen, setColumnsOpen] = useState(false);
  const [sheet, setSheet] = useState(false); // facets on a phone
  const charts = search.tab === "charts";
  useCrumbs({ label: "Traces" });

  const q = search.q ?? "";
  const query = useMemo(() => queryOf(search, minute), [search.q, search.exp, search.from, search.to, search.run, search.session, minute]);
  const sort = sortOf(search);
  const tally = useTraceCount(ws, query);
  const bars = useTraceHistogram(ws, query, narrow ? 40 : 90);
  const notices = useNotices(search, sortNames, search.tab && !charts ? [`“${search.tab.slice(0, 40)}” is no tab here`] : []);
  const setFilter = (v: string) => set({ q: v, peek: undefined });
  const toggleErrors = () => setFilter(hasClause(q, errorClause) ? withoutClause(q, errorClause) : withClause(q, errorClause));
  const facetsOn = !charts && (narrow ? sheet : prefs.facets === "on");
  const toggleFacets = () => (narrow ? setSheet(!sheet) : setPrefs({ facets: prefs.facets === "on" ? "off" : "on" }));
  useShortcut("errors", toggleErrors);
  useShortcut("facets", toggleFacets);
  useShortcut("columns", !charts && (() => setColumnsOpen(true)));

  const live = search.live !== "off";
  const counted = tally.data ? `${tally.data.exact ? "" : "≥ "}${count(tally.data.count)}${tally.data.count !== tally.data.total ? ` of ${count(tally.data.total)}` : ""}` : undefined;
  return (
    <div className="page">
      <div className="page-head">
        <h1>Traces</h1><SavedViews page="traces" />
        <ScopeMenus search={search} set={set} onTime={() => setMinute(Date.now())} />
        <button className="button live" aria-pressed={live} onClick={() => set({ live: live ? "off" : undefined }, { replace: true })} title={live ? "New traces come in as they arrive" : "Paused"}><i />{live ? "Live" : "Paused"}</button>
        {search.session && <Chip tone="accent" onRemove={() => set({ session: undefined })} removeLabel="Remove session">session {search.session}</Chip>}
        {search.run && <Chip tone="accent" onRemove={() => set({ run: undefined })} removeLabel="Remove run">run {search.run.slice(0, 8)}</Chip>}
        <span className="grow" />
        <Segments label="Shown as" options={[["table", "Table"], ["charts", "Charts"]] as const} value={charts ? "charts" : "table"} onChange={(v) => set({ tab: v === "charts" ? v : undefined, peek: undefined })} />
        {!narrow && <CopyAs {...asCode(ws, query, sort)} />}
        {!narrow && !charts && <button className="icon-button" aria-label="Columns" title={hint("Columns", "columns")} onClick={() => setColumnsOpen(true)}><Icon name="columns" /></button>}
        {!charts && <button className="icon-button" aria-label="Facets" aria-pressed={facetsOn} title={hint("Facets", "facets")} onClick={toggleFacets}><Icon name="filter" /></button>}
      </div>
      {notices}
      <Rows {...{ search, set, query, sort, q, setFilter, charts, live, facetsOn, columnsOpen, narrow, counted }} tally={tally.data} since={bars.data ? bars.data.start_ms : undefined} setMinute={setMinute} closeColumns={() => setColumnsOpen(false)} closeFacets={() => setSheet(false)}
        histogram={bars.data?.ok.length ? <Histogram data={bars.data} onZoom={(from, till) => set({ from: String(Math.round(from)), to: String(Math.round(till)) })} height={narrow ? 40 : 56} /> : bars.data || bars.error ? null : <div className="histogram-space" style={{ height: narrow ? 62 : 80 }} />} />
    </div>
  );
}

interface RowsProps {
  search: Record<string, string | undefined>; set: ReturnType<typeof useUrl>["set"]; query: TraceQuery; sort: string; q: string; setFilter: (q: string) => void;
  charts: boolean; since: number | undefined; live: boolean; facetsOn: boolean; columnsOpen: boolean; narrow: boolean; counted: string | undefined;
  tally: { count: number; total: number; exact: boolean } | undefined; setMinute: (n: number) => void; closeColumns: () => void; closeFacets: () => void; histogram: React.ReactNode;
}

function Rows({ search, set, query, sort, q, setFilter, charts, since, live, facetsOn, columnsOpen, narrow, counted, tally, setMinute, closeColumns, closeFacets, histogram }: RowsProps) {
  const ws = useWs();
  const go = useGo();
  const session = useSession();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [matching, setMatching] = useState(false); // all that match, not only the rows loaded
  const rows = useTraces(ws, query, sort, 100);
  const data = useMemo(() => rows.data?.pages.flatMap((p) => p.traces) ?? [], [rows.data]);
  const peeked = search.peek;
  const { fresh, refresh, onTop } = useLive(ws, live && !charts, search.exp, data.map((r) => r.trace_id), setMinute);
  const names = useExperimentNames(ws);
  const chosen = useMemo(() => (search.cols ? list(search.cols).map(decoded) : standardColumns), [search.cols]);
  const columns = useMemo(() => columnsOf(ws, names, chosen), [ws, names, chosen]);
  const token = rows.data?.pages.at(-1)?.next_page_token;
  useRememberList("traces", useMemo(() => data.map((r) => r.trace_id), [data]), tally?.exact ? tally.count : null, token ? { ask: { ...query, order_by: [sort] }, token } : null);
  const first = rows.data?.pages[0];
  const tags = useMemo(() => commonTags(first?.traces ?? [], 4), [first]);
  const missing = rows.data?.pages.flatMap((p) => p.missing ?? []) ?? [];
  const lag = first?.index_lag_ms;
  const exps = list(search.exp), filtered = !!(q || exps.length || search.from || search.run || search.session);
  const clear = () => { setSelected(new Set()); setMatching(false); };
  useEffect(clear, [JSON.stringify(query)]); // a selection is of what was seen
  useShortcut("back", () => {
    if (peeked) set({ peek: undefined }, { replace: true });
    else if (selected.size || matching) clear();
    else return false;
  });
  const loaded = useMemo(() => new Set(data.map((r) => r.trace_id)), [data]);
  const picked: Chosen = matching && tally ? { query, count: tally.count, exact: tally.exact } : { ids: [...selected] };
  const more = !matching && tally && selected.size > 0 && tally.count > data.length && data.every((r) => selected.has(r.trace_id)) ? tally : null;
  const refused = rows.error as { position?: unknown } | null;

  return (
    <>
      <div className="toolbar">
        <FilterBar entity="traces" value={q} onChange={setFilter} experiments={exps} error={rows.error} tally={counted} placeholder="Filter, e.g. status = 'ERROR', or words to search for" />
      </div>
      {histogram}
      {missing.length > 0 && <div className="banner warning" role="status"><Icon name="warning" />Shown is a part: {missing.join(", ")} could not be read.</div>}
      {lag ? <div className="banner info" role="status"><Icon name="clock" />Text of the last {duration(lag)} is still being indexed.</div> : null}
      {rows.error && rows.data && !refused?.position ? <Stale error={rows.error} retry={() => void rows.refetch()} /> : null}
      <BulkBar chosen={picked} matching={more} onMatching={() => setMatching(true)} clear={clear} onDone={refresh} />
      <div className="list" style={{ position: "relative" }}>
        {facetsOn && <Facets query={query} tags={tags} q={q} onChange={setFilter} onClose={closeFacets} narrow={narrow} />}
        {fresh > 0 && !charts && <button className="pill" onClick={refresh}>↑ <span className="tally-n">{count(fresh)}</span> new, click to show</button>}
        {charts ? <Suspense fallback={<div className="grow"><Skeleton rows={8} /></div>}><Charts query={query} since={since} tags={tags} /></Suspense>
          : rows.data === undefined ? (rows.error && !refused?.position ? <Failure error={rows.error} retry={() => void rows.refetch()} /> : rows.error ? <div className="grow" /> : <div className="grow"><Skeleton rows={12} /></div>)
          : data.length === 0 ? (filtered ? <Empty title="No trace matches" text="Try fewer conditions or a longer time."><button className="button" onClick={() => set({ q: undefined, exp: undefined, from: undefined, to: undefined, run: undefined, session: undefined })}>Clear all conditions</button></Empty> : <NoTraces address={session.server.address} />)
          : (
            <DataTable name="traces" label="Traces" columns={columns} rows={data} getId={(r) => r.trace_id} total={tally?.exact ? tally.count : null}
              href={(r) => to(ws, "traces", r.trace_id)} current={peeked}
              onOpen={(r) => go(to(ws, "traces", r.trace_id))}
              onPeek={(r) => set({ peek: peeked === r.trace_id ? undefined : r.trace_id }, { replace: true })}
              more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }}
              sort={sort} onSort={(s) => set({ sort: s.replace("start_ms", "start").replace("duration_ms", "duration").replace(/^-start$/, "") })}
              selected={matching ? loaded : selected} onSelect={(ids) => { setMatching(false); setSelected(ids); }} onTop={onTop} card={TraceCard} cardHeight={88} />
          )}
        {peeked && !charts && <Peek id={peeked} onClose={() => set({ peek: undefined }, { replace: true })} />}
      </div>
      {columnsOpen && <ColumnPicker choices={columnChoices(data)} chosen={chosen} onChange={(ids) => set({ cols: ids.map(encodeURIComponent).join(",") }, { replace: true })} onReset={() => set({ cols: undefined }, { replace: true })} onClose={closeColumns} />}
    </>
  );
}

/**
 * New traces wait behind the pill unless the reader is at the top, and then
 * come at most once in two seconds; the counts around them follow slower.
 */
function useLive(ws: string, on: boolean, exp: string | undefined, shown: string[], setMinute: (n: number) => void) {
  const client = useQueryClient();
  const top = useRef(true);
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  // A trace that is not among the rows is new to the reader, however it is announced.
  const ids = useRef<ReadonlySet<string>>(new Set());
  ids.current = useMemo(() => new Set(shown), [shown.join()]);
  const counted = useRef(0);
  const load = useCallback((all: boolean) => {
    setFresh(new Set());
    setMinute(Date.now());
    // What was paged in beyond the first page is read again when scrolled to.
    client.setQueriesData({ queryKey: [...tracesKey(ws), "rows"] }, (old: { pages: unknown[]; pageParams: unknown[] } | undefined) => old && { pages: old.pages.slice(0, 1), pageParams: old.pageParams.slice(0, 1) });
    void client.invalidateQueries({ queryKey: [...tracesKey(ws), "rows"] });
    if (!all && Date.now() - counted.current < 10_000) return;
    counted.current = Date.now();
    void client.invalidateQueries({ queryKey: tracesKey(ws), predicate: (q) => q.queryKey[2] !== "rows" });
  }, [client, ws, setMinute]);
  useEffect(() => {
    if (!on) { setFresh(new Set()); return; }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = listen(ws, (c) => {
      if (c.kind !== "trace" && c.kind !== "reset") return;
      const exps = list(exp);
      if (c.kind === "trace" && exps.length && c.experiment_id && !exps.includes(c.experiment_id)) return;
      if (top.current) timer ??= setTimeout(() => { timer = undefined; if (top.current) load(false); }, 2_000);
      else if (c.kind === "trace" && c.op !== "deleted" && !ids.current.has(c.id)) setFresh((old) => new Set(old).add(c.id));
    });
    return () => { off(); clearTimeout(timer); };
  }, [ws, on, exp, load]);
  return { fresh: fresh.size, refresh: useCallback(() => load(true), [load]), onTop: (t: boolean) => { top.current = t; } };
}

function decoded(s: string): string {
  try { return decodeURIComponent(s); } catch { return s; }
}

/** The list in the words of the command line, the API and MLflow's client. */
function asCode(ws: string, query: TraceQuery, sort: string): CopyAsProps {
  const filter = [filterOf(query), query.from_ms ? `timestamp_ms >= ${query.from_ms}` : "", query.to_ms ? `timestamp_ms < ${query.to_ms}` : ""].filter(Boolean).join(" AND ");
  const times = [query.from_ms ? `timestamp_ms >= ${query.from_ms}` : "", query.to_ms ? `timestamp_ms < ${query.to_ms}` : ""].filter(Boolean);
  const own = [query.filter, ...times].filter(Boolean).join(" AND ");
  const words = ["trace", "list", ...(own ? ["--filter", own] : []), ...(query.q ? ["--search", query.q] : []), ...(query.session ? ["--session", query.session] : []), ...(query.run_id ? ["--run", query.run_id] : []),
    ...(query.experiment_ids ?? []).flatMap((e) => ["--experiment", e]), ...(sort === "-start_ms" ? [] : ["--order", sort])];
  const order = mlflowOrder[sort.replace(/^-/, "")];
  return {
    cli: words,
    call: { method: "POST", path: `/w/${ws}/traces/search`, body: { ...query, order_by: [sort], limit: 100 } },
    mlflow: `traces = mlflow.search_traces(\n${query.experiment_ids ? `    locations=${JSON.stringify(query.experiment_ids)},\n` : `    locations=[e.experiment_id for e in mlflow.search_experiments()],\n`}${filter ? `    filter_string=${JSON.stringify(filter)},\n` : ""}${order ? `    order_by=["${order} ${sort.startsWith("-") ? "DESC" : "ASC"}"],\n` : ""}    max_results=100,\n)\nprint(traces)`,
  };
}

const mlflowOrder: Record<string, string> = { start_ms: "timestamp_ms", duration_ms: "execution_time_ms", name: "name", status: "status" };

function NoTraces({ address }: { address: string }) {
  return (
    <Empty title="No traces yet" text="Point any MLflow or OTLP client here:" code={`import mlflow\nmlflow.set_tracking_uri("${address}")\nmlflow.langchain.autolog()   # or openai, anthropic, bedrock, …`}>
      <p className="muted">OTLP: <code>OTEL_EXPORTER_OTLP_ENDPOINT={address}</code>. Or fill this server with the sample: <code>assay demo --server {address}</code></p>
    </Empty>
  );
}
