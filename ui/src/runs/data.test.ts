import { expect, test } from "vitest";
import { direction, durationOf, fieldOf } from "./data";

test.each([["rouge1/v1/mean", 1], ["eval_loss", -1], ["latency/mean", -1], ["rouge1/v1/variance", 0], ["toxicity/v1/mean", -1], ["accuracy", 1], ["ari_grade_level/v1/mean", 0], ["closs", 0], ["ragas_faithfulness_score/v1/mean", 1]])(
  "direction(%s)", (k, want) => expect(direction(k)).toBe(want));
test.each([["metrics.rouge1/v1/mean", "metrics.`rouge1/v1/mean`"], ["metrics.loss", "metrics.loss"], ["params.top k", "params.`top k`"], ["tags.a-b", "tags.`a-b`"]])("fieldOf(%s)", (id, want) => expect(fieldOf(id)).toBe(want));
test("an open run has no duration unless now is given", () => {
  expect(durationOf({ start_ms: 5, end_ms: null })).toBeNull();
  expect(durationOf({ start_ms: 5, end_ms: null }, 8)).toBe(3);
});
