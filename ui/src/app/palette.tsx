// The command palette: places, verbs, recent items, and whatever the server
// finds by name or by text. A pasted id, URI or address goes straight there.
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useLayoutEffect, useRef, useState } from "react";
import { api, type Schemas } from "../api/client";
import { ago } from "../kit/format";
import { Icon, type IconName } from "../kit/icons";
import { Keys } from "../kit/states";
import { useSession } from "../session/session";
import { viewPath } from "../views/data";
import { copyLink } from "../views/link";
import { useGo } from "./link";
import { Marked } from "./marked";
import { recall, remember, setPrefs, usePrefs } from "./prefs";
import { pastedPath } from "./redirect";
import { placesFor } from "./sections";
import type { ShortcutId } from "./shortcuts";
import { to, useWs } from "./url";

type Hit = Schemas["Hit"];
interface Entry { key: string; kind: string; icon: IconName; label: string; detail?: string; time?: string; shortcut?: ShortcutId | undefined; run: () => void; }

const kinds: Record<Hit["kind"], { icon: IconName; many: string }> = {
  experiment: { icon: "experiments", many: "Experiments" }, run: { icon: "play", many: "Runs" }, trace: { icon: "traces", many: "Traces" },
  session: { icon: "sessions", many: "Sessions" }, model: { icon: "models", many: "Models" }, prompt: { icon: "prompts", many: "Prompts" },
  job: { icon: "queues", many: "Jobs" }, view: { icon: "eye", many: "Saved views" }, dataset: { icon: "datasets", many: "Datasets" },
};

export function hitPath(ws: string, h: Pick<Hit, "kind" | "id"> & { detail?: string }): string {
  switch (h.kind) {
    case "experiment": return `${to(ws, "runs")}?exp=${encodeURIComponent(h.id)}`;
    case "run": return to(ws, "runs", h.id);
    case "trace": return to(ws, "traces", h.id);
    case "session": return to(ws, "sessions", h.id);
    case "model": return to(ws, "models", h.id);
    case "prompt": {
      const version = /^(?:v(?=\d+: ))?(\d+)\b/.exec(h.detail ?? "")?.[1];
      return to(ws, "prompts", h.id) + (version ? `?v=${version}` : "");
    }
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

export interface PaletteProps { onClose: () => void; onHelp: () => void; onJobs: () => void; }

/** What the palette offers for a text, in the order shown. */
function useEntries({ onHelp, onJobs }: PaletteProps, q: string) {
  const ws = useWs();
  const go = useGo();
  const prefs = usePrefs();
  const session = useSession();
  const command = q.startsWith(">");
  // Only the server is asked later: places and commands are those of the text as
  // it stands, or Enter right after the last letter runs another one.
  const text = q.replace(/^>/, "").trim(), asked = useDeferredValue(text);
  const found = useQuery({
    queryKey: ["lookup", ws, asked],
    queryFn: ({ signal }) => api.get("/w/{ws}/lookup", { path: { ws }, query: { q: asked }, signal }),
    enabled: asked.length > 0 && asked.length <= 200 && !command,
    placeholderData: (old) => old,
    staleTime: 10_000,
  });
  const verb = (key: string, icon: IconName, label: string, run: () => void, shortcut?: ShortcutId): Entry => ({ key, kind: "Commands", icon, label, shortcut, run });
  const verbs: Entry[] = [
    verb("jobs", "queues", "Open jobs", onJobs, "jobs"),
    verb("help", "more", "Show and change shortcuts", onHelp, "help"),
    verb("link", "link", "Copy a link to this view", () => void copyLink(), "copyLink"),
    ...(["system", "light", "dark"] as const).filter((t) => t !== prefs.theme).map((t) => verb(`theme-${t}`, "eye", `Theme: ${t}`, () => setPrefs({ theme: t }))),
    verb("density", "columns", prefs.density === "compact" ? "Comfortable rows" : "Compact rows", () => setPrefs({ density: prefs.density === "compact" ? "comfortable" : "compact" })),
    verb("clock", "clock", prefs.clock === "local" ? "Show times in UTC" : "Show times in the local zone", () => setPrefs({ clock: prefs.clock === "local" ? "utc" : "local" })),
    verb("rail", "menu", prefs.rail === "wide" ? "Collapse the side bar" : "Widen the side bar", () => setPrefs({ rail: prefs.rail === "wide" ? "narrow" : "wide" }), "rail"),
    verb("letters", "settings", prefs.letters === "on" ? "Switch single-letter shortcuts off" : "Switch single-letter shortcuts on", () => setPrefs({ letters: prefs.letters === "on" ? "off" : "on" })),
    ...session.workspaces.filter((w) => w.name !== ws).map((w) => verb(`ws-${w.name}`, "swap", `Workspace ${w.name}`, () => go(to(w.name)))),
  ];
  const match = (e: Entry) => text.toLowerCase().split(/\s+/).every((w) => e.label.toLowerCase().includes(w));
  const recent = recall<Recent[]>(recentKey(ws), []).map((r): Entry => ({ key: r.path, kind: "Recent", icon: kinds[r.kind]?.icon ?? "file", label: r.label, detail: r.kind, run: () => go(r.path) }));
  const spots = placesFor(session, ws).map((p): Entry => ({ key: `place-${p.path}`, kind: "Go to", icon: p.icon, label: p.label, shortcut: p.key, run: () => go(p.path ? to(ws, p.path) : to(ws)) }));
  const hits = (text && !command ? found.data?.hits ?? [] : []).map((h): Entry => ({ key: `${h.kind} ${h.id}`, kind: kinds[h.kind].many, icon: kinds[h.kind].icon, label: h.name || h.id, detail: h.detail, time: h.time_ms ? ago(h.time_ms) : "", run: () => go(hitPath(ws, h)) }));
  const direct = pastedPath(ws, text);
  const entries: Entry[] = command ? verbs.filter(match) : text
    ? [...(direct ? [{ key: "direct", kind: "Go to", icon: "right" as IconName, label: text, detail: "open", run: () => go(direct) }] : []), ...spots.filter(match), ...hits, ...verbs.filter(match)]
    : [...recent, ...spots, ...verbs.slice(0, 3)];
  return { entries, text: command ? "" : text, searching: found.isFetching, error: found.error, hits: found.isPlaceholderData || asked !== text ? undefined : found.data?.hits };
}

export function Palette(props: PaletteProps) {
  const { onClose } = props;
  const ws = useWs();
  const go = useGo();
  const dialog = useRef<HTMLDialogElement>(null);
  const listRef = useRef<HTMLUListElement>(null);
  const [q, setQ] = useState("");
  const [active, setActive] = useState(0);
  const [pasted, setPasted] = useState("");
  const { entries, text, searching, error, hits } = useEntries(props, q);
  useLayoutEffect(() => { dialog.current?.showModal(); const d = dialog.current; return () => d?.close(); }, []); // as in kit/states
  useEffect(() => setActive(0), [text]);
  // An id that was pasted and names one thing needs no Enter.
  const only = pasted && pasted === text && hits?.length === 1 && looksLikeId(pasted) ? hits[0] : undefined;
  useEffect(() => { if (only) { onClose(); go(hitPath(ws, only)); } }, [only, onClose, go, ws]);
  useEffect(() => { listRef.current?.querySelector("[data-active=true]")?.scrollIntoView({ block: "nearest" }); }, [active]);

  function run(e: Entry | undefined) {
    if (!e) return;
    onClose();
    e.run();
  }
  const step = (by: number) => setActive((a) => (entries.length ? (a + by + entries.length) % entries.length : 0));
  const group = (from: number, by: number) => {
    let i = from;
    while (entries[i + by] && entries[i + by]!.kind === entries[from]!.kind) i += by;
    i = Math.max(0, Math.min(entries.length - 1, i + by));
    if (by < 0) while (i > 0 && entries[i - 1]!.kind === entries[i]!.kind) i--;
    return i;
  };
  return (
    <dialog ref={dialog} className="palette" aria-label="Command palette" onCancel={(e) => { e.preventDefault(); onClose(); }} onClick={(e) => { if (e.target === dialog.current) onClose(); }} onKeyDown={(e) => e.stopPropagation()}>
      <div className="box">
        <Icon name="search" />
        <input role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={entries[active] ? `palette-${active}` : undefined} aria-label="Search or run a command" placeholder="Search, paste an id, or > for commands" value={q}
          onChange={(e) => setQ(e.target.value)} autoFocus spellCheck={false} autoComplete="off"
          onPaste={(e) => {
            const clip = e.clipboardData.getData("text").trim(), path = q === "" ? pastedPath(ws, clip) : null;
            setPasted(q === "" ? clip : "");
            if (path) { e.preventDefault(); onClose(); go(path); }
          }}
          onKeyDown={(e) => {
            if (e.nativeEvent.isComposing) return;
            const move: Record<string, () => void> = {
              ArrowDown: () => step(1), ArrowUp: () => step(-1), Enter: () => run(entries[active]),
              PageDown: () => setActive(group(active, 1)), PageUp: () => setActive(group(active, -1)),
            };
            if (move[e.key]) { e.preventDefault(); move[e.key]!(); }
          }} />
        <kbd>Esc</kbd>
      </div>
      <ul id="palette-list" role="listbox" aria-label="Results" ref={listRef}>
        {entries.map((e, i) => (
          <li key={e.key} id={`palette-${i}`} role="option" aria-selected={i === active}>
            {/* Its name is what it shows, after its kind, which is shown for the first of a group alone. */}
            <span className="sr">{e.kind},</span>
            {(i === 0 || entries[i - 1]!.kind !== e.kind) && <div className="kind" aria-hidden="true">{e.kind}</div>}
            <div className="menu-item" data-active={i === active} onMouseMove={() => setActive(i)} onClick={() => run(e)}>
              <Icon name={e.icon} /><span className="clip what" dir="auto"><Marked text={e.label} words={text} /></span>
              {e.detail && <span className="muted label clip grow" dir="auto"><Marked text={e.detail} words={text} /></span>}
              {e.time && <span className="muted label time">{e.time}</span>}
              {e.shortcut && <Keys id={e.shortcut} />}
            </div>
          </li>
        ))}
      </ul>
      <p className="sr" role="status">{searching ? "" : `${entries.length} results`}</p>
      {entries.length === 0 && <p className="none muted">{error ? error.message : searching ? "Searching…" : "Nothing found."}</p>}
    </dialog>
  );
}

/** Whether a text is an id rather than a word that happens to match. */
function looksLikeId(s: string): boolean {
  return /^[0-9a-f]{32}$/i.test(s) || /^(tr|j|d|v|a|m|u)-[\w-]{6,}$/i.test(s);
}
