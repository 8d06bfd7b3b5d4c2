// The column picker: search among thousands of keys, only those that differ,
// only those that are filled. What is chosen is in the URL.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { count } from "./format";
import { Dialog, Segments } from "./states";

export interface Choice { id: string; label: string; group: string; n?: number | null; differs?: boolean; }

export function ColumnPicker({ choices, chosen, onChange, onClose, onReset }: {
  choices: Choice[];
  chosen: string[];
  onChange: (ids: string[]) => void;
  onClose: () => void;
  onReset: () => void;
}) {
  const [q, setQ] = useState("");
  const [only, setOnly] = useState<"all" | "chosen" | "filled" | "differs">("all");
  const host = useRef<HTMLDivElement>(null);
  const set = useMemo(() => new Set(chosen), [chosen]);
  const found = useMemo(() => {
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    return choices.filter((c) => words.every((w) => c.label.toLowerCase().includes(w) || c.group.toLowerCase().includes(w)) &&
      (only === "all" || (only === "chosen" && set.has(c.id)) || (only === "filled" && (c.n ?? 1) > 0) || (only === "differs" && c.differs)));
  }, [choices, q, only, set]);
  const rows = useVirtualizer({ count: found.length, getScrollElement: () => host.current, estimateSize: () => 30, overscan: 10 });
  const options = [["all", "All"], ["chosen", "Shown"], ["filled", "Filled"], ...(choices.some((c) => c.differs !== undefined) ? [["differs", "Differing"] as const] : [])] as ["all" | "chosen" | "filled" | "differs", string][];
  function toggle(id: string) {
    onChange(set.has(id) ? chosen.filter((c) => c !== id) : [...chosen, id]);
  }
  return (
    <Dialog title="Columns" onClose={onClose} footer={<><button className="button" onClick={onReset}>Reset</button><button className="button primary" onClick={onClose}>Done</button></>}>
      <div className="row wrap" style={{ marginBottom: 8 }}>
        <input className="input grow" aria-label="Search columns" placeholder={`Search ${count(choices.length)} columns`} value={q} onChange={(e) => setQ(e.target.value)} autoFocus />
        <Segments options={options} value={only} onChange={setOnly} label="Which columns" />
      </div>
      <div ref={host} style={{ height: 360, overflow: "auto" }} tabIndex={-1}>
        <div style={{ height: rows.getTotalSize(), position: "relative" }}>
          {rows.getVirtualItems().map((v) => {
            const c = found[v.index]!;
            return (
              <label key={c.id} className="menu-item" style={{ position: "absolute", top: v.start, height: 30 }}>
                <input type="checkbox" checked={set.has(c.id)} onChange={() => toggle(c.id)} />
                <span className="clip grow" dir="auto">{c.label}</span>
                <span className="muted label">{c.group}{typeof c.n === "number" ? ` · ${count(c.n)}` : ""}</span>
              </label>
            );
          })}
        </div>
        {found.length === 0 && <p className="muted" style={{ padding: 16, textAlign: "center" }}>No column matches.</p>}
      </div>
    </Dialog>
  );
}
