// Traces, one trace and conversations, as the specification of the pages has
// them: what can be done from each, and that nothing moves while one reads.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, phone, search, visit, ws } from "./browser.mjs";
import { hex, live, newTraceId, send, sendSession, span, watch } from "./observe.mjs";

const at = (path) => `/w/${ws}${path}`;
const api = (path) => call(`/w/${ws}${path}`);
const until = async (what, ok, ms = 15_000) => { for (const end = Date.now() + ms; ;) { const v = await what(); if (ok(v)) return v; assert.ok(Date.now() < end, `still ${JSON.stringify(v)?.slice(0, 200)}`); await new Promise((r) => setTimeout(r, 150)); } };
const words = (s) => s.replace(/[\u2009\u00a0\s]+/g, " ");
const tag = `t${Date.now().toString(36)}`;

/** n small traces named `name`, the first of them failed. */
async function sendMany(n, name) {
  const start = Date.now() - n * 10;
  await send(Array.from({ length: n }, (_, i) => span({ trace: newTraceId(), id: 1, name, start: start + i * 10, ...(i === 0 ? { error: "the first one failed" } : {}), attributes: { "mlflow.spanInputs": `"ask ${i}"` } })));
  await until(() => call(`/w/${ws}/traces/count`, { filter: `name = '${name}'` }), (c) => c.count === n);
}

test("all that match are selected and changed on the server, not only the rows that were read", async () => {
  const name = `many ${tag}`;
  await sendMany(130, name);
  await visit(at(`/traces?q=${encodeURIComponent(`name = '${name}'`)}`), async (page) => {
    await page.getByRole("grid").waitFor();
    await page.getByRole("checkbox", { name: "Select all loaded rows" }).click();
    await page.getByRole("button", { name: "Select all 130 matching" }).click();
    await page.getByText("All 130 traces that match").waitFor();
    await page.getByRole("button", { name: "Tag", exact: true }).click();
    await page.getByLabel("Key").fill("reviewed");
    await page.getByLabel("Value").fill("yes");
    await page.getByRole("dialog").getByRole("button", { name: /^Set on/ }).click();
    await page.getByText(/: done/).waitFor();
    assert.equal((await call(`/w/${ws}/traces/count`, { filter: `name = '${name}' AND tags.reviewed = 'yes'` })).count, 130);

    // Some of them, by hand: scored, then deleted by their typed name.
    await page.getByRole("grid").waitFor();
    for (const n of [1, 2]) await page.getByRole("checkbox", { name: `Select row ${n}`, exact: true }).click();
    await page.getByRole("button", { name: "Score", exact: true }).click();
    await page.getByLabel("Value").fill("0.25");
    await page.getByLabel("Why").fill("too short");
    await page.getByRole("dialog").getByRole("button", { name: "Score 2 traces" }).click();
    await page.getByText("2 traces scored").waitFor();
    assert.equal((await call(`/w/${ws}/traces/count`, { filter: `name = '${name}' AND feedback.quality = '0.25'` })).count, 2);
    for (const n of [1, 2, 3]) await page.getByRole("checkbox", { name: `Select row ${n}`, exact: true }).click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    assert.equal(await page.getByRole("dialog").getByRole("button", { name: "Delete" }).isDisabled(), true);
    await page.getByLabel(/Type/).fill("delete 3");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("3 traces deleted").waitFor();
    await until(() => call(`/w/${ws}/traces/count`, { filter: `name = '${name}'` }), (c) => c.count === 127);
  });
});

test("a facet shows more of its values and less again", async () => {
  await send(Array.from({ length: 12 }, (_, i) => span({ trace: newTraceId(), id: 1, name: `kind ${tag} ${i}`, start: Date.now(), attributes: { "user.id": `person ${i}` } })));
  await visit(at("/traces"), async (page) => {
    const names = page.getByRole("region", { name: "Name", exact: true });
    await names.getByRole("button", { name: "More" }).click();
    await until(() => names.locator(".value").count(), (n) => n > 8);
    await names.getByRole("button", { name: "Less" }).click();
    assert.equal(await names.locator(".value").count(), 5);
  });
});

test("a link that asks for what is unknown falls back, and says so", async () => {
  await visit(at("/traces?sort=-luck&from=yesterday&cols=status,name,nonsense"), async (page) => {
    await page.getByRole("grid").waitFor();
    const notice = words(await page.locator(".banner.warning").innerText());
    assert.match(notice, /luck.*newest come first/);
    assert.match(notice, /yesterday.*no time/);
  });
  const { traces } = await search("traces", { limit: 1 });
  await visit(at(`/traces/${traces[0].trace_id}?view=hologram&span=ffffffffffffffff`), async (page) => {
    await page.getByRole("treegrid").waitFor();
    await page.getByText("is no view of a trace").waitFor();
    await page.getByText("is not in the trace").waitFor();
  });
});

test("next walks past the rows that the list had read", async () => {
  const name = `walk ${tag}`;
  await sendMany(102, name);
  await visit(at(`/traces?q=${encodeURIComponent(`name = '${name}'`)}`), async (page) => {
    await page.getByRole("grid").waitFor();
    // The list is cut to its first 100, as if nobody had scrolled.
    const ids = await page.evaluate(() => { const v = JSON.parse(sessionStorage.getItem("assay.walk.traces")); v.ids = v.ids.slice(0, 100); return v; });
    const { traces, next_page_token } = await search("traces", { filter: `name = '${name}'`, order_by: ["-start_ms"], limit: 100 });
    await page.evaluate(([v, token]) => sessionStorage.setItem("assay.walk.traces", JSON.stringify({ ...v, more: { ask: v.more?.ask ?? { filter: v.filter }, token } })), [{ ...ids, more: { ask: { filter: `name = '${name}'`, order_by: ["-start_ms"] } } }, next_page_token]);
    await page.goto(`${new URL(page.url()).origin}${at(`/traces/${traces[99].trace_id}`)}`);
    await page.getByRole("treegrid").waitFor();
    await page.getByText("100 of 102").waitFor();
    await page.keyboard.press("]");
    await page.getByText("101 of 102").waitFor();
    await page.keyboard.press("[");
    await page.getByText("100 of 102").waitFor();
  });
});

/** An agent of two model calls with a tool between them, in the words of GenAI. */
async function sendAgent({ model = "nova", question = "What is AMZ worth?", extra = false } = {}) {
  const trace = newTraceId(), t = Date.now() - 5000, msg = (role, ...parts) => ({ role, parts });
  const user = msg("user", { type: "text", content: question }), asks = msg("assistant", { type: "reasoning", content: "The symbol must be looked up." }, { type: "tool_call", id: "c1", name: "get_price", arguments: { symbol: "AMZ" } }), says = msg("tool", { type: "tool_call_response", id: "c1", response: "226.70" });
  await send([
    span({ trace, id: 1, name: "agent", start: t, end: t + 2000, attributes: { "gen_ai.operation.name": "invoke_agent" } }),
    span({ trace, id: 2, parent: 1, name: `chat ${model}`, start: t + 10, end: t + 500, attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": model, "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10, "gen_ai.input.messages": JSON.stringify([user]), "gen_ai.output.messages": JSON.stringify([asks]) } }),
    span({ trace, id: 3, parent: 1, name: "execute_tool get_price", start: t + 510, end: t + 900, attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_price" } }),
    ...(extra ? [span({ trace, id: 5, parent: 1, name: "check", start: t + 910, end: t + 950 })] : []),
    span({ trace, id: 4, parent: 1, name: `chat ${model}`, start: t + 1000, end: t + 1900, attributes: { "gen_ai.operation.name": "chat", "gen_ai.request.model": model, "gen_ai.usage.input_tokens": 150, "gen_ai.usage.output_tokens": extra ? 40 : 20, "gen_ai.input.messages": JSON.stringify([user, asks, says]), "gen_ai.output.messages": JSON.stringify([msg("assistant", { type: "text", content: extra ? "AMZ is worth $230." : "AMZ is worth $226.70." })]) } }),
  ]);
  await until(() => call(`/w/${ws}/traces/tr-${trace}/skeleton`).catch(() => null), (s) => s?.n === (extra ? 5 : 4));
  return `tr-${trace}`;
}

test("a transcript pairs calls with results, marks reasoning and folds what repeats", async () => {
  const id = await sendAgent();
  await visit(at(`/traces/${id}?view=transcript`), async (page) => {
    const calls = page.locator(".model-call");
    await calls.nth(1).waitFor();
    await page.getByText("The symbol must be looked up.").waitFor();
    await page.locator(".call.paired .result", { hasText: "226.7" }).waitFor();
    assert.equal(await page.getByText("What is AMZ worth?").count(), 1, "history is shown twice");
    await page.getByRole("button", { name: "3 messages as before, show" }).click();
    assert.equal(await page.getByText("What is AMZ worth?").count(), 2);
  });
});

test("log, nodes and critical path say the same as the tree", async () => {
  const id = await sendAgent(), s = await api(`/traces/${id}/skeleton`);
  await visit(at(`/traces/${id}?view=log`), async (page) => {
    const log = page.getByRole("grid", { name: "Spans" });
    await log.waitFor();
    assert.equal(await log.getAttribute("aria-rowcount"), String(s.n + 1));
    await page.getByRole("columnheader", { name: "Duration" }).getByRole("button").click();
    await until(async () => words(await log.getByRole("row").nth(1).innerText()), (t) => /agent/.test(t));
    await page.keyboard.press("6");
    const nodes = page.getByRole("grid", { name: "Nodes" });
    await nodes.waitFor();
    const chat = words(await nodes.getByRole("row").filter({ hasText: "chat nova" }).innerText());
    assert.match(chat, /chat nova 2 0 1\.39 s 1\.39 s/);
    await page.keyboard.press("1");
    await page.getByRole("treegrid").waitFor();
    await page.keyboard.press("w");
    await page.waitForURL(/path=critical/);
    assert.match(words(await page.locator(".path-bar").innerText()), /held it up: chat nova 1\.39 s \(70%\)/);
  });
});

test("two traces line up: what is missing, what took longer, which words changed", async () => {
  const a = await sendAgent(), b = await sendAgent({ extra: true, question: "What is AMZN worth?" });
  await visit(at(`/traces/compare?a=${a}&b=${b}`), async (page) => {
    const tree = page.getByRole("treegrid", { name: "Spans of both" });
    await tree.waitFor();
    assert.deepEqual((await tree.getByRole("row").allInnerTexts()).map((t) => words(t).match(/agent|check only B|chat nova/)?.[0]), ["agent", "check only B", "chat nova"]);
    await tree.getByRole("row").filter({ hasText: "chat nova" }).click();
    await page.getByRole("tab", { name: "Output" }).click();
    await page.locator(".diff ins", { hasText: "230" }).first().waitFor();
    await page.getByRole("button", { name: /^All/ }).click();
    await until(() => tree.getByRole("row").count(), (n) => n === 5);
    const url = page.url();
    await page.reload();
    await page.locator(".diff ins").first().waitFor();
    assert.equal(page.url(), url);
    await page.getByRole("button", { name: "Swap" }).click();
    await page.waitForURL(new RegExp(`a=${b}&b=${a}`));
    await page.getByText("only A").waitFor();
  });
});

test("from the list, two selected traces compare with c", async () => {
  const a = await sendAgent(), b = await sendAgent();
  await visit(at(`/traces?q=${encodeURIComponent(`request_id IN ('${a}', '${b}')`)}`), async (page) => {
    await page.getByRole("grid").waitFor();
    for (const k of ["j", "x", "j", "x", "c"]) { await page.keyboard.press(k); await page.waitForTimeout(80); }
    await page.waitForURL(/traces\/compare/);
    await page.getByText("No measurable difference").waitFor();
  });
});

test("a conversation of 20,000 turns opens, jumps and finds its failures", async (t) => {
  const session = `long ${tag}/✓`;
  await sendSession(session, 20_000, { fails: 6000 });
  await until(() => api(`/sessions/${encodeURIComponent(session)}`).catch(() => null), (s) => s?.traces === 20_000, 60_000);
  let asked = 0;
  await visit(at(`/sessions/${encodeURIComponent(session)}`), async (page) => {
    page.on("request", (r) => { if (/\/turns\?/.test(r.url())) asked++; });
    const begun = performance.now();
    await page.getByText("answer 1", { exact: true }).waitFor();
    t.diagnostic(`first turns after ${Math.round(performance.now() - begun)} ms`);
    assert.ok(await page.locator("*").count() < 1500, "more is drawn than is seen");
    await page.getByLabel(/Jump to turn/).fill("15000");
    await page.keyboard.press("Enter");
    await page.getByText("answer 15000", { exact: true }).waitFor();
    await page.waitForURL(/turn=15000/);
    await page.locator('[data-turn="14999"]').focus();
    await page.keyboard.press("e");
    await page.getByText("turn 18000 broke").waitFor();
    assert.ok(asked <= 8, `${asked} pages of turns were read`);
  });
  await visit(at(`/sessions/${encodeURIComponent(session)}?turn=9000`), async (page) => { await page.getByText("answer 9000", { exact: true }).waitFor(); });
});

test("sessions are searched, sorted and lead to their turns", async () => {
  await sendSession(`short ${tag}`, 3, { fails: 3, user: `zed ${tag}` });
  await until(() => api(`/sessions?q=${encodeURIComponent(`zed ${tag}`)}`), (d) => d.sessions[0]?.traces === 3);
  await visit(at("/sessions"), async (page) => {
    await page.getByRole("grid", { name: "Sessions" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type(`zed ${tag}`);
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=zed/);
    await until(() => page.getByRole("grid").getAttribute("aria-rowcount"), (n) => n === "2");
    await page.getByRole("columnheader", { name: "Turns" }).getByRole("button").click();
    await page.waitForURL(/sort=-turns/);
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByText("answer 1", { exact: true }).waitFor();
    await page.getByText("turn 3 broke").waitFor();
    await page.getByRole("button", { name: /Show/ }).first().click();
    await page.locator(".steps").waitFor();
  });
});

test("a live trace grows beneath what is read: four paints a second at most, nothing moves", async (t) => {
  const trace = newTraceId();
  await send([span({ trace, id: 1, name: "a long agent", start: Date.now(), end: null, attributes: { "gen_ai.operation.name": "invoke_agent" } })]);
  await live(trace, 200, 1, { firstId: 2 });
  await until(() => call(`/w/${ws}/traces/tr-${trace}/skeleton`).catch(() => null), (s) => s?.n > 100);
  await visit(at(`/traces/tr-${trace}`), async (page) => {
    const tree = page.getByRole("treegrid");
    await tree.getByRole("row").nth(3).click();
    const chosen = await page.locator('.span[aria-selected="true"]').getAttribute("aria-rowindex"), before = Number(await tree.getAttribute("aria-rowcount"));
    await page.locator(".bar.open").first().waitFor();
    await page.waitForTimeout(500);
    const w = await watch(page, () => live(trace, 200, 8, { firstId: 10_000 }), { selector: "[role=treegrid]" });
    t.diagnostic(`live 200/s: ${w.paintsPerSecond.toFixed(1)} paints/s, ${(w.core * 100).toFixed(0)}% of a core, layout shift ${w.shift}, longest frame gap ${w.longestGap} ms`);
    assert.ok(Number(await tree.getAttribute("aria-rowcount")) > before + 500, "the spans did not come");
    assert.ok(w.mostInASecond <= 5, `${w.mostInASecond} paints within a second`); // 4 and a fraction fall into some seconds
    assert.equal(w.shift, 0);
    assert.equal(await page.locator('.span[aria-selected="true"]').getAttribute("aria-rowindex"), chosen);
  });
});

test("a payload of megabytes is windowed, searched and never freezes the page", async (t) => {
  const trace = newTraceId(), json = JSON.stringify(Array.from({ length: 60_000 }, (_, i) => ({ id: i, name: `item ${i}`, nested: { price: i / 7, tags: ["a", "b"] }, note: "x".repeat(90) }))), text = "a line of words that goes on and on, needle or not\n".repeat(200_000);
  t.diagnostic(`JSON ${(json.length / 1e6).toFixed(1)} MB, text ${(text.length / 1e6).toFixed(1)} MB`);
  await send([span({ trace, id: 1, name: "big", start: Date.now() - 1000, attributes: { "mlflow.spanInputs": json, "mlflow.spanOutputs": JSON.stringify(text) } }), span({ trace, id: 2, parent: 1, name: "small", start: Date.now() - 900 })]);
  await until(() => call(`/w/${ws}/traces/tr-${trace}/skeleton`).catch(() => null), (s) => s?.n === 2);
  await visit(at(`/traces/tr-${trace}?span=${hex(2, 16)}`), async (page) => {
    await page.getByRole("treegrid").waitFor();
    await page.waitForTimeout(1500); // the neighbour was read ahead: the budget is of its first view
    const first = async (tab, selector) => {
      const w = await watch(page, async () => {
        const from = performance.now();
        await page.getByRole("tab", { name: tab, exact: true }).click();
        await page.locator(selector).first().waitFor();
        t.diagnostic(`${tab}: first view ${Math.round(performance.now() - from)} ms`);
      });
      t.diagnostic(`${tab}: longest frame gap ${w.longestGap} ms, long frames ${w.longFrames.join(", ") || "none"}`);
    };
    await page.getByRole("treegrid").getByRole("row").first().click();
    await first("Output", ".textline");
    await page.getByLabel("Search Output").fill("needle");
    await page.getByText(/10,000\+ matches/).waitFor();
    await first("Input", ".rows.big .line");
    assert.ok(await page.locator("*").count() < 1500, "more is drawn than is seen");
    await page.locator(".rows.big").first().evaluate((e) => { e.scrollTop = e.scrollHeight; });
    await page.locator(".rows.big").getByText(/59999|\]/).first().waitFor();
  });
});

test("the keyboard alone: newest failed trace to its failing span in four keys, a score in four", async () => {
  await visit(at("/traces"), async (page) => {
    await page.getByRole("grid").waitFor();
    let keys = 0;
    const press = async (k) => { keys++; await page.keyboard.press(k); await page.waitForTimeout(200); };
    await press("e");
    await page.locator('[role=row][aria-rowindex="2"] .status.error').waitFor();
    await press("j");
    await press("Enter");
    await page.locator(".span-title .status.error").waitFor();
    assert.ok(keys <= 4);
    await press("a");
    await press("1");
    await page.getByText("correct saved").waitFor();
    assert.ok(keys <= 5);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("correct removed").waitFor();
  });
});

test("hostile contents stay within their place, at every width", async () => {
  const trace = newTraceId(), long = "W".repeat(10_000), start = Date.now() - 1000;
  await send([
    span({ trace, id: 1, name: `${long}\nsecond line`, start, end: start + 900, attributes: { "session.id": `sess-${long.slice(0, 240)}`, "user.id": "مستخدم 👩‍👩‍👧", "mlflow.spanInputs": JSON.stringify({ q: long }), "mlflow.spanOutputs": JSON.stringify("日本語テキスト ".repeat(50)), ...Object.fromEntries(Array.from({ length: 12_000 }, (_, i) => [`key.${i}`, i % 3 ? `v${i}` : Number.NaN])) } }),
    span({ trace, id: 2, parent: 1, name: "שלום עולם <b>&amp;", start: start + 1, error: long, attributes: { "gen_ai.operation.name": "execute_tool" }, events: [{ name: "exception", time: start + 2, attributes: { "exception.type": "Bad", "exception.message": long, "exception.stacktrace": "at x\n".repeat(300) } }] }),
  ]);
  await until(() => call(`/w/${ws}/traces/tr-${trace}/skeleton`).catch(() => null), (s) => s?.n === 2);
  const session = (await api(`/traces/tr-${trace}`)).session;
  for (const viewport of [{ width: 1440, height: 900 }, { width: 720, height: 450 }, phone, { width: 320, height: 640 }]) {
    for (const path of [`/traces?q=${encodeURIComponent(`request_id = 'tr-${trace}'`)}`, `/traces/tr-${trace}`, ...["graph", "transcript", "log", "nodes"].map((v) => `/traces/tr-${trace}?view=${v}`), `/traces/tr-${trace}?span=${hex(1, 16)}&tab=attributes`, `/traces/tr-${trace}?span=${hex(2, 16)}&tab=events`, `/traces/compare?a=tr-${trace}&b=tr-${trace}&show=all`, `/sessions/${encodeURIComponent(session)}`]) {
      await visit(at(path), async (page) => {
        await page.locator("h1").first().waitFor();
        await page.waitForTimeout(300);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, `${path} at ${viewport.width}`);
        assert.ok(await page.locator("*").count() < 2500, `${path} draws everything`);
      }, { viewport });
    }
  }
});
