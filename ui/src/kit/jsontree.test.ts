import { expect, test } from "vitest";
import { inner, lines, step } from "./jsontree";

const open = () => true;

test("one line a scalar and a bracket", () => {
  const l = lines({ a: 1, "b c": [true, null] }, open);
  expect(l.map((x) => `${x.kind} ${x.path}`)).toEqual(["open $", "scalar $.a", 'open $["b c"]', 'scalar $["b c"][0]', 'scalar $["b c"][1]', 'close $["b c"]', "close $"]);
});
test("JSON inside a string opens in place", () => {
  const l = lines({ arguments: '{"symbol":"AMZN"}' }, open);
  expect(l.find((x) => x.path === "$.arguments.symbol")?.value).toBe("AMZN");
  expect(inner("[not json")).toBeUndefined();
  expect(inner('"text"')).toBeUndefined();
  expect(inner("42")).toBeUndefined();
});
test("what is closed is not walked", () => expect(lines({ a: { b: 1 } }, (_, d) => d === 0).map((x) => x.kind)).toEqual(["open", "closed", "close"]));
test("depth and length are bounded", () => {
  let deep: unknown = 1;
  for (let i = 0; i < 5000; i++) deep = [deep];
  expect(lines(deep, open).length).toBeLessThan(500);
  expect(lines(Array.from({ length: 300_000 }, (_, i) => i), open, 1000).length).toBeLessThanOrEqual(1001);
});
test("paths", () => expect(step(step("$", "a"), 3) + step("", "x y")).toBe('$.a[3]["x y"]'));
