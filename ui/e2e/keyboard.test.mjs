// The frequent tasks from the keyboard, in as many keys as the specification
// allows, and focus that is neither lost nor trapped.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, search, visit, ws } from "./browser.mjs";

/** Presses keys one by one and counts them. */
async function press(page, keys, pause = 150) {
  for (const k of keys) { await page.keyboard.press(k); await page.waitForTimeout(pause); }
  return keys.length;
}

test("newest failed trace and its failing span: at most 4 keys", async () => {
  await visit(`/w/${ws}/traces`, async (page) => {
    await page.getByRole("grid").waitFor();
    await page.keyboard.press("e");
    await page.waitForURL(/q=/);
    await page.locator('[role=row][aria-rowindex="2"] .status.error').waitFor();
    const keys = 1 + await press(page, ["j", "Enter"]);
    await page.locator(".span-title .status.error").waitFor();
    assert.ok(keys <= 4);
  });
});

test("score a trace: at most 5 keys", async () => {
  const { traces } = await search("traces", { limit: 1 }), id = traces[0].trace_id;
  await visit(`/w/${ws}/traces`, async (page) => {
    await page.getByRole("grid").waitFor();
    const keys = await press(page, ["j", "Enter"]);
    await page.getByRole("treegrid").waitFor();
    const more = await press(page, ["a", "2"], 250);
    await page.getByText("correct saved").waitFor();
    assert.ok(keys + more <= 5);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("correct removed").waitFor();
  });
  assert.ok(id);
});

test("the difference of a prompt version from the one before: at most 4 keys", async () => {
  const { prompts } = await call(`/w/${ws}/prompts`);
  assert.ok(prompts.some((p) => p.versions > 1));
  await visit(`/w/${ws}/prompts`, async (page) => {
    await page.getByRole("grid").waitFor();
    const row = prompts.findIndex((p) => p.versions > 1);
    const keys = await press(page, [...Array(row + 1).fill("j"), "Enter"]);
    await page.getByRole("navigation", { name: "Versions" }).waitFor();
    const more = await press(page, ["c"]);
    await page.locator(".diff").waitFor();
    assert.ok(keys + more <= 4);
  });
});

test("the tree by arrows: parent, children, next error", async () => {
  const { traces } = await search("traces", { filter: "name = 'invokeAgent' AND status = 'ERROR'", limit: 1 });
  await visit(`/w/${ws}/traces/${traces[0].trace_id}`, async (page) => {
    const tree = page.getByRole("treegrid");
    await tree.waitFor();
    await tree.getByRole("row").first().click();
    await press(page, ["ArrowDown"], 100);
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("data-row"));
    assert.notEqual(await focused(), "0");
    await press(page, ["Home"], 100);
    const rows = Number(await tree.getAttribute("aria-rowcount"));
    await press(page, ["ArrowLeft"], 150);
    assert.equal(await tree.getAttribute("aria-rowcount"), "1");
    await press(page, ["ArrowRight"], 150);
    assert.equal(Number(await tree.getAttribute("aria-rowcount")), rows);
    await press(page, ["e"], 150);
    await page.locator('.span.failed[aria-selected="true"]').waitFor();
  });
});

test("the grid by arrows keeps focus on a cell that scrolls away", async () => {
  await visit(`/w/${ws}/traces`, async (page) => {
    const grid = page.getByRole("grid");
    await grid.waitFor();
    await press(page, ["j", "ArrowRight", "ArrowRight", "PageDown", "PageDown"], 120);
    const cell = () => page.evaluate(() => document.activeElement?.getAttribute("data-cell"));
    const before = await cell();
    assert.match(before ?? "", /^\d+-2$/);
    await grid.evaluate((g) => { g.scrollTop = 0; });
    await page.waitForTimeout(200);
    assert.equal(await cell(), before);
    await press(page, ["Control+Home"], 150);
    assert.equal(await cell(), "0-0");
  });
});

test("palette, help and their way back", async () => {
  await visit(`/w/${ws}/traces`, async (page) => {
    await page.getByRole("grid").waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type("models");
    await page.getByRole("option", { name: "Models" }).first().waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/models$/);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await press(page, ["g", "t"], 50);
    await page.waitForURL(/\/traces$/);
  });
});

test("letters do nothing while one types", async () => {
  await visit(`/w/${ws}/traces`, async (page) => {
    await page.getByRole("grid").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("refresh g t e ?");
    assert.equal(await page.getByRole("combobox").inputValue(), "refresh g t e ?");
    assert.equal(await page.getByRole("dialog").count(), 0);
    assert.match(page.url(), /\/traces$/);
  });
});

test("the filter completes fields, operators and values", async () => {
  await visit(`/w/${ws}/traces`, async (page) => {
    await page.getByRole("grid").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("stat");
    await page.getByRole("option", { name: /status/ }).first().waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.type("= ");
    await page.getByRole("option", { name: /ERROR/ }).waitFor();
    await page.keyboard.type("'ER");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL((u) => /status = 'ERROR'/.test(u.searchParams.get("q") ?? ""));
  });
});
