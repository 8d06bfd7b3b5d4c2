// One import: how far it is, and the report of what differs.
import { useParams } from "@tanstack/react-router";
import { useCrumbs } from "../app/crumbs";
import { A } from "../app/link";
import { to, useUrl, useWs } from "../app/url";
import { JobCard } from "../jobs/jobs";
import { CopyAs } from "../kit/copyas";
import { bytes, count, duration } from "../kit/format";
import { Icon } from "../kit/icons";
import { Empty, Load, Segments } from "../kit/states";
import { type ImportDetail, kindName, linesOf, purpose, type Report, useImport, wordsOf } from "./data";

const nowrap = { whiteSpace: "nowrap" } as const; // the card scrolls instead

export default function ImportPage() {
  const ws = useWs();
  const { importId } = useParams({ strict: false }) as { importId: string };
  const one = useImport(ws, importId);
  useCrumbs({ label: "Imports", to: to(ws, "imports") }, { label: one.data?.spec.source ?? importId });
  return (
    <div className="page scroll" tabIndex={0}>
      <div className="page-head"><h1 className="grow clip">{one.data ? purpose(one.data.spec) : "Import"}</h1>{one.data && <CopyAs cli={wordsOf(one.data.spec)} call={{ path: `/w/${encodeURIComponent(ws)}/imports/${importId}` }} />}</div>
      <div className="page-body" style={{ maxWidth: 1100 }}><Load query={one}>{(i) => <Detail ws={ws} i={i} />}</Load></div>
    </div>
  );
}

function Detail({ ws, i }: { ws: string; i: ImportDetail }) {
  const { result: _, ...job } = i.job; // it would lead to this page
  return (
    <>
      <JobCard job={{ ...job, result: null }} ws={ws} />
      {i.job.ended_ms === null && i.phase && <p className="muted" role="status">Now: {i.phase}</p>}
      {i.report ? <ReportView ws={ws} i={i} r={i.report} /> : <Empty title="There is no report yet" text="It is filled page by page while the import runs." />}
    </>
  );
}

function ReportView({ ws, i, r }: { ws: string; i: ImportDetail; r: Report }) {
  const lines = linesOf(i.kinds, r, i.spec.dry_run);
  const seconds = Object.entries(r.seconds).filter(([, s]) => s >= 0.05);
  const verdict = i.job.state !== "succeeded" || i.spec.dry_run ? null : i.trouble === 0 ? (r.verified ? "Both sides were compared item by item: everything is here as it is there." : "Copied; the two sides were not compared.") : `${count(i.trouble)} items differ or could not be copied.`;
  return (
    <>
      {verdict && <div className={`banner ${i.trouble ? "warning" : "info"}`} role="status"><Icon name={i.trouble ? "warning" : "check"} />{verdict}</div>}
      <section className="card" aria-label="Counts" style={{ overflow: "auto" }} tabIndex={0}><header><h2 className="grow">Report</h2><span className="muted label">MLflow {r.source.version}</span></header>
        <table className="plain"><thead><tr><th scope="col">Kind</th>{["Found", "Copied", "Updated", "Here already", "Different", "Failed", "Compared", "Not the same"].map((h) => <th key={h} scope="col" className="num">{h}</th>)}</tr></thead>
          <tbody>{lines.map((l) => <tr key={l.kind}><td style={nowrap}>{l.name}</td>{[l.found, l.copied, l.updated, l.already].map((n, k) => <td key={k} className="num">{count(n)}</td>)}<Bad n={l.different} /><Bad n={l.failed} /><td className="num">{count(l.compared)}</td><Bad n={l.unequal} /></tr>)}</tbody></table>
        {!i.spec.dry_run && <p className="body muted">{count(r.points)} metric points and {bytes(r.bytes)} of artifacts copied.</p>}
      </section>
      <Findings r={r} />
      <div className="columns even">
        <section className="card"><header><h2>Experiments</h2></header><div className="body">{r.experiments.length === 0 ? <p className="muted">None were opened.</p> : <ul className="bare">{r.experiments.map((e) => <li key={e.source_id}><A href={`${to(ws, "runs")}?exp=${encodeURIComponent(e.experiment_id)}`} dir="auto">{e.name}</A> <span className="muted label">{e.source_id} there, {e.experiment_id} here</span></li>)}</ul>}</div></section>
        <section className="card"><header><h2>Not carried</h2></header><div className="body">{r.not_carried.length === 0 ? <p className="muted">Nothing was left behind.</p> : <ul className="bare">{r.not_carried.map((n) => <li key={n}>{n}</li>)}</ul>}</div></section>
      </div>
      {seconds.length > 0 && <p className="muted label">Time: {seconds.map(([phase, s]) => `${phase} ${duration(s * 1000)}`).join(", ")}</p>}
    </>
  );
}

function Bad({ n }: { n: number | null }) {
  return <td className="num">{n ? <b className="error">{count(n)}</b> : count(n)}</td>;
}

function Findings({ r }: { r: Report }) {
  const { search, set } = useUrl();
  if (r.findings.length === 0) return null;
  const kinds = [...new Set(r.findings.map((f) => f.kind))];
  const kind = kinds.includes(search.kind ?? "") ? search.kind! : "";
  const outcome = search.outcome === "different" || search.outcome === "failed" ? search.outcome : "";
  const shown = r.findings.filter((f) => (!kind || f.kind === kind) && (!outcome || f.outcome === outcome));
  return (
    <section className="card" aria-label="What differs" style={{ overflow: "auto" }} tabIndex={0}>
      <header><h2 className="grow">What differs <span className="muted label">{count(shown.length)}{r.omitted > 0 && ` and ${count(r.omitted)} more that are not kept`}</span></h2>
        <Segments label="Outcome" value={outcome} onChange={(v) => set({ outcome: v || undefined }, { replace: true })} options={[["", "All"], ["different", "Different"], ["failed", "Failed"]] as const} />
        {kinds.length > 1 && <select className="input" aria-label="Kind" value={kind} onChange={(e) => set({ kind: e.target.value || undefined }, { replace: true })}><option value="">All kinds</option>{kinds.map((k) => <option key={k} value={k}>{kindName(k)}</option>)}</select>}
      </header>
      <table className="plain"><thead><tr><th scope="col">Kind</th><th scope="col">Item</th><th scope="col">Why</th></tr></thead><tbody>{shown.slice(0, 500).map((f, n) => <tr key={n}><td style={nowrap}>{kindName(f.kind)}</td><td className="mono" dir="auto" style={{ minWidth: 160 }}>{f.id}</td><td dir="auto" style={{ minWidth: 200 }}>{f.reason}</td></tr>)}</tbody></table>
    </section>
  );
}
