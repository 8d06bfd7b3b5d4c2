// Alerts and the bell: a rule from the empty page to its firing, by keyboard
// where it is typed; channels with the receiver's answer; mute; notices.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { call, phone, sendTrace, visit, ws } from "./browser.mjs";

const at = (path) => `/w/${ws}${path}`;
const unique = (name) => `${name} ${Date.now()}`;

/** A receiver that answers with a status and remembers what came. */
async function receiver(status) {
  const got = [];
  const server = createServer((req, res) => {
    let body = "";
    req.on("data", (d) => (body += d));
    req.on("end", () => { got.push(JSON.parse(body)); res.writeHead(status).end(`answer ${status}`); });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/hook`, got, close: () => server.close() };
}

test("a sentence becomes a rule, with what last week would have brought", async () => {
  await sendTrace(5, "alert-test");
  const name = unique("Slow answers");
  await visit(at("/alerts"), async (page) => {
    await page.getByRole("heading", { name: "Alerts", exact: true }).waitFor();
    await page.getByRole("link", { name: "New rule" }).click();
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByLabel("Signal").selectOption("latency_p95");
    await page.getByLabel("Threshold to fire").fill("1");
    await page.getByLabel("Threshold to clear").fill("0.5");
    await page.getByLabel("Least number of traces").fill("1");
    await page.getByLabel("Window", { exact: true }).selectOption({ label: "1 h" });
    await page.getByRole("region", { name: "Preview" }).getByRole("heading", { name: /would have fired \d+ times?/ }).waitFor();
    await page.getByRole("region", { name: "Preview" }).getByRole("button", { name: "Firings" }).click();
    assert.match(await page.getByRole("region", { name: "Preview" }).getByRole("link", { name: "Traces" }).first().getAttribute("href"), /\/traces\?.*sort=-duration/);
    await page.getByRole("button", { name: "Create rule" }).click();
    await page.waitForURL(/\/alerts\/ar-/);
    await page.getByText("When latency p95 in all experiments over 1 h is above 1 ms, tell the bell; clear at or below 500").waitFor();
    await page.reload();
    await page.getByRole("heading", { name }).waitFor();
  });
  const { alerts } = await call(`/w/${ws}/alerts`);
  const made = alerts.find((a) => a.name === name);
  assert.deepEqual([made.fire, made.clear, made.window_ms, made.min_traces, made.signal], [1, 0.5, 3_600_000, 1, "latency_p95"]);
});

test("a threshold on the wrong side is refused in words", async () => {
  await visit(at("/alerts/new"), async (page) => {
    await page.getByLabel("Name", { exact: true }).fill(unique("wrong"));
    await page.getByLabel("Threshold to clear").fill("50");
    await page.getByRole("button", { name: "Create rule" }).click();
    await page.getByRole("alert").filter({ hasText: "clear must not be above fire" }).waitFor();
  }, { allow: [/400/] });
});

test("a channel is tested, and its receiver's answer shown", async () => {
  const good = await receiver(200), bad = await receiver(403);
  try {
    await visit(at("/alerts?tab=channels"), async (page) => {
      for (const [r, name, says] of [[good, unique("good"), "Delivered: the receiver answered 200."], [bad, unique("bad"), "The receiver refused it with 403."]]) {
        await page.getByRole("button", { name: "Add a channel" }).click();
        await page.getByLabel("Name").fill(name);
        await page.getByLabel("URL").fill(r.url);
        await page.getByLabel(/Shared secret/).fill("s3cret");
        await page.getByRole("button", { name: "Save" }).click();
        const row = page.locator("li", { hasText: name });
        await row.getByText("Webhook, signed").waitFor();
        await row.getByRole("button", { name: "Send test" }).click();
        await page.getByText(says).waitFor();
        await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
        assert.equal(r.got[0].type, "alert.test");
      }
      assert.ok(!(await page.content()).includes("s3cret"));
    });
  } finally { good.close(); bad.close(); }
});

test("a mute asks why, and is undone", async () => {
  const rule = await call(`/w/${ws}/alerts`, { name: unique("mute me"), signal: "volume", fire: 1e9, window_ms: 60_000 });
  await visit(at(`/alerts/${rule.alert_id}`), async (page) => {
    await page.getByRole("button", { name: "Mute" }).click();
    await page.getByLabel("Why").fill("it moves");
    await page.getByRole("dialog").getByRole("button", { name: "Mute" }).click();
    await page.getByText(/Muted until .*: it moves/).waitFor();
    await page.getByRole("button", { name: "Unmute" }).click();
    await page.getByText(/Muted until/).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByLabel(/Type/).fill(rule.name);
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.waitForURL(/\/alerts$/);
  });
});

test("the bell tells, is read, and hides kinds", async () => {
  const rule = await call(`/w/${ws}/alerts`, { name: unique("rings"), signal: "volume", comparison: "above", fire: 0, window_ms: 86_400_000 });
  await sendTrace(2, "rings");
  for (let i = 0; (await call(`/w/${ws}/alerts/${rule.alert_id}`)).state !== "firing"; i++) {
    assert.ok(i < 90, "the rule does not fire");
    await new Promise((r) => setTimeout(r, 1000));
  }
  for (const viewport of [undefined, phone]) {
    await visit(at("/traces"), async (page) => {
      await page.getByRole("button", { name: "Notices" }).click();
      const bell = page.getByRole("region", { name: "Notices" });
      await bell.getByText(`Firing: ${rule.name}`).waitFor();
      await page.getByRole("button", { name: "Choose kinds" }).click();
      await page.getByLabel("Alerts that fire").uncheck();
      await page.getByRole("button", { name: "Choose kinds" }).click();
      await bell.getByText(`Firing: ${rule.name}`).waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Choose kinds" }).click();
      await page.getByLabel("Alerts that fire").check();
      await page.getByRole("button", { name: "Choose kinds" }).click();
      await bell.getByText(`Firing: ${rule.name}`).click();
      await page.waitForURL(new RegExp(rule.alert_id));
    }, viewport ? { viewport } : {});
  }
  const { notices } = await call(`/w/${ws}/notices`);
  assert.equal(notices.find((n) => n.path.includes(rule.alert_id)).read, true);
});
