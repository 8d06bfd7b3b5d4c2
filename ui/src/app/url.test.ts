import { expect, test } from "vitest";
import { redirect } from "./redirect";
import { parseSearch, parseTime, stringifySearch, to } from "./url";

test.each([
  ["#/experiments/1/runs/0123abcd", "/w/default/runs/0123abcd"],
  ["#/", "/w/default"],
  ["#/experiments/1/runs/0123abcd/artifacts", "/w/default/runs/0123abcd?tab=artifacts"],
  ["#/experiments/1/runs/0123abcd/artifacts/plots/a%20b.png", "/w/default/runs/0123abcd?tab=artifacts&path=plots%2Fa+b.png"],
  ["#/experiments/1/runs/0123abcd/model-metrics", "/w/default/runs/0123abcd?tab=metrics"],
  ["#/experiments/1/runs/0123abcd?workspace=team%20a", "/w/team%20a/runs/0123abcd"],
  ["#/experiments/1?workspace=team", "/w/team/runs?exp=1"],
  ["#/experiments/1/overview", "/w/default/runs?exp=1"],
  ["#/experiments/1/evaluation-runs?selectedRunUuid=0123abcd", "/w/default/runs/0123abcd?tab=evaluation"],
  ["#/experiments/1/evaluation-runs?selectedRunUuid=0123abcd&selectedEvaluationId=tr-42", "/w/default/traces/tr-42"],
  ["#/experiments/1/evaluation-runs", "/w/default/runs?exp=1"],
  ["#/experiments/1/chat-sessions", "/w/default/sessions?exp=1"],
  ["#/experiments/1/datasets", "/w/default/datasets?exp=1"],
  ["#/experiments/1/judges", "/w/default/runs?exp=1"],
  ["#/experiments/1/compare-runs?runs=%5B%22a%22%2C%22b%22%5D", "/w/default/runs/compare?ids=a,b"],
  ["#/experiments/7/traces?selectedTraceId=tr-43", "/w/default/traces/tr-43"],
  ["#/metric/loss?runs=[%22a%22]&experiments=[%221%22]", "/w/default/runs/compare?ids=a&panel=curves&m=loss"],
  ["#/models/agent/3", "/w/default/models/agent/3"],
  ["#/models", "/w/default/models"],
  ["#/prompts", "/w/default/prompts"],
  ["#/prompts/assistant/2", "/w/default/prompts/assistant?v=2"],
  ["#/prompts/assistant?promptVersion=3", "/w/default/prompts/assistant?v=3"],
  ["#/compare-experiments?experiments=[%221%22,%222%22]", "/w/default/runs?exp=1%2C2"],
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
