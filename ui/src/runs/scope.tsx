// The experiments that the runs table covers: a menu with search, for there
// may be thousands.
import { useState } from "react";
import { useUrl, useWs } from "../app/url";
import { useExperiments } from "../experiments/data";
import { plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Menu } from "../kit/menu";

export function Scope({ exps, names }: { exps: string[]; names: Map<string, string> }) {
  const [open, setOpen] = useState(false);
  return (
    <Menu open={open} onToggle={setOpen} label="Experiments" className="button" align="left" button={<>{exps.length === 0 ? "All experiments" : plural(exps.length, "experiment")}<Icon name="down" size={10} /></>}>
      {open && <Choices exps={exps} names={names} close={() => setOpen(false)} />}
    </Menu>
  );
}

function Choices({ exps, names, close }: { exps: string[]; names: Map<string, string>; close: () => void }) {
  const ws = useWs();
  const { set } = useUrl();
  const [q, setQ] = useState("");
  const found = useExperiments(ws, q, "-last_activity_ms");
  const list = found.data?.pages.flatMap((p) => p.experiments) ?? [];
  const choose = (ids: string[]) => set({ exp: ids.join(",") || undefined, sel: undefined, cols: undefined, group: undefined });
  // Those chosen stay in sight whatever is searched for.
  const absent = exps.filter((id) => !list.some((e) => e.experiment_id === id));
  return (
    <div style={{ width: 300, maxHeight: 380, overflow: "auto" }}>
      <input className="input" style={{ width: "100%", marginBottom: 4 }} aria-label="Search experiments" placeholder="Search experiments" value={q} onChange={(e) => setQ(e.target.value)} autoFocus />
      <button className="menu-item" onClick={() => { choose([]); close(); }}>All experiments</button>
      {absent.map((id) => <label key={id} className="menu-item"><input type="checkbox" checked onChange={() => choose(exps.filter((e) => e !== id))} /><span className="clip" dir="auto">{names.get(id) ?? `Experiment ${id}`}</span></label>)}
      {list.map((e) => (
        <div key={e.experiment_id} className="menu-item" style={{ gap: 6 }}>
          <input type="checkbox" aria-label={`Also ${e.name}`} checked={exps.includes(e.experiment_id)} onChange={() => choose(exps.includes(e.experiment_id) ? exps.filter((x) => x !== e.experiment_id) : [...exps, e.experiment_id])} />
          <button className="link clip grow" style={{ textAlign: "left", color: "inherit" }} title={e.name} dir="auto" onClick={() => { choose([e.experiment_id]); close(); }}>{e.name}</button>
          <span className="muted label">{e.runs}</span>
        </div>
      ))}
      {found.hasNextPage && <button className="menu-item muted" onClick={() => void found.fetchNextPage()}>More…</button>}
      {found.data && list.length === 0 && <p className="muted label" style={{ padding: 8 }}>No experiment is named so.</p>}
    </div>
  );
}
