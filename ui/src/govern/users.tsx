import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas } from "../api/client";
import { A } from "../app/link";
import { toast, toastError } from "../app/toast";
import { to, useWs } from "../app/url";
import { clock, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Menu } from "../kit/menu";
import { Chip, ConfirmName, Dialog, Time } from "../kit/states";
import { administers, may, useSession } from "../session/session";

type User = Schemas["User"];
type Role = Schemas["Role"];
export const roles: [Role, string][] = [["admin", "everything, people included"], ["editor", "log, change and delete work"], ["approver", "edit, and decide promotions"], ["annotator", "read, and score"], ["viewer", "read"]];
export const everywhere = "*";

type Patch = { display_name?: string; role?: Role | ""; everywhere?: boolean; disabled?: boolean; password?: string };

function useUserChanges() {
  const ws = useWs();
  const client = useQueryClient();
  const again = () => { void client.invalidateQueries({ queryKey: ["people", ws] }); void client.invalidateQueries({ queryKey: ["tokens", ws] }); };
  const update = useMutation({
    mutationFn: (v: { user: User; patch: Patch; done: string }) => api.patch("/w/{ws}/people/{user_id}", { path: { ws, user_id: v.user.user_id }, body: v.patch }),
    onSuccess: (_, v) => { again(); toast(v.done); },
    onError: (e) => { toastError(e); again(); },
  });
  const remove = useMutation({
    mutationFn: (user: User) => api.delete("/w/{ws}/people/{user_id}", { path: { ws, user_id: user.user_id } }),
    onSuccess: (_, user) => { again(); toast(`${user.username} deleted`); },
    onError: toastError,
  });
  return { update, remove };
}

export function Users({ users, tokens }: { users: User[]; tokens: Schemas["Token"][] }) {
  const ws = useWs();
  const session = useSession();
  const [asked, setAsked] = useState<{ what: "disable" | "password" | "delete" | "name"; user: User } | null>(null);
  const { update, remove } = useUserChanges();
  const admin = may(session, ws, "admin"), server = administers(session);
  const close = () => setAsked(null);
  return (
    <div className="card"><div className="people"><table className="plain"><thead><tr><th scope="col">Name</th><th scope="col">Role in {ws}</th><th scope="col">Elsewhere</th><th scope="col">State</th><th scope="col">Last seen</th><th scope="col">Since</th><th scope="col"><span className="sr">Actions</span></th></tr></thead>
      <tbody>{users.map((u) => {
        const all = u.roles[everywhere], others = Object.entries(u.roles).filter(([w]) => w !== ws && w !== everywhere);
        return (
          <tr key={u.user_id}>
            <td><b dir="auto">{u.display_name || u.username}</b>{u.display_name && <span className="muted"> {u.username}</span>}{session.user?.user_id === u.user_id && <span className="muted"> (you)</span>}</td>
            <td>{admin && !(all && !server) ? <select className="input" aria-label={`Role of ${u.username}`} value={all ?? u.role} onChange={(e) => update.mutate({ user: u, patch: { role: e.target.value as Role, ...(all ? { everywhere: true } : {}) }, done: `${u.username} is ${e.target.value}${all ? " everywhere" : ""}` })}>{roles.map(([r, what]) => <option key={r} value={r} title={what}>{r}</option>)}</select> : u.role}{all && <Chip tone="outline">everywhere</Chip>}</td>
            <td>{others.length ? others.map(([w, r]) => <A key={w} className="chip outline" href={to(w, "people")}>{w}: {r}</A>) : <span className="muted">—</span>}</td>
            <td>{u.disabled ? <span className="status warning">Disabled</span> : <span className="status ok">Active</span>}</td>
            <td>{u.last_seen_ms ? <Time ms={u.last_seen_ms} /> : "never"}</td><td>{clock(u.created_ms)}</td>
            <td className="num"><UserMenu user={u} admin={admin} server={server} onAsk={(what) => setAsked({ what, user: u })} onChange={(patch, done) => update.mutate({ user: u, patch, done })} /></td>
          </tr>
        );
      })}</tbody></table></div>
      {asked?.what === "disable" && <Disable user={asked.user} tokens={tokens.filter((t) => t.created_by === asked.user.username)} onClose={close} onConfirm={() => update.mutate({ user: asked.user, patch: { disabled: true }, done: `${asked.user.username} is disabled` })} />}
      {asked?.what === "password" && <NewPassword user={asked.user} onClose={close} />}
      {asked?.what === "name" && <Rename user={asked.user} onClose={close} onSave={(display_name) => update.mutate({ user: asked.user, patch: { display_name }, done: "Name changed" })} />}
      {asked?.what === "delete" && <ConfirmName title="Delete account" name={asked.user.username} consequence="The account goes, its sessions end, and the service tokens it made are revoked. What it did stays in the audit log under its name." onConfirm={() => remove.mutate(asked.user)} onClose={close} />}
    </div>
  );
}

function UserMenu({ user, admin, server, onAsk, onChange }: { user: User; admin: boolean; server: boolean; onAsk: (what: "disable" | "password" | "delete" | "name") => void; onChange: (patch: Patch, done: string) => void }) {
  const ws = useWs();
  const session = useSession();
  const [open, setOpen] = useState(false);
  if (!admin) return null;
  const item = (label: string, run: () => void, danger = false) => <button className="menu-item" style={danger ? { color: "var(--error)" } : undefined} onClick={() => { setOpen(false); run(); }}>{label}</button>;
  return (
    <Menu open={open} onToggle={setOpen} focusFirst label={`More for ${user.username}`} button={<Icon name="more" />}>
      <div style={{ width: 240, textAlign: "left" }}>
        {item("Change the shown name", () => onAsk("name"))}
        {item("Set a new password", () => onAsk("password"))}
        <A className="menu-item" href={`${to(ws, "audit")}?actor=${encodeURIComponent(user.username)}`}>What they did</A>
        {server && (user.roles[everywhere] ? item("Only this workspace", () => onChange({ role: "", everywhere: true }, `${user.username} no longer has a role everywhere`)) : item(`${user.role} in every workspace`, () => onChange({ role: user.role, everywhere: true }, `${user.username} is ${user.role} everywhere`)))}
        {user.roles[ws] && item(`Take the role in ${ws} away`, () => onChange({ role: "" }, `${user.username} has no role in ${ws} of its own`))}
        {user.disabled ? item("Enable", () => onChange({ disabled: false }, `${user.username} is enabled`)) : session.user?.user_id !== user.user_id && item("Disable…", () => onAsk("disable"))}
        {session.user?.user_id !== user.user_id && item("Delete the account…", () => onAsk("delete"), true)}
      </div>
    </Menu>
  );
}

function Disable({ user, tokens, onConfirm, onClose }: { user: User; tokens: Schemas["Token"][]; onConfirm: () => void; onClose: () => void }) {
  return (
    <Dialog title={`Disable ${user.username}`} onClose={onClose} footer={<><button className="button" onClick={onClose}>Cancel</button><button className="button danger primary" autoFocus onClick={() => { onConfirm(); onClose(); }}>Disable</button></>}>
      <div className="stack">
        <p>Their sessions end at once and they cannot sign in. This can be taken back.</p>
        {tokens.length > 0 ? (
          <div className="banner warning"><Icon name="warning" /><div><b>{plural(tokens.length, "service token")} they made here {tokens.length === 1 ? "is" : "are"} refused too</b>, until they are enabled again. Replace what uses {tokens.length === 1 ? "it" : "them"} first:
            <ul>{tokens.map((t) => <li key={t.token_id}><b dir="auto">{t.name}</b> {t.role}, {t.last_used_ms ? <>last used <Time ms={t.last_used_ms} /></> : "never used"}</li>)}</ul></div></div>
        ) : <p className="muted">They made no service token in this workspace.</p>}
      </div>
    </Dialog>
  );
}

/** A failed change shown above its form, in the server's words. */
export function Refused({ error }: { error: Error | null }) {
  return error && <div className="banner error" role="alert"><Icon name="error" />{error.message}</div>;
}

function NewPassword({ user, onClose }: { user: User; onClose: () => void }) {
  const ws = useWs();
  const save = useMutation({
    mutationFn: (password: string) => api.patch("/w/{ws}/people/{user_id}", { path: { ws, user_id: user.user_id }, body: { password } }),
    onSuccess: () => { toast(`${user.username} has a new password`); onClose(); },
  });
  return (
    <Dialog title={`New password for ${user.username}`} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); save.mutate(String(new FormData(e.currentTarget).get("password"))); }}>
        <Refused error={save.error} />
        <p>Their sessions end. Tell them the password by a way you trust, and to change it.</p>
        <input type="text" name="username" autoComplete="username" value={user.username} readOnly hidden />
        <div className="field"><label htmlFor="set-password">Password, at least 10 characters</label><input id="set-password" name="password" type="password" className="input" required minLength={10} autoComplete="new-password" autoFocus /></div>
        <FormEnd onClose={onClose} pending={save.isPending} label="Set password" />
      </form>
    </Dialog>
  );
}

function Rename({ user, onSave, onClose }: { user: User; onSave: (name: string) => void; onClose: () => void }) {
  return (
    <Dialog title={`Shown name of ${user.username}`} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); onSave(String(new FormData(e.currentTarget).get("name")).trim()); onClose(); }}>
        <div className="field"><label htmlFor="shown-name">Name; empty shows the user name</label><input id="shown-name" name="name" className="input" defaultValue={user.display_name} maxLength={200} dir="auto" autoFocus /></div>
        <FormEnd onClose={onClose} pending={false} label="Save" />
      </form>
    </Dialog>
  );
}

export function FormEnd({ onClose, pending, label }: { onClose: () => void; pending: boolean; label: string }) {
  return <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button primary" disabled={pending}>{label}</button></div>;
}

export function RoleField({ most }: { most?: Role | undefined }) {
  const rank: Role[] = ["viewer", "annotator", "editor", "approver", "admin"];
  const offered = roles.filter(([r]) => !most || rank.indexOf(r) <= rank.indexOf(most));
  return <div className="field"><label htmlFor="role">Role</label><select id="role" name="role" className="input" defaultValue={offered.some(([r]) => r === "editor") ? "editor" : offered[0]![0]}>{offered.map(([r, what]) => <option key={r} value={r}>{r}: {what}</option>)}</select></div>;
}

export function AddUser({ onClose }: { onClose: () => void }) {
  const ws = useWs();
  const client = useQueryClient();
  const add = useMutation({
    mutationFn: (body: { username: string; password: string; display_name: string; role: Role }) => api.post("/w/{ws}/people", { path: { ws }, body }),
    onSuccess: (u) => { void client.invalidateQueries({ queryKey: ["people", ws] }); toast(`${u.username} added`); onClose(); },
  });
  return (
    <Dialog title={`Add a person to ${ws}`} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); const f = new FormData(e.currentTarget), text = (n: string) => String(f.get(n)); add.mutate({ username: text("username"), display_name: text("name").trim(), password: text("password"), role: f.get("role") as Role }); }}>
        <Refused error={add.error} />
        <div className="field"><label htmlFor="new-user">User name</label><input id="new-user" name="username" className="input" required autoFocus autoComplete="off" maxLength={100} /></div>
        <div className="field"><label htmlFor="new-name">Shown name (may be empty)</label><input id="new-name" name="name" className="input" autoComplete="off" maxLength={200} dir="auto" /></div>
        <div className="field"><label htmlFor="new-password">First password, at least 10 characters</label><input id="new-password" name="password" type="password" className="input" required minLength={10} autoComplete="new-password" /></div>
        <RoleField />
        <FormEnd onClose={onClose} pending={add.isPending} label="Add" />
      </form>
    </Dialog>
  );
}
