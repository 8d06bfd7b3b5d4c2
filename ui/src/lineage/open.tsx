// The way to the lineage of an object: a button in its page's head, and L.
import { A, useGo } from "../app/link";
import { ariaKeys, useShortcut } from "../app/shortcuts";
import { to, useWs } from "../app/url";
import { Icon } from "../kit/icons";
import { hint } from "../kit/states";
import type { LineageNode } from "./layout";

export function lineagePath(ws: string, kind: LineageNode["kind"], id: string): string {
  return `${to(ws, "lineage")}?of=${encodeURIComponent(`${kind}:${id}`)}`;
}

export function LineageButton({ kind, id }: { kind: LineageNode["kind"]; id: string }) {
  const ws = useWs();
  const go = useGo();
  const href = lineagePath(ws, kind, id);
  useShortcut("lineage", () => go(href));
  return <A className="icon-button" href={href} aria-label="Lineage" aria-keyshortcuts={ariaKeys("lineage")} title={hint("What it came from and what came of it", "lineage")}><Icon name="lineage" /></A>;
}
