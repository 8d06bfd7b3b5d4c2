// A view as code: the command line, curl and Python that show the same thing.
// Every text runs as it is copied, in a POSIX shell or in Python 3.

export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json };

/** A call of Assay's own API; the path begins below /api/assay/v1. */
export interface ApiCall { method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"; path: string; query?: Record<string, string | number | undefined>; body?: Json; }

/** Where code runs against, and whether it must bring credentials. */
export interface Target { address: string; ws: string; auth: boolean; }

/** A word of a POSIX command line. */
export function sh(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A value as a Python literal. */
export function py(v: Json, indent = ""): string {
  if (v === null || v === undefined) return "None";
  if (typeof v === "boolean") return v ? "True" : "False";
  if (typeof v === "number") return Number.isNaN(v) ? 'float("nan")' : Number.isFinite(v) ? String(v) : `float("${v < 0 ? "-" : ""}inf")`;
  // JSON escapes are Python's too, once a lone surrogate is taken out.
  if (typeof v === "string") return JSON.stringify(v.replace(/\p{Surrogate}/gu, "\ufffd"));
  const inner = `${indent}    `;
  const items = Array.isArray(v) ? v.map((x) => py(x, inner)) : Object.entries(v).filter(([, x]) => x !== undefined).map(([k, x]) => `${py(k)}: ${py(x, inner)}`);
  const [open, close] = Array.isArray(v) ? "[]" : "{}";
  const flat = `${open}${items.join(", ")}${close}`;
  return flat.length <= 72 && !flat.includes("\n") ? flat : `${open}\n${items.map((x) => `${inner}${x},\n`).join("")}${indent}${close}`;
}

/** The command line of `assay`; words of an option left undefined go with it. */
export function cli(words: readonly (string | number)[], t: Target): string {
  const all = ["assay", ...words.map(String), "--server", t.address, ...(t.ws === "default" ? [] : ["--workspace", t.ws])];
  return `${all.map(sh).join(" ")}\n`;
}

function target(call: ApiCall, t: Target): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(call.query ?? {})) if (v !== undefined && v !== "") q.append(k, String(v));
  return `${t.address}/api/assay/v1${call.path}${q.size ? `?${q}` : ""}`;
}

export function curl(call: ApiCall, t: Target): string {
  const parts = [`curl -fsS ${call.method && call.method !== "GET" && !(call.method === "POST" && call.body !== undefined) ? `-X ${call.method} ` : ""}${sh(target(call, t))}`];
  if (t.auth) parts.push('-H "Authorization: Bearer $ASSAY_TOKEN"');
  if (call.body !== undefined) parts.push("-H 'Content-Type: application/json'", `-d ${sh(JSON.stringify(call.body))}`);
  return `${parts.join(" \\\n  ")}\n`;
}

/** Python without any package; pages that MLflow's client can show use that. */
export function python(call: ApiCall, t: Target): string {
  const headers = [...(call.body === undefined ? [] : ['"Content-Type": "application/json"']), ...(t.auth ? ['"Authorization": "Bearer " + os.environ["ASSAY_TOKEN"]'] : [])];
  return `import json
${t.auth ? "import os\n" : ""}import urllib.request

request = urllib.request.Request(
    ${py(target(call, t))},
    method=${py(call.method ?? "GET")},
    headers={${headers.join(", ")}},
${call.body === undefined ? "" : `    data=json.dumps(${py(call.body, "    ")}).encode(),\n`})
with urllib.request.urlopen(request) as answer:
    print(json.dumps(json.load(answer), indent=2, ensure_ascii=False))
`;
}

/** Python with MLflow's client; lines follow the import and the address. */
export function mlflow(lines: string, t: Target): string {
  return `import mlflow

mlflow.set_tracking_uri(${py(t.address)})${t.auth ? "  # and MLFLOW_TRACKING_TOKEN in the environment" : ""}
${t.ws === "default" ? "" : `mlflow.set_workspace(${py(t.ws)})\n`}${lines.trimEnd()}
`;
}
