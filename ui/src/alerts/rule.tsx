// One rule: what it watches, how it stands, what became of it, and its traces.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useParams } from "@tanstack/react-router";
import { api, type Schemas } from "../api/client";
import { listen } from "../api/live";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { toast, toastError } from "../app/toast";
import { to, useUrl, useWs } from "../app/url";
import { CopyAs } from "../kit/copyas";
import { clock, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { ConfirmName, Dialog, Load, Time } from "../kit/states";
import { may, useSession } from "../session/session";
import { type Alert, alertsKey, minutes, reading, shownState, specOf, useAlert, useChannels } from "./data";
import { Editor } from "./editor";
import { StateMark, ValueChart } from "./marks";

export default function AlertPage() {
  const ws = useWs();
  const { alertId = "" } = useParams({ strict: false }) as { alertId?: string };
  const client = useQueryClient();
  const { search, set } = useUrl();
  const alert = useAlert(ws, alertId);
  useCrumbs({ label: "Alerts", to: to(ws, "alerts") }, { label: alert.data?.name ?? "Rule" });
  useEffect(() => listen(ws, (c) => { if (c.kind === "reset" || (c.kind === "alert" && c.id === alertId)) void client.invalidateQueries({ queryKey: alertsKey(ws) }); }), [ws, alertId, client]);
  return (
    <div className="page scroll"><Load query={alert}>{(a) => (
      <>
        <Head alert={a} onEdit={() => set({ edit: "1" })} />
        <div className="page-body" style={{ maxWidth: 1080 }}>
          {search.edit ? <Editor start={specOf(a)} id={a.alert_id} onDone={() => set({ edit: undefined })} /> : <Body alert={a} />}
        </div>
      </>
    )}</Load></div>
  );
}

function Head({ alert: a, onEdit }: { alert: Alert; onEdit: () => void }) {
  const ws = useWs();
  const go = useGo();
  const session = useSession();
  const client = useQueryClient();
  const [dialog, setDialog] = useState<"mute" | "delete" | null>(null);
  const again = () => void client.invalidateQueries({ queryKey: alertsKey(ws) });
  const unmute = useMutation({ mutationFn: () => api.post("/w/{ws}/alerts/{alert_id}/mute", { path: { ws, alert_id: a.alert_id }, body: { until_ms: 0 } }), onSuccess: () => { again(); toast("Unmuted"); }, onError: toastError });
  const remove = useMutation({ mutationFn: () => api.delete("/w/{ws}/alerts/{alert_id}", { path: { ws, alert_id: a.alert_id } }), onSuccess: () => { void client.invalidateQueries({ queryKey: [...alertsKey(ws), "list"] }); toast("Rule deleted"); }, onError: toastError });
  const edit = may(session, ws, "editor");
  return (
    <div className="page-head">
      <h1 className="clip" dir="auto" title={a.name}>{a.name}</h1><StateMark value={shownState(a)} tint /><span className="grow" />
      {edit && <><button className="button" onClick={onEdit}>Edit</button>
        {a.muted_until_ms ? <button className="button" disabled={unmute.isPending} onClick={() => unmute.mutate()}>Unmute</button> : <button className="button" onClick={() => setDialog("mute")}>Mute</button>}</>}
      <CopyAs cli={["alert", "show", a.alert_id]} call={{ path: `/w/${ws}/alerts/${a.alert_id}` }} />
      {edit && <button className="icon-button" aria-label="Delete" title="Delete" onClick={() => setDialog("delete")}><Icon name="trash" /></button>}
      {dialog === "mute" && <MuteForm alert={a} onClose={() => setDialog(null)} onDone={again} />}
      {dialog === "delete" && <ConfirmName title="Delete rule" name={a.name} consequence="Its history goes too. Channels that were told of a firing are told that it ended." onConfirm={() => { go(to(ws, "alerts"), { replace: true }); remove.mutate(); }} onClose={() => setDialog(null)} />}
    </div>
  );
}

function MuteForm({ alert: a, onClose, onDone }: { alert: Alert; onClose: () => void; onDone: () => void }) {
  const ws = useWs();
  const mute = useMutation({
    mutationFn: (body: { until_ms: number; reason: string }) => api.post("/w/{ws}/alerts/{alert_id}/mute", { path: { ws, alert_id: a.alert_id }, body }),
    onSuccess: () => { onDone(); toast("Muted"); onClose(); },
  });
  return (
    <Dialog title={`Mute ${a.name}`} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); const f = new FormData(e.currentTarget); mute.mutate({ until_ms: Date.now() + Number(f.get("hours")) * 3600e3, reason: String(f.get("reason")) }); }}>
        {mute.error && <div className="banner error" role="alert"><Icon name="error" />{mute.error.message}</div>}
        <p className="muted">The rule is judged on. Its channels hear nothing until then; what is true at that time is told, once.</p>
        <div className="field"><label htmlFor="mute-hours">For</label><select id="mute-hours" name="hours" className="input" defaultValue="4" autoFocus>{[[1, "1 hour"], [4, "4 hours"], [12, "12 hours"], [24, "a day"], [72, "3 days"], [168, "a week"], [720, "30 days"]].map(([h, label]) => <option key={h} value={h}>{label}</option>)}</select></div>
        <div className="field"><label htmlFor="mute-reason">Why</label><input id="mute-reason" name="reason" className="input" required maxLength={500} placeholder="The provider is being replaced" /></div>
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button primary" disabled={mute.isPending}>Mute</button></div>
      </form>
    </Dialog>
  );
}

function Body({ alert: a }: { alert: Alert }) {
  const ws = useWs();
  const channels = useChannels(ws);
  const names = (a.channel_ids ?? []).map((id) => channels.data?.channels.find((c) => c.channel_id === id)?.name ?? id);
  const week = useQuery({ queryKey: [...alertsKey(ws), "week", a.alert_id, a.updated_ms], queryFn: ({ signal }) => api.post("/w/{ws}/alerts/preview", { path: { ws }, body: specOf(a), signal }), staleTime: 60_000, retry: false });
  return (
    <>
      {a.muted_until_ms && <div className="banner info"><Icon name="info" /><span>Muted until {clock(a.muted_until_ms)}: {a.mute_reason}</span></div>}
      {a.problem && <div className="banner warning" role="status"><Icon name="warning" /><span>The last pass could not measure: {a.problem}</span></div>}
      <p className="reading prose" dir="auto">When {a.sentence}, tell {names.length ? names.join(", ") : "the bell"}; clear {a.comparison === "below" ? "at or above" : "at or below"} {reading(a.signal, a.clear ?? a.fire)}.</p>
      <div className="figures">
        <div className="figure"><span className="label">Now</span><span className="value">{reading(a.signal, a.measured)}</span><span className="note">{a.n ? `n ${a.n}, ` : ""}over {minutes(a.window_ms)}{a.evaluated_ms && <>, <Time ms={a.evaluated_ms} /></>}</span></div>
        <div className="figure"><span className="label">State since</span><span className="value"><Time ms={a.since_ms} /></span><span className="note">{a.state === "pending" && a.pending_ms ? <>over the threshold since <Time ms={a.pending_ms} /></> : a.incident_id ? "channels were told" : ""}</span></div>
        <div className="figure"><span className="label">Last week</span><span className="value">{week.data ? plural(week.data.count, "firing") : "—"}</span><span className="note">{week.data && week.data.no_data_share > 0 ? `${Math.round(100 * week.data.no_data_share)} % without enough data` : ""}</span></div>
      </div>
      <section className="card"><header><h2 className="grow">Last week</h2>{a.traces_path && <A href={a.traces_path}>Traces of the last reading</A>}</header>
        <div className="body">{week.data ? <ValueChart data={week.data} signal={a.signal} fire={a.fire} clear={a.clear ?? a.fire} height={160} /> : week.error ? <p className="muted">{week.error.message}</p> : <span className="skeleton" style={{ width: "60%" }} />}</div></section>
      <History alert={a} />
    </>
  );
}

const reasons: Record<Schemas["AlertState"], string> = { firing: "fired", ok: "fell quiet", pending: "went over the threshold", no_data: "had too little data" };

function History({ alert: a }: { alert: Alert }) {
  const ws = useWs();
  const changes = useInfiniteQuery({
    queryKey: [...alertsKey(ws), "changes", a.alert_id],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/alerts/{alert_id}/changes", { path: { ws, alert_id: a.alert_id }, query: { limit: 50, ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
  });
  return (
    <section className="card"><header><h2 className="grow">History</h2></header>
      <Load query={changes} rows={3}>{(d) => {
        const all = d.pages.flatMap((p) => p.changes);
        if (all.length === 0) return <p className="muted" style={{ padding: 12 }}>Nothing has changed since the rule was made, <Time ms={a.created_ms} />.</p>;
        return (
          <>
            <div style={{ overflow: "auto" }}><table className="plain"><thead><tr><th scope="col">Time</th><th scope="col">State</th><th scope="col" className="num">Value</th><th scope="col" className="num">n</th><th scope="col">Why</th><th scope="col"><span className="sr">Traces</span></th></tr></thead>
              <tbody>{all.map((c) => <tr key={c.seq}><td style={{ whiteSpace: "nowrap" }}><Time ms={c.time_ms} short={clock(c.time_ms)} /></td><td><StateMark value={c.to} /></td><td className="num">{reading(a.signal, c.value)}</td><td className="num">{c.n || "—"}</td><td className="muted">{c.reason ?? reasons[c.to]}</td><td>{c.traces_path && <A href={c.traces_path}>Traces</A>}</td></tr>)}</tbody></table></div>
            {changes.hasNextPage && <div style={{ padding: 8 }}><button className="button" onClick={() => void changes.fetchNextPage()}>More</button></div>}
          </>
        );
      }}</Load>
    </section>
  );
}
