// Two traces side by side: their spans lined up, what differs in time, tokens,
// cost and outcome, and for a pair the word difference of what went in and out.
import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { useShortcut } from "../app/shortcuts";
import { to, useUrl, useWs } from "../app/url";
import { CopyAs } from "../kit/copyas";
import { DiffView } from "../kit/diffview";
import { clock, cost, count, duration, plural, short } from "../kit/format";
import { Icon } from "../kit/icons";
import { useMedia, useRowHeight } from "../kit/media";
import { Empty, Failure, Load, Segments, Skeleton, Status, Tabs, Time } from "../kit/states";
import { align, differs, type Pair } from "./align";
import { endOf } from "./analysis";
import { spanQuery, type Trace, useSkeleton, useTrace } from "./data";
import { comparePath } from "./paths";
import { buildTree, category, type Tree } from "./tree";
import "./traces.css";

export default function ComparePage() {
  const ws = useWs();
  const { search } = useUrl();
  useCrumbs({ label: "Traces", to: to(ws, "traces") }, { label: "Compare" });
  const a = search.a ?? "", b = search.b ?? "";
  if (!a || !b) return <div className="page"><div className="page-head"><h1>Compare traces</h1></div><Empty title="Two traces are needed" text={<>Open a trace and choose <b>Compare with…</b>, or select two in the <A href={to(ws, "traces")}>list</A> and press <kbd>c</kbd>.</>} /></div>;
  return <Both key={`${a} ${b}`} a={a} b={b} />;
}

function Both({ a, b }: { a: string; b: string }) {
  const ws = useWs();
  const ta = useTrace(ws, a), tb = useTrace(ws, b), sa = useSkeleton(ws, a, false), sb = useSkeleton(ws, b, false);
  const trees = useMemo(() => (sa.data && sb.data ? { a: buildTree(sa.data), b: buildTree(sb.data) } : undefined), [sa.data, sb.data]);
  const error = ta.error ?? tb.error ?? sa.error ?? sb.error;
  return (
    <div className="page">
      <Load query={{ data: ta.data && tb.data && trees ? { a: ta.data, b: tb.data, trees } : undefined, error, refetch: () => { for (const q of [ta, tb, sa, sb]) if (q.error) void q.refetch(); } }} rows={14}>
        {(d) => <Comparison a={d.a} b={d.b} ta={d.trees.a} tb={d.trees.b} />}
      </Load>
    </div>
  );
}

function Comparison({ a, b, ta, tb }: { a: Trace; b: Trace; ta: Tree; tb: Tree }) {
  const ws = useWs();
  const go = useGo();
  const { search, set } = useUrl();
  const wide = useMedia("(min-width: 1024px)");
  const pairs = useMemo(() => align(ta, tb), [ta, tb]);
  const marked = useMemo(() => Uint8Array.from(pairs, (p) => (differs(ta, tb, p) ? 1 : 0)), [pairs, ta, tb]);
  const different = useMemo(() => marked.reduce((n, m) => n + m, 0), [marked]);
  const only = search.show !== "all";
  // Of those that differ the ones above are shown too, for their place.
  const shown = useMemo(() => {
    if (!only) return pairs.map((_, i) => i);
    const keep = new Uint8Array(pairs.length);
    for (let i = 0; i < pairs.length; i++) if (marked[i]) for (let p = i; p >= 0 && !keep[p]; p = pairs[p]!.parent) keep[p] = 1;
    return pairs.map((_, i) => i).filter((i) => keep[i]);
  }, [pairs, marked, only]);
  const idOf = (p: Pair) => `${p.a < 0 ? "" : ta.skeleton.span_ids[p.a]}~${p.b < 0 ? "" : tb.skeleton.span_ids[p.b]}`;
  const wanted = search.pair;
  const selected = useMemo(() => {
    const at = wanted ? pairs.findIndex((p) => idOf(p) === wanted) : -1;
    return at >= 0 ? at : wide ? pairs.findIndex((p, i) => marked[i] && p.a >= 0 && p.b >= 0 && ta.children[p.a] === 0) : -1;
  }, [wanted, pairs, wide]);
  const select = (i: number) => set({ pair: idOf(pairs[i]!) }, { replace: wide });
  useShortcut("back", () => (wanted && !wide ? set({ pair: undefined }) : false));
  return (
    <>
      <div className="page-head"><h1>Compare traces</h1>
        <span className="grow" />
        <Segments label="Which spans" options={[["differ", `Differing ${count(different)}`], ["all", `All ${count(pairs.length)}`]] as const} value={only ? "differ" : "all"} onChange={(v) => set({ show: v === "all" ? v : undefined }, { replace: true })} />
        <button className="button" onClick={() => go(comparePath(ws, b.trace_id, a.trace_id))}><Icon name="swap" />Swap</button>
        <CopyAs call={{ path: `/w/${ws}/traces/${a.trace_id}/skeleton` }} mlflow={`a, b = (mlflow.get_trace(i) for i in ${JSON.stringify([a.trace_id, b.trace_id])})\nfor t in (a, b):\n    print(t.info.trace_id, t.info.execution_duration, t.info.token_usage)`} />
      </div>
      <Totals a={a} b={b} />
      <div className="trace" style={{ position: "relative" }}>
        <div className="left">
          {shown.length === 0 ? <Empty title="No measurable difference" text="Every span of the one has its like in the other: same outcome, same tokens, and about the same time."><button className="button" onClick={() => set({ show: "all" }, { replace: true })}>Show all spans</button></Empty>
            : <PairTree ta={ta} tb={tb} pairs={pairs} shown={shown} marked={marked} selected={selected} onSelect={select} />}
        </div>
        {selected >= 0 && (wide || wanted) && <section className="right pair-panel" aria-label="Pair of spans"><PairPanel a={a} b={b} ta={ta} tb={tb} pair={pairs[selected]!} onClose={() => set({ pair: undefined })} closable={!wide} /></section>}
      </div>
    </>
  );
}

const sign = (v: number, text: (v: number) => string) => (v === 0 ? "±0" : `${v > 0 ? "+" : "−"}${text(Math.abs(v))}`);

/** A change for the worse or the better: more time, tokens and money are worse. */
function Delta({ from, to: till, text, share = true }: { from: number | null; to: number | null; text: (v: number) => string; share?: boolean }) {
  if (from === null || till === null || Number.isNaN(from) || Number.isNaN(till)) return <span className="muted">—</span>;
  const d = till - from;
  const ratio = share && from > 0 && d !== 0 ? ` (${d > 0 ? "+" : "−"}${Math.round((Math.abs(d) / from) * 100)}%)` : "";
  return <span className={d > 0 ? "worse" : d < 0 ? "better" : "muted"}>{d !== 0 && <i aria-hidden="true">{d > 0 ? "▲" : "▼"}</i>} {sign(d, text)}{ratio}</span>;
}

function Totals({ a, b }: { a: Trace; b: Trace }) {
  const ws = useWs();
  const rows: [string, (t: Trace) => number | null, (v: number) => string][] = [
    ["Duration", (t) => t.duration_ms, (v) => duration(v)], ["Tokens", (t) => t.tokens.total, (v) => short(v)], ["Cost", (t) => t.cost, (v) => cost(v)],
    ["Spans", (t) => t.spans, (v) => count(v)], ["Failed", (t) => t.errors, (v) => count(v)],
  ];
  const head = (t: Trace, letter: string) => <th scope="col"><span className="row" style={{ gap: 6 }}><b>{letter}</b><Status value={t.status} bare /><A className="clip" href={to(ws, "traces", t.trace_id)} title={t.trace_id}>{t.name || t.trace_id}</A><span className="muted label"><Time ms={t.start_ms} short={clock(t.start_ms)} /></span></span></th>;
  return (
    <div className="totals"><table className="plain">
      <thead><tr><th scope="col"><span className="sr">Figure</span></th>{head(a, "A")}{head(b, "B")}<th scope="col">B against A</th></tr></thead>
      <tbody>{rows.map(([label, get, text]) => <tr key={label}><th scope="row">{label}</th><td>{get(a) === null ? "—" : text(get(a)!)}</td><td>{get(b) === null ? "—" : text(get(b)!)}</td><td><Delta from={get(a)} to={get(b)} text={text} /></td></tr>)}</tbody>
    </table></div>
  );
}

interface PairTreeProps { ta: Tree; tb: Tree; pairs: Pair[]; shown: number[]; marked: Uint8Array; selected: number; onSelect: (i: number) => void }

function PairTree({ ta, tb, pairs, shown, marked, selected, onSelect }: PairTreeProps) {
  const host = useRef<HTMLDivElement>(null);
  const rowHeight = useRowHeight();
  const place = useMemo(() => new Map(shown.map((p, i) => [p, i])), [shown]);
  const list = useVirtualizer({ count: shown.length, getScrollElement: () => host.current, estimateSize: () => rowHeight, overscan: 12 });
  useEffect(() => list.measure(), [rowHeight]);
  const at = place.get(selected) ?? -1;
  useEffect(() => { if (at >= 0) list.scrollToIndex(at, { align: "auto" }); }, [at]);
  const wantFocus = useRef(false);
  useEffect(() => { if (wantFocus.current) { const el = host.current?.querySelector<HTMLElement>(`[data-pair="${selected}"]`); if (el) { el.focus({ preventScroll: true }); wantFocus.current = false; } } });
  const move = (i: number) => { const p = shown[Math.max(0, Math.min(shown.length - 1, i))]; if (p !== undefined) { wantFocus.current = true; onSelect(p); } };
  const step = (back: boolean) => {
    for (let k = 1; k <= shown.length; k++) { const i = (((at + (back ? -k : k)) % shown.length) + shown.length) % shown.length; if (marked[shown[i]!]) return move(i); }
  };
  function onKeyDown(e: KeyboardEvent) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const pageful = Math.max(1, Math.floor(host.current!.clientHeight / rowHeight) - 1);
    const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + pageful, PageUp: at - pageful, Home: 0, End: shown.length - 1 };
    if (to[e.key] === undefined) return;
    e.preventDefault();
    move(to[e.key]!);
  }
  useShortcut("down", () => move(at + 1));
  useShortcut("up", () => move(at - 1));
  useShortcut("errors", () => step(false));
  useShortcut("prevError", () => step(true));
  return (
    <>
      <div className="tree-head pairs" aria-hidden="true"><div className="cell-name">Span</div><div>A</div><div>B</div><div>Time</div><div>Tokens</div><div>Cost</div></div>
      <div ref={host} className="tree" role="treegrid" aria-label="Spans of both" aria-rowcount={shown.length} tabIndex={at < 0 ? 0 : -1} onKeyDown={onKeyDown}>
        <div style={{ height: list.getTotalSize(), position: "relative" }} role="presentation">
          {list.getVirtualItems().map((v) => { const i = shown[v.index]!; return <PairRow key={i} ta={ta} tb={tb} pair={pairs[i]!} index={i} top={v.start} differs={marked[i] === 1} selected={i === selected} focusable={i === selected || (at < 0 && v.index === 0)} onSelect={onSelect} />; })}
        </div>
      </div>
    </>
  );
}

function PairRow({ ta, tb, pair: p, index, top, differs: marked, selected, focusable, onSelect }: { ta: Tree; tb: Tree; pair: Pair; index: number; top: number; differs: boolean; selected: boolean; focusable: boolean; onSelect: (i: number) => void }) {
  const t = p.a >= 0 ? ta : tb, r = p.a >= 0 ? p.a : p.b, s = t.skeleton;
  const type = s.types[r]! < 0 ? null : s.type_table[s.types[r]!]!, cat = category(type), name = s.name_table[s.names[r]!] ?? "";
  const other = p.a >= 0 && p.b >= 0 ? tb.skeleton.name_table[tb.skeleton.names[p.b]!] ?? "" : name;
  const side = p.a < 0 ? "added" : p.b < 0 ? "removed" : "";
  const took = (x: Tree, row: number) => (row < 0 ? null : (endOf(x, row) - x.skeleton.starts[row]!) / 1000);
  const a = took(ta, p.a), b = took(tb, p.b);
  const known = (v: number | undefined) => (v === undefined || Number.isNaN(v) ? null : v);
  const tokens = [p.a < 0 ? null : known(ta.tokens[p.a]), p.b < 0 ? null : known(tb.tokens[p.b])] as const, money = [p.a < 0 ? null : known(ta.costs[p.a]), p.b < 0 ? null : known(tb.costs[p.b])] as const;
  const failed = (x: Tree, row: number) => row >= 0 && x.skeleton.status[row] === 2;
  const change = <T,>(x: readonly [T | null, T | null]) => p.a >= 0 && p.b >= 0 && x[0] !== null && x[1] !== null;
  return (
    <div role="row" data-pair={index} aria-level={p.depth + 1} aria-selected={selected} tabIndex={focusable ? 0 : -1} className={`span pair ${side}${marked ? "" : " same"}`} style={{ transform: `translateY(${top}px)` }} onClick={() => onSelect(index)}
      aria-label={`${name}${side ? `, only in ${side === "added" ? "B" : "A"}` : marked ? ", differs" : ""}`}>
      <div role="gridcell" className="cell-name" title={`${name} (${type ?? "no type"})`}>
        {Array.from({ length: Math.min(p.depth, 24) }, (_, i) => <span key={i} className="guide" />)}
        <span className="code-tag" style={{ "--c": `var(--${cat.token})` } as React.CSSProperties}><i />{cat.code}</span><span className="name" dir="auto">{name}{other !== name && <span className="muted"> → {other}</span>}</span>
        {side && <span className={`chip ${side}`}>only {side === "added" ? "B" : "A"}</span>}
      </div>
      <div role="gridcell">{failed(ta, p.a) && <Status value="ERROR" bare />} {a === null ? "" : duration(a)}</div>
      <div role="gridcell">{failed(tb, p.b) && <Status value="ERROR" bare />} {b === null ? "" : duration(b)}</div>
      <div role="gridcell">{change([a, b]) && <Delta from={a} to={b} text={(v) => duration(v)} share={false} />}</div>
      <div role="gridcell">{change(tokens) ? (tokens[0] === tokens[1] ? <span className="muted">{short(tokens[0])}</span> : <Delta from={tokens[0]} to={tokens[1]} text={(v) => short(v)} share={false} />) : <span className="muted">{short(tokens[0] ?? tokens[1]).replace("—", "")}</span>}</div>
      <div role="gridcell">{change(money) ? (money[0] === money[1] ? <span className="muted">{cost(money[0])}</span> : <Delta from={money[0]} to={money[1]} text={(v) => cost(v)} share={false} />) : <span className="muted">{cost(money[0] ?? money[1]).replace("—", "")}</span>}</div>
    </div>
  );
}

const asText = (v: unknown) => (v === null || v === undefined ? "" : typeof v === "string" ? pretty(v) : JSON.stringify(v, null, 2));
/** JSON in a string is compared as JSON, so that spacing is no difference. */
function pretty(s: string): string {
  if (!/^\s*[[{]/.test(s) || s.length > 1_000_000) return s;
  try { return JSON.stringify(JSON.parse(s), null, 2); } catch { return s; }
}

function PairPanel({ a, b, ta, tb, pair: p, onClose, closable }: { a: Trace; b: Trace; ta: Tree; tb: Tree; pair: Pair; onClose: () => void; closable: boolean }) {
  const ws = useWs();
  const { search, set } = useUrl();
  const id = (t: Tree, r: number) => (r < 0 ? "" : t.skeleton.span_ids[r]!);
  const qa = useQuery({ ...spanQuery(ws, a.trace_id, id(ta, p.a)), enabled: p.a >= 0 }), qb = useQuery({ ...spanQuery(ws, b.trace_id, id(tb, p.b)), enabled: p.b >= 0 });
  const [force, setForce] = useState(false);
  const tab = search.part === "output" || search.part === "attributes" ? search.part : "input";
  const error = qa.error ?? qb.error, x = qa.data, y = qb.data, ready = (p.a < 0 || x) && (p.b < 0 || y);
  const name = x?.name ?? y?.name ?? "";
  if (error) return <Failure error={error} retry={() => { void qa.refetch(); void qb.refetch(); }} />;
  if (!ready) return <Skeleton />;
  const of = (s: typeof x) => (s === undefined ? "" : tab === "input" ? asText(s.inputs) : tab === "output" ? (s.status === "ERROR" ? `${s.status_message}\n${asText(s.outputs)}`.trim() : asText(s.outputs)) : Object.entries(s.attributes).sort(([k], [l]) => (k < l ? -1 : 1)).map(([k, v]) => `${k} = ${typeof v === "string" ? v : JSON.stringify(v)}`).join("\n"));
  const before = of(x), after = of(y), big = before.length + after.length > 400_000 && !force;
  return (
    <>
      <div className="span-title"><h2 dir="auto">{name}</h2>{p.a < 0 ? <span className="chip added">only in B</span> : p.b < 0 ? <span className="chip removed">only in A</span> : null}<span className="grow" />
        {p.a >= 0 && <A className="label" href={`${to(ws, "traces", a.trace_id)}?span=${id(ta, p.a)}`}>Open A</A>}{p.b >= 0 && <A className="label" href={`${to(ws, "traces", b.trace_id)}?span=${id(tb, p.b)}`}>Open B</A>}
        {closable && <button className="icon-button" aria-label="Close pair" onClick={onClose}><Icon name="close" /></button>}</div>
      <div className="facts">
        {[["A", x], ["B", y]].map(([l, s]) => s && typeof s === "object" && <span key={l as string}><b>{l as string}</b> {duration(s.duration_ms)}{s.model && ` · ${s.model}`}{s.tokens.total !== null && ` · ${short(s.tokens.total)} tok`}{s.cost !== null && ` · ${cost(s.cost)}`}{s.status === "ERROR" && <> · <Status value="ERROR" /></>}</span>)}
      </div>
      <div style={{ padding: "0 16px" }}><Tabs label="Part" current={tab} onSelect={(t) => set({ part: t === "input" ? undefined : t }, { replace: true })} tabs={[{ id: "input", label: "Input" }, { id: "output", label: "Output" }, { id: "attributes", label: "Attributes" }]} /></div>
      <div className="span-detail" tabIndex={0} role="tabpanel" aria-label={tab}>
        {before === after ? <><p className="muted">{before ? "The same in both." : "Neither recorded any."}</p>{before && <pre className="text" dir="auto">{before.length > 100_000 ? `${before.slice(0, 100_000)}…` : before}</pre>}</>
          : big ? <p className="muted">{plural(before.length + after.length, "character")} to compare. <button className="link" onClick={() => setForce(true)}>Compare anyway</button></p>
          : <DiffView before={before} after={after} names={[p.a < 0 ? "not in A" : "A", p.b < 0 ? "not in B" : "B"]} />}
      </div>
    </>
  );
}
