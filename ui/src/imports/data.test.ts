import { expect, test } from "vitest";
import { linesOf, type Report, wordsOf } from "./data";

const counts = { run: { found: 3, copied: 2, updated: 0, already: 1, different: 0, failed: 0 } };
const report = (r: Partial<Report>): Report => ({ source: { version: "3" }, counts, points: 0, bytes: 0, findings: [], omitted: 0, not_carried: [], experiments: [], seconds: {}, ...r });

test("what was not looked at is unknown, not 0", () => {
  expect(linesOf(["trace", "run"], report({}))).toEqual([{ kind: "run", name: "Runs", found: 3, copied: 2, updated: 0, already: 1, different: 0, failed: 0, compared: null, unequal: null }]);
  const [line] = linesOf(["run"], report({ counts: {}, verified: { run: { compared: 3, different: 1 } } }));
  expect([line!.copied, line!.unequal]).toEqual([null, 1]);
  expect(linesOf(["run"], report({}), true)[0]!.copied).toBeNull(); // a count copies nothing
});

test("the command line asks for the same", () => {
  expect(wordsOf({ source: "http://a", experiments: ["x y"], no_traces: true, dry_run: true })).toEqual(["import", "mlflow", "http://a", "--experiment", "x y", "--no-traces", "--dry-run"]);
});
