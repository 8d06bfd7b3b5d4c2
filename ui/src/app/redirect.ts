// Links that MLflow clients print, turned into ours:
//
//	/#/experiments/1/runs/<run id>
//	/#/experiments/1/traces?selectedEvaluationId=tr-…
//	/#/models/<name>/versions/<version>
//	/#/prompts/<name>
import { to } from "./url";

/** The application path for a hash, or null if it is none we know. */
export function redirect(hash: string, fallback: string): string | null {
  const m = /^#(\/[^?]*)(?:\?(.*))?$/.exec(hash);
  if (!m) return null;
  const parts = m[1]!.split("/").filter(Boolean).map(decode);
  const query = new URLSearchParams(m[2] ?? "");
  let ws = query.get("workspace") ?? fallback;
  if (parts[0] === "workspaces" && parts[1]) {
    ws = parts[1];
    parts.splice(0, 2);
  }
  const [kind, id, sub, subId] = parts;
  const trace = query.get("selectedEvaluationId") ?? query.get("selectedTraceId") ?? query.get("traceId");
  switch (kind) {
    case undefined:
      return to(ws);
    case "experiments":
      if (!id) return to(ws, "experiments");
      if (sub === "runs" && subId) return to(ws, "runs", subId);
      if (sub === "traces" || sub === "evaluation-runs") {
        if (trace) return to(ws, "traces", trace);
        if (subId) return to(ws, "traces", subId);
        return `${to(ws, "traces")}?exp=${encodeURIComponent(id)}`;
      }
      return `${to(ws, "runs")}?exp=${encodeURIComponent(id)}`;
    case "compare-runs": {
      const ids = (query.get("runs") ?? "").replace(/[[\]"\s]/g, "");
      return ids ? `${to(ws, "runs", "compare")}?ids=${ids}` : to(ws, "experiments");
    }
    case "models":
      if (!id) return to(ws, "models");
      return sub === "versions" && subId ? to(ws, "models", id, subId) : to(ws, "models", id);
    case "prompts":
      return id ? to(ws, "prompts", id) : to(ws, "prompts");
    case "traces":
      return id ? to(ws, "traces", id) : to(ws, "traces");
    default:
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
