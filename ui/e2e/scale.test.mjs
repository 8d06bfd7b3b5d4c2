// A trace of 32,843 spans is an ordinary page: all of it there, little of it
// drawn, the last span one key away. Times are printed, not asserted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, sendTrace, visit, ws } from "./browser.mjs";

const n = 32_843;

test("a trace of 32,843 spans", async (t) => {
  const id = await sendTrace(n, "a long loop");
  for (let i = 0; i < 50 && (await call(`/w/${ws}/traces/${id}/skeleton`)).n < n; i++) await new Promise((r) => setTimeout(r, 200));
  const begun = performance.now();
  await visit(`/w/${ws}/traces/${id}?view=log`, async (page) => {
    await page.getByRole("grid", { name: "Spans" }).getByRole("row").nth(1).waitFor();
    t.diagnostic(`usable after ${Math.round(performance.now() - begun)} ms`);
  });
  await visit(`/w/${ws}/traces/${id}`, async (page) => {
    const tree = page.getByRole("treegrid");
    await tree.getByRole("row").first().waitFor();
    assert.equal(await tree.getAttribute("aria-rowcount"), String(n));
    await page.locator(".span-title h2").waitFor(); // opens on the failure, the last span
    assert.match(await page.locator(".span-detail pre.error").first().innerText(), /the last one failed/);
    await tree.getByRole("row").last().click();
    await page.keyboard.press("Home");
    await page.waitForFunction(() => document.activeElement?.getAttribute("data-row") === "0");
    const took = await page.evaluate(async () => {
      const from = performance.now();
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
      await new Promise((done) => { const look = () => (document.querySelector('.span[aria-selected="true"]')?.getAttribute("aria-rowindex") === document.querySelector("[role=treegrid]").getAttribute("aria-rowcount") ? done() : requestAnimationFrame(look)); look(); });
      return performance.now() - from;
    });
    t.diagnostic(`jump to the last span ${Math.round(took)} ms`);
    assert.ok(await page.locator("*").count() < 1500, "more is drawn than is seen");
    await page.keyboard.press("/");
    await page.keyboard.type("step 7");
    await page.getByText(/of 32,843 spans/).waitFor();
  });
});
