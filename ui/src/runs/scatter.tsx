// Runs as points: any two params or metrics against each other, coloured by a
// third. A point opens its run; the table view says the same in words.
import { useMemo, useRef, useState } from "react";
import { A, useGo } from "../app/link";
import { to, useUrl, useWs } from "../app/url";
import { full, metric, plural } from "../kit/format";
import { Segments } from "../kit/states";
import { style } from "../kit/series";
import { type Axis, canLog, fit, place, ticks } from "./axis";
import { direction, type RunInfo } from "./data";
import { groupOf } from "./metrics";
import { useWidth } from "./width";

const height = 420, inset = 14, pad = { left: 64, right: 16, top: 12, bottom: 40 };
const x0 = pad.left + inset, y0 = pad.top + inset;

export interface PanelProps { runs: RunInfo[]; axes: Axis[]; shown: boolean[]; }

/** Metrics whose name says what is better lead, then whatever varies. */
export function preferred(axes: Axis[]): Axis[] {
  const rank = (a: Axis) => (a.kind === "metric" ? 0 : a.kind === "param" ? 1 : 2) + (a.numeric ? 0 : 0.5) + (a.lo === a.hi && a.numeric ? 3 : 0) + (a.kind === "metric" && direction(a.label) === 0 ? 0.2 : 0);
  return [...axes].sort((a, b) => rank(a) - rank(b));
}

export function AxisSelect({ axes, value, onChange, label, none }: { axes: Axis[]; value: string; onChange: (id: string) => void; label: string; none?: string }) {
  const groups = (["metric", "param", "attribute", "dataset", "tag"] as const).map((k) => [k, axes.filter((a) => a.kind === k)] as const).filter(([, list]) => list.length > 0);
  return (
    <label className="label muted">{label}
      <select className="input" value={value} onChange={(e) => onChange(e.target.value)}>
        {none && <option value="">{none}</option>}
        {groups.map(([k, list]) => <optgroup key={k} label={k}>{list.map((a) => <option key={a.id} value={a.id}>{a.label}</option>)}</optgroup>)}
      </select>
    </label>
  );
}

/** The colour of a run on an axis: its own, one per category, or a blue ramp. */
export function colourOf(a: Axis | undefined, run: number): string {
  if (!a) return `var(--${style(run).token})`;
  const v = a.values[run] ?? null;
  if (v === null) return "var(--unknown)";
  if (!a.numeric) return `var(--${style(a.categories.indexOf(String(v))).token})`;
  return `color-mix(in oklab, var(--cat-lm) ${Math.round(18 + 82 * place(a, v)!)}%, var(--hairline))`;
}

export function Scatter({ runs, axes, shown }: PanelProps) {
  const ws = useWs();
  const go = useGo();
  const { search, set } = useUrl();
  const host = useRef<HTMLDivElement>(null);
  const width = useWidth(host);
  const [hover, setHover] = useState<number | null>(null);
  const best = useMemo(() => preferred(axes), [axes]);
  const find = (id: string | undefined, otherwise: Axis | undefined) => axes.find((a) => a.id === id) ?? otherwise;
  const y = find(search.sy, best[0]), x = find(search.sx, y && (best.find((a) => a.numeric && a !== y && groupOf(a.label) !== groupOf(y.label) && a.values.join() !== y.values.join()) ?? best.find((a) => a !== y))), colour = find(search.sc, undefined);
  if (!x || !y) return <p className="muted" style={{ padding: 16 }}>A scatter needs two things that at least two of the runs have.</p>;
  const logX = search.slx === "1" && canLog(x), logY = search.sly === "1" && canLog(y);
  // A margin inside the frame, so that the extremes are whole marks.
  const w = Math.max(280, width) - pad.left - pad.right - 2 * inset, h = height - pad.top - pad.bottom - 2 * inset;
  const points = runs.map((r, i) => ({ r, i, px: place(x, x.values[i] ?? null, logX), py: place(y, y.values[i] ?? null, logY) }));
  const drawn = points.filter((p) => p.px !== null && p.py !== null && shown[p.i]);
  const lacking = points.filter((p) => shown[p.i] && (p.px === null || p.py === null)).length;
  const line = search.fit === "1" && x.numeric && y.numeric ? fit(drawn.map((p) => [p.px!, p.py!] as const)) : null;
  const at = (p: { px: number | null; py: number | null }) => [x0 + p.px! * w, y0 + (1 - p.py!) * h] as const;
  const asTable = search.st === "1";
  const spot = hover === null ? null : points[hover]!;
  const toggle = (key: string, on: boolean) => set({ [key]: on ? "1" : undefined }, { replace: true });
  return (
    <section aria-label="Scatter" style={{ minWidth: 0 }}>
      <div className="panel-tools">
        <AxisSelect axes={axes} label="Across" value={x.id} onChange={(v) => set({ sx: v }, { replace: true })} />
        {x.numeric && <label className="label muted"><input type="checkbox" disabled={!canLog(x)} checked={logX} onChange={(e) => toggle("slx", e.target.checked)} />log</label>}
        <AxisSelect axes={axes} label="Up" value={y.id} onChange={(v) => set({ sy: v }, { replace: true })} />
        {y.numeric && <label className="label muted"><input type="checkbox" disabled={!canLog(y)} checked={logY} onChange={(e) => toggle("sly", e.target.checked)} />log</label>}
        <AxisSelect axes={axes} label="Colour" none="each run its own" value={colour?.id ?? ""} onChange={(v) => set({ sc: v }, { replace: true })} />
        {x.numeric && y.numeric && <label className="label muted"><input type="checkbox" checked={search.fit === "1"} onChange={(e) => toggle("fit", e.target.checked)} />straight line</label>}
        <span className="grow" />
        <Segments label="Scatter as" value={asTable ? "table" : "plot"} onChange={(v) => toggle("st", v === "table")} options={[["plot", "Plot"], ["table", "Table"]] as const} />
      </div>
      <div ref={host} className="plot-box">
        {asTable ? <PointsTable points={drawn} x={x} y={y} colour={colour} ws={ws} /> : (
          <svg className="plot-svg" viewBox={`0 0 ${Math.max(280, width)} ${height}`} height={height} role="img" aria-label={`${y.label} against ${x.label}: ${plural(drawn.length, "run")}${lacking ? `, ${lacking} without a value` : ""}`}>
            {ticks(x, logX).map((t) => <g key={`x${t.at}`} transform={`translate(${x0 + t.at * w} 0)`}><line className="gridline" y1={pad.top} y2={y0 + h + inset} /><text y={height - 22} textAnchor="middle">{clip(t.text, x.numeric ? 10 : Math.max(6, Math.floor(w / 7 / Math.max(1, x.categories.length))))}</text></g>)}
            {ticks(y, logY).map((t) => <g key={`y${t.at}`} transform={`translate(0 ${y0 + (1 - t.at) * h})`}><line className="gridline" x1={pad.left} x2={x0 + w + inset} /><text x={pad.left - 6} textAnchor="end" dominantBaseline="central">{clip(t.text, 9)}</text></g>)}
            <text x={pad.left + w / 2} y={height - 4} textAnchor="middle">{x.label}{logX ? " (log)" : ""}</text>
            <text transform={`translate(12 ${pad.top + h / 2}) rotate(-90)`} textAnchor="middle">{y.label}{logY ? " (log)" : ""}</text>
            {line && <line className="fit" {...clipped(line.slope, line.intercept, w, h)} />}
            {drawn.map((p) => { const [cx, cy] = at(p); return (
              <g key={p.r.run_id} className={`mark${hover !== null && hover !== p.i ? " faded" : ""}`} transform={`translate(${cx} ${cy})`} style={{ color: colourOf(colour, p.i) }}
                onPointerEnter={() => setHover(p.i)} onPointerLeave={() => setHover(null)} onClick={() => go(to(ws, "runs", p.r.run_id))}>
                <circle r={11} fill="transparent" /><text>{colour ? "●" : style(p.i).mark}</text>
              </g>
            ); })}
          </svg>
        )}
        {spot && spot.px !== null && spot.py !== null && !asTable && <div className="plot-tip" style={{ top: Math.max(0, at(spot)[1] - 70), ...(at(spot)[0] > width / 2 ? { right: width - at(spot)[0] + 24 } : { left: at(spot)[0] + 28 }) }}><b>{spot.r.name || spot.r.run_id.slice(0, 8)}</b><br />{x.label}: {text(x, spot.i)}<br />{y.label}: {text(y, spot.i)}{colour && <><br />{colour.label}: {text(colour, spot.i)}</>}</div>}
      </div>
      <p className="muted label" style={{ padding: "4px 16px 12px" }}>
        {plural(drawn.length, "run")}{lacking > 0 && `, ${lacking} without a value on both axes`}
        {line && <> · {logX || logY ? "R² on the axes as drawn" : `slope ${metric(line.slope * ((y.hi - y.lo) / (x.hi - x.lo || 1)))}, R²`} {metric(line.r2)}, n {line.n}; a line through chosen runs, not evidence of a cause</>}
        {colour?.numeric && <> · pale {metric(colour.lo)} to strong {metric(colour.hi)}</>}
      </p>
      {colour && !colour.numeric && <div className="chips" style={{ padding: "0 16px 12px" }}>{colour.categories.map((c, i) => <span key={c} className="label"><span aria-hidden="true" style={{ color: `var(--${style(i).token})` }}>●</span> {c}</span>)}</div>}
    </section>
  );
}

const clip = (s: string, n: number) => (s.length > n ? `${s.slice(0, Math.max(1, n - 1))}…` : s);
export const text = (a: Axis, run: number) => { const v = a.values[run] ?? null; return v === null ? "—" : typeof v === "number" ? metric(v) : v; };

/** The fitted line inside the frame, in the coordinates of the drawing. */
function clipped(slope: number, intercept: number, w: number, h: number) {
  const ends = [0, 1].map((x) => [x, slope * x + intercept] as const).map(([x, y]) => {
    if (y < 0 && slope !== 0) return [-intercept / slope, 0] as const;
    if (y > 1 && slope !== 0) return [(1 - intercept) / slope, 1] as const;
    return [x, y] as const;
  });
  const [a, b] = ends as [readonly [number, number], readonly [number, number]];
  return { x1: x0 + a[0] * w, y1: y0 + (1 - a[1]) * h, x2: x0 + b[0] * w, y2: y0 + (1 - b[1]) * h };
}

function PointsTable({ points, x, y, colour, ws }: { points: { r: RunInfo; i: number }[]; x: Axis; y: Axis; colour: Axis | undefined; ws: string }) {
  const columns = [x, y, ...(colour ? [colour] : [])];
  return (
    <div className="card" style={{ maxHeight: height, overflow: "auto" }} tabIndex={0}>
      <table className="plain"><thead><tr><th scope="col">Run</th>{columns.map((a, k) => <th key={k} scope="col" className={a.numeric ? "num" : ""}>{a.label}</th>)}</tr></thead>
        <tbody>{points.map((p) => <tr key={p.r.run_id}><td><A href={to(ws, "runs", p.r.run_id)}>{p.r.name || p.r.run_id.slice(0, 8)}</A></td>{columns.map((a, k) => <td key={k} className={a.numeric ? "num" : ""} title={a.numeric ? full(a.values[p.i] as number) : undefined}>{text(a, p.i)}</td>)}</tr>)}</tbody></table>
    </div>
  );
}
