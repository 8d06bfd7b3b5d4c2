// Alerts: every rule, the ones that need somebody first; and the channels.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { listen } from "../api/live";
import { useCrumbs } from "../app/crumbs";
import { A } from "../app/link";
import { to, useUrl, useWs } from "../app/url";
import { iso, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Empty, Load, Segments, Tabs, Time } from "../kit/states";
import { may, useSession } from "../session/session";
import { Channels } from "./channels";
import { type Alert, alertsKey, byState, reading, shownState, type Shown, useAlerts, useChannels } from "./data";
import { StateMark, stateLabel } from "./marks";

const filters: Shown[] = ["firing", "pending", "no_data", "ok", "muted", "off"];

export default function AlertsPage() {
  const ws = useWs();
  const session = useSession();
  const client = useQueryClient();
  const { search, set } = useUrl();
  const tab = search.tab === "channels" ? "channels" : "rules";
  useCrumbs({ label: "Alerts" });
  const alerts = useAlerts(ws), channels = useChannels(ws);
  useEffect(() => listen(ws, (c) => { if (c.kind === "alert" || c.kind === "reset") void client.invalidateQueries({ queryKey: alertsKey(ws) }); }), [ws, client]);
  const edit = may(session, ws, "editor");
  return (
    <div className="page scroll">
      <div className="page-head"><h1 className="grow">Alerts</h1>
        {tab === "rules" && edit && <A className="button primary" href={to(ws, "alerts", "new")}><Icon name="plus" />New rule</A>}
      </div>
      <div style={{ padding: "0 16px" }}><Tabs label="Rules and channels" current={tab} onSelect={(t) => set({ tab: t === "rules" ? undefined : t, state: undefined })} tabs={[{ id: "rules", label: "Rules", n: alerts.data?.alerts.length }, { id: "channels", label: "Channels", n: channels.data?.channels.length }]} /></div>
      <div className="page-body" style={{ paddingTop: 16 }} role="tabpanel" aria-label={tab}>
        {tab === "channels" ? <Channels /> : <Load query={alerts}>{(d) => <Rules all={d.alerts} only={filters.find((f) => f === search.state)} onOnly={(s) => set({ state: s })} address={session.server.address} />}</Load>}
      </div>
    </div>
  );
}

function Rules({ all, only, onOnly, address }: { all: Alert[]; only: Shown | undefined; onOnly: (s: Shown | undefined) => void; address: string }) {
  const ws = useWs();
  if (all.length === 0) return (
    <Empty title="No rules yet" text="A rule watches error rate, latency, cost, a score or volume, and tells a webhook, Slack or e-mail when it stays wrong."
      code={`export ASSAY_SERVER=${address}\nassay channel add ops --webhook https://example.com/hook\nassay alert create 'errors' --signal error_rate --above 0.05 --clear 0.03 --window 10m --min-traces 50 --channel ops`} />
  );
  const counts = new Map<Shown, number>();
  for (const a of all) counts.set(shownState(a), (counts.get(shownState(a)) ?? 0) + 1);
  const rows = all.filter((a) => !only || shownState(a) === only).sort(byState);
  return (
    <>
      <div className="row wrap">
        <Segments label="Which state" value={only ?? "all"} onChange={(v) => onOnly(v === "all" ? undefined : v)} options={[["all", `All ${all.length}`] as const, ...filters.filter((f) => counts.has(f)).map((f) => [f, `${stateLabel(f)} ${counts.get(f)}`] as const)]} />
      </div>
      {rows.length === 0 && <p className="muted">No rule is {only ? stateLabel(only).toLowerCase() : "here"}.</p>}
      <ul className="card rows-list alert-list">{rows.map((a) => (
        <li key={a.alert_id}><A className="item" href={to(ws, "alerts", a.alert_id)}>
          <span className="state-cell"><StateMark value={shownState(a)} tint /></span>
          <span className="grow"><b className="clip" dir="auto" style={{ display: "block" }}>{a.name}</b><span className="muted label clip" style={{ display: "block" }} title={a.sentence} dir="auto">{a.sentence}</span>
            {a.problem && <span className="label" style={{ color: "var(--warning)", display: "block" }}>{a.problem}</span>}</span>
          <span className="num value" title={`${a.n} traces`}>{reading(a.signal, a.measured)}<span className="muted label" style={{ display: "block" }}>{a.n ? `n ${a.n}` : ""}</span></span>
          <span className="muted label when" title={a.muted_until_ms ? `until ${iso(a.muted_until_ms)}: ${a.mute_reason ?? ""}` : undefined}>{a.muted_until_ms ? <>until <Time ms={a.muted_until_ms} /></> : <>since <Time ms={a.since_ms} /></>}<span style={{ display: "block" }}>{a.channel_ids?.length ? plural(a.channel_ids.length, "channel") : "no channel"}</span></span>
        </A></li>
      ))}</ul>
    </>
  );
}
