// No serious violation on any page, at both widths and in both themes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { phone, visit, wide, ws } from "./browser.mjs";
import { routes } from "./routes.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) => `${v.id}: ${v.help}\n  ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.any[0]?.message ?? ""}`).join("\n  ")}`);
}

for (const [name, viewport, theme] of [["wide, light", wide, "light"], ["wide, dark", wide, "dark"], ["phone, light", phone, "light"], ["phone, dark", phone, "dark"]]) {
  test(name, async (t) => {
    for (const [name, path] of await routes()) {
      await t.test(name, () => visit(`/w/${ws}${path}`, async (page) => {
        await page.locator("h1").first().waitFor();
        await page.locator(".skeleton").first().waitFor({ state: "detached" });
        await page.waitForTimeout(250);
        assert.deepEqual(await violations(page), []);
      }, { viewport, theme }));
    }
  });
}

test("dialogs", async () => {
  await visit(`/w/${ws}/traces`, async (page) => {
    await page.getByRole("grid").waitFor();
    for (const keys of [["?"], ["Control+k"], ["o"], ["g", "j"]]) {
      for (const k of keys) await page.keyboard.press(k);
      await page.getByRole("dialog").waitFor();
      assert.deepEqual(await violations(page), [], keys.join(" "));
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
  });
});
