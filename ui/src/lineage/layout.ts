// Columns from left to right: every arrow goes to a later column, and rows
// are ordered so that arrows cross little.
import type { Schemas } from "../api/client";

export type Lineage = Schemas["Lineage"];
export type LineageNode = Schemas["LineageNode"];

export interface Placed { node: LineageNode; col: number; row: number; }
export interface Layout { columns: LineageNode[][]; at: Map<string, Placed>; }

const order = ["experiment", "input", "prompt", "dataset", "run", "logged_model", "model", "alias", "trace", "session"];

export function layout(g: Lineage): Layout {
  const col = new Map(g.nodes.map((n) => [n.id, 0]));
  // As many rounds as there are nodes settle any graph without a cycle; one
  // with a cycle keeps an arrow that goes back.
  for (let round = 0; round < g.nodes.length; round++) {
    let moved = false;
    for (const e of g.edges) {
      const want = col.get(e.from)! + 1;
      if (want > col.get(e.to)! && want < g.nodes.length) { col.set(e.to, want); moved = true; }
    }
    if (!moved) break;
  }
  // What only has later neighbours stands just before the first of them.
  for (const n of g.nodes) {
    const after = g.edges.filter((e) => e.from === n.id).map((e) => col.get(e.to)!);
    const before = g.edges.some((e) => e.to === n.id);
    if (!before && after.length) col.set(n.id, Math.max(0, Math.min(...after) - 1));
  }
  const used = [...new Set(col.values())].sort((a, b) => a - b);
  const columns: LineageNode[][] = used.map((c) => g.nodes.filter((n) => col.get(n.id) === c).sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (b.time_ms ?? 0) - (a.time_ms ?? 0)));
  const near = neighbours(g);
  for (let sweep = 0; sweep < 4; sweep++) {
    const row = new Map<string, number>();
    columns.forEach((c) => c.forEach((n, i) => row.set(n.id, i - c.length / 2)));
    for (const c of columns) {
      const weight = new Map(c.map((n) => {
        const around = [...(near.get(n.id)?.before ?? []), ...(near.get(n.id)?.after ?? [])].map((id) => row.get(id)!);
        return [n.id, around.length ? around.reduce((a, b) => a + b, 0) / around.length : row.get(n.id)!];
      }));
      c.sort((a, b) => weight.get(a.id)! - weight.get(b.id)!);
    }
  }
  const at = new Map<string, Placed>();
  columns.forEach((c, i) => c.forEach((node, r) => at.set(node.id, { node, col: i, row: r })));
  return { columns, at };
}

export function neighbours(g: Lineage): Map<string, { before: string[]; after: string[] }> {
  const out = new Map(g.nodes.map((n) => [n.id, { before: [] as string[], after: [] as string[] }]));
  for (const e of g.edges) { out.get(e.from)?.after.push(e.to); out.get(e.to)?.before.push(e.from); }
  return out;
}

/** All that a node came from and all that came of it, itself included. */
export function path(g: Lineage, id: string): Set<string> {
  const near = neighbours(g), seen = new Set([id]);
  for (const way of ["before", "after"] as const) {
    const queue = [id], been = new Set([id]);
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      for (const next of near.get(at)?.[way] ?? []) if (!been.has(next)) { been.add(next); seen.add(next); queue.push(next); }
    }
  }
  return seen;
}

export const kindNames: Record<LineageNode["kind"], string> = {
  experiment: "Experiment", input: "Logged dataset", dataset: "Dataset", prompt: "Prompt", run: "Run", logged_model: "Logged model", model: "Model version", alias: "Alias", trace: "Trace", session: "Session",
};

/** "run:0123" of the address. */
export function parseOf(of: string | undefined): { kind: LineageNode["kind"]; id: string } | null {
  const i = of?.indexOf(":") ?? -1;
  if (!of || i < 1 || !(of.slice(0, i) in kindNames) || of.slice(0, i) === "alias") return null;
  return { kind: of.slice(0, i) as LineageNode["kind"], id: of.slice(i + 1) };
}
