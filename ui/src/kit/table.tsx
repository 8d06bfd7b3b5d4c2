// The data table of every list: rows and columns are virtualised, pages are
// fetched ahead by keyset, and it is a proper grid to a keyboard and to a
// screen reader. On a phone the same rows are two-line cards.
import { columnPinningFeature, columnSizingFeature, tableFeatures, useTable } from "@tanstack/react-table";
import { A } from "../app/link";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, type KeyboardEvent, memo, type PointerEvent, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { recall, remember } from "../app/prefs";
import { useShortcut } from "../app/shortcuts";
import { Icon } from "./icons";
import { useNarrow, useRowHeight } from "./media";
import { plural } from "./format";

export interface Column<T> {
  id: string;
  header: string;
  cell: (row: T) => ReactNode;
  width?: number;
  min?: number;
  num?: boolean; // right-aligned
  sort?: string; // what to sort by, if it can be
  pinned?: boolean;
  title?: string; // longer than the header
}

export interface TableProps<T> {
  name: string; // remembers widths under it
  label: string;
  columns: Column<T>[];
  rows: T[];
  getId: (row: T) => string;
  href?: (row: T) => string;
  onOpen?: (row: T) => void;
  onPeek?: (row: T) => void;
  onHide?: (row: T) => void; // of a row that is drawn elsewhere
  current?: string | undefined; // id of the row whose peek is open
  reveal?: number | undefined; // a row to bring into view and make active when it changes
  total?: number | null | undefined; // known count of matching rows
  more?: { has: boolean; loading: boolean; load: () => void };
  sort?: string | undefined;
  onSort?: (sort: string) => void;
  selected?: ReadonlySet<string>;
  onSelect?: (ids: ReadonlySet<string>) => void;
  card?: (row: T) => ReactNode;
  cardHeight?: number;
  onTop?: (atTop: boolean) => void;
}

const features = tableFeatures({ columnSizingFeature, columnPinningFeature });
const checkWidth = 36;
const ahead = 40; // rows from the end at which the next page is asked for

export function DataTable<T>(p: TableProps<T>) {
  const narrow = useNarrow();
  return narrow && p.card ? <Cards {...p} card={p.card} /> : <Grid {...p} />;
}

interface Leaf<T> { column: Column<T>; width: number; left: number; pinned: boolean; last: boolean; index: number; }

function useLeaves<T>(p: TableProps<T>) {
  const key = `assay.widths.${p.name}`;
  const defs = useMemo(
    () => p.columns.map((c) => ({ id: c.id, header: c.header, size: c.width ?? 140, minSize: c.min ?? 48, maxSize: 1200 })),
    [p.columns],
  );
  const [columnSizing, setSizing] = useState<Record<string, number>>(() => recall(key, {}));
  const pinnedIds = useMemo(() => p.columns.filter((c) => c.pinned).map((c) => c.id), [p.columns]);
  const state = useMemo(() => ({ columnSizing, columnPinning: { start: pinnedIds, end: [] as string[] } }), [columnSizing, pinnedIds]);
  const none = useRef<T[]>([]);
  const table = useTable({ features, columns: defs as never, data: none.current as never[], state, onColumnSizingChange: setSizing as never });
  const offset = p.onSelect ? checkWidth : 0;
  const leaves = useMemo(() => {
    const byId = new Map(p.columns.map((c) => [c.id, c]));
    const pinned: Leaf<T>[] = [], center: Leaf<T>[] = [];
    let left = offset, index = 0;
    const all = table.getAllLeafColumns() as unknown as { id: string; getSize: () => number; getIsPinned: () => unknown }[];
    for (const part of [true, false]) {
      for (const c of all) {
        const column = byId.get(c.id);
        if (!column || !!c.getIsPinned() !== part) continue;
        const width = c.getSize();
        (part ? pinned : center).push({ column, width, left, pinned: part, last: false, index: index++ });
        left += width;
      }
    }
    if (pinned.length) pinned[pinned.length - 1]!.last = true;
    return { pinned, center, total: left };
  }, [p.columns, columnSizing, offset, table]);
  const resize = useCallback((id: string, width: number, done: boolean) => {
    setSizing((old) => {
      const next = { ...old, [id]: Math.round(Math.max(48, Math.min(1200, width))) };
      if (done) remember(key, next);
      return next;
    });
  }, [key]);
  return { ...leaves, resize };
}

function Grid<T>(p: TableProps<T>) {
  const host = useRef<HTMLDivElement>(null);
  const rowHeight = useRowHeight();
  const { pinned, center, total: width, resize } = useLeaves(p);
  const [active, setActive] = useState({ row: 0, col: 0 });
  const wantFocus = useRef(false);
  const anchor = useRef<number | null>(null);
  const columns = pinned.length + center.length + (p.onSelect ? 1 : 0);
  const firstCenter = (p.onSelect ? 1 : 0) + pinned.length;
  const pinnedWidth = (p.onSelect ? checkWidth : 0) + pinned.reduce((s, l) => s + l.width, 0);
  const count = p.rows.length;
  const row = Math.min(active.row, Math.max(0, count - 1));

  const rows = useVirtualizer({
    count,
    getScrollElement: () => host.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    scrollPaddingStart: 32,
    // The active row stays in the document, so that focus is never lost to scrolling.
    rangeExtractor: (r) => {
      const out: number[] = [];
      const start = Math.max(0, r.startIndex - r.overscan), end = Math.min(r.count - 1, r.endIndex + r.overscan);
      if (row < start) out.push(row);
      for (let i = start; i <= end; i++) out.push(i);
      if (row > end && row < r.count) out.push(row);
      return out;
    },
  });
  const cols = useVirtualizer({
    horizontal: true,
    count: center.length,
    getScrollElement: () => host.current,
    estimateSize: (i) => center[i]?.width ?? 140,
    overscan: 3,
    scrollPaddingStart: pinnedWidth,
  });
  useEffect(() => rows.measure(), [rowHeight]);
  const widths = center.map((l) => l.width).join();
  useEffect(() => cols.measure(), [widths]);

  useEffect(() => {
    if (p.reveal === undefined || p.reveal < 0 || p.reveal >= count) return;
    rows.scrollToIndex(p.reveal, { align: "auto" });
    setActive((a) => ({ row: p.reveal!, col: a.col }));
  }, [p.reveal]);

  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const { more } = p;
  useEffect(() => {
    if (more?.has && !more.loading && last >= count - ahead) more.load();
  }, [last, count, more]);

  const view = cols.getVirtualItems();
  const shown = useMemo(() => view.map((v) => center[v.index]!).filter(Boolean), [view.map((v) => v.index).join(), center]);
  const before = view[0]?.start ?? 0;
  const after = Math.max(0, cols.getTotalSize() - (view.at(-1)?.end ?? 0));

  function move(r: number, c: number) {
    const next = { row: Math.max(0, Math.min(count - 1, r)), col: Math.max(0, Math.min(columns - 1, c)) };
    setActive(next);
    rows.scrollToIndex(next.row, { align: "auto" });
    if (next.col >= firstCenter) cols.scrollToIndex(next.col - firstCenter, { align: "auto" });
    wantFocus.current = true;
  }
  useEffect(() => {
    if (!wantFocus.current) return;
    const cell = host.current?.querySelector<HTMLElement>(`[data-cell="${active.row}-${active.col}"]`);
    if (cell) {
      cell.focus({ preventScroll: true });
      wantFocus.current = false;
    }
  });

  function toggle(i: number, range: boolean) {
    const r = p.rows[i];
    if (r === undefined || !p.onSelect) return;
    const next = new Set(p.selected), id = p.getId(r);
    if (range && anchor.current !== null) {
      const [a, b] = [Math.min(anchor.current, i), Math.max(anchor.current, i)];
      for (let k = a; k <= b; k++) next.add(p.getId(p.rows[k]!));
    } else if (!next.delete(id)) next.add(id);
    anchor.current = i;
    p.onSelect(next);
  }
  const open = (i: number) => { const r = p.rows[i]; if (r !== undefined) p.onOpen?.(r); };
  const peek = (i: number) => { const r = p.rows[i]; if (r !== undefined) p.onPeek?.(r); };

  useShortcut("down", () => move(wantsFirst() ? 0 : row + 1, active.col));
  useShortcut("up", () => move(row - 1, active.col));
  useShortcut("open", (e) => (host.current?.contains(e.target as Node) || e.target === document.body ? open(row) : false));
  useShortcut("select", p.onSelect && (() => toggle(row, false)));
  useShortcut("hide", p.onHide && (() => { const r = p.rows[row]; if (r) p.onHide!(r); }));
  useShortcut("peek", p.onPeek && ((e) => ((e.target as HTMLElement).closest("button,a,input,summary") ? false : peek(row))));
  function wantsFirst() { return !host.current?.contains(document.activeElement) && row === 0 && active.col === 0; }

  function onKeyDown(e: KeyboardEvent) {
    if (e.altKey || e.metaKey) return;
    const pageful = Math.max(1, Math.floor((host.current!.clientHeight - 32) / rowHeight) - 1);
    const { col } = active;
    const keys: Record<string, [number, number]> = {
      ArrowDown: [row + 1, col], ArrowUp: [row - 1, col], ArrowRight: [row, col + 1], ArrowLeft: [row, col - 1],
      PageDown: [row + pageful, col], PageUp: [row - pageful, col], Home: [e.ctrlKey ? 0 : row, 0], End: [e.ctrlKey ? count - 1 : row, columns - 1],
    };
    const to = keys[e.key];
    if (to && !(e.target as HTMLElement).closest(".head")) {
      e.preventDefault();
      move(...to);
    }
  }

  const rowProps = { pinned, shown, before, after, rowHeight, select: !!p.onSelect, firstCenter };
  const handlers = useRef({ toggle, open, setActive, href: p.href, onOpen: p.onOpen });
  handlers.current = { toggle, open, setActive, href: p.href, onOpen: p.onOpen };
  const allLoaded = count > 0 && p.rows.every((r) => p.selected?.has(p.getId(r)));

  return (
    <div className="grid-host">
      <div ref={host} className="grid" role="grid" aria-label={p.label} aria-rowcount={p.total === null || p.total === undefined ? (more?.has ? -1 : count + 1) : p.total + 1} aria-colcount={columns}
        aria-multiselectable={p.onSelect ? true : undefined} onKeyDown={onKeyDown} onScroll={(e) => p.onTop?.(e.currentTarget.scrollTop < 4)}>
        <div className="head" role="row" aria-rowindex={1} style={{ width }}>
          {p.onSelect && (
            <div role="columnheader" aria-colindex={1} className="th pinned" style={{ width: checkWidth, left: 0, justifyContent: "center" }}>
              <input type="checkbox" aria-label="Select all loaded rows" checked={allLoaded}
                onChange={() => p.onSelect!(allLoaded ? new Set() : new Set(p.rows.map(p.getId)))} />
            </div>
          )}
          {pinned.map((l, i) => <Head key={l.column.id} leaf={l} index={i + (p.onSelect ? 2 : 1)} sort={p.sort} onSort={p.onSort} resize={resize} />)}
          <div style={{ width: before, flex: "none" }} role="presentation" />
          {shown.map((l) => <Head key={l.column.id} leaf={l} index={firstCenter + 1 + l.index - pinned.length} sort={p.sort} onSort={p.onSort} resize={resize} />)}
          <div style={{ width: after, flex: "none" }} role="presentation" />
        </div>
        <div className="body" role="rowgroup" style={{ height: rows.getTotalSize() + (more?.has ? 32 : 0), width }}>
          {items.map((v) => {
            const r = p.rows[v.index];
            if (r === undefined) return null;
            const id = p.getId(r);
            return (
              <Row key={id} {...rowProps} row={r} index={v.index} top={v.start} activeCol={v.index === row ? active.col : -1}
                selected={p.selected?.has(id) ?? false} current={p.current === id} handlers={handlers as never} />
            );
          })}
          {more?.has && <div className="foot" style={{ top: 0, transform: `translateY(${rows.getTotalSize()}px)` }} role="presentation">Loading more…</div>}
        </div>
      </div>
    </div>
  );
}

interface RowProps<T> {
  row: T; index: number; top: number; pinned: Leaf<T>[]; shown: Leaf<T>[]; before: number; after: number; rowHeight: number;
  select: boolean; firstCenter: number; activeCol: number; selected: boolean; current: boolean;
  handlers: { current: { toggle: (i: number, range: boolean) => void; open: (i: number) => void; setActive: (a: { row: number; col: number }) => void } };
}

function RowBody<T>(p: RowProps<T>) {
  const cell = (l: Leaf<T>, col: number, style?: CSSProperties) => (
    <div key={l.column.id} role="gridcell" aria-colindex={col + 1} data-cell={`${p.index}-${col}`} tabIndex={p.activeCol === col ? 0 : -1}
      className={`td${l.column.num ? " num" : ""}${l.pinned ? " pinned" : ""}${l.last ? " last" : ""}`} style={{ width: l.width, ...style }} dir="auto"
      onFocus={() => p.handlers.current.setActive({ row: p.index, col })}>
      {l.column.cell(p.row)}
    </div>
  );
  return (
    <div role="row" aria-rowindex={p.index + 2} aria-selected={p.select ? p.selected : undefined} className={`tr${p.current ? " current" : ""}`}
      style={{ transform: `translateY(${p.top}px)`, minWidth: "100%" }}
      onClick={(e) => {
        if ((e.target as HTMLElement).closest("a,button,input")) return;
        if (e.shiftKey || e.ctrlKey || e.metaKey) p.handlers.current.toggle(p.index, e.shiftKey);
        else if (!getSelection()?.toString()) p.handlers.current.open(p.index);
      }}>
      {p.select && (
        <div role="gridcell" aria-colindex={1} data-cell={`${p.index}-0`} tabIndex={p.activeCol === 0 ? 0 : -1} className="td pinned" style={{ width: checkWidth, left: 0, justifyContent: "center" }}
          onFocus={() => p.handlers.current.setActive({ row: p.index, col: 0 })}>
          <input type="checkbox" tabIndex={-1} aria-label={`Select row ${p.index + 1}`} checked={p.selected} onChange={() => {}} onClick={(e) => p.handlers.current.toggle(p.index, e.shiftKey)} />
        </div>
      )}
      {p.pinned.map((l, i) => cell(l, i + (p.select ? 1 : 0), { left: l.left }))}
      <div style={{ width: p.before, flex: "none" }} role="presentation" />
      {p.shown.map((l) => cell(l, p.firstCenter + l.index - p.pinned.length))}
      <div style={{ width: p.after, flex: "none" }} role="presentation" />
    </div>
  );
}
const Row = memo(RowBody) as typeof RowBody;

function Head<T>({ leaf, index, sort, onSort, resize }: { leaf: Leaf<T>; index: number; sort?: string | undefined; onSort?: ((s: string) => void) | undefined; resize: (id: string, w: number, done: boolean) => void }) {
  const { column: c } = leaf;
  const drag = useRef<{ x: number; width: number } | null>(null);
  const [dragging, setDragging] = useState(false);
  const direction = c.sort && sort ? (sort === c.sort ? "ascending" : sort === `-${c.sort}` ? "descending" : undefined) : undefined;
  const onPointerDown = (e: PointerEvent<HTMLElement>) => {
    drag.current = { x: e.clientX, width: leaf.width };
    setDragging(true);
    e.currentTarget.setPointerCapture(e.pointerId);
    e.preventDefault();
  };
  const onPointerMove = (e: PointerEvent) => { if (drag.current) resize(c.id, drag.current.width + e.clientX - drag.current.x, false); };
  const onPointerUp = (e: PointerEvent) => {
    if (!drag.current) return;
    resize(c.id, drag.current.width + e.clientX - drag.current.x, true);
    drag.current = null;
    setDragging(false);
  };
  const next = direction === "descending" ? c.sort! : `-${c.sort}`;
  return (
    <div role="columnheader" aria-colindex={index} aria-sort={direction} className={`th${c.num ? " num" : ""}${leaf.pinned ? " pinned" : ""}${leaf.last ? " last" : ""}`}
      style={{ width: leaf.width, ...(leaf.pinned ? { left: leaf.left } : {}) }} title={c.title ?? (c.sort ? `Sort by ${c.header}` : c.header)}>
      {c.sort && onSort ? (
        <button onClick={() => onSort(next)} onKeyDown={(e) => {
          // Shift with an arrow resizes from the keyboard.
          if (e.shiftKey && (e.key === "ArrowLeft" || e.key === "ArrowRight")) {
            e.preventDefault();
            e.stopPropagation();
            resize(c.id, leaf.width + (e.key === "ArrowRight" ? 16 : -16), true);
          }
        }}>
          <HeadText text={c.header} />
          {direction && <Icon name={direction === "ascending" ? "up" : "down"} size={10} />}
        </button>
      ) : <span className="row plain-head" style={{ gap: 0 }}><HeadText text={c.header} /></span>}
      <span className={`resize${dragging ? " active" : ""}`} aria-hidden="true" onPointerDown={onPointerDown} onPointerMove={onPointerMove} onPointerUp={onPointerUp} onPointerCancel={onPointerUp} />
    </div>
  );
}

/** Keys such as rouge1/v1/mean are told apart by their end, so that stays. */
function HeadText({ text }: { text: string }) {
  const i = text.lastIndexOf("/");
  if (i <= 0) return <span className="clip">{text}</span>;
  return <span className="row" style={{ gap: 0 }}><span className="clip">{text.slice(0, i)}</span><span style={{ flex: "none" }}>{text.slice(i)}</span></span>;
}

function Cards<T>(p: TableProps<T> & { card: (row: T) => ReactNode }) {
  const host = useRef<HTMLDivElement>(null);
  const height = p.cardHeight ?? 64;
  const rows = useVirtualizer({ count: p.rows.length, getScrollElement: () => host.current, estimateSize: () => height, overscan: 8 });
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const { more } = p;
  useEffect(() => {
    if (more?.has && !more.loading && last >= p.rows.length - ahead) more.load();
  }, [last, p.rows.length, more]);
  return (
    <div ref={host} className="cards" role="list" aria-label={p.label} tabIndex={0} onScroll={(e) => p.onTop?.(e.currentTarget.scrollTop < 4)}>
      <div style={{ height: rows.getTotalSize(), position: "relative" }} role="presentation">
        {items.map((v) => {
          const r = p.rows[v.index]!;
          const style = { height, transform: `translateY(${v.start}px)` };
          return (
            <div key={p.getId(r)} role="listitem" aria-setsize={more?.has ? -1 : p.rows.length} aria-posinset={v.index + 1}>
              {p.href ? <A href={p.href(r)} className="item" style={style}>{p.card(r)}</A> : <div className="item" style={style}>{p.card(r)}</div>}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** The bar above a table with selected rows. */
export function Bulk({ n, clear, children }: { n: number; clear: () => void; children: ReactNode }) {
  if (n === 0) return null;
  return (
    <div className="bulk" role="region" aria-label="Selected rows">
      <b>{plural(n, "row")} selected</b>
      {children}
      <button className="link" onClick={clear} style={{ marginLeft: "auto" }}>Clear</button>
    </div>
  );
}
