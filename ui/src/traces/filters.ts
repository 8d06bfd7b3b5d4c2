// A query of traces as one text of the filter grammar.
import { quote } from "../kit/filter";
import type { TraceQuery } from "./data";

/** Words are looked for in the text; session and run are conditions like others. Times and experiments stay apart. */
export function filterOf(q: TraceQuery): string {
  const like = (w: string) => `trace.text LIKE ${quote(`%${w}%`)}`;
  return [q.filter, ...(q.q ? [...q.q.matchAll(/"([^"]+)"|(\S+)/g)].map((m) => like(m[1] ?? m[2]!)) : []), q.session ? `metadata.\`mlflow.trace.session\` = ${quote(q.session)}` : "", q.run_id ? `run_id = ${quote(q.run_id)}` : ""].filter(Boolean).join(" AND ");
}
