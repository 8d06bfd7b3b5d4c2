// Registered prompts.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { to, useUrl, useWs } from "../app/url";
import { count, line, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Chip, Dialog, Empty, Load, Time } from "../kit/states";
import { type Column, DataTable } from "../kit/table";
import { may, useSession } from "../session/session";
import { type Prompt, promptsKey, usePrompts } from "./data";
import { SavedViews } from "../views/saved";

export default function PromptsPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const go = useGo();
  const session = useSession();
  const [creating, setCreating] = useState(false);
  const q = search.q ?? "", order = search.sort ?? "-updated_ms";
  const rows = usePrompts(ws, q, order);
  useCrumbs({ label: "Prompts" });
  const href = (p: Prompt) => to(ws, "prompts", p.name);
  const columns = useMemo((): Column<Prompt>[] => [
    { id: "name", header: "Name", width: 280, pinned: true, sort: "name", cell: (p) => <A className="name" href={href(p)} tabIndex={-1}>{p.name}</A> },
    { id: "versions", header: "Versions", width: 90, num: true, cell: (p) => count(p.versions) },
    { id: "aliases", header: "Aliases", width: 260, cell: (p) => <span className="row" style={{ gap: 4 }}>{p.aliases.map((a) => <Chip key={a.alias} tone="accent">@{a.alias} → v{a.version}</Chip>)}</span> },
    { id: "updated", header: "Updated", width: 120, sort: "updated_ms", cell: (p) => <Time ms={p.updated_ms} /> },
    { id: "description", header: "Description", width: 300, cell: (p) => <span title={p.description}>{line(p.description)}</span> },
    { id: "tags", header: "Tags", width: 320, cell: (p) => <span className="row" style={{ gap: 4 }}>{Object.entries(p.tags).map(([k, v]) => <Chip key={k} title={`${k} = ${v}`}>{k} = {v}</Chip>)}</span> },
  ], [ws]);
  return (
    <div className="page">
      <div className="page-head"><h1 className="grow">Prompts</h1><SavedViews page="prompts" />{may(session, ws, "editor") && <button className="button primary" onClick={() => setCreating(true)}><Icon name="plus" />New prompt</button>}</div>
      <div className="toolbar"><input className="input grow" style={{ maxWidth: 420 }} aria-label="Search prompts" placeholder="Search names" value={q} onChange={(e) => set({ q: e.target.value }, { replace: true })} /></div>
      <div className="list"><Load query={rows} rows={8}>{(d) => {
        const all = d.pages.flatMap((p) => p.prompts);
        if (all.length === 0) return q ? <Empty title={`No prompt is named like “${q}”`} /> : <Empty title="No prompts yet" text="Register the prompt your agent already uses." code={`import mlflow\nmlflow.set_tracking_uri("${session.server.address}")\nmlflow.genai.register_prompt(name="assistant-system-prompt", template="You are …")`} />;
        return <DataTable name="prompts" label="Prompts" columns={columns} rows={all} getId={(p) => p.name} href={href} onOpen={(p) => go(href(p))} sort={order} onSort={(s) => set({ sort: s })}
          more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }}
          card={(p) => <><span className="row"><b className="clip grow">{p.name}</b>{p.aliases.slice(0, 2).map((a) => <Chip key={a.alias} tone="accent">@{a.alias}</Chip>)}</span><span className="muted label">{plural(p.versions, "version")} · <Time ms={p.updated_ms} /></span></>} />;
      }}</Load></div>
      {creating && <NewVersion onClose={() => setCreating(false)} />}
    </div>
  );
}

/** A first version of a new prompt, or the next of a known one. */
export function NewVersion({ name, template = "", onClose }: { name?: string; template?: string; onClose: () => void }) {
  const ws = useWs();
  const go = useGo();
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (v: { name: string; template: string; commit_message: string }) => api.post("/w/{ws}/prompts/{name}/versions", { path: { ws, name: v.name }, body: { template: v.template, commit_message: v.commit_message } }),
    onSuccess: (v) => { void client.invalidateQueries({ queryKey: promptsKey(ws) }); onClose(); go(`${to(ws, "prompts", v.name)}?v=${v.version}`); },
  });
  return (
    <Dialog title={name ? `New version of ${name}` : "New prompt"} onClose={onClose}>
      <form className="stack" style={{ gap: 10 }} onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget);
        save.mutate({ name: name ?? String(f.get("name")).trim(), template: String(f.get("template")), commit_message: String(f.get("message")) });
      }} onKeyDown={(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.currentTarget.requestSubmit(); }}>
        {save.error && <div className="banner error" role="alert"><Icon name="error" />{save.error.message}</div>}
        {!name && <div className="field"><label htmlFor="prompt-name">Name</label><input id="prompt-name" name="name" className="input" required pattern="[A-Za-z0-9._\-]+" title="Letters, digits, dots, dashes and underscores" autoFocus /></div>}
        <div className="field"><label htmlFor="prompt-template">Template; variables in double braces</label><textarea id="prompt-template" name="template" className="input mono" rows={12} required defaultValue={template} /></div>
        <div className="field"><label htmlFor="prompt-message">What changed</label><input id="prompt-message" name="message" className="input" /></div>
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="button" className="button" onClick={onClose}>Cancel</button><button className="button primary" disabled={save.isPending}>Save version</button></div>
      </form>
    </Dialog>
  );
}
