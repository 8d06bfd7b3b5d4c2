// What "Copy as" gives runs as it is: each page's texts are taken the way a
// reader takes them, over plain HTTP too, and executed.
//
//	ASSAY_BIN   the assay command, by default ../bin/assay
//	PYTHON      a Python with MLflow's client; without one, Python is checked
//	            for syntax alone where python3 exists
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { visit, ws } from "./browser.mjs";
import { routes } from "./routes.mjs";

const run = promisify(execFile);
const bin = mkdtempSync(join(tmpdir(), "assay-bin-"));
symlinkSync(process.env.ASSAY_BIN ?? resolve("../bin/assay"), join(bin, "assay"));
const python = [process.env.PYTHON, resolve("../.cache/venv-v3/bin/python")].find((p) => p && existsSync(p));
const env = { ...process.env, PATH: `${bin}:${dirname(python ?? "/usr/bin/python3")}:${process.env.PATH}`, MLFLOW_DISABLE_TELEMETRY: "true" };

/** Runs a text and fails with what it said. */
async function execute(kind, text) {
  if (kind === "Python") {
    // What imports mlflow needs the client; the rest any Python.
    const needsClient = /^import mlflow/m.test(text);
    const args = needsClient && !python ? ["-c", "import ast, sys; ast.parse(sys.argv[1])", text] : ["-c", text];
    return run(needsClient && python ? python : "python3", args, { env, timeout: 60_000, maxBuffer: 64 << 20 });
  }
  return run("sh", ["-c", text], { env, timeout: 30_000, maxBuffer: 64 << 20 });
}

/** A page whose clipboard API is absent, as over plain HTTP; what is copied is kept. */
async function plainHTTP(page) {
  await page.addInitScript(() => {
    Object.defineProperty(globalThis, "isSecureContext", { value: false });
    Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined });
    globalThis.copied = [];
    document.addEventListener("copy", () => { const a = document.activeElement; globalThis.copied.push(a.value.slice(a.selectionStart, a.selectionEnd)); });
  });
}

test("every page's texts run", async (t) => {
  if (!python) t.diagnostic("no Python with MLflow's client: its texts are parsed, not run");
  const ran = [], without = [];
  await visit(`/w/${ws}/people`, async (page) => {
    await plainHTTP(page);
    for (const [name, path] of await routes()) {
      await t.test(name, async () => {
        await page.goto(new URL(`/w/${ws}${path}`, page.url()).href, { waitUntil: "load" });
        await page.locator("h1").first().waitFor();
        await page.locator(".skeleton").first().waitFor({ state: "detached" });
        await page.keyboard.press("Y");
        const items = page.locator(".popover .menu-item");
        if (!await items.first().waitFor({ timeout: 1_500 }).then(() => true, () => false)) { without.push(name); return; }
        const names = await items.allInnerTexts();
        assert.equal(names[0], "Link");
        await page.keyboard.press("Escape");
        for (const kind of names) {
          await page.keyboard.press("Y");
          await items.filter({ hasText: new RegExp(`^${kind}$`) }).click();
          await page.waitForFunction(() => globalThis.copied.length > 0);
          const text = await page.evaluate(() => globalThis.copied.splice(0).at(-1));
          if (kind === "Link") { assert.equal(text, page.url()); continue; }
          if (!["CLI", "Python", "curl"].includes(kind)) { assert.ok(text.length > 0); continue; }
          try {
            await execute(kind, text);
            ran.push(`${name} ${kind}`);
          } catch (e) {
            assert.fail(`${kind} of ${name} ended with ${e.code}:\n${text}\n${String(e.stderr).slice(-600)}`);
          }
        }
      });
    }
  });
  t.diagnostic(`ran ${ran.length} texts; without "Copy as": ${without.join(", ") || "none"}`);
  assert.ok(ran.length >= 12, `only ${ran.join(", ")}`);
});
