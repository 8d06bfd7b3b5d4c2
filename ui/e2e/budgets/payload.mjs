// A span with 10 MB of JSON, and one with 50 MB of text.
import { base, call, ws } from "../server.mjs";
import { fresh, median, report, rounds, shown, times } from "./measure.mjs";

async function send(name, value) {
  const hex = (len) => Array.from({ length: len }, () => Math.floor(Math.random() * 16).toString(16)).join("");
  const traceId = hex(32), now = BigInt(Date.now()) * 1_000_000n;
  const span = { traceId, spanId: hex(16), name, kind: 1, startTimeUnixNano: String(now - 1_000_000n), endTimeUnixNano: String(now), status: { code: 1 }, attributes: [{ key: "mlflow.spanOutputs", value: { stringValue: value } }] };
  const res = await fetch(`${base}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }) });
  if (!res.ok) return { refused: `${res.status} ${(await res.text()).slice(0, 120)}` };
  for (let i = 0; i < 50; i++) { try { await call(`/w/${ws}/traces/tr-${traceId}`); break; } catch { await new Promise((r) => setTimeout(r, 200)); } }
  return { id: `tr-${traceId}` };
}

export default async function payload() {
  const rows = Array.from({ length: 60_000 }, (_, i) => ({ id: i, name: `row ${i}`, text: "x".repeat(110), ok: i % 2 === 0 }));
  for (const [name, value] of [["JSON 10 MB", JSON.stringify(rows)], ["text 50 MB", "All work and no play makes a dull page. ".repeat(1_310_720)]]) {
    const { id, refused } = await send(name, value);
    if (refused) { console.log(`     ${name}: not measured, the server takes no span of that size (${refused})`); continue; }
    const list = await times(Math.min(rounds, 3), () => fresh(`/traces/${id}`, async (page) => {
      await shown(page, "[role=treegrid] [role=row]");
      const asked = await page.evaluate(() => performance.getEntriesByType("resource").find((e) => /\/spans\//.test(e.name))?.responseEnd ?? performance.now());
      const first = await shown(page, ".span-detail .json, .span-detail pre, .span-detail [role=tree]");
      return { view: first - asked, long: await page.evaluate(() => Math.max(0, ...globalThis.seen.long)) };
    }));
    report(`${name}: first view after the answer`, median(list.map((x) => x.view)), 500, "ms");
    report(`${name}: longest frame`, median(list.map((x) => x.long)), 100, "ms");
  }
}
