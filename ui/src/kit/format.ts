// Numbers and times as people read them: three significant digits, the full
// value on hover (callers put `full…` in title), unknown is "—" and never 0.

export const unknown = "—";
export type MetricValue = number | string; // a string is NaN, Infinity or -Infinity

const thin = "\u2009";

/** A metric value: at most three significant digits beyond the integer part. */
export function metric(v: MetricValue | null | undefined): string {
  if (v === null || v === undefined) return unknown;
  if (typeof v === "string") return v === "Infinity" ? "∞" : v === "-Infinity" ? "−∞" : v;
  if (!Number.isFinite(v)) return Number.isNaN(v) ? "NaN" : v > 0 ? "∞" : "−∞";
  if (v === 0) return Object.is(v, -0) ? "−0" : "0";
  const a = Math.abs(v);
  let s: string;
  if (Number.isInteger(v) && a < 1e6) s = String(a);
  else if (a >= 1e6 || a < 1e-4) s = a.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  else if (a >= 1000) s = a.toFixed(0);
  else s = trim(a.toPrecision(3));
  return (v < 0 ? "−" : "") + s;
}

function trim(s: string): string {
  return s.includes(".") ? s.replace(/0+$/, "").replace(/\.$/, "") : s;
}

/** Every digit there is, for hover and copy. */
export function full(v: MetricValue | null | undefined): string {
  if (v === null || v === undefined) return "unknown";
  return Object.is(v, -0) ? "-0" : String(v);
}

/** A metric value as a number to compute with; NaN for NaN. */
export function toNumber(v: MetricValue | null | undefined): number {
  return v === null || v === undefined ? NaN : Number(v);
}

/** A signed difference, "+0.05". */
export function delta(v: number): string {
  if (!Number.isFinite(v)) return unknown;
  const s = metric(v);
  return v > 0 ? `+${s}` : s;
}

/** A whole number with separators, "96,410". */
export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? unknown : n.toLocaleString("en-US");
}

/** A quantity in few characters, "1.9k". */
export function short(n: number | null | undefined): string {
  if (n === null || n === undefined) return unknown;
  if (n < 1000) return String(n);
  const units: [number, string][] = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
  for (const [scale, unit] of units) {
    // 999,950 rounds to 1000k, so the next unit takes over a little early.
    if (n >= scale * 0.9995) return trim((n / scale).toPrecision(3)) + unit;
  }
  return String(n);
}

/** US dollars, "$0.0041". */
export function cost(v: number | null | undefined): string {
  if (v === null || v === undefined) return unknown;
  if (v === 0) return "$0";
  if (v >= 1000) return `$${count(Math.round(v))}`;
  if (v >= 1) return `$${v.toFixed(2)}`;
  if (v < 1e-6) return `$${v.toExponential(1)}`;
  // Two significant digits of a small amount, never in scientific notation.
  const digits = Math.min(9, 1 - Math.floor(Math.log10(v)));
  return `$${trim(v.toFixed(Math.max(2, digits)))}`;
}

/** Milliseconds, "3.21 s". */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return unknown;
  if (ms === 0) return `0${thin}ms`;
  if (ms < 0.9995) return `${trim((ms * 1000).toPrecision(3))}${thin}µs`;
  if (ms < 999.5) return `${trim(ms.toPrecision(3))}${thin}ms`;
  const s = ms / 1000;
  if (s < 59.95) return `${trim(s.toPrecision(3))}${thin}s`;
  const total = Math.round(s);
  const h = Math.floor(total / 3600), m = Math.floor((total % 3600) / 60), sec = total % 60;
  if (h >= 48) return `${Math.floor(h / 24)}${thin}d ${h % 24}${thin}h`;
  if (h > 0) return `${h}${thin}h ${m}${thin}m`;
  return sec ? `${m}${thin}m ${sec}${thin}s` : `${m}${thin}m`;
}

/** Bytes, "1.9 MB" (decimal units). */
export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return unknown;
  if (n < 1000) return `${n}${thin}B`;
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let i = -1;
  while (n >= 999.5 && i < units.length - 1) { n /= 1000; i++; }
  return `${trim(n.toPrecision(3))}${thin}${units[i]}`;
}

/** How long ago, "4 min ago"; a date beyond a month. */
export function ago(ms: number | null | undefined, now = Date.now()): string {
  if (ms === null || ms === undefined) return unknown;
  const d = now - ms, future = d < -1000, s = Math.abs(d) / 1000;
  const say = (n: number, unit: string) => (future ? `in ${Math.floor(n)} ${unit}` : `${Math.floor(n)} ${unit} ago`);
  if (s < 5) return "now";
  if (s < 60) return say(s, "s");
  if (s < 3600) return say(s / 60, "min");
  if (s < 86400) return say(s / 3600, "h");
  if (s < 86400 * 31) return say(s / 86400, "d");
  return dateTime(ms).slice(0, 10);
}

let utc = false;
/** The local/UTC switch of the preferences. */
export function setUTC(on: boolean): void { utc = on; }
export function isUTC(): boolean { return utc; }

const two = (n: number) => String(n).padStart(2, "0");

/** "2026-11-23 08:41:07", in the zone the reader chose. */
export function dateTime(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return unknown;
  const d = new Date(utc ? ms : ms - new Date(ms).getTimezoneOffset() * 60000);
  return d.toISOString().slice(0, 19).replace("T", " ");
}

/** The time of day for today, else the date with it: "08:41:07", "Nov 21 08:41". */
export function clock(ms: number | null | undefined, now = Date.now()): string {
  if (ms === null || ms === undefined) return unknown;
  const s = dateTime(ms);
  if (s.slice(0, 10) === dateTime(now).slice(0, 10)) return s.slice(11);
  const month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][Number(s.slice(5, 7)) - 1];
  const year = s.slice(0, 4) === dateTime(now).slice(0, 4) ? "" : ` ${s.slice(0, 4)}`;
  return `${month} ${Number(s.slice(8, 10))}${year} ${s.slice(11, 16)}`;
}

/** ISO 8601 with zone, for hover. */
export function iso(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "unknown";
  const d = new Date(ms);
  if (utc) return d.toISOString();
  const off = -d.getTimezoneOffset(), a = Math.abs(off);
  return `${dateTime(ms).replace(" ", "T")}${off < 0 ? "-" : "+"}${two(Math.floor(a / 60))}:${two(a % 60)}`;
}

/** "1 trace", "3 traces". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** "2026-11-01" of a price, as "prices of 1 Nov 2026" would be too long. */
export function priceNote(p: { effective_date: string } | null | undefined): string {
  return p ? `price of ${p.effective_date}` : "no known price";
}

/** Any value as one line of text, for a cell. */
export function line(v: unknown): string {
  if (v === null || v === undefined) return "";
  const s = typeof v === "string" ? v : JSON.stringify(v);
  return s.length > 1000 ? s.slice(0, 1000) : s;
}

/**
 * What a preview says in one line: the one value of {"query": "…"}, the last
 * message of a conversation, else the text as it is.
 */
export function gist(s: string): string {
  if (!/^\s*[[{]/.test(s)) return line(s);
  try {
    const v: unknown = JSON.parse(s);
    return line(core(v, 0) ?? s);
  } catch {
    // A preview may be cut in the middle; one key is still recognisable.
    const m = /^\s*\{\s*"[^"\\]{1,40}"\s*:\s*"((?:[^"\\]|\\.)*)/.exec(s);
    return line(m ? m[1]!.replace(/\\n/g, " ").replace(/\\"/g, '"') : s);
  }
}

function core(v: unknown, depth: number): string | null {
  if (typeof v === "string") return v;
  if (depth > 4 || typeof v !== "object" || v === null) return v === null || v === undefined ? null : String(v);
  if (Array.isArray(v)) return v.length ? core(v.at(-1), depth + 1) : null;
  const o = v as Record<string, unknown>, keys = Object.keys(o);
  if (Array.isArray(o.messages)) return core(o.messages, depth + 1);
  if ("content" in o && o.content) return core(o.content, depth + 1);
  return keys.length === 1 ? core(o[keys[0]!], depth + 1) : null;
}
