// The history of a metric in a cell. Cells that come into view are asked for
// together, so that a screen of them is one request or two.
import { useSyncExternalStore } from "react";
import { api } from "../api/client";
import { toNumber } from "../kit/format";

interface Line { y: number[]; total: number; }
const lines = new Map<string, Line | null>(); // null: asked for, or none
const keep = 5000;
const watchers = new Set<() => void>();
let wanted = new Map<string, { ws: string; run: string; key: string }>();
let timer: ReturnType<typeof setTimeout> | undefined;

const nameOf = (ws: string, run: string, key: string) => `${ws}\n${run}\n${key}`;

function ask(ws: string, run: string, key: string): void {
  const name = nameOf(ws, run, key);
  if (lines.has(name) || wanted.has(name)) return;
  wanted.set(name, { ws, run, key });
  timer ??= setTimeout(() => { timer = undefined; void fetchWanted(); }, 60);
}

async function fetchWanted(): Promise<void> {
  const now = [...wanted.values()];
  wanted = new Map();
  for (const ws of new Set(now.map((w) => w.ws))) {
    const mine = now.filter((w) => w.ws === ws), runs = [...new Set(mine.map((w) => w.run))], keys = [...new Set(mine.map((w) => w.key))].slice(0, 20);
    for (const w of mine) lines.set(nameOf(ws, w.run, w.key), null);
    for (let i = 0; i < runs.length; i += 50) {
      try {
        const r = await api.post("/w/{ws}/metrics/history", { path: { ws }, body: { run_ids: runs.slice(i, i + 50), keys, max_points: 30 } });
        for (const s of r.series) lines.set(nameOf(ws, s.run_id, s.key), { y: s.values.map(toNumber), total: s.total });
      } catch {
        // No line is drawn; the value beside it is what counts.
      }
    }
  }
  for (const name of lines.keys()) { if (lines.size <= keep) break; lines.delete(name); }
  watchers.forEach((f) => f());
}

/** Forgets the lines of runs that changed, so that they are read again. */
export function forget(ws: string, runs: ReadonlySet<string>): void {
  for (const name of lines.keys()) { const [w, run] = name.split("\n"); if (w === ws && runs.has(run!)) lines.delete(name); }
  watchers.forEach((f) => f());
}

const width = 44, height = 16;

export function Spark({ ws, run, name }: { ws: string; run: string; name: string }) {
  const line = useSyncExternalStore((f) => { watchers.add(f); return () => void watchers.delete(f); }, () => lines.get(nameOf(ws, run, name)));
  if (line === undefined) ask(ws, run, name);
  const finite = line?.y.filter(Number.isFinite) ?? [];
  if (!line || finite.length < 2) return <svg width={width} height={height} aria-hidden="true" />;
  const lo = Math.min(...finite), hi = Math.max(...finite);
  let d = "", pen = false;
  line.y.forEach((v, i) => {
    if (!Number.isFinite(v)) { pen = false; return; } // a gap
    d += `${pen ? "L" : "M"}${(1 + (i / (line.y.length - 1)) * (width - 2)).toFixed(1)} ${(hi === lo ? height / 2 : 2 + (1 - (v - lo) / (hi - lo)) * (height - 4)).toFixed(1)}`;
    pen = true;
  });
  return <svg width={width} height={height} aria-hidden="true" style={{ flex: "none" }}><path d={d} fill="none" stroke="var(--cat-lm)" strokeWidth={1.2} /></svg>;
}
