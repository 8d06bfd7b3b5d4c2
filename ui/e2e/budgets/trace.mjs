// One trace of 32,843 spans.
import { call, sendTrace, ws } from "../server.mjs";
import { fresh, median, nodes, report, rounds, shown, times } from "./measure.mjs";

const n = 32_843;

export default async function trace() {
  const id = await sendTrace(n, "a long loop");
  for (let i = 0; i < 100 && (await call(`/w/${ws}/traces/${id}/skeleton`)).n < n; i++) await new Promise((r) => setTimeout(r, 200));
  const list = await times(rounds, () => fresh(`/traces/${id}`, async (page) => {
    const usable = await shown(page, "[role=treegrid] [role=row]");
    await page.locator(".span-title h2").waitFor();
    await page.locator("[role=treegrid] [role=row]").first().click();
    await page.keyboard.press("Home");
    await page.waitForFunction(() => document.activeElement?.getAttribute("data-row") === "0");
    const jump = await page.evaluate(async () => {
      const from = performance.now(), tree = document.querySelector("[role=treegrid]");
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
      await new Promise((done) => { const look = () => (tree.querySelector('[role=row][aria-selected="true"]')?.getAttribute("aria-rowindex") === tree.getAttribute("aria-rowcount") ? done() : requestAnimationFrame(look)); look(); });
      return performance.now() - from;
    });
    return { usable, jump, nodes: await nodes(page) };
  }));
  report("32,843 spans: usable", median(list.map((x) => x.usable)), 1200, "ms");
  report("32,843 spans: jump to the last", median(list.map((x) => x.jump)), 100, "ms");
  report("32,843 spans: nodes", median(list.map((x) => x.nodes)), 1500, "", { exact: true });
}
