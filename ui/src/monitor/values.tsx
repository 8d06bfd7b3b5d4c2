// The values of a grouping side by side.
import { A } from "../app/link";
import { cost, count, duration, metric, short } from "../kit/format";
import { name } from "./charts";
import { type Answer, ofSpans, type Series } from "./data";

export function ValueTable({ m, by, title, href }: { m: Answer; by: string; title: string; href: (s: Series) => string }) {
  const spans = ofSpans(by), scored = m.series.some((s) => s.total.scores > 0);
  return (
    <section className="card" aria-label={title}>
      <header><h2 className="grow">{title}</h2>{!m.exact && m.folded === 0 && <span className="muted label">Beyond the 200 largest of an hour, values are summed up in the rest.</span>}</header>
      <div className="scroll-x" tabIndex={0} role="region" aria-label={`${title}, table`}>
        <table className="plain">
          <thead><tr><th scope="col">{title}</th>{spans && <th scope="col" className="num">Calls</th>}<th scope="col" className="num">Traces</th><th scope="col" className="num">Failed</th><th scope="col" className="num">p50</th><th scope="col" className="num">p95</th><th scope="col" className="num">p99</th><th scope="col" className="num">Tokens</th><th scope="col" className="num">Cost</th><th scope="col" className="num">Per 1,000 {spans ? "calls" : "traces"}</th>{scored && <th scope="col" className="num">Score</th>}</tr></thead>
          <tbody>{m.series.map((s) => {
            const t = s.total, n = spans ? t.spans : t.traces;
            return (
              <tr key={s.other ? "\u0000other" : s.value}>
                <td dir="auto">{s.other || (!s.clause && by !== "experiment") ? name(s, m) : <A href={href(s)}>{name(s, m)}</A>}</td>
                {spans && <td className="num">{count(t.spans)}</td>}<td className="num">{s.other && spans ? "—" : count(t.traces)}</td>
                <td className="num" title={`${count(t.errors)} of ${count(n)}`}>{n ? `${((100 * t.errors) / n).toFixed(2)}%` : "—"}</td>
                <td className="num">{duration(t.p50_ms)}</td><td className="num">{duration(t.p95_ms)}</td><td className="num">{duration(t.p99_ms)}</td>
                <td className="num" title={count(t.tokens)}>{short(t.tokens)}</td><td className="num" title={t.unpriced_calls ? `${count(t.unpriced_calls)} calls without a price` : undefined}>{cost(t.cost)}{t.unpriced_calls > 0 && t.cost !== null ? "*" : ""}</td>
                <td className="num">{t.cost === null || !n ? "—" : cost((t.cost / n) * 1000)}</td>
                {scored && <td className="num">{t.score_mean === null ? "—" : `${metric(t.score_mean)} n ${count(t.scores)}`}</td>}
              </tr>
            );
          })}</tbody>
        </table>
      </div>
    </section>
  );
}
