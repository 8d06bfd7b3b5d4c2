// The span tree with its waterfall: one virtual treegrid whose bars are DOM,
// under a minimap that is a canvas. A trace of tens of thousands of spans is
// an ordinary case.
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, memo, type PointerEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { cost, count, duration, short, unknown } from "../kit/format";
import { Icon } from "../kit/icons";
import { Hit } from "../kit/json";
import { cssColor, useNarrow, useRowHeight, useThemeKey } from "../kit/media";
import { ancestors, category, seek, type Tree, visible } from "./tree";
import { useShortcut } from "../app/shortcuts";

export interface WaterfallProps {
  tree: Tree;
  selected: number; // row, −1 for none
  onSelect: (row: number, how?: { replace?: boolean }) => void;
  needle: string;
  hits: ReadonlySet<number> | null; // rows that match the search
  mode: "tree" | "timeline" | "log";
}

export function Waterfall({ tree, selected, onSelect, needle, hits, mode }: WaterfallProps) {
  const host = useRef<HTMLDivElement>(null);
  const rowHeight = useRowHeight();
  const narrow = useNarrow();
  const [collapsed, setCollapsed] = useState<ReadonlySet<number>>(new Set());
  const [zoom, setZoom] = useState<number | null>(null);
  const wantFocus = useRef(false);
  const s = tree.skeleton;

  const rows = useMemo(() => {
    if (mode === "log") return Int32Array.from(Array.from({ length: tree.n }, (_, i) => i).sort((a, b) => s.starts[a]! - s.starts[b]!));
    return visible(tree, collapsed);
  }, [tree, collapsed, mode]);
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

  // A selection from elsewhere (a link, a key) opens its ancestors and comes into view.
  useEffect(() => {
    if (selected < 0) return;
    const closed = ancestors(tree, selected).filter((r) => collapsed.has(r));
    if (closed.length && mode !== "log") { setCollapsed(new Set([...collapsed].filter((r) => !closed.includes(r)))); return; }
    const at = place[selected]!;
    if (at >= 0) list.scrollToIndex(at, { align: "auto" });
  }, [selected, place, tree, mode]);
  useEffect(() => {
    if (!wantFocus.current) return;
    const el = host.current?.querySelector<HTMLElement>(`[data-row="${selected}"]`);
    if (el) { el.focus({ preventScroll: true }); wantFocus.current = false; }
  });

  const go = (row: number) => { if (row >= 0) { wantFocus.current = true; onSelect(row, { replace: true }); } };
  const toggle = useCallback((row: number, open?: boolean) => setCollapsed((old) => {
    const next = new Set(old), shut = old.has(row);
    if (open === undefined ? shut : open) next.delete(row); else next.add(row);
    return next;
  }), []);
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
      case "ArrowRight": if (collapsed.has(selected)) toggle(selected, true); else if (tree.children[selected]) move(at + 1); break;
      case "ArrowLeft": if (tree.children[selected] && !collapsed.has(selected) && mode !== "log") toggle(selected, false); else go(s.parents[selected] ?? -1); break;
      case "*": setCollapsed(new Set()); break;
      case "Enter": if (selected >= 0) onSelect(selected); break;
      default: return;
    }
    e.preventDefault();
  }
  useShortcut("down", () => go(rows[Math.min(rows.length - 1, (selected < 0 ? -1 : place[selected]!) + 1)] ?? -1));
  useShortcut("up", () => go(rows[Math.max(0, (selected < 0 ? 1 : place[selected]!) - 1)] ?? -1));
  const failed = (r: number) => s.status[r] === 2;
  useShortcut("errors", () => go(seek(tree, selected, false, failed)));
  useShortcut("prevError", () => go(seek(tree, selected, true, failed)));
  useShortcut("sameName", () => go(seek(tree, selected, false, (r) => s.names[r] === s.names[selected])));
  useShortcut("sameNameBack", () => go(seek(tree, selected, true, (r) => s.names[r] === s.names[selected])));
  useShortcut("parent", () => go(s.parents[selected] ?? -1));

  const nameWidth = mode === "timeline" ? "22%" : narrow ? "62%" : "46%";
  const items = list.getVirtualItems();
  // The window of time that is drawn: all of it, or that of one span.
  const zoomed = zoom !== null && zoom < tree.n ? zoom : null;
  const from = zoomed === null ? 0 : s.starts[zoomed]!, till = Math.max(from + 1, zoomed === null || s.ends[zoomed]! < 0 ? tree.total : s.ends[zoomed]!);
  const zoomTo = useCallback((row: number) => setZoom((old) => (old === row ? null : row)), []);
  useShortcut("zoom", () => (selected >= 0 ? zoomTo(selected) : false));
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
            return <SpanRow key={r} tree={tree} row={r} index={v.index} top={v.start} depth={mode === "log" ? 0 : tree.depth[r]!} collapsed={collapsed.has(r)} selected={r === selected} focusable={r === selected || (selected < 0 && v.index === 0)}
              faded={hits !== null && !hits.has(r)} needle={hits?.has(r) ? needle : ""} foldable={mode !== "log"} from={from} till={till} onSelect={onSelect} onToggle={toggle} onZoom={zoomTo} />;
          })}
        </div>
      </div>
      <Minimap tree={tree} rows={rows} hits={hits} range={[list.range?.startIndex ?? 0, list.range?.endIndex ?? 0]} onJump={(i) => list.scrollToIndex(i, { align: "center" })} selected={selected < 0 ? -1 : place[selected]!} />
    </div>
  );
}

/** Round times within a window of microseconds. */
function Ticks({ from, till }: { from: number; till: number }) {
  const total = till - from;
  const steps = [1, 2, 5].flatMap((m) => Array.from({ length: 13 }, (_, e) => m * 10 ** e)).sort((a, b) => a - b);
  const step = steps.find((x) => total / x <= 5) ?? total;
  const first = Math.ceil(from / step) * step;
  const ticks = Array.from({ length: Math.floor((till - first) / step) + 1 }, (_, i) => first + i * step);
  return <div className="ticks"><div className="lane">{ticks.map((t) => <span key={t} style={{ left: `${((t - from) / total) * 100}%` }}>{duration(t / 1000)}</span>)}</div></div>;
}

interface SpanRowProps {
  tree: Tree; row: number; index: number; top: number; depth: number; from: number; till: number; collapsed: boolean; selected: boolean; focusable: boolean; faded: boolean; needle: string; foldable: boolean;
  onSelect: (row: number) => void; onToggle: (row: number) => void; onZoom: (row: number) => void;
}

const SpanRow = memo(function SpanRow({ tree, row, index, top, depth, from, till, collapsed, selected, focusable, faded, needle, foldable, onSelect, onToggle, onZoom }: SpanRowProps) {
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
    <div role="row" data-row={row} aria-level={depth + 1} aria-rowindex={index + 1} aria-expanded={foldable && kids ? !collapsed : undefined} aria-selected={selected} tabIndex={focusable ? 0 : -1}
      aria-label={`${cat.label} ${name}, ${took}${failed ? ", failed" : ""}`} className={`span${failed ? " failed" : ""}${faded ? " faded" : ""}`} style={{ transform: `translateY(${top}px)` }} onClick={() => onSelect(row)} onDoubleClick={() => onZoom(row)}>
      <div role="gridcell" className="cell-name" title={`${name} (${type ?? "no type"})`}>
        {Array.from({ length: shown }, (_, i) => <span key={i} className="guide" />)}
        {foldable && kids > 0 ? <button className="toggle" tabIndex={-1} aria-label={collapsed ? `Open ${name}` : `Close ${name}`} onClick={(e) => { e.stopPropagation(); onToggle(row); }}><Icon name={collapsed ? "right" : "down"} size={10} /></button> : <span style={{ width: 18, flex: "none" }} />}
        <span className="code-tag" style={{ "--c": `var(--${cat.token})` } as React.CSSProperties}><i />{cat.code}</span>
        <span className="name" dir="auto"><Hit text={name} needle={needle} /></span>
        {failed && <Icon name="error" label="failed" size={12} />}
        {collapsed && <span className="chip outline">{count(tree.subtree[row]! - 1)}</span>}
        {collapsed && below > 0 && <span className="below">{count(below)} failed</span>}
      </div>
      <div role="gridcell" className="cell-bar">
        <div className="lane">
          {!outside && <span className={`bar${open ? " open" : ""}${failed ? " error" : ""}`} style={{ left: `min(${left}%, calc(100% - 2px))`, width: `${width}%`, "--c": `var(--${cat.token})` } as React.CSSProperties} />}
          <span className="time" style={{ left: `${left + width}%` }}>{took}</span>
        </div>
      </div>
      <div role="gridcell" className="cell-num" title={Number.isNaN(tokens) ? "unknown" : count(tokens)}>{Number.isNaN(tokens) ? "" : short(tokens)}</div>
      <div role="gridcell" className="cell-num">{Number.isNaN(money) ? (Number.isNaN(tokens) ? "" : unknown) : cost(money)}</div>
    </div>
  );
});

/** All rows at once: where the bars, the failures and the window are. */
function Minimap({ tree, rows, hits, range, onJump, selected }: { tree: Tree; rows: Int32Array; hits: ReadonlySet<number> | null; range: [number, number]; onJump: (i: number) => void; selected: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ w: 0, h: 0 });
  const theme = useThemeKey();
  const shown = rows.length > 24;
  useEffect(() => {
    if (!host.current) return;
    const o = new ResizeObserver(([e]) => setSize({ w: Math.round(e!.contentRect.width), h: Math.round(e!.contentRect.height) }));
    o.observe(host.current);
    return () => o.disconnect();
  }, [shown]);
  useEffect(() => {
    const c = canvas.current;
    if (!c || !size.w) return;
    const dpr = devicePixelRatio || 1, g = c.getContext("2d")!, s = tree.skeleton, n = rows.length;
    c.width = size.w * dpr;
    c.height = size.h * dpr;
    g.scale(dpr, dpr);
    const colours = new Map<string, string>();
    const colour = (token: string) => { let v = colours.get(token); if (!v) colours.set(token, v = cssColor(token)); return v; };
    const tokenOf = s.type_table.map((t) => category(t).token);
    const unit = Math.max(1, size.h / n);
    // One pass a colour keeps the canvas from switching styles; failures come last.
    for (const token of [...new Set([...tokenOf, "cat-ch"]), "error"]) {
      g.fillStyle = colour(token);
      g.globalAlpha = token === "error" ? 1 : 0.75;
      for (let i = 0; i < n; i++) {
        const r = rows[i]!;
        const own = token === "error" ? s.status[r] === 2 : (s.types[r]! < 0 ? "cat-ch" : tokenOf[s.types[r]!]) === token;
        if (!own || (hits && !hits.has(r))) continue;
        const x = (s.starts[r]! / tree.total) * size.w, end = s.ends[r]! < 0 ? tree.total : s.ends[r]!;
        g.fillRect(x, (i / n) * size.h, Math.max(token === "error" ? 2 : 1, ((end - s.starts[r]!) / tree.total) * size.w), unit);
      }
    }
    if (selected >= 0) { g.globalAlpha = 1; g.fillStyle = colour("accent"); g.fillRect(0, (selected / n) * size.h, size.w, Math.max(1, unit)); }
  }, [tree, rows, size, hits, theme, selected]);
  if (!shown) return null;
  const jump = (e: PointerEvent) => {
    const r = host.current!.getBoundingClientRect();
    onJump(Math.max(0, Math.min(rows.length - 1, Math.floor(((e.clientY - r.top) / r.height) * rows.length))));
  };
  return (
    <div ref={host} className="minimap" aria-hidden="true" onPointerDown={(e) => { e.currentTarget.setPointerCapture(e.pointerId); jump(e); }} onPointerMove={(e) => { if (e.buttons) jump(e); }}>
      <canvas ref={canvas} />
      <div className="window" style={{ top: `${(range[0] / rows.length) * 100}%`, height: `${Math.max(4, ((range[1] - range[0] + 1) / rows.length) * 100)}%` }} />
    </div>
  );
}
