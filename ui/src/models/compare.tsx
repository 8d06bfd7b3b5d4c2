// Two versions of a model side by side: metrics, params, tags, files, and the
// MLmodel file, which holds the signature.
import { useQueries } from "@tanstack/react-query";
import { api, url } from "../api/client";
import { useWs } from "../app/url";
import { DiffView } from "../kit/diffview";
import { bytes, delta, full, metric, toNumber } from "../kit/format";
import { Load, Skeleton } from "../kit/states";
import { direction } from "../runs/data";
import { type ModelVersion, modelsKey, useModelVersion } from "./data";

export function CompareVersions({ name, before, after }: { name: string; before: string; after: string }) {
  const ws = useWs();
  const a = useModelVersion(ws, name, before), b = useModelVersion(ws, name, after);
  return <Load query={a}>{(x) => <Load query={b}>{(y) => <Both name={name} a={x} b={y} />}</Load>}</Load>;
}

function Both({ name, a, b }: { name: string; a: ModelVersion; b: ModelVersion }) {
  const ws = useWs();
  const files = useQueries({ queries: [a, b].map((v) => ({
    queryKey: [...modelsKey(ws), name, "version", v.version, "files and MLmodel"],
    retry: false,
    queryFn: async ({ signal }: { signal: AbortSignal }) => {
      const path = { ws, name, version: v.version }, all = new Map<string, number | null>(), folders = [""];
      while (folders.length && all.size < 2000) {
        const p = await api.get("/w/{ws}/models/{name}/versions/{version}/artifacts", { path, query: { path: folders.pop()!, limit: 1000 }, signal });
        for (const f of p.files) { if (f.is_dir) folders.push(f.path); else all.set(f.path, f.size); }
      }
      const at = [...all.keys()].find((f) => f === "MLmodel" || f.endsWith("/MLmodel"));
      const text = at ? await fetch(url("/w/{ws}/models/{name}/versions/{version}/artifacts/content", path, { path: at }), { signal, headers: { range: "bytes=0-200000" } }).then((r) => (r.ok ? r.text() : "")) : "";
      return { all, text };
    },
  })) });
  const [fa, fb] = files;
  const rows = [...values(a, b)];
  return (
    <div className="stack">
      <section className="card" style={{ overflowX: "auto" }} tabIndex={0} aria-label={`Differences of v${a.version} and v${b.version}`}>
        <table className="plain"><thead><tr><th scope="col">What differs</th><th scope="col">v{a.version}</th><th scope="col">v{b.version}</th></tr></thead>
          <tbody>{rows.map((r) => <tr key={r.key}><td dir="auto">{r.key}</td><td dir="auto">{show(r.a)}</td><td dir="auto">{show(r.b)}{typeof r.a === "number" && typeof r.b === "number" && <Delta k={r.key} d={r.b - r.a} />}</td></tr>)}
            {rows.length === 0 && <tr><td colSpan={3} className="muted">Metrics, params, tags, stage and source are the same.</td></tr>}</tbody></table>
      </section>
      <section className="card" style={{ overflowX: "auto" }}><header><h2>Files</h2></header>
        {fa?.data && fb?.data ? <FileDifferences a={fa.data.all} b={fb.data.all} names={[`v${a.version}`, `v${b.version}`]} /> : fa?.error || fb?.error ? <p className="muted body">The files of one of them cannot be read from here.</p> : <Skeleton rows={2} />}</section>
      {fa?.data && fb?.data && (fa.data.text || fb.data.text) && <><h2>MLmodel: flavours and signature</h2><DiffView before={fa.data.text} after={fb.data.text} names={[`v${a.version}`, `v${b.version}`]} /></>}
    </div>
  );
}

const show = (v: string | number | null) => (v === null ? <span className="muted">—</span> : typeof v === "number" ? <span title={full(v)}>{metric(v)}</span> : v);

function Delta({ k, d }: { k: string; d: number }) {
  const way = direction(k) * Math.sign(d);
  return <span className={`label muted ${way > 0 ? "better" : way < 0 ? "worse" : ""}`} title="two single measurements, no interval"> <i aria-hidden="true">{d > 0 ? "▲" : "▼"}</i> {delta(d)}</span>;
}

interface Pair { key: string; a: string | number | null; b: string | number | null; }

/** What the versions have, where it is not the same. */
export function values(a: ModelVersion, b: ModelVersion): Pair[] {
  const side = (v: ModelVersion) => new Map<string, string | number>([
    ["stage", v.stage], ["aliases", v.aliases.map((x) => `@${x}`).join(", ")], ["run", v.run_name ?? v.run_id ?? ""], ["source", v.source],
    ...v.metrics.map((m): [string, string | number] => [`${m.key}${m.dataset_name ? ` on ${m.dataset_name}` : ""}`, Number.isFinite(toNumber(m.value)) ? toNumber(m.value) : String(m.value)]),
    ...Object.entries(v.params).map(([k, x]): [string, string] => [`param ${k}`, x]), ...Object.entries(v.tags).map(([k, x]): [string, string] => [`tag ${k}`, x]),
  ]);
  const x = side(a), y = side(b);
  return [...new Set([...x.keys(), ...y.keys()])].map((key) => ({ key, a: x.get(key) || x.get(key) === 0 ? x.get(key)! : null, b: y.get(key) || y.get(key) === 0 ? y.get(key)! : null })).filter((p) => p.a !== p.b);
}

function FileDifferences({ a, b, names }: { a: Map<string, number | null>; b: Map<string, number | null>; names: [string, string] }) {
  const all = [...new Set([...a.keys(), ...b.keys()])].sort(), changed = all.filter((f) => a.has(f) !== b.has(f) || a.get(f) !== b.get(f));
  if (changed.length === 0) return <p className="muted body">The same {all.length} files with the same sizes.</p>;
  return <table className="plain"><thead><tr><th scope="col">File</th><th scope="col" className="num">{names[0]}</th><th scope="col" className="num">{names[1]}</th></tr></thead><tbody>{changed.slice(0, 200).map((f) => <tr key={f}><td dir="auto">{f}</td><td className="num">{a.has(f) ? bytes(a.get(f)) : "—"}</td><td className="num">{b.has(f) ? bytes(b.get(f)) : "—"}</td></tr>)}</tbody></table>;
}
