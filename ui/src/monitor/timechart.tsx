// A chart over time: bars or lines, a cursor for keys and pointer, a table of
// the same numbers. A click or Enter opens the traces of a bucket, a drag
// narrows the range. New numbers replace the old in place.
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import { dateTime, isUTC } from "../kit/format";
import { Icon } from "../kit/icons";
import { cssColor, useThemeKey } from "../kit/media";
import { style } from "../kit/series";

let library: Promise<typeof uPlot> | null = null;
const load = () => (library ??= Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]).then(([m]) => m.default));

export interface Line {
  id: string;
  label: string;
  values: (number | null)[];
  token?: string; // colour; by place otherwise
  href?: (bucket: number) => string | null; // what a click opens, if not the chart's own
}

export interface Frame { start: number; width: number; buckets: number; }

export function TimeChart({ title, note, frame, lines, bars = false, format, onOpen, onZoom, more, height = 170 }: {
  title: string;
  note?: string | undefined; // one sentence; what the picture says
  frame: Frame;
  lines: Line[];
  bars?: boolean; // stacked
  format: (v: number | null) => string;
  onOpen: (bucket: number, line: Line | null) => void;
  onZoom: (from: number, to: number) => void;
  more?: ((bucket: number) => string) | undefined; // said of a bucket besides the values
  height?: number;
}) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const [asTable, setAsTable] = useState(false);
  const theme = useThemeKey();
  const x = useMemo(() => Array.from({ length: frame.buckets }, (_, i) => frame.start + i * frame.width), [frame.start, frame.width, frame.buckets]);
  const data = useMemo(() => [x, ...drawn(lines, bars)] as uPlot.AlignedData, [x, lines, bars]);
  const shape = lines.map((l) => `${l.id}\u0000${l.token ?? ""}`).join("\u0001");
  const call = useRef({ onOpen, onZoom, lines, frame });
  call.current = { onOpen, onZoom, lines, frame };
  const latest = useRef(data);
  latest.current = data;

  useEffect(() => {
    if (asTable || !host.current) return;
    let gone = false;
    let observer: ResizeObserver | undefined;
    void load().then((UPlot) => {
      if (gone || !host.current) return;
      const el = host.current;
      plot.current = new UPlot(options(UPlot, el.clientWidth, height, call.current.lines, bars, format, {
        move: setAt,
        open: (i) => call.current.onOpen(i, null),
        zoom: (from, to) => { const { start, width } = call.current.frame; call.current.onZoom(Math.floor((from - start) / width) * width + start, Math.ceil((to - start) / width) * width + start); },
      }), latest.current, el);
      observer = new ResizeObserver(() => plot.current?.setSize({ width: el.clientWidth, height }));
      observer.observe(el);
    });
    return () => { gone = true; observer?.disconnect(); plot.current?.destroy(); plot.current = null; };
  }, [shape, bars, theme, asTable, height, format]);
  useEffect(() => { plot.current?.setData(data); }, [data]);

  function onKeyDown(e: KeyboardEvent) {
    const last = frame.buckets - 1, now = at ?? last;
    const next = { ArrowLeft: now - 1, ArrowRight: at === null ? now : now + 1, Home: 0, End: last, PageUp: now - 10, PageDown: now + 10 }[e.key];
    if (e.key === "Enter" && at !== null) { e.preventDefault(); onOpen(at, null); return; }
    if (e.key === "Escape" && at !== null) { e.stopPropagation(); setAt(null); plot.current?.setCursor({ left: -10, top: -10 }); return; }
    if (next === undefined) return;
    e.preventDefault();
    const i = Math.min(last, Math.max(0, next));
    setAt(i);
    const u = plot.current;
    if (u) u.setCursor({ left: u.valToPos(x[i]!, "x"), top: 10 }, false);
  }

  const said = (i: number) => `${when(x[i]!, frame.width)}: ${lines.map((l) => `${l.label} ${format(l.values[i] ?? null)}`).join(", ")}${more ? more(i) : ""}`;
  return (
    <figure className="chart" aria-label={title}>
      <header>
        <h3 title={title}>{title}</h3>
        <button className="icon-button" aria-pressed={asTable} aria-label={`${title} as a table`} title="As a table" onClick={() => setAsTable(!asTable)}><Icon name="columns" /></button>
      </header>
      {asTable ? <ValueTable title={title} x={x} width={frame.width} lines={lines} format={format} height={height + 24} onOpen={onOpen} /> : (
        <div className="plot" ref={host} role="slider" tabIndex={0} aria-label={title} aria-valuemin={0} aria-valuemax={Math.max(0, frame.buckets - 1)} aria-valuenow={at ?? frame.buckets - 1}
          aria-valuetext={at === null ? note ?? title : said(at)} onKeyDown={onKeyDown} onBlur={() => setAt(null)} style={{ height, minHeight: height, cursor: "pointer" }} />
      )}
      <figcaption className="readout">
        {at === null || asTable ? <span className="sentence">{note}</span> : <b>{when(x[at]!, frame.width)}</b>}
        <ul className="marks">{lines.map((l, i) => {
          const st = style(i);
          return <li key={l.id}><i aria-hidden="true" style={{ color: `var(--${l.token ?? st.token})` }}>{l.token ? "■" : st.mark}</i><span className="clip" dir="auto" title={l.label}>{l.label}</span>{at !== null && !asTable && <b>{format(l.values[at] ?? null)}</b>}</li>;
        })}</ul>
      </figcaption>
    </figure>
  );
}

// Stacked bars are drawn from the top of the stack down, each in front of the
// one before.
function drawn(lines: Line[], bars: boolean): (number | null)[][] {
  if (!bars) return lines.map((l) => l.values);
  return lines.map((_, i) => lines[0]!.values.map((_, k) => lines.slice(i).reduce((s, l) => s + (l.values[k] ?? 0), 0)));
}

function options(UPlot: typeof uPlot, width: number, height: number, lines: Line[], bars: boolean, format: (v: number | null) => string,
  on: { move: (i: number | null) => void; open: (i: number) => void; zoom: (from: number, to: number) => void }): uPlot.Options {
  const axis: uPlot.Axis = { stroke: cssColor("muted"), grid: { stroke: cssColor("hairline"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  let dragged = false;
  return {
    width, height, ms: 1,
    tzDate: (ts) => (isUTC() ? UPlot.tzDate(new Date(ts), "Etc/UTC") : new Date(ts)),
    scales: { x: { time: true, range: (u, min, max) => { const w = u.data[0].length > 1 ? u.data[0][1]! - u.data[0][0]! : 60e3; return [min - w / 2, max + w / 2]; } }, y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
    axes: [
      { ...axis, size: 26, space: 64, values: (_u, ticks, _a, _s, step) => ticks.map((t) => (step >= 86400e3 ? dateTime(t).slice(5, 10) : dateTime(t).slice(11, 16) === "00:00" ? dateTime(t).slice(5, 10) : dateTime(t).slice(11, 16))) },
      { ...axis, size: 58, values: (_u, ticks) => ticks.map((t) => format(t)) },
    ],
    series: [{}, ...lines.map((l, i): uPlot.Series => {
      const st = style(i), stroke = cssColor(l.token ?? st.token);
      return bars ? { label: l.label, stroke, fill: stroke, width: 0, points: { show: false }, paths: UPlot.paths.bars!({ size: [0.86, 40], gap: 0 }) }
        : { label: l.label, stroke, width: 1.6, dash: l.token ? [] : st.dash, spanGaps: false, points: { show: (u, s) => lonely(u.data[s]!), size: 5, fill: stroke } };
    })],
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 }, y: false },
    legend: { show: false },
    hooks: {
      setCursor: [(u) => { if (u.cursor.idx !== undefined && (u.cursor.left ?? -1) >= 0) on.move(u.cursor.idx); else if ((u.cursor.left ?? -1) < 0 && u.root.parentElement !== document.activeElement) on.move(null); }],
      setSelect: [(u) => {
        if (u.select.width < 6) return;
        dragged = true;
        on.zoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
      ready: [(u) => u.over.addEventListener("click", () => {
        if (!dragged && u.cursor.idx !== null && u.cursor.idx !== undefined) on.open(u.cursor.idx);
        dragged = false;
      })],
    },
  };
}

/** Whether a line has points with gaps on both sides, which no stroke shows. */
function lonely(y: ArrayLike<number | null | undefined>): boolean {
  for (let i = 0; i < y.length; i++) if (y[i] != null && y[i - 1] == null && y[i + 1] == null) return true;
  return false;
}

function when(ms: number, width: number): string {
  const s = dateTime(ms);
  return width >= 86400e3 ? s.slice(0, 10) : s.slice(5, 16);
}

function ValueTable({ title, x, width, lines, format, height, onOpen }: { title: string; x: number[]; width: number; lines: Line[]; format: (v: number | null) => string; height: number; onOpen: (i: number, line: Line | null) => void }) {
  return (
    <div style={{ height, overflow: "auto" }} tabIndex={0} role="region" aria-label={`${title}, table`}>
      <table className="plain">
        <thead><tr><th scope="col">Time</th>{lines.map((l) => <th key={l.id} scope="col" className="num" dir="auto">{l.label}</th>)}</tr></thead>
        <tbody>{x.map((ms, i) => (
          <tr key={ms}><td><button className="link" title="Open its traces" onClick={() => onOpen(i, null)}>{when(ms, width)}</button></td>{lines.map((l) => <td key={l.id} className="num">{format(l.values[i] ?? null)}</td>)}</tr>
        ))}</tbody>
      </table>
    </div>
  );
}
