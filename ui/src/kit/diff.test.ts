import { expect, test } from "vitest";
import { diff, type Part } from "./diff";

const side = (ps: Part[], drop: Part["kind"]) => ps.filter((p) => p.kind !== drop).map((p) => p.text).join("");

test("a changed word", () => {
  expect(diff("a helper who knows stocks", "a specialist who knows stocks")).toEqual([
    { kind: "same", text: "a " }, { kind: "removed", text: "helper" }, { kind: "added", text: "specialist" }, { kind: "same", text: " who knows stocks" },
  ]);
});

test.each([
  ["", ""], ["a", ""], ["", "a b"], ["same text", "same text"], ["one two three", "three two one"], ["a\nb\nc", "a\nx\nc\nd"], ["ééé 株価 a", "éé 株価 b"], ["x".repeat(50), "y ".repeat(50)],
])("both sides can be read back: %j → %j", (a, b) => {
  const d = diff(a, b);
  expect(side(d, "added")).toBe(a);
  expect(side(d, "removed")).toBe(b);
});

test("random texts can be read back", () => {
  let seed = 7;
  const rnd = (n: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
  const text = () => Array.from({ length: rnd(40) }, () => ["a", "b", "c", " ", "\n", "."][rnd(6)]).join("");
  for (let i = 0; i < 500; i++) {
    const a = text(), b = text(), d = diff(a, b);
    expect(side(d, "added")).toBe(a);
    expect(side(d, "removed")).toBe(b);
  }
});

test("two long unlike texts are bounded", () => {
  const a = Array.from({ length: 20_000 }, (_, i) => `a${i}`).join(" "), b = Array.from({ length: 20_000 }, (_, i) => `b${i}`).join("\n");
  const d = diff(a, b);
  expect(side(d, "added")).toBe(a);
});
