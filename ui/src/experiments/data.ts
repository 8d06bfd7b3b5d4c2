import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, type Schemas } from "../api/client";

export type Experiment = Schemas["Experiment"];
export const experimentsKey = (ws: string) => ["experiments", ws];
type Order = NonNullable<NonNullable<Parameters<typeof api.get<"/w/{ws}/experiments">>[1]>["query"]>["order_by"];

export function useExperiments(ws: string, q: string, order: string, lifecycle: "active" | "deleted" | "all" = "active") {
  return useInfiniteQuery({
    queryKey: [...experimentsKey(ws), "list", q, order, lifecycle],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/experiments", { path: { ws }, query: { limit: 100, order_by: order as Order, lifecycle, ...(q ? { q } : {}), ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    placeholderData: keepPreviousData,
  });
}

/** Names of the most recently active experiments by id, for pickers and cells. */
export function useExperimentNames(ws: string): Map<string, string> {
  const r = useQuery({
    queryKey: [...experimentsKey(ws), "names"],
    queryFn: ({ signal }) => api.get("/w/{ws}/experiments", { path: { ws }, query: { limit: 200, lifecycle: "active" }, signal }),
    staleTime: 60_000,
  });
  return useMemo(() => new Map((r.data?.experiments ?? []).map((e) => [e.experiment_id, e.name])), [r.data]);
}

export function useExperiment(ws: string, id: string) {
  return useQuery({ queryKey: [...experimentsKey(ws), "one", id], queryFn: ({ signal }) => api.get("/w/{ws}/experiments/{experiment_id}", { path: { ws, experiment_id: id }, signal }) });
}
