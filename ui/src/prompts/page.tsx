// Registered prompts.
import { useMemo, useState } from "react";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { to, useUrl, useWs } from "../app/url";
import { count, line, plural } from "../kit/format";
import { Icon } from "../kit/icons";
import { Chip, Empty, hint, Load, Time } from "../kit/states";
import { type Column, DataTable } from "../kit/table";
import { may, useSession } from "../session/session";
import { useShortcut } from "../app/shortcuts";
import { type Prompt, usePrompts } from "./data";
import { NewVersion } from "./newversion";
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
  useShortcut("filter", () => document.getElementById("prompt-search")?.focus());
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
      <div className="toolbar"><input id="prompt-search" className="input grow" style={{ maxWidth: 420 }} aria-label="Search prompts" placeholder="Search names" title={hint("Search names", "filter")} value={q} onChange={(e) => set({ q: e.target.value }, { replace: true })} /></div>
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
