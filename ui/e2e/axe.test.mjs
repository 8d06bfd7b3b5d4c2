// No serious violation on any page, at both widths and in both themes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { phone, visit, wide, ws } from "./browser.mjs";
import { routes } from "./routes.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function paths() {
  const { traces } = await search("traces", { filter: "status = 'ERROR'", limit: 1 }), { runs } = await search("runs", { limit: 50 }), { prompts } = await call(`/w/${ws}/prompts`), { models } = await call(`/w/${ws}/models`);
  const run = runs.find((r) => Object.keys(r.metrics).length > 0) ?? runs[0], prompt = prompts.find((p) => p.versions > 1), model = models.find((m) => m.versions > 0), trace = traces[0].trace_id;
  return ["", "/traces", `/traces?peek=${trace}`, `/traces/${trace}`, `/traces/${trace}?view=graph`, `/traces/${trace}?view=transcript`, `/traces/${trace}?view=log&tab=attributes`, "/sessions", "/monitor?from=-30d", "/monitor?from=-30d&by=model", "/experiments", "/runs", `/runs/${run.run_id}`, `/runs/${run.run_id}?tab=metrics`, `/runs/${run.run_id}?tab=artifacts`,
    `/runs/compare?ids=${runs.slice(0, 3).map((r) => r.run_id)}`, "/models", `/models/${encodeURIComponent(model.name)}`, `/models/${encodeURIComponent(model.name)}/${model.latest_version}`, "/prompts", `/prompts/${encodeURIComponent(prompt.name)}`, `/prompts/${encodeURIComponent(prompt.name)}?v=2&against=1`, "/jobs", "/people", "/people?tab=tokens", "/audit", "/settings"];
}

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
