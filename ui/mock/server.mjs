// A development server: the built interface and a stand-in for /api/assay/v1
// over seeded data. Not part of the product and never embedded.
//
//	npm run build && npm run mock      http://127.0.0.1:5055
//	MOCK=empty|auth npm run mock       nothing stored; credentials asked for
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";
import * as d from "./data.mjs";

const port = Number(process.env.PORT ?? 5055), mode = process.env.MOCK ?? "";
const dist = new URL("../dist/", import.meta.url).pathname;
let signedIn = mode !== "auth";
if (mode === "empty") for (const a of [d.experiments, d.runs, d.traces, d.prompts, d.promptVersions, d.models_, d.modelVersions, d.jobs, d.audit]) a.length = 0;

const err = (status, code, message, extra = {}) => ({ status, body: { error: { code, message, request_id: "req-mock", ...extra } } });
const page = (all, key, limit = 50, token) => { const at = Number(token || 0), n = Number(limit); return { [key]: all.slice(at, at + n), next_page_token: at + n < all.length ? String(at + n) : null }; };
const session = () => ({ user: mode === "auth" && signedIn ? d.users[0] : null, auth_required: mode === "auth", setup_needed: mode !== "auth", workspaces: [{ name: "default", description: "", role: "admin" }], server: { version: "0.1.0-dev", address: `http://127.0.0.1:${port}`, otlp_http: "http://127.0.0.1:4318", otlp_grpc: "127.0.0.1:4317", now_ms: Date.now() } });

/** Enough of the grammar to click around: field op value joined by AND. */
function predicate(filter, get) {
  if (!filter) return () => true;
  const tests = [];
  for (const part of filter.split(/\s+and\s+/i)) {
    const m = /^\s*([\w.`/ -]+?)\s*(<=|>=|!=|=|<|>|i?like)\s*(.+?)\s*$/i.exec(part);
    if (!m) { const start = filter.indexOf(part); return { error: err(400, "invalid", `expected field, operator and value, as in status = 'ERROR'`, { position: { start, end: start + part.length } }) }; }
    const [, field, op, raw] = m, v = raw.replace(/^'(.*)'$/, "$1").replaceAll("''", "'"), name = field.replaceAll("`", "");
    tests.push((r) => { const x = get(r, name); if (x === undefined || x === null) return false; const a = isNaN(Number(v)) ? String(x) : Number(x), b = isNaN(Number(v)) ? v : Number(v); const arr = Array.isArray(x); switch (op.toLowerCase()) { case "=": return arr ? x.includes(v) : a == b; case "!=": return a != b; case "<": return a < b; case ">": return a > b; case "<=": return a <= b; case ">=": return a >= b; default: return new RegExp(v.replaceAll("%", ".*"), "i").test(String(x)); } });
  }
  return (r) => tests.every((t) => t(r));
}
const traceField = (t, f) => (f.startsWith("tag.") ? t.tags[f.slice(4)] : f.startsWith("tags.") ? t.tags[f.slice(5)] : ({ model: t.models, tool: t.tools, tokens: t.tokens.total }[f] ?? t[f]));
const runField = (r, f) => (f.startsWith("metrics.") ? r.metrics[f.slice(8)] : f.startsWith("params.") ? r.params[f.slice(7)] : f.startsWith("tags.") ? r.tags[f.slice(5)] : r[f.replace("attributes.", "")]);
function matching(q, skipFilter = false) {
  const p = skipFilter ? () => true : predicate(q.filter, traceField);
  if (p.error) throw p.error;
  const words = skipFilter ? [] : (q.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  return d.traces.filter((t) => (!q.experiment_ids?.length || q.experiment_ids.includes(t.experiment_id)) && (!q.from_ms || t.start_ms >= q.from_ms) && (!q.to_ms || t.start_ms < q.to_ms) && (!q.run_id || t.run_id === q.run_id) && (!q.session || t.session === q.session) && p(t) && words.every((w) => `${t.name} ${t.input_preview} ${t.output_preview}`.toLowerCase().includes(w)));
}
const order = (list, by, get) => { const f = by.replace(/^-/, ""), s = by.startsWith("-") ? -1 : 1; return [...list].sort((a, b) => { const x = get(a, f), y = get(b, f); if (x === y) return 0; if (x === undefined || x === null) return 1; if (y === undefined || y === null) return -1; return (x < y ? -1 : 1) * s; }); };
const strip = ({ histories, ...r }) => r;
function histogram(list, buckets) {
  if (!list.length) return { start_ms: 0, bucket_ms: 60e3, ok: [], error: [], running: [] };
  const lo = Math.min(...list.map((t) => t.start_ms)), hi = Math.max(...list.map((t) => t.start_ms)) + 1, step = [60e3, 300e3, 900e3, 1800e3, 3600e3, 7200e3, 21600e3, 86400e3].find((s) => (hi - lo) / s <= buckets - 1) ?? 86400e3, start = Math.floor(lo / step) * step, n = Math.ceil((hi - start) / step);
  const out = { start_ms: start, bucket_ms: step, ok: Array(n).fill(0), error: Array(n).fill(0), running: Array(n).fill(0) };
  for (const t of list) out[t.status === "ERROR" ? "error" : "ok"][Math.floor((t.start_ms - start) / step)]++;
  return out;
}
const files = (run) => [
  { path: "eval_results_table.json", is_dir: false, size: 2310 }, { path: "graph_diagram.svg", is_dir: false, size: 840 }, { path: "notes.md", is_dir: false, size: 300 }, { path: "model", is_dir: true, size: null }, { path: "data.csv", is_dir: false, size: 90 }, { path: "weights.bin", is_dir: false, size: 90_900_000 },
];
const content = {
  "eval_results_table.json": JSON.stringify({ columns: ["inputs", "answer", "rouge1/v1/score", "token_count"], data: d.traces.slice(0, 40).map((t, i) => [t.input_preview, t.output_preview, 0.4 + (i % 7) / 20, 40 + i]) }),
  "graph_diagram.svg": `<svg xmlns="http://www.w3.org/2000/svg" width="420" height="120" font-family="sans-serif" font-size="14"><g fill="none" stroke="#0B5CAD" stroke-width="1.5"><rect x="10" y="40" width="80" height="40" rx="20"/><rect x="150" y="40" width="100" height="40" rx="6"/><rect x="310" y="40" width="80" height="40" rx="6"/><path d="M90 60h60M250 52h60M310 68h-60"/></g><g fill="#0B5CAD" text-anchor="middle"><text x="50" y="65">start</text><text x="200" y="65">assistant</text><text x="350" y="65">tools</text></g></svg>`,
  "notes.md": "# Notes\n\nThe assistant declines questions **outside finance**.\n\n| metric | value |\n|-|-|\n| rouge1 | 0.41 |\n\n![remote](https://example.com/a.png)\n",
  "data.csv": 'inputs,ground_truth\n"What is the price, today, of AMZN?",$226.70\ncapital of Canada,"declines\npolitely"\n', "model/MLmodel": "flavors:\n  langchain:\n    code: agent.py\n", "model/requirements.txt": "mlflow==3.17.2\nlanggraph\n", "weights.bin": "\0\0\0\0",
};

const routes = [
  ["GET", "/session", () => session()],
  ["POST", "/session/login", (_, b) => (b.password === "correct horse" ? ((signedIn = true), session()) : err(401, "unauthenticated", "The user name or the password is wrong."))],
  ["POST", "/session/logout", () => { signedIn = false; return null; }],
  ["POST", "/session/first-user", () => session()],
  ["GET", "/settings", () => ({ options: [{ name: "addr", value: "127.0.0.1:5000", source: "default" }, { name: "data", value: "./assay-data", source: "flag" }, { name: "s3.secret", value: "not set", source: "default" }], prices: { entries: 412, newest_date: "2026-11-01" }, storage: { metadata: "SQLite", objects: "local directory", trace_partitions: 3, bytes: 184_000_000 } })],
  ["GET", "/w/:ws/home", (_, __, q) => { const l = matching({ from_ms: Number(q.get("from_ms") ?? 0) }), ms = l.map((t) => t.duration_ms).sort((a, b) => a - b); return { from_ms: Number(q.get("from_ms")), to_ms: Date.now(), traces: l.length, errors: l.filter((t) => t.status === "ERROR").length, spans: l.reduce((s, t) => s + t.spans, 0), tokens: l.reduce((s, t) => s + (t.tokens.total ?? 0), 0), cost: l.reduce((s, t) => s + (t.cost ?? 0), 0), unpriced_spans: l.filter((t) => t.cost === null).length, latency_p50_ms: ms[ms.length >> 1] ?? null, latency_p95_ms: ms[Math.floor(ms.length * 0.95)] ?? null, histogram: histogram(l, 90), recent_errors: l.filter((t) => t.status === "ERROR").slice(0, 8), recent_runs: d.runs.slice(0, 8).map(strip), jobs: d.jobs.slice(0, 1) }; }],
  ["GET", "/w/:ws/lookup", (_, __, q) => { const s = (q.get("q") ?? "").toLowerCase(), hits = []; for (const e of d.experiments) if (e.name.toLowerCase().includes(s)) hits.push({ kind: "experiment", id: e.experiment_id, name: e.name, detail: `${e.runs} runs`, time_ms: e.last_activity_ms }); for (const r of d.runs) if (r.name.includes(s) || r.run_id.startsWith(s)) hits.push({ kind: "run", id: r.run_id, name: r.name, detail: r.experiment_name, time_ms: r.start_ms }); for (const p of d.prompts) if (p.name.includes(s)) hits.push({ kind: "prompt", id: p.name, name: p.name, detail: "", time_ms: p.updated_ms }); for (const m of d.models_) if (m.name.includes(s)) hits.push({ kind: "model", id: m.name, name: m.name, detail: "", time_ms: m.updated_ms }); return { hits: hits.slice(0, 20) }; }],
  ["POST", "/w/:ws/complete", (_, b) => { const p = (b.prefix ?? "").toLowerCase(); let items; if (b.field) { const by = new Map(); for (const r of b.entity === "runs" ? d.runs : d.traces) for (const v of [].concat((b.entity === "runs" ? runField : traceField)(r, b.field.replaceAll("`", "")) ?? [])) by.set(String(v), (by.get(String(v)) ?? 0) + 1); items = [...by].map(([value, count]) => ({ value, kind: "value", count })); } else items = (b.entity === "runs" ? [["status", "attribute"], ["name", "attribute"], ["user", "attribute"], ...["model", "temperature", "prompt", "domain"].map((k) => [`params.${k}`, "param"]), ...Object.keys(d.runs[0]?.metrics ?? {}).map((k) => [`metrics.${k}`, "metric"])] : [["status", "attribute"], ["name", "attribute"], ["model", "attribute"], ["tool", "attribute"], ["cost", "attribute"], ["tokens", "attribute"], ["user", "attribute"], ["tag.env", "tag"], ["tag.project", "tag"], ["feedback.faithfulness", "feedback"]]).map(([value, kind]) => ({ value, kind, count: kind === "attribute" ? null : d.runs.length })); return { items: items.filter((i) => i.value.toLowerCase().includes(p)).sort((a, b) => (b.count ?? 0) - (a.count ?? 0)).slice(0, b.limit ?? 20) }; }],
  ["GET", "/w/:ws/experiments", (_, __, q) => page(order(d.experiments.filter((e) => e.name.includes(q.get("q") ?? "") && (q.get("lifecycle") ?? "active") === e.lifecycle), q.get("order_by") ?? "-last_activity_ms", (e, f) => e[f]), "experiments", q.get("limit"), q.get("page_token"))],
  ["POST", "/w/:ws/experiments", (_, b) => { const e = { ...d.experiments[0], experiment_id: String(100 + d.experiments.length), name: b.name, runs: 0, traces: 0, tags: {}, last_activity_ms: null }; d.experiments.unshift(e); return e; }],
  ["GET", "/w/:ws/experiments/:id", (p) => d.experiments.find((e) => e.experiment_id === p.id) ?? err(404, "not_found", "no such experiment")],
  ["PATCH", "/w/:ws/experiments/:id", (p, b) => Object.assign(d.experiments.find((e) => e.experiment_id === p.id), b.lifecycle ? { lifecycle: b.lifecycle } : {})],
  ["POST", "/w/:ws/runs/search", (_, b) => { const p = predicate(b.filter, runField); if (p.error) return p.error; return page(order(d.runs.filter((r) => (!b.experiment_ids?.length || b.experiment_ids.includes(r.experiment_id)) && r.lifecycle === (b.lifecycle ?? "active") && p(r)), b.order_by?.[0] ?? "-start_ms", (r, f) => runField(r, f.replaceAll("`", ""))).map(strip), "runs", b.limit, b.page_token); }],
  ["POST", "/w/:ws/runs/count", (_, b) => { const p = predicate(b.filter, runField); if (p.error) return p.error; const l = d.runs.filter((r) => (!b.experiment_ids?.length || b.experiment_ids.includes(r.experiment_id)) && r.lifecycle === (b.lifecycle ?? "active")); return { count: l.filter(p).length, total: l.length, exact: true }; }],
  ["GET", "/w/:ws/runs/columns", (_, __, q) => { const by = new Map(), ids = q.getAll("experiment_id"); for (const r of d.runs) if (!ids.length || ids.includes(r.experiment_id)) for (const [kind, m] of [["param", r.params], ["metric", r.metrics], ["tag", r.tags]]) for (const k of Object.keys(m)) by.set(`${kind}\0${k}`, (by.get(`${kind}\0${k}`) ?? 0) + 1); return { columns: [...by].map(([k, runs]) => ({ kind: k.split("\0")[0], key: k.split("\0")[1], runs })), next_page_token: null }; }],
  ["POST", "/w/:ws/runs/compare", (_, b) => { const l = b.run_ids.map((id) => d.runs.find((r) => r.run_id === id)).filter(Boolean), rows = []; for (const [kind, get] of [["metric", (r) => r.metrics], ["param", (r) => r.params], ["tag", (r) => r.tags]]) for (const key of [...new Set(l.flatMap((r) => Object.keys(get(r))))].sort()) { const values = l.map((r) => get(r)[key] ?? null); rows.push({ kind, key, values, differs: new Set(values.map(String)).size > 1 }); } rows.push({ kind: "dataset", key: "prompt", values: l.map(() => "golden questions@a1b2c3"), differs: false }); return { runs: l.map(({ params, metrics, tags, histories, ...r }) => r), rows, missing: b.run_ids.filter((id) => !l.some((r) => r.run_id === id)) }; }],
  ["GET", "/w/:ws/runs/:id", (p) => { const r = d.runs.find((x) => x.run_id === p.id); if (!r) return err(404, "not_found", `There is no run ${p.id} in this workspace.`); return { ...strip(r), description: r.description ?? "", params: Object.entries(r.params).map(([key, value]) => ({ key, value })), metrics: Object.entries(r.metrics).map(([key, value]) => ({ key, value, step: r.histories[key] ? 399 : 0, time_ms: r.start_ms + 5000, points: r.histories[key]?.length ?? 1, model_id: null, dataset_name: null })), inputs: [{ name: "Langgraph agent evaluation input dataset", digest: "a1b2c3d4", source_type: "code", source: "{}", schema: null, profile: null, context: "prompt", tags: {} }], outputs: [{ model_id: `m-${"ab".repeat(16)}`, name: "customer_support_agent", step: 0 }], traces: d.traces.filter((t) => t.run_id === r.run_id).length, children: r.run_id === d.runs[5]?.run_id ? 1 : 0, models: [] }; }],
  ["PATCH", "/w/:ws/runs/:id", (p, b) => { Object.assign(d.runs.find((x) => x.run_id === p.id), b); return routes.find((r) => r[0] === "GET" && r[1] === "/w/:ws/runs/:id")[2](p); }],
  ...["/w/:ws/runs/:id", "/w/:ws/models/:name/versions/:version"].flatMap((base) => [
    ["GET", `${base}/artifacts`, (_, __, q) => ({ root_uri: "mlflow-artifacts:/1/…/artifacts", files: (q.get("path") ?? "") === "model" ? [{ path: "model/MLmodel", is_dir: false, size: 46 }, { path: "model/requirements.txt", is_dir: false, size: 26 }] : files(), next_page_token: null })],
    ["GET", `${base}/artifacts/content`, (_, __, q) => ({ raw: content[q.get("path")] ?? "", type: q.get("path").endsWith(".svg") ? "image/svg+xml" : "text/plain; charset=utf-8" })],
  ]),
  ["POST", "/w/:ws/metrics/history", (_, b) => ({ series: b.run_ids.flatMap((id) => { const r = d.runs.find((x) => x.run_id === id); return r ? b.keys.filter((k) => k in r.metrics).map((key) => { const values = r.histories[key] ?? [r.metrics[key]], nums = values.filter(Number.isFinite); return { run_id: id, key, steps: values.map((_, i) => i), times_ms: values.map((_, i) => r.start_ms + i * 500), values, total: values.length, last: values.at(-1), min: Math.min(...nums), max: Math.max(...nums) }; }) : []; }) })],
  ["POST", "/w/:ws/traces/search", (_, b) => page(order(matching(b), b.order_by?.[0] ?? "-start_ms", traceField), "traces", b.limit, b.page_token)],
  ["POST", "/w/:ws/traces/count", (_, b) => ({ count: matching(b).length, total: matching(b, true).length, exact: true })],
  ["POST", "/w/:ws/traces/histogram", (_, b) => histogram(matching(b), b.buckets ?? 60)],
  ["POST", "/w/:ws/traces/facets", (_, b) => { const l = matching(b); return { exact: true, facets: ["status", "name", "model", "tool", "tag.env"].map((field) => { const by = new Map(); for (const t of l) for (const v of [].concat(traceField(t, field) ?? [])) by.set(v, (by.get(v) ?? 0) + 1); return { field, more: false, values: [...by].sort((x, y) => y[1] - x[1]).slice(0, 10).map(([value, count]) => ({ value, count, clause: `${field} = '${value}'` })) }; }) }; }],
  ["POST", "/w/:ws/traces/delete", (_, b) => { for (const id of b.trace_ids) { const i = d.traces.findIndex((t) => t.trace_id === id); if (i >= 0) d.traces.splice(i, 1); } return { deleted: b.trace_ids.length }; }],
  ["GET", "/w/:ws/traces/:id", (p) => d.traces.find((t) => t.trace_id === p.id) ?? err(404, "not_found", `There is no trace ${p.id} in this workspace. It may have been deleted, or it is past its retention.`)],
  ["GET", "/w/:ws/traces/:id/skeleton", (p) => { const l = d.spans.get(p.id); if (!l) return err(404, "not_found", "no such trace"); const row = new Map(l.map((s, i) => [s.span_id, i])), tab = () => { const m = new Map(); return { of: (v) => (v === null ? -1 : m.get(v) ?? (m.set(v, m.size), m.size - 1)), all: () => [...m.keys()] }; }, names = tab(), types = tab(), models = tab(); const c = { trace_id: p.id, n: l.length, start_us: l[0].trace_start * 1000, span_ids: l.map((s) => s.span_id), parents: l.map((s) => row.get(s.parent_span_id) ?? -1), names: l.map((s) => names.of(s.name)), types: l.map((s) => types.of(s.type)), models: l.map((s) => models.of(s.model)), status: l.map((s) => ({ UNSET: 0, OK: 1, ERROR: 2 })[s.status]), starts: l.map((s) => Math.round(s.start_us)), ends: l.map((s) => Math.round(s.start_us + s.dur_us)), tokens: l.map((s) => s.tokens.total ?? -1), costs: l.map((s) => s.cost), orphans: [], aggregates: [], truncated: false }; return { ...c, name_table: names.all(), type_table: types.all(), model_table: models.all() }; }],
  ["GET", "/w/:ws/traces/:id/search", (p, _, q) => { const s = q.get("q").toLowerCase(); return { matches: (d.spans.get(p.id) ?? []).flatMap((x) => { const text = JSON.stringify([x.inputs, x.outputs]), i = text.toLowerCase().indexOf(s); return i < 0 ? [] : [{ span_id: x.span_id, field: "inputs", snippet: text.slice(Math.max(0, i - 40), i + 80) }]; }).slice(0, 1000), next_page_token: null }; }],
  ["GET", "/w/:ws/traces/:id/spans/:span", (p) => { const s = d.spans.get(p.id)?.find((x) => x.span_id === p.span); if (!s) return err(404, "not_found", "no such span"); const { start_us, dur_us, trace_start, ...rest } = s; return { ...rest, start_ms: trace_start + start_us / 1000, duration_ms: dur_us / 1000 }; }],
  ["POST", "/w/:ws/traces/:id/assessments", (p, b) => { const t = d.traces.find((x) => x.trace_id === p.id), a = { assessment_id: `a-${Math.random().toString(16).slice(2).padEnd(32, "0")}`, trace_id: p.id, error: null, rationale: null, span_id: null, metadata: {}, source: { type: "HUMAN", id: "rima" }, created_ms: Date.now(), updated_ms: Date.now(), overrides: null, valid: true, ...b }; t.assessments = [a, ...t.assessments]; return a; }],
  ["DELETE", "/w/:ws/traces/:id/assessments/:a", (p) => { const t = d.traces.find((x) => x.trace_id === p.id); t.assessments = t.assessments.filter((a) => a.assessment_id !== p.a); return null; }],
  ["GET", "/w/:ws/sessions", (_, __, q) => { const by = new Map(); for (const t of d.traces) if (t.session) by.set(t.session, [...(by.get(t.session) ?? []), t]); return page([...by].map(([s, l]) => ({ session: s, user: l[0].user, traces: l.length, errors: l.filter((t) => t.status === "ERROR").length, first_ms: l.at(-1).start_ms, last_ms: l[0].start_ms, tokens: l.reduce((n, t) => n + (t.tokens.total ?? 0), 0), cost: l.reduce((n, t) => n + (t.cost ?? 0), 0), first_input: l.at(-1).input_preview, experiment_ids: ["1"], worst_score: null })).filter((c) => c.session.startsWith(q.get("q") ?? "")), "sessions", q.get("limit"), q.get("page_token")); }],
  ["GET", "/w/:ws/models", (_, __, q) => page(d.models_.filter((m) => m.name.includes(q.get("q") ?? "")), "models", q.get("limit"))],
  ["GET", "/w/:ws/models/:name", (p) => d.models_.find((m) => m.name === p.name) ?? err(404, "not_found", "no such model")],
  ["GET", "/w/:ws/models/:name/versions", (p) => page(d.modelVersions.filter((v) => v.name === p.name), "versions")],
  ["GET", "/w/:ws/models/:name/versions/:version", (p) => d.modelVersions.find((v) => v.name === p.name && v.version === p.version) ?? err(404, "not_found", "no such version")],
  ["PATCH", "/w/:ws/models/:name/versions/:version", (p, b) => Object.assign(d.modelVersions.find((v) => v.name === p.name && v.version === p.version), b)],
  ...["models", "prompts"].flatMap((kind) => { const lists = { models: [d.models_, d.modelVersions], prompts: [d.prompts, d.promptVersions] }[kind]; const apply = (p, version) => { const m = lists[0].find((x) => x.name === p.name); m.aliases = m.aliases.filter((a) => a.alias !== p.alias); if (version) m.aliases.push({ alias: p.alias, version }); for (const v of lists[1]) if (v.name === p.name) v.aliases = m.aliases.filter((a) => a.version === v.version).map((a) => a.alias); return null; }; return [["PUT", `/w/:ws/${kind}/:name/aliases/:alias`, (p, b) => apply(p, b.version)], ["DELETE", `/w/:ws/${kind}/:name/aliases/:alias`, (p) => apply(p)]]; }),
  ["GET", "/w/:ws/prompts", (_, __, q) => page(d.prompts.filter((m) => m.name.includes(q.get("q") ?? "")), "prompts", q.get("limit"))],
  ["GET", "/w/:ws/prompts/:name", (p) => d.prompts.find((m) => m.name === p.name) ?? err(404, "not_found", "no such prompt")],
  ["GET", "/w/:ws/prompts/:name/versions", (p) => page(d.promptVersions.filter((v) => v.name === p.name), "versions")],
  ["POST", "/w/:ws/prompts/:name/versions", (p, b) => { let m = d.prompts.find((x) => x.name === p.name); if (!m) d.prompts.unshift(m = { name: p.name, description: "", tags: {}, aliases: [], versions: 0, latest_version: null, created_ms: Date.now(), updated_ms: Date.now() }); m.latest_version = String(++m.versions); const v = { name: p.name, version: m.latest_version, template: b.template, variables: [], commit_message: b.commit_message ?? "", aliases: [], tags: {}, user: "rima", created_ms: Date.now() }; d.promptVersions.unshift(v); return v; }],
  ["GET", "/w/:ws/jobs", (_, __, q) => ({ ...page(d.jobs.filter((j) => !q.getAll("state").length || q.getAll("state").includes(j.state)), "jobs", q.get("limit")), active: d.jobs.filter((j) => j.state === "running").length })],
  ["GET", "/w/:ws/jobs/:id/events", () => ({ events: [{ seq: 1, time_ms: Date.now() - 9000, level: "info", message: "started" }, { seq: 2, time_ms: Date.now() - 4000, level: "warning", message: "partition 2026-10 is slow" }], next_page_token: null })],
  ["POST", "/w/:ws/jobs/:id/cancel", (p) => Object.assign(d.jobs.find((j) => j.job_id === p.id), { state: "canceling", can_cancel: false })],
  ["POST", "/w/:ws/jobs/:id/retry", (p) => Object.assign(d.jobs.find((j) => j.job_id === p.id), { state: "queued", can_retry: false, error: null })],
  ["GET", "/w/:ws/audit", (_, __, q) => page(d.audit.filter((e) => (!q.get("actor") || e.actor === q.get("actor")) && e.action.startsWith(q.get("action") ?? "")), "entries", q.get("limit"), q.get("page_token"))],
  ["GET", "/w/:ws/people", () => ({ users: d.users })],
  ["PATCH", "/w/:ws/people/:id", (p, b) => Object.assign(d.users.find((u) => u.user_id === p.id), b)],
  ["POST", "/w/:ws/people", (_, b) => { const u = { ...d.users[1], user_id: `u-${d.users.length + 1}`, username: b.username, role: b.role }; d.users.push(u); return u; }],
  ["GET", "/w/:ws/tokens", () => ({ tokens: d.tokens })],
  ["POST", "/w/:ws/tokens", (_, b) => { const t = { ...d.tokens[0], ...b, token_id: `t-${d.tokens.length + 1}`, last_used_ms: null }; d.tokens.push(t); return { ...t, secret: "assay_9f2c41d8e07b" }; }],
  ["DELETE", "/w/:ws/tokens/:id", (p) => { d.tokens.splice(d.tokens.findIndex((t) => t.token_id === p.id), 1); return null; }],
].map(([m, path, f]) => { const names = [...path.matchAll(/:(\w+)/g)].map((x) => x[1]); return [m, path, f, new RegExp(`^${path.replace(/:\w+/g, "([^/]+)")}$`), names]; });

const streams = new Set();
let seq = 0;
const emit = (kind, id, op, extra = {}) => { const data = JSON.stringify({ seq: ++seq, kind, id, op, time_ms: Date.now(), ...extra }); for (const s of streams) s.write(`id: ${seq}\nevent: ${kind}\ndata: ${data}\n\n`); };
if (process.env.LIVE) setInterval(() => { const t = d.addTrace(); emit("trace", t.trace_id, "created", { experiment_id: t.experiment_id }); }, 1000 / Number(process.env.LIVE));

const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };
createServer(async (req, res) => {
  const url = new URL(req.url, "http://x");
  res.setHeader("content-security-policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'");
  if (url.pathname.startsWith("/api/assay/v1")) {
    const path = url.pathname.slice("/api/assay/v1".length);
    if (path === "/events") { res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" }); res.write(": hello\n\n"); streams.add(res); req.on("close", () => streams.delete(res)); return; }
    let text = "";
    for await (const chunk of req) text += chunk;
    let out = err(404, "not_found", `no such path ${path}`);
    for (const [m, , f, re, names] of routes) {
      const hit = m === req.method && re.exec(path);
      if (!hit) continue;
      if (mode === "auth" && !signedIn && !path.startsWith("/session")) { out = err(401, "unauthenticated", "Sign in first."); break; }
      try { out = f(Object.fromEntries(names.map((n, i) => [n, decodeURIComponent(hit[i + 1])])), text ? JSON.parse(text) : {}, url.searchParams); } catch (e) { if (e?.status) out = e; else { console.error(e); out = err(500, "internal", String(e)); } }
      break;
    }
    if (process.env.SLOW) await new Promise((r) => setTimeout(r, Number(process.env.SLOW)));
    if (out === null) { res.writeHead(204).end(); return; }
    if (out?.raw !== undefined) { res.writeHead(200, { "content-type": out.type, "content-security-policy": "sandbox" }).end(out.raw); return; }
    const body = Buffer.from(JSON.stringify(out?.body?.error ? out.body : out)), zip = body.length > 2000;
    res.writeHead(out?.body?.error ? out.status : 200, { "content-type": "application/json", ...(zip ? { "content-encoding": "gzip" } : {}) }).end(zip ? gzipSync(body, { level: 1 }) : body);
    return;
  }
  const file = url.pathname.startsWith("/ui/") ? join(dist, normalize(url.pathname.slice(4))) : join(dist, "index.html");
  if (!existsSync(file)) { res.writeHead(404).end("not found"); return; }
  res.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
  if (file.endsWith("index.html")) { res.setHeader("cache-control", "no-cache"); res.end(readFileSync(file)); } else if (existsSync(`${file}.gz`)) { res.setHeader("content-encoding", "gzip"); createReadStream(`${file}.gz`).pipe(res); } else createReadStream(file).pipe(res);
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/  big trace /w/default/traces/${d.bigId}`));
