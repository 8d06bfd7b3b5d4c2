// The client's reading of a filter: enough to show it as chips, to add and
// remove a condition, and to know what to complete at the caret. The server's
// parser has the last word.

export interface Clause {
  text: string; // as written
  field: string; // "status", "tag.env", "metrics.`a b`"
  op: string; // "=", "LIKE", "IS NOT NULL", …
  value: string; // as written, quotes included; "" without one
  start: number; // character offsets in the filter
  end: number;
}

export type TokenKind = "word" | "op" | "string" | "number" | "and" | "other";
export interface Token { kind: TokenKind; text: string; start: number; end: number; }

const pattern =
  /\s+|(?<and>and\b)|(?<op><=|>=|!=|=|<|>|\b(?:not\s+in|in|ilike|like|rlike|is\s+not\s+null|is\s+null)\b)|(?<string>'(?:[^'\\]|\\.|'')*'?|"(?:[^"\\]|\\.)*"?(?!\.))|(?<number>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b)|(?<word>[\p{L}_][\p{L}\p{N}_.\-/]*(?:(?:`[^`]*`?|"[^"]*")[\p{L}\p{N}_.\-/]*)*|`[^`]*`?)|(?<list>\([^)]*\)?)|./giuy;

export function tokens(s: string): Token[] {
  const out: Token[] = [];
  pattern.lastIndex = 0;
  for (let m = pattern.exec(s); m; m = pattern.exec(s)) {
    const g = m.groups!;
    const kind: TokenKind | null = g.and ? "and" : g.op ? "op" : g.string || g.list ? "string" : g.number ? "number" : g.word ? "word" : m[0].trim() ? "other" : null;
    if (kind) out.push({ kind, text: m[0], start: m.index, end: m.index + m[0].length });
    if (m[0] === "") break;
  }
  return out;
}

/** The conditions, or null when the text is not a plain list of them joined by AND. */
export function clauses(s: string): Clause[] | null {
  const ts = tokens(s), out: Clause[] = [];
  for (let i = 0; i < ts.length; ) {
    if (out.length > 0 && ts[i++]!.kind !== "and") return null;
    const field = ts[i++], op = ts[i++];
    if (field?.kind !== "word" || op?.kind !== "op") return null;
    let last = op, value = "";
    if (!/null$/i.test(op.text)) {
      const v = ts[i++];
      if (!v || (v.kind !== "string" && v.kind !== "number" && v.kind !== "word")) return null;
      last = v;
      value = v.text;
    }
    out.push({ text: s.slice(field.start, last.end), field: field.text, op: op.text.toUpperCase().replace(/\s+/g, " "), value, start: field.start, end: last.end });
  }
  return out;
}

/** attributes.status and status are the same field; so are key words in any case. */
function same(a: string, b: string): boolean {
  const plain = (s: string) => s.toLowerCase().replace(/^attributes?\./, "").replace(/\s+/g, " ").trim();
  return plain(a) === plain(b);
}

/** The filter with one more condition; unchanged if it is there already. */
export function withClause(filter: string, clause: string): string {
  const have = clauses(filter);
  if (have?.some((c) => same(c.text, clause))) return filter;
  return filter.trim() ? `${filter.trim()} AND ${clause}` : clause;
}

export function withoutClause(filter: string, clause: string): string {
  const have = clauses(filter);
  if (!have) return filter;
  return have.filter((c) => !same(c.text, clause)).map((c) => c.text).join(" AND ");
}

export function hasClause(filter: string, clause: string): boolean {
  return !!clauses(filter)?.some((c) => same(c.text, clause));
}

/** A string literal of the grammar. */
export function quote(v: string): string {
  return `'${v.replaceAll("'", "''")}'`;
}

/** A field such as tag.env, its key in backticks where it needs them. */
export function fieldName(prefix: string, key: string): string {
  return /^[A-Za-z_][\w.]*$/.test(key) ? `${prefix}.${key}` : `${prefix}.\`${key}\``;
}

export interface Completion {
  want: "field" | "op" | "value" | "and";
  prefix: string; // what is typed of it
  start: number; // where it begins
  field?: string; // for op and value
}

/** What is being typed at the caret. */
export function completionAt(s: string, caret: number): Completion {
  const ts = tokens(s.slice(0, caret));
  const open = ts.at(-1);
  const touching = open && open.end === caret && !/\s$/.test(s.slice(0, caret)) ? open : undefined;
  const before = touching ? ts.slice(0, -1) : ts;
  let state: Completion["want"] = "field", field = "";
  for (const t of before) {
    if (t.kind === "and") state = "field";
    else if (state === "field" && t.kind === "word") { field = t.text; state = "op"; }
    else if (state === "op" && t.kind === "op") state = /null$/i.test(t.text) ? "and" : "value";
    else if (state === "value") state = "and";
  }
  const start = touching ? touching.start : caret;
  const prefix = touching ? touching.text : "";
  // An operator of symbols is complete as typed: the value comes next.
  if (state === "op" && touching?.kind === "op" && /[=<>]$/.test(prefix)) return { want: "value", prefix: "", start: caret, field };
  return state === "field" || state === "and" ? { want: state, prefix, start } : { want: state, prefix, start, field };
}
