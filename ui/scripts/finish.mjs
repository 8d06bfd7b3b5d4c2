// After vite: compress what the server sends, check the size budgets, and put
// back the file that keeps the folder in git.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url).pathname;
writeFileSync(join(dist, ".gitkeep"), "");

// Budgets in KB of gzip, from the specification of the interface.
const budgets = { entry: 170, css: 20, route: 50 };
// Chunks that are somebody else's code, loaded when first needed.
const lazy = /^(uPlot|markdown|purify|marked)/i;

const size = {};
for (const name of readdirSync(dist, { recursive: true })) {
  const file = join(dist, name);
  if (!statSync(file).isFile() || !/\.(js|css|html|svg|json)$/.test(name)) continue;
  const body = readFileSync(file);
  const gz = gzipSync(body, { level: 9 });
  const br = brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  size[name] = gz.length / 1024;
  if (gz.length < body.length) writeFileSync(`${file}.gz`, gz);
  if (br.length < body.length) writeFileSync(`${file}.br`, br);
}

// The entry is what index.html names: its script and what that preloads.
const page = readFileSync(join(dist, "index.html"), "utf8");
const named = [...page.matchAll(/\/ui\/(assets\/[^"]+)"/g)].map((m) => m[1]);
const sum = (names) => names.reduce((s, n) => s + (size[n] ?? 0), 0);
const entry = sum(named.filter((n) => n.endsWith(".js")));
const css = sum(Object.keys(size).filter((n) => n.endsWith(".css")));

let over = false;
function check(what, kb, budget) {
  over ||= kb > budget;
  console.log(`${kb > budget ? "OVER " : "     "}${what.padEnd(34)} ${kb.toFixed(1).padStart(7)} of ${budget} KB gzip`);
}
check("entry script", entry, budgets.entry);
check("all styles", css, budgets.css);
for (const [name, kb] of Object.entries(size)) {
  const base = name.replace(/^assets\//, "");
  if (name.endsWith(".js") && !named.includes(name) && !lazy.test(base)) check(base, kb, budgets.route);
}
if (over) {
  console.error("a size budget is exceeded");
  process.exit(1);
}
