import { describe, expect, test } from "vitest";
import { align, differs, match } from "./align";
import { criticalPath, nodeSums, selfTimes } from "./analysis";
import { buildTree, type Skeleton } from "./tree";

/** A tree from "name parent start end" rows. */
function tree(rows: [string, number, number, number][], extra: Partial<Skeleton> = {}) {
  const n = rows.length, names = [...new Set(rows.map((r) => r[0]))];
  return buildTree({
    trace_id: "tr-0", n, start_us: 0, span_ids: rows.map((_, i) => `s${i}`), parents: rows.map((r) => r[1]), names: rows.map((r) => names.indexOf(r[0])), types: rows.map(() => 0), models: rows.map(() => -1),
    status: rows.map(() => 1 as const), starts: rows.map((r) => r[2]), ends: rows.map((r) => r[3]), tokens: rows.map(() => -1), costs: rows.map(() => null),
    name_table: names, type_table: ["CHAIN"], model_table: [], orphans: [], aggregates: [], truncated: false, ...extra,
  });
}

describe("self time", () => {
  test("children that overlap count once, and only within their parent", () => {
    const t = tree([["root", -1, 0, 100], ["a", 0, 10, 40], ["b", 0, 30, 60], ["late", 0, 90, 150]]);
    expect([...selfTimes(t)]).toEqual([40, 30, 30, 60]);
  });
  test("an open span runs until the last thing known", () => expect([...selfTimes(tree([["root", -1, 0, -1], ["a", 0, 10, 40]]))]).toEqual([10, 30]));
});

describe("critical path", () => {
  const t = tree([["root", -1, 0, 100], ["fast", 0, 0, 20], ["slow", 0, 0, 70], ["end", 0, 80, 100], ["inner", 2, 10, 60]]);
  const p = criticalPath(t);
  test("follows what ended last, backwards", () => expect([...p.rows].sort()).toEqual([0, 2, 3, 4]));
  test("its parts are the whole", () => expect([...p.own.values()].reduce((a, b) => a + b, 0)).toBe(100));
  test("own shares", () => expect([p.own.get(0), p.own.get(2), p.own.get(3), p.own.get(4)]).toEqual([10, 20, 20, 50]));
  test("no span, no path", () => expect(criticalPath(tree([])).total).toBe(0));
  test("30,000 nested spans do not overflow the stack", () => {
    const n = 30_000, deep = tree(Array.from({ length: n }, (_, i) => ["x", i - 1, i, 2 * n - i] as [string, number, number, number]));
    expect(criticalPath(deep).own.size).toBe(n);
    expect(criticalPath(deep).rows.size).toBeLessThan(n);
  });
});

test("kinds sum up what their spans are", () => {
  const t = tree([["root", -1, 0, 100], ["a", 0, 0, 10], ["a", 0, 20, 40]], { tokens: [9, 4, 5], costs: [0.9, 0.4, null], aggregates: [0], status: [2, 2, 1] });
  const a = nodeSums(t).find((n) => n.name === "a")!, root = nodeSums(t).find((n) => n.name === "root")!;
  expect([a.count, a.errors, a.total, a.self, a.longest, a.tokens, a.cost]).toEqual([2, 1, 30, 30, 20, 9, 0.4]);
  expect([root.self, root.tokens]).toEqual([70, NaN]);
});

describe("alignment", () => {
  test("match is the longest common subsequence", () => {
    const x = [..."abcbdab"], y = [..."bdcaba"], m = match(x, y);
    expect(m.length).toBe(4);
    for (const [i, j] of m) expect(x[i]).toBe(y[j]);
  });
  test("very long lists are matched in order and never twice", () => {
    const x = Array.from({ length: 3000 }, (_, i) => `k${i % 7}`), y = ["extra", ...x.slice(0, 1500), "more", ...x.slice(1500), "end"], m = match(x, y);
    expect(m.length).toBeGreaterThan(2900);
    for (let i = 1; i < m.length; i++) expect(m[i]![0] > m[i - 1]![0] && m[i]![1] > m[i - 1]![1]).toBe(true);
  });
  test("a span that was added leaves the others paired", () => {
    const a = tree([["root", -1, 0, 100], ["plan", 0, 0, 10], ["tool", 0, 20, 30], ["answer", 0, 40, 90]]);
    const b = tree([["root", -1, 0, 300_000], ["plan", 0, 0, 10], ["check", 0, 12, 15], ["tool", 0, 20, 30], ["answer", 0, 40, 200_090], ["deep", 4, 41, 42]]);
    const pairs = align(a, b);
    expect(pairs.map((p) => [p.a, p.b])).toEqual([[0, 0], [1, 1], [-1, 2], [2, 3], [3, 4], [-1, 5]]);
    expect(pairs[0]!.size).toBe(6);
    expect(pairs[4]!.size).toBe(2);
    expect(pairs.map((p) => differs(a, b, p))).toEqual([true, false, true, false, true, true]);
  });
  test("a call of another model stands for the one it replaced", () => {
    const a = tree([["root", -1, 0, 9], ["chat nova", 0, 0, 1], ["end", 0, 2, 3]]), b = tree([["root", -1, 0, 9], ["chat haiku", 0, 0, 1], ["chat haiku", 0, 1, 2], ["end", 0, 2, 3]]);
    expect(align(a, b).map((p) => [p.a, p.b])).toEqual([[0, 0], [1, 1], [-1, 2], [2, 3]]);
  });
  test("single roots pair whatever they are called", () => expect(align(tree([["v1", -1, 0, 1]]), tree([["v2", -1, 0, 1]])).length).toBe(1));
});
