// Series of numbers for charts: their colours and marks, smoothing, and the
// table of last, smallest and largest.
export interface Series {
  id: string; // the colour sticks to it
  label: string;
  x: number[];
  y: number[]; // NaN is a gap
}

const tokens = ["cat-lm", "cat-to", "cat-ag", "cat-re", "cat-em", "cat-gu", "cat-me", "cat-ch"] as const;
const dashes: number[][] = [[], [6, 4], [2, 3], [6, 3, 2, 3], [12, 4], [4, 2], [2, 6], []];
const marks = ["●", "■", "▲", "◆", "▼", "✚", "✕", "○"];

export interface Style { token: string; dash: number[]; mark: string; }

/** The nth style: eight colours, then the same with the next mark. */
export function style(n: number): Style {
  const shift = Math.floor(n / 8);
  return { token: tokens[n % 8]!, dash: dashes[(n + shift) % 8]!, mark: marks[(n + shift) % 8]! };
}

/** Exponential moving average, debiased; NaN stays a gap and does not reset it. */
export function smooth(y: number[], weight: number): number[] {
  if (weight <= 0) return y;
  let last = 0, n = 0;
  return y.map((v) => {
    if (!Number.isFinite(v)) return v;
    last = last * weight + (1 - weight) * v;
    n++;
    return last / (1 - weight ** n);
  });
}

/** Series on one shared x axis, with null where a series has no point and NaN where it has a gap. */
export function align(series: Pick<Series, "x" | "y">[]): [number[], ...(number | null)[][]] {
  const xs = [...new Set(series.flatMap((s) => s.x))].sort((a, b) => a - b);
  const at = new Map(xs.map((x, i) => [x, i]));
  const ys = series.map((s) => {
    const out: (number | null)[] = new Array(xs.length).fill(undefined as never);
    s.x.forEach((x, i) => { out[at.get(x)!] = Number.isFinite(s.y[i]!) ? s.y[i]! : null; });
    return out; // undefined is bridged by the chart, null is drawn as a gap
  });
  return [xs, ...ys];
}

export interface Summary { n: number; last: number; min: number; max: number; gaps: number; }

export function summary(y: number[]): Summary {
  let min = Infinity, max = -Infinity, gaps = 0;
  for (const v of y) {
    if (!Number.isFinite(v)) { gaps++; continue; }
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const none = gaps === y.length;
  return { n: y.length, last: y.at(-1) ?? NaN, min: none ? NaN : min, max: none ? NaN : max, gaps };
}

/** One sentence for people who do not see the curve. */
export function sentence(title: string, series: Series[], fmt: (v: number) => string): string {
  if (series.length === 0) return `${title}: no points.`;
  if (series.length === 1) {
    const s = summary(series[0]!.y), first = series[0]!.y.find(Number.isFinite);
    return `${title} goes from ${fmt(first ?? NaN)} to ${fmt(s.last)} over ${s.n} points, between ${fmt(s.min)} and ${fmt(s.max)}.`;
  }
  const ranked = series.map((s) => ({ label: s.label, last: summary(s.y).last })).filter((s) => Number.isFinite(s.last)).sort((a, b) => b.last - a.last);
  if (ranked.length === 0) return `${title} of ${series.length} runs: no finite values.`;
  return `${title} of ${series.length} runs ends highest at ${fmt(ranked[0]!.last)} (${ranked[0]!.label}) and lowest at ${fmt(ranked.at(-1)!.last)} (${ranked.at(-1)!.label}).`;
}
