// Home: what needs me, and then what happened.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { byState, reading, shownState, useAlerts } from "../alerts/data";
import { api, type Schemas } from "../api/client";
import { listen } from "../api/live";
import { useCrumbs } from "../app/crumbs";
import { A } from "../app/link";
import { parseTime, to, useUrl, useWs } from "../app/url";
import { JobCard } from "../jobs/jobs";
import { CopyAs } from "../kit/copyas";
import { clock, cost, count, duration, metric, plural, short } from "../kit/format";
import { Histogram } from "../kit/histogram";
import { Icon } from "../kit/icons";
import { Lines, Load, Segments, Status, Time } from "../kit/states";
import { useSession } from "../session/session";
import { TraceList } from "../traces/tracelist";

type Home = Schemas["Home"];
const ranges = [["-1h", "Hour"], ["-24h", "Day"], ["-7d", "Week"], ["-30d", "Month"]] as const;
const names: Record<string, string> = { "-1h": "the last hour", "-24h": "the last day", "-7d": "the last week", "-30d": "the last month" };

export default function HomePage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const client = useQueryClient();
  const session = useSession();
  const from = ranges.some(([v]) => v === search.from) ? search.from! : "-24h";
  useCrumbs({ label: "Home" });
  const home = useQuery({ queryKey: ["home", ws, from], queryFn: ({ signal }) => api.get("/w/{ws}/home", { path: { ws }, query: { from_ms: parseTime(from)! }, signal }), refetchInterval: 60_000, placeholderData: (old) => old });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = listen(ws, () => { timer ??= setTimeout(() => { timer = undefined; void client.invalidateQueries({ queryKey: ["home", ws] }); }, 5_000); });
    return () => { off(); clearTimeout(timer); };
  }, [ws, client]);
  const range = <Segments label="Time range" value={from} onChange={(v) => set({ from: v === "-24h" ? undefined : v }, { replace: true })} options={ranges} />;
  return (
    <div className="page scroll">
      <div className="page-head"><h1 className="grow clip">{session.user ? `Hello, ${session.user.display_name || session.user.username}` : "Home"}</h1>
        {range}
        <CopyAs icon cli={["trace", "list", "--filter", "status = 'ERROR'", "--since", from.slice(1)]} call={{ path: `/w/${encodeURIComponent(ws)}/home` }} /></div>
      <div className="page-body"><Load query={home} rows={10}>{(h) => (isEmpty(h) ? <Setup /> : <Filled home={h} from={from} />)}</Load></div>
    </div>
  );
}

/** Nothing ever arrived, as far as the last 30 days show. */
function isEmpty(h: Home): boolean {
  return h.traces === 0 && h.recent_runs.length === 0 && h.jobs.length === 0 && h.spend.every((s) => s.cost === null && s.unpriced_spans === 0);
}

/** What to do with a server that holds nothing. */
function Setup() {
  const session = useSession();
  const ws = useWs();
  const address = session.server.address;
  const steps: [string, React.ReactNode, string][] = [
    ["Send traces and runs", "From Python, with MLflow's own client:", `import mlflow\nmlflow.set_tracking_uri("${address}")\nmlflow.openai.autolog()   # or langchain, anthropic, bedrock, …`],
    ["Or from any language", "With any OpenTelemetry exporter:", `export OTEL_EXPORTER_OTLP_ENDPOINT=${address}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`],
    ["Bring what you have", <>Runs, artifacts, models, prompts and traces of an MLflow server, <A href={to(ws, "imports")}>in a form</A> or:</>, `assay import mlflow http://old-server:5000 --server ${address}`],
    ["Or look around first", "Fill this server with the sample, a finance assistant:", `assay demo --server ${address}`],
  ];
  return (
    <div className="stack" style={{ maxWidth: 760 }}>
      <div><h2>Nothing has arrived yet</h2><p className="muted">This page will show failures, spend and what waits for you. To begin:</p></div>
      <ol className="stack">{steps.map(([title, text, code], i) => (
        <li key={title} className="setup"><span className="step" aria-hidden="true">{i + 1}</span><div className="grow stack" style={{ gap: 6 }}><h3>{title}</h3><p className="muted">{text}</p><Lines code={code} label={`Copy: ${title}`} /></div></li>
      ))}</ol>
      {session.setup_needed && <p className="muted">Only this machine can connect so far. <A href={to(ws, "people")}>Create the first account</A> before others use it.</p>}
    </div>
  );
}

function Filled({ home: h, from }: { home: Home; from: string }) {
  const ws = useWs();
  const tracesIn = `${to(ws, "traces")}?from=${from}`, failedIn = `${tracesIn}&q=${encodeURIComponent("status = 'ERROR'")}`;
  return (
    <>
      <Attention home={h} />
      <div className="figures">
        <Figure label="Traces" value={short(h.traces)} note={plural(h.spans, "span")} title={count(h.traces)} href={tracesIn} />
        <Figure label="Failed" value={short(h.errors)} note={h.traces ? `${((100 * h.errors) / h.traces).toFixed(1)}% of ${count(h.traces)}` : "no traces"} href={failedIn} tone={h.errors ? "error" : undefined} />
        <Figure label="Median duration" value={duration(h.latency_p50_ms)} note={`95th percentile ${duration(h.latency_p95_ms)}`} href={`${tracesIn}&sort=-duration`} />
        <Figure label="Tokens" value={short(h.tokens)} note="in and out" title={count(h.tokens)} href={`${tracesIn}&sort=-tokens`} />
        <Figure label="Spend" value={cost(h.cost)} note={unpriced(h.unpriced_spans, h.cost)} href={`${tracesIn}&sort=-cost`} />
      </div>
      {h.histogram.ok.length > 0 && <section className="card"><header><h2 className="grow">Traces over {names[from]}</h2><A href={tracesIn}>All traces</A></header><div style={{ padding: "12px 0 4px" }}><Histogram data={h.histogram} height={72} /></div></section>}
      <div className="columns">
        <section className="stack" style={{ gap: 8 }}><h2>Newest failures</h2>{h.recent_errors.length ? <TraceList rows={h.recent_errors} /> : <p className="muted">None in {names[from]}.</p>}</section>
        <div className="stack">
          <Spend spend={h.spend} />
          <section className="stack" style={{ gap: 8 }}><h2>Newest runs</h2><Runs runs={h.recent_runs} /></section>
        </div>
      </div>
    </>
  );
}

const unpriced = (n: number, known: number | null) => (n ? `and ${plural(n, "call")} of unknown price` : known === null ? "no call with usage" : "all calls priced");

/** What somebody should look at now: alerts that fire, jobs that failed or run. */
function Attention({ home: h }: { home: Home }) {
  const ws = useWs();
  const alerts = useAlerts(ws);
  const firing = [...(alerts.data?.alerts ?? [])].filter((a) => shownState(a) === "firing").sort(byState);
  if (firing.length === 0 && h.jobs.length === 0) return null;
  return (
    <section className="stack" style={{ gap: 8 }} aria-label="Needs attention"><h2>Needs attention</h2>
      {firing.map((a) => (
        <A key={a.alert_id} className={`banner ${a.severity === "critical" ? "error" : "warning"}`} href={to(ws, "alerts", a.alert_id)}>
          <Icon name="bell" /><span className="grow"><b dir="auto">{a.name}</b> {a.sentence}. Now {reading(a.signal, a.measured)}, since <Time ms={a.since_ms} />.</span>
        </A>
      ))}
      {h.jobs.map((j) => <JobCard key={j.job_id} job={j} ws={ws} />)}
    </section>
  );
}

function Spend({ spend }: { spend: Home["spend"] }) {
  return (
    <section className="stack" style={{ gap: 8 }}><h2>Spend</h2>
      <div className="card"><table className="plain"><thead><tr><th scope="col">Last</th><th scope="col" className="num">Spent</th><th scope="col" className="num">Calls of unknown price</th></tr></thead>
        <tbody>{spend.map((s) => <tr key={s.days}><td>{s.days === 1 ? "24 hours" : `${s.days} days`}</td><td className="num" title={s.cost === null ? "unknown" : String(s.cost)}>{cost(s.cost)}</td><td className="num">{s.unpriced_spans ? count(s.unpriced_spans) : "none"}</td></tr>)}</tbody></table></div>
    </section>
  );
}

function Runs({ runs }: { runs: Home["recent_runs"] }) {
  const ws = useWs();
  if (runs.length === 0) return <p className="muted">No runs.</p>;
  return (
    <ul className="card rows-list">{runs.map((r) => {
      const best = Object.entries(r.metrics).filter(([k]) => !k.startsWith("system/")).slice(0, 2);
      return <li key={r.run_id}><A className="item" href={to(ws, "runs", r.run_id)}><Status value={r.status} bare /><span className="grow" style={{ minWidth: 0 }}><b className="clip" style={{ display: "block" }} dir="auto">{r.name}</b><span className="muted label clip" style={{ display: "block" }}>{best.map(([k, v]) => `${k} ${metric(v)}`).join(" · ") || r.experiment_name}</span></span><span className="muted label"><Time ms={r.start_ms} short={clock(r.start_ms)} /></span></A></li>;
    })}</ul>
  );
}

function Figure({ label, value, note, href, tone, title }: { label: string; value: string; note: string; href: string; tone?: string | undefined; title?: string }) {
  return <A className="figure" href={href} title={title}><span className="label">{label}</span><span className="value" style={tone ? { color: `var(--${tone})` } : undefined}>{value}</span><span className="note">{note}</span></A>;
}
