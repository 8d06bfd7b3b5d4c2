import { describe, expect, it } from "vitest";
import { brief, parseObject } from "./data";

describe("datasets", () => {
  it("writes a value in one line", () => {
    expect(brief({ question: "Why?" })).toBe("Why?");
    expect(brief({ a: 1, b: [2] })).toBe('{"a":1,"b":[2]}');
    expect(brief({ a: { b: 1 } })).toBe('{"a":{"b":1}}');
    expect(brief(0)).toBe("0");
    expect(brief(null)).toBe("");
  });
  it("reads expectations as typed", () => {
    expect(parseObject(" ")).toEqual({ value: null });
    expect(parseObject('{"a": 1}')).toEqual({ value: { a: 1 } });
    expect(parseObject("[1]")).toHaveProperty("problem");
    expect(parseObject('{"a": }')).toHaveProperty("problem");
  });
});
