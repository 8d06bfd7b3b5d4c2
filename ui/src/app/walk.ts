// The list a reader came from, so that [ and ] walk it as it was filtered,
// also past what the list had read.
import { useEffect } from "react";

export type WalkKind = "traces" | "runs" | "sessions";

/** How a list goes on: any JSON its page knows how to ask with. */
export interface More { ask: unknown; token: string; }
interface Remembered { ids: string[]; total: number | null; more: More | null; }

const name = (kind: string) => `assay.walk.${kind}`;
const most = 5000;

function read(kind: WalkKind): Remembered {
  try {
    const v = JSON.parse(sessionStorage.getItem(name(kind)) ?? "null") as Remembered | null;
    if (v && Array.isArray(v.ids)) return v;
  } catch {
    // Storage is blocked, or holds something else.
  }
  return { ids: [], total: null, more: null };
}

function write(kind: WalkKind, v: Remembered): void {
  try {
    sessionStorage.setItem(name(kind), JSON.stringify(v));
  } catch {
    // Storage is blocked or full: [ and ] do nothing.
  }
}

/** Remembers the ids of a list in the order shown; for this tab only. */
export function useRememberList(kind: WalkKind, ids: string[], total: number | null = null, more: More | null = null): void {
  const goesOn = more ? JSON.stringify(more) : "";
  useEffect(() => {
    if (ids.length > 0) write(kind, { ids: ids.slice(0, most), total, more: ids.length <= most && goesOn ? JSON.parse(goesOn) as More : null });
  }, [kind, ids, total, goesOn]);
}

export interface Neighbours { prev?: string | undefined; next?: string | undefined; at: number; of: number; more: More | null; }

/** Where an item is in the remembered list; `more` where the next one is yet to be read. */
export function neighbours(kind: WalkKind, id: string): Neighbours {
  const { ids, total, more } = read(kind), i = ids.indexOf(id);
  if (i < 0) return { at: 0, of: 0, more: null };
  return { prev: ids[i - 1], next: ids[i + 1], at: i + 1, of: total ?? ids.length, more: i === ids.length - 1 ? more : null };
}

/** Adds what was read behind the end, and returns the first of it. */
export function extendList(kind: WalkKind, ids: string[], more: More | null): string | undefined {
  const old = read(kind), known = new Set(old.ids), fresh = ids.filter((id) => !known.has(id));
  write(kind, { ids: [...old.ids, ...fresh].slice(-most), total: old.total, more });
  return fresh[0];
}
