// What the scores of tables amount to: mean with n and missing, and against
// the baseline the paired difference with its interval.
import { delta, full, metric, toNumber } from "../kit/format";
import type { Style } from "../kit/series";
import type { Table } from "./evaltable";

type Summary = Table["scores"][number]["runs"][number];

/** Better, worse, or null: an interval that holds 0 or is unknown says neither. */
export function verdict(s: Pick<Summary, "low" | "high">, lower: boolean): "better" | "worse" | null {
  const low = toNumber(s.low), high = toNumber(s.high);
  if (!(low > 0 || high < 0)) return null;
  return low > 0 !== lower ? "better" : "worse";
}

export function EvalScores({ table: t, base, single, styleOf }: { table: Table; base: number; single: boolean; styleOf: (id: string) => Style }) {
  if (t.scores.length === 0) return <p className="muted">The table has no column of numbers, so there is no score to compare by.</p>;
  return (
    <div className="card eval-summary" style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label="Scores">
      <table className="plain">
        <thead><tr><th scope="col">Score</th>{t.runs.map((r, i) => <th key={r.run_id} scope="col"><span aria-hidden="true" style={{ color: `var(--${styleOf(t.runs[i]!.run_id).token})` }}>{styleOf(t.runs[i]!.run_id).mark}</span> {r.name || r.run_id.slice(0, 8)}{i === base && !single && <span className="chip accent" style={{ marginLeft: 6 }}>baseline</span>}</th>)}</tr></thead>
        <tbody>{t.scores.map((s) => (
          <tr key={s.name}>
            <td dir="auto">{s.name}{s.lower_is_better && <span className="muted label" title="less is better"> ↓</span>}</td>
            {s.runs.map((r, i) => <td key={r.run_id}><Mean s={r} />{i !== base && !single && <Difference s={r} lower={s.lower_is_better} all={s.runs} />}</td>)}
          </tr>
        ))}</tbody>
      </table>
    </div>
  );
}

function Mean({ s }: { s: Summary }) {
  return <div><b title={full(s.mean)}>{metric(s.mean)}</b> <span className="muted label">n {s.n}{s.missing > 0 && `, ${s.missing} missing`}</span></div>;
}

function Difference({ s, lower, all }: { s: Summary; lower: boolean; all: Summary[] }) {
  if (s.pairs === 0) return <div className="muted label">no pair with the baseline</div>;
  const what = verdict(s, lower);
  const won = `${s.won} won, ${s.tied} tied, ${s.lost} lost`;
  return (
    <div className={`label verdict ${what ?? ""}`} title={`${won}; 95% interval by ${s.method}${s.p === null ? "" : `; p = ${metric(s.p)}`}`}>
      <Interval s={s} all={all} /> <b>{delta(toNumber(s.difference))}</b> {s.low !== null && <span>[{delta(toNumber(s.low))}, {delta(toNumber(s.high))}]</span>}
      <div className="muted">n {s.pairs} pairs: {won} · {what === null ? (s.low === null ? "too few pairs" : "no measurable difference") : <span style={{ color: "var(--text)" }}>{what === "better" ? "▲ better" : "▼ worse"}</span>}</div>
    </div>
  );
}

/** The interval on the scale of all intervals of the row, with a line at 0. */
function Interval({ s, all }: { s: Summary; all: Summary[] }) {
  const reach = Math.max(1e-12, ...all.flatMap((x) => [Math.abs(toNumber(x.low ?? 0)), Math.abs(toNumber(x.high ?? 0)), Math.abs(toNumber(x.difference ?? 0))]).filter(Number.isFinite));
  const x = (v: number) => 60 + (v / reach) * 54;
  const low = toNumber(s.low), high = toNumber(s.high), mid = toNumber(s.difference);
  if (!Number.isFinite(mid)) return null;
  return (
    <svg className="interval" viewBox="0 0 120 16" aria-hidden="true">
      <line className="zero" x1={60} x2={60} y1={1} y2={15} />
      {Number.isFinite(low) && Number.isFinite(high) && <line className="span" x1={x(low)} x2={x(high)} y1={8} y2={8} />}
      <circle cx={x(mid)} cy={8} r={3.5} />
    </svg>
  );
}
