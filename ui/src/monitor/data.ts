// Reading what monitoring sums up: the queries of the page, made from the URL.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, type Schemas } from "../api/client";
import { list, parseTime, type Search } from "../app/url";

export type Answer = Awaited<ReturnType<typeof fetchMonitor>>;
export type Series = Schemas["MonitorSeries"];
export type Measures = Schemas["Measures"];
export type Columns = Schemas["MeasuresColumns"];

type Body = NonNullable<NonNullable<Parameters<typeof api.post<"/w/{ws}/monitor">>[1]>["body"]>;

const fetchMonitor = (ws: string, body: Body, signal?: AbortSignal) => api.post("/w/{ws}/monitor", { path: { ws }, body, ...(signal ? { signal } : {}) });

export const monitorKey = (ws: string) => ["monitor", ws];

export function useMonitor(ws: string, body: Body) {
  return useQuery({ queryKey: [...monitorKey(ws), body], queryFn: ({ signal }) => fetchMonitor(ws, body, signal), placeholderData: keepPreviousData, retry: false, structuralSharing: false });
}

/** What can be grouped by; a tag is written tag.<key>. */
export const groupings = [
  ["total", "Everything"], ["experiment", "Experiment"], ["name", "Trace name"], ["model", "Model"], ["provider", "Provider"], ["version", "Agent version"],
  ["node", "Node"], ["tool", "Tool"], ["agent", "Agent"], ["user", "User"], ["span", "Span name"], ["type", "Span type"],
] as const;

/** Whether a grouping counts spans, so that a row is a call and not a trace. */
export const ofSpans = (by: string) => ["model", "provider", "node", "tool", "agent", "type", "span", "error"].includes(by);

export const ranges = [["-1h", "Hour"], ["-24h", "Day"], ["-7d", "Week"], ["-30d", "Month"]] as const;

/** The grouping a URL means: one of the list or a tag; else everything. */
export function groupingOf(search: Search): string {
  const by = search.by ?? "total";
  return by.startsWith("tag.") && by.length > 4 || groupings.some(([id]) => id === by) ? by : "total";
}

export function bodyOf(search: Search, now: number): Body {
  const from = parseTime(search.from ?? "-24h", now) ?? now - 24 * 3600e3, till = parseTime(search.to, now);
  const body: Body = { from_ms: from, to_ms: till && till > from ? till : Math.max(now, from + 60e3) };
  const exp = list(search.exp);
  if (exp.length) body.experiment_ids = exp;
  if (search.q?.trim()) body.filter = search.q.trim();
  return body;
}

/** The sum of what is known; null when nothing is. */
export function sum(column: (number | null)[]): number | null {
  let total: number | null = null;
  for (const v of column) if (v !== null) total = (total ?? 0) + v;
  return total;
}
