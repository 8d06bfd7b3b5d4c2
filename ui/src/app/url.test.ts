import { expect, test } from "vitest";
import { redirect } from "./redirect";
import { parseSearch, parseTime, stringifySearch, to } from "./url";

test.each([
  ["#/experiments/1/runs/0123abcd", "/w/default/runs/0123abcd"],
  ["#/experiments/1/runs/0123abcd/artifacts", "/w/default/runs/0123abcd"],
  ["#/experiments/1", "/w/default/runs?exp=1"],
  ["#/experiments", "/w/default/experiments"],
  ["#/experiments/7/traces?selectedEvaluationId=tr-42", "/w/default/traces/tr-42"],
  ["#/experiments/7/traces", "/w/default/traces?exp=7"],
  ["#/models/txn%2Fclassify/versions/3", "/w/default/models/txn%2Fclassify/3"],
  ["#/prompts/assistant", "/w/default/prompts/assistant"],
  ["#/workspaces/team/experiments/2", "/w/team/runs?exp=2"],
  ['#/compare-runs?runs=["a","b"]&experiments=["1"]', "/w/default/runs/compare?ids=a,b"],
  ["#/%E0%A4%A/x", null],
  ["#section", null],
  ["", null],
])("redirect(%s)", (hash, want) => expect(redirect(hash, "default")).toBe(want));

test("a filter survives the URL", () => {
  const search = { q: "status = 'ERROR' AND tag.env = 'a&b=c'", exp: "1", sort: "-start" };
  expect(parseSearch(stringifySearch(search))).toEqual(search);
  expect(stringifySearch({ a: undefined, b: "" })).toBe("");
});

test("relative times are stable within a minute", () => {
  const now = 1_700_000_000_000;
  expect(parseTime("-24h", now)).toBe(parseTime("-24h", now + 5_000));
  expect(parseTime("1700000000000")).toBe(1_700_000_000_000);
  expect(parseTime("yesterday")).toBeUndefined();
  expect(parseTime(undefined)).toBeUndefined();
});

test("path segments are encoded", () => expect(to("default", "models", "a/b c")).toBe("/w/default/models/a%2Fb%20c"));
