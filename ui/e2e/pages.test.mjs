// Every page shows what the server holds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, phone, search, sendTrace, visit, ws } from "./browser.mjs";

const at = (path) => `/w/${ws}${path}`;
const text = (page, selector = "body") => page.locator(selector).first().innerText();
const api = (path) => call(`/w/${ws}${path}`);
const words = (s) => s.replace(/[\u2009\u00a0\s]+/g, " ");

test("home counts what arrived", async () => {
  const home = await api("/home?from_ms=0");
  assert.ok(home.traces > 0, "the server is not filled: run `assay demo` first");
  await visit("/", async (page) => {
    await page.getByRole("heading", { name: "Newest runs" }).waitFor();
    assert.match(page.url(), /\/w\/default$/);
    await page.getByRole("button", { name: "Month" }).click();
    await page.waitForURL(/from=-30d/);
    assert.match(words(await text(page, ".figures")), /Traces \d/);
    assert.ok(await page.locator(".histogram rect").count() > 3);
  });
});

test("the traces table shows rows, count, histogram and facets", async () => {
  const { traces } = await search("traces", { limit: 5 }), { count } = await call(`/w/${ws}/traces/count`, {});
  await visit(at("/traces"), async (page) => {
    const grid = page.getByRole("grid", { name: "Traces" });
    await grid.waitFor();
    await page.locator(".tally").waitFor();
    assert.equal(await text(page, ".tally"), count.toLocaleString("en-US"));
    assert.equal(await grid.getAttribute("aria-rowcount"), String(count + 1));
    assert.equal((await grid.locator('[role=row][aria-rowindex="2"] a.name').innerText()).trim(), traces[0].name);
    await page.locator(".facets .value").first().waitFor();
    assert.ok(await page.locator(".histogram rect").count() > 1);
    assert.ok(await page.locator("*").count() < 1500, "the table draws more than what is seen");
  });
});

test("a filter in the URL filters, its chip goes, a facet adds one", async () => {
  const errors = await call(`/w/${ws}/traces/count`, { filter: "status = 'ERROR'" });
  assert.ok(errors.count > 0 && errors.count < errors.total);
  await visit(at(`/traces?q=${encodeURIComponent("status = 'ERROR'")}`), async (page) => {
    await page.getByText(`${errors.count.toLocaleString("en-US")} of ${errors.total.toLocaleString("en-US")}`).waitFor();
    assert.deepEqual([...new Set(await page.locator(".grid .td .status").allInnerTexts())], ["Error"]);
    await page.getByRole("button", { name: "Remove status = 'ERROR'" }).click();
    await page.waitForURL((u) => !u.searchParams.has("q"));
    await page.locator(".facets .value", { hasText: "Error" }).click();
    await page.waitForURL((u) => /ERROR/.test(u.searchParams.get("q") ?? ""));
    await page.goBack();
    await page.waitForURL((u) => !u.searchParams.has("q"));
  });
});

test("a wrong filter is marked, and nothing else breaks", async () => {
  await visit(at(`/traces?q=${encodeURIComponent("status = = 'ERROR'")}`), async (page) => {
    await page.locator(".filter-error").waitFor();
    assert.ok((await text(page, ".filter-error")).length > 10);
    await page.getByRole("button", { name: "Clear filter" }).click();
    await page.getByRole("grid").waitFor();
  }, { allow: [/400/] });
});

test("words without an operator search the text", async () => {
  const { traces } = await search("traces", { q: "AMZ", limit: 100 });
  assert.ok(traces.length > 0);
  await visit(at("/traces?q=AMZ"), async (page) => {
    await page.getByRole("grid").waitFor();
    await page.locator('[role=row][aria-rowindex="2"]').waitFor();
    assert.match(await text(page, ".tally"), new RegExp(`^${traces.length} of`));
  });
});

test("a failed trace opens on its first error, with tree, times, tokens and cost", async () => {
  const { traces } = await search("traces", { filter: "status = 'ERROR'", limit: 1 }), t = await api(`/traces/${traces[0].trace_id}`), s = await api(`/traces/${t.trace_id}/skeleton`);
  await visit(at(`/traces/${t.trace_id}`), async (page) => {
    const tree = page.getByRole("treegrid", { name: "Spans" });
    await tree.waitFor();
    assert.equal(await tree.getAttribute("aria-rowcount"), String(s.n));
    const chosen = s.name_table[s.names[s.span_ids.indexOf(t.first_error_span_id)]];
    await page.locator(".span-title h2").waitFor();
    assert.equal(await text(page, ".span-title h2"), chosen);
    assert.ok((await page.locator(".span-detail pre.error").first().innerText()).length > 5);
    const head = words(await text(page, ".page .facts"));
    assert.match(head, new RegExp(`${s.n} spans`));
    assert.match(head, /tokens · (\$|—)/);
    await tree.getByRole("row").first().click();
    await page.waitForURL(/span=/);
    const url = page.url();
    await page.reload();
    await page.locator(".span-title h2").waitFor();
    assert.equal(page.url(), url);
    assert.equal(await text(page, ".span-title h2"), s.name_table[s.names[0]]);
  });
});

test("a model call shows its messages, tokens and the price it was costed with", async () => {
  const { traces } = await search("traces", { filter: "status = 'OK'", limit: 20 });
  const t = traces.find((x) => x.cost !== null && x.spans > 3), s = await api(`/traces/${t.trace_id}/skeleton`);
  const row = s.costs.findIndex((c, i) => c !== null && !s.aggregates.includes(i) && s.models[i] >= 0), span = await api(`/traces/${t.trace_id}/spans/${s.span_ids[row]}`);
  await visit(at(`/traces/${t.trace_id}?span=${s.span_ids[row]}`), async (page) => {
    await page.locator(".span-title h2").waitFor();
    const facts = words(await text(page, "section[aria-label=Span] .facts"));
    assert.ok(facts.includes(span.model), facts);
    assert.ok(facts.includes(`price of ${span.price.effective_date}`), facts);
    for (const tab of ["Output", "Attributes", "Raw", "Input"]) {
      await page.getByRole("tab", { name: tab }).click();
      await page.waitForURL(new RegExp(`tab=${tab.toLowerCase()}`));
      assert.ok((await text(page, ".span-detail")).length > 5, tab);
    }
  });
});

test("timeline, graph, transcript and log show the same trace", async () => {
  const { traces } = await search("traces", { filter: "status = 'OK'", limit: 20 }), t = traces.find((x) => x.spans > 5 && x.models.length > 0);
  await visit(at(`/traces/${t.trace_id}`), async (page) => {
    await page.getByRole("treegrid").waitFor();
    for (const [name, selector] of [["Timeline", "[role=treegrid]"], ["Graph", "[aria-label='Graph of the trace'] button"], ["Transcript", ".turn"], ["Log", "[role=grid][aria-label=Spans]"], ["Nodes", "[role=grid][aria-label=Nodes]"]]) {
      await page.getByRole("tab", { name, exact: true }).click();
      await page.locator(selector).first().waitFor();
    }
  });
});

test("feedback is two keys, is stored, and can be undone", async () => {
  const { traces } = await search("traces", { limit: 1 }), id = traces[0].trace_id, before = (await api(`/traces/${id}`)).assessments.length;
  await visit(at(`/traces/${id}`), async (page) => {
    await page.getByRole("treegrid").waitFor();
    await page.keyboard.press("a");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("1");
    await page.getByText("correct saved").waitFor();
    const now = (await api(`/traces/${id}`)).assessments;
    assert.equal(now.length, before + 1);
    assert.equal(now.find((a) => a.name === "correct" && a.source.type === "HUMAN")?.value, true);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("correct removed").waitFor();
    assert.equal((await api(`/traces/${id}`)).assessments.length, before);
  });
});

test("experiments lead to runs, and runs to a comparison", async () => {
  const { experiments } = await api("/experiments"), e = experiments.find((x) => x.runs > 2), { runs } = await search("runs", { experiment_ids: [e.experiment_id], limit: 100 });
  await visit(at("/experiments"), async (page) => {
    await page.getByRole("link", { name: e.name, exact: true }).click();
    await page.getByRole("grid", { name: "Runs" }).waitFor();
    assert.equal(await text(page, "h1"), e.name);
    const heads = await page.getByRole("columnheader").allInnerTexts(), param = Object.keys(runs.at(-1).params);
    assert.ok(heads.some((h) => param.includes(h.trim())), heads.join());
    for (const n of [2, 3]) await page.getByRole("checkbox", { name: `Select row ${n}` }).click();
    await page.waitForURL(/sel=/);
    await page.getByRole("button", { name: "Compare" }).click();
    await page.waitForURL(/runs\/compare/);
    await page.locator(".compare table").waitFor();
    const body = await text(page, ".compare");
    for (const i of [1, 2]) assert.ok(body.includes(runs[i].name), runs[i].name);
    const all = await call(`/w/${ws}/runs/compare`, { run_ids: [runs[1].run_id, runs[2].run_id] });
    assert.equal(await page.locator(".compare tbody tr:not(.section)").count(), all.rows.filter((r) => r.differs).length);
    await page.getByRole("button", { name: /^All/ }).click();
    assert.equal(await page.locator(".compare tbody tr:not(.section)").count(), all.rows.length);
    await page.getByRole("tab", { name: "Curves" }).click();
    await page.locator("figure.chart .legend tbody tr").first().waitFor();
  });
});

test("sorting by a metric is in the URL and in the rows", async () => {
  const { experiments } = await api("/experiments"), e = experiments.find((x) => x.runs > 2);
  await visit(at(`/runs?exp=${e.experiment_id}`), async (page) => {
    await page.getByRole("grid").waitFor();
    await page.getByRole("columnheader", { name: "Name" }).getByRole("button").click();
    await page.waitForURL(/sort=-name/);
    await page.locator('[role=columnheader][aria-sort="descending"]').waitFor();
    await page.waitForTimeout(300);
    const names = await page.locator(".grid a.name").allInnerTexts();
    assert.deepEqual(names, [...names].sort().reverse());
  });
});

test("a run shows metrics, params, inputs, curves and artifacts", async () => {
  const { runs } = await search("runs", { limit: 100 }), r = runs.find((x) => Object.keys(x.metrics).length > 2), run = await api(`/runs/${r.run_id}`);
  await visit(at(`/runs/${r.run_id}`), async (page) => {
    await page.getByRole("heading", { name: "Params" }).waitFor();
    const body = await text(page, "main");
    for (const p of run.params) assert.ok(body.includes(p.key) && body.includes(p.value), p.key);
    for (const m of run.metrics.slice(0, 5)) assert.ok(body.includes(m.key), m.key);
    await page.getByRole("tab", { name: "Metrics" }).click();
    await page.locator("figure.chart, .plain").first().waitFor();
    if (run.metrics.some((m) => m.points === null || m.points > 1)) await page.locator("figure.chart canvas").first().waitFor();
    await page.getByRole("tab", { name: "Artifacts" }).click();
    await page.locator(".files, .state").first().waitFor();
    await page.getByRole("tab", { name: "Code" }).click();
    assert.ok((await text(page, "main")).includes(r.run_id));
  });
});

test("a prompt shows its versions and what changed between two", async () => {
  const { prompts } = await api("/prompts"), p = prompts.find((x) => x.versions > 1);
  await visit(at("/prompts"), async (page) => {
    await page.getByRole("link", { name: p.name, exact: true }).click();
    await page.getByRole("navigation", { name: "Versions" }).waitFor();
    assert.equal(await page.getByRole("navigation", { name: "Versions" }).getByRole("button").count(), p.versions);
    await page.keyboard.press("c");
    await page.waitForURL(/against=/);
    await page.locator(".diff").waitFor();
    assert.ok(await page.locator(".diff ins, .diff del").count() > 0);
  });
});

test("a model leads to its version, its evidence and its files", async () => {
  const { models } = await api("/models"), m = models.find((x) => x.versions > 0);
  await visit(at("/models"), async (page) => {
    await page.getByRole("link", { name: m.name, exact: true }).click();
    await page.getByRole("link", { name: `v${m.latest_version}`, exact: true }).click();
    await page.getByRole("heading", { name: "Metrics" }).waitFor();
    for (const a of m.aliases.filter((x) => x.version === m.latest_version)) assert.ok((await text(page, ".page-head")).includes(`@${a.alias}`));
    await page.getByRole("tab", { name: "Lineage" }).click();
    await page.getByText("Logged model").waitFor();
    await page.getByRole("tab", { name: "Files" }).click();
    await page.locator(".files, .state").first().waitFor();
  });
});

test("sessions, jobs, people, audit and settings open", async () => {
  for (const [path, heading] of [["/sessions", "Sessions"], ["/jobs", "Jobs"], ["/people", "People"], ["/audit", "Audit"], ["/settings", "Settings"]]) {
    await visit(at(path), async (page) => {
      await page.getByRole("heading", { level: 1, name: heading }).waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      assert.equal(await page.locator("[role=alert]").count(), 0, path);
    });
  }
});

test("links that MLflow prints lead to our pages", async () => {
  const { runs } = await search("runs", { limit: 1 }), { traces } = await search("traces", { limit: 1 });
  for (const [hash, want] of [[`#/experiments/${runs[0].experiment_id}/runs/${runs[0].run_id}`, `/runs/${runs[0].run_id}`], [`#/experiments/1/traces?selectedEvaluationId=${traces[0].trace_id}`, `/traces/${traces[0].trace_id}`], ["#/experiments/1", "/runs?exp=1"]]) {
    await visit(`/${hash}`, async (page) => {
      await page.waitForURL((u) => (u.pathname + u.search).endsWith(want));
      await page.locator("h1").waitFor();
    });
  }
});

test("new traces wait behind the pill while one reads, and then come", async () => {
  await visit(at("/traces"), async (page) => {
    const grid = page.getByRole("grid");
    await grid.waitFor();
    await grid.evaluate((g) => { g.scrollTop = 600; });
    await page.waitForTimeout(500); // the stream is open
    const top = await page.evaluate(() => document.querySelector(".grid .tr:nth-child(12)")?.textContent);
    await sendTrace(3, "came while reading");
    await page.getByRole("button", { name: /new, click to show/ }).waitFor();
    assert.equal(await grid.evaluate((g) => g.scrollTop), 600);
    assert.equal(await page.evaluate(() => document.querySelector(".grid .tr:nth-child(12)")?.textContent), top);
    await page.getByRole("button", { name: /new, click to show/ }).click();
    await grid.evaluate((g) => { g.scrollTop = 0; });
    await page.getByRole("link", { name: "came while reading" }).first().waitFor();
  });
});

test("what does not exist says so", async () => {
  await visit(at(`/runs/${"0".repeat(32)}`), async (page) => { await page.getByRole("heading", { name: "Not found" }).waitFor(); }, { allow: [/404/] });
  await visit(at("/nowhere"), async (page) => { await page.getByText("There is no such page").waitFor(); });
});

test("on a phone, lists are cards, a span is a page, nothing overflows", async () => {
  const { traces } = await search("traces", { limit: 1 }), { runs } = await search("runs", { limit: 2 });
  for (const path of ["", "/traces", `/traces/${traces[0].trace_id}`, "/experiments", "/runs", `/runs/${runs[0].run_id}`, `/runs/compare?ids=${runs.map((r) => r.run_id)}`, "/models", "/prompts", "/sessions", "/people", "/audit", "/settings", "/jobs"]) {
    await visit(at(path), async (page) => {
      await page.locator("h1").first().waitFor();
      await page.waitForTimeout(250);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), phone.width, path);
      await page.getByRole("navigation", { name: "Main" }).waitFor();
      // What sticks out and cannot be scrolled to is lost.
      assert.deepEqual(await page.evaluate(() => {
        const reachable = (e) => { for (let p = e; p && p.id !== "root"; p = p.parentElement) if (/auto|scroll|hidden|clip/.test(getComputedStyle(p).overflowX) && p.id !== "main") return true; return false; };
        return [...document.querySelectorAll("#main *, header *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && e.getBoundingClientRect().width > 0 && !reachable(e)).map((e) => e.outerHTML.slice(0, 120)).slice(0, 3);
      }), [], path);
    }, { viewport: phone });
  }
  await visit(at("/traces"), async (page) => {
    await page.locator(".cards .item").first().click();
    await page.getByRole("treegrid").getByRole("row").first().click();
    await page.getByRole("region", { name: "Span" }).waitFor();
    await page.goBack();
    await page.getByRole("region", { name: "Span" }).waitFor({ state: "detached" });
  }, { viewport: phone });
});
