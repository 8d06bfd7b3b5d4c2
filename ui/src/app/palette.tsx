// The command palette: places, verbs, recent items, and whatever the server
// finds by name. A pasted id goes straight there.
import { useQuery } from "@tanstack/react-query";
import { useGo } from "./link";
import { useDeferredValue, useEffect, useRef, useState } from "react";
import { api, type Schemas } from "../api/client";
import { ago } from "../kit/format";
import { Icon, type IconName } from "../kit/icons";
import { Keys } from "../kit/states";
import { recall, remember, setPrefs, usePrefs } from "./prefs";
import { places } from "./sections";
import type { ShortcutId } from "./shortcuts";
import { to, useWs } from "./url";
import { copyLink } from "../views/link";
import { viewPath } from "../views/data";

type Hit = Schemas["Hit"];
interface Entry { key: string; kind: string; icon: IconName; label: string; detail?: string; shortcut?: ShortcutId | undefined; run: () => void; }

const icons: Record<Hit["kind"], IconName> = { experiment: "experiments", run: "play", trace: "traces", session: "sessions", model: "models", prompt: "prompts", job: "queues", view: "eye", dataset: "datasets" };
const goKeys: Record<string, ShortcutId> = { traces: "goTraces", sessions: "goSessions", experiments: "goExperiments", models: "goModels", prompts: "goPrompts" };

export function hitPath(ws: string, h: Pick<Hit, "kind" | "id"> & { detail?: string }): string {
  switch (h.kind) {
    case "experiment": return `${to(ws, "runs")}?exp=${encodeURIComponent(h.id)}`;
    case "run": return to(ws, "runs", h.id);
    case "trace": return to(ws, "traces", h.id);
    case "session": return `${to(ws, "traces")}?session=${encodeURIComponent(h.id)}`;
    case "model": return to(ws, "models", h.id);
    case "prompt": return to(ws, "prompts", h.id);
    case "view": return viewPath(ws, { page: h.detail ?? "", view_id: h.id });
    case "dataset": return to(ws, "datasets", h.id);
    case "job": return `${to(ws, "jobs")}?job=${encodeURIComponent(h.id)}`;
  }
}

interface Recent { path: string; label: string; kind: Hit["kind"]; }
const recentKey = (ws: string) => `assay.recent.${ws}`;

/** Puts an item on the list the palette opens with. */
export function visited(ws: string, item: Recent): void {
  const old = recall<Recent[]>(recentKey(ws), []);
  remember(recentKey(ws), [item, ...old.filter((r) => r.path !== item.path)].slice(0, 8));
}

export function Palette({ onClose, onHelp, onJobs }: { onClose: () => void; onHelp: () => void; onJobs: () => void }) {
  const ws = useWs();
  const go = useGo();
  const prefs = usePrefs();
  const dialog = useRef<HTMLDialogElement>(null);
  const listRef = useRef<HTMLUListElement>(null);
  const [q, setQ] = useState("");
  const [active, setActive] = useState(0);
  const command = q.startsWith(">");
  const text = useDeferredValue(q.replace(/^>/, "").trim());
  useEffect(() => { dialog.current?.showModal(); const d = dialog.current; return () => d?.close(); }, []);
  useEffect(() => setActive(0), [text]);
  const found = useQuery({
    queryKey: ["lookup", ws, text],
    queryFn: ({ signal }) => api.get("/w/{ws}/lookup", { path: { ws }, query: { q: text }, signal }),
    enabled: text.length > 0 && !command,
    placeholderData: (old) => old,
    staleTime: 10_000,
  });


  const verbs: Entry[] = [
    { key: "jobs", kind: "Commands", icon: "queues", label: "Open jobs", shortcut: "jobs", run: onJobs },
    { key: "help", kind: "Commands", icon: "more", label: "Show shortcuts", shortcut: "help", run: onHelp },
    { key: "link", kind: "Commands", icon: "link", label: "Copy a link to this view", shortcut: "copyLink", run: () => void copyLink() },
    ...(["system", "light", "dark"] as const).filter((t) => t !== prefs.theme).map((t): Entry => ({ key: `theme-${t}`, kind: "Commands", icon: "eye", label: `Theme: ${t}`, run: () => setPrefs({ theme: t }) })),
    { key: "density", kind: "Commands", icon: "columns", label: prefs.density === "compact" ? "Comfortable rows" : "Compact rows", run: () => setPrefs({ density: prefs.density === "compact" ? "comfortable" : "compact" }) },
    { key: "clock", kind: "Commands", icon: "clock", label: prefs.clock === "local" ? "Show times in UTC" : "Show times in the local zone", run: () => setPrefs({ clock: prefs.clock === "local" ? "utc" : "local" }) },
    { key: "letters", kind: "Commands", icon: "settings", label: prefs.letters === "on" ? "Switch single-letter shortcuts off" : "Switch single-letter shortcuts on", run: () => setPrefs({ letters: prefs.letters === "on" ? "off" : "on" }) },
  ];
  const match = (e: Entry) => text.toLowerCase().split(/\s+/).every((w) => e.label.toLowerCase().includes(w));
  const recent = recall<Recent[]>(recentKey(ws), []).map((r): Entry => ({ key: r.path, kind: "Recent", icon: icons[r.kind] ?? "file", label: r.label, detail: r.kind, run: () => go(r.path) }));
  const spots = [{ label: "Home", icon: "home" as IconName, path: "", group: "" }, ...places].map((p): Entry => ({ key: `place-${p.path}`, kind: "Go to", icon: p.icon, label: p.label, shortcut: p.path ? goKeys[p.path] : "goHome", run: () => go(p.path ? to(ws, p.path) : to(ws)) }));
  const hits = (text && !command ? found.data?.hits ?? [] : []).map((h): Entry => ({ key: `${h.kind} ${h.id}`, kind: "Found", icon: icons[h.kind], label: h.name || h.id, detail: [h.kind, h.detail, h.time_ms ? ago(h.time_ms) : ""].filter(Boolean).join(" · "), run: () => go(hitPath(ws, h)) }));
  const direct = idPath(ws, text);
  const entries: Entry[] = command ? verbs.filter(match) : text
    ? [...(direct ? [{ key: "direct", kind: "Go to", icon: "right" as IconName, label: text, detail: "open this id", run: () => go(direct) }] : []), ...spots.filter(match), ...hits, ...verbs.filter(match)]
    : [...recent, ...spots, ...verbs.slice(0, 3)];

  function run(e: Entry | undefined) {
    if (!e) return;
    onClose();
    e.run();
  }
  useEffect(() => { void listRef.current?.querySelector("[data-active=true]")?.scrollIntoView({ block: "nearest" }); }, [active]);
  return (
    <dialog ref={dialog} className="palette" aria-label="Command palette" onCancel={(e) => { e.preventDefault(); onClose(); }} onClick={(e) => { if (e.target === dialog.current) onClose(); }} onKeyDown={(e) => e.stopPropagation()}>
      <div className="box">
        <Icon name="search" />
        <input role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={entries[active] ? `palette-${active}` : undefined} aria-label="Search or run a command" placeholder="Search, paste an id, or > for commands" value={q}
          onChange={(e) => setQ(e.target.value)} autoFocus spellCheck={false} autoComplete="off"
          onKeyDown={(e) => {
            if (e.nativeEvent.isComposing) return;
            if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); setActive((a) => (entries.length ? (a + (e.key === "ArrowDown" ? 1 : -1) + entries.length) % entries.length : 0)); }
            if (e.key === "Enter") { e.preventDefault(); run(entries[active]); }
          }} />
        <kbd>Esc</kbd>
      </div>
      <ul id="palette-list" role="listbox" aria-label="Results" ref={listRef}>
        {entries.map((e, i) => (
          <li key={e.key} id={`palette-${i}`} role="option" aria-selected={i === active}>
            {(i === 0 || entries[i - 1]!.kind !== e.kind) && <div className="kind" aria-hidden="true">{e.kind}</div>}
            <div className="menu-item" data-active={i === active} onMouseMove={() => setActive(i)} onClick={() => run(e)}>
              <Icon name={e.icon} /><span className="clip" dir="auto">{e.label}</span>
              {e.detail && <span className="muted label clip" style={{ marginLeft: "auto" }}>{e.detail}</span>}
              {e.shortcut && <Keys id={e.shortcut} />}
            </div>
          </li>
        ))}
        {entries.length === 0 && <li className="muted" style={{ padding: 16, textAlign: "center" }}>{found.isFetching ? "Searching…" : "Nothing found."}</li>}
      </ul>
    </dialog>
  );
}

/** Where a pasted id leads by its shape alone; null if it could be anything. */
function idPath(ws: string, s: string): string | null {
  if (/^tr-[0-9a-f]{32}$/i.test(s)) return to(ws, "traces", s.toLowerCase());
  if (/^[0-9a-f]{32}$/i.test(s)) return to(ws, "runs", s.toLowerCase());
  return null;
}
