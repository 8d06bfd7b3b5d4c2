// What goes when something is deleted for good, as the server counted it.
import { bytes, count } from "../kit/format";
import type { Schemas } from "../api/client";

export type Report = Schemas["PurgeReport"];

export function empty(r: Report): boolean {
  return r.experiments + r.runs + r.logged_models + r.traces + r.assessments + r.dataset_records + r.files + r.days === 0;
}

export function Losses({ report }: { report: Report }) {
  if (empty(report)) return <p>Nothing to delete.</p>;
  const rows: [string, number][] = [["Experiments", report.experiments], ["Runs", report.runs], ["Logged models", report.logged_models], ["Traces", report.traces], ["Spans", report.spans], ["Assessments by the user", report.assessments], ["Dataset records", report.dataset_records], ["Files", report.files], ["Days of payload rewritten", report.days]];
  return (
    <div className="stack">
      <dl className="dl">{rows.filter(([, n]) => n > 0).map(([label, n]) => <div key={label} style={{ display: "contents" }}><dt>{label}</dt><dd>{count(n)}{report.exact ? "" : " or more"}</dd></div>)}{report.bytes > 0 && <><dt>Size</dt><dd>{bytes(report.bytes)}{report.exact ? "" : " or more"}</dd></>}</dl>
      {report.names.length > 0 && <p className="muted label" style={{ overflowWrap: "anywhere" }} dir="auto">Among them: {report.names.join(", ")}</p>}
      {report.versions.length > 0 && <div className="banner warning" role="alert">Model versions use files that would go: {report.versions.slice(0, 10).join(", ")}{report.versions.length > 10 ? ` and ${report.versions.length - 10} more` : ""}.</div>}
      {report.elsewhere.length > 0 && <p className="muted label">Not on this server, stays: {report.elsewhere.join(", ")}</p>}
    </div>
  );
}
