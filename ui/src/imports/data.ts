// Imports from other servers, as the API has them.
import { useQuery } from "@tanstack/react-query";
import { api, type Schemas } from "../api/client";

export type Import = Schemas["Import"];
export type ImportDetail = Schemas["ImportDetail"];
export type Report = Schemas["ImportReport"];
export type Spec = Schemas["NewImport"];

export const importsKey = (ws: string) => ["imports", ws] as const;
const atWork = (i: Import | undefined) => i !== undefined && i.job.ended_ms === null;

export function useImports(ws: string) {
  return useQuery({
    queryKey: importsKey(ws),
    queryFn: ({ signal }) => api.get("/w/{ws}/imports", { path: { ws }, query: { limit: 100 }, signal }),
    refetchInterval: (q) => (q.state.data?.imports.some(atWork) ? 2_000 : 60_000),
  });
}

export function useImport(ws: string, import_id: string) {
  return useQuery({
    queryKey: [...importsKey(ws), import_id],
    queryFn: ({ signal }) => api.get("/w/{ws}/imports/{import_id}", { path: { ws, import_id }, signal }),
    refetchInterval: (q) => (atWork(q.state.data) ? 1_000 : false),
  });
}

const names: Record<string, string> = {
  experiment: "Experiments", run: "Runs", artifact: "Artifacts", logged_model: "Logged models", registered_model: "Registered models",
  model_version: "Model versions", prompt: "Prompts", prompt_version: "Prompt versions", trace: "Traces", dataset: "Datasets", scorer: "Scorers",
};
export const kindName = (kind: string) => names[kind] ?? kind.replaceAll("_", " ");

/** What an import was asked to do, in a word. */
export const purpose = (s: Import["spec"]) => (s.dry_run ? "Count" : s.verify_only ? "Comparison" : "Import");

export interface Line { kind: string; name: string; found: number | null; copied: number | null; updated: number | null; already: number | null; different: number | null; failed: number | null; compared: number | null; unequal: number | null }

/** The report as the lines of a table; what was not looked at is null, never 0. */
export function linesOf(kinds: readonly string[], r: Report, counted = false): Line[] {
  return kinds.flatMap((kind) => {
    const c = r.counts[kind], v = r.verified?.[kind];
    if (!c && !v) return [];
    const n = (x: number | undefined) => (counted || x === undefined ? null : x);
    return [{ kind, name: kindName(kind), found: c?.found ?? null, copied: n(c?.copied), updated: n(c?.updated), already: n(c?.already), different: n(c?.different), failed: n(c?.failed), compared: v?.compared ?? null, unequal: v?.different ?? null }];
  });
}

/** The words of the command line that ask for the same. */
export function wordsOf(s: Import["spec"]): string[] {
  const flag = (on: boolean | undefined, name: string) => (on ? [name] : []);
  return ["import", "mlflow", s.source, ...(s.experiments ?? []).flatMap((e) => ["--experiment", e]), ...flag(s.no_traces, "--no-traces"), ...flag(s.no_artifacts, "--no-artifacts"),
    ...flag(s.dry_run, "--dry-run"), ...flag(s.verify_only, "--verify-only"), ...flag(s.no_verify, "--no-verify")];
}
