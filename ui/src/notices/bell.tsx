// The bell: what happened meanwhile, for the person who looks.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, type Schemas } from "../api/client";
import { listen } from "../api/live";
import { A } from "../app/link";
import { toastError } from "../app/toast";
import { useWs } from "../app/url";
import { Icon, type IconName } from "../kit/icons";
import { Load, Time } from "../kit/states";

type Kind = Schemas["NoticeKind"];
const kinds: Record<Kind, [label: string, icon: IconName, tone: string]> = {
  alert_firing: ["Alerts that fire", "bell", "error"], alert_resolved: ["Alerts that resolve", "check", "ok"], delivery_failed: ["Deliveries given up", "warning", "warning"],
  job_failed: ["Jobs that fail", "close", "error"], job_succeeded: ["Long jobs that end well", "check", "ok"],
};

const noticesKey = (ws: string) => ["notices", ws];

export function useNotices(ws: string) {
  const client = useQueryClient();
  useEffect(() => listen(ws, (c) => { if (c.kind === "notice" || c.kind === "reset") void client.invalidateQueries({ queryKey: noticesKey(ws) }); }), [ws, client]);
  return useQuery({ queryKey: noticesKey(ws), queryFn: ({ signal }) => api.get("/w/{ws}/notices", { path: { ws }, query: { limit: 30 }, signal }), refetchInterval: 120_000 });
}

/** What the button is called: with the count that its face shows. */
export function useBellLabel(): string {
  const unread = useNotices(useWs()).data?.unread ?? 0;
  return unread > 0 ? `Notices, ${shown(unread)} unread` : "Notices";
}
const shown = (n: number) => (n > 99 ? "99+" : String(n));

/** The button's face, with the count of what is unread. */
export function BellIcon() {
  const unread = useNotices(useWs()).data?.unread ?? 0;
  return <span className="ring bell"><Icon name="bell" />{unread > 0 && <span className="badge" aria-hidden="true">{shown(unread)}</span>}</span>;
}

export function Notices({ close }: { close: () => void }) {
  const ws = useWs();
  const client = useQueryClient();
  const query = useNotices(ws);
  const [settings, setSettings] = useState(false);
  const [chosen, setChosen] = useState<Kind[] | null>(null); // until the server has said so too
  const again = { onSettled: () => client.invalidateQueries({ queryKey: noticesKey(ws) }), onError: toastError };
  const read = useMutation({ mutationFn: (body: { notice_ids?: string[]; all?: boolean }) => api.post("/w/{ws}/notices/read", { path: { ws }, body }), ...again });
  const mute = useMutation({ mutationFn: (list: Kind[]) => api.put("/w/{ws}/notices/muted", { path: { ws }, body: { kinds: list } }), ...again });
  const choose = (list: Kind[]) => { setChosen(list); mute.mutate(list); };
  return (
    <section className="notices" aria-label="Notices">
      <header className="row"><h2 className="grow">Notices</h2>
        <button className="link" disabled={!query.data?.unread} onClick={() => read.mutate({ all: true })}>Mark all read</button>
        <button className="icon-button" aria-label="Choose kinds" aria-pressed={settings} title="Choose kinds" onClick={() => setSettings(!settings)}><Icon name="settings" /></button>
      </header>
      <Load query={query} rows={3}>{(d) => settings ? (
        <fieldset><legend className="muted label">Shown to you</legend>
          {(Object.keys(kinds) as Kind[]).map((k) => { const off = chosen ?? d.muted; return <label key={k} className="row"><input type="checkbox" checked={!off.includes(k)} onChange={(e) => choose(e.target.checked ? off.filter((m) => m !== k) : [...off, k])} />{kinds[k][0]}</label>; })}
        </fieldset>
      ) : d.notices.length === 0 ? <p className="muted" style={{ padding: "4px 12px 12px" }}>Nothing yet. Alerts, ended jobs and deliveries that were given up show here.</p> : (
        <ul className="rows-list">{d.notices.map((n) => {
          const [label, icon, tone] = kinds[n.kind];
          return <li key={n.notice_id}><A className={`item${n.read ? " read" : ""}`} href={n.path} onClick={() => { if (!n.read) read.mutate({ notice_ids: [n.notice_id] }); close(); }}>
            <span className={`status ${tone}`} title={label}><Icon name={icon} size={14} /><span className="sr">{n.read ? "" : "Unread: "}</span></span>
            <span className="grow title" dir="auto">{n.title}</span><span className="muted label"><Time ms={n.time_ms} /></span>
          </A></li>;
        })}</ul>
      )}</Load>
    </section>
  );
}
