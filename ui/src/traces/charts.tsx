// The Charts tab: volume, errors, latency, tokens, cost and scores of what the
// page's filter finds, in all or by model, tool or tag. A click filters.
import { useMemo } from "react";
import { useUrl, useWs } from "../app/url";
import { withClause } from "../kit/filter";
import { count, duration } from "../kit/format";
import { Icon } from "../kit/icons";
import { Empty, Failure, Load, Skeleton } from "../kit/states";
import { Charts } from "../monitor/charts";
import { type Series, useMonitor } from "../monitor/data";
import { ValueTable } from "../monitor/values";
import type { TraceQuery } from "./data";
import { filterOf } from "./filters";

const fixed = [["total", "everything"], ["model", "model"], ["tool", "tool"], ["agent", "agent"], ["node", "node"], ["name", "trace name"], ["user", "user"], ["experiment", "experiment"]] as const;

export default function TraceCharts({ query, since, tags }: { query: TraceQuery; since: number | undefined; tags: string[] }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const options = [...fixed.map(([id, text]) => [id as string, text as string]), ...tags.map((t) => [`tag.${t}`, t])], asked = search.by ?? "total";
  const by = options.some(([id]) => id === asked) || /^tag\../.test(asked) ? asked : "total";
  const body = useMemo(() => {
    const filter = filterOf(query), from = query.from_ms ?? since;
    return { ...(query.experiment_ids ? { experiment_ids: query.experiment_ids } : {}), ...(filter ? { filter } : {}), ...(from === undefined ? {} : { from_ms: from }), ...(query.to_ms === undefined ? {} : { to_ms: query.to_ms }) };
  }, [query, since]);
  const main = useMonitor(ws, { ...body, by }), errors = useMonitor(ws, { ...body, by: "error", limit: 6 }), scores = useMonitor(ws, { ...body, by: "score", limit: 6 });
  const open = (from: number, till: number, s: Series | null) => set({ tab: undefined, from: String(from), to: String(till), ...(s?.clause ? { q: withClause(search.q ?? "", s.clause) } : {}), ...(by === "experiment" && s?.value && !s.other && !s.clause ? { exp: s.value } : {}) });
  const href = (s: Series) => {
    const q = new URLSearchParams(Object.entries({ ...search, q: s.clause ? withClause(search.q ?? "", s.clause) : search.q, ...(by === "experiment" && !s.other ? { exp: s.value } : {}) }).flatMap(([k, v]) => (v ? [[k, v] as [string, string]] : [])));
    return `${location.pathname}?${q}`;
  };
  if (main.error && (main.error as { position?: unknown }).position) return <div className="grow" />;
  if (since === undefined && query.from_ms === undefined) return <div className="grow"><Skeleton rows={8} /></div>;
  if (main.error && !main.data) return <Failure error={main.error} retry={() => void main.refetch()} />;
  return (
    <div className="grow charts-tab" tabIndex={0} role="region" aria-label="Charts">
      <label className="row label" style={{ gap: 6, marginBottom: 10 }}><span className="muted">by</span>
        <select className="input" aria-label="Group by" value={by} onChange={(e) => set({ by: e.target.value === "total" ? undefined : e.target.value }, { replace: true })}>{options.map(([id, text]) => <option key={id} value={id}>{text}</option>)}{!options.some(([id]) => id === by) && <option value={by}>{by.slice(4)}</option>}</select>
        <span className="muted">A click on a time or a value filters; dragging zooms.</span></label>
      <Load query={main} rows={8}>{(m) => m.whole.total.traces === 0 ? <Empty title="No trace matches" text="Try fewer conditions or a longer time." /> : (
        <div className="stack">
          {m.lag_ms > 0 && <div className="banner info" role="status"><Icon name="clock" />Traces that changed in the last {duration(m.lag_ms)} are still being summed up.</div>}
          {!m.exact && m.folded > 0 && <div className="banner warning" role="status"><Icon name="warning" />Shown are the newest {count(m.folded)} that match: this filter cannot be answered from what is summed up ahead.</div>}
          <Charts main={m} by={by} errors={errors.data} scores={scores.data} open={open} zoom={(from, till) => set({ from: String(Math.round(from)), to: String(Math.round(till)) })} />
          {by !== "total" && <ValueTable m={m} by={by} title={options.find(([id]) => id === by)?.[1] ?? by} href={href} />}
        </div>
      )}</Load>
    </div>
  );
}
