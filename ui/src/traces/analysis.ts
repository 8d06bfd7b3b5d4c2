// What the times of a trace say: how long each span worked by itself, which
// spans the whole waited for, and the kinds of span with their shares.
import { category, type Tree } from "./tree";

/** When a span ended; an open one is taken to run until the last thing known. */
export const endOf = (t: Tree, row: number) => (t.skeleton.ends[row]! < 0 ? t.total : t.skeleton.ends[row]!);

/** The children of every row, by start: those of row i are list[from[i]] to list[from[i + 1] − 1]. */
export function childLists(t: Tree): { from: Int32Array; list: Int32Array } {
  const from = new Int32Array(t.n + 1), list = new Int32Array(t.n);
  for (let i = 0; i < t.n; i++) from[i + 1] = from[i]! + t.children[i]!;
  const at = from.slice(0, t.n);
  for (let k = 0; k < t.n; k++) {
    const i = t.order[k]!, p = t.parent[i]!;
    if (p >= 0) list[at[p]!++] = i;
  }
  return { from, list };
}

const cache = new WeakMap<Tree, Float64Array>();

/**
 * Self time of each row in µs: its duration without the time in which at least
 * one of its children ran. Children that overlap count once; what a child runs
 * beyond its parent does not count.
 */
export function selfTimes(t: Tree): Float64Array {
  const known = cache.get(t);
  if (known) return known;
  const s = t.skeleton, self = new Float64Array(t.n), { from, list } = childLists(t);
  for (let i = 0; i < t.n; i++) {
    const a = s.starts[i]!, b = endOf(t, i);
    let covered = 0, reach = a;
    for (let k = from[i]!; k < from[i + 1]!; k++) {
      const c = list[k]!, x = Math.max(s.starts[c]!, reach), y = Math.min(endOf(t, c), b);
      if (y > x) { covered += y - x; reach = y; }
    }
    self[i] = Math.max(0, b - a - covered);
  }
  cache.set(t, self);
  return self;
}

/** rows leaves out those that held the whole up by less than 0.2%. */
export interface CriticalPath { rows: Set<number>; own: Map<number, number>; total: number; }

/**
 * The spans the trace waited for: from the end of the root backwards, always
 * the child that ended last, then what ran before it. own is how much of the
 * path each row is itself, in µs; together they are the root's duration.
 */
export function criticalPath(t: Tree, root = t.roots[0] ?? -1): CriticalPath {
  const rows = new Set<number>(), own = new Map<number, number>();
  if (root < 0) return { rows, own, total: 0 };
  const s = t.skeleton, { from, list } = childLists(t);
  const begin = s.starts[root]!, end = endOf(t, root);
  const stack: { row: number; lo: number; hi: number }[] = [{ row: root, lo: begin, hi: end }];
  while (stack.length) {
    const { row, lo, hi } = stack.pop()!;
    if (row === root || hi - lo >= (end - begin) * 0.002) rows.add(row);
    const kids = Array.from(list.subarray(from[row]!, from[row + 1]!)).sort((a, b) => endOf(t, b) - endOf(t, a));
    let at = hi, mine = 0;
    for (const c of kids) {
      const a = Math.max(s.starts[c]!, lo), b = Math.min(endOf(t, c), at);
      if (b <= a) continue; // it ran while a later one did, or outside
      mine += at - b;
      stack.push({ row: c, lo: a, hi: b });
      at = a;
    }
    own.set(row, (own.get(row) ?? 0) + mine + Math.max(0, at - lo));
  }
  return { rows, own, total: end - begin };
}

export interface NodeSum {
  key: string; name: string; type: string; code: string; token: string;
  count: number; errors: number; open: number;
  total: number; self: number; longest: number; // µs
  tokens: number; cost: number; // NaN where nothing is known; rows that repeat others left out
  rows: number[]; // the first 1,000
}

export const kindOf = (t: Tree, r: number): string => `${t.skeleton.types[r]! < 0 ? "" : t.skeleton.type_table[t.skeleton.types[r]!]}\u0000${t.skeleton.name_table[t.skeleton.names[r]!]}`;

/** Count, total and self time, tokens and cost of each kind of span. */
export function nodeSums(t: Tree): NodeSum[] {
  const s = t.skeleton, self = selfTimes(t), index = new Map<number, NodeSum>(), wraps = new Set(s.aggregates), names = s.name_table.length;
  for (let k = 0; k < t.n; k++) {
    const r = t.order[k]!, id = (s.types[r]! + 1) * names + s.names[r]!;
    let n = index.get(id);
    if (!n) {
      const type = s.types[r]! < 0 ? "" : s.type_table[s.types[r]!]!, cat = category(type);
      n = { key: kindOf(t, r), name: s.name_table[s.names[r]!] ?? "", type, code: cat.code, token: cat.token, count: 0, errors: 0, open: 0, total: 0, self: 0, longest: 0, tokens: NaN, cost: NaN, rows: [] };
      index.set(id, n);
    }
    const took = endOf(t, r) - s.starts[r]!;
    n.count++;
    n.total += took;
    n.self += self[r]!;
    n.longest = Math.max(n.longest, took);
    if (s.status[r] === 2) n.errors++;
    if (s.ends[r]! < 0) n.open++;
    if (!wraps.has(r)) {
      if (s.tokens[r]! >= 0) n.tokens = (Number.isNaN(n.tokens) ? 0 : n.tokens) + s.tokens[r]!;
      if (s.costs[r] !== null) n.cost = (Number.isNaN(n.cost) ? 0 : n.cost) + s.costs[r]!;
    }
    if (n.rows.length < 1000) n.rows.push(r);
  }
  return [...index.values()];
}
