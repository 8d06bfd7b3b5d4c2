// Experiments as a tree of the slashes in their names. A folder sums up what
// is beneath it; an experiment may be a folder as well.
import type { Experiment } from "./data";

export interface Node { path: string; label: string; depth: number; experiment: Experiment | null; open: boolean; folder: boolean; experiments: number; runs: number; traces: number; last: number | null; }

interface Branch { path: string; label: string; experiment: Experiment | null; below: Map<string, Branch>; experiments: number; runs: number; traces: number; last: number | null; }

const branch = (path: string, label: string): Branch => ({ path, label, experiment: null, below: new Map(), experiments: 0, runs: 0, traces: 0, last: null });

/** Rows of the tree, folders first in the order of the list; isOpen says which folders show what is in them. */
export function tree(list: readonly Experiment[], isOpen: (path: string) => boolean): Node[] {
  const root = branch("", "");
  for (const e of list) {
    // A slash at an end, or two in a row, is part of the name beside it.
    const parts = e.name.split(/(?<=[^/])\/(?=[^/])/);
    let at = root;
    parts.forEach((part, i) => {
      const path = parts.slice(0, i + 1).join("/");
      let next = at.below.get(part);
      if (!next) at.below.set(part, next = branch(path, part));
      at = next;
      at.experiments++;
      at.runs += e.runs;
      at.traces += e.traces;
      if (e.last_activity_ms !== null) at.last = Math.max(at.last ?? 0, e.last_activity_ms);
    });
    at.experiment = e;
  }
  const out: Node[] = [];
  const walk = (b: Branch, depth: number) => {
    for (const x of b.below.values()) {
      // A chain of folders with one entry each is one row.
      let y = x, label = x.label;
      while (!y.experiment && y.below.size === 1) { const only = [...y.below.values()][0]!; label += `/${only.label}`; y = only; }
      const folder = y.below.size > 0, open = folder && isOpen(y.path);
      out.push({ path: y.path, label, depth, experiment: y.experiment, open, folder, experiments: y.experiments, runs: y.runs, traces: y.traces, last: y.last });
      if (open) walk(y, depth + 1);
    }
  };
  walk(root, 0);
  return out;
}
