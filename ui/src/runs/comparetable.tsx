// Params, metrics, datasets and code of runs as a table: differences first,
// deltas against a baseline.
import { A } from "../app/link";
import type { Schemas } from "../api/client";
import { to, useWs } from "../app/url";
import { delta, full, metric, plural, toNumber, unknown } from "../kit/format";
import { Icon } from "../kit/icons";
import { style } from "../kit/series";
import { hint, Status } from "../kit/states";
import { direction, type RunInfo } from "./data";

export type Row = Schemas["CompareRow"];
const kinds: [Row["kind"], string][] = [["metric", "Metrics"], ["param", "Params"], ["dataset", "Datasets"], ["attribute", "Code and run"], ["tag", "Tags"]];

interface Props {
  runs: RunInfo[];
  rows: Row[]; // those to show
  shown: boolean[]; // runs that pass the brush
  base: number;
  turned: boolean;
  onBase: (id: string) => void;
  onFocus: (run: number) => void;
  drop: (id: string) => void;
}

export function CompareTable({ runs, rows, shown, base, turned, onBase, onFocus, drop }: Props) {
  const ws = useWs();
  const groups = kinds.map(([kind, label]) => ({ kind, label, rows: rows.filter((r) => r.kind === kind) })).filter((g) => g.rows.length);
  const seen = runs.map((r, i) => ({ r, i })).filter(({ i }) => shown[i]);
  return (
    <div className="compare" tabIndex={0} role="region" aria-label="Comparison">
      {turned ? (
        <table>
          <thead><tr><th scope="col">Run</th>{groups.flatMap((g) => g.rows.map((r) => <th key={`${g.kind} ${r.key}`} scope="col" title={g.label} dir="auto">{r.key}</th>))}</tr></thead>
          <tbody>{seen.map(({ r, i }) => <tr key={r.run_id}><th scope="row"><RunLabel run={r} i={i} ws={ws} base={i === base} /></th>{groups.flatMap((g) => g.rows.map((row) => <Cell key={`${g.kind} ${row.key}`} row={row} i={i} base={base} />))}</tr>)}</tbody>
        </table>
      ) : (
        <table>
          <thead><tr><th scope="col"><span className="muted">{plural(rows.length, "row")}</span></th>{seen.map(({ r, i }) => (
            <th key={r.run_id} scope="col" onFocus={() => onFocus(i)} onMouseEnter={() => onFocus(i)}>
              <span className="row" style={{ gap: 4 }}><RunLabel run={r} i={i} ws={ws} base={i === base} />{runs.length > 1 && <button className="icon-button" style={{ minWidth: 20, height: 20, padding: 0 }} aria-label={`Take ${r.name} out`} onClick={() => drop(r.run_id)}><Icon name="close" size={10} /></button>}</span>
              <span className="row" style={{ gap: 8 }}><Status value={r.status} />{i !== base && <button className="link micro" onClick={() => onBase(r.run_id)} title={hint("Make it the baseline", "baseline")}>make baseline</button>}</span>
            </th>
          ))}</tr></thead>
          <tbody>{groups.map((g) => [
            <tr key={g.kind} className="section"><th scope="rowgroup" colSpan={seen.length + 1}>{g.label} <span className="muted">{g.rows.length}</span></th></tr>,
            ...g.rows.map((row) => <tr key={`${g.kind} ${row.key}`}><th scope="row" dir="auto" title={row.key}>{row.key}</th>{seen.map(({ r, i }) => <Cell key={r.run_id} row={row} i={i} base={base} />)}</tr>),
          ])}</tbody>
        </table>
      )}
    </div>
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
  if (row.kind !== "metric") return <td className={className} dir="auto" title={String(v)}>{String(v).length > 600 ? `${String(v).slice(0, 600)}…` : String(v)}</td>;
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
export function asText(runs: RunInfo[], rows: Row[]): string {
  const clean = (v: unknown) => (v === null || v === undefined ? "" : String(v).replace(/[\t\n]/g, " "));
  return [["kind", "key", ...runs.map((r) => r.name || r.run_id)], ...rows.map((r) => [r.kind, r.key, ...r.values.map(clean)])].map((l) => l.join("\t")).join("\n");
}
