// Two traces side by side: which span of the one stands for which of the
// other. Siblings are matched in order by type and name, so that what was
// added or left out shows as such and everything behind it still lines up.
import { childLists, endOf } from "./analysis";
import { category, type Tree } from "./tree";

export interface Pair {
  a: number; b: number; // rows; −1 where the other has none
  depth: number;
  parent: number; // index of the pair above, −1 at the top
  size: number; // pairs in its subtree, itself included
}

const most = 250_000; // cells of a table of common subsequences

/** Matches two lists by key; the longest common subsequence where it is affordable. */
export function match(x: string[], y: string[]): [number, number][] {
  let head = 0;
  while (head < x.length && head < y.length && x[head] === y[head]) head++;
  let tail = 0;
  while (tail < x.length - head && tail < y.length - head && x[x.length - 1 - tail] === y[y.length - 1 - tail]) tail++;
  const out: [number, number][] = [];
  for (let i = 0; i < head; i++) out.push([i, i]);
  const n = x.length - head - tail, m = y.length - head - tail;
  if (n * m > most) out.push(...greedy(x, y, head, head + n, head + m));
  else if (n && m) out.push(...longest(x, y, head, n, m));
  for (let k = tail; k > 0; k--) out.push([x.length - k, y.length - k]);
  return out;
}

function longest(x: string[], y: string[], at: number, n: number, m: number): [number, number][] {
  const w = m + 1, len = new Uint16Array((n + 1) * w);
  for (let i = n - 1; i >= 0; i--) for (let j = m - 1; j >= 0; j--) len[i * w + j] = x[at + i] === y[at + j] ? len[(i + 1) * w + j + 1]! + 1 : Math.max(len[(i + 1) * w + j]!, len[i * w + j + 1]!);
  const out: [number, number][] = [];
  for (let i = 0, j = 0; i < n && j < m; ) {
    if (x[at + i] === y[at + j]) out.push([at + i++, at + j++]);
    else if (len[(i + 1) * w + j]! >= len[i * w + j + 1]!) i++;
    else j++;
  }
  return out;
}

/** For very long lists: each takes the next of its kind, never going back. */
function greedy(x: string[], y: string[], at: number, n: number, m: number): [number, number][] {
  const places = new Map<string, number[]>(), out: [number, number][] = [];
  for (let j = m - 1; j >= at; j--) { const l = places.get(y[j]!); if (l) l.push(j); else places.set(y[j]!, [j]); }
  let reached = at - 1;
  for (let i = at; i < n; i++) {
    const l = places.get(x[i]!);
    while (l?.length && l.at(-1)! <= reached) l.pop();
    // Not at the price of skipping far ahead: what lies between would be lost.
    if (l?.length && l.at(-1)! - reached < 200) out.push([i, reached = l.pop()!]);
  }
  return out;
}

/** The two trees as one list of pairs, in the order both are shown. */
export function align(ta: Tree, tb: Tree): Pair[] {
  const ca = childLists(ta), cb = childLists(tb), out: Pair[] = [];
  const kind = (t: Tree, r: number) => `${t.skeleton.types[r]! < 0 ? "" : t.skeleton.type_table[t.skeleton.types[r]!]}\u0000${t.skeleton.name_table[t.skeleton.names[r]!]}`;
  const kids = (c: { from: Int32Array; list: Int32Array }, r: number) => (r < 0 ? [] : Array.from(c.list.subarray(c.from[r]!, c.from[r + 1]!)));
  interface Todo { a: number; b: number; depth: number; parent: number }
  const sort = (t: Tree, r: number) => category(t.skeleton.types[r]! < 0 ? null : t.skeleton.type_table[t.skeleton.types[r]!]).code;
  const merged = (xs: number[], ys: number[], depth: number, parent: number): Todo[] => {
    const list: Todo[] = [];
    // Between two that match, what is left stands for each other by category:
    // the call of another model, the renamed tool.
    const between = (i: number, x: number, j: number, y: number) => {
      const as = xs.slice(i, x), bs = ys.slice(j, y);
      let k = 0, l = 0;
      for (const [m, n] of [...match(as.map((r) => sort(ta, r)), bs.map((r) => sort(tb, r))), [as.length, bs.length] as [number, number]]) {
        for (; k < m; k++) list.push({ a: as[k]!, b: -1, depth, parent });
        for (; l < n; l++) list.push({ a: -1, b: bs[l]!, depth, parent });
        if (m < as.length && n < bs.length) list.push({ a: as[k++]!, b: bs[l++]!, depth, parent });
      }
    };
    let i = 0, j = 0;
    for (const [x, y] of match(xs.map((r) => kind(ta, r)), ys.map((r) => kind(tb, r)))) {
      between(i, x, j, y);
      list.push({ a: xs[x]!, b: ys[y]!, depth, parent });
      i = x + 1;
      j = y + 1;
    }
    between(i, xs.length, j, ys.length);
    return list;
  };
  // Roots stand for each other also under different names: a version renamed its agent.
  const pairsOfRoots = ta.roots.length === 1 && tb.roots.length === 1 ? [{ a: ta.roots[0]!, b: tb.roots[0]!, depth: 0, parent: -1 }] : merged([...ta.roots], [...tb.roots], 0, -1);
  const stack = pairsOfRoots.reverse();
  while (stack.length) {
    const p = stack.pop()!;
    const at = out.push({ ...p, size: 1 }) - 1;
    const below = merged(kids(ca, p.a), kids(cb, p.b), p.depth + 1, at);
    for (let k = below.length - 1; k >= 0; k--) stack.push(below[k]!);
  }
  for (let k = out.length - 1; k >= 0; k--) if (out[k]!.parent >= 0) out[out[k]!.parent]!.size += out[k]!.size;
  return out;
}

/**
 * Whether a pair differs by itself: one is missing or called otherwise, it
 * ended otherwise, used
 * other tokens, or took clearly longer (by a quarter and by 10 ms at least;
 * less is noise).
 */
export function differs(ta: Tree, tb: Tree, p: Pair): boolean {
  if (p.a < 0 || p.b < 0) return true;
  const a = ta.skeleton, b = tb.skeleton;
  if (a.name_table[a.names[p.a]!] !== b.name_table[b.names[p.b]!] && p.parent >= 0) return true;
  if (a.status[p.a] !== b.status[p.b]) return true;
  if ((a.tokens[p.a]! >= 0 || b.tokens[p.b]! >= 0) && a.tokens[p.a] !== b.tokens[p.b]) return true;
  const x = endOf(ta, p.a) - a.starts[p.a]!, y = endOf(tb, p.b) - b.starts[p.b]!;
  return Math.abs(x - y) > Math.max(10_000, 0.25 * Math.max(x, y));
}
