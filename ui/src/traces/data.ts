// Reading traces: the query of the list, made from the URL, and its parts.
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, getBytes, type Schemas } from "../api/client";
import { list, parseTime, type Search } from "../app/url";
import { readJSON } from "../kit/big";
import { isPlainText } from "../kit/filterbar";
import { type Big, isBig } from "../kit/slim";

export type TraceRow = Schemas["TraceRow"];
export type Trace = Schemas["Trace"];
export type TraceQuery = Schemas["TraceQuery"];

/** The query a URL of the list means. Words without an operator are full text. */
export function queryOf(search: Search, now?: number): TraceQuery {
  const q: TraceQuery = {}, text = search.q?.trim() ?? "";
  if (text) { if (isPlainText(text)) q.q = text; else q.filter = text; }
  const exp = list(search.exp);
  if (exp.length) q.experiment_ids = exp;
  const from = parseTime(search.from, now), till = parseTime(search.to, now);
  if (from !== undefined) q.from_ms = from;
  if (till !== undefined) q.to_ms = till;
  if (search.run) q.run_id = search.run;
  if (search.session) q.session = search.session;
  return q;
}

const sorts = ["start_ms", "duration_ms", "tokens", "cost", "name", "status"];
export type TraceSort = NonNullable<NonNullable<Parameters<typeof api.post<"/w/{ws}/traces/search">>[1]>["body"]>["order_by"];

/** The words a URL may sort by. */
export const sortNames = [...sorts, "start", "duration"];

/** The sort a URL means; an unknown one falls back to newest first. */
export function sortOf(search: Search): string {
  const s = search.sort ?? "-start";
  const name = s.replace(/^-/, "").replace(/^start$/, "start_ms").replace(/^duration$/, "duration_ms");
  return sorts.includes(name) ? (s.startsWith("-") ? `-${name}` : name) : "-start_ms";
}

export const tracesKey = (ws: string) => ["traces", ws];

export function useTraces(ws: string, query: TraceQuery, sort: string, limit = 100, enabled = true) {
  return useInfiniteQuery({
    queryKey: [...tracesKey(ws), "rows", query, sort, limit],
    queryFn: ({ pageParam, signal }) => api.post("/w/{ws}/traces/search", { path: { ws }, body: { ...query, order_by: [sort] as never, limit, ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useTraceCount(ws: string, query: TraceQuery) {
  return useQuery({ queryKey: [...tracesKey(ws), "count", query], queryFn: ({ signal }) => api.post("/w/{ws}/traces/count", { path: { ws }, body: query, signal }), placeholderData: keepPreviousData, retry: false });
}
export function useTraceHistogram(ws: string, query: TraceQuery, buckets: number) {
  return useQuery({ queryKey: [...tracesKey(ws), "histogram", query, buckets], queryFn: ({ signal }) => api.post("/w/{ws}/traces/histogram", { path: { ws }, body: { ...query, buckets }, signal }), placeholderData: keepPreviousData, retry: false });
}
export const traceKey = (ws: string, id: string) => ["trace", ws, id];
/** A trace; asked for again every five seconds while it is watched. */
export function useTrace(ws: string, id: string, watched = false) {
  return useQuery({ queryKey: traceKey(ws, id), queryFn: ({ signal }) => api.get("/w/{ws}/traces/{trace_id}", { path: { ws, trace_id: id }, signal }), refetchInterval: watched ? 5_000 : false });
}
/** Its spans as columns. While it is open every change of the trace asks again. */
export function useSkeleton(ws: string, id: string, open: boolean) {
  return useQuery({ queryKey: [...traceKey(ws, id), "skeleton"], queryFn: ({ signal }) => api.get("/w/{ws}/traces/{trace_id}/skeleton", { path: { ws, trace_id: id }, signal }), staleTime: open ? 1_000 : 60_000, structuralSharing: false, refetchInterval: false });
}
export function spanQuery(ws: string, id: string, span: string) {
  return {
    queryKey: [...traceKey(ws, id), "span", span],
    // A span may be of any size; what is big in it stays in a worker.
    queryFn: async ({ signal }: { signal: AbortSignal }) => {
      const s = await readJSON<Schemas["Span"] & { $whole?: Big }>(await getBytes("/w/{ws}/traces/{trace_id}/spans/{span_id}", { path: { ws, trace_id: id, span_id: span }, signal }));
      // Lists too long to be listed: Raw has them.
      return { ...s, messages: isBig(s.messages) ? null : s.messages, events: isBig(s.events) ? [] : s.events, links: isBig(s.links) ? [] : s.links, attributes: isBig(s.attributes) ? { "(all)": s.attributes } as Record<string, unknown> : s.attributes };
    },
    staleTime: 5 * 60_000,
    structuralSharing: false as const,
  };
}
