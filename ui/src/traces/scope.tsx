// What every list of traces and sessions shares: the experiments and the time
// it is about, and what it says when a link asks for something unknown.
import { type ReactNode, useMemo, useState } from "react";
import { list, parseTime, type Search } from "../app/url";
import { useExperimentNames } from "../experiments/data";
import { clock, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Menu } from "../kit/menu";
import { useWs } from "../app/url";

export const ranges = [["", "All time"], ["-15m", "Last 15 min"], ["-1h", "Last hour"], ["-24h", "Last 24 hours"], ["-7d", "Last 7 days"], ["-30d", "Last 30 days"]] as const;

/** The scope of a list: which experiments, and since when. */
export function ScopeMenus({ search, set, onTime }: { search: Search; set: (patch: Search) => void; onTime: () => void }) {
  const names = useExperimentNames(useWs());
  const [menu, setMenu] = useState<"time" | "exp" | null>(null);
  const [text, setText] = useState("");
  const exps = list(search.exp);
  const shown = [...names].filter(([, n]) => n.toLowerCase().includes(text.trim().toLowerCase()));
  const from = parseTime(search.from), till = parseTime(search.to);
  const range = ranges.find(([v]) => v === (search.from ?? "") && !search.to)?.[1] ?? (from === undefined && till === undefined ? "All time" : `${from === undefined ? "…" : clock(from)} – ${till === undefined ? "now" : clock(till)}`);
  return (
    <>
      <Menu open={menu === "exp"} onToggle={(o) => setMenu(o ? "exp" : null)} label="Experiments" className="button" align="left" button={<><span className="clip" style={{ maxWidth: 160 }}>{exps.length === 0 ? "All experiments" : exps.length === 1 ? names.get(exps[0]!) ?? `Experiment ${exps[0]}` : plural(exps.length, "experiment")}</span><Icon name="down" size={10} /></>}>
        <div style={{ width: 260 }}>
          {names.size > 8 && <input className="input" style={{ width: "100%", marginBottom: 4 }} aria-label="Search experiments" placeholder="Search" value={text} onChange={(e) => setText(e.target.value)} />}
          <div style={{ maxHeight: 320, overflow: "auto" }}>
            <button className="menu-item" onClick={() => { set({ exp: undefined }); setMenu(null); }}>All experiments</button>
            {shown.slice(0, 200).map(([id, name]) => <label key={id} className="menu-item"><input type="checkbox" checked={exps.includes(id)} onChange={() => set({ exp: (exps.includes(id) ? exps.filter((e) => e !== id) : [...exps, id]).join(",") })} /><span className="clip" dir="auto">{name}</span></label>)}
            {shown.length > 200 && <p className="muted label" style={{ padding: "4px 8px" }}>{plural(shown.length - 200, "more experiment")}; search to find them.</p>}
          </div>
        </div>
      </Menu>
      <Menu open={menu === "time"} onToggle={(o) => setMenu(o ? "time" : null)} label="Time range" className="button" align="left" button={<><Icon name="clock" size={12} />{range}<Icon name="down" size={10} /></>}>
        {ranges.map(([v, label]) => <button key={v} className="menu-item" aria-current={v === (search.from ?? "")} onClick={() => { onTime(); set({ from: v, to: undefined }); setMenu(null); }}>{label}</button>)}
      </Menu>
    </>
  );
}

/** A banner for parameters of a link that mean nothing here; the view falls back. */
export function useNotices(search: Search, sorts: readonly string[], more: readonly string[] = []): ReactNode {
  const [closed, setClosed] = useState("");
  const wrong = useMemo(() => {
    const out: string[] = [];
    if (search.sort && !sorts.includes(search.sort.replace(/^-/, ""))) out.push(`the order “${search.sort.slice(0, 40)}” is not known, so the newest come first`);
    for (const key of ["from", "to"] as const) if (search[key] && parseTime(search[key]) === undefined) out.push(`“${key}=${search[key]!.slice(0, 40)}” is no time, so all of it is shown`);
    const from = parseTime(search.from), till = parseTime(search.to);
    if (from !== undefined && till !== undefined && from >= till) out.push("the time range ends before it begins");
    for (const id of list(search.exp)) if (!/^\d{1,19}$/.test(id)) out.push(`“${id.slice(0, 40)}” is no experiment`);
    return [...out, ...more];
  }, [search.sort, search.from, search.to, search.exp, sorts, more.join()]);
  const key = wrong.join();
  if (!key || closed === key) return null;
  return (
    <div className="banner warning" role="status" style={{ margin: "0 16px 8px" }}>
      <Icon name="warning" /><span className="grow">Of this link, {wrong.join("; ")}.</span>
      <button className="icon-button" aria-label="Dismiss" style={{ height: 20 }} onClick={() => setClosed(key)}><Icon name="close" size={12} /></button>
    </div>
  );
}
