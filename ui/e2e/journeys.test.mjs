// The frequent tasks of the specification, by keyboard and by mouse, in at most
// as many keys and clicks as it allows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, search, visit, ws } from "./browser.mjs";

/** Counts what a person does; each step waits for what it leads to. */
class Hands {
  keys = 0;
  clicks = 0;
  constructor(page) { this.page = page; }
  async press(...keys) { for (const k of keys) { await this.page.keyboard.press(k); this.keys++; await this.page.waitForTimeout(150); } }
  async click(locator) { await locator.click(); this.clicks++; }
}

const journey = (name, path, f) => test(name, () => visit(`/w/${ws}${path}`, async (page) => f(page, new Hands(page))));

journey("newest failed trace to its failing span: at most 4 keys", "/traces", async (page, hands) => {
  await page.getByRole("grid").waitFor();
  await hands.press("e");
  await page.locator('[role=row][aria-rowindex="2"] .status.error').waitFor();
  await hands.press("j", "Enter");
  await page.locator(".span-title .status.error").waitFor();
  assert.ok(hands.keys <= 4, `${hands.keys} keys`);
});

journey("newest failed trace to its failing span: at most 3 clicks, from Home", "", async (page, hands) => {
  await hands.click(page.locator(".rows-list a, .list-traces a").filter({ has: page.locator(".status.error") }).first());
  await page.locator(".span-title .status.error").waitFor();
  assert.ok(hands.clicks <= 3, `${hands.clicks} clicks`);
});

journey("difference of a prompt version from the one before: at most 4 keys", "/prompts", async (page, hands) => {
  const { prompts } = await call(`/w/${ws}/prompts`), row = prompts.findIndex((p) => p.versions > 1);
  assert.ok(row >= 0);
  await page.getByRole("grid").waitFor();
  await hands.press(...Array(row + 1).fill("j"), "Enter");
  await page.getByRole("navigation", { name: "Versions" }).waitFor();
  await hands.press("c");
  await page.locator(".diff").waitFor();
  assert.ok(hands.keys <= 4, `${hands.keys} keys`);
});

journey("difference of a prompt version: at most 3 clicks", "/prompts", async (page, hands) => {
  await hands.click(page.getByRole("link", { name: "assistant-system-prompt" }).first());
  await page.getByRole("navigation", { name: "Versions" }).waitFor();
  await hands.click(page.getByRole("button", { name: /compare|diff/i }).first());
  await page.locator(".diff").waitFor();
  assert.ok(hands.clicks <= 3, `${hands.clicks} clicks`);
});

test("score a trace and add it to a dataset: at most 5 keys", async () => {
  const { traces } = await search("traces", { filter: "name = 'invokeAgent'", limit: 1 }), set = await call(`/w/${ws}/datasets`, { name: `journey ${Date.now()}` });
  await visit(`/w/${ws}/traces/${traces[0].trace_id}`, async (page) => {
    const hands = new Hands(page);
    await page.getByRole("treegrid").waitFor();
    await hands.press("a", "2");
    await page.getByText("correct saved").waitFor();
    await hands.press("d");
    await page.getByRole("button", { name: `Add to ${set.name}` }).waitFor();
    await hands.press("Enter");
    await page.getByText(`1 record added to ${set.name}`).waitFor();
    assert.ok(hands.keys <= 5, `${hands.keys} keys`);
  });
  const { records } = await call(`/w/${ws}/datasets/${set.dataset_id}`);
  assert.equal(records, 1);
});

journey("who spends most: at most 3 clicks", "", async (page, hands) => {
  await hands.click(page.getByRole("navigation", { name: "Sections" }).getByRole("link", { name: "Monitoring" }));
  await page.getByLabel("Group by").selectOption("user");
  hands.clicks += 2; // opening the list and choosing
  await page.waitForURL(/by=user/);
  const users = page.getByRole("table").or(page.getByRole("grid")).filter({ hasText: "Cost" }).first();
  await users.waitFor();
  assert.ok(hands.clicks <= 3, `${hands.clicks} clicks`);
});

test("letters do nothing in text fields, while composing, or when switched off", async () => {
  await visit(`/w/${ws}/traces`, async (page) => {
    await page.getByRole("grid").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("g t e ?");
    assert.equal(await page.getByRole("combobox").inputValue(), "g t e ?");
    await page.keyboard.press("Escape");
    await page.evaluate(() => document.activeElement?.blur());
    await page.evaluate(() => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "?", bubbles: true, isComposing: true })));
    assert.equal(await page.getByRole("dialog").count(), 0);
    await page.keyboard.press("?");
    await page.getByRole("checkbox", { name: "Single-letter shortcuts" }).uncheck();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("?");
    assert.equal(await page.getByRole("dialog").count(), 0);
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog", { name: "Command palette" }).waitFor();
  });
});

test("a shortcut can be given another key, but none that is taken", async () => {
  await visit(`/w/${ws}/traces`, async (page) => {
    await page.getByRole("grid").waitFor();
    await page.keyboard.press("?");
    await page.getByRole("button", { name: "Change keys" }).click();
    const models = page.getByRole("button", { name: "Change the key of: Go to Models" });
    await models.click();
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await page.getByRole("status").filter({ hasText: "Go to Prompts" }).waitFor();
    await models.click();
    await page.keyboard.press("g");
    await page.keyboard.press("q");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("m");
    await page.waitForTimeout(200);
    assert.match(page.url(), /traces$/);
    await page.keyboard.press("g");
    await page.keyboard.press("q");
    await page.waitForURL(/models$/);
    await page.reload();
    await page.locator("h1").waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await page.waitForURL(/traces$/);
    await page.keyboard.press("g");
    await page.keyboard.press("q");
    await page.waitForURL(/models$/);
  });
});
