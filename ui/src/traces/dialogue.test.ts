import { expect, test } from "vitest";
import { foldHistory, modelCalls, toolSpan } from "./dialogue";
import type { Message } from "./messages";
import { buildTree } from "./tree";

const m = (role: Message["role"], content: string, side: Message["side"] = "input", more: Partial<Message> = {}): Message => ({ role, content, side, reasoning: null, ...more });

test("history is what the calls before said already", () => {
  const first = [m("system", "be kind"), m("user", "2+2?"), m("assistant", "", "output", { tool_calls: [{ id: "c1", name: "add", arguments: "{}" }] })];
  const second = [m("system", "be kind"), m("user", "2+2?"), m("assistant", "", "input", { tool_calls: [{ id: "c1", name: "add", arguments: "{}" }] }), m("tool", "4", "input", { tool_call_id: "c1" }), m("user", "sure?"), m("assistant", "yes", "output")];
  const f = foldHistory(second, [first]);
  expect(f.repeated.length).toBe(4);
  expect(f.fresh.map((x) => x.content)).toEqual(["sure?"]);
  expect(f.output.map((x) => x.content)).toEqual(["yes"]);
  expect(foldHistory(first, []).fresh.length).toBe(2);
});

const tree = buildTree({
  trace_id: "tr-0", n: 5, start_us: 0, span_ids: ["r", "w", "c", "t", "t2"], parents: [-1, 0, 1, 0, 0], names: [0, 1, 1, 2, 2], types: [0, 1, 1, 2, 2], models: [-1, -1, -1, -1, -1], status: [1, 1, 1, 1, 1],
  starts: [0, 1000, 2000, 60_000, 80_000], ends: [99_000, 50_000, 49_000, 70_000, 90_000], tokens: [-1, -1, -1, -1, -1], costs: [null, null, null, null, null],
  name_table: ["agent", "chat", "execute_tool get_price"], type_table: ["AGENT", "LLM", "TOOL"], model_table: [], orphans: [], aggregates: [], truncated: false,
});

test("a call that wraps another is not shown twice", () => expect(modelCalls(tree)).toEqual([2]));
test("a call finds the tool's span it led to", () => {
  expect(toolSpan(tree, 2, "get_price")).toBe(3);
  expect(toolSpan(tree, 2, "get_price", 1)).toBe(4);
  expect(toolSpan(tree, 2, "price")).toBe(-1);
});
