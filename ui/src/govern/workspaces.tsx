import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas } from "../api/client";
import { A } from "../app/link";
import { toast, toastError } from "../app/toast";
import { to, useWs } from "../app/url";
import { ConfirmName, Dialog } from "../kit/states";
import { administers, may, sessionKey, useSession } from "../session/session";
import { FormEnd, Refused } from "./users";

type Workspace = Schemas["Workspace"];

export function Workspaces() {
  const ws = useWs();
  const session = useSession();
  const client = useQueryClient();
  const [asked, setAsked] = useState<{ what: "edit" | "delete"; workspace: Workspace } | null>(null);
  const server = administers(session);
  const remove = useMutation({
    mutationFn: (workspace: string) => api.delete("/workspaces/{workspace}", { path: { workspace } }),
    onSuccess: (_, name) => { void client.invalidateQueries({ queryKey: sessionKey }); toast(`Workspace ${name} deleted`); },
    onError: toastError,
  });
  return (
    <div className="card" style={{ overflow: "auto" }}><table className="plain"><thead><tr><th scope="col">Name</th><th scope="col">What it is for</th><th scope="col">Your role</th><th scope="col"><span className="sr">Actions</span></th></tr></thead>
      <tbody>{session.workspaces.map((w) => (
        <tr key={w.name}>
          <td>{w.name === ws ? <b>{w.name} (here)</b> : <A href={to(w.name)}><b>{w.name}</b></A>}</td>
          <td dir="auto">{w.description || <span className="muted">—</span>}</td>
          <td>{session.auth_required ? w.role : "everyone may everything"}</td>
          <td className="num"><span className="row" style={{ justifyContent: "flex-end" }}>
            {may(session, w.name, "admin") && <button className="link" onClick={() => setAsked({ what: "edit", workspace: w })} aria-label={`Describe ${w.name}`}>Describe</button>}
            {server && w.name !== "default" && w.name !== ws && <button className="link" style={{ color: "var(--error)" }} onClick={() => setAsked({ what: "delete", workspace: w })} aria-label={`Delete ${w.name}`}>Delete</button>}
          </span></td>
        </tr>
      ))}</tbody></table>
      {asked?.what === "edit" && <Describe workspace={asked.workspace} onClose={() => setAsked(null)} />}
      {asked?.what === "delete" && <ConfirmName title="Delete workspace" name={asked.workspace.name} consequence="Only an empty workspace can be deleted." onConfirm={() => remove.mutate(asked.workspace.name)} onClose={() => setAsked(null)} />}
    </div>
  );
}

function Describe({ workspace, onClose }: { workspace: Workspace; onClose: () => void }) {
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (description: string) => api.patch("/workspaces/{workspace}", { path: { workspace: workspace.name }, body: { description } }),
    onSuccess: () => { void client.invalidateQueries({ queryKey: sessionKey }); onClose(); },
  });
  return (
    <Dialog title={`Workspace ${workspace.name}`} onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); save.mutate(String(new FormData(e.currentTarget).get("description"))); }}>
        <Refused error={save.error} />
        <div className="field"><label htmlFor="description">What it is for</label><textarea id="description" name="description" className="input" rows={3} maxLength={4000} defaultValue={workspace.description} dir="auto" autoFocus onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.currentTarget.form?.requestSubmit(); }} /></div>
        <FormEnd onClose={onClose} pending={save.isPending} label="Save" />
      </form>
    </Dialog>
  );
}

export function AddWorkspace({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const add = useMutation({
    mutationFn: (body: { name: string; description: string }) => api.post("/workspaces", { body }),
    onSuccess: (w) => { void client.invalidateQueries({ queryKey: sessionKey }); toast(`Workspace ${w.name} created`); onClose(); },
  });
  return (
    <Dialog title="New workspace" onClose={onClose}>
      <form className="stack" onSubmit={(e) => { e.preventDefault(); const f = new FormData(e.currentTarget); add.mutate({ name: String(f.get("name")), description: String(f.get("description")) }); }}>
        <Refused error={add.error} />
        <p className="muted">Experiments, traces, models, prompts and tokens of one workspace are not seen from another.</p>
        <div className="field"><label htmlFor="workspace-name">Name: a–z, 0–9 and -</label><input id="workspace-name" name="name" className="input" required pattern="[a-z0-9][a-z0-9\-]{0,62}" autoComplete="off" autoFocus /></div>
        <div className="field"><label htmlFor="workspace-about">What it is for (may be empty)</label><input id="workspace-about" name="description" className="input" maxLength={4000} dir="auto" /></div>
        <FormEnd onClose={onClose} pending={add.isPending} label="Create" />
      </form>
    </Dialog>
  );
}
