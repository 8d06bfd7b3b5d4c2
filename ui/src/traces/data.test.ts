import { expect, test } from "vitest";
import { queryOf, sortOf } from "./data";

test("the URL of the list is a query", () => {
  expect(queryOf({ q: "status = 'ERROR'", exp: "1,2", from: "1700000000000" })).toEqual({ filter: "status = 'ERROR'", experiment_ids: ["1", "2"], from_ms: 1_700_000_000_000 });
  expect(queryOf({ q: "unknown symbol" })).toEqual({ q: "unknown symbol" });
  expect(queryOf({ q: '"exact words"' })).toEqual({ q: '"exact words"' });
  expect(queryOf({ q: "株価" })).toEqual({ q: "株価" });
  expect(queryOf({ q: "  ", from: "nonsense" })).toEqual({});
});
test.each([["-start", "-start_ms"], ["duration", "duration_ms"], ["-cost", "-cost"], ["bogus", "-start_ms"], [undefined, "-start_ms"]])("sort %s", (s, want) => expect(sortOf({ sort: s })).toBe(want));
