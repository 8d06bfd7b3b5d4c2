// A chart of curves: uPlot, loaded when first needed, with a legend that is a
// table, a crosshair shared by the page, drag to zoom, and a table view.
import { useEffect, useMemo, useRef, useState } from "react";
import type uPlot from "uplot";
import { align, type Series, sentence, smooth, style, summary } from "./series";
import { count, dateTime, duration, full, metric, plural } from "./format";
import { Icon } from "./icons";
import { cssColor, useThemeKey } from "./media";

let library: Promise<typeof uPlot> | null = null;
const load = () => (library ??= Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]).then(([m]) => m.default));

export type XAxis = "step" | "time" | "relative";

export function Chart({ title, series, styleOf, axis = "step", smoothing = 0, log = false, sync, height = 200, totals }: {
  title: string;
  series: Series[];
  styleOf: (id: string) => number; // index of the style, the same on every chart
  axis?: XAxis;
  smoothing?: number;
  log?: boolean;
  sync: string;
  height?: number;
  totals?: Record<string, number>; // points before thinning, by series id
}) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const zoom = useRef<{ min: number; max: number } | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [hover, setHover] = useState<string | null>(null);
  const [zoomed, setZoomed] = useState(false);
  const [asTable, setAsTable] = useState(false);
  const theme = useThemeKey();
  const shown = useMemo(() => series.filter((s) => !hidden.has(s.id)), [series, hidden]);
  const points = shown.reduce((n, s) => Math.max(n, s.x.length), 0);

  useEffect(() => {
    if (asTable || !host.current || shown.length === 0) return;
    let gone = false;
    let observer: ResizeObserver | undefined;
    void load().then((UPlot) => {
      if (gone || !host.current) return;
      const muted = cssColor("muted"), grid = cssColor("hairline");
      const sized = points === 1;
      // Each series is the raw line, faint where a smoothed one lies over it.
      const lines: uPlot.Series[] = [], data: Pick<Series, "x" | "y">[] = [];
      for (const s of shown) {
        const st = style(styleOf(s.id)), stroke = cssColor(st.token);
        const faded = hover !== null && hover !== s.id;
        const base: uPlot.Series = { label: s.label, stroke, width: 1.6, dash: st.dash, points: { show: sized || s.x.length === 1, size: 7, fill: stroke }, alpha: faded ? 0.2 : 1, spanGaps: false };
        if (smoothing > 0) {
          lines.push({ ...base, width: 1, dash: [], alpha: faded ? 0.08 : 0.28 }, base);
          data.push(s, { x: s.x, y: smooth(s.y, smoothing) });
        } else {
          lines.push(base);
          data.push(s);
        }
      }
      plot.current?.destroy();
      const axes: uPlot.Axis = { stroke: muted, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
      plot.current = new UPlot({
        width: host.current.clientWidth, height,
        scales: { x: { time: false, ...(zoom.current ? {} : {}) }, y: log ? { distr: 3 } : {} },
        axes: [
          { ...axes, size: 28, values: (_u, ticks) => ticks.map((t) => (axis === "step" ? (Number.isInteger(t) ? count(t) : "") : axis === "relative" ? duration(t) : dateTime(t).slice(11, 16))) },
          { ...axes, size: 52, values: (_u, ticks) => ticks.map((t) => (t === null ? "" : metric(t))) },
        ],
        series: [{ value: (_u, v) => (v === null ? "" : String(v)) }, ...lines],
        cursor: { sync: { key: sync, setSeries: false }, drag: { x: true, y: false }, points: { size: 6 } },
        legend: { show: false },
        hooks: { setScale: [(u, key) => {
          if (key !== "x" || !u.data[0].length) return;
          const { min, max } = u.scales.x!;
          const whole = min === u.data[0][0] && max === u.data[0].at(-1);
          zoom.current = whole || min === undefined || max === undefined ? null : { min: min!, max: max! };
          setZoomed(!whole && u.data[0].length > 1);
        }] },
      }, align(data) as uPlot.AlignedData, host.current);
      // Live points append without losing the zoom.
      if (zoom.current) plot.current.setScale("x", zoom.current);
      observer = new ResizeObserver(() => { if (host.current) plot.current?.setSize({ width: host.current.clientWidth, height }); });
      observer.observe(host.current);
    });
    return () => {
      gone = true;
      observer?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shown, axis, smoothing, log, theme, asTable, height, sync, hover, points]);

  const toggle = (id: string) => setHidden((old) => { const next = new Set(old); if (!next.delete(id)) next.add(id); return next; });
  return (
    <figure className="chart" aria-label={title}>
      <header>
        <h3 title={title} dir="auto">{title}</h3>
        {zoomed && <button className="link label" onClick={() => { zoom.current = null; const u = plot.current; if (u) u.setScale("x", { min: u.data[0][0]!, max: u.data[0].at(-1)! }); }}>Reset zoom</button>}
        <button className="icon-button" aria-pressed={asTable} aria-label={`${title} as a table`} title="As a table" onClick={() => setAsTable(!asTable)}><Icon name="columns" /></button>
      </header>
      {asTable ? <PointTable series={shown} axis={axis} height={height} /> : <div className="plot" ref={host} role="img" aria-label={sentence(title, shown, metric)} style={{ height }} />}
      <div className="legend"><div className="scroll" tabIndex={series.length > 4 ? 0 : -1}>
        <table className="plain">
          <thead><tr><th scope="col">Run</th><th scope="col" className="num">last</th><th scope="col" className="num">min</th><th scope="col" className="num">max</th></tr></thead>
          <tbody>{series.map((s) => {
            const sum = summary(s.y), st = style(styleOf(s.id)), total = totals?.[s.id];
            return (
              <tr key={s.id} onMouseEnter={() => series.length > 1 && setHover(s.id)} onMouseLeave={() => setHover(null)} style={hidden.has(s.id) ? { opacity: 0.5 } : undefined}>
                <td><button className="row link" style={{ color: "inherit", gap: 6 }} aria-pressed={!hidden.has(s.id)} title={hidden.has(s.id) ? "Show" : "Hide"} onClick={() => toggle(s.id)}>
                  <span aria-hidden="true" style={{ color: `var(--${st.token})`, width: 12 }}>{st.mark}</span><span className="clip" dir="auto">{s.label}</span>
                  {sum.gaps > 0 && <span className="muted" title="points that are NaN or infinite, drawn as gaps">{plural(sum.gaps, "gap")}</span>}
                  {total !== undefined && total > s.x.length && <span className="muted" title={`${count(s.x.length)} of ${count(total)} points are drawn; peaks are kept`}>thinned</span>}
                </button></td>
                <td className="num" title={full(sum.last)}>{metric(sum.last)}</td><td className="num" title={full(sum.min)}>{metric(sum.min)}</td><td className="num" title={full(sum.max)}>{metric(sum.max)}</td>
              </tr>
            );
          })}</tbody>
        </table>
      </div></div>
    </figure>
  );
}

function PointTable({ series, axis, height }: { series: Series[]; axis: XAxis; height: number }) {
  const [x, ...ys] = align(series);
  const many = x.length > 2000;
  return (
    <div style={{ height, overflow: "auto" }} tabIndex={0}>
      <table className="plain">
        <thead><tr><th scope="col">{axis}</th>{series.map((s) => <th key={s.id} scope="col" className="num">{s.label}</th>)}</tr></thead>
        <tbody>{x.slice(0, 2000).map((v, i) => (
          <tr key={v}><td>{axis === "time" ? dateTime(v) : axis === "relative" ? duration(v) : count(v)}</td>
            {ys.map((y, k) => <td key={k} className="num" title={full(y[i] ?? null)}>{y[i] === null ? "NaN" : y[i] === undefined ? "" : metric(y[i])}</td>)}</tr>
        ))}</tbody>
      </table>
      {many && <p className="muted label" style={{ padding: 8 }}>The first 2,000 of {count(x.length)} rows.</p>}
    </div>
  );
}
