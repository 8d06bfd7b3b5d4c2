import { useLocation } from "@tanstack/react-router";
import { A } from "./link";
import { useState } from "react";
import { Icon } from "../kit/icons";
import { groups } from "./sections";
import { to, useWs } from "./url";

export function Rail({ onGo }: { onGo?: () => void }) {
  const ws = useWs();
  const { pathname } = useLocation();
  const here = pathname.split("/")[3] ?? "";
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const entry = (path: string, current: boolean, children: React.ReactNode, label: string) => (
    <A key={label} href={(path ? to(ws, path) : to(ws))} className="entry" aria-current={current ? "page" : undefined} title={label} onClick={onGo}>{children}</A>
  );
  return (
    <div className="rail">
      <A href={to(ws)} className="brand" onClick={onGo} aria-label="Assay, home"><img src="/ui/icon.svg" alt="" /><span>Assay</span></A>
      <nav aria-label="Sections">
        {entry("", here === "", <><Icon name="home" /><span>Home</span></>, "Home")}
        {groups.map((g) => {
          const real = g.sections.filter((s) => s.path !== null), later = g.sections.length - real.length;
          const shown = open.has(g.label) ? g.sections : real;
          const toggle = () => setOpen((old) => { const next = new Set(old); if (!next.delete(g.label)) next.add(g.label); return next; });
          return (
            <div key={g.label}>
              {later > 0 ? (
                <button className="group" aria-expanded={open.has(g.label)} onClick={toggle} title={`${later} more to come`}>
                  <span className="grow">{g.label}</span><Icon name={open.has(g.label) ? "down" : "right"} size={10} />
                </button>
              ) : <div className="group">{g.label}</div>}
              {shown.map((s) => s.path !== null
                ? entry(s.path, here === s.path || !!s.also?.includes(here), <><Icon name={s.icon} /><span>{s.label}</span></>, s.label)
                : <span key={s.label} className="entry" aria-disabled="true" title={`${s.label} is not in this version yet`}><Icon name={s.icon} /><span>{s.label}</span></span>)}
            </div>
          );
        })}
      </nav>
    </div>
  );
}
