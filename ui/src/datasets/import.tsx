// Importing a file: it is checked as a whole first, every problem with its
// line, its field and a remedy, and what will be stored is shown before it is.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas } from "../api/client";
import { toast } from "../app/toast";
import { useWs } from "../app/url";
import { bytes, count, line, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Chip, Dialog } from "../kit/states";
import { brief, datasetsKey } from "./data";

type Result = Schemas["DatasetImport"];
interface Chosen { name: string; format: "jsonl" | "csv"; content: string; }

/** The server takes 8 MiB in one request. */
const most = 7_500_000;

export function ImportDialog({ datasetId, name, onClose }: { datasetId: string; name: string; onClose: () => void }) {
  const ws = useWs();
  const client = useQueryClient();
  const [file, setFile] = useState<Chosen | null>(null);
  const [refused, setRefused] = useState("");
  const send = (f: Chosen, dry_run: boolean) => api.post("/w/{ws}/datasets/{dataset_id}/import", { path: { ws, dataset_id: datasetId }, body: { format: f.format, content: f.content, dry_run } });
  const check = useMutation({ mutationFn: (f: Chosen) => send(f, true) });
  const commit = useMutation({
    mutationFn: (f: Chosen) => send(f, false),
    onSuccess: (r) => {
      if (!r.committed) return;
      void client.invalidateQueries({ queryKey: datasetsKey(ws) });
      toast(`${plural(r.inserted, "record")} added${r.updated ? `, ${count(r.updated)} merged into those with the same inputs` : ""}`);
      onClose();
    },
  });
  async function choose(f: File | undefined) {
    setFile(null); check.reset(); commit.reset(); setRefused("");
    if (!f) return;
    if (f.size > most) { setRefused(`${f.name} has ${bytes(f.size)}; at most ${bytes(most)} go in one import. Split it, or send it with MLflow's client.`); return; }
    const chosen: Chosen = { name: f.name, format: /\.csv$/i.test(f.name) ? "csv" : "jsonl", content: await f.text() };
    setFile(chosen);
    check.mutate(chosen);
  }
  const result = commit.data ?? check.data;
  const error = check.error ?? commit.error;
  const ready = file && result && result.problems_found === 0 && !commit.isPending;
  return (
    <Dialog title={`Import into ${name}`} onClose={onClose} footer={<><button className="button" onClick={onClose}>Cancel</button><button className="button primary" disabled={!ready} onClick={() => file && commit.mutate(file)}>{result && result.problems_found === 0 ? `Import ${plural(result.records, "record")}` : "Import"}</button></>}>
      <div className="stack">
        <p className="muted">JSONL with one record a line, or CSV with a header. A column goes where its prefix says: <code>inputs.question</code>, <code>expectations.answer</code>, <code>tags.split</code>, <code>outputs</code>; without one it is an input.</p>
        <input type="file" aria-label="File to import" accept=".jsonl,.ndjson,.json,.csv,text/csv,application/x-ndjson" onChange={(e) => void choose(e.target.files?.[0])} />
        {refused && <div className="banner error" role="alert"><Icon name="error" />{refused}</div>}
        {error && <div className="banner error" role="alert"><Icon name="error" />{error.message}</div>}
        {check.isPending && <p className="muted" role="status">Checking {file?.name}…</p>}
        {result && <Checked r={result} />}
      </div>
    </Dialog>
  );
}

function Checked({ r }: { r: Result }) {
  if (r.problems_found > 0) return (
    <>
      <div className="banner error" role="alert"><Icon name="error" /><span>{plural(r.problems_found, "problem")}, so nothing was imported.{r.problems_found > r.problems.length && ` Shown are the first ${r.problems.length}.`}</span></div>
      <div style={{ maxHeight: 280, overflow: "auto" }} tabIndex={0} role="region" aria-label="Problems">
        <table className="plain"><thead><tr><th className="num">Line</th><th>Field</th><th>Problem</th><th>Remedy</th></tr></thead>
          <tbody>{r.problems.map((p, i) => <tr key={i}><td className="num">{p.line}</td><td>{p.field ? <code>{p.field}</code> : "—"}</td><td>{p.message}</td><td>{p.remedy}</td></tr>)}</tbody></table>
      </div>
    </>
  );
  return (
    <>
      <p role="status"><span className="status ok"><Icon name="check" size={12} />{plural(r.records, "record")}, no problem</span>{r.repeated > 0 && <span className="muted"> · {count(r.repeated)} repeat the inputs of an earlier line and are merged into it</span>}</p>
      {r.columns.length > 0 && <div className="chips">{r.columns.map((c) => <Chip key={c.name} tone="outline" title={`Column ${c.name} goes to ${c.target}`}>{c.name} → {c.target}</Chip>)}</div>}
      <div style={{ maxHeight: 240, overflow: "auto" }} tabIndex={0} role="region" aria-label="The first records">
        <table className="plain"><thead><tr><th>Inputs</th><th>Expectations</th><th>Outputs</th></tr></thead>
          <tbody>{(r.preview as { inputs?: unknown; expectations?: unknown; outputs?: unknown }[]).map((x, i) => <tr key={i}><td>{cut(x.inputs)}</td><td>{cut(x.expectations)}</td><td>{cut(x.outputs)}</td></tr>)}</tbody></table>
      </div>
    </>
  );
}

function cut(v: unknown): string {
  const s = line(brief(v));
  return s ? (s.length > 160 ? `${s.slice(0, 160)}…` : s) : "—";
}
