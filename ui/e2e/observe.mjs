// What the browser tests and the budgets of traces, trace and sessions share:
// spans as a collector would send them, and what a page costs while it is
// watched. Nothing here needs a test runner.
import assert from "node:assert/strict";
import { base } from "./server.mjs";

export const hex = (v, len) => BigInt(v).toString(16).padStart(len, "0");
let serial = 0;
/** A fresh id of a trace, as OTLP writes it. */
export const newTraceId = () => hex(Date.now(), 12) + hex(process.pid % 65536, 4) + hex(++serial, 16);

const value = (v) => (typeof v === "number" ? (Number.isInteger(v) ? { intValue: String(v) } : { doubleValue: v }) : typeof v === "boolean" ? { boolValue: v } : { stringValue: String(v) });

/** A span; times in ms since 1970, end null for one that is open. */
export function span({ trace, id, parent = 0, name, start, end = start + 1, error, attributes = {}, events = [] }) {
  return {
    traceId: trace, spanId: hex(id, 16), parentSpanId: parent ? hex(parent, 16) : "", name, kind: 1,
    startTimeUnixNano: String(BigInt(Math.round(start * 1000)) * 1000n), ...(end === null ? {} : { endTimeUnixNano: String(BigInt(Math.round(end * 1000)) * 1000n) }),
    status: error === undefined ? { code: end === null ? 0 : 1 } : { code: 2, message: error }, attributes: Object.entries(attributes).map(([key, v]) => ({ key, value: value(v) })),
    events: events.map((e) => ({ name: e.name, timeUnixNano: String(BigInt(Math.round(e.time * 1000)) * 1000n), attributes: Object.entries(e.attributes ?? {}).map(([key, v]) => ({ key, value: value(v) })) })),
  };
}

export async function send(spans) {
  for (let from = 0; from < spans.length; from += 4000) {
    const res = await fetch(`${base}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ resourceSpans: [{ resource: { attributes: [{ key: "service.name", value: { stringValue: "browser-test" } }] }, scopeSpans: [{ scope: { name: "e2e" }, spans: spans.slice(from, from + 4000) }] }] }) });
    assert.ok(res.ok, `OTLP: ${res.status} ${await res.text()}`);
  }
}

/** A conversation of n turns, each a trace of one span; every `fails`-th failed. */
export async function sendSession(session, n, { fails = 0, user = "rima" } = {}) {
  const start = Date.now() - n * 1000;
  await send(Array.from({ length: n }, (_, i) => span({ trace: newTraceId(), id: 1, name: "turn", start: start + i * 1000, end: start + i * 1000 + 400, ...(fails && (i + 1) % fails === 0 ? { error: `turn ${i + 1} broke` } : {}),
    attributes: { "session.id": session, "user.id": user, "gen_ai.operation.name": "chat", "mlflow.spanInputs": JSON.stringify({ query: `question ${i + 1}` }), ...(fails && (i + 1) % fails === 0 ? {} : { "mlflow.spanOutputs": JSON.stringify(`answer ${i + 1}`) }) } })));
}

/**
 * Watches a page while f runs: the longest gap between frames and long frames
 * in ms, how often it was painted anew within `selector`, how far things moved
 * by themselves, and the share of a core that its main thread took.
 */
export async function watch(page, f, { selector } = {}) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" }); // CPU time, whoever else runs on the machine
  const taken = async () => (await cdp.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value;
  await page.evaluate((selector) => {
    const w = { gaps: [], shift: 0, changes: [], long: [], on: true, last: performance.now() };
    const frame = (t) => { if (!w.on) return; w.gaps.push(t - w.last); w.last = t; requestAnimationFrame(frame); };
    requestAnimationFrame((t) => { w.last = t; frame(t); });
    w.observers = [
      ["layout-shift", (e) => { if (!e.hadRecentInput) w.shift += e.value; }],
      ["long-animation-frame", (e) => w.long.push(Math.round(e.duration))],
    ].map(([type, each]) => { try { const o = new PerformanceObserver((l) => l.getEntries().forEach(each)); o.observe({ type, buffered: false }); return o; } catch { return null; } });
    // Changes of the document within one frame are one paint.
    let dirty = false;
    w.mutations = new MutationObserver(() => { if (!dirty) { dirty = true; requestAnimationFrame((t) => { dirty = false; w.changes.push(t); }); } });
    const target = selector ? document.querySelector(selector) : document.body;
    if (target) w.mutations.observe(target, { subtree: true, childList: true, attributes: true, characterData: true });
    globalThis.__watch = w;
  }, selector ?? null);
  const from = performance.now(), before = await taken();
  await f();
  const seconds = (performance.now() - from) / 1000, busy = (await taken()) - before;
  const seen = await page.evaluate(() => { const w = globalThis.__watch; w.on = false; w.mutations.disconnect(); w.observers.forEach((o) => o?.disconnect()); return { gaps: w.gaps.slice(1), shift: w.shift, changes: w.changes, long: w.long }; });
  await cdp.detach();
  let most = 0; // paints within any one second
  for (let i = 0, j = 0; j < seen.changes.length; j++) { while (seen.changes[j] - seen.changes[i] >= 1000) i++; most = Math.max(most, j - i + 1); }
  return { seconds, core: busy / seconds, longestGap: Math.round(Math.max(0, ...seen.gaps)), longFrames: seen.long, shift: seen.shift, paints: seen.changes.length, paintsPerSecond: seen.changes.length / seconds, mostInASecond: most };
}

/** Sends rate spans a second into one open trace for some seconds, in batches. */
export async function live(traceId, rate, seconds, { firstId = 2, batches = 10 } = {}) {
  const each = Math.round(rate / batches), begun = Date.now();
  let id = firstId;
  for (let k = 0; k < seconds * batches; k++) {
    const now = Date.now();
    await send(Array.from({ length: each }, () => span({ trace: traceId, id: id++, parent: 1, name: `step ${id % 7}`, start: now - 5, end: now, attributes: { "gen_ai.operation.name": id % 3 ? "execute_tool" : "chat" } })));
    const wait = begun + (k + 1) * (1000 / batches) - Date.now();
    if (wait > 0) await new Promise((r) => setTimeout(r, wait));
  }
  return id - firstId;
}
