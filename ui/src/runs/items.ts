// What the rows of the runs table are: runs, groups of runs, and runs beneath
// the one they belong to.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, type Schemas } from "../api/client";
import { quote } from "../kit/filter";
import { compact, fieldOf, type RunQuery, type RunRow, runsKey } from "./data";

export type RunGroup = Schemas["RunGroup"];
export type Item =
  | { kind: "run"; id: string; run: RunRow; depth: number; children: number | null; open: boolean } // children null: unknown
  | { kind: "group"; id: string; group: RunGroup; by: string[]; open: boolean }
  | { kind: "note"; id: string; text: string; depth: number };

export const parentTag = "tags.`mlflow.parentRunId`";
const few = 200; // runs shown beneath a group or a parent

export function and(filter: string | undefined, ...clauses: string[]): string {
  return [filter, ...clauses].filter(Boolean).join(" AND ");
}

/** The conditions that the runs of a group satisfy. */
export function clausesOf(by: string[], values: (string | null)[]): string[] {
  return by.map((b, i) => {
    const field = b === "user" ? "attributes.user_id" : b === "status" ? "attributes.status" : fieldOf(b), v = values[i];
    return v === null || v === undefined ? `${field} IS NULL` : `${field} = ${quote(v)}`;
  });
}

export const groupId = (values: (string | null)[]) => `group:${JSON.stringify(values)}`;

export function useGroups(ws: string, query: RunQuery, by: string[], metrics: string[]) {
  return useQuery({
    queryKey: [...runsKey(ws), "groups", query, by, metrics],
    queryFn: ({ signal }) => api.post("/w/{ws}/runs/group", { path: { ws }, body: { ...query, by, metrics: metrics.slice(0, 20), limit: 500 } as never, signal }),
    enabled: by.length > 0,
    placeholderData: (old) => old,
    retry: false,
  });
}

/** Groups by the mean of a metric, those without one last; the server's order without a key. */
export function sortGroups(groups: RunGroup[], sort: string | undefined): RunGroup[] {
  if (!sort) return groups;
  const down = sort.startsWith("-"), key = sort.replace(/^-/, "").replace(/^metrics\./, "");
  const mean = (g: RunGroup) => { const m = g.metrics[key]?.mean; return m === null || m === undefined ? NaN : Number(m); };
  return [...groups].sort((a, b) => {
    const x = mean(a), y = mean(b);
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return down ? y - x : x - y;
  });
}

/** How many nested runs each parent has; null when there are too many parents to know. */
export function useChildCounts(ws: string, query: RunQuery, on: boolean) {
  const r = useQuery({
    queryKey: [...runsKey(ws), "children", query.experiment_ids ?? null],
    queryFn: ({ signal }) => api.post("/w/{ws}/runs/group", { path: { ws }, body: { ...(query.experiment_ids ? { experiment_ids: query.experiment_ids } : {}), by: ["tags.mlflow.parentRunId"], limit: 1000 } as never, signal }),
    enabled: on,
    staleTime: 30_000,
  });
  return useMemo(() => (!r.data || r.data.more ? null : new Map(r.data.groups.flatMap((g) => (g.values[0] ? [[g.values[0], g.runs] as const] : [])))), [r.data]);
}

/** The rows as shown: what is open has its runs beneath it. */
export function useItems(ws: string, o: { query: RunQuery; sort: string; columns: string[]; rows: RunRow[]; groups: RunGroup[] | null; by: string[]; nested: boolean; counts: Map<string, number> | null; open: ReadonlySet<string> }): Item[] {
  const tops = useMemo((): Item[] => (o.groups
    ? o.groups.map((g) => ({ kind: "group" as const, id: groupId(g.values), group: g, by: o.by, open: o.open.has(groupId(g.values)) }))
    : o.rows.map((run) => ({ kind: "run" as const, id: run.run_id, run, depth: 0, children: o.nested ? (o.counts ? o.counts.get(run.run_id) ?? 0 : null) : 0, open: o.open.has(run.run_id) }))), [o.groups, o.rows, o.by, o.open, o.nested, o.counts]);
  const opened = useMemo(() => tops.flatMap((t) => (t.kind === "note" || !t.open ? [] : [{ id: t.id, clauses: t.kind === "group" ? clausesOf(t.by, t.group.values) : [`${parentTag} = ${quote(t.run.run_id)}`] }])), [tops]);
  const below = useQueries({
    queries: opened.map((x) => ({
      queryKey: [...runsKey(ws), "below", o.query, o.sort, o.columns, x.clauses],
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const p = await api.post("/w/{ws}/runs/search", { path: { ws }, body: { ...o.query, filter: and(o.query.filter, ...x.clauses), order_by: [o.sort], limit: few, columns: o.columns } as never, signal });
        return { runs: compact(p.runs), more: p.next_page_token !== null };
      },
      placeholderData: (old: { runs: RunRow[]; more: boolean } | undefined) => old,
    })),
  });
  const stamp = below.map((b) => b.dataUpdatedAt + b.status).join();
  return useMemo(() => {
    if (opened.length === 0) return tops;
    const found = new Map(opened.map((x, i) => [x.id, below[i]]));
    return tops.flatMap((t) => {
      const b = found.get(t.id);
      if (!b || t.kind === "note") return [t];
      const depth = 1;
      if (!b.data) return [t, { kind: "note" as const, id: `${t.id} note`, text: b.error ? b.error.message : "Loading…", depth }];
      const runs: Item[] = b.data.runs.map((run) => ({ kind: "run" as const, id: run.run_id, run, depth, children: 0, open: false }));
      if (runs.length === 0) runs.push({ kind: "note", id: `${t.id} note`, text: t.kind === "group" ? "No run matches now." : "No nested run matches.", depth });
      if (b.data.more) runs.push({ kind: "note", id: `${t.id} more`, text: `The first ${few} are shown; filter for the rest.`, depth });
      return [t, ...runs];
    });
  }, [tops, opened, stamp]);
}
