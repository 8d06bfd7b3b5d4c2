import { afterEach, describe, expect, test } from "vitest";
import * as f from "./format";

const s = (x: string) => x.replaceAll("\u2009", " ");
afterEach(() => f.setUTC(false));

test.each([
  [0.834567, "0.835"], [0.5, "0.5"], [12, "12"], [1234.5678, "1235"], [-0.05, "−0.05"], [0, "0"], [-0, "−0"],
  [1.23e9, "1.23e9"], [1e-7, "1e-7"], ["NaN", "NaN"], ["Infinity", "∞"], ["-Infinity", "−∞"],
  [NaN, "NaN"], [Infinity, "∞"], [null, "—"], [undefined, "—"], [999999, "999999"], [0.1 + 0.2, "0.3"],
])("metric(%s) is %s", (v, want) => expect(f.metric(v as f.MetricValue)).toBe(want));

test.each([
  [0, "0"], [999, "999"], [1000, "1k"], [1904, "1.9k"], [999_949, "1M"], [96_410, "96.4k"], [1_284_000, "1.28M"], [null, "—"],
])("short(%s) is %s", (v, want) => expect(f.short(v)).toBe(want));

test.each([
  [null, "—"], [0, "$0"], [0.0041, "$0.0041"], [0.00412345, "$0.0041"], [0.5, "$0.5"], [1.844, "$1.84"], [12345.6, "$12,346"], [0.12, "$0.12"], [0.00000012, "$1.2e-7"],
])("cost(%s) is %s", (v, want) => expect(f.cost(v)).toBe(want));

test.each([
  [null, "—"], [0, "0 ms"], [0.4, "400 µs"], [0.9996, "1 ms"], [40, "40 ms"], [999.7, "1 s"], [3210, "3.21 s"], [59_960, "1 m"], [61_000, "1 m 1 s"], [3_660_000, "1 h 1 m"], [200 * 3600_000, "8 d 8 h"],
])("duration(%s) is %s", (v, want) => expect(s(f.duration(v))).toBe(want));

test.each([[0, "0 B"], [999, "999 B"], [1900, "1.9 kB"], [999_700, "1 MB"], [3_221_225_472, "3.22 GB"]])(
  "bytes(%s) is %s", (v, want) => expect(s(f.bytes(v))).toBe(want));

describe("time", () => {
  const now = Date.UTC(2026, 10, 23, 8, 41, 7);
  test.each([[0, "now"], [30, "30 s ago"], [240, "4 min ago"], [7200, "2 h ago"], [86400 * 3, "3 d ago"], [-90, "in 1 min"]])(
    "%s seconds ago", (sec, want) => expect(f.ago(now - sec * 1000, now)).toBe(want));
  test("clock and iso in UTC", () => {
    f.setUTC(true);
    expect(f.clock(now, now)).toBe("08:41:07");
    expect(f.clock(now - 86400_000 * 2, now)).toBe("Nov 21 08:41");
    expect(f.clock(Date.UTC(2025, 0, 2, 3, 4), now)).toBe("Jan 2 2025 03:04");
    expect(f.iso(now)).toBe("2026-11-23T08:41:07.000Z");
  });
});

test("delta carries its sign", () => {
  expect(f.delta(0.05)).toBe("+0.05");
  expect(f.delta(-0.05)).toBe("−0.05");
  expect(f.delta(0)).toBe("0");
  expect(f.delta(NaN)).toBe("—");
});

test.each([
  ["plain", "plain"], ['{"query":"What is AMZ worth?"}', "What is AMZ worth?"], ['{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}', "b"],
  ['{"a":1,"b":2}', '{"a":1,"b":2}'], ['{"query":"cut in the mid', "cut in the mid"], ["[", "["], ['{"x":null}', '{"x":null}'],
])("gist(%s)", (v, want) => expect(f.gist(v)).toBe(want));
