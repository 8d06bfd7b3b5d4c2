// Reading runs.
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, type Schemas } from "../api/client";
import { listen } from "../api/live";
import type { MetricValue } from "../kit/format";

/** A run of the table: what is shown of it and no more, for there may be 100,000. */
export type RunRow = Pick<Schemas["RunRow"], "run_id" | "name" | "experiment_id" | "experiment_name" | "status" | "user" | "start_ms" | "end_ms" | "parent_run_id" | "params" | "metrics" | "tags">;
export type Run = Schemas["Run"];
export type RunInfo = Schemas["RunInfo"];
export const runsKey = (ws: string) => ["runs", ws];
export const runKey = (ws: string, id: string) => ["run", ws, id];

export interface RunQuery { experiment_ids?: string[]; filter?: string; lifecycle?: "active" | "deleted"; }

const texts = new Map<string, string>();

/** The same text only once in memory: params and names repeat a great deal. */
function intern(s: string): string {
  if (s.length > 64) return s;
  const known = texts.get(s);
  if (known !== undefined) return known;
  if (texts.size > 50_000) texts.clear();
  texts.set(s, s);
  return s;
}

export function compact(runs: readonly Schemas["RunRow"][]): RunRow[] {
  return runs.map((r) => {
    const shared = (m: Record<string, string>) => { for (const k in m) m[k] = intern(m[k]!); return m; };
    return { run_id: r.run_id, name: r.name, experiment_id: intern(r.experiment_id), experiment_name: intern(r.experiment_name), status: intern(r.status) as RunRow["status"], user: intern(r.user), start_ms: r.start_ms, end_ms: r.end_ms, parent_run_id: r.parent_run_id, params: shared(r.params), metrics: r.metrics, tags: shared(r.tags) };
  });
}

export interface RunPage { runs: RunRow[]; next: string | null; }
export const rowsKey = (ws: string, query: RunQuery, sort: string, columns: string[]) => [...runsKey(ws), "rows", query, sort, columns];

/** The first runs of a scope with their most common keys: what the table begins with. */
export function useFirstRuns(ws: string, query: RunQuery, enabled: boolean) {
  return useQuery({
    queryKey: [...runsKey(ws), "first", query],
    queryFn: async ({ signal }): Promise<RunPage> => {
      const r = await api.post("/w/{ws}/runs/search", { path: { ws }, body: { ...query, order_by: ["-start_ms"], limit: 100, common: 40 } as never, signal });
      return { runs: compact(r.runs), next: r.next_page_token };
    },
    enabled,
    staleTime: Infinity, // a new run never changes which columns are shown
  });
}

/** Pages of runs: a small first one, then large ones, for who scrolls far. */
export function useRuns(ws: string, query: RunQuery, sort: string, columns: string[], enabled: boolean, first: RunPage | undefined) {
  return useInfiniteQuery({
    queryKey: rowsKey(ws, query, sort, columns),
    queryFn: async ({ pageParam, signal }): Promise<RunPage> => {
      const r = await api.post("/w/{ws}/runs/search", { path: { ws }, body: { ...query, order_by: [sort], limit: pageParam ? 1000 : 100, columns, ...(pageParam ? { page_token: pageParam } : {}) } as never, signal });
      return { runs: compact(r.runs), next: r.next_page_token };
    },
    initialPageParam: "",
    enabled,
    ...(first ? { initialData: { pages: [first], pageParams: [""] } } : {}),
    getNextPageParam: (p) => p.next || undefined,
    placeholderData: keepPreviousData,
  });
}

export function useRunCount(ws: string, query: RunQuery) {
  return useQuery({ queryKey: [...runsKey(ws), "count", query], queryFn: ({ signal }) => api.post("/w/{ws}/runs/count", { path: { ws }, body: query as never, signal }), placeholderData: keepPreviousData, retry: false });
}

export interface RunColumn { kind: "param" | "metric" | "tag"; key: string; runs: number | null; }

/** All keys that runs of the experiments have, with how many runs have each. */
export function useRunColumns(ws: string, experiments: string[], enabled: boolean) {
  return useQuery({
    queryKey: [...runsKey(ws), "columns", experiments],
    queryFn: async ({ signal }) => {
      const columns: RunColumn[] = [];
      let page_token: string | null = null;
      do {
        const p: { columns: RunColumn[]; next_page_token: string | null } = await api.get("/w/{ws}/runs/columns", { path: { ws }, query: { limit: 1000, ...(experiments.length ? { experiment_id: experiments } : {}), ...(page_token ? { page_token } : {}) }, signal });
        columns.push(...p.columns);
        page_token = p.next_page_token;
      } while (page_token && columns.length < 50_000);
      return { columns, more: page_token !== null };
    },
    enabled,
    staleTime: 30_000,
  });
}

export function useRun(ws: string, id: string) {
  const client = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = listen(ws, (c) => {
      if ((c.kind === "run" && c.id === id) || c.kind === "reset") timer ??= setTimeout(() => { timer = undefined; void client.invalidateQueries({ queryKey: runKey(ws, id) }); }, 1_000);
    });
    return () => { off(); clearTimeout(timer); };
  }, [ws, id, client]);
  return useQuery({ queryKey: runKey(ws, id), queryFn: ({ signal }) => api.get("/w/{ws}/runs/{run_id}", { path: { ws, run_id: id }, signal }) });
}

/** Curves of some runs; the key begins with that of the first run, so its events refresh it. */
export function useHistory(ws: string, runs: string[], keys: string[], maxPoints = 1000) {
  return useQuery({
    queryKey: [...runKey(ws, runs[0] ?? ""), "history", runs, keys, maxPoints],
    queryFn: async ({ signal }) => {
      const series: Schemas["MetricSeries"][] = [];
      // The server takes a thousand pairs at a time.
      const size = Math.max(1, Math.min(100, Math.floor(1000 / runs.length)));
      for (let i = 0; i < keys.length; i += size) {
        const r = await api.post("/w/{ws}/metrics/history", { path: { ws }, body: { run_ids: runs, keys: keys.slice(i, i + size), max_points: maxPoints }, signal });
        series.push(...r.series);
      }
      return series;
    },
    enabled: runs.length > 0 && keys.length > 0,
    placeholderData: keepPreviousData,
  });
}

/** A column id of the table: metrics.rouge1, params.`top k`. */
export function columnId(kind: RunColumn["kind"], key: string): string {
  const prefix = { param: "params", metric: "metrics", tag: "tags" }[kind];
  return `${prefix}.${key}`;
}

/** The sort or filter spelling of a column id. */
export function fieldOf(id: string): string {
  const dot = id.indexOf("."), key = id.slice(dot + 1);
  return /^[A-Za-z_][\w.]*$/.test(key) ? id : `${id.slice(0, dot)}.\`${key}\``;
}

export function valueOf(r: RunRow, id: string): MetricValue | undefined {
  const dot = id.indexOf("."), key = id.slice(dot + 1);
  const kind = id.slice(0, dot);
  return kind === "params" ? r.params[key] : kind === "metrics" ? r.metrics[key] : r.tags[key];
}

const lower = /(^|[^a-z])(loss|err|error|errors|latency|perplexity|ppl|mse|rmse|mae|mape|toxicity|duration|time|cost|wer|cer|brier|ece)([^a-z]|$)/i;
const higher = /(acc|accuracy|f1|auc|rouge|bleu|faithful|relevan|correct|precision|recall|score|match|reward|similarity|r2|pass_rate|win_rate)/i;

/** Whether more of a metric is better: 1, −1, or 0 when its name does not say. */
export function direction(key: string): -1 | 0 | 1 {
  if (/variance|\/std|count|tokens/i.test(key)) return 0;
  if (lower.test(key)) return -1;
  return higher.test(key) ? 1 : 0;
}

export function durationOf(r: { start_ms: number | null; end_ms: number | null }, now?: number): number | null {
  if (r.start_ms === null) return null;
  return r.end_ms !== null ? r.end_ms - r.start_ms : now ? now - r.start_ms : null;
}
