// The budgets of the interface, measured in headless Chromium against the
// server at ASSAY_URL, as a table of measured and budget. Not a test: timings
// are of this machine. Without a graphics processor a frame is drawn by the
// processor that also runs the page and the server, so that "16.7 ms" means: it
// keeps up with the screen on the weakest machine there is.
//
//	ASSAY_URL=… node e2e/budgets/run.mjs [pages table trace live payload]
//	BUDGET_ROUNDS   runs of which the median counts, by default 5
import { close, results } from "./measure.mjs";

const all = ["pages", "table", "trace", "payload", "live"], asked = process.argv.slice(2);
for (const name of asked.length ? asked : all) {
  if (!all.includes(name)) {
    console.error(`${name} is none of ${all.join(", ")}`);
    process.exit(2);
  }
  console.log(name);
  await (await import(`./${name}.mjs`)).default();
}
await close();
const over = results().filter((r) => r.over);
console.log(over.length ? `${over.length} of ${results().length} over budget by more than a quarter` : `all ${results().filter((r) => r.budget !== null).length} within budget`);
process.exit(over.length ? 1 : 0);
