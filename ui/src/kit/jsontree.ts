// JSON as lines to show: one per scalar, bracket or truncated string. Only
// what is open is walked, so a big value costs what is seen of it.

export interface Line {
  depth: number;
  key: string | null; // null for an array item's bare value or the root
  path: string; // $.a[0]["b c"]
  kind: "open" | "close" | "scalar" | "closed";
  value: unknown;
  bracket: "{" | "[" | null;
  size: number; // of a container
  nested: boolean; // a string that holds JSON
  last: boolean; // no comma after it
}

/** A string that is itself a JSON object or array, parsed; undefined otherwise. */
export function inner(v: unknown): object | undefined {
  if (typeof v !== "string" || v.length < 2 || v.length > 4_000_000) return undefined;
  const s = v.trimStart();
  if (s[0] !== "{" && s[0] !== "[") return undefined;
  try {
    const parsed: unknown = JSON.parse(v);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

export function step(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}

/** Up to `limit` lines of `root`; `isOpen` says which containers are. */
export function lines(root: unknown, isOpen: (path: string, depth: number, size: number, nested: boolean) => boolean, limit = 100_000): Line[] {
  const out: Line[] = [];
  const visit = (value: unknown, key: string | null, path: string, depth: number, last: boolean): void => {
    if (out.length >= limit) return;
    const parsed = inner(value);
    const box = parsed ?? (typeof value === "object" && value !== null ? value : undefined);
    const nested = parsed !== undefined;
    if (box === undefined || depth > 200) {
      out.push({ depth, key, path, kind: "scalar", value, bracket: null, size: 0, nested: false, last });
      return;
    }
    const isArray = Array.isArray(box);
    const keys = isArray ? null : Object.keys(box);
    const size = isArray ? box.length : keys!.length;
    const bracket = isArray ? "[" : "{";
    if (size === 0 || !isOpen(path, depth, size, nested)) {
      out.push({ depth, key, path, kind: "closed", value, bracket, size, nested, last });
      return;
    }
    out.push({ depth, key, path, kind: "open", value, bracket, size, nested, last });
    if (isArray) box.forEach((v, i) => visit(v, null, step(path, i), depth + 1, i === size - 1));
    else keys!.forEach((k, i) => visit((box as Record<string, unknown>)[k], k, step(path, k), depth + 1, i === size - 1));
    out.push({ depth, key: null, path, kind: "close", value: undefined, bracket, size, nested, last });
  };
  visit(root, null, "$", 0, true);
  return out;
}
