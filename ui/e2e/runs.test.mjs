// Experiments, runs, comparison, models and prompts beyond their first view.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, phone, search, visit, ws } from "./browser.mjs";

const at = (path) => `/w/${ws}${path}`;
const api = (path, body) => call(`/w/${ws}${path}`, body);
const presses = async (page, ...keys) => { for (const k of keys) await page.keyboard.press(k); return keys.length; };

/** Finished runs of the sample, which all logged eval_results_table.json. */
async function scored() {
  const { runs } = await search("runs", { filter: "attributes.status = 'FINISHED'", limit: 50 });
  const found = runs.filter((r) => "rouge1/v1/mean" in r.metrics).slice(0, 3);
  assert.equal(found.length, 3, "the sample has evaluated runs");
  return found;
}

test("diff a prompt version with the one before: at most 4 keys", async () => {
  const { prompts } = await api("/prompts"), prompt = prompts.find((p) => p.versions > 1);
  await visit(at("/traces"), async (page) => {
    await page.locator("h1").first().waitFor();
    let keys = await presses(page, "g", "p");
    await page.getByRole("grid", { name: "Prompts" }).waitFor();
    keys += await presses(page, "Enter");
    await page.waitForURL(/prompts\/.+/);
    await page.getByRole("button", { name: "Compare" }).waitFor();
    keys += await presses(page, "c");
    await page.locator(".diff ins, .diff del").first().waitFor();
    assert.ok(keys <= 4, `${keys} keys`);
    assert.match(page.url(), new RegExp(`against=${prompt.versions - 1}`));
    await page.keyboard.press("n");
    await page.locator(".diff .here").first().waitFor();
    await page.getByRole("button", { name: "Side by side" }).click();
    assert.equal(await page.locator(".diff-sides .diff").count(), 2);
  });
});

test("evaluation rows of runs are joined by input, with paired intervals and traces", async () => {
  const runs = await scored(), ids = runs.map((r) => r.run_id);
  const table = await api("/runs/compare/table", { run_ids: ids });
  assert.equal(table.table, "eval_results_table.json");
  assert.deepEqual(table.keys, ["inputs"]);
  assert.ok(table.total >= 5 && table.rows.every((r) => r.cells.every((c) => c.trace_id?.startsWith("tr-"))));
  // Of two, for each score: the interval holds 0 or the pairs that differ agree with its side.
  for (const s of table.scores) for (const r of s.runs.slice(1)) assert.equal(r.won + r.tied + r.lost, r.pairs, s.name);
  await visit(at(`/runs/compare?ids=${ids}&panel=rows`), async (page) => {
    await page.locator(".eval-row").first().waitFor();
    assert.equal(await page.locator(".eval-row").count(), Math.min(50, table.total));
    const summary = await page.locator(".eval-summary").innerText();
    assert.match(summary, /no measurable difference/);
    assert.equal(await page.locator(".verdict.better, .verdict.worse").filter({ hasText: "no measurable difference" }).count(), 0, "what is no difference is not coloured");
    await page.getByRole("button", { name: /^Differ / }).click();
    await page.waitForURL(/rows=differs/);
    await page.waitForFunction((n) => document.querySelectorAll(".eval-row").length === n, table.counts.differs);
    await page.locator(".eval-row a[href*='/traces/tr-']").first().click();
    await page.getByRole("treegrid").waitFor();
  });
});

test("a table that is damaged is read as far as it goes, and says where it stops", async () => {
  const [run] = await scored();
  const t = await api("/runs/compare/table", { run_ids: [run.run_id], table: "no_such_table.json" });
  assert.equal(t.total, 0);
  assert.equal(t.runs[0].problem_count, 1);
  await visit(at(`/runs/compare?ids=${run.run_id}&panel=rows&table=no_such_table.json`), async (page) => {
    await page.getByText("1 problem").waitFor();
  });
});

test("a brush on parallel coordinates filters every panel, also from the keyboard", async () => {
  const runs = await scored();
  await visit(at(`/runs/compare?ids=${runs.map((r) => r.run_id)}&panel=parallel`), async (page) => {
    await page.locator(".plot-svg .line").first().waitFor();
    assert.equal(await page.locator(".plot-svg .line").count(), runs.length);
    const values = runs.map((r) => r.metrics["latency/mean"]).sort((a, b) => a - b);
    const to = page.getByRole("spinbutton", { name: "latency/mean to" });
    await to.fill(String((values[0] + values[1]) / 2));
    await to.press("Enter");
    await page.waitForURL(/brush=/);
    await page.getByText(`1 of ${runs.length} runs pass`).first().waitFor();
    assert.equal(await page.locator(".plot-svg .line.out").count(), runs.length - 1);
    await page.getByRole("tab", { name: "Table", exact: true }).click();
    await page.locator(".compare thead th").nth(1).waitFor();
    assert.equal(await page.locator(".compare thead th").count(), 2);
  });
});

test("a scatter draws each run, and its table says the same", async () => {
  const runs = await scored();
  await visit(at(`/runs/compare?ids=${runs.map((r) => r.run_id)}&panel=scatter&sx=metric.latency%2Fmean&sy=metric.rouge1%2Fv1%2Fmean&fit=1`), async (page) => {
    await page.locator(".plot-svg .mark").first().waitFor();
    assert.equal(await page.locator(".plot-svg .mark").count(), runs.length);
    await page.getByText(/R² .*n 3/).waitFor();
    await page.getByRole("button", { name: "Table", exact: true }).click();
    assert.equal(await page.locator(".plot-box tbody tr").count(), runs.length);
  });
});

test("runs group by a param, with means over all of them", async () => {
  const { groups } = await api("/runs/group", { by: ["params.model"], metrics: ["rouge1/v1/mean"] });
  await visit(at("/runs?group=params.model"), async (page) => {
    await page.locator(".grid .tr").first().waitFor();
    assert.equal(await page.locator(".grid .tr").count(), groups.length);
    await page.getByRole("button", { name: "Open the group" }).first().click();
    await page.waitForFunction((n) => document.querySelectorAll(".grid .tr").length > n, groups.length);
    assert.equal(await page.locator(".grid .tr").count(), groups.length + groups[0].runs);
  });
});

test("many runs are tagged at once, and the tag is taken away", async () => {
  const filter = "attributes.status = 'FINISHED'", before = (await api("/runs/count", { filter })).count;
  const changed = await api("/runs/change", { filter, set_tags: { "e2e": "yes" }, limit: 1000 });
  assert.equal(changed.changed.length, before);
  assert.equal((await api("/runs/count", { filter: "tags.e2e = 'yes'" })).count, before);
  await api("/runs/change", { filter, delete_tags: ["e2e"], limit: 1000 });
  assert.equal((await api("/runs/count", { filter: "tags.e2e = 'yes'" })).count, 0);
});

test("charts above the table share the colour of the dots, and v hides a run", async () => {
  await visit(at("/runs?chart=latency%252Fmean"), async (page) => {
    await page.locator(".chart-panel .legend tbody tr").first().waitFor();
    const drawn = await page.locator(".chart-panel .legend tbody tr").count();
    const first = await page.locator(".chart-panel .legend tbody tr .clip").first().innerText();
    await page.getByRole("link", { name: first, exact: true }).first().locator("xpath=ancestor::*[@role='gridcell']").focus();
    await page.keyboard.press("v");
    await page.waitForURL(/hide=/);
    await page.waitForFunction((n) => document.querySelectorAll(".chart-panel .legend tbody tr").length === n - 1, drawn);
  });
});

test("experiments with slashes are folders with sums", async () => {
  const stamp = Date.now();
  for (const name of ["a", "b"]) await api("/experiments", { name: `tree-${stamp}/deep/${name}` });
  await visit(at(`/experiments?as=tree&q=tree-${stamp}`), async (page) => {
    await page.getByRole("button", { name: `Close tree-${stamp}/deep` }).waitFor();
    assert.equal(await page.locator(".grid .tr").count(), 3);
  });
});

test("two versions of a model are compared", async () => {
  const { models } = await api("/models"), model = models.find((m) => m.versions > 1);
  if (!model) return assert.ok(models.length > 0, "the sample has a model");
  await visit(at(`/models/${encodeURIComponent(model.name)}`), async (page) => {
    await page.getByRole("checkbox", { name: /^Compare version/ }).first().waitFor();
    await page.keyboard.press("c");
    await page.getByRole("columnheader", { name: "What differs" }).waitFor();
  });
});

test("on a phone a run's card shows the metric that was chosen", async () => {
  await visit(at("/runs"), async (page) => {
    await page.locator(".cards .item").first().waitFor();
    await page.getByLabel("Metric").selectOption("metrics.latency/mean");
    await page.waitForURL(/card=/);
    await page.locator(".cards").getByText("latency/mean").first().waitFor();
  }, { viewport: phone });
});
