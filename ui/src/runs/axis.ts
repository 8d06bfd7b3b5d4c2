// An axis made of a row of the comparison: one value per run, as a number or,
// where any value is not one, as a category. Scatter and parallel coordinates
// share it, and so does the brush that filters every panel.
import type { Schemas } from "../api/client";
import { metric, toNumber } from "../kit/format";

type Row = Schemas["CompareRow"];

export interface Axis {
  id: string; // kind and key, as in the URL
  label: string;
  kind: Row["kind"];
  numeric: boolean;
  values: (number | string | null)[]; // by run; numbers are finite
  categories: string[];
  lo: number;
  hi: number;
}

const numeral = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

export function axisOf(row: Row): Axis {
  const texts = row.values.filter((v) => v !== null);
  const numeric = texts.length > 0 && texts.every((v) => typeof v === "number" || v === "NaN" || v === "Infinity" || v === "-Infinity" || numeral.test(v)) && texts.some((v) => Number.isFinite(Number(v)));
  const values = row.values.map((v) => {
    if (v === null) return null;
    if (!numeric) return String(v);
    const n = toNumber(v);
    return Number.isFinite(n) ? n : null;
  });
  const numbers = values.filter((v) => typeof v === "number");
  const categories = numeric ? [] : [...new Set(values.filter((v) => typeof v === "string"))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return { id: `${row.kind}.${row.key}`, label: row.key, kind: row.kind, numeric, values, categories, lo: numbers.length ? Math.min(...numbers) : 0, hi: numbers.length ? Math.max(...numbers) : 1 };
}

/** Rows that can make an axis: at least two runs have a value. */
export function axesOf(rows: Row[]): Axis[] {
  return rows.filter((r) => r.values.filter((v) => v !== null).length > 1).map(axisOf).filter((a) => a.numeric || a.categories.length > 0);
}

/** A logarithm needs everything to be above 0. */
export const canLog = (a: Axis) => a.numeric && a.lo > 0;

/** Where a value lies, from 0 to 1; null where there is none. */
export function place(a: Axis, v: number | string | null, log = false): number | null {
  if (v === null) return null;
  if (!a.numeric) {
    const i = a.categories.indexOf(String(v));
    return i < 0 ? null : a.categories.length === 1 ? 0.5 : i / (a.categories.length - 1);
  }
  const f = log && canLog(a) ? Math.log : (x: number) => x;
  const lo = f(a.lo), hi = f(a.hi);
  return hi === lo ? 0.5 : (f(Number(v)) - lo) / (hi - lo);
}

/** The value at a place, the inverse of place. */
export function valueAt(a: Axis, t: number, log = false): number {
  if (log && canLog(a)) return Math.exp(Math.log(a.lo) + t * (Math.log(a.hi) - Math.log(a.lo)));
  return a.lo + t * (a.hi - a.lo);
}

export interface Tick { at: number; text: string; }

/** Round numbers inside the range, or the categories. */
export function ticks(a: Axis, log = false, most = 5): Tick[] {
  if (!a.numeric) return a.categories.map((c) => ({ at: place(a, c)!, text: c }));
  if (a.lo === a.hi) return [{ at: 0.5, text: metric(a.lo) }];
  const out: number[] = [];
  if (log && canLog(a)) {
    const from = Math.ceil(Math.log10(a.lo) - 1e-9), to = Math.floor(Math.log10(a.hi) + 1e-9), step = Math.max(1, Math.ceil((to - from + 1) / most));
    for (let e = from; e <= to; e += step) out.push(10 ** e);
    if (out.length < 2) out.splice(0, out.length, a.lo, a.hi);
  } else {
    const raw = (a.hi - a.lo) / most, magnitude = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * magnitude).find((s) => s >= raw - 1e-12)!;
    for (let i = Math.ceil(a.lo / step - 1e-9); i * step <= a.hi + step * 1e-9 && out.length < 20; i++) out.push(i * step);
  }
  return out.map((v) => ({ at: place(a, v, log)!, text: metric(Number(v.toPrecision(12))) }));
}

/** What of an axis is let through: a range of numbers, or some categories. */
export type Brush = Record<string, [number, number] | string[]>;

export function passes(axes: Axis[], brush: Brush, run: number): boolean {
  return axes.every((a) => {
    const b = brush[a.id];
    if (!b) return true;
    const v = a.values[run] ?? null;
    if (v === null) return false;
    return a.numeric ? Number(v) >= Number(b[0]) && Number(v) <= Number(b[1]) : (b as string[]).includes(String(v));
  });
}

/** The brush as it stands in the URL; what does not fit the axes is left out. */
export function readBrush(text: string | undefined, axes: Axis[]): Brush {
  if (!text) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return {};
  }
  if (typeof parsed !== "object" || parsed === null) return {};
  const out: Brush = {};
  for (const a of axes) {
    const b = (parsed as Record<string, unknown>)[a.id];
    if (!Array.isArray(b)) continue;
    if (a.numeric && b.length === 2 && b.every((v) => typeof v === "number")) out[a.id] = b as [number, number];
    else if (!a.numeric && b.every((v) => typeof v === "string")) out[a.id] = b as string[];
  }
  return out;
}

export function writeBrush(brush: Brush): string | undefined {
  return Object.keys(brush).length ? JSON.stringify(brush) : undefined;
}

export interface Fit { slope: number; intercept: number; r2: number; n: number; }

/** Least squares; null without two different x. */
export function fit(points: readonly (readonly [number, number])[]): Fit | null {
  const n = points.length;
  if (n < 2) return null;
  const mx = points.reduce((s, p) => s + p[0], 0) / n, my = points.reduce((s, p) => s + p[1], 0) / n;
  let xx = 0, xy = 0, yy = 0;
  for (const [x, y] of points) {
    xx += (x - mx) ** 2;
    xy += (x - mx) * (y - my);
    yy += (y - my) ** 2;
  }
  if (xx === 0) return null;
  const slope = xy / xx;
  return { slope, intercept: my - slope * mx, r2: yy === 0 ? 1 : (xy * xy) / (xx * yy), n };
}
