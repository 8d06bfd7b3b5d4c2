// The chart panel above the runs table: chosen metrics over the runs that are
// in view, in the colours of their dots. Metrics that were logged once are
// drawn against the start of their run.
import { useMemo } from "react";
import { Chart, type XAxis } from "../kit/chart";
import { plural, toNumber } from "../kit/format";
import type { Series } from "../kit/series";
import { Segments } from "../kit/states";
import { useHistory, type RunRow } from "./data";
import { useUrl, useWs } from "../app/url";

export const drawn = 20; // runs that are drawn at once

export function ChartPanel({ runs, hidden, styles, metrics, choices, onMetrics }: { runs: RunRow[]; hidden: ReadonlySet<string>; styles: ReadonlyMap<string, number>; metrics: string[]; choices: string[]; onMetrics: (keys: string[]) => void }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const axis: XAxis = search.x === "time" || search.x === "relative" ? search.x : "step";
  const smoothing = Math.min(0.99, Math.max(0, Number(search.smooth) || 0));
  const ids = useMemo(() => runs.map((r) => r.run_id), [runs]);
  const history = useHistory(ws, ids, metrics, 500);
  const charts = useMemo(() => metrics.map((key) => {
    const found = (history.data ?? []).filter((s) => s.key === key && !hidden.has(s.run_id)), byId = new Map(runs.map((r) => [r.run_id, r]));
    const once = found.length > 0 && found.every((s) => s.total <= 1);
    const series: Series[] = found.flatMap((s) => {
      const r = byId.get(s.run_id);
      if (!r) return [];
      const x = once ? [r.start_ms ?? s.times_ms[0]!] : axis === "step" ? s.steps : axis === "time" ? s.times_ms : s.times_ms.map((t) => t - (r.start_ms ?? s.times_ms[0]!));
      return [{ id: s.run_id, label: r.name || s.run_id.slice(0, 8), x, y: s.values.map(toNumber) }];
    });
    return { key, once, series, totals: Object.fromEntries(found.map((s) => [s.run_id, s.total])) };
  }), [history.data, metrics, hidden, runs, axis]);
  return (
    <section className="chart-panel" aria-label="Charts">
      <div className="row wrap" style={{ padding: "6px 16px" }}>
        <Segments label="Horizontal axis" options={[["step", "Step"], ["time", "Time"], ["relative", "Relative"]] as const} value={axis} onChange={(v) => set({ x: v === "step" ? undefined : v }, { replace: true })} />
        <label className="row label muted">Smoothing<input type="range" min={0} max={0.99} step={0.01} value={smoothing} onChange={(e) => set({ smooth: e.target.value === "0" ? undefined : e.target.value }, { replace: true })} style={{ width: 90 }} /><output>{smoothing.toFixed(2)}</output></label>
        <label className="row label muted">Add<select className="input" style={{ maxWidth: 200 }} value="" onChange={(e) => e.target.value && onMetrics([...metrics, e.target.value])}><option value="">a metric</option>{choices.filter((c) => !metrics.includes(c)).slice(0, 500).map((c) => <option key={c}>{c}</option>)}</select></label>
        <span className="muted label grow">{plural(runs.length, "run")} drawn{hidden.size > 0 && `, ${runs.filter((r) => hidden.has(r.run_id)).length} hidden`}; <kbd>v</kbd> hides or shows a run</span>
      </div>
      <div className="chart-strip" tabIndex={0} role="group" aria-label="Charts of chosen metrics">
        {charts.map((c) => (
          <div key={c.key} className="chart-slot">
            <Chart title={c.once ? `${c.key}, by start` : c.key} series={c.series} totals={c.totals} styleOf={(id) => styles.get(id) ?? 0} axis={c.once ? "time" : axis} smoothing={c.once ? 0 : smoothing} sync={c.once ? `once ${c.key}` : "runs"} height={150} />
            <button className="link micro" onClick={() => onMetrics(metrics.filter((m) => m !== c.key))}>Take away</button>
          </div>
        ))}
        {metrics.length === 0 && <p className="muted" style={{ padding: 16 }}>Add a metric to draw it.</p>}
      </div>
    </section>
  );
}
