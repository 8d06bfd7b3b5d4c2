import { describe, expect, it } from "vitest";
import { layout, type Lineage, parseOf, path } from "./layout";

function graph(...arrows: string[]): Lineage {
  const edges = arrows.map((a) => { const [from, to] = a.split(">") as [string, string]; return { from, to, reason: `${a}.` }; });
  const ids = [...new Set(edges.flatMap((e) => [e.from, e.to]))];
  return { focus: ids[0]!, more: false, edges, nodes: ids.map((id) => ({ id, kind: "run", ref: id, label: id, detail: "", time_ms: null, broken: null, count: null, exact: true, open: null, step: 0 })) };
}

describe("lineage", () => {
  it("puts every arrow's end right of its start", () => {
    const g = graph("a>b", "b>c", "a>c", "x>c", "c>d");
    const l = layout(g);
    for (const e of g.edges) expect(l.at.get(e.to)!.col).toBeGreaterThan(l.at.get(e.from)!.col);
    expect(l.at.get("x")!.col).toBe(1); // just before what came of it
    expect(l.columns.flat()).toHaveLength(5);
  });
  it("ends on a cycle", () => {
    const l = layout(graph("a>b", "b>c", "c>a"));
    expect(l.columns.flat()).toHaveLength(3);
  });
  it("brightens what a node came from and what came of it, not its siblings", () => {
    expect([...path(graph("a>b", "a>c", "b>d", "e>d"), "b")].sort()).toEqual(["a", "b", "d"]);
  });
  it("reads the address", () => {
    expect(parseOf("model:a b/3")).toEqual({ kind: "model", id: "a b/3" });
    expect(parseOf("input:1/x/a:b")).toEqual({ kind: "input", id: "1/x/a:b" });
    expect(parseOf("planet:1")).toBeNull();
    expect(parseOf("run")).toBeNull();
    expect(parseOf(undefined)).toBeNull();
  });
});
