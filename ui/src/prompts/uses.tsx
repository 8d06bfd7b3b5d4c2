// Score per version, and where each was used.
import { A } from "../app/link";
import { to, useWs } from "../app/url";
import { count, full, metric, plural, toNumber } from "../kit/format";
import { Failure, Skeleton, Time } from "../kit/states";
import { usePromptUses } from "./data";

export function Uses({ name, version, onVersion }: { name: string; version: string; onVersion: (v: string) => void }) {
  const ws = useWs();
  const uses = usePromptUses(ws, name);
  if (uses.error) return <Failure error={uses.error} retry={() => void uses.refetch()} />;
  if (!uses.data) return <Skeleton rows={3} />;
  const { versions, exact } = uses.data;
  const names = [...new Set(versions.flatMap((v) => v.scores.map((s) => s.name)))];
  return (
    <section className="card" style={{ overflowX: "auto" }} tabIndex={0} aria-label="Use and scores by version">
      <header><h2 className="grow">Use and scores by version</h2>{!exact && <span className="muted label">over the newest 50,000 traces</span>}</header>
      {versions.length === 0 ? <p className="muted body">No trace is linked to this prompt yet. Loading it with <code>mlflow.genai.load_prompt</code> inside a traced call links it.</p> : (
        <table className="plain">
          <thead><tr><th scope="col">Version</th><th scope="col" className="num">Traces</th><th scope="col" className="num">Errors</th>{names.map((n) => <th key={n} scope="col">{n}</th>)}<th scope="col">Last used</th><th scope="col">Runs</th></tr></thead>
          <tbody>{[...versions].reverse().map((v) => (
            <tr key={v.version} style={v.version === version ? { background: "var(--selected)" } : undefined}>
              <td><button className="link" onClick={() => onVersion(v.version)} aria-current={v.version === version ? "true" : undefined}><b>v{v.version}</b></button></td>
              <td className="num"><A href={`${to(ws, "traces")}?q=${encodeURIComponent(`prompt = '${name}/${v.version}'`)}`}>{count(v.traces)}</A></td>
              <td className="num">{v.errors ? <A href={`${to(ws, "traces")}?q=${encodeURIComponent(`prompt = '${name}/${v.version}' AND status = 'ERROR'`)}`}>{count(v.errors)}</A> : "0"}</td>
              {names.map((n) => { const s = v.scores.find((x) => x.name === n); return <td key={n}>{s ? <Score s={s} /> : <span className="muted">—</span>}</td>; })}
              <td><Time ms={v.last_ms} /></td>
              <td>{v.runs.length === 0 ? <span className="muted">—</span> : v.runs.slice(0, 3).map((r, i) => <span key={r.run_id}>{i > 0 && ", "}<A href={to(ws, "runs", r.run_id)} title={plural(r.traces, "trace")}>{r.run_name ?? r.run_id.slice(0, 8)}</A></span>)}{v.runs.length > 3 && <> and <A href={`${to(ws, "runs", "compare")}?ids=${v.runs.map((r) => r.run_id).join(",")}`}>{v.runs.length - 3} more</A></>}</td>
            </tr>
          ))}</tbody>
        </table>
      )}
    </section>
  );
}

function Score({ s }: { s: { n: number; missing: number; mean: number | string | null; low: number | string | null; high: number | string | null } }) {
  if (s.n === 0) return <span className="row label" style={{ gap: 4 }}><span className="missing" role="img" aria-label="missing" /><span className="muted">{count(s.missing)} without a number</span></span>;
  const half = toNumber(s.high) - toNumber(s.mean);
  return <span title={`mean ${full(s.mean)}, 95% interval [${full(s.low)}, ${full(s.high)}] by Student's t over traces`}><b>{metric(s.mean)}</b>{Number.isFinite(half) && <span className="muted"> ±{metric(half)}</span>} <span className="muted label">n{count(s.n)}{s.missing > 0 && `, ${count(s.missing)} missing`}</span></span>;
}
