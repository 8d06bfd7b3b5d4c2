// The columns of the runs table, over runs and groups of them.
import { A } from "../app/link";
import { to } from "../app/url";
import { clock, count, duration, full, metric, plural, toNumber } from "../kit/format";
import { Icon } from "../kit/icons";
import { style } from "../kit/series";
import { Status, Time } from "../kit/states";
import type { Column } from "../kit/table";
import { durationOf, fieldOf, type RunColumn, columnId, type RunRow, valueOf } from "./data";
import type { Item } from "./items";
import { Spark } from "./spark";

export const fixed = ["status", "start", "duration"];
export const optional = ["user", "experiment", "id"];

/** Keys of the first runs of an experiment, with how many of them have each. */
export function keysOf(rows: RunRow[]): RunColumn[] {
  const counts = new Map<string, RunColumn>();
  const add = (kind: RunColumn["kind"], key: string) => {
    const id = columnId(kind, key), c = counts.get(id);
    if (c) c.runs = (c.runs ?? 0) + 1;
    else counts.set(id, { kind, key, runs: 1 });
  };
  for (const r of rows) {
    for (const k in r.params) add("param", k);
    for (const k in r.metrics) add("metric", k);
    for (const k in r.tags) if (!k.startsWith("mlflow.")) add("tag", k);
  }
  return [...counts.values()].sort((a, b) => (b.runs ?? 0) - (a.runs ?? 0) || a.key.localeCompare(b.key));
}

/** The first view of an experiment: what most runs have and what varies, metrics leading. */
export function suggest(columns: RunColumn[], rows: RunRow[]): string[] {
  const varies = new Map(columns.map((c) => [c, new Set(rows.map((r) => valueOf(r, columnId(c.kind, c.key)))).size > 1 ? 0 : 1]));
  const top = (kind: RunColumn["kind"], n: number) => columns.filter((c) => c.kind === kind && !c.key.startsWith("system/")).sort((a, b) => varies.get(a)! - varies.get(b)! || (b.runs ?? 0) - (a.runs ?? 0) || score(a.key) - score(b.key)).slice(0, n).map((c) => columnId(kind, c.key));
  return [...top("param", 3), ...top("metric", 6)];
}
// Variances and percentiles say less at first sight than means.
const score = (key: string) => (/variance|p90|p95|ratio|std/.test(key) ? 1 : 0);

export interface CellsOptions {
  ws: string;
  names: Map<string, string>;
  chosen: string[];
  now: number;
  sparks: boolean;
  styles: ReadonlyMap<string, number>; // runs that are drawn in the chart
  hidden: ReadonlySet<string>;
  by: string[];
  groups: boolean;
  onToggle: (id: string) => void;
}

export function cells(o: CellsOptions): Column<Item>[] {
  const run = (f: (r: RunRow) => React.ReactNode) => (i: Item) => (i.kind === "run" ? f(i.run) : null);
  const base: Record<string, Column<Item>> = {
    name: { id: "name", header: "Name", width: o.groups ? 300 : 220, pinned: true, ...(o.groups ? {} : { sort: "name" }), cell: (i) => <Name item={i} o={o} /> },
    status: { id: "status", header: "Status", width: 90, ...(o.groups ? {} : { sort: "status" }), cell: (i) => (i.kind === "group" ? <span className="muted">{plural(i.group.runs, "run")}</span> : i.kind === "run" ? <Status value={i.run.status} /> : null) },
    start: { id: "start", header: "Started", width: 104, ...(o.groups ? {} : { sort: "start_ms" }), cell: run((r) => <Time ms={r.start_ms} short={clock(r.start_ms)} />) },
    duration: { id: "duration", header: "Duration", width: 78, num: true, cell: run((r) => duration(durationOf(r, r.status === "RUNNING" ? o.now : undefined))) },
    user: { id: "user", header: "User", width: 110, cell: run((r) => r.user) },
    experiment: { id: "experiment", header: "Experiment", width: 160, cell: run((r) => r.experiment_name || (o.names.get(r.experiment_id) ?? r.experiment_id)) },
    id: { id: "id", header: "Run id", width: 260, cell: run((r) => <code>{r.run_id}</code>) },
  };
  const keyed = (id: string): Column<Item> => {
    const number = id.startsWith("metrics."), key = id.slice(id.indexOf(".") + 1);
    return {
      id, header: key, title: o.groups ? id : `${id}; sort`, width: number ? (o.groups ? 150 : o.sparks ? 150 : 122) : 122, num: number, ...(o.groups ? (number ? { sort: id } : {}) : { sort: fieldOf(id) }),
      cell: (i) => {
        if (i.kind === "group") return number ? <GroupValue m={i.group.metrics[key]} /> : null;
        if (i.kind === "note") return null;
        const v = valueOf(i.run, id);
        if (v === undefined) return <span className="muted" aria-label="none">—</span>;
        if (!number) return <span title={String(v)}>{String(v).slice(0, 200)}</span>;
        return o.sparks ? <span className="row" style={{ gap: 6, justifyContent: "flex-end" }}><Spark ws={o.ws} run={i.run.run_id} name={key} /><span title={full(v)}>{metric(v)}</span></span> : <span title={full(v)}>{metric(v)}</span>;
      },
    };
  };
  return ["name", ...fixed, ...o.chosen].map((id) => base[id] ?? keyed(id));
}

function Name({ item: i, o }: { item: Item; o: CellsOptions }) {
  if (i.kind === "note") return <span className="muted label" style={{ paddingLeft: 22 }}>{i.text}</span>;
  if (i.kind === "group") return (
    <span className="row" style={{ gap: 4 }}>
      <Toggle open={i.open} label="the group" onClick={() => o.onToggle(i.id)} />
      <b className="clip" dir="auto">{i.group.values.map((v, k) => <span key={k}>{k > 0 && <span className="muted"> · </span>}{v === null ? <span className="muted">no {i.by[k]!.slice(i.by[k]!.indexOf(".") + 1)}</span> : v === "" ? <span className="muted">empty</span> : v}</span>)}</b>
      <span className="muted label">{count(i.group.runs)}</span>
    </span>
  );
  const n = o.styles.get(i.run.run_id), off = o.hidden.has(i.run.run_id);
  return (
    <span className="row" style={{ gap: 5, paddingLeft: i.depth * 18 }}>
      {i.children !== 0 && <Toggle open={i.open} label={`nested runs of ${i.run.name}`} onClick={() => o.onToggle(i.id)} />}
      {n !== undefined && <span aria-hidden="true" title={off ? "hidden in charts" : "drawn in charts"} style={{ color: off ? "var(--muted)" : `var(--${style(n).token})`, width: 12, flex: "none" }}>{off ? "◌" : style(n).mark}</span>}
      {i.depth === 0 && i.run.parent_run_id && <span className="muted" title="nested run">↳</span>}
      <A className="name clip" href={to(o.ws, "runs", i.run.run_id)} tabIndex={-1} title={i.run.name}>{i.run.name || i.run.run_id.slice(0, 8)}</A>
      {i.children !== null && i.children > 0 && <span className="muted label">{count(i.children)}</span>}
    </span>
  );
}

function Toggle({ open, label, onClick }: { open: boolean; label: string; onClick: () => void }) {
  return <button className="icon-button" tabIndex={-1} style={{ minWidth: 18, height: 20, padding: 0, flex: "none" }} aria-expanded={open} aria-label={`${open ? "Close" : "Open"} ${label}`} onClick={onClick}><Icon name={open ? "down" : "right"} size={12} /></button>;
}

/** A mean with half its interval, and how many runs it is over. */
function GroupValue({ m }: { m: { n: number; mean: number | string | null; low: number | string | null; high: number | string | null; sd: number | string | null; min: number | string | null; max: number | string | null } | undefined }) {
  if (!m || m.n === 0) return <span className="muted" aria-label="none">—</span>;
  const half = toNumber(m.high) - toNumber(m.mean);
  return <span title={`mean ${full(m.mean)}, 95% interval [${full(m.low)}, ${full(m.high)}], standard deviation ${full(m.sd)}, from ${full(m.min)} to ${full(m.max)}, ${plural(m.n, "run")}`}>{metric(m.mean)}{Number.isFinite(half) && <span className="muted"> ±{metric(half)}</span>} <span className="muted label">n{count(m.n)}</span></span>;
}
