// Metric curves of one run or several, grouped by prefix.
import { useMemo, useState } from "react";
import { useUrl, useWs } from "../app/url";
import { Chart, type XAxis } from "../kit/chart";
import { toNumber } from "../kit/format";
import type { Series } from "../kit/series";
import { Segments, Skeleton } from "../kit/states";
import { useHistory } from "./data";

export interface CurveRun { id: string; label: string; start: number | null; style?: number; }

/** "rouge1/v1/mean" belongs to rouge1; keys without a slash stand together. */
export function groupOf(key: string): string {
  const i = key.indexOf("/");
  return i > 0 ? key.slice(0, i) : "";
}

export function Curves({ runs, keys }: { runs: CurveRun[]; keys: string[] }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const axis: XAxis = search.x === "time" || search.x === "relative" ? search.x : "step";
  const smoothing = Math.min(0.99, Math.max(0, Number(search.smooth) || 0)), log = search.y === "log";
  const find = (search.m ?? "").toLowerCase();
  const found = useMemo(() => keys.filter((k) => k.toLowerCase().includes(find)), [keys, find]);
  // A run may have thousands of histories; a page of charts is read at a time.
  const [most, setMost] = useState(40);
  const wanted = useMemo(() => found.slice(0, most), [found, most]);
  const history = useHistory(ws, runs.map((r) => r.id), wanted);
  const groups = useMemo(() => {
    const label = new Map(runs.map((r) => [r.id, r])), by = new Map<string, { series: Series[]; totals: Record<string, number> }>();
    for (const s of history.data ?? []) {
      const run = label.get(s.run_id);
      if (!run) continue;
      const x = axis === "step" ? s.steps : axis === "time" ? s.times_ms : s.times_ms.map((t) => t - (run.start ?? s.times_ms[0]!));
      const entry = by.get(s.key) ?? { series: [], totals: {} };
      entry.series.push({ id: s.run_id, label: run.label, x, y: s.values.map(toNumber) });
      entry.totals[s.run_id] = s.total;
      by.set(s.key, entry);
    }
    const out = new Map<string, [string, { series: Series[]; totals: Record<string, number> }][]>();
    for (const k of wanted) { const e = by.get(k); if (e) out.set(groupOf(k), [...(out.get(groupOf(k)) ?? []), [k, e]]); }
    return [...out];
  }, [history.data, runs, axis, wanted]);
  const order = useMemo(() => new Map(runs.map((r, i) => [r.id, r.style ?? i])), [runs]);
  return (
    <>
      <div className="row wrap">
        <input className="input" aria-label="Find a metric" placeholder={`Find among ${keys.length} metrics`} value={search.m ?? ""} onChange={(e) => set({ m: e.target.value }, { replace: true })} style={{ width: 220 }} />
        <Segments label="Horizontal axis" options={[["step", "Step"], ["time", "Wall time"], ["relative", "Relative"]] as const} value={axis} onChange={(v) => set({ x: v === "step" ? undefined : v }, { replace: true })} />
        <Segments label="Vertical axis" options={[["linear", "Linear"], ["log", "Log"]] as const} value={log ? "log" : "linear"} onChange={(v) => set({ y: v === "log" ? "log" : undefined }, { replace: true })} />
        <label className="row label muted">Smoothing<input type="range" min={0} max={0.99} step={0.01} value={smoothing} onChange={(e) => set({ smooth: e.target.value === "0" ? undefined : e.target.value }, { replace: true })} style={{ width: 110 }} /><output>{smoothing.toFixed(2)}</output></label>
      </div>
      {!history.data && <Skeleton />}
      {history.data && groups.length === 0 && <p className="muted">No metric matches.</p>}
      {groups.map(([g, charts]) => (
        <section key={g} className="stack" style={{ gap: 8 }} aria-label={g || "metrics"}>
          {(groups.length > 1 || g) && <h2>{g || "General"} <span className="muted label">{charts.length}</span></h2>}
          <div className="charts">{charts.map(([k, c]) => <Chart key={k} title={k} series={c.series} totals={c.totals} styleOf={(id) => order.get(id) ?? 0} axis={axis} smoothing={smoothing} log={log} sync="runs" />)}</div>
        </section>
      ))}
      {found.length > wanted.length && <p className="label"><span className="muted">{wanted.length} of {found.length} metrics are drawn; find narrows them. </span><button className="link" onClick={() => setMost(most + 40)}>Draw more</button></p>}
    </>
  );
}
