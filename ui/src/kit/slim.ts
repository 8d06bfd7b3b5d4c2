// Documents whose values may be too big for the page: what is big is kept
// aside, and a handle stands in its place.

/** Stands for a value that the worker keeps. */
export interface Big { $big: number; doc: number; kind: "text" | "json"; size: number; items: number; head: string; }

export function isBig(v: unknown): v is Big {
  return typeof v === "object" && v !== null && typeof (v as Big).$big === "number" && typeof (v as Big).doc === "number";
}

/** Characters from which a value is big: what is less lays out within a frame. */
export const bigFrom = 100_000;

/** Roughly how many characters a value has as JSON; stops counting beyond limit. */
export function weigh(v: unknown, limit = bigFrom): number {
  let n = 0;
  const todo: unknown[] = [v];
  while (todo.length && n <= limit) {
    const x = todo.pop();
    if (typeof x === "string") n += x.length + 2;
    else if (typeof x !== "object" || x === null) n += 4;
    else if (Array.isArray(x)) { n += x.length + 2; for (let i = 0; i < x.length && i <= limit; i++) todo.push(x[i]); }
    else for (const k in x) { n += k.length + 4; todo.push((x as Record<string, unknown>)[k]); if (n > limit) break; }
  }
  return n;
}

const looksJSON = (s: string) => /^\s*[[{]/.test(s.slice(0, 100));

/** What Big says of a value; the caller gives it its number. */
export function describe(v: unknown): Omit<Big, "$big" | "doc"> {
  if (typeof v === "string" && !looksJSON(v)) return { kind: "text", size: v.length, items: 0, head: v.slice(0, 2000) };
  if (typeof v === "string") return { kind: "json", size: v.length, items: 0, head: v.slice(0, 2000) };
  const items = Array.isArray(v) ? v.length : typeof v === "object" && v !== null ? Object.keys(v).length : 0;
  return { kind: "json", size: 0, items, head: "" };
}

/**
 * The document with big values replaced: values of its fields and of what is
 * in them two levels down, which is where payloads are.
 */
export function slim(doc: unknown, keep: (v: unknown) => Big): unknown {
  const visit = (v: unknown, depth: number): unknown => {
    if (typeof v === "string") return v.length > bigFrom ? keep(v) : v;
    if (typeof v !== "object" || v === null || weigh(v) <= bigFrom) return v;
    if (depth >= 3) return keep(v);
    if (Array.isArray(v)) return v.length > 2000 ? keep(v) : v.map((x) => visit(x, depth + 1));
    const out: Record<string, unknown> = {};
    for (const [k, x] of Object.entries(v)) out[k] = asIs.has(k) ? x : payloads.has(k) && depth === 0 ? (weigh(x) > bigFrom ? keep(x) : x) : visit(x, depth + 1);
    return out;
  };
  return visit(doc, 0);
}
/** Fields that are shown as one payload, never taken apart. */
const payloads = new Set(["inputs", "outputs"]);
/** Images and files travel whole: a page shows them as such. */
const asIs = new Set(["media"]);

/** Where the lines of a text begin when it is cut to a width, in UTF-16 units. */
export function cutLines(s: string, width: number): Uint32Array {
  let out = new Uint32Array(1024), n = 0;
  const push = (at: number) => {
    if (n === out.length) { const more = new Uint32Array(n * 2); more.set(out); out = more; }
    out[n++] = at;
  };
  for (let at = 0; at < s.length || n === 0; ) {
    push(at);
    let end = s.indexOf("\n", at);
    if (end < 0) end = s.length;
    if (end - at > width) {
      let stop = at + width;
      // A break between words where one is near; never within a character.
      const space = s.lastIndexOf(" ", stop);
      if (space > at + width * 0.6) stop = space + 1;
      else if ((s.charCodeAt(stop) & 0xfc00) === 0xdc00) stop--;
      at = Math.max(stop, at + 1);
    } else at = end + 1;
    if (s.length === 0) break;
  }
  return out.subarray(0, n);
}
