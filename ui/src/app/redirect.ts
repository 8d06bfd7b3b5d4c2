// Links that MLflow clients print and its pages share, turned into ours:
//
//	/#/experiments/1/runs/<run id>[/artifacts/<path> | /model-metrics | …]
//	/#/experiments/1/traces?selectedEvaluationId=tr-…
//	/#/experiments/1/evaluation-runs?selectedRunUuid=<run id>
//	/#/experiments/1/<any other tab>
//	/#/compare-runs?runs=["…"]&experiments=["1"]
//	/#/models/<name>[/versions/<version> | /<version>]
//	/#/prompts/<name>[/<version>]?promptVersion=2
//
// each also below /#/workspaces/<workspace>, or with ?workspace=.
import { stringifySearch, to } from "./url";

/** The application path for a hash, or null if it is none we know. */
export function redirect(hash: string, fallback: string): string | null {
  const m = /^#(\/[^?]*)(?:\?(.*))?$/s.exec(hash);
  if (!m) return null;
  const parts = m[1]!.split("/").filter(Boolean).map(decode);
  const query = new URLSearchParams(m[2] ?? "");
  let ws = query.get("workspace") || fallback;
  if (parts[0] === "workspaces" && parts[1]) {
    ws = parts[1];
    parts.splice(0, 2);
  }
  const [kind, id, sub, subId] = parts;
  switch (kind) {
    case undefined:
    case "home":
      return to(ws);
    case "experiments":
      return id ? experiment(ws, id, parts.slice(2), query) : to(ws, "experiments");
    case "compare-experiments": {
      const ids = idsOf(query.get("experiments") ?? query.get("ids") ?? id ?? "");
      return ids ? to(ws, "runs") + stringifySearch({ exp: ids }) : to(ws, "experiments");
    }
    case "compare-runs":
      return compareRuns(ws, query);
    case "metric": { // a metric's page: the runs it names, as curves
      const ids = idsOf(query.get("runs") ?? "");
      return ids ? to(ws, "runs", "compare") + stringifySearch({ ids, panel: "curves", m: id ?? query.get("metric") ?? undefined }) : to(ws, "experiments");
    }
    case "models":
      if (!id) return to(ws, "models");
      if (sub === "versions" && subId) return to(ws, "models", id, subId);
      return /^\d+$/.test(sub ?? "") ? to(ws, "models", id, sub!) : to(ws, "models", id);
    case "compare-model-versions": {
      const name = unquote(query.get("name") ?? ""), runs = Object.values(json(query.get("runs")) ?? {}).map(String);
      return name ? to(ws, "models", name) + stringifySearch({ compare: runs.slice(0, 2).join(",") }) : to(ws, "models");
    }
    case "prompts":
      return id ? to(ws, "prompts", id) + stringifySearch({ v: /^\d+$/.test(sub ?? "") ? sub : query.get("promptVersion") ?? query.get("version") ?? undefined }) : to(ws, "prompts");
    case "traces":
      return traceOf(query, id) ? to(ws, "traces", traceOf(query, id)!) : to(ws, "traces");
    default:
      return null;
  }
}

/** The tabs of an experiment's page. */
function experiment(ws: string, id: string, rest: string[], query: URLSearchParams): string {
  const [tab, at, part, ...more] = rest;
  const run = tab === "runs" ? at : query.get("selectedRunUuid") ?? query.get("runUuid");
  const scope = stringifySearch({ exp: id });
  switch (tab) {
    case "runs":
      if (!run) return to(ws, "runs") + scope;
      return to(ws, "runs", run) + stringifySearch(part === "artifacts" || part === "artifactPath" ? { tab: "artifacts", path: more.join("/") || undefined } : { tab: runTabs[part ?? ""] });
    case "traces":
    case "logs": {
      const trace = traceOf(query, at);
      return trace ? to(ws, "traces", trace) : to(ws, "traces") + scope;
    }
    case "evaluation-runs": {
      const trace = traceOf(query, undefined);
      if (trace) return to(ws, "traces", trace);
      return run ? to(ws, "runs", run) + stringifySearch({ tab: "evaluation" }) : to(ws, "runs") + scope;
    }
    case "chat-sessions":
    case "sessions":
      return to(ws, "sessions") + stringifySearch({ exp: id });
    case "datasets":
      return to(ws, "datasets") + scope;
    case "prompts":
      return at ? to(ws, "prompts", at) : to(ws, "prompts");
    case "models":
      return at ? to(ws, "runs") + stringifySearch({ exp: id, model: at }) : to(ws, "models");
    case "compare-runs":
      return compareRuns(ws, query);
    default: // overview, issues, judges, review-queue and tabs we do not know
      return to(ws, "runs") + scope;
  }
}

const runTabs: Record<string, string> = { "model-metrics": "metrics", "system-metrics": "metrics", traces: "traces", evaluations: "evaluation" };

function compareRuns(ws: string, query: URLSearchParams): string {
  const ids = idsOf(query.get("runs") ?? "");
  return ids ? to(ws, "runs", "compare") + `?ids=${ids}` : to(ws, "experiments");
}

const traceOf = (query: URLSearchParams, at: string | undefined) => query.get("selectedEvaluationId") || query.get("selectedTraceId") || query.get("traceId") || query.get("trace_id") || at || null;

/** A list written as JSON or with commas: ["a","b"] is a,b. */
const idsOf = (s: string) => s.replace(/[[\]"'\s]/g, "");
const unquote = (s: string) => s.replace(/^"(.*)"$/, "$1");

function json(s: string | null): Record<string, unknown> | null {
  try {
    const v: unknown = JSON.parse(s ?? "");
    return typeof v === "object" ? (v as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function decode(s: string): string {
  try {
    return decodeURIComponent(s);
  } catch {
    return s;
  }
}

/**
 * Where a pasted text leads by its shape alone: a trace id, a URI of MLflow, or
 * an address of this server or of MLflow. Null if the server must be asked.
 */
export function pastedPath(ws: string, s: string): string | null {
  if (/^tr-[0-9a-f]{32}$/i.test(s)) return to(ws, "traces", s.toLowerCase());
  const m = /^(model|prompt)s:\/+([^/@]+)(?:\/(\d+))?$/.exec(s);
  if (m) return m[1] === "model" ? to(ws, "models", decode(m[2]!), ...(m[3] ? [m[3]] : [])) : to(ws, "prompts", decode(m[2]!)) + (m[3] ? `?v=${m[3]}` : "");
  if (!/^https?:\/\/\S+$/i.test(s)) return null;
  try {
    const u = new URL(s);
    const path = u.hash.startsWith("#/") ? redirect(u.hash, ws) : null;
    return path ?? (u.pathname.startsWith("/w/") ? u.pathname + u.search : null);
  } catch {
    return null;
  }
}
