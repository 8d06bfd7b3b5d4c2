// Runs side by side: differences first, deltas against a baseline, curves laid
// over each other.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, type Schemas } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A } from "../app/link";
import { useShortcut } from "../app/shortcuts";
import { copy, toast } from "../app/toast";
import { list, to, useUrl, useWs } from "../app/url";
import { count, delta, full, metric, plural, toNumber, unknown } from "../kit/format";
import { Icon } from "../kit/icons";
import { style } from "../kit/series";
import { Empty, hint, Load, Segments, Status } from "../kit/states";
import { direction, type RunInfo, runsKey } from "./data";
import { Curves } from "./metrics";
import { SavedViews } from "../views/saved";

type Row = Schemas["CompareRow"];
const kinds: [Row["kind"], string][] = [["metric", "Metrics"], ["param", "Params"], ["dataset", "Datasets"], ["attribute", "Code and run"], ["tag", "Tags"]];

export default function ComparePage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const ids = useMemo(() => [...new Set(list(search.ids))].slice(0, 100), [search.ids]);
  useCrumbs({ label: "Experiments", to: to(ws, "experiments") }, { label: "Runs", to: to(ws, "runs") }, { label: `Compare ${ids.length}` });
  const result = useQuery({
    queryKey: [...runsKey(ws), "compare", ids],
    queryFn: ({ signal }) => api.post("/w/{ws}/runs/compare", { path: { ws }, body: { run_ids: ids }, signal }),
    enabled: ids.length > 0,
    placeholderData: keepPreviousData,
  });
  if (ids.length === 0) return <Empty title="Nothing to compare" text={<>Select runs in the <A href={to(ws, "runs")}>runs table</A> with <kbd>x</kbd>, then press <kbd>c</kbd>.</>} />;
  return (
    <div className="page">
      <Load query={result} rows={12}>{(d) => <Comparison runs={d.runs} rows={d.rows} missing={d.missing} drop={(id) => set({ ids: ids.filter((i) => i !== id).join(",") })} />}</Load>
    </div>
  );
}

function Comparison({ runs, rows, missing, drop }: { runs: RunInfo[]; rows: Row[]; missing: string[]; drop: (id: string) => void }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const all = search.show === "all", turned = search.turned === "1", curves = search.view === "curves";
  const [find, setFind] = useState("");
  const [focused, setFocused] = useState(0);
  // Without a choice, the first run that has the most to compare with: one that
  // failed early makes a poor baseline.
  const measured = runs.map((_, i) => rows.filter((r) => r.kind === "metric" && r.values[i] !== null).length);
  const asked = runs.findIndex((r) => r.run_id === search.base);
  const base = asked >= 0 ? asked : Math.max(0, measured.indexOf(Math.max(...measured)));
  const different = rows.filter((r) => r.differs);
  // One run differs from nothing: everything it has is shown.
  const shown = (all || runs.length < 2 ? rows : different).filter((r) => r.key.toLowerCase().includes(find.toLowerCase()));
  const metricKeys = useMemo(() => rows.filter((r) => r.kind === "metric").map((r) => r.key), [rows]);
  const curveRuns = useMemo(() => runs.map((r) => ({ id: r.run_id, label: r.name || r.run_id.slice(0, 8), start: r.start_ms })), [runs]);
  useShortcut("baseline", () => { const r = runs[focused]; if (r) { set({ base: r.run_id }, { replace: true }); toast(`Baseline: ${r.name}`); } });
  useShortcut("copyCode", () => void copy(asText(runs, shown), "Copied as a table"));
  const groups = kinds.map(([kind, label]) => ({ kind, label, rows: shown.filter((r) => r.kind === kind) })).filter((g) => g.rows.length);

  return (
    <>
      <div className="page-head">
        <h1>Compare {plural(runs.length, "run")}</h1><SavedViews page="compare" />
        <label className="row label">Baseline
          <select className="input" style={{ maxWidth: 260 }} value={runs[base]?.run_id} onChange={(e) => set({ base: e.target.value }, { replace: true })}>{runs.map((r) => <option key={r.run_id} value={r.run_id}>{r.name || r.run_id.slice(0, 8)}</option>)}</select>
        </label>
        <span className="grow" />
        <Segments label="View" value={curves ? "curves" : "table"} onChange={(v) => set({ view: v === "curves" ? v : undefined })} options={[["table", "Table"], ["curves", "Curves"]] as const} />
        {!curves && <Segments label="Rows" value={all ? "all" : "differences"} onChange={(v) => set({ show: v === "all" ? v : undefined }, { replace: true })} options={[["differences", `Differences ${count(different.length)}`], ["all", `All ${count(rows.length)}`]] as const} />}
        {!curves && <button className="icon-button" aria-pressed={turned} aria-label="Transpose" title="Transpose" onClick={() => set({ turned: turned ? undefined : "1" }, { replace: true })}><Icon name="swap" /></button>}
        <button className="icon-button" aria-label="Copy as a table" title={hint("Copy as a table", "copyCode")} onClick={() => void copy(asText(runs, shown), "Copied as a table")}><Icon name="copy" /></button>
      </div>
      {missing.length > 0 && <div className="banner warning"><Icon name="warning" />{plural(missing.length, "run")} could not be found: {missing.map((m) => m.slice(0, 8)).join(", ")}</div>}
      {curves ? <div className="page scroll"><div className="page-body"><Curves runs={curveRuns} keys={metricKeys} /></div></div> : (
        <>
          <div className="toolbar"><input className="input" style={{ width: 240 }} aria-label="Find a row" placeholder="Find a row" value={find} onChange={(e) => setFind(e.target.value)} />
            {!all && runs.length > 1 && <span className="muted label">{plural(rows.length - different.length, "row")} the same, <button className="link" onClick={() => set({ show: "all" }, { replace: true })}>show</button></span>}</div>
          {shown.length === 0 ? <Empty title={find ? "No row matches" : "These runs do not differ"} text={find ? undefined : `They share all ${count(rows.length)} rows.`} /> : (
            <div className="compare" tabIndex={0} role="region" aria-label="Comparison">
              {turned ? (
                <table>
                  <thead><tr><th scope="col">Run</th>{groups.flatMap((g) => g.rows.map((r) => <th key={`${g.kind} ${r.key}`} scope="col" title={g.label} dir="auto">{r.key}</th>))}</tr></thead>
                  <tbody>{runs.map((r, i) => <tr key={r.run_id}><th scope="row"><RunLabel run={r} i={i} ws={ws} base={i === base} /></th>{groups.flatMap((g) => g.rows.map((row) => <Cell key={`${g.kind} ${row.key}`} row={row} i={i} base={base} />))}</tr>)}</tbody>
                </table>
              ) : (
                <table>
                  <thead><tr><th scope="col"><span className="muted">{plural(shown.length, "row")}</span></th>{runs.map((r, i) => (
                    <th key={r.run_id} scope="col" onFocus={() => setFocused(i)} onMouseEnter={() => setFocused(i)}>
                      <span className="row" style={{ gap: 4 }}><RunLabel run={r} i={i} ws={ws} base={i === base} />{runs.length > 1 && <button className="icon-button" style={{ minWidth: 20, height: 20, padding: 0 }} aria-label={`Take ${r.name} out`} onClick={() => drop(r.run_id)}><Icon name="close" size={10} /></button>}</span>
                      <span className="row" style={{ gap: 8 }}><Status value={r.status} />{i !== base && <button className="link micro" onClick={() => set({ base: r.run_id }, { replace: true })} title={hint("Make it the baseline", "baseline")}>make baseline</button>}</span>
                    </th>
                  ))}</tr></thead>
                  <tbody>{groups.map((g) => [
                    <tr key={g.kind} className="section"><th scope="rowgroup" colSpan={runs.length + 1}>{g.label} <span className="muted">{g.rows.length}</span></th></tr>,
                    ...g.rows.map((row) => <tr key={`${g.kind} ${row.key}`}><th scope="row" dir="auto" title={row.key}>{row.key}</th>{runs.map((r, i) => <Cell key={r.run_id} row={row} i={i} base={base} />)}</tr>),
                  ])}</tbody>
                </table>
              )}
            </div>
          )}
        </>
      )}
    </>
  );
}

function RunLabel({ run, i, ws, base }: { run: RunInfo; i: number; ws: string; base: boolean }) {
  const st = style(i);
  return (
    <span className="row" style={{ gap: 6 }}>
      <span aria-hidden="true" style={{ color: `var(--${st.token})` }}>{st.mark}</span>
      <A href={to(ws, "runs", run.run_id)} className="clip" title={`${run.experiment_name} / ${run.name}`} style={{ color: "var(--text)", fontWeight: 600 }}>{run.name || run.run_id.slice(0, 8)}</A>
      {base && <span className="chip accent">baseline</span>}
    </span>
  );
}

function Cell({ row, i, base }: { row: Row; i: number; base: number }) {
  const v = row.values[i];
  const className = i === base ? "base" : undefined;
  if (v === null || v === undefined) return <td className={className}><span className="muted" aria-label="none">{unknown}</span></td>;
  if (row.kind !== "metric") return <td className={className} dir="auto" title={String(v)}>{String(v)}</td>;
  const b = row.values[base], d = toNumber(v) - toNumber(b ?? NaN), way = direction(row.key) * Math.sign(d);
  return (
    <td className={className} title={full(v)}>
      {metric(v)}
      {i !== base && Number.isFinite(d) && d !== 0 && (
        <span className={`delta ${way > 0 ? "better" : way < 0 ? "worse" : ""}`} title={`${way > 0 ? "better" : way < 0 ? "worse" : "different"} than the baseline${toNumber(b) ? ` by ${((d / Math.abs(toNumber(b))) * 100).toFixed(1)}%` : ""}; single runs, no interval`}>
          <i>{d > 0 ? "▲" : "▼"}</i> {delta(d)}
        </span>
      )}
    </td>
  );
}

/** Tab-separated, to paste into a sheet. */
function asText(runs: RunInfo[], rows: Row[]): string {
  const clean = (v: unknown) => (v === null || v === undefined ? "" : String(v).replace(/[\t\n]/g, " "));
  return [["kind", "key", ...runs.map((r) => r.name || r.run_id)], ...rows.map((r) => [r.kind, r.key, ...r.values.map(clean)])].map((l) => l.join("\t")).join("\n");
}
