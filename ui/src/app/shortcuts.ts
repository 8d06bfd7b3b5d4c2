// One table of shortcuts; hints, the ? sheet and the palette are made from it.
// Single-letter keys never fire in text fields or while composing, and can be
// switched off; each shortcut can be given another key.
import { useEffect, useRef } from "react";

export const shortcuts = {
  help: { keys: "?", label: "Show shortcuts", group: "Everywhere" },
  palette: { keys: "mod+k", label: "Command palette", group: "Everywhere" },
  rail: { keys: "\\", label: "Collapse the side bar", group: "Everywhere" },
  filter: { keys: "/", label: "Go to the filter", group: "Everywhere" },
  refresh: { keys: "r", label: "Refresh", group: "Everywhere" },
  copyLink: { keys: "y", label: "Copy a link to this view", group: "Everywhere" },
  copyCode: { keys: "Y", label: "Copy this view as code", group: "Everywhere" },
  back: { keys: "Escape", label: "Close, or back", group: "Everywhere" },
  lineage: { keys: "L", label: "Lineage of this object", group: "Everywhere" },
  prev: { keys: "[", label: "Previous item of the list", group: "Everywhere" },
  next: { keys: "]", label: "Next item of the list", group: "Everywhere" },
  goHome: { keys: "g h", label: "Go to Home", group: "Go to" },
  goTraces: { keys: "g t", label: "Go to Traces", group: "Go to" },
  goSessions: { keys: "g s", label: "Go to Sessions", group: "Go to" },
  goExperiments: { keys: "g e", label: "Go to Experiments", group: "Go to" },
  goRuns: { keys: "g r", label: "Go to Runs", group: "Go to" },
  goMonitor: { keys: "g o", label: "Go to Monitoring", group: "Go to" },
  goAlerts: { keys: "g a", label: "Go to Alerts", group: "Go to" },
  goModels: { keys: "g m", label: "Go to Models", group: "Go to" },
  goPrompts: { keys: "g p", label: "Go to Prompts", group: "Go to" },
  goDatasets: { keys: "g d", label: "Go to Datasets", group: "Go to" },
  goPeople: { keys: "g u", label: "Go to People", group: "Go to" },
  goAudit: { keys: "g a", label: "Go to Audit", group: "Go to" },
  jobs: { keys: "g j", label: "Open the jobs drawer", group: "Go to" },
  down: { keys: "j", label: "Next row", group: "Lists" },
  up: { keys: "k", label: "Previous row", group: "Lists" },
  open: { keys: "Enter", label: "Open the row", group: "Lists" },
  select: { keys: "x", label: "Select the row", group: "Lists" },
  peek: { keys: "Space", label: "Peek at the row", group: "Lists" },
  compare: { keys: "c", label: "Compare the selected", group: "Lists" },
  columns: { keys: "o", label: "Choose columns", group: "Lists" },
  hide: { keys: "v", label: "Hide or show the run in charts", group: "Lists" },
  facets: { keys: "f", label: "Show or hide facets", group: "Lists" },
  errors: { keys: "e", label: "Errors only; in a trace, next error", group: "Traces" },
  prevError: { keys: "E", label: "Previous error", group: "Traces" },
  sameName: { keys: "n", label: "Next span of the same name; in a diff, next change", group: "Traces" },
  sameNameBack: { keys: "N", label: "Previous of the same", group: "Traces" },
  zoom: { keys: "z", label: "Zoom time to the span, and back", group: "Traces" },
  parent: { keys: "p", label: "Parent span", group: "Traces" },
  feedback: { keys: "a", label: "Give feedback", group: "Traces" },
  dataset: { keys: "d", label: "Add to a dataset", group: "Traces" },
  view1: { keys: "1", label: "Tree", group: "Traces" },
  view2: { keys: "2", label: "Timeline", group: "Traces" },
  view3: { keys: "3", label: "Graph", group: "Traces" },
  view4: { keys: "4", label: "Transcript", group: "Traces" },
  view5: { keys: "5", label: "Log", group: "Traces" },
  view6: { keys: "6", label: "Nodes", group: "Traces" },
  critical: { keys: "w", label: "Mark what the trace waited for", group: "Traces" },
  baseline: { keys: "b", label: "Make the column the baseline", group: "Comparison" },
} as const;

export type ShortcutId = keyof typeof shortcuts;

const mac = typeof navigator !== "undefined" && /mac|iphone|ipad/i.test(navigator.userAgent);

export type Remap = Partial<Record<ShortcutId, string>>;
let remapped: Remap = {};
export function setRemap(keys: Remap): void { remapped = keys; }

/** The keys of a shortcut as they are now: "g t", "mod+k", "x". */
export function keysOf(id: ShortcutId): string { return remapped[id] ?? shortcuts[id].keys; }

/** The keys of a shortcut as a person reads them: ["g", "t"], ["Ctrl", "K"]. */
export function keyLabels(id: ShortcutId): string[] { return labelsOf(keysOf(id)); }

export function labelsOf(keys: string): string[] {
  return keys.split(/ |(?<=\w)\+/).map((k) => {
    if (k === "mod") return mac ? "⌘" : "Ctrl";
    if (k === "alt") return mac ? "⌥" : "Alt";
    if (k === "Escape") return "Esc";
    return k.length === 1 && /^(mod|alt)\+/.test(keys) ? k.toUpperCase() : k;
  });
}

/** For aria-keyshortcuts. */
export function ariaKeys(id: ShortcutId): string {
  return keysOf(id).replace(/^mod\+(.)/, (_, k: string) => `${mac ? "Meta" : "Control"}+${k.toUpperCase()}`);
}

/**
 * Which shortcut already answers to keys where id would: the same place, or
 * one of the two is everywhere. Also one that keys would begin or end.
 */
export function clash(id: ShortcutId, keys: string): ShortcutId | null {
  const broad = (g: string) => g === "Everywhere" || g === "Go to";
  const overlaps = (a: string, b: string) => a === b || a.startsWith(`${b} `) || b.startsWith(`${a} `);
  for (const other of Object.keys(shortcuts) as ShortcutId[]) {
    if (other === id || !overlaps(keysOf(other), keys)) continue;
    const [a, b] = [shortcuts[id].group, shortcuts[other].group];
    if (a === b || broad(a) || broad(b) || a === "Lists" || b === "Lists") return other;
  }
  return null;
}

type Handler = (e: KeyboardEvent) => void | false;
const stack: { id: ShortcutId; handler: Handler }[] = [];
let lettersOff = false;
let pending = ""; // the first key of a sequence such as "g t"
let pendingAt = 0;

export function setLetterKeys(on: boolean): void { lettersOff = !on; }

function inTextField(t: EventTarget | null): boolean {
  const el = t as HTMLElement | null;
  if (!el?.closest) return false;
  return !!el.closest("input:not([type=checkbox]):not([type=radio]),textarea,select,[contenteditable=true]");
}

/**
 * What a key event spells: "mod+k", "x", "Escape". AltGr, which many layouts
 * need for [ ] and \\, is part of the character and no modifier.
 */
export function spell(e: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "getModifierState">): string {
  const key = e.key === " " ? "Space" : e.key;
  if (e.getModifierState("AltGraph") && key.length === 1) return key;
  if (e.ctrlKey || e.metaKey) return `mod+${key.toLowerCase()}`;
  return e.altKey ? `alt+${key}` : key;
}

function onKey(e: KeyboardEvent): void {
  if (e.isComposing || e.defaultPrevented || e.keyCode === 229) return;
  const key = spell(e);
  const plain = !key.startsWith("mod+");
  if (plain && inTextField(e.target)) return;
  if (plain && lettersOff && key.length === 1) return;
  const now = e.timeStamp;
  const sequence = pending && now - pendingAt < 1200 ? `${pending} ${key}` : "";
  pending = "";
  for (const want of [sequence, key]) {
    if (!want) continue;
    // The last mounted wins, so a dialog's keys come before its page's.
    for (let i = stack.length - 1; i >= 0; i--) {
      const s = stack[i]!;
      if (keysOf(s.id) === want && s.handler(e) !== false) {
        e.preventDefault();
        return;
      }
    }
  }
  if (plain && (Object.keys(shortcuts) as ShortcutId[]).some((id) => keysOf(id).startsWith(`${key} `))) {
    pending = key;
    pendingAt = now;
  }
}

if (typeof document !== "undefined") document.addEventListener("keydown", onKey);

/**
 * Binds a shortcut while the component is mounted. A handler that returns
 * false lets the next one try.
 */
export function useShortcut(id: ShortcutId, handler: Handler | null | undefined | false): void {
  const ref = useRef(handler);
  ref.current = handler;
  const on = !!handler;
  useEffect(() => {
    if (!on) return;
    const entry = { id, handler: (e: KeyboardEvent) => (ref.current ? ref.current(e) : false) as void | false };
    stack.push(entry);
    return () => void stack.splice(stack.indexOf(entry), 1);
  }, [id, on]);
}
