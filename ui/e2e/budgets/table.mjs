// A hundred thousand rows, scrolled through.
import { call, ws } from "../server.mjs";
import { fresh, heap, median, nodes, quantile, report, rounds, shown, times } from "./measure.mjs";

export default async function table() {
  const { total } = await call(`/w/${ws}/runs/count`, {});
  const list = await times(Math.min(rounds, 3), () => fresh("/runs", async (page, cdp) => {
    await shown(page, '[role=row][aria-rowindex="2"]');
    await page.waitForTimeout(1_000);
    const gaps = await page.evaluate(async () => {
      const grid = document.querySelector("[role=grid]");
      const scroll = (async () => {
        for (let i = 0; i < 180; i++) { grid.scrollTop += 120; await new Promise((r) => requestAnimationFrame(r)); }
      })();
      return globalThis.frames(scroll);
    });
    return { gaps, nodes: await nodes(page), heap: await heap(cdp) };
  }));
  const gaps = list.flatMap((x) => x.gaps);
  const name = `${total.toLocaleString("en-US")} runs scrolled`;
  report(`${name}: frame p50`, quantile(gaps, 0.5), 16.7, "ms");
  report(`${name}: frame p95`, quantile(gaps, 0.95), 34, "ms");
  report(`${name}: longest frame`, Math.max(...gaps), 50, "ms");
  report(`${name}: nodes`, median(list.map((x) => x.nodes)), 1500, "", { exact: true });
  report(`${name}: heap`, median(list.map((x) => x.heap)) / 2 ** 20, 120, "MiB");
}
