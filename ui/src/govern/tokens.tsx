import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas } from "../api/client";
import { toast, toastError } from "../app/toast";
import { useWs } from "../app/url";
import { Icon } from "../kit/icons";
import { ConfirmName, Dialog, Lines, Time } from "../kit/states";
import { roleIn, useSession } from "../session/session";
import { FormEnd, Refused, RoleField } from "./users";

type Token = Schemas["Token"];

/** Makes a token; its secret is shown this once. */
export function AddToken({ onClose }: { onClose: () => void }) {
  const ws = useWs();
  const client = useQueryClient();
  const session = useSession();
  const add = useMutation({
    mutationFn: (body: { name: string; role: Schemas["Role"]; expires_ms: number | null }) => api.post("/w/{ws}/tokens", { path: { ws }, body }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["tokens", ws] }),
  });
  const address = session.server.address;
  if (add.data) return (
    <Dialog title={`Token ${add.data.name}`} onClose={onClose} footer={<button className="button primary" onClick={onClose}>Done</button>}>
      <div className="stack"><div className="banner warning" role="alert"><Icon name="warning" />Copy it now: it is not shown again.</div><Lines code={add.data.secret} label="Copy the token" /><Lines label="Copy the settings" code={`export MLFLOW_TRACKING_URI=${address}\nexport MLFLOW_TRACKING_TOKEN=${add.data.secret}\nexport ASSAY_SERVER=${address} ASSAY_TOKEN=${add.data.secret}`} /></div>
    </Dialog>
  );
  return (
    <Dialog title={`New service token in ${ws}`} onClose={onClose}>
      <form className="stack" onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget), days = Number(f.get("days"));
        add.mutate({ name: String(f.get("name")), role: f.get("role") as Schemas["Role"], expires_ms: days ? Date.now() + days * 86400e3 : null });
      }}>
        <Refused error={add.error} />
        <div className="field"><label htmlFor="token-name">What it is for</label><input id="token-name" name="name" className="input" required autoFocus maxLength={100} placeholder="ci" autoComplete="off" /></div>
        <RoleField most={session.auth_required ? roleIn(session, ws) : undefined} />
        <div className="field"><label htmlFor="days">Expires</label><select id="days" name="days" className="input" defaultValue="90"><option value="30">in 30 days</option><option value="90">in 90 days</option><option value="365">in a year</option><option value="0">never</option></select></div>
        <FormEnd onClose={onClose} pending={add.isPending} label="Create" />
      </form>
    </Dialog>
  );
}

export function Tokens({ tokens }: { tokens: Token[] }) {
  const ws = useWs();
  const client = useQueryClient();
  const [going, setGoing] = useState<Token | null>(null);
  const revoke = useMutation({
    mutationFn: (token_id: string) => api.delete("/w/{ws}/tokens/{token_id}", { path: { ws, token_id } }),
    onSuccess: () => { void client.invalidateQueries({ queryKey: ["tokens", ws] }); toast("Token revoked"); },
    onError: toastError,
  });
  return (
    <div className="card" style={{ overflow: "auto" }}><table className="plain"><thead><tr><th scope="col">Name</th><th scope="col">Begins with</th><th scope="col">Role</th><th scope="col">By</th><th scope="col">State</th><th scope="col">Last used</th><th scope="col">Expires</th><th scope="col"><span className="sr">Actions</span></th></tr></thead>
      <tbody>{tokens.map((t) => <tr key={t.token_id}><td><b dir="auto">{t.name}</b></td><td><code>{t.hint}…</code></td><td>{t.role}</td><td>{t.created_by || "—"}</td><td><State token={t} /></td><td>{t.last_used_ms ? <Time ms={t.last_used_ms} /> : "never"}</td><td>{t.expires_ms ? <Time ms={t.expires_ms} /> : "never"}</td><td className="num"><button className="link" style={{ color: "var(--error)" }} onClick={() => setGoing(t)} aria-label={`Revoke ${t.name}`}>Revoke</button></td></tr>)}</tbody></table>
      {going && <ConfirmName title="Revoke token" name={going.name} action="Revoke" consequence="Whatever uses this token is refused from the next request on." onConfirm={() => revoke.mutate(going.token_id)} onClose={() => setGoing(null)} />}
    </div>
  );
}

function State({ token }: { token: Token }) {
  if (token.expires_ms !== null && token.expires_ms < Date.now()) return <span className="status warning">Expired</span>;
  if (token.suspended) return <span className="status warning" title={`${token.created_by}, who made it, is disabled`}>Suspended</span>;
  return <span className="status ok">Valid</span>;
}
