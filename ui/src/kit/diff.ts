// A word-level difference of two texts: Myers' O(ND) over words and spaces,
// after the common ends are cut off.
export interface Part { kind: "same" | "removed" | "added"; text: string; }

/** Beyond this many edits the middle is shown as replaced whole. */
const maxEdits = 2000;

export function words(s: string): string[] {
  return s.match(/\n|[^\S\n]+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

export function diff(a: string, b: string): Part[] {
  const x = words(a), y = words(b);
  let head = 0;
  while (head < x.length && head < y.length && x[head] === y[head]) head++;
  let tail = 0;
  while (tail < x.length - head && tail < y.length - head && x[x.length - 1 - tail] === y[y.length - 1 - tail]) tail++;
  const parts: Part[] = [];
  const push = (kind: Part["kind"], text: string) => {
    if (!text) return;
    const last = parts.at(-1);
    if (last?.kind === kind) last.text += text;
    else parts.push({ kind, text });
  };
  push("same", x.slice(0, head).join(""));
  for (const p of middle(x.slice(head, x.length - tail), y.slice(head, y.length - tail))) push(p.kind, p.text);
  push("same", x.slice(x.length - tail).join(""));
  return tidy(parts);
}

function middle(x: string[], y: string[]): Part[] {
  const n = x.length, m = y.length, max = Math.min(n + m, maxEdits);
  if (n === 0 || m === 0) return [{ kind: "removed", text: x.join("") }, { kind: "added", text: y.join("") }];
  const v = new Int32Array(2 * max + 2), trace: Int32Array[] = [];
  for (let d = 0; d <= max; d++) {
    trace.push(v.slice(max - d, max + d + 2));
    for (let k = -d; k <= d; k += 2) {
      let i = k === -d || (k !== d && v[max + k - 1]! < v[max + k + 1]!) ? v[max + k + 1]! : v[max + k - 1]! + 1;
      let j = i - k;
      while (i < n && j < m && x[i] === y[j]) { i++; j++; }
      v[max + k] = i;
      if (i >= n && j >= m) return walk(x, y, trace);
    }
  }
  return [{ kind: "removed", text: x.join("") }, { kind: "added", text: y.join("") }];
}

function walk(x: string[], y: string[], trace: Int32Array[]): Part[] {
  const out: Part[] = [];
  let i = x.length, j = y.length;
  for (let d = trace.length - 1; d >= 0; d--) {
    const v = trace[d]!, at = (k: number) => v[k + d]!; // trace[d] begins at diagonal −d
    const k = i - j;
    const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
    const pk = down ? k + 1 : k - 1;
    const pi = d === 0 ? 0 : at(pk), pj = d === 0 ? 0 : pi - pk;
    while (i > pi && j > pj && i > 0 && j > 0) out.push({ kind: "same", text: x[--i]! }), j--;
    if (d === 0) break;
    if (down) out.push({ kind: "added", text: y[--j]! });
    else out.push({ kind: "removed", text: x[--i]! });
  }
  return out.reverse();
}

/** Removed before added within a change, and a lone space between two changes joins them. */
function tidy(parts: Part[]): Part[] {
  const out: Part[] = [];
  let del = "", ins = "";
  const flush = () => {
    if (del) out.push({ kind: "removed", text: del });
    if (ins) out.push({ kind: "added", text: ins });
    del = ins = "";
  };
  for (const [i, p] of parts.entries()) {
    if (p.kind === "removed") del += p.text;
    else if (p.kind === "added") ins += p.text;
    else if ((del || ins) && /^[^\S\n]+$/.test(p.text) && i + 1 < parts.length) { del += p.text; ins += p.text; }
    else { flush(); out.push(p); }
  }
  flush();
  return out;
}
