// Accounts in the browser: the first one, signing in and its errors, a session
// that ends, and what disabling a person does. On a server of its own.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { launch, wide } from "./server.mjs";

const password = "a-long-enough-password";
const data = mkdtempSync(join(tmpdir(), "assay-session-"));
let server, base, browser;

before(async () => {
  server = spawn(process.env.ASSAY_BIN ?? resolve("../bin/assay"), ["serve", "--addr", "127.0.0.1:0", "--otlp-grpc-addr", "", "--otlp-http-addr", "", "--data", data]);
  base = await new Promise((found, lost) => {
    let said = "";
    for (const stream of [server.stdout, server.stderr]) stream.on("data", (d) => { said += d; const m = /ready at (http:\S+)/.exec(said); if (m) found(m[1]); });
    server.on("exit", () => lost(new Error(said)));
  });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  const gone = new Promise((done) => server.on("exit", done));
  server.kill("SIGINT");
  await gone;
  rmSync(data, { recursive: true, force: true });
});

const api = async (method, path, body, token) => {
  const auth = token ? { authorization: `Bearer ${token}` } : { authorization: `Basic ${btoa(`ada:${password}`)}` };
  const res = await fetch(`${base}/api/assay/v1${path}`, { method, headers: { "content-type": "application/json", ...auth }, ...(body ? { body: JSON.stringify(body) } : {}) });
  return { status: res.status, body: res.status === 204 ? null : await res.json() };
};

async function tab(context) {
  const page = await (context ?? await browser.newContext({ viewport: wide, reducedMotion: "reduce" })).newPage();
  page.thrown = [];
  page.on("pageerror", (e) => page.thrown.push(e.message));
  return page;
}

async function signIn(page, name, word) {
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(word);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("the first account is made, and everything asks for credentials from then on", async () => {
  const page = await tab();
  await page.goto(`${base}/w/default`);
  await page.getByRole("heading", { name: "Nothing has arrived yet" }).waitFor();
  await page.getByRole("link", { name: "Create the first account" }).click();
  await page.getByRole("button", { name: "Create the first account" }).click();
  await page.getByLabel("User name").fill("ada");
  await page.getByLabel("Password, at least 10 characters").fill(password);
  await page.getByLabel("Password again").fill("another-password");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByText("The two passwords differ").waitFor();
  await page.getByLabel("Password again").fill(password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByText("(you)").waitFor();
  assert.equal((await fetch(`${base}/api/assay/v1/w/default/home`)).status, 401);
  assert.deepEqual(page.thrown, []);
  await page.context().close();
});

test("signing in: password managers, errors that help, and back to the page asked for", async () => {
  const page = await tab();
  await page.goto(`${base}/w/default/audit?actor=ada`);
  await page.getByRole("heading", { name: "Sign in to Assay" }).waitFor();
  assert.equal(await page.getByLabel("User name").getAttribute("autocomplete"), "username");
  assert.equal(await page.getByLabel("Password", { exact: true }).getAttribute("autocomplete"), "current-password");
  await signIn(page, "ada", "wrong-password");
  await page.getByRole("alert").filter({ hasText: "the user name or the password is wrong" }).waitFor();
  await page.getByRole("button", { name: "Show the password" }).click();
  assert.equal(await page.getByLabel("Password", { exact: true }).getAttribute("type"), "text");
  await signIn(page, "ada", password);
  await page.getByRole("grid", { name: "Audit log" }).waitFor();
  assert.match(page.url(), /audit\?actor=ada$/);

  // A session that ends shows the form in place, and leads back.
  await page.context().clearCookies();
  await page.getByRole("link", { name: "Traces" }).click();
  await page.getByText("Your session has ended").waitFor();
  await signIn(page, "ada", password);
  await page.getByRole("heading", { level: 1, name: "Traces" }).waitFor();
  assert.match(page.url(), /traces$/);
  assert.deepEqual(page.thrown, []);
  await page.context().close();
});

test("too many failures: the form says how long", async () => {
  const page = await tab();
  await page.goto(`${base}/w/default`);
  for (let i = 0; i < 6; i++) {
    await signIn(page, "mallory", `guess-number-${i}`);
    await page.getByRole("alert").waitFor();
    await page.waitForTimeout(100);
  }
  await page.getByRole("alert").filter({ hasText: /Too many failed sign-ins\. Try again in \d+ min/ }).waitFor();
  assert.ok(await page.getByRole("button", { name: "Sign in" }).isDisabled());
  await page.context().close();
});

test("disabling a person lists and suspends their tokens; roles hide what cannot be used", async () => {
  await api("POST", "/w/default/people", { username: "bob", password, role: "editor" });
  const bob = await (await fetch(`${base}/api/assay/v1/w/default/tokens`, { method: "POST", headers: { "content-type": "application/json", authorization: `Basic ${btoa(`bob:${password}`)}` }, body: JSON.stringify({ name: "nightly", role: "editor" }) })).json();
  assert.equal((await api("GET", "/w/default/home", undefined, bob.secret)).status, 200);

  const theirs = await tab();
  await theirs.goto(`${base}/w/default/people`);
  await signIn(theirs, "bob", password);
  await theirs.getByRole("heading", { level: 1, name: "People" }).waitFor();
  const sections = theirs.getByRole("navigation", { name: "Sections" });
  assert.equal(await sections.getByRole("link", { name: "Audit" }).count(), 0);
  assert.equal(await sections.getByRole("link", { name: "Settings" }).count(), 0);
  await theirs.goto(`${base}/w/default/audit`);
  await theirs.getByRole("heading", { name: "Not allowed" }).waitFor();

  const page = await tab();
  await page.goto(`${base}/w/default/people`);
  await signIn(page, "ada", password);
  await page.getByRole("button", { name: "More for bob" }).click();
  await page.getByRole("button", { name: "Disable…" }).click();
  await page.getByText("nightly").waitFor();
  await page.getByRole("button", { name: "Disable", exact: true }).click();
  await page.getByText("bob is disabled").waitFor();
  assert.equal((await api("GET", "/w/default/home", undefined, bob.secret)).status, 401);
  await page.getByRole("tab", { name: /Service tokens/ }).click();
  await page.getByText("Suspended").waitFor();
  await theirs.getByRole("link", { name: "Traces" }).click();
  await theirs.getByRole("heading", { name: "Sign in to Assay" }).waitFor();

  await page.getByRole("tab", { name: /People/ }).click();
  await page.getByRole("button", { name: "More for bob" }).click();
  await page.getByRole("button", { name: "Enable" }).click();
  await page.getByText("bob is enabled").waitFor();
  assert.equal((await api("GET", "/w/default/home", undefined, bob.secret)).status, 200);
  assert.deepEqual([...page.thrown, ...theirs.thrown], []);
  await page.context().close();
  await theirs.context().close();
});

test("workspaces: made, switched to, described, deleted with its name", async () => {
  const page = await tab();
  await page.goto(`${base}/w/default/people?tab=workspaces`);
  await signIn(page, "ada", password);
  await page.getByRole("button", { name: "New workspace" }).click();
  await page.getByLabel(/Name: a–z/).fill("lab");
  await page.getByLabel(/What it is for/).fill("where things are tried");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText("Workspace lab created").waitFor();
  await page.getByRole("button", { name: /^default/ }).click();
  await page.locator(".popover").getByRole("link", { name: /lab/ }).click();
  await page.waitForURL(/\/w\/lab$/);
  await page.goto(`${base}/w/default/people?tab=workspaces`);
  await page.getByRole("button", { name: "Delete lab" }).click();
  const go = page.getByRole("dialog").getByRole("button", { name: "Delete" });
  assert.ok(await go.isDisabled());
  await page.getByLabel(/Type lab to confirm/).fill("lab");
  await go.click();
  await page.getByText("Workspace lab deleted").waitFor();
  assert.deepEqual(page.thrown, []);
  await page.context().close();
});

test("the audit log shows what changed, and is exported", async () => {
  const page = await tab();
  await page.goto(`${base}/w/default/audit?action=user.`);
  await signIn(page, "ada", password);
  const log = page.getByRole("grid", { name: "Audit log" });
  await log.waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  const entry = page.getByRole("dialog");
  await entry.locator("ins").filter({ hasText: "false" }).waitFor(); // bob was enabled
  await entry.locator("del").filter({ hasText: "true" }).waitFor();
  await entry.getByRole("button", { name: "its history" }).click();
  await page.waitForURL(/kind=user&object=u-/);
  const csv = await (await fetch(`${base}/api/assay/v1/w/default/audit/export?action=user.`, { headers: { authorization: `Basic ${btoa(`ada:${password}`)}` } })).text();
  assert.match(csv.split("\n")[0], /^seq,time,actor,/);
  assert.ok(csv.split("\n").length >= 5);
  assert.ok(!csv.includes(password));
  const lines = (await (await fetch(`${base}/api/assay/v1/w/default/audit/export?format=jsonl`, { headers: { authorization: `Basic ${btoa(`ada:${password}`)}` } })).text()).trim().split("\n").map((l) => JSON.parse(l));
  assert.ok(lines.some((e) => e.action === "token.create") && lines.every((e, i) => i === 0 || e.seq < lines[i - 1].seq));
  assert.deepEqual(page.thrown, []);
  await page.context().close();
});
