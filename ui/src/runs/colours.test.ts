import { expect, test } from "vitest";
import { colours } from "./colours";

test("a colour sticks to its run, and runs drawn together differ", () => {
  expect([...colours(["a", "b"])]).toEqual([["a", 0], ["b", 1]]);
  expect([...colours(["c"])]).toEqual([["c", 0]]);
  // b keeps its own, c and a met the same one before: the first keeps it.
  const met = colours(["b", "c", "a"]);
  expect(met.get("b")).toBe(1);
  expect(met.get("c")).toBe(0);
  expect(met.get("a")).toBe(2);
  expect(colours(["a"]).get("a")).toBe(2);
});
