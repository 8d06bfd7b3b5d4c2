// The traces table: filter, time, histogram, facets, rows, peek, live.
import { useQueryClient } from "@tanstack/react-query";
import { A, useGo } from "../app/link";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { api } from "../api/client";
import { listen } from "../api/live";
import { useCrumbs } from "../app/crumbs";
import { Menu } from "../app/frame";
import { setPrefs, usePrefs } from "../app/prefs";
import { useShortcut } from "../app/shortcuts";
import { copy, toast, toastError } from "../app/toast";
import { list, to, useUrl, useWs } from "../app/url";
import { useRememberList } from "../app/walk";
import { useExperimentNames } from "../experiments/data";
import { ColumnPicker } from "../kit/columns";
import { FilterBar } from "../kit/filterbar";
import { hasClause, withClause, withoutClause } from "../kit/filter";
import { clock, cost, count, duration, full, gist, plural, short } from "../kit/format";
import { Histogram } from "../kit/histogram";
import { Icon } from "../kit/icons";
import { useNarrow } from "../kit/media";
import { Scores } from "../kit/score";
import { Chip, ConfirmName, Empty, Failure, hint, Skeleton, Stale, Status, Time } from "../kit/states";
import { Bulk, type Column, DataTable } from "../kit/table";
import { may, useSession } from "../session/session";
import { queryOf, sortOf, type TraceRow, tracesKey, useTraceCount, useTraceFacets, useTraceHistogram, useTraces } from "./data";
import { Peek } from "./peek";
import { SavedViews } from "../views/saved";

const ranges = [["", "All time"], ["-15m", "Last 15 min"], ["-1h", "Last hour"], ["-24h", "Last 24 hours"], ["-7d", "Last 7 days"], ["-30d", "Last 30 days"]] as const;
const errorClause = "status = 'ERROR'";
const standard = ["status", "name", "input", "output", "duration", "tokens", "cost", "scores"];

function columnsOf(ws: string, experiments: Map<string, string>, chosen: string[]): Column<TraceRow>[] {
  const link = (r: TraceRow, text: string) => <A className="name" href={to(ws, "traces", r.trace_id)} tabIndex={-1}>{text}</A>;
  const all: Record<string, Column<TraceRow>> = {
    status: { id: "status", header: "Status", width: 78, sort: "status", cell: (r) => <Status value={r.status} /> },
    name: { id: "name", header: "Name", width: 116, sort: "name", cell: (r) => link(r, r.name || "(unnamed)") },
    input: { id: "input", header: "Input", width: 190, cell: (r) => <span title={r.input_preview.slice(0, 300)}>{gist(r.input_preview)}</span> },
    output: { id: "output", header: "Output", width: 190, cell: (r) => <span title={r.output_preview.slice(0, 300)}>{gist(r.output_preview)}</span> },
    duration: { id: "duration", header: "Duration", width: 78, num: true, sort: "duration_ms", cell: (r) => <span title={`${full(r.duration_ms)} ms`}>{duration(r.duration_ms)}</span> },
    tokens: { id: "tokens", header: "Tokens", width: 66, num: true, sort: "tokens", cell: (r) => <span title={count(r.tokens.total)}>{short(r.tokens.total)}</span> },
    cost: { id: "cost", header: "Cost", width: 84, num: true, sort: "cost", cell: (r) => <span title={r.cost === null ? "no known price" : `${full(r.cost)} USD`}>{cost(r.cost)}</span> },
    scores: { id: "scores", header: "Scores", width: 220, cell: (r) => <Scores list={r.assessments} max={2} /> },
    spans: { id: "spans", header: "Spans", width: 70, num: true, cell: (r) => count(r.spans) },
    errors: { id: "errors", header: "Failed spans", width: 96, num: true, cell: (r) => count(r.errors) },
    models: { id: "models", header: "Models", width: 180, cell: (r) => r.models.join(", ") },
    session: { id: "session", header: "Session", width: 130, cell: (r) => (r.session ? <A href={`${to(ws, "traces")}?session=${encodeURIComponent(r.session)}`} tabIndex={-1}>{r.session}</A> : "") },
    user: { id: "user", header: "User", width: 120, cell: (r) => r.user ?? "" },
    experiment: { id: "experiment", header: "Experiment", width: 150, cell: (r) => experiments.get(r.experiment_id) ?? r.experiment_id },
    run: { id: "run", header: "Run", width: 110, cell: (r) => (r.run_id ? <A href={to(ws, "runs", r.run_id)} tabIndex={-1}>{r.run_id.slice(0, 8)}</A> : "") },
    id: { id: "id", header: "Trace id", width: 280, cell: (r) => <code>{r.trace_id}</code> },
  };
  const time: Column<TraceRow> = { id: "start", header: "Time", width: 104, pinned: true, sort: "start_ms", cell: (r) => <Time ms={r.start_ms} short={clock(r.start_ms)} /> };
  return [time, ...chosen.map((id): Column<TraceRow> => all[id] ?? { id, header: id, width: 130, cell: (r) => r.tags[id.replace(/^tag\./, "")] ?? "" })];
}

const pickable = ["status", "name", "input", "output", "duration", "tokens", "cost", "scores", "spans", "errors", "models", "session", "user", "experiment", "run", "id"];

export default function TracesPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const go = useGo();
  const client = useQueryClient();
  const session = useSession();
  const narrow = useNarrow();
  const prefs = usePrefs();
  const [minute, setMinute] = useState(() => Date.now());
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [dialog, setDialog] = useState<"columns" | "delete" | null>(null);
  const [menu, setMenu] = useState<"time" | "exp" | "copy" | null>(null);
  const [sheet, setSheet] = useState(false); // facets on a phone
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const top = useRef(true);
  useCrumbs({ label: "Traces" });

  const q = search.q ?? "";
  const query = useMemo(() => queryOf(search, minute), [search.q, search.exp, search.from, search.to, search.run, search.session, minute]);
  const sort = sortOf(search);
  const rows = useTraces(ws, query, sort);
  const tally = useTraceCount(ws, query);
  const bars = useTraceHistogram(ws, query, narrow ? 40 : 90);
  const facetsOn = narrow ? sheet : prefs.facets === "on";
  const facets = useTraceFacets(ws, query, facetsOn);
  const names = useExperimentNames(ws);
  const chosen = useMemo(() => (search.cols ? list(search.cols).map(decodeURIComponent) : standard), [search.cols]);
  const columns = useMemo(() => columnsOf(ws, names, chosen), [ws, names, chosen]);
  const data = useMemo(() => rows.data?.pages.flatMap((p) => p.traces) ?? [], [rows.data]);
  useRememberList("traces", useMemo(() => data.map((r) => r.trace_id), [data]));
  const missing = rows.data?.pages.flatMap((p) => p.missing ?? []) ?? [];
  const lag = rows.data?.pages[0]?.index_lag_ms;
  const peeked = search.peek;
  const live = search.live !== "off";

  const refresh = useCallback(() => {
    setFresh(new Set());
    setMinute(Date.now());
    // What was paged in beyond the first page is read again when scrolled to.
    client.setQueriesData({ queryKey: [...tracesKey(ws), "rows"] }, (old: { pages: unknown[]; pageParams: unknown[] } | undefined) => old && { pages: old.pages.slice(0, 1), pageParams: old.pageParams.slice(0, 1) });
    void client.invalidateQueries({ queryKey: tracesKey(ws) });
  }, [client, ws]);

  // A trace that is not among the rows is new to the reader, however it is announced.
  const shownIds = useRef<ReadonlySet<string>>(new Set());
  shownIds.current = useMemo(() => new Set(data.map((r) => r.trace_id)), [data]);
  // New traces wait behind the pill unless the reader is at the top, and then
  // come at most once in two seconds.
  useEffect(() => {
    if (!live) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = listen(ws, (c) => {
      if (c.kind !== "trace" && c.kind !== "reset") return;
      const exp = list(search.exp);
      if (c.kind === "trace" && exp.length && c.experiment_id && !exp.includes(c.experiment_id)) return;
      if (top.current) timer ??= setTimeout(() => { timer = undefined; refresh(); }, 2_000);
      else if (c.kind === "trace" && c.op !== "deleted" && !shownIds.current.has(c.id)) setFresh((old) => new Set(old).add(c.id));
    });
    return () => { off(); clearTimeout(timer); };
  }, [ws, live, search.exp, refresh]);

  const setFilter = (v: string) => set({ q: v, peek: undefined });
  const toggleErrors = () => setFilter(hasClause(q, errorClause) ? withoutClause(q, errorClause) : withClause(q, errorClause));
  useShortcut("errors", toggleErrors);
  useShortcut("facets", () => (narrow ? setSheet(!sheet) : setPrefs({ facets: prefs.facets === "on" ? "off" : "on" })));
  useShortcut("columns", () => setDialog("columns"));
  useShortcut("copyCode", () => setMenu("copy"));
  useShortcut("back", () => (peeked ? set({ peek: undefined }, { replace: true }) : false));

  async function remove() {
    try {
      const r = await api.post("/w/{ws}/traces/delete", { path: { ws }, body: { trace_ids: [...selected] } });
      toast(`${plural(r.deleted, "trace")} deleted`);
      setSelected(new Set());
      refresh();
    } catch (e) { toastError(e); }
  }

  const range = ranges.find(([v]) => v === (search.from ?? ""))?.[1] ?? (search.from ? `${clock(query.from_ms)} – ${query.to_ms ? clock(query.to_ms) : "now"}` : "All time");
  const exps = list(search.exp);
  const counted = tally.data ? `${tally.data.exact ? "" : "≥ "}${count(tally.data.count)}${tally.data.count !== tally.data.total ? ` of ${count(tally.data.total)}` : ""}` : undefined;
  const filtered = !!(q || exps.length || search.from || search.run || search.session);

  return (
    <div className="page">
      <div className="page-head">
        <h1>Traces</h1><SavedViews page="traces" />
        <Menu open={menu === "exp"} onToggle={(o) => setMenu(o ? "exp" : null)} label="Experiments" className="button" align="left" button={<>{exps.length === 0 ? "All experiments" : exps.length === 1 ? names.get(exps[0]!) ?? `Experiment ${exps[0]}` : `${exps.length} experiments`}<Icon name="down" size={10} /></>}>
          <div style={{ width: 260, maxHeight: 320, overflow: "auto" }}>
            <button className="menu-item" onClick={() => { set({ exp: undefined }); setMenu(null); }}>All experiments</button>
            {[...names].map(([id, name]) => <label key={id} className="menu-item"><input type="checkbox" checked={exps.includes(id)} onChange={() => set({ exp: (exps.includes(id) ? exps.filter((e) => e !== id) : [...exps, id]).join(",") })} /><span className="clip">{name}</span></label>)}
          </div>
        </Menu>
        <Menu open={menu === "time"} onToggle={(o) => setMenu(o ? "time" : null)} label="Time range" className="button" align="left" button={<><Icon name="clock" size={12} />{range}<Icon name="down" size={10} /></>}>
          {ranges.map(([v, label]) => <button key={v} className="menu-item" aria-current={v === (search.from ?? "")} onClick={() => { setMinute(Date.now()); set({ from: v, to: undefined }); setMenu(null); }}>{label}</button>)}
        </Menu>
        <button className="button live" aria-pressed={live} onClick={() => { set({ live: live ? "off" : undefined }, { replace: true }); setFresh(new Set()); }} title={live ? "New traces come in as they arrive" : "Paused"}><i />{live ? "Live" : "Paused"}</button>
        {search.session && <Chip tone="accent" onRemove={() => set({ session: undefined })} removeLabel="Remove session">session {search.session}</Chip>}
        {search.run && <Chip tone="accent" onRemove={() => set({ run: undefined })} removeLabel="Remove run">run {search.run.slice(0, 8)}</Chip>}
        <span className="grow" />
        {!narrow && <Menu open={menu === "copy"} onToggle={(o) => setMenu(o ? "copy" : null)} label="Copy as" className="button" button={<>Copy as<Icon name="down" size={10} /></>}>
          {copies(session.server.address, ws, query, sort).map(([label, text]) => <button key={label} className="menu-item" onClick={() => { setMenu(null); void copy(text, `Copied as ${label}`); }}>{label}</button>)}
        </Menu>}
        {!narrow && <button className="icon-button" aria-label="Columns" title={hint("Columns", "columns")} onClick={() => setDialog("columns")}><Icon name="columns" /></button>}
        <button className="icon-button" aria-label="Facets" aria-pressed={facetsOn} title={hint("Facets", "facets")} onClick={() => (narrow ? setSheet(!sheet) : setPrefs({ facets: prefs.facets === "on" ? "off" : "on" }))}><Icon name="filter" /></button>
      </div>
      <div className="toolbar">
        <FilterBar entity="traces" value={q} onChange={setFilter} experiments={exps} error={rows.error} tally={counted} placeholder="Filter, e.g. status = 'ERROR', or words to search for" />
      </div>
      {bars.data && bars.data.ok.length > 0 && <Histogram data={bars.data} onZoom={(from, till) => set({ from: String(Math.round(from)), to: String(Math.round(till)) })} height={narrow ? 40 : 56} />}
      {missing.length > 0 && <div className="banner warning"><Icon name="warning" />Shown is a part: {missing.join(", ")} could not be read.</div>}
      {lag ? <div className="banner info"><Icon name="clock" />Text of the last {duration(lag)} is still being indexed.</div> : null}
      {rows.error && rows.data ? <Stale error={rows.error} retry={() => void rows.refetch()} /> : null}
      <Bulk n={selected.size} clear={() => setSelected(new Set())}>
        <button className="button" onClick={() => void copy([...selected].join("\n"), "Ids copied")}><Icon name="copy" />Copy ids</button>
        {may(session, ws, "editor") && <button className="button danger" onClick={() => setDialog("delete")}><Icon name="trash" />Delete</button>}
      </Bulk>
      <div className="list" style={{ position: "relative" }}>
        {facetsOn && <Facets data={facets.data?.facets} exact={facets.data?.exact ?? true} q={q} onChange={setFilter} onClose={() => setSheet(false)} narrow={narrow} />}
        {fresh.size > 0 && <button className="pill" onClick={refresh}>↑ {count(fresh.size)} new, click to show</button>}
        {rows.data === undefined ? (rows.error && !(rows.error as { position?: unknown }).position ? <Failure error={rows.error} retry={() => void rows.refetch()} /> : rows.error ? <div className="grow" /> : <div className="grow"><Skeleton rows={12} /></div>)
          : data.length === 0 ? (filtered ? <Empty title="No trace matches" text="Try fewer conditions or a longer time."><button className="button" onClick={() => set({ q: undefined, exp: undefined, from: undefined, to: undefined, run: undefined, session: undefined })}>Clear all conditions</button></Empty> : <NoTraces address={session.server.address} />)
          : (
            <DataTable name="traces" label="Traces" columns={columns} rows={data} getId={(r) => r.trace_id} total={tally.data?.exact ? tally.data.count : null}
              href={(r) => to(ws, "traces", r.trace_id)} current={peeked}
              onOpen={(r) => go(to(ws, "traces", r.trace_id))}
              onPeek={(r) => set({ peek: peeked === r.trace_id ? undefined : r.trace_id }, { replace: true })}
              more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }}
              sort={sort} onSort={(s) => set({ sort: s.replace("start_ms", "start").replace("duration_ms", "duration").replace(/^-start$/, "") })}
              selected={selected} onSelect={setSelected} onTop={(t) => { top.current = t; }} card={TraceCard} cardHeight={88} />
          )}
        {peeked && <Peek id={peeked} onClose={() => set({ peek: undefined }, { replace: true })} />}
      </div>
      {dialog === "columns" && <ColumnPicker choices={[...pickable.map((id) => ({ id, label: id, group: "trace" })), ...tagsOf(data).map((t) => ({ id: `tag.${t}`, label: t, group: "tag" }))]} chosen={chosen}
        onChange={(ids) => set({ cols: ids.map(encodeURIComponent).join(",") }, { replace: true })} onReset={() => set({ cols: undefined }, { replace: true })} onClose={() => setDialog(null)} />}
      {dialog === "delete" && <ConfirmName title="Delete traces" name={`delete ${selected.size}`} consequence={`${plural(selected.size, "trace")} with all spans and scores will go.`} onConfirm={() => void remove()} onClose={() => setDialog(null)} />}
    </div>
  );
}

function tagsOf(rows: TraceRow[]): string[] {
  const out = new Set<string>();
  for (const r of rows) for (const k of Object.keys(r.tags)) out.add(k);
  return [...out].sort();
}

export function TraceCard(r: TraceRow) {
  return (
    <>
      <span className="row"><Status value={r.status} bare /><b className="clip grow">{r.name || "(unnamed)"}</b><span className="muted label"><Time ms={r.start_ms} short={clock(r.start_ms)} /></span></span>
      <span className="clip muted" dir="auto">{gist(r.input_preview) || "—"}</span>
      <span className="row label muted"><span>{duration(r.duration_ms)}</span>·<span>{cost(r.cost)}</span>{r.assessments.length > 0 && <span className="clip"><Scores list={r.assessments} max={2} /></span>}</span>
    </>
  );
}

function Facets({ data, exact, q, onChange, onClose, narrow }: { data: { field: string; more: boolean; values: { value: string; count: number; clause: string }[] }[] | undefined; exact: boolean; q: string; onChange: (q: string) => void; onClose: () => void; narrow: boolean }) {
  return (
    <aside className="facets" aria-label="Facets">
      {narrow && <div className="row" style={{ padding: "8px 8px 0 16px" }}><h2 className="grow">Facets</h2><button className="icon-button" aria-label="Close facets" onClick={onClose}><Icon name="close" /></button></div>}
      {!data ? <Skeleton rows={8} /> : data.filter((f) => f.values.length > 0).map((f) => {
        const max = Math.max(...f.values.map((v) => v.count));
        return (
          <section key={f.field} aria-label={f.field}>
            <h3>{label(f.field)}</h3>
            {f.values.map((v) => {
              const on = hasClause(q, v.clause);
              return (
                <button key={v.value} className="value" aria-pressed={on} title={v.clause} style={{ "--share": v.count / max } as React.CSSProperties} onClick={() => onChange(on ? withoutClause(q, v.clause) : withClause(q, v.clause))}>
                  {f.field === "status" ? <Status value={v.value} /> : <span className="clip" dir="auto">{v.value || "(empty)"}</span>}<span className="n">{short(v.count)}</span>
                </button>
              );
            })}
          </section>
        );
      })}
      {data && !exact && <p className="muted micro" style={{ padding: "8px 16px" }}>Counted over the newest traces only.</p>}
    </aside>
  );
}

function label(field: string): string {
  return field.startsWith("tag.") ? field.slice(4) : field.charAt(0).toUpperCase() + field.slice(1);
}

function copies(address: string, ws: string, query: ReturnType<typeof queryOf>, sort: string): [string, string][] {
  const body = JSON.stringify({ ...query, order_by: [sort], limit: 100 });
  const filter = [query.filter, query.from_ms ? `timestamp_ms >= ${query.from_ms}` : "", query.to_ms ? `timestamp_ms < ${query.to_ms}` : ""].filter(Boolean).join(" AND ");
  return [
    ["Link", location.href],
    ["Python", `import mlflow\n\nmlflow.set_tracking_uri(${JSON.stringify(address)})\ntraces = mlflow.search_traces(\n    experiment_ids=${JSON.stringify(query.experiment_ids ?? ["0"])},\n    filter_string=${JSON.stringify(filter)},\n    max_results=100,\n)\n`],
    ["curl", `curl -s ${address}/api/assay/v1/w/${encodeURIComponent(ws)}/traces/search \\\n  -H 'content-type: application/json' \\\n  -d '${body.replaceAll("'", "'\\''")}'\n`],
  ];
}

function NoTraces({ address }: { address: string }) {
  return (
    <Empty title="No traces yet" text="Point any MLflow or OTLP client here:" code={`import mlflow\nmlflow.set_tracking_uri("${address}")\nmlflow.langchain.autolog()   # or openai, anthropic, bedrock, …`}>
      <p className="muted">OTLP: <code>OTEL_EXPORTER_OTLP_ENDPOINT={address}</code>. Or fill this server with the sample: <code>assay demo --server {address}</code></p>
    </Empty>
  );
}
