import { expect, test } from "vitest";
import { align, sentence, smooth, style, summary } from "./series";

test("aligning keeps gaps apart from absences", () => {
  const [x, a, b] = align([{ x: [0, 1, 3], y: [1, NaN, 3] }, { x: [1, 2], y: [5, 6] }]);
  expect(x).toEqual([0, 1, 2, 3]);
  expect(a).toEqual([1, null, undefined, 3]);
  expect(b).toEqual([undefined, 5, 6, undefined]);
});
test("smoothing is debiased and keeps gaps", () => {
  expect(smooth([2, 2, 2], 0.9).map((v) => +v.toFixed(9))).toEqual([2, 2, 2]);
  const s = smooth([0, NaN, 10], 0.5);
  expect(s[1]).toBeNaN();
  expect(s[2]).toBeCloseTo(10 * 0.5 / 0.75);
  expect(smooth([1, 5], 0)).toEqual([1, 5]);
});
test("past eight, the same colour has another mark", () => {
  expect(style(8).token).toBe(style(0).token);
  expect(style(8).mark).not.toBe(style(0).mark);
});
test("summary", () => {
  expect(summary([1, NaN, -2])).toEqual({ n: 3, last: -2, min: -2, max: 1, gaps: 1 });
  expect(summary([NaN]).min).toBeNaN();
});
test("sentences", () => {
  const f = (v: number) => v.toFixed(1);
  expect(sentence("loss", [{ id: "a", label: "a", x: [0, 1], y: [3, 1] }], f)).toBe("loss goes from 3.0 to 1.0 over 2 points, between 1.0 and 3.0.");
  expect(sentence("loss", [{ id: "a", label: "a", x: [0], y: [3] }, { id: "b", label: "b", x: [0], y: [1] }], f)).toContain("highest at 3.0 (a)");
});
