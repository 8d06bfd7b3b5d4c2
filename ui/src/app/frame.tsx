// The frame of every page: rail, top bar, bottom bar on a phone, overlays, and
// the shortcuts that work everywhere.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { A, useGo } from "./link";
import { useEffect, useState } from "react";
import { api } from "../api/client";
import { listen, useConnection } from "../api/live";
import { JobsAnnouncer, JobsDrawer, useJobs } from "../jobs/jobs";
import { Icon } from "../kit/icons";
import { Menu } from "../kit/menu";
import { Dialog, hint, Keys } from "../kit/states";
import { BellIcon, Notices, useBellLabel } from "../notices/bell";
import { FirstUserForm, PasswordForm } from "../session/login";
import { adopt, sessionKey, useSession } from "../session/session";
import { Crumbs } from "./crumbs";
import { Help } from "./help";
import { Palette } from "./palette";
import { setPrefs, usePrefs } from "./prefs";
import { owns, Rail, useHere } from "./rail";
import { groupsFor, placesFor } from "./sections";
import { type ShortcutId, useShortcut } from "./shortcuts";
import { toast, toastError, Toasts } from "./toast";
import { to, useWs } from "./url";
import { copyLink } from "../views/link";

export { Menu };

type Overlay = "palette" | "help" | "jobs" | "menu" | "person" | "bell" | "first-user" | "password" | null;

/** The queries that a kind of change makes old. */
const keyOf: Record<string, string> = { job: "jobs", model: "models", prompt: "prompts", experiment: "experiments" };

function Go({ id, path }: { id: ShortcutId; path: string }) {
  const ws = useWs();
  const go = useGo();
  useShortcut(id, () => go((path ? to(ws, path) : to(ws))));
  return null;
}

export function Frame() {
  const ws = useWs();
  const prefs = usePrefs();
  const client = useQueryClient();
  const session = useSession();
  const [overlay, setOverlay] = useState<Overlay>(null);
  const close = () => setOverlay(null);
  const jobs = useJobs(ws);
  const bell = useBellLabel();
  const active = jobs.data?.active ?? 0;

  // What the frame and the lists of names show comes up to date at most once a second.
  useEffect(() => {
    const due = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const catchUp = () => {
      timer = undefined;
      for (const key of due) void client.invalidateQueries({ queryKey: [key, ws] });
      due.clear();
    };
    const off = listen(ws, (c) => {
      for (const key of c.kind === "reset" ? Object.values(keyOf) : keyOf[c.kind] ? [keyOf[c.kind]!] : []) due.add(key);
      if (due.size > 0) timer ??= setTimeout(catchUp, 1_000);
    });
    return () => { off(); clearTimeout(timer); };
  }, [ws, client]);

  useShortcut("palette", () => setOverlay("palette"));
  useShortcut("help", () => setOverlay("help"));
  useShortcut("jobs", () => setOverlay("jobs"));
  useShortcut("rail", () => setPrefs({ rail: prefs.rail === "wide" ? "narrow" : "wide" }));
  useShortcut("copyLink", () => void copyLink());
  useShortcut("refresh", () => void client.invalidateQueries());

  return (
    <div className={`frame ${prefs.rail}`}>
      <a href="#main" className="sr">Skip to content</a>
      <Rail />
      {placesFor(session, ws).map((p) => p.key && <Go key={p.key} id={p.key} path={p.path} />)}
      <header className="topbar">
        <Crumbs />
        <Connected />
        <button className="search-button" onClick={() => setOverlay("palette")} title={hint("Search", "palette")}>
          <Icon name="search" /><span className="word">Search</span><Keys id="palette" />
        </button>
        <button className="icon-button ring" onClick={() => setOverlay("jobs")} aria-label={active ? `Jobs, ${active} active` : "Jobs"} title={hint("Jobs", "jobs")}>
          <JobsRing share={active ? progressOf(jobs.data?.jobs ?? []) : null} />
          {active > 0 && <span className="badge">{active > 99 ? "99+" : active}</span>}
        </button>
        <Menu open={overlay === "bell"} onToggle={(o) => setOverlay(o ? "bell" : null)} label={bell} button={<BellIcon />}>
          <Notices close={close} />
        </Menu>
        <Menu open={overlay === "person"} onToggle={(o) => setOverlay(o ? "person" : null)} label="You and preferences" button={<Avatar />}>
          <PersonMenu onFirstUser={() => setOverlay("first-user")} onPassword={() => setOverlay("password")} onHelp={() => setOverlay("help")} close={close} />
        </Menu>
      </header>
      <main className="main" id="main" tabIndex={-1}><Outlet /></main>
      <BottomBar onMore={() => setOverlay("menu")} />
      {overlay === "palette" && <Palette onClose={close} onHelp={() => setOverlay("help")} onJobs={() => setOverlay("jobs")} />}
      {overlay === "help" && <Help onClose={close} />}
      {overlay === "jobs" && <JobsDrawer onClose={close} />}
      {overlay === "menu" && <Dialog title="Sections" onClose={close} className="drawer sheet"><Rail onGo={close} /></Dialog>}
      {overlay === "password" && <Dialog title="Change your password" onClose={close}><PasswordForm onDone={() => { close(); toast("Password changed; your other sessions have ended"); }} /></Dialog>}
      {overlay === "first-user" && <Dialog title="Create the first account" onClose={close}><FirstUserForm onDone={close} /></Dialog>}
      <JobsAnnouncer jobs={jobs.data?.jobs} />
      <Toasts />
    </div>
  );
}

/** Says so while the event stream is down, and asks who is asking: a session may have ended. */
function Connected() {
  const connection = useConnection();
  const client = useQueryClient();
  const [down, setDown] = useState(false);
  const bad = connection === "reconnecting" || connection === "offline";
  useEffect(() => {
    if (!bad) { setDown(false); return; }
    void client.invalidateQueries({ queryKey: sessionKey });
    // A server that was restarted is back within the blink of an eye.
    const timer = setTimeout(() => setDown(true), 1_500);
    return () => clearTimeout(timer);
  }, [bad, client]);
  return <span role="status" className="connection">{down && <span className="status warning tint" title="What is shown may be old; it comes up to date by itself"><Icon name="warning" size={12} />{connection === "offline" ? "Offline" : "Reconnecting"}</span>}</span>;
}

function progressOf(jobs: { state: string; done: number; total: number | null }[]): number {
  const running = jobs.filter((j) => j.state === "running" && j.total);
  const total = running.reduce((s, j) => s + j.total!, 0);
  return total ? running.reduce((s, j) => s + j.done, 0) / total : 0;
}

function JobsRing({ share }: { share: number | null }) {
  return (
    <svg width={18} height={18} viewBox="0 0 18 18" fill="none" strokeWidth={2} aria-hidden="true">
      <circle cx={9} cy={9} r={6.5} stroke={share === null ? "currentColor" : "var(--hairline)"} strokeWidth={share === null ? 1.4 : 2} />
      {share === null ? <path d="M9 5.500v3.700l2.300 1.400" stroke="currentColor" strokeWidth={1.4} strokeLinecap="round" /> : <circle cx={9} cy={9} r={6.5} stroke="var(--accent)" strokeDasharray={`${40.84 * Math.max(0.04, share)} 40.84`} transform="rotate(-90 9 9)" />}
    </svg>
  );
}

function Avatar() {
  const { user } = useSession();
  return user ? <span className="avatar">{(user.display_name || user.username).slice(0, 2)}</span> : <Icon name="person" />;
}

function PersonMenu({ onFirstUser, onPassword, onHelp, close }: { onFirstUser: () => void; onPassword: () => void; onHelp: () => void; close: () => void }) {
  const session = useSession();
  const ws = useWs();
  const prefs = usePrefs();
  const client = useQueryClient();
  const logout = useMutation({ mutationFn: () => api.post("/session/logout"), onSuccess: async () => adopt(client, await api.get("/session")), onError: toastError });
  const option = <K extends "theme" | "density" | "clock">(key: K, values: readonly (readonly [typeof prefs[K], string])[], label: string) => (
    <div className="row" style={{ padding: "3px 8px" }}>
      <span className="grow muted">{label}</span>
      <div className="segments" role="group" aria-label={label}>{values.map(([v, text]) => <button key={v} aria-pressed={prefs[key] === v} onClick={() => setPrefs({ [key]: v })}>{text}</button>)}</div>
    </div>
  );
  return (
    <div style={{ width: 296 }}>
      <div style={{ padding: "8px 8px 10px" }}>
        {session.user ? <><b>{session.user.display_name || session.user.username}</b><div className="muted label">{session.user.role} in {ws}</div></> : <><b>No accounts yet</b><div className="muted label">Everyone on this machine can do everything.</div></>}
      </div>
      {option("theme", [["system", "System"], ["light", "Light"], ["dark", "Dark"]] as const, "Theme")}
      {option("density", [["compact", "Compact"], ["comfortable", "Roomy"]] as const, "Rows")}
      {option("clock", [["local", "Local"], ["utc", "UTC"]] as const, "Clock")}
      <div style={{ borderTop: "1px solid var(--hairline)", margin: "6px 0" }} />
      <button className="menu-item" onClick={onHelp}><Icon name="more" />Shortcuts<Keys id="help" /></button>
      {session.setup_needed && <button className="menu-item" onClick={onFirstUser}><Icon name="people" />Create the first account</button>}
      {session.user && <button className="menu-item" onClick={onPassword}><Icon name="settings" />Change your password</button>}
      {session.user && <button className="menu-item" onClick={() => { close(); logout.mutate(); }}><Icon name="right" />Sign out</button>}
      <p className="muted micro" style={{ padding: "6px 8px 4px" }}>Assay {session.server.version}</p>
    </div>
  );
}

/** On a phone: the first section of the groups used most, and everything else under More. */
function BottomBar({ onMore }: { onMore: () => void }) {
  const ws = useWs();
  const session = useSession();
  const here = useHere();
  const groups = groupsFor(session, ws).filter((g) => g.label !== "Govern" && g.label !== "Improve");
  const shown = groups.map((g) => ({ label: g.label, first: g.sections[0]!, current: g.sections.some((s) => owns(s, here)) })).slice(0, 4);
  return (
    <nav className="bottombar" aria-label="Main">
      {shown.map((g) => <A key={g.label} href={to(ws, g.first.path)} aria-current={g.current ? "page" : undefined}><Icon name={g.first.icon} />{g.label}</A>)}
      <button onClick={onMore} aria-haspopup="dialog" aria-current={!shown.some((g) => g.current) && here !== "" ? "page" : undefined}><Icon name="menu" />More</button>
    </nav>
  );
}
