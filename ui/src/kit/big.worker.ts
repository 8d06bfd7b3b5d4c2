// Keeps values that are too big for the page: parses them, lays them out in
// lines and hands out the lines that are seen.
import { type Line, lines } from "./jsontree";
import { type Big, cutLines, describe, slim } from "./slim";

export interface Order {
  id: number;
  read?: { bytes: ArrayBuffer; maxSlim: number };
  keep?: { value: unknown };
  text?: { big: Ref; width: number };
  rows?: { big: Ref; from: number; to: number };
  tree?: { big: Ref; toggled: [string, boolean][]; needle: string };
  find?: { big: Ref; needle: string; after: number };
  whole?: { big: Ref; file: boolean };
}
export interface Ref { $big: number; doc: number; }

/** Lines of a tree that are laid out at most, and matches that are shown. */
const maxLines = 500_000, maxMatches = 10_000;
const maxDocs = 8;

interface Kept { value: unknown; starts?: Uint32Array; lines?: Line[]; parsed?: unknown; }
const docs = new Map<number, Map<number, Kept>>();
let serial = 0;

function newDoc(): [number, Map<number, Kept>] {
  const doc = ++serial, values = new Map<number, Kept>();
  docs.set(doc, values);
  for (const old of docs.keys()) if (docs.size > maxDocs) docs.delete(old); else break;
  return [doc, values];
}

function keeper(doc: number, values: Map<number, Kept>) {
  return (value: unknown): Big => {
    const n = values.size;
    values.set(n, { value });
    return { $big: n, doc, ...describe(value) };
  };
}

function of(ref: Ref): Kept {
  const values = docs.get(ref.doc), kept = values?.get(ref.$big);
  if (!values || !kept) throw new Error("gone");
  docs.delete(ref.doc); // the one last used goes last
  docs.set(ref.doc, values);
  return kept;
}

function treeOf(kept: Kept): unknown {
  if (typeof kept.value !== "string") return kept.value;
  if (kept.parsed === undefined) { try { kept.parsed = JSON.parse(kept.value); } catch { kept.parsed = kept.value; } }
  return kept.parsed;
}

const textOf = (kept: Kept) => (typeof kept.value === "string" ? kept.value : (kept.parsed ??= JSON.stringify(kept.value, null, 2)) as string);

function answer(o: Order): unknown {
  if (o.read) {
    const text = new TextDecoder().decode(o.read.bytes), whole: unknown = JSON.parse(text);
    if (text.length <= o.read.maxSlim) return { value: whole };
    const [doc, values] = newDoc(), keep = keeper(doc, values);
    return { value: slim(whole, keep), whole: keep(whole) };
  }
  if (o.keep) {
    const [doc, values] = newDoc();
    return keeper(doc, values)(o.keep.value);
  }
  if (o.text) {
    const kept = of(o.text.big);
    kept.starts = cutLines(textOf(kept), Math.max(8, o.text.width));
    return { rows: kept.starts.length, size: textOf(kept).length };
  }
  if (o.rows) {
    const kept = of(o.rows.big);
    if (kept.lines) return kept.lines.slice(o.rows.from, o.rows.to).map(light);
    const s = textOf(kept), starts = kept.starts ?? new Uint32Array();
    const out: string[] = [];
    for (let i = o.rows.from; i < Math.min(o.rows.to, starts.length); i++) out.push(s.slice(starts[i]!, starts[i + 1] ?? s.length).replace(/\r?\n$/, ""));
    return out;
  }
  if (o.tree) {
    const kept = of(o.tree.big), toggled = new Map(o.tree.toggled), needle = o.tree.needle;
    const all = lines(treeOf(kept), (path, depth, size, nested) => (needle ? true : toggled.get(path) ?? (depth === 0 || (depth < 3 && size <= 100 && !nested))), maxLines);
    kept.lines = needle ? all.filter((l) => matches(l, needle)).slice(0, maxMatches) : all;
    return { rows: kept.lines.length, cut: all.length >= maxLines || (needle !== "" && kept.lines.length >= maxMatches) };
  }
  if (o.find) {
    const kept = of(o.find.big), s = textOf(kept), starts = kept.starts ?? new Uint32Array();
    const low = s.toLowerCase(), needle = o.find.needle;
    let n = 0;
    for (let at = low.indexOf(needle); at >= 0 && n < maxMatches; at = low.indexOf(needle, at + needle.length)) n++;
    const from = o.find.after < 0 ? 0 : starts[o.find.after + 1] ?? s.length;
    let at = low.indexOf(needle, from);
    if (at < 0) at = low.indexOf(needle);
    return { count: n, row: at < 0 ? -1 : rowOf(starts, at) };
  }
  if (o.whole) {
    const kept = of(o.whole.big);
    if (!o.whole.file) return textOf(kept);
    return URL.createObjectURL(new Blob([textOf(kept)], { type: typeof kept.value === "string" ? "text/plain" : "application/json" }));
  }
  return null;
}

function matches(l: Line, needle: string): boolean {
  if (l.kind === "close") return false;
  return !!l.key?.toLowerCase().includes(needle) || (l.kind === "scalar" && String(l.value).toLowerCase().includes(needle));
}

/** A line without what the page would not show of it. */
function light(l: Line): Line {
  if (l.kind !== "scalar") return { ...l, value: undefined };
  return typeof l.value === "string" && l.value.length > 4000 ? { ...l, value: `${l.value.slice(0, 4000)}…`, size: l.value.length } : l;
}

function rowOf(starts: Uint32Array, at: number): number {
  let lo = 0, hi = starts.length - 1;
  while (lo < hi) { const mid = (lo + hi + 1) >> 1; if (starts[mid]! <= at) lo = mid; else hi = mid - 1; }
  return lo;
}

self.onmessage = (e: MessageEvent<Order>) => {
  try {
    postMessage({ id: e.data.id, ok: answer(e.data) });
  } catch (x) {
    postMessage({ id: e.data.id, error: x instanceof Error ? x.message : String(x) });
  }
};
