// A trace as a conversation: which model calls there are, which of their
// messages were there before, and what a tool answered to a call.
import { type Big, isBig } from "../kit/slim";
import type { Message } from "./messages";
import { category, type Tree } from "./tree";

/** The rows of model calls in the order they began, without those that only wrap others. */
export function modelCalls(tree: Tree): number[] {
  const s = tree.skeleton, llm = s.type_table.map((t) => category(t).code === "LM"), wraps = new Set(s.aggregates), out: number[] = [];
  for (let i = 0; i < tree.n; i++) if (s.types[i]! >= 0 && llm[s.types[i]!] && !wraps.has(i)) out.push(i);
  // A call that is made of another call says the same twice.
  const within = new Set<number>();
  for (const i of out) for (let p = s.parents[i]!, k = 0; p >= 0 && p < tree.n && k < 64; p = s.parents[p]!, k++) within.add(p);
  return out.filter((i) => !within.has(i)).sort((a, b) => s.starts[a]! - s.starts[b]! || a - b);
}

/** What makes two messages the same turn, wherever they are repeated. */
export function keyOf(m: Message): string {
  return JSON.stringify([m.role, isBig(m.content) ? [(m.content as Big).size, (m.content as Big).head] : m.content, m.tool_call_id ?? "", (m.tool_calls ?? []).map((c) => [c.name, c.arguments]), (m.media ?? []).map((x) => x.type)]);
}

export interface Folded { repeated: Message[]; fresh: Message[]; output: Message[]; }

/**
 * The messages of a call against those of the calls before it: the leading
 * run that was there already is history. A tool's answer that stands beside
 * its call above is history too.
 */
export function foldHistory(messages: Message[], before: Message[][]): Folded {
  const known = new Set(before.flat().map(keyOf)), calls = new Set(before.flat().flatMap((m) => m.tool_calls ?? []).map((c) => c.id).filter(Boolean));
  const input = messages.filter((m) => m.side === "input"), output = messages.filter((m) => m.side === "output");
  let at = 0;
  while (at < input.length && (known.has(keyOf(input[at]!)) || (input[at]!.role === "tool" && calls.has(input[at]!.tool_call_id ?? "")))) at++;
  return { repeated: input.slice(0, at), fresh: input.slice(at), output };
}

/** The tool's span that a call led to: the first of its name to begin after it. */
export function toolSpan(tree: Tree, call: number, name: string, nth = 0): number {
  const s = tree.skeleton, end = s.ends[call]! < 0 ? s.starts[call]! : s.ends[call]!, want = name.toLowerCase();
  let best = -1, seen = 0;
  const after: number[] = [];
  for (let i = 0; i < tree.n; i++) {
    if (s.types[i]! < 0 || category(s.type_table[s.types[i]!]!).code !== "TO" || s.starts[i]! < end - 1000) continue;
    const own = (s.name_table[s.names[i]!] ?? "").toLowerCase();
    if (own === want || own.endsWith(` ${want}`) || own.startsWith(`${want} `)) after.push(i);
  }
  after.sort((a, b) => s.starts[a]! - s.starts[b]!);
  for (const i of after) if (seen++ === nth) { best = i; break; }
  return best;
}
