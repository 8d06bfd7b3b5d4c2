// One input of an evaluation, and what each run made of it.
import { useMemo } from "react";
import { A } from "../app/link";
import { to, useWs } from "../app/url";
import { diff } from "../kit/diff";
import { delta, full, metric, toNumber } from "../kit/format";
import { Icon } from "../kit/icons";
import type { Style } from "../kit/series";
import { direction } from "./data";
import type { Table } from "./evaltable";

type Row = Table["rows"][number];
type Cell = NonNullable<Row["cells"][number]>;

/** A value as a reader wants it: text as it is, the one field of an object, else JSON. */
export function said(v: unknown): string {
  if (v === null || v === undefined) return "";
  if (typeof v === "string") return v;
  if (typeof v !== "object") return String(v);
  const keys = Object.keys(v);
  if (!Array.isArray(v) && keys.length === 1 && typeof (v as Record<string, unknown>)[keys[0]!] === "string") return (v as Record<string, string>)[keys[0]!]!;
  return JSON.stringify(v, null, 1);
}

export function EvalRow({ row, table: t, base, diffing, single, styleOf }: { row: Row; table: Table; base: number; diffing: boolean; single: boolean; styleOf: (id: string) => Style }) {
  const inputs = Object.entries(row.inputs ?? {}), expected = Object.entries(row.expected ?? {}).filter(([, v]) => v !== null);
  return (
    <article className="eval-row" role="listitem" tabIndex={-1} aria-label={`Row ${row.index + 1}`}>
      <header>
        <div className="row" style={{ alignItems: "flex-start" }}>
          <span className="muted label" style={{ flex: "none", minWidth: 28 }}>{row.index + 1}</span>
          <div className="grow">{inputs.length ? inputs.map(([k, v]) => <div key={k} className="said" dir="auto">{inputs.length > 1 && <span className="key">{k} </span>}{said(v)}</div>) : <span className="muted">no input column</span>}</div>
        </div>
        {expected.map(([k, v]) => <div key={k} className="said" dir="auto" style={{ paddingLeft: 36 }}><span className="key">{k} </span>{said(v)}</div>)}
      </header>
      <div className="eval-cells">
        {row.cells.map((c, i) => (
          <div key={t.runs[i]!.run_id}>
            {!single && <div className="row label"><span aria-hidden="true" style={{ color: `var(--${styleOf(t.runs[i]!.run_id).token})` }}>{styleOf(t.runs[i]!.run_id).mark}</span><b className="clip">{t.runs[i]!.name || t.runs[i]!.run_id.slice(0, 8)}</b>{c?.trace_id && <TraceLink id={c.trace_id} />}</div>}
            {c ? <OneCell cell={c} against={diffing && i !== base ? row.cells[base] ?? null : null} base={i === base ? null : row.cells[base] ?? null} single={single} lows={t.scores} /> : <span className="muted">This run has no such row.</span>}
          </div>
        ))}
      </div>
    </article>
  );
}

function TraceLink({ id }: { id: string }) {
  const ws = useWs();
  return <A href={to(ws, "traces", id)} className="label" title={`Trace ${id}`}><Icon name="traces" size={12} /> trace</A>;
}

function OneCell({ cell, against, base, single, lows }: { cell: Cell; against: Cell | null; base: Cell | null; single: boolean; lows: Table["scores"] }) {
  const outputs = Object.entries(cell.outputs), reasons = Object.entries(cell.reasons).filter(([, v]) => v !== null && v !== "");
  return (
    <>
      {cell.error && <p className="status error"><Icon name="error" size={12} />{cell.error}</p>}
      {outputs.map(([k, v]) => <div key={k} className="said" dir="auto">{outputs.length > 1 && <span className="key">{k} </span>}{v === null || v === "" ? <span className="muted">—</span> : against ? <Changed before={said(against.outputs[k])} after={said(v)} /> : said(v)}</div>)}
      <div className="eval-scores">
        {Object.entries(cell.scores).map(([k, v]) => {
          const b = toNumber(base?.scores[k] ?? null), d = toNumber(v) - b;
          const lower = lows.find((s) => s.name === k)?.lower_is_better ?? direction(k) === -1;
          const way = Number.isFinite(d) && d !== 0 ? (d > 0 !== lower ? "better" : "worse") : "";
          return <span key={k} className={way}><span className="muted">{k}</span>{v === null ? <span className="missing" role="img" aria-label="missing" /> : <b title={full(v)}>{metric(v)}</b>}{way && <> <i aria-hidden="true">{d > 0 ? "▲" : "▼"}</i> <span className="muted">{delta(d)}<span className="sr"> {way}</span></span></>}</span>;
        })}
        {single && cell.trace_id && <TraceLink id={cell.trace_id} />}
      </div>
      {reasons.length > 0 && <details className="label"><summary className="muted">Why</summary>{reasons.map(([k, v]) => <p key={k} dir="auto" style={{ overflowWrap: "anywhere" }}><span className="key">{k} </span>{said(v)}</p>)}</details>}
    </>
  );
}

function Changed({ before, after }: { before: string; after: string }) {
  const parts = useMemo(() => diff(before, after), [before, after]);
  return <>{parts.map((p, i) => (p.kind === "added" ? <ins key={i}>{p.text}</ins> : p.kind === "removed" ? <del key={i}>{p.text}</del> : <span key={i}>{p.text}</span>))}</>;
}
