// The span tree with its waterfall: one virtual treegrid whose bars are DOM,
// under a minimap that is a canvas. A trace of tens of thousands of spans is
// an ordinary case.
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { cost, count, duration, short, unknown } from "../kit/format";
import { Icon } from "../kit/icons";
import { Hit } from "../kit/json";
import { useNarrow, useRowHeight } from "../kit/media";
import type { CriticalPath } from "./analysis";
import { Minimap } from "./minimap";
import { ancestors, category, type Tree, visible } from "./tree";
import { useShortcut } from "../app/shortcuts";

export interface WaterfallProps {
  tree: Tree;
  selected: number; // row, −1 for none
  onSelect: (row: number, how?: { replace?: boolean }) => void;
  needle: string;
  hits: ReadonlySet<number> | null; // rows that match the search
  path: CriticalPath | null; // marked, where asked for
  mode: "tree" | "timeline";
}

export function Waterfall({ tree, selected, onSelect, needle, hits, path, mode }: WaterfallProps) {
  const host = useRef<HTMLDivElement>(null);
  const rowHeight = useRowHeight();
  const narrow = useNarrow();
  // By id: rows move when spans join.
  const [shut, setShut] = useState<ReadonlySet<string>>(new Set());
  const [zoom, setZoom] = useState<string | null>(null);
  const wantFocus = useRef(false);
  const s = tree.skeleton;

  const collapsed = useMemo(() => {
    const out = new Set<number>();
    for (const id of shut) { const r = tree.byId.get(id); if (r !== undefined) out.add(r); }
    return out;
  }, [shut, tree]);
  const rows = useMemo(() => visible(tree, collapsed), [tree, collapsed]);
  const place = useMemo(() => {
    const m = new Int32Array(tree.n).fill(-1);
    rows.forEach((r, i) => { m[r] = i; });
    return m;
  }, [rows, tree.n]);

  const list = useVirtualizer({
    count: rows.length, getScrollElement: () => host.current, estimateSize: () => rowHeight, overscan: 10,
    rangeExtractor: (r) => {
      const out: number[] = [], start = Math.max(0, r.startIndex - r.overscan), end = Math.min(r.count - 1, r.endIndex + r.overscan), at = selected < 0 ? -1 : place[selected]!;
      if (at >= 0 && at < start) out.push(at);
      for (let i = start; i <= end; i++) out.push(i);
      if (at > end && at < r.count) out.push(at);
      return out;
    },
  });
  useEffect(() => list.measure(), [rowHeight]);
  useAnchor(host, tree, rows, place, rowHeight, selected);

  // A selection from elsewhere (a link, a key) opens its ancestors and comes into view.
  const chosen = selected < 0 ? "" : s.span_ids[selected]!;
  useEffect(() => {
    if (selected < 0) return;
    const closed = new Set(ancestors(tree, selected).filter((r) => collapsed.has(r)).map((r) => s.span_ids[r]!));
    if (closed.size) { setShut(new Set([...shut].filter((id) => !closed.has(id)))); return; }
    const at = place[selected]!;
    if (at >= 0) list.scrollToIndex(at, { align: "auto" });
    // Keys of the page move the selection too; focus goes along where it was in the tree or nowhere.
    const focus = document.activeElement;
    if (focus === document.body || (host.current?.contains(focus) && focus?.getAttribute("data-row") !== String(selected))) wantFocus.current = true;
  }, [chosen, shut, mode]);
  useEffect(() => {
    if (!wantFocus.current) return;
    const el = host.current?.querySelector<HTMLElement>(`[data-row="${selected}"]`);
    if (el) { el.focus({ preventScroll: true }); wantFocus.current = false; }
  });

  const go = (row: number) => { if (row >= 0) { wantFocus.current = true; onSelect(row, { replace: true }); } };
  const toggle = useCallback((id: string, open?: boolean) => setShut((old) => {
    const next = new Set(old);
    if (open === undefined ? old.has(id) : open) next.delete(id); else next.add(id);
    return next;
  }), []);
  const all = (open: boolean) => setShut(open ? new Set() : new Set(Array.from(tree.order).filter((r) => tree.children[r]! > 0 && tree.depth[r]! > 0).map((r) => s.span_ids[r]!)));
  function onKeyDown(e: KeyboardEvent) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const at = selected < 0 ? -1 : place[selected]!, pageful = Math.max(1, Math.floor(host.current!.clientHeight / rowHeight) - 1);
    const move = (i: number) => go(rows[Math.max(0, Math.min(rows.length - 1, i))] ?? -1);
    switch (e.key) {
      case "ArrowDown": move(at + 1); break;
      case "ArrowUp": move(at - 1); break;
      case "PageDown": move(at + pageful); break;
      case "PageUp": move(at - pageful); break;
      case "Home": move(0); break;
      case "End": move(rows.length - 1); break;
      case "ArrowRight": if (collapsed.has(selected)) toggle(chosen, true); else if (tree.children[selected]) move(at + 1); break;
      case "ArrowLeft": if (tree.children[selected] && !collapsed.has(selected)) toggle(chosen, false); else go(tree.parent[selected] ?? -1); break;
      case "*": all(true); break;
      case "-": all(false); break;
      case "Enter": if (selected >= 0) onSelect(selected); break;
      default: return;
    }
    e.preventDefault();
  }
  useShortcut("down", () => go(rows[Math.min(rows.length - 1, (selected < 0 ? -1 : place[selected]!) + 1)] ?? -1));
  useShortcut("up", () => go(rows[Math.max(0, (selected < 0 ? 1 : place[selected]!) - 1)] ?? -1));

  const nameWidth = mode === "timeline" ? "22%" : narrow ? "62%" : "46%";
  const items = list.getVirtualItems();
  // The window of time that is drawn: all of it, or that of one span.
  const zoomed = zoom === null ? null : tree.byId.get(zoom) ?? null;
  const from = zoomed === null ? 0 : s.starts[zoomed]!, till = Math.max(from + 1, zoomed === null || s.ends[zoomed]! < 0 ? tree.total : s.ends[zoomed]!);
  const zoomTo = useCallback((id: string) => setZoom((old) => (old === id ? null : id)), []);
  useShortcut("zoom", () => (selected >= 0 ? zoomTo(chosen) : false));
  return (
    <div style={{ display: "flex", flexDirection: "column", flex: 1, minHeight: 0, "--name": nameWidth } as React.CSSProperties}>
      <div className="tree-head" aria-hidden={zoomed === null}>
        <div className="cell-name">Span{zoomed !== null && <> · <button className="link" tabIndex={-1} onClick={() => setZoom(null)}>whole trace</button></>}</div>
        <Ticks from={from} till={till} />
        <div className="cell-num">Tokens</div><div className="cell-num">Cost</div>
      </div>
      <div ref={host} className="tree" role="treegrid" aria-label="Spans" aria-rowcount={rows.length} aria-colcount={4} onKeyDown={onKeyDown} tabIndex={selected < 0 ? 0 : -1}>
        <div style={{ height: list.getTotalSize(), position: "relative" }} role="presentation">
          {items.map((v) => {
            const r = rows[v.index]!;
            return <SpanRow key={r} tree={tree} row={r} index={v.index} top={v.start} depth={tree.depth[r]!} collapsed={collapsed.has(r)} selected={r === selected} focusable={r === selected || (selected < 0 && v.index === 0)}
              faded={(hits !== null && !hits.has(r)) || (path !== null && !path.rows.has(r))} waited={path?.own.get(r)} of={path?.total ?? 0} needle={hits?.has(r) ? needle : ""} from={from} till={till} onSelect={onSelect} onToggle={toggle} onZoom={zoomTo} />;
          })}
        </div>
      </div>
      <Minimap tree={tree} rows={rows} hits={hits} range={[list.range?.startIndex ?? 0, list.range?.endIndex ?? 0]} onJump={(i) => list.scrollToIndex(i, { align: "center" })} selected={selected < 0 ? -1 : place[selected]!} />
    </div>
  );
}

const percent = (share: number) => `${share >= 0.1 ? Math.round(share * 100) : (share * 100).toFixed(1)}%`;

/**
 * Keeps what is being looked at where it is when spans join above it: the
 * selected row if it is in view, else the first row that is.
 */
function useAnchor(host: React.RefObject<HTMLDivElement | null>, tree: Tree, rows: Int32Array, place: Int32Array, rowHeight: number, selected: number) {
  const before = useRef<{ tree: Tree; rows: Int32Array; place: Int32Array; height: number; selected: number } | null>(null);
  useLayoutEffect(() => {
    const old = before.current, el = host.current;
    before.current = { tree, rows, place, height: rowHeight, selected };
    if (!old || !el || old.tree === tree || old.tree.skeleton.trace_id !== tree.skeleton.trace_id || el.scrollTop === 0) return;
    const top = Math.floor(el.scrollTop / old.height), bottom = top + Math.ceil(el.clientHeight / old.height);
    const at = old.selected >= 0 ? old.place[old.selected]! : -1, from = at >= top && at <= bottom ? at : top;
    const row = old.rows[from];
    if (row === undefined) return;
    const now = tree.byId.get(old.tree.skeleton.span_ids[row]!), place2 = now === undefined ? -1 : place[now]!;
    if (place2 >= 0 && place2 !== from) el.scrollTop += (place2 - from) * rowHeight;
  }, [tree, rows, place, rowHeight, selected]);
}

/** Round times within a window of microseconds. */
function Ticks({ from, till }: { from: number; till: number }) {
  const total = till - from;
  const steps = [1, 2, 5].flatMap((m) => Array.from({ length: 13 }, (_, e) => m * 10 ** e)).sort((a, b) => a - b);
  const step = steps.find((x) => total / x <= 5) ?? total;
  const first = Math.ceil(from / step) * step;
  const ticks = Array.from({ length: Math.floor((till - first) / step) + 1 }, (_, i) => first + i * step);
  return <div className="ticks"><div className="lane">{ticks.map((t) => <span key={t} style={{ transform: `translateX(${((t - from) / total) * 100}cqi)` }}>{duration(t / 1000)}</span>)}</div></div>;
}

interface SpanRowProps {
  tree: Tree; row: number; index: number; top: number; depth: number; from: number; till: number; collapsed: boolean; selected: boolean; focusable: boolean; faded: boolean; waited: number | undefined; of: number; needle: string;
  onSelect: (row: number) => void; onToggle: (id: string) => void; onZoom: (id: string) => void;
}

const SpanRow = memo(function SpanRow({ tree, row, index, top, depth, from, till, collapsed, selected, focusable, faded, waited, of, needle, onSelect, onToggle, onZoom }: SpanRowProps) {
  const s = tree.skeleton;
  const start = s.starts[row]!, open = s.ends[row]! < 0, end = open ? tree.total : s.ends[row]!;
  const type = s.types[row]! < 0 ? null : s.type_table[s.types[row]!]!;
  const cat = category(type);
  const name = s.name_table[s.names[row]!] ?? "";
  const failed = s.status[row] === 2, kids = tree.children[row]!, below = tree.errorsBelow[row]!;
  const at = (t: number) => Math.min(100, Math.max(0, ((t - from) / (till - from)) * 100));
  const left = at(start), width = at(end) - left, outside = end < from || start > till;
  const took = open ? "running" : duration((end - start) / 1000);
  const tokens = tree.tokens[row]!, money = tree.costs[row]!;
  const shown = Math.min(depth, 24); // deeper levels keep the indent, so that names stay in view
  return (
    <div role="row" data-row={row} aria-level={depth + 1} aria-rowindex={index + 1} aria-expanded={kids ? !collapsed : undefined} aria-selected={selected} tabIndex={focusable ? 0 : -1}
      aria-label={`${cat.label} ${name}, ${took}${failed ? ", failed" : ""}`} className={`span${failed ? " failed" : ""}${faded ? " faded" : ""}`} style={{ transform: `translateY(${top}px)` }} onClick={() => onSelect(row)} onDoubleClick={() => onZoom(s.span_ids[row]!)}>
      <div role="gridcell" className="cell-name" title={`${name} (${type ?? "no type"})`}>
        {Array.from({ length: shown }, (_, i) => <span key={i} className="guide" />)}
        {kids > 0 ? <button className="toggle" tabIndex={-1} aria-label={collapsed ? `Open ${name}` : `Close ${name}`} onClick={(e) => { e.stopPropagation(); onToggle(s.span_ids[row]!); }}><Icon name={collapsed ? "right" : "down"} size={10} /></button> : <span style={{ width: 18, flex: "none" }} />}
        <span className="code-tag" style={{ "--c": `var(--${cat.token})` } as React.CSSProperties}><i />{cat.code}</span>
        <span className="name" dir="auto"><Hit text={name} needle={needle} /></span>
        {failed && <Icon name="error" label="failed" size={12} />}
        {collapsed && <span className="chip outline">{count(tree.subtree[row]! - 1)}</span>}
        {collapsed && below > 0 && <span className="below">{count(below)} failed</span>}
      </div>
      <div role="gridcell" className="cell-bar">
        <div className="lane">
          {!outside && <span className={`bar${open ? " open" : ""}${failed ? " error" : ""}`} style={{ transform: `translateX(min(${left}cqi, 100cqi - 2px))`, width: `${width}%`, "--c": `var(--${cat.token})` } as React.CSSProperties} />}
          <span className="time" style={{ transform: `translateX(${left + width}cqi)` }}>{took}{waited !== undefined && of > 0 && waited / of >= 0.005 && <b title="Its own share of what the trace waited for"> · {percent(waited / of)}</b>}</span>
        </div>
      </div>
      <div role="gridcell" className="cell-num" title={Number.isNaN(tokens) ? "unknown" : count(tokens)}>{Number.isNaN(tokens) ? "" : short(tokens)}</div>
      <div role="gridcell" className="cell-num">{Number.isNaN(money) ? (Number.isNaN(tokens) ? "" : unknown) : cost(money)}</div>
    </div>
  );
});
