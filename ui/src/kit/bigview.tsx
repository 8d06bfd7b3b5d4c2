// Shows a value that a worker keeps: text in lines, JSON as a tree, both
// windowed, so that 50 MB open as fast as a page of it.
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { copy, toastError } from "../app/toast";
import { findText, layText, layTree, readRows, whole } from "./big";
import { bytes, count, plural } from "./format";
import { Icon } from "./icons";
import { Hit, JsonLine } from "./json";
import type { Line } from "./jsontree";
import type { Big } from "./slim";

/** Browsers cap how high an element may be; beyond, scrolling is scaled. */
const maxHeight = 16_000_000;

export function BigView({ big, label }: { big: Big; label: string }) {
  const [raw, setRaw] = useState(false);
  return big.kind === "text" || raw ? <BigText key="text" big={big} label={label} {...(big.kind === "json" ? { onTree: () => setRaw(false) } : {})} /> : <BigTree big={big} label={label} onText={() => setRaw(true)} />;
}

/** Rows of a known height of which only those in view exist. */
function Windowed<T>({ n, height, label, version, load, children, to }: { n: number; height: number; label: string; version: string; load: (from: number, to: number) => Promise<T[]>; children: (row: T, i: number) => ReactNode; to?: { row: number } | null }) {
  const host = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [got, setGot] = useState<{ version: string; from: number; rows: T[] }>({ version: "", from: 0, rows: [] });
  const [gone, setGone] = useState(false);
  const client = useQueryClient();
  const room = 560, shown = Math.ceil(room / height) + 1, total = Math.min(n * height, maxHeight);
  // Where scroll is scaled, a row's place is a share of the way.
  const scaled = n * height > maxHeight, reach = Math.max(1, total - room);
  const first = scaled ? Math.floor((Math.min(top, reach) / reach) * Math.max(0, n - shown + 1)) : Math.floor(top / height);
  const from = Math.max(0, first - 10), till = Math.min(n, first + shown + 10);
  useEffect(() => {
    let late = false;
    load(from, till).then((rows) => { if (!late) setGot({ version, from, rows }); }, (e: unknown) => { if (!late) { if (String(e).includes("gone")) setGone(true); else toastError(e); } });
    return () => { late = true; };
  }, [from, till, version]);
  useEffect(() => {
    if (!to || to.row < 0 || !host.current) return;
    host.current.scrollTop = scaled ? (to.row / Math.max(1, n - shown)) * reach : Math.max(0, to.row * height - room / 2);
  }, [to]);
  if (gone) return <p className="muted" style={{ padding: 12 }}>This was put away to save memory. <button className="link" onClick={() => void client.invalidateQueries({ predicate: (q) => q.queryKey.includes("span") })}>Load it again</button></p>;
  const rows = got.version === version ? got.rows : [];
  return (
    <div ref={host} className="rows big" style={{ height: Math.min(room, Math.max(height, n * height)) }} tabIndex={0} role="group" aria-label={label} onScroll={(e) => setTop(e.currentTarget.scrollTop)}>
      <div style={{ height: total, position: "relative" }}>
        {rows.map((r, k) => { const i = got.from + k; return <div key={i} style={{ position: "absolute", left: 0, right: 0, height, top: scaled ? top + (i - first) * height : i * height }}>{children(r, i)}</div>; })}
      </div>
    </div>
  );
}

function Tools({ label, size, q, setQ, found, onNext, big, children }: { label: string; size: string; q: string; setQ: (s: string) => void; found: string; onNext?: () => void; big: Big; children?: ReactNode }) {
  const take = async (how: "copy" | "save") => {
    try {
      const got = await whole(big, how === "save");
      if (how === "copy") return await copy(got);
      const a = document.createElement("a");
      a.href = got;
      a.download = big.kind === "text" ? "payload.txt" : "payload.json";
      a.click();
      setTimeout(() => URL.revokeObjectURL(got), 60_000);
    } catch (e) { toastError(e); }
  };
  return (
    <div className="tools">
      <Icon name="search" size={12} />
      <input aria-label={`Search ${label}`} placeholder="Search" value={q} onChange={(e) => setQ(e.target.value)} onKeyDown={(e) => { if (e.key === "Enter") { e.preventDefault(); onNext?.(); } }} />
      <span className="muted label" role="status">{found || size}</span>
      {children}
      <button className="icon-button" onClick={() => void take("save")} aria-label={`Download ${label}`} title="Download"><Icon name="download" /></button>
      <button className="icon-button" onClick={() => void take("copy")} aria-label={`Copy ${label}`} title="Copy all of it"><Icon name="copy" /></button>
    </div>
  );
}

function BigText({ big, label, onTree }: { big: Big; label: string; onTree?: () => void }) {
  const host = useRef<HTMLDivElement>(null);
  const [laid, setLaid] = useState<{ rows: number; size: number; width: number } | null>(null);
  const [q, setQ] = useState("");
  const [hit, setHit] = useState<{ count: number; row: number } | null>(null);
  const [width, setWidth] = useState(0);
  const needle = q.trim().toLowerCase();
  useEffect(() => {
    const el = host.current!;
    // A monospaced character of 12 px is 7.23 px wide.
    const o = new ResizeObserver(([e]) => setWidth(Math.max(20, Math.floor((e!.contentRect.width - 28) / 7.3))));
    o.observe(el);
    return () => o.disconnect();
  }, []);
  useEffect(() => {
    if (!width) return;
    let late = false;
    layText(big, width).then((r) => { if (!late) setLaid({ ...r, width }); }, (e: unknown) => { if (!late) toastError(e); });
    return () => { late = true; };
  }, [big, width]);
  const find = (after: number) => { if (needle) findText(big, needle, after).then(setHit, toastError); else setHit(null); };
  useEffect(() => { const t = setTimeout(() => find(-1), 200); return () => clearTimeout(t); }, [needle, laid]);
  return (
    <div ref={host} className="json" role="group" aria-label={label}>
      <Tools label={label} big={big} size={laid ? `${bytes(laid.size)}, ${plural(laid.rows, "line")}` : "Reading…"} q={q} setQ={setQ} onNext={() => find(hit?.row ?? -1)} found={needle && hit ? (hit.count === 0 ? "no match" : `${hit.count >= 10_000 ? "10,000+" : count(hit.count)} matches${hit.row >= 0 ? `, line ${count(hit.row + 1)}` : ""}`) : ""}>
        {onTree && <button className="icon-button" aria-pressed onClick={onTree} aria-label="As a tree" title="As a tree"><Icon name="code" /></button>}
      </Tools>
      {laid ? <Windowed<string> n={laid.rows} height={18} label={label} version={`${laid.width}`} load={(a, b) => readRows<string>(big, a, b)} to={hit}>{(s, i) => <div className={`textline${hit?.row === i ? " at" : ""}`} dir="auto"><Hit text={s} needle={needle} /></div>}</Windowed>
        : <pre className="text" style={{ border: 0 }} dir="auto">{big.head}</pre>}
    </div>
  );
}

function BigTree({ big, label, onText }: { big: Big; label: string; onText: () => void }) {
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [q, setQ] = useState("");
  const needle = useDeferredValue(q.trim().toLowerCase());
  const [laid, setLaid] = useState<{ rows: number; cut: boolean; version: string } | null>(null);
  const version = useMemo(() => JSON.stringify([[...toggled], needle]), [toggled, needle]);
  useEffect(() => {
    let late = false;
    layTree(big, [...toggled], needle).then((r) => { if (!late) setLaid({ ...r, version }); }, (e: unknown) => { if (!late) toastError(e); });
    return () => { late = true; };
  }, [big, version]);
  const toggle = (l: Line) => setToggled((old) => new Map(old).set(l.path, l.kind === "closed"));
  const size = big.size ? bytes(big.size) : big.items ? plural(big.items, "entry", "entries") : "";
  return (
    <div className="json" role="group" aria-label={label}>
      <Tools label={label} big={big} size={size} q={q} setQ={setQ} found={needle && laid ? plural(laid.rows, "match", "matches") : ""}>
        <button className="icon-button" onClick={onText} aria-label="As text" title="As text"><Icon name="code" /></button>
      </Tools>
      {laid ? <Windowed<Line> n={laid.rows} height={20} label={label} version={laid.version} load={(a, b) => readRows<Line>(big, a, b)}>{(l) => <JsonLine line={l} onToggle={toggle} wrap={false} needle={needle} />}</Windowed> : <div className="rows" style={{ height: 560, padding: 12 }}><span className="skeleton" style={{ width: "60%" }} /></div>}
      {laid?.cut && <p className="muted label" style={{ padding: "4px 12px" }}>The first {count(laid.rows)} {needle ? "matches" : "lines"} are shown; As text and Download have all.</p>}
    </div>
  );
}
