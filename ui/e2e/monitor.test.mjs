// Monitoring shows what arrived, and every point opens its traces.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, phone, visit, ws } from "./browser.mjs";

const at = (path) => `/w/${ws}${path}`;
const month = Date.now() - 30 * 86400e3;
const monitor = (body = {}) => call(`/w/${ws}/monitor`, { from_ms: month, ...body });
const ready = (page) => page.getByRole("slider", { name: "Traces", exact: true }).waitFor();

test("the figures are those of the traces themselves", async () => {
  const { whole } = await monitor(), { count } = await call(`/w/${ws}/traces/count`, { from_ms: whole.start_ms });
  assert.equal(whole.total.traces, count, "the server is not filled: run `assay demo` first");
  const errors = await call(`/w/${ws}/traces/count`, { filter: "status = 'ERROR'" });
  assert.equal(whole.total.errors, errors.count);
  await visit(at("/monitor?from=-30d"), async (page) => {
    await ready(page);
    assert.match(await page.locator(".figures").innerText(), new RegExp(`Traces\\s+${count.toLocaleString("en-US")}`));
    await page.getByText(`${count.toLocaleString("en-US")} traces, of which ${errors.count} failed`).waitFor();
  });
});

test("a bucket opens its traces by keyboard, in four keys from the chart", async () => {
  const { start_ms, bucket_ms, whole } = await monitor();
  const last = whole.points.traces.findLastIndex((n) => n > 0);
  await visit(at("/monitor?from=-30d"), async (page) => {
    await ready(page);
    const chart = page.getByRole("slider", { name: "Traces", exact: true });
    await chart.focus();
    await page.keyboard.press("ArrowRight"); // the newest bucket
    assert.match(await chart.getAttribute("aria-valuetext"), /failed \d+, (open \d+, )?ok \d+/);
    for (let i = whole.points.traces.length - 1; i > last; i--) await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/traces\?/);
    const url = new URL(page.url());
    assert.equal(Number(url.searchParams.get("to")) - Number(url.searchParams.get("from")), bucket_ms);
    assert.equal((Number(url.searchParams.get("from")) - start_ms) % bucket_ms, 0);
    await page.locator(".tally").waitFor();
    assert.match(await page.locator(".tally").innerText(), new RegExp(`^${whole.points.traces[last]}\\b`));
    await page.goBack();
    await ready(page);
  });
});

test("grouping is in the URL, survives a reload, and a value's link filters", async () => {
  const { series } = await monitor({ by: "model" });
  await visit(at("/monitor?from=-30d"), async (page) => {
    await ready(page);
    await page.getByRole("combobox", { name: "Group by" }).selectOption("model");
    await page.waitForURL(/by=model/);
    await page.getByRole("slider", { name: "Calls", exact: true }).waitFor();
    await page.reload();
    const table = page.getByRole("region", { name: "Model", exact: true }).getByRole("table");
    await table.waitFor();
    assert.equal(await table.locator("tbody tr").count(), series.length);
    await table.getByRole("link", { name: series[0].value }).click();
    await page.waitForURL((u) => u.searchParams.get("q") === series[0].clause);
  });
});

test("a tag groups too, and one that nobody has shows nothing known", async () => {
  await visit(at("/monitor?from=-30d&by=tag.no-such-tag"), async (page) => {
    await page.getByRole("slider", { name: "Traces", exact: true }).waitFor();
    assert.match(await page.getByRole("combobox", { name: "Group by" }).inputValue(), /tag\.no-such-tag/);
  });
  await visit(at("/monitor?from=nonsense&by=colour"), ready); // bad parameters fall back
});

test("charts have a table, a wrong filter says where, and a phone shows it all", async () => {
  await visit(at("/monitor?from=-30d"), async (page) => {
    await ready(page);
    await page.getByRole("button", { name: "Latency as a table" }).click();
    const table = page.getByRole("region", { name: "Latency, table" });
    await table.waitFor();
    assert.deepEqual(await table.locator("th").allInnerTexts(), ["Time", "p50", "p95", "p99"]);
    await page.getByRole("button", { name: "Tools", exact: true }).click();
    await page.waitForURL(/nodes=tool/);
  });
  await visit(at(`/monitor?from=-30d&q=${encodeURIComponent("status = = 1")}`), (page) => page.locator(".filter-error").waitFor(), { allow: [/400/] });
  await visit(at("/monitor?from=-30d&by=model"), async (page) => {
    await page.getByRole("slider", { name: "Calls", exact: true }).waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is wider than the phone");
  }, { viewport: phone });
});
