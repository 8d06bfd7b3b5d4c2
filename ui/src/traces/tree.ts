// A trace's spans as a tree over typed columns. 32,843 spans are ordinary, so
// there are no objects per span and every operation is one pass.
import type { Schemas } from "../api/client";

export type Skeleton = Schemas["TraceSkeleton"];

export interface Tree {
  n: number;
  skeleton: Skeleton;
  parent: Int32Array; // row of the parent, −1 for a root; rings are broken
  order: Int32Array; // rows in display order: depth first, siblings by start
  position: Int32Array; // row → place in order
  depth: Int16Array;
  children: Int32Array; // number of children
  subtree: Int32Array; // number of rows in the subtree, itself included
  errorsBelow: Int32Array; // failed spans among the descendants
  tokens: Float64Array; // of the subtree; NaN where nothing is known
  costs: Float64Array;
  total: number; // end of the last span, µs after the start
  roots: number[];
  byId: Map<string, number>;
}

export function buildTree(s: Skeleton): Tree {
  const n = s.n;
  const first = new Int32Array(n).fill(-1), last = new Int32Array(n).fill(-1), next = new Int32Array(n).fill(-1);
  const depth = new Int16Array(n), children = new Int32Array(n), subtree = new Int32Array(n).fill(1), errorsBelow = new Int32Array(n);
  const tokens = new Float64Array(n).fill(NaN), costs = new Float64Array(n).fill(NaN);
  const roots: number[] = [];
  const parent = Int32Array.from(s.parents);
  const byStart = startsInOrder(s.starts) ? null : Array.from({ length: n }, (_, i) => i).sort((a, b) => s.starts[a]! - s.starts[b]!);
  breakCycles(parent);

  for (let k = 0; k < n; k++) {
    const i = byStart ? byStart[k]! : k;
    const p = parent[i]!;
    if (p < 0) { roots.push(i); continue; }
    if (first[p] === -1) first[p] = i; else next[last[p]!] = i;
    last[p] = i;
    children[p]!++;
  }

  const order = new Int32Array(n), position = new Int32Array(n).fill(-1);
  let at = 0, total = 0;
  const stack: number[] = [];
  for (const r of roots) {
    stack.push(r);
    while (stack.length) {
      const i = stack.pop()!;
      position[i] = at;
      order[at++] = i;
      depth[i] = parent[i]! < 0 ? 0 : Math.min(32767, depth[parent[i]!]! + 1);
      // Siblings go on the stack last to first.
      const kids: number[] = [];
      for (let c = first[i]!; c !== -1; c = next[c]!) kids.push(c);
      for (let k = kids.length - 1; k >= 0; k--) stack.push(kids[k]!);
    }
  }

  const aggregate = new Uint8Array(n);
  for (const i of s.aggregates) aggregate[i] = 1;
  // Descendants come after their parent in order, so one pass backwards rolls up.
  for (let k = n - 1; k >= 0; k--) {
    const i = order[k]!, p = parent[i]!;
    total = Math.max(total, s.ends[i]! < 0 ? s.starts[i]! : s.ends[i]!);
    if (!aggregate[i]) {
      if (s.tokens[i]! >= 0) tokens[i] = add(tokens[i]!, s.tokens[i]!);
      if (s.costs[i] !== null) costs[i] = add(costs[i]!, s.costs[i]!);
    } else {
      // It repeats its descendants: it counts only where they know nothing.
      if (Number.isNaN(tokens[i]!) && s.tokens[i]! >= 0) tokens[i] = s.tokens[i]!;
      if (Number.isNaN(costs[i]!) && s.costs[i] !== null) costs[i] = s.costs[i]!;
    }
    if (p >= 0) {
      subtree[p]! += subtree[i]!;
      errorsBelow[p]! += errorsBelow[i]! + (s.status[i] === 2 ? 1 : 0);
      if (!Number.isNaN(tokens[i]!)) tokens[p] = add(tokens[p]!, tokens[i]!);
      if (!Number.isNaN(costs[i]!)) costs[p] = add(costs[p]!, costs[i]!);
    }
  }
  const byId = new Map<string, number>();
  for (let i = 0; i < n; i++) byId.set(s.span_ids[i]!, i);
  return { n, skeleton: s, parent, order, position, depth, children, subtree, errorsBelow, tokens, costs, total: Math.max(1, total), roots, byId };
}

const add = (a: number, b: number) => (Number.isNaN(a) ? b : a + b);

function startsInOrder(starts: number[]): boolean {
  for (let i = 1; i < starts.length; i++) if (starts[i]! < starts[i - 1]!) return false;
  return true;
}

/** Hostile input may say that spans are each other's parents; such a ring becomes a root. */
function breakCycles(parent: Int32Array): void {
  const state = new Uint8Array(parent.length); // 1 on the current path, 2 done
  for (let i = 0; i < parent.length; i++) {
    const path: number[] = [];
    let j = i;
    while (j >= 0 && state[j] === 0) {
      state[j] = 1;
      path.push(j);
      const p = parent[j]!;
      if (p >= parent.length || p < -1) parent[j] = -1;
      j = parent[j]!;
    }
    if (j >= 0 && state[j] === 1) parent[path.at(-1)!] = -1;
    for (const k of path) state[k] = 2;
  }
}

/** The rows to show, with the subtrees of `collapsed` rows left out. */
export function visible(t: Tree, collapsed: ReadonlySet<number>): Int32Array {
  if (collapsed.size === 0) return t.order;
  const out = new Int32Array(t.n);
  let n = 0;
  for (let k = 0; k < t.n; ) {
    const i = t.order[k]!;
    out[n++] = i;
    k += collapsed.has(i) ? t.subtree[i]! : 1;
  }
  return out.subarray(0, n);
}

/** The row and all above it, nearest first. */
export function ancestors(t: Tree, row: number): number[] {
  const out: number[] = [];
  for (let p = t.parent[row]!; p >= 0; p = t.parent[p]!) out.push(p);
  return out;
}

/** The next row in display order, after (or before) `from`, that satisfies `want`; wraps; −1 if none. */
export function seek(t: Tree, from: number, back: boolean, want: (row: number) => boolean): number {
  const start = from < 0 ? (back ? t.n : -1) : t.position[from]!;
  for (let k = 1; k <= t.n; k++) {
    const i = t.order[(((back ? start - k : start + k) % t.n) + t.n) % t.n]!;
    if (want(i)) return i;
  }
  return -1;
}

export interface Category { code: string; token: string; label: string; }
const categories: Record<string, Category> = {
  LM: { code: "LM", token: "cat-lm", label: "LLM" },
  TO: { code: "TO", token: "cat-to", label: "Tool" },
  AG: { code: "AG", token: "cat-ag", label: "Agent" },
  RE: { code: "RE", token: "cat-re", label: "Retriever" },
  EM: { code: "EM", token: "cat-em", label: "Embedding" },
  GU: { code: "GU", token: "cat-gu", label: "Guardrail, evaluator" },
  ME: { code: "ME", token: "cat-me", label: "Memory, parser" },
  CH: { code: "CH", token: "cat-ch", label: "Chain, other" },
};
const codeOf: Record<string, string> = {
  LLM: "LM", CHAT_MODEL: "LM", CHAT: "LM", COMPLETION: "LM", TOOL: "TO", FUNCTION: "TO", AGENT: "AG", WORKFLOW: "AG", RETRIEVER: "RE", RERANKER: "RE",
  EMBEDDING: "EM", GUARDRAIL: "GU", EVALUATOR: "GU", MEMORY: "ME", PARSER: "ME",
};

/** The category of a span type; custom and unknown types are "other". */
export function category(type: string | null | undefined): Category {
  return categories[codeOf[(type ?? "").toUpperCase()] ?? "CH"]!;
}
export const allCategories = Object.values(categories);
