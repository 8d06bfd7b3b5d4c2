// The list a reader came from, so that [ and ] walk it as it was filtered.
import { useEffect } from "react";

const name = (kind: string) => `assay.walk.${kind}`;

/** Remembers the ids of a list in the order shown; for this tab only. */
export function useRememberList(kind: "traces" | "runs", ids: string[]): void {
  useEffect(() => {
    if (ids.length === 0) return;
    try {
      sessionStorage.setItem(name(kind), JSON.stringify(ids.slice(0, 5000)));
    } catch {
      // Storage is blocked: [ and ] do nothing.
    }
  }, [kind, ids]);
}

export function neighbours(kind: "traces" | "runs", id: string): { prev?: string | undefined; next?: string | undefined; at: number; of: number } {
  try {
    const ids = JSON.parse(sessionStorage.getItem(name(kind)) ?? "[]") as string[];
    const i = ids.indexOf(id);
    return i < 0 ? { at: 0, of: 0 } : { prev: ids[i - 1], next: ids[i + 1], at: i + 1, of: ids.length };
  } catch {
    return { at: 0, of: 0 };
  }
}
