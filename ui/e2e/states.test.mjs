// Every page says what is wrong when the server is slow, fails, refuses, has
// not got it, or is gone; and never shows a blank or throws.
import assert from "node:assert/strict";
import { test } from "node:test";
import { visit, wide, ws } from "./browser.mjs";
import { routes } from "./routes.mjs";

const refusal = (status, code, message) => (route) => route.fulfill({ status, contentType: "application/json", body: JSON.stringify({ error: { code, message, request_id: "req-1" } }) });
const api = new RegExp(`/api/assay/v1/(w/${ws}/|settings)`);

/** Answers every call of a page with answer, but not who asks and the stream. */
async function intercept(page, answer) {
  await page.route((u) => api.test(u.pathname), answer);
}

const cases = [
  ["fails", refusal(500, "internal", "the disk is full"), /the disk is full/],
  ["refuses", refusal(403, "denied", "viewers may not see this"), /viewers may not see this/],
  ["has not got it", refusal(404, "not_found", "no such thing"), /no such thing|Not found/],
  ["is gone", (route) => route.abort("connectionrefused"), /does not answer|network is down/],
];

/** Pages that ask nothing of the server before they are used. */
const selfContained = new Set(["alert-new", "settings-deletion", "settings-export"]);

for (const [what, answer, says] of cases) {
  test(`the server ${what}`, async (t) => {
    const all = (await routes()).filter(([name]) => !selfContained.has(name));
    await visit(`/w/${ws}/people?tab=workspaces`, async (page) => {
      await intercept(page, answer);
      for (const [name, path] of all) {
        await t.test(name, async () => {
          await page.goto(new URL(`/w/${ws}${path}`, page.url()).href, { waitUntil: "load" });
          const alert = page.locator("#main [role=alert], #main .state, #main [role=status]").filter({ hasText: says }).first();
          await alert.waitFor({ timeout: 15_000 });
          assert.ok(await page.getByRole("navigation", { name: "Sections" }).isVisible(), "the frame stays");
        });
      }
    }, { allow: [/Failed to load resource/] });
  });
}

test("the server is slow: something moves, then the page comes", async (t) => {
  const all = (await routes()).filter(([name]) => !selfContained.has(name));
  await visit(`/w/${ws}/people?tab=workspaces`, async (page) => {
    await intercept(page, async (route) => { await new Promise((done) => setTimeout(done, 1_500)); await route.continue().catch(() => {}); });
    for (const [name, path] of all) {
      await t.test(name, async () => {
        await page.goto(new URL(`/w/${ws}${path}`, page.url()).href, { waitUntil: "load" });
        await page.locator(".skeleton, [aria-busy=true]").first().waitFor({ timeout: 5_000 });
        await page.locator(".skeleton").first().waitFor({ state: "detached", timeout: 20_000 });
        assert.ok((await page.locator("#main").innerText()).length > 3);
      });
    }
  }, { viewport: wide });
});

test("a page keeps what it shows when a refetch fails, and says so", async () => {
  await visit(`/w/${ws}/experiments`, async (page) => {
    await page.getByRole("link", { name: "finance-assistant" }).first().waitFor();
    await intercept(page, refusal(503, "unavailable", "the database is away"));
    await page.keyboard.press("r");
    await page.getByRole("alert").filter({ hasText: "the database is away" }).waitFor({ timeout: 20_000 });
    assert.ok(await page.getByRole("link", { name: "finance-assistant" }).first().isVisible());
  }, { allow: [/Failed to load resource/] });
});
