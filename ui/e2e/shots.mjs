// Screenshots of every page at both widths and in both themes, for a person to
// look at. The clock stands still a little after the newest trace, so that two
// runs over one store give the same pictures.
//
//	ASSAY_URL=http://127.0.0.1:5000 node e2e/shots.mjs DIRECTORY [NAME…]
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { base, launch, phone, search, wide, ws } from "./server.mjs";
import { routes } from "./routes.mjs";

const [dir, ...only] = process.argv.slice(2);
if (!dir) {
  console.error("usage: node e2e/shots.mjs DIRECTORY [NAME…]");
  process.exit(2);
}
mkdirSync(dir, { recursive: true });
const { traces } = await search("traces", { limit: 1 });
const now = new Date((traces[0]?.start_ms ?? Date.now()) + 5 * 60_000);
const browser = await launch();
const pages = (await routes()).filter(([name]) => only.length === 0 || only.includes(name));
for (const [width, viewport] of [["1440", wide], ["390", phone]]) {
  for (const theme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport, colorScheme: theme, hasTouch: viewport === phone, reducedMotion: "reduce", timezoneId: "UTC", locale: "en-GB" });
    const page = await context.newPage();
    await page.clock.setFixedTime(now);
    for (const [name, path] of pages) {
      await page.goto(`${base}/w/${ws}${path}`, { waitUntil: "load" });
      await page.locator("h1, .state").first().waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      await page.waitForTimeout(400); // charts have drawn
      await page.screenshot({ path: join(dir, `${name}-${width}-${theme}.png`) });
    }
    await context.close();
  }
}
await browser.close();
console.log(`${pages.length * 4} pictures in ${dir}`);
