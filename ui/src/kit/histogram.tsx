// Traces over time, ok and error stacked; drag selects a range.
import { type PointerEvent, useRef, useState } from "react";
import { clock, count, plural } from "./format";

export interface Buckets { start_ms: number; bucket_ms: number; ok: number[]; error: number[]; running?: number[]; }

export function Histogram({ data, onZoom, height = 56 }: { data: Buckets; onZoom?: ((from: number, to: number) => void) | undefined; height?: number }) {
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const [hover, setHover] = useState<number | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  const n = data.ok.length;
  if (n === 0) return null;
  const running = data.running ?? [];
  const total = (i: number) => (data.ok[i] ?? 0) + (data.error[i] ?? 0) + (running[i] ?? 0);
  let max = 1;
  for (let i = 0; i < n; i++) max = Math.max(max, total(i));
  const at = (e: PointerEvent) => {
    const r = svg.current!.getBoundingClientRect();
    return Math.min(n - 1, Math.max(0, Math.floor(((e.clientX - r.left) / r.width) * n)));
  };
  const time = (i: number) => data.start_ms + i * data.bucket_ms;
  const sum = data.ok.reduce((a, b) => a + b, 0) + data.error.reduce((a, b) => a + b, 0);
  const errors = data.error.reduce((a, b) => a + b, 0);
  const [from, to] = drag ? [Math.min(...drag), Math.max(...drag)] : [0, -1];
  const h = height - 2;
  return (
    <figure className="histogram">
      <svg ref={svg} viewBox={`0 0 ${n} ${height}`} preserveAspectRatio="none" role="img" style={{ height }} aria-label={`${plural(sum, "trace")} from ${clock(time(0))} to ${clock(time(n))}, ${plural(errors, "error")}`}
        onPointerDown={(e) => { if (onZoom) { e.currentTarget.setPointerCapture(e.pointerId); setDrag([at(e), at(e)]); } }}
        onPointerMove={(e) => { const i = at(e); setHover(i); if (drag) setDrag([drag[0], i]); }}
        onPointerLeave={() => setHover(null)}
        onPointerUp={() => { if (drag) { setDrag(null); onZoom?.(time(from), time(to + 1)); } }}>
        {Array.from({ length: n }, (_, i) => {
          const ok = ((data.ok[i] ?? 0) / max) * h, run = ((running[i] ?? 0) / max) * h, bad = data.error[i] ? Math.max(2, (data.error[i]! / max) * h) : 0;
          return (
            <g key={i}>
              {ok > 0 && <rect x={i + 0.08} width={0.84} y={height - ok} height={ok} fill="var(--accent)" opacity={0.55} />}
              {run > 0 && <rect x={i + 0.08} width={0.84} y={height - ok - run} height={run} fill="var(--running)" />}
              {bad > 0 && <rect x={i + 0.08} width={0.84} y={Math.max(0, height - ok - run - bad)} height={bad} fill="var(--error)" />}
            </g>
          );
        })}
        {hover !== null && !drag && <rect x={hover} width={1} y={0} height={height} fill="var(--text)" opacity={0.07} />}
        {drag && <rect x={from} width={to - from + 1} y={0} height={height} fill="var(--accent)" opacity={0.2} />}
      </svg>
      <figcaption className="axis">
        <span>{clock(time(0))}</span>
        <span>{hover !== null ? `${clock(time(hover))}: ${count(total(hover))}${data.error[hover] ? `, ${plural(data.error[hover]!, "error")}` : ""}` : ""}</span>
        <span>{clock(time(n))}</span>
      </figcaption>
    </figure>
  );
}
