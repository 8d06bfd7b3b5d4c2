// The minimap under the span tree: every row of the trace on one canvas.
import { type PointerEvent, useEffect, useRef, useState } from "react";
import { cssColor, useThemeKey } from "../kit/media";
import { category, type Tree } from "./tree";

/** All rows at once: where the bars, the failures and the window are. */
export function Minimap({ tree, rows, hits, range, onJump, selected }: { tree: Tree; rows: Int32Array; hits: ReadonlySet<number> | null; range: [number, number]; onJump: (i: number) => void; selected: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ w: 0, h: 0 });
  const theme = useThemeKey();
  const shown = rows.length > 24;
  useEffect(() => {
    if (!host.current) return;
    const o = new ResizeObserver(([e]) => setSize({ w: Math.round(e!.contentRect.width), h: Math.round(e!.contentRect.height) }));
    o.observe(host.current);
    return () => o.disconnect();
  }, [shown]);
  useEffect(() => {
    const c = canvas.current;
    if (!c || !size.w) return;
    const dpr = devicePixelRatio || 1, g = c.getContext("2d")!, s = tree.skeleton, n = rows.length;
    c.width = size.w * dpr;
    c.height = size.h * dpr;
    g.scale(dpr, dpr);
    const colours = new Map<string, string>();
    const colour = (token: string) => { let v = colours.get(token); if (!v) colours.set(token, v = cssColor(token)); return v; };
    const tokenOf = s.type_table.map((t) => category(t).token);
    const unit = Math.max(1, size.h / n);
    // One pass a colour keeps the canvas from switching styles; failures come last.
    for (const token of [...new Set([...tokenOf, "cat-ch"]), "error"]) {
      g.fillStyle = colour(token);
      g.globalAlpha = token === "error" ? 1 : 0.75;
      for (let i = 0; i < n; i++) {
        const r = rows[i]!;
        const own = token === "error" ? s.status[r] === 2 : (s.types[r]! < 0 ? "cat-ch" : tokenOf[s.types[r]!]) === token;
        if (!own || (hits && !hits.has(r))) continue;
        const x = (s.starts[r]! / tree.total) * size.w, end = s.ends[r]! < 0 ? tree.total : s.ends[r]!;
        g.fillRect(x, (i / n) * size.h, Math.max(token === "error" ? 2 : 1, ((end - s.starts[r]!) / tree.total) * size.w), unit);
      }
    }
    if (selected >= 0) { g.globalAlpha = 1; g.fillStyle = colour("accent"); g.fillRect(0, (selected / n) * size.h, size.w, Math.max(1, unit)); }
  }, [tree, rows, size, hits, theme, selected]);
  if (!shown) return null;
  const jump = (e: PointerEvent) => {
    const r = host.current!.getBoundingClientRect();
    onJump(Math.max(0, Math.min(rows.length - 1, Math.floor(((e.clientY - r.top) / r.height) * rows.length))));
  };
  return (
    <div ref={host} className="minimap" aria-hidden="true" onPointerDown={(e) => { e.currentTarget.setPointerCapture(e.pointerId); jump(e); }} onPointerMove={(e) => { if (e.buttons) jump(e); }}>
      <canvas ref={canvas} />
      <div className="window" style={{ top: `${(range[0] / rows.length) * 100}%`, height: `${Math.max(4, ((range[1] - range[0] + 1) / rows.length) * 100)}%` }} />
    </div>
  );
}
