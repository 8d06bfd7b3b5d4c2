// Reading conversations: their list, one of them, and its turns by place.
import { keepPreviousData, useInfiniteQuery, useQuery, type QueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, type Schemas } from "../api/client";
import type { Search } from "../app/url";
import { list, parseTime } from "../app/url";

export type Conversation = Schemas["Conversation"];
export type Turn = Schemas["TraceRow"];

export const sessionsKey = (ws: string) => ["sessions", ws];

export const sorts = ["last", "first", "turns", "errors", "tokens", "cost", "duration", "score"];
type Order = "-last";

/** The order a URL means; newest first where it says nothing we know. */
export function orderOf(search: Search): string {
  const s = search.sort ?? "-last";
  return sorts.includes(s.replace(/^-/, "")) ? s : "-last";
}

export function queryOf(search: Search, now?: number) {
  const exp = list(search.exp), from = parseTime(search.from, now), till = parseTime(search.to, now);
  return { ...(search.q ? { q: search.q } : {}), ...(exp.length ? { experiment_id: exp } : {}), ...(from !== undefined ? { from_ms: from } : {}), ...(till !== undefined ? { to_ms: till } : {}) };
}

export function useSessions(ws: string, query: ReturnType<typeof queryOf>, order: string) {
  return useInfiniteQuery({
    queryKey: [...sessionsKey(ws), "list", query, order],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/sessions", { path: { ws }, query: { ...query, order_by: order as Order, limit: 100, ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    placeholderData: keepPreviousData,
  });
}

export function useConversation(ws: string, session: string) {
  return useQuery({ queryKey: [...sessionsKey(ws), "one", session], queryFn: ({ signal }) => api.get("/w/{ws}/sessions/{session}", { path: { ws, session }, signal }) });
}

export const pageSize = 50;

/**
 * The turns of a conversation, read a page at a time as they come into view:
 * 20,000 turns cost what is looked at.
 */
export function useTurns(client: QueryClient, ws: string, session: string, version: number) {
  const [, redraw] = useState(0);
  const key = (page: number) => [...sessionsKey(ws), "turns", session, page];
  useEffect(() => client.getQueryCache().subscribe((e) => {
    const k = e.query.queryKey;
    if (e.type === "updated" && k[0] === "sessions" && k[2] === "turns" && k[3] === session) redraw((n) => n + 1);
  }), [client, session]);
  const want = (first: number, last: number) => {
    for (let page = Math.floor(first / pageSize); page <= Math.floor(last / pageSize); page++) {
      const state = client.getQueryState(key(page));
      if (state && (state.fetchStatus === "fetching" || (state.status === "success" && !state.isInvalidated) || state.status === "error")) continue;
      void client.prefetchQuery({ queryKey: key(page), queryFn: ({ signal }) => api.get("/w/{ws}/sessions/{session}/turns", { path: { ws, session }, query: { from: page * pageSize, limit: pageSize }, signal }), staleTime: 60_000, retry: 1 });
    }
  };
  const turn = (i: number): Turn | undefined => client.getQueryData<{ turns: Turn[] }>(key(Math.floor(i / pageSize)))?.turns[i % pageSize];
  const failed = (i: number): unknown => client.getQueryState(key(Math.floor(i / pageSize)))?.error ?? null;
  const retry = (i: number) => void client.refetchQueries({ queryKey: key(Math.floor(i / pageSize)) });
  void version;
  return { want, turn, failed, retry };
}
