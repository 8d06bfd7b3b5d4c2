// Saved views: the state of a page under a name. The state is the query part
// of the page's address.
import { useQuery } from "@tanstack/react-query";
import { api, type Schemas } from "../api/client";
import { parseSearch, type Search, stringifySearch, to } from "../app/url";

export type SavedView = Schemas["SavedView"];
export type ViewPage = "traces" | "sessions" | "experiments" | "runs" | "compare" | "monitor" | "datasets" | "models" | "prompts" | "lineage";
export const viewsKey = (ws: string) => ["views", ws];

/** Parameters that say where a reader is in a view, not what the view is. */
const passing = ["view", "peek", "dialog", "span", "row"];

/** The state of a page as a view keeps it: without what passes, keys in order. */
export function stateOf(search: Search): string {
  const kept = Object.entries(search).filter(([k, v]) => v && !passing.includes(k)).sort(([a], [b]) => (a < b ? -1 : 1));
  return stringifySearch(Object.fromEntries(kept)).slice(1);
}

/** Whether two states show the same. */
export function sameState(a: string, b: string): boolean {
  return stateOf(parseSearch(a)) === stateOf(parseSearch(b));
}

/** The address of a view. */
export function viewPath(ws: string, v: { page: string; view_id: string }): string {
  return `${v.page === "compare" ? to(ws, "runs", "compare") : to(ws, v.page)}?view=${encodeURIComponent(v.view_id)}`;
}

/** The page of a path such as /w/default/runs/compare, if it has views. */
export function pageOf(pathname: string): ViewPage | null {
  const [, , ws, page, rest] = pathname.split("/");
  if (!ws || !page) return null;
  if (page === "runs" && rest === "compare") return "compare";
  const known: readonly string[] = ["traces", "sessions", "experiments", "runs", "monitor", "datasets", "models", "prompts", "lineage"];
  return !rest && known.includes(page) ? (page as ViewPage) : null;
}

export function useViews(ws: string, page: ViewPage, enabled: boolean) {
  return useQuery({
    queryKey: [...viewsKey(ws), page],
    queryFn: ({ signal }) => api.get("/w/{ws}/views", { path: { ws }, query: { page, limit: 1000 }, signal }),
    enabled,
    staleTime: 30_000,
  });
}

export function useView(ws: string, id: string | undefined) {
  return useQuery({
    queryKey: [...viewsKey(ws), "one", id],
    queryFn: ({ signal }) => api.get("/w/{ws}/views/{view_id}", { path: { ws, view_id: id! }, signal }),
    enabled: !!id,
    retry: false,
    staleTime: 30_000,
  });
}
