// The columns of the traces table, and the same trace as a card on a phone.
import { A } from "../app/link";
import { to } from "../app/url";
import { clock, cost, count, duration, full, gist, short } from "../kit/format";
import { Scores } from "../kit/score";
import { Status, Time } from "../kit/states";
import type { Column } from "../kit/table";
import type { TraceRow } from "./data";

export const standardColumns = ["status", "name", "input", "output", "duration", "tokens", "cost", "scores"];
export const pickableColumns = [...standardColumns, "spans", "errors", "models", "session", "user", "experiment", "run", "id"];

/** Tags that the server sets on traces it watches. */
const flags = [["assay.stalled", "stalled", "Open, and without a new span for long"], ["assay.loop", "loop", "The same tool was called again and again with the same arguments"]] as const;

const flagged = (tags: Record<string, string>) => flags.some(([key]) => tags[key] !== undefined && tags[key] !== "false");

export function Flags({ tags }: { tags: Record<string, string> }) {
  return <>{flags.map(([key, label, why]) => (tags[key] === undefined || tags[key] === "false" ? null : <span key={key} className="status warning tint flag" title={`${why}${/^(true|1|yes)?$/.test(tags[key]!) ? "" : `: ${tags[key]}`}`}>{label}</span>))}</>;
}

export function columnsOf(ws: string, experiments: Map<string, string>, chosen: string[]): Column<TraceRow>[] {
  const link = (r: TraceRow, text: string) => {
    const name = <A className="name clip" href={to(ws, "traces", r.trace_id)} tabIndex={-1} title={text}>{text}</A>;
    return flagged(r.tags) ? <span className="row" style={{ gap: 6 }}>{name}<Flags tags={r.tags} /></span> : name;
  };
  const all: Record<string, Column<TraceRow>> = {
    status: { id: "status", header: "Status", width: 74, sort: "status", cell: (r) => <Status value={r.status} /> },
    name: { id: "name", header: "Name", width: 116, sort: "name", cell: (r) => link(r, r.name || "(unnamed)") },
    input: { id: "input", header: "Input", width: 158, cell: (r) => <span title={r.input_preview.slice(0, 300)}>{gist(r.input_preview)}</span> },
    output: { id: "output", header: "Output", width: 164, cell: (r) => <span title={r.output_preview.slice(0, 300)}>{gist(r.output_preview)}</span> },
    duration: { id: "duration", header: "Duration", width: 76, num: true, sort: "duration_ms", cell: (r) => <span title={`${full(r.duration_ms)} ms`}>{duration(r.duration_ms)}</span> },
    tokens: { id: "tokens", header: "Tokens", width: 64, num: true, sort: "tokens", cell: (r) => <span title={count(r.tokens.total)}>{short(r.tokens.total)}</span> },
    cost: { id: "cost", header: "Cost", width: 78, num: true, sort: "cost", cell: (r) => <span title={r.cost === null ? "no known price" : `${full(r.cost)} USD`}>{cost(r.cost)}</span> },
    scores: { id: "scores", header: "Scores", width: 220, cell: (r) => <Scores list={r.assessments} max={2} /> },
    spans: { id: "spans", header: "Spans", width: 70, num: true, cell: (r) => count(r.spans) },
    errors: { id: "errors", header: "Failed spans", width: 96, num: true, cell: (r) => count(r.errors) },
    models: { id: "models", header: "Models", width: 180, cell: (r) => r.models.join(", ") },
    session: { id: "session", header: "Session", width: 130, cell: (r) => (r.session ? <A href={to(ws, "sessions", r.session)} tabIndex={-1}>{r.session}</A> : "") },
    user: { id: "user", header: "User", width: 120, cell: (r) => r.user ?? "" },
    experiment: { id: "experiment", header: "Experiment", width: 150, cell: (r) => experiments.get(r.experiment_id) ?? r.experiment_id },
    run: { id: "run", header: "Run", width: 110, cell: (r) => (r.run_id ? <A href={to(ws, "runs", r.run_id)} tabIndex={-1}>{r.run_id.slice(0, 8)}</A> : "") },
    id: { id: "id", header: "Trace id", width: 280, cell: (r) => <code>{r.trace_id}</code> },
  };
  const time: Column<TraceRow> = { id: "start", header: "Time", width: 98, pinned: true, sort: "start_ms", cell: (r) => <Time ms={r.start_ms} short={clock(r.start_ms)} /> };
  return [time, ...chosen.filter((id) => all[id] || id.startsWith("tag.") || id.startsWith("score.")).map((id): Column<TraceRow> => all[id] ?? keyed(id))];
}

/** A tag or a score as a column of its own. */
function keyed(id: string): Column<TraceRow> {
  const key = id.slice(id.indexOf(".") + 1);
  if (id.startsWith("score.")) return { id, header: key, title: `Score ${key}`, width: 120, cell: (r) => { const own = r.assessments.filter((a) => a.name === key && a.span_id === null); return <Scores list={own.length ? own.slice(0, 1) : r.assessments.filter((a) => a.name === key).slice(0, 1)} max={1} />; } };
  return { id, header: key, title: `Tag ${key}`, width: 130, cell: (r) => (r.tags[key] === undefined ? <span className="muted" aria-label="none">—</span> : <span title={r.tags[key]}>{r.tags[key]}</span>) };
}

export function columnChoices(rows: TraceRow[]) {
  const tags = new Map<string, number>(), scores = new Map<string, number>();
  for (const r of rows) {
    for (const k of Object.keys(r.tags)) tags.set(k, (tags.get(k) ?? 0) + 1);
    for (const k of new Set(r.assessments.map((a) => a.name))) scores.set(k, (scores.get(k) ?? 0) + 1);
  }
  const sorted = (m: Map<string, number>, group: string) => [...m].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, n]) => ({ id: `${group}.${k}`, label: k, group, n }));
  return [...pickableColumns.map((id) => ({ id, label: id, group: "trace" })), ...sorted(scores, "score"), ...sorted(tags, "tag")];
}

/** Tag keys of the rows by how many have them, MLflow's own left out. */
export function commonTags(rows: TraceRow[], most: number): string[] {
  const n = new Map<string, number>();
  for (const r of rows) for (const k of Object.keys(r.tags)) if (!k.startsWith("mlflow.")) n.set(k, (n.get(k) ?? 0) + 1);
  return [...n].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, most).map(([k]) => k);
}

export function TraceCard(r: TraceRow) {
  return (
    <>
      <span className="row"><Status value={r.status} bare /><b className="clip grow" dir="auto">{r.name || "(unnamed)"}</b><Flags tags={r.tags} /><span className="muted label"><Time ms={r.start_ms} short={clock(r.start_ms)} /></span></span>
      <span className="clip muted" dir="auto">{gist(r.input_preview) || "—"}</span>
      <span className="row label muted"><span>{duration(r.duration_ms)}</span>·<span>{cost(r.cost)}</span>{r.assessments.length > 0 && <span className="clip"><Scores list={r.assessments} max={2} /></span>}</span>
    </>
  );
}
