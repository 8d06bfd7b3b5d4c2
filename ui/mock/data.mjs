// Seeded data for the development server: a finance assistant's experiments,
// runs, traces, models and prompts. The same seed gives the same data.
const now = Date.now();
let seed = 20260101;
export const rnd = () => ((seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff);
const pick = (a) => a[Math.floor(rnd() * a.length)];
const hex = (n) => Array.from({ length: n }, () => Math.floor(rnd() * 16).toString(16)).join("");

export const experiments = ["finance-assistant", "finance-assistant-ragas", "prompt-migration", "txn-classifier", "Default"].map((name, i) => ({
  experiment_id: String(i ? i : 1 + i), name, lifecycle: "active", tags: i === 0 ? { team: "trading", "mlflow.note.content": "x" } : {}, runs: 0, traces: 0,
  created_ms: now - (40 - i) * 86400e3, updated_ms: now - i * 3600e3, last_activity_ms: now - i * 3.3 * 3600e3, artifact_uri: `mlflow-artifacts:/${i}`,
}));
experiments.forEach((e, i) => { e.experiment_id = String(i === 4 ? 0 : i + 1); });

const models = ["anthropic.claude-3-5-haiku-20241022-v1:0", "amazon.nova-pro-v1:0", "amazon.nova-lite-v1:0", "gpt-4o-mini"];
const metricKeys = ["rouge1/v1/mean", "rouge1/v1/variance", "rouge1/v1/p90", "rougeL/v1/mean", "exact_match/v1", "latency/mean", "latency/p90", "flesch_kincaid_grade_level/v1/mean", "ari_grade_level/v1/mean", "toxicity/v1/mean"];
export const runs = [];
for (let i = 0; i < 340; i++) {
  const e = experiments[i % 7 === 0 ? 1 : i % 11 === 0 ? 3 : 0];
  const start = now - i * 1.7 * 3600e3 - rnd() * 3600e3, status = i === 0 ? "RUNNING" : rnd() < 0.06 ? "FAILED" : "FINISHED";
  const quality = 0.35 + 0.3 * (1 - i / 340) + 0.1 * rnd();
  const metrics = {}, histories = {};
  const training = e.name === "txn-classifier";
  for (const k of e.name.endsWith("ragas") ? ["ragas_faithfulness_score/v1/mean", "ragas_answer_relevancy_score/v1/mean", "ragas_answer_correctness_score/v1/mean"] : training ? ["train/loss", "train/accuracy", "eval/loss", "eval/accuracy", "lr", "system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"] : metricKeys) {
    metrics[k] = /latency/.test(k) ? 0.8 + rnd() * 2 : /grade/.test(k) ? 7 + rnd() * 5 : /variance/.test(k) ? rnd() * 0.02 : /toxicity/.test(k) ? rnd() * 0.002 : Math.min(1, quality + (rnd() - 0.5) * 0.1);
    if (training) histories[k] = Array.from({ length: 400 }, (_, s) => (k === "train/loss" && s === 120 ? "NaN" : /loss/.test(k) ? 2.2 * Math.exp(-s / (70 + 10 * (i % 5))) + 0.12 + rnd() * 0.12 : /accuracy/.test(k) ? 1 - 0.85 * Math.exp(-s / (80 + 12 * (i % 5))) + (rnd() - 0.5) * 0.04 : /lr/.test(k) ? 0.001 * (1 - s / 400) : 40 + 30 * rnd()));
    if (training) metrics[k] = histories[k].at(-1);
  }
  if (i === 3) metrics["rouge1/v1/mean"] = "NaN";
  const id = hex(32);
  runs.push({
    run_id: id, name: `${new Date(start).toISOString().replace(/\D/g, "").slice(0, 14)}`, experiment_id: e.experiment_id, experiment_name: e.name, status, user: pick(["rima", "jonas", "ci"]), lifecycle: "active",
    start_ms: Math.round(start), end_ms: status === "RUNNING" ? null : Math.round(start + 40e3 + rnd() * 300e3), parent_run_id: null, artifact_uri: `mlflow-artifacts:/${e.experiment_id}/${id}/artifacts`,
    params: training ? { lr: "0.001", epochs: "4", batch_size: pick(["16", "32"]), base: "minilm-l6" } : { model: pick(models), temperature: pick(["0", "0.2", "0.7"]), prompt: `assistant-system-prompt@${1 + (i % 3)}`, domain: "RegulatedFinance", BU: "Trading and Investment Banking" },
    metrics, histories, tags: { project: "AgentOpsAWS", version: "1.3.2", "mlflow.source.name": "evaluate.py", "mlflow.source.git.commit": hex(40), "mlflow.user": "rima" },
  });
  e.runs++;
}
runs[0].name = "nova-pro, prompt v3";
runs[1].name = "a run with a name that is much longer than any column should ever have to show in full, 株価 and عربى";
runs[6].parent_run_id = runs[5].run_id;

const questions = [
  ["What is the price of AMZN?", "The current price of Amazon (AMZN) is **$226.70**.", ["AMZN"]],
  ["what is the capital of Canada?", "I'm specialised in finance, so geography is not mine to answer. I can help with:\n\n- stock prices\n- market trends\n- investments", []],
  ["What is the price of 10 stocks of AMZN?", "Ten shares of AMZN cost **$2,267.00** ($226.70 each).", ["AMZN"]],
  ["What is the price of AMZN and AAPL?", "AMZN trades at $226.70 and AAPL at $244.99.", ["AMZN", "AAPL"]],
  ["What is the largest planet in our solar system?", "That is outside finance; ask me about markets instead.", []],
  ["Quanto costa AMZ?", "", ["AMZ"]],
  ["アマゾンの株価は？", "AMZNの現在の株価は$226.70です。", ["AMZN"]],
  ["ما هو سعر سهم AAPL؟", "سعر سهم AAPL الحالي هو 244.99 دولار.", ["AAPL"]],
];
const price = { model: "anthropic.claude-3-5-haiku", effective_date: "2026-11-01", input: 0.8, output: 4, cache_read: 0.08, cache_write: 1, source: "Bedrock list, us-east-1" };
export const spans = new Map();
export const traces = [];

function makeTrace(i, at) {
  const [question, answer, symbols] = questions[i % questions.length];
  const id = `tr-${hex(32)}`, failed = symbols.includes("AMZ"), model = models[i % 3 === 2 ? 3 : i % 3];
  const list = [];
  let t = 0;
  const add = (parent, name, type, dur, o = {}) => {
    const s = { trace_id: id, span_id: hex(16), parent_span_id: parent?.span_id ?? null, name, type, kind: "INTERNAL", status: "OK", status_message: "", start_us: Math.round(o.at ?? t), dur_us: Math.round(dur), model: null, provider: null, tokens: none(), cost: null, cost_parts: { input: null, output: null }, price: null, inputs: null, outputs: null, messages: null, attributes: {}, events: [], links: [], resource: { "service.name": "finance-agent", "telemetry.sdk.language": "python" }, scope: { name: "mlflow.langchain", version: "3.17.2" }, dialect: "mlflow", ...o };
    list.push(s);
    return s;
  };
  const root = add(null, "invokeAgent", "utils_func", 0, { inputs: { query: question }, attributes: { workflow: "utils_invokeAgent" } });
  t += 900; const app = add(root, "build_app", "AGENT", 4200, { attributes: { workflow: "agent_build_app" } });
  t += 500; add(app, "build_workflow", "CHAIN", 3000, { attributes: { workflow: "agent_build_workflow" } }); t += 4200;
  const graph = add(root, "LangGraph", "CHAIN", 0, { inputs: { messages: [{ role: "user", content: question }] } });
  const history = [{ role: "user", content: "You are a specialist in finance and the stock market. Keep to markets, stocks, investments and economic trends, and politely steer other questions back there." }, { role: "user", content: question }];
  const rounds = symbols.length ? 2 : 1;
  let total = none(), money = 0;
  for (let r = 0; r < rounds; r++) {
    t += 600;
    const a = add(graph, "assistant", "AGENT", 0, { attributes: { workflow: "agent_assistant", langgraph_node: "assistant" } });
    t += 700;
    const calls = r === 0 ? symbols.map((s) => ({ id: `call_${hex(8)}`, name: "get_stock_price_data", arguments: JSON.stringify({ symbol: s }) })) : [];
    const content = r === rounds - 1 ? answer : "";
    const tokens = { input: 380 + 120 * r + Math.floor(rnd() * 60), output: 20 + Math.floor(rnd() * 90), total: 0, cache_read: r ? 320 : 0, cache_write: null, reasoning: null };
    tokens.total = tokens.input + tokens.output;
    const priced = model !== "gpt-4o-mini", cin = ((tokens.input - tokens.cache_read) * 0.8 + tokens.cache_read * 0.08) / 1e6, cout = (tokens.output * 4) / 1e6;
    const dur = 500e3 + rnd() * 1200e3;
    const llm = add(a, "ChatBedrockConverse", "CHAT_MODEL", dur, { model, provider: priced ? "bedrock" : "openai", tokens, cost: priced ? cin + cout : null, cost_parts: priced ? { input: cin, output: cout } : { input: null, output: null }, price: priced ? { ...price, model } : null,
      inputs: { messages: history, temperature: 0 }, outputs: { content, tool_calls: calls },
      messages: [...history.map((m) => ({ ...m, side: "input", name: null, tool_call_id: m.tool_call_id ?? null, tool_calls: m.tool_calls ?? [] })), { role: "assistant", content, side: "output", name: null, tool_call_id: null, tool_calls: calls }],
      attributes: { "gen_ai.request.model": model, "gen_ai.usage.input_tokens": tokens.input, "gen_ai.usage.output_tokens": tokens.output, invocation_params: { temperature: 0, top_k: 0, max_tokens: 4096 } } });
    history.push({ role: "assistant", content, tool_calls: calls });
    t += dur; add(a, "should_continue", "AGENT", 300); t += 900;
    a.dur_us = t - a.start_us; a.outputs = llm.outputs;
    total = { ...total, input: (total.input ?? 0) + tokens.input, output: (total.output ?? 0) + tokens.output, total: (total.total ?? 0) + tokens.total, cache_read: (total.cache_read ?? 0) + tokens.cache_read };
    if (priced) money += cin + cout;
    if (calls.length) {
      const tools = add(graph, "tools", "CHAIN", 0, { attributes: { langgraph_node: "tools" } });
      for (const c of calls) {
        t += 400;
        const symbol = JSON.parse(c.arguments).symbol, bad = symbol === "AMZ", d = 1500 + rnd() * 90e3;
        const message = `Error: unknown symbol "${symbol}". Known symbols: AAPL, AMZN, GOOG, META, MSFT, NFLX, NVDA, TSLA`;
        add(tools, "get_stock_price_data", "TOOL", d, { inputs: { symbol }, outputs: bad ? null : symbol === "AMZN" ? 226.7 : 244.99, ...(bad ? { status: "ERROR", status_message: message, events: [{ name: "exception", time_ms: at + (t + d) / 1000, attributes: { "exception.type": "ValueError", "exception.message": message, "exception.stacktrace": `Traceback (most recent call last):\n  File "agent.py", line 41, in get_stock_price_data\n    raise ValueError(message)\nValueError: ${message}\n` } }] } : {}) });
        history.push({ role: "tool", content: bad ? message : String(symbol === "AMZN" ? 226.7 : 244.99), tool_call_id: c.id });
        t += d;
      }
      tools.dur_us = t - tools.start_us;
      if (failed) { tools.status = "ERROR"; break; }
    }
  }
  graph.dur_us = t - graph.start_us; root.dur_us = t + 800; root.outputs = failed ? null : { messages: history };
  if (failed) { for (const s of [root, graph]) { s.status = "ERROR"; s.status_message = "the tool failed: unknown symbol"; } }
  for (const s of list) s.trace_start = at;
  spans.set(id, list);
  const run = rnd() < 0.4 ? runs[Math.floor(rnd() * 30)] : null;
  const assess = (name, value, type, src, rationale = null) => ({ assessment_id: `a-${hex(32)}`, trace_id: id, span_id: null, name, kind: "feedback", value, error: value === null ? "the judge answered no label" : null, rationale, source: { type, id: src }, metadata: {}, created_ms: at + 5000, updated_ms: at + 5000, overrides: null, valid: true });
  const assessments = [];
  if (i % 2 === 0) assessments.push(assess("faithfulness", failed ? 0.31 : +(0.7 + rnd() * 0.3).toFixed(2), "LLM_JUDGE", "nova-pro@3", "Each sentence of the answer is supported by the tool's output."));
  if (i % 3 === 0) assessments.push(assess("correct", !failed, "HUMAN", "rima"));
  if (i % 7 === 0) assessments.push(assess("relevancy", null, "LLM_JUDGE", "nova-pro@3"));
  const first = list.find((s) => s.status === "ERROR" && s.type === "TOOL");
  const unpriced = model === "gpt-4o-mini";
  const t0 = {
    trace_id: id, name: "invokeAgent", experiment_id: run ? run.experiment_id : "1", run_id: run?.run_id ?? null, session: i % 4 === 0 ? `s-${Math.floor(i / 12)}` : null, user: i % 4 === 0 ? pick(["rima", "jonas", "ada"]) : null, status: failed ? "ERROR" : "OK",
    start_ms: Math.round(at), duration_ms: root.dur_us / 1000, input_preview: question, output_preview: failed ? 'Error: unknown symbol "AMZ"' : answer, tokens: total, cost: unpriced ? null : money, spans: list.length, errors: list.filter((s) => s.status === "ERROR").length, models: [model],
    tags: { env: i % 5 === 0 ? "dev" : "prod", project: "AgentOpsAWS" }, assessments,
    experiment_name: "finance-assistant", metadata: {}, first_error_span_id: first?.span_id ?? null, prompts: [{ name: "assistant-system-prompt", version: String(1 + (i % 3)) }],
    usage: [{ model, provider: unpriced ? "openai" : "bedrock", calls: rounds, tokens: total, cost: unpriced ? null : money, price: unpriced ? null : { ...price, model } }],
    tools: symbols.length ? ["get_stock_price_data"] : [],
  };
  traces.push(t0);
  const e = experiments.find((x) => x.experiment_id === t0.experiment_id);
  if (e) e.traces++;
  return t0;
}
function none() { return { input: null, output: null, total: null, cache_read: null, cache_write: null, reasoning: null }; }

for (let i = 0; i < 2500; i++) makeTrace(i, now - i * 61e3 * (0.6 + rnd()) - (i > 1200 ? 86400e3 : 0));
traces.sort((a, b) => b.start_ms - a.start_ms);

/** One trace as wide as any: 32,843 spans of an agent that looped. */
function big() {
  const id = `tr-${"b16".padEnd(32, "0")}`, at = now - 600e3, list = [];
  let t = 0;
  const add = (parent, name, type, dur, status = "OK", tokens = null) => { const s = { trace_id: id, span_id: (list.length + 1).toString(16).padStart(16, "0"), parent_span_id: parent?.span_id ?? null, name, type, status, status_message: status === "ERROR" ? "the tool timed out" : "", start_us: t, dur_us: dur, tokens: tokens ? { ...none(), input: tokens, output: 40, total: tokens + 40 } : none(), cost: tokens ? tokens * 8e-7 : null, cost_parts: { input: null, output: null }, price: null, model: tokens ? models[1] : null, provider: null, kind: "INTERNAL", inputs: { step: list.length }, outputs: { ok: true }, messages: null, attributes: {}, events: [], links: [], resource: {}, scope: { name: "bench", version: "" }, dialect: "gen_ai", trace_start: at }; list.push(s); return s; };
  const root = add(null, "research loop", "AGENT", 0);
  while (list.length < 32_843) {
    const turn = add(root, `turn`, "AGENT", 0), from = t;
    for (let k = 0; k < 11 && list.length < 32_843; k++) {
      t += 200;
      const chain = add(turn, pick(["plan", "search", "read", "write"]), pick(["CHAIN", "RETRIEVER", "MEMORY", "EMBEDDING", "GUARDRAIL"]), 0), c = t;
      for (let j = 0; j < 3 && list.length < 32_843; j++) { t += 50; const d = 400 + rnd() * 9000; add(chain, j ? "get_page" : "chat", j ? "TOOL" : "LLM", d, j && rnd() < 0.004 ? "ERROR" : "OK", j ? null : 500 + Math.floor(rnd() * 900)); t += d; }
      chain.dur_us = t - c;
    }
    turn.dur_us = t - from;
  }
  root.dur_us = t;
  spans.set(id, list);
  const errors = list.filter((s) => s.status === "ERROR");
  traces.unshift({ ...traces[0], trace_id: id, name: "research loop", status: "ERROR", start_ms: Math.round(at), duration_ms: t / 1000, spans: list.length, errors: errors.length, first_error_span_id: errors[0].span_id, input_preview: "Read everything there is about seeds", output_preview: "the tool timed out", tokens: { ...none(), total: 9_842_113, input: 9_700_000, output: 142_113 }, cost: 7.9, assessments: [], usage: [], prompts: [], session: null, user: null });
  traces.sort((a, b) => b.start_ms - a.start_ms);
}
big();
export const bigId = `tr-${"b16".padEnd(32, "0")}`;
export const addTrace = () => { const t = makeTrace(Math.floor(rnd() * 1000), Date.now()); traces.splice(traces.indexOf(t), 1); traces.unshift(t); return t; };

const v = (i, template, message, aliases) => ({ name: "assistant-system-prompt", version: String(i), template, variables: [...template.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map((m) => m[1]), commit_message: message, aliases, tags: { language: "en" }, response_format: null, model_config: null, user: "rima", created_ms: now - (20 - i * 4) * 86400e3 });
export const promptVersions = [
  v(4, "You are a specialist in finance and the stock market. Keep strictly to markets, stocks, investments and economic trends.\n\nUse the tool `get_stock_price_data` for every price you state; never quote a price from memory. When a symbol is unknown, say so and offer the closest known one.\n\nContext: {{ context }}\nQuestion: {{ question }}\n\nAnswer in the language of the question, in at most three sentences.", "Prices only from the tool; answer briefly", ["Candidate"]),
  v(3, "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\nYou are a specialist in finance and the stock market. Keep to markets, stocks, investments and economic trends, and politely steer other questions back there.\nContext: {context}\nQuestion: {question}", "", []),
  v(2, "You are a specialist in finance and the stock market. Keep to markets, stocks, investments and economic trends, and politely steer other questions back there.", "Fine-tune response topic adherence", ["Production"]),
  v(1, "You are a helper who knows about stocks and money.", "First prompt", []),
];
export const prompts = [{ name: "assistant-system-prompt", description: "What the finance assistant is told before each conversation.", tags: { task: "question-and-answering", BU: "Digital-marketing" }, aliases: [{ alias: "Production", version: "2" }, { alias: "Candidate", version: "4" }], versions: 4, latest_version: "4", created_ms: now - 20 * 86400e3, updated_ms: now - 4 * 86400e3 }];
const mv = (i, aliases, stage) => ({ name: "customer_support_agent", version: String(i), description: i === 3 ? "Prompt v2 on Claude 3.5 Haiku. Topic adherence is up, latency unchanged." : "", status: "READY", status_message: "", stage, aliases, tags: { flavor: "langchain" }, source: `models:/m-${"ab".repeat(16)}`, run_id: runs[10 + i].run_id, run_name: runs[10 + i].name, model_id: `m-${"ab".repeat(16)}`, user: "rima", created_ms: now - (12 - i) * 86400e3, updated_ms: now - (12 - i) * 86400e3, metrics: Object.entries(runs[10 + i].metrics).map(([key, value]) => ({ key, value, step: 0, time_ms: now, points: 1, model_id: null, dataset_name: "golden questions" })), params: runs[10 + i].params });
export const modelVersions = [mv(3, ["champion"], "Production"), mv(2, [], "Staging"), mv(1, [], "Archived")];
export const models_ = [
  { name: "customer_support_agent", description: "The LangGraph finance assistant, logged **from code**.", tags: { flavor: "langchain" }, aliases: [{ alias: "champion", version: "3" }], versions: 3, latest_version: "3", created_ms: now - 12 * 86400e3, updated_ms: now - 9 * 86400e3 },
  { name: "txn/classify", description: "", tags: {}, aliases: [], versions: 0, latest_version: null, created_ms: now - 2 * 86400e3, updated_ms: now - 86400e3 },
];
export const jobs = [
  { job_id: "j-1", kind: "reindex", title: "Normalise attributes again, version 4", state: "running", owner: "system", done: 412_000, total: 1_000_000, unit: "spans", rate: 18_400, eta_ms: 32_000, attempt: 1, cost: null, cost_cap: null, error: null, result: null, created_ms: now - 30e3, started_ms: now - 24e3, ended_ms: null, can_cancel: true, can_retry: false },
  { job_id: "j-2", kind: "webhook", title: "Deliver model_version.created to https://hooks.example", state: "failed", owner: "rima", done: 0, total: 1, unit: "deliveries", rate: null, eta_ms: null, attempt: 5, cost: null, cost_cap: null, error: "the address answered 503 five times", result: null, created_ms: now - 3600e3, started_ms: now - 3500e3, ended_ms: now - 3000e3, can_cancel: false, can_retry: true },
  { job_id: "j-3", kind: "demo", title: "Fill the server with the sample", state: "succeeded", owner: "rima", done: 1200, total: 1200, unit: "records", rate: null, eta_ms: null, attempt: 1, cost: null, cost_cap: null, error: null, result: { label: "Open runs", path: "/w/default/runs?exp=1" }, created_ms: now - 7200e3, started_ms: now - 7200e3, ended_ms: now - 7100e3, can_cancel: false, can_retry: false },
];
export const users = [{ user_id: "u-1", username: "rima", display_name: "Rima", role: "admin", disabled: false, created_ms: now - 30 * 86400e3, last_seen_ms: now - 60e3 }, { user_id: "u-2", username: "jonas", display_name: "", role: "annotator", disabled: false, created_ms: now - 9 * 86400e3, last_seen_ms: null }];
export const tokens = [{ token_id: "t-1", name: "ci", role: "editor", hint: "assay_9f2", created_by: "rima", created_ms: now - 5 * 86400e3, last_used_ms: now - 3600e3, expires_ms: now + 85 * 86400e3 }];
export const audit = Array.from({ length: 300 }, (_, i) => ({ seq: 300 - i, time_ms: now - i * 1800e3, actor: pick(["rima", "jonas", "ci"]), actor_kind: i % 5 === 0 ? "token" : "user", action: pick(["model_version.stage", "prompt.alias", "run.delete", "user.create", "token.create", "session.login"]), object_kind: "model_version", object_id: "customer_support_agent/3", address: "127.0.0.1", request_id: hex(12), before_hash: hex(16), after_hash: hex(16), detail: { before: { stage: "Staging" }, after: { stage: "Production" } } }));
