// The breadcrumb of a page, and its document title.
import { A } from "./link";
import { useEffect, useSyncExternalStore } from "react";

export interface Crumb { label: string; to?: string | undefined; }

let current: Crumb[] = [];
const listeners = new Set<() => void>();

/** Called by every page with its place; the last crumb is the page itself. */
export function useCrumbs(...crumbs: Crumb[]): void {
  const key = JSON.stringify(crumbs);
  useEffect(() => {
    current = JSON.parse(key) as Crumb[];
    document.title = [...current].reverse().map((c) => c.label).concat("Assay").join(" · ");
    listeners.forEach((f) => f());
  }, [key]);
}

export function Crumbs() {
  const crumbs = useSyncExternalStore((f) => (listeners.add(f), () => void listeners.delete(f)), () => current);
  return (
    <nav aria-label="Breadcrumb" className="grow">
      <ol className="crumbs">
        {crumbs.map((c, i) => (
          <li key={i}>
            {i > 0 && <span className="sep" aria-hidden="true">/</span>}
            {c.to && i < crumbs.length - 1 ? <A href={c.to}>{c.label}</A> : <span aria-current="page" dir="auto">{c.label}</span>}
          </li>
        ))}
      </ol>
    </nav>
  );
}
