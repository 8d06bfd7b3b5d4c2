// A score as a badge: value, name and what kind of scorer gave it. A failed
// judge is a missing score, shown hatched, never 0.
import type { Schemas } from "../api/client";
import { metric, unknown } from "./format";
import { Icon, type IconName } from "./icons";

type Assessment = Schemas["Assessment"];
const icons: Record<Assessment["source"]["type"], IconName> = { HUMAN: "person", LLM_JUDGE: "judge", CODE: "code", MODEL: "models" };
const words: Record<Assessment["source"]["type"], string> = { HUMAN: "person", LLM_JUDGE: "judge", CODE: "rule", MODEL: "model" };

export function valueText(v: unknown): string {
  if (v === null || v === undefined) return unknown;
  if (typeof v === "number") return metric(v);
  if (typeof v === "boolean") return v ? "yes" : "no";
  return typeof v === "string" ? v : JSON.stringify(v);
}

export function Score({ a, bare = false }: { a: Assessment; bare?: boolean }) {
  const missing = a.value === null || a.value === undefined;
  const title = [`${a.name}: ${missing ? `missing${a.error ? ` (${a.error})` : ""}` : valueText(a.value)}`, `by ${words[a.source.type]} ${a.source.id}`, a.rationale].filter(Boolean).join("\n");
  return (
    <span className="score" title={title} dir="auto">
      <Icon name={icons[a.source.type] ?? "scorers"} size={12} />
      {!bare && <span className="name">{a.name}</span>}
      {missing ? <span className="missing" role="img" aria-label="missing" /> : typeof a.value === "boolean" ? <Icon name={a.value ? "thumbUp" : "thumbDown"} label={a.value ? "yes" : "no"} size={12} /> : <b>{valueText(a.value)}</b>}
    </span>
  );
}

export function Scores({ list, max = 3 }: { list: Assessment[]; max?: number }) {
  if (list.length === 0) return <span className="muted">{unknown}</span>;
  return (
    <span className="row" style={{ gap: 4 }}>
      {list.slice(0, max).map((a) => <Score key={a.assessment_id} a={a} />)}
      {list.length > max && <span className="muted label">+{list.length - max}</span>}
    </span>
  );
}
