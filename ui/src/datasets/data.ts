// Reading datasets: those for evaluation, and those that runs logged.
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, type Schemas } from "../api/client";

export type Dataset = Schemas["EvalDataset"];
export type DatasetDetail = Schemas["EvalDatasetDetail"];
export type DatasetRecord = Schemas["DatasetRecord"];
export type InputVersion = Schemas["InputVersion"];
export const datasetsKey = (ws: string) => ["datasets", ws];
type Order = NonNullable<NonNullable<Parameters<typeof api.get<"/w/{ws}/datasets">>[1]>["query"]>["order_by"];
const token = (t: string) => (t ? { page_token: t } : {});

export function useDatasets(ws: string, q: string, order: string, enabled = true) {
  return useInfiniteQuery({
    queryKey: [...datasetsKey(ws), "list", q, order],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/datasets", { path: { ws }, query: { limit: 100, order_by: order as Order, ...(q ? { q } : {}), ...token(pageParam) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useInputs(ws: string, q: string, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: [...datasetsKey(ws), "inputs", q],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/inputs", { path: { ws }, query: { limit: 100, ...(q ? { q } : {}), ...token(pageParam) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useDataset(ws: string, id: string) {
  return useQuery({ queryKey: [...datasetsKey(ws), "one", id], queryFn: ({ signal }) => api.get("/w/{ws}/datasets/{dataset_id}", { path: { ws, dataset_id: id }, signal }) });
}

export function useRecords(ws: string, id: string, q: string, trace: string) {
  return useInfiniteQuery({
    queryKey: [...datasetsKey(ws), "one", id, "records", q, trace],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/datasets/{dataset_id}/records", { path: { ws, dataset_id: id }, query: { limit: 100, ...(q ? { q } : {}), ...(trace ? { trace_id: trace } : {}), ...token(pageParam) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    placeholderData: keepPreviousData,
  });
}

export function useInput(ws: string, name: string) {
  return useQuery({ queryKey: [...datasetsKey(ws), "input", name], queryFn: ({ signal }) => api.get("/w/{ws}/inputs/{name}", { path: { ws, name }, signal }) });
}

/** A value as one line of a cell: the only member of an object without its name. */
export function brief(v: unknown): string {
  if (v === null || v === undefined) return "";
  if (typeof v === "string") return v;
  if (typeof v === "object" && !Array.isArray(v)) {
    const entries = Object.entries(v as Record<string, unknown>);
    if (entries.length === 1 && typeof entries[0]![1] !== "object") return String(entries[0]![1]);
  }
  return JSON.stringify(v);
}

/** JSON that a person typed: an object, nothing, or what is wrong with it. */
export function parseObject(text: string): { value: Record<string, unknown> | null } | { problem: string } {
  if (text.trim() === "") return { value: null };
  try {
    const v = JSON.parse(text) as unknown;
    if (v === null) return { value: null };
    return typeof v === "object" && !Array.isArray(v) ? { value: v as Record<string, unknown> } : { problem: 'Expectations are an object, as in {"answer": "42"}.' };
  } catch (e) {
    return { problem: `This is not JSON: ${(e as Error).message}` };
  }
}
