// The browser that the tests share, and a page that fails its test when the
// application logs an error, throws, or asks anybody but the server.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { base, launch, phone, wide } from "./server.mjs";

export * from "./server.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** Runs f with a fresh page at path; what went wrong in it fails the test. */
export async function visit(path, f, { viewport = wide, theme = "light", allow = [] } = {}) {
  const context = await browser.newContext({ viewport, colorScheme: theme, hasTouch: viewport === phone, reducedMotion: "reduce", timezoneId: "UTC" });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (m) => { if ((m.type() === "error" || m.type() === "warning") && !allow.some((a) => a.test(m.text()))) wrong.push(`console: ${m.text()}`); });
  page.on("pageerror", (e) => wrong.push(`thrown: ${e.message}`));
  page.on("request", (r) => { if (!r.url().startsWith(base) && !/^(data|blob|about):/.test(r.url())) wrong.push(`external request: ${r.url()}`); });
  try {
    await page.goto(base + path, { waitUntil: "load" });
    await f(page);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
}
