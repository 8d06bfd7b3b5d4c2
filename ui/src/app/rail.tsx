import { useLocation } from "@tanstack/react-router";
import { useState } from "react";
import { Icon } from "../kit/icons";
import { Menu } from "../kit/menu";
import { useSession } from "../session/session";
import { A } from "./link";
import { groupsFor, home, type Section } from "./sections";
import { to, useWs } from "./url";

/** Whether the first segment of a path below the workspace belongs to a section. */
export function owns(s: Section, here: string): boolean {
  return s.path === here || !!s.also?.includes(here);
}

export function useHere(): string {
  return useLocation().pathname.split("/")[3] ?? "";
}

export function Rail({ onGo }: { onGo?: () => void }) {
  const ws = useWs();
  const session = useSession();
  const here = useHere();
  const entry = (s: Section) => (
    <A key={s.label} href={s.path ? to(ws, s.path) : to(ws)} className="entry" aria-current={owns(s, here) ? "page" : undefined} title={s.label} onClick={onGo}>
      <Icon name={s.icon} /><span>{s.label}</span>
    </A>
  );
  return (
    <div className="rail">
      <A href={to(ws)} className="brand" onClick={onGo} aria-label="Assay, home"><img src="/ui/icon.svg" alt="" /><span>Assay</span></A>
      {session.workspaces.length > 1 && <Workspaces onGo={onGo} />}
      <nav aria-label="Sections">
        {entry(home)}
        {groupsFor(session, ws).map((g) => (
          <div key={g.label} role="group" aria-label={g.label}>
            <div className="group" aria-hidden="true">{g.label}</div>
            {g.sections.map(entry)}
          </div>
        ))}
      </nav>
    </div>
  );
}

/** The workspace one is in, and the others one may go to. */
function Workspaces({ onGo }: { onGo?: (() => void) | undefined }) {
  const ws = useWs();
  const { workspaces } = useSession();
  const [open, setOpen] = useState(false);
  return (
    <div className="workspaces">
      <Menu open={open} onToggle={setOpen} focusFirst align="left" label={`Workspace ${ws}; change it`} className="entry" button={<><Icon name="swap" /><span className="clip grow">{ws}</span><Icon name="down" size={10} /></>}>
        <div style={{ width: 240, maxHeight: 360, overflow: "auto" }}>
          {workspaces.map((w) => (
            <A key={w.name} className="menu-item" href={to(w.name)} aria-current={w.name === ws ? "true" : undefined} onClick={() => { setOpen(false); onGo?.(); }}>
              <span className="grow clip"><b>{w.name}</b>{w.description && <span className="muted label clip" style={{ display: "block" }}>{w.description}</span>}</span>
              <span className="muted label">{w.role}</span>{w.name === ws && <Icon name="check" />}
            </A>
          ))}
        </div>
      </Menu>
    </div>
  );
}
