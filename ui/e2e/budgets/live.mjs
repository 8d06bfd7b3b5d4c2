// 200 events a second for some minutes, while a person reads.
//
//	BUDGET_LIVE_MINUTES   how long, by default 10
import { fresh, heap, report, shown } from "./measure.mjs";
import { base } from "../server.mjs";

const minutes = Number(process.env.BUDGET_LIVE_MINUTES ?? 10);
const rate = 200;

/** Sends traces of one span at the rate, ten requests a second, until the end. */
async function send(until) {
  const hex = (len) => Array.from({ length: len }, () => Math.floor(Math.random() * 16).toString(16)).join("");
  let sent = 0, late = 0;
  for (let next = performance.now(); performance.now() < until; next += 100) {
    const now = BigInt(Date.now()) * 1_000_000n;
    const spans = Array.from({ length: rate / 10 }, () => ({ traceId: hex(32), spanId: hex(16), name: "live", kind: 1, startTimeUnixNano: String(now - 50_000_000n), endTimeUnixNano: String(now), status: { code: 1 } }));
    const res = await fetch(`${base}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ resourceSpans: [{ resource: { attributes: [{ key: "service.name", value: { stringValue: "live" } }] }, scopeSpans: [{ spans }] }] }) });
    if (res.ok) sent += spans.length;
    const wait = next + 100 - performance.now();
    if (wait > 0) await new Promise((r) => setTimeout(r, wait));
    else late++;
  }
  return { sent, late };
}

export default async function live() {
  await fresh("/traces", async (page, cdp) => {
    await shown(page, '[role=row][aria-rowindex="2"]');
    await page.waitForTimeout(1_000);
    await page.locator("[role=grid]").evaluate((g) => { g.scrollTop = 600; });
    // Of the thread itself, so that what else the machine does is not counted.
    await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
    const busy = async () => (await cdp.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value;
    await page.evaluate(() => {
      globalThis.changes = 0;
      globalThis.seen.shift = 0;
      let dirty = false;
      new MutationObserver(() => { dirty = true; }).observe(document.getElementById("root"), { subtree: true, childList: true, characterData: true, attributes: true });
      const tick = () => { if (dirty) { globalThis.changes++; dirty = false; } requestAnimationFrame(tick); };
      requestAnimationFrame(tick);
    });
    const begun = performance.now(), heaps = [], work = await busy();
    const sending = send(begun + minutes * 60_000);
    const steps = 6;
    for (let i = 0; i <= steps; i++) {
      heaps.push(await heap(cdp));
      if (i < steps) await page.waitForTimeout((minutes * 60_000) / steps);
    }
    const { sent, late } = await sending;
    const seconds = (performance.now() - begun) / 1000, { changes, shift } = await page.evaluate(() => ({ changes: globalThis.changes, shift: globalThis.seen.shift }));
    // The first stretch fills caches; the slope is of the rest.
    const slope = (heaps.at(-1) - heaps[1]) / 2 ** 20 / (minutes * (steps - 1) / steps);
    const name = `live, ${Math.round(sent / seconds)} events/s for ${minutes} min`;
    report(`${name}: paints a second`, changes / seconds, 4, "");
    report(`${name}: of a core`, (100 * ((await busy()) - work)) / seconds, 15, "%");
    report(`${name}: heap slope`, slope, 0.5, "MiB/min");
    report(`${name}: layout shift`, shift, 0, "", { exact: true });
    if (late > 0) console.log(`     the sender was late ${late} times: the machine could not keep the rate`);
  });
}
