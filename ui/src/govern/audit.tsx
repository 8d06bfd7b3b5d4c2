// The audit log: who did what, when, from where.
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, type Schemas } from "../api/client";
import { useCrumbs } from "../app/crumbs";
import { useUrl, useWs } from "../app/url";
import { clock, dateTime } from "../kit/format";
import { Json } from "../kit/json";
import { Dialog, Empty, Load, Time } from "../kit/states";
import { type Column, DataTable } from "../kit/table";

type Entry = Schemas["AuditEntry"];

export default function AuditPage() {
  const ws = useWs();
  const { search, set } = useUrl();
  const [open, setOpen] = useState<Entry | null>(null);
  useCrumbs({ label: "Audit" });
  const { actor, action } = search;
  const rows = useInfiniteQuery({
    queryKey: ["audit", ws, actor, action],
    queryFn: ({ pageParam, signal }) => api.get("/w/{ws}/audit", { path: { ws }, query: { limit: 200, ...(actor ? { actor } : {}), ...(action ? { action } : {}), ...(pageParam ? { page_token: pageParam } : {}) }, signal }),
    initialPageParam: "",
    getNextPageParam: (p) => p.next_page_token || undefined,
    placeholderData: keepPreviousData,
  });
  const columns = useMemo((): Column<Entry>[] => [
    { id: "time", header: "Time", width: 140, pinned: true, cell: (e) => <Time ms={e.time_ms} short={clock(e.time_ms)} /> },
    { id: "actor", header: "Who", width: 150, cell: (e) => <>{e.actor || e.actor_kind}{e.actor_kind === "token" && <span className="muted"> token</span>}</> },
    { id: "action", header: "What", width: 220, cell: (e) => <code>{e.action}</code> },
    { id: "object", header: "On", width: 320, cell: (e) => <><span className="muted">{e.object_kind}</span> {e.object_id}</> },
    { id: "address", header: "From", width: 140, cell: (e) => e.address },
    { id: "request", header: "Request", width: 160, cell: (e) => <code>{e.request_id}</code> },
    { id: "seq", header: "No.", width: 80, num: true, cell: (e) => e.seq },
  ], []);
  return (
    <div className="page">
      <div className="page-head"><h1>Audit</h1></div>
      <div className="toolbar">
        <input className="input" aria-label="Who" placeholder="Who" defaultValue={actor} key={`a${actor}`} onKeyDown={(e) => { if (e.key === "Enter") set({ actor: e.currentTarget.value }); }} />
        <input className="input" aria-label="Action begins with" placeholder="Action begins with" defaultValue={action} key={`b${action}`} onKeyDown={(e) => { if (e.key === "Enter") set({ action: e.currentTarget.value }); }} />
      </div>
      <div className="list"><Load query={rows} rows={12}>{(d) => {
        const all = d.pages.flatMap((p) => p.entries);
        if (all.length === 0) return <Empty title={actor || action ? "No entry matches" : "Nothing was changed yet"} />;
        return <DataTable name="audit" label="Audit log" columns={columns} rows={all} getId={(e) => String(e.seq)} onOpen={setOpen} more={{ has: rows.hasNextPage, loading: rows.isFetchingNextPage, load: () => void rows.fetchNextPage() }}
          card={(e) => <><span className="row"><code className="clip grow">{e.action}</code><span className="muted label"><Time ms={e.time_ms} /></span></span><span className="muted label clip">{e.actor || e.actor_kind} · {e.object_kind} {e.object_id}</span></>} />;
      }}</Load></div>
      {open && <Dialog title={open.action} onClose={() => setOpen(null)}><div className="stack">
        <dl className="dl"><dt>Who</dt><dd>{open.actor || "—"} ({open.actor_kind})</dd><dt>When</dt><dd>{dateTime(open.time_ms)}</dd><dt>On</dt><dd>{open.object_kind} {open.object_id}</dd><dt>From</dt><dd>{open.address || "—"}</dd><dt>Before</dt><dd className="mono">{open.before_hash ?? "—"}</dd><dt>After</dt><dd className="mono">{open.after_hash ?? "—"}</dd></dl>
        <Json value={open.detail} label="What changed" />
      </div></Dialog>}
    </div>
  );
}
