// Where traces are found.
import { to } from "../app/url";

export function comparePath(ws: string, a: string, b: string): string {
  return `${to(ws, "traces", "compare")}?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}`;
}
