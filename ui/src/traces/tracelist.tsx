// A short list of traces inside another page.
import { A } from "../app/link";
import { to, useWs } from "../app/url";
import { clock, cost, duration, gist } from "../kit/format";
import { Scores } from "../kit/score";
import { Status, Time } from "../kit/states";
import type { TraceRow } from "./data";

export function TraceList({ rows }: { rows: TraceRow[] }) {
  const ws = useWs();
  return (
    <ul className="card rows-list">
      {rows.map((r) => (
        <li key={r.trace_id}>
          <A className="item" href={to(ws, "traces", r.trace_id)}>
            <Status value={r.status} bare /><b className="clip" style={{ flex: "0 1 160px" }}>{r.name || "(unnamed)"}</b>
            <span className="clip grow muted" dir="auto">{gist(r.status === "ERROR" && r.output_preview ? r.output_preview : r.input_preview)}</span>
            {r.assessments.length > 0 && <span className="roomy"><Scores list={r.assessments} max={1} /></span>}
            <span className="label muted num" style={{ width: 64 }}>{duration(r.duration_ms)}</span><span className="label muted num roomy" style={{ width: 60 }}>{cost(r.cost)}</span>
            <span className="label muted num" style={{ minWidth: 84 }}><Time ms={r.start_ms} short={clock(r.start_ms)} /></span>
          </A>
        </li>
      ))}
    </ul>
  );
}
