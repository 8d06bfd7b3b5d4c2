import { describe, expect, test } from "vitest";
import { clauses, completionAt, fieldName, hasClause, quote, tokens, withClause, withoutClause } from "./filter";

describe("clauses", () => {
  test.each([
    ["", []],
    ["status = 'ERROR'", ["status|=|'ERROR'"]],
    ["status = 'ERROR' AND tag.env = 'prod'", ["status|=|'ERROR'", "tag.env|=|'prod'"]],
    ["metrics.rouge1/v1/mean >= 0.5 and params.`top k` != '3'", ["metrics.rouge1/v1/mean|>=|0.5", "params.`top k`|!=|'3'"]],
    ["tag.x is   not null AND name ILIKE '%a AND b%'", ["tag.x|IS NOT NULL|", "name|ILIKE|'%a AND b%'"]],
    ["name = 'it''s'", ["name|=|'it''s'"]],
    ["run_id IN ('a','b')", ["run_id|IN|('a','b')"]],
    ["name = 'дом' AND tag.città = '価格'", ["name|=|'дом'", "tag.città|=|'価格'"]],
  ])("%s", (s, want) => expect(clauses(s)?.map((c) => `${c.field}|${c.op}|${c.value}`)).toEqual(want));

  test.each(["status =", "= 'a'", "a = 1 OR b = 2", "a = 1 b = 2", "a = 1 AND"])("%s is not a plain list", (s) => expect(clauses(s)).toBeNull());

  test("offsets cut the text out again", () => {
    const s = "  status = 'OK'   AND  cost > 1";
    for (const c of clauses(s)!) expect(s.slice(c.start, c.end)).toBe(c.text);
  });
});

test("adding and removing is a round trip", () => {
  const one = withClause("", "status = 'ERROR'");
  const two = withClause(one, "tag.env = 'prod'");
  expect(two).toBe("status = 'ERROR' AND tag.env = 'prod'");
  expect(withClause(two, "tag.env = 'prod'")).toBe(two);
  expect(hasClause(two, "STATUS = 'error'")).toBe(true);
  expect(hasClause(two, "attributes.status = 'ERROR'")).toBe(true);
  expect(withoutClause(two, "status = 'ERROR'")).toBe("tag.env = 'prod'");
  expect(withoutClause("a = 1 OR b = 2", "a = 1")).toBe("a = 1 OR b = 2");
});

test.each([
  ["", "field", "", undefined], ["sta", "field", "sta", undefined], ["status ", "op", "", "status"], ["status =", "value", "", "status"],
  ["status = 'ER", "value", "'ER", "status"], ["status = 'ERROR' ", "and", "", undefined], ["status = 'ERROR' AND t", "field", "t", undefined],
  ["tag.env IS NOT NULL ", "and", "", undefined], ["name li", "op", "li", "name"],
])("completing %j", (s, want, prefix, field) => {
  const c = completionAt(s, s.length);
  expect([c.want, c.prefix, c.field]).toEqual([want, prefix, field]);
});

test("hostile text ends", () => {
  for (const s of ["'", "\\", "`", "((((", "\u0000", "''''''", "a".repeat(10_000), "'".repeat(10_000)]) expect(tokens(s).every((t) => t.end > t.start)).toBe(true);
});

test("quoting", () => {
  expect(quote("it's")).toBe("'it''s'");
  expect(fieldName("tag", "env")).toBe("tag.env");
  expect(fieldName("params", "top k")).toBe("params.`top k`");
});
