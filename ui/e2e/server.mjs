// The server under test and the browser that looks at it; what is here needs no
// test runner, so that benchmarks and screenshots use it too.
//
//	ASSAY_URL   the server under test, filled by `assay demo`
//	CHROMIUM    the browser, by default /usr/bin/chromium
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

export const base = (process.env.ASSAY_URL ?? "http://127.0.0.1:5000").replace(/\/$/, "");
export const ws = "default";

const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** A browser; more are further arguments of Chromium. */
export const launch = (...more) => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...args, ...more] });

export const wide = { width: 1440, height: 900 };
export const phone = { width: 390, height: 844 };

/** Calls the server's own API, as the pages do. */
export async function call(path, body) {
  const res = await fetch(`${base}/api/assay/v1${path}`, body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const text = await res.text();
  assert.ok(res.ok, `${path}: ${res.status} ${text.slice(0, 300)}`);
  return text ? JSON.parse(text) : null;
}

export const search = (entity, body = {}) => call(`/w/${ws}/${entity}/search`, body);

/** A trace of n spans, sent over OTLP as a collector would; returns its id. */
export async function sendTrace(n, name) {
  const hex = (v, len) => v.toString(16).padStart(len, "0");
  const traceId = hex(Date.now(), 12) + hex(Math.floor(Math.random() * 2 ** 48), 12) + hex(n, 8), start = BigInt(Date.now() - 600_000) * 1_000_000n;
  const span = (i) => {
    const at = start + BigInt(i) * 10_000_000n, end = i === 1 ? start + BigInt(n) * 10_000_000n : at + 8_000_000n;
    return {
      traceId, spanId: hex(i, 16), parentSpanId: i === 1 ? "" : hex(i % 11 === 2 ? 1 : i - (((i - 2) % 11) || 1), 16), name: i === 1 ? name : `step ${i % 11}`, kind: 1,
      startTimeUnixNano: String(at), endTimeUnixNano: String(end), status: { code: i === n ? 2 : 1, message: i === n ? "the last one failed" : "" },
      attributes: [{ key: "gen_ai.operation.name", value: { stringValue: i % 3 ? "execute_tool" : "chat" } }],
    };
  };
  for (let from = 1; from <= n; from += 4000) {
    const spans = Array.from({ length: Math.min(4000, n - from + 1) }, (_, k) => span(from + k));
    const res = await fetch(`${base}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ resourceSpans: [{ resource: { attributes: [{ key: "service.name", value: { stringValue: "browser-test" } }] }, scopeSpans: [{ scope: { name: "e2e" }, spans }] }] }) });
    assert.ok(res.ok, `OTLP: ${res.status} ${await res.text()}`);
  }
  return `tr-${traceId}`;
}
