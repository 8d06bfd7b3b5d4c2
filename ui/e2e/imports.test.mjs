// An import begun in the browser: refused addresses say why, a count shows what
// there is and leads nowhere else, and the report's filters are in the address.
import assert from "node:assert/strict";
import { test } from "node:test";
import { base, call, visit, ws } from "./browser.mjs";

test("the form says what is wrong, and a count shows a report", async () => {
  await visit(`/w/${ws}/imports`, async (page) => {
    const source = page.getByLabel("Address of the server");
    await source.fill("http://127.0.0.1:1");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("127.0.0.1:1 does not answer").waitFor();
    await source.fill(base);
    await page.getByText("Only some experiments").click();
    await page.getByLabel("Names, one a line").fill("Default");
    await page.getByRole("button", { name: "Count only" }).click();
    await page.waitForURL(/\/imports\/j-/);
    await page.getByRole("region", { name: "Counts" }).getByRole("cell", { name: "Experiments" }).waitFor({ timeout: 60_000 });
    const row = page.getByRole("row", { name: /^Experiments/ });
    assert.deepEqual(await row.getByRole("cell").allTextContents(), ["Experiments", "1", ...Array(7).fill("—")], "what a count does not look at is unknown");
  }, { allow: [/503/, /status of 5/] });
});

test("imports are listed, newest first", async () => {
  const { imports } = await call(`/w/${ws}/imports`);
  assert.ok(imports.length > 0);
  await visit(`/w/${ws}/imports`, async (page) => {
    const first = page.getByRole("region", { name: "Imports so far" }).getByRole("link").first();
    await first.waitFor();
    assert.equal(await first.getAttribute("href"), `/w/${ws}/imports/${imports[0].import_id}`);
  });
});
