// Traces as a file for other tools.
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { url } from "../api/client";
import { toastError } from "../app/toast";
import { useWs } from "../app/url";
import { Lines } from "../kit/states";
import { useSession } from "../session/session";

const formats = [["parquet", "Parquet, a row for each span", "parquet"], ["otlp-json", "OTLP, JSON lines", "jsonl"], ["otlp-proto", "OTLP, protobuf", "binpb"]] as const;

export function ExportTraces() {
  const ws = useWs();
  const { server } = useSession();
  const [format, setFormat] = useState<(typeof formats)[number][0]>("parquet");
  const [filter, setFilter] = useState("");
  const [days, setDays] = useState(7);
  const extension = formats.find((f) => f[0] === format)![2];
  const download = useMutation({
    mutationFn: async () => {
      const response = await fetch(url("/w/{ws}/traces/export", { ws }), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ format, filter, from_ms: days ? Date.now() - days * 86_400_000 : 0 }) });
      if (!response.ok) throw new Error(((await response.json()) as { error: { message: string } }).error.message);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await response.blob());
      link.download = `traces.${extension}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    },
    onError: toastError,
  });
  const quoted = filter.replaceAll("'", `'\\''`);
  return (
    <section className="card"><header><h2>Export traces</h2></header><form className="body stack" onSubmit={(e) => { e.preventDefault(); download.mutate(); }}>
      <div className="row wrap" style={{ alignItems: "flex-end", gap: 8 }}>
        <div className="field"><label htmlFor="format">Format</label><select id="format" className="input" value={format} onChange={(e) => setFormat(e.target.value as typeof format)}>{formats.map(([id, label]) => <option key={id} value={id}>{label}</option>)}</select></div>
        <div className="field"><label htmlFor="days">Of the last</label><select id="days" className="input" value={days} onChange={(e) => setDays(Number(e.target.value))}><option value={1}>day</option><option value={7}>7 days</option><option value={30}>30 days</option><option value={0}>all time</option></select></div>
        <div className="field grow" style={{ minWidth: 200 }}><label htmlFor="export-filter">Filter</label><input id="export-filter" className="input mono" value={filter} onChange={(e) => setFilter(e.target.value)} placeholder="every trace; or status = 'ERROR'" /></div>
      </div>
      <div><button className="button primary" disabled={download.isPending}>{download.isPending ? "Downloading…" : "Download"}</button></div>
      <p className="muted">The browser holds the file until it is saved; for large ones use the command line, which writes as it reads:</p>
      <Lines label="Copy the command" code={`assay export traces --server ${server.address} --workspace ${ws} --format ${format}${days ? ` --last ${days * 24}h` : ""}${filter ? ` --filter '${quoted}'` : ""} -o traces.${extension}`} />
    </form></section>
  );
}
