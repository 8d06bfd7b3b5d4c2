// The URL is the state: search parameters are plain strings, and every view
// reads and writes them through useUrl. Typing replaces history; a committed
// change pushes once.
import { useParams, useRouter, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

export type Search = Record<string, string | undefined>;

export function parseSearch(s: string): Search {
  return Object.fromEntries(new URLSearchParams(s));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(search)) {
    if (v !== undefined && v !== null && v !== "") q.set(k, String(v));
  }
  const s = q.toString();
  return s ? `?${s}` : "";
}

export interface Url {
  search: Search;
  /** Changes some parameters; undefined or "" removes one. */
  set(patch: Search, how?: { replace?: boolean }): void;
}

export function useUrl(): Url {
  const search = useSearch({ strict: false }) as Search;
  const router = useRouter();
  const set = useCallback(
    (patch: Search, how: { replace?: boolean } = {}) => {
      // From the address as it is now: two changes in a row both count.
      const { pathname, search: now } = router.history.location;
      const next = { ...parseSearch(now), ...patch };
      const href = pathname + stringifySearch(next);
      if (href === pathname + now) return;
      if (how.replace) router.history.replace(href);
      else router.history.push(href);
    },
    [router],
  );
  return { search, set };
}

/** The workspace of the current path. */
export function useWs(): string {
  return (useParams({ strict: false }) as { ws?: string }).ws ?? "default";
}

/** A path inside a workspace; segments are encoded one by one. */
export function to(ws: string, ...segments: string[]): string {
  return ["", "w", ws, ...segments].map(encodeURIComponent).join("/");
}

export function list(s: string | undefined): string[] {
  return s ? s.split(",").filter(Boolean) : [];
}

const units: Record<string, number> = { m: 60e3, h: 3600e3, d: 86400e3, w: 7 * 86400e3 };

/**
 * A time in the URL: "-24h" before now, or unix milliseconds. Now is rounded
 * to the minute, so that a query does not change with every render.
 */
export function parseTime(s: string | undefined, now = Date.now()): number | undefined {
  if (!s) return undefined;
  const rel = /^-(\d{1,6})([mhdw])$/.exec(s);
  if (rel) return Math.floor(now / 60e3) * 60e3 - Number(rel[1]) * units[rel[2]!]!;
  return /^\d{1,15}$/.test(s) ? Number(s) : undefined;
}
