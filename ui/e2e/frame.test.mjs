// What is around every page: palette, jobs, and the event stream.
import assert from "node:assert/strict";
import { test } from "node:test";
import { base, call, search, sendTrace, visit, ws } from "./browser.mjs";

const at = (path) => `/w/${ws}${path}`;

async function paste(page, text) {
  await page.locator("h1").first().waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /Search or run/ }).waitFor();
  await page.evaluate((t) => {
    const data = new DataTransfer();
    data.setData("text", t);
    const input = document.activeElement;
    const e = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
    if (!input.dispatchEvent(e)) return;
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, t);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }, text);
}

test("a pasted id of any kind goes straight there", async () => {
  const { traces } = await search("traces", { limit: 1 }), { runs } = await search("runs", { limit: 1 });
  const trace = traces[0].trace_id, run = runs[0].run_id;
  await visit(at("/people"), async (page) => {
    for (const [text, want] of [[trace, `/traces/${trace}`], [run, `/runs/${run}`], ["models:/finance-assistant/1", "/models/finance-assistant/1"], ["prompts:/assistant-system-prompt/2", "/prompts/assistant-system-prompt?v=2"],
      [`${base}/#/experiments/1/runs/${run}`, `/runs/${run}`], [`${base}${at("/audit")}`, "/audit"]]) {
      await paste(page, text);
      await page.waitForURL((u) => (u.pathname + u.search).endsWith(want), { timeout: 5_000 });
    }
  });
});

test("the palette finds by name and by text, marks the place, and runs by keys", async () => {
  await visit(at("/people"), async (page) => {
    await page.locator("h1").first().waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type("finance");
    const list = page.getByRole("listbox", { name: "Results" });
    await list.getByRole("option", { name: /^Experiments, finance-assistant/ }).waitFor();
    await list.getByRole("option", { name: /^Models, finance-assistant/ }).waitFor();
    await list.getByRole("option", { name: /^Prompts, assistant-system-prompt/ }).waitFor(); // by its text
    await list.getByRole("option", { name: /^Traces/ }).first().waitFor();
    assert.ok(await list.locator("mark").count() >= 4);
    assert.equal((await list.locator("mark").first().innerText()).toLowerCase(), "finance");
    for (const _ of [1, 2, 3]) await page.keyboard.press("PageDown");
    assert.match(await list.locator("[aria-selected=true]").textContent(), /^Traces/);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/traces\/tr-/);
    await page.keyboard.press("Control+k");
    await page.keyboard.type("> dark");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  });
});

test("other scripts are found too", async () => {
  await visit(at("/people"), async (page) => {
    await page.locator("h1").first().waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type("سعر");
    await page.getByRole("option", { name: /^Traces/ }).first().waitFor();
    assert.equal(await page.getByRole("listbox").locator("mark").first().innerText(), "سعر");
  });
});

test("the rail leads nowhere that does not exist", async () => {
  await visit(at(""), async (page) => {
    await page.locator("h1").first().waitFor();
    const links = await page.getByRole("navigation", { name: "Sections" }).getByRole("link").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
    assert.ok(links.length > 8);
    for (const href of links) {
      await page.goto(base + href);
      await page.locator("h1").first().waitFor();
      assert.equal(await page.getByText("There is no such page").count(), 0, href);
    }
    assert.equal(await page.locator(".rail [aria-disabled]").count(), 0);
  });
});

test("jobs: drawer by g j, page with filters, a link to a job that is gone says so", async () => {
  await visit(at("/traces"), async (page) => {
    await page.getByRole("grid").waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("j");
    await page.getByRole("dialog", { name: "Jobs" }).waitFor();
    await page.keyboard.press("Escape");
    await page.goto(base + at("/jobs?job=j-nosuch"));
    await page.getByText("The job j-nosuch does not exist").waitFor();
    await page.getByRole("button", { name: "Failed" }).click();
    await page.waitForURL(/state=failed/);
  }, { allow: [/404/] });
});

test("the stream that breaks is said to, comes back, and nothing is missed", async () => {
  await visit(at("/traces"), async (page) => {
    await page.getByRole("grid").waitFor();
    await page.waitForTimeout(800);
    await page.context().setOffline(true);
    await page.getByText("Offline", { exact: true }).waitFor();
    await sendTrace(3, "came while offline");
    await page.context().setOffline(false);
    await page.getByText("Offline", { exact: true }).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "came while offline" }).first().waitFor({ timeout: 20_000 });
  }, { allow: [/Failed to load resource/, /ERR_INTERNET_DISCONNECTED/] });
});

test("live at the pace of the stream: few paints, few requests, nothing moves", async (t) => {
  await visit(at("/traces"), async (page) => {
    const grid = page.getByRole("grid");
    await grid.waitFor();
    await page.waitForTimeout(800);
    await grid.evaluate((g) => { g.scrollTop = 400; });
    await page.waitForTimeout(300);
    await page.evaluate(() => {
      globalThis.shift = 0;
      globalThis.paints = 0;
      new PerformanceObserver((l) => { for (const e of l.getEntries()) globalThis.shift += e.value; }).observe({ type: "layout-shift", buffered: false });
      new MutationObserver(() => { globalThis.paints++; }).observe(document.getElementById("root"), { subtree: true, childList: true, characterData: true, attributes: true });
    });
    let requests = 0;
    page.on("request", (r) => { if (r.url().includes("/api/")) requests++; });
    const begun = Date.now();
    for (let i = 0; i < 200; i += 10) await Promise.all(Array.from({ length: 10 }, (_, k) => sendTrace(1, `burst ${i + k}`)));
    await page.waitForTimeout(1_500);
    const seconds = (Date.now() - begun) / 1000, { paints, shift } = await page.evaluate(() => ({ paints: globalThis.paints, shift: globalThis.shift }));
    t.diagnostic(`200 traces in ${seconds.toFixed(1)} s: ${paints} changes of the page, ${requests} requests, layout shift ${shift}`);
    assert.ok(paints <= 4 * seconds + 2, `${paints} changes of the page in ${seconds} s`);
    assert.ok(requests <= 2 * seconds + 4, `${requests} requests in ${seconds} s`);
    assert.ok(shift < 0.001, `layout shift ${shift}`); // the pill may grow by a digit
    assert.equal(await grid.evaluate((g) => g.scrollTop), 400);
  });
});

test("no memory stays with events that have passed", async (t) => {
  await visit(at("/people"), async (page) => {
    await page.locator("h1").waitFor();
    await page.waitForTimeout(500);
    const cdp = await page.context().newCDPSession(page);
    const heap = async () => { for (let i = 0; i < 3; i++) await cdp.send("HeapProfiler.collectGarbage"); return (await cdp.send("Runtime.getHeapUsage")).usedSize; };
    const burst = async (n) => { for (let i = 0; i < n; i += 20) await Promise.all(Array.from({ length: 20 }, (_, k) => call(`/w/${ws}/experiments/1`, undefined).then(() => sendTrace(1, `leak ${i + k}`)))); await page.waitForTimeout(1_500); };
    await burst(100);
    const before = await heap();
    await burst(300);
    const after = await heap(), grown = (after - before) / 300;
    t.diagnostic(`${Math.round(grown)} bytes an event`);
    assert.ok(grown < 2_000, `${grown} bytes stay with each event`);
  });
});
