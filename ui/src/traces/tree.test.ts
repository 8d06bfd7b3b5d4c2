import { describe, expect, test } from "vitest";
import { ancestors, buildTree, category, seek, type Skeleton, visible } from "./tree";

/** A skeleton from [parent, start, end, tokens, status] rows. */
function skeleton(rows: [number, number, number, number?, number?][], aggregates: number[] = []): Skeleton {
  const n = rows.length;
  return {
    trace_id: "tr-0", n, start_us: 0, span_ids: rows.map((_, i) => `s${i}`), parents: rows.map((r) => r[0]), names: rows.map(() => 0), types: rows.map(() => 0), models: rows.map(() => -1),
    status: rows.map((r) => (r[4] ?? 1) as 0 | 1 | 2), starts: rows.map((r) => r[1]), ends: rows.map((r) => r[2]), tokens: rows.map((r) => r[3] ?? -1), costs: rows.map((r) => (r[3] ? r[3] / 1000 : null)),
    name_table: ["x"], type_table: ["CHAIN"], model_table: [], orphans: [], aggregates, truncated: false,
  };
}

const sample = skeleton([
  [-1, 0, 100], // 0 root
  [0, 1, 50, 10], // 1
  [1, 2, 40, 5], // 2
  [0, 51, 90, undefined, 2], // 3 failed
  [3, 52, 80, 7, 2], // 4 failed
]);

describe("buildTree", () => {
  const t = buildTree(sample);
  test("orders depth first", () => expect([...t.order]).toEqual([0, 1, 2, 3, 4]));
  test("knows depths, sizes, errors", () => {
    expect([...t.depth]).toEqual([0, 1, 2, 1, 2]);
    expect([...t.subtree]).toEqual([5, 2, 1, 2, 1]);
    expect([...t.errorsBelow]).toEqual([2, 0, 0, 1, 0]);
  });
  test("rolls tokens up and keeps unknown apart from 0", () => {
    expect([...t.tokens]).toEqual([22, 15, 5, 7, 7]);
    expect(Number.isNaN(buildTree(skeleton([[-1, 0, 1]])).tokens[0])).toBe(true);
  });
  test("an aggregate is not counted twice", () => {
    const a = buildTree(skeleton([[-1, 0, 9, 15], [0, 1, 2, 10], [0, 3, 4, 5]], [0]));
    expect(a.tokens[0]).toBe(15);
    expect(buildTree(skeleton([[-1, 0, 9, 15], [0, 1, 2]], [0])).tokens[0]).toBe(15);
  });
  test("siblings come by start, also when rows do not", () => {
    const u = buildTree(skeleton([[-1, 0, 9], [0, 5, 6], [0, 1, 2]]));
    expect([...u.order]).toEqual([0, 2, 1]);
  });
  test("several roots, orphans included", () => expect(buildTree(skeleton([[-1, 0, 1], [-1, 5, 6]])).roots).toEqual([0, 1]));
  test("rings and wild parents end", () => {
    const r = buildTree(skeleton([[1, 0, 1], [0, 1, 2], [2, 2, 3], [99, 3, 4]]));
    expect([...r.order].sort()).toEqual([0, 1, 2, 3]);
    expect(ancestors(r, 0).length).toBeLessThan(3);
  });
  test("a chain of 30,000 does not overflow the stack", () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => [i - 1, i, i + 1] as [number, number, number]);
    expect(buildTree(skeleton(rows)).subtree[0]).toBe(30_000);
  });
  test("nothing at all", () => expect(buildTree(skeleton([])).total).toBe(1));
});

test("collapsing leaves out the subtree only", () => {
  const t = buildTree(sample);
  expect([...visible(t, new Set([1]))]).toEqual([0, 1, 3, 4]);
  expect([...visible(t, new Set([0]))]).toEqual([0]);
  expect([...visible(t, new Set([1, 2, 3]))]).toEqual([0, 1, 3]);
});

test("seek walks errors both ways and wraps", () => {
  const t = buildTree(sample), failed = (i: number) => sample.status[i] === 2;
  expect(seek(t, 0, false, failed)).toBe(3);
  expect(seek(t, 3, false, failed)).toBe(4);
  expect(seek(t, 4, false, failed)).toBe(3);
  expect(seek(t, 3, true, failed)).toBe(4);
  expect(seek(t, -1, false, failed)).toBe(3);
  expect(seek(t, 0, false, () => false)).toBe(-1);
});

test.each([["CHAT_MODEL", "LM"], ["tool", "TO"], ["utils_func", "CH"], [null, "CH"], ["RERANKER", "RE"]])("category(%s)", (type, code) => expect(category(type).code).toBe(code));
