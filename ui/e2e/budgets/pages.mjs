// First paint, first rows and the answer to a key, at full speed and on a
// processor four times slower.
import { fresh, median, quantile, report, rounds, shown, times } from "./measure.mjs";

const lists = [["", ".figure, .setup"], ["/traces", '[role=row][aria-rowindex="2"]'], ["/runs", '[role=row][aria-rowindex="2"]']];

export default async function pages() {
  for (const [throttle, shell, first, interaction] of [[1, 300, 700, 100], [4, 1200, 2500, 200]]) {
    const at = throttle > 1 ? `, CPU ÷${throttle}` : "";
    await fresh("/traces", (page) => shown(page, "h1")); // the files are in the server's memory
    for (const [path, rows] of lists) {
      const list = await times(rounds, () => fresh(path, async (page) => [await shown(page, ".topbar"), await shown(page, rows)], { throttle }));
      report(`shell painted, ${path || "home"}${at}`, median(list.map((x) => x[0])), shell, "ms");
      report(`first rows, ${path || "home"}${at}`, median(list.map((x) => x[1])), first, "ms");
    }
    const answers = await fresh("/traces", async (page) => {
      await shown(page, '[role=row][aria-rowindex="2"]');
      await page.waitForTimeout(500);
      for (let i = 0; i < rounds; i++) for (const key of ["j", "j", "k", "f", "f", "o", "Escape", "?", "Escape", "\\", "\\"]) { await page.keyboard.press(key); await page.waitForTimeout(120); }
      return page.evaluate(() => globalThis.seen.events);
    }, { throttle });
    report(`interaction to paint p95 of ${answers.length}${at}`, answers.length ? quantile(answers, 0.95) : 16, interaction, "ms");
  }
}
