// The evaluation tables of runs, row by row: inputs once, what each run
// answered beside it with the words that changed, its scores, and what the
// difference amounts to. An interval that holds 0 is no difference.
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { api, type Schemas } from "../api/client";
import { useShortcut } from "../app/shortcuts";
import { list, useUrl, useWs } from "../app/url";
import { count, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Empty, Load, Segments } from "../kit/states";
import { runsKey } from "./data";
import { EvalRow } from "./evalrow";
import { EvalScores } from "./evalscores";
import type { Style } from "../kit/series";

export type Table = Schemas["ComparedTable"];
export type Which = "all" | "differs" | "worse" | "better" | "errors" | "unmatched";
const whiches: [Which, string][] = [["differs", "Differ"], ["worse", "Worse"], ["better", "Better"], ["errors", "Errors"], ["unmatched", "Unmatched"], ["all", "All"]];

/** ids in the order of the columns, the baseline first; styleOf keeps a run its colour. */
export function EvalTable({ ids, styleOf }: { ids: string[]; styleOf: (id: string) => Style }) {
  const ws = useWs();
  const { search } = useUrl();
  const asked = ids.slice(0, 8);
  const single = asked.length === 1;
  const which = (whiches.some(([w]) => w === search.rows) ? search.rows : "all") as Which;
  const flipped = useMemo(() => list(search.flip).map(decodeURIComponent), [search.flip]);
  const body = {
    run_ids: asked, which, by_change: search.by === "change", flipped, limit: 50,
    ...(search.table ? { table: search.table } : {}), ...(search.base ? { base: search.base } : {}), ...(search.other ? { other: search.other } : {}),
    ...(search.score ? { score: search.score } : {}), ...(search.et ? { q: search.et } : {}), ...(search.keys ? { keys: list(search.keys).map(decodeURIComponent) } : {}),
  };
  const result = useInfiniteQuery({
    queryKey: [...runsKey(ws), "evaltable", body],
    queryFn: ({ pageParam, signal }) => api.post("/w/{ws}/runs/compare/table", { path: { ws }, body: { ...body, offset: pageParam }, signal }),
    initialPageParam: 0,
    getNextPageParam: (p: Table, all: Table[]) => { const n = all.reduce((s, x) => s + x.rows.length, 0); return n < p.total && p.rows.length > 0 ? n : undefined; },
    placeholderData: keepPreviousData,
    retry: false,
  });
  return <Load query={result} rows={8}>{(d) => <Rows table={d.pages[0]!} rows={d.pages.flatMap((p) => p.rows)} which={which} single={single} flipped={flipped} styleOf={styleOf} dropped={ids.length - asked.length} more={result.hasNextPage ? () => void result.fetchNextPage() : null} loading={result.isFetchingNextPage} />}</Load>;
}

interface RowsProps { table: Table; rows: Table["rows"]; which: Which; single: boolean; flipped: string[]; styleOf: (id: string) => Style; dropped: number; more: (() => void) | null; loading: boolean; }

function Rows({ table: t, rows, which, single, flipped, styleOf, dropped, more, loading }: RowsProps) {
  const { search, set } = useUrl();
  const host = useRef<HTMLDivElement>(null);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!more || !end.current) return;
    const o = new IntersectionObserver((e) => { if (e[0]!.isIntersecting) more(); }, { rootMargin: "600px" });
    o.observe(end.current);
    return () => o.disconnect();
  }, [more]);
  const step = (by: number) => {
    const all = [...(host.current?.querySelectorAll<HTMLElement>(".eval-row") ?? [])], i = all.indexOf(document.activeElement as HTMLElement);
    const next = all[i < 0 ? (by > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, i + by))];
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  };
  useShortcut("down", () => step(1));
  useShortcut("up", () => step(-1));
  const replace = { replace: true };
  if (!t.table) return <Empty title="No evaluation tables" text="Rows that were scored one by one show here, joined by their input." code={`mlflow.log_table(data, artifact_file="eval_results_table.json")\n# or mlflow.models.evaluate(…), or mlflow.genai.evaluate(…)`} />;
  const base = t.runs.findIndex((r) => r.run_id === t.base);
  const problems = t.runs.filter((r) => r.problem_count > 0 || r.cut);
  const diffing = search.words !== "off" && !single;
  return (
    <div className="eval" ref={host}>
      <div className="row wrap">
        {t.tables.length > 1 && <label className="row label muted">Table<select className="input" value={t.table} onChange={(e) => set({ table: e.target.value, score: undefined, rows: undefined, keys: undefined }, replace)}>{t.tables.map((n) => <option key={n} value={n}>{n === "traces" ? "traces and their scores" : n}</option>)}</select></label>}
        <input className="input" style={{ width: 220 }} aria-label="Find in inputs and outputs" placeholder="Find in inputs and outputs" key={search.et} defaultValue={search.et ?? ""} onKeyDown={(e) => { if (e.key === "Enter") set({ et: e.currentTarget.value || undefined }, replace); }} onBlur={(e) => { if (e.target.value !== (search.et ?? "")) set({ et: e.target.value || undefined }, replace); }} />
        {!single && t.scores.length > 0 && <label className="row label muted">Better by<select className="input" value={t.score ?? ""} onChange={(e) => set({ score: e.target.value }, replace)}>{t.scores.map((s) => <option key={s.name}>{s.name}</option>)}</select></label>}
        {!single && t.score && <label className="row label muted" title="Whether a smaller value of this score is the better one"><input type="checkbox" checked={t.scores.find((s) => s.name === t.score)?.lower_is_better ?? false} onChange={() => set({ flip: (flipped.includes(t.score!) ? flipped.filter((f) => f !== t.score) : [...flipped, t.score!]).map(encodeURIComponent).join(",") || undefined }, replace)} />less is better</label>}
        {!single && <label className="row label muted"><input type="checkbox" checked={search.by === "change"} onChange={(e) => set({ by: e.target.checked ? "change" : undefined }, replace)} />largest change first</label>}
        {!single && <label className="row label muted"><input type="checkbox" checked={diffing} onChange={(e) => set({ words: e.target.checked ? undefined : "off" }, replace)} />mark changed words</label>}
      </div>
      {t.missing.length > 0 && <div className="banner warning"><Icon name="warning" />{plural(t.missing.length, "run")} could not be found: {t.missing.map((m) => m.slice(0, 8)).join(", ")}</div>}
      {dropped > 0 && <div className="banner info"><Icon name="info" />Tables of the first 8 runs are compared; {plural(dropped, "run")} more {dropped === 1 ? "is" : "are"} left out.</div>}
      {problems.map((r) => (
        <details key={r.run_id} className="banner warning" style={{ display: "block" }}>
          <summary><b>{r.name || r.run_id.slice(0, 8)}</b>: {r.problem_count > 0 ? plural(r.problem_count, "problem") : "only the first rows were read"}{r.rows === 0 && " and no rows"}</summary>
          <ul>{r.problems.map((p, i) => <li key={i}>{p.row > 0 && `row ${p.row}`}{p.column && `, column ${p.column}`}{(p.row > 0 || p.column) && ": "}{p.message}</li>)}</ul>
        </details>
      ))}
      <EvalScores table={t} base={base} single={single} styleOf={styleOf} />
      <div className="row wrap">
        {!single && <Segments label="Rows" value={which} onChange={(v) => set({ rows: v === "all" ? undefined : v }, replace)} options={whiches.map(([w, label]) => [w, `${label} ${count(t.counts[w] ?? 0)}`] as const)} />}
        <span className="muted label">
          {single ? plural(t.total, "row") : t.keys[0] === "#" ? "joined by row number: the tables share no column that tells rows apart" : `joined by ${t.keys.join(", ")}`}
          {t.runs.some((r) => r.repeated > 0) && ` · repeated inputs are paired in their order`}
        </span>
      </div>
      {rows.length === 0 ? <Empty title={which === "all" && !search.et ? "The tables have no rows" : "No row of this kind"} text={which === "worse" ? `No row got worse by ${t.score}.` : undefined} /> : (
        <div className="eval-rows" role="list" aria-label="Rows">
          {rows.map((r) => <EvalRow key={r.index} row={r} table={t} base={base} diffing={diffing} single={single} styleOf={styleOf} />)}
        </div>
      )}
      <div ref={end}>{more && <button className="button" disabled={loading} onClick={more}>{loading ? "Loading…" : `More of ${count(t.total)}`}</button>}</div>
    </div>
  );
}
