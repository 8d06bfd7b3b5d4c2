// Where the time goes: count, total and self time of the parts of traces.
import { A } from "../app/link";
import { cost, count, duration, plural, short } from "../kit/format";
import { Load, Segments } from "../kit/states";
import { name } from "./charts";
import { type Answer, type Series, useMonitor } from "./data";

const parts = [["node", "Nodes"], ["tool", "Tools"], ["agent", "Agents"], ["model", "Models"], ["span", "Span names"], ["type", "Types"]] as const;
type Part = (typeof parts)[number][0];

export function NodeTable({ ws, body, by, onBy, href }: { ws: string; body: Parameters<typeof useMonitor>[1]; by: string | undefined; onBy: (by: string) => void; href: (s: Series) => string }) {
  const part: Part = parts.find(([id]) => id === by)?.[0] ?? "span";
  const got = useMonitor(ws, { ...body, by: part, limit: 30, order_by: "time" });
  return (
    <section className="card" aria-label="Where the time goes">
      <header className="wrap"><h2 className="grow">Where the time goes</h2><Segments label="Parts" value={part} onChange={onBy} options={parts} /></header>
      <Load query={got} rows={4}>{(m) => (m.series.length === 0 ? <p className="muted" style={{ padding: 12 }}>No trace names {parts.find(([id]) => id === part)![1].toLowerCase()}.</p> : <Parts m={m} title={parts.find(([id]) => id === part)![1]} href={href} />)}</Load>
    </section>
  );
}

function Parts({ m, title, href }: { m: Answer; title: string; href: (s: Series) => string }) {
  const all = m.series.reduce((s, x) => s + (x.total.self_ms ?? 0), 0);
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={`${title}, table`}>
      <table className="plain">
        <thead><tr><th scope="col">{title}</th><th scope="col" className="num">Count</th><th scope="col" className="num">Failed</th><th scope="col" className="num">Total time</th><th scope="col" className="num" title="Time in which no child ran">Self time</th><th scope="col" className="num">of all</th><th scope="col" className="num">p50</th><th scope="col" className="num">p95</th><th scope="col" className="num">Tokens</th><th scope="col" className="num">Cost</th></tr></thead>
        <tbody>{m.series.map((s) => {
          const t = s.total, share = all > 0 && t.self_ms !== null ? (100 * t.self_ms) / all : null;
          return (
            <tr key={s.other ? "\u0000other" : s.value}>
              <td dir="auto">{s.clause ? <A href={href(s)}>{name(s, m)}</A> : name(s, m)}</td>
              <td className="num" title={s.other ? undefined : `in ${plural(t.traces, "trace")}`}>{count(t.spans)}</td><td className="num">{count(t.errors)}</td>
              <td className="num">{duration(t.total_ms)}</td><td className="num">{duration(t.self_ms)}</td><td className="num">{share === null ? "—" : `${share.toFixed(1)}%`}</td>
              <td className="num">{duration(t.p50_ms)}</td><td className="num">{duration(t.p95_ms)}</td><td className="num" title={count(t.tokens)}>{short(t.tokens)}</td><td className="num">{cost(t.cost)}</td>
            </tr>
          );
        })}</tbody>
      </table>
    </div>
  );
}
