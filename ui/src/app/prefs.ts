// What a person chose for this browser: theme, density, clock, widths. It is
// not part of a view's URL.
import { useSyncExternalStore } from "react";
import { setUTC } from "../kit/format";
import { type Remap, setLetterKeys, setRemap } from "./shortcuts";

export interface Prefs {
  theme: "system" | "light" | "dark";
  density: "compact" | "comfortable";
  clock: "local" | "utc";
  letters: "on" | "off"; // single-letter shortcuts
  keys: Remap; // shortcuts with another key than the usual one
  rail: "wide" | "narrow";
  facets: "on" | "off";
  split: string; // width of the tree column of a trace, percent
}

const defaults: Prefs = { theme: "system", density: "compact", clock: "local", letters: "on", keys: {}, rail: "wide", facets: "on", split: "50" };
const key = "assay.prefs";
const listeners = new Set<() => void>();

function load(): Prefs {
  try {
    return { ...defaults, ...JSON.parse(localStorage.getItem(key) ?? "{}") };
  } catch {
    return defaults; // storage is blocked or holds something else
  }
}

let prefs = typeof localStorage === "undefined" ? defaults : load();

function apply(): void {
  const root = document.documentElement;
  if (prefs.theme === "system") delete root.dataset.theme;
  else root.dataset.theme = prefs.theme;
  root.dataset.density = prefs.density;
  setUTC(prefs.clock === "utc");
  setLetterKeys(prefs.letters === "on");
  setRemap(prefs.keys);
}
if (typeof document !== "undefined") apply();

export function setPrefs(patch: Partial<Prefs>): void {
  prefs = { ...prefs, ...patch };
  remember(key, prefs);
  apply();
  listeners.forEach((f) => f());
}

export function usePrefs(): Prefs {
  return useSyncExternalStore((f) => (listeners.add(f), () => void listeners.delete(f)), () => prefs);
}

/** Small per-browser memory (column widths, recent items); losing it is fine. */
export function remember(name: string, value: unknown): void {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Storage is full or blocked.
  }
}

export function recall<T>(name: string, otherwise: T): T {
  try {
    const s = localStorage.getItem(name);
    return s ? (JSON.parse(s) as T) : otherwise;
  } catch {
    return otherwise;
  }
}
