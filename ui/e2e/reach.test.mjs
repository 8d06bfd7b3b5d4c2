// Everything can be reached: at 320 px, at 200 % zoom, and with Tab alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { visit, wide, ws } from "./browser.mjs";
import { routes } from "./routes.mjs";

/** What sticks out of the window and no scrolling brings in. */
const lost = () => {
  const reachable = (e) => { for (let p = e; p && p.id !== "root"; p = p.parentElement) if (/auto|scroll|hidden|clip/.test(getComputedStyle(p).overflowX) && p.id !== "main") return true; return false; };
  return {
    page: document.documentElement.scrollWidth - innerWidth,
    out: [...document.querySelectorAll("#main *, header *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && e.getBoundingClientRect().width > 0 && !reachable(e)).map((e) => e.outerHTML.slice(0, 140)).slice(0, 3),
  };
};

for (const [name, viewport] of [["320 px", { width: 320, height: 640 }], ["200 % zoom", { width: 720, height: 450 }]]) {
  test(`reflow at ${name}`, async (t) => {
    const all = await routes();
    await visit(`/w/${ws}/people`, async (page) => {
      for (const [route, path] of all) {
        await t.test(route, async () => {
          await page.goto(new URL(`/w/${ws}${path}`, page.url()).href, { waitUntil: "load" });
          await page.locator("h1").first().waitFor();
          await page.locator(".skeleton").first().waitFor({ state: "detached" });
          await page.waitForTimeout(150);
          assert.deepEqual(await page.evaluate(lost), { page: 0, out: [] });
        });
      }
    }, { viewport });
  });
}

/** Every element that Tab should stop at, marked; how many there are. */
const mark = () => {
  const seen = (e) => e.checkVisibility({ checkOpacity: false, checkVisibilityCSS: true }) && !e.closest("[inert]") && e.getBoundingClientRect().width > 0;
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, [tabindex], summary")].filter((e) => e.tabIndex >= 0 && !e.disabled && seen(e));
  // One radio or roving stop of a group is a stop; the rest has tabindex -1 already.
  all.forEach((e, i) => { e.dataset.stop = String(i); });
  return all.length;
};

const focused = () => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const s = getComputedStyle(e), ring = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0;
  const box = e.closest(".box, .filterbar, label, .plot, [role=grid], [role=treegrid]");
  const around = box ? getComputedStyle(box) : null;
  return { stop: e.dataset.stop ?? null, html: e.outerHTML.slice(0, 120), ring: ring || s.boxShadow !== "none" || (!!around && (around.outlineStyle !== "none" || around.boxShadow !== "none")) };
};

test("Tab reaches everything, shows where it is, and is never trapped", async (t) => {
  const all = await routes();
  await visit(`/w/${ws}/people`, async (page) => {
    for (const [route, path] of all) {
      await t.test(route, async () => {
        await page.goto(new URL(`/w/${ws}${path}`, page.url()).href, { waitUntil: "load" });
        await page.locator("h1").first().waitFor();
        await page.locator(".skeleton").first().waitFor({ state: "detached" });
        await page.waitForTimeout(250);
        const n = await page.evaluate(mark);
        const reached = new Set(), unseen = [];
        // A page that puts focus into its tree is walked from there to the end,
        // and once more from the beginning.
        const walk = [];
        let ends = 0;
        for (let i = 0; i < 2 * n + 60 && ends < 2 && reached.size < n; i++) {
          await page.keyboard.press("Tab");
          const f = await page.evaluate(focused);
          if (!f) { ends++; continue; }
          walk.push(f.html);
          if (f.stop !== null) reached.add(f.stop);
          if (!f.ring) unseen.push(f.html);
        }
        assert.ok(ends > 0 || reached.size === n, `Tab goes in circles: ${walk.slice(-3).join(" ")}`);
        assert.deepEqual(unseen.slice(0, 3), [], "focus is not seen");
        const missed = await page.evaluate((got) => [...document.querySelectorAll("[data-stop]")].filter((e) => !got.includes(e.dataset.stop) && e.isConnected && e.tabIndex >= 0).map((e) => e.outerHTML.slice(0, 120)).slice(0, 3), [...reached]);
        assert.deepEqual(missed, [], "Tab does not reach");
      });
    }
  }, { viewport: wide });
});

test("focus goes back to what opened a dialog or a menu", async () => {
  await visit(`/w/${ws}/traces`, async (page) => {
    await page.getByRole("grid").waitFor();
    for (const name of ["Search", "Jobs", "You and preferences", "Copy as"]) {
      const button = page.getByRole("button", { name, exact: name !== "Search" && name !== "Copy as" }).first();
      await button.focus();
      await page.keyboard.press("Enter");
      await page.locator("dialog[open], .popover:not([hidden])").first().waitFor();
      await page.keyboard.press("Escape");
      await page.locator("dialog[open], .popover:not([hidden])").first().waitFor({ state: "detached" });
      assert.ok(await button.evaluate((b) => b === document.activeElement), `after ${name}`);
    }
  });
});

test("a dialog with a form begins in its first field", async () => {
  await visit(`/w/${ws}/people?tab=tokens`, async (page) => {
    await page.getByRole("button", { name: "New token" }).click();
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("ci");
    assert.equal(await page.getByLabel("What it is for").inputValue(), "ci");
  });
});
