// Home: what needs me.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api } from "../api/client";
import { listen } from "../api/live";
import { useCrumbs } from "../app/crumbs";
import { A } from "../app/link";
import { to, useUrl, useWs } from "../app/url";
import { JobCard } from "../jobs/jobs";
import { clock, cost, count, duration, metric, plural, short } from "../kit/format";
import { Histogram } from "../kit/histogram";
import { Empty, Load, Segments, Status, Time } from "../kit/states";
import { useSession } from "../session/session";
import { TraceList } from "../traces/tracelist";
import { parseTime } from "../app/url";

export default function HomePage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const client = useQueryClient();
  const session = useSession();
  const from = search.from ?? "-24h";
  useCrumbs({ label: "Home" });
  const home = useQuery({ queryKey: ["home", ws, from], queryFn: ({ signal }) => api.get("/w/{ws}/home", { path: { ws }, query: { from_ms: parseTime(from)! }, signal }), refetchInterval: 60_000 });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = listen(ws, () => { timer ??= setTimeout(() => { timer = undefined; void client.invalidateQueries({ queryKey: ["home", ws] }); }, 5_000); });
    return () => { off(); clearTimeout(timer); };
  }, [ws, client]);
  const address = session.server.address, tracesIn = `${to(ws, "traces")}?from=${from}`;
  return (
    <div className="page scroll">
      <div className="page-head"><h1 className="grow">{session.user ? `Hello, ${session.user.display_name || session.user.username}` : "Home"}</h1>
        <Segments label="Time range" value={from} onChange={(v) => set({ from: v === "-24h" ? undefined : v }, { replace: true })} options={[["-1h", "Hour"], ["-24h", "Day"], ["-7d", "Week"], ["-30d", "Month"]] as const} /></div>
      <div className="page-body"><Load query={home} rows={10}>{(h) => h.traces === 0 && h.recent_runs.length === 0 ? (
        <Empty title="Nothing has arrived yet" text="Point an MLflow or OpenTelemetry client at this server, or fill it with the sample." code={`export MLFLOW_TRACKING_URI=${address}\nexport OTEL_EXPORTER_OTLP_ENDPOINT=${address}\nassay demo --server ${address}`}><A className="button" href={`${to(ws, "traces")}`}>All traces</A></Empty>
      ) : (
        <>
          <div className="figures">
            <Figure label="Traces" value={short(h.traces)} note={plural(h.spans, "span")} title={count(h.traces)} href={tracesIn} />
            <Figure label="Failed" value={short(h.errors)} note={h.traces ? `${((100 * h.errors) / h.traces).toFixed(1)}% of ${count(h.traces)}` : ""} href={`${tracesIn}&q=${encodeURIComponent("status = 'ERROR'")}`} tone={h.errors ? "error" : undefined} />
            <Figure label="Median duration" value={duration(h.latency_p50_ms)} note={`95th percentile ${duration(h.latency_p95_ms)}`} href={`${tracesIn}&sort=-duration`} />
            <Figure label="Tokens" value={short(h.tokens)} note="in and out" title={count(h.tokens)} href={`${tracesIn}&sort=-tokens`} />
            <Figure label="Spend" value={cost(h.cost)} note={h.unpriced_spans ? `${plural(h.unpriced_spans, "call")} without a price, not counted` : "all calls priced"} href={`${tracesIn}&sort=-cost`} />
          </div>
          {h.histogram.ok.length > 0 && <section className="card"><header><h2 className="grow">Traces over time</h2><A href={tracesIn}>All traces</A></header><div style={{ padding: "12px 0 4px" }}><Histogram data={h.histogram} height={72} /></div></section>}
          {h.jobs.length > 0 && <section className="stack" style={{ gap: 8 }}><h2>Jobs</h2>{h.jobs.map((j) => <JobCard key={j.job_id} job={j} ws={ws} />)}</section>}
          <div className="columns">
            <section className="stack" style={{ gap: 8 }}><h2>Newest failures</h2>{h.recent_errors.length ? <TraceList rows={h.recent_errors} /> : <p className="muted">None in this time.</p>}</section>
            <section className="stack" style={{ gap: 8 }}><h2>Newest runs</h2>{h.recent_runs.length === 0 ? <p className="muted">No runs.</p> : (
              <ul className="card rows-list">{h.recent_runs.map((r) => {
                const best = Object.entries(r.metrics).filter(([k]) => !k.startsWith("system/")).slice(0, 2);
                return <li key={r.run_id}><A className="item" href={to(ws, "runs", r.run_id)}><Status value={r.status} bare /><span className="grow" style={{ minWidth: 0 }}><b className="clip" style={{ display: "block" }}>{r.name}</b><span className="muted label clip" style={{ display: "block" }}>{best.map(([k, v]) => `${k} ${metric(v)}`).join(" · ") || r.experiment_name}</span></span><span className="muted label"><Time ms={r.start_ms} short={clock(r.start_ms)} /></span></A></li>;
              })}</ul>)}</section>
          </div>
        </>
      )}</Load></div>
    </div>
  );
}

function Figure({ label, value, note, href, tone, title }: { label: string; value: string; note: string; href: string; tone?: string | undefined; title?: string }) {
  return <A className="figure" href={href} title={title}><span className="label">{label}</span><span className="value" style={tone ? { color: `var(--${tone})` } : undefined}>{value}</span><span className="note">{note}</span></A>;
}
