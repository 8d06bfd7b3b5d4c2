// People with their roles, and service tokens, shown once.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { toast, toastError } from "../app/toast";
import { useUrl, useWs } from "../app/url";
import { clock } from "../kit/format";
import { Icon } from "../kit/icons";
import { ConfirmName, Dialog, Empty, Lines, Load, Status, Tabs, Time } from "../kit/states";
import { FirstUserForm } from "../session/login";
import { may, useSession } from "../session/session";

const roles: [Schemas["Role"], string][] = [["admin", "everything, people included"], ["editor", "log, change and delete work"], ["approver", "edit, and decide promotions"], ["annotator", "read, and score"], ["viewer", "read"]];

export default function PeoplePage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const session = useSession();
  const [dialog, setDialog] = useState<"first" | "user" | "token" | null>(null);
  const tab = search.tab === "tokens" ? "tokens" : "people";
  useCrumbs({ label: "People" });
  const people = useQuery({ queryKey: ["people", ws], queryFn: ({ signal }) => api.get("/w/{ws}/people", { path: { ws }, signal }) });
  const tokens = useQuery({ queryKey: ["tokens", ws], queryFn: ({ signal }) => api.get("/w/{ws}/tokens", { path: { ws }, signal }) });
  const admin = may(session, ws, "admin");
  return (
    <div className="page scroll">
      <div className="page-head"><h1 className="grow">People</h1>
        {session.setup_needed ? <button className="button primary" onClick={() => setDialog("first")}><Icon name="plus" />Create the first account</button>
          : admin && <button className="button primary" onClick={() => setDialog(tab === "people" ? "user" : "token")}><Icon name="plus" />{tab === "people" ? "Add a person" : "New token"}</button>}
      </div>
      <div style={{ padding: "0 16px" }}><Tabs label="People and tokens" current={tab} onSelect={(t) => set({ tab: t === "people" ? undefined : t })} tabs={[{ id: "people", label: "People", n: people.data?.users.length }, { id: "tokens", label: "Service tokens", n: tokens.data?.tokens.length }]} /></div>
      <div className="page-body" style={{ paddingTop: 16 }} role="tabpanel" aria-label={tab}>
        {session.setup_needed && <div className="banner info"><Icon name="people" /><span>No account exists, so everyone on this machine can do everything and nobody else can connect. From the first account on, every protocol asks for credentials.</span></div>}
        {tab === "people" ? <Load query={people}>{(d) => (d.users.length === 0 ? <Empty title="Nobody yet" code={`assay user add rima --role admin`} /> : <Users users={d.users} admin={admin} />)}</Load>
          : <Load query={tokens}>{(d) => (d.tokens.length === 0 ? <Empty title="No service tokens" text="A token lets CI and agents in without a person's password." code={`export MLFLOW_TRACKING_TOKEN=…          # MLflow\nexport OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer …"   # OTLP`} /> : <Tokens tokens={d.tokens} admin={admin} />)}</Load>}
      </div>
      {dialog === "first" && <Dialog title="Create the first account" onClose={() => setDialog(null)}><FirstUserForm onDone={() => setDialog(null)} /></Dialog>}
      {dialog === "user" && <AddUser onClose={() => setDialog(null)} />}
      {dialog === "token" && <AddToken onClose={() => setDialog(null)} />}
    </div>
  );
}

function Users({ users, admin }: { users: Schemas["User"][]; admin: boolean }) {
  const ws = useWs();
  const client = useQueryClient();
  const update = useMutation({
    mutationFn: (v: { user_id: string; role?: Schemas["Role"]; disabled?: boolean }) => api.patch("/w/{ws}/people/{user_id}", { path: { ws, user_id: v.user_id }, body: { ...(v.role ? { role: v.role } : {}), ...(v.disabled === undefined ? {} : { disabled: v.disabled }) } }),
    onSuccess: (u) => { void client.invalidateQueries({ queryKey: ["people", ws] }); toast(`${u.username} is ${u.disabled ? "disabled" : u.role}`); },
    onError: (e) => { toastError(e); void client.invalidateQueries({ queryKey: ["people", ws] }); },
  });
  return (
    <div className="card" style={{ overflow: "auto" }}><table className="plain"><thead><tr><th scope="col">Name</th><th scope="col">Role</th><th scope="col">State</th><th scope="col">Last seen</th><th scope="col">Since</th><th scope="col"><span className="sr">Actions</span></th></tr></thead>
      <tbody>{users.map((u) => (
        <tr key={u.user_id}>
          <td><b dir="auto">{u.display_name || u.username}</b>{u.display_name && <span className="muted"> {u.username}</span>}</td>
          <td>{admin ? <select className="input" aria-label={`Role of ${u.username}`} value={u.role} onChange={(e) => update.mutate({ user_id: u.user_id, role: e.target.value as Schemas["Role"] })}>{roles.map(([r]) => <option key={r}>{r}</option>)}</select> : u.role}</td>
          <td>{u.disabled ? <span className="status warning">Disabled</span> : <span className="status ok">Active</span>}</td>
          <td><Time ms={u.last_seen_ms} /></td><td>{clock(u.created_ms)}</td>
          <td className="num">{admin && <button className="link" onClick={() => update.mutate({ user_id: u.user_id, disabled: !u.disabled })}>{u.disabled ? "Enable" : "Disable"}</button>}</td>
        </tr>
      ))}</tbody></table></div>
  );
}

function RoleField() {
  return <div className="field"><label htmlFor="role">Role</label><select id="role" name="role" className="input" defaultValue="editor">{roles.map(([r, what]) => <option key={r} value={r}>{r}: {what}</option>)}</select></div>;
}

function AddUser({ onClose }: { onClose: () => void }) {
  const ws = useWs();
  const client = useQueryClient();
  const add = useMutation({
    mutationFn: (body: { username: string; password: string; role: Schemas["Role"] }) => api.post("/w/{ws}/people", { path: { ws }, body }),
    onSuccess: (u) => { void client.invalidateQueries({ queryKey: ["people", ws] }); toast(`${u.username} added`); onClose(); },
  });
  return (
    <Dialog title="Add a person" onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); const f = new FormData(e.currentTarget); add.mutate({ username: String(f.get("username")), password: String(f.get("password")), role: f.get("role") as Schemas["Role"] }); }}>
        {add.error && <div className="banner error" role="alert"><Icon name="error" />{add.error.message}</div>}
        <div className="field"><label htmlFor="new-user">User name</label><input id="new-user" name="username" className="input" required autoFocus autoComplete="off" maxLength={100} /></div>
        <div className="field"><label htmlFor="new-password">First password, at least 10 characters</label><input id="new-password" name="password" type="password" className="input" required minLength={10} autoComplete="new-password" /></div>
        <RoleField />
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button primary" disabled={add.isPending}>Add</button></div>
      </form>
    </Dialog>
  );
}

function AddToken({ onClose }: { onClose: () => void }) {
  const ws = useWs();
  const client = useQueryClient();
  const { server } = useSession();
  const add = useMutation({
    mutationFn: (body: { name: string; role: Schemas["Role"]; expires_ms: number | null }) => api.post("/w/{ws}/tokens", { path: { ws }, body }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["tokens", ws] }),
  });
  if (add.data) return (
    <Dialog title={`Token ${add.data.name}`} onClose={onClose} footer={<button className="button primary" onClick={onClose}>Done</button>}>
      <div className="stack"><div className="banner warning"><Icon name="warning" />Copy it now: it is not shown again.</div><Lines code={add.data.secret} label="Copy the token" /><Lines code={`export MLFLOW_TRACKING_URI=${server.address}\nexport MLFLOW_TRACKING_TOKEN=${add.data.secret}`} /></div>
    </Dialog>
  );
  return (
    <Dialog title="New service token" onClose={onClose}>
      <form className="stack" onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget), days = Number(f.get("days"));
        add.mutate({ name: String(f.get("name")), role: f.get("role") as Schemas["Role"], expires_ms: days ? Date.now() + days * 86400e3 : null });
      }}>
        {add.error && <div className="banner error" role="alert"><Icon name="error" />{add.error.message}</div>}
        <div className="field"><label htmlFor="token-name">What it is for</label><input id="token-name" name="name" className="input" required autoFocus maxLength={100} placeholder="ci" /></div>
        <RoleField />
        <div className="field"><label htmlFor="days">Expires</label><select id="days" name="days" className="input" defaultValue="90"><option value="30">in 30 days</option><option value="90">in 90 days</option><option value="365">in a year</option><option value="0">never</option></select></div>
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button primary" disabled={add.isPending}>Create</button></div>
      </form>
    </Dialog>
  );
}

function Tokens({ tokens, admin }: { tokens: Schemas["Token"][]; admin: boolean }) {
  const ws = useWs();
  const client = useQueryClient();
  const [going, setGoing] = useState<Schemas["Token"] | null>(null);
  const revoke = useMutation({
    mutationFn: (token_id: string) => api.delete("/w/{ws}/tokens/{token_id}", { path: { ws, token_id } }),
    onSuccess: () => { void client.invalidateQueries({ queryKey: ["tokens", ws] }); toast("Token revoked"); },
    onError: toastError,
  });
  const expired = (t: Schemas["Token"]) => t.expires_ms !== null && t.expires_ms < Date.now();
  return (
    <div className="card" style={{ overflow: "auto" }}><table className="plain"><thead><tr><th scope="col">Name</th><th scope="col">Begins with</th><th scope="col">Role</th><th scope="col">By</th><th scope="col">Last used</th><th scope="col">Expires</th><th scope="col"><span className="sr">Actions</span></th></tr></thead>
      <tbody>{tokens.map((t) => <tr key={t.token_id}><td><b dir="auto">{t.name}</b></td><td><code>{t.hint}…</code></td><td>{t.role}</td><td>{t.created_by}</td><td>{t.last_used_ms ? <Time ms={t.last_used_ms} /> : "never"}</td><td>{expired(t) ? <Status value="canceled" /> : t.expires_ms ? <Time ms={t.expires_ms} /> : "never"}</td><td className="num">{admin && <button className="link" style={{ color: "var(--error)" }} onClick={() => setGoing(t)}>Revoke</button>}</td></tr>)}</tbody></table>
      {going && <ConfirmName title="Revoke token" name={going.name} consequence="Whatever uses this token is refused from the next request on." onConfirm={() => revoke.mutate(going.token_id)} onClose={() => setGoing(null)} />}
    </div>
  );
}
