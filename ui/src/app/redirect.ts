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
