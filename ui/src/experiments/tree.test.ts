import { expect, test } from "vitest";
import type { Experiment } from "./data";
import { tree } from "./tree";

const e = (name: string, runs = 1, last: number | null = 1): Experiment => ({ name, runs, traces: 2, last_activity_ms: last, experiment_id: name, tags: {}, lifecycle: "active", created_ms: 0, updated_ms: 0, artifact_uri: "" });
const rows = (list: Experiment[], open = true) => tree(list, () => open).map((n) => `${" ".repeat(n.depth)}${n.label}${n.folder ? ` [${n.experiments} ${n.runs} ${n.traces} ${n.last}]` : ""}`);

test("folders sum up what is beneath them", () => {
  expect(rows([e("a/x", 3, 5), e("a/y", 4, 9), e("b", 1, null)])).toEqual(["a [2 7 4 9]", " x", " y", "b"]);
  expect(rows([e("a/x"), e("a/y")], false)).toEqual(["a [2 2 4 1]"]);
});
test("an experiment may be a folder too, and a chain is one row", () => {
  expect(rows([e("a"), e("a/b")])).toEqual(["a [2 2 4 1]", " b"]);
  expect(rows([e("team/search/rank/v1"), e("team/search/rank/v2")])).toEqual(["team/search/rank [2 2 4 1]", " v1", " v2"]);
});
test("odd names keep their slashes", () => {
  expect(rows([e("/Users/me/nb"), e("a//b"), e("c/")])).toEqual(["/Users/me/nb", "a//b", "c/"]);
});
