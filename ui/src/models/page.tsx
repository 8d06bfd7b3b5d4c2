// Registered models.
import { useMemo } from "react";
import { useCrumbs } from "../app/crumbs";
import { A, useGo } from "../app/link";
import { to, useUrl, useWs } from "../app/url";
import { CopyAs } from "../kit/copyas";
import { count, line, plural } from "../kit/format";
import { Chip, Empty, Load, Time } from "../kit/states";
import { type Column, DataTable } from "../kit/table";
import { useSession } from "../session/session";
import { type Model, useModels } from "./data";
import { SavedViews } from "../views/saved";

export default function ModelsPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const go = useGo();
  const { server } = useSession();
  const q = search.q ?? "", order = search.sort ?? "-updated_ms";
  const rows = useModels(ws, q, order);
  useCrumbs({ label: "Models" });
  const href = (m: Model) => to(ws, "models", m.name);
  const columns = useMemo((): Column<Model>[] => [
    { id: "name", header: "Name", width: 280, pinned: true, sort: "name", cell: (m) => <A className="name" href={href(m)} tabIndex={-1}>{m.name}</A> },
    { id: "versions", header: "Versions", width: 90, num: true, cell: (m) => count(m.versions) },
    { id: "latest", header: "Latest", width: 80, num: true, cell: (m) => (m.latest_version ? <A href={to(ws, "models", m.name, m.latest_version)} tabIndex={-1}>v{m.latest_version}</A> : "—") },
    { id: "aliases", header: "Aliases", width: 240, cell: (m) => <span className="row" style={{ gap: 4 }}>{m.aliases.map((a) => <Chip key={a.alias} tone="accent">@{a.alias} → v{a.version}</Chip>)}</span> },
    { id: "updated", header: "Updated", width: 120, sort: "updated_ms", cell: (m) => <Time ms={m.updated_ms} /> },
    { id: "description", header: "Description", width: 320, cell: (m) => <span title={m.description}>{line(m.description)}</span> },
    { id: "tags", header: "Tags", width: 240, cell: (m) => <span className="row" style={{ gap: 4 }}>{Object.entries(m.tags).map(([k, v]) => <Chip key={k} title={`${k} = ${v}`}>{k} = {v}</Chip>)}</span> },
  ], [ws]);
  return (
    <div className="page">
      <div className="page-head"><h1>Models</h1><SavedViews page="models" /><span className="grow" />
        <CopyAs icon cli={["model", "list", ...(q ? ["--name", q] : [])]} call={{ path: `/w/${encodeURIComponent(ws)}/models`, query: { q, limit: 100 } }} mlflow="print(mlflow.search_registered_models())" /></div>
      <div className="toolbar"><input className="input grow" style={{ maxWidth: 420 }} aria-label="Search models" placeholder="Search names" value={q} onChange={(e) => set({ q: e.target.value }, { replace: true })} /></div>
      <div className="list"><Load query={rows} rows={8}>{(d) => {
        const all = d.pages.flatMap((p) => p.models);
        if (all.length === 0) return q ? <Empty title={`No model is named like “${q}”`} /> : <Empty title="No models yet" text="Log, import or train one." code={`import mlflow\nmlflow.set_tracking_uri("${server.address}")\nmlflow.langchain.log_model(lc_model="agent.py", name="agent", registered_model_name="finance-assistant")`} />;
        return <DataTable name="models" label="Models" columns={columns} rows={all} getId={(m) => m.name} href={href} onOpen={(m) => go(href(m))} sort={order} onSort={(s) => set({ sort: s })}
          more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }}
          card={(m) => <><span className="row"><b className="clip grow">{m.name}</b>{m.aliases.slice(0, 2).map((a) => <Chip key={a.alias} tone="accent">@{a.alias}</Chip>)}</span><span className="muted label">{plural(m.versions, "version")} · <Time ms={m.updated_ms} /></span></>} />;
      }}</Load></div>
    </div>
  );
}
