// A dataset that runs logged: its versions, and the runs that read each.
import { useParams } from "@tanstack/react-router";
import { useCrumbs } from "../app/crumbs";
import { A } from "../app/link";
import { to, useUrl, useWs } from "../app/url";
import { count, plural } from "../kit/format";
import { Payload } from "../kit/json";
import { Chip, Empty, Load, Time } from "../kit/states";
import { type InputVersion, useInput } from "./data";
import { LineageButton } from "../lineage/open";

export default function InputPage() {
  const ws = useWs();
  const { name } = useParams({ strict: false }) as { name: string };
  const input = useInput(ws, name);
  useCrumbs({ label: "Datasets", to: `${to(ws, "datasets")}?tab=logged` }, { label: name });
  return <div className="page scroll"><Load query={input}>{(d) => <View name={d.name} versions={d.versions} more={d.more} />}</Load></div>;
}

/** The clause that finds the runs of a version. */
function clause(name: string, digest: string): string {
  const quote = (s: string) => (s.includes("'") ? `"${s}"` : `'${s}'`);
  return `dataset.name = ${quote(name)} AND dataset.digest = ${quote(digest)}`;
}

function View({ name, versions, more }: { name: string; versions: InputVersion[]; more: boolean }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const key = (v: InputVersion) => `${v.experiment_id}:${v.digest}`;
  const current = versions.find((v) => key(v) === search.version) ?? versions[0];
  if (!current) return <Empty title="No version is left" />;
  return (
    <>
      <div className="page-head" style={{ paddingBottom: 2 }}><h1 className="clip" dir="auto">{name}</h1><LineageButton kind="input" id={`${current.experiment_id}/${current.digest}/${name}`} /></div>
      <div className="facts"><span>{plural(new Set(versions.map((v) => v.digest)).size, "version")}{more && " and more"}</span><span>read by {plural(versions.reduce((n, v) => n + v.runs, 0), "run")}</span></div>
      <div className="page-body" style={{ paddingTop: 12 }}>
        <section className="card" style={{ overflow: "auto" }}><table className="plain"><thead><tr><th>Digest</th><th>Experiment</th><th>Used as</th><th className="num">Runs</th><th>Last used</th><th>Source</th></tr></thead>
          <tbody>{versions.map((v) => (
            <tr key={key(v)} aria-current={v === current} style={v === current ? { background: "var(--selected)" } : undefined}>
              <td><button className="link mono" onClick={() => set({ version: key(v) }, { replace: true })}>{v.digest}</button></td>
              <td><A href={`${to(ws, "runs")}?exp=${v.experiment_id}`}>{v.experiment_name || v.experiment_id}</A></td>
              <td>{v.contexts.join(", ") || "—"}</td>
              <td className="num"><A href={`${to(ws, "runs")}?exp=${v.experiment_id}&q=${encodeURIComponent(clause(name, v.digest))}`}>{count(v.runs)}</A></td>
              <td><Time ms={v.last_used_ms} /></td>
              <td>{v.source_type || "—"}</td>
            </tr>
          ))}</tbody></table></section>
        <div className="columns even">
          <section className="card"><header><h2>Source</h2><Chip>{current.digest}</Chip></header><div className="body"><Payload value={parsed(current.source)} label="Source" /></div></section>
          <section className="card"><header><h2>Profile</h2></header><div className="body"><Payload value={parsed(current.profile)} label="Profile" /></div></section>
        </div>
        <section className="card"><header><h2>Schema</h2></header><div className="body"><Payload value={parsed(current.schema)} label="Schema" /></div></section>
      </div>
    </>
  );
}

function parsed(text: string | null): unknown {
  if (!text) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
