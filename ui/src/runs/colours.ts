// Which colour a run has: the first to be drawn gets the first, and it stays
// with the run on every page of this tab. Runs drawn together never share one
// while there are free ones.
const key = "assay.colours";
const most = 500;
let known: Map<string, number> | null = null;

function load(): Map<string, number> {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(key) ?? "[]") as [string, number][]);
  } catch {
    return new Map(); // storage is blocked or holds something else
  }
}

/** The style number of each run of a set that is drawn together. */
export function colours(ids: readonly string[]): Map<string, number> {
  known ??= load();
  const out = new Map<string, number>(), taken = new Set<number>();
  for (const id of ids) {
    const n = known.get(id);
    if (n !== undefined && !taken.has(n)) { out.set(id, n); taken.add(n); }
  }
  let free = 0, changed = false;
  for (const id of ids) {
    if (out.has(id)) continue;
    while (taken.has(free)) free++;
    out.set(id, free);
    taken.add(free);
    known.delete(id); // the newest stand last
    known.set(id, free);
    changed = true;
  }
  if (changed) {
    while (known.size > most) known.delete(known.keys().next().value!);
    try { sessionStorage.setItem(key, JSON.stringify([...known])); } catch { /* kept for this page only */ }
  }
  return out;
}
