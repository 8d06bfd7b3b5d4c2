// The marks of alerts: a state, and values over time with both thresholds.
import { clock } from "../kit/format";
import { Icon, type IconName } from "../kit/icons";
import { type Signal, reading, type Shown } from "./data";

const states: Record<Shown, [tone: string, label: string, icon: IconName]> = {
  firing: ["error", "Firing", "bell"], pending: ["warning", "Pending", "clock"], no_data: ["unknown", "Not enough data", "more"],
  ok: ["ok", "OK", "check"], muted: ["unknown", "Muted", "close"], off: ["unknown", "Off", "close"],
};

export function StateMark({ value, tint = false }: { value: Shown; tint?: boolean }) {
  const [tone, label, icon] = states[value];
  return <span className={`status ${tone}${tint ? " tint" : ""}`}><Icon name={icon} size={12} />{label}</span>;
}
export const stateLabel = (s: Shown) => states[s][1];

interface Values { from_ms: number; step_ms: number; values: (number | null)[]; firings: { from_ms: number; to_ms: number | null }[]; }

/** Values of a week, the times of firing shaded, and the lines to fire and to clear. */
export function ValueChart({ data, signal, fire, clear, height = 120 }: { data: Values; signal: Signal; fire: number; clear: number; height?: number }) {
  const known = data.values.filter((v): v is number => v !== null);
  const end = data.from_ms + data.step_ms * data.values.length;
  const lo = Math.min(fire, clear, ...(signal === "score" ? known : [0])), hi = Math.max(fire, clear, ...known), spanned = hi - lo || 1;
  const n = Math.max(1, data.values.length);
  const y = (v: number) => height - 6 - ((v - lo) / spanned) * (height - 12);
  const x = (ms: number) => ((ms - data.from_ms) / (end - data.from_ms || 1)) * n;
  let path = "", down = false;
  data.values.forEach((v, i) => {
    if (v === null) { down = false; return; }
    path += `${down ? "L" : "M"}${i + 0.5} ${y(v).toFixed(1)}${down ? "" : `h.01`}`;
    down = true;
  });
  const peak = known.length ? Math.max(...known) : null, last = data.values.at(-1);
  const summary = `${known.length} of ${data.values.length} values known, at most ${reading(signal, peak)}, last ${reading(signal, last)}; fires at ${reading(signal, fire)}, clears at ${reading(signal, clear)}`;
  return (
    <figure className="alert-chart">
      <div style={{ position: "relative" }}>
        <svg viewBox={`0 0 ${n} ${height}`} preserveAspectRatio="none" style={{ height }} role="img" aria-label={summary}>
          {data.firings.map((f) => <rect key={f.from_ms} x={x(f.from_ms)} width={Math.max(n / 300, x(f.to_ms ?? end) - x(f.from_ms))} y={0} height={height} fill="var(--error)" opacity={0.16} />)}
          <line x1={0} x2={n} y1={y(fire)} y2={y(fire)} stroke="var(--error)" vectorEffect="non-scaling-stroke" />
          {clear !== fire && <line x1={0} x2={n} y1={y(clear)} y2={y(clear)} stroke="var(--ok)" strokeDasharray="4 3" vectorEffect="non-scaling-stroke" />}
          <path d={path} fill="none" stroke="var(--cat-lm)" strokeWidth={1.5} strokeLinecap="round" vectorEffect="non-scaling-stroke" />
        </svg>
        <span className="at" style={{ top: y(fire), color: "var(--error)" }}>fires {reading(signal, fire)}</span>
        {clear !== fire && Math.abs(y(clear) - y(fire)) > 14 && <span className="at" style={{ top: y(clear), color: "var(--ok)" }}>clears {reading(signal, clear)}</span>}
      </div>
      <figcaption className="axis"><span>{clock(data.from_ms)}</span><span className="summary">{known.length ? `at most ${reading(signal, peak)}` : "no values in this time"}</span><span>{clock(end)}</span></figcaption>
    </figure>
  );
}
