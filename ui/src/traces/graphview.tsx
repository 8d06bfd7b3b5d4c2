// The graph of a trace: repeats folded into counted nodes; it follows the
// selection, and a click selects the next span of its kind.
import { useMemo } from "react";
import { count, duration, plural } from "../kit/format";
import { foldGraph } from "./graph";
import type { Tree } from "./tree";

const width = 184, height = 46, gapX = 64, gapY = 14;

export function GraphView({ tree, selected, onSelect }: { tree: Tree; selected: number; onSelect: (row: number) => void }) {
  const g = useMemo(() => foldGraph(tree), [tree]);
  const at = useMemo(() => {
    const tallest = Math.max(...g.layers.map((l) => l.length));
    return new Map(g.layers.flatMap((l, x) => l.map((i, y) => [i, { x: 16 + x * (width + gapX), y: 16 + (y + (tallest - l.length) / 2) * (height + gapY) }] as const)));
  }, [g]);
  const right = Math.max(...[...at.values()].map((p) => p.x)) + width + 16, bottom = Math.max(...[...at.values()].map((p) => p.y)) + height + 16;
  const current = selected < 0 ? "" : `${tree.skeleton.types[selected]! < 0 ? "" : tree.skeleton.type_table[tree.skeleton.types[selected]!]}\u0000${tree.skeleton.name_table[tree.skeleton.names[selected]!]}`;
  return (
    <div style={{ flex: 1, overflow: "auto" }} tabIndex={0} role="region" aria-label="Graph of the trace">
      <div style={{ position: "relative", width: right, height: bottom }}>
        <svg width={right} height={bottom} style={{ position: "absolute", inset: 0 }} aria-hidden="true">
          <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="var(--control)" /></marker></defs>
          {g.edges.map((e) => {
            const a = at.get(e.from)!, b = at.get(e.to)!, on = g.nodes[e.from]!.key === current || g.nodes[e.to]!.key === current;
            const x1 = a.x + width, y1 = a.y + height / 2, x2 = b.x, y2 = b.y + height / 2;
            const d = e.from === e.to ? `M${a.x + width - 30} ${a.y} c0 -18 28 -18 28 8` : x2 > x1 ? `M${x1} ${y1} C${x1 + gapX / 2} ${y1} ${x2 - gapX / 2} ${y2} ${x2 - 2} ${y2}` : `M${a.x + width / 2} ${a.y + height} C${a.x + width / 2} ${a.y + height + 40} ${b.x + width / 2} ${b.y + height + 40} ${b.x + width / 2} ${b.y + height + 2}`;
            return <path key={`${e.from} ${e.to}`} d={d} fill="none" stroke={on ? "var(--accent)" : "var(--control)"} strokeWidth={Math.min(4, 1 + Math.log10(e.count))} opacity={on ? 1 : 0.7} markerEnd="url(#arrow)" />;
          })}
        </svg>
        {g.nodes.map((n, i) => {
          const p = at.get(i)!;
          const next = n.rows[(n.rows.indexOf(selected) + 1) % n.rows.length]!;
          return (
            <button key={n.key} className="card" aria-pressed={n.key === current} onClick={() => onSelect(next)} title={`${n.name}: ${plural(n.count, "span")}, ${duration(n.total / 1000)} in all`}
              style={{ position: "absolute", left: p.x, top: p.y, width, height, padding: "4px 10px", textAlign: "left", cursor: "pointer", borderColor: n.key === current ? "var(--accent)" : n.errors ? "var(--error)" : "var(--hairline)", background: n.key === current ? "var(--selected)" : "var(--raised)" }}>
              <span className="row" style={{ gap: 6 }}><span className="code-tag" style={{ "--c": `var(--${n.token})` } as React.CSSProperties}><i />{n.code}</span><b className="clip grow" dir="auto">{n.name}</b>{n.count > 1 && <span className="muted label">×{count(n.count)}</span>}</span>
              <span className="row label muted"><span>{duration(n.total / 1000)}</span>{n.errors > 0 && <span className="status error">{count(n.errors)} failed</span>}</span>
            </button>
          );
        })}
      </div>
      {g.hidden > 0 && <p className="muted label" style={{ padding: "0 16px 16px" }}>{plural(g.hidden, "rarer kind")} of span not drawn; the Tree has all.</p>}
    </div>
  );
}
