// The JSON viewer: a windowed tree with search and path copy; strings that
// hold JSON open in place; plain text is shown as text.
import { useVirtualizer } from "@tanstack/react-virtual";
import { lazy, Suspense, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { copy } from "../app/toast";
import { bytes, plural } from "./format";
import { Icon } from "./icons";
import { keepBig } from "./big";
import { type Line, lines } from "./jsontree";
import { type Big, bigFrom, isBig } from "./slim";

const BigView = lazy(() => import("./bigview").then((m) => ({ default: m.BigView })));

export function Json({ value, label }: { value: unknown; label: string }) {
  return isBig(value) ? <Payload value={value} label={label} /> : <SmallJson value={value} label={label} />;
}

function SmallJson({ value, label }: { value: unknown; label: string }) {
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [q, setQ] = useState("");
  const [raw, setRaw] = useState(false);
  const needle = useDeferredValue(q.trim().toLowerCase());
  const host = useRef<HTMLDivElement>(null);
  // Searching opens everything; otherwise two levels and short lists are open.
  const all = useMemo(
    () => lines(value, (path, depth, size, nested) => (needle ? true : toggled.get(path) ?? (depth < 3 && size <= 100 && !(nested && depth > 3)))),
    [value, toggled, needle],
  );
  const shown = useMemo(() => (needle ? all.filter((l) => matches(l, needle)) : all), [all, needle]);
  const windowed = shown.length > 400;
  const rows = useVirtualizer({ count: windowed ? shown.length : 0, getScrollElement: () => host.current, estimateSize: () => 20, overscan: 20 });
  const text = () => JSON.stringify(value, null, 2) ?? "";
  const toggle = (l: Line) => setToggled((old) => new Map(old).set(l.path, l.kind === "closed"));

  return (
    <div className="json" role="group" aria-label={label}>
      <div className="tools">
        <Icon name="search" size={12} />
        <input aria-label={`Search ${label}`} placeholder="Search" value={q} onChange={(e) => setQ(e.target.value)} />
        {needle && <span className="muted label">{plural(shown.length, "match", "matches")}</span>}
        <button className="icon-button" aria-pressed={raw} onClick={() => setRaw(!raw)} aria-label="As text" title="As text"><Icon name="code" /></button>
        <button className="icon-button" onClick={() => void copy(text())} aria-label={`Copy ${label}`} title="Copy"><Icon name="copy" /></button>
      </div>
      {raw ? <pre className="text" style={{ border: 0, borderRadius: 0 }} tabIndex={0}>{clip(text())}</pre> : (
        <div ref={host} className="rows" tabIndex={0} aria-label={label} role="group">
          {windowed ? (
            <div style={{ height: rows.getTotalSize(), position: "relative" }}>
              {rows.getVirtualItems().map((v) => (
                <div key={v.key} style={{ position: "absolute", top: v.start, left: 0, right: 0 }}><JsonLine line={shown[v.index]!} onToggle={toggle} wrap={false} needle={needle} /></div>
              ))}
            </div>
          ) : shown.map((l, i) => <JsonLine key={`${l.path} ${i}`} line={l} onToggle={toggle} wrap needle={needle} />)}
        </div>
      )}
    </div>
  );
}

function matches(l: Line, needle: string): boolean {
  if (l.kind === "close") return false;
  if (l.key?.toLowerCase().includes(needle)) return true;
  return l.kind === "scalar" && String(l.value).toLowerCase().includes(needle);
}

function clip(s: string): string {
  return s.length > 2_000_000 ? `${s.slice(0, 2_000_000)}\n… ${bytes(s.length)} in all; copy has the rest` : s;
}

export function JsonLine({ line: l, onToggle, wrap, needle }: { line: Line; onToggle: (l: Line) => void; wrap: boolean; needle: string }) {
  const close = l.bracket === "[" ? "]" : "}";
  const box = l.kind === "open" || (l.kind === "closed" && l.size > 0);
  return (
    <div className={`line${wrap ? " wrap" : ""}`} style={{ paddingLeft: 8 + l.depth * 14 }}>
      {box ? <button className="toggle" aria-expanded={l.kind === "open"} aria-label={`${l.kind === "open" ? "Close" : "Open"} ${l.path}`} onClick={() => onToggle(l)}><Icon name={l.kind === "open" ? "down" : "right"} size={10} /></button>
        : <span style={{ width: 16, flex: "none" }} />}
      <span style={{ minWidth: 0 }}>
        {l.key !== null && <><span className="k"><Hit text={l.key} needle={needle} /></span><span className="m">: </span></>}
        {l.kind === "close" ? close : l.kind === "open" ? <>{l.bracket}{l.nested && <span className="m"> from text</span>}</>
          : l.kind === "closed" ? <>{l.bracket}{l.size > 0 && <span className="m"> {plural(l.size, l.bracket === "[" ? "item" : "key")} </span>}{close}{l.nested && <span className="m"> from text</span>}</>
          : <Scalar value={l.value} needle={needle} wrap={wrap} />}
      </span>
      <button className="path" title={`Copy ${l.path}`} aria-label={`Copy path ${l.path}`} tabIndex={-1} onClick={() => void copy(l.path, `Copied ${l.path}`)}><Icon name="link" size={12} /></button>
    </div>
  );
}

function Scalar({ value, needle, wrap }: { value: unknown; needle: string; wrap: boolean }) {
  const [full, setFull] = useState(false);
  if (typeof value === "string") {
    const limit = wrap ? 4000 : 400;
    const s = full || value.length <= limit ? value : value.slice(0, limit);
    return <span className="s" dir="auto"><Hit text={wrap ? s : JSON.stringify(s)} needle={needle} />{s.length < value.length && <> <button className="link" onClick={() => setFull(true)}>… {bytes(value.length)}, show all</button></>}</span>;
  }
  if (typeof value === "number") return <span className="n">{Object.is(value, -0) ? "-0" : String(value)}</span>;
  return <span className="b">{String(value)}</span>;
}

export function Hit({ text, needle }: { text: string; needle: string }) {
  const i = needle ? text.toLowerCase().indexOf(needle) : -1;
  if (i < 0) return <>{text}</>;
  return <>{text.slice(0, i)}<mark>{text.slice(i, i + needle.length)}</mark>{text.slice(i + needle.length)}</>;
}

/** A payload: text as text, anything else as a tree; big ones in a worker. */
export function Payload({ value, label }: { value: unknown; label: string }) {
  if (value === null || value === undefined) return <p className="muted">None was recorded.</p>;
  if (isBig(value)) return <Suspense fallback={<pre className="text" dir="auto">{value.head || "Reading…"}</pre>}><BigView big={value} label={label} /></Suspense>;
  if (typeof value === "string" && value.length > bigFrom) return <Aside value={value} label={label} />;
  if (typeof value === "string" && !/^\s*[[{]/.test(value)) return <pre className="text" dir="auto" tabIndex={0} aria-label={label} role="group">{value}</pre>;
  return <Json value={value} label={label} />;
}

/** A long text of this page, handed to the worker to be shown. */
function Aside({ value, label }: { value: string; label: string }) {
  const [big, setBig] = useState<Big | null>(null);
  useEffect(() => {
    let late = false;
    void keepBig(value).then((b) => { if (!late) setBig(b); });
    return () => { late = true; };
  }, [value]);
  if (!big) return <pre className="text" dir="auto">{value.slice(0, 2000)}</pre>;
  return <Suspense fallback={<pre className="text" dir="auto">{big.head}</pre>}><BigView big={big} label={label} /></Suspense>;
}
