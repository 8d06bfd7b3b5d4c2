// Recomputes every contrast the interface relies on, from the stylesheet that
// it is drawn with.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

type RGB = [number, number, number];
const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
const tokens = new Map<string, [string, string]>();
for (const m of css.matchAll(/--([\w-]+): light-dark\((#[0-9A-F]{6}), (#[0-9A-F]{6})\);/gi)) {
  tokens.set(m[1]!, [m[2]!, m[3]!]);
}

const rgb = (hex: string): RGB => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)) as RGB;
const linear = (c: number) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const gamma = (c: number) => 255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);

function luminance(hex: string): number {
  const [r, g, b] = rgb(hex).map(linear) as RGB;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** WCAG 2 contrast ratio. */
function contrast(a: string, b: string): number {
  const [hi, lo] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (hi + 0.05) / (lo + 0.05);
}

/** What a person sees who lacks one kind of cone: Machado et al. 2009, full severity. */
const vision: Record<string, number[][]> = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

function seen(hex: string, matrix: number[][]): RGB {
  const lin = rgb(hex).map(linear);
  return matrix.map((row) => {
    const v = row.reduce((s, k, i) => s + k * lin[i]!, 0);
    return gamma(Math.min(1, Math.max(0, v)));
  }) as RGB;
}

function lab(c: RGB): RGB {
  const [r, g, b] = c.map(linear) as RGB;
  const f = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 * t + 16) / 116);
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** CIEDE2000 (Sharma, Wu, Dalal 2005). */
function deltaE(p: RGB, q: RGB): number {
  const rad = Math.PI / 180;
  const [L1, a1, b1] = lab(p), [L2, a2, b2] = lab(q);
  const cm = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
  const G = 0.5 * (1 - Math.sqrt(cm ** 7 / (cm ** 7 + 25 ** 7)));
  const A1 = a1 * (1 + G), A2 = a2 * (1 + G);
  const C1 = Math.hypot(A1, b1), C2 = Math.hypot(A2, b2);
  const hue = (b: number, a: number) => (a || b ? (Math.atan2(b, a) / rad + 360) % 360 : 0);
  const h1 = hue(b1, A1), h2 = hue(b2, A2);
  let dh = C1 * C2 ? h2 - h1 : 0;
  if (dh > 180) dh -= 360;
  if (dh < -180) dh += 360;
  const dL = L2 - L1, dC = C2 - C1, dH = 2 * Math.sqrt(C1 * C2) * Math.sin((dh / 2) * rad);
  const L = (L1 + L2) / 2, C = (C1 + C2) / 2;
  let h = h1 + h2;
  if (C1 * C2) h = Math.abs(h1 - h2) <= 180 ? h / 2 : h < 360 ? (h + 360) / 2 : (h - 360) / 2;
  const T = 1 - 0.17 * Math.cos((h - 30) * rad) + 0.24 * Math.cos(2 * h * rad) + 0.32 * Math.cos((3 * h + 6) * rad) - 0.2 * Math.cos((4 * h - 63) * rad);
  const SL = 1 + (0.015 * (L - 50) ** 2) / Math.sqrt(20 + (L - 50) ** 2);
  const SC = 1 + 0.045 * C, SH = 1 + 0.015 * C * T;
  const RT = -Math.sin(60 * Math.exp(-(((h - 275) / 25) ** 2)) * rad) * 2 * Math.sqrt(C ** 7 / (C ** 7 + 25 ** 7));
  return Math.sqrt((dL / SL) ** 2 + (dC / SC) ** 2 + (dH / SH) ** 2 + RT * (dC / SC) * (dH / SH));
}

const themes = [["light", 0], ["dark", 1]] as const;
const surfaces = ["bg", "surface", "raised", "selected"];
const inks = ["text", "muted", "accent", "ok", "warning", "error", "running", "unknown"];
const categories = ["lm", "to", "ag", "re", "em", "gu", "me", "ch"].map((c) => `cat-${c}`);

test("Sharma's reference pair", () => {
  // Guards the formula itself: identical colours and black to white.
  expect(deltaE([10, 20, 30], [10, 20, 30])).toBe(0);
  expect(deltaE([0, 0, 0], [255, 255, 255])).toBeCloseTo(100, 1);
});

describe.each(themes)("%s", (_name, i) => {
  const hex = (name: string) => {
    const pair = tokens.get(name);
    if (!pair) throw new Error(`tokens.css has no --${name}`);
    return pair[i];
  };
  test.each(inks)("%s is readable on every surface", (ink) => {
    for (const s of surfaces) expect(contrast(hex(ink), hex(s)), `${ink} on ${s}`).toBeGreaterThanOrEqual(5);
  });
  test.each(["ok", "warning", "error", "running", "unknown"])("%s is readable on its tint", (ink) => {
    expect(contrast(hex(ink), hex(`${ink}-tint`))).toBeGreaterThanOrEqual(5);
  });
  test("text on accent, on error and in a diff", () => {
    expect(contrast(hex("on-accent"), hex("accent"))).toBeGreaterThanOrEqual(5);
    expect(contrast(hex("on-accent"), hex("error"))).toBeGreaterThanOrEqual(5);
    for (const d of ["added", "removed"]) expect(contrast(hex("text"), hex(d))).toBeGreaterThanOrEqual(7);
  });
  test("control borders are visible on every surface", () => {
    for (const s of surfaces) expect(contrast(hex("control"), hex(s)), s).toBeGreaterThanOrEqual(3.2);
  });
  test.each(categories)("%s is visible on every surface", (c) => {
    for (const s of surfaces) expect(contrast(hex(c), hex(s)), s).toBeGreaterThanOrEqual(3);
  });
  test.each(Object.keys(vision))("categories differ under %s", (kind) => {
    for (const [j, a] of categories.entries()) {
      for (const b of categories.slice(j + 1)) {
        const d = deltaE(seen(hex(a), vision[kind]!), seen(hex(b), vision[kind]!));
        expect(d, `${a} and ${b}`).toBeGreaterThanOrEqual(14.6);
      }
    }
  });
});
