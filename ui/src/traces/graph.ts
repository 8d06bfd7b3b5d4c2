// Which kinds of step call which: spans folded by type and name into counted
// nodes, in layers by their shallowest depth.
import { category, type Tree } from "./tree";

export interface Node { key: string; name: string; code: string; token: string; count: number; errors: number; total: number; layer: number; rows: number[]; }
export interface Edge { from: number; to: number; count: number; }
export interface Graph { nodes: Node[]; edges: Edge[]; layers: number[][]; hidden: number; }

/** At most `limit` nodes, the commonest ones; what is left out is counted. */
export function foldGraph(tree: Tree, limit = 60): Graph {
  const s = tree.skeleton, of = new Int32Array(tree.n), all: Node[] = [], index = new Map<string, number>();
  for (let k = 0; k < tree.n; k++) {
    const r = tree.order[k]!, type = s.types[r]! < 0 ? "" : s.type_table[s.types[r]!]!, name = s.name_table[s.names[r]!] ?? "";
    const key = `${type}\u0000${name}`;
    let i = index.get(key);
    if (i === undefined) {
      const cat = category(type);
      i = all.push({ key, name, code: cat.code, token: cat.token, count: 0, errors: 0, total: 0, layer: tree.depth[r]!, rows: [] }) - 1;
      index.set(key, i);
    }
    const n = all[i]!;
    of[r] = i;
    n.count++;
    n.layer = Math.min(n.layer, tree.depth[r]!);
    if (s.status[r] === 2) n.errors++;
    if (s.ends[r]! >= 0) n.total += s.ends[r]! - s.starts[r]!;
    if (n.rows.length < 1000) n.rows.push(r);
  }
  const keep = new Set([...all.keys()].sort((a, b) => all[b]!.count - all[a]!.count || a - b).slice(0, limit));
  const place = new Map<number, number>(), nodes: Node[] = [];
  all.forEach((n, i) => { if (keep.has(i)) place.set(i, nodes.push(n) - 1); });
  const counts = new Map<string, Edge>();
  for (let r = 0; r < tree.n; r++) {
    const p = s.parents[r]!;
    if (p < 0 || p >= tree.n) continue;
    const from = place.get(of[p]!), to = place.get(of[r]!);
    if (from === undefined || to === undefined) continue;
    const key = `${from} ${to}`, e = counts.get(key);
    if (e) e.count++; else counts.set(key, { from, to, count: 1 });
  }
  const layers: number[][] = [];
  nodes.forEach((n, i) => { (layers[n.layer] ??= []).push(i); });
  const dense = layers.filter(Boolean);
  dense.forEach((l, depth) => l.forEach((i) => { nodes[i]!.layer = depth; }));
  return { nodes, edges: [...counts.values()], layers: dense, hidden: all.length - nodes.length };
}
