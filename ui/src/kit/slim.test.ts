import { describe as group, expect, test } from "vitest";
import { type Big, bigFrom, cutLines, describe, isBig, slim, weigh } from "./slim";

const put = (s: string, starts: Uint32Array) => Array.from(starts, (at, i) => s.slice(at, starts[i + 1] ?? s.length).replace(/\n$/, ""));

group("lines", () => {
  test("end at newlines and at the width", () => expect(put("ab\n\nabcdefgh\nx", cutLines("ab\n\nabcdefgh\nx", 3))).toEqual(["ab", "", "abc", "def", "gh", "x"]));
  test("break between words where one is near", () => expect(put("one two three", cutLines("one two three", 9))).toEqual(["one two ", "three"]));
  test("never within a character", () => expect(put("😀😀😀", cutLines("😀😀😀", 3))).toEqual(["😀", "😀", "😀"]));
  test("an empty text is one line", () => expect(cutLines("", 10).length).toBe(1));
  test("no character is lost, whatever the text", () => {
    for (const s of ["\n", "a\n", "\u{1F600}".repeat(50), "x".repeat(1001), "word ".repeat(99), "\r\n\r\n", "\ud800\udc00\ud800"]) {
      for (const w of [1, 2, 7, 80]) {
        const l = cutLines(s, w);
        expect(Array.from(l, (at, i) => s.slice(at, l[i + 1] ?? s.length)).join("")).toBe(s);
      }
    }
  });
});

group("slimming", () => {
  const kept: unknown[] = [];
  const keep = (v: unknown): Big => ({ $big: kept.push(v) - 1, doc: 1, ...describe(v) });
  const long = "y".repeat(bigFrom + 1);
  test("only what is big goes", () => {
    const s = slim({ name: "n", inputs: { a: [long] }, attributes: { small: 1, big: long }, messages: [{ content: long, role: "user" }], list: [1, 2] }, keep) as Record<string, any>;
    expect(isBig(s["inputs"])).toBe(true);
    expect([s["name"], s["list"], s["attributes"]["small"], s["messages"][0]["role"]]).toEqual(["n", [1, 2], 1, "user"]);
    expect(isBig(s["attributes"]["big"]) && isBig(s["messages"][0]["content"])).toBe(true);
    expect(s["messages"][0]["content"]["head"].length).toBe(2000);
  });
  test("weighing stops early", () => expect(weigh(Array.from({ length: 1e6 }, () => "aaaaaaaaaaaaaaaaaaa"), 100)).toBeGreaterThan(100));
  test("text and JSON are told apart", () => expect([describe("plain").kind, describe(' {"a":1}').kind, describe([1, 2]).items]).toEqual(["text", "json", 2]));
});
