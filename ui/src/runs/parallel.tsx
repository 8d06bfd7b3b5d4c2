// Parallel coordinates: a line per run over axes of numbers and categories.
// Dragging along an axis brushes it, which filters every panel of the
// comparison; the list beneath does the same from the keyboard, and is where
// axes are put in order.
import { type PointerEvent, useMemo, useRef, useState } from "react";
import { useGo } from "../app/link";
import { list, to, useUrl, useWs } from "../app/url";
import { metric, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Segments } from "../kit/states";
import { style } from "../kit/series";
import { A } from "../app/link";
import { type Axis, type Brush, canLog, place, ticks, valueAt } from "./axis";
import { AxisSelect, colourOf, type PanelProps, preferred, text } from "./scatter";
import { useWidth } from "./width";

const height = 400, top = 44, bottom = 20, side = 70;
const coloured = 20; // beyond that, only what is hovered or brushed has a colour

export function Parallel({ runs, axes, shown, brush, onBrush }: PanelProps & { brush: Brush; onBrush: (b: Brush) => void }) {
  const { search, set } = useUrl();
  const chosen = useMemo(() => {
    const byId = new Map(axes.map((a) => [a.id, a])), asked = list(search.ax).map(decodeURIComponent).flatMap((id) => byId.get(id) ?? []);
    if (asked.length) return asked;
    const best = preferred(axes).filter((a) => (a.numeric ? a.lo !== a.hi : a.categories.length > 1));
    return [...best.filter((a) => a.kind === "param").slice(0, 4), ...best.filter((a) => a.kind === "metric").slice(0, 4)];
  }, [axes, search.ax]);
  const logs = useMemo(() => new Set(list(search.axl).map(decodeURIComponent)), [search.axl]);
  const colour = axes.find((a) => a.id === search.sc);
  const order = (ids: string[]) => set({ ax: ids.map(encodeURIComponent).join(",") || undefined }, { replace: true });
  const asTable = search.pt === "1";
  const [shuffled, setShuffled] = useState<string | null>(null);
  const left = shown.filter(Boolean).length;
  if (axes.length < 2) return <p className="muted" style={{ padding: 16 }}>Parallel coordinates need two things that at least two of the runs have.</p>;
  const move = (id: string, by: number) => {
    const ids = chosen.map((a) => a.id), i = ids.indexOf(id), j = i + by;
    if (j < 0 || j >= ids.length) return;
    [ids[i], ids[j]] = [ids[j]!, ids[i]!];
    order(ids);
    setShuffled(`${chosen[i]!.label} is axis ${j + 1} of ${ids.length}`);
  };
  return (
    <section aria-label="Parallel coordinates" style={{ minWidth: 0 }}>
      <div className="panel-tools">
        <AxisSelect axes={axes.filter((a) => !chosen.includes(a))} label="Add an axis" none="choose" value="" onChange={(v) => v && order([...chosen.map((a) => a.id), v])} />
        <AxisSelect axes={axes} label="Colour" none="each run its own" value={colour?.id ?? ""} onChange={(v) => set({ sc: v }, { replace: true })} />
        <span className="muted label" role="status">{shuffled ?? (left < runs.length ? `${left} of ${plural(runs.length, "run")} pass` : plural(runs.length, "run"))}</span>
        <span className="grow" />
        <Segments label="Parallel coordinates as" value={asTable ? "table" : "plot"} onChange={(v) => set({ pt: v === "table" ? "1" : undefined }, { replace: true })} options={[["plot", "Plot"], ["table", "Table"]] as const} />
      </div>
      {asTable ? <Values runs={runs} axes={chosen} shown={shown} /> : <Lines {...{ runs, chosen, shown, logs, colour, brush, onBrush, move }} />}
      <h3 style={{ padding: "8px 16px" }}>Axes and their filters</h3>
      <ul className="axis-list">
        {chosen.map((a, i) => (
          <AxisItem key={a.id} axis={a} log={logs.has(a.id)} brush={brush[a.id]} first={i === 0} last={i === chosen.length - 1} move={(by) => move(a.id, by)}
            remove={() => order(chosen.filter((x) => x !== a).map((x) => x.id))}
            onLog={(on) => set({ axl: [...logs].filter((l) => l !== a.id).concat(on ? [a.id] : []).map(encodeURIComponent).join(",") || undefined }, { replace: true })}
            onBrush={(b) => { const next = { ...brush }; if (b) next[a.id] = b; else delete next[a.id]; onBrush(next); }} />
        ))}
      </ul>
    </section>
  );
}

interface LinesProps { runs: PanelProps["runs"]; chosen: Axis[]; shown: boolean[]; logs: Set<string>; colour: Axis | undefined; brush: Brush; onBrush: (b: Brush) => void; move: (id: string, by: number) => void; }

function Lines({ runs, chosen, shown, logs, colour, brush, onBrush, move }: LinesProps) {
  const ws = useWs();
  const go = useGo();
  const host = useRef<HTMLDivElement>(null);
  const measured = useWidth(host);
  const width = Math.max(measured, chosen.length * 96);
  const [hover, setHover] = useState<number | null>(null);
  const [drag, setDrag] = useState<{ id: string; from: number; to: number } | null>(null);
  const [carried, setCarried] = useState<{ id: string; x: number } | null>(null);
  const step = chosen.length > 1 ? (width - 2 * side) / (chosen.length - 1) : 0;
  const h = height - top - bottom;
  const xOf = (i: number) => side + i * step;
  const yOf = (t: number) => top + (1 - t) * h;
  const many = runs.length > coloured;
  const path = (run: number) => {
    let d = "", pen = false;
    chosen.forEach((a, i) => {
      const t = place(a, a.values[run] ?? null, logs.has(a.id));
      if (t === null) { pen = false; return; } // a missing value is a gap
      d += `${pen ? "L" : "M"}${xOf(i)} ${yOf(t)}`;
      pen = true;
    });
    return d;
  };
  const at = (e: PointerEvent<SVGElement>) => {
    const r = e.currentTarget.ownerSVGElement!.getBoundingClientRect();
    return { x: ((e.clientX - r.left) / r.width) * width, t: Math.max(0, Math.min(1, 1 - (((e.clientY - r.top) / r.height) * height - top) / h)) };
  };
  const finish = (a: Axis, from: number, to: number) => {
    const next = { ...brush }, lo = Math.min(from, to), hi = Math.max(from, to);
    if (hi - lo < 0.015) delete next[a.id];
    else if (a.numeric) next[a.id] = [valueAt(a, lo, logs.has(a.id)), valueAt(a, hi, logs.has(a.id))];
    else next[a.id] = a.categories.filter((c) => { const t = place(a, c)!; return t >= lo && t <= hi; });
    onBrush(next);
  };
  const brushed = (a: Axis): [number, number] | null => {
    if (drag?.id === a.id) return [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    const b = brush[a.id];
    if (!b) return null;
    if (a.numeric) return [place(a, Math.max(a.lo, Number(b[0])), logs.has(a.id)) ?? 0, place(a, Math.min(a.hi, Number(b[1])), logs.has(a.id)) ?? 1];
    const ts = (b as string[]).map((c) => place(a, c)).filter((t) => t !== null);
    return ts.length ? [Math.min(...ts) - 0.02, Math.max(...ts) + 0.02] : null;
  };
  return (
    <div ref={host} className="plot-box" style={{ overflowX: "auto" }} tabIndex={measured < width ? 0 : -1}>
      <svg className="plot-svg" viewBox={`0 0 ${width} ${height}`} style={{ width, height }} role="img" aria-label={`${plural(runs.length, "run")} over ${chosen.map((a) => a.label).join(", ")}`}>
        {runs.map((r, i) => ({ r, i })).sort((a, b) => Number(shown[a.i]) - Number(shown[b.i]) || Number(a.i === hover) - Number(b.i === hover)).map(({ r, i }) => (
          <path key={r.run_id} d={path(i)} className={`line${!shown[i] ? " out" : ""}${hover !== null && hover !== i ? " faded" : ""}${hover === i ? " hot" : ""}`}
            style={shown[i] ? { color: many && !colour && hover !== i ? "var(--control)" : colourOf(colour, i), strokeDasharray: colour ? undefined : style(i).dash.join(" ") } : undefined}
            onPointerEnter={() => setHover(i)} onPointerLeave={() => setHover(null)} onClick={() => go(to(ws, "runs", r.run_id))}><title>{r.name || r.run_id}</title></path>
        ))}
        {chosen.map((a, i) => {
          const span = brushed(a), x = carried?.id === a.id ? carried.x : xOf(i);
          return (
            <g key={a.id}>
              <line className="axis-line" x1={x} x2={x} y1={top} y2={top + h} />
              {ticks(a, logs.has(a.id)).map((t) => <text key={t.at} x={x + 6} y={yOf(t.at)} dominantBaseline="central" style={{ pointerEvents: "none", paintOrder: "stroke", stroke: "var(--bg)", strokeWidth: 3 }}>{short(t.text, 15)}</text>)}
              <rect x={x - 12} y={top} width={24} height={h} fill="transparent" style={{ cursor: "crosshair", touchAction: "none" }}
                onPointerDown={(e) => { const { t } = at(e); e.currentTarget.setPointerCapture(e.pointerId); setDrag({ id: a.id, from: t, to: t }); }}
                onPointerMove={(e) => { if (drag?.id === a.id) setDrag({ ...drag, to: at(e).t }); }}
                onPointerUp={() => { if (drag?.id === a.id) { finish(a, drag.from, drag.to); setDrag(null); } }} onPointerCancel={() => setDrag(null)} />
              {span && <rect className="brushed" x={x - 8} width={16} y={yOf(span[1])} height={Math.max(3, (span[1] - span[0]) * h)} style={{ pointerEvents: "none" }} />}
              <text x={x} y={20} textAnchor="middle" style={{ fill: "var(--text)", fontWeight: 600, cursor: "grab", touchAction: "none" }}
                onPointerDown={(e) => { e.currentTarget.setPointerCapture(e.pointerId); setCarried({ id: a.id, x: xOf(i) }); }}
                onPointerMove={(e) => { if (carried?.id === a.id) setCarried({ id: a.id, x: at(e).x }); }}
                onPointerUp={() => { if (carried?.id === a.id && step) { const by = Math.round((carried.x - xOf(i)) / step); for (let k = 0; k < Math.abs(by); k++) move(a.id, Math.sign(by)); } setCarried(null); }}>
                <title>{a.label}: drag to move the axis</title>{short(a.label, Math.max(10, Math.floor(step / 7)))}
              </text>
              <text x={x} y={34} textAnchor="middle">{logs.has(a.id) ? "log" : ""}</text>
            </g>
          );
        })}
      </svg>
      {hover !== null && <p className="label" style={{ minHeight: 16 }} role="status"><b>{runs[hover]!.name || runs[hover]!.run_id.slice(0, 8)}</b> {chosen.map((a) => <span key={a.id} className="muted"> · {a.label} {text(a, hover)}</span>)}</p>}
      {hover === null && <p className="label muted" style={{ minHeight: 16 }}>Drag along an axis to filter; drag its name to move it.</p>}
    </div>
  );
}

/** The end of a long key tells it apart. */
const short = (s: string, n: number) => (s.length > n ? `…${s.slice(s.length - n + 1)}` : s);

interface ItemProps { axis: Axis; log: boolean; brush: [number, number] | string[] | undefined; first: boolean; last: boolean; move: (by: number) => void; remove: () => void; onLog: (on: boolean) => void; onBrush: (b: [number, number] | string[] | undefined) => void; }

function AxisItem({ axis: a, log, brush, first, last, move, remove, onLog, onBrush }: ItemProps) {
  const range = a.numeric ? (brush as [number, number] | undefined) : undefined;
  const picked = a.numeric ? [] : (brush as string[] | undefined) ?? a.categories;
  const edge = (k: 0 | 1, value: string) => {
    const v = value === "" ? (k === 0 ? a.lo : a.hi) : Number(value);
    if (!Number.isFinite(v)) return;
    const next: [number, number] = [range?.[0] ?? a.lo, range?.[1] ?? a.hi];
    next[k] = v;
    onBrush(next[0] <= a.lo && next[1] >= a.hi ? undefined : next);
  };
  return (
    <li className="axis-item">
      <div className="row" style={{ gap: 2 }}>
        <b className="clip grow" dir="auto" title={a.label}>{a.label}</b>
        <button className="icon-button" disabled={first} aria-label={`Move ${a.label} left`} onClick={() => move(-1)}><Icon name="left" size={12} /></button>
        <button className="icon-button" disabled={last} aria-label={`Move ${a.label} right`} onClick={() => move(1)}><Icon name="right" size={12} /></button>
        <button className="icon-button" aria-label={`Take ${a.label} away`} onClick={remove}><Icon name="close" size={12} /></button>
      </div>
      {a.numeric ? (
        <div className="row wrap" style={{ gap: 4 }}>
          <input className="input" type="number" step="any" aria-label={`${a.label} from`} placeholder={metric(a.lo)} key={`lo${range?.[0]}`} defaultValue={range ? Number(range[0].toPrecision(6)) : ""} onBlur={(e) => edge(0, e.target.value)} onKeyDown={(e) => { if (e.key === "Enter") edge(0, e.currentTarget.value); }} />
          <span className="muted">to</span>
          <input className="input" type="number" step="any" aria-label={`${a.label} to`} placeholder={metric(a.hi)} key={`hi${range?.[1]}`} defaultValue={range ? Number(range[1].toPrecision(6)) : ""} onBlur={(e) => edge(1, e.target.value)} onKeyDown={(e) => { if (e.key === "Enter") edge(1, e.currentTarget.value); }} />
          {canLog(a) && <label className="label muted row" style={{ gap: 4 }}><input type="checkbox" checked={log} onChange={(e) => onLog(e.target.checked)} />log</label>}
        </div>
      ) : (
        <div className="values">{a.categories.map((c) => (
          <label key={c} className="row label"><input type="checkbox" checked={picked.includes(c)} onChange={(e) => { const next = a.categories.filter((x) => (x === c ? e.target.checked : picked.includes(x))); onBrush(next.length === a.categories.length ? undefined : next); }} /><span className="clip" dir="auto">{c}</span></label>
        ))}</div>
      )}
      {brush && <button className="link label" style={{ alignSelf: "flex-start" }} onClick={() => onBrush(undefined)}>Clear this filter</button>}
    </li>
  );
}

function Values({ runs, axes, shown }: { runs: PanelProps["runs"]; axes: Axis[]; shown: boolean[] }) {
  const ws = useWs();
  return (
    <div className="plot-box"><div className="card" style={{ maxHeight: height, overflow: "auto" }} tabIndex={0}>
      <table className="plain"><thead><tr><th scope="col">Run</th>{axes.map((a) => <th key={a.id} scope="col" className={a.numeric ? "num" : ""}>{a.label}</th>)}</tr></thead>
        <tbody>{runs.map((r, i) => shown[i] && <tr key={r.run_id}><td><A href={to(ws, "runs", r.run_id)}>{r.name || r.run_id.slice(0, 8)}</A></td>{axes.map((a) => <td key={a.id} className={a.numeric ? "num" : ""}>{text(a, i)}</td>)}</tr>)}</tbody></table>
    </div></div>
  );
}
