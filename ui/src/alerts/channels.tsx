// Channels: where alerts go, with a test that shows the receiver's answer.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas } from "../api/client";
import { toast, toastError } from "../app/toast";
import { useWs } from "../app/url";
import { Icon } from "../kit/icons";
import { ConfirmName, Dialog, Empty, Load, Segments, Time } from "../kit/states";
import { may, useSession } from "../session/session";
import { alertsKey, type Channel, channelsKey, useChannels } from "./data";

type Kind = Channel["kind"];
const kinds: Record<Kind, string> = { webhook: "Webhook", slack: "Slack", email: "E-mail" };

export function Channels() {
  const ws = useWs();
  const session = useSession();
  const channels = useChannels(ws);
  const [editing, setEditing] = useState<Channel | "new" | null>(null);
  const admin = may(session, ws, "admin");
  return (
    <Load query={channels}>{(d) => (
      <>
        {d.channels.length === 0 ? (
          <Empty title="No channels" text="A channel is a webhook, a Slack incoming webhook, or e-mail addresses. Without one, alerts show here and at the bell only."
            code={`assay channel add ops --webhook https://example.com/hook --secret-stdin < secret.txt\nassay channel add team --slack https://hooks.slack.com/services/…\nassay channel test ops`} />
        ) : <List all={d.channels} admin={admin} onEdit={setEditing} />}
        {admin ? <div><button className="button" onClick={() => setEditing("new")}><Icon name="plus" />Add a channel</button></div> : <p className="muted">Administrators add and test channels.</p>}
        {editing && <ChannelForm channel={editing === "new" ? null : editing} email={d.email} onClose={() => setEditing(null)} />}
      </>
    )}</Load>
  );
}

function List({ all, admin, onEdit }: { all: Channel[]; admin: boolean; onEdit: (c: Channel) => void }) {
  const ws = useWs();
  const client = useQueryClient();
  const [going, setGoing] = useState<Channel | null>(null);
  const remove = useMutation({
    mutationFn: (channel_id: string) => api.delete("/w/{ws}/channels/{channel_id}", { path: { ws, channel_id } }),
    onSuccess: () => { void client.invalidateQueries({ queryKey: channelsKey(ws) }); void client.invalidateQueries({ queryKey: alertsKey(ws) }); toast("Channel removed"); },
    onError: toastError,
  });
  return (
    <ul className="card rows-list">{all.map((c) => (
      <li key={c.channel_id}><div className="item wrap">
        <span className="grow" style={{ minWidth: 160 }}><b dir="auto">{c.name}</b> <span className="muted">{kinds[c.kind]}{c.kind === "webhook" && (c.signed ? ", signed" : ", not signed")}</span>
          <span className="muted label clip" style={{ display: "block" }} title={c.target}>{c.target}</span></span>
        <span className="muted label">changed <Time ms={c.updated_ms} /></span>
        {admin && <span className="row"><Test channel={c} /><button className="button" onClick={() => onEdit(c)}>Edit</button><button className="icon-button" aria-label={`Remove ${c.name}`} title="Remove" onClick={() => setGoing(c)}><Icon name="trash" /></button></span>}
      </div></li>
    ))}
      {going && <ConfirmName title="Remove channel" name={going.name} consequence="Rules lose it, and what waits to be delivered to it is dropped." onConfirm={() => remove.mutate(going.channel_id)} onClose={() => setGoing(null)} />}
    </ul>
  );
}

function Test({ channel }: { channel: Channel }) {
  const ws = useWs();
  const test = useMutation({ mutationFn: () => api.post("/w/{ws}/channels/{channel_id}/test", { path: { ws, channel_id: channel.channel_id } }), onError: toastError });
  const r = test.data;
  return (
    <>
      <button className="button" disabled={test.isPending} onClick={() => test.mutate()}>{test.isPending ? "Sending…" : "Send test"}</button>
      {r && <Dialog title={`Test of ${channel.name}`} onClose={() => test.reset()} footer={<button className="button primary" onClick={() => test.reset()}>Close</button>}>
        <div className="stack" style={{ gap: 8 }}>
          <div className={`banner ${r.ok ? "info" : "error"}`} role="status"><Icon name={r.ok ? "check" : "error"} /><span>{r.ok ? `Delivered: the receiver answered ${r.status}.` : r.status ? `The receiver refused it with ${r.status}.` : r.error}</span></div>
          {r.answer && <><span className="muted label">Its answer</span><pre className="text" style={{ maxHeight: 200 }}>{r.answer}</pre></>}
        </div>
      </Dialog>}
    </>
  );
}

function ChannelForm({ channel, email, onClose }: { channel: Channel | null; email: boolean; onClose: () => void }) {
  const ws = useWs();
  const client = useQueryClient();
  const [kind, setKind] = useState<Kind>(channel?.kind ?? "webhook");
  const save = useMutation({
    mutationFn: (body: Schemas["ChannelSpec"]) => (channel ? api.put("/w/{ws}/channels/{channel_id}", { path: { ws, channel_id: channel.channel_id }, body }) : api.post("/w/{ws}/channels", { path: { ws }, body })),
    onSuccess: (c) => { void client.invalidateQueries({ queryKey: channelsKey(ws) }); toast(`${c.name} saved`); onClose(); },
  });
  return (
    <Dialog title={channel ? `Channel ${channel.name}` : "Add a channel"} onClose={onClose}>
      <form className="stack" onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget), text = (k: string) => String(f.get(k) ?? "").trim();
        save.mutate({ name: text("name"), kind, ...(kind === "email" ? { to: text("to").split(/[\s,;]+/).filter(Boolean) } : { url: text("url") }), ...(kind === "webhook" ? { secret: text("secret") } : {}) });
      }}>
        {save.error && <div className="banner error" role="alert"><Icon name="error" />{save.error.message}</div>}
        {!channel && <Segments label="Kind" value={kind} onChange={setKind} options={Object.entries(kinds) as [Kind, string][]} />}
        {kind === "email" && !email && <div className="banner warning"><Icon name="warning" /><span>This server sends no e-mail yet: start it with <code>--smtp-url smtp://user:password@host:587?from=address</code>.</span></div>}
        <div className="field"><label htmlFor="channel-name">Name</label><input id="channel-name" name="name" className="input" required maxLength={200} defaultValue={channel?.name} autoFocus placeholder="ops" /></div>
        {kind === "email" ? <div className="field"><label htmlFor="channel-to">Addresses, separated by spaces or commas</label><textarea id="channel-to" name="to" className="input" rows={2} required defaultValue={channel?.target} placeholder="ops@example.com" /></div>
          : <div className="field"><label htmlFor="channel-url">URL</label><input id="channel-url" name="url" className="input" type="url" required={!(channel && kind === "slack")} maxLength={1000} defaultValue={kind === "webhook" ? channel?.target : ""} placeholder={kind === "slack" ? (channel ? "unchanged" : "https://hooks.slack.com/services/…") : "https://example.com/hook"} autoComplete="off" /></div>}
        {kind === "webhook" && <div className="field"><label htmlFor="channel-secret">Shared secret, with which messages are signed</label><input id="channel-secret" name="secret" className="input" type="password" maxLength={1000} autoComplete="new-password" placeholder={channel?.signed ? "unchanged while the URL is" : "none: not signed"} /></div>}
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button primary" disabled={save.isPending}>Save</button></div>
      </form>
    </Dialog>
  );
}
