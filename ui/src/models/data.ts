// Reading the registry: models and prompts have the same shape of list.
import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas } from "../api/client";
import { toast, toastError } from "../app/toast";

export type Model = Schemas["Model"];
export type ModelVersion = Schemas["ModelVersion"];
export const modelsKey = (ws: string) => ["models", ws];

export function useModels(ws: string, q: string, order: string) {
  return useInfiniteQuery({
    queryKey: [...modelsKey(ws), "list", q, order],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/models", { path: { ws }, query: { limit: 100, order_by: order as "name", ...(q ? { q } : {}), ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    placeholderData: keepPreviousData,
  });
}
export function useModel(ws: string, name: string) {
  return useQuery({ queryKey: [...modelsKey(ws), name], queryFn: ({ signal }) => api.get("/w/{ws}/models/{name}", { path: { ws, name }, signal }) });
}
export function useModelVersions(ws: string, name: string) {
  return useInfiniteQuery({
    queryKey: [...modelsKey(ws), name, "versions"],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/models/{name}/versions", { path: { ws, name }, query: { limit: 100, ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
  });
}
export function useModelVersion(ws: string, name: string, version: string) {
  return useQuery({ queryKey: [...modelsKey(ws), name, "version", version], queryFn: ({ signal }) => api.get("/w/{ws}/models/{name}/versions/{version}", { path: { ws, name, version }, signal }) });
}

/** Setting and removing aliases, with Undo. */
export function useAliases(ws: string, kind: "models" | "prompts", name: string) {
  const client = useQueryClient();
  const base = kind === "models" ? "/w/{ws}/models/{name}/aliases/{alias}" as const : "/w/{ws}/prompts/{name}/aliases/{alias}" as const;
  const done = () => client.invalidateQueries({ queryKey: [kind, ws] });
  const set = useMutation({
    mutationFn: (a: { alias: string; version: string; from?: string | undefined }) => api.put(base, { path: { ws, name, alias: a.alias }, body: { version: a.version } }),
    onSuccess: (_, a) => { void done(); toast(`@${a.alias} is version ${a.version}`, { action: { label: "Undo", run: () => (a.from ? set.mutate({ alias: a.alias, version: a.from }) : remove.mutate({ alias: a.alias, version: a.version })) } }); },
    onError: toastError,
  });
  const remove = useMutation({
    mutationFn: (a: { alias: string; version: string }) => api.delete(base, { path: { ws, name, alias: a.alias } }),
    onSuccess: (_, a) => { void done(); toast(`@${a.alias} removed`, { action: { label: "Undo", run: () => set.mutate(a) } }); },
    onError: toastError,
  });
  return { set, remove };
}
