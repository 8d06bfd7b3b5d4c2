import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, type Schemas } from "../api/client";

export type Prompt = Schemas["Prompt"];
export type PromptVersion = Schemas["PromptVersion"];
export const promptsKey = (ws: string) => ["prompts", ws];

export function usePrompts(ws: string, q: string, order: string) {
  return useInfiniteQuery({
    queryKey: [...promptsKey(ws), "list", q, order],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/prompts", { path: { ws }, query: { limit: 100, order_by: order as "name", ...(q ? { q } : {}), ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    placeholderData: keepPreviousData,
  });
}
export function usePrompt(ws: string, name: string) {
  return useQuery({ queryKey: [...promptsKey(ws), name], queryFn: ({ signal }) => api.get("/w/{ws}/prompts/{name}", { path: { ws, name }, signal }) });
}
export function usePromptVersions(ws: string, name: string) {
  return useInfiniteQuery({
    queryKey: [...promptsKey(ws), name, "versions"],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/prompts/{name}/versions", { path: { ws, name }, query: { limit: 100, ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
  });
}

/** A template as one text; chat messages each under their role. */
export function templateText(t: Schemas["Template"]): string {
  return typeof t === "string" ? t : t.map((m) => `## ${m.role}\n${m.content}`).join("\n\n");
}

/** The {{ variables }} of a template, in the order of first sight, as the server reads them. */
export function variablesOf(text: string): string[] {
  return [...new Set([...text.matchAll(/\{\{\s*([\p{L}_][\p{L}\p{N}_.]*)\s*\}\}/gu)].map((m) => m[1]!))];
}

export function usePromptUses(ws: string, name: string) {
  return useQuery({ queryKey: [...promptsKey(ws), name, "uses"], queryFn: ({ signal }) => api.get("/w/{ws}/prompts/{name}/uses", { path: { ws, name }, signal }) });
}
