// The audit log: who did what, when, from where, and what it changed.
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, type Schemas, url } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { A } from "../app/link";
import { parseTime, to, useUrl, useWs } from "../app/url";
import { CopyAs } from "../kit/copyas";
import { DiffView } from "../kit/diffview";
import { clock, dateTime } from "../kit/format";
import { Icon } from "../kit/icons";
import { Json } from "../kit/json";
import { Chip, Dialog, Empty, Load, Segments, Time } from "../kit/states";
import { type Column, DataTable } from "../kit/table";

type Entry = Schemas["AuditEntry"];
const ranges = [["", "All time"], ["-24h", "Day"], ["-7d", "Week"], ["-30d", "Month"]] as const;

/** Where the object of an entry is shown; null if it has no page. */
export function objectPath(ws: string, kind: string, id: string): string | null {
  switch (kind) {
    case "run": return to(ws, "runs", id);
    case "trace": return to(ws, "traces", id);
    case "experiment": return `${to(ws, "runs")}?exp=${encodeURIComponent(id)}`;
    case "registered_model": return to(ws, "models", id);
    case "prompt": return to(ws, "prompts", id);
    case "model_version": {
      const at = id.lastIndexOf("/");
      return at > 0 ? to(ws, "models", id.slice(0, at), id.slice(at + 1)) : null;
    }
    case "user": return to(ws, "people");
    case "token": return `${to(ws, "people")}?tab=tokens`;
    case "workspace": return `${to(ws, "people")}?tab=workspaces`;
    case "dataset": case "evaluation_dataset": return to(ws, "datasets", id);
    case "job": return `${to(ws, "jobs")}?job=${encodeURIComponent(id)}`;
    default: return null;
  }
}

export default function AuditPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  useCrumbs({ label: "Audit" });
  const { actor, action, kind, object } = search;
  const range = ranges.some(([v]) => v === search.from) ? search.from! : "";
  const from = parseTime(range);
  const query = { ...(actor ? { actor } : {}), ...(action ? { action } : {}), ...(kind ? { object_kind: kind } : {}), ...(object ? { object_id: object } : {}), ...(from ? { from_ms: from } : {}) };
  const rows = useInfiniteQuery({
    queryKey: ["audit", ws, query],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/audit", { path: { ws }, query: { limit: 200, ...query, ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    placeholderData: keepPreviousData,
  });
  const all = useMemo(() => rows.data?.pages.flatMap((p) => p.entries) ?? [], [rows.data]);
  const open = search.entry ? all.find((e) => String(e.seq) === search.entry) : undefined;
  const show = (e: Entry | null) => set({ entry: e ? String(e.seq) : undefined }, { replace: !e });
  const columns = useMemo((): Column<Entry>[] => [
    { id: "time", header: "Time", width: 140, pinned: true, cell: (e) => <Time ms={e.time_ms} short={clock(e.time_ms)} /> },
    { id: "actor", header: "Who", width: 150, cell: (e) => <Actor e={e} /> },
    { id: "action", header: "What", width: 220, cell: (e) => <code>{e.action}</code> },
    { id: "object", header: "On", width: 340, cell: (e) => <span className="clip"><span className="muted">{words(e.object_kind)}</span> <Target ws={ws} e={e} /></span> },
    { id: "address", header: "From", width: 140, cell: (e) => e.address || "—" },
    { id: "request", header: "Request", width: 160, cell: (e) => <code>{e.request_id || "—"}</code> },
    { id: "seq", header: "No.", width: 80, num: true, cell: (e) => e.seq },
  ], [ws]);
  const filtered = Object.keys(query).length > 0;
  const file = (format: string) => url("/w/{ws}/audit/export", { ws }, { ...query, format });
  return (
    <div className="page">
      <div className="page-head">
        <h1>Audit</h1>
        <Segments label="Time range" value={range} onChange={(v) => set({ from: v })} options={ranges} />
        <span className="grow" />
        <a className="button" href={file("csv")} download><Icon name="download" />CSV</a>
        <a className="button" href={file("jsonl")} download>JSONL</a>
        <CopyAs cli={["audit", "list", ...(actor ? ["--actor", actor] : []), ...(action ? ["--action", action] : []), ...(kind ? ["--object-kind", kind] : []), ...(object ? ["--object", object] : []), ...(range ? ["--since", range.slice(1)] : [])]}
          call={{ path: `/w/${encodeURIComponent(ws)}/audit`, query: { ...query, limit: 200 } }} />
      </div>
      <form className="toolbar audit-filter" role="search" key={[actor, action, kind, object].join("\n")} onSubmit={(e) => {
        e.preventDefault();
        const f = new FormData(e.currentTarget), text = (name: string) => String(f.get(name)).trim();
        set({ actor: text("actor"), action: text("action"), kind: text("kind"), object: text("object"), entry: undefined });
      }}>
        <input className="input" name="actor" aria-label="Who" placeholder="Who" defaultValue={actor} />
        <input className="input" name="action" aria-label="Action begins with" placeholder="Action begins with, e.g. token." defaultValue={action} list="audit-actions" />
        <datalist id="audit-actions">{[...new Set(all.map((e) => e.action))].map((a) => <option key={a} value={a} />)}</datalist>
        <input className="input" name="kind" aria-label="Kind of object" placeholder="Kind of object" defaultValue={kind} list="audit-kinds" />
        <datalist id="audit-kinds">{[...new Set(all.map((e) => e.object_kind))].map((a) => <option key={a} value={a} />)}</datalist>
        <input className="input" name="object" aria-label="Object id" placeholder="Object id" defaultValue={object} />
        <button className="button">Filter</button>
        {filtered && <button type="button" className="button" onClick={() => set({ actor: undefined, action: undefined, kind: undefined, object: undefined, from: undefined })}>Clear</button>}
      </form>
      <div className="list"><Load query={rows} rows={12}>{() => {
        if (all.length === 0) return <Empty title={filtered ? "No entry matches" : "Nothing was changed yet"} text={filtered ? undefined : "Deletions, promotions, accounts, tokens and settings leave an entry here that nobody can change."} />;
        return <DataTable name="audit" label="Audit log" columns={columns} rows={all} getId={(e) => String(e.seq)} onOpen={show} more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }}
          card={(e) => <><span className="row"><code className="clip grow">{e.action}</code><span className="muted label"><Time ms={e.time_ms} /></span></span><span className="muted label clip">{e.actor || e.actor_kind} · {words(e.object_kind)} {e.object_id}</span></>} />;
      }}</Load></div>
      {open && <EntryDialog e={open} ws={ws} onClose={() => show(null)} onFilter={(patch) => set({ ...patch, entry: undefined })} />}
    </div>
  );
}

const words = (s: string) => s.replaceAll("_", " ");

function Actor({ e }: { e: Entry }) {
  return <><span dir="auto">{e.actor || e.actor_kind}</span>{e.actor_kind === "token" && <span className="muted"> token</span>}</>;
}

function Target({ ws, e }: { ws: string; e: Entry }) {
  const path = objectPath(ws, e.object_kind, e.object_id);
  return path ? <A href={path} tabIndex={-1} onClick={(ev) => ev.stopPropagation()}>{e.object_id}</A> : <>{e.object_id}</>;
}

function EntryDialog({ e, ws, onClose, onFilter }: { e: Entry; ws: string; onClose: () => void; onFilter: (patch: Record<string, string>) => void }) {
  const { before, after, ...rest } = e.detail as { before?: unknown; after?: unknown };
  const text = (v: unknown) => (v === undefined ? "" : JSON.stringify(v, null, 2));
  const changed = before !== undefined || after !== undefined;
  return (
    <Dialog title={<code>{e.action}</code>} onClose={onClose} className="wide"><div className="stack">
      <dl className="dl">
        <dt>Who</dt><dd><Actor e={e} /> <button className="link" onClick={() => onFilter({ actor: e.actor })}>everything of theirs</button></dd>
        <dt>When</dt><dd>{dateTime(e.time_ms)}</dd>
        <dt>On</dt><dd>{words(e.object_kind)} <Target ws={ws} e={e} /> <button className="link" onClick={() => onFilter({ kind: e.object_kind, object: e.object_id })}>its history</button></dd>
        <dt>From</dt><dd>{e.address || "—"}</dd>
        <dt>Request</dt><dd className="mono">{e.request_id || "—"}</dd>
        <dt>Hashes</dt><dd className="row wrap"><Chip tone="outline" title={e.before_hash ?? "there was nothing"}>before {e.before_hash?.slice(0, 12) ?? "—"}</Chip><Chip tone="outline" title={e.after_hash ?? "there is nothing"}>after {e.after_hash?.slice(0, 12) ?? "—"}</Chip></dd>
      </dl>
      {changed && <DiffView before={text(before)} after={text(after)} names={["Before", "After"]} />}
      {!changed && (e.before_hash || e.after_hash) && <p className="muted">The object was too large to keep a copy; the hashes cover all of it.</p>}
      {Object.keys(rest).length > 0 && <Json value={rest} label="Details" />}
    </div></Dialog>
  );
}
