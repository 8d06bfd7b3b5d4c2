// Word-level difference of two texts, in one column or side by side.
import { useMemo, useRef, useState } from "react";
import { useShortcut } from "../app/shortcuts";
import { diff } from "./diff";
import { plural } from "./format";
import { Segments, hint } from "./states";

export function DiffView({ before, after, names }: { before: string; after: string; names: [string, string] }) {
  const parts = useMemo(() => diff(before, after), [before, after]);
  const [mode, setMode] = useState<"unified" | "sides">("unified");
  const [at, setAt] = useState(-1);
  const host = useRef<HTMLDivElement>(null);
  const marks: number[] = [];
  parts.forEach((p, i) => { if (p.kind !== "same" && (i === 0 || parts[i - 1]!.kind === "same")) marks.push(i); });
  function go(by: number) {
    if (marks.length === 0) return;
    const next = (at + by + marks.length) % marks.length;
    setAt(next);
    host.current?.querySelector(`[data-part="${marks[next]}"]`)?.scrollIntoView({ block: "center" });
  }
  useShortcut("sameName", () => go(1));
  useShortcut("sameNameBack", () => go(-1));
  const part = (i: number) => {
    const p = parts[i]!;
    const here = marks[at] === i ? "here" : undefined;
    if (p.kind === "added") return <ins key={i} data-part={i} className={here}>{p.text}</ins>;
    if (p.kind === "removed") return <del key={i} data-part={i} className={here}>{p.text}</del>;
    return <span key={i}>{p.text}</span>;
  };
  const all = parts.map((_, i) => i);
  return (
    <div className="card">
      <header className="wrap">
        <h3 className="grow"><span className="muted">{names[0]}</span> → {names[1]}</h3>
        <span className="muted label" role="status">{marks.length === 0 ? "no difference" : `${at >= 0 ? `${at + 1} of ` : ""}${plural(marks.length, "change")}`}</span>
        <button className="button" disabled={marks.length === 0} onClick={() => go(1)} title={hint("Next change", "sameName")}>Next change</button>
        <Segments options={[["unified", "Unified"], ["sides", "Side by side"]] as const} value={mode} onChange={setMode} label="Layout of the difference" />
      </header>
      <div ref={host}>
        {mode === "unified" ? <div className="diff" dir="auto">{all.map(part)}</div> : (
          <div className="diff-sides">
            <div className="diff" dir="auto" aria-label={names[0]} role="group">{all.filter((i) => parts[i]!.kind !== "added").map(part)}</div>
            <div className="diff" dir="auto" aria-label={names[1]} role="group">{all.filter((i) => parts[i]!.kind !== "removed").map(part)}</div>
          </div>
        )}
      </div>
    </div>
  );
}
