// What else changed between two versions of a prompt: variables, model
// settings, response format, tags.
import type { PromptVersion } from "./data";

/** Leaves of a JSON value by path, as texts. */
export function leaves(v: unknown, path = ""): [string, string][] {
  if (v === null || v === undefined) return [];
  if (typeof v !== "object") return [[path || "value", String(v)]];
  return Object.entries(v as Record<string, unknown>).flatMap(([k, x]) => leaves(x, path ? `${path}.${k}` : k));
}

export interface Difference { key: string; before: string | null; after: string | null; }

export function differences(a: PromptVersion, b: PromptVersion): Difference[] {
  const side = (v: PromptVersion) => new Map<string, string>([
    ...v.variables.map((x): [string, string] => [`variable ${x}`, "used"]),
    ...leaves(v.model_config).map(([k, x]): [string, string] => [`model ${k}`, x]),
    ...leaves(v.response_format).map(([k, x]): [string, string] => [`response format ${k}`, x]),
    ...Object.entries(v.tags).map(([k, x]): [string, string] => [`tag ${k}`, x]),
  ]);
  const before = side(a), after = side(b);
  return [...new Set([...before.keys(), ...after.keys()])].map((key) => ({ key, before: before.get(key) ?? null, after: after.get(key) ?? null })).filter((d) => d.before !== d.after);
}

export function Changes({ before, after }: { before: PromptVersion; after: PromptVersion }) {
  const found = differences(before, after);
  if (found.length === 0) return <p className="muted label">Variables, model settings, response format and tags are the same.</p>;
  return (
    <div className="card" style={{ overflowX: "auto" }}><table className="plain">
      <thead><tr><th scope="col">Also changed</th><th scope="col">v{before.version}</th><th scope="col">v{after.version}</th></tr></thead>
      <tbody>{found.map((d) => <tr key={d.key}><td dir="auto">{d.key}</td><td dir="auto">{d.before === null ? <span className="muted">—</span> : <del>{d.before}</del>}</td><td dir="auto">{d.after === null ? <span className="muted">—</span> : <ins>{d.after}</ins>}</td></tr>)}</tbody>
    </table></div>
  );
}
