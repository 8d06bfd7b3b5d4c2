// How the budgets are measured: medians of several runs in a fresh page, frame
// gaps by requestAnimationFrame, what the browser itself reports of interactions
// and layout shifts, heap after forced collection.
import { base, launch, wide, ws } from "../server.mjs";

/** A budget may be passed by this much before it counts as broken: machines differ. */
export const tolerance = 0.25;
export const rounds = Number(process.env.BUDGET_ROUNDS ?? 5);

const rows = [];
/** Puts a figure on the table; a budget of null is only reported. */
export function report(what, measured, budget, unit, { exact = false } = {}) {
  const over = budget !== null && !(measured <= budget * (exact ? 1 : 1 + tolerance));
  rows.push({ what, measured, budget, unit, over });
  console.log(`${over ? "OVER " : "     "}${what.padEnd(58)} ${format(measured).padStart(10)} ${budget === null ? "" : `of ${format(budget)} `}${unit}`);
}
const format = (v) => (Number.isFinite(v) ? (Math.abs(v) >= 100 ? String(Math.round(v)) : String(Number(v.toPrecision(3)))) : String(v));
export const results = () => rows;

export function median(list) {
  const s = [...list].sort((a, b) => a - b);
  return s.length === 0 ? NaN : s[Math.floor(s.length / 2)];
}
export function quantile(list, q) {
  const s = [...list].sort((a, b) => a - b);
  return s.length === 0 ? NaN : s[Math.min(s.length - 1, Math.ceil(q * s.length) - 1)];
}

let browser;
export async function close() { await browser?.close(); }

/** Runs f with a page of its own; throttle slows its processor down. */
export async function fresh(path, f, { throttle = 1, viewport = wide, url = base } = {}) {
  browser ??= await launch("--js-flags=--expose-gc", "--enable-precise-memory-info");
  const context = await browser.newContext({ viewport, reducedMotion: "reduce" });
  try {
    const page = await context.newPage();
    const cdp = await context.newCDPSession(page);
    if (throttle > 1) await cdp.send("Emulation.setCPUThrottlingRate", { rate: throttle });
    await page.addInitScript(observe);
    if (path !== null) await page.goto(`${url}/w/${ws}${path}`, { waitUntil: "commit" });
    return await f(page, cdp);
  } finally {
    await context.close();
  }
}

/** Runs in the page before anything else. */
function observe() {
  const w = globalThis;
  w.seen = { shift: 0, events: [], long: [] };
  const on = (type, f, more = {}) => { try { new PerformanceObserver((l) => l.getEntries().forEach(f)).observe({ type, buffered: true, ...more }); } catch { /* the browser does not report it */ } };
  on("layout-shift", (e) => { if (!e.hadRecentInput) w.seen.shift += e.value; });
  on("event", (e) => { if (e.interactionId) w.seen.events.push(e.duration); }, { durationThreshold: 16 });
  on("long-animation-frame", (e) => w.seen.long.push(e.duration));
  // Gaps between frames while the promise of `until` is pending.
  w.frames = async (until) => {
    const gaps = [];
    let on = true, last = performance.now();
    const tick = (t) => { gaps.push(t - last); last = t; if (on) requestAnimationFrame(tick); };
    requestAnimationFrame((t) => { last = t; requestAnimationFrame(tick); });
    await until;
    on = false;
    return gaps;
  };
}

export async function heap(cdp) {
  for (let i = 0; i < 3; i++) await cdp.send("HeapProfiler.collectGarbage");
  return (await cdp.send("Runtime.getHeapUsage")).usedSize;
}

export const nodes = (page) => page.locator("*").count();

/** Milliseconds since navigation began until something is on the screen. */
export async function shown(page, selector) {
  await page.locator(selector).first().waitFor({ timeout: 120_000 });
  return page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())))));
}

export async function times(n, f) {
  const list = [];
  for (let i = 0; i < n; i++) list.push(await f(i));
  return list;
}
