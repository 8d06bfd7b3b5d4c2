import { expect, test } from "vitest";
import { axesOf, axisOf, canLog, fit, passes, place, readBrush, ticks, valueAt, writeBrush } from "./axis";

const row = (key: string, values: (string | number | null)[], kind: "param" | "metric" = "metric") => ({ kind, key, values, differs: true });

test("params that are numbers make a number axis, others categories", () => {
  expect(axisOf(row("lr", ["0.1", "1e-3", null], "param"))).toMatchObject({ numeric: true, lo: 0.001, hi: 0.1, values: [0.1, 0.001, null] });
  expect(axisOf(row("model", ["b", "a", "b"], "param"))).toMatchObject({ numeric: false, categories: ["a", "b"] });
  expect(axisOf(row("size", ["10", "9", "x"], "param")).categories).toEqual(["9", "10", "x"]);
  expect(axisOf(row("loss", [1, "NaN", "Infinity", -0])).values).toEqual([1, null, null, -0]);
  expect(axesOf([row("one", [1, null]), row("none", ["NaN", "NaN"]), row("two", [1, 2])]).map((a) => a.label)).toEqual(["none", "two"]);
});

test("places and their inverse", () => {
  const a = axisOf(row("lr", [0.01, 1, 100]));
  expect(place(a, 1)).toBeCloseTo(0.0099, 3);
  expect(place(a, 1, true)).toBeCloseTo(0.5);
  expect(valueAt(a, 0.5, true)).toBeCloseTo(1);
  expect(valueAt(a, 0)).toBe(0.01);
  expect(place(axisOf(row("x", [3, 3])), 3)).toBe(0.5);
  expect(place(a, null)).toBeNull();
  expect(canLog(axisOf(row("x", [0, 1])))).toBe(false);
});

test("ticks are round and few", () => {
  expect(ticks(axisOf(row("x", [0.13, 0.87]))).map((t) => t.text)).toEqual(["0.2", "0.4", "0.6", "0.8"]);
  expect(ticks(axisOf(row("x", [0.001, 100])), true).map((t) => t.text)).toEqual(["0.001", "0.1", "10"]);
  expect(ticks(axisOf(row("x", [-1e9, 1e9]))).length).toBeLessThan(8);
  expect(ticks(axisOf(row("m", ["a", "b"], "param")))).toEqual([{ at: 0, text: "a" }, { at: 1, text: "b" }]);
});

test("a brush filters by range and by category, and survives the URL", () => {
  const axes = [axisOf(row("loss", [1, 2, null])), axisOf(row("model", ["a", "b", "a"], "param"))];
  const brush = { "metric.loss": [0, 1.5] as [number, number], "param.model": ["a"] };
  expect([0, 1, 2].map((i) => passes(axes, brush, i))).toEqual([true, false, false]);
  expect(readBrush(writeBrush(brush), axes)).toEqual(brush);
  expect(readBrush("{nope", axes)).toEqual({});
  expect(readBrush('{"metric.loss":["a"],"gone":[1,2]}', axes)).toEqual({});
  expect(writeBrush({})).toBeUndefined();
});

test("least squares", () => {
  expect(fit([[0, 1], [1, 3], [2, 5]])).toEqual({ slope: 2, intercept: 1, r2: 1, n: 3 });
  expect(fit([[1, 1], [1, 2]])).toBeNull();
  expect(fit([[1, 1]])).toBeNull();
});
